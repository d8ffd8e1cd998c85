"""Quotes from every source become the same canonical tape, and say what they are."""

from __future__ import annotations

import gzip
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from itertools import pairwise
from math import nextafter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor.tape.tape
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_frames import T0, raw, tape, write
from sor.errors import DataError, ParameterError, SorWarning
from sor.tape.read import read_quotes
from sor.tape.schema import TAPE_SCHEMA, UNDEF_PRICE

if TYPE_CHECKING:
    from pathlib import Path

# The canonical form


def test_canonical_frame() -> None:
    quotes = read_quotes(raw())
    assert quotes.frame.schema == TAPE_SCHEMA
    assert quotes.frame.rows() == [
        (T0, 1, 99_990_000_000, 100, 100_010_000_000, 400),
        (T0 + 1, 0, 99_980_000_000, 200, 100_020_000_000, 500),
        (T0 + 2, 1, 99_970_000_000, 300, 100_030_000_000, 600),
    ]
    assert quotes.venues.rows() == [(0, 3, "3"), (1, 7, "7")]
    assert (quotes.start, quotes.end, len(quotes)) == (T0, T0 + 2, 3)
    assert quotes.symbol is None
    with pytest.raises(FrozenInstanceError):
        quotes.symbol = "X"  # type: ignore[misc]


def test_prices_as_nanos_and_as_currency_agree() -> None:
    nanos = {name: (raw()[name] * 1e9).round().cast(pl.Int64) for name in ("bid_px_00", "ask_px_00")}
    assert tape(raw(**nanos), price_scale=1e-9).equals(tape(raw()))
    decimals = {name: raw()[name].cast(pl.Decimal(20, 2)) for name in ("bid_px_00", "ask_px_00")}
    assert tape(raw(**decimals)).equals(tape(raw()))


def test_nanos_do_not_pass_through_floats() -> None:
    odd = 2**53 + 1
    prices = pl.Series([odd, odd, odd], dtype=pl.Int64)
    assert tape(raw(bid_px_00=prices, ask_px_00=prices), price_scale=1e-9)["bid_px"].to_list() == [odd] * 3


@settings(deadline=None)
@given(st.lists(st.integers(1, 2**52), min_size=1, max_size=20))
def test_float_prices_round_half_even_as_python_does(nanos: list[int]) -> None:
    prices = [each / 1e9 for each in nanos]
    n = len(prices)
    frame = pl.DataFrame(
        {"ts_event": range(T0, T0 + n), "venue": ["A"] * n, "bid_px_00": prices, "bid_sz_00": [1] * n}
    ).with_columns(ask_px_00="bid_px_00", ask_sz_00="bid_sz_00")
    assert tape(frame)["bid_px"].to_list() == [round(price * 1e9) for price in prices]


def test_half_a_nano_goes_to_the_even_one() -> None:
    # Both products with 1e9 are exact in binary.
    asks = [2**-10, 3 * 2**-10, 5 * 2**-10]
    assert tape(raw(ask_px_00=asks))["ask_px"].to_list() == [976_562, 2_929_688, 4_882_812]
    assert tape(raw(ask_px_00=[5e-10, nextafter(5e-10, 1), 1e-9]))["ask_px"].to_list() == [UNDEF_PRICE, 1, 1]


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_datetimes_of_any_unit_and_zone(unit: Any, zone: str | None) -> None:
    moments = [datetime(2024, 1, 2, 14, 30, k, tzinfo=UTC) for k in range(3)]
    column = pl.Series(moments).cast(pl.Datetime(unit, "UTC"))
    column = column.dt.replace_time_zone(None) if zone is None else column.dt.convert_time_zone(zone)
    assert tape(raw(ts_event=column))["ts"].to_list() == [T0, T0 + 10**9, T0 + 2 * 10**9]


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T14:30:00.000000001Z",
        "2024-01-02T14:30:00.000000001",
        "2024-01-02 14:30:00.000000001+0000",
        "2024-01-02T09:30:00.000000001-05:00",
        "1704205800000000001",
    ],
)
def test_times_as_text(text: str) -> None:
    assert tape(raw(ts_event=[text] * 3))["ts"].to_list() == [T0 + 1] * 3


@pytest.mark.parametrize("price", [None, float("nan"), 0.0, -1.0, float("-inf"), UNDEF_PRICE / 1e9, 1e-10])
def test_a_price_that_is_none_clears_the_side(price: float | None) -> None:
    frame = tape(raw(ask_px_00=pl.Series([100.01, price, 100.03], dtype=pl.Float64)))
    assert frame.row(1)[2:] == (99_980_000_000, 200, UNDEF_PRICE, 0)
    assert frame.row(0)[4:] == (100_010_000_000, 400)


