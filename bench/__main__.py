"""End-to-end measurements from Python, each beside its bar: `python -m bench` (or `make bench`).

Every measurement asserts first that what it compares gives equal results. The core alone is measured by
`cargo bench`.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import sor
from sor import _core

from bench import (
    bench_allocate,
    bench_day,
    bench_grid,
    bench_import,
    bench_loop,
    bench_replay,
    bench_simulate,
)

if TYPE_CHECKING:
    from bench.figures import Figure


def show(figures: list[Figure]) -> None:
    """Print one line a figure."""
    width = max(len(figure.what) for figure in figures)
    print(f"{'':{width}}  {'measured':>12}  {'at most':>10}")
    for figure in figures:
        bar = "" if figure.bar is None else f"{figure.bar:g} {figure.unit}"
        value = f"{figure.value:,.4g} {figure.unit}"
        print(f"{figure.what:{width}}  {value:>12}  {bar:>10}  {figure.verdict}".rstrip())


def main() -> int:
    """Measure everything; the exit code says whether all bars are met."""
    if not _core.RELEASE:
        print("this is a debug build of the core: build it in release (make .venv/.core)", file=sys.stderr)
        return 2
    print(f"sor {sor.__version__}, polars {pl.__version__}, NumPy {np.__version__}, {platform.machine()}\n")
    figures = [
        *bench_import.measure(),
        *bench_allocate.measure(),
        *bench_day.measure(),
        *bench_replay.measure(),
        *bench_loop.measure(),
        *bench_grid.measure(),
        *bench_simulate.measure(),
    ]
    show(figures)
    print(flush=True)
    # In a process of its own, because it measures peak memory.
    reading = subprocess.run([sys.executable, "-m", "bench.bench_read"], check=False)
    return int(reading.returncode != 0 or any(figure.verdict not in ("", "ok") for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
