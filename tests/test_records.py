"""What a record is, and in which units: clocks, records that cannot be routed, times, prices and sizes."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from raw_frames import T0, raw, tape
from recorded import PUBLIC, needs_public
from sor.errors import DataError, ParameterError
from sor.tape.read import read_quotes
from sor.tape.schema import UNDEF_PRICE

SECOND = 10**9
MINUTE = 60 * SECOND


def interval(**changes: Any) -> pl.DataFrame:
    """Three minutes of BBO-1m: each is published at its end, and its ts_event is the last trade's."""
    columns: dict[str, Any] = {
        "ts_recv": [T0 + k * MINUTE for k in (1, 2, 3)],
        "ts_event": [T0 + k * MINUTE + 5 * SECOND for k in (0, 1, 2)],
        "rtype": [196] * 3,
        "publisher_id": [2] * 3,
        "bid_px_00": [9.99, 10.99, 11.99],
        "bid_sz_00": [500] * 3,
        "ask_px_00": [10.01, 11.01, 12.01],
        "ask_sz_00": [500] * 3,
    }
    return pl.DataFrame({name: each for name, each in {**columns, **changes}.items() if each is not None})


# Clocks


def test_an_interval_sample_exists_from_its_end() -> None:
    assert tape(interval())["ts"].to_list() == [T0 + k * MINUTE for k in (1, 2, 3)]


def test_an_interval_sample_before_the_first_trade_has_no_ts_event() -> None:
    undefined = pl.Series([2**64 - 1, None, T0], dtype=pl.UInt64)
    assert tape(interval(ts_event=undefined)).equals(tape(interval()))
    assert tape(interval(ts_event=None)).equals(tape(interval()))


def test_a_clock_is_chosen_by_its_name() -> None:
    point = raw(ts_recv=[T0 + 10, T0 + 20, T0 + 30])
    assert tape(point)["ts"].to_list() == [T0, T0 + 1, T0 + 2]
    assert tape(point, clock="ts_recv")["ts"].to_list() == [T0 + 10, T0 + 20, T0 + 30]
    with pytest.raises(ParameterError, match=r"clock is 'ts_event'; .* last trade"):
        read_quotes(interval(), clock="ts_event")
    with pytest.raises(ParameterError, match="clock is 'now'; expected one of ts_event, ts_recv"):
        read_quotes(point, clock="now")
    with pytest.raises(DataError, match="no column ts_recv"):
        read_quotes(raw(), clock="ts_recv")


def test_interval_samples_do_not_mix_with_other_records() -> None:
    with pytest.raises(DataError, match="records of types 1, 196; expected interval samples alone"):
        read_quotes(interval(rtype=[196, 1, 196]))


# Records that cannot be routed


@pytest.mark.parametrize("rtype", [177, 192, 193, 194])
def test_consolidated_record_types_are_refused(rtype: int) -> None:
    with pytest.raises(DataError, match=rf"consolidated records .*{rtype}.* no order can be routed"):
        read_quotes(raw(rtype=[rtype] * 3))
    with pytest.raises(DataError, match="consolidated records"):
        read_quotes(raw(rtype=[1, 1, rtype]))


def test_records_whose_sides_are_of_two_venues_are_refused() -> None:
    with pytest.raises(DataError, match=r"bid_pb_00, ask_pb_00.*each side names a venue of its own"):
        read_quotes(raw(bid_pb_00=[37, 31, 30], ask_pb_00=[61, 32, 31]))
    theirs = raw(publisher_id=None, bid_exchange=[1, 2, 3], ask_exchange=[4, 5, 6])
    with pytest.raises(DataError, match="or venue= to take all as the quotes of one venue"):
        read_quotes(theirs)
    assert read_quotes(theirs, venue="NBBO").venues["name"].to_list() == ["NBBO"]


def test_quotes_seen_at_trades_only_are_trades() -> None:
    with pytest.raises(DataError, match=r"every record is a trade .*TBBO.*trades="):
        read_quotes(raw(rtype=[1] * 3, action=["T"] * 3))
    assert len(read_quotes(raw(rtype=[1] * 3, action=["T", "A", "T"]))) == 3


