"""The one pipeline: tapes read, orders laid on them, policies replayed, here or taken from a file.

Work is cut into units: one policy on one run of parents of one tape. Replays are deterministic and parents independent
(rules N2, P2), so a result put together from kept and from new units is the result of an uninterrupted run, byte for
byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from sor.errors import ParameterError, count, shown
from sor.replay.ledger import TABLES, Ledger
from sor.replay.lower import Variant
from sor.replay.parents import Job, covers, in_market, lay, market_on
from sor.replay.replay import BUILD, VERSION, replay
from sor.settings.checks import instance
from sor.settings.config import Config
from sor.settings.market import Market
from sor.settings.routers import OWN, identity_of
from sor.settings.run import Run
from sor.studies.progress import Waiting
from sor.tape.read import read_quotes, read_trades
from sor.tape.tape import Quotes, Trades
from sor.tape.venues import read_venues, venue_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from sor.settings.orders import Order, OrderSchedule
    from sor.settings.routers import Policy
    from sor.settings.run import Progress
    from sor.studies.store import Store
    from sor.tape.read import Table

Tapes: TypeAlias = "Quotes | Table | Sequence[Quotes | Table]"
"""One tape or several: each a `Quotes`, a path or a frame. (Files that make up *one* tape: `read_quotes` first.)"""
TapesTrades: TypeAlias = "Trades | Table | Sequence[Trades | Table | None] | None"
"""The trades of a tape; of several tapes, one entry for each."""

UNIT_PARENTS = 128
"""Parents in a unit: what an interruption can lose, at most, of the policy under way."""


@dataclass(frozen=True)
class Asked:
    """A policy, and the number of the market of every job it is replayed in."""

    policy: Policy
    market: int = 0


def jobs_of(
    quotes: Tapes, orders: tuple[Order | OrderSchedule, ...], trades: TapesTrades, market: Market
) -> tuple[Job, ...]:
    """Read tapes, cut them into the market's sessions, and lay orders and the market onto each.

    A schedule, and an order without a start, goes to every tape; an order with one to the tapes that cover it.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side.
        ParameterError: If there is no tape, an order lies on none, or a market does not fit a tape.

    """
    market = checked_market(market)
    tapes = [in_market(tape, market) for tape in tapes_of(quotes, trades)]
    if len(tapes) > 1:
        _each_lies_somewhere(orders, tapes)
    laid = [(tape, [order for order in orders if len(tapes) == 1 or covers(tape, order)]) for tape in tapes]
    return tuple(
        Job(quotes=tape, parents=lay(some, tape), markets=(market_on(market, tape),))
        for tape, some in laid
        if some
    )


def tapes_of(quotes: Tapes, trades: TapesTrades = None) -> list[Quotes]:
    """Return tapes as they are, or read them; with their trades where they are given."""
    tapes = [_tape(each) for each in _row(quotes)]
    if not tapes:
        raise ParameterError("quotes must hold at least one tape")
    units = sorted({tape.size_unit for tape in tapes})
    if len(units) > 1:
        found = " and ".join(f"{unit:g}" for unit in units)
        raise ParameterError(
            f"quotes: the tapes count sizes in units of {found}; expected one size_unit for all"
        )
    if trades is None:
        return tapes
    rows = _row(trades)
    if not rows:
        raise ParameterError(f"trades must be sor.Trades, a path or a frame, got {shown(trades)}")
    if len(rows) != len(tapes):
        raise ParameterError(f"trades must have one entry for each of {len(tapes)} tapes, got {len(rows)}")
    return [_with_trades(tape, own) for tape, own in zip(tapes, rows, strict=True)]


def checked_market(market: object) -> Market:
    """Return a market whose venues are read, unless they are a file's."""
    instance("market", market, Market)
    assert isinstance(market, Market)
    if market.venues is None or isinstance(market.venues, str | PathLike):
        return market
    return replace(market, venues=tuple(read_venues(market.venues)))


def checked_run(run: object) -> Run:
    """Check that a run is one, and asks for nothing that only a universe can do."""
    instance("run", run, Run)
    assert isinstance(run, Run)
    for name, default in (("executor", None), ("out", None), ("errors", "raise")):
        if getattr(run, name) != default:
            raise ParameterError(
                f"run.{name} is for a sor.Universe, whose tapes are read where the work is done; "
                "got tapes that are read here"
            )
    return run


