"""Every bad input gets an error that names the place and says what would be right (issue 2, bar 7).

The readers of quotes and trades have theirs in `test_data.py`.
"""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sor.cli import main
from sor.settings.times import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T0 = 1_704_205_800_000_000_000
SECOND = 1_000_000_000


def make_tape(rows: list[tuple[int, int, float | None, int, float | None, int]]) -> sor.Quotes:
    """Rows of (nanoseconds after T0, venue, bid, size, ask, size)."""
    names = ("ts_event", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    dtypes = (pl.Int64, pl.UInt16, pl.Float64, pl.UInt32, pl.Float64, pl.UInt32)
    frame = pl.DataFrame(rows, schema=dict(zip(names, dtypes, strict=True)), orient="row")
    return sor.read_quotes(frame.with_columns(pl.col("ts_event") + T0))


TAPE = make_tape(
    [
        (0, 3, 99.99, 200, 100.01, 300),
        (SECOND, 7, 99.98, 500, 100.02, 400),
        (2 * SECOND, 3, 99.99, 100, 100.01, 200),
        (10 * SECOND, 3, 99.97, 100, 100.00, 200),
    ]
)
ONE_SIDED = make_tape([(0, 1, 99.99, 200, None, 0), (SECOND, 1, 99.98, 100, None, 0)])
ORDER = sor.Order("buy", 500)


def run(**settings: Any) -> sor.Backtest:
    return sor.backtest(**({"quotes": TAPE, "orders": ORDER, "threads": 1} | settings))


def raises(message: str, call: Callable[[], object], error: type[Exception] = sor.ParameterError) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is error


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
    ("overbook must be a finite number at least 1", sor.StaticRouter, {"overbook": 0.9, "plan": "fills"}),
    ('overbook > 1 needs plan="fills"', sor.StaticRouter, {"overbook": 1.5}),
    ('plan="fills" needs rule="relaxed"', sor.StaticRouter, {"plan": "fills", "rule": "strict"}),
    *(
        (f"{name} must be a", sor.ContKukanovRouter, {name: value})
        for name in ("lambda_over", "lambda_under", "theta_queue", "adverse_selection")
        for value in (math.nan, math.inf, "0.001", None, True, -1.1e6, 1.1e6)
    ),
    *(
        (f"{name} must be a finite number at least 0", sor.ContKukanovRouter, {name: -0.001})
        for name in ("lambda_over", "lambda_under", "theta_queue")
    ),
    ("unit must be one of 'fraction', 'price', got 'bps'", sor.ContKukanovRouter, {"unit": "bps"}),
    ("epoch must be positive, got 0", sor.ContKukanovRouter, {"epoch": 0}),
    ("epoch is -1; expected", sor.ContKukanovRouter, {"epoch": -1}),
    ("epoch is 'soon'; expected a string such as '5m'", sor.ContKukanovRouter, {"epoch": "soon"}),
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
    ("collar must be a finite number at least 0", sor.Book, {"collar": -0.01}),
    ("collar must be a finite number", sor.Book, {"collar": math.nan}),
    ("max_quote_age is -5; expected", sor.Book, {"max_quote_age": -5}),
    ("tick must be a finite number at least 1e-09", sor.Book, {"tick": 0}),
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
    result = run(orders=order, router=router, threads=np.int32(1))
    assert result.ledger.parents.equals(
        run(orders=sor.Order("buy", 500, lot=10), router=router).ledger.parents
    )
    grid = {"lambda_under": np.array([0.001, 0.002]), "theta_queue": [np.float64(0.0), 1]}
    assert sor.grid_search(TAPE, ORDER, grid=grid).table.height == 4
    assert result.to_json()


# Orders on a tape

OFF_THE_TAPE = [
    ("start 2024-01-02 14:29:59.999999999 is before the tape", {"start": T0 - 1}),
    ("start 2024-01-02 14:30:10 is at the end of the tape", {"start": T0 + 10 * SECOND}),
    ("start 2030-01-01 00:00:00 is after the tape", {"start": datetime(2030, 1, 1, tzinfo=UTC)}),
    ("start + horizon = 2024-01-02 14:30:11 is past the tape", {"horizon": "11s"}),
    ("start + horizon = a time beyond 2262-04-11 is past the tape", {"horizon": INT64_MAX}),
]


@pytest.mark.parametrize(("message", "times"), OFF_THE_TAPE)
def test_orders_off_the_tape(message: str, times: dict[str, Any]) -> None:
    order = sor.Order("buy", 500, **times)
    raises(f"order: {message}", lambda: run(orders=order))
    raises(f"orders[1]: {message}", lambda: run(orders=[ORDER, order]))
    raises("the tape runs from 2024-01-02 14:30:00 to 2024-01-02 14:30:10 UTC", lambda: run(orders=order))


def test_orders_on_the_very_edges_are_fine() -> None:
    assert run(orders=sor.Order("buy", 500, start=T0, horizon="10s")).orders.height == 1
    assert run(orders=sor.Order("buy", 500, start=T0 + 10 * SECOND - 1, horizon=1)).orders.height == 1


def test_a_tape_of_one_moment() -> None:
    point = make_tape([(0, 1, 99.99, 200, 100.01, 300)])
    raises("is at the end of the tape", lambda: run(quotes=point))


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
        "no horizon, and the rest of the tape is beyond 292 years", lambda: run(quotes=sor.read_quotes(ages))
    )


