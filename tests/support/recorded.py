"""Data kept outside the repository: the recorded day (quotes and trades of 2018-01-02), and public files.

`SOR_DATA` names the folder. Without it, it is `../shared/data` beside the repository. A test that needs the day is
marked `data`, one that needs public files has `needs_public`; where there are none, it is skipped and says so (see
`conftest.py`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SOR_DATA") or ROOT.parent / "shared" / "data")
QUOTES = DATA / "taq_20180102_quotes.parquet"
TRADES = DATA / "taq_20180102_trades.parquet"
MORNING = DATA / "taq_20180102_first10min.csv"
PUBLIC = DATA / "public"


def needs_public(*names: str) -> pytest.MarkDecorator:
    """Skip a test where some public files, or all of them, are not there."""
    there = PUBLIC.is_dir() and all((PUBLIC / name).exists() for name in names)
    return pytest.mark.skipif(
        not there, reason=f"no public files in {PUBLIC} (SOR_DATA names another folder)"
    )
