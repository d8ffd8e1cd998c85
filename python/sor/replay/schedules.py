"""Schedules lowered to what the core takes; a volume curve laid on the days of a tape."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from sor import _core
from sor.errors import ParameterError
from sor.settings.checks import instance, number, positive
from sor.settings.schedules import AlmgrenChriss, Pov, Timetable, Twap, Vwap
from sor.settings.times import duration_ns
from sor.tape.venues import NANOS

if TYPE_CHECKING:
    from sor.settings.schedules import Schedule
    from sor.settings.times import Duration
    from sor.tape.tape import Quotes

_SECOND = 10**9
_SCALE = 10**8  # weights that sum to this a day keep the core within 128 bits
_MOST_DAYS = 40_000
_MOST_PERIODS = 1_000_000


def core_schedule(schedule: Schedule, quotes: Quotes) -> dict[str, Any]:
    """Return a schedule as the core takes it, on a tape."""
    match schedule:
        case Twap():
            return {"bucket": duration_ns(schedule.bucket, "bucket")}
        case Pov():
            return {"rate": round(schedule.rate * NANOS)}
        case AlmgrenChriss():
            return {"terms": core_terms(schedule)}
        case Timetable():
            total, rows = 0, []
            for ts, shares in schedule.slices:
                total += shares
                rows.append((ts, total))
            return {"relative": schedule.relative, "rows": rows}
        case Vwap():
            return {"buckets": _buckets(schedule, quotes)}


def core_terms(schedule: AlmgrenChriss) -> tuple[float, float, float, float, int, int]:
    """Return the terms of the trade-off as the core takes them."""
    return (
        schedule.risk_aversion,
        schedule.volatility,
        schedule.eta,
        schedule.gamma,
        duration_ns(schedule.bucket, "bucket"),
        duration_ns(schedule.day, "day"),
    )


def _buckets(schedule: Vwap, quotes: Quotes) -> list[tuple[int, int, int]]:
    """Lay a curve on every day of a tape: `(start, length, volume per ns)` by time; each day's volume is one."""
    zone, length = ZoneInfo(schedule.tz), duration_ns(schedule.bucket, "bucket")
    curves: dict[int, list[tuple[int, float]]] = {}
    for since, at, share in schedule.shares:
        curves.setdefault(since, []).append((at, share))
    known = sorted(curves)
    first, last = (_date(ts, zone) for ts in (quotes.start, quotes.end))
    if (last - first).days > _MOST_DAYS:
        raise ParameterError(f"curve: the tape spans {(last - first).days:,} days, at most {_MOST_DAYS:,}")
    buckets: list[tuple[int, int, int]] = []
    for day in range((last - first).days + 1):
        midnight = datetime.combine(first + timedelta(days=day), datetime.min.time(), zone)
        # The curve of a day is the latest that may be used from its beginning.
        place = bisect_right(known, _nanos(midnight)) - 1
        if place < 0:
            continue
        curve = curves[known[place]]
        total = sum(share for _, share in curve)
        for at, share in curve:
            start = _nanos(midnight + timedelta(seconds=at // _SECOND)) + at % _SECOND
            weight = round(_SCALE * share / total) if total > 0 else 0
            if not buckets or start >= buckets[-1][0] + buckets[-1][1]:
                buckets.append((start, length, weight))
    return buckets


def _date(ts: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(ts // _SECOND, UTC).astimezone(zone).date()


def _nanos(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp()) * _SECOND


def trajectory(schedule: AlmgrenChriss, quantity: float, horizon: Duration) -> pl.DataFrame:
    """Return what an optimal trajectory holds at the end of every period, before it is cut into whole lots.

    Args:
        schedule: Its terms.
        quantity: Shares at the start.
        horizon: When nothing is left.

    Returns:
        `ts` (Duration since the start) and `held` (shares), the first row at the start.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """
    instance("schedule", schedule, AlmgrenChriss)
    quantity, length = number("quantity", quantity, least=0), positive("horizon", horizon)
    terms = core_terms(schedule)
    periods = -(-length // terms[4])
    if periods > _MOST_PERIODS:
        raise ParameterError(f"bucket must make at most {_MOST_PERIODS:,} periods, got {periods:,}")
    times = [min(k * terms[4], length) for k in range(periods + 1)]
    _, held = _core.trajectory(terms, times, length)
    return pl.DataFrame({"ts": pl.Series(times, dtype=pl.Duration("ns")), "held": quantity * held})
