"""Parent orders laid onto a tape: starts and ends as integers, checked against what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import DataError, ParameterError, shown
from sor.settings.orders import Order, OrderSchedule
from sor.settings.times import INT64_MAX, duration_ns, format_ns, to_ns
from sor.tape.schema import UNDEF_PRICE
from sor.tape.venues import venues_on_tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.settings.market import Market
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


@dataclass(frozen=True, eq=False)
class Job:
    """A tape, the parents laid on it, and the markets they meet there: one, but for a stress test."""

    quotes: Quotes
    parents: Sequence[Parent]
    markets: tuple[Market, ...]

    @property
    def market(self) -> Market:
        """The first market."""
        return self.markets[0]


def market_on(market: Market, quotes: Quotes) -> Market:
    """Lay a market on a tape: `venues` then holds the terms of every venue of the tape, by index.

    Raises:
        ParameterError: If it names a venue that is not on the tape, or one twice.

    """
    venues = (
        venue if venue.latency is not None else replace(venue, latency=market.latency)
        for venue in venues_on_tape(market.venues, quotes)
    )
    return replace(market, venues=tuple(venues))


def lay(orders: Sequence[Order | OrderSchedule], quotes: Quotes) -> list[Parent]:
    """Lay orders onto a tape that can execute them.

    Raises:
        DataError: If the tape never quotes the side an order takes.
        ParameterError: If an order starts before the tape or ends past it.

    """
    alone = len(orders) == 1
    parents: list[Parent] = []
    for i, order in enumerate(orders):
        if isinstance(order, OrderSchedule):
            parents += _scheduled(order, quotes)
        else:
            parents.append(_resolve(order, quotes, "order" if alone else f"orders[{i}]"))
    for side, column, word in (("buy", "ask_px", "ask"), ("sell", "bid_px", "bid")):
        wanted = any(parent.side == side for parent in parents)
        if wanted and bool((quotes.frame[column] == UNDEF_PRICE).all()):
            raise DataError(
                f"{quotes.source}: no {word} quote in {len(quotes):,} records, so a {side} cannot trade"
            )
    return parents


def covers(quotes: Quotes, order: Order | OrderSchedule) -> bool:
    """Tell whether an order belongs on a tape: a schedule and an order without a start belong on every one."""
    if isinstance(order, OrderSchedule) or order.start is None:
        return True
    return quotes.start <= to_ns(order.start, "start") < quotes.end


def parents_frame(parents: Sequence[Parent]) -> pl.DataFrame:
    """One row per parent: `parent, side, quantity, lot, start, end`; times are Datetime(ns, UTC)."""
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
        raise ParameterError(f"horizon {shown(schedule.horizon)} is longer than the tape, {span}")
    if count > _MOST_ORDERS:
        raise ParameterError(
            f"every {shown(schedule.every)} makes {count:,} orders on the tape, {span}; at most {_MOST_ORDERS:,}"
        )
    starts = range(quotes.start, quotes.end - horizon + 1, every)
    return [
        Parent(side, quantity, start, start + horizon, schedule.lot)
        for side in schedule.sides
        for quantity in schedule.quantities
        for start in starts
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
