"""Means over parents that overlap in time: intervals, and the chance that the best of many is luck.

Two orders a minute apart with a horizon of five minutes trade against the same quotes, so their costs are
not independent and the textbook standard error of their mean is too small. Here parents are resampled in
blocks of time that are long against the horizon, none of which reaches from one session into another (rule T2).
Method, choices and references: docs/statistics.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sor.errors import ParameterError, shown
from sor.settings.run import RESAMPLES, Bootstrap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_WINDOWS_PER_BLOCK = 4
_LEAST_BLOCKS = 4
_LEAST_WINDOWS_PER_BLOCK = 2.5
_LEAST_TIMES = 8
_TAPER = 0.43
# The optimum balances bias and variance of the error; studentising pays for the variance, not for the bias.
_BEYOND_OPTIMUM = 2


@dataclass(frozen=True)
class Interval:
    """A mean and what is known of it.

    Attributes:
        mean: Over the observations.
        lower: End of the confidence interval; None, as `upper` and `p_value`, where there are too few
            independent observations to say.
        upper: The other end.
        p_value: Two-sided, of the mean being zero.
        level: Confidence of the interval.
        observations: How many.
        times: How many different start times they have.
        block: Length of a block, in start times.

    """

    mean: float
    lower: float | None
    upper: float | None
    p_value: float | None
    level: float
    observations: int
    times: int
    block: int


@dataclass(frozen=True)
class RealityCheck:
    """How easily the best of several candidates beats a benchmark by luck.

    Attributes:
        best: Index of the candidate with the largest mean gain.
        gain: Its mean gain over the benchmark.
        p_reality_check: White's: the chance of a best as good as this when no candidate is better than the
            benchmark and all are taken to be as good. None where there are too few independent observations.
        p_spa: Hansen's consistent version, which does not count candidates that are clearly worse.
        candidates: How many.
        times: How many different start times the observations have.
        block: Length of a block, in start times.

    """

    best: int
    gain: float
    p_reality_check: float | None
    p_spa: float | None
    candidates: int
    times: int
    block: int


def mean_interval(
    values: ArrayLike,
    starts: ArrayLike,
    ends: ArrayLike,
    *,
    sessions: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    block: int | None = None,
) -> Interval:
    """Estimate the mean of observations whose windows may overlap.

    A studentised, tapered, circular block bootstrap over start times; observations of one start stay
    together.

    Args:
        values: One per observation, finite.
        starts: When its window starts, ns.
        ends: When it ends, ns.
        sessions: The number of the session of each, in order of time; one session by default.
        level: Confidence, in (0, 1).
        resamples: Bootstrap resamples.
        seed: Of the resampling.
        block: Block length in start times, instead of `block_length`'s; a shorter session is one block, whole.

    Raises:
        ParameterError: If an argument is out of its range, or there is no observation.

    """
    column = np.asarray(values, dtype=np.float64)
    sample = _Sample.of(column[:, None], starts, ends, block, sessions)
    settings = Bootstrap(level=level, resamples=resamples, seed=seed)
    mean = float(sample.mean[0])
    found = (mean, settings.level, len(column), sample.times, sample.block)
    if not sample.enough:
        return _interval(found, math.inf, None)
    if sample.spread[0] == 0.0:
        return _interval(found, 0.0, 1.0 if mean == 0.0 else 0.0)
    error = float(sample.spread[0]) / math.sqrt(sample.times)
    draws = np.abs(sample.draw(settings.resamples, settings.seed)[0][:, 0])
    critical = float(np.quantile(draws, settings.level, method="higher"))
    beyond = int(np.count_nonzero(draws >= abs(mean) / error))
    return _interval(found, critical * error, (1 + beyond) / (1 + settings.resamples))


def reality_check(
    gains: ArrayLike,
    starts: ArrayLike,
    ends: ArrayLike,
    *,
    sessions: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    block: int | None = None,
) -> RealityCheck:
    """Test whether the best of several candidates beats a benchmark (White 2000; Hansen 2005).

    Every mean is studentised, in the sample and in every resample, so that the noisiest candidate does not
    decide and short samples keep the test's size.

    Args:
        gains: Gain over the benchmark, one row per observation, a column per candidate; positive when better.
        starts: When each observation's window starts, ns.
        ends: When it ends, ns.
        sessions: The number of the session of each, in order of time; one session by default.
        resamples: Bootstrap resamples.
        seed: Of the resampling.
        block: Block length in start times, instead of `block_length`'s; a shorter session is one block, whole.

    Raises:
        ParameterError: If an argument is out of its range, or there is no observation or candidate.

    """
    table = np.asarray(gains, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ParameterError(
            f"gains must have one row per observation and a column per candidate, got {table.shape}"
        )
    settings = Bootstrap(resamples=resamples, seed=seed)
    # Candidates that trade alike are one candidate.
    different, column_of = np.unique(table, axis=1, return_inverse=True)
    sample = _Sample.of(different, starts, ends, block, sessions)
    best = int(np.argmax(sample.mean[column_of.reshape(-1)]))
    found = (best, float(table[:, best].mean()))
    shape = (table.shape[1], sample.times, sample.block)
    if not sample.enough:
        return RealityCheck(*found, None, None, *shape)
    error = sample.spread / math.sqrt(sample.times)
    scores = _ratio(sample.mean, error)
    observed = max(0.0, float(scores.max()))
    centred, scales = sample.draw(settings.resamples, settings.seed)
    poor = scores < -math.sqrt(2.0 * math.log(math.log(max(sample.times, 3))))
    # The consistent recentring leaves a clearly worse candidate as bad as it is.
    shifted = centred.copy()
    with np.errstate(invalid="ignore"):
        shifted[:, poor] += scores[poor] * scales[:, poor]
    # Where such a candidate does not vary at all, it is never the best.
    shifted[np.isnan(shifted)] = -math.inf
    chance = [
        (1 + int(np.count_nonzero(np.maximum(draws.max(axis=1), 0.0) >= observed))) / (1 + settings.resamples)
        for draws in (centred, shifted)
    ]
    return RealityCheck(*found, chance[0], chance[1], *shape)


def overlap(starts: ArrayLike, ends: ArrayLike) -> int:
    """Count the different start times within the window that holds most of them, its own included."""
    times, last = _windows(starts, ends)
    return int((np.searchsorted(times, last, side="left") - np.arange(len(times))).max())


def block_length(residuals: ArrayLike, overlapping: int) -> int | None:
    """Choose a block length for a series in time order.

    Four overlapping windows, or twice what the autocorrelation asks for where that is longer (Politis and
    White 2004, corrected 2009), but at most a quarter of the series.

    Args:
        residuals: Deviations from the mean, one per start time, or a column per candidate (their median
            counts).
        overlapping: Start times within one window, from `overlap`.

    Returns:
        None where a quarter of the series is not even two and a half windows, or there are fewer than eight
        start times: too few independent observations.

    """
    series = np.asarray(residuals, dtype=np.float64)
    columns = series.reshape(len(series), -1)
    most = len(columns) // _LEAST_BLOCKS
    if len(columns) < _LEAST_TIMES or (overlapping > 1 and most < _LEAST_WINDOWS_PER_BLOCK * overlapping):
        return None
    wanted = _WINDOWS_PER_BLOCK * overlapping if overlapping > 1 else 1
    asked = float(np.median([_politis_white(column) for column in columns.T]))
    return min(max(wanted, math.ceil(_BEYOND_OPTIMUM * asked)), most)


@dataclass(frozen=True)
class _Sample:
    """Observations gathered by start time, and the sums of their tapered blocks.

    `mean` and `spread` (long-run standard deviation of the mean's influence, per start time) have an entry
    per column; `blocks` one row per circular block, scaled so that its variance estimates `spread**2`. A block lies in
    one session and is as long as that, at most. `disjoint` is how many disjoint blocks tell as much as all of them.
    """

    mean: Floats
    spread: Floats
    blocks: Floats
    times: int
    block: int
    enough: bool
    disjoint: float

    @classmethod
    def of(
        cls, values: Floats, starts: ArrayLike, ends: ArrayLike, block: int | None, sessions: ArrayLike | None
    ) -> _Sample:
        if values.ndim != 2 or len(values) == 0 or not np.isfinite(values).all():
            raise ParameterError(f"values must hold at least one finite number each, got {shown(values)}")
        begin = np.asarray(starts, dtype=np.int64)
        if begin.shape != values.shape[:1] or np.shape(ends) != values.shape[:1]:
            raise ParameterError(f"starts and ends must have one time per observation, {len(values)}")
        spans = _spans(begin, sessions)
        mean = values.mean(axis=0)
        influence = by_start(values - mean, begin)
        times = len(influence)
        if block is not None and not 1 <= block <= times:
            raise ParameterError(
                f"block must be from 1 to {times}, the number of start times, got {shown(block)}"
            )
        chosen = block_length(influence, overlap(starts, ends)) if block is None else block
        sizes = [stop - start for start, stop in pairwise(spans)]
        length = min(chosen or 1, max(sizes))
        tapers, disjoint = zip(*(_of_session(size, length, len(sizes)) for size in sizes), strict=True)
        blocks = np.concatenate(
            [
                _tapered(influence[start:stop], weights)
                for (start, stop), weights in zip(pairwise(spans), tapers, strict=True)
            ]
        )
        blocks -= blocks.mean(axis=0)
        # Deviations are from the sample's own mean, which takes this share of the variance away.
        each = [float(weights.sum()) ** 2 / times for weights in tapers]
        lost = min(float(np.average(each, weights=sizes)), 0.5)
        spread = np.sqrt((blocks**2).mean(axis=0) / (1.0 - lost))
        # What remains of a column of equal values is rounding.
        spread[spread <= 1e-12 * np.abs(values).max(axis=0)] = 0.0
        enough = chosen is not None and times // length >= 2
        return cls(mean, spread, blocks, times, length, enough, sum(disjoint))

    def draw(self, resamples: int, seed: int) -> tuple[Floats, Floats]:
        """Draw studentised means under a true mean of zero.

        Returns:
            `(resamples, columns)` of t-values, and of the ratio sample error to the resample's error.

        """
        # As many blocks as give the resample's error the degrees of freedom of the sample's.
        count = max(2, 1 + round(self.disjoint))
        random = np.random.Generator(np.random.PCG64(seed))
        total = np.zeros((resamples, self.blocks.shape[1]))
        squares = np.zeros_like(total)
        for _ in range(count):
            drawn = self.blocks[random.integers(0, len(self.blocks), resamples)]
            total += drawn
            squares += drawn * drawn
        mean = total / count
        variance = np.maximum(squares / count - mean * mean, 0.0) * (count / (count - 1))
        # A resample without any variation says that the sample has next to none to learn from.
        variance[variance <= 1e-12 * self.spread**2] = 0.0
        error = np.sqrt(variance)
        return _ratio(mean * math.sqrt(count), error), _ratio(
            np.broadcast_to(self.spread, error.shape), error
        )


def _interval(found: tuple[float, float, int, int, int], half: float, p_value: float | None) -> Interval:
    mean, level, observations, times, block = found
    known = math.isfinite(half)
    return Interval(
        mean=mean,
        lower=mean - half if known else None,
        upper=mean + half if known else None,
        p_value=p_value if known else None,
        level=level,
        observations=observations,
        times=times,
        block=block,
    )


def _ratio(value: Floats, error: Floats) -> Floats:
    """Divide; a column without error or value is zero, one without error is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value / error
    quotient: Floats = np.where((error == 0.0) & (value == 0.0), 0.0, ratio)
    return quotient


def _windows(starts: ArrayLike, ends: ArrayLike) -> tuple[Integers, Integers]:
    """Return the different start times in order, and the latest end of each."""
    times, group = np.unique(np.asarray(starts, dtype=np.int64), return_inverse=True)
    last = times.copy()
    np.maximum.at(last, group, np.asarray(ends, dtype=np.int64))
    return times, np.maximum(last, times + 1)


def _spans(starts: Integers, sessions: ArrayLike | None) -> list[int]:
    """Return where each session begins among the different start times in order, and their number at the end."""
    times, group = np.unique(starts, return_inverse=True)
    if sessions is None:
        return [0, len(times)]
    given = np.asarray(sessions, dtype=np.int64)
    if given.shape != starts.shape:
        raise ParameterError(f"sessions must have one number per observation, {len(starts)}")
    numbers = np.zeros(len(times), dtype=np.int64)
    numbers[group] = given
    if (numbers[group] != given).any() or (np.diff(numbers) < 0).any():
        raise ParameterError(
            "sessions must be numbered in order of time, the same for all that start together"
        )
    return [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(times)]


def by_start(deviations: Floats, starts: Integers) -> Floats:
    """Sum deviations by start time, scaled so that their mean has the variance of the observations' mean."""
    times, group = np.unique(starts, return_inverse=True)
    sums = np.zeros((len(times), deviations.shape[1]))
    np.add.at(sums, group, deviations)
    return sums * (len(times) / len(deviations))


def _taper(length: int) -> Floats:
    """Return the trapezoid of Paparoditis and Politis (2001), of unit norm."""
    place = (np.arange(length) + 0.5) / length
    weights = np.clip(np.minimum(place, 1.0 - place) / _TAPER, 0.0, 1.0)
    unit: Floats = weights / math.sqrt(float((weights**2).sum()))
    return unit


def _of_session(size: int, length: int, sessions: int) -> tuple[Floats, float]:
    """Return the weights of a block in a session of `size` start times, and how many disjoint blocks it is worth."""
    if sessions > 1 and size <= length:
        # One block, whole: days do not depend on each other, so there is nothing to taper.
        return np.full(size, size**-0.5), 1.0
    weights = _taper(length)
    # Blocks overlap and tell more than the disjoint ones among them.
    return weights, size / float((np.correlate(weights, weights, "full") ** 2).sum())


def _tapered(series: Floats, weights: Floats) -> Floats:
    """Weigh every circular block of a session and add it up."""
    wrapped = np.concatenate([series, series[: len(weights) - 1]])
    sums: Floats = np.column_stack([np.convolve(column, weights, mode="valid") for column in wrapped.T])
    return sums


def _politis_white(series: Floats) -> int:
    """Return the block length that suits the variance of a mean, rounded up."""
    n = len(series)
    deviations = series - series.mean()
    # Lags beyond which autocorrelations count as zero once so many in a row are small.
    row = max(5, math.ceil(math.sqrt(math.log10(n))))
    most = math.ceil(math.sqrt(n)) + row
    if n <= most + 1:
        return 1
    covariance = np.array([deviations[lag:] @ deviations[: n - lag] for lag in range(most + 1)]) / n
    if covariance[0] <= 0.0:
        return 1
    small = np.abs(covariance[1:] / covariance[0]) < 2.0 * math.sqrt(math.log10(n) / n)
    runs = [lag for lag in range(most - row + 1) if small[lag : lag + row].all()]
    last = runs[0] if runs else most
    width = min(2 * max(last, 1), most)
    lags = np.arange(1, width + 1)
    weights = np.clip(2.0 * (1.0 - lags / width), 0.0, 1.0)
    variance = covariance[0] + 2.0 * float(weights @ covariance[1 : width + 1])
    slope = 2.0 * float((weights * lags) @ covariance[1 : width + 1])
    if variance <= 0.0:
        return 1
    length: float = (1.5 * (slope / variance) ** 2 * n) ** (1 / 3)
    return max(1, math.ceil(min(length, 3.0 * math.sqrt(n), n / 3.0)))