@pytest.mark.parametrize(
    ("message", "orders"),
    [
        ("orders must hold at least one Order", []),
        ("orders must be an Order, a sequence of them, or orders_every(...), got 500", 500),
        ("orders must be an Order", ["buy"]),
        ("orders must be an Order", None),
        (
            "horizon '1h' is longer than the tape",
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
    raises(message, lambda: sor.grid_search(ONE_SIDED, ORDER), sor.DataError)
    assert run(quotes=ONE_SIDED, orders=sor.Order("sell", 500)).orders["status"].to_list() == ["completed"]


def test_a_lot_above_the_quantity_trades_single_shares_or_strictly_nothing() -> None:
    order = sor.Order("buy", 50, lot=100)
    assert run(orders=order).orders["executed"].to_list() == [50]
    strict = run(orders=order, router=sor.StaticRouter(rule="strict"))
    assert strict.orders.select("executed", "completed").rows() == [(0, 50)]


# Settings of a run

WRONG_RUNS: list[tuple[str, dict[str, Any]]] = [
    ("threads must be a whole number from 1 to 1,024, got 0", {"threads": 0}),
    ("threads must be a whole number from 1 to 1,024, got True", {"threads": True}),
    ("threads must be a whole number from 1 to 1,024, got 1000000", {"threads": 10**6}),
    ("baselines must be different names among best_ask, sweep, twap, vwap", {"baselines": ["naive"]}),
    ("baselines must be different names among", {"baselines": ["twap", "twap"]}),
    ("baselines must be different names among", {"baselines": "twap"}),
    ("baselines must be different names among", {"baselines": None}),
    ("baselines must be different names among", {"baselines": [["twap"]]}),
    ("twap_bucket must be positive, got 0", {"twap_bucket": 0}),
    ("twap_bucket is 'soon'; expected a string such as '5m'", {"twap_bucket": "soon"}),
    ("limit must be one of 'seen', 'none', got 'far'", {"limit": "far"}),
    ("fill must be a sor.Displayed or sor.QueueAware, got 'displayed'", {"fill": "displayed"}),
    ("book must be a sor.Book, got {}", {"book": {}}),
    ("venues must be sor.Venue objects, a frame or the path of a TOML file, got 5", {"venues": 5}),
    ("venues[0] must be a sor.Venue, got 0.003", {"venues": [0.003]}),
    ("venues[3] is venue 7; expected the same id twice", {"venues": {3: sor.Venue(7)}}),
    ("venues: venue 'NYSE' is not on the tape, which has 3 (3), 7 (7)", {"venues": [sor.Venue("NYSE")]}),
    ("venues: 3 is given twice", {"venues": [sor.Venue(7), sor.Venue(3), sor.Venue(3)]}),
    (
        "queue_position: venue 9 is not on the tape",
        {"fill": sor.QueueAware(queue_position={9: 0.5})},
    ),
    ("source is a builtins.NoneType; expected a path", {"quotes": None}),
    ("source is a builtins.int; expected a path", {"quotes": [TAPE.frame, 3]}),
]


@pytest.mark.parametrize(("message", "given"), WRONG_RUNS, ids=lambda value: str(value)[:40])
def test_runs(message: str, given: dict[str, Any]) -> None:
    raises(message, lambda: run(**given))
    raises(message, lambda: sor.grid_search(**({"quotes": TAPE, "orders": ORDER} | given)))


def test_a_router_is_a_router() -> None:
    raises(
        "router must be a sor.StaticRouter or sor.ContKukanovRouter, got 'sweep'", lambda: run(router="sweep")
    )
    for other in ("sweep", sor.ContKukanovRouter()):  # the grid is that of the static router
        raises(
            f"router must be a sor.StaticRouter, got {other!r}",
            lambda other=other: sor.grid_search(TAPE, ORDER, router=other),
        )


@pytest.mark.parametrize(
    ("message", "grid"),
    [
        ("grid must map axes to values, as sor.DEFAULT_GRID does, got 5", 5),
        ("grid must map axes to values", {}),
        ("grid has no axis 'lambda'; its axes are lambda_over, lambda_under, theta_queue", {"lambda": [1]}),
        ("grid['lambda_over'] must be a sequence of numbers, got 0.001", {"lambda_over": 0.001}),
        ("grid['lambda_over'] must be a sequence of numbers, got []", {"lambda_over": []}),
        ("grid['theta_queue'] must be a sequence of numbers, got '12'", {"theta_queue": "12"}),
        ("a value of grid['lambda_under'] must be a number, got 'low'", {"lambda_under": [0.1, "low"]}),
        ("a value of grid['lambda_under'] must be a finite number", {"lambda_under": [math.nan]}),
        ("a value of grid['lambda_under'] must be a finite number", {"lambda_under": [-1]}),
        ("grid['lambda_under'] must hold different values", {"lambda_under": [0.1, 0.1]}),
    ],
)
def test_grids(message: str, grid: Any) -> None:
    raises(message, lambda: sor.grid_search(TAPE, ORDER, grid=grid))


def test_too_many_candidates_says_how_many() -> None:
    router = sor.StaticRouter(solver="exhaustive", max_candidates=26)
    raises("would enumerate 27 candidates, more than max_candidates = 26", lambda: allocate_three(router))
    assert allocate_three(sor.StaticRouter(solver="exhaustive", max_candidates=27)) is not None
    one = sor.StaticRouter(solver="exhaustive", max_candidates=1)
    raises("max_candidates = 1; use solver=", lambda: run(router=one))


TRADES = sor.read_trades(
    pl.DataFrame({"ts_event": [T0 + SECOND], "publisher_id": [7], "price": [99.98], "size": [100]}),
    quotes=TAPE,
)
OTHER_TAPE = make_tape([(0, 9, 99.99, 200, 100.01, 300), (10 * SECOND, 9, 99.99, 200, 100.01, 300)])

WRONG_PROBES: list[tuple[str, dict[str, Any]]] = [
    ("quotes must be a sor.Quotes, got 'day.csv'", {"quotes": "day.csv"}),
    ("trades must be sor.Trades (sor.read_trades(path, quotes=...)), got 'day.csv'", {"trades": "day.csv"}),
    ("trades were read for a tape of the venues 3, 7; this one has 9", {"quotes": OTHER_TAPE}),
    ("side must be one of 'buy', 'sell', got 'both'", {"side": "both"}),
    ("quantity must be a whole number from 1", {"quantity": 0}),
    ("quantity must be a whole number from 1", {"quantity": 1.5}),
    ("window must be positive, got 0", {"window": 0}),
    ("window is 'soon'; expected a string such as '5m'", {"window": "soon"}),
    ("window '11s' is longer than the tape, 10 s", {"window": "11s"}),
    ("window 9223372036854775807 is longer than the tape, 10 s", {"window": 2**63 - 1}),
    ("every must be positive, got '0s'", {"every": "0s"}),
    ("every is -5; expected", {"every": -5}),
    ("queue must be one of 'pessimistic', 'expected', 'optimistic', got 'fifo'", {"queue": "fifo"}),
    ("book must be a sor.Book, got {}", {"book": {}}),
]


@pytest.mark.parametrize(("message", "given"), WRONG_PROBES, ids=lambda value: str(value)[:40])
def test_probes(message: str, given: dict[str, Any]) -> None:
    right: dict[str, Any] = {"quotes": TAPE, "trades": TRADES, "quantity": 100, "window": "5s"}
    assert sor.probe_outflows(**right).shape == (2, 4)
    raises(message, lambda: sor.probe_outflows(**(right | given)))


def test_trades_of_another_tape() -> None:
    message = "trades were read for a tape of the venues 3, 7; this one has 9"
    raises(message, lambda: OTHER_TAPE.with_trades(TRADES))
    raises(message, lambda: run(quotes=OTHER_TAPE, trades=TRADES))
    raises("no such file", lambda: run(trades="none.parquet"), FileNotFoundError)
    raises("frame: no column price", lambda: run(trades=pl.DataFrame({"ts_event": [1]})), sor.DataError)


def test_trades_that_were_not_read() -> None:
    raises("trades must be sor.Trades", lambda: TAPE.with_trades(TRADES.frame))  # type: ignore[arg-type]


def test_more_shares_than_lots_can_be_planned() -> None:
    """What is left is below a lot, so each share is one (A2), and there are more than a million."""
    deep = make_tape([(ts * SECOND, 1, 9.99, 10**9, 10.01, 10**9) for ts in range(11)])
    order = sor.Order("buy", 5_000_000, start=T0 + 5 * SECOND, lot=10**8)
    assert run(quotes=deep, orders=order).orders.height == 1
    router = sor.ContKukanovRouter(epoch="1s", lambda_under=0.0, lambda_over=0.0)
    assert run(quotes=deep, orders=order, router=router).orders.height == 1


@pytest.mark.parametrize("value", [5, [], {"price": [1.0]}], ids=repr)
def test_trades_that_are_none(value: Any) -> None:
    raises(f"trades must be sor.Trades, a path or a frame, got {value!r}", lambda: run(trades=value))


def allocate_three(router: sor.StaticRouter) -> sor.Allocation | None:
    # Of five lots the first takes 0 or 1, the second 0 to 2, the third from 0 to what is left of them.
    return sor.allocate(500, [(100.0, 100), (100.01, 200), (100.02, 700)], router)


def test_allocate() -> None:
    raises("offers must be a sequence of sor.Offer or (price, size), got 5", lambda: sor.allocate(1, 5))  # type: ignore[arg-type]
    raises("offers[1] must be a sor.Offer or (price, size), got 3", lambda: sor.allocate(1, [(1.0, 1), 3]))  # type: ignore[list-item]
    raises("offers[0]: price must be a finite number", lambda: sor.allocate(1, [(math.nan, 1)]))
    raises("benchmark must be a finite number", lambda: sor.allocate(1, [(1.0, 1)], benchmark=-math.inf))
    raises("router must be a sor.StaticRouter", lambda: sor.allocate(1, [(1.0, 1)], "exact"))  # type: ignore[arg-type]
    raises("side must be one of", lambda: sor.allocate(1, [(1.0, 1)], side="both"))  # type: ignore[arg-type]
    assert sor.allocate(1, []) is not None
    assert sor.allocate(100, [(4e9, 100)], sor.StaticRouter(lambda_over=1e6, lambda_under=1e6)) is not None


def test_simulated_tapes_have_an_end() -> None:
    raises("records; at most 1,000,000,000", lambda: sor.simulate_quotes(minutes=1e7, rate=100))


@pytest.mark.parametrize(
    ("message", "scenarios"),
    [
        ("scenarios must map names to changes, got []", []),
        ("scenarios must map names to changes, got {}", {}),
        ("scenarios['slow'] must map settings to values, got 5", {"slow": 5}),
        ("scenarios['slow'] has no 'lag'; it may change router, venues, fill, limit", {"slow": {"lag": 1}}),
        ("scenarios['slow']: latency is -1; expected", {"slow": {"latency": -1}}),
        ("scenarios['slow']: router must be a sor.StaticRouter", {"slow": {"router": "sweep"}}),
        ("scenarios['slow']: fill must be a sor.Displayed or sor.QueueAware", {"slow": {"fill": "queue"}}),
        ("scenarios['slow']: limit must be one of", {"slow": {"limit": "far"}}),
        ("scenarios['slow']: depletion must be one of", {"slow": {"depletion": "some"}}),
        ("scenarios['slow']: venues: venue 9 is not on the tape", {"slow": {"venues": [sor.Venue(9)]}}),
    ],
)
def test_scenarios(message: str, scenarios: Any) -> None:
    raises(message, lambda: sor.compare(TAPE, ORDER, scenarios))


WRONG_CHILDREN: list[tuple[str, dict[str, Any]]] = [
    ("quantity must be a whole number from 1", {"quantity": 0}),
    ("venue must be a sor.Offer or (price, displayed size), got 3", {"venue": 3}),
    ("price must be a number", {"venue": ("100", 200)}),
    ("fill must be a sor.Displayed or sor.QueueAware, got 'queue'", {"fill": "queue"}),
    ("side must be one of", {"side": "both"}),
    ("available must be a whole number from 0 to 200, got 201", {"available": 201}),
    ("age is -1; expected", {"age": -1}),
    ("queue_position must be a finite number", {"queue_position": 1.5}),
    ("stream must be (parent, child), two whole numbers, got 7", {"stream": 7}),
    ("stream[1] must be a whole number from 0", {"stream": (0, -1)}),
]


@pytest.mark.parametrize(("message", "given"), WRONG_CHILDREN, ids=lambda value: str(value)[:40])
def test_one_child(message: str, given: dict[str, Any]) -> None:
    child: dict[str, Any] = {"quantity": 100, "venue": (100.0, 200)}
    raises(message, lambda: sor.execute_order(**(child | given)))


def test_a_child_that_is_not_there() -> None:
    result = run()
    raises("there is no child 99", lambda: result.explain(99))
    raises("child must be a whole number from 0", lambda: result.explain("first"))  # type: ignore[arg-type]
    raises("policy must be one of router, best_ask", lambda: result.explain(0, policy="nobody"))


def test_a_plan_of_too_many_lots() -> None:
    deep = make_tape([(0, 1, 9.99, 10**9, 10.01, 10**9), (SECOND, 1, 9.99, 10**9, 10.02, 10**9)])
    settings = {"quotes": deep, "router": sor.StaticRouter(plan="fills"), "fill": sor.QueueAware()}
    order = sor.Order("buy", 10**8, lot=1)
    raises("lot must be large enough that a child has at most 100,000", lambda: run(orders=order, **settings))
    assert run(orders=sor.Order("buy", 10**8, lot=1_000), **settings).orders.height == 1


# Money and size beyond 64 bits


def test_money_that_does_not_fit() -> None:
    order = sor.Order("buy", 10**8)
    raises("quantity of order 0 is too large: its notional does not fit", lambda: run(orders=order))


def test_a_walk_that_does_not_end() -> None:
    for side in ("buy", "sell"):
        order, book = sor.Order(side, 10**15), sor.Book(tick=1e-9)  # type: ignore[arg-type]
        message = "quantity must be small enough for what is left at the end to be completed in 1,000,000"
        raises(message, lambda order=order, book=book: run(orders=order, book=book))


def test_the_money_of_many_orders_may_leave_64_bits() -> None:
    # Each order is of some 6 billion, and 64-bit nanos end at 9.2 billion.
    order = sor.Order("buy", 60_000_000)
    deep = make_tape(
        [(0, 1, 99.99, 4_000_000_000, 100.01, 4_000_000_000), (SECOND, 1, 99.99, 100, 100.01, 100)]
    )
    result = run(quotes=deep, orders=[order] * 3)
    cash = 3 * 60_000_000 * (100.01 + 0.003)
    assert result.summary["total_cash"].to_list() == pytest.approx([cash] * 5)
    assert result.summary["avg_fill_px"].to_list() == pytest.approx([100.013] * 5)


def test_one_order_too_large_among_others_is_named() -> None:
    raises("quantity of order 2 is", lambda: run(orders=[ORDER, ORDER, sor.Order("buy", 10**8), ORDER]))


# Fees from files and frames


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[[venue]]\nid = 3\nfee = 0.1",
            "fees.toml, [[venue]] 1: unknown fee; a venue has id, name, taker_fee",
        ),
        ("[[venue]]\ntaker_fee = 0.1", "fees.toml, [[venue]] 1: no id; a venue has"),
        ("[[venue]]\nid = 3\ntaker_fee = nan", "fees.toml, [[venue]] 1: taker_fee must be a finite number"),
        (
            "[[venue]]\nid = 3\n[[venue]]\nid = true",
            "fees.toml, [[venue]] 2: id (a publisher id, else a name)",
        ),
        ("[[venues]]\nid = 3", "fees.toml: expected [[venue]] tables, found venues"),
        ("", "fees.toml: expected [[venue]] tables, found nothing"),
        ("[venue]\nid = 3", "fees.toml: expected [[venue]] tables, found venue"),
        ("venue = [3]", "fees.toml: expected [[venue]] tables"),
        ("id = ", "fees.toml: not a TOML file"),
    ],
)
def test_fees_in_toml(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "fees.toml"
    path.write_text(text)
    raises(message, lambda: sor.read_venues(path))
    raises(message, lambda: run(venues=path))


def test_fees_in_files_that_are_none(tmp_path: Path) -> None:
    raises("none.toml", lambda: run(venues=tmp_path / "none.toml"), FileNotFoundError)
    raises(str(tmp_path), lambda: run(venues=tmp_path), IsADirectoryError)
    path = tmp_path / "latin.toml"
    path.write_bytes(b"\xff\xfe")
    raises("latin.toml: not a TOML file", lambda: run(venues=path))


def test_fees_in_frames() -> None:
    raises("venues, row 1: no id; a venue has id", lambda: run(venues=pl.DataFrame({"taker_fee": [0.1]})))
    raises("venues, row 1: unknown fee", lambda: run(venues=pl.DataFrame({"id": [3], "fee": [0.1]})))
    raises(
        "venues, row 2: taker_fee must be a finite number",
        lambda: run(venues=pl.DataFrame({"id": [3, 7], "taker_fee": [0.1, math.nan]})),
    )
    raises("venues, row 1: id (a publisher", lambda: run(venues=pl.DataFrame({"id": [3.0]})))
    fees = run(venues=pl.DataFrame({"id": [3, 7], "taker_fee": [0.1, None]})).market.venues
    assert [venue.taker_fee for venue in fees] == [0.1, 0.0030]


# The command line: one line, exit code 2


@pytest.fixture(scope="module")
def tape_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tape") / "day.parquet"
    TAPE.write(path)
    return path


@pytest.fixture
def sor_says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def says(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["sor", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("error: ")
        assert shown.err.count("\n") == 1
        return shown.err.strip().removeprefix("error: ")

    return says


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["backtest", "none.csv"], "error: none.csv: no such file"),
        (["backtest"], "error: Missing argument 'file'."),
        (["route"], "error: No such command 'route'."),
    ],
)
def test_a_process_says_one_line_and_exits_2(arguments: list[str], line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sor", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == line


WRONG_OPTIONS = [
    ("quantity must be a whole number from 1", ["--quantity", "-5"]),
    ("Invalid value for '--quantity': ", ["--quantity", "many"]),
    ("lot must be a whole number from 1", ["--lot", "0"]),
    ("side must be one of 'buy', 'sell', got 'hold'", ["--side", "hold"]),
    ("lambda_under must be a finite number", ["--lambda-under", "nan"]),
    ("horizon is 'soon'; expected a string such as '5m'", ["--horizon", "soon"]),
    ("start + horizon = 2024-01-02 15:30:00 is past the tape", ["--horizon", "1h"]),
    ("start 2024-01-01 00:00:00 is before the tape", ["--start", "2024-01-01"]),
    ("--start is for one order", ["--start", "2024-01-02", "--every", "1s"]),
    ("horizon '1m' is longer than the tape", ["--every", "1m"]),
    ("depletion must be one of 'refresh', 'persistent', 'none'", ["--depletion", "some"]),
    ("collar must be a finite number", ["--collar", "-1"]),
    ("threads must be a whole number from 1", ["--threads", "0"]),
    ("symbol='NONE' was asked for, and there is no column symbol", ["--symbol", "NONE"]),
    ("No such option: --sides", ["--sides", "buy"]),
    ("No such file or directory", ["--venues", "/nowhere/fees.toml"]),
]


@pytest.mark.parametrize(("message", "options"), WRONG_OPTIONS, ids=lambda value: str(value)[:40])
def test_options(tape_file: Path, sor_says: Callable[..., str], message: str, options: list[str]) -> None:
    assert message in sor_says("backtest", tape_file, *options)


def test_grids_on_the_command_line(tape_file: Path, sor_says: Callable[..., str]) -> None:
    message = "--lambda-over must be numbers separated by commas, got '0.1,low'"
    assert message in sor_says("search", tape_file, "--lambda-over", "0.1,low")
    assert "must hold different values" in sor_says("search", tape_file, "--theta-queue", "1,1")
    assert "must be a finite number" in sor_says("search", tape_file, "--theta-queue", "nan")


def test_files_on_the_command_line(tmp_path: Path, sor_says: Callable[..., str]) -> None:
    assert "no such file" in sor_says("backtest", tmp_path / "none.parquet")
    assert "is a directory" in sor_says("backtest", tmp_path)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    assert f"{tmp_path / 'bad.csv'}: no column" in sor_says("search", tmp_path / "bad.csv")
    (tmp_path / "empty.csv").write_text("")
    assert f"{tmp_path / 'empty.csv'}: " in sor_says("search", tmp_path / "empty.csv")
    assert "expected a name ending in .parquet or .csv" in sor_says("simulate", tmp_path / "tape.txt")
    assert "venues is 0; expected a whole number" in sor_says("simulate", tmp_path / "t.csv", "--venues", 0)
    assert "/nowhere/tape.csv" in sor_says("simulate", "/nowhere/tape.csv")


def test_a_missing_package_on_the_command_line(
    tmp_path: Path, sor_says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "databento", None)
    (tmp_path / "day.dbn").write_bytes(b"DBN")
    assert "pip install databento" in sor_says("backtest", tmp_path / "day.dbn")


def test_one_sided_on_the_command_line(tmp_path: Path, sor_says: Callable[..., str]) -> None:
    ONE_SIDED.write(tmp_path / "bids.csv")
    assert "bids.csv: no ask quote in 2 records" in sor_says("backtest", tmp_path / "bids.csv")


# Whatever the values: a result, or an error of ours

NUMBERS = st.one_of(
    st.floats(),
    st.integers(),
    st.integers(0, 10),
    st.floats(0, 1),
    st.sampled_from([None, True, "x", 1e-9, 1e6, 2**63, -(2**63), 10**15, np.int8(1), np.float32(0.1)]),
)
WHOLE = st.one_of(st.integers(1, 10_000), st.integers(1, 10**15), NUMBERS)
TIMES = st.one_of(st.integers(0, 11 * SECOND).map(lambda ns: T0 + ns), st.none(), st.integers(), NUMBERS)
SPANS = st.one_of(st.integers(1, 11 * SECOND), st.none(), st.sampled_from(["5s", "1ns", "", "1w"]), NUMBERS)


def choose(*values: object) -> st.SearchStrategy[Any]:
    return st.sampled_from([*values, "other", None])


ANY_ORDER = st.fixed_dictionaries(
    {"side": st.sampled_from(["buy", "sell"]), "quantity": WHOLE},
    optional={"start": TIMES, "horizon": SPANS, "lot": WHOLE},
)
ANY_ROUTER = st.fixed_dictionaries(
    {},
    optional={
        "lambda_over": NUMBERS,
        "lambda_under": NUMBERS,
        "theta_queue": NUMBERS,
        "unit": choose("price"),
        "rule": choose("strict"),
        "solver": choose("exhaustive"),
        "max_candidates": st.integers(1, 10_000),
        "plan": choose("fills", "displayed"),
        "overbook": st.sampled_from([1, 1.0, 1.25, 100, 0.5, True]),
    },
)
ANY_VENUE = st.fixed_dictionaries(
    {"id": st.sampled_from([3, 7, 3.0, "3", 9])},
    optional={"taker_fee": NUMBERS, "maker_rebate": NUMBERS, "latency": SPANS, "queue_position": NUMBERS},
)
ANY_BOOK = st.fixed_dictionaries(
    {},
    optional={
        "snapshot": choose("each", "first"),
        "depletion": choose("none", "persistent"),
        "collar": NUMBERS,
        "max_quote_age": SPANS,
        "tick": NUMBERS,
    },
)
ANY_FILL = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "queue_position": NUMBERS,
            "max_fill": NUMBERS,
            "impact": NUMBERS,
            "decay": SPANS,
            "mode": choose("sampled"),
            "seed": WHOLE,
        },
    ),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_ORDER, ANY_ROUTER, ANY_VENUE, ANY_BOOK, ANY_FILL, SPANS)
