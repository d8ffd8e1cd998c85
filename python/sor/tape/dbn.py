"""Databento's DBN: files, stores, and the symbols their metadata map (rules B8, B9)."""

from __future__ import annotations

import importlib
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError, MissingExtra
from sor.tape.options import KNOWN_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_DAY = 86_400 * 10**9
_COLUMNS = (*KNOWN_NAMES, "bid_pb_00", "ask_pb_00", "is_trading", "reason")


def read_dbn(data: bytes, label: str) -> tuple[pl.DataFrame, str]:
    """Decode a DBN file, no longer compressed, into its columns of use and the name of its schema.

    Raises:
        DataError: If it cannot be decoded, or ends within a record.
        MissingExtra: If the `databento` package is not there.

    """
    try:
        databento = importlib.import_module("databento")
    except ImportError as missing:
        raise MissingExtra(
            f"{label}: reading DBN needs the databento package: pip install databento"
        ) from missing
    _require_whole(data, label)
    try:
        return read_store(databento.DBNStore.from_bytes(data), label)
    except DataError:
        raise
    except Exception as failed:  # databento raises its own, ValueError or RuntimeError, by version
        raise _unreadable(label, failed) from failed


def is_store(table: object) -> bool:
    """Tell a `databento.DBNStore`, without importing the package."""
    return type(table).__name__ == "DBNStore" and hasattr(table, "to_ndarray")


def read_store(store: Any, label: str) -> tuple[pl.DataFrame, str]:
    """Take the columns of use of a `databento.DBNStore`, and the name of its schema.

    Raises:
        DataError: If it cannot be decoded.

    """
    try:
        schema = str(store.schema or "")
        records = store.to_ndarray()
        mappings = store.metadata.mappings
    except Exception as failed:
        raise _unreadable(label, failed) from failed
    names = [name for name in records.dtype.names or () if name in _COLUMNS]
    if not names:
        raise DataError(f"{label}: no records of a kind that is known here (schema {schema or 'unknown'})")
    frame = pl.DataFrame({name: _column(records[name]) for name in names})
    return _with_symbols(frame, mappings or {}), schema


def _column(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(str) if values.dtype.kind == "S" else values


def _unreadable(label: str, failed: Exception) -> DataError:
    reason = next(iter(str(failed).splitlines()), "") or type(failed).__name__
    return DataError(f"{label}: cannot be read as DBN: {reason}")


def _require_whole(data: bytes, label: str) -> None:
    """Check that a file ends with a record's end: a cut one is read short by the decoder, without a word."""
    start = 8 + int.from_bytes(data[4:8], "little")
    if data[:3] != b"DBN" or len(data) < 8:
        raise DataError(f"{label}: cannot be read as DBN: it does not begin with 'DBN'")
    if start > len(data):
        raise DataError(
            f"{label}: cannot be read as DBN: it ends within its metadata; expected the whole file"
        )
    if start == len(data):
        return
    # Files of one schema have records of one length; only a mixed one must be walked.
    step = 4 * data[start]
    if (
        step
        and (len(data) - start) % step == 0
        and not any(data[at] * 4 != step for at in _samples(start, data, step))
    ):
        return
    place = start
    while place < len(data):
        length = 4 * data[place]
        if length == 0 or place + length > len(data):
            raise DataError(
                f"{label}: cannot be read as DBN: it ends within a record, at byte {place:,}; expected the whole file"
            )
        place += length


def _samples(start: int, data: bytes, step: int) -> range:
    """Return the places of some records, the last among them."""
    count = (len(data) - start) // step
    every = max(1, count // 1_000)
    return range(len(data) - step, start - 1, -step * every)


def _with_symbols(frame: pl.DataFrame, mappings: Mapping[str, list[Mapping[str, Any]]]) -> pl.DataFrame:
    """Add the column `symbol` from the metadata's intervals, where they map symbols to instrument ids."""
    if "instrument_id" not in frame.columns or "symbol" in frame.columns:
        return frame
    spans = [
        (int(span["symbol"]), _nanos(span["start_date"]), _nanos(span["end_date"]), symbol)
        for symbol, intervals in mappings.items()
        for span in intervals
        if str(span.get("symbol", "")).isdigit()
    ]
    if not spans:
        return frame
    names: dict[int, set[str]] = {}
    for number, _, _, symbol in spans:
        names.setdefault(number, set()).add(symbol)
    if all(len(each) == 1 for each in names.values()):
        table = {number: next(iter(each)) for number, each in names.items()}
        found = pl.col("instrument_id").replace_strict(table, default=None, return_dtype=pl.String)
    else:
        # An instrument that bears several names (continuous contracts do) is named by the day.
        time = pl.col("ts_recv" if "ts_recv" in frame.columns else "ts_event")
        found = pl.coalesce(
            pl.when((pl.col("instrument_id") == number) & (time >= begin) & (time < end)).then(pl.lit(name))
            for number, begin, end, name in spans
        )
    return frame.with_columns(symbol=pl.coalesce(found, pl.col("instrument_id").cast(pl.String)))


def _nanos(day: object) -> int:
    moment = day if isinstance(day, date) else date.fromisoformat(str(day))
    return (moment - date(1970, 1, 1)).days * _DAY
