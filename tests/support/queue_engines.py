"""What implements the rules of resting orders (rules C9, C10).

An engine takes (records, trades, windows, side, quantity, queue) and returns, for each window, the shares that a
probe of it fills at every venue. Whatever implements the rules is added to `ENGINES` and meets the same cases.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import reference as ref
import sor
from sor.tape.schema import TRADE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    import exchange


Engine = Any  # Callable[[records, trades, windows, side, quantity, queue], list[list[int]]]
SIDES = ("buy", "sell")


def reference_engine(
    records: Sequence[exchange.Record],
    trades: Sequence[exchange.Trade] | None,
    windows: Sequence[tuple[int, int]],
    side: str,
    quantity: int,
    queue: str,
) -> list[list[int]]:
    return ref.probe(records, trades, windows, side, quantity, queue, open_to_all(records))


def open_to_all(records: Sequence[exchange.Record]) -> ref.Settings:
    """No stubs, no ages: every venue that shows an own-side quote is probed."""
    return ref.Settings([ref.Venue()] * (1 + max(record[1] for record in records)), collar=None)


def core_engine(
    records: Sequence[exchange.Record],
    trades: Sequence[exchange.Trade] | None,
    windows: Sequence[tuple[int, int]],
    side: str,
    quantity: int,
    queue: str,
) -> list[list[int]]:
    """Ask the package: for a window that begins at any time, one of a grid so fine that it is in it."""
    quotes = quotes_of(records, trades, past=max(end for _, end in windows))
    found: dict[int, list[int]] = {}
    for length, every in sorted({grid_of(window, windows, quotes.start) for window in windows}):
        probes = sor.probe_outflows(
            quotes, side=side, quantity=quantity, window=length, every=every, queue=queue, book=OPEN
        )
        for begin, end, *shares in probes.with_columns(pl.col("start", "end").to_physical()).iter_rows():
            if (begin, end) in windows:
                found[begin] = shares
    return [found[begin] for begin, _ in windows]


def grid_of(window: tuple[int, int], windows: Sequence[tuple[int, int]], first: int) -> tuple[int, int]:
    """Return the length of a window, and a step from the tape's first record that leads to its begin."""
    begin, end = window
    steps = {later - earlier for (earlier, _), (later, _) in pairwise(windows)}
    regular = windows[0][0] == first and len(steps) == 1
    return end - begin, min(steps) if regular else max(begin - first, 1)


OPEN = sor.Book(collar=None)


def quotes_of(
    records: Sequence[exchange.Record], trades: Sequence[exchange.Trade] | None, *, past: int
) -> sor.Quotes:
    """Read a tape as the package does; its last record is told once more after `past`, so that windows fit."""
    told = [*records, (past + 1, *records[-1][1:])]
    names = ("ts_event", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    types = (pl.Int64, pl.UInt16, pl.Int64, pl.UInt32, pl.Int64, pl.UInt32)
    frame = pl.DataFrame(told, schema=dict(zip(names, types, strict=True)), orient="row")
    quotes = sor.read_quotes(frame, price_scale=1e-9, time_unit="ns")
    if trades is None:
        return quotes
    assert quotes.venues["id"].to_list() == list(range(quotes.venues.height))
    prints = pl.DataFrame(trades, schema=TRADE_SCHEMA, orient="row")
    tape = sor.Trades(
        frame=prints,
        symbol=None,
        source="exchange",
        excluded=0,
        off_venue=0,
        venues=tuple(quotes.venues["name"]),
    )
    return quotes.with_trades(tape)


ENGINES: dict[str, Engine] = {"reference": reference_engine, "core": core_engine}
