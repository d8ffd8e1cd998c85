"""Parent orders laid onto a tape: starts and ends as integers, checked against what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor.errors import DataError, ParameterError, shown
from sor.settings.orders import Order, OrderSchedule
from sor.settings.times import INT64_MAX, clock_ns, duration_ns, format_ns, is_clock, to_ns
from sor.tape.schema import UNDEF_PRICE
from sor.tape.sessions import lay_starts, moment_on
from sor.tape.venues import venues_on_tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.settings.market import Market
    from sor.tape.sessions import Sessions
    from sor.tape.tape import Quotes

_MOST_ORDERS = 1_000_000
_FOREVER = 2**64  # the end of an order without one, before it is cut to its session's close
_EARLY = 30 * 60 * 10**9  # and how long before a session's open such an order may start


@dataclass(frozen=True)
class Parent:
    """An order with its times as integers, ns UTC: it decides in `[start, end)` and ends at `end`.

    `cut` says that it would have lasted longer than its session (rule T3).
    """

    side: str
    quantity: int
    start: int
    end: int
    lot: int
    cut: bool = False

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
    """Lay orders onto a tape that can execute them, each in one of its sessions (rule T3).

    With a schedule among them they are numbered session by session, as those of several tapes are.

    Raises:
        DataError: If the tape never quotes the side an order takes.
        ParameterError: If an order lies in no session.

    """
    alone = len(orders) == 1
    parents: list[Parent] = []
    for i, order in enumerate(orders):
        if isinstance(order, OrderSchedule):
            parents += _scheduled(order, quotes)
        else:
            parents.append(_resolve(order, quotes, "order" if alone else f"orders[{i}]"))
    if any(isinstance(order, OrderSchedule) for order in orders):
        closes = quotes.hours.close
        parents.sort(key=lambda parent: int(np.searchsorted(closes, parent.start)))
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
    hours = quotes.hours
    horizon = None if order.horizon is None else duration_ns(order.horizon, "horizon")
    return any(_place(hours, start, horizon) is not None for start in _starts(order, hours))


def parents_frame(parents: Sequence[Parent]) -> pl.DataFrame:
    """One row per parent: `parent, side, quantity, lot, start, end, cut`; times are Datetime(ns, UTC)."""
    utc = pl.Datetime("ns", "UTC")
    return pl.DataFrame(
        {
            "parent": pl.Series(range(len(parents)), dtype=pl.UInt32),
            "side": pl.Series([parent.side for parent in parents], dtype=pl.Enum(["buy", "sell"])),
            "quantity": pl.Series([parent.quantity for parent in parents], dtype=pl.Int64),
            "lot": pl.Series([parent.lot for parent in parents], dtype=pl.Int64),
            "start": pl.Series([parent.start for parent in parents], dtype=pl.Int64).cast(utc),
            "end": pl.Series([parent.end for parent in parents], dtype=pl.Int64).cast(utc),
            "cut": pl.Series([parent.cut for parent in parents], dtype=pl.Boolean),
        }
    )


def in_market(quotes: Quotes, market: Market) -> Quotes:
    """Return a tape cut into a market's sessions, with its halts (rules T1, T5)."""
    return quotes.in_sessions(market.sessions, market.session_gap, market.halts)


