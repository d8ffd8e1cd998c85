"""A universe measured: memory, the cost of dispatch, the time of a symbol-day, and intervals against truth.

`python -m bench.bench_universe [statistics | memory | dispatch | rate | file] [folder]`; all of them by default. Prints
one line per figure beside its bar, and fails if one is not met. `folder` is where tapes are written, a temporary one by
default.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import sor
from numpy.typing import NDArray
from sor import _core
from sor.universe.clustered import clustered_mean, romano_wolf

TRIALS = 1_000
PLACEBOS = 4_000
UNITS = 1_000
TAPES = 20
DAY = np.datetime64("2024-01-02")
ORDERS = sor.orders_every("5m", quantity=1_000, side="both", horizon="5m")
YEAR_UNITS = 126_000
"""A year of 500 names."""

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def report(name: str, value: float, low: float, high: float, unit: str) -> bool:
    fits = low <= value <= high
    print(
        f"{name:<70} {value:9.2f} {unit:<4} bar {low:g} to {high:g} {'ok' if fits else 'MISSED'}", flush=True
    )
    return fits


# Intervals and tests against known truths


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return random.standard_normal(shape)


def heavy(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student's t with 4 degrees of freedom."""
    return random.standard_t(4, shape)


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return random.exponential(size=shape) - 1.0


