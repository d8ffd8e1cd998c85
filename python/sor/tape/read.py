"""Recorded quotes and trades, checked and put in order (rules B1, B2, B8-B10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import DataError, shown
from sor.settings.checks import instance
from sor.tape.clocks import INTERVAL_RTYPES
from sor.tape.columns import CONSOLIDATED_RTYPES, quote_columns, symbol_column, trade_columns
from sor.tape.facts import Facts
from sor.tape.options import Options, as_plain, read_options
from sor.tape.ordering import dense, in_order, present_codes
from sor.tape.publishers import labels
from sor.tape.schema import Column, Part, collect, reading
from sor.tape.sources import Source, Table, open_source
from sor.tape.stream import Streamed, stream
from sor.tape.tape import Quotes, Trades, venue_table
from sor.tape.told import tell
from sor.tape.trades import NON_EXECUTING, clean, read_conditions, require_listed_codes

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence


__all__ = ["Source", "Table", "read_quotes", "read_trades"]

_MOST_VENUES = 65_535
# So many repeated records are worth a word, where they are half of all.
_FEW = 10


def read_quotes(
    source: Source,
    *,
    symbol: str | None = None,
    columns: Mapping[str, str] | None = None,
    venue: str | None = None,
    clock: str | None = None,
    time_unit: str | None = None,
    date: str | dt.date | None = None,
    tz: str | None = None,
    price_scale: float | None = None,
    size_scale: int | None = None,
    size_unit: float | None = None,
    separator: str | None = None,
    max_bytes: int | None = None,
) -> Quotes:
    """Read, check and sort L1 quotes.

    Columns, in Databento's names; others are ignored, and `columns` says which of a vendor's is which:

    - `ts_event` (or `ts_recv`, see `clock`): integer ns, ISO 8601 strings or datetimes of any unit and zone;
    - `publisher_id` (0 to 65,535) or `venue` (names), or both: then the name goes with the id;
    - `bid_px_00`, `ask_px_00`: currency, or whole numbers with `price_scale` (nanos, in records with an `rtype`);
    - `bid_sz_00`, `ask_sz_00`: whole shares, typed as integers or floats;
    - optional `sequence`, `symbol` (or `instrument_id`), `queue_position`.

    A price that is null, NaN, zero, negative or undefined, and a size that is null, NaN or zero, are *no quote
    on that side*, not an error. Records out of order are sorted (stably, by time and sequence) and counted.

    Args:
        source: A path (`.csv`, `.parquet`, `.dbn`, also `.gz` and `.zst`; DBN needs the `databento` package), a
            pattern (`days/*.parquet`), `-` for standard input, a polars or pandas frame, an Arrow table, a
            `databento.DBNStore`, or a sequence of them, which make one tape.
        symbol: Which instrument to read, where the source holds several.
        columns: The table's own names, each with the name above that it stands for.
        venue: The one venue of all records, where no column says it.
        clock: `"ts_event"` or `"ts_recv"`: which time is that of the quote. By default `ts_event`; for interval
            samples (Databento's BBO-1s and BBO-1m) `ts_recv`, the interval's end.
        time_unit: Of times in numbers: `"ns"`, `"us"`, `"ms"` or `"s"`. By default ns, from 1990 on.
        date: The day of times that are times of day; or `columns={...: "date"}`, where a column has it.
        tz: Zone of times without one, `"America/New_York"`; by default UTC.
        price_scale: What one unit of a whole-number price is worth: 1e-9 nanos, 0.0001 LOBSTER's, 1 currency.
        size_scale: Shares in one unit of the sizes: 100 where they count round lots.
        size_unit: The least size, 0.001 say, where sizes have fractions: the tape counts in it, and so does the
            quantity of an order. Tables of results speak in the user's own sizes again.
        separator: Of CSV; by default a comma.
        max_bytes: The most that a compressed file may unpack to; by default 64 times its size, 256 MiB at least.

    Raises:
        DataError: If something cannot be read: the message names the source, the row (from 1, without a
            CSV's header line), the value, and what would be right. Also for records that cannot be routed:
            consolidated ones, and quotes seen at trades only (TBBO).
        FileNotFoundError, IsADirectoryError, PermissionError: If a path leads to no file that may be read.
        ParameterError: If an argument is none of the above.

    Warns:
        SorWarning: If a file is given twice, or at least half of all records repeat the one before.

    Examples:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"ts_event": ["2024-01-02T14:30:00Z"], "venue": ["N"], "bid_px_00": [99.99],
        ...     "bid_sz_00": [100], "ask_px_00": [100.01], "ask_sz_00": [300]})
        >>> read_quotes(frame)
        Quotes(no symbol, 1 records, 1 venues, 2024-01-02 14:30:00 to 2024-01-02 14:30:00 UTC, frame)

    """
    given: dict[str, object] = {
            "symbol": symbol, "columns": columns, "venue": venue, "clock": clock, "time_unit": time_unit,
            "date": date, "tz": tz, "price_scale": price_scale, "size_scale": size_scale, "size_unit": size_unit,
            "separator": separator, "max_bytes": max_bytes,
        }  # fmt: skip
    options = read_options(given)
    parts, noticed = _open(source, options)
    records = _streamed(parts, options) or _load(parts, options, quote_columns, check=_check_quotes)
    frame, out_of_order, duplicates = records.in_order()
    present = list(records.names)
    frame = dense(frame, present)
    venues = venue_table([records.names[code] for code in present])
    noticed = noticed or _repeated(records.source, frame.height, duplicates)
    tell(noticed, stacklevel=2)
    return Quotes(
        frame=frame,
        venues=venues,
        symbol=records.symbol,
        source=records.source,
        out_of_order=out_of_order,
        duplicates=duplicates,
        size_unit=1.0 if options.size_unit is None else options.size_unit,
        warnings=tuple(noticed),
        read=as_plain(given),
    )


def read_trades(
    source: Source,
    *,
    quotes: Quotes,
    symbol: str | None = None,
    exclude_conditions: Sequence[str | int] = NON_EXECUTING,
    columns: Mapping[str, str] | None = None,
    venue: str | None = None,
    clock: str | None = None,
    time_unit: str | None = None,
    date: str | dt.date | None = None,
    tz: str | None = None,
    price_scale: float | None = None,
    size_scale: int | None = None,
    separator: str | None = None,
    max_bytes: int | None = None,
) -> Trades:
    """Read the executions that belong to a tape.

    Columns: `ts_event`, `publisher_id` or `venue`, `price`, `size`; optional `sequence`, `symbol`, `cond`
    (sale conditions), `correction` (TAQ's indicator) and, in Databento's book schemas, `action`, of which only
    `T` (trade) is read. Sources, times, prices, errors and all other arguments are those of `read_quotes`; sizes
    are counted in the tape's `size_unit`.

    What was cancelled or later found in error is dropped, and so is an exact repeat: same day, venue, sequence,
    price and size. Each is counted.

    Args:
        source: As for `read_quotes`.
        quotes: The tape, whose venue index the trades get.
        symbol: Which instrument to read; by default that of the tape, where the trades name one.
        exclude_conditions: Sale conditions; a trade whose `cond` has any of them is dropped and counted. By default
            those of `sor.tape.trades.SALE_CONDITIONS` that are no executions. A vendor's numbers are given as such.
        columns: As for `read_quotes`, and so is all that follows.
        venue: The one venue of all trades.
        clock: `"ts_event"` (default) or `"ts_recv"`.
        time_unit: Of times in numbers.
        date: The day of times that are times of day.
        tz: Zone of times without one.
        price_scale: What one unit of a whole-number price is worth.
        size_scale: Shares in one unit of the sizes.
        separator: Of CSV.
        max_bytes: The most that a compressed file may unpack to.

    Raises:
        DataError: As `read_quotes`; also for a trade without a price, and if none is left.

    """
    instance("quotes", quotes, Quotes)
    exclude = read_conditions(exclude_conditions)
    given: dict[str, object] = {
            "symbol": symbol, "columns": columns, "venue": venue, "clock": clock, "time_unit": time_unit,
            "date": date, "tz": tz, "price_scale": price_scale, "size_scale": size_scale,
            "size_unit": None if quotes.size_unit == 1.0 else quotes.size_unit,
            "separator": separator, "max_bytes": max_bytes,
        }  # fmt: skip
    options = read_options(given)
    parts, noticed = _open(source, options, action="T")
    records = _load(parts, options, trade_columns, default=quotes.symbol)
    tell(noticed, stacklevel=2)
    (frame,) = records.frames
    if "cond" in frame.columns:
        require_listed_codes(frame["cond"], records.source, exclude)
    cleaned = clean(frame, exclude)
    ordered, _, _ = in_order([cleaned.frame])
    index = _index_on_tape(ordered["venue"], records.names, quotes)
    on_tape = ordered.with_columns(index).filter(pl.col("venue").is_not_null()).rechunk()
    if on_tape.is_empty():
        venues = _listed(quotes.venues["name"].to_list())
        raise DataError(
            f"{records.source}: none of {frame.height:,} trades is left: {cleaned.excluded:,} excluded by "
            f"condition, {cleaned.corrected + cleaned.repeated:,} corrected or repeated, "
            f"{cleaned.frame.height:,} not on the tape's venues {venues}"
        )
    return Trades(
        frame=on_tape,
        symbol=records.symbol,
        source=records.source,
        excluded=cleaned.excluded,
        corrected=cleaned.corrected,
        repeated=cleaned.repeated,
        off_venue=cleaned.frame.height - on_tape.height,
        venues=tuple(quotes.venues["name"]),
        read={name: value for name, value in as_plain(given).items() if name != "size_unit"},
    )


@dataclass(frozen=True)
class _Records:
    """Checked records in the order of the input, and what else the sources said of them."""

    frames: list[pl.DataFrame]
    """The one frame, in a list, so that it can be taken out and freed."""
    names: Mapping[int, tuple[int | None, str]]
    """The publisher id, if there is one, and the name for each code that is in the column `venue`, in the order of the
    tape's venues."""
    symbol: str | None
    source: str
    duplicates: int | None = None
    """Records equal to the one before, of records that are in order; None: neither is known."""

    def in_order(self) -> tuple[pl.DataFrame, int, int]:
        """Return the records in order, in one chunk, how many were not, and how many are there twice."""
        if self.duplicates is None:
            return in_order(self.frames)
        (frame,) = self.frames
        return frame, 0, self.duplicates


def _open(source: Source, options: Options, action: str | None = None) -> tuple[list[Part], list[str]]:
    """Open a source for the records of one `action` and the symbol asked for; return warnings as well."""
    parts, noticed = open_source(source, options)
    if action is not None:
        parts = [_only_action(part, action) for part in parts]
    if options.symbol is not None:
        parts = [_only_symbol(part, options.symbol) for part in parts]
    if options.venue is None:
        _require_same(parts, "publisher_id")
    return parts, noticed


def _streamed(parts: list[Part], options: Options) -> _Records | None:
    """Read long tables in one pass; None where that cannot be done (`sor.tape.stream`)."""
    streamed = stream(parts, lambda part: quote_columns(part, options))
    if streamed is None:
        return None
    for part, facts in zip(parts, streamed.facts, strict=True):
        _check_quotes(part, facts)
    _require_same(parts, "sequence")
    symbol = options.symbol
    if symbol is None:
        symbol = _chosen(parts, sorted(set().union(*(facts.symbols for facts in streamed.facts))), None)
    codes = _names_of_codes(parts, streamed)
    streamed.number_venues(list(codes))
    names = dict(enumerate(codes.values()))
    return _Records([pl.DataFrame(streamed.columns)], names, symbol, _label(parts), streamed.duplicates)


def _names_of_codes(parts: list[Part], streamed: Streamed) -> dict[int, tuple[int | None, str]]:
    """Name the codes of streamed records, in the order of the tape's venues."""
    if streamed.names is None:
        return _names_of_ids(parts, streamed.facts, streamed.codes)
    return {
        code: (None, streamed.names[code]) for code in sorted(streamed.codes, key=streamed.names.__getitem__)
    }


def _load(
    parts: list[Part],
    options: Options,
    columns: Callable[[Part, Options], list[Column]],
    *,
    check: Callable[[Part, Facts], None] | None = None,
    default: str | None = None,
) -> _Records:
    """Read the records of one symbol: that asked for, or else `default` where present."""
    frames = []
    for part in parts:
        with reading(part.label):
            frame = collect(part, lambda each: columns(each, options))
        if frame.is_empty() and part.keep is None:
            raise DataError(f"{part.label}: no records; expected at least one row")
        if check is not None:
            check(part, _facts_of(frame.select(name for name in ("rtype", "trade") if name in frame.columns)))
        frames.append(frame)
    for optional in ("sequence", "queue_position", "cond", "correction"):
        _require_same(parts, optional)

    frames, symbol = _one_symbol(parts, frames, options.symbol, default)
    frames, names = _venue_codes(parts, frames)
    return _Records([pl.concat(frames)], names, symbol, _label(parts))


def _label(parts: list[Part]) -> str:
    return parts[0].label if len(parts) == 1 else f"{parts[0].label} and {len(parts) - 1} more"


def _facts_of(frame: pl.DataFrame) -> Facts:
    facts = Facts()
    facts.add(frame)
    return facts


def _only_action(part: Part, action: str) -> Part:
    return part.only(pl.col("action").cast(pl.String) == action) if "action" in part.schema else part


def _only_symbol(part: Part, symbol: str) -> Part:
    """Keep the records of a symbol, or of an instrument's number where that is asked for."""
    columns = [name for name in ("symbol", "instrument_id") if name in part.schema]
    if not columns:
        raise DataError(f"{part.label}: symbol={shown(symbol)} was asked for, and there is no column symbol")
    return part.only(pl.any_horizontal(pl.col(name).cast(pl.String) == symbol for name in columns))


def _check_quotes(part: Part, facts: Facts) -> None:
    """Refuse what is no quote of a venue (rule B9), and interval samples among other records (rule B8)."""
    if not facts.records:
        return
    rtypes = facts.rtypes
    interval = rtypes & set(INTERVAL_RTYPES)
    if wrong := sorted(rtypes & set(CONSOLIDATED_RTYPES)):
        raise DataError(
            f"{part.label}: holds consolidated records (record type {wrong[0]}), in which each side names a venue of "
            "its own: no order can be routed; expected each venue's own quotes (mbp-1, bbo-1s)"
        )
    if interval and rtypes - interval:
        found = ", ".join(map(str, sorted(rtypes)))
        raise DataError(
            f"{part.label}: holds records of types {found}; expected interval samples alone, or none"
        )
    if part.kind == "tbbo" or (facts.all_trades and not interval):
        raise DataError(
            f"{part.label}: every record is a trade (as in Databento's TBBO): the quotes are those seen just before "
            "trades, and what came between is not there; expected mbp-1 or bbo-1s, and these records as trades="
        )


def _one_symbol(
    parts: list[Part], frames: list[pl.DataFrame], asked: str | None, default: str | None
) -> tuple[list[pl.DataFrame], str | None]:
    """Settle on the one symbol that was read, and keep its records; null where the parts name none."""
    if asked is not None:
        if not any(frame.height for frame in frames):
            label = ", ".join(part.label for part in parts)
            raise DataError(f"{label}: no symbol {shown(asked)}; there is {_listed(_all_symbols(parts))}")
        return [frame.drop("symbol") for frame in frames], asked
    present = sorted(
        {name for frame in frames if "symbol" in frame.columns for name in _names_in(frame["symbol"])}
    )
    chosen = _chosen(parts, present, default)
    if len(present) > 1:
        frames = [
            frame
            if "symbol" not in frame.columns
            else frame.filter(pl.col("symbol").cast(pl.String) == chosen)
            for frame in frames
        ]
    return [frame.drop("symbol", strict=False) for frame in frames], chosen


def _chosen(parts: list[Part], present: list[str], default: str | None) -> str | None:
    """Choose the symbol to read, where the records are of those present; null where they name none."""
    if len(present) > 1 and default not in present:
        label = ", ".join(part.label for part in parts)
        raise DataError(f"{label}: several symbols: {_listed(present)}; choose one with symbol=")
    return (default if len(present) > 1 else present[0] if present else None) or None


def _names_in(categories: pl.Series) -> list[str]:
    return [name for name in categories.unique().cast(pl.String).to_list() if name is not None]


def _all_symbols(parts: list[Part]) -> list[str]:
    found: set[str] = set()
    for part in parts:
        column = symbol_column(part)
        if column is not None:
            with reading(part.label):
                text = pl.col(column).cast(pl.String).fill_null("")
                found |= set(part.frame.select(text.unique()).collect(engine="streaming").to_series())
    return sorted(found)


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


def _venue_codes(
    parts: list[Part], frames: list[pl.DataFrame]
) -> tuple[list[pl.DataFrame], dict[int, tuple[int | None, str]]]:
    """Give every record a number for its venue: the publisher id, or the place of its name among all in order.

    Returns:
        The frames without what was needed for it, and the id, if there is one, and the name of each number.

    """
    dropped = ("name", "rtype", "trade")
    if frames[0].schema["venue"] == pl.UInt16:
        facts = [
            _facts_of(frame.select(name for name in ("venue", "name") if name in frame)) for frame in frames
        ]
        ids = sorted({number for frame in frames for number in present_codes(frame["venue"])})
        names = _names_of_ids(parts, facts, ids)
        return [frame.drop(dropped, strict=False) for frame in frames], names
    named = sorted({name for frame in frames for name in _names_in(frame["venue"])})
    if len(named) > _MOST_VENUES:
        raise DataError(f"{parts[0].label}: {len(named):,} venues; at most {_MOST_VENUES:,}")
    # By way of the names, as the polars of 2025 casts no category to an enum; in pieces, as they take memory.
    code = pl.col("venue").cast(pl.String).cast(pl.Enum(named)).to_physical().cast(pl.UInt16)
    coded = [frame.lazy().with_columns(code).collect(engine="streaming") for frame in frames]
    return [frame.drop(dropped, strict=False) for frame in coded], {
        code: (None, name) for code, name in enumerate(named)
    }


def _names_of_ids(parts: list[Part], facts: list[Facts], ids: list[int]) -> dict[int, tuple[int | None, str]]:
    """Look up the venue name of each publisher id; one without a name is called by its number.

    Two ids of one name are told apart by their numbers, or by Databento's full names.
    """
    names: dict[int, str] = {}
    for part, fact in zip(parts, facts, strict=True):
        for number, name in sorted(fact.names):
            if name and names.setdefault(number, name) != name:
                raise DataError(
                    f"{part.label}: publisher_id {number} is venue {shown(names[number])} and {shown(name)}; "
                    "expected one name"
                )
    if len(ids) > _MOST_VENUES:
        raise DataError(f"{parts[0].label}: {len(ids):,} venues; at most {_MOST_VENUES:,}")
    databento = any(part.rtype is not None or part.kind is not None for part in parts)
    known = dict(zip(ids, labels(ids) if databento else [str(number) for number in ids], strict=True))
    named = {number: names[number] if number in names else known[number] for number in ids}
    counts: dict[str, int] = {}
    for name in named.values():
        counts[name] = counts.get(name, 0) + 1
    return {
        number: (number, name if counts[name] == 1 else f"{name} ({number})")
        for number, name in named.items()
    }


def _repeated(source: str, records: int, duplicates: int) -> list[str]:
    if duplicates < _FEW or 2 * duplicates < records:
        return []
    return [
        f"{source}: {duplicates:,} of {records:,} records repeat the one before in everything; "
        "the same records may have been read twice"
    ]


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