@pytest.mark.parametrize("price", [None, 0, -5, UNDEF_PRICE])
def test_nanos_that_are_none_clear_the_side(price: int | None) -> None:
    bids, asks = pl.Series([1, price, 3], dtype=pl.Int64), pl.Series([2, 3, 4], dtype=pl.Int64)
    assert tape(raw(bid_px_00=bids, ask_px_00=asks), price_scale=1e-9).row(1)[2:] == (UNDEF_PRICE, 0, 3, 500)


@pytest.mark.parametrize("dtype", [pl.UInt32, pl.Int64])
@pytest.mark.parametrize("size", [0, None])
def test_no_size_clears_the_side(size: int | None, dtype: Any) -> None:
    frame = tape(raw(bid_sz_00=pl.Series([100, size, 300], dtype=dtype)))
    assert frame["bid_px"].to_list() == [99_990_000_000, UNDEF_PRICE, 99_970_000_000]
    assert frame["bid_sz"].to_list() == [100, 0, 300]


def test_a_side_that_is_never_quoted() -> None:
    frame = tape(raw(bid_px_00=[None] * 3, bid_sz_00=[None] * 3))
    assert frame["bid_px"].to_list() == [UNDEF_PRICE] * 3
    assert frame["bid_px"].dtype == pl.Int64


def test_venues_by_name_and_by_id_with_name() -> None:
    by_name = read_quotes(raw(publisher_id=None, venue=["Z", "B", "Z"]))
    assert by_name.frame["venue"].to_list() == [1, 0, 1]
    assert by_name.venues.rows() == [(0, None, "B"), (1, None, "Z")]
    both = read_quotes(raw(venue=["A", "Z", "A"]))
    assert both.frame["venue"].to_list() == [1, 0, 1]
    assert both.venues.rows() == [(0, 3, "Z"), (1, 7, "A")]


def test_sorts_by_time_then_sequence_then_input() -> None:
    frame = raw(ts_event=[T0 + 1, T0, T0 + 1], sequence=[9, 5, 8])
    quotes = read_quotes(frame)
    assert quotes.frame["bid_sz"].to_list() == [200, 300, 100]
    assert quotes.out_of_order == 1
    stable = read_quotes(raw(ts_event=[T0 + 1, T0, T0 + 1]))
    assert stable.frame["bid_sz"].to_list() == [200, 100, 300]
    by_sequence = read_quotes(raw(ts_event=[T0, T0, T0], sequence=[3, 2, 1]))
    assert by_sequence.frame["bid_sz"].to_list() == [300, 200, 100]
    assert by_sequence.out_of_order == 2
    assert read_quotes(raw(ts_event=[T0, T0, T0], sequence=[1, 1, 2])).out_of_order == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=300))
def test_order_is_a_stable_sort(keys: list[tuple[int, int]]) -> None:
    n = len(keys)
    frame = pl.DataFrame(
        {
            "ts_event": [T0 + time for time, _ in keys],
            "sequence": [number for _, number in keys],
            "publisher_id": [1] * n,
            "bid_px_00": [float(k) for k in range(1, n + 1)],
            "bid_sz_00": [1] * n,
        }
    ).with_columns(ask_px_00="bid_px_00", ask_sz_00="bid_sz_00")
    quotes = read_quotes(frame)
    assert quotes.frame["bid_px"].to_list() == [
        (k + 1) * 10**9 for k in sorted(range(n), key=lambda k: keys[k])
    ]
    assert quotes.out_of_order == sum(b < a for a, b in pairwise(keys))


