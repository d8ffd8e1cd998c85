"""Finished units in a file, so that a run over a universe can be taken up again."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError
from sor.replay.replay import BUILD, VERSION
from sor.settings.policy import OwnPolicy
from sor.universe.tables import NAMES

if TYPE_CHECKING:
    from sor.universe.unit import Unit
    from sor.universe.work import Settings

_APPLICATION_ID = 0x534F5255  # "SORU": tells our files from other SQLite databases.
_TABLE = f"create table units (key text primary key, digest text not null, {', '.join(f'{n} blob' for n in NAMES)})"


class KeptUnits:
    """Finished units in an SQLite file, each there whole or not at all, whenever the process dies.

    A unit's key tells everything it depends on: settings, paths, the files' sizes and times, version and build. One
    file may so hold the units of several studies, and never gives one the rows of another.

    Args:
        path: The file; made when it does not exist.

    Raises:
        DataError: If it is something else, or cannot be opened.

    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = fspath(path)
        try:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
        except sqlite3.Error as error:
            raise DataError(f"resume: cannot open {self._path}: {error}") from None
        try:
            self._open()
        except sqlite3.Error as error:
            self._connection.close()
            raise DataError(f"resume: {self._path} is not a file of kept units: {error}") from None
        except BaseException:
            self._connection.close()
            raise

    def get(self, key: str) -> dict[str, bytes] | None:
        """Return a finished unit; None where there is none, or its bytes are not what was written."""
        row = self._connection.execute(
            f"select digest, {', '.join(NAMES)} from units where key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        packed = dict(zip(NAMES, row[1:], strict=True))
        return packed if _digest(packed) == row[0] else None

    def put(self, key: str, packed: Mapping[str, bytes]) -> None:
        """Keep a finished unit; on disk when this returns."""
        values = (key, _digest(packed), *(packed[name] for name in NAMES))
        places = ", ".join("?" for _ in values)
        self._connection.execute(f"insert or replace into units values ({places})", values)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _open(self) -> None:
        with self._connection:
            self._connection.execute("begin immediate")
            (mark,) = self._connection.execute("pragma application_id").fetchone()
            (tables,) = self._connection.execute("select count(*) from sqlite_master").fetchone()
            if tables and mark != _APPLICATION_ID:
                raise DataError(f"resume: {self._path} is a database of something else")
            if not tables:
                self._connection.execute(_TABLE)
                self._connection.execute(f"pragma application_id = {_APPLICATION_ID}")


def key_of(unit: Unit, settings: Settings) -> str:
    """Return what tells a unit's work from any other's."""
    files = [_state(path) for path in unit.inputs]
    said = f"{VERSION} {BUILD} {_described(settings)} {unit!r} {files}"
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def _described(value: Any) -> str:
    """Write a setting whole: what a frame prints is not all of it."""
    if isinstance(value, OwnPolicy):
        return value.identity
    if is_dataclass(value) and not isinstance(value, type):
        inner = ", ".join(f"{each.name}={_described(getattr(value, each.name))}" for each in fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name!r}: {_described(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_described, value)) + "]"
    return f"{value.schema} {value.rows()}" if isinstance(value, pl.DataFrame) else repr(value)


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def _digest(packed: Mapping[str, bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in NAMES:
        digest.update(packed[name])
    return digest.hexdigest()
