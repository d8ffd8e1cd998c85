"""What `import sor` adds to importing polars and NumPy, in CPU time: machines are shared."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from bench.figures import Figure

REPEATS = 11
SCRIPT = """
import time
import numpy, polars
begin = time.process_time()
import sor
print(time.process_time() - begin)
"""


def seconds(cache: str) -> float:
    """One import in a fresh process, which keeps and finds bytecode as an installed package has it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"PYTHONPYCACHEPREFIX": cache}
    command = [sys.executable, "-c", SCRIPT]
    return float(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)


def measure() -> list[Figure]:
    """The median of some, after one that fills the caches."""
    with tempfile.TemporaryDirectory() as cache:
        seconds(cache)
        found = statistics.median(seconds(cache) for _ in range(REPEATS))
    return [Figure("import sor, after polars and NumPy (CPU)", found, "s", 0.08)]