@needs_public()
@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("EQUS.MINI_test_data.bbo-1s.dbn.zst", 4),
        ("EQUS.MINI_test_data.bbo-1m.dbn.zst", 4),
        ("dbn_bbo-1m.v3.dbn.zst", 4),
        ("futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst", 2_288),
    ],
)
def test_public_files_of_single_venues(name: str, records: int) -> None:
    pytest.importorskip("databento")
    assert len(read_quotes(PUBLIC / name)) == records


@needs_public()
@pytest.mark.parametrize(
    "name", ["OPRA.PILLAR_test_data.cbbo-1s.dbn.zst", "dbn_cbbo-1s.v3.dbn.zst", "dbn_cmbp-1.v3.dbn.zst"]
)
def test_public_consolidated_files(name: str) -> None:
    pytest.importorskip("databento")
    with pytest.raises(DataError, match="consolidated records"):
        read_quotes(PUBLIC / name)


@needs_public()
def test_public_interval_samples_lie_at_their_interval_s_end() -> None:
    pytest.importorskip("databento")
    quotes = read_quotes(
        PUBLIC / "options_bbo-1m_2024-05-09T09-55_2024-05-09T10-05.dbn.zst", symbol="ESM4 P5230"
    )
    assert quotes.symbol == "ESM4 P5230"
    minutes = quotes.frame["ts"] - quotes.start
    assert minutes.to_list() == [k * MINUTE for k in range(len(quotes))]


# Times


@pytest.mark.parametrize(
    ("times", "unit", "long"),
    [
        ([1_588_291_201, 1_588_291_202, 1_588_291_203], "s", "seconds"),
        ([1_588_291_201_099, 1_588_291_201_814, 1_588_291_201_815], "ms", "milliseconds"),
        ([1_588_291_201_099_000, 1_588_291_201_814_000, 1_588_291_201_815_000], "us", "microseconds"),
    ],
)
def test_a_time_that_is_no_nanoseconds_names_its_unit(times: list[int], unit: str, long: str) -> None:
    with pytest.raises(
        DataError, match=rf"row 1: ts_event is {times[0]}; .*looks like {long}: time_unit='{unit}'"
    ):
        read_quotes(raw(ts_event=times))
    with pytest.raises(DataError, match=f"looks like {long}"):
        read_quotes(raw(ts_event=[str(each) for each in times]))
    scale = {"s": 10**9, "ms": 10**6, "us": 10**3}[unit]
    expected = [each * scale for each in times]
    assert tape(raw(ts_event=times), time_unit=unit)["ts"].to_list() == expected
    assert tape(raw(ts_event=[str(each) for each in times]), time_unit=unit)["ts"].to_list() == expected


def test_early_nanoseconds_are_read_when_said_to_be_meant() -> None:
    with pytest.raises(DataError, match=r"outside 1990 to 2262; time_unit= says the unit, if only 'ns'"):
        read_quotes(raw(ts_event=[1, 2, 3]))
    assert tape(raw(ts_event=[1, 2, 3]), time_unit="ns")["ts"].to_list() == [1, 2, 3]
    with pytest.raises(DataError, match=r"row 3: ts_event is 9223372036854775807; expected a time .* in us"):
        read_quotes(raw(ts_event=[1, 2, 2**63 - 1]), time_unit="us")


def test_times_with_fractions_need_a_unit() -> None:
    floats = [1_704_205_800.25, 1_704_205_800.5, 1_704_205_801.0]
    with pytest.raises(DataError, match=r"ts_event is Float64; .*time_unit="):
        read_quotes(raw(ts_event=floats))
    assert tape(raw(ts_event=floats), time_unit="s")["ts"].to_list() == [
        T0 + SECOND // 4,
        T0 + SECOND // 2,
        T0 + SECOND,
    ]


def test_a_time_far_beyond_the_calendar_is_an_error_and_no_panic() -> None:
    far = pl.Series([10**18, 10**18, 10**18]).cast(pl.Datetime("ms"))
    with pytest.raises(
        DataError, match=r"row 1: ts_event is 1,000,000,000,000,000,000 ms since 1970; expected"
    ):
        read_quotes(raw(ts_event=far))


