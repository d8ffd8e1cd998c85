"""Frames as a user brings them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from sor.tape.read import read_quotes

if TYPE_CHECKING:
    from pathlib import Path

T0 = 1_704_205_800_000_000_000


def raw(**changes: Any) -> pl.DataFrame:
    """Three good records of two venues, with columns replaced, added, or (None) dropped."""
    columns: dict[str, Any] = {
        "ts_event": pl.Series([T0, T0 + 1, T0 + 2], dtype=pl.Int64),
        "publisher_id": pl.Series([7, 3, 7], dtype=pl.UInt16),
        "bid_px_00": [99.99, 99.98, 99.97],
        "bid_sz_00": pl.Series([100, 200, 300], dtype=pl.UInt32),
        "ask_px_00": [100.01, 100.02, 100.03],
        "ask_sz_00": pl.Series([400, 500, 600], dtype=pl.UInt32),
    }
    columns.update(changes)
    return pl.DataFrame({name: values for name, values in columns.items() if values is not None})


def tape(frame: pl.DataFrame, **options: Any) -> pl.DataFrame:
    return read_quotes(frame, **options).frame


# Sources


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path
