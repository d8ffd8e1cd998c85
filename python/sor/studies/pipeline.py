"""Many replays over several tapes, in units whose results can be kept in a file and taken up again.

A unit is one policy on one run of parents of one tape. Replays are deterministic and parents independent
(MODEL N2, P2), so a result put together from kept and from new units is the result of an uninterrupted run,
byte for byte.
"""

from __future__ import annotations

import hashlib
import io
import sqlite3
from dataclasses import dataclass
from itertools import accumulate, pairwise
from os import PathLike, fspath
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from sor import _core
from sor.errors import DataError, ParameterError
from sor.replay.replay import TABLES, Ledger, Market, Variant, replay
from sor.settings.params import Duration, Router
from sor.settings.times import duration_ns
from sor.tape.venues import venue_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from sor.replay.parents import Parent
    from sor.studies.progress import Progress
    from sor.tape.tape import Quotes

Policy: TypeAlias = Router | str
"""A router, or a baseline by name."""

UNIT_PARENTS = 128
"""Parents in a unit: what an interruption can lose, at most, of the policy under way."""

_APPLICATION_ID = 0x534F5231  # "SOR1": tells our files from other SQLite databases.
_SCHEMA = f"""
create table made_of (name text primary key, value text not null);
create table units (key text primary key, {", ".join(f"{table} blob not null" for table in TABLES)});
"""


@dataclass(frozen=True)
class Session:
    """A tape, the parents on it, and what is the same for every policy there."""

    quotes: Quotes
    parents: Sequence[Parent]
    market: Market


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
        self._path = fspath(path)
        try:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
        except sqlite3.Error as error:
            raise DataError(f"resume: cannot open {self._path}: {error}") from None
        try:
            self._open(made_of)
        except sqlite3.Error as error:
            self.close()
            raise DataError(f"resume: {self._path} is not a file of kept results: {error}") from None
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
                raise DataError(f"resume: {self._path} is a database of something else")
            if not tables:
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"pragma application_id = {_APPLICATION_ID}")
                self._connection.executemany("insert into made_of values (?, ?)", made_of.items())
            found = dict(self._connection.execute("select name, value from made_of"))
        changed = [name for name, value in made_of.items() if found.get(name) != value]
        if changed:
            raise ParameterError(
                f"resume: {self._path} holds results of other {' and '.join(changed)}; "
                "delete it or name another file"
            )


