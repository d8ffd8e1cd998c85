"""Smart order router backtest: Cont & Kukanov's cost model on recorded quotes, against honest baselines."""

from sor import cont_kukanov
from sor._core import __version__
from sor.allocate import Allocation, Offer, allocate
from sor.backtest import Backtest, backtest
from sor.compare import DEFAULT_SCENARIOS, Comparison, compare
from sor.data import read_quotes, read_trades
from sor.errors import DataError, ParameterError, SorError
from sor.fills import execute_order
from sor.outflows import probe_outflows
from sor.params import (
    Book,
    ContKukanovRouter,
    Displayed,
    Order,
    OrderSchedule,
    QueueAware,
    StaticRouter,
    Venue,
    orders_every,
)
from sor.replay import BASELINES, Ledger
from sor.search import DEFAULT_GRID, Search, grid_search
from sor.selection import Selection, search
from sor.simulate import simulate_quotes
from sor.study import Study, rolling_orders, study
from sor.tape import Quotes, QuotesReport, Trades
from sor.venues import read_venues

__all__ = [
    "BASELINES",
    "DEFAULT_GRID",
    "DEFAULT_SCENARIOS",
    "Allocation",
    "Backtest",
    "Book",
    "Comparison",
    "ContKukanovRouter",
    "DataError",
    "Displayed",
    "Ledger",
    "Offer",
    "Order",
    "OrderSchedule",
    "ParameterError",
    "QueueAware",
    "Quotes",
    "QuotesReport",
    "Search",
    "Selection",
    "SorError",
    "StaticRouter",
    "Study",
    "Trades",
    "Venue",
    "__version__",
    "allocate",
    "backtest",
    "compare",
    "cont_kukanov",
    "execute_order",
    "grid_search",
    "orders_every",
    "probe_outflows",
    "read_quotes",
    "read_trades",
    "read_venues",
    "rolling_orders",
    "search",
    "simulate_quotes",
    "study",
]
