"""Synthetic L1 quotes: a market to try things on, not evidence about any real one.

One efficient price moves as a Gaussian random walk. Every venue quotes around it on the tick grid when it
updates, with its own rate, spread and sizes, and its quote stands until it updates again. Quotes go stale, so
the consolidated book is now and then locked and rarely crossed, as that of recorded quotes is. What it leaves
out: order flow, and so any reaction to trades; information in sizes; seasonality over the day.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.checks import above_zero, array, at_least, number, text, whole
from sor.settings.processes import require_own_threads
from sor.settings.times import INT64_MAX, to_ns
from sor.tape.schema import TAPE_SCHEMA, UNDEF_PRICE
from sor.tape.tape import Quotes, venue_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

_NANOS = 1_000_000_000
_YEAR_SECONDS = 252 * 390 * 60
_MOST_TICK = 1_000_000
_MOST_VENUES = 1_000
_MOST_RECORDS = 1_000_000_000
_LOT = 100


def simulate_quotes(
    *,
    venues: int = 5,
    minutes: float = 30.0,
    seed: int = 7,
    start: str | int | date = "2024-01-02T14:30:00Z",
    price: float = 100.0,
    tick: float = 0.01,
    volatility: float = 0.25,
    spread: float | Sequence[float] = 2.0,
    size: float | Sequence[float] = 300.0,
    rate: float | Sequence[float] = 8.0,
    repeat: float = 0.3,
    burst: float = 0.25,
    one_sided: float = 0.002,
    records: int | None = None,
    symbol: str = "SYNTH",
) -> Quotes:
    """Make a synthetic tape; the same arguments give the same tape.

    Where an argument takes one value or one per venue, one value is spread over the venues evenly, from half
    of it to one and a half times: the first venue is the fastest, tightest and largest.

    Args:
        venues: How many, from 1 to 1,000; publisher ids 1, 2, ..., names V1, V2, ...
        minutes: Length of the tape.
        seed: Of NumPy's PCG64.
        start: Time of the session's start (see `sor.settings.times.to_ns`).
        price: Efficient price at the start, in currency.
        tick: Grid of the quotes, in currency; at least a nano.
        volatility: Annual, as a fraction of `price` (252 days of 390 minutes).
        spread: Mean spread in ticks; it varies by whole ticks from quote to quote.
        size: Mean displayed shares; sizes are round lots of 100, one at least, geometrically distributed.
        rate: Mean records per second; arrivals are Poisson.
        repeat: Share of records that repeat the venue's last quote.
        burst: Share of records that come in the same nanosecond as the one before.
        one_sided: Share of quotes without a bid, and as many without an ask.
        records: Exactly this many records within `minutes`, in proportion to `rate`.
        symbol: The name it gets.

    Raises:
        ParameterError: If an argument is out of its range, or the price would leave that of 64-bit nanos.

    Examples:
        >>> len(simulate_quotes(venues=3, records=1_000))
        1000

    """
    require_own_threads()
    count = whole("venues", venues, most=_MOST_VENUES)
    seconds = 60.0 * above_zero("minutes", minutes)
    tick_nanos = round(min(above_zero("tick", tick), 2 * _MOST_TICK) * _NANOS)
    if not 1 <= tick_nanos <= _MOST_TICK * _NANOS:
        raise ParameterError(f"tick is {shown(tick)}; expected at least 1e-9, at most {_MOST_TICK:,}")
    middle = above_zero("price", price) * _NANOS / tick_nanos
    spreads = _per_venue("spread", spread, count)
    lots = _per_venue("size", size, count)[:: -1 if np.ndim(size) == 0 else 1] / _LOT
    rates = _per_venue("rate", rate, count)[:: -1 if np.ndim(rate) == 0 else 1]
    for name, value in (("repeat", repeat), ("burst", burst), ("one_sided", one_sided)):
        if number(name, value, least=0) >= 0.5:
            raise ParameterError(f"{name} must be a number from 0 to below 0.5, got {shown(value)}")
    volatility = number("volatility", volatility, least=0)
    symbol = text("symbol", symbol)
    first = to_ns(start, "start")
    if first + seconds * _NANOS > INT64_MAX:
        raise ParameterError(f"minutes is {shown(minutes)}; expected an end before 2262-04-11")

    random = np.random.Generator(np.random.PCG64(at_least("seed", seed, 0)))
    if records is not None:
        n = whole("records", records, most=_MOST_RECORDS)
    elif (expected := float(rates.sum()) * seconds) <= _MOST_RECORDS:
        n = max(1, int(random.poisson(expected)))
    else:
        raise ParameterError(
            f"minutes = {shown(minutes)} at this rate make {expected:,.0f} records; at most {_MOST_RECORDS:,}"
        )

    gaps = random.standard_exponential(n + 1)
    gaps[1:n][random.random(n - 1) < burst] = 0.0
    # Gaps over their sum are the order statistics of uniform times: a Poisson process given its count.
    clock = np.cumsum(gaps)
    clock *= seconds / clock[-1]
    del gaps
    venue = np.searchsorted(np.cumsum(rates)[:-1] / rates.sum(), random.random(n), side="right").astype(
        np.uint16
    )
    with np.errstate(over="ignore", invalid="ignore"):  # looked at below
        efficient = _random_walk(random, clock[:n], middle, volatility * middle / math.sqrt(_YEAR_SECONDS))
        highest = (efficient.max() + spreads.max() + 2) * tick_nanos
    # Written so that a walk beyond every float, which is no number, does not pass.
    if not highest < UNDEF_PRICE:
        raise ParameterError(
            f"price is {shown(price)} and volatility {shown(volatility)}; expected prices that stay below 9,223,372,036"
        )
    half = 0.5 * spreads[venue]
    half *= random.random(n) + 0.5
    bid = np.floor(efficient - half).astype(np.int64)
    ask = np.ceil(efficient + half).astype(np.int64)
    del efficient, half

    source = _last_fresh(venue, random.random(n) < repeat)
    columns: dict[str, NDArray[np.int64] | NDArray[np.uint16] | NDArray[np.uint32]] = {
        "ts": first + (clock[:n] * _NANOS).astype(np.int64),
        "venue": venue,
    }
    del clock
    # The whole part of an exponential of this scale is geometric with the mean wanted beyond the first lot.
    scale = 1.0 / np.log1p(1.0 / np.maximum(lots - 1.0, 1e-9))
    absent = random.random(n)
    for side, ticks, missing in (
        ("bid", bid, (absent < one_sided) | (bid < 1)),
        ("ask", ask, absent >= 1.0 - one_sided),
    ):
        # The tail of the exponential is cut where a size would leave 32 bits.
        more = np.minimum(random.standard_exponential(n) * scale[venue], 1e7)
        displayed = ((1 + more.astype(np.uint32)) * np.uint32(_LOT)).astype(np.uint32)
        displayed[missing] = 0
        nanos = ticks * tick_nanos
        nanos[missing] = UNDEF_PRICE
        columns[f"{side}_px"] = nanos[source]
        columns[f"{side}_sz"] = displayed[source]
    return _quotes(columns, symbol, f"simulate_quotes(seed={seed})")


def _random_walk(
    random: np.random.Generator, clock: NDArray[np.float64], middle: float, deviation: float
) -> NDArray[np.float64]:
    """Walk in ticks from `middle`, with `deviation` per square root of a second, and never below zero."""
    steps = random.standard_normal(len(clock))
    steps *= np.sqrt(np.diff(clock, prepend=0.0))
    steps *= deviation
    np.cumsum(steps, out=steps)
    steps += middle
    return np.abs(steps, out=steps)


def _last_fresh(venue: NDArray[np.uint16], repeats: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each record, find the last record of its venue, itself included, that is not a repeat."""
    by_venue = np.argsort(venue, kind="stable")
    fresh = ~repeats[by_venue]
    # A venue's first record has nothing to repeat.
    fresh[0] = True
    fresh[1:] |= venue[by_venue[1:]] != venue[by_venue[:-1]]
    last = np.maximum.accumulate(np.where(fresh, np.arange(len(venue)), 0))
    source = np.empty_like(by_venue)
    source[by_venue] = by_venue[last]
    return source


