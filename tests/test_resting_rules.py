"""Resting orders and probes (rules C9, C10): every engine follows the rules that were worked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import reference as ref
from exchange import CENT
from queue_cases import TAPED, UNTAPED, Hand, every_engine, tape_of
from reference.resting import Resting, divide_half_even

if TYPE_CHECKING:
    from queue_engines import Engine

SIDES = ("buy", "sell")


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
