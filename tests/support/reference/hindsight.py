"""The least possible cost with perfect foresight (MODEL P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .book import Book, Record, Settings, snapshots, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .replay import Order


def hindsight(records: Sequence[Record], order: Order, settings: Settings) -> int | None:
    """P4: the least all-in cost in nanos, ``s * notional + fees``; None when the side was never seen.

    Every (venue, quote episode) a policy could see at one of its decisions offers its displayed size once,
    the completion walk is open as well, and the cheapest shares are taken.
    """
    s, end = order.sign, order.start + order.horizon
    book = Book(settings, order.taking)
    episodes: dict[tuple[int, int], tuple[int, int]] = {}

    def look(now: int) -> None:
        for venue, (price, size) in book.visible(now).items():
            all_in = s * price + settings.venues[venue].taker_fee
            episodes[venue, book.episode[venue]] = (all_in, size)

    groups = list(snapshots(records, settings.snapshot))
    for ts, group in groups:
        if ts <= order.start:
            book.apply_snapshot(group)
    look(order.start)
    for ts, group in groups:
        if order.start < ts < end:
            book.apply_snapshot(group)
            look(ts)
    for ts, group in groups:
        if ts == end:
            book.apply_snapshot(group)

    level = book.best(order.taking) or book.last_seen[order.taking]
    if level is None:
        return None
    fee = settings.venues[level.venue].taker_fee
    pieces = list(episodes.values())
    pieces += [(s * price + fee, n) for n, price in walk(level, order.side, order.quantity, settings.tick)]
    cost, left = 0, order.quantity
    for all_in, size in sorted(pieces):
        shares = min(size, left)
        cost += shares * all_in
        left -= shares
    return cost
