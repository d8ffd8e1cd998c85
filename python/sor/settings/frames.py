"""Small tables that an argument may be: frames of any library, and files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from sor.errors import DataError, ParameterError, shown
from sor.settings.checks import path_of, taking
from sor.settings.parquet import check_parquet, unnamed_zone, zone_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows: TypeAlias = "pl.DataFrame | str | PathLike[str] | Sequence[Sequence[Any]]"
"""A frame (polars, or what it converts), the path of a Parquet or CSV file, or rows."""

_NANOS = {"ns": 1, "us": 1_000, "ms": 1_000_000}
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
        if not found.exists():
            raise FileNotFoundError(f"{name}: {found}: no such file")
        if found.is_dir():
            raise IsADirectoryError(f"{name}: {found} is a directory; expected a CSV or Parquet file")
        with found.open("rb"):
            pass  # what Python says of a file that may not be read names it
        if _is_csv(found):
            return pl.read_csv(found)
        if found.suffix.lower() != ".parquet":
            raise DataError(
                f"{name}: {found}: unknown kind of file; expected a name that ends in .csv, .csv.gz, .csv.zst or "
                ".parquet"
            )
        check_parquet(found, f"{name}: {found}")
        return pl.read_parquet(found)
    except (DataError, FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (pl.exceptions.PolarsError, OSError, UnicodeError, pl.exceptions.PanicException) as failed:
        reason = _broken_row(found) or next(iter(str(failed).splitlines()), "") or type(failed).__name__
        raise DataError(f"{name}: {found} cannot be read: {reason}") from failed


def _broken_row(path: Path) -> str | None:
    """Say which row of a CSV that is not compressed has more or fewer fields than its header."""
    if path.suffix.lower() != ".csv":
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, None)
            for row, fields in enumerate(lines, 1):
                if header is not None and fields and len(fields) != len(header):
                    return (
                        f"row {row:,} has {len(fields)} fields, and the header {len(header)}; a number with a comma in "
                        "it is two, unless it is quoted"
                    )
    except (OSError, UnicodeError, csv.Error):
        pass
    return None


def frame_of(
    name: str,
    given: Any,
    columns: Sequence[str],
    need: Sequence[str] | None = None,
    read: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame,
) -> pl.DataFrame:
    """Return the columns that a frame, a file, or rows of all or of the needed ones have, without empty cells.

    `read` makes of a file's columns what they mean.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """
    need = columns if need is None else need
    with taking(name, given, f"a frame with {', '.join(need)}, or its path"):
        if is_table(given):
            frame = to_frame(given, name, "a frame")
        elif isinstance(given, str | PathLike):
            frame = read(read_table(given, name))
        elif isinstance(given, Sequence):
            rows = [tuple(row) for row in given]
            names = columns if rows and len(rows[0]) == len(columns) else need
            frame = pl.DataFrame(rows, schema=list(names), orient="row")
        else:
            frame = pl.DataFrame(given)
    missing = [column for column in need if column not in frame.columns]
    if missing or frame.is_empty():
        what = f"no column {missing[0]!r}" if missing else "no row"
        raise ParameterError(f"{name} must be a frame with {', '.join(need)}, got {what}")
    frame = frame.select([column for column in columns if column in frame.columns])
    if frame.null_count().sum_horizontal().sum():
        raise ParameterError(f"{name} must have no empty cell")
    return frame


def values_of(column: pl.Series) -> list[Any]:
    """Return a column as arguments take its values, None in an empty cell.

    Moments are nanoseconds, as Python's own end at microseconds; a float that is whole is an integer, as a column of
    integers with empty cells is one of floats in some files.
    """
    if isinstance(column.dtype, pl.Datetime):
        return nanos_of(column)
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String).to_list()
    if column.dtype.is_float():
        return [
            int(value) if value is not None and value.is_integer() else value for value in column.to_list()
        ]
    return column.to_list()


def nanos_of(column: pl.Series) -> list[int | None]:
    """Return a column of moments or spans as nanoseconds, of any size."""
    unit = _NANOS[column.dtype.time_unit]  # type: ignore[attr-defined]  # a Datetime or a Duration
    return [None if value is None else value * unit for value in column.to_physical().to_list()]


def from_library(table: Any, label: str) -> pl.DataFrame:
    """Take a frame of another library: pandas column by column, with its index; others by the Arrow capsule.

    Raises:
        DataError: If it cannot be read as a table.

    """
    try:
        if type(table).__module__.partition(".")[0] == "pandas":
            named = [name for name in table.index.names if name is not None]
            table = table.reset_index(level=named) if named else table
            if twice := sorted({str(name) for name in table.columns[table.columns.duplicated()]}):
                raise DataError(f"{label}: two columns are called {twice[0]}; expected one")
            return pl.DataFrame({str(name): _pandas_column(table[name]) for name in table.columns})
        return pl.DataFrame(table)
    except DataError:
        raise
    except (Exception, pl.exceptions.PanicException) as failed:
        if zone := zone_in(failed):
            raise unnamed_zone(label, zone) from failed
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
