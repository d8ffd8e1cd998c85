"""The calls into the core that look at a whole tape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor import _core
from sor.replay.ledger import Ledger, from_core
from sor.replay.lower import Variant, core_parents, core_variant
from sor.settings.routers import Sweep
from sor.settings.run import Run
from sor.tape.venues import venue_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sor.replay.parents import Job, Parent
    from sor.settings.market import Book
    from sor.settings.run import Progress
    from sor.tape.tape import Quotes

VERSION = _core.__version__
"""Of the package and its core."""


def replay(
    quotes: Quotes,
    parents: Sequence[Parent],
    variants: Sequence[Variant],
    *,
    record: bool,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Ledger:
    """Replay every parent under every variant.

    Args:
        quotes: The tape.
        parents: Orders on it.
        variants: What to compare, in markets that are laid on the tape.
        record: Keep the rows of children and fills, not only the sums.
        threads: Worker threads; as many as there are cores by default. The result does not depend on it.
        progress: Called with (done, total) about 20 times a second.

    Returns:
        Frames that begin with `variant`, its number.

    Raises:
        ParameterError: From the core, naming the argument.

    """
    tables = _core.replay(
        quotes.lent(),
        core_parents(parents),
        [core_variant(variant, quotes) for variant in variants],
        record=record,
        threads=Run(threads=threads).workers,
        progress=progress,
    )
    return from_core(tables, parents, venue_names(variants[0].market.laid, quotes))


def hindsight(job: Job, *, threads: int | None = None) -> list[int | None]:
    """Return the least possible signed all-in cost of every parent, nanos (MODEL P4).

    None where a parent's side was never quoted by its end.
    """
    variant = Variant(policy=Sweep(), market=job.market)
    return _core.hindsight(
        job.quotes.lent(),
        core_parents(job.parents),
        core_variant(variant, job.quotes),
        Run(threads=threads).workers,
    )


def mids(quotes: Quotes, times: NDArray[np.int64], book: Book) -> pl.Series:
    """Return the mid of the consolidated book at some times (ns), nanos; null before the first and past the end."""
    order = np.argsort(times, kind="stable")
    values, present = _core.mids(quotes.arrays(), quotes.venues.height, book.snapshot, times[order])
    found, known = np.empty_like(values), np.empty_like(present)
    found[order], known[order] = values, present & (times[order] <= quotes.end)
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(found))).to_series()