def _quotes(
    columns: dict[str, NDArray[np.int64] | NDArray[np.uint16] | NDArray[np.uint32]], symbol: str, source: str
) -> Quotes:
    """Keep the venues that quoted at all, as a reader of the records would find them."""
    present = np.flatnonzero(np.bincount(columns["venue"]))
    index = np.zeros(_MOST_VENUES, dtype=np.uint16)
    index[present] = np.arange(len(present))
    frame = pl.DataFrame({**columns, "venue": index[columns["venue"]]}, schema=TAPE_SCHEMA)
    venues = venue_table([(number + 1, f"V{number + 1}") for number in present.tolist()])
    return Quotes(frame=frame, venues=venues, symbol=symbol, source=source)


def _per_venue(name: str, value: float | Sequence[float], count: int) -> NDArray[np.float64]:
    given = array(name, value, "a number above zero, or one for each venue").astype(np.float64)
    if not (np.isfinite(given).all() and (given > 0).all() and given.size):
        raise ParameterError(f"{name} is {shown(value)}; expected a number above zero, or one for each venue")
    if given.ndim == 0:
        return given * (np.linspace(0.5, 1.5, count) if count > 1 else np.ones(1))
    if given.shape != (count,):
        raise ParameterError(f"{name} has {given.size} values; expected one, or {count}: one for each venue")
    return given
