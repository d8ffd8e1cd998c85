"""The least possible cost with perfect foresight (rule P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .book import Record, Settings, walk
from .completion import completion
from .replay import Policy, _Desk, follow
from .sessions import pieces_of, place_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .replay import Order
    from .resting import Instant
    from .sessions import Piece


def hindsight(records: Sequence[Record], order: Order, settings: Settings) -> int | None:
    """P4: the least all-in cost in nanos, ``s * notional + fees``; None when the order never arrived.

    Every (venue, quote episode) a policy could see at one of its decisions offers its displayed size once,
    the completion walk is open as well, and the cheapest shares are taken.
    """
    piece, cut = place_order(order, pieces_of(records, None, settings))
    witness = _Witness(cut, settings, piece)
    follow(witness, piece)
    return witness.least


class _Witness(_Desk):
    """A policy that looks at all and takes nothing."""

    def __init__(self, order: Order, settings: Settings, piece: Piece) -> None:
        super().__init__(order, Policy("hindsight"), settings, 0, None, piece)
        self.episodes: dict[tuple[int, int], tuple[int, int]] = {}
        self.least: int | None = None

    def decide(self, now: int) -> None:
        if not self.may_act(now):
            return
        for venue, (price, size) in self.book.visible(now).items():
            all_in = self.order.sign * price + self.settings.venues[venue].taker_fee
            self.episodes[venue, self.book.episode[venue]] = (all_in, size)

    def finish(self, end: int, later: Sequence[Instant]) -> None:
        if self.run.m0 is None:
            return
        s, quantity = self.order.sign, self.order.quantity
        level = completion(self.book, self.order.taking, end, later).level
        fee = self.settings.venues[level.venue].taker_fee
        pieces = list(self.episodes.values())
        pieces += [
            (s * price + fee, n) for n, price in walk(level, self.order.side, quantity, self.settings.tick)
        ]
        cost, left = 0, quantity
        for all_in, size in sorted(pieces):
            shares = min(size, left)
            cost += shares * all_in
            left -= shares
        self.least = cost
