"""Hindsight (rule P4): equal to the reference and to a brute-force optimum, and below every taking policy."""

from __future__ import annotations

import itertools
import random
from typing import Any

import polars as pl
import pytest
import recorded
import reference as ref
import sor
from effort import enough, some
from sor.replay.lower import Variant
from sor.replay.parents import Job, Parent
from sor.replay.replay import hindsight, replay
from sor.settings.market import Market
from sor.settings.routers import BASELINES
from tapes import lay

CENT = 10_000_000
OPEN = (ref.Session(-1_000, 2**62),)
ROUTERS = {
    "default": sor.StaticRouter(),
    "eager": sor.StaticRouter(lambda_under=0.05),
    "idle": sor.StaticRouter(lambda_under=0, theta_queue=0),
    "strict": sor.StaticRouter(rule="strict"),
    "fills": sor.StaticRouter(plan="fills"),
}


def random_rows(rng: random.Random, venues: int, n: int, sizes: int = 300) -> list[tuple[Any, ...]]:
    """Few prices: repeats, empty sides, locked and crossed books, several records at one time."""
    rows: list[tuple[Any, ...]] = []
    ts = 0
    for i in range(venues + n):
        ts += rng.choice((0, 0, 1, 3, 7)) if i >= venues else 0
        sides: list[tuple[int | None, int]] = [
            (rng.randint(*prices) * CENT, rng.randint(1, 3) * sizes // 3) if rng.random() < 0.9 else (None, 0)
            for prices in ((96, 101), (100, 105))
        ]
        rows.append((ts, i if i < venues else rng.randrange(venues), *sides[0], *sides[1]))
        if rng.random() < 0.3:
            rows.append(rows[-1])
    return rows


def tape(rows: list[tuple[Any, ...]]) -> sor.Quotes:
    names = ("ts_event", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
    return sor.read_quotes(frame, price_scale=1e-9, time_unit="ns")


def random_case(rng: random.Random) -> tuple[list[tuple[Any, ...]], ref.Order, ref.Settings, Market]:
    """A tape and the same settings for the reference and for the core."""
    venues = rng.randint(1, 3)
    fees = [rng.choice((3_000_000, 0, -2_000_000)) for _ in range(venues)]
    book: dict[str, Any] = {
        "snapshot": rng.choice(("last", "each", "first")),
        "collar": rng.choice((None, 0.01, 0.03)),
        "max_quote_age": rng.choice((None, 5)),
    }
    settings = ref.Settings([ref.Venue(fee) for fee in fees], sessions=OPEN, **book)
    market = Market(
        venues=[sor.Venue(i, taker_fee=fee / 1e9) for i, fee in enumerate(fees)], book=sor.Book(**book)
    )
    order = ref.Order(
        rng.choice(("buy", "sell")),
        rng.randint(1, 900),
        rng.randint(-5, 40),
        rng.randint(1, 60),
        rng.choice((1, 100)),
    )
    return random_rows(rng, venues, 20), order, settings, market


def parent(order: ref.Order) -> Parent:
    return Parent(order.side, order.quantity, order.start, order.start + order.horizon, order.lot)


def test_hindsight_is_the_references() -> None:
    rng = random.Random(1)
    known = 0
    for i in range(some(1_500, ci=150)):
        rows, order, settings, market = random_case(rng)
        expected = ref.hindsight(rows, order, settings)
        assert hindsight(Job(lay(tape(rows), settings), [parent(order)], (market,)), threads=1) == [
            expected
        ], f"case {i}: {rows}"
        known += expected is not None
    assert known > enough(1_200)


def brute_force(rows: list[tuple[Any, ...]], order: ref.Order, settings: ref.Settings) -> int | None:
    """The least cost over every amount taken at every decision at every venue, replayed share by share.

    Depletion is followed literally: a choice takes what is available then, and what is left is completed.
    """
    end = order.start + order.horizon
    least: int | None = None
    groups = list(ref.snapshots(rows, settings.snapshot))
    decisions = [order.start, *(ts for ts, _ in groups if order.start < ts < end)]
    slots = len(decisions) * len(settings.venues)
    for plan in itertools.product(range(order.quantity + 1), repeat=slots):
        if sum(plan) > order.quantity:
            continue
        cost = play(plan, groups, order, settings)
        if cost is not None and (least is None or cost < least):
            least = cost
    return least


def play(plan: tuple[int, ...], groups: list[Any], order: ref.Order, settings: ref.Settings) -> int | None:
    """What one plan costs; None when it takes what is not there, or the order never arrives."""
    book, wanted = ref.Book(settings, order.taking), iter(plan)
    s, end = order.sign, order.start + order.horizon
    cost, left = 0, order.quantity

    def decide(now: int) -> bool:
        nonlocal cost, left
        seen = book.visible(now)
        for venue, terms in enumerate(settings.venues):
            shares = next(wanted)
            if shares and (venue not in seen or shares > book.available(venue)):
                return False
            book.taken[venue] += shares
            cost += shares * (s * seen[venue][0] + terms.taker_fee) if shares else 0
            left -= shares
        return True

    for ts, group in groups:
        if ts <= order.start:
            book.apply_snapshot(group)
    if book.has_shown_both and not decide(order.start):
        return None
    for ts, group in groups:
        if order.start < ts <= end:
            book.apply_snapshot(group)
            if ts < end and book.has_shown_both and not decide(ts):
                return None
    if not book.has_shown_both:
        return None
    level, last = book.visible_level(order.taking, end), book.last_visible[order.taking]
    for ts, group in groups:
        if ts > end and level is None:
            book.apply_snapshot(group)
            level = book.visible_level(order.taking, ts)
    level = level or last
    assert level is not None
    price, step = level.price, s * settings.tick
    while left:
        shares = min(left, level.depth)
        cost += shares * (s * price + settings.venues[level.venue].taker_fee)
        left -= shares
        price += step
    return cost


def test_hindsight_is_the_brute_force_optimum_of_tiny_tapes() -> None:
    rng = random.Random(2)
    checked = better = 0
    while checked < some(250):
        venues = rng.randint(1, 2)
        fees = [rng.choice((3_000_000, 0)) for _ in range(venues)]
        rows = random_rows(rng, venues, rng.randint(1, 4), sizes=3)  # sizes of 1 to 3 shares
        order = ref.Order(
            rng.choice(("buy", "sell")), rng.randint(1, 4), rng.randint(0, 3), rng.randint(1, 12), 1
        )
        moments = 1 + len({row[0] for row in rows if order.start < row[0] < order.start + order.horizon})
        if (order.quantity + 1) ** (moments * venues) > 4_000:
            continue
        collar = rng.choice((None, 0.01))
        settings = ref.Settings([ref.Venue(fee) for fee in fees], sessions=OPEN, collar=collar)
        market = Market(
            venues=[sor.Venue(i, taker_fee=fee / 1e9) for i, fee in enumerate(fees)],
            book=sor.Book(collar=collar),
        )
        expected = brute_force(rows, order, settings)
        assert hindsight(Job(lay(tape(rows), settings), [parent(order)], (market,)), threads=1) == [
            expected
        ], f"{order}: {rows}"
        checked += 1
        sweep = ref.replay(rows, order, ref.Policy("sweep"), settings)
        paid = sum(order.sign * fill.quantity * fill.price + fill.fee for fill in sweep.fills)
        better += expected is not None and expected < paid
    assert better > enough(30)  # foresight is worth something on these tapes


def policies(market: Market) -> list[Variant]:
    named = {
        **ROUTERS,
        **{name: sor.POLICIES[name] for name in BASELINES},
        "twap": sor.Sliced(sor.Sweep(), sor.Twap(bucket="10s")),
    }
    return [Variant(policy=policy, market=market) for policy in named.values()]


def assert_bound(quotes: sor.Quotes, parents: list[Parent], market: Market) -> int:
    """No policy beats the bound; returns how often one attains it."""
    bounds = pl.DataFrame(
        {
            "parent": pl.Series(range(len(parents)), dtype=pl.UInt32),
            "least": pl.Series(hindsight(Job(quotes, parents, (market,))), dtype=pl.Int64),
        }
    )
    costs = replay(quotes, parents, policies(market), record=False).parents.join(bounds, on="parent")
    assert costs.height == len(parents) * (len(ROUTERS) + len(BASELINES))
    done = costs.filter(pl.col("status") != "no_quotes")
    beaten = done.filter(pl.col("least").is_null() | (pl.col("all_in") < pl.col("least")))
    assert beaten.is_empty(), beaten
    return done.filter(pl.col("all_in") == pl.col("least")).height


def test_no_taking_policy_beats_hindsight_on_random_tapes() -> None:
    rng = random.Random(3)
    attained = 0
    for _ in range(some(400)):
        rows, order, settings, market = random_case(rng)
        attained += assert_bound(lay(tape(rows), settings), [parent(order)], market)
    assert attained > enough(100)


@pytest.mark.data
@pytest.mark.parametrize("side", ["buy", pytest.param("sell", marks=pytest.mark.slow)])
def test_no_taking_policy_beats_hindsight_on_the_real_tape(side: Any) -> None:
    quotes = sor.read_quotes(recorded.QUOTES)
    orders = sor.orders_every("1m", side=side, quantity=5_000, horizon="5m")
    result = sor.backtest(quotes, orders)
    parents = sor.replay.parents.lay([orders], quotes)
    assert len(parents) == 385
    assert_bound(quotes, parents, result.market)
    # The public table is the same bound, in currency.
    least = hindsight(Job(quotes, parents, (result.market,)))
    sign = 1 if side == "buy" else -1
    shown = result.hindsight["all_in_px"].to_list()
    for price, cost in zip(shown, least, strict=True):
        assert cost is not None
        assert price == pytest.approx(sign * cost / (1e9 * 5_000), abs=1e-9)
    # It may be negative: a baseline can do better than the router, none better than the bound.
    assert all(share is not None and share <= 1 for share in result.attainable_share.values())
