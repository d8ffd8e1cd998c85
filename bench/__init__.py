"""Measurements, each beside its bar: `python -m bench`, or one of them: `python -m bench.bench_stats`.

They may use what the tests use: `tests/support` is on the path of every module here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
