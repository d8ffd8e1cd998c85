"""How far the bar of a day's report is from the time: at most a tenth of the whole."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import recorded
import sor
from sor.cli import waits
from sor.show.report import page_steps, report
from sor.studies.progress import STATISTICS, Step, Waiting

DAY = recorded.QUOTES
FOLDS = 5


def main() -> None:
    """Write the page of a day's study and its search, looking at the bar 20 times a second."""
    out = Path(tempfile.mkdtemp()) / "report.html"
    bar = Waiting()
    policies = len(sor.BASELINES) + 1
    search = waits.search({"folds": FOLDS}, policies)
    bar.plan(waits.replays(policies), Step(STATISTICS, 0.05), *search, *page_steps(out))
    seen: list[tuple[float, float]] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            moment = bar.moment()
            if moment.left is not None:
                seen.append((time.perf_counter(), moment.share))

    quotes = sor.read_quotes(DAY)
    orders = sor.orders_every("30s", side="both", quantity=5_000, horizon="5m")
    begun = time.perf_counter()
    watcher = threading.Thread(target=look)
    watcher.start()
    study = sor.study(quotes, orders, run=sor.Run(progress=bar))
    bar.begin(STATISTICS)
    print(study)
    found = sor.search(quotes, orders, folds=FOLDS, run=sor.Run(progress=bar))
    report(study, out, search=found, bar=bar)
    whole = time.perf_counter() - begun
    done.set()
    watcher.join()
    apart = max(abs((at - begun) / whole - share) for at, share in seen)
    print(f"{study.parents.height:,} orders: {whole:.1f} s, page {out.stat().st_size / 1e6:.2f} MB of 2 MB")
    print(f"the bar is at most {apart:.1%} of the whole from the time (10%)")


if __name__ == "__main__":
    main()
