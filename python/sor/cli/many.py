"""A universe on the command line: which files are one, how it is read, and who does the work."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sor.errors import MissingExtra, ParameterError, SorError
from sor.results.saved import is_run
from sor.settings.checks import whole
from sor.universe.again import FILTERS
from sor.universe.universe import Universe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from sor.cli.options import Given

_KEYED = re.compile(r"\{(date|symbol)\}|(^|/)(date|symbol)=")


def universe_table(files: Sequence[str], given: Given, table: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the settings' table `universe`, or an empty one, where the files are a universe; else None."""
    said: Mapping[str, Any] | None = table.get("universe")
    asks = given.scheduler is not None or given.workers is not None
    if said is not None or asks or any(_KEYED.search(file) for file in files):
        return dict(said or {})
    return None


def universe_of(files: Sequence[str], trades: Sequence[str], table: Mapping[str, Any]) -> Universe:
    """Make a universe of patterns and its table."""
    options = dict(table)
    filters = {name: options.pop(name) for name in FILTERS if name in options}
    universe = Universe(list(files), trades=list(trades) or None, **options)
    return universe.only(**filters) if filters else universe


def saved_run(given: Given) -> str | None:
    """Return the only file that was given, if it is the folder of a run that was saved."""
    if given.files is None or len(given.files) != 1:
        return None
    (folder,) = given.files
    return folder if is_run(folder) else None


@contextmanager
def executor_of(given: Given) -> Iterator[Executor | None]:
    """Yield Dask's executor, a pool of processes, or None for this process."""
    if given.scheduler is not None and given.workers is not None:
        raise ParameterError("--workers is for this machine, and --scheduler has its own; give one of them")
    if given.scheduler is not None:
        with _dask(given.scheduler) as executor:
            yield executor
    elif given.workers is not None:
        # The children's polars: as many processes as cores want one thread each. Ours has its threads already.
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(whole("--workers", given.workers, most=1024), mp_context=spawn) as pool:
            yield pool
    else:
        yield None


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as missing:
        raise MissingExtra("--scheduler needs Dask: pip install 'sor[distributed]'") from missing
    try:
        client = distributed.Client(address, timeout="10s")
    except (OSError, ValueError) as failed:
        raise SorError(f"--scheduler {address}: no scheduler answers: {failed}") from failed
    with client:
        yield client.get_executor()
