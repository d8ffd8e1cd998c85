"""Trades belong to the tape's venues; what is no execution is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import recorded
from raw_frames import T0, raw
from sor.errors import DataError
from sor.tape.read import read_quotes, read_trades
from sor.tape.schema import TRADE_SCHEMA

# Trades


def trades(**changes: Any) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "ts_event": [T0 + 3, T0 + 1, T0 + 2, T0 + 4],
        "venue": ["B", "A", "D", "B"],
        "price": [1.5, 1.6, 1.7, 1.8],
        "size": [10, 20, 30, 40],
        "cond": [None, "F I", None, "6"],
    }
    columns.update(changes)
    return pl.DataFrame({name: values for name, values in columns.items() if values is not None})


def test_trades_get_the_venue_index_of_the_tape() -> None:
    quotes = read_quotes(raw(publisher_id=None, venue=["B", "A", "C"]))
    kept = read_trades(trades(), quotes=quotes)
    assert kept.frame.schema == TRADE_SCHEMA
    assert kept.frame.rows() == [(T0 + 1, 0, 1_600_000_000, 20), (T0 + 3, 1, 1_500_000_000, 10)]
    assert (kept.excluded, kept.off_venue) == (1, 1)
    assert "2 trades" in repr(kept)
    assert np.shares_memory(kept.arrays()["ts"], kept.frame["ts"].to_numpy())
    assert len(read_trades(trades(), quotes=quotes, exclude_conditions=())) == 3
    assert len(read_trades(trades(), quotes=quotes, exclude_conditions=("I",))) == 2


def test_trades_match_by_id_where_both_have_one_and_else_by_name() -> None:
    quotes = read_quotes(raw(venue=["B", "A", "B"]))
    by_id = trades(venue=None, publisher_id=[7, 3, 4, 7])
    assert read_trades(by_id, quotes=quotes).frame["venue"].to_list() == [0, 1]
    assert read_trades(trades(), quotes=quotes).frame["venue"].to_list() == [0, 1]


def test_only_trades_of_a_book_schema_and_of_the_tape_s_symbol() -> None:
    quotes = read_quotes(raw(publisher_id=None, venue=["B", "A", "D"], symbol=["X"] * 3))
    assert len(read_trades(trades(action=["T", "A", "T", "T"]), quotes=quotes)) == 2
    assert len(read_trades(trades(symbol=["X", "X", "Y", "Y"]), quotes=quotes)) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price": [1.0, 0.0, 1.0, 1.0]}, r"row 2: price is 0\.0; expected a price .* above zero"),
        ({"size": [1, 2, -3, 1]}, r"row 3: size is -3"),
        ({"price": None}, "no column price"),
        (
            {"venue": ["Q"] * 4},
            r"none of 4 trades is left: 1 excluded by condition, 0 corrected or repeated, 3 not on the tape's venues A",
        ),
    ],
)
def test_bad_trades(changes: dict[str, Any], message: str) -> None:
    quotes = read_quotes(raw(publisher_id=None, venue=["B", "A", "B"]))
    with pytest.raises(DataError, match=message):
        read_trades(trades(**changes), quotes=quotes)


@pytest.mark.data
def test_the_recorded_day() -> None:
    day = read_quotes(recorded.QUOTES)
    morning = read_quotes(recorded.MORNING)
    assert len(day) == 213_427
    assert day.venues["name"].to_list() == list("ABJKMNPTVXYZ")
    assert day.out_of_order == 0
    assert day.frame.head(len(morning)).equals(morning.frame)
    executions = read_trades(recorded.TRADES, quotes=day)
    assert (len(executions), executions.off_venue, executions.excluded) == (26_714, 12_145, 336)
