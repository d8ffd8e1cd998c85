"""Resting orders and probes (MODEL C9, C10): rules worked by hand, and bounds that hold in simulated queues.

An engine takes (records, trades, windows, side, quantity, queue) and returns, for each window, the shares that a
probe of it fills at every venue. Whatever implements the rules is added to `ENGINES` and meets the same cases.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import exchange
import polars as pl
import pytest
import reference as ref
import sor
from exchange import CENT, Rules, Wish, simulate
from reference.resting import Resting, divide_half_even, sides_in, sides_of
from sor.tape.schema import TRADE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

Engine = Any  # Callable[[records, trades, windows, side, quantity, queue], list[list[int]]]
SIDES = ("buy", "sell")


def reference_engine(
    records: Sequence[exchange.Record],
    trades: Sequence[exchange.Trade] | None,
    windows: Sequence[tuple[int, int]],
    side: str,
    quantity: int,
    queue: str,
) -> list[list[int]]:
    return ref.probe(records, trades, windows, side, quantity, queue, open_to_all(records))


def open_to_all(records: Sequence[exchange.Record]) -> ref.Settings:
    """No stubs, no ages: every venue that shows an own-side quote is probed."""
    return ref.Settings([ref.Venue()] * (1 + max(record[1] for record in records)), collar=None)


def core_engine(
    records: Sequence[exchange.Record],
    trades: Sequence[exchange.Trade] | None,
    windows: Sequence[tuple[int, int]],
    side: str,
    quantity: int,
    queue: str,
) -> list[list[int]]:
    """Ask the package: for a window that begins at any time, one of a grid so fine that it is in it."""
    quotes = quotes_of(records, trades, past=max(end for _, end in windows))
    rows = []
    for begin, end in windows:
        length, every = end - begin, max(begin - quotes.start, 1)
        probes = sor.probe_outflows(
            quotes, side=side, quantity=quantity, window=length, every=every, queue=queue, book=OPEN
        )
        (row,) = probes.filter(pl.col("start").to_physical() == begin).drop("start", "end").iter_rows()
        rows.append(list(row))
    return rows


OPEN = sor.Book(collar=None)


def quotes_of(
    records: Sequence[exchange.Record], trades: Sequence[exchange.Trade] | None, *, past: int
) -> sor.Quotes:
    """Read a tape as the package does; its last record is told once more after `past`, so that windows fit."""
    told = [*records, (past + 1, *records[-1][1:])]
    names = ("ts_event", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    types = (pl.Int64, pl.UInt16, pl.Int64, pl.UInt32, pl.Int64, pl.UInt32)
    quotes = sor.read_quotes(pl.DataFrame(told, schema=dict(zip(names, types, strict=True)), orient="row"))
    if trades is None:
        return quotes
    assert quotes.venues["id"].to_list() == list(range(quotes.venues.height))
    prints = pl.DataFrame(trades, schema=TRADE_SCHEMA, orient="row")
    tape = sor.Trades(
        frame=prints,
        symbol=None,
        source="exchange",
        excluded=0,
        off_venue=0,
        venues=tuple(quotes.venues["name"]),
    )
    return quotes.with_trades(tape)


ENGINES: dict[str, Engine] = {"reference": reference_engine, "core": core_engine}
every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


# Rules by hand. One venue; a probe joins at 100 on the first record, ask 105, and stays to the end. Prices in cents.
# A record is (ts, bid, size[, ask, size]), a trade (ts, price, size); `fills` are optimistic, expected, pessimistic.

Quotes = list[tuple[int, ...]]


@dataclass(frozen=True)
class Hand:
    name: str
    quotes: Quotes
    trades: Quotes | None
    fills: tuple[int, int, int]
    quantity: int = 500


TAPED = [
    Hand(
        "a level of the other side that was better and came back is new",
        [(0, 100, 40), (1, 100, 40, 99, 10), (2, 100, 40, 100, 10), (3, 100, 40, 99, 10)],
        [],
        (500, 30, 30),
    ),
    Hand(
        "once the other side has reached us nobody is ahead",
        [(0, 100, 40), (1, 100, 40, 100, 10), (2, 100, 40, 102, 10), (4, 100, 20, 102, 10)],
        [(3, 100, 20)],
        (500, 30, 30),
    ),
    Hand(
        "what was printed while the level was hidden explains nothing later",
        [(0, 100, 80), (1, 101, 10), (3, 100, 60), (4, 100, 40), (6, 100, 15)],
        [(2, 100, 50), (5, 100, 25)],
        (75, 5, 0),
    ),
    Hand(
        "an old print does not explain the decrease of a new one's time",
        [(0, 100, 200), (1, 100, 180), (2, 100, 130), (4, 100, 10)],
        [(1, 100, 50), (2, 100, 20), (3, 100, 120)],
        (20, 12, 0),
    ),
    Hand(
        "trades take the queue ahead, then fill",
        [(0, 100, 300), (1, 100, 400), (2, 100, 200), (3, 100, 50)],
        [(2, 100, 200), (3, 100, 150)],
        (50, 50, 50),
    ),
    Hand(
        "never more than the order",
        [(0, 100, 300), (1, 100, 900), (2, 100, 100)],
        [(2, 100, 800)],
        (70, 70, 70),
        quantity=70,
    ),
    Hand(
        "the decrease of a trade is its own: it moves the queue once",
        [(0, 100, 300), (1, 100, 400), (2, 100, 200), (3, 100, 150)],
        [(2, 100, 200), (3, 100, 50)],
        (0, 0, 0),
    ),
    Hand(
        "a decrease that no trade explains: all, in proportion, none of it ahead of us",
        [(0, 100, 300), (1, 100, 600), (2, 100, 400), (3, 100, 150)],
        [(3, 100, 250)],
        (150, 50, 0),
    ),
    Hand(
        "in proportion, 0.5 to even: 0",
        [(0, 100, 3), (1, 100, 6), (2, 100, 5), (3, 100, 1)],
        [(3, 100, 4)],
        (2, 1, 1),
    ),
    Hand(
        "in proportion, 1.5 to even: 2",
        [(0, 100, 3), (1, 100, 6), (2, 100, 3), (3, 99, 9)],
        [(3, 100, 3)],
        (3, 2, 0),
    ),
    Hand(
        "no more can be ahead than is displayed",
        [(0, 100, 300), (1, 100, 400), (2, 100, 50), (3, 100, 250), (4, 100, 150)],
        [(4, 100, 100)],
        (100, 62, 50),
    ),
    Hand(
        "a trade is told before its record: the credit waits for it",
        [(0, 100, 300), (1, 100, 400), (4, 100, 200), (5, 100, 100)],
        [(2, 100, 200), (5, 100, 100)],
        (0, 0, 0),
    ),
    Hand(
        "credit that its timestamp's records left over is no credit later",
        [(0, 100, 300), (1, 100, 400), (2, 100, 250), (3, 100, 200), (4, 100, 100)],
        [(2, 100, 200), (4, 100, 100)],
        (50, 20, 0),
    ),
    Hand(
        "within a timestamp the cancellation may have come before the trade",
        [(0, 100, 100), (1, 100, 200), (2, 100, 100), (2, 100, 50)],
        [(2, 100, 50)],
        (50, 0, 0),
    ),
    Hand(
        "within a timestamp, also when our level was left and joined again",
        [(0, 100, 100), (1, 99, 10), (1, 100, 50), (1, 99, 10)],
        [(1, 100, 50)],
        (50, 0, 0),
    ),
    Hand(
        "a level swept by the trades that are printed gives nothing back",
        [(0, 100, 100), (1, 100, 150), (2, 99, 60)],
        [(2, 100, 150), (2, 99, 30)],
        (80, 80, 80),
    ),
    Hand(
        "within a timestamp a cancellation may have come before a sweep",
        [(0, 100, 100), (1, 100, 150), (2, 100, 50), (2, 99, 60)],
        [(2, 100, 50), (2, 99, 30)],
        (80, 30, 30),
    ),
    Hand(
        "away and back, nothing less is shown: who was ahead may have been replaced",
        [(0, 100, 300), (1, 101, 100), (2, 100, 300), (3, 100, 200)],
        [(3, 100, 100)],
        (100, 0, 0),
    ),
    Hand(
        "away and back, less is shown",
        [(0, 100, 300), (1, 101, 100), (2, 100, 120), (3, 100, 200), (4, 100, 50)],
        [(4, 100, 150)],
        (150, 30, 30),
    ),
    Hand(
        "a sweep to our level while it was hidden",
        [(0, 100, 300), (1, 101, 100), (2, 100, 250)],
        [(2, 101, 100), (2, 100, 50)],
        (50, 0, 0),
    ),
    Hand(
        "hidden, left and swept to within one timestamp",
        [(0, 100, 100), (1, 100, 200), (2, 101, 100), (2, 100, 150)],
        [(2, 101, 100), (2, 100, 50)],
        (50, 0, 0),
    ),
    Hand(
        "a better bid is no trade of ours",
        [(0, 100, 300), (1, 101, 100), (2, 101, 40)],
        [(2, 101, 60)],
        (0, 0, 0),
    ),
    Hand(
        "moved through: nobody is ahead any more",
        [(0, 100, 300), (1, 99, 10), (2, 100, 40), (3, 100, 10)],
        [(3, 100, 30)],
        (30, 30, 30),
    ),
    Hand(
        "the side empties: nobody is ahead any more",
        [(0, 100, 300), (1, 0, 0), (2, 100, 40), (3, 100, 10)],
        [(3, 100, 30)],
        (30, 30, 30),
    ),
    Hand(
        "a trade through our price fills, and nobody is ahead any more",
        [(0, 100, 300), (1, 99, 60), (2, 99, 20)],
        [(1, 100, 300), (1, 99, 40), (2, 99, 40)],
        (80, 80, 80),
    ),
    Hand(
        "reached by the other side: what is fresh there fills, and only once",
        [
            *[(0, 100, 300), (1, 99, 10, 100, 70), (2, 99, 10, 100, 50), (3, 99, 10, 100, 90)],
            *[(4, 98, 10, 99, 30), (5, 98, 10, 100, 90), (6, 98, 10, 101, 10), (7, 98, 10, 100, 20)],
        ],
        [],
        (500, 70 + 40 + 30 + 0 + 20, 160),
    ),
    Hand(
        "a trade at a displayed ask that reaches us is not ours",
        [(0, 100, 300), (1, 99, 10, 100, 70), (2, 99, 10, 100, 40)],
        [(2, 100, 30)],
        (500, 70, 70),
    ),
    Hand(
        "a trade below a displayed ask is",
        [(0, 100, 300), (1, 98, 10, 100, 70), (2, 97, 10, 100, 70)],
        [(2, 98, 10)],
        (500, 80, 80),
    ),
    Hand(
        "what rested at our price and was bought within one timestamp counts once, for the pessimist",
        [(0, 100, 20), (1, 99, 10, 100, 60), (1, 99, 10, 105, 9)],
        [(1, 100, 60)],
        (500, 40 + 60, 60),
    ),
    Hand(
        "trades of earlier timestamps are not held against what is fresh",
        [(0, 100, 20), (1, 100, 60), (2, 100, 10), (3, 99, 10, 100, 60)],
        [(2, 100, 50)],
        (500, 30 + 60, 30 + 60),
    ),
    Hand(
        "a record that repeats changes nothing", [(0, 100, 300), (1, 100, 300), (2, 100, 300)], [], (0, 0, 0)
    ),
    Hand("nothing happens", [(0, 100, 300), (9, 100, 300, 106, 1)], [], (0, 0, 0)),
]

UNTAPED = [
    Hand(
        "a decrease may be a trade",
        [(0, 100, 300), (1, 100, 600), (2, 100, 250)],
        None,
        (50, 0, 0),
    ),
    Hand("a fall may be a sweep", [(0, 100, 300), (1, 99, 10)], None, (500, 0, 0)),
    Hand("away is not", [(0, 100, 300), (1, 101, 10), (2, 101, 5)], None, (0, 0, 0)),
    Hand("a return may be a sweep", [(0, 100, 300), (1, 101, 10), (2, 100, 400)], None, (500, 0, 0)),
    Hand(
        "reached by the other side",
        [(0, 100, 300), (1, 100, 300, 105, 60), (2, 99, 10, 100, 60), (3, 99, 10, 100, 80)],
        None,
        (500, 80, 80),
    ),
]


def tape_of(hand: Hand, side: str) -> tuple[list[exchange.Record], list[exchange.Trade] | None]:
    """A sell is the mirror: every price is as far above 100 as it was below."""
    records, trades = [], None
    for ts, bid, size, *ask in hand.quotes:
        own, other = (bid, size), tuple(ask) or (105, 100)
        if side == "sell":
            own, other = ((price and 200 - price, size) for price, size in (other, own))
        records.append((ts, 0, own[0] * CENT, own[1], other[0] * CENT, other[1]))
    if hand.trades is not None:
        prices = {"buy": lambda price: price, "sell": lambda price: 200 - price}[side]
        trades = [(ts, 0, prices(price) * CENT, size) for ts, price, size in hand.trades]
    return records, trades


@every_engine
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("hand", [*TAPED, *UNTAPED], ids=lambda hand: hand.name)
def test_by_hand(engine: Engine, hand: Hand, side: str) -> None:
    records, trades = tape_of(hand, side)
    windows = [(records[0][0], records[-1][0])]
    for queue, shares in zip(ref.QUEUES, hand.fills, strict=True):
        assert engine(records, trades, windows, side, hand.quantity, queue) == [[shares]], queue


@every_engine
@pytest.mark.parametrize("queue", ref.QUEUES)
def test_a_window_sees_what_comes_after_it_begins_and_up_to_its_end(engine: Engine, queue: str) -> None:
    records = [(ts, 0, 100 * CENT, 100, 105 * CENT, 100) for ts in range(9)]
    trades = [(ts, 0, 100 * CENT, 150) for ts in range(9)]
    assert engine(records, trades, [(0, 8)], "buy", 2_000, queue) == [[50 + 7 * 150]]
    assert engine(records, trades, [(0, 3), (2, 5), (4, 7)], "buy", 2_000, queue) == [[350], [350], [350]]
    assert engine(records, trades, [(7, 8)], "buy", 2_000, queue) == [[50]]


@every_engine
@pytest.mark.parametrize("side", SIDES)
def test_where_nothing_can_be_posted_nothing_is_filled(engine: Engine, side: str) -> None:
    """Venue 0 is locked, venue 1 shows no own side, venue 2 nothing yet; venue 3 has all there is to have."""
    own, other = (100 * CENT, 10), ((105 if side == "buy" else 95) * CENT, 10)
    quotes = [(own, (own[0], 10)), ((None, 0), other), None, (own, other)]
    records = []
    for venue, quote in enumerate(quotes):
        if quote is not None:
            bid, ask = quote if side == "buy" else quote[::-1]
            records.append((0, venue, *bid, *ask))
    records.append((5, 2, *records[-1][2:]))
    trades = [(ts, venue, 100 * CENT, 30) for ts in (3, 5) for venue in range(4)]
    for queue in ref.QUEUES:
        assert engine(records, trades, [(0, 5)], side, 40, queue) == [[0, 0, 0, 40]]


# One order, told by hand: what an engine of probes cannot show.


def join(
    side: str,
    own: ref.book.Quote | None,
    other: ref.book.Quote | None,
    queue: str = "expected",
    *,
    taped: bool = True,
) -> Resting | None:
    """At 100, planned on 70 shares shown there."""
    return Resting.join(side, 100, 50, queue, own, other, planned=70, taped=taped)


def test_post_only() -> None:
    assert join("buy", (99, 10), (100, 10)) is None
    assert join("buy", None, (98, 10)) is None
    assert join("buy", (99, 10), (101, 10)) is not None
    assert join("sell", (101, 10), (100, 10)) is None
    assert join("sell", None, (102, 10)) is None
    assert join("sell", (101, 10), None) is not None


@pytest.mark.parametrize("side", SIDES)
def test_the_queue_that_an_order_joins(side: str) -> None:
    better, worse = (101, 99) if side == "buy" else (99, 101)
    for queue in ref.QUEUES:
        assert join(side, (100, 40), None, queue).ahead == 40
        assert join(side, (worse, 40), None, queue).ahead == 0
        assert join(side, None, None, queue).ahead == 0
    away = {queue: join(side, (better, 40), None, queue) for queue in ref.QUEUES}
    assert [order.ahead for order in away.values()] == [0, 70, ref.resting.ANY]
    for (
        order
    ) in away.values():  # 90 are shown when the better quote has gone: all of them may have been first
        order.record(1, (better, 40), (100, 90), None, None)
    assert [order.ahead for order in away.values()] == [0, 70, 90]


def test_first_in_line_without_a_tape_any_fall_may_be_a_trade_through_us() -> None:
    for queue, shares in zip(ref.QUEUES, (50, 0, 0), strict=True):
        order = join("buy", (99, 40), None, queue, taped=False)
        assert order.record(1, (99, 40), (99, 30), None, None) == shares


def test_divide_half_even() -> None:
    assert [divide_half_even(a, 2) for a in range(8)] == [0, 0, 1, 2, 2, 2, 3, 4]
    assert [divide_half_even(a, 3) for a in range(5)] == [0, 0, 1, 1, 1]
    big = 2**80 + 1
    assert divide_half_even(3 * big, 2 * big) == 2
    assert divide_half_even(big, 2 * big + 1) == 0


# Simulated queues: the truth is known, and the models must bound it.

MARKETS = 240
GRIDS = {"unique": 1, "coarse": 25}


@dataclass(frozen=True)
class Simulated:
    """A market, and for each side the rows of a probe, as it truly filled."""

    records: list[exchange.Record]
    trades: list[exchange.Trade]
    windows: list[tuple[int, int]]
    quantity: int
    true: dict[str, list[list[int]]]


def random_rules(rng: random.Random, seed: int, grid: int) -> Rules:
    """Thin markets whose prices move, and calm ones whose queues grow, turn over and are cancelled."""
    thin = rng.random() < 0.5
    return Rules(
        seed,
        venues=rng.choice([1, 2, 3]),
        events=rng.choice([80, 160]),
        grid=grid,
        limits=rng.choice([3.0, 6.0] if thin else [8.0, 12.0]),
        crossing=rng.choice([0.5, 1.5] if thin else [0.1, 0.3]),
        market=rng.choice([0.5, 3.0] if thin else [1.0, 2.0]),
        cancels=rng.choice([0.5, 2.0] if thin else [4.0, 6.0]),
        where=rng.choice(["uniform", "uniform", "front", "back"]),
        depth=rng.choice([1, 2, 4]),
        lots=rng.choice([1, 100]),
    )


@cache
def simulated(kind: str) -> list[Simulated]:
    markets = []
    for seed in range(MARKETS // len(GRIDS)):
        rng, grid = random.Random(seed), GRIDS[kind]
        rules = random_rules(rng, seed, grid)
        length = rules.events // rng.choice([2, 4, 8]) * 2 // grid * grid + grid
        every, quantity = max(length, 40 // grid * grid + grid), rng.choice([1, 4, 10]) * rules.lots
        begins = range(0, 4 * rules.events, every)
        wishes = [Wish(side, quantity, at, at, at + length) for side in SIDES for at in begins]
        market = simulate(rules, wishes)
        windows = ref.windows_of(market.records, length, every)
        true = {
            side: [
                [0 if ghost is None else ghost.filled for ghost in market.ghosts[wish]]
                for wish in wishes
                if wish.side == side and (wish.begins, wish.ends) in windows
            ]
            for side in SIDES
        }
        markets.append(Simulated(market.records, market.trades, windows, quantity, true))
    return markets


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
    assert min(met["none"], met["all"], met["some"], met["open"]) > 100, met


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
    for seed in range(100):
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
    assert met["crossed"] > 10
    assert met["live"] > 500


# The simulator itself.


def test_a_ghost_is_filled_by_what_passes_it() -> None:
    wish = Wish("buy", 100, 0, 0, 1_000)
    market = exchange.Exchange(Rules(1), [wish])
    book = market.books[0]
    market._rest(0, "bid", 100, 5)
    market._advance(1)
    (ghost, absent) = market.ghosts[wish]
    assert absent is None
    market._rest(0, "bid", 100, 7)  # behind
    market._rest(0, "bid", 99, 9)
    market._rest(0, "ask", 102, 9)  # out of reach
    assert market._match(0, "ask", 6, 100) == 0
    assert ghost.filled == 1
    book.remove("bid", 100, book.queues["bid"][100][0])  # a cancellation behind
    assert ghost.filled == 1
    assert market._match(0, "ask", 4, None) == 0  # below its price
    assert ghost.filled == 5
    assert market._match(0, "bid", 3, None) == 0  # the other side
    assert ghost.filled == 5
    market._rest(0, "ask", 100, 20)  # at its price: all of it would have met the ghost first
    assert ghost.filled == 25
    market._rest(0, "ask", 101, 20)
    assert ghost.filled == 25
    assert [trade[2:] for trade in market.trades] == [
        *[(100 * CENT, 5), (100 * CENT, 1), (99 * CENT, 4), (102 * CENT, 3)]
    ]
    market._advance(1_001)
    market._rest(0, "ask", 99, 20)  # it has left
    assert ghost.filled == 25


@pytest.mark.parametrize("kind", GRIDS)
def test_a_simulated_tape_is_one_that_an_exchange_would_write(kind: str) -> None:
    shared = 0
    for market in simulated(kind):
        times = [record[0] for record in market.records]
        assert times == sorted(times)
        shared += len(times) - len(set(times))
        assert [trade[0] for trade in market.trades] == sorted(trade[0] for trade in market.trades)
        last: dict[int, tuple[Any, ...]] = {}
        for _, venue, bid, bid_size, ask, ask_size in market.records:
            assert last.get(venue) != (bid, bid_size, ask, ask_size)
            last[venue] = (bid, bid_size, ask, ask_size)
            assert bid is None or ask is None or bid < ask
            assert (bid is None) == (bid_size == 0)
            assert (ask is None) == (ask_size == 0)
        assert all(size > 0 for _, _, _, size in market.trades)
    assert (shared > 1_000) == (kind == "coarse")


# The paper's router in the reference's replay.


def one_venue(latency: int = 0) -> ref.Settings:
    venue = ref.Venue(taker_fee=3, maker_rebate=2, latency=latency)
    return ref.Settings([venue], collar=None, tick=1)


PATIENT = ref.Policy(
    "cont_kukanov", lambda_over=0.0, lambda_under=0.0, theta_queue=0.0, epoch=10, window_every=10
)


def hand_replay(latency: int) -> ref.Run:
    """Two windows before the order filled it whole, so it rests: 40 shares in its first epoch, none in its second."""
    records = [(ts, 0, 1_000, 50, 1_004, 70) for ts in (0, 12, 22, 31, 45)]
    trades = [(5, 0, 1_000, 150), (15, 0, 1_000, 150), (25, 0, 1_000, 90)]
    order = ref.Order("buy", 100, 20, 20)
    return ref.replay(records, order, PATIENT, one_venue(latency), trades=trades)


def test_replay_by_hand() -> None:
    run = hand_replay(0)
    posts = [
        (c.kind, c.ts_decided, c.ts_arrived, c.quantity, c.seen, c.executed, c.reason) for c in run.children
    ]
    assert posts == [("post", 20, 20, 100, 1_000, 40, "partial"), ("post", 30, 30, 60, 1_000, 0, "queue")]
    post, completion = run.fills
    assert (post.kind, post.ts_decided, post.ts_executed, post.child) == ("post", 20, 25, 0)
    assert (post.quantity, post.price, post.quoted, post.mid, post.age) == (40, 1_000, 1_000, 1_002, 3)
    assert (post.fee, post.rebate) == (0, 80)
    assert (completion.kind, completion.quantity, completion.price) == ("completion", 60, 1_004)
    assert run.summary["spread"] == 40 * -2 + 60 * 2
    assert run.summary["rebates"] == 80
    assert run.summary["shortfall"] == 40 * -2 + 60 * 2 + 60 * 3 - 80


def test_an_order_that_would_arrive_when_its_epoch_ends_expires() -> None:
    for latency, reasons in (
        (9, ["queue", "queue"]),
        (10, ["expired", "expired"]),
        (12, ["expired", "expired"]),
    ):
        run = hand_replay(latency)
        assert [child.reason for child in run.children] == reasons
        assert run.summary["completed"] == 100


def test_without_scenarios_the_order_is_swept() -> None:
    records = [(ts, 0, 1_000, 50, 1_004, 70) for ts in range(30)]
    run = ref.replay(records, ref.Order("buy", 100, 5, 20), PATIENT, one_venue())
    assert [(c.kind, c.ts_decided, c.executed) for c in run.children] == [
        ("take", 5, 70)
    ]  # at 15 there is one
    assert run.children[0].reason == "filled"


def test_replays_conserve_shares_and_cash_in_the_order_of_time() -> None:
    met: Counter[str] = Counter()
    for seed in range(500):
        rng = random.Random(seed)
        rules = random_rules(rng, seed, rng.choice([1, 5, 25]))
        rules = replace(
            rules, events=200, crossing=3.0, market=2.0, cancels=2.0, depth=1
        )  # prices move, and orders fill
        market = simulate(rules, [])
        last = market.records[-1][0]
        settings = ref.Settings(
            [ref.Venue(3_000_000, 2_000_000, rng.choice([0, 2, 8, 20])) for _ in range(rules.venues)],
            snapshot=rng.choice(["last", "each", "first"]),
            depletion=rng.choice(["refresh", "persistent", "none"]),
            collar=rng.choice([None, 0.003]),
            max_quote_age=rng.choice([None, 30]),
        )
        policy = ref.Policy(
            "cont_kukanov",
            lambda_under=rng.choice([0.0, 0.0008, 0.0015]),
            theta_queue=0.0,
            lambda_over=0.0,
            adverse_selection=rng.choice([0, 0, 6_000_000]),
            epoch=rng.choice([25, 60]),
            queue=rng.choice(ref.QUEUES),
            scenarios=rng.choice([3, 100]),
            window_every=rng.choice([5, 17]),
        )
        start, horizon = rng.randint(last // 3, last), rng.randint(1, last)
        order = ref.Order(
            rng.choice(SIDES),
            rng.choice([2, 5, 15]) * rules.lots,
            start,
            horizon,
            rng.choice([1, rules.lots]),
        )
        trades = market.trades if rng.random() < 0.7 else None
        run = ref.replay(market.records, order, policy, settings, trades=trades)
        total = run.summary
        net = total["executed"] + total["completed"] - total["unwound"]
        assert net == order.quantity
        assert total["executed"] == sum(child.executed for child in run.children)
        cash = sum((-1 if row.kind == "unwind" else 1) * row.quantity * row.price for row in run.fills)
        fees = sum(row.fee - row.rebate for row in run.fills)
        assert total["shortfall"] == order.sign * (cash - net * run.m0) + fees
        times = [row.ts_executed for row in run.fills]
        assert times == sorted(times)
        for row in run.fills:
            assert (row.kind == "post") == (row.rebate > 0)
            assert (row.kind == "post") == (row.fee == 0)
        met.update(
            [*(f"{child.kind} {child.reason}" for child in run.children), *(row.kind for row in run.fills)]
        )
    for outcome in ("filled", "partial", "queue", "expired", "crossed"):
        assert met[f"post {outcome}"] > 5, met
    assert min(met["take"], met["post"], met["completion"], met["unwind"]) > 5, met