def test_order_is_compared_across_the_blocks_it_is_compared_in(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = raw(ts_event=[T0 + 1, T0, T0])
    whole = read_quotes(frame)
    monkeypatch.setattr("sor.tape.ordering._BLOCK", 1)
    assert read_quotes(frame).out_of_order == whole.out_of_order == 1
    assert read_quotes(frame).frame.equals(whole.frame)


def test_duplicates_are_equal_in_everything() -> None:
    one = raw().head(1)
    assert read_quotes(pl.concat([one, one, one])).duplicates == 2
    with pytest.warns(SorWarning, match="10 of 11 records repeat the one before"):
        assert read_quotes(pl.concat([one] * 11)).duplicates == 10
    assert read_quotes(pl.concat([one, one.with_columns(bid_sz_00=pl.lit(1, pl.UInt32))])).duplicates == 0
    later = one.with_columns(ts_event=pl.col("ts_event") + 1)
    assert read_quotes(pl.concat([one, later])).duplicates == 0
    numbered = pl.concat([one, one]).with_columns(sequence=pl.Series([1, 2]))
    assert read_quotes(numbered).duplicates == 0
    again = pl.concat(
        [numbered.with_columns(sequence=pl.Series([2, 2])), later.with_columns(sequence=pl.lit(3, pl.Int64))]
    )
    assert read_quotes(again).duplicates == 1


def test_queue_position_is_kept() -> None:
    frame = tape(raw(queue_position=[0.0, 0.5, 1.0]))
    assert frame.columns == [*TAPE_SCHEMA, "queue_position"]
    assert frame["queue_position"].to_list() == [0.0, 0.5, 1.0]


def test_arrays_are_not_copies() -> None:
    quotes = read_quotes(pl.concat([raw(), raw().slice(1)], rechunk=False))
    assert quotes.frame.n_chunks() == 1
    arrays = quotes.arrays()
    assert list(arrays) == list(TAPE_SCHEMA)
    for name, array in arrays.items():
        assert np.shares_memory(array, quotes.frame[name].to_numpy(allow_copy=False))
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def test_all_sources_give_the_same_tape(tmp_path: Path) -> None:
    frame = raw(sequence=[1, 2, 3], symbol=["X"] * 3)
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    expected = read_quotes(frame)
    sources: list[Any] = [
        tmp_path / "a.parquet",
        str(tmp_path / "a.csv"),
        tmp_path / "a.csv.gz",
        frame.lazy(),
    ]
    for source in sources:
        quotes = read_quotes(source)
        assert quotes.frame.equals(expected.frame)
        assert quotes.symbol == "X"
    assert read_quotes(tmp_path / "a.csv").source == str(tmp_path / "a.csv")


def test_a_name_that_looks_like_a_pattern_is_a_name_first(tmp_path: Path) -> None:
    raw().write_parquet(tmp_path / "day[1].parquet")
    assert len(read_quotes(tmp_path / "day[1].parquet")) == 3
    raw().write_parquet(tmp_path / "day1.parquet")
    assert len(read_quotes(tmp_path / "day*.parquet")) == 6
    with pytest.raises(FileNotFoundError, match="no file matches this pattern"):
        read_quotes(tmp_path / "night*.parquet")


def test_many_sources_make_one_tape_with_one_venue_index(tmp_path: Path) -> None:
    later = raw(ts_event=[T0 + 3, T0 + 4, T0 + 5], publisher_id=pl.Series([5, 3, 9], dtype=pl.UInt16))
    later.write_parquet(tmp_path / "b.parquet")
    quotes = read_quotes([raw(), tmp_path / "b.parquet"])
    assert quotes.venues["id"].to_list() == [3, 5, 7, 9]
    assert quotes.frame["venue"].to_list() == [2, 0, 2, 1, 0, 3]
    assert quotes.frame.n_chunks() == 1
    assert quotes.source == "frame 1 and 1 more"
    named = later.drop("publisher_id").with_columns(venue=pl.Series(["B", "B", "A"]))
    by_name = read_quotes([raw(publisher_id=None, venue=["C", "A", "C"]), named])
    assert by_name.frame["venue"].to_list() == [2, 0, 2, 1, 1, 0]
    assert by_name.venues["name"].to_list() == ["A", "B", "C"]


def test_csv_scale_is_that_of_both_price_columns(tmp_path: Path) -> None:
    head = "ts_event,venue,bid_px_00,bid_sz_00,ask_px_00,ask_sz_00\n"
    mixed = read_quotes(write(tmp_path, "a.csv", f"{head}{T0},A,158,100,158.5,100\n{T0},A,,0,159,100\n"))
    assert mixed.frame["bid_px"].to_list() == [158_000_000_000, UNDEF_PRICE]
    nanos = read_quotes(
        write(tmp_path, "b.csv", f"{head}{T0},A,158000000000,100,158500000000,100\n"), price_scale=1e-9
    )
    assert nanos.frame["ask_px"].to_list() == [158_500_000_000]
    whole = write(tmp_path, "c.csv", f"{head}{T0},A,158,100,159,100\n")
    with pytest.raises(DataError, match=r"hold only whole numbers; expected .*decimal point.*price_scale="):
        read_quotes(whole)
    assert read_quotes(whole, price_scale=1).frame["ask_px"].to_list() == [159_000_000_000]


def test_symbol_picks_one_and_rows_keep_their_number() -> None:
    frame = raw(symbol=["B", "A", "B"])
    with pytest.raises(DataError, match=r"several symbols: A, B; choose one with symbol="):
        read_quotes(frame)
    quotes = read_quotes(frame, symbol="B")
    assert quotes.frame["bid_sz"].to_list() == [100, 300]
    assert quotes.symbol == "B"
    assert quotes.venues["id"].to_list() == [7]
    with pytest.raises(DataError, match=r"no symbol 'C'; there is A, B"):
        read_quotes(frame, symbol="C")
    with pytest.raises(DataError, match="no column symbol"):
        read_quotes(raw(), symbol="A")
    broken = frame.with_columns(ts_event=pl.Series([T0, None, None], dtype=pl.Int64))
    with pytest.raises(DataError, match="row 3: ts_event is null"):
        read_quotes(broken, symbol="B")
    with pytest.raises(DataError, match="several symbols: 10, 11"):
        read_quotes(raw(instrument_id=[10, 11, 10]))
    with pytest.raises(DataError, match=r"several symbols: \(null\), A"):
        read_quotes(raw(symbol=["A", None, "A"]))


def test_databento_files(tmp_path: Path) -> None:
    dbn = pytest.importorskip("databento_dbn")
    pytest.importorskip("databento")
    metadata = dbn.Metadata(
        dataset="XNAS.ITCH", start=T0, stype_out=dbn.SType.INSTRUMENT_ID, schema=dbn.Schema.MBP_1,
        stype_in=dbn.SType.RAW_SYMBOL, symbols=["X"], partial=[], not_found=[], mappings=[],
    )  # fmt: skip
    record = dbn.MBP1Msg(
        publisher_id=2, instrument_id=5, ts_event=T0, price=1, size=1, action=dbn.Action.ADD,
        side=dbn.Side.BID, depth=0, ts_recv=T0, flags=0, ts_in_delta=0, sequence=4,
        levels=dbn.BidAskPair(bid_px=99_990_000_000, ask_px=UNDEF_PRICE, bid_sz=100, ask_sz=0),
    )  # fmt: skip
    path = tmp_path / "a.dbn"
    path.write_bytes(metadata.encode() + bytes(record))
    quotes = read_quotes(path)
    assert quotes.frame.rows() == [(T0, 0, 99_990_000_000, 100, UNDEF_PRICE, 0)]
    assert quotes.venues["id"].to_list() == [2]
    assert quotes.symbol == "5"
    with pytest.raises(DataError, match=r"b\.dbn: cannot be read as DBN"):
        read_quotes(write(tmp_path, "b.dbn", "no"))


def test_databento_is_named_when_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "databento", None)
    with pytest.raises(ImportError, match="pip install databento"):
        read_quotes(write(tmp_path, "a.dbn.zst", ""))


