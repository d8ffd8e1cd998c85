"""Queue models against simulated queues: the truth is known, and the models must bound it (rules C9, C10)."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from functools import cache

import exchange
import pytest
import reference as ref
from effort import enough, some
from exchange import CENT, Wish, simulate
from queue_cases import every_engine
from queue_engines import Engine, open_to_all
from reference.resting import Resting, sides_in, sides_of
from simulated_markets import GRIDS, random_rules, simulated

SIDES = ("buy", "sell")


@cache
def probed(engine: Engine, kind: str) -> list[tuple[int, bool, int, dict[str, int]]]:
    """Return (market, with trades, truth, shares by queue) for every probe."""
    found = []
    for number, market in enumerate(simulated(kind)):
        for side in SIDES:
            for taped in (True, False):
                trades = market.trades if taped else None
                rows = {
                    queue: engine(market.records, trades, market.windows, side, market.quantity, queue)
                    for queue in ref.QUEUES
                }
                for window, truths in enumerate(market.true[side]):
                    for venue, true in enumerate(truths):
                        shares = {queue: rows[queue][window][venue] for queue in ref.QUEUES}
                        found.append((number, taped, true, shares))
    return found


def mean_errors(engine: Engine, kind: str, *, taped: bool) -> dict[str, float]:
    """Return the mean of |shares - truth| over the probes, each as a part of the order, and of the band."""
    total: dict[str, float] = defaultdict(float)
    rows = [row for row in probed(engine, kind) if row[1] == taped]
    for number, _, true, shares in rows:
        quantity = simulated(kind)[number].quantity
        for queue in ref.QUEUES:
            total[queue] += abs(shares[queue] - true) / quantity / len(rows)
        total["band"] += (shares["optimistic"] - shares["pessimistic"]) / quantity / len(rows)
    return total


@every_engine
@pytest.mark.parametrize("kind", GRIDS)
def test_the_truth_lies_between_the_bounds(engine: Engine, kind: str) -> None:
    met: Counter[str] = Counter()
    for number, taped, true, shares in probed(engine, kind):
        where = f"market {number}, {kind}, with trades: {taped}"
        assert shares["optimistic"] >= true >= shares["pessimistic"], where
        assert shares["optimistic"] >= shares["expected"] >= shares["pessimistic"], where
        quantity = simulated(kind)[number].quantity
        met["none" if true == 0 else "all" if true == quantity else "some"] += 1
        met["open"] += shares["optimistic"] > shares["pessimistic"]
    assert min(met["none"], met["all"], met["some"], met["open"]) > enough(100), met


@every_engine
@pytest.mark.parametrize("taped", [True, False], ids=["with trades", "without"])
@pytest.mark.parametrize("kind", GRIDS)
def test_expected_is_nearest_to_the_truth(engine: Engine, kind: str, taped: bool) -> None:
    error = mean_errors(engine, kind, taped=taped)
    assert error["expected"] < min(error["optimistic"], error["pessimistic"]), dict(error)


@every_engine
@pytest.mark.parametrize("kind", GRIDS)
def test_trades_narrow_the_band(engine: Engine, kind: str) -> None:
    assert (
        0
        < mean_errors(engine, kind, taped=True)["band"]
        < 0.5 * mean_errors(engine, kind, taped=False)["band"]
    )
    band: dict[tuple[int, bool], int] = defaultdict(int)
    for number, taped, _, shares in probed(engine, kind):
        band[number, taped] += shares["optimistic"] - shares["pessimistic"]
    for number in range(len(simulated(kind))):
        assert band[number, True] <= band[number, False], f"market {number}, {kind}"


def follow(market: exchange.Exchange, ghost: exchange.Ghost, queue: str, *, taped: bool) -> tuple[str, int]:
    """What the reference makes of one ghost: whether it joined, and its shares."""
    wish, venue = ghost.wish, ghost.venue
    book = ref.Book(open_to_all(market.records), {"buy": "ask", "sell": "bid"}[wish.side])
    order, filled = None, 0
    for ts, trades, groups in ref.timeline(market.records, market.trades if taped else None, "last"):
        if ts > wish.ends:
            break
        if ts > wish.begins and order is None:
            own, other = sides_of(book, venue)
            price = ghost.price * CENT
            order = Resting.join(
                wish.side, price, wish.quantity, queue, own, other, planned=ghost.size, taped=taped
            )
            if order is None:
                return "crossed", 0
        for _, at, price, size in trades:
            if order is not None and at == venue:
                filled += order.trade(ts, price, size, sides_of(book, venue)[1])
        for record in (record for group in groups for record in group):
            before, now = sides_of(book, record[1]), sides_in(book, record)
            if order is not None and record[1] == venue:
                filled += order.record(ts, before[0], now[0], before[1], now[1])
            book.apply(record)
    return "planned" if order is None else "live", filled


@pytest.mark.parametrize("kind", GRIDS)
def test_bounds_of_orders_that_arrive_late(kind: str) -> None:
    """With latency the book an order joins is not the one it was planned on: away, moved through, crossed."""
    met: Counter[str] = Counter()
    for seed in range(some(100, everyday=20)):
        rng, grid = random.Random(1_000 + seed), GRIDS[kind]
        rules = random_rules(rng, seed, grid)
        length, late = rng.choice([20, 60, 200]), rng.choice([1, 5, 20, 50])
        begins = [rng.randrange(2 * rules.events) // grid * grid for _ in range(2)]
        wishes = [
            Wish(side, rng.choice([1, 4, 10]) * rules.lots, at, at + late, at + late + length)
            for side in SIDES
            for at in begins
        ]
        market = simulate(rules, wishes)
        for ghost in (ghost for ghosts in market.ghosts.values() for ghost in ghosts if ghost is not None):
            for taped in (True, False):
                got = {queue: follow(market, ghost, queue, taped=taped) for queue in ref.QUEUES}
                joined = {state for state, _ in got.values()}
                met.update(joined)
                if joined != {"planned"}:  # else the tape has ended by then
                    assert joined == {ghost.state}
                shares = {queue: filled for queue, (_, filled) in got.items()}
                where = f"market {seed}, {kind}, with trades: {taped}"
                assert shares["optimistic"] >= ghost.filled >= shares["pessimistic"], where
                assert shares["optimistic"] >= shares["expected"] >= shares["pessimistic"], where
    assert met["crossed"] > enough(10)
    assert met["live"] > enough(500)
