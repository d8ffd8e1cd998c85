"""A forked child says so instead of hanging."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
