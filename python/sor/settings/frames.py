"""Small tables that an argument may be: frames of any library, and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError, ParameterError, shown
from sor.settings.checks import path_of

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

_CSV = (".csv", ".csv.gz", ".csv.zst")


def is_table(value: object) -> bool:
    """Tell whether a value is a frame of polars or pandas, or has the Arrow capsule."""
    return isinstance(value, pl.DataFrame | pl.LazyFrame) or _is_foreign(value)


def to_frame(table: object, name: str, right: str) -> pl.DataFrame:
    """Take a small table of any library that an argument may be.

    Raises:
        ParameterError: If it is none.

    """
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    if _is_foreign(table):
        return from_library(table, name)
    raise ParameterError(f"{name} is {shown(table)}; expected {right}")


def read_table(path: str | PathLike[str], name: str) -> pl.DataFrame:
    """Read a small CSV or Parquet file; the times of a CSV stay text, as parsed here they would end at microseconds.

    Raises:
        DataError: If it cannot be read.
        FileNotFoundError, IsADirectoryError, PermissionError: If the path leads to no file that may be read.

    """
    found = path_of(name, path)
    try:
        return pl.read_csv(found) if _is_csv(found) else pl.read_parquet(found)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (pl.exceptions.PolarsError, OSError, UnicodeError, pl.exceptions.PanicException) as failed:
        reason = next(iter(str(failed).splitlines()), "") or type(failed).__name__
        raise DataError(f"{name}: {found} cannot be read: {reason}") from failed


def from_library(table: Any, label: str) -> pl.DataFrame:
    """Take a frame of another library: pandas column by column, with its index; others by the Arrow capsule.

    Raises:
        DataError: If it cannot be read as a table.

    """
    try:
        if type(table).__module__.partition(".")[0] == "pandas":
            named = [name for name in table.index.names if name is not None]
            table = table.reset_index(level=named) if named else table
            return pl.DataFrame({str(name): _pandas_column(table[name]) for name in table.columns})
        return pl.DataFrame(table)
    except Exception as failed:
        reason = next(iter(str(failed).splitlines()), "") or type(failed).__name__
        raise DataError(
            f"{label}: a {type(table).__qualname__} that cannot be read as a table: {reason}"
        ) from failed


def _is_foreign(value: object) -> bool:
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "to_numpy")


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith(_CSV)


def _pandas_column(column: Any) -> Any:
    if getattr(column.dtype, "tz", None) is not None:
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return pl.Series(naive).dt.replace_time_zone("UTC")
    if getattr(column.dtype, "kind", "") in "iufM" and isinstance(column.to_numpy().dtype.kind, str):
        values = column.to_numpy()
        if values.dtype.kind in "iufM":
            return values
    return [
        None if value != value or value is None else value for value in column.tolist()
    ]  # NaN is not itself