def config_of(
    command: str,
    given: tuple[Tapes, tuple[Order | OrderSchedule, ...], TapesTrades],
    jobs: Sequence[Job],
    policies: Mapping[str, Policy],
    market: Market,
    **options: Any,
) -> Config:
    """Describe a call, for `result.config()`: paths where paths were given, the tapes' own words where not."""
    quotes, orders, trades = given
    symbols = {job.quotes.symbol for job in jobs}
    return Config(
        command=command,
        files=tuple(
            _label(each, each.source if isinstance(each, Quotes) else "frame") for each in _row(quotes)
        ),
        trades=_trades_of(quotes, trades),
        symbol=symbols.pop() if len(symbols) == 1 else None,
        orders=orders,
        policies={name: policy for name, policy in policies.items() if name not in OWN[1:]},
        market=checked_market(market),
        read=_read_of(jobs),
        options=options,
    )


def _trades_of(quotes: Tapes, trades: TapesTrades) -> tuple[str, ...]:
    """Return where the trades came from: as they were given, or those that every tape had already."""
    given = _row(quotes)
    if trades is None:
        there = [each.trades for each in given if isinstance(each, Quotes) and each.trades is not None]
        return tuple(each.source for each in there) if len(there) == len(given) else ()
    return tuple(_label(each, each.source if isinstance(each, Trades) else "frame") for each in _row(trades))


def _read_of(jobs: Sequence[Job]) -> dict[str, Any]:
    """Return how the tapes' files are meant, where it is the same for all of them."""
    said = [job.quotes.read for job in jobs]
    prints = [job.quotes.trades.read for job in jobs if job.quotes.trades is not None]
    quotes = dict(said[0]) if all(each == said[0] for each in said) else {}
    trades = dict(prints[0]) if prints and all(each == prints[0] for each in prints) else {}
    return {**quotes, **({"trades": trades} if trades else {})}