def test_anything_runs_or_is_refused(
    order: Any, router: Any, venue: Any, book: Any, fill: Any, bucket: Any
) -> None:
    try:
        result = run(
            orders=sor.Order(**order),
            router=sor.StaticRouter(**router),
            venues=[sor.Venue(**venue)],
            book=sor.Book(**book),
            fill=None if fill is None else sor.QueueAware(**fill),
            twap_bucket=bucket,
        )
    except sor.SorError:
        return
    for row in result.ledger.parents.iter_rows(named=True):
        assert row["executed"] + row["completed"] - row["unwound"] == row["quantity"]
    assert result.to_json()


# Not shorter: the work of a nanosecond's epochs and windows has no bound yet (see test_posting.py).
EPOCHS = st.one_of(
    st.integers(10**7, 11 * SECOND), st.sampled_from(["5s", "", "1w", 0, -1, 2**63, None, True])
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    # Between the two, a plan takes a second.
    st.fixed_dictionaries(
        {
            "side": st.sampled_from(["buy", "sell"]),
            "quantity": st.one_of(st.integers(1, 3_000), st.sampled_from([10**9, 10**15, 0, 2.5])),
        },
        optional={"start": TIMES, "horizon": SPANS, "lot": st.sampled_from([1, 50, 10**15, 0, None])},
    ),
    st.fixed_dictionaries(
        {"epoch": EPOCHS},
        optional={
            "lambda_over": NUMBERS,
            "lambda_under": NUMBERS,
            "theta_queue": NUMBERS,
            "adverse_selection": NUMBERS,
            "unit": choose("price"),
            "window_every": EPOCHS,
            "scenarios": WHOLE,
            "queue": choose("pessimistic", "optimistic"),
        },
    ),
    ANY_VENUE,
    ANY_BOOK,
    st.booleans(),
)
def test_any_order_posts_or_is_refused(order: Any, router: Any, venue: Any, book: Any, traded: Any) -> None:
    try:
        result = run(
            orders=sor.Order(**order),
            router=sor.ContKukanovRouter(**router),
            venues=[sor.Venue(**venue)],
            book=sor.Book(**book),
            trades=TRADES if traded else None,
        )
    except sor.SorError:
        return
    for row in result.ledger.parents.iter_rows(named=True):
        assert row["executed"] + row["completed"] - row["unwound"] == row["quantity"]
    assert result.to_json()


