"""What `import sor` adds to importing polars and NumPy, in CPU time: machines are shared."""

from __future__ import annotations

import statistics
import subprocess
import sys

from bench.figures import Figure

REPEATS = 11
SCRIPT = """
import time
import numpy, polars
begin = time.process_time()
import sor
print(time.process_time() - begin)
"""


def seconds() -> float:
    """One import in a fresh process."""
    return float(subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True).stdout)


def measure() -> list[Figure]:
    """The median of some, after one that fills the caches."""
    seconds()
    return [
        Figure(
            "import sor, after polars and NumPy (CPU)",
            statistics.median(seconds() for _ in range(REPEATS)),
            "s",
            0.1,
        )
    ]
