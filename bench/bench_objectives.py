"""Intervals and tests of luck of objectives against truth: `python -m bench.bench_objectives`.

Prints one line per figure beside its bar, and fails if one is not met. The two policies of a trial share a part of
what moves them, and the second's costs vary half as much again, so that the true difference is known.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from sor.results.objectives import Measured, Stretches
from sor.results.statistics import mean_interval, reality_check
from sor.settings.objective import Cvar, MeanStd, Objective, OwnObjective, Quantile, value_of

from bench.bench_stats import Floats, Noise, heavy, normal, report, skewed

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRIALS = 1000
MINUTES = 385
CANDIDATES = 9
SPREAD = 1.5


def upper_tenth(parents: pl.DataFrame) -> float:
    """A quantile that is interpolated, as a function of one's own."""
    return float(np.quantile(parents["shortfall_bps"].to_numpy(), 0.9))


OBJECTIVES: dict[str, Objective] = {
    "mean+std": MeanStd(),
    "quantile:0.9": Quantile(0.9),
    "cvar:0.9": Cvar(0.9),
    "own": OwnObjective(upper_tenth),
}


def drawn(
    noise: Noise, seed: int, horizon: int, columns: int
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Draw one parent a minute with costs of variance one: sums over its horizon, a part common to all columns."""
    generator = np.random.default_rng([seed, horizon, columns])
    sums = np.cumsum(noise(generator, (MINUTES + horizon, columns + 1)), axis=0)
    values = (sums[horizon:] - sums[:-horizon]) / np.sqrt(horizon)
    starts = np.arange(MINUTES) * 60
    return (values[:, 1:] + values[:, :1]) / np.sqrt(2.0), starts, starts + 60 * horizon


def added(costs: Floats, stretches: Stretches, objective: Objective) -> Floats:
    measured = Measured(costs, lambda: pl.DataFrame({"shortfall_bps": costs}), "")
    return stretches.contributions(measured, objective, np.ones(len(costs), dtype=bool))


def truth(noise: Noise, horizon: int, objective: Objective) -> float:
    """Return the objective of very many independent parents."""
    generator = np.random.default_rng(1)
    many = noise(generator, (400_000, 2 * horizon)).sum(axis=1) / np.sqrt(2 * horizon)
    frame = pl.DataFrame({"shortfall_bps": many})
    return objective.of(frame, "") if isinstance(objective, OwnObjective) else value_of(objective, many)


def covers(task: tuple[Noise, int, str, float, int]) -> bool:
    noise, horizon, name, difference, seed = task
    values, starts, ends = drawn(noise, seed, horizon, 2)
    values[:, 1] *= SPREAD
    stretches = Stretches.of(values, starts, ends, np.zeros(MINUTES, dtype=np.int64))
    mine, theirs = (added(np.ascontiguousarray(column), stretches, OBJECTIVES[name]) for column in values.T)
    found = mean_interval(theirs - mine, stretches.starts, stretches.starts + 1, seed=seed)
    assert found.lower is not None
    assert found.upper is not None
    return found.lower <= difference <= found.upper


def rejects(task: tuple[Noise, int, str, int]) -> tuple[bool, bool]:
    noise, horizon, name, seed = task
    values, starts, ends = drawn(noise, seed, horizon, CANDIDATES + 1)
    stretches = Stretches.of(values, starts, ends, np.zeros(MINUTES, dtype=np.int64))
    each = [added(np.ascontiguousarray(column), stretches, OBJECTIVES[name]) for column in values.T]
    gains = np.stack([each[0] - other for other in each[1:]], axis=1)
    found = reality_check(gains, stretches.starts, stretches.starts + 1, seed=seed)
    assert found.p_reality_check is not None
    assert found.p_spa is not None
    return found.p_reality_check <= 0.05, found.p_spa <= 0.05


def main() -> None:
    met = []
    # polars does not live through a fork.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for name in OBJECTIVES:
            for noise in (normal, heavy, skewed):
                for horizon in (1, 5):
                    difference = (SPREAD - 1.0) * truth(noise, horizon, OBJECTIVES[name])
                    tasks = [(noise, horizon, name, difference, seed) for seed in range(TRIALS)]
                    share = 100 * np.mean(list(pool.map(covers, tasks, chunksize=25)))
                    met.append(
                        report(
                            f"95% interval covers: {name}, {horizon}m horizon, {noise.__name__}",
                            share,
                            92,
                            98,
                            "%",
                        )
                    )
            for horizon in (1, 5):
                tests = [(normal, horizon, name, seed) for seed in range(TRIALS)]
                shares = 100 * np.mean(list(pool.map(rejects, tests, chunksize=25)), axis=0)
                for test, share in zip(("reality check", "SPA"), shares, strict=True):
                    met.append(
                        report(f"{test} at 5%: {name}, {CANDIDATES} points, {horizon}m", share, 2, 8, "%")
                    )
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
