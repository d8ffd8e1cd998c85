"""The recorded day: quotes and trades of 2018-01-02, kept outside the repository.

`SOR_DATA` names the folder. Without it, it is `../shared/data` beside the repository. A test that needs the folder
is marked `data`; where there is none, it is skipped and says so (see `conftest.py`).
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SOR_DATA") or ROOT.parent / "shared" / "data")
QUOTES = DATA / "taq_20180102_quotes.parquet"
TRADES = DATA / "taq_20180102_trades.parquet"
MORNING = DATA / "taq_20180102_first10min.csv"
