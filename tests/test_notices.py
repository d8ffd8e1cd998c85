"""What is noticed about a tape and a setting before a result says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from raw_frames import raw
from sor.settings.times import duration_notice
from sor.tape.notices import tick_notices
from sor.tape.read import read_quotes

CENT = 10_000_000


def test_prices_off_the_tick_are_noticed() -> None:
    assert tick_notices(read_quotes(raw()), CENT) == []
    half = read_quotes(raw(bid_px_00=[99.985, 99.98, 99.97]))
    assert [
        each.startswith("tick is 0.01, and 1 of 6 quotes do not lie on it")
        for each in tick_notices(half, CENT)
    ] == [True]
    assert tick_notices(half, CENT // 2) == []


def test_a_tick_that_is_much_of_the_price_is_noticed() -> None:
    cheap = read_quotes(raw(bid_px_00=[0.30, None, 0.30], ask_px_00=[0.31] * 3))
    assert [each for each in tick_notices(cheap, CENT) if "of the median price 0.31" in each] != []
    assert tick_notices(cheap, CENT // 100) == []


def test_a_tape_without_a_quote_has_nothing_to_notice() -> None:
    none = pl.Series([None] * 3, dtype=pl.Float64)
    assert tick_notices(read_quotes(raw(bid_px_00=none, ask_px_00=none)), CENT) == []


@pytest.mark.parametrize("value", [300, np.int64(300), 999_999, 1])
def test_a_bare_number_below_a_millisecond_is_noticed(value: Any) -> None:
    assert duration_notice(value, "horizon") == (
        f"horizon is {value}, which is {value} nanoseconds; a string says its unit: '{value}s', '{value}ms'"
    )


@pytest.mark.parametrize("value", [0, 1_000_000, "300ns", np.timedelta64(300, "ns"), True, 1.5, None])
def test_a_duration_that_says_its_unit_is_not(value: Any) -> None:
    assert duration_notice(value, "horizon") is None
