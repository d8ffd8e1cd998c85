"""Smart order router backtest: Cont & Kukanov's cost model on recorded quotes, against honest baselines."""

from sor import cont_kukanov
from sor._core import __version__
from sor.cont_kukanov.outflows import probe_outflows
from sor.errors import DataError, ParameterError, SorError
from sor.replay.allocate import Allocation, Offer, allocate
from sor.replay.fills import execute_order
from sor.replay.replay import BASELINES, Ledger
from sor.settings.params import (
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
from sor.studies.backtest import Backtest, backtest
from sor.studies.grid import DEFAULT_GRID, Search, grid_search
from sor.studies.search import Selection, search
from sor.studies.stress import DEFAULT_SCENARIOS, Comparison, compare
from sor.studies.study import Study, rolling_orders, study
from sor.tape.read import read_quotes, read_trades
from sor.tape.simulate import simulate_quotes
from sor.tape.tape import Quotes, QuotesReport, Trades
from sor.tape.venues import read_venues

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
