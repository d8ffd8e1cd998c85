"""One symbol-day of a universe: where its records lie, and how they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date as Date  # noqa: N812 (`date` is a field's name)
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError
from sor.settings.parquet import scan_parquet
from sor.settings.times import to_ns
from sor.tape.files import file_kind
from sor.tape.options import QUOTE_NAMES, TRADE_NAMES, Options
from sor.tape.read import read_quotes, read_trades
from sor.tape.schema import reading
from sor.tape.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sor.tape.tape import Quotes

_TIMES = ("ts_event", "ts_recv")


@dataclass(frozen=True, order=True)
class Unit:
    """One symbol-day.

    Attributes:
        date: ISO, as its paths say; empty where they do not.
        symbol: As its paths say; empty where they do not.
        paths: The files that make up its tape.
        trades: The files of its trades; None where none were asked for.
        cut: Whether the files hold other days or symbols too, so that its records are taken out of them.

    """

    date: str
    symbol: str
    paths: tuple[str, ...]
    trades: tuple[str, ...] | None = None
    cut: bool = False

    @property
    def name(self) -> str:
        """Say which: date and symbol, or else the path."""
        return f"{self.date} {self.symbol}" if self.date and self.symbol else self.paths[0]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every file it is made of."""
        return (*self.paths, *(self.trades or ()))


@dataclass(frozen=True)
class Reading:
    """How every tape of a universe is read.

    Attributes:
        columns: The tables' own names, each with ours; see `sor.read_quotes`.
        options: Other options of `sor.read_quotes` that trades have too: `tz`, `price_scale` and so on.
        sessions: As in a market: what lies outside all of them is left out.

    """

    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    sessions: str | None = None

    def quotes(self, unit: Unit) -> Quotes:
        """Read the tape of a unit, with its trades where they were asked for.

        Raises:
            DataError: If it cannot be read, naming the file.
            FileNotFoundError: If there is no such file.

        """
        tape = self._all(unit)
        return tape if self.sessions is None else tape.in_sessions(self.sessions)

    def _all(self, unit: Unit) -> Quotes:
        named = self.named(QUOTE_NAMES)
        sources = [_source(path, unit, named) for path in unit.paths]
        tape = read_quotes(sources, symbol=_symbol(unit, sources, named), columns=named, **self.options)
        if unit.trades is None:
            return tape
        if not unit.trades:
            raise DataError(f"{unit.name}: no file of trades; trades= names none for this date and symbol")
        prints = [_source(path, unit, self.named(TRADE_NAMES)) for path in unit.trades]
        shared = {name: value for name, value in self.options.items() if name != "size_unit"}
        return tape.with_trades(read_trades(prints, quotes=tape, columns=self.named(TRADE_NAMES), **shared))

    def named(self, names: tuple[str, ...]) -> dict[str, str]:
        """Return the columns that are of one kind of table."""
        return {theirs: ours for theirs, ours in self.columns.items() if ours in names}


def digest_of(path: str) -> str:
    """Return a digest of a file's bytes; empty for what is no file of this machine.

    Raises:
        DataError: If it cannot be read.

    """
    if "://" in path:
        return ""
    with reading(path):
        found = Path(path).stat()
        return _digest(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=16)
def _digest(path: str, size: int, changed: int) -> str:
    """Read a file once, however many units are cut from it."""
    del size, changed
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _source(path: str, unit: Unit, columns: Mapping[str, str]) -> Any:
    """Return what `read_quotes` takes: a path, or a scan of a store's object or of a part of a file."""
    if "://" not in path and not unit.cut:
        return path
    with reading(path):
        frame = scan_parquet(path)
        schema = frame.collect_schema()
    if not unit.cut:
        return frame
    time, symbol = _cut_columns(path, schema, columns)
    day = Date.fromisoformat(unit.date)
    # Bounds in the column's own type, so that row groups can be passed over.
    first, end = (
        _moment(to_ns(each.isoformat(), "date"), schema[time]) for each in (day, day + timedelta(days=1))
    )
    frame = frame.filter(pl.col(time).is_between(first, end, closed="left"))
    return frame if symbol is None else frame.filter(pl.col(symbol) == unit.symbol)


def cut(unit: Unit, reading_: Reading) -> list[Unit]:
    """Return the units of a Parquet file of several days or symbols: one for each that is in it.

    Only its times and symbols are read, in a stream.

    Raises:
        DataError: If it cannot be read, or its times are not in nanoseconds or datetimes, or no symbol is known.

    """
    (path,) = unit.paths
    columns = reading_.named(QUOTE_NAMES)
    with reading(path):
        frame = scan_parquet(path)
        schema = frame.collect_schema()
        time, symbol = _cut_columns(path, schema, columns)
        if symbol is None and not unit.symbol:
            raise DataError(f"{path}: no column symbol, and its path names none; expected one of them")
        moment = pl.col(time).cast(pl.Datetime("ns", "UTC")) if schema[time].is_integer() else pl.col(time)
        names = pl.lit(unit.symbol) if symbol is None else pl.col(symbol).cast(pl.String)
        days = frame.select(date=moment.dt.date(), symbol=names).unique().drop_nulls()
        found = days.collect(engine="streaming").sort("date", "symbol")
    return [
        Unit(date.isoformat(), name, unit.paths, unit.trades, cut=True)
        for date, name in found.iter_rows()
        if unit.date in ("", date.isoformat()) and unit.symbol in ("", name)
    ]


def _cut_columns(path: str, schema: pl.Schema, columns: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the names of the columns that a file is cut by: time, and symbol where there is one."""
    theirs = {ours: name for name, ours in columns.items()}
    time = next((name for name in (theirs.get(each, each) for each in _TIMES) if name in schema), None)
    if time is None or not (schema[time].is_integer() or isinstance(schema[time], pl.Datetime)):
        shown = "none" if time is None else f"{time} of {schema[time]}"
        raise DataError(f"{path}: to be cut, times must be integer nanoseconds or datetimes; it has {shown}")
    symbol = theirs.get("symbol", "symbol")
    return time, symbol if symbol in schema else None


def _moment(nanos: int, dtype: pl.DataType) -> pl.Expr:
    moment = pl.lit(nanos)
    return moment if dtype.is_integer() else moment.cast(pl.Datetime("ns", "UTC")).cast(dtype)


def _symbol(unit: Unit, sources: list[Any], columns: Mapping[str, str]) -> str | None:
    """Return the symbol to take out of the files, where the path names one and they name symbols too."""
    if not unit.symbol or unit.cut or any(not isinstance(source, str) for source in sources):
        return None
    name = {ours: theirs for theirs, ours in columns.items()}.get("symbol", "symbol")
    return unit.symbol if any(name in _names(source, columns) for source in sources) else None


def _names(path: str, columns: Mapping[str, str]) -> Collection[str]:
    """Return the names of a file's columns: of Parquet from its end, of others as they are opened."""
    if file_kind(Path(path)) == "parquet" and Path(path).is_file():
        with reading(path):
            return scan_parquet(path).collect_schema()
    (part,), _ = open_source([path], Options(columns=dict(columns)))
    return {part.theirs.get(name, name) for name in part.schema}