# What a tape says of itself


def test_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sor.tape.tape, "_scan", lambda _quotes, _collar: (3, 2, 1))
    frame = raw(ts_event=[T0 + 1, T0, T0 + 1], bid_sz_00=[0, 1, 0], ask_px_00=[None, 1.0, 1.0])
    report = read_quotes(frame).report()
    assert (report.records, report.venues, report.out_of_order, report.duplicates) == (3, 2, 1, 0)
    assert (report.no_quote_bid, report.no_quote_ask) == (2, 1)
    assert (report.locked, report.crossed, report.stubs) == (3, 2, 1)
    assert (report.outside, report.halts) == (0, 0)
    assert report.sessions["records"].to_list() == [3]
    assert "out of order" in repr(report)
    assert "2024-01-02 14:30:00 to 14:30:00  3 records, longest silence 0:00:00" in repr(report)
    assert "<table>" in report._repr_html_()


def test_repr_names_the_tape() -> None:
    quotes = read_quotes(raw(symbol=["<X>"] * 3))
    assert repr(quotes).startswith(
        "Quotes(<X>, 3 records, 2 venues, 2024-01-02 14:30:00 to 2024-01-02 14:30:00."
    )
    assert "&lt;X&gt;" in quotes._repr_html_()
    assert "100.01" in quotes._repr_html_()


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_write_and_read_back(tmp_path: Path, name: str) -> None:
    odd = pl.Series([2**53 + 1, None, 10**9], dtype=pl.Int64)
    for frame in (
        raw(bid_px_00=odd, ask_px_00=odd, symbol=["X"] * 3, queue_position=[0.1, 0.2, 1 / 3]),
        raw(publisher_id=None, venue=["B", "A", "B"]),
    ):
        quotes = read_quotes(frame, price_scale=1e-9 if frame["bid_px_00"].dtype.is_integer() else None)
        quotes.write(tmp_path / name)
        back = read_quotes(tmp_path / name)
        assert back.frame.equals(quotes.frame)
        assert back.venues.equals(quotes.venues)
        assert back.symbol == quotes.symbol
    with pytest.raises(ParameterError, match=r"expected a name ending in \.parquet or \.csv"):
        quotes.write(tmp_path / "a.txt")
