"""Parent orders laid onto a tape: starts and ends as integers, checked against what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import ParameterError
from sor.settings.params import Order, Orders, OrderSchedule
from sor.settings.times import INT64_MAX, duration_ns, format_ns, to_ns

if TYPE_CHECKING:
    from sor.tape.tape import Quotes

_MOST_ORDERS = 1_000_000


@dataclass(frozen=True)
class Parent:
    """An order with its times as integers, ns UTC: it decides in `[start, end)` and ends at `end`."""

    side: str
    quantity: int
    start: int
    end: int
    lot: int

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


def on_tape(orders: Orders, quotes: Quotes) -> list[Parent]:
    """Resolve orders against a tape.

    Raises:
        ParameterError: If there is none, or one starts before the tape or ends past it.

    """
    if isinstance(orders, OrderSchedule):
        return _scheduled(orders, quotes)
    if isinstance(orders, Order):
        return [_resolve(orders, quotes, "order")]
    if not isinstance(orders, Sequence) or not all(isinstance(order, Order) for order in orders):
        raise ParameterError(
            f"orders must be an Order, a sequence of them, or orders_every(...), got {orders!r}"
        )
    if not orders:
        raise ParameterError("orders must hold at least one Order")
    return [_resolve(order, quotes, f"orders[{i}]") for i, order in enumerate(orders)]


def core_parents(parents: Sequence[Parent]) -> list[tuple[int, int, int, int, int, int]]:
    """Return parents as the core takes them, equal ones told apart by a running number."""
    seen: Counter[Parent] = Counter()
    rows = []
    for parent in parents:
        rows.append((parent.sign, parent.quantity, parent.start, parent.end, parent.lot, seen[parent]))
        seen[parent] += 1
    return rows


def parents_frame(parents: Sequence[Parent]) -> pl.DataFrame:
    """One row a parent: `parent, side, quantity, lot, start, end`; times are Datetime(ns, UTC)."""
    utc = pl.Datetime("ns", "UTC")
    return pl.DataFrame(
        {
            "parent": pl.Series(range(len(parents)), dtype=pl.UInt32),
            "side": pl.Series([parent.side for parent in parents], dtype=pl.Enum(["buy", "sell"])),
            "quantity": pl.Series([parent.quantity for parent in parents], dtype=pl.Int64),
            "lot": pl.Series([parent.lot for parent in parents], dtype=pl.Int64),
            "start": pl.Series([parent.start for parent in parents], dtype=pl.Int64).cast(utc),
            "end": pl.Series([parent.end for parent in parents], dtype=pl.Int64).cast(utc),
        }
    )


def _scheduled(schedule: OrderSchedule, quotes: Quotes) -> list[Parent]:
    every, horizon = duration_ns(schedule.every, "every"), duration_ns(schedule.horizon, "horizon")
    span = f"{format_ns(quotes.start)} to {format_ns(quotes.end)} UTC"
    count = (quotes.end - quotes.start - horizon) // every + 1
    if count < 1:
        raise ParameterError(f"horizon {schedule.horizon!r} is longer than the tape, {span}")
    if count > _MOST_ORDERS:
        raise ParameterError(
            f"every {schedule.every!r} makes {count:,} orders on the tape, {span}; at most {_MOST_ORDERS:,}"
        )
    starts = range(quotes.start, quotes.end - horizon + 1, every)
    return [
        Parent(schedule.side, schedule.quantity, start, start + horizon, schedule.lot) for start in starts
    ]


def _show_end(nanos: int) -> str:
    return format_ns(nanos) if nanos <= INT64_MAX else "a time beyond 2262-04-11"


def _resolve(order: Order, quotes: Quotes, label: str) -> Parent:
    start = quotes.start if order.start is None else to_ns(order.start, "start")
    end = quotes.end if order.horizon is None else start + duration_ns(order.horizon, "horizon")
    span = f"the tape runs from {format_ns(quotes.start)} to {format_ns(quotes.end)} UTC"
    if not quotes.start <= start < quotes.end:
        where = "before" if start < quotes.start else "after" if start > quotes.end else "at the end of"
        raise ParameterError(f"{label}: start {format_ns(start)} is {where} the tape: {span}")
    if end > quotes.end:
        raise ParameterError(f"{label}: start + horizon = {_show_end(end)} is past the tape: {span}")
    if end - start > INT64_MAX:
        raise ParameterError(f"{label}: no horizon, and the rest of the tape is beyond 292 years: {span}")
    return Parent(order.side, order.quantity, start, end, order.lot)
