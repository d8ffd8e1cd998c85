"""Whatever is given for whichever argument: a result, or an error of ours that says which."""

from __future__ import annotations

import datetime
import decimal
import fractions
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from sor import cont_kukanov as ck

if TYPE_CHECKING:
    from collections.abc import Callable

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

HOSTILE: list[Any] = [
    *(None, True, 0, -1, 1.5, float("nan"), float("inf"), 10**400, 2**63, -(2**63)),
    *("", "soon", b"x", "\0", [], {}, (), {1}, [None], [[]], {"a": 1}, {1: 2}),
    *(np.int64(3), np.array([1, 2]), np.array(["a"]), np.datetime64("NaT"), np.timedelta64("NaT")),
    *(datetime.date(2024, 1, 2), datetime.timedelta(seconds=-1), decimal.Decimal("0.1")),
    *(fractions.Fraction(1, 3), 1j, object(), int, range(0), pl.DataFrame(), pl.Series([1])),
    *(sor.Order("buy", 5), ORDERS, sor.Market(), sor.Run(), QUOTES),
    *([sor.Order("buy", 5), 3], ["sweep"], ["sweep", "sweep"], {"a": "sweep", "b": "twap"}, {"": "sweep"}),
]

TWO: dict[str, Any] = {"quotes": QUOTES, "orders": ORDERS}
STUDY, BACKTEST = sor.study(QUOTES, ORDERS), sor.backtest(QUOTES, ORDERS)
DRAWN: dict[str, Any] = {"n": 2, "venues": 2, "seed": 1}
CALLS: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
    "backtest": (sor.backtest, TWO),
    "study": (sor.study, TWO),
    "search": (sor.search, TWO | {"grid": {"lambda_under": [0.001, 0.002]}}),
    "stress": (sor.stress, TWO | {"markets": {"base": {}}}),
    "Order": (sor.Order, {"side": "buy", "quantity": 5}),
    "Venue": (sor.Venue, {"id": 1}),
    "Offer": (sor.Offer, {"price": 1.0, "size": 1}),
    **{
        kind.__name__: (kind, {})
        for kind in (
            *(sor.StaticRouter, sor.ContKukanovRouter, sor.Twap, sor.Book, sor.QueueAware, sor.Market),
            *(sor.Run, sor.Bootstrap, sor.RandomPoints, sor.Refine),
        )
    },
    "orders_every": (sor.orders_every, {"every": "1m", "quantity": 5, "side": "buy", "horizon": "1m"}),
    "execute_order": (sor.execute_order, {"quantity": 5, "venue": (1.0, 100)}),
    "allocate": (sor.allocate, {"quantity": 500, "offers": [(1.0, 100)]}),
    "simulate_quotes": (sor.simulate_quotes, {"minutes": 0.1}),
    "probe_outflows": (sor.probe_outflows, {"quotes": QUOTES, "quantity": 100}),
    "read_venues": (sor.read_venues, {"source": None}),
    "Parameters": (ck.Parameters, PARAMETERS),
    "solve": (ck.solve, {"scenarios": XI, "parameters": PROBLEM}),
    "calibrate": (ck.calibrate, {"scenarios": XI, "parameters": PROBLEM, "under": 1.0}),
    "cost": (ck.cost, {"allocation": [1.0, 1.0, 1.0], "scenarios": XI, "parameters": PROBLEM}),
    "market_order": (ck.market_order, {"limits": [1.0, 2.0], "scenarios": XI, "parameters": PROBLEM}),
    "closed_form": (ck.closed_form, {"law": [1.0, 2.0], "parameters": PROBLEM}),
    "poisson": (ck.poisson_common_factor, DRAWN | {"mean": 1.0, "weight": 0.5}),
    "exponential": (ck.exponential, DRAWN | {"mean": 1.0}),
    "gamma": (ck.gamma, DRAWN | {"shape": 1.0, "scale": 1.0}),
    "by": (STUDY.by, {"what": "spread"}),
    "worst": (STUDY.worst, {}),
    "interval": (STUDY.interval, {"against": "sweep"}),
    "explain": (BACKTEST.explain, {"child": 0}),
    "policy": (BACKTEST.__getitem__, {"name": "router"}),
}
# Values that ask for more than a test has time for, and no error.
LONG = {("simulate_quotes", "minutes"), ("simulate_quotes", "rate"), ("simulate_quotes", "records")}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_a_result_or_an_error_of_ours(name: str) -> None:
    call, right = CALLS[name]
    call(**right)
    for argument in inspect.signature(call).parameters:
        for value in HOSTILE:
            if (name, argument) in LONG:
                continue
            try:
                call(**(right | {argument: value}))
            except (sor.SorError, FileNotFoundError, IsADirectoryError):
                continue
            except Exception as error:
                pytest.fail(f"{name}({argument}={value!r}): {type(error).__name__}: {error}")
