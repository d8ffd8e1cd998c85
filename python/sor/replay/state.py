"""What the consolidated book showed at given times: the one place that knows the mid is the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor import _core
from sor.replay.replay import core_visibility

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sor.settings.params import Book
    from sor.tape.tape import Quotes


def book_at(quotes: Quotes, book: Book, times: NDArray[np.int64]) -> pl.DataFrame:
    """Return the consolidated book after all records up to each of `times` (any order).

    Args:
        quotes: The tape.
        book: Which records count, and which quotes are seen.
        times: Nanoseconds since the epoch.

    Returns:
        One row per time: `bid`, `ask` (best prices, stubs included) and `mid` in nanos, null where there is none;
        `bid_displayed` and `ask_displayed`, the shares at visible quotes over all venues.

    """
    states = _core.book_at(
        quotes.lent(),
        quotes.venues.height,
        book.snapshot,
        *core_visibility(book),
        np.ascontiguousarray(times, dtype=np.int64),
    )
    prices = {name: states[name] for name in ("bid", "ask", "mid")}  # type: ignore[literal-required]
    return pl.select(
        *(
            pl.when(pl.Series(there)).then(pl.Series(value)).alias(name)
            for name, (value, there) in prices.items()
        ),
        pl.Series("bid_displayed", states["bid_displayed"]),
        pl.Series("ask_displayed", states["ask_displayed"]),
    )