class Pipeline:
    """Replays policies on the parents of several jobs, through a store where the run has a file for one.

    Parents are numbered through all jobs, in their order. Use as a context manager.

    Args:
        jobs: At least one, each with at least one parent.
        run: Threads, and the file of finished units: those in it are not replayed, new ones are added.

    Raises:
        DataError: If `resume` is a file of something else.
        ParameterError: If it holds results of other tapes, orders, market or version.

    """

    def __init__(self, jobs: Sequence[Job], run: Run) -> None:
        self.jobs = tuple(jobs)
        self._threads, self._workers = run.threads, run.workers
        self._offsets = [0, *accumulate(len(job.parents) for job in self.jobs)]
        names = [venue_names(job.market.laid, job.quotes) for job in self.jobs]
        self._venues = pl.Enum(list(dict.fromkeys(name for some in names for name in some)))
        self._store = None if run.resume is None else self._opened(run.resume)
        self._found = 0 if self._store is None else self._store.replays()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            error.add_note(self._what_is_kept())
        if self._store is not None:
            self._store.close()

    def _what_is_kept(self) -> str:
        if self._store is None:
            return "interrupted; nothing is kept. With resume=FILE finished work is, and the same call goes on from it."
        kept = count(self._store.replays(), "finished replay is", "finished replays are")
        return f"interrupted; {kept} kept in {self._store.path}. The same call with that file goes on from there."

    def __len__(self) -> int:
        """Count the parents of all jobs."""
        return self._offsets[-1]

    @property
    def counted(self) -> dict[str, int]:
        """What a bar counts with: orders, threads, and whether a replay of all is one piece of work."""
        return {"orders": len(self), "threads": self._workers, "whole": self._store is None}

    def run(self, asked: Sequence[Asked], *, record: bool, progress: Progress | None = None) -> Ledger:
        """Replay every parent under everything asked; rows by variant, then parent.

        Args:
            asked: What to replay; `variant` is the place in it.
            record: Keep the rows of children and fills, not only the sums.
            progress: Called with (replays done, replays in all).

        """
        if self._store is not None and self._found and isinstance(progress, Waiting):
            what = count(self._found, "finished replay")
            progress.note(f"resume: {what} found in {self._store.path}, and going on from there")
            self._found = 0
        total = len(asked) * len(self)
        done = 0
        parts = []
        for variants, job, span in self._units(len(asked)):
            watch = None if progress is None else _shifted(progress, done, total)
            unit = self._unit([asked[i] for i in variants], job, span, record, watch)
            parts.append(self._placed(unit, variants.start, self._offsets[job] + span.start))
            done += len(variants) * len(span)
            if progress is not None:
                progress(done, total)
        return _gathered(parts)

    def _units(self, count: int) -> list[tuple[range, int, range]]:
        """Cut the work: without a store a whole job at once, so that no thread waits for another."""
        sizes = [len(job.parents) for job in self.jobs]
        if self._store is None:
            return [(range(count), i, range(size)) for i, size in enumerate(sizes)]
        spans = [
            (i, range(*span))
            for i, size in enumerate(sizes)
            for span in pairwise([*range(0, size, UNIT_PARENTS), size])
        ]
        return [(range(variant, variant + 1), i, span) for variant in range(count) for i, span in spans]

    def _unit(
        self, asked: list[Asked], job: int, span: range, record: bool, progress: Progress | None
    ) -> Ledger:
        if self._store is None:
            return self._replay(asked, job, span, record, progress)
        (one,) = asked
        key = _key(one, job, span, record)
        kept = self._store.get(key)
        if kept is None:
            kept = self._replay(asked, job, span, record, progress)
            self._store.put(key, kept)
        return kept

    def _replay(
        self, asked: list[Asked], index: int, span: range, record: bool, progress: Progress | None
    ) -> Ledger:
        job = self.jobs[index]
        variants = [Variant(policy=each.policy, market=job.markets[each.market]) for each in asked]
        parents = job.parents[span.start : span.stop]
        return replay(job.quotes, parents, variants, record=record, threads=self._threads, progress=progress)

    def _placed(self, unit: Ledger, variant: int, offset: int) -> Ledger:
        """Give a unit's rows the variants, venues and parent numbers of the whole."""
        if variant == offset == 0 and len(self.jobs) == 1:
            return unit  # which has them
        common = [
            (pl.col(name) + shift).cast(unit.parents[name].dtype)
            for name, shift in (("variant", variant), ("parent", offset))
        ]
        venue = pl.col("venue").cast(pl.String).cast(self._venues)
        return unit.mapped(
            lambda _, frame: frame.with_columns(*common, *([venue] if "venue" in frame.columns else []))
        )

    def _opened(self, path: str | PathLike[str]) -> Store:
        from sor.studies.store import Store  # most runs keep nothing, and need no database

        return Store(path, self.made_of())

    def made_of(self) -> dict[str, str]:
        """Return what all results depend on besides policies, by name."""
        return {
            "version": VERSION,
            "build": BUILD,
            "tapes": _digest(job.quotes.digest for job in self.jobs),
            "orders": _digest(repr(list(job.parents)) for job in self.jobs),
            "market": _digest(repr(job.markets) for job in self.jobs),
        }


def _row(given: Any) -> list[Any]:
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]


def _label(source: object, otherwise: str) -> str:
    return fspath(source) if isinstance(source, str | PathLike) else otherwise


def _tape(quotes: Quotes | Table) -> Quotes:
    return quotes if isinstance(quotes, Quotes) else read_quotes(quotes)


def _with_trades(tape: Quotes, trades: Trades | Table | None) -> Quotes:
    if trades is None:
        return tape
    if not isinstance(trades, Trades):
        if not isinstance(trades, str | PathLike | pl.DataFrame | pl.LazyFrame):
            raise ParameterError(f"trades must be sor.Trades, a path or a frame, got {shown(trades)}")
        trades = read_trades(trades, quotes=tape)
    return tape.with_trades(trades)


def _each_lies_somewhere(orders: Sequence[Order | OrderSchedule], tapes: Sequence[Quotes]) -> None:
    for i, order in enumerate(orders):
        if not any(covers(tape, order) for tape in tapes):
            raise ParameterError(
                f"orders[{i}]: its start lies on none of the {len(tapes)} tapes: {shown(order)}"
            )


def _key(asked: Asked, job: int, span: range, record: bool) -> str:
    rows = "rows" if record else "sums"
    return f"{identity_of(asked.policy)}, market {asked.market}, {rows}, tape {job}, parents {span.start}-{span.stop}"


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _gathered(parts: Sequence[Ledger]) -> Ledger:
    if len(parts) == 1:
        return parts[0]
    frames = {table: pl.concat([getattr(part, table) for part in parts], rechunk=True) for table in TABLES}
    # Rows of one parent stay in the core's order.
    return Ledger(
        **{table: frame.sort("variant", "parent", maintain_order=True) for table, frame in frames.items()}
    )


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode())
    return digest.hexdigest()
