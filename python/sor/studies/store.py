"""Finished units of work in a file, so that a run can be taken up again."""

from __future__ import annotations

import io
import re
import sqlite3
from os import PathLike, fspath
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import DataError, ParameterError
from sor.replay.ledger import TABLES, Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

_APPLICATION_ID = 0x534F5231  # "SOR1": tells our files from other SQLite databases.
# A unit's key ends in its parents.
_SPAN = re.compile(r"parents (\d+)-(\d+)$")
_SCHEMA = f"""
create table made_of (name text primary key, value text not null);
create table units (key text primary key, {", ".join(f"{table} blob not null" for table in TABLES)});
"""


class Store:
    """Finished units in an SQLite file: a unit is there whole or not at all, whenever the process dies.

    Args:
        path: The file; made when it does not exist.
        made_of: What the units depend on besides their key, by name.

    Raises:
        DataError: If the file is not such a store, or cannot be opened.
        ParameterError: If its units were made of something else, saying of what.

    """

    def __init__(self, path: str | PathLike[str], made_of: Mapping[str, str]) -> None:
        self.path = fspath(path)
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None)
        except sqlite3.Error as error:
            raise DataError(f"resume: cannot open {self.path}: {error}") from None
        try:
            self._open(made_of)
        except sqlite3.Error as error:
            self.close()
            raise DataError(f"resume: {self.path} is not a file of kept results: {error}") from None
        except BaseException:
            self.close()
            raise

    def get(self, key: str) -> Ledger | None:
        """Return a unit, if it is finished."""
        row = self._connection.execute(
            f"select {', '.join(TABLES)} from units where key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        frames = (pl.read_ipc(io.BytesIO(blob)) for blob in row)
        return Ledger(**dict(zip(TABLES, frames, strict=True)))

    def put(self, key: str, unit: Ledger) -> None:
        """Keep a finished unit; on disk when this returns."""
        blobs = [_ipc(getattr(unit, table)) for table in TABLES]
        places = ", ".join("?" for _ in (key, *blobs))
        self._connection.execute(f"insert or replace into units values ({places})", (key, *blobs))

    def replays(self) -> int:
        """Count the replays of finished units."""
        spans = (_SPAN.search(key) for (key,) in self._connection.execute("select key from units"))
        return sum(int(span[2]) - int(span[1]) for span in spans if span is not None)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _open(self, made_of: Mapping[str, str]) -> None:
        with self._connection:
            # One writer at a time, from before the first look: two runs may start on one new file.
            self._connection.execute("begin immediate")
            (mark,) = self._connection.execute("pragma application_id").fetchone()
            (tables,) = self._connection.execute("select count(*) from sqlite_master").fetchone()
            if tables and mark != _APPLICATION_ID:
                raise DataError(f"resume: {self.path} is a database of something else")
            if not tables:
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"pragma application_id = {_APPLICATION_ID}")
                self._connection.executemany("insert into made_of values (?, ?)", made_of.items())
            found = dict(self._connection.execute("select name, value from made_of"))
        changed = [name for name, value in made_of.items() if found.get(name) != value]
        if changed:
            raise ParameterError(
                f"resume: {self.path} holds results of other {' and '.join(changed)}; "
                "delete it or name another file"
            )


def _ipc(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_ipc(sink, compression="zstd")
    return sink.getvalue()
