"""The simulated exchange itself: its ghosts, and the tape it writes."""

from __future__ import annotations

from typing import Any

import exchange
import pytest
from effort import enough
from exchange import CENT, Rules, Wish
from simulated_markets import GRIDS, simulated

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
    assert (shared > enough(1_000)) == (kind == "coarse")
