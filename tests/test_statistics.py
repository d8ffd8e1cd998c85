"""Intervals and the reality check against truths that are known; the full trials are bench/bench_stats.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sor.errors import ParameterError
from sor.results.statistics import _Sample, block_length, mean_interval, overlap, reality_check

TRIALS = 200


def windows(count: int, horizon: int) -> tuple[Any, Any]:
    starts = np.arange(count) * 60
    return starts, starts + 60 * horizon


def overlapping(random: np.random.Generator, count: int, horizon: int, columns: int = 1) -> Any:
    """Draw means of independent minutes over windows of `horizon` minutes, one a minute."""
    sums = np.cumsum(random.standard_normal((count + horizon, columns)), axis=0)
    return (sums[horizon:] - sums[:-horizon]) / horizon


@pytest.mark.parametrize("horizon", [1, 5])
def test_interval_covers_the_true_mean_with_and_without_overlap(horizon: int) -> None:
    random = np.random.default_rng(1)
    starts, ends = windows(300, horizon)
    covered, naive = 0, 0
    for trial in range(TRIALS):
        values = 3.0 + overlapping(random, 300, horizon)[:, 0]
        found = mean_interval(values, starts, ends, resamples=300, seed=trial)
        assert found.lower is not None
        assert found.upper is not None
        covered += found.lower <= 3.0 <= found.upper
        naive += abs(values.mean() - 3.0) <= 1.96 * values.std() / np.sqrt(len(values))
    assert 0.91 <= covered / TRIALS <= 0.985
    # What the overlap does to the textbook interval.
    assert naive / TRIALS > 0.9 if horizon == 1 else naive / TRIALS < 0.75


@pytest.mark.parametrize("horizon", [pytest.param(1, marks=pytest.mark.slow), 5])
def test_reality_check_rejects_about_one_in_twenty_without_a_difference(horizon: int) -> None:
    random = np.random.default_rng(2)
    starts, ends = windows(300, horizon)
    rejected = 0
    for trial in range(TRIALS):
        gains = overlapping(random, 300, horizon, 10)
        chance = reality_check(gains, starts, ends, resamples=300, seed=trial).p_reality_check
        assert chance is not None
        rejected += chance <= 0.05
    assert 0.01 <= rejected / TRIALS <= 0.09


def test_best_of_many_looks_real_by_itself_and_not_among_the_others() -> None:
    random = np.random.default_rng(3)
    starts, ends = windows(300, 5)
    trials, fooled, warned = 40, 0, 0
    for trial in range(trials):
        gains = overlapping(random, 300, 5, 27)
        luck = reality_check(gains, starts, ends, resamples=300, seed=trial)
        alone = mean_interval(gains[:, luck.best], starts, ends, resamples=300, seed=trial)
        assert alone.p_value is not None
        assert luck.p_reality_check is not None
        fooled += alone.p_value / 2 <= 0.05
        warned += luck.p_reality_check > 0.05
    # The chance that none of 27 independent tests at 5% fires is a quarter.
    assert fooled > trials / 2
    assert warned > 0.85 * trials


def test_a_candidate_that_is_better_is_found() -> None:
    starts, ends = windows(300, 5)
    gains = overlapping(np.random.default_rng(3), 300, 5, 27)
    gains[:, 11] += 0.5
    skill = reality_check(gains, starts, ends)
    assert skill.best == 11
    assert skill.p_reality_check is not None
    assert skill.p_reality_check < 0.01


def test_clearly_worse_candidates_weaken_only_whites_version() -> None:
    random = np.random.default_rng(4)
    starts, ends = windows(300, 1)
    good = random.standard_normal((300, 2)) + np.array([0.13, 0.0])
    poor = random.standard_normal((300, 200)) - 1.0
    alone = reality_check(good, starts, ends)
    crowd = reality_check(np.hstack([good, poor]), starts, ends)
    assert alone.p_spa is not None
    assert crowd.p_spa is not None
    assert crowd.p_reality_check is not None
    assert abs(crowd.p_spa - alone.p_spa) < 0.02
    assert crowd.p_reality_check > 3 * crowd.p_spa


def test_candidates_that_trade_alike_or_not_at_all_count_once() -> None:
    random = np.random.default_rng(5)
    starts, ends = windows(200, 2)
    gains = overlapping(random, 200, 2, 3)
    twice = np.hstack([gains, gains, np.zeros((200, 1))])
    once, again = (reality_check(table, starts, ends) for table in (gains, twice))
    assert again.best == once.best
    assert again.p_reality_check == pytest.approx(once.p_reality_check, abs=0.03)
    none = reality_check(np.zeros((200, 4)), starts, ends)
    assert (none.gain, none.p_reality_check, none.p_spa) == (0.0, 1.0, 1.0)
    constant = reality_check(np.full((200, 1), 0.5), starts, ends)
    assert constant.p_reality_check is not None
    assert constant.p_reality_check < 0.01
    worse = reality_check(np.full((200, 1), -0.5), starts, ends)
    assert (worse.p_reality_check, worse.p_spa) == (1.0, 1.0)


def test_observations_of_one_start_are_one_piece_of_evidence() -> None:
    random = np.random.default_rng(6)
    starts, ends = windows(200, 3)
    values = overlapping(random, 200, 3)[:, 0]
    once = mean_interval(values, starts, ends)
    twice = mean_interval(np.tile(values, 2), np.tile(starts, 2), np.tile(ends, 2))
    assert twice.observations == 2 * once.observations
    assert twice.times == once.times
    assert (twice.lower, twice.upper) == pytest.approx((once.lower, once.upper), rel=1e-9)


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does() -> None:
    random = np.random.default_rng(7)
    starts, ends = windows(200, 3)
    values = overlapping(random, 200, 3)[:, 0]
    mixed = random.permutation(200)
    first, second = (mean_interval(values[i], starts[i], ends[i]) for i in (np.arange(200), mixed))
    assert (first.lower, first.upper) == pytest.approx((second.lower, second.upper), rel=1e-9)
    assert mean_interval(values, starts, ends) == mean_interval(values, starts, ends)
    assert mean_interval(values, starts, ends, seed=1).lower != first.lower


def test_level_widens_and_p_value_agrees_with_the_interval() -> None:
    random = np.random.default_rng(8)
    starts, ends = windows(200, 2)
    values = overlapping(random, 200, 2)[:, 0] + 0.1
    narrow, wide = (mean_interval(values, starts, ends, level=level) for level in (0.8, 0.99))
    assert narrow.upper is not None
    assert wide.upper is not None
    assert narrow.p_value is not None
    assert wide.upper - wide.mean > narrow.upper - narrow.mean
    at_p = mean_interval(values, starts, ends, level=1 - narrow.p_value)
    assert at_p.lower == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(("count", "horizon"), [(1, 1), (4, 1), (40, 5), (290, 30)])
def test_too_few_independent_windows_give_no_interval(count: int, horizon: int) -> None:
    starts, ends = windows(count, horizon)
    values = np.random.default_rng(9).standard_normal(count)
    found = mean_interval(values, starts, ends)
    assert (found.lower, found.upper, found.p_value) == (None, None, None)
    assert found.mean == values.mean()
    luck = reality_check(values[:, None], starts, ends)
    assert (luck.p_reality_check, luck.p_spa) == (None, None)


def test_equal_differences_leave_no_doubt() -> None:
    starts, ends = windows(100, 2)
    found = mean_interval(np.full(100, 0.1), starts, ends)
    assert (found.lower, found.upper, found.p_value) == (found.mean, found.mean, 0.0)
    assert mean_interval(np.zeros(100), starts, ends).p_value == 1.0


def test_overlap_counts_starts_within_a_window() -> None:
    assert overlap(*windows(100, 5)) == 5
    assert overlap(*windows(100, 1)) == 1
    assert overlap([0, 0, 10, 20], [15, 5, 20, 30]) == 2


def test_blocks_are_long_against_overlap_and_dependence() -> None:
    random = np.random.default_rng(10)
    noise = random.standard_normal(2000)
    assert block_length(noise, 1) in range(1, 8)
    assert block_length(overlapping(random, 2000, 5)[:, 0], 5) in range(20, 40)
    slow = np.convolve(random.standard_normal(2200), 0.97 ** np.arange(200), mode="valid")
    assert (block_length(slow, 1) or 0) > 40
    assert (block_length(noise, 20) or 0) >= 80, "the overlap counts where the sample does not show it"
    assert block_length(noise[:20], 3) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": 1.0}, "level must be between 0 and 1"),
        ({"resamples": 10}, "resamples must be a whole number of at least 100"),
        ({"block": 11}, "block must be from 1 to 10"),
        ({"values": [1.0, np.nan] * 5}, "values must hold"),
        ({"values": []}, "values must hold"),
        ({"ends": [1]}, "starts and ends must have one time per observation, 10"),
    ],
)
def test_bad_input_is_named(changes: dict[str, Any], message: str) -> None:
    starts, ends = windows(10, 1)
    arguments: dict[str, Any] = {"values": np.arange(10.0), "starts": starts, "ends": ends} | changes
    with pytest.raises(ParameterError, match=message):
        mean_interval(arguments.pop("values"), arguments.pop("starts"), arguments.pop("ends"), **arguments)


def test_gains_need_a_column_per_candidate() -> None:
    with pytest.raises(ParameterError, match="one row per observation and a column per candidate"):
        reality_check(np.arange(10.0), *windows(10, 1))


def test_no_block_reaches_into_another_session() -> None:
    """A block that did would mix +1 and -1: all that lie in one session sum to one of two values."""
    starts, ends = windows(40, 1)
    values = np.where(starts < starts[20], 1.0, -1.0)[:, None]
    inside = _Sample.of(values, starts, ends, 5, np.repeat([3, 7], 20))
    across = _Sample.of(values, starts, ends, 5, None)
    assert len(np.unique(inside.blocks.round(9))) == 2
    assert len(np.unique(across.blocks.round(9))) > 2
    assert len(inside.blocks) == len(across.blocks) == 40


def test_whole_sessions_may_change_places() -> None:
    """What is learnt from three days does not depend on which of them was the first."""
    values = np.random.default_rng(5).standard_normal(60).cumsum()[:, None]
    starts, ends = windows(60, 3)
    days = np.repeat([0, 1, 2], [30, 10, 20])
    moved = np.concatenate([values[30:40], values[:30], values[40:]])
    first = _Sample.of(values, starts, ends, 15, days)
    second = _Sample.of(moved, starts, ends, 15, np.repeat([0, 1, 2], [10, 30, 20]))
    assert np.allclose(np.sort(first.blocks[:, 0]), np.sort(second.blocks[:, 0]))
    assert np.allclose(first.spread, second.spread)
    assert first.disjoint == pytest.approx(second.disjoint)
    unlike = _Sample.of(moved, starts, ends, 15, None).spread
    assert not np.allclose(unlike, _Sample.of(values, starts, ends, 15, None).spread)


def test_one_session_is_what_none_is_and_short_ones_bound_the_block() -> None:
    random = np.random.default_rng(6)
    starts, ends = windows(60, 3)
    values = overlapping(random, 60, 3)[:, 0]
    alone = mean_interval(values, starts, ends, resamples=100)
    assert mean_interval(values, starts, ends, sessions=np.full(60, 4), resamples=100) == alone
    short = mean_interval(values, starts, ends, sessions=np.arange(60) // 4, resamples=100)
    assert alone.block > 4
    assert short.block == 4
    gains = overlapping(random, 60, 3, 2)
    assert reality_check(gains, starts, ends, sessions=np.arange(60) // 4, resamples=100).block == 4


def test_interval_covers_the_true_mean_over_many_sessions() -> None:
    """Thirty sessions with a mean of their own each, which a block that steps over the night would smooth away."""
    random = np.random.default_rng(7)
    starts, ends = windows(300, 5)
    days, covered = np.repeat(np.arange(30), 10), 0
    for trial in range(TRIALS):
        values = 3.0 + np.concatenate([overlapping(random, 10, 5)[:, 0] for _ in range(30)])
        values += 0.5 * random.standard_normal(30)[days]
        found = mean_interval(values, starts, ends, sessions=days, resamples=300, seed=trial)
        assert found.lower is not None
        assert found.upper is not None
        covered += found.lower <= 3.0 <= found.upper
    assert 0.91 <= covered / TRIALS <= 0.985


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ([0, 1], "sessions must have one number per observation, 10"),
        ([1] * 5 + [0] * 5, "in order of time"),
        ([*range(8), 7, 8], "the same for all that start together"),
    ],
)
def test_sessions_that_are_none(sessions: list[int], message: str) -> None:
    starts, ends = windows(10, 1)
    starts[9] = starts[8]
    with pytest.raises(ParameterError, match=message):
        mean_interval(np.arange(10.0), starts, ends, sessions=sessions)