@pytest.mark.parametrize(
    "clock",
    [
        ["09:30:00", "09:30:00.000000001", "9:30:00.000000002"],
        ["093000000000000", "093000000000001", "93000000000002"],
        [93_000_000_000_000, 93_000_000_000_001, 93_000_000_000_002],
    ],
)
def test_a_clock_on_a_date(clock: list[Any]) -> None:
    frame = raw(ts_event=clock)
    expected = [T0, T0 + 1, T0 + 2]
    assert tape(frame, date="2024-01-02", tz="America/New_York")["ts"].to_list() == expected
    days = frame.with_columns(DAY=pl.lit("20240102"))
    assert tape(days, columns={"DAY": "date"}, tz="America/New_York")["ts"].to_list() == expected
    with pytest.raises(DataError, match="expected a time of day"):
        read_quotes(raw(ts_event=["09:30:00", "25:00:00", "09:30:00"]), date="2024-01-02")


def test_seconds_since_midnight_on_a_date() -> None:
    seconds = [34_200.0, 34_200.000000001, 34_200.004241176]
    expected = [T0, T0 + 1, T0 + 4_241_176]
    for values in (seconds, [f"{each:.9f}" for each in seconds]):
        frame = raw(ts_event=values)
        found = tape(frame, date="2024-01-02", tz="America/New_York", time_unit="s")["ts"].to_list()
        assert found == expected


@pytest.mark.parametrize(("day", "utc_hour"), [("2024-01-02", 14), ("2024-07-02", 13)])
def test_a_zone_is_that_of_times_without_one(day: str, utc_hour: int) -> None:
    text = [f"{day}T09:30:00"] * 3
    expected = pl.Series([f"{day}T{utc_hour}:30:00"]).str.to_datetime(time_unit="ns").to_physical()[0]
    zone = "America/New_York"
    with_zone = [f"{day}T09:30:00-05:00"] * 3
    assert tape(raw(ts_event=text), tz=zone)["ts"].to_list() == [expected] * 3
    assert tape(raw(ts_event=pl.Series(text).str.to_datetime()), tz=zone)["ts"].to_list() == [expected] * 3
    assert tape(raw(ts_event=with_zone), tz=zone)["ts"].equals(tape(raw(ts_event=with_zone))["ts"])


# Prices


def test_whole_prices_need_a_scale() -> None:
    asks, bids = [5_859_400] * 3, [5_859_100] * 3
    frame = raw(ask_px_00=asks, bid_px_00=bids)
    with pytest.raises(DataError, match=r"bid_px_00 and ask_px_00 hold only whole numbers; .*price_scale="):
        read_quotes(frame)
    assert tape(frame, price_scale=0.0001)["ask_px"].to_list() == [585_940_000_000] * 3
    assert tape(frame.with_columns(rtype=1))["ask_px"].to_list() == asks
    assert tape(frame, price_scale=1)["bid_px"][0] == 5_859_100 * 10**9


@pytest.mark.parametrize("price", [None, 0, -5, 2**63 - 1])
def test_whole_prices_that_are_none(price: int | None) -> None:
    bids = pl.Series([10_000, price, 10_000], dtype=pl.Int64)
    frame = raw(bid_px_00=bids, ask_px_00=[10_100] * 3)
    assert tape(frame, price_scale=0.01)["bid_px"].to_list() == [10**11, UNDEF_PRICE, 10**11]


def test_a_whole_price_too_large_for_its_scale() -> None:
    frame = raw(bid_px_00=[1, 10**10, 1], ask_px_00=[2, 2, 2])
    with pytest.raises(DataError, match="row 2: bid_px_00 is 10000000000; expected a price"):
        read_quotes(frame, price_scale=1)
    huge = frame.with_columns(bid_px_00=pl.Series([1, 2**64 - 1, 1], dtype=pl.UInt64))
    with pytest.raises(DataError, match="row 2: bid_px_00 is 18446744073709551615; expected a price"):
        read_quotes(huge, price_scale=1e-9)


@pytest.mark.parametrize("scale", [0, -1, 1e-10, float("nan"), float("inf"), "1", True, 1.5e-9])
def test_scales_that_are_none(scale: Any) -> None:
    with pytest.raises(
        ParameterError, match=r"price_scale is .*; expected what one unit of the price column is worth"
    ):
        read_quotes(raw(), price_scale=scale)


# Sizes


def test_whole_sizes_typed_as_floats() -> None:
    frame = tape(raw(bid_sz_00=[100.0, float("nan"), None]))
    assert frame["bid_sz"].to_list() == [100, 0, 0]
    assert frame["bid_px"].to_list() == [99_990_000_000, UNDEF_PRICE, UNDEF_PRICE]


