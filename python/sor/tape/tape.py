"""A validated tape and its trades, as the package hands them around (rules B1, B2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from sor import _core
from sor.errors import ParameterError, count, shown
from sor.settings.checks import number, path_of
from sor.settings.times import duration_ns, format_ns
from sor.tape.exact import NANOS, ratios
from sor.tape.files import beside, file_kind
from sor.tape.schema import UNDEF_PRICE
from sor.tape.sessions import Sessions, SessionSource, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from os import PathLike

    from numpy.typing import NDArray

    from sor.tape.halts import HaltSource


_MBP_1 = 1


@dataclass(frozen=True, eq=False, repr=False)
class QuotesReport:
    """What a tape holds.

    `out_of_order` counts records that precede, in (time, sequence), the record before them in the input;
    `duplicates` those that equal the record before them in the sorted tape in every column, sequence
    included; `locked` and `crossed` the snapshots whose consolidated best bid equals or exceeds the best
    ask (rule B6); `stubs` the quotes beyond the collar (rule B7); `outside` the records outside all sessions
    (rule T1), and `halts` the halts that were given. `sessions` has a row for each session: open, close, records,
    the longest silence and the time in which everything was halted.
    """

    records: int
    venues: int
    out_of_order: int
    duplicates: int
    no_quote_bid: int
    no_quote_ask: int
    locked: int
    crossed: int
    stubs: int
    outside: int
    halts: int
    sessions: pl.DataFrame

    def counts(self) -> dict[str, int]:
        """Return every count by its name; of the sessions, how many."""
        names = [field.name for field in fields(self) if field.name != "sessions"]
        return {**{name: getattr(self, name) for name in names}, "sessions": self.sessions.height}

    def __repr__(self) -> str:
        rows = [(name.replace("_", " "), f"{count:,}") for name, count in self.counts().items()]
        width = max(len(count) for _, count in rows)
        lines = [f"  {name:<13}{count:>{width}}" for name, count in rows]
        return "\n".join(["QuotesReport", *lines, *self._session_lines()])

    def _session_lines(self, most: int = 10) -> list[str]:
        lines = []
        for row in self.sessions.head(most).iter_rows(named=True):
            span = f"{row['open']:%Y-%m-%d %H:%M:%S} to {row['close']:%H:%M:%S}"
            halted = f", halted {row['halted']}" if row["halted"] else ""
            lines.append(
                f"  {span}  {count(row['records'], 'record')}, longest silence {row['longest_silence']}{halted}"
            )
        more = self.sessions.height - most
        return [*lines, f"  and {more:,} more sessions"] if more > 0 else lines

    def _repr_html_(self) -> str:
        row = "<tr><td>{}</td><td style='text-align:right'>{:,}</td></tr>"
        rows = (row.format(name.replace("_", " "), count) for name, count in self.counts().items())
        return f"<table><tbody>{''.join(rows)}</tbody></table>{self.sessions._repr_html_()}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Quotes:
    """A validated tape of L1 quotes; made by `read_quotes` or `simulate_quotes`.

    Attributes:
        frame: The canonical tape, one chunk, no nulls, in order of time, sequence and input: `ts` (Int64,
            ns UTC), `venue` (UInt16, index into `venues`), `bid_px`, `ask_px` (Int64, nanos), `bid_sz`,
            `ask_sz` (UInt32, shares), and `queue_position` (Float64, 0 front to 1 back) where the input
            has it. A side without a quote has price 2^63 - 1 and size 0.
        venues: One row per venue, `index` (UInt16), `id` (UInt16, the publisher id; null where the input
            has only names) and `name` (String), ascending by id or else by name.
        symbol: The instrument, if the input names it.
        source: Where the records came from.
        out_of_order: Records that were not in order in the input; see `QuotesReport`.
        duplicates: Records that say nothing new; see `QuotesReport`.
        trades: The executions on its venues, where they are given: what tells a trade from a cancellation in
            the queue of a resting order (rule C10).
        size_unit: What one unit of `bid_sz` and `ask_sz` is in the user's own sizes: 0.001 where the tape counts
            thousandths (rule B10).
        sessions: When its market is open, on a tape that is laid in sessions; see `in_sessions`.
        whole: That tape before it was laid, with the records outside its sessions.
        warnings: What was noticed when the tape was read and may make a result say little.
        read: The arguments that said how the table was meant, as plain values.

    """

    frame: pl.DataFrame
    venues: pl.DataFrame
    symbol: str | None
    source: str
    out_of_order: int = 0
    duplicates: int = 0
    trades: Trades | None = None
    size_unit: float = 1.0
    sessions: Sessions[Quotes] | None = None
    whole: Quotes | None = None
    warnings: tuple[str, ...] = ()
    read: Mapping[str, Any] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """Time of the first record, ns UTC."""
        return int(self.frame["ts"][0])

    @property
    def end(self) -> int:
        """Time of the last record, ns UTC."""
        return int(self.frame["ts"][-1])

    @cached_property
    def digest(self) -> str:
        """32 hexadecimal digits that stand for the records, the venues and the trades, whatever file they came from."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr((self.frame.schema, self.venues.to_dict(as_series=False))).encode())
        trades = {} if self.trades is None else self.trades.arrays()
        hours = {} if self.sessions is None else self.sessions.arrays()
        for column in (*self.arrays().values(), *trades.values(), *hours.values()):
            digest.update(column.data)
        return digest.hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Lend the columns of `frame` as read-only NumPy arrays over the same memory, one per name."""
        return {column.name: column.to_numpy(allow_copy=False) for column in self.frame}

    def lent(self) -> dict[str, Any]:
        """Lend the tape to the core: `arrays()`, those of its sessions, and of its trades under `"trades"`.

        Under `"index"` is what the core keeps of it from one call to the next.
        """
        hours = {} if self.sessions is None else self.sessions.arrays()
        trades = {} if self.trades is None else {"trades": self.trades.arrays()}
        index = self._index if self.sessions is None else self.sessions.quotes._index_in_sessions
        return {**self.arrays(), **hours, **trades, "index": index}

    @cached_property
    def _index(self) -> _core.Index:
        return _core.Index(len(self))

    @cached_property
    def _index_in_sessions(self) -> _core.Index:
        """Of the tape that `Sessions` holds: in each session a book begins anew."""
        return _core.Index(len(self))

    def in_sessions(
        self,
        sessions: SessionSource = "gaps",
        session_gap: str | int | timedelta = "30m",
        halts: HaltSource = None,
    ) -> Quotes:
        """Return this tape cut into sessions, without what lies outside all of them, and with its halts.

        Args:
            sessions: `"gaps"`, a calendar's name, a frame with `open` and `close`, or None; as in a market.
            session_gap: The silence that ends a session.
            halts: A frame, or Databento's `status` records.

        Raises:
            ParameterError: If an argument is none of these.
            DataError: If no record lies in any session.

        """
        whole = self if self.whole is None else self.whole
        named = halts is None and (sessions is None or isinstance(sessions, str))
        key = (sessions, duration_ns(session_gap, "session_gap")) if named else None
        hours = whole._hours.get(key)
        if hours is None:
            # Of a copy: what replays find out of it holds in these sessions alone, and a tape that held itself would
            # stay in memory until Python looks for such rings.
            hours = resolve(replace(whole), sessions, session_gap, halts)
            if key is not None:
                whole._hours[key] = hours
        return replace(hours.quotes, sessions=hours, whole=whole)

    @property
    def hours(self) -> Sessions[Quotes]:
        """The sessions that the tape is laid in; those of the default market where it is laid in none."""
        laid = self if self.sessions is not None else self.in_sessions()
        assert laid.sessions is not None
        return laid.sessions

    @cached_property
    def _hours(self) -> dict[Any, Sessions[Quotes]]:
        """The sessions that were asked for by name, for the next that asks."""
        return {}

    def kept(self, frame: pl.DataFrame, trades: pl.DataFrame | None) -> Quotes:
        """Return this tape with some of its records and trades only, in one chunk.

        Args:
            frame: Records of `frame`, in their order.
            trades: Trades of `trades.frame`; None for a tape without.

        """
        prints = (
            None if self.trades is None or trades is None else replace(self.trades, frame=trades.rechunk())
        )
        return replace(self, frame=frame.rechunk(), trades=prints, sessions=None, whole=None)

    def with_trades(self, trades: Trades) -> Quotes:
        """Return this tape with its trades.

        Args:
            trades: What `read_trades(path, quotes=...)` returned for this tape.

        Raises:
            ParameterError: If they are not `Trades`, or were read for a tape of other venues.

        """
        if not isinstance(trades, Trades):
            given = repr(trades) if isinstance(trades, str | int) else f"a {type(trades).__name__}"
            raise ParameterError(
                f"trades must be sor.Trades (sor.read_trades(path, quotes=...)), got {given}"
            )
        ours, theirs = self.venues["name"].to_list(), list(trades.venues)
        if ours != theirs:
            raise ParameterError(
                f"trades were read for a tape of the venues {', '.join(theirs)}; this one has {', '.join(ours)}"
            )
        if self.sessions is None or self.whole is None:
            return replace(self, trades=trades)
        hours = self.sessions
        whole = replace(self.whole, trades=trades)
        again = resolve(whole, pl.DataFrame({"open": hours.open, "close": hours.close}))
        return replace(again.quotes, sessions=replace(hours, quotes=again.quotes), whole=whole)

    def report(
        self,
        *,
        collar: float = 0.01,
        sessions: SessionSource = "gaps",
        session_gap: str | int | timedelta = "30m",
        halts: HaltSource = None,
    ) -> QuotesReport:
        """Count what the tape holds, and describe its sessions.

        Args:
            collar: A quote further through the mid than this fraction of it is a stub (rule B7).
            sessions: As in a market: `"gaps"`, a calendar's name, a frame, or None (see `sor.tape.sessions.resolve`).
            session_gap: The silence that ends a session.
            halts: A frame, or Databento's `status` records.

        Raises:
            ParameterError: If an argument is none of these.
            DataError: If no record lies in any session.

        """
        locked, crossed, stubs = _scan(self, number("collar", collar, least=0, most=1e6))
        laid = resolve(self if self.whole is None else self.whole, sessions, session_gap, halts)
        return QuotesReport(
            records=len(self),
            venues=self.venues.height,
            out_of_order=self.out_of_order,
            duplicates=self.duplicates,
            no_quote_bid=int((self.frame["bid_px"] == UNDEF_PRICE).sum()),
            no_quote_ask=int((self.frame["ask_px"] == UNDEF_PRICE).sum()),
            locked=locked,
            crossed=crossed,
            stubs=stubs,
            outside=laid.dropped,
            halts=len(laid.halt_start),
            sessions=laid.table(),
        )

    def write(self, path: str | PathLike[str]) -> None:
        """Write the tape as `.parquet` or `.csv` in Databento's columns, prices in nanos as DBN has them.

        `read_quotes` reads it back to the same `frame` and `venues`. (Nanos, because a price in currency
        would have to pass through a float; the record type, that of MBP-1, says that they are.) The file is
        written under another name and then renamed: under its own name it is whole.

        Args:
            path: Where to; the ending says the format.

        Raises:
            ParameterError: If the path ends in neither.
            DataError: If it cannot be written.

        """
        index = self.frame["venue"]
        ids, names = self.venues["id"].gather(index), self.venues["name"].gather(index)
        table = self.frame.select(
            pl.col("ts").cast(pl.Datetime("ns", "UTC")).alias("ts_event"),
            pl.lit(_MBP_1, pl.UInt8).alias("rtype"),
            *([] if ids.has_nulls() else [ids.alias("publisher_id")]),
            names.alias("venue"),
            *(
                (pl.col(f"{side}_{what}") * unit).alias(f"{side}_{what}_00")
                for side in ("bid", "ask")
                for what, unit in (("px", 1), ("sz", 1 if self.size_unit == 1 else self.size_unit))
            ),
            *([pl.col("queue_position")] if "queue_position" in self.frame.columns else []),
            *([] if self.symbol is None else [pl.lit(self.symbol).alias("symbol")]),
        )
        out = path_of("path", path)
        kind = file_kind(out)
        if kind not in ("parquet", "csv") or out.suffix in (".gz", ".zst"):
            raise ParameterError(f"path is {shown(str(out))}; expected a name ending in .parquet or .csv")
        if kind == "csv":
            table = table.with_columns(pl.col("ts_event").to_physical())
        write = table.write_parquet if kind == "parquet" else table.write_csv
        with beside(out) as unfinished:
            write(unfinished)

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        return f"Quotes({self._headline()})"

    def _repr_html_(self) -> str:
        from html import escape  # a notebook's alone, and with a long table of entities

        counts = self.frame.group_by("venue").agg(records=pl.len())
        table = self.venues.join(counts, left_on="index", right_on="venue").sort("index")
        headline = f"<b>{escape(self._headline())}</b>"
        return headline + table._repr_html_() + self._first_rows()._repr_html_()

    def _headline(self) -> str:
        span = f"{format_ns(self.start)} to {format_ns(self.end)} UTC"
        what = self.symbol if self.symbol is not None else "no symbol"
        return f"{what}, {count(len(self), 'record')}, {count(self.venues.height, 'venue')}, {span}, {self.source}"

    def _first_rows(self) -> pl.DataFrame:
        names = self.venues["name"].gather(self.frame["venue"].head(5))
        head = self.frame.head(5)
        shown = {name: pl.col(name).replace(UNDEF_PRICE, None) for name in ("bid_px", "ask_px")}
        prices = ratios(head, shown, NANOS)
        return head.with_columns(pl.col("ts").cast(pl.Datetime("ns", "UTC")), *prices, venue=names)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Trades:
    """Executions on the venues of a tape; made by `read_trades`.

    Attributes:
        frame: `ts` (Int64, ns UTC), `venue` (UInt16, the index of the tape), `price` (Int64, nanos),
            `size` (UInt32).
        excluded: Trades dropped for their condition.
        off_venue: Trades dropped because their venue shows no quotes on the tape (off-exchange reports,
            for one).
        venues: Names of the tape's venues, by index.
        corrected: Trades dropped since they were cancelled or in error.
        repeated: Trades dropped since they repeat another: same venue, sequence, price and size.
        read: The arguments that said how the table was meant, as plain values.

    """

    frame: pl.DataFrame
    symbol: str | None
    source: str
    excluded: int
    off_venue: int
    venues: tuple[str, ...]
    corrected: int = 0
    repeated: int = 0
    read: Mapping[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Lend the columns of `frame` as read-only NumPy arrays over the same memory, one per name."""
        return {column.name: column.to_numpy(allow_copy=False) for column in self.frame}

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        dropped = f"dropped {self.excluded:,} by condition, {self.off_venue:,} off the tape's venues"
        for found, what in ((self.corrected, "corrected"), (self.repeated, "repeated")):
            dropped += f", {found:,} {what}" if found else ""
        return f"Trades({self.symbol or 'no symbol'}, {count(len(self), 'trade')}, {dropped}, {self.source})"


def venue_table(labels: Sequence[tuple[int | None, str]]) -> pl.DataFrame:
    """Make the frame `venues` of a tape from publisher ids and names in the order of their index."""
    return pl.DataFrame(
        {
            "index": pl.Series(range(len(labels)), dtype=pl.UInt16),
            "id": pl.Series([number for number, _ in labels], dtype=pl.UInt16),
            "name": pl.Series([name for _, name in labels], dtype=pl.String),
        }
    )


def _scan(quotes: Quotes, collar: float) -> tuple[int, int, int]:
    """Count locked and crossed snapshots of the consolidated book, and quotes beyond the collar."""
    _, locked, crossed, stubs = _core.count_states(quotes.arrays(), quotes.venues.height, "last", (collar, 0))
    return locked, crossed, stubs