class Replays:
    """Replays policies on the parents of several sessions, through a store where a path is given.

    Parents are numbered through all sessions, in their order. Use as a context manager.

    Args:
        sessions: At least one, each with at least one parent.
        twap_bucket: Length of a TWAP slice's bucket.
        threads: Worker threads; the result does not depend on it.
        resume: File of finished units: those in it are not replayed, new ones are added.

    Raises:
        DataError: If `resume` is a file of something else.
        ParameterError: If it holds results of other tapes, orders, market or version.

    """

    def __init__(
        self,
        sessions: Sequence[Session],
        *,
        twap_bucket: Duration = "60s",
        threads: int | None = None,
        resume: str | PathLike[str] | None = None,
    ) -> None:
        self.sessions = tuple(sessions)
        self._bucket = twap_bucket
        self._threads = threads
        self._offsets = [0, *accumulate(len(session.parents) for session in self.sessions)]
        names = [venue_names(session.market.venues, session.quotes) for session in self.sessions]
        self._venues = pl.Enum(list(dict.fromkeys(name for some in names for name in some)))
        self._store = None if resume is None else Store(resume, self._made_of())

    def __enter__(self) -> Replays:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._store is not None:
            self._store.close()

    def __len__(self) -> int:
        """Count the parents of all sessions."""
        return self._offsets[-1]

    def run(
        self, policies: Mapping[str, Policy], *, record: bool, progress: Progress | None = None
    ) -> Ledger:
        """Replay every parent under every policy; rows by policy, then parent.

        Args:
            policies: By the name they get in the ledger.
            record: Keep the rows of children and fills, not only the sums.
            progress: Called with (replays done, replays in all).

        """
        total = len(policies) * len(self)
        names = pl.Enum(list(policies))
        done = 0
        parts = []
        for some, session, span in self._units(policies):
            size = len(some) * len(span)
            watch = None if progress is None else _shifted(progress, done, total)
            unit = self._unit(some, session, span, record, watch)
            parts.append(self._placed(unit, names, self._offsets[session] + span.start))
            done += size
            if progress is not None:
                progress(done, total)
        return _gathered(parts)

    def _units(self, policies: Mapping[str, Policy]) -> list[tuple[dict[str, Policy], int, range]]:
        """Cut the work: without a store a whole session at once, so that no thread waits for another."""
        sizes = [len(session.parents) for session in self.sessions]
        if self._store is None:
            return [(dict(policies), i, range(size)) for i, size in enumerate(sizes)]
        spans = [
            (i, range(*span))
            for i, size in enumerate(sizes)
            for span in pairwise([*range(0, size, UNIT_PARENTS), size])
        ]
        return [({name: policy}, i, span) for name, policy in policies.items() for i, span in spans]

    def _unit(
        self,
        policies: dict[str, Policy],
        session: int,
        span: range,
        record: bool,
        progress: Progress | None,
    ) -> Ledger:
        if self._store is None:
            return self._replay(policies, session, span, record, progress)
        ((name, policy),) = policies.items()
        key = self._key(policy, session, span, record)
        kept = self._store.get(key)
        if kept is None:
            made = self._replay(policies, session, span, record, progress)
            kept = Ledger(**{table: getattr(made, table).drop("policy") for table in TABLES})
            self._store.put(key, kept)
        label = pl.lit(name, dtype=pl.Enum([name])).alias("policy")
        return Ledger(**{table: getattr(kept, table).select(label, pl.all()) for table in TABLES})

    def _replay(
        self, policies: dict[str, Policy], index: int, span: range, record: bool, progress: Progress | None
    ) -> Ledger:
        session = self.sessions[index]
        variants = [
            Variant(name=name, policy=policy, market=session.market, twap_bucket=self._bucket)
            for name, policy in policies.items()
        ]
        parents = session.parents[span.start : span.stop]
        return replay(
            session.quotes, parents, variants, record=record, threads=self._threads, progress=progress
        )

    def _placed(self, unit: Ledger, names: pl.Enum, offset: int) -> Ledger:
        """Give a unit's rows the policies, venues and parent numbers of the whole."""
        common = (
            pl.col("policy").cast(pl.String).cast(names),
            (pl.col("parent") + offset).cast(unit.parents["parent"].dtype),
        )
        venue = pl.col("venue").cast(pl.String).cast(self._venues)
        frames = {table: getattr(unit, table).with_columns(*common) for table in TABLES}
        return Ledger(
            **{
                table: frame.with_columns(venue) if "venue" in frame.columns else frame
                for table, frame in frames.items()
            }
        )

    def _key(self, policy: Policy, session: int, span: range, record: bool) -> str:
        bucket = f" bucket {duration_ns(self._bucket, 'twap_bucket')}" if policy == "twap" else ""
        rows = "rows" if record else "sums"
        return f"{policy!r}{bucket}, {rows}, session {session}, parents {span.start}-{span.stop}"

    def _made_of(self) -> dict[str, str]:
        return {
            "version": _core.__version__,
            "tapes": _digest(_tape_digest(session.quotes) for session in self.sessions),
            "orders": _digest(repr(list(session.parents)) for session in self.sessions),
            "market": _digest(repr(session.market) for session in self.sessions),
        }


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _gathered(parts: Sequence[Ledger]) -> Ledger:
    if len(parts) == 1:
        return parts[0]
    frames = {table: pl.concat([getattr(part, table) for part in parts], rechunk=True) for table in TABLES}
    # Rows of one parent stay in the core's order.
    return Ledger(
        **{table: frame.sort("policy", "parent", maintain_order=True) for table, frame in frames.items()}
    )


def _ipc(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_ipc(sink, compression="zstd")
    return sink.getvalue()


def _tape_digest(quotes: Quotes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((quotes.frame.schema, quotes.venues.to_dict(as_series=False))).encode())
    trades = {} if quotes.trades is None else quotes.trades.arrays()
    for column in (*quotes.arrays().values(), *trades.values()):
        digest.update(column.data)
    return digest.hexdigest()


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode())
    return digest.hexdigest()
