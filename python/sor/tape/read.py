"""Recorded quotes and trades, from files and frames: the only disk access of the package (MODEL B1, B2)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from sor.errors import DataError, ParameterError
from sor.tape.schema import Column, Part, collect, is_text, quote_columns, trade_columns
from sor.tape.tape import Quotes, Trades, file_kind, venue_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

Table: TypeAlias = str | PathLike[str] | pl.DataFrame | pl.LazyFrame
"""One source of records: a path (`.csv`, `.csv.gz`, `.parquet`, `.dbn`, `.dbn.zst`) or a polars frame."""
Source: TypeAlias = Table | Sequence[Table]

AUCTIONS_AND_PRINTS = ("O", "Q", "M", "6", "9")
"""TAQ sale conditions of opening, closing and official prints: no executions against the quotes."""

_COLUMNS = (
    *("ts_event", "publisher_id", "venue", "symbol", "instrument_id", "sequence", "queue_position"),
    *("bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00", "price", "size", "cond", "action"),
)


def read_quotes(source: Source, *, symbol: str | None = None) -> Quotes:
    """Read, check and sort L1 quotes (MODEL B1, B2).

    Columns, in Databento's names; others are ignored:

    - `ts_event`: integer ns, ISO 8601 strings or datetimes of any unit and zone (without one: UTC);
    - `publisher_id` (0 to 65,535) or `venue` (names), or both: then the name goes with the id;
    - `bid_px_00`, `ask_px_00`: floats in currency or integers in nanos. In a CSV, a column without a
      single decimal point is in nanos;
    - `bid_sz_00`, `ask_sz_00`: whole shares;
    - optional `sequence`, `symbol` (or `instrument_id`), `queue_position`.

    A price that is null, NaN, zero, negative or undefined, and a size that is null or zero, are *no quote
    on that side*, not an error. Records out of order are sorted (stably, by time and sequence) and counted.

    Args:
        source: A path (`.csv`, `.csv.gz`, `.parquet`; `.dbn` and `.dbn.zst` with the `databento` package),
            a polars frame, or a sequence of them, which make one tape.
        symbol: Which instrument to read, where the source holds several.

    Raises:
        DataError: If something cannot be read: the message names the source, the row (from 1, without a
            CSV's header line), the value, and what would be right.
        FileNotFoundError, IsADirectoryError: If a path leads to no file.
        ParameterError: If `source` is none of the above.

    Examples:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"ts_event": ["2024-01-02T14:30:00Z"], "venue": ["N"], "bid_px_00": [99.99],
        ...     "bid_sz_00": [100], "ask_px_00": [100.01], "ask_sz_00": [300]})
        >>> read_quotes(frame)
        Quotes(no symbol, 1 records, 1 venues, 2024-01-02 14:30:00 to 2024-01-02 14:30:00 UTC, frame)

    """
    records = _load(source, symbol, quote_columns)
    frame, out_of_order, duplicates = _in_order(records.frame)
    frame, venues = _dense(frame, records.names)
    return Quotes(
        frame=frame,
        venues=venues,
        symbol=records.symbol,
        source=records.source,
        out_of_order=out_of_order,
        duplicates=duplicates,
    )


def read_trades(
    source: Source,
    *,
    quotes: Quotes,
    symbol: str | None = None,
    exclude_conditions: Sequence[str] = AUCTIONS_AND_PRINTS,
) -> Trades:
    """Read the executions that belong to a tape.

    Columns: `ts_event`, `publisher_id` or `venue`, `price`, `size`; optional `sequence`, `symbol`, `cond`
    and, in Databento's book schemas, `action`, of which only `T` (trade) is read. Sources, times, prices
    and errors are those of `read_quotes`.

    Args:
        source: As for `read_quotes`.
        quotes: The tape, whose venue index the trades get.
        symbol: Which instrument to read; by default that of the tape, where the trades name one.
        exclude_conditions: One-letter sale conditions; a trade whose `cond` has any of them is dropped and
            counted.

    Raises:
        DataError: As `read_quotes`; also for a trade without a price, and if none is left.

    """
    records = _load(source, symbol, trade_columns, default=quotes.symbol, action="T")
    frame = records.frame
    kept = frame
    if exclude_conditions and "cond" in frame.columns:
        kept = frame.filter(~pl.col("cond").str.contains_any(list(exclude_conditions)))
    ordered, _, _ = _in_order(kept.drop("cond", strict=False))
    index = _index_on_tape(ordered["venue"], records.names, quotes)
    on_tape = ordered.with_columns(index).filter(pl.col("venue").is_not_null()).rechunk()
    excluded = frame.height - kept.height
    if on_tape.is_empty():
        venues = _listed(quotes.venues["name"].to_list())
        raise DataError(
            f"{records.source}: none of {frame.height:,} trades is left: {excluded:,} excluded by condition, "
            f"{kept.height:,} not on the tape's venues {venues}"
        )
    return Trades(
        frame=on_tape,
        symbol=records.symbol,
        source=records.source,
        excluded=excluded,
        off_venue=kept.height - on_tape.height,
        venues=tuple(quotes.venues["name"]),
    )


# Records compared at a time: what fits in a core's cache costs no memory and little time.
_BLOCK = 2**16


@dataclass(frozen=True)
class _Records:
    """Checked records in the order of the input, and what else the sources said of them."""

    frame: pl.DataFrame
    names: Mapping[int, tuple[int | None, str]]
    """The publisher id, if there is one, and the name for each code in the column `venue`."""
    symbol: str | None
    source: str


def _load(
    source: Source,
    symbol: str | None,
    columns: Callable[[Part, list[str]], list[Column]],
    *,
    default: str | None = None,
    action: str | None = None,
) -> _Records:
    """Read the records of one `action` and one symbol: that asked for, or else `default` where present."""
    parts = [_only(part, "action", action) for part in _open(source)]
    streams = [_streams(part) for part in parts]
    chosen = _choose_symbol(parts, streams, symbol, default)
    if chosen is not None:
        parts = [_only(part, _symbol_column(part), chosen) for part in parts]
        streams = [
            found.filter(pl.col("symbol").is_null() | (pl.col("symbol") == chosen)) for found in streams
        ]
    _require_same(parts, "publisher_id")
    named = sorted({name for found in streams for name in found["venue"].drop_nulls() if name})

    frames = []
    for part in parts:
        with _reading(part.label):
            frames.append(collect(part, columns(part, named)))
        if frames[-1].is_empty() and part.keep is None:
            raise DataError(f"{part.label}: no records; expected at least one row")
    for optional in ("sequence", "queue_position", "cond"):
        _require_same(parts, optional)

    by_id = "publisher_id" in parts[0].schema
    names = _names(parts, streams) if by_id else {code: (None, name) for code, name in enumerate(named)}
    label = parts[0].label if len(parts) == 1 else f"{parts[0].label} and {len(parts) - 1} more"
    return _Records(pl.concat(frames), names, chosen, label)


def _open(source: Source) -> list[Part]:
    if not isinstance(source, Sequence) or isinstance(source, str):
        return [_open_one(source, "frame")]
    if not source:
        raise ParameterError("source is empty; expected at least one path or frame")
    return [_open_one(table, f"frame {number}") for number, table in enumerate(source, start=1)]


def _open_one(table: Table, label: str) -> Part:
    match table:
        case pl.DataFrame():
            return Part(label, table.lazy(), table.schema)
        case pl.LazyFrame():
            # Collected once, as the records are looked at more than once.
            with _reading(label):
                used = [name for name in table.collect_schema() if name in _COLUMNS]
                return _open_one(table.select(used).collect(), label)
        case str() | PathLike():
            return _open_file(Path(table))
        case _:
            raise ParameterError(
                f"source is a {type(table).__module__}.{type(table).__qualname__}; "
                "expected a path, a polars DataFrame or LazyFrame, or a list of them"
            )


def _open_file(path: Path) -> Part:
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a directory; expected a file, or a list of files")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    label = str(path)
    with _reading(label):
        match file_kind(path):
            case "parquet":
                frame = pl.scan_parquet(path, glob=False)
                return Part(label, frame, frame.collect_schema())
            case "csv":
                frame = pl.scan_csv(path, infer_schema=False, glob=False)
                return Part(label, frame, frame.collect_schema(), text=True)
            case "dbn":
                table = _read_dbn(path)
                return Part(label, table.lazy(), table.schema)
            case _:
                raise DataError(
                    f"{label}: unknown kind of file; expected .csv, .csv.gz, .parquet, .dbn or .dbn.zst"
                )


def _read_dbn(path: Path) -> pl.DataFrame:
    try:
        databento = importlib.import_module("databento")
    except ImportError as missing:
        raise ImportError(
            f"{path}: reading DBN needs the databento package: pip install databento"
        ) from missing
    try:
        # From bytes, as a store made from a file leaves it open.
        records = databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()
    except Exception as failed:  # databento raises its own, ValueError or RuntimeError, by version
        raise DataError(f"{path}: cannot be read as DBN: {failed}") from failed
    columns = {name: records[name] for name in records.dtype.names if name in _COLUMNS}
    return pl.DataFrame(
        {name: array.astype(str) if array.dtype.kind == "S" else array for name, array in columns.items()}
    )


@contextmanager
def _reading(label: str) -> Iterator[None]:
    try:
        yield
    except pl.exceptions.PolarsError as failed:
        reason = next(iter(str(failed).splitlines()), type(failed).__name__)
        raise DataError(f"{label}: cannot be read: {reason}") from failed


def _streams(part: Part) -> pl.DataFrame:
    """Find the combinations of `publisher_id`, `venue` and `symbol` in a part; a column it lacks is null."""
    columns = {
        name: pl.lit(None, dtype)
        for name, dtype in (("publisher_id", pl.UInt16), ("venue", pl.String), ("symbol", pl.String))
    }
    if "publisher_id" in part.schema and "venue" in part.schema:
        columns["publisher_id"] = pl.col("publisher_id").cast(pl.UInt16, strict=False)
    if (dtype := part.schema.get("venue")) is not None and is_text(dtype):
        columns["venue"] = pl.col("venue").cast(pl.String)
    if (column := _symbol_column(part)) is not None:
        columns["symbol"] = pl.col(column).cast(pl.String).fill_null("")
    with _reading(part.label):
        table = (
            part.frame
            if any(name in part.schema for name in ("venue", "symbol", "instrument_id"))
            else part.frame.head(1)
        )
        return table.select(**columns).unique().collect(engine="streaming")


def _symbol_column(part: Part) -> str | None:
    return next((name for name in ("symbol", "instrument_id") if name in part.schema), None)


def _choose_symbol(
    parts: list[Part], streams: list[pl.DataFrame], symbol: str | None, default: str | None
) -> str | None:
    """Settle on the one symbol to read; null where the parts name none."""
    present = sorted({name for found in streams for name in found["symbol"].drop_nulls()})
    label = ", ".join(part.label for part in parts)
    if symbol is None and default in present:
        symbol = default
    if symbol is None:
        if len(present) > 1:
            raise DataError(f"{label}: several symbols: {_listed(present)}; choose one with symbol=")
        return present[0] or None if present else None
    if not isinstance(symbol, str):
        raise ParameterError(f"symbol is {symbol!r}; expected a string")
    for part in parts:
        if _symbol_column(part) is None:
            raise DataError(f"{part.label}: symbol={symbol!r} was asked for, and there is no column symbol")
    if symbol not in present:
        raise DataError(f"{label}: no symbol {symbol!r}; there is {_listed(present)}")
    return symbol


def _only(part: Part, column: str | None, value: str | None) -> Part:
    """Keep the records with a value in a column; all of them where the part has no such column."""
    if column is None or value is None or column not in part.schema:
        return part
    chosen = pl.col(column).cast(pl.String) == value
    return replace(part, keep=chosen if part.keep is None else part.keep & chosen)


def _listed(names: list[str], most: int = 20) -> str:
    shown = ", ".join(name or "(null)" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _require_same(parts: list[Part], column: str) -> None:
    """Check that all parts have the column or none: only then do they make one tape."""
    have = [part for part in parts if column in part.schema]
    if have and len(have) < len(parts):
        lack = next(part for part in parts if column not in part.schema)
        raise DataError(
            f"{lack.label}: no column {column}, which {have[0].label} has; expected all or none to have it"
        )


def _names(parts: list[Part], streams: list[pl.DataFrame]) -> dict[int, tuple[int | None, str]]:
    """Look up the venue name of each publisher id; an id without one is named by its number later."""
    names: dict[int, tuple[int | None, str]] = {}
    for part, found in zip(parts, streams, strict=True):
        pairs = found.select("publisher_id", "venue").drop_nulls().unique().sort("publisher_id", "venue")
        for number, name in pairs.iter_rows():
            _, known = names.setdefault(number, (number, name))
            if known != name:
                raise DataError(
                    f"{part.label}: publisher_id {number} is venue {known!r} and {name!r}; expected one name"
                )
    return names


def _in_order(frame: pl.DataFrame) -> tuple[pl.DataFrame, int, int]:
    """Sort by time, sequence and input, in one chunk; count what was out of order and what is there twice."""
    keys = frame.select(name for name in ("ts", "sequence") if name in frame.columns)
    backward, same = _neighbours(keys)
    tape = frame.drop("sequence", strict=False).rechunk()
    if backward:
        order = keys.select(pl.arg_sort_by(keys.columns, maintain_order=True)).to_series()
        tape = tape.select(pl.all().gather(order)).rechunk()
        _, same = _neighbours(keys.select(pl.all().gather(order)))
    for column in tape.drop("ts"):
        same = same[(column.gather(same) == column.gather(same + 1)).to_numpy()]
    return tape, backward, len(same)


def _neighbours(keys: pl.DataFrame) -> tuple[int, NDArray[np.intp]]:
    """Count the records whose key is below that of the one before; find those whose next has the same key."""
    backward, same = 0, [np.empty(0, dtype=np.intp)]
    for begin in range(0, keys.height, _BLOCK):
        # One more than the block, to compare its last with the next block's first.
        columns = [column.to_numpy() for column in keys.slice(begin, _BLOCK + 1)]
        falls, equal = _compare(columns[0])
        for column in columns[1:]:
            lower, level = _compare(column)
            falls |= equal & lower
            equal &= level
        backward += int(np.count_nonzero(falls))
        same.append(begin + np.flatnonzero(equal))
    return backward, np.concatenate(same)


def _compare(values: NDArray[np.int64] | NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return values[1:] < values[:-1], values[1:] == values[:-1]


def _dense(
    frame: pl.DataFrame, names: Mapping[int, tuple[int | None, str]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Replace the venue codes by a dense index in ascending order, with the table of what they stand for."""
    codes = frame["venue"].to_numpy()
    blocks = [slice(begin, begin + _BLOCK) for begin in range(0, len(codes), _BLOCK)]
    seen = np.zeros(2**16, dtype=np.bool_)
    for block in blocks:
        seen[codes[block]] = True
    present = np.flatnonzero(seen)
    index = np.zeros(2**16, dtype=np.uint16)
    index[present] = np.arange(len(present))
    dense = np.empty_like(codes)
    for block in blocks:
        dense[block] = index[codes[block]]

    labels = [names.get(code, (code, str(code))) for code in present.tolist()]
    return frame.with_columns(pl.Series("venue", dense)), venue_table(labels)


def _index_on_tape(
    codes: pl.Series, names: Mapping[int, tuple[int | None, str]], quotes: Quotes
) -> pl.Series:
    """Look up each code's venue index on the tape, by id or else by name; null for a venue not on it."""
    by_id = dict(zip(quotes.venues["id"], quotes.venues["index"], strict=True))
    by_name = dict(zip(quotes.venues["name"], quotes.venues["index"], strict=True))
    found = {}
    for code in codes.unique().to_list():
        number, name = names.get(code, (code, str(code)))
        found[code] = by_id.get(number) if number is not None and None not in by_id else by_name.get(name)
    return codes.replace_strict(found, return_dtype=pl.UInt16)
