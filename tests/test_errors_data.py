"""Records that are no tape are refused, with the place and what would be right."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from raw_frames import T0, raw, write
from sor.errors import DataError, ParameterError, SorError
from sor.settings.frames import read_table
from sor.tape.read import read_quotes
from sor.tape.schema import UNDEF_PRICE

if TYPE_CHECKING:
    from pathlib import Path

# Bad input

BAD_VALUES = [
    ("ts_event", pl.Series([T0, None, T0], dtype=pl.Int64), r"row 2: ts_event is null; expected integer"),
    ("ts_event", ["2024-01-02T14:30:00Z", "soon", None], r"row 2: ts_event is 'soon'; expected integer"),
    ("ts_event", ["2024-01-02T14:30:00Z"] * 2 + ["3024-01-02T14:30:00Z"], r"row 3: ts_event is '3024.* 2261"),
    ("ts_event", [datetime(2024, 1, 2), datetime(3024, 1, 2), None], r"row 2: ts_event is datetime.*3024"),
    ("ts_event", pl.Series([T0, T0, 2**64 - 1], dtype=pl.UInt64), r"row 3: ts_event is 18446744073709551615"),
    ("ts_event", [1.0, 2.0, 3.0], r"column ts_event is Float64; expected integer nanoseconds"),
    ("publisher_id", pl.Series([1, None, 1], dtype=pl.UInt16), r"row 2: publisher_id is null; expected"),
    ("publisher_id", [1, 2, 70_000], r"row 3: publisher_id is 70000; expected .* 65,535"),
    ("publisher_id", ["N", "T", "N"], r"column publisher_id is String"),
    ("bid_sz_00", [100, -5, 300], r"row 2: bid_sz_00 is -5; expected a whole number of shares"),
    ("ask_sz_00", [100, 200, 2**32], r"row 3: ask_sz_00 is 4294967296; expected .* to 4,294,967,295"),
    ("bid_sz_00", [1.0, 2.5, 3.0], r"row 2: bid_sz_00 is 2.5; expected a whole number of shares .*size_unit="),
    ("bid_sz_00", ["1", "2", "3"], r"column bid_sz_00 is String; expected a whole number of shares"),
    ("bid_px_00", [1.0, 1e10, 2.0], r"row 2: bid_px_00 is 10000000000.0; expected .* below 9,223,372,036"),
    ("ask_px_00", [float("inf"), 1.0, 2.0], r"row 1: ask_px_00 is inf; expected a price"),
    ("bid_px_00", ["1", "2", "3"], r"column bid_px_00 is String; expected a price"),
    ("bid_px_00", pl.Series([1, 2, 3], dtype=pl.Float32), r"bid_px_00 is Float32; expected .*seven digits"),
    ("bid_px_00", pl.Series([1, 2, 3], dtype=pl.Int64), r"bid_px_00 Int64 and ask_px_00 Float64; "),
    ("sequence", [1, -1, 2], r"row 2: sequence is -1"),
    ("sequence", ["a", "b", "c"], r"column sequence is String"),
    ("queue_position", [0.5, 1.5, 0.5], r"row 2: queue_position is 1.5; expected a number from 0"),
    ("queue_position", [0.5, float("nan"), 0.5], r"row 2: queue_position is nan"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "values", "message"), BAD_VALUES)
def test_bad_values_in_frames(column: str, values: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"^frame: .*{message}"):
        read_quotes(raw(**{column: values}))


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_size_is_checked_where_there_is_no_price_and_a_price_where_there_is_no_size(side: str) -> None:
    with pytest.raises(DataError, match=rf"row 1: {side}_sz_00 is -1"):
        read_quotes(raw(**{f"{side}_px_00": [None, 1.0, 1.0], f"{side}_sz_00": [-1, 1, 1]}))
    with pytest.raises(DataError, match=rf"row 1: {side}_px_00 is 1e\+30"):
        read_quotes(raw(**{f"{side}_px_00": [1e30, 1.0, 1.0], f"{side}_sz_00": [0, 1, 1]}))


def test_the_first_bad_row_is_named() -> None:
    with pytest.raises(DataError, match="row 2: ask_sz_00"):
        read_quotes(raw(ts_event=[T0, T0, None], ask_sz_00=[1, -1, 1]))


@pytest.mark.parametrize(
    "column", ["ts_event", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00"]
)
def test_missing_columns(column: str) -> None:
    with pytest.raises(DataError, match=rf"frame: no column {column}( or venue)?; its columns are \w+"):
        read_quotes(raw(**{column: None}))


@pytest.mark.parametrize("name", [None, ""])
def test_venues_without_a_name(name: str | None) -> None:
    with pytest.raises(DataError, match=r"row 2: venue is (null|''); expected a venue name"):
        read_quotes(raw(publisher_id=None, venue=["A", name, "B"]))


def test_venue_numbers_belong_elsewhere() -> None:
    with pytest.raises(DataError, match="numbers go in a column publisher_id"):
        read_quotes(raw(publisher_id=None, venue=[1, 2, 3]))


def test_one_id_two_names() -> None:
    with pytest.raises(DataError, match="publisher_id 7 is venue 'A' and 'B'"):
        read_quotes(raw(venue=["A", "C", "B"]))


CSV_HEAD = "ts_event,venue,bid_px_00,bid_sz_00,ask_px_00,ask_sz_00\n"
CSV_GOOD = "2024-01-02T14:30:00Z,A,1.5,100,1.6,100\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (",A,1.5,100,1.6,100", "ts_event is null"),
        ("noon,A,1.5,100,1.6,100", "ts_event is 'noon'"),
        (f"{T0},,1.5,100,1.6,100", "venue is null"),
        (f"{T0},A,x,100,1.6,100", "bid_px_00 is 'x'"),
        (f"{T0},A,1.5,1.5,1.6,100", "bid_sz_00 is '1.5'"),
        (f"{T0},A,1.5,-100,1.6,100", "bid_sz_00 is '-100'"),
        (f"{T0},A,1.5,100,1e300,100", "ask_px_00 is '1e300'"),
    ],
)
def test_bad_values_in_csv(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, "bad.csv", CSV_HEAD + CSV_GOOD + line + "\n")
    with pytest.raises(DataError, match=rf"bad\.csv: row 2: {message}; expected"):
        read_quotes(path)


@pytest.mark.parametrize("odd", ["NaN", "NULL", "N/A", "bid_px_00", "1,500"])
def test_a_value_among_nanos_that_is_none_is_the_one_that_is_named(tmp_path: Path, odd: str) -> None:
    nanos = "".join(f"{T0 + i},A,1,100000000000,100,100010000000,100\n" for i in range(3))
    path = write(
        tmp_path,
        "nanos.csv",
        f'ts_event,venue,rtype,bid_px_00,bid_sz_00,ask_px_00,ask_sz_00\n{nanos}{T0 + 4},A,1,"{odd}",1,100010000000,1\n',
    )
    with pytest.raises(
        DataError, match=rf"row 4: bid_px_00 is '{odd}'; .* like the others, or nothing where"
    ):
        read_quotes(path)


def test_a_header_that_is_nearly_ours_is_recognised(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", CSV_HEAD.upper().replace(",", ", ") + CSV_GOOD)
    with pytest.raises(DataError, match=r"columns=\{' BID_PX_00': 'bid_px_00'\} takes this one"):
        read_quotes(path)


def test_csv_without_values(tmp_path: Path) -> None:
    quotes = read_quotes(
        write(tmp_path, "a.csv", CSV_HEAD + CSV_GOOD + "1704205800000000001,A,,,NaN, 100 \n")
    )
    assert quotes.frame.row(1) == (T0 + 1, 0, UNDEF_PRICE, 0, UNDEF_PRICE, 0)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_quotes(tmp_path / "none.parquet")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        read_quotes(tmp_path)
    with pytest.raises(
        DataError, match=r"a\.txt: unknown kind of file; expected a name that ends in \.parquet, \.csv"
    ):
        read_quotes(write(tmp_path, "a.txt", "x"))
    for name in ("a.parquet", "a.csv", "a.csv.gz"):
        with pytest.raises(DataError, match=r"cannot be read|no column"):
            read_quotes(write(tmp_path, name, ""))
    with pytest.raises(
        DataError, match=r"b\.parquet: cannot be read: it is not Parquet, though its name says so"
    ):
        read_quotes(write(tmp_path, "b.parquet", "not parquet at all, whatever its name says"))
    orders = write(tmp_path, "orders.tsv", "side\tquantity\nbuy\t100\n")
    with pytest.raises(
        DataError, match=r"orders: .*orders\.tsv: unknown kind of file; expected a name that ends in"
    ):
        read_table(orders, "orders")
    with pytest.raises(DataError, match=r"c\.csv: row 2: 9 fields; expected 6"):
        read_quotes(write(tmp_path, "c.csv", CSV_HEAD + CSV_GOOD + f"{T0},A,1,2,3,4,5,6,7\n"))


def test_no_records(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="frame: no records"):
        read_quotes(raw().clear())
    with pytest.raises(DataError, match=r"a\.csv: no records"):
        read_quotes(write(tmp_path, "a.csv", CSV_HEAD))


@pytest.mark.parametrize("source", [None, 5, {"a": 1}, [5], []])
def test_sources_that_are_none(source: Any) -> None:
    with pytest.raises(ParameterError, match="source is"):
        read_quotes(source)


def test_sources_that_do_not_fit_together() -> None:
    with pytest.raises(DataError, match="frame 2: no column sequence, which frame 1 has"):
        read_quotes([raw(sequence=[1, 2, 3]), raw()])
    with pytest.raises(DataError, match="frame 1: no column publisher_id, which frame 2 has"):
        read_quotes([raw(publisher_id=None, venue=["A"] * 3), raw()])


def test_errors_are_of_one_family() -> None:
    assert issubclass(DataError, SorError)
    assert issubclass(DataError, ValueError)
    assert issubclass(ParameterError, SorError)
