"""Units to workers and rows back: in this process, or through an executor."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import BrokenExecutor, CancelledError, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from os import fspath
from queue import SimpleQueue
from typing import TYPE_CHECKING

from sor.errors import DataError, SorError
from sor.results.words import count
from sor.universe.kept import KeptUnits, key_of
from sor.universe.tables import Tables, joined, together
from sor.universe.work import ROWS, Task, bad_unit, rows_path, symbol_day

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Executor, Future

    from sor.settings.run import Progress, Run
    from sor.universe.unit import Unit
    from sor.universe.work import Settings

_AHEAD = 256
"""Units under way at once on an executor: enough for any number of workers there is work for."""
_HERE = 2
"""Tapes in memory at once in this process: one is read while another is replayed."""
_TOGETHER = 16
"""Units whose rows are put into one frame."""


def work_through(
    units: Sequence[Unit], settings: Settings, run: Run, progress: Progress | None = None
) -> Tables:
    """Work through all units, and return their rows in the units' order.

    Args:
        units: At least one.
        settings: What is the same for all.
        run: Where, with what kept, and what becomes of a unit that cannot be used.
        progress: Called with (units done, units in all).

    Raises:
        DataError: At the first unit that cannot be used, where `run.errors` is `"raise"`.
        SorError: If the executor lost its workers.

    """
    rows = _Rows(list(settings.policies))
    done = 0
    # Closed at once when a unit is wrong, not when the error is forgotten.
    try:
        with closing(_finished(units, settings, run)) as finished:
            for done, tables in enumerate(finished, start=1):
                problem = tables.units["problem"][0]
                if problem is not None and run.errors == "raise":
                    raise DataError(problem)
                rows.add(tables)
                if progress is not None:
                    progress(done, len(units))
    except KeyboardInterrupt as stopped:
        stopped.add_note(_what_is_kept(done, run))
        raise
    return together(rows.blocks)


def _what_is_kept(done: int, run: Run) -> str:
    if run.resume is None:
        return "interrupted; nothing is kept. With resume=FILE finished units are, and the same call goes on from them."
    kept = count(done, "unit is done, and kept", "units are done, and kept")
    return f"interrupted; {kept} in {fspath(run.resume)}. The same call with that file goes on from there."


class _Rows:
    """Rows as they come in, in few frames: memory goes to rows, and not to many small frames."""

    def __init__(self, policies: list[str]) -> None:
        self._few: list[Tables] = []
        self._blocks = [Tables.empty(policies)]

    @property
    def blocks(self) -> list[Tables]:
        """All that came in."""
        return [*self._blocks, *self._few]

    def add(self, tables: Tables) -> None:
        """Take the rows of one unit; a block is joined to the one before when it has grown as large."""
        self._few.append(tables)
        if len(self._few) < _TOGETHER:
            return
        self._blocks.append(joined(self._few))
        self._few = []
        while len(self._blocks) > 1 and len(self._blocks[-1]) >= len(self._blocks[-2]):
            self._blocks[-2:] = [joined(self._blocks[-2:])]


def _finished(units: Sequence[Unit], settings: Settings, run: Run) -> Generator[Tables, None, None]:
    """Yield the rows of every unit as it is done: what is kept first."""
    if run.resume is None:
        yield from (Tables.of_bytes(packed) for _, packed in _worked(deque(units), settings, run))
        return
    with closing(KeptUnits(run.resume)) as kept:
        left: deque[Unit] = deque()
        for unit in units:
            packed = kept.get(key_of(unit, settings))
            tables = None if packed is None else Tables.of_bytes(packed)
            if tables is None or not _written(tables, settings):
                left.append(unit)
            else:
                yield tables
        for unit, packed in _worked(left, settings, run):
            tables = Tables.of_bytes(packed)
            if tables.units["problem"][0] is None:
                kept.put(key_of(unit, settings), packed)
            yield tables


def _written(tables: Tables, settings: Settings) -> bool:
    """Tell whether a kept unit's rows are where they were written to."""
    if settings.out is None:
        return True
    names = ROWS if settings.record else ROWS[:1]
    return all(rows_path(settings.out, name, tables.units).exists() for name in names)


def _worked(left: deque[Unit], settings: Settings, run: Run) -> Iterator[tuple[Unit, dict[str, bytes]]]:
    """Keep an executor busy until nothing is left; units are yielded in whatever order they are done."""
    with _workers(run) as (executor, ahead, watched):
        threads = run.threads if run.executor is None else run.threads or 1
        under_way: dict[Future[dict[str, bytes]], Unit] = {}
        # Futures come here by themselves: to wait for the first of hundreds is to touch them all for each.
        ended: SimpleQueue[Future[dict[str, bytes]]] = SimpleQueue()
        try:
            while left or under_way:
                while left and len(under_way) < ahead:
                    unit = left.popleft()
                    future = executor.submit(symbol_day, Task(unit, settings, threads), *watched)
                    under_way[future] = unit
                    future.add_done_callback(ended.put)
                future = ended.get()
                unit = under_way.pop(future)
                yield unit, _result(future, unit, settings, run)
        finally:
            for future in under_way:
                future.cancel()


def _result(future: Future[dict[str, bytes]], unit: Unit, settings: Settings, run: Run) -> dict[str, bytes]:
    try:
        return future.result()
    except (BrokenExecutor, CancelledError) as lost:
        kept = (
            "resume= would have kept what was finished"
            if run.resume is None
            else "the same call goes on from what is finished"
        )
        raise SorError(
            f"run.executor lost its workers at {unit.name}: {lost or type(lost).__name__}; {kept}"
        ) from lost
    except Exception as failed:
        problem = f"{unit.paths[0]}: the worker failed: {type(failed).__name__}: {failed}"
        return bad_unit(unit, " ".join(problem.split()), settings.policies).packed()


@contextmanager
def _workers(run: Run) -> Iterator[tuple[Executor, int, tuple[Callable[[int, int], object], ...]]]:
    """Yield the executor, how many units it may have at once, and what else the work is given."""
    if run.executor is not None:
        yield run.executor, _AHEAD, ()
        return
    over = threading.Event()

    def watch(done: int, total: int) -> None:
        del done, total
        if over.is_set():
            raise SorError("the run is over")

    executor = ThreadPoolExecutor(_HERE, thread_name_prefix="sor-unit")
    try:
        yield executor, _HERE, (watch,)
    except BaseException:
        over.set()
        raise
    finally:
        with suppress(RuntimeError):
            executor.shutdown(cancel_futures=True)
