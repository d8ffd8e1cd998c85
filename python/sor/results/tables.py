"""Tables as files: Parquet, CSV, Arrow IPC and Excel, told by the ending."""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError, MissingExtra, ParameterError, shown
from sor.settings.checks import one_of, path_of
from sor.tape.files import beside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from pathlib import Path

ENDINGS = (".parquet", ".csv", ".arrow", ".feather", ".xlsx")
"""What a table can be written as; `.arrow` and `.feather` are Arrow IPC."""

_ISO = "%Y-%m-%dT%H:%M:%S%.9fZ"
_MOST_ROWS = 1_048_575
_MOST_LETTERS = 31
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}


class Tabled:
    """A result with tables."""

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """Every table by its name, the main one first; money in currency."""
        raise NotImplementedError

    def write(self, path: str | PathLike[str], table: str | None = None) -> None:
        """Write a table: `.parquet`, `.csv`, `.arrow` or `.feather` (Arrow IPC), or `.xlsx`.

        Times are UTC. A CSV has them in ISO 8601 to the nanosecond. Excel knows no time zones and no more than
        milliseconds: there the column's name says UTC.

        Args:
            path: Where to; the ending says the format. A file of that name is replaced.
            table: Which of `tables`; by default the first, and in Excel all of them, a sheet each.

        Raises:
            ParameterError: If the path ends in something else, or there is no such table.
            DataError: If it cannot be written, or has more rows than a sheet of Excel.
            MissingExtra: For Excel without the extra `excel`.

        """
        target = path_of("path", path)
        ending = target.suffix.lower()
        if ending not in ENDINGS:
            raise ParameterError(f"path must end in {', '.join(ENDINGS)}, got {shown(str(target))}")
        tables = self.tables
        if table is not None:
            tables = {one_of("table", table, tables): tables[table]}
        if ending == ".xlsx":
            _write_excel(tables, target)
            return
        frame = next(iter(tables.values()))
        with beside(target) as unfinished:
            match ending:
                case ".parquet":
                    frame.write_parquet(unfinished)
                case ".csv":
                    frame.write_csv(unfinished, datetime_format=_ISO)
                case _:
                    frame.write_ipc(unfinished)


def _write_excel(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    try:
        xlsxwriter: Any = importlib.import_module("xlsxwriter")
    except ImportError:
        raise MissingExtra("an Excel file needs xlsxwriter: pip install 'sor[excel]'") from None
    for name, frame in tables.items():
        if frame.height > _MOST_ROWS:
            raise DataError(
                f"{path}: {name} has {frame.height:,} rows and a sheet of Excel holds {_MOST_ROWS:,}: write .parquet, "
                "or one table"
            )
    sheets = io.BytesIO()
    with xlsxwriter.Workbook(sheets, _OPTIONS) as book:
        for name, frame in tables.items():
            plain = _for_excel(frame)
            plain.write_excel(
                book,
                name[:_MOST_LETTERS],
                dtype_formats={pl.Datetime("ms"): "yyyy-mm-dd hh:mm:ss.000", pl.Float64: "General"},
                freeze_panes=(1, 0),
                autofit=plain.height < 10_000,
            )
    with beside(path) as unfinished:
        unfinished.write_bytes(sheets.getbuffer())


def _for_excel(frame: pl.DataFrame) -> pl.DataFrame:
    """Give a frame what Excel can hold: text for names, times without a zone."""
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(
        pl.col(pl.Enum, pl.Categorical).cast(pl.String),
        pl.col(times).dt.replace_time_zone(None).dt.cast_time_unit("ms"),
    ).rename({name: f"{name} (UTC)" for name in times})
