"""Long tables of well-formed records on their way to a tape: read in batches, each taken by the core in one pass.

What a Parquet file or a frame of numbers holds is nearly always as it should be. Then no column stands in memory twice.
Whatever is not as expected is left to `sor.tape.schema.collect`, which begins again, and says what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor import _core
from sor.errors import SorError
from sor.tape.schema import TAPE_SCHEMA, Column, Part, Plain, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LEAST_RECORDS = 2**17
"""Of a shorter table the batches cost more than they save."""

_CAN_BATCH = hasattr(pl.LazyFrame, "collect_batches")
"""Polars calls it unstable; without it there is the other way."""

_CODES = 2**16
_FACTS = {"rtype", "trade", "symbol", "name"}


@dataclass
class Facts:
    """What is known of a part's records as a whole."""

    rtypes: set[int] = field(default_factory=set)
    all_trades: bool = False
    """Whether a column says that every record is a trade."""
    symbols: set[str] = field(default_factory=set)
    names: set[tuple[int, str]] = field(default_factory=set)
    """Each code of a venue with each name beside it."""

    def add(self, frame: pl.DataFrame, *, first: bool = True) -> None:
        """Add what records say, in the columns that are there."""
        if "rtype" in frame.columns:
            self.rtypes |= set(frame["rtype"].unique())
        if "trade" in frame.columns:
            self.all_trades = bool(frame["trade"].all()) and (first or self.all_trades)
        if "symbol" in frame.columns:
            self.symbols |= set(frame["symbol"].unique().cast(pl.String).drop_nulls())
        if "name" in frame.columns:
            self.names |= set(frame.select("venue", pl.col("name").cast(pl.String)).unique().rows())


@dataclass(frozen=True)
class Streamed:
    """The records of all parts, which are in order."""

    columns: dict[str, NDArray[Any]]
    """Those of `TAPE_SCHEMA`, the venue by its code."""
    codes: list[int]
    """The codes of venues that are there, in ascending order."""
    facts: list[Facts]
    duplicates: int
    """Those that equal the record before in everything."""


def stream(parts: list[Part], plan: Plan) -> Streamed | None:
    """Read all parts, or none: None where a table is short, filtered, of other types, out of order or malformed."""
    if any(part.text or part.keep is not None for part in parts) or not _CAN_BATCH:
        return None
    try:
        records = [int(part.frame.select(pl.len()).collect().item()) for part in parts]
        if sum(records) < LEAST_RECORDS:
            return None
        plans = [plan(part) for part in parts]
        queries = [_query(part, columns) for part, columns in zip(parts, plans, strict=True)]
        room = _room([query.collect_schema() for query in queries], sum(records))
        if room is None:
            return None
        return _filled(room, queries, plans, records)
    except (SorError, pl.exceptions.PolarsError, OSError, MemoryError, pl.exceptions.PanicException):
        return None  # the other way says what is wrong


def _query(part: Part, columns: list[Column]) -> pl.LazyFrame:
    return part.frame.select(
        (column.expr if column.plain is None else column.plain.expr).alias(column.name) for column in columns
    )


def _room(schemas: list[pl.Schema], records: int) -> dict[str, NDArray[Any]] | None:
    """Return empty columns for so many records; None where the core does not take columns of these types."""
    taken: dict[str, tuple[pl.DataType, ...]] = {name: (dtype,) for name, dtype in TAPE_SCHEMA.items()}
    taken |= {f"{side}_px": (pl.Int64(), pl.Float64()) for side in ("bid", "ask")}
    if "sequence" in schemas[0]:
        taken["sequence"] = (pl.UInt64(),)
    for schema in schemas:
        own = {name: dtype for name, dtype in schema.items() if name not in _FACTS}
        if own.keys() != taken.keys() or any(dtype not in taken[name] for name, dtype in own.items()):
            return None
    room = {
        name: np.empty(records, pl.Series(dtype=dtype).to_numpy().dtype)
        for name, dtype in TAPE_SCHEMA.items()
    }
    return {**room, "met": np.zeros(_CODES, dtype=np.bool_)}


def _filled(
    room: dict[str, NDArray[Any]], queries: list[pl.LazyFrame], plans: list[list[Column]], records: list[int]
) -> Streamed | None:
    facts = [Facts() for _ in queries]
    at = duplicates = sequence = 0
    for query, columns, known, count in zip(queries, plans, facts, records, strict=True):
        until = at + count
        plain = {column.name: column.plain or Plain(column.expr) for column in columns}
        for batch in query.collect_batches(engine="streaming"):
            taken = _take(room, at, sequence, batch, plain) if at + batch.height <= until else None
            if taken is None:
                return None
            known.add(batch, first=at + count == until)
            at += batch.height
            duplicates += taken[0]
            sequence = taken[1]
        if at != until:
            return None
    codes: list[int] = np.flatnonzero(room.pop("met")).tolist()
    return Streamed(room, codes, facts, duplicates)


def _take(
    room: Mapping[str, NDArray[Any]], at: int, sequence: int, batch: pl.DataFrame, plain: Mapping[str, Plain]
) -> tuple[int, int] | None:
    if any(column.null_count() for column in batch):
        return None
    arrays = {column.name: column.to_numpy() for column in batch if column.name not in _FACTS}
    times, scale = plain["ts"], plain["bid_px"].scale
    return _core.take_records(room, at, sequence, arrays, (times.least, times.most), scale)
