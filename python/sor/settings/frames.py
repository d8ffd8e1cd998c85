"""Settings that are frames: whatever a caller has, as polars' columns."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, TypeAlias

import polars as pl

from sor.errors import ParameterError
from sor.settings.checks import path_of, taking

Rows: TypeAlias = "pl.DataFrame | str | PathLike[str] | Sequence[Sequence[Any]]"
"""A frame (polars, or what it converts), the path of a Parquet or CSV file, or rows."""


def frame_of(
    name: str, given: Any, columns: Sequence[str], need: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return rows as a frame of some columns; times of day and spans stay what they are."""
    need = columns if need is None else need
    with taking(name, given, f"a frame with {', '.join(need)}, or its path"):
        frame = _given(name, given, columns, need)
    missing = [column for column in need if column not in frame.columns]
    if missing or frame.is_empty():
        what = f"no column {missing[0]!r}" if missing else "no row"
        raise ParameterError(f"{name} must be a frame with {', '.join(need)}, got {what}")
    frame = frame.select([column for column in columns if column in frame.columns])
    spans = [column for column in frame.columns if isinstance(frame[column].dtype, pl.Duration)]
    frame = frame.with_columns(pl.col(spans).dt.cast_time_unit("ns")) if spans else frame
    stamps = [column for column in ("since",) if isinstance(frame.schema.get(column), pl.Datetime)]
    if stamps:
        frame = frame.with_columns(pl.col(stamps).dt.convert_time_zone("UTC").dt.cast_time_unit("ns"))
    if frame.null_count().sum_horizontal().sum():
        raise ParameterError(f"{name} must have no empty cell")
    return frame


def _given(name: str, given: Any, columns: Sequence[str], need: Sequence[str]) -> pl.DataFrame:
    if isinstance(given, pl.DataFrame):
        return given
    if isinstance(given, str | PathLike):
        path = path_of(name, given)
        csv = str(path).lower().endswith((".csv", ".csv.gz"))
        return pl.read_csv(path, try_parse_dates=True) if csv else pl.read_parquet(path)
    if not isinstance(given, Sequence):
        return pl.DataFrame(given)
    rows = [tuple(row) for row in given]
    names = columns if rows and len(rows[0]) == len(columns) else need
    return pl.DataFrame(rows, schema=list(names), orient="row")