@settings(max_examples=300, deadline=None)
@given(WHOLE, NUMBERS, WHOLE, ANY_FILL, st.one_of(st.none(), WHOLE), SPANS, NUMBERS, st.tuples(WHOLE, WHOLE))
def test_any_child_is_executed_or_refused(
    quantity: Any, price: Any, size: Any, fill: Any, available: Any, age: Any, position: Any, stream: Any
) -> None:
    try:
        model = None if fill is None else sor.QueueAware(**fill)
        given = {"available": available, "age": age, "queue_position": position, "stream": stream}
        executed, _ = sor.execute_order(quantity, (price, size), model, **given)
    except sor.SorError:
        return
    assert 0 <= executed <= quantity


@settings(max_examples=300, deadline=None)
@given(
    WHOLE, st.lists(st.tuples(NUMBERS, WHOLE), max_size=4), ANY_ROUTER, WHOLE, st.one_of(st.none(), NUMBERS)
)
def test_any_allocation_is_made_or_refused(
    quantity: Any, offers: Any, router: Any, lot: Any, benchmark: Any
) -> None:
    try:
        found = sor.allocate(quantity, offers, sor.StaticRouter(**router), lot=lot, benchmark=benchmark)
    except sor.SorError:
        return
    assert found is None or sum(found.split) <= int(quantity)
