"""A tape of four records, one order on it, and how an error is asked for."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor

if TYPE_CHECKING:
    from collections.abc import Callable


T0 = 1_704_205_800_000_000_000
SECOND = 1_000_000_000


def make_tape(rows: list[tuple[int, int, float | None, int, float | None, int]]) -> sor.Quotes:
    """Rows of (nanoseconds after T0, venue, bid, size, ask, size)."""
    names = ("ts_event", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    dtypes = (pl.Int64, pl.UInt16, pl.Float64, pl.UInt32, pl.Float64, pl.UInt32)
    frame = pl.DataFrame(rows, schema=dict(zip(names, dtypes, strict=True)), orient="row")
    return sor.read_quotes(frame.with_columns(pl.col("ts_event") + T0))


TAPE = make_tape(
    [
        (0, 3, 99.99, 200, 100.01, 300),
        (SECOND, 7, 99.98, 500, 100.02, 400),
        (2 * SECOND, 3, 99.99, 100, 100.01, 200),
        (10 * SECOND, 3, 99.97, 100, 100.00, 200),
    ]
)
ONE_SIDED = make_tape([(0, 1, 99.99, 200, None, 0), (SECOND, 1, 99.98, 100, None, 0)])
ORDER = sor.Order("buy", 500)


def run(**settings: Any) -> Any:
    return call(sor.backtest, **({"threads": 1} | settings))


def call(verb: Callable[..., Any], **settings: Any) -> Any:
    """Call a verb with the fields of its market and its run among the other arguments."""
    for name, kind in (("market", sor.Market), ("run", sor.Run)):
        given = {field.name: settings.pop(field.name) for field in fields(kind) if field.name in settings}
        if given:
            settings[name] = kind(**given)
    return verb(**({"quotes": TAPE, "orders": ORDER} | settings))


def raises(message: str, call: Callable[[], object], error: type[Exception] = sor.ParameterError) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is error


TRADES = sor.read_trades(
    pl.DataFrame({"ts_event": [T0 + SECOND], "publisher_id": [7], "price": [99.98], "size": [100]}),
    quotes=TAPE,
)
