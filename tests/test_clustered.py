"""Means over clusters, against formulas written out and against randomisation in full."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sor
from sor.universe.clustered import clustered_mean, romano_wolf, t_quantile, within

# Student's t, two-sided: from tables (Abramowitz and Stegun, table 26.10).
QUANTILES = {
    (1, 0.95): 12.706,
    (2, 0.9): 2.920,
    (5, 0.95): 2.571,
    (10, 0.99): 3.169,
    (30, 0.95): 2.042,
    (120, 0.95): 1.980,
}


@pytest.mark.parametrize(("freedom", "level"), QUANTILES)
def test_quantiles_of_t(freedom: int, level: float) -> None:
    bound = t_quantile(level, freedom)
    assert round(bound, 3) == QUANTILES[freedom, level]
    assert within(bound, freedom) == pytest.approx(level, rel=1e-12)


def sample(days: int = 9, symbols: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    day, symbol = (grid.ravel() for grid in np.meshgrid(np.arange(days), np.arange(symbols), indexing="ij"))
    count = random.integers(1, 9, day.size)
    common = random.standard_normal(days)[day] + 0.5 * random.standard_normal(symbols)[symbol]
    return count * (0.2 + common + random.standard_normal(day.size)), count, day, symbol


def test_one_way_is_the_formula_written_out() -> None:
    sums, counts, day, _ = sample()
    found = clustered_mean(sums, counts, [day])
    mean = sums.sum() / counts.sum()
    added = [sum(s - mean * n for s, n, d in zip(sums, counts, day, strict=True) if d == g) for g in range(9)]
    error = math.sqrt(9 / 8 * sum(each**2 for each in added)) / counts.sum()
    assert (found.mean, found.error) == pytest.approx((mean, error))
    assert found.upper - found.mean == pytest.approx(2.306004 * error)
    assert found.detectable == pytest.approx((2.306004 + 0.888890) * error, rel=1e-5)
    assert found.p_value == pytest.approx(1 - within(abs(mean) / error, 8))
    assert (found.parents, found.clusters) == (counts.sum(), 9)


def test_two_ways_add_and_subtract_the_cells() -> None:
    sums, counts, day, symbol = sample()
    mean = sums.sum() / counts.sum()
    added = sums - mean * counts

    def variance(labels: np.ndarray) -> float:
        clusters = [added[labels == each].sum() for each in np.unique(labels)]
        return len(clusters) / (len(clusters) - 1) * sum(each**2 for each in clusters)

    both = variance(day) + variance(symbol) - variance(day * 6 + symbol)
    found = clustered_mean(sums, counts, [day, symbol])
    assert both > max(variance(day), variance(symbol))
    assert found.error == pytest.approx(math.sqrt(both) / counts.sum())
    assert found.clusters == 6
    assert found.error > clustered_mean(sums, counts, [day]).error


def test_too_few_days_say_nothing_of_the_error() -> None:
    sums, counts, day, symbol = sample(days=4)
    found = clustered_mean(sums, counts, [day])
    assert found.mean == pytest.approx(sums.sum() / counts.sum())
    assert [found.error, found.lower, found.upper, found.p_value, found.detectable] == [None] * 5
    # Days on which nothing traded are none.
    counts = np.where(day < 4, counts, 0)
    assert clustered_mean(sums * (counts > 0), counts, [symbol]).error is not None


def test_equal_values_have_no_error() -> None:
    counts = np.arange(1, 8)
    assert clustered_mean(0.0 * counts, counts, [counts]).p_value == 1.0
    found = clustered_mean(0.1 * counts, counts, [counts])
    assert (found.lower, found.upper, found.p_value) == (found.mean, found.mean, 0.0)
    with pytest.raises(sor.ParameterError, match="counts must hold at least one value"):
        clustered_mean([0.0], [0], [[1]])


def test_step_down_is_all_signs_written_out() -> None:
    """With eight days there are 256 ways to turn their signs: draws come close to all of them."""
    random = np.random.default_rng(2)
    gains = random.standard_normal((8, 3)) + random.standard_normal((8, 1)) + [1.5, 0.0, 0.3]

    def t(table: np.ndarray) -> np.ndarray:
        return np.abs(table.mean(axis=0)) / (table.std(axis=0, ddof=1) / math.sqrt(len(table)))

    every = np.array([t(np.array(signs)[:, None] * gains) for signs in itertools.product((-1, 1), repeat=8)])
    observed = t(gains)
    expected, least = {}, 0.0
    left = [0, 1, 2]
    while left:
        top = max(left, key=lambda i: observed[i])
        least = max(least, float((every[:, left].max(axis=1) >= observed[top] - 1e-12).mean()))
        expected[top] = least
        left.remove(top)
    found = romano_wolf(gains, resamples=20_000)
    assert found == pytest.approx([expected[i] for i in range(3)], abs=0.012)
    alone = romano_wolf(gains[:, :1], resamples=20_000)[0]
    assert alone <= found[0]


def test_step_down_of_what_cannot_be_tested() -> None:
    assert np.isnan(romano_wolf(np.ones((4, 2)))).all()
    random = np.random.default_rng(1)
    assert romano_wolf(np.column_stack([np.zeros(9), random.standard_normal(9)]))[0] == 1.0
    with pytest.raises(sor.ParameterError, match="gains must have one row of finite numbers per day"):
        romano_wolf([[math.nan]])
    with pytest.raises(sor.ParameterError, match="gains must have"):
        romano_wolf([1.0, 2.0])
