"""Smart order router backtest: Cont & Kukanov's cost model on recorded quotes, against honest baselines."""

import importlib
from typing import TYPE_CHECKING, Any

from sor._core import FillChild, FillQuote, Orders, Report, View, __version__
from sor.errors import (
    DataError,
    FillError,
    MissingExtra,
    ParameterError,
    PolicyError,
    SorError,
    SorWarning,
)
from sor.replay.execute import execute_order
from sor.replay.ledger import Ledger
from sor.replay.schedules import trajectory
from sor.replay.snapshot import Allocation, Allocations, Offer, allocate, allocate_many
from sor.results.backtest import Backtest
from sor.results.policy_view import PolicyView
from sor.settings.children import Children
from sor.settings.compiled import Compiled
from sor.settings.fills import CompiledFill, Displayed, FillFunction, FillTable, QueueAware
from sor.settings.market import Book, Market, Venue
from sor.settings.orders import Order, OrderSchedule, orders_every
from sor.settings.policy import Policy
from sor.settings.routers import (
    BASELINES,
    POLICIES,
    BestAsk,
    ContKukanovRouter,
    ProRata,
    Sliced,
    StaticRouter,
    Sweep,
)
from sor.settings.run import Bootstrap, Run
from sor.settings.schedules import AlmgrenChriss, Pov, Timetable, Twap, Vwap
from sor.studies.backtest import backtest
from sor.tape.read import read_quotes, read_trades
from sor.tape.tape import Quotes, QuotesReport, Trades
from sor.tape.venues import read_venues

if TYPE_CHECKING:
    from sor import cont_kukanov
    from sor.cont_kukanov.outflows import probe_outflows
    from sor.results.search import Search
    from sor.results.stress import Stress
    from sor.results.study import Study
    from sor.settings.objective import Cvar, MeanStd, Quantile, Std
    from sor.show.book import plot_quotes
    from sor.studies.grid import DEFAULT_GRID
    from sor.studies.methods import Optuna, RandomPoints, Refine
    from sor.studies.search import search
    from sor.studies.steps import Step, Steps, steps
    from sor.studies.stress import DEFAULT_MARKETS, stress
    from sor.studies.study import study
    from sor.tape.simulate import simulate_quotes
    from sor.tape.volume import volume_curve
    from sor.universe.again import diff, load, rerun
    from sor.universe.result import UniverseStudy
    from sor.universe.searching import UniverseSearch
    from sor.universe.stressed import UniverseStress
    from sor.universe.universe import Universe

__all__ = [
    "BASELINES",
    "DEFAULT_GRID",
    "DEFAULT_MARKETS",
    "POLICIES",
    "Allocation",
    "Allocations",
    "AlmgrenChriss",
    "Backtest",
    "BestAsk",
    "Book",
    "Bootstrap",
    "Children",
    "Compiled",
    "CompiledFill",
    "ContKukanovRouter",
    "Cvar",
    "DataError",
    "Displayed",
    "FillChild",
    "FillError",
    "FillFunction",
    "FillQuote",
    "FillTable",
    "Ledger",
    "Market",
    "MeanStd",
    "MissingExtra",
    "Offer",
    "Optuna",
    "Order",
    "OrderSchedule",
    "Orders",
    "ParameterError",
    "Policy",
    "PolicyError",
    "PolicyView",
    "Pov",
    "ProRata",
    "Quantile",
    "QueueAware",
    "Quotes",
    "QuotesReport",
    "RandomPoints",
    "Refine",
    "Report",
    "Run",
    "Search",
    "Sliced",
    "SorError",
    "SorWarning",
    "StaticRouter",
    "Std",
    "Step",
    "Steps",
    "Stress",
    "Study",
    "Sweep",
    "Timetable",
    "Trades",
    "Twap",
    "Universe",
    "UniverseSearch",
    "UniverseStress",
    "UniverseStudy",
    "Venue",
    "View",
    "Vwap",
    "__version__",
    "allocate",
    "allocate_many",
    "backtest",
    "cont_kukanov",
    "diff",
    "execute_order",
    "load",
    "orders_every",
    "plot_quotes",
    "probe_outflows",
    "read_quotes",
    "read_trades",
    "read_venues",
    "rerun",
    "search",
    "simulate_quotes",
    "steps",
    "stress",
    "study",
    "trajectory",
    "volume_curve",
]

# Half of the import is for those who search, study or have many tapes: it waits until they ask. By name, the file.
_LATER = {
    "DEFAULT_GRID": "studies.grid",
    "DEFAULT_MARKETS": "studies.stress",
    "Search": "results.search",
    "Stress": "results.stress",
    "Study": "results.study",
    "Universe": "universe.universe",
    "UniverseSearch": "universe.searching",
    "plot_quotes": "show.book",
    "probe_outflows": "cont_kukanov.outflows",
    "search": "studies.search",
    "simulate_quotes": "tape.simulate",
    "stress": "studies.stress",
    "study": "studies.study",
    "volume_curve": "tape.volume",
    **dict.fromkeys(("Cvar", "MeanStd", "Quantile", "Std"), "settings.objective"),
    **dict.fromkeys(("Optuna", "RandomPoints", "Refine"), "studies.methods"),
    **dict.fromkeys(("Step", "Steps", "steps"), "studies.steps"),
    "UniverseStress": "universe.stressed",
    "UniverseStudy": "universe.result",
    **dict.fromkeys(("diff", "load", "rerun"), "universe.again"),
}


def __getattr__(name: str) -> Any:
    if name == "cont_kukanov":
        return importlib.import_module("sor.cont_kukanov")
    if name not in _LATER:
        raise AttributeError(f"module 'sor' has no attribute {name!r}")
    globals()[name] = found = getattr(importlib.import_module(f"sor.{_LATER[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, "cont_kukanov"})
