"""Means over many days and symbols: intervals that know that a day's orders move together.

The mean weighs every parent alike, so it is a ratio of sums: `theta = sum(s) / sum(n)` over clusters. Its error follows
from what each cluster adds, `s - theta n`, with nothing assumed of what goes on within one: overlapping orders, and all
symbols of a day (Liang and Zeger 1986). Clustered by day *and* symbol, the variances of both add and that of their
cells is subtracted (Cameron, Gelbach and Miller 2011). Method, choices and references: docs/statistics.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sor.errors import ParameterError, shown
from sor.settings.run import RESAMPLES, Bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

LEAST_CLUSTERS = 5
"""With fewer days, or symbols, nothing is said of the error."""
POWER = 0.8
"""Of the minimum detectable effect."""


@dataclass(frozen=True)
class ClusteredMean:
    """A mean over parents of many days, and what is known of it.

    Attributes:
        mean: Over the parents.
        error: Its standard error; None, as all that follows from it, where there are too few clusters.
        lower: End of the confidence interval.
        upper: The other end.
        p_value: Two-sided, of the mean being zero.
        detectable: The minimum detectable effect: a true mean that a test at this level finds in four of five
            such samples. What is smaller than that cannot be seen here.
        level: Confidence of the interval.
        parents: How many.
        clusters: How many there are, of the kind there are fewest of.

    """

    mean: float
    error: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    detectable: float | None
    level: float
    parents: int
    clusters: int


def clustered_mean(
    sums: ArrayLike, counts: ArrayLike, clusters: Sequence[ArrayLike], *, level: float = 0.95
) -> ClusteredMean:
    """Estimate a mean from the sums and counts of cells.

    Args:
        sums: Of the values in each cell.
        counts: Values in each cell, whole numbers.
        clusters: What each cell belongs to: one label per cell (its day), or two of them (its day, its symbol).
        level: Confidence, in (0, 1).

    Raises:
        ParameterError: If there is no value, or an argument is out of its range.

    """
    level = Bootstrap(level=level).level
    s, n = np.asarray(sums, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    total = float(n.sum())
    if total <= 0 or s.shape != n.shape or not 1 <= len(clusters) <= 2:
        raise ParameterError(f"counts must hold at least one value, got {shown(counts)}")
    mean = math.fsum(s) / total
    added = s - mean * n
    codes = [np.unique(np.asarray(labels), return_inverse=True)[1] for labels in clusters]
    present = [len(np.unique(code[n > 0])) for code in codes]
    found = (level, int(total), min(present))
    if min(present) < LEAST_CLUSTERS:
        return ClusteredMean(mean, None, None, None, None, None, *found)
    error = math.sqrt(_variance(added, codes, present)) / total
    # What remains of equal values is rounding.
    if error <= 1e-12 * float(np.abs(s).max()) / total:
        return ClusteredMean(mean, 0.0, mean, mean, 1.0 if mean == 0.0 else 0.0, 0.0, *found)
    freedom = min(present) - 1
    half = t_quantile(level, freedom) * error
    return ClusteredMean(
        mean,
        error,
        mean - half,
        mean + half,
        1.0 - within(abs(mean) / error, freedom),
        half + t_quantile(2.0 * POWER - 1.0, freedom) * error,
        *found,
    )


def romano_wolf(gains: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Return p-values that hold for all candidates together (Romano and Wolf 2005, 2016).

    Two-sided, step-down: a candidate is compared with the largest of those that are left in the draws, so that their
    correlation is used. A draw turns the sign of whole days, the same of all candidates: exact where days are
    independent and no candidate gains or loses.

    Args:
        gains: One row per day, a column per candidate: the sum of the gains over the day's parents.
        resamples: Draws.
        seed: Of the draws.

    Returns:
        A p-value per candidate: rejecting those below 5% is wrong about any of them in at most 5% of samples. NaN
        where there are too few days.

    Raises:
        ParameterError: If `gains` is no table of finite numbers, or `resamples` or `seed` are out of range.

    """
    table = np.asarray(gains, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0 or not np.isfinite(table).all():
        raise ParameterError(
            f"gains must have one row of finite numbers per day and a column per candidate, got {table.shape}"
        )
    settings = Bootstrap(resamples=resamples, seed=seed)
    if len(table) < LEAST_CLUSTERS:
        return np.full(table.shape[1], math.nan)
    random = np.random.Generator(np.random.PCG64(settings.seed))
    observed = _t_values(table.sum(axis=0)[None, :], table)[0]
    draws = np.empty((settings.resamples, table.shape[1]))
    for first in range(0, settings.resamples, 512):
        signs = 1.0 - 2.0 * random.integers(0, 2, (min(512, settings.resamples - first), len(table)))
        draws[first : first + len(signs)] = _t_values(signs @ table, table)
    order = np.argsort(-observed, kind="stable")
    # The largest of what is left, at every step.
    left = np.maximum.accumulate(draws[:, order[::-1]], axis=1)[:, ::-1]
    beyond = (left >= observed[order] * (1.0 - 1e-12)).sum(axis=0)
    stepped = np.maximum.accumulate((1.0 + beyond) / (1.0 + settings.resamples))
    adjusted = np.empty(len(order))
    adjusted[order] = stepped
    # Who neither gains nor loses a thing is not tested.
    adjusted[(table == 0.0).all(axis=0)] = 1.0
    return adjusted


def _t_values(totals: Floats, table: Floats) -> Floats:
    """Return |t| of sums over days; turning signs leaves the sum of squares as it is."""
    days = len(table)
    squares = (table**2).sum(axis=0)
    variance = np.maximum(squares - totals**2 / days, 0.0) * days / (days - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.abs(totals) / np.sqrt(variance)
    found: Floats = np.where(totals == 0.0, 0.0, values)
    return found


def _variance(added: Floats, codes: Sequence[Codes], present: Sequence[int]) -> float:
    """Return the variance of the sum of what the clusters add."""
    one_way = [_squares(added, code) * g / (g - 1) for code, g in zip(codes, present, strict=True)]
    if len(codes) == 1:
        return one_way[0]
    cells = codes[0] * (int(codes[1].max()) + 1) + codes[1]
    count = len(np.unique(cells))
    both = sum(one_way) - _squares(added, np.unique(cells, return_inverse=True)[1]) * count / (count - 1)
    # The difference may be too small by chance, and then the wider of the two is the honest one.
    return max(both, *one_way)


def _squares(added: Floats, code: Codes) -> float:
    sums = np.bincount(code, weights=added)
    return float(sums @ sums)


def within(bound: float, freedom: int) -> float:
    """Return the probability that |t| is less than a bound, of Student's t (Abramowitz and Stegun 26.7.3-4)."""
    angle = math.atan(bound / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    if freedom == 1:
        return 2.0 * angle / math.pi
    term = cosine if odd else 1.0
    total = term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2.0 / math.pi * (angle + sine * total) if odd else sine * total


def t_quantile(level: float, freedom: int) -> float:
    """Return the bound that |t| is within with a probability."""
    low, high = 0.0, 1.0
    while within(high, freedom) < level and high < 1e9:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        low, high = (middle, high) if within(middle, freedom) < level else (low, middle)
    return high
