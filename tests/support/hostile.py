"""Hostile arguments: one table of every public callable with arguments that are right, and values that are not.

A name that is exported must be in `CALLS`, or in `MADE` if no user calls it (`tests/test_hostile_arguments.py`).
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import inspect
import itertools
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import sor
from mutations import in_currency, trades
from sor import cont_kukanov as ck
from sor.errors import shown

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

SECONDS = 10.0
"""A call that takes longer hangs."""

ALLOWED = (sor.SorError, FileNotFoundError, IsADirectoryError, PermissionError)
"""What a wrong argument may raise: an error of ours, or what `read_quotes` documents of paths."""

QUOTES = sor.simulate_quotes(minutes=3, venues=3, price=20.0, spread=4.0)
ORDERS = sor.orders_every("1m", side="buy", quantity=2_000, horizon="1m")
PARAMETERS: dict[str, Any] = {
    "h": 0.02,
    "f": 0.003,
    "r": 0.002,
    "lambda_under": 0.05,
    "lambda_over": 0.05,
    "S": 10,
    "Q": 2,
}
PROBLEM = ck.Parameters(**PARAMETERS)
XI = [[1.0, 2.0], [3.0, 0.0]]
TWO: dict[str, Any] = {"quotes": QUOTES, "orders": ORDERS}
SOLVED: dict[str, Any] = {"scenarios": XI, "parameters": PROBLEM}
DRAWN: dict[str, Any] = {"n": 2, "venues": 2, "seed": 1}
READ: dict[str, Any] = {"source": in_currency()}
TAPE = sor.read_quotes(in_currency())
PRINTS: dict[str, Any] = {
    "source": trades().with_columns(venue=pl.lit("V1")).drop("publisher_id"),
    "quotes": TAPE,
}
MIX = ck.Allocation(market=1.0, limits=(2.0,))
STUDY, BACKTEST = sor.study(QUOTES, ORDERS), sor.backtest(QUOTES, ORDERS)
SEARCH = sor.search(QUOTES, ORDERS, grid={"lambda_under": [0.001, 0.002]})
STRESS = sor.stress(QUOTES, ORDERS, markets={"base": {}})
MANY: dict[str, Any] = {"quantities": [500, 700], "prices": [[1.0, 1.01]] * 2, "sizes": [[300, 400]] * 2}

FOLDER = tempfile.TemporaryDirectory()
DAYS = Path(FOLDER.name) / "{date}_{symbol}.parquet"
for date in ("20240102", "20240103"):
    TAPE.write(Path(FOLDER.name) / f"{date}_X.parquet")
UNIVERSE = sor.Universe(str(DAYS))
DAILY = sor.study(UNIVERSE, sor.orders_every("1s", side="buy", quantity=100, horizon="1s"), ["sweep", "twap"])
CHOSEN = sor.search(UNIVERSE, sor.Order("buy", 100), grid={"lambda_under": [0.001]})
CHANGED = sor.stress(UNIVERSE, sor.Order("buy", 100), markets={"base": {}})
SAVED = Path(FOLDER.name) / "saved"
DAILY.save(SAVED)


class Raising:
    """What raises whatever is asked of it."""

    def _raise(self, *_: object) -> Any:
        raise RuntimeError("hostile")

    __float__ = __int__ = __index__ = __len__ = __iter__ = __eq__ = __fspath__ = __array__ = _raise
    __hash__ = None  # type: ignore[assignment]


class BytesPath:
    """A path whose name is bytes."""

    def __fspath__(self) -> bytes:
        return b"nowhere.csv"


HOSTILE: list[Any] = [
    *(None, True, False, 0, -1, 1, 7, 1.5, -0.0, 5e-324, 1e-9, 1e308, -1e308, float("nan"), float("inf"), 10**400),
    *(2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**15, 10**15 + 1, 10**9),
    *("", "soon", "1h", "5", "-1s", "1e9s", "9" * 400, "\0", "\ud800", "é" * 50, "a" * 5_000, b"x", bytearray(b"x")),
    *("2024-01-02", "2024-01-02T14:31:00Z", "9999-12-31", "lambda_under", "sweep", "buy", "both", "V1", "spread"),
    *([], {}, (), set(), {1}, [None], [[]], [[[1]]], {"a": 1}, {1: 2}, {None: None}, {"lambda_under": []}, [1, 2]),
    *([0.5, float("nan")], [10**400], ["a", 1], [True], [-1.0, 2.0], [[1.0], [2.0, 3.0]], [(1.0, 100), (2.0, 0)]),
    *(np.int64(3), np.uint64(2**64 - 1), np.float32(0.1), np.float64("nan"), np.bool_(True), np.str_("x")),
    *(np.array(1), np.array([1, 2]), np.array([[1.0, 2.0]]), np.array(["a"]), np.array([None]), np.array([])),
    *(np.array([1 + 1j]), np.zeros((2, 2, 2)), np.array([2**63], dtype=np.uint64), np.array([np.inf, 1.0])),
    *(np.datetime64("NaT"), np.timedelta64("NaT"), np.datetime64("2024-01-02"), np.timedelta64(5, "Y")),
    *(np.datetime64(2**62, "s"), np.timedelta64(1, "s"), datetime.date(2024, 1, 2), datetime.date.max),
    *(datetime.datetime.max, datetime.datetime(2024, 1, 2, 14, 31, tzinfo=datetime.UTC), datetime.time(9, 30)),
    *(datetime.timedelta(seconds=-1), datetime.timedelta.max, datetime.timedelta(seconds=30)),
    *(decimal.Decimal("0.1"), decimal.Decimal("NaN"), decimal.Decimal("1e999"), fractions.Fraction(1, 3), 1j),
    *(BytesPath(), [BytesPath()], [Raising()], Path("no\0where"), "no\0where*"),
    *(object(), Raising(), int, len, range(0), range(3), ..., NotImplemented, (x for x in [1]), iter([])),
    *(lambda *a, **k: None, lambda *a: 1.0, Path(), Path("nowhere.csv")),
    *(pl.DataFrame(), pl.DataFrame({"a": [1]}), pl.Series([1]), pl.Series([None]), pl.LazyFrame(), pl.col("a")),
    *(pl.Series([1, None]), pl.Series(["a"]), pl.Series([10**18]).cast(pl.Datetime("ms")), pl.Int64),
    *(sor.Order("buy", 5), ORDERS, sor.Market(), sor.Run(), sor.Bootstrap(), sor.Book(), sor.QueueAware(), QUOTES),
    *(sor.FillTable([(1, 1, 0.5)]), sor.FillFunction(lambda child, quote: (2**70, quote))),
    *(sor.StaticRouter(), sor.ContKukanovRouter(), sor.Venue(1), sor.Offer(price=1.0, size=1), PROBLEM, STUDY, SEARCH),
    *([sor.Order("buy", 5), 3], ["sweep"], ["sweep", "sweep"], {"a": "sweep", "b": "twap"}, {"": "sweep"}),
    *([sor.Venue("V1")] * 2, [sor.Venue("nowhere")], [QUOTES], [QUOTES, QUOTES], [QUOTES, None], {"a": sor.Market()}),
]  # fmt: skip

OPTIMAL: dict[str, Any] = {"risk_aversion": 1e-6, "volatility": 1.0, "eta": 1e-5}
_KINDS = (
    *(sor.StaticRouter, sor.ContKukanovRouter, sor.Twap, sor.BestAsk, sor.Sweep, sor.ProRata, sor.Book),
    *(
        sor.QueueAware,
        sor.Displayed,
        sor.Market,
        sor.Run,
        sor.Bootstrap,
        sor.RandomPoints,
        sor.Refine,
        sor.Optuna,
        sor.MeanStd,
        sor.Quantile,
        sor.Cvar,
        sor.Std,
    ),
)
CALLS: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
    "backtest": (sor.backtest, TWO),
    "study": (sor.study, TWO),
    "search": (sor.search, TWO | {"grid": {"lambda_under": [0.001, 0.002]}}),
    "stress": (sor.stress, TWO | {"markets": {"base": {}}}),
    "Order": (sor.Order, {"side": "buy", "quantity": 5}),
    "OrderSchedule": (sor.OrderSchedule, {"every": "1m", "quantity": 5, "side": "buy", "horizon": "1m"}),
    "Venue": (sor.Venue, {"id": 1}),
    "Offer": (sor.Offer, {"price": 1.0, "size": 1}),
    **{kind.__name__: (kind, {}) for kind in _KINDS},
    "Sliced": (sor.Sliced, {"router": "sweep", "schedule": "twap:60s"}),
    "Pov": (sor.Pov, {}),
    "Vwap": (sor.Vwap, {"curve": [(0, 1.0)]}),
    "Timetable": (sor.Timetable, {"rows": [(0, 100)]}),
    "AlmgrenChriss": (sor.AlmgrenChriss, OPTIMAL),
    "trajectory": (sor.trajectory, {"schedule": sor.AlmgrenChriss(**OPTIMAL), "quantity": 100, "horizon": "5m"}),
    "volume_curve": (sor.volume_curve, {"trades": sor.read_trades(**PRINTS)}),
    "orders_every": (sor.orders_every, {"every": "1m", "quantity": 5, "side": "buy", "horizon": "1m"}),
    "execute_order": (sor.execute_order, {"quantity": 5, "venue": (1.0, 100)}),
    "allocate": (sor.allocate, {"quantity": 500, "offers": [(1.0, 100)]}),
    "allocate_many": (sor.allocate_many, MANY),
    "simulate_quotes": (sor.simulate_quotes, {"minutes": 0.1}),
    "probe_outflows": (sor.probe_outflows, {"quotes": QUOTES, "quantity": 100}),
    "read_quotes": (sor.read_quotes, READ),
    "read_trades": (sor.read_trades, PRINTS),
    "read_venues": (sor.read_venues, {"source": None}),
    "plot_quotes": (sor.plot_quotes, {"quotes": TAPE}),
    "Backtest.explain": (BACKTEST.explain, {"child": 0}),
    "Backtest.to_json": (BACKTEST.to_json, {}),
    "Backtest.write": (BACKTEST.write, {"path": "fills.txt"}),
    "Backtest[]": (BACKTEST.__getitem__, {"name": "router"}),
    "PolicyView.write": (BACKTEST["sweep"].write, {"path": "fills.txt"}),
    **{
        f"{type(result).__name__}.save": (result.save, {"path": SAVED})
        for result in (BACKTEST, STUDY, SEARCH, STRESS, DAILY, CHOSEN, CHANGED)
    },
    "Search.write": (SEARCH.write, {"path": "table.txt"}),
    "Stress.write": (STRESS.write, {"path": "table.txt"}),
    "Study.write": (STUDY.write, {"path": "table.txt"}),
    "PolicyView.explain": (BACKTEST["sweep"].explain, {"child": 0}),
    "Search.to_json": (SEARCH.to_json, {}),
    "Stress.to_json": (STRESS.to_json, {}),
    "Study.by": (STUDY.by, {"what": "spread"}),
    "Study.explain": (STUDY.explain, {"child": 0}),
    "Study.interval": (STUDY.interval, {"against": "sweep"}),
    "Study.report": (STUDY.report, {"path": "page.txt"}),
    "Study.to_json": (STUDY.to_json, {}),
    "Study.worst": (STUDY.worst, {}),
    "Quotes.in_sessions": (QUOTES.in_sessions, {}),
    "Quotes.report": (QUOTES.report, {}),
    "Quotes.with_trades": (QUOTES.with_trades, {"trades": None}),
    "Quotes.write": (QUOTES.write, {"path": "tape.txt"}),
    "Children": (sor.Children, {"rows": [("2024-01-02T14:31:00Z", "V1", 100)]}),
    "Compiled": (sor.Compiled, {"function": None}),
    "CompiledFill": (sor.CompiledFill, {"function": None}),
    "FillFunction": (sor.FillFunction, {"function": lambda child, quote: (0, quote.price)}),
    "FillTable": (sor.FillTable, {"rows": [(100, 100, 0.5), (100, 200, 0.25)]}),
    "steps": (sor.steps, {"quotes": QUOTES, "order": sor.Order("buy", 100)}),
    "Universe": (sor.Universe, {"quotes": str(DAYS)}),
    "Universe.only": (UNIVERSE.only, {}),
    "Universe.read": (UNIVERSE.read, {}),
    "UniverseStudy.by": (DAILY.by, {"what": "symbol"}),
    "UniverseStudy.interval": (DAILY.interval, {"against": "twap"}),
    "UniverseStudy.report": (DAILY.report, {"path": "page.txt"}),
    "UniverseStudy.to_json": (DAILY.to_json, {}),
    "UniverseSearch.to_json": (CHOSEN.to_json, {}),
    "UniverseStudy.write": (DAILY.write, {"path": "table.txt"}),
    "UniverseSearch.write": (CHOSEN.write, {"path": "table.txt"}),
    "UniverseStress.write": (CHANGED.write, {"path": "table.txt"}),
    "UniverseStress.to_json": (CHANGED.to_json, {}),
    "load": (sor.load, {"path": SAVED}),
    "rerun": (sor.rerun, {"path": SAVED}),
    "diff": (sor.diff, {"one": SAVED, "other": SAVED}),
    "cont_kukanov.Parameters": (ck.Parameters, PARAMETERS),
    "cont_kukanov.solve": (ck.solve, SOLVED),
    "cont_kukanov.calibrate": (ck.calibrate, SOLVED | {"under": 1.0}),
    "cont_kukanov.conditions": (ck.conditions, SOLVED | {"allocation": [1.0, 1.0, 1.0]}),
    "cont_kukanov.cost": (ck.cost, SOLVED | {"allocation": [1.0, 1.0, 1.0]}),
    "cont_kukanov.lower_bound": (ck.lower_bound, SOLVED),
    "cont_kukanov.market_order": (ck.market_order, SOLVED | {"limits": [1.0, 2.0]}),
    "cont_kukanov.closed_form": (ck.closed_form, {"law": [1.0, 2.0], "parameters": PROBLEM}),
    "cont_kukanov.empirical": (ck.empirical, {"outflows": XI, "n": 2, "seed": 1}),
    "cont_kukanov.poisson_common_factor": (ck.poisson_common_factor, DRAWN | {"mean": 1.0, "weight": 0.5}),
    "cont_kukanov.exponential": (ck.exponential, DRAWN | {"mean": 1.0}),
    "cont_kukanov.gamma": (ck.gamma, DRAWN | {"shape": 1.0, "scale": 1.0}),
    "cont_kukanov.pareto": (ck.pareto, DRAWN | {"shape": 2.5, "scale": 1.0}),
    "cont_kukanov.Allocation.in_lots": (MIX.in_lots, {"lot": 1.0}),
}  # fmt: skip
"""Every public callable: what is called, and arguments that are right (or refused for a reason of their own)."""

MADE = {
    *("Allocation", "Allocations", "Backtest", "Ledger", "PolicyView", "Quotes", "QuotesReport", "Search"),
    *("Stress", "Study", "Trades", "UniverseSearch", "UniverseStress", "UniverseStudy"),
    *(
        f"cont_kukanov.{name}"
        for name in ("Allocation", "Bound", "Calibration", "Conditions", "Cost", "Solution")
    ),
    # A policy is derived from one, and is handed the others.
    *("Policy", "Orders", "Report", "View", "Step", "Steps", "PolicyError"),
    # A fill model is handed these.
    *("FillChild", "FillQuote", "FillError"),
    *("SorError", "DataError", "ParameterError", "MissingExtra", "SorWarning"),
}
"""Classes that the package makes and a user only reads."""

LONG = {("simulate_quotes", "minutes"), ("simulate_quotes", "rate"), ("simulate_quotes", "records")}
"""Arguments by which a call may ask for more than there is time for, and for no error."""


def single() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every callable with each of its arguments replaced by each hostile value."""
    for name, (call, _) in CALLS.items():
        for argument in inspect.signature(call).parameters:
            if (name, argument) not in LONG:
                yield from ((name, {argument: value}) for value in HOSTILE)


