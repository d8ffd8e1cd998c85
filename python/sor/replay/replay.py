"""The calls into the core that look at a whole tape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor import _core
from sor.errors import FillError, PolicyError
from sor.replay.children import owners
from sor.replay.ledger import Ledger, from_core
from sor.replay.lower import Variant, core_parents, core_variant, core_visibility
from sor.settings.children import Children
from sor.settings.fills import fill_name
from sor.settings.processes import require_own_threads
from sor.settings.routers import Sweep, name_of, unsliced
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
BUILD = _core.BUILD
"""A digest of the core's sources."""


def replay(
    quotes: Quotes,
    parents: Sequence[Parent],
    variants: Sequence[Variant],
    *,
    record: bool,
    threads: int | None = None,
    progress: Progress | None = None,
    shortcuts: bool = True,
) -> Ledger:
    """Replay every parent under every variant.

    Args:
        quotes: The tape.
        parents: Orders on it.
        variants: What to compare, in markets that are laid on the tape.
        record: Keep the rows of children and fills, not only the sums.
        threads: Worker threads; as many as there are cores by default. The result does not depend on it.
        progress: Called with (done, total) about 20 times a second.
        shortcuts: Replay variants that cannot differ once, and routers that turn out to decide alike once an order
            (rule A5). The result does not depend on it.

    Returns:
        Frames that begin with `variant`, its number.

    Raises:
        ParameterError: From the core, naming the argument.
        PolicyError: From a policy of the caller's own.
        FillError: From a fill model of the caller's own.

    """
    require_own_threads()
    for variant in variants:
        policy = unsliced(variant.policy)
        if isinstance(policy, Children):
            owners(policy, parents)  # none is of two orders
    try:
        arguments = (quotes.lent(), core_parents(parents), [core_variant(each, quotes) for each in variants])
        tables = _core.replay(
            *arguments,
            record=record,
            threads=Run(threads=threads).workers,
            progress=progress,
            shortcuts=shortcuts,
        )
    except PolicyError as error:
        error.policy = name_of(variants[int(str(error.policy))].policy)
        raise
    except FillError as error:
        error.model = fill_name(variants[int(str(error.model))].market.fill)
        raise
    return from_core(tables, parents, venue_names(variants[0].market.laid, quotes))


def hindsight(job: Job, *, threads: int | None = None) -> list[int | None]:
    """Return the least possible signed all-in cost of every parent, nanos (rule P4).

    None where a parent's side was never quoted by its end.
    """
    variant = Variant(policy=Sweep(), market=job.market)
    return _core.hindsight(
        job.quotes.lent(),
        core_parents(job.parents),
        core_variant(variant, job.quotes),
        Run(threads=threads).workers,
    )


def book_at(quotes: Quotes, times: NDArray[np.int64], book: Book) -> pl.DataFrame:
    """Return the consolidated book after all records up to each of `times` (ns, any order).

    Returns:
        One row per time: `bid`, `ask` (best prices, stubs included) and `mid` in nanos, null where there is none;
        `bid_displayed` and `ask_displayed`, the shares at visible quotes over all venues.

    """
    moments = np.ascontiguousarray(times, dtype=np.int64)
    states = _core.book_at(
        quotes.lent(), quotes.venues.height, book.snapshot, *core_visibility(book), moments
    )
    prices = (("bid", states["bid"]), ("ask", states["ask"]), ("mid", states["mid"]))
    return pl.select(
        *(pl.when(pl.Series(there)).then(pl.Series(value)).alias(name) for name, (value, there) in prices),
        pl.Series("bid_displayed", states["bid_displayed"]),
        pl.Series("ask_displayed", states["ask_displayed"]),
    )


def later_mids(quotes: Quotes, times: NDArray[np.int64], later: int, book: Book) -> pl.Series:
    """Return the mid of the consolidated book `later` ns after some times, nanos; null past their session's close."""
    ends, hours = times + later, quotes.hours
    place = np.searchsorted(hours.open, times, side="right") - 1
    there = ends <= hours.close[np.maximum(place, 0)]
    return pl.select(pl.when(pl.Series(there)).then(book_at(quotes, ends, book)["mid"])).to_series()
