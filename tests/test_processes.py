"""A forked child says so instead of hanging; threads of one's own neither hang nor change a result."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CHILD = """
import os, sys, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
import sor

frame = sor.simulate_quotes(minutes=1).frame  # polars has its threads now
quotes = sor.simulate_quotes(minutes=1)
order = sor.Order("buy", 100)
calls = {
    "simulate": lambda: sor.simulate_quotes(minutes=1),
    "read": lambda: sor.read_quotes("nowhere.csv"),
    "backtest": lambda: sor.backtest(quotes, order),
}
child = os.fork()
if child == 0:
    for name, call in calls.items():
        try:
            call()
        except sor.SorError as error:
            print(name, "spawn" in str(error), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print("parent", sor.backtest(quotes, order).summary.height > 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_names_spawn() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split("\n")[:4] == ["simulate True", "read True", "backtest True", "parent True"]


THREADS = """
import sys, threading, time
from pathlib import Path
import sor

folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
shared = sor.simulate_quotes(minutes=3, seed=1)
shared.write(folder / "tape.parquet")
shared.write(folder / "tape.csv")
orders = sor.orders_every("30s", quantity=[1_000, 3_000], side="both", horizon="30s")


def tables():
    read = [sor.read_quotes(folder / name) for name in ("tape.parquet", "tape.csv")]
    assert read[0].frame.equals(read[1].frame)
    one = sor.backtest(read[0], sor.Order("buy", 2_000, horizon="60s"))
    found = sor.study(shared, orders)
    search = sor.search(shared, orders, grid={"lambda_under": [0.0005, 0.001]})
    words = [repr(found) + repr(search) + shared._repr_html_(), *(str(each) for each in one.to_dict().items())]
    return [one.summary, one.fills, one["router"].orders, found.summary, found.comparisons, search.table], words


wanted, said = tables()
until = time.monotonic() + seconds
wrong = []


def again():
    try:
        while not wrong:
            frames, words = tables()
            if words != said or not all(a.equals(b) for a, b in zip(frames, wanted, strict=True)):
                wrong.append("another result")
            if time.monotonic() > until:
                return
    except BaseException as error:
        wrong.append(repr(error))


threads = [threading.Thread(target=again) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(wrong or "all alike")
"""


@pytest.mark.parametrize("seconds", [0.3, pytest.param(60, marks=pytest.mark.slow)])
def test_threads_of_ones_own_do_not_hang_and_agree(tmp_path: Path, seconds: float) -> None:
    command = [sys.executable, "-c", THREADS, str(tmp_path), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240 + seconds, check=False)
    assert (done.stdout, done.stderr) == ("all alike\n", "")