def test_sizes_with_fractions_need_a_unit() -> None:
    frame = raw(bid_sz_00=[0.066851, 0.0031, 2.0], ask_sz_00=[1.5, 0.018027, 0.33])
    with pytest.raises(DataError, match=r"row 1: bid_sz_00 is 0\.066851; .*size_unit= for fractions"):
        read_quotes(frame)
    quotes = read_quotes(frame, size_unit=1e-6)
    assert quotes.frame["bid_sz"].to_list() == [66_851, 3_100, 2_000_000]
    assert quotes.size_unit == 1e-6
    with pytest.raises(
        DataError, match=r"row 1: bid_sz_00 is 0\.066851; expected a multiple of size_unit = 0\.001"
    ):
        read_quotes(frame, size_unit=0.001)
    with pytest.raises(DataError, match=r"row 1: ask_sz_00 is 1\.5; .*up to 4,294,967,295"):
        read_quotes(frame, size_unit=1e-10)
    with pytest.raises(DataError, match=r"bid_sz_00 is -1\.0"):
        read_quotes(raw(bid_sz_00=[1.0, -1.0, 1.0]))


def test_sizes_with_fractions_are_written_and_read_back(tmp_path: Any) -> None:
    quotes = read_quotes(raw(bid_sz_00=[0.066851, 0.0031, 2.0]), size_unit=1e-6)
    for name in ("a.csv", "a.parquet"):
        quotes.write(tmp_path / name)
        assert read_quotes(tmp_path / name, size_unit=1e-6).frame.equals(quotes.frame)


def test_sizes_in_round_lots() -> None:
    assert tape(raw(bid_sz_00=[1, 2, 3]), size_scale=100)["bid_sz"].to_list() == [100, 200, 300]
    assert tape(raw(bid_sz_00=[1.0, 2.0, None]), size_scale=100)["bid_sz"].to_list() == [100, 200, 0]
    with pytest.raises(DataError, match="row 3: bid_sz_00 is 4000000000"):
        read_quotes(raw(bid_sz_00=[1, 2, 4 * 10**9]), size_scale=100)
    with pytest.raises(ParameterError, match="size_unit and size_scale are both given"):
        read_quotes(raw(), size_scale=100, size_unit=0.1)


# Names


def test_any_table_by_its_own_names() -> None:
    theirs = raw().rename({"ts_event": "when", "publisher_id": "mpid", "bid_px_00": "b", "ask_px_00": "a"})
    names = {"when": "ts_event", "mpid": "publisher_id", "b": "bid_px_00", "a": "ask_px_00"}
    assert tape(theirs, columns=names).equals(tape(raw()))
    swapped = raw().rename({"bid_px_00": "ask_px_00", "ask_px_00": "bid_px_00"})
    both = {"bid_px_00": "ask_px_00", "ask_px_00": "bid_px_00"}
    assert tape(swapped, columns=both).equals(tape(raw()))
    with pytest.raises(DataError, match="row 2: b is inf; expected a price"):
        read_quotes(theirs.with_columns(b=pl.Series([1.0, float("inf"), 1.0])), columns=names)
    with pytest.raises(
        DataError, match="columns= names 'nope', which the table does not have; its columns are when"
    ):
        read_quotes(theirs, columns={"nope": "ts_event"})
    with pytest.raises(ParameterError, match="columns: 'when' becomes 'time'; expected one of ts_event"):
        read_quotes(theirs, columns={"when": "time"})


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("columns", {"a": 1}), ("columns", "ts_event"), ("time_unit", "minutes"), ("date", "soon"), ("date", 5),
        ("date", "1889-01-01"), ("tz", "Mars/Base"), ("tz", 5), ("tz", "../etc"), ("size_unit", 0), ("size_unit", 2),
        ("size_scale", 0), ("size_scale", 1.5), ("separator", ""), ("separator", ";;"), ("separator", "\n"),
        ("max_bytes", 0), ("max_bytes", "big"), ("symbol", 5), ("venue", 5),
    ],
)  # fmt: skip
def test_options_that_are_none(argument: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"^{argument}\b.* (expected|must be) "):
        read_quotes(raw(), **{argument: value})