def several(rng: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield random callables with one to three arguments replaced, without end."""
    table = {
        name: [argument for argument in inspect.signature(call).parameters if (name, argument) not in LONG]
        for name, (call, _) in CALLS.items()
    }
    names = [name for name, arguments in table.items() if arguments]
    while True:
        name = rng.choice(names)
        wrong = rng.sample(table[name], min(len(table[name]), rng.choice([1, 2, 2, 3])))
        yield name, {argument: rng.choice(HOSTILE) for argument in wrong}


def tried(name: str, wrong: dict[str, Any]) -> str | None:
    """Call with wrong arguments; return what is wrong with what came of it, or None."""
    call, right = CALLS[name]
    begun = time.monotonic()
    found = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call(**(right | wrong))
        except ALLOWED:
            pass
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            found = f"{type(error).__name__}: {error}"
    taken = time.monotonic() - begun
    if taken > SECONDS:
        found = f"took {taken:.1f} s"
    return None if found is None else f"{name}({_shown(wrong)}): {found}"[:600]


def wrongs(cases: Iterator[tuple[str, dict[str, Any]]], count: int | None = None) -> list[str]:
    """Try so many cases, or all; return what was wrong, in a folder of their own, as some write files."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return [found for case in itertools.islice(cases, count) if (found := tried(*case)) is not None]
        finally:
            os.chdir(before)


def _shown(wrong: dict[str, Any]) -> str:
    return ", ".join(f"{name}={shown(value)[:80]}" for name, value in wrong.items())
