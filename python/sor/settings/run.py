"""How a run is done, which changes nothing in its result."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sor.errors import ParameterError, shown
from sor.settings.checks import at_least, choice, fraction, keep, path_text, whole

Errors: TypeAlias = Literal["raise", "collect"]
Progress: TypeAlias = Callable[[int, int], object]
"""Called with (done, total) about 20 times a second."""

RESAMPLES = 2000
"""Bootstrap resamples: the 95% point is known to about 0.5% of probability."""

_MOST_THREADS = 1024
_MOST_RESAMPLES = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Run:
    """Threads, progress, and where finished work is kept. The result depends on none of them.

    Args:
        threads: Worker threads; as many as there are cores by default.
        progress: True for a bar on standard error, or a callback `(done, total)`.
        resume: A file that keeps what is finished, also when the run is interrupted or killed; the same call
            with the same file continues from there, to the same bytes.
        executor: Of a universe: who does the work on its units, anything with the `submit` of `concurrent.futures`:
            a `ProcessPoolExecutor` that spawns, Dask's `Client.get_executor()`. Paths and settings are sent and rows
            of sums come back. By default this process, two tapes at a time. A unit then has one thread, unless
            `threads` says more.
        out: Of a universe: a folder for the rows of parents, children and fills, as Parquet by date and symbol.
        errors: Of a universe: `"raise"` at the first unit that cannot be used, or `"collect"` them with their reasons
            and go on.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    threads: int | None = None
    progress: bool | Progress = False
    resume: str | os.PathLike[str] | None = None
    executor: Any = None
    out: str | os.PathLike[str] | None = None
    errors: Errors = "raise"

    def __post_init__(self) -> None:
        if self.threads is not None:
            keep(self, threads=whole("threads", self.threads, most=_MOST_THREADS))
        if not callable(self.progress) and not isinstance(self.progress, bool):
            raise ParameterError(
                f"progress must be True, False or a callback (done, total), got {shown(self.progress)}"
            )
        if self.resume is not None:
            keep(self, resume=path_text("resume", self.resume))
        if self.executor is not None and not callable(getattr(self.executor, "submit", None)):
            raise ParameterError(
                f"executor must have submit, as concurrent.futures executors do, got {shown(self.executor)}"
            )
        if self.out is not None:
            keep(self, out=path_text("out", self.out, "the path of a folder"))
        choice("errors", self.errors, Errors)

    @property
    def workers(self) -> int:
        """The number of threads to use."""
        if self.threads is not None:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """How intervals and p-values are estimated: a block bootstrap over start times.

    Args:
        level: Confidence of the intervals, between 0 and 1.
        resamples: How often the sample is drawn again.
        seed: Of the resampling.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    level: float = 0.95
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        keep(
            self,
            level=fraction("level", self.level),
            resamples=at_least("resamples", self.resamples, 100, most=_MOST_RESAMPLES),
            seed=at_least("seed", self.seed, 0),
        )
