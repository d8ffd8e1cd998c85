"""How far the bar of a day's report is from the time: at most a tenth of the whole.

By the wall's clock on all threads, and by the process's own on one, which other programs do not disturb.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import recorded
import sor
from sor.cli import waits
from sor.show.report import page_steps, report
from sor.studies.progress import STATISTICS, Step, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = recorded.QUOTES
FOLDS = 5
CASES = (("30s", "with"), ("30s", "without"), ("2m", "with"), ("10m", "with"))
CLOCKS = {"wall": (time.perf_counter, os.cpu_count() or 1), "process": (time.process_time, 1)}


def watched(quotes: sor.Quotes, every: str, searched: bool, clock: Callable[[], float], threads: int) -> str:
    """Write the page of a day's study, and its search, looking at the bar 50 times a second."""
    out = Path(tempfile.mkdtemp()) / "report.html"
    bar = Waiting(clock=clock)
    policies = len(sor.BASELINES) + 1
    found = waits.search({"folds": FOLDS}, policies) if searched else ()
    bar.plan(waits.replays(policies), Step(STATISTICS, 0.03), *found, *page_steps(out))
    seen: list[tuple[float, float]] = []
    done = threading.Event()
    begun = clock()

    def look() -> None:
        while not done.wait(0.02):
            moment = bar.moment()
            if moment.left is not None:
                seen.append((clock() - begun, moment.share))

    watcher = threading.Thread(target=look)
    watcher.start()
    run = sor.Run(progress=bar, threads=threads)
    orders = sor.orders_every(every, side="both", quantity=5_000, horizon="5m")
    study = sor.study(quotes, orders, run=run)
    bar.begin(STATISTICS)
    _ = study.comparisons
    search = sor.search(quotes, orders, folds=FOLDS, run=run) if searched else None
    report(study, out, search=search, bar=bar)
    whole = clock() - begun
    done.set()
    watcher.join()
    apart = max(abs(at / whole - share) for at, share in seen)
    size = out.stat().st_size / 1e6
    return f"{apart:6.1%} of {whole:4.1f} s; {study.parents.height:,} orders, page {size:.2f} MB of 2 MB"


def main() -> None:
    """Print how far the bar is off at most (10%), by size, with a search and without; each in a process of its own."""
    if len(sys.argv) > 1:
        every, searched, name = sys.argv[1:]
        clock, threads = CLOCKS[name]
        said = watched(sor.read_quotes(DAY), every, searched == "with", clock, threads)
        print(f"{name:8} {searched} a search: {said}")
        return
    for every, searched in CASES:
        for name in CLOCKS:
            subprocess.run([sys.executable, "-m", "bench.bench_waiting", every, searched, name], check=True)


if __name__ == "__main__":
    main()
