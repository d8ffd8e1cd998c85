"""Which prints are executions: conditions, corrections and repeats; what is none fills no resting order."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
import sor
from raw_frames import T0, raw
from sor.errors import DataError, ParameterError
from sor.tape.read import read_quotes, read_trades
from sor.tape.trades import CONDITIONS_AS_OF, NON_EXECUTING, SALE_CONDITIONS

SECOND = 10**9
QUOTES = read_quotes(raw(publisher_id=None, venue=["A", "B", "A"]))
GOOD = {"ts_event": [T0], "venue": ["A"], "price": [9.5], "size": [100]}


def prints(**columns: list[Any]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    return pl.DataFrame({**{name: values * n for name, values in GOOD.items()}, **columns})


@pytest.mark.parametrize("code", [*"ZULPW4RCNVB7", *"OQM69", *"ADGHKSX1235x"])
def test_what_is_no_execution_is_left_out(code: str) -> None:
    kept = read_trades(prints(cond=["@", f"@{code}", f"@ {code} ", code]), quotes=QUOTES)
    assert (len(kept), kept.excluded) == (1, 3)


@pytest.mark.parametrize("code", ["@", "F", "I", "", " ", "@F I", "T", "E", "Y", "o", None])
def test_what_is_an_execution_stays(code: str | None) -> None:
    assert read_trades(prints(cond=["@", code]), quotes=QUOTES).excluded == 0


def test_the_table_is_whole_and_dated() -> None:
    assert SALE_CONDITIONS["code"].is_unique().all()
    assert set(NON_EXECUTING) == set(SALE_CONDITIONS.filter(~pl.col("executes"))["code"])
    assert SALE_CONDITIONS["code"].str.len_chars().to_list() == [1] * SALE_CONDITIONS.height
    assert CONDITIONS_AS_OF.year >= 2024


def test_a_late_print_fills_no_resting_order() -> None:
    frame = pl.DataFrame(
        {
            "ts_event": [T0, T0 + 60 * SECOND],
            "venue": "A",
            "bid_px_00": 10.0,
            "bid_sz_00": 500,
            "ask_px_00": 10.02,
        }
    ).with_columns(ask_sz_00=500)
    quotes = sor.read_quotes(frame)
    late = pl.DataFrame({"ts_event": [T0 + 20 * SECOND], "venue": ["A"], "price": [9.5], "size": [100]})
    window = {"side": "buy", "quantity": 300, "window": "60s", "every": "60s"}
    for cond, filled in (("@", 100), ("Z", 0)):
        both = pl.concat(
            [
                late.with_columns(cond=pl.lit(cond)),
                late.with_columns(pl.lit(10.02).alias("price"), cond=pl.lit("@")),
            ]
        )
        trades = sor.read_trades(both, quotes=quotes)
        outflows = sor.probe_outflows(quotes.with_trades(trades), **window)
        assert outflows.select(pl.exclude("start", "window_start")).to_numpy().max() >= filled
        assert (outflows.select("A").to_series().max() > 0) is (filled > 0)


@pytest.mark.parametrize("indicators", [["00", "01", "07", "08", "10", "11", "12"], [0, 1, 7, 8, 10, 11, 12]])
def test_cancelled_and_erroneous_prints_are_left_out(indicators: list[Any]) -> None:
    kept = read_trades(prints(correction=indicators, size=list(range(1, 8))), quotes=QUOTES)
    assert kept.frame["size"].to_list() == [1, 2]
    assert kept.corrected == 5
    assert "5 corrected" in repr(kept)


def test_exact_repeats_are_left_out() -> None:
    frame = prints(
        sequence=[1, 1, 1, 1, 1, 2],
        venue=["A", "A", "B", "A", "A", "A"],
        price=[9.5, 9.5, 9.5, 9.6, 9.5, 9.5],
        ts_event=[T0, T0 + 5, T0, T0, T0 + 86_400 * SECOND, T0],
    )
    kept = read_trades(frame, quotes=QUOTES)
    assert (len(kept), kept.repeated) == (5, 1)
    assert "1 repeated" in repr(kept)
    without = read_trades(frame.drop("sequence"), quotes=QUOTES)
    assert (len(without), without.repeated) == (6, 0)


def test_a_vendor_s_numbers_are_excluded_as_numbers() -> None:
    lists = prints(cond=[[14, 41], [12, 2], None, [22]])
    texts = prints(cond=["14,41", "12, 2", None, "22"])
    for frame in (lists, texts):
        kept = read_trades(frame, quotes=QUOTES, exclude_conditions=[2, "22"])
        assert (len(kept), kept.excluded) == (2, 2)
        with pytest.raises(
            DataError, match=r"cond holds numbers such as 12.* a vendor's own; expected exclude_conditions="
        ):
            read_trades(frame, quotes=QUOTES)
        assert len(read_trades(frame, quotes=QUOTES, exclude_conditions=())) == 4


@pytest.mark.parametrize("value", ["ZU", 5, None, [""], [1.5], [True], {"Z": None, 1.5: 2}])
def test_conditions_that_are_none(value: Any) -> None:
    with pytest.raises(ParameterError, match="exclude_conditions must be "):
        read_trades(prints(cond=["@"]), quotes=QUOTES, exclude_conditions=value)
