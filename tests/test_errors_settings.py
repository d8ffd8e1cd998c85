"""Every bad setting and order gets an error that names the argument and says what would be right.

The readers of quotes and trades have theirs in `test_errors_data.py`.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
import sor
from small_tape import ONE_SIDED, ORDER, T0, TAPE, make_tape, raises, run
from sor.settings.times import INT64_MAX
from sor.studies.calls import search_options

SECOND = 1_000_000_000


# The parameter classes

NOT_NUMBERS = [math.nan, math.inf, -math.inf, "0.001", None, True, np.True_, 1j, [0.001], 10**400]


@pytest.mark.parametrize("value", [*NOT_NUMBERS, -0.001, 1.1e6], ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["lambda_over", "lambda_under", "theta_queue"])
def test_penalties(name: str, value: Any) -> None:
    raises(f"{name} must be a", lambda: sor.StaticRouter(**{name: value}))


@pytest.mark.parametrize("value", [0, -1, 1.5, 100.0, "100", None, True, 10**16, math.nan, np.float64(100)])
@pytest.mark.parametrize("name", ["quantity", "lot"])
def test_shares(name: str, value: Any) -> None:
    order = {"quantity": 500} | {name: value}
    raises(f"{name} must be a whole number from 1 to", lambda: sor.Order("buy", **order))
    raises(
        f"{name} must be a whole number from 1 to",
        lambda: sor.orders_every("1m", side="buy", horizon="1m", **order),
    )
    raises(
        f"{name} must be a whole number from 1 to",
        lambda: sor.allocate(order["quantity"], [(100.0, 500)], lot=order.get("lot", 100)),
    )


WRONG_SETTINGS: list[tuple[str, type, dict[str, Any]]] = [
    ("side must be one of 'buy', 'sell', got 'Buy'", sor.Order, {"side": "Buy", "quantity": 1}),
    ("side must be one of", sor.Order, {"side": np.array([1, 2]), "quantity": 1}),
    ("start is 'noon'; expected a datetime", sor.Order, {"side": "buy", "quantity": 1, "start": "noon"}),
    ("start is 1.5; expected", sor.Order, {"side": "buy", "quantity": 1, "start": 1.5}),
    ("horizon must be positive", sor.Order, {"side": "buy", "quantity": 1, "horizon": "0s"}),
    ("horizon is '5'; expected", sor.Order, {"side": "buy", "quantity": 1, "horizon": "5"}),
    ("horizon is datetime", sor.Order, {"side": "buy", "quantity": 1, "horizon": timedelta(days=-1)}),
    ("unit must be one of 'fraction', 'price'", sor.StaticRouter, {"unit": "bps"}),
    ("rule must be one of 'relaxed', 'strict'", sor.StaticRouter, {"rule": "greedy"}),
    ("solver must be one of 'exact', 'exhaustive'", sor.StaticRouter, {"solver": None}),
    ("plan must be one of", sor.StaticRouter, {"plan": "hope"}),
    ("max_candidates must be a whole number", sor.StaticRouter, {"max_candidates": 0}),
    ("overbook must be a finite number, at least 1", sor.StaticRouter, {"overbook": 0.9, "plan": "fills"}),
    ('overbook > 1 needs plan="fills"', sor.StaticRouter, {"overbook": 1.5}),
    ('plan="fills" needs rule="relaxed"', sor.StaticRouter, {"plan": "fills", "rule": "strict"}),
    *(
        (f"{name} must be a", sor.ContKukanovRouter, {name: value})
        for name in ("lambda_over", "lambda_under", "theta_queue", "adverse_selection")
        for value in (math.nan, math.inf, "0.001", None, True, -1.1e6, 1.1e6)
    ),
    *(
        (f"{name} must be a finite number, at least 0", sor.ContKukanovRouter, {name: -0.001})
        for name in ("lambda_over", "lambda_under", "theta_queue")
    ),
    ("unit must be one of 'fraction', 'price', got 'bps'", sor.ContKukanovRouter, {"unit": "bps"}),
    ("epoch must be positive, got 0", sor.ContKukanovRouter, {"epoch": 0}),
    ("epoch is -1; expected", sor.ContKukanovRouter, {"epoch": -1}),
    (
        "epoch is 'soon'; expected a number with a unit, such as '5m'",
        sor.ContKukanovRouter,
        {"epoch": "soon"},
    ),
    ("epoch is None; expected", sor.ContKukanovRouter, {"epoch": None}),
    ("epoch is 1.5; expected", sor.ContKukanovRouter, {"epoch": 1.5}),
    ("window_every must be positive, got '0s'", sor.ContKukanovRouter, {"window_every": "0s"}),
    ("window_every is True; expected", sor.ContKukanovRouter, {"window_every": True}),
    ("scenarios must be a whole number from 1 to 100,000, got 0", sor.ContKukanovRouter, {"scenarios": 0}),
    ("scenarios must be a whole number", sor.ContKukanovRouter, {"scenarios": 100_001}),
    ("scenarios must be a whole number", sor.ContKukanovRouter, {"scenarios": 2.0}),
    (
        "queue must be one of 'pessimistic', 'expected', 'optimistic', got 'fifo'",
        sor.ContKukanovRouter,
        {"queue": "fifo"},
    ),
    ("queue must be one of", sor.ContKukanovRouter, {"queue": None}),
    ("taker_fee must be a finite number", sor.Venue, {"id": 1, "taker_fee": math.nan}),
    ("maker_rebate must be a number", sor.Venue, {"id": 1, "maker_rebate": "0.002"}),
    ("latency is -1; expected", sor.Venue, {"id": 1, "latency": -1}),
    ("queue_position must be a finite number", sor.Venue, {"id": 1, "queue_position": 1.01}),
    ("id (a publisher id, else a name) must be a whole number", sor.Venue, {"id": True}),
    ("id (a publisher id, else a name) must be a whole number", sor.Venue, {"id": 65_536}),
    ("name must be text", sor.Venue, {"id": 1, "name": 5}),
    ("snapshot must be one of 'last', 'each', 'first'", sor.Book, {"snapshot": "all"}),
    ("depletion must be one of", sor.Book, {"depletion": None}),
    ("collar must be a finite number, at least 0", sor.Book, {"collar": -0.01}),
    ("collar must be a finite number", sor.Book, {"collar": math.nan}),
    ("max_quote_age is -5; expected", sor.Book, {"max_quote_age": -5}),
    ("tick must be a finite number, at least 1e-09", sor.Book, {"tick": 0}),
    ("queue_position must be a finite number", sor.QueueAware, {"queue_position": -0.1}),
    ("queue_position['N'] must be a finite number", sor.QueueAware, {"queue_position": {"N": 2}}),
    ("max_fill must be a finite number", sor.QueueAware, {"max_fill": 1.0001}),
    ("impact must be a finite number", sor.QueueAware, {"impact": -1}),
    ("decay must be positive", sor.QueueAware, {"decay": "0s"}),
    ("decay is -1; expected", sor.QueueAware, {"decay": -1}),
    ("mode must be one of 'expected', 'sampled'", sor.QueueAware, {"mode": "random"}),
    ("seed must be a whole number from 0", sor.QueueAware, {"seed": -1}),
    ("price must be a finite number", sor.Offer, {"price": math.nan, "size": 1}),
    ("size must be a whole number from 0", sor.Offer, {"price": 1.0, "size": -1}),
    (
        "every must be positive",
        sor.OrderSchedule,
        {"every": 0, "side": "buy", "quantity": 1, "horizon": "1m"},
    ),
]


@pytest.mark.parametrize(("message", "kind", "given"), WRONG_SETTINGS, ids=lambda value: str(value)[:40])
def test_settings(message: str, kind: type, given: dict[str, Any]) -> None:
    raises(message, lambda: kind(**given))


def test_numpy_numbers_are_numbers_and_kept_as_pythons() -> None:
    order = sor.Order("buy", np.int64(500), lot=np.uint8(10))
    router = sor.StaticRouter(lambda_over=np.float64(0.001), lambda_under=np.float32(0.5), theta_queue=0)
    assert (order, type(order.quantity), type(order.lot)) == (sor.Order("buy", 500, lot=10), int, int)
    assert [type(router.lambda_over), type(router.lambda_under), type(router.theta_queue)] == [float] * 3
    assert sor.StaticRouter(theta_queue=Fraction(1, 4)).theta_queue == 0.25
    result = run(orders=order, router=router, run=sor.Run(threads=np.int32(1)))
    assert result.ledger.parents.equals(
        run(orders=sor.Order("buy", 500, lot=10), router=router).ledger.parents
    )
    grid = {"lambda_under": np.array([0.001, 0.002]), "theta_queue": [np.float64(0.0), 1]}
    assert sor.search(TAPE, ORDER, grid=grid).table.height == 4
    assert result.to_json()


# Orders on a tape

OFF_THE_TAPE = [
    (
        "start 2024-01-02 14:29:59 with horizon '1s' is in no session of the tape",
        {"start": T0 - SECOND, "horizon": "1s"},
    ),
    (
        "start 2024-01-02 14:30:10.000000001 is in no session of the tape",
        {"start": T0 + 10 * SECOND + 1},
    ),
    ("start 2030-01-01 00:00:00 is in no session of the tape", {"start": datetime(2030, 1, 1, tzinfo=UTC)}),
]


@pytest.mark.parametrize(("message", "times"), OFF_THE_TAPE)
def test_orders_off_the_tape(message: str, times: dict[str, Any]) -> None:
    order = sor.Order("buy", 500, **times)
    raises(f"order: {message}", lambda: run(orders=order))
    raises(f"orders[1]: {message}", lambda: run(orders=[ORDER, order]))
    raises("the nearest is 2024-01-02 14:30:00 to 2024-01-02 14:30:10 UTC", lambda: run(orders=order))


def test_orders_on_the_very_edges_are_fine() -> None:
    assert run(orders=sor.Order("buy", 500, start=T0, horizon="10s")).orders.height == 1
    assert run(orders=sor.Order("buy", 500, start=T0 + 10 * SECOND - 1, horizon=1)).orders.height == 1


@pytest.mark.parametrize("horizon", ["11s", INT64_MAX])
def test_an_order_is_cut_to_its_session(horizon: Any) -> None:
    whole = run(orders=sor.Order("buy", 500)).orders
    cut = run(orders=sor.Order("buy", 500, horizon=horizon)).orders
    assert cut["cut"].to_list() == [True]
    assert cut.drop("cut").equals(whole.drop("cut"))
    early = run(orders=sor.Order("buy", 500, start=T0 - 1, horizon="10s")).orders
    assert early["cut"].to_list() == [False]
    assert early["status"].equals(whole["status"])


def test_a_tape_of_one_moment() -> None:
    point = make_tape([(0, 1, 99.99, 200, 100.01, 300)])
    found = run(quotes=point).orders
    assert found["status"].to_list() == ["completed"]
    assert found["start"].equals(found["end"])


def test_a_tape_of_centuries() -> None:
    ages = pl.DataFrame(
        {
            "ts_event": ["1700-01-01", "2250-01-01"],
            "publisher_id": [1, 1],
            "bid_px_00": [1.0, 1.0],
            "bid_sz_00": [1, 1],
            "ask_px_00": [1.01, 1.01],
            "ask_sz_00": [1, 1],
        }
    ).with_columns(pl.col("ts_event").str.to_datetime("%Y-%m-%d", time_unit="us"))
    raises(
        "no horizon, and the rest of its session is beyond 292 years",
        lambda: run(quotes=sor.read_quotes(ages)),
    )


@pytest.mark.parametrize(
    ("message", "orders"),
    [
        ("orders must hold at least one Order", []),
        (
            "orders must be an Order, orders_every(...), a sequence of them, or a table with side and quantity, "
            "got 500",
            500,
        ),
        ("orders must be an Order", ["buy"]),
        ("orders must be an Order", None),
        (
            "horizon '1h' fits no session of the tape",
            sor.orders_every("1s", side="buy", quantity=1, horizon="1h"),
        ),
        (
            "every 1 makes 9,000,000,001 orders",
            sor.orders_every(1, side="buy", quantity=1, horizon="1s"),
        ),
    ],
)
def test_orders_that_are_none(message: str, orders: Any) -> None:
    raises(message, lambda: run(orders=orders))


def test_a_tape_with_one_side_only() -> None:
    message = "frame: no ask quote in 2 records, so a buy cannot trade"
    raises(message, lambda: run(quotes=ONE_SIDED), sor.DataError)
    raises(message, lambda: sor.search(ONE_SIDED, ORDER), sor.DataError)
    assert run(quotes=ONE_SIDED, orders=sor.Order("sell", 500)).orders["status"].to_list() == ["no_quotes"]


def test_a_lot_above_the_quantity_trades_single_shares_or_strictly_nothing() -> None:
    order = sor.Order("buy", 50, lot=100)
    assert run(orders=order).orders["executed"].to_list() == [50]
    strict = run(orders=order, router=sor.StaticRouter(rule="strict"))
    assert strict.orders.select("executed", "completed").rows() == [(0, 50)]


@pytest.mark.parametrize(
    ("message", "method"),
    [
        ("search.method has no 'rounds'; it has no settings", {"rounds": 2}),
        ("search.method has no 'seed'; it has no settings", {"name": "grid", "seed": 1}),
        ("search.method has no 'seed'; it has rounds", {"name": "refine", "seed": 1}),
        ("search.method: name must be one of grid, random", {"name": "brute"}),
    ],
)
def test_a_method_in_a_settings_file(message: str, method: dict[str, Any]) -> None:
    raises(message, lambda: search_options({"method": method}))
