"""When a market is open, and what of a tape and of an order belongs to it (the model's section 7).

Readings where the text is open, all of them tested by hand in tests/test_sessions_by_hand.py:

- T1: a session is closed at both ends: records at ``open`` and at ``close`` are in it. Where one session closes in the
  moment in which the next opens, that moment belongs to the later one. A session without a record is none.
- T3: a session lies in ``[start, end)`` when it opens before ``end`` and closes at ``start`` or later. A silence inside
  it does not shut it: an order may begin and end between two records, or before the first (then it has no quotes).
  An order that starts at the very close is cut to no time: it decides nothing, and completes at once.
- T4: an order may arrive at ``end`` itself: it decides nothing there, and is completed. ``M0`` is then the mid there.
  Time slices and epochs are still counted from ``start``.
- T5: a halt holds in ``[start, end)``. It hides a venue's quotes and does not delete them: at its end the last quote
  stands again. Everything is halted while every venue is. What rests at a halted venue is cancelled when the halt
  begins, one venue's as everybody's; a child that arrives there finds no quote. Of one moment, halts come first, then
  trades, then records.
- A moment is a snapshot, or the begin or end of a halt, which changes the book as records do: mid, arrival, the last
  visible quote and late completion see it. A policy decides at snapshots, and where it arrives.
- T6: the price is the best *visible* one, the depth what is displayed there by visible venues. Unwinding follows the
  same rule on its own side. A stale completion is booked at ``end``: time, mid and age are those of ``end``, only the
  price is older. "Filled" turns into "late" or "stale" where unwinding is.
- C10.6: probe windows run from a session's first record to its last.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .book import Record, Settings
    from .replay import Order
    from .resting import Trade


class Session(NamedTuple):
    """T1: both ends belong to it."""

    open: int
    close: int


class Halt(NamedTuple):
    """T5: no trading from ``start`` until before ``end``, at one venue, or everywhere (None)."""

    start: int
    end: int
    venue: int | None = None


@dataclass(frozen=True)
class Piece:
    """What a tape holds of one session."""

    session: Session
    records: list[Record]
    trades: list[Trade] | None


def sessions_of(records: Sequence[Record], settings: Settings) -> list[Session]:
    """T1: the sessions of a tape, in order."""
    if not records:
        return []
    if settings.sessions is None:
        return [Session(records[0][0], records[-1][0])]
    if settings.sessions != "gaps":
        assert not isinstance(settings.sessions, str), settings.sessions
        return [Session(*session) for session in settings.sessions]
    found = [Session(records[0][0], records[0][0])]
    for record in records:
        if record[0] - found[-1].close >= settings.session_gap:
            found.append(Session(record[0], record[0]))
        found[-1] = Session(found[-1].open, record[0])
    return found


def pieces_of(records: Sequence[Record], trades: Sequence[Trade] | None, settings: Settings) -> list[Piece]:
    """T1, T2: the tape cut into sessions; what is outside of all is left out, and so are sessions without a record."""
    sessions = sessions_of(records, settings)
    check_sessions(sessions)

    def place(ts: int) -> Session | None:
        inside = [session for session in sessions if session.open <= ts <= session.close]
        return inside[-1] if inside else None

    sessions = [session for session in sessions if any(place(record[0]) == session for record in records)]
    pieces = []
    for session in sessions:
        own = [record for record in records if place(record[0]) == session]
        prints = None if trades is None else [trade for trade in trades if place(trade[0]) == session]
        if own:
            pieces.append(Piece(session, own, prints))
    return pieces


def dropped(records: Sequence[Record], settings: Settings) -> int:
    """T1: how many records are outside all sessions."""
    return len(records) - sum(len(piece.records) for piece in pieces_of(records, None, settings))


def check_sessions(sessions: Sequence[Session]) -> None:
    """T1: sessions follow each other; the close of one may be the open of the next."""
    for session in sessions:
        if session.open > session.close:
            raise ValueError(f"a session opens at {session.open}, after it closes at {session.close}")
    for one, following in itertools.pairwise(sessions):
        if following.open < one.close or following == one:
            raise ValueError(f"sessions {one} and {following} overlap or are not in order")


def place_order(order: Order, pieces: Sequence[Piece]) -> tuple[Piece, Order]:
    """T3: the session an order belongs to, and the order cut to it."""
    end = order.start + order.horizon
    for piece in pieces:
        if piece.session.open < end and order.start <= piece.session.close:
            cut = min(end, piece.session.close) - order.start
            return piece, dataclasses.replace(order, horizon=cut)
    nearest = min(pieces, key=lambda piece: distance(order, piece.session), default=None)
    raise ValueError(f"no session in [{order.start}, {end}); the nearest is {nearest and nearest.session}")


def distance(order: Order, session: Session) -> int:
    """The time between an order and a session that it misses."""
    return max(session.open - (order.start + order.horizon), order.start - session.close)


def schedule(
    session: Session, every: int, horizon: int, start: int | None = None, end: int | None = None
) -> list[int]:
    """T3: the starts of a schedule's orders in one session, from its open, or from ``start``, until ``end``."""
    first = session.open if start is None else max(start, session.open)
    last = session.close if end is None else min(end, session.close)
    return list(range(first, last - horizon + 1, every))


def halt_edges(settings: Settings) -> set[int]:
    """T5: the times at which a halt begins or ends."""
    return {ts for halt in settings.halts for ts in (halt.start, halt.end)}
