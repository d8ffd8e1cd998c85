"""Rules of resting orders, worked by hand: one venue, few records, the shares that each queue model fills."""

from __future__ import annotations

from dataclasses import dataclass

import exchange
import pytest
from exchange import CENT
from queue_engines import ENGINES

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
