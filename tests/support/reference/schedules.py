"""What a schedule has released by a time (MODEL W1, W2), and its part of the timing (W3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import asinh, exp, expm1, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .replay import Fill, Order
    from .resting import Trade


@dataclass(frozen=True)
class Twap:
    """W2: equal slices, one for each bucket (ns)."""

    bucket: int


@dataclass(frozen=True)
class Vwap:
    """W2: buckets `(start, length, volume per ns)`, in order of time."""

    buckets: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Pov:
    """W2: `rate` is a fraction times 1e9."""

    rate: int


@dataclass(frozen=True)
class AlmgrenChriss:
    """W2: in currency, shares and days; `bucket` and `day` in ns."""

    risk_aversion: float
    volatility: float
    eta: float
    gamma: float
    bucket: int
    day: int


@dataclass(frozen=True)
class Table:
    """W2: rows `(ns since the order's start, shares released by then)`."""

    rows: tuple[tuple[int, int], ...]


Schedule = Twap | Vwap | Pov | AlmgrenChriss | Table


@dataclass(frozen=True)
class Release:
    """W3: `total` shares are released by `ts`, where the mid is `mid`."""

    ts: int
    total: int
    mid: int


def released(schedule: Schedule, order: Order, t: int, trades: Sequence[Trade] | None) -> int:
    """W1: the shares released by `t`, before the order's end."""
    match schedule:
        case Twap(bucket):
            return _twap(order, bucket, t)
        case Vwap(buckets):
            due = _vwap(order, buckets, t)
        case Pov(rate):
            assert trades is not None, "a participation rate needs trades"
            due = sum(size for ts, _, _, size in trades if order.start < ts <= t) * rate // 10**9
        case AlmgrenChriss():
            due = _almgren_chriss(order, schedule, t)
        case Table(rows):
            due = max((total for ts, total in rows if order.start + ts <= t), default=0)
    return order.quantity if due >= order.quantity else due // order.lot * order.lot


def times(schedule: Schedule, order: Order, trades: Sequence[Trade] | None) -> list[int]:
    """W1: the times within the order's at which a schedule may release something."""
    start, end = order.start, order.start + order.horizon
    match schedule:
        case Twap(bucket) | AlmgrenChriss(bucket=bucket):
            found = list(range(start, end, bucket))
        case Vwap(buckets):
            found = [max(begun, start) for begun, length, _ in buckets if begun + length > start]
        case Pov():
            found = [ts for ts, *_ in trades or [] if ts > start]
        case Table(rows):
            found = [start + ts for ts, _ in rows]
    return sorted({ts for ts in found if ts < end})


def schedule_cost(order: Order, m0: int, releases: Sequence[Release], fills: Sequence[Fill]) -> int:
    """W3: the part of the timing that is the schedule's, share by share: first released, first filled.

    A share filled before its release counts as released by its fill; shares beyond the quantity have none.
    """
    cost, n = 0, 0
    for fill in fills:
        if fill.kind not in ("take", "post"):
            continue
        for _ in range(fill.quantity):
            n += 1
            if n > order.quantity:
                continue
            release = next((release for release in releases if release.total >= n), None)
            in_time = release is not None and release.ts <= fill.ts_executed
            cost += order.sign * ((release.mid if release and in_time else fill.mid) - m0)
    return cost


def _twap(order: Order, bucket: int, now: int) -> int:
    """P3: the shares of all slices whose bucket has begun."""
    totals = _totals(order, bucket)
    return totals[min((now - order.start) // bucket, len(totals) - 1)]


@lru_cache(maxsize=4)  # asked for at every slice of an order
def _totals(order: Order, bucket: int) -> list[int]:
    n = -(-order.horizon // bucket)
    lots, odd = divmod(order.quantity, order.lot)
    slices = [(lots // n + (1 if j < lots % n else 0)) * order.lot for j in range(n)]
    slices[-1] += odd
    return list(accumulate(slices))


def _vwap(order: Order, buckets: Sequence[tuple[int, int, int]], now: int) -> int:
    start, end = order.start, order.start + order.horizon
    volume = [
        (begun, weight * max(0, min(begun + length, end) - max(begun, start)))
        for begun, length, weight in buckets
    ]
    return order.quantity * sum(v for begun, v in volume if begun <= now) // sum(v for _, v in volume)


def _almgren_chriss(order: Order, terms: AlmgrenChriss, now: int) -> int:
    """W2: the trades of all periods that have begun, in whole lots; the last period's include the odd rest."""
    tau = terms.bucket / terms.day
    eta = terms.eta - 0.5 * terms.gamma * tau
    excess = terms.risk_aversion * terms.volatility * terms.volatility * tau * tau / (2.0 * eta)
    kappa = 2.0 * asinh(sqrt(excess / 2.0)) / tau
    end_of_period = ((now - order.start) // terms.bucket + 1) * terms.bucket
    if end_of_period >= order.horizon:
        return order.quantity
    left = kappa * ((order.horizon - end_of_period) / terms.day)
    whole = kappa * (order.horizon / terms.day)
    if whole < 1e-6:
        held = (order.horizon - end_of_period) / order.horizon
    else:  # sinh(left) / sinh(whole)
        held = exp(left - whole) * expm1(-2.0 * left) / expm1(-2.0 * whole)
    return round(order.quantity // order.lot * (1.0 - held)) * order.lot
