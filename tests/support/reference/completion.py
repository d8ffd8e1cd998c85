"""At what quote an order is completed (rule T6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .sessions import halt_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .book import Book, Level
    from .resting import Instant


@dataclass(frozen=True)
class Completion:
    """T6: at what quote an order is completed, and when; ``status`` None: in time."""

    level: Level
    ts: int
    mid: int
    age: int
    status: str | None


def completion(book: Book, side: str, end: int, later: Sequence[Instant]) -> Completion:
    """T6: the first visible quote of ``side`` at or after ``end``, else the session's last; the book moves on."""

    def at(ts: int, level: Level, status: str | None) -> Completion:
        assert book.mid is not None
        return Completion(level, ts, book.mid, book.age(level.venue, ts), status)

    level = book.visible_level(side, end)
    if level is not None:
        return at(end, level, None)
    last = book.last_visible[side]
    assert last is not None, "an order that has arrived has seen both sides"
    stale = at(end, last, "stale")
    edges = halt_edges(book.settings)
    for ts, _, groups in later:
        for group in groups:
            book.apply_snapshot(group)
            if (level := book.visible_level(side, ts)) is not None:
                return at(ts, level, "late")
        if not groups and ts in edges:
            book.close_moment(ts)
            if (level := book.visible_level(side, ts)) is not None:
                return at(ts, level, "late")
    return stale