def cells(
    draw: Draw, random: np.random.Generator, days: int, symbols: int, of_symbol: float
) -> tuple[Floats, Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Draw savings per symbol-day around a mean of zero, with an effect of the day that all symbols share."""
    counts = random.integers(60, 160, (days, symbols)).astype(np.float64)
    effect = draw(random, (days, 1)) + of_symbol * draw(random, (1, symbols))
    # Overlapping orders of a symbol-day move together too.
    sums = counts * (effect + draw(random, (days, symbols)))
    day, symbol = np.meshgrid(np.arange(days), np.arange(symbols), indexing="ij")
    return sums.ravel(), counts.ravel(), day.ravel(), symbol.ravel()


def statistics() -> list[bool]:
    met = []
    cases = [(normal, 20, 1), (normal, 20, 10), (normal, 60, 10), (normal, 252, 20), (heavy, 60, 10)]
    for draw, days, symbols in [*cases, (skewed, 60, 10), (heavy, 252, 20)]:
        inside = 0
        for seed in range(TRIALS):
            sums, counts, day, _ = cells(draw, np.random.default_rng([seed, days]), days, symbols, 0.0)
            found = clustered_mean(sums, counts, [day])
            inside += found.lower <= 0.0 <= found.upper
        name = f"95% by day covers: {days} days, {symbols} symbols, {draw.__name__} common day effects"
        met.append(report(name, 100 * inside / TRIALS, 93, 97, "%"))
    for days, symbols in ((20, 20), (60, 40), (252, 30)):
        inside = 0
        for seed in range(TRIALS):
            sums, counts, day, symbol = cells(normal, np.random.default_rng([seed, days]), days, symbols, 1.0)
            found = clustered_mean(sums, counts, [day, symbol])
            inside += found.lower <= 0.0 <= found.upper
        name = f"95% by day and symbol covers: {days} days, {symbols} symbols, effects of both"
        met.append(report(name, 100 * inside / TRIALS, 93, 97, "%"))
    return met + placebos()


def placebos() -> list[bool]:
    """Policies that differ from ours by noise alone, common day effects included."""
    met = []
    for draw, days in ((normal, 20), (normal, 60), (heavy, 60)):
        single = family = 0
        for seed in range(PLACEBOS):
            random = np.random.default_rng([seed, days, 7])
            counts = random.integers(600, 1_600, (days, 1))
            # Savings against each of eight have our own costs in common.
            gains = counts * (draw(random, (days, 1)) + draw(random, (days, 8)))
            found = clustered_mean(gains[:, 0], counts[:, 0], [np.arange(days)])
            single += found.p_value <= 0.05
            family += bool((romano_wolf(gains, resamples=500, seed=seed) <= 0.05).any())
        name = f"a placebo is rejected at 5%: {days} days, {draw.__name__}"
        met.append(report(name, 100 * single / PLACEBOS, 4, 6, "%"))
        name = f"any of eight placebos by Romano and Wolf: {days} days, {draw.__name__}"
        met.append(report(name, 100 * family / PLACEBOS, 4, 6, "%"))
    return met


# Memory and dispatch


def tapes(folder: Path, records: int, count: int = TAPES) -> list[str]:
    """Write synthetic tapes of a day."""
    paths = []
    for seed in range(count):
        path = folder / f"tape-{records}-{seed}.parquet"
        if not path.exists():
            sor.simulate_quotes(venues=12, minutes=390, records=records, seed=seed).write(path)
        paths.append(str(path))
    return paths


def universe(paths: list[str], units: int) -> sor.Universe:
    """Make a universe of so many symbol-days on fewer files."""
    return sor.Universe(
        pl.DataFrame(
            {
                "path": [paths[i % len(paths)] for i in range(units)],
                "date": [str(DAY + i) for i in range(units)],
                "symbol": ["SYNTH"] * units,
            }
        )
    )


def resident(process: int) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@contextmanager
def workers(kind: str, count: int) -> Iterator[tuple[Any, Callable[[], list[int]]]]:
    """Yield an executor, and what lists the processes at work."""
    if kind == "here":
        yield None, lambda: [os.getpid()]
    elif kind == "spawn":
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(count, mp_context=spawn) as pool:
            yield pool, lambda: [os.getpid(), *pool._processes]
    else:
        # Dask's profiler keeps an hour of call trees, its monitor an hour of samples, its logs the last thousand
        # messages: that is its memory, and not the work's.
        os.environ["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"
        os.environ["DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__LOG_LENGTH"] = "60"
        os.environ["DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH"] = "20"
        import distributed

        asked = {"n_workers": count, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**asked) as cluster, distributed.Client(cluster) as client:
            ids = list(client.run(os.getpid).values())
            yield client.get_executor(), lambda: [os.getpid(), *ids]


def memory(folder: Path) -> list[bool]:
    """Work through 1,000 symbol-days, and look at every process after each.

    A process's memory goes up and down as tapes come and go: what grows is told by the means of the second hundred and
    of the last.
    """
    met = []
    some = universe(tapes(folder, 50_000), UNITS)
    for kind in ("here", "spawn", "dask"):
        with workers(kind, 2) as (executor, processes):
            rows: list[list[float]] = []

            def watch(done: int, total: int, processes: Any = processes, rows: Any = rows) -> None:
                if done > 100:
                    rows.append([resident(each) for each in processes()])

            sor.study(some, ORDERS, run=sor.Run(executor=executor, progress=watch))
        seen = np.array(rows)
        early, late, most = seen[:100].mean(axis=0), seen[-100:].mean(axis=0), seen.max()
        spans = ", ".join(f"{one:.0f} to {other:.0f}" for one, other in zip(early, late, strict=True))
        print(f"{kind}: mean memory in MB of each process, units 101-200 and the last 100: {spans}")
        growth = 100 * (late / early - 1).max()
        met.append(
            report(f"{kind}: memory of a process grows from unit 100 to {UNITS:,}", growth, -100, 5, "%")
        )
        met.append(report(f"{kind}: most memory of a process", most, 0, 1024, "MB"))
    return met


def spent(processes: list[int]) -> float:
    """Return the CPU time of processes in seconds."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def nothing(units: int, executor: Any) -> None:
    """Work through units that are no work, as their file is missing."""
    run = sor.Run(executor=executor, errors="collect")
    with suppress(sor.ParameterError):  # none of them can be used
        sor.study(universe(["missing.parquet"], units), ORDERS, run=run)


def dispatch() -> list[bool]:
    """Send out units that are no work: what is left is the cost of sending.

    By the clock, and by the CPU time of all processes, which other work on the machine changes little.
    """
    met = []
    for kind in ("here", "spawn", "dask"):
        with workers(kind, 2) as (executor, processes):
            for units in (20, UNITS):  # the first has workers start
                begin, cpu = time.perf_counter(), spent(processes())
                nothing(units, executor)
                seconds, cpu = time.perf_counter() - begin, spent(processes()) - cpu
        for what, cost in (("by the clock", seconds), ("CPU of all processes", cpu)):
            share = 100 * cost / UNITS / 0.5
            met.append(
                report(f"{kind}: dispatch of a unit, of half a second of work, {what}", share, 0, 5, "%")
            )
    return met


def rate(folder: Path) -> list[bool]:
    """Measure the time of a symbol-day of 213,427 records, and what a year of 500 names would take."""
    count = 60
    some = universe(tapes(folder, 213_427, 6), count)
    for kind, workers_ in (("here", 1), ("spawn", 1), ("spawn", 2)):
        with workers(kind, workers_) as (executor, _):
            run = sor.Run(executor=executor)
            sor.study(some[:4], ORDERS, run=run)
            begin, cpu = time.perf_counter(), os.times()
            sor.study(some, ORDERS, run=run)
            seconds = (time.perf_counter() - begin) / count
            spent = os.times()
        own = (spent.user + spent.system - cpu.user - cpu.system) / count
        print(
            f"{kind}, {workers_} workers: {1e3 * seconds:.0f} ms a symbol-day of 213,427 records, "
            f"154 orders x 5 policies (client's CPU {1e3 * own:.0f} ms); "
            f"{YEAR_UNITS:,} of them: {YEAR_UNITS * seconds / 3600:.1f} h"
        )
    return []


FILE = """
import resource, sys, time
import sor
orders = sor.orders_every("10m", quantity=1_000, side="both", horizon="5m")
begin = time.perf_counter()
universe = sor.Universe(sys.argv[1], cut=True)
units = len(universe)
result = sor.study(universe, orders)
print(units, time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(result, file=sys.stderr)
"""


def large_file(folder: Path) -> list[bool]:
    """Study a file of 100 million records of 20 days and 5 symbols, cut while it is read."""
    path = folder / "large.parquet"
    if not path.exists():
        write_large(path, days=20, symbols=5, records=1_000_000)
    done = subprocess.run([sys.executable, "-c", FILE, path], check=True, capture_output=True, text=True)
    units, seconds, most = (float(each) for each in done.stdout.split())
    size = path.stat().st_size / 2**20
    print(f"{units:.0f} units of {path.name}, {size:,.0f} MB, in {seconds:.0f} s\n{done.stderr}")
    return [report("100 M records in one file: most memory", most, 0, 2048, "MB")]


def write_large(path: Path, *, days: int, symbols: int, records: int) -> None:
    """Write a file in order of time, the symbols of a day mixed, a day at a time."""
    import pyarrow.parquet as pq

    writer = None
    for day in range(days):
        parts = []
        for symbol in range(symbols):
            start = f"{DAY + day}T14:30:00Z"
            seed = day * symbols + symbol
            tape = sor.simulate_quotes(
                venues=8, minutes=390, records=records, seed=seed, start=start, symbol=f"S{symbol}"
            )
            tape.write(path.with_suffix(".part.parquet"))
            parts.append(pl.read_parquet(path.with_suffix(".part.parquet")))
        table = pl.concat(parts).sort("ts_event").to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=500_000)
    path.with_suffix(".part.parquet").unlink()
    assert writer is not None
    writer.close()


def main() -> None:
    if not _core.RELEASE:
        sys.exit("this is a debug build: make .venv/.core builds in release")
    asked = sys.argv[1:2]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        every: dict[str, Callable[[], list[bool]]] = {
            "statistics": statistics,
            "dispatch": dispatch,
            "memory": lambda: memory(folder),
            "rate": lambda: rate(folder),
            "file": lambda: large_file(folder),
        }
        met = [fits for name in (asked or every) for fits in every[name]()]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
