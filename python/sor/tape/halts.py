"""Halts: when everything, or one venue, does not trade (rule T5)."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from sor.errors import ParameterError
from sor.settings.checks import path_of
from sor.settings.frames import to_frame
from sor.settings.times import INT64_MAX, format_ns, to_ns
from sor.tape.options import Options
from sor.tape.sources import open_source
from sor.tape.venues import venue_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sor.tape.schema import Tape

HaltSource: TypeAlias = pl.DataFrame | str | PathLike[str] | Any | None
"""A frame with `start`, `end` and perhaps `venue`, or Databento's `status` records as a file, a frame or a store."""

Halts: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]"
"""Start, end and venue index (-1: everything) of each halt."""

_TRADING = 7
_STOPPED = (8, 9, 10)
"""DBN's status actions: halt, pause and suspend."""

_ANSWER = "a frame with start, end and, for one venue's, venue; or Databento's status records"


def no_halts() -> Halts:
    """Return three empty arrays."""
    none = np.empty(0, dtype=np.int64)
    return none, none, none


def read_halts(source: HaltSource, quotes: Tape) -> Halts:
    """Read halts onto the venues of a tape, in order of start; those of one venue that touch are one.

    Raises:
        ParameterError: Naming the row and what would be right.
        DataError: If a file cannot be read.

    """
    frame = _frame(source)
    rows = _of_status(frame, quotes) if "action" in frame.columns else _of_frame(frame, quotes)
    merged: list[list[int]] = []
    for start, end, venue in sorted(rows, key=lambda row: (row[2], row[0])):
        if merged and merged[-1][2] == venue and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end, venue])
    table = np.array(sorted(merged), dtype=np.int64).reshape(-1, 3)
    return (
        np.ascontiguousarray(table[:, 0]),
        np.ascontiguousarray(table[:, 1]),
        np.ascontiguousarray(table[:, 2]),
    )


def moments(column: pl.Series) -> list[Any]:
    """Return a column of times as values for `to_ns`: nanoseconds as numbers, where Python's datetimes end earlier."""
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_unit == "ns":
        return column.to_physical().to_list()
    return column.to_list()


def _frame(source: HaltSource) -> pl.DataFrame:
    if isinstance(source, str | PathLike):
        source = path_of("halts", source)
    if isinstance(source, PathLike) or type(source).__name__ == "DBNStore":
        parts, _ = open_source(source, Options())
        return pl.concat([part.frame.collect() for part in parts])
    return to_frame(source, "halts", _ANSWER)


def _of_frame(frame: pl.DataFrame, quotes: Tape) -> list[tuple[int, int, int]]:
    if missing := [name for name in ("start", "end") if name not in frame.columns]:
        raise ParameterError(
            f"halts: no column {' and '.join(missing)}; its columns are {', '.join(frame.columns)}; expected {_ANSWER}"
        )
    venues = frame["venue"].to_list() if "venue" in frame.columns else [None] * frame.height
    rows = []
    for row, (start, end, venue) in enumerate(
        zip(moments(frame["start"]), moments(frame["end"]), venues, strict=True), start=1
    ):
        begin = to_ns(start, f"halts, row {row}: start")
        until = INT64_MAX if end is None else to_ns(end, f"halts, row {row}: end")
        if begin >= until:
            raise ParameterError(
                f"halts, row {row}: end is {format_ns(until)}; expected a time after the start, {format_ns(begin)}"
            )
        index = -1 if venue is None else venue_index(venue, quotes, f"halts, row {row}")
        rows.append((begin, until, index))
    return rows


def _of_status(frame: pl.DataFrame, quotes: Tape) -> list[tuple[int, int, int]]:
    """Read status records: a halt lasts from a stop to the next word that the publisher's venue trades."""
    for name in ("ts_event", "publisher_id"):
        if name not in frame.columns:
            raise ParameterError(f"halts: status records without {name}; expected {_ANSWER}")
    if "symbol" in frame.columns and quotes.symbol is not None:
        frame = frame.filter(pl.col("symbol").cast(pl.String) == quotes.symbol)
    elif "instrument_id" in frame.columns and frame["instrument_id"].n_unique() > 1:
        raise ParameterError("halts: status records of several instruments, and the tape names no symbol")
    rows: list[tuple[int, int, int]] = []
    since: dict[int, int] = {}
    ordered = frame.sort("ts_event", maintain_order=True).select("ts_event", "publisher_id", "action")
    for time, publisher, action in ordered.iter_rows():
        moment = to_ns(time, "halts: ts_event")
        venue = venue_index(int(publisher), quotes, "halts")
        if int(action) in _STOPPED:
            since.setdefault(venue, moment)
        elif int(action) == _TRADING and venue in since:
            begin = since.pop(venue)
            if begin < moment:
                rows.append((begin, moment, venue))
    return rows + [(begin, INT64_MAX, venue) for venue, begin in since.items()]
