"""One symbol-day of a universe: where its records lie, and how they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date as Date  # noqa: N812 (`date` is a field's name)
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError
from sor.settings.times import to_ns
from sor.tape.options import QUOTE_NAMES, TRADE_NAMES, Options
from sor.tape.read import read_quotes, read_trades
from sor.tape.schema import reading
from sor.tape.sessions import resolve
from sor.tape.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        sessions: As in `sor.tape.sessions.resolve`: what lies outside all of them is left out.

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
        return tape if self.sessions is None else resolve(tape, self.sessions).quotes

    def _all(self, unit: Unit) -> Quotes:
        named = self._named(QUOTE_NAMES)
        sources = [_source(path, unit, named) for path in unit.paths]
        tape = read_quotes(sources, symbol=_symbol(unit, sources, named), columns=named, **self.options)
        if unit.trades is None:
            return tape
        if not unit.trades:
            raise DataError(f"{unit.name}: no file of trades; trades= names none for this date and symbol")
        prints = [_source(path, unit, self._named(TRADE_NAMES)) for path in unit.trades]
        shared = {name: value for name, value in self.options.items() if name != "size_unit"}
        return tape.with_trades(read_trades(prints, quotes=tape, columns=self._named(TRADE_NAMES), **shared))

    def _named(self, names: tuple[str, ...]) -> dict[str, str]:
        return {theirs: ours for theirs, ours in self.columns.items() if ours in names}


def digest_of(path: str) -> str:
    """Return a digest of a file's bytes; empty for what is no file of this machine.

    Raises:
        DataError: If it cannot be read.

    """
    if "://" in path:
        return ""
    with reading(path), Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _source(path: str, unit: Unit, columns: Mapping[str, str]) -> Any:
    """Return what `read_quotes` takes: a path, or a scan of a store's object or of a part of a file."""
    if "://" not in path and not unit.cut:
        return path
    with reading(path):
        frame = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        schema = frame.collect_schema()
    if not unit.cut:
        return frame
    theirs = {ours: name for name, ours in columns.items()}
    if unit.symbol:
        name = theirs.get("symbol", "symbol")
        frame = frame.filter(pl.col(name) == pl.lit(unit.symbol))
    if unit.date:
        name = next(name for name in (theirs.get(time, time) for time in _TIMES) if name in schema)
        frame = frame.filter(_on(pl.col(name), schema[name], unit.date))
    return frame


def _on(time: pl.Expr, dtype: pl.DataType, date: str) -> pl.Expr:
    """Say that a time lies on a day of UTC, in the column's own type, so that row groups can be passed over."""
    day = Date.fromisoformat(date)
    first, end = (pl.lit(to_ns(each.isoformat(), "date")) for each in (day, day + timedelta(days=1)))
    if isinstance(dtype, pl.Datetime):
        first, end = (each.cast(pl.Datetime("ns", "UTC")).cast(dtype) for each in (first, end))
    return time.is_between(first, end, closed="left")


def _symbol(unit: Unit, sources: list[Any], columns: Mapping[str, str]) -> str | None:
    """Return the symbol to take out of the files, where the path names one and they name symbols too."""
    if not unit.symbol or unit.cut or any(not isinstance(source, str) for source in sources):
        return None
    parts, _ = open_source(sources, Options(columns=dict(columns)))
    return unit.symbol if any("symbol" in part.schema for part in parts) else None
