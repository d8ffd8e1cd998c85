"""From patterns of paths, or a frame of them, to the units of a universe."""

from __future__ import annotations

import glob
import importlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date as Date  # noqa: N812 (`date` is a column's name)
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sor.errors import MissingExtra, ParameterError, shown
from sor.settings.checks import entries, path_text
from sor.settings.frames import to_frame
from sor.tape.files import file_kind
from sor.tape.schema import reading
from sor.universe.unit import Reading, Unit, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

Paths: TypeAlias = "str | PathLike[str] | Sequence[str | PathLike[str]] | pl.DataFrame | Any"
"""A pattern of paths, several, or a frame with a column `path`."""

_HOLES = {"{date}": r"(?P<date>\d{4}-?\d{2}-?\d{2})", "{symbol}": r"(?P<symbol>[^/]+?)"}
_HIVE = re.compile(r"(?:^|/)(date|symbol)=([^/]*)")
_WANTED = "a pattern of paths, a list of them, or a frame with a column path"

Key: TypeAlias = tuple[str, str]
"""Date and symbol."""


def list_units(quotes: Paths, trades: Paths | None, reading: Reading, *, cut_files: bool) -> list[Unit]:
    """List the units of a universe in the order of date, symbol and path.

    Files of one date and symbol make up one tape.

    Raises:
        ParameterError: If nothing matches, or a frame lacks its column or names a unit twice.

    """
    if not isinstance(quotes, str | PathLike) and not _is_row(quotes):
        return _cut(_from_frame(to_frame(quotes, "quotes", _WANTED), trades), reading, cut_files=cut_files)
    prints = None if trades is None else _by_key(_matching(trades, "trades"))
    found = _matching(quotes, "quotes")
    if prints is not None and not cut_files and not all(date and symbol for (date, symbol), _ in found):
        raise ParameterError(
            "trades: they are matched with quotes by date and symbol, and quotes= does not name both; "
            "expected paths with {date} and {symbol}, or date= and symbol="
        )
    units = []
    for key, paths in _by_key(found).items():
        date, symbol = key
        whole = date and symbol and not cut_files
        for one in [tuple(paths)] if whole else [(path,) for path in paths]:
            units.append(Unit(date, symbol, one, None if prints is None else tuple(prints.get(key, ()))))
    units = _cut(units, reading, cut_files=cut_files)
    if prints is not None and cut_files:
        units = [replace(unit, trades=tuple(prints.get((unit.date, unit.symbol), ()))) for unit in units]
    return sorted(units, key=_order)


def _cut(units: list[Unit], reading: Reading, *, cut_files: bool) -> list[Unit]:
    """Put the days and symbols of a file in its place."""
    if not cut_files:
        return units
    made: dict[Key, Unit] = {}
    for unit in units:
        for path in unit.paths:
            for each in cut(replace(unit, paths=(path,)), reading):
                before = made.get((each.date, each.symbol), replace(each, paths=()))
                # A day that goes on in the next file is one tape all the same.
                made[each.date, each.symbol] = replace(each, paths=(*before.paths, path))
    return list(made.values())


def _order(unit: Unit) -> tuple[str, str, tuple[str, ...]]:
    return unit.date, unit.symbol, unit.paths


def _is_row(given: object) -> bool:
    return isinstance(given, Sequence) and all(isinstance(each, str | PathLike) for each in given)


def _matching(given: Paths, name: str) -> list[tuple[Key, str]]:
    """Expand patterns; what matches two of them is there once."""
    patterns = [given] if isinstance(given, str | PathLike) else entries(name, given, _WANTED)
    found: dict[str, Key] = {}
    for pattern in (path_text(name, each, _WANTED) for each in patterns):
        matching = [pattern] if _is_one(pattern) else _glob(pattern)
        if not matching:
            unknown = [hole for hole in re.findall(r"\{\w*\}", pattern) if hole not in _HOLES]
            which = f"; there is no hole {unknown[0]}, only {' and '.join(_HOLES)}" if unknown else ""
            raise ParameterError(f"{name}: no file matches {pattern}{which}")
        key_of = _key_reader(pattern)
        found |= {path: key_of(path) for path in matching}
    if not found:
        raise ParameterError(f"{name} is empty; expected {_WANTED}")
    return [(key, path) for path, key in found.items()]


def _is_one(pattern: str) -> bool:
    """Tell a path, which may lead nowhere, from a pattern or a folder."""
    if "{" in pattern or glob.has_magic(pattern):
        return "://" not in pattern and Path(pattern).is_file()
    return "://" in pattern or not Path(pattern).is_dir()