def _scheduled(schedule: OrderSchedule, quotes: Quotes) -> list[Parent]:
    every, horizon = duration_ns(schedule.every, "every"), duration_ns(schedule.horizon, "horizon")
    hours = quotes.hours
    spans = hours.close - hours.open
    count = int(np.maximum((spans - horizon) // every + 1, 0).sum())
    if count > _MOST_ORDERS:
        raise ParameterError(
            f"every {shown(schedule.every)} makes {count:,} orders on the tape, {_span(quotes)}; "
            f"at most {_MOST_ORDERS:,}"
        )
    laid = lay_starts(
        hours, every=every, horizon=horizon, start=schedule.start, end=schedule.end, tz=schedule.tz
    )
    if not len(laid):
        longest = f"{int(spans.max()) / 1e9:g} s"
        raise ParameterError(
            f"horizon {shown(schedule.horizon)} fits no session of the tape ({_span(quotes)}), the longest of which "
            f"lasts {longest}"
            + ("" if schedule.start is schedule.end is None else "; or start and end leave it no time")
        )
    closes = hours.close[np.searchsorted(hours.close, laid, side="left")].tolist()
    placed = [
        (start, *_cut(start, start + horizon, close))
        for start, close in zip(laid.tolist(), closes, strict=True)
    ]
    return [
        Parent(side, quantity, start, end, schedule.lot, cut=cut)
        for side in schedule.sides
        for quantity in schedule.quantities
        for start, end, cut in placed
    ]


def _resolve(order: Order, quotes: Quotes, label: str) -> Parent:
    hours = quotes.hours
    horizon = None if order.horizon is None else duration_ns(order.horizon, "horizon")
    if order.start is None:
        start, place = int(hours.open[0]), 0
    else:
        starts = _starts(order, hours)
        found = [(start, _place(hours, start, horizon)) for start in starts]
        if not (inside := [(start, place) for start, place in found if place is not None]):
            raise ParameterError(f"{label}: {_nowhere(order, starts, hours)}")
        start, place = inside[0]
    end, cut = _cut(start, _FOREVER if horizon is None else start + horizon, int(hours.close[place]))
    if end - start > INT64_MAX:
        raise ParameterError(
            f"{label}: no horizon, and the rest of its session is beyond 292 years: the tape runs {_span(quotes)}"
        )
    return Parent(order.side, order.quantity, start, end, order.lot, cut=cut and horizon is not None)


def _starts(order: Order, hours: Sessions[Quotes]) -> list[int]:
    """Return the moments at which an order may start: the one given, or a time of day on every session's dates."""
    if not is_clock(order.start):
        return [to_ns(order.start, "start")]
    clock = clock_ns(order.start, "start")
    bounds = pl.DataFrame({"open": hours.open, "close": hours.close})
    utc = pl.Datetime("ns", "UTC")
    dates = bounds.select(pl.all().cast(utc).dt.convert_time_zone(order.tz).dt.date())
    days = sorted({day for begin, end in dates.rows() for day in pl.date_range(begin, end, eager=True)})
    return [moment_on(day, clock, order.tz) for day in days]


def _place(hours: Sessions[Quotes], start: int, horizon: int | None) -> int | None:
    """Return the number of the first session with a moment of an order; None where there is none (rule T3)."""
    end = start + (_EARLY if horizon is None else horizon)
    place = int(np.searchsorted(hours.close, start, side="left"))
    return place if place < len(hours) and int(hours.open[place]) < end else None


def _cut(start: int, end: int, close: int) -> tuple[int, bool]:
    return min(end, close), end > close


def _is_utc_clock(order: Order) -> bool:
    return is_clock(order.start) and order.tz == "UTC"


def _nowhere(order: Order, starts: Sequence[int], hours: Sessions[Quotes]) -> str:
    """Say which session is nearest to an order that lies in none."""
    start = starts[0]
    # Python's integers: a start may be so far away that 64 bits do not hold how far.
    spans = zip(hours.open.tolist(), hours.close.tolist(), strict=True)
    opens, closes = min(spans, key=lambda span: max(span[0] - start, start - span[1]))
    span = f"{format_ns(opens)} to {format_ns(closes)} UTC"
    length = "" if order.horizon is None else f" with horizon {shown(order.horizon)}"
    zone = f"; {order.start} is UTC here, tz (--tz) names another zone" if _is_utc_clock(order) else ""
    return f"start {format_ns(start)}{length} is in no session of the tape; the nearest is {span}{zone}"


def _span(quotes: Quotes) -> str:
    return f"{format_ns(quotes.start)} to {format_ns(quotes.end)} UTC"
