"""The statistics against truth, the study's speed, and twenty kills: `python -m bench.bench_stats [data]`.

Prints one line per figure beside its bar, and fails if one is not met. `data` is a day of quotes (Parquet);
without it the speed is measured on a synthetic day of as many records.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sor import _core
from sor.results.statistics import mean_interval, reality_check
from sor.settings.orders import orders_every
from sor.settings.routers import StaticRouter
from sor.studies.search import search
from sor.studies.study import study
from sor.tape.read import read_quotes
from sor.tape.simulate import simulate_quotes

TRIALS = 1000
MINUTES = 385
CANDIDATES = 27
DIFFERENCE = 0.4
KILLS = 20

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, int]], Floats]


def normal(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return generator.standard_normal(shape)


def heavy(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Student's t with 4 degrees of freedom."""
    return generator.standard_t(4, shape)


def skewed(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return generator.exponential(size=shape) - 1.0


def regime(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """First-order autoregression with coefficient 0.5: dependence beyond the overlap."""
    noise = generator.standard_normal((shape[0] + 50, shape[1]))
    for row in range(1, len(noise)):
        noise[row] += 0.5 * noise[row - 1]
    return noise[50:]


def parents(
    noise: Noise, seed: int, horizon: int, columns: int, minutes: int = MINUTES
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Draw one parent a minute: the mean of its horizon's minutes, so that neighbours share most of it."""
    generator = np.random.default_rng([seed, horizon, columns])
    sums = np.cumsum(noise(generator, (minutes + horizon, columns)), axis=0)
    starts = np.arange(minutes) * 60
    return (sums[horizon:] - sums[:-horizon]) / horizon, starts, starts + 60 * horizon


def covers(task: tuple[Noise, int, int, int]) -> bool:
    noise, horizon, minutes, seed = task
    values, starts, ends = parents(noise, seed, horizon, 1, minutes)
    found = mean_interval(DIFFERENCE + values[:, 0], starts, ends, seed=seed)
    assert found.lower is not None
    assert found.upper is not None
    return found.lower <= DIFFERENCE <= found.upper


def rejects(task: tuple[Noise, int, float, int]) -> tuple[bool, bool]:
    noise, horizon, common, seed = task
    values, starts, ends = parents(noise, seed, horizon, CANDIDATES + 1)
    # Points of one router mostly do the same: they share a part of what moves them.
    gains = common * values[:, :1] + values[:, 1:]
    found = reality_check(gains, starts, ends, seed=seed)
    assert found.p_reality_check is not None
    assert found.p_spa is not None
    return found.p_reality_check <= 0.05, found.p_spa <= 0.05


def report(name: str, value: float, low: float, high: float, unit: str) -> bool:
    fits = low <= value <= high
    print(
        f"{name:<64} {value:8.2f} {unit:<2} bar {low:g} to {high:g} {'ok' if fits else 'MISSED'}", flush=True
    )
    return fits


def coverage(pool: ProcessPoolExecutor) -> list[bool]:
    cases = [(noise, horizon, MINUTES) for noise in (normal, heavy, skewed, regime) for horizon in (1, 5)]
    cases += [(normal, 30, MINUTES), (normal, 5, 120), (normal, 1, 40)]
    met = []
    for noise, horizon, minutes in cases:
        tasks = [(noise, horizon, minutes, seed) for seed in range(TRIALS)]
        share = 100 * np.mean(list(pool.map(covers, tasks, chunksize=25)))
        name = f"95% interval covers: {minutes} parents, {horizon}m horizon, {noise.__name__}"
        met.append(report(name, float(share), 93, 97, "%"))
    return met


def size(pool: ProcessPoolExecutor) -> list[bool]:
    met = []
    for noise, horizon, common in (
        (normal, 1, 0.0),
        (normal, 5, 0.0),
        (normal, 5, 1.0),
        (heavy, 5, 1.0),
        (regime, 5, 1.0),
    ):
        tasks = [(noise, horizon, common, seed) for seed in range(TRIALS)]
        shares = 100 * np.mean(list(pool.map(rejects, tasks, chunksize=25)), axis=0)
        for test, share in zip(("reality check", "SPA"), shares, strict=True):
            name = f"{test} at 5%: {CANDIDATES} points, {horizon}m, {noise.__name__}, common {common:g}"
            met.append(report(name, float(share), 3, 7, "%"))
    return met


def speed(path: str | None) -> list[bool]:
    tape = simulate_quotes(venues=12, minutes=390, records=213_427) if path is None else read_quotes(path)
    orders = orders_every("1m", quantity=5_000, horizon="5m", side="both")
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        made = study(tape, orders)
        assert made.comparisons.height == 4
        found = search(tape, orders)
        assert found.table.height == CANDIDATES
        assert len(found.in_sample.policies) == 6
        seconds.append(time.perf_counter() - begin)
    pairs = found.in_sample.parents.height
    name = f"study, and search of 27 points with 6 policies, {pairs} parents"
    return [report(name, min(seconds), 0, 5, "s")]


STUDY = """
import sys
from pathlib import Path
import sor.studies.pipeline
from sor.tape.simulate import simulate_quotes
from sor.settings.orders import orders_every
from sor.settings.run import Run
from sor.studies.study import study
sor.studies.pipeline.UNIT_PARENTS = 8
tape = simulate_quotes(minutes=15, seed=3)
orders = orders_every("10s", quantity=(400, 3_000), side="both", horizon="30s")
print("ready", flush=True)
made = study(tape, orders, run=Run(resume=sys.argv[1]))
with Path(sys.argv[2]).open("wb") as out:
    for frame in (made.ledger.parents, made.ledger.children, made.ledger.fills, made.comparisons):
        frame.write_ipc(out)
    out.write(made.to_json().encode())
"""


def kills() -> list[bool]:
    script = [sys.executable, "-c", STUDY]
    moments = random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        child = subprocess.Popen([*script, place / "whole.db", place / "whole"], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        begin = time.perf_counter()
        child.wait()
        seconds = time.perf_counter() - begin
        child.stdout.close()
        equal = under_way = 0
        for i in range(KILLS):
            kept, out = place / f"{i}.db", place / f"{i}.out"
            child = subprocess.Popen([*script, kept, out], stdout=subprocess.PIPE)
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(moments.uniform(0.0, seconds))
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
            under_way += not out.exists()
            subprocess.run([*script, kept, out], check=True, stdout=subprocess.DEVNULL)
            equal += out.read_bytes() == (place / "whole").read_bytes()
    print(f"killed within {seconds:.2f} s, {under_way} of {KILLS} before the results were written")
    return [report("same bytes after a SIGKILL and a resume", equal, KILLS, KILLS, "")]


def main() -> None:
    if not _core.RELEASE:
        sys.exit("this is a debug build: make .venv/.core builds in release")
    # One evaluation per process: the trials are small, and polars and NumPy bring threads of their own.
    with ProcessPoolExecutor() as pool:
        met = [*coverage(pool), *size(pool)]
    met += speed(sys.argv[1] if len(sys.argv) > 1 else None)
    met += kills()
    # The router is in every figure above; say which.
    print(f"router: {StaticRouter()}")
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
