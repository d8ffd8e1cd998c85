"""Finished units of work in a file, so that a run can be taken up again."""

from __future__ import annotations

import hashlib
import io
import re
import sqlite3
from contextlib import contextmanager
from os import PathLike, fspath
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import DataError, ParameterError
from sor.replay.ledger import TABLES, Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_APPLICATION_ID = 0x534F5232  # "SOR2": tells our files from other SQLite databases.
# A unit's key ends in its parents.
_SPAN = re.compile(r"parents (\d+)-(\d+)$")
_SCHEMA = f"""
create table made_of (name text primary key, value text not null);
create table units (key text primary key, {", ".join(f"{name} blob not null" for name in ("digest", *TABLES))});
"""


class Store:
    """Finished units in an SQLite file: a unit is there whole or not at all, whenever the process dies.

    Each carries a digest of its key and its bytes, which is checked when it is read: what a disk has changed is an
    error, never another result.

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
        """Return a unit, if it is finished.

        Raises:
            DataError: If the file is damaged.

        """
        with self._said("is damaged"):
            row = self._connection.execute(
                f"select digest, {', '.join(TABLES)} from units where key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        digest, *blobs = row
        if digest != _digest(key, blobs):
            raise DataError(
                f"resume: {self.path} is damaged: a kept result is not what was written; delete it"
            )
        frames = (pl.read_ipc(io.BytesIO(blob)) for blob in blobs)
        return Ledger(**dict(zip(TABLES, frames, strict=True)))

    def put(self, key: str, unit: Ledger) -> None:
        """Keep a finished unit; on disk when this returns.

        Raises:
            DataError: If it cannot be written.

        """
        blobs = [_ipc(getattr(unit, table)) for table in TABLES]
        row = (key, _digest(key, blobs), *blobs)
        with self._said("cannot be written"):
            places = ", ".join("?" for _ in row)
            self._connection.execute(f"insert or replace into units values ({places})", row)

    def replays(self) -> int:
        """Count the replays of finished units."""
        with self._said("is damaged"):
            keys = self._connection.execute("select key from units").fetchall()
        spans = (_SPAN.search(str(key)) for (key,) in keys)
        return sum(int(span[2]) - int(span[1]) for span in spans if span is not None)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Say what SQLite says, with the path."""
        try:
            yield
        except sqlite3.Error as error:
            raise DataError(f"resume: {self.path} {what}: {error}") from None

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


def _digest(key: str, blobs: Sequence[object]) -> bytes:
    """Return a digest of a unit as it is kept; what a damaged file holds may be of any kind."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (key.encode(), *blobs):
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


def _ipc(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_ipc(sink, compression="zstd")
    return sink.getvalue()
