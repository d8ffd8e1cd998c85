"""What cannot be run is refused with a message that names the argument and says what would be right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from small_tape import ORDER, T0, TAPE, TRADES, call, make_tape, raises, run

if TYPE_CHECKING:
    from pathlib import Path


SECOND = 1_000_000_000


# Settings of a run

WRONG_RUNS: list[tuple[str, dict[str, Any]]] = [
    ("threads must be a whole number from 1 to 1,024, got 0", {"threads": 0}),
    ("threads must be a whole number from 1 to 1,024, got True", {"threads": True}),
    ("threads must be a whole number from 1 to 1,024, got 1000000", {"threads": 10**6}),
    (
        "against[0] must be a policy object or one of static, cont_kukanov, best_ask, sweep, twap, pro_rata",
        {"against": ["naive"]},
    ),
    ("against: twap appears twice; map different names to them", {"against": ["twap", "twap"]}),
    ("against must be a sequence of policies or names, or map names to policies", {"against": "twap"}),
    ("against must be a sequence of policies or names", {"against": None}),
    ("against[0] must be a policy object or one of", {"against": [["twap"]]}),
    ("against['mine'] must be a policy object or one of", {"against": {"mine": "naive"}}),
    ("against must map names to policies, got the name 3", {"against": {3: "sweep"}}),
    ("against: 'router' is the router's own name", {"against": {"router": "sweep"}}),
    ("progress must be True, False or a callback (done, total), got 3", {"progress": 3}),
    ("resume must be the path of a file, got 5", {"resume": 5}),
    ("limit must be one of 'seen', 'none', got 'far'", {"limit": "far"}),
    (
        "fill must be a sor.Displayed, sor.QueueAware, sor.FillTable, sor.FillFunction or sor.CompiledFill, "
        "got 'displayed'",
        {"fill": "displayed"},
    ),
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
    ("source is a builtins.int; expected a path", {"quotes": [TAPE, 3]}),
]


@pytest.mark.parametrize(("message", "given"), WRONG_RUNS, ids=lambda value: str(value)[:40])
def test_runs(message: str, given: dict[str, Any]) -> None:
    raises(message, lambda: run(**given))
    for verb in (sor.search, sor.study, sor.stress):
        if verb is not sor.study or "against" not in given:
            raises(message, lambda verb=verb: call(verb, **given))


def test_a_router_is_a_router() -> None:
    raises("router must be a policy object or one of static, cont_kukanov", lambda: run(router="sweeep"))
    for other in (sor.Sweep(), sor.ContKukanovRouter()):  # the axes are those of the static router
        raises(
            f"router must be a sor.StaticRouter or a sor.Policy, got {other!r}",
            lambda other=other: sor.search(TAPE, ORDER, router=other),
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
    raises(message, lambda: sor.search(TAPE, ORDER, grid=grid))


def test_too_many_candidates_says_how_many() -> None:
    router = sor.StaticRouter(solver="exhaustive", max_candidates=26)
    raises("would enumerate 27 candidates, more than max_candidates = 26", lambda: allocate_three(router))
    assert allocate_three(sor.StaticRouter(solver="exhaustive", max_candidates=27)) is not None
    one = sor.StaticRouter(solver="exhaustive", max_candidates=1)
    raises("max_candidates = 1; use solver=", lambda: run(router=one))


OTHER_TAPE = make_tape([(0, 9, 99.99, 200, 100.01, 300), (10 * SECOND, 9, 99.99, 200, 100.01, 300)])

WRONG_PROBES: list[tuple[str, dict[str, Any]]] = [
    ("quotes must be a sor.Quotes, got 'day.csv'", {"quotes": "day.csv"}),
    ("trades must be sor.Trades (sor.read_trades(path, quotes=...)), got 'day.csv'", {"trades": "day.csv"}),
    ("trades were read for a tape of the venues 3, 7; this one has 9", {"quotes": OTHER_TAPE}),
    ("side must be one of 'buy', 'sell', got 'both'", {"side": "both"}),
    ("quantity must be a whole number from 1", {"quantity": 0}),
    ("quantity must be a whole number from 1", {"quantity": 1.5}),
    ("window must be positive, got 0", {"window": 0}),
    ("window is 'soon'; expected a number with a unit, such as '5m'", {"window": "soon"}),
    ("window '11s' is longer than every session of the tape, the longest lasts 10 s", {"window": "11s"}),
    ("window 9223372036854775807 is longer than every session", {"window": 2**63 - 1}),
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
    ("message", "markets"),
    [
        ("markets must map names to markets or changes, got []", []),
        ("markets must map names to markets or changes, got {}", {}),
        ("markets['slow'] must be a sor.Market or map settings to values, got 5", {"slow": 5}),
        ("markets['slow'] has no 'lag'; it may change venues, fill, limit", {"slow": {"lag": 1}}),
        ("markets['slow']: latency is -1; expected", {"slow": {"latency": -1}}),
        ("markets['slow']: fill must be a sor.Displayed, sor.QueueAware", {"slow": {"fill": "queue"}}),
        ("markets['slow']: limit must be one of", {"slow": {"limit": "far"}}),
        ("markets['slow']: depletion must be one of", {"slow": {"depletion": "some"}}),
        ("markets['slow']: venues: venue 9 is not on the tape", {"slow": {"venues": [sor.Venue(9)]}}),
        ("markets['slow']: venues: venue 9 is", {"slow": sor.Market(venues=[sor.Venue(9)])}),
    ],
)
def test_markets(message: str, markets: Any) -> None:
    raises(message, lambda: sor.stress(TAPE, ORDER, markets=markets))


WRONG_CHILDREN: list[tuple[str, dict[str, Any]]] = [
    ("quantity must be a whole number from 1", {"quantity": 0}),
    ("venue must be a sor.Offer or (price, displayed size), got 3", {"venue": 3}),
    ("price must be a number", {"venue": ("100", 200)}),
    (
        "fill must be a sor.Displayed, sor.QueueAware, sor.FillTable, sor.FillFunction or sor.CompiledFill, "
        "got 'queue'",
        {"fill": "queue"},
    ),
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
    raises("policy must be one of router, best_ask", lambda: result["nobody"])


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
        raises(message, lambda order=order, book=book: run(orders=order, market=sor.Market(book=book)))


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
    raises(message, lambda: run(market=sor.Market(venues=path)))


def test_fees_in_files_that_are_none(tmp_path: Path) -> None:
    raises("none.toml", lambda: run(market=sor.Market(venues=tmp_path / "none.toml")), FileNotFoundError)
    raises(str(tmp_path), lambda: run(market=sor.Market(venues=tmp_path)), IsADirectoryError)
    path = tmp_path / "latin.toml"
    path.write_bytes(b"\xff\xfe")
    raises("latin.toml: not a TOML file", lambda: run(market=sor.Market(venues=path)))


def test_fees_in_frames() -> None:
    raises(
        "venues, row 1: no id; a venue has id",
        lambda: run(market=sor.Market(venues=pl.DataFrame({"taker_fee": [0.1]}))),
    )
    raises(
        "venues, row 1: unknown fee",
        lambda: run(market=sor.Market(venues=pl.DataFrame({"id": [3], "fee": [0.1]}))),
    )
    raises(
        "venues, row 2: taker_fee must be a finite number",
        lambda: run(market=sor.Market(venues=pl.DataFrame({"id": [3, 7], "taker_fee": [0.1, math.nan]}))),
    )
    raises(
        "venues, row 1: id (a publisher", lambda: run(market=sor.Market(venues=pl.DataFrame({"id": [3.0]})))
    )
    fees = run(market=sor.Market(venues=pl.DataFrame({"id": [3, 7], "taker_fee": [0.1, None]}))).market.venues
    assert [venue.taker_fee for venue in fees] == [0.1, 0.0030]