def _glob(pattern: str) -> list[str]:
    """Return the files of kinds that are read; what is hidden, half written or a note beside them is none."""
    broad = pattern
    for hole in _HOLES:
        broad = broad.replace(hole, "*")
    if "://" in broad:
        return _glob_store(broad)
    if Path(broad).is_dir():
        broad = f"{broad.rstrip('/')}/**/*"
    paths = glob.glob(broad, recursive=True)  # noqa: PTH207 (a path of any folder)
    return sorted(Path(path).as_posix() for path in paths if file_kind(Path(path)) and Path(path).is_file())


def _glob_store(pattern: str) -> list[str]:
    """Ask a store for its objects (the credentials are those of the environment, as polars reads them)."""
    try:
        fsspec: Any = importlib.import_module("fsspec.core")
        store, path = fsspec.url_to_fs(pattern)
    except ImportError as missing:
        raise MissingExtra(
            f"to list {pattern}: {missing}; pip install fsspec and the store's package (s3fs, gcsfs, adlfs)"
        ) from None
    except ValueError as unknown:
        raise ParameterError(f"quotes: {pattern}: {unknown}") from None
    with reading(pattern):
        found = [store.unstrip_protocol(each) for each in store.glob(path)]
    return sorted(each for each in found if file_kind(Path(each)) == "parquet")


def _key_reader(pattern: str) -> Any:
    """Return what reads date and symbol out of a path: hive's `date=`, `symbol=`, and the pattern's holes."""
    pieces = re.split(r"(\{date\}|\{symbol\}|\*\*/|\*\*|\*|\?)", _tidy(pattern))
    made, seen = "", set()
    for piece in pieces:
        if piece in _HOLES:
            made += rf"(?P={piece[1:-1]})" if piece in seen else _HOLES[piece]
            seen.add(piece)
        else:
            made += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece, re.escape(piece))
    shape = re.compile(made)

    def key_of(path: str) -> Key:
        named = dict(_HIVE.findall(path))
        matched = shape.fullmatch(path) if seen else None
        if matched is not None:
            named |= {name: value for name, value in matched.groupdict().items() if value}
        symbol = named.get("symbol", "")
        # Hive may leave the ending on the last folder's name: none does on a file within it.
        return _iso(named.get("date", ""), path), symbol

    return key_of


def _tidy(pattern: str) -> str:
    """Write a pattern as the paths that match it are written."""
    return pattern if "://" in pattern else Path(pattern).as_posix()


def _iso(text: str, path: str) -> str:
    if not text:
        return ""
    try:
        return Date.fromisoformat(text).isoformat()
    except ValueError:
        raise ParameterError(
            f"quotes: {path}: {shown(text)} is not a date; expected one such as 2024-01-02"
        ) from None


def _by_key(found: Iterable[tuple[Key, str]]) -> dict[Key, list[str]]:
    keyed: dict[Key, list[str]] = {}
    for key, path in sorted(found):
        keyed.setdefault(key, []).append(path)
    return keyed


def _from_frame(frame: pl.DataFrame, trades: Paths | None) -> list[Unit]:
    """Take the rows of a frame: `path`, and if it has them `date`, `symbol` and `trades`; one unit each."""
    if "path" not in frame.columns or frame.is_empty():
        raise ParameterError(f"quotes must be {_WANTED} and at least one row, got columns {frame.columns}")
    if trades is not None:
        raise ParameterError("trades: with a frame of paths, name them in its column trades")
    units = [_from_row(row) for row in frame.iter_rows(named=True)]
    units.sort(key=_order)
    seen: set[Key] = set()
    for unit in units:
        key = (unit.date, unit.symbol)
        if all(key) and key in seen:
            raise ParameterError(
                f"quotes: {unit.name} appears twice; expected one row, with a list of paths where files make one tape"
            )
        seen.add(key)
    return units


def _from_row(row: Mapping[str, Any]) -> Unit:
    date = row.get("date")
    text = date.isoformat()[:10] if isinstance(date, Date) else str(date or "")
    paths = _texts(row["path"])
    trades = _texts(row["trades"]) if "trades" in row else None
    unit = Unit(_iso(text, paths[0] if paths else "?"), str(row.get("symbol") or ""), paths, trades)
    if not paths and not (unit.date and unit.symbol):
        raise ParameterError("quotes: a row has no path, nor date and symbol to name it by")
    return unit


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(each) for each in value)
