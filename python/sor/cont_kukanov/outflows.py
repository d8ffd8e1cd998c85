"""Scenarios of the outflows that a queue sees: drawn from a law, from a sample, or probed on a tape (rule C9)."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from sor import _core
from sor.errors import ParameterError, shown
from sor.replay.lower import core_visibility
from sor.settings.checks import (
    above_zero,
    array,
    at_least,
    choice,
    instance,
    number,
    numbers,
    positive,
    taking,
    whole,
)
from sor.settings.market import Book
from sor.settings.orders import Side
from sor.settings.routers import Queue
from sor.tape.tape import Quotes, Trades

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.settings.times import Duration

Table: TypeAlias = NDArray[np.float64]
Seed: TypeAlias = "int | np.random.Generator"
Scenarios: TypeAlias = ArrayLike | pl.DataFrame
"""One row per scenario, one column per venue; of a frame, the columns that are numbers."""


_MOST_WINDOWS = 1_000_000
_MOST_DRAWS = 10**9
_LARGEST_MEAN = 1e15


def probe_outflows(
    quotes: Quotes,
    trades: Trades | None = None,
    *,
    side: Side = "buy",
    quantity: int,
    window: Duration = "60s",
    every: Duration | None = None,
    queue: Queue = "expected",
    book: Book | None = None,
) -> pl.DataFrame:
    """Find what limit orders would have been filled in past windows of a tape (rule C9).

    When a window opens, a probe order joins the own-side best quote of every venue where one can be posted, and
    rests until the window ends. Its filled shares are `(xi_k - Q_k)+`, at most `quantity`: the queue it stood
    behind is already taken off, so `sor.cont_kukanov` takes them with `Q=0`.

    Args:
        quotes: The tape; in sessions by gaps of 30 minutes, unless `quotes.in_sessions` cut it otherwise. No window
            reaches from one into another (rule T2).
        trades: Its trades; those of the tape by default.
        side: Of the order the probes stand for: a buy rests at bids.
        quantity: Shares of each probe.
        window: Its length.
        every: From the start of one window to the next, the first at the session's first record; `window` by
            default, so that none overlap.
        queue: How queues are simulated (rule C10).
        book: Which quotes exist and are seen: its `snapshot`, `collar` and `max_quote_age`.

    Returns:
        One row per window, in order: `start`, `end` (Datetime(ns, UTC); the row is known from `end` on), and a
        column of filled shares (Int64) for every venue of the tape, 0 where the probe could not be posted. A venue
        called `start` or `end` is `start (venue)` here.

    Raises:
        ParameterError: Naming the argument; also if no window fits on the tape.

    Examples:
        >>> import sor
        >>> quotes = sor.simulate_quotes(minutes=5, seed=1)
        >>> probes = sor.probe_outflows(quotes, quantity=500, window="60s")
        >>> probes.columns
        ['start', 'end', 'V1', 'V2', 'V3', 'V4', 'V5']

    """
    instance("quotes", quotes, Quotes)
    tape = quotes if trades is None else quotes.with_trades(trades)
    tape = tape.in_sessions() if tape.sessions is None else tape
    book = Book() if book is None else book
    instance("book", book, Book)
    choice("side", side, Side)
    choice("queue", queue, Queue)
    quantity = whole("quantity", quantity)
    length = positive("window", window)
    step = length if every is None else positive("every", every)
    spans = _spans(tape)
    if spans.max() < length:
        raise ParameterError(
            f"window {shown(window)} is longer than every session of the tape, the longest lasts "
            f"{spans.max() / 1e9:g} s"
        )
    if sum((span - length) // step + 1 for span in spans.tolist() if span >= length) > _MOST_WINDOWS:
        raise ParameterError(
            f"every {shown(every or window)} makes more than {_MOST_WINDOWS:,} windows on the tape; make it longer"
        )
    collar, age = core_visibility(book)
    ends, filled = _core.probe(
        tape.lent(),
        tape.venues.height,
        1 if side == "buy" else -1,
        quantity,
        (length, step),
        queue,
        book.snapshot,
        collar,
        age,
    )
    utc = pl.Datetime("ns", "UTC")
    times = pl.DataFrame({"start": ends - length, "end": ends}).cast(utc)
    # A venue may be called like one of the times.
    names = [f"{name} (venue)" if name in times.columns else name for name in tape.venues["name"]]
    shares = pl.DataFrame(filled, schema=names, orient="row")
    return times.hstack(shares.get_columns())


def _spans(tape: Quotes) -> NDArray[np.int64]:
    """Return how long each session lasts from its first record to its last, ns."""
    ts = tape.frame["ts"].to_numpy()
    first, end = tape.hours.first.astype(np.int64), tape.hours.end.astype(np.int64)
    spans: NDArray[np.int64] = ts[end - 1] - ts[first]
    return spans


def poisson_common_factor(n: int, venues: int, *, mean: float, weight: float, seed: Seed) -> Table:
    """Outflows `weight * xi_0 + (1 - weight) * eps_k`, all Poisson with this mean: the paper's baseline.

    Args:
        n: Scenarios.
        venues: Venues.
        mean: Mean of every Poisson variable, shares.
        weight: Weight of the common factor, in [0, 1]; `alpha` in the paper.
        seed: Seed of NumPy's default generator, or a generator.

    Returns:
        Array of shape `(n, venues)`, shares.

    """
    n, venues = _drawn(n, venues)
    weight = number("weight", weight, least=0, most=1)
    mean = above_zero("mean", mean)
    if mean > _LARGEST_MEAN:
        raise ParameterError(f"mean must be at most {_LARGEST_MEAN:g}, got {shown(mean)}")
    rng = _generator(seed)
    common = rng.poisson(mean, size=(n, 1)).astype(np.float64)
    return weight * common + (1 - weight) * rng.poisson(mean, size=(n, venues))


def exponential(n: int, venues: int, *, mean: float | Sequence[float], seed: Seed) -> Table:
    """Draw independent exponential outflows.

    Args:
        n: Scenarios.
        venues: Venues.
        mean: Mean outflow, shares: one value, or one per venue.
        seed: Seed of NumPy's default generator, or a generator.

    Returns:
        Array of shape `(n, venues)`, shares.

    """
    n, venues = _drawn(n, venues)
    return _generator(seed).exponential(_positive_numbers("mean", mean, venues), size=(n, venues))


def pareto(
    n: int, venues: int, *, shape: float | Sequence[float], scale: float | Sequence[float], seed: Seed
) -> Table:
    """Draw independent Pareto outflows: `P(xi > x) = (scale / x)^shape` for `x >= scale`.

    Args:
        n: Scenarios.
        venues: Venues.
        shape: Tail exponent: one value, or one per venue.
        scale: Least outflow, shares: one value, or one per venue.
        seed: Seed of NumPy's default generator, or a generator.

    Returns:
        Array of shape `(n, venues)`, shares.

    """
    n, venues = _drawn(n, venues)
    draws = _generator(seed).pareto(_positive_numbers("shape", shape, venues), size=(n, venues))
    return np.asarray(_positive_numbers("scale", scale, venues)) * (1 + draws)


def gamma(
    n: int, venues: int, *, shape: float | Sequence[float], scale: float | Sequence[float] = 1.0, seed: Seed
) -> Table:
    """Draw independent gamma outflows of mean `shape * scale`.

    Args:
        n: Scenarios.
        venues: Venues.
        shape: One value, or one per venue.
        scale: Shares: one value, or one per venue.
        seed: Seed of NumPy's default generator, or a generator.

    Returns:
        Array of shape `(n, venues)`, shares.

    """
    n, venues = _drawn(n, venues)
    return _generator(seed).gamma(
        _positive_numbers("shape", shape, venues), _positive_numbers("scale", scale, venues), size=(n, venues)
    )


def empirical(outflows: Scenarios, n: int, *, seed: Seed) -> Table:
    """Draw rows of observed outflows with replacement; a row stays whole, so dependence is kept.

    Args:
        outflows: Observed, one row per scenario and one column per venue, shares.
        n: How many to draw.
        seed: Seed of NumPy's default generator, or a generator.

    Returns:
        Array of shape `(n, venues)`, shares.

    """
    table = as_table(outflows)
    n, _ = _drawn(n, table.shape[1])
    return table[_generator(seed).integers(table.shape[0], size=n)]


def as_table(scenarios: Scenarios) -> Table:
    """Return scenarios as a contiguous array of shape `(n, K)`.

    Raises:
        ParameterError: If they are not numbers, or not a table.

    """
    with taking("scenarios", scenarios, "an array of numbers of shape (n, K)"):
        if isinstance(scenarios, pl.DataFrame):
            columns = scenarios.select(pl.selectors.numeric())
            scenarios = columns.to_numpy() if columns.width else np.empty((scenarios.height, 0))
        table = np.ascontiguousarray(array("scenarios", scenarios), dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise ParameterError(
            f"scenarios must have shape (n, K), at least one row and one venue, got {table.shape}"
        )
    return table


def _positive_numbers(name: str, value: float | Sequence[float], venues: int) -> float | list[float]:
    if isinstance(value, Real):
        return above_zero(name, value)
    found = numbers(name, value)
    if len(found) not in (1, venues):
        raise ParameterError(
            f"{name} must have one value, or one for each of {venues} venues, got {shown(value)}"
        )
    if not all(math.isfinite(each) and each > 0 for each in found):
        raise ParameterError(f"{name} must be positive, got {shown(value)}")
    return found


def _drawn(n: int, venues: int) -> tuple[int, int]:
    n, venues = at_least("n", n, 1), at_least("venues", venues, 1)
    if n * venues > _MOST_DRAWS:
        raise ParameterError(f"n times venues must be at most {_MOST_DRAWS:,}, got {n:,} times {venues:,}")
    return n, venues


def _generator(seed: Seed) -> np.random.Generator:
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(at_least("seed", seed, 0))
