"""Given children laid on a tape and on orders, and what became of them (rule Q6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.times import format_ns
from sor.tape.venues import NANOS, venue_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sor.replay.parents import Parent
    from sor.settings.children import Children
    from sor.tape.tape import Quotes

_KINDS = {"take": 1, "post": 2, "cancel": 3}
_SIGNS = {"buy": 1, "sell": -1, None: 0}


def core_children(children: Children, quotes: Quotes) -> dict[str, Any]:
    """Return given children as the core takes them.

    Raises:
        ParameterError: If a venue is not on the tape.

    """
    known: dict[int | str | None, int] = {None: 0}
    for row in children.given:
        if row.venue is not None and row.venue not in known:
            known[row.venue] = venue_index(row.venue, quotes, "rows of children")
    rows = [
        (
            row.ts_decided,
            known[row.venue],
            _KINDS[row.kind],
            row.quantity or 0,
            None if row.limit is None else round(row.limit * NANOS),
            row.until,
            _SIGNS[row.side],
            row.start,
            cancelled,
        )
        for row, cancelled in zip(children.given, children.cancelled(), strict=True)
    ]
    return {"rows": rows, "queue": children.queue}


def owners(children: Children, parents: Sequence[Parent]) -> NDArray[np.int64]:
    """Return which of some orders each row belongs to, by its time, side and start; -1: none of them.

    Raises:
        ParameterError: If a row may be of several.

    """
    rows, times = children.given, _times(children)
    found = np.full(len(rows), -1, dtype=np.int64)
    for number, parent in enumerate(parents):
        first, last = np.searchsorted(times, [parent.start, parent.end])
        for i in range(int(first), int(last)):
            row = rows[i]
            if row.side not in (None, parent.side) or row.start not in (None, parent.start):
                continue
            if found[i] >= 0:
                raise ParameterError(
                    f"children: {_named(row)} may be of order {found[i]} or {number}; columns side and start, those of "
                    "its order, tell orders apart that overlap"
                )
            found[i] = number
    return found


def nowhere(children: Children, spans: Sequence[tuple[int, int]]) -> str | None:
    """Say how many orders were decided in none of some symbol-days, and so were asked after on none; or nothing."""
    orders = _orders(children)
    times = _times(children)
    lost = orders & ~np.logical_or.reduce([_in(times, span) for span in spans] or [np.zeros_like(orders)])
    if not lost.any():
        return None
    return f"of {orders.sum():,} given children: {lost.sum():,} outside the time of every symbol-day"


def accounted(
    children: Children,
    parents: Sequence[Parent],
    sent: pl.DataFrame,
    rows: pl.DataFrame,
    span: tuple[int, int] | None = None,
) -> str | None:
    """Say what did not go as it was recorded, or nothing.

    Args:
        children: As they were given.
        parents: The orders they may be of.
        sent: By `parent`, how many `children` it sent.
        rows: The children that were sent, in the core's own units; empty where they were not kept.
        span: Only rows decided then, ends included, and those of the orders are asked after; all by default.

    """
    owner, orders = owners(children, parents), _orders(children)
    if span is not None:  # an order may start before the first record, and its rows with it
        orders &= _in(_times(children), span) | (owner >= 0)
    strays, given = orders & (owner < 0), int(orders.sum())
    in_time = np.logical_or.reduce([_within(_times(children), each) for each in parents] or [strays & False])
    unsent = given - int(strays.sum()) - int(sent["children"].sum())
    same = given - len({row for row, counts in zip(children.given, orders, strict=True) if counts})
    times = {(int(number), row.ts_decided) for number, row in zip(owner, children.given, strict=True)}
    decided = rows.select("parent", pl.col("ts_decided").to_physical()).rows()
    late = sum(each not in times for each in decided)
    over = int((rows["quantity"] > rows["remaining"]).sum())
    parts = [
        (int((strays & ~in_time).sum()), "outside the time of every order"),
        (int((strays & in_time).sum()), "of another side or start than the orders of its time"),
        (
            unsent,
            "not sent (the order was filled or never arrived, or the venue had no price to take or join)",
        ),
        (late, "sent later than decided, as no policy may act before"),
        (over, "for more than was left, the excess to be unwound where it fills"),
        (same, "the same as another in all that is said of it, and sent as well"),
    ]
    found = [f"{count:,} {what}" for count, what in parts if count]
    return f"of {given:,} given children: {'; '.join(found)}" if found else None


def _orders(children: Children) -> NDArray[np.bool_]:
    """Return which rows are orders and no cancels."""
    return np.array([row.kind != "cancel" for row in children.given], dtype=np.bool_)


def _times(children: Children) -> NDArray[np.int64]:
    return np.array([row.ts_decided for row in children.given], dtype=np.int64)


def _in(times: NDArray[np.int64], span: tuple[int, int]) -> NDArray[np.bool_]:
    return (times >= span[0]) & (times <= span[1])


def _within(times: NDArray[np.int64], parent: Parent) -> NDArray[np.bool_]:
    return (times >= parent.start) & (times < parent.end)


def _named(row: Any) -> str:
    return f"the {row.kind} of {shown(row.quantity)} at {shown(row.venue)} at {format_ns(row.ts_decided)} UTC"
