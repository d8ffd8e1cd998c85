"""Long tables of well-formed records on their way to a tape: read in batches, each taken by the core in one pass.

What a file or a frame holds is nearly always as it should be. Then no column stands in memory twice, and text no longer
than its batch. Whatever is not as expected is left to `sor.tape.schema.collect`, which begins again, and says what is
wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor import _core
from sor.errors import SorError
from sor.tape import rooms
from sor.tape.facts import CODES, Codes, Facts
from sor.tape.ordering import places
from sor.tape.schema import TAPE_SCHEMA, Column, Part, Plain, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LEAST_RECORDS = 2**17
"""Of a shorter table the batches cost more than they save."""

_BLOCK = 2**16

_CAN_BATCH = hasattr(pl.LazyFrame, "collect_batches")
"""Polars calls it unstable; without it there is the other way."""

# Older ones end in silence where a query fails, and say so on the console when its batches are thrown away.
_SAYS_ERRORS = tuple(int(each) for each in pl.__version__.split(".")[:2]) >= (1, 37)
_FACTS = {"rtype", "trade", "symbol", "name"}


@dataclass(frozen=True)
class Streamed:
    """The records of all parts, which are in order."""

    columns: dict[str, NDArray[Any]]
    """Those of `TAPE_SCHEMA`, the venue by its code."""
    codes: list[int]
    """The codes of venues that are there, in ascending order."""
    names: list[str] | None
    """The venue's name by its code, where the code is no publisher's id."""
    facts: list[Facts]
    duplicates: int
    """Those that equal the record before in everything."""

    def number_venues(self, order: list[int]) -> None:
        """Write the place of each code in an order instead of the code, in the records themselves."""
        index, venue = places(order), self.columns["venue"]
        for begin in range(0, len(venue), _BLOCK):
            block = venue[begin : begin + _BLOCK]
            np.take(index, block, out=block, mode="clip")


def stream(parts: list[Part], plan: Plan) -> Streamed | None:
    """Read all parts, or none: None where the tables are short, of other types, out of order or malformed.

    Text is taken for what its first rows are. None also where no record is left, or a part has none.
    """
    forms = [part if part.quick is None else part.quick for part in parts]
    if not _CAN_BATCH or any(part.text for part in forms):
        return None
    if not _SAYS_ERRORS and any(part.lines is not None or part.keep is not None for part in forms):
        return None  # whether all was read is seen by the number of records alone
    try:
        forms = [part.filled() for part in forms]
        most = [_most(part) for part in forms]
        if sum(most) < LEAST_RECORDS:
            return None
        plans = [plan(part) for part in forms]
        queries = [_query(part, columns) for part, columns in zip(forms, plans, strict=True)]
        room = _room([query.collect_schema() for query in queries], sum(most))
        filled = None if room is None else _filled(room, queries, plans)
    except (SorError, pl.exceptions.PolarsError, OSError, MemoryError, pl.exceptions.PanicException):
        return None  # the other way says what is wrong
    whole = filled is not None and all(map(_is_whole, parts, filled.facts, most))
    return filled if whole else None


def _is_whole(part: Part, facts: Facts, most: int) -> bool:
    """Tell whether a part gave its records: all where they were counted, at least one where none was left out."""
    if part.keep is not None:
        return True
    return facts.records > 0 and (part.lines is not None or facts.records == most)


def _most(part: Part) -> int:
    """Return how many records there are, or of a text how many at most."""
    if part.lines is not None:
        return part.lines.checked[0]
    return int(part.frame.select(pl.len()).collect().item())


def _query(part: Part, columns: list[Column]) -> pl.LazyFrame:
    kept = part.frame if part.keep is None else part.frame.filter(part.keep)
    return kept.select(
        (column.expr if column.plain is None else column.plain.expr).alias(column.name) for column in columns
    )


def _room(schemas: list[pl.Schema], records: int) -> dict[str, NDArray[Any]] | None:
    """Return empty columns for so many records; None where the core does not take columns of these types."""
    taken: dict[str, tuple[pl.DataType, ...]] = {name: (dtype,) for name, dtype in TAPE_SCHEMA.items()}
    taken |= {f"{side}_px": (pl.Int64(), pl.Float64()) for side in ("bid", "ask")}
    taken["venue"] = (pl.String() if schemas[0].get("venue") == pl.String else pl.UInt16(),)
    if "sequence" in schemas[0]:
        taken["sequence"] = (pl.UInt64(),)
    for schema in schemas:
        own = {name: dtype for name, dtype in schema.items() if name not in _FACTS}
        if own.keys() != taken.keys() or any(dtype not in taken[name] for name, dtype in own.items()):
            return None
    dtypes = {name: pl.Series(dtype=dtype).to_numpy().dtype for name, dtype in TAPE_SCHEMA.items()}
    return {**rooms.columns(dtypes, records), "met": np.zeros(CODES, dtype=np.bool_)}


def _filled(
    room: dict[str, NDArray[Any]], queries: list[pl.LazyFrame], plans: list[list[Column]]
) -> Streamed | None:
    facts = [Facts() for _ in queries]
    codes = Codes()
    at = duplicates = sequence = 0
    for query, columns, known in zip(queries, plans, facts, strict=True):
        plain = {column.name: column.plain or Plain(column.expr) for column in columns}
        for batch in query.collect_batches(engine="streaming"):
            taken = _take(room, at, sequence, batch, plain, codes)
            if taken is None:
                return None
            known.add(batch)
            at += batch.height
            duplicates += taken[0]
            sequence = taken[1]
    if at == 0:
        return None
    met: list[int] = np.flatnonzero(room.pop("met")).tolist()
    # What was not written is no memory.
    written = {name: column[:at] for name, column in room.items()}
    return Streamed(written, met, codes.names or None, facts, duplicates)


def _take(
    room: Mapping[str, NDArray[Any]],
    at: int,
    sequence: int,
    batch: pl.DataFrame,
    plain: Mapping[str, Plain],
    codes: Codes,
) -> tuple[int, int] | None:
    if at + batch.height > len(room["ts"]) or any(
        column.null_count() for column in batch if column.name != "symbol"
    ):
        return None
    arrays = {column.name: column.to_numpy() for column in batch if column.name not in _FACTS | {"venue"}}
    venue = batch["venue"]
    arrays["venue"] = codes.of(venue) if venue.dtype == pl.String else venue.to_numpy()
    # Of a side that is no float nothing is to be scaled.
    scale = next(
        (plain[name].scale for name in ("bid_px", "ask_px") if batch.schema[name] == pl.Float64), 1.0
    )
    times = plain["ts"]
    return _core.take_records(room, at, sequence, arrays, (times.least, times.most), scale)
