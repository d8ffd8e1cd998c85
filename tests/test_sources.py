"""What records may come from: patterns, packed files, standard input, frames of other libraries, stores."""

from __future__ import annotations

import gzip
import io
import sys
import warnings
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import polars as pl
import pytest
import recorded
import sor
from dbn_files import dbn_file, mapping
from raw_frames import T0, raw, write
from sor.errors import DataError, MissingExtra, ParameterError, SorWarning
from sor.tape.publishers import PUBLISHERS, ids_named, venue_of
from sor.tape.read import read_quotes
from sor.tape.venues import venue_index

if TYPE_CHECKING:
    from pathlib import Path

FUTURES = recorded.PUBLIC / "futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst"


def csv(frame: pl.DataFrame, separator: str = ",") -> bytes:
    return frame.write_csv(separator=separator).encode()


# Files


@pytest.mark.parametrize("separator", [";", "|", "\t", " "])
def test_other_separators(tmp_path: Path, separator: str) -> None:
    (tmp_path / "a.csv").write_bytes(csv(raw(), separator))
    assert read_quotes(tmp_path / "a.csv", separator=separator).frame.equals(read_quotes(raw()).frame)
    if separator != " ":
        with pytest.raises(DataError, match=r"a\.csv: no column .*; its columns are "):
            read_quotes(tmp_path / "a.csv")


def test_a_file_unlike_its_first_rows_is_read_the_slow_way_to_the_same(tmp_path: Path) -> None:
    many = pl.concat([raw()] * 500).with_columns(ts_event=pl.int_range(T0, T0 + 1_500))
    odd = csv(many) + f"2024-01-02 14:31:00Z,3, 99.98 ,2e2,100.02,500.0\n{T0 + 10**11},7,,,,\n".encode()
    (tmp_path / "a.csv").write_bytes(odd)
    quotes = read_quotes(tmp_path / "a.csv")
    assert quotes.frame.head(1_500).equals(read_quotes(many).frame)
    assert quotes.frame.row(1_500) == (T0 + 60 * 10**9, 0, 99_980_000_000, 200, 100_020_000_000, 500)
    assert quotes.frame["bid_sz"].to_list()[-1] == 0


def test_packed_text(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    expected = read_quotes(raw()).frame
    text = csv(raw())
    half = len(text) // 2
    packed = {
        "a.csv.gz": gzip.compress(text),
        "b.csv.gz": gzip.compress(text[:half]) + gzip.compress(text[half:]) + b"\0" * 100,
        "a.csv.zst": zstandard.compress(text),
        "b.csv.zst": zstandard.compress(text[:half]) + zstandard.compress(text[half:]),
    }
    for name, data in packed.items():
        (tmp_path / name).write_bytes(data)
        assert read_quotes(tmp_path / name).frame.equals(expected)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.parquet"])
def test_files_that_are_cut_short(tmp_path: Path, name: str) -> None:
    zstandard = pytest.importorskip("zstandard")
    parquet = io.BytesIO()
    many = pl.concat([raw()] * 100).with_columns(ts_event=pl.int_range(T0, T0 + 300))
    many.write_parquet(parquet)
    data = {
        "a.csv.gz": gzip.compress(csv(many)),
        "a.csv.zst": zstandard.compress(csv(many)),
        "a.parquet": parquet.getvalue(),
    }[name]
    for size in (1, 5, len(data) // 2, len(data) - 1):
        (tmp_path / name).write_bytes(data[:size])
        with pytest.raises(DataError, match=rf"{name}: (cannot be read|no column|no records|row)"):
            read_quotes(tmp_path / name)


def test_what_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    pack = zlib.compressobj(1, wbits=31)
    blank = b"".join(pack.compress(b"\n" * 2**20) for _ in range(260)) + pack.flush()
    path = tmp_path / "a.csv.gz"
    path.write_bytes(blank)
    with pytest.raises(
        DataError, match=r"a\.csv\.gz: unpacks to more than 268,435,456 bytes .*max_bytes= raises"
    ):
        read_quotes(path)
    path.write_bytes(gzip.compress(csv(raw())))
    with pytest.raises(DataError, match="unpacks to more than 10 bytes"):
        read_quotes(path, max_bytes=10)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(csv(raw()).replace(b"99.98", b"\xff\xfe\x80"))
    with pytest.raises(DataError, match=r"a\.csv: "):
        read_quotes(tmp_path / "a.csv")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    zstandard = pytest.importorskip("zstandard")
    parquet = io.BytesIO()
    raw().write_parquet(parquet)
    expected = read_quotes(raw()).frame
    for data in (csv(raw()), gzip.compress(csv(raw())), zstandard.compress(csv(raw())), parquet.getvalue()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        quotes = read_quotes("-")
        assert quotes.frame.equals(expected)
        assert quotes.source == "standard input"


def test_a_pattern_names_files_in_order(tmp_path: Path) -> None:
    for day in (2, 1):
        raw(ts_event=[T0 + day * 10 + k for k in range(3)]).write_parquet(tmp_path / f"day{day}.parquet")
    quotes = read_quotes(str(tmp_path / "day?.parquet"))
    assert (len(quotes), quotes.out_of_order) == (6, 0)
    assert quotes.source == f"{tmp_path}/day1.parquet and 1 more"
    assert read_quotes(tmp_path / "**" / "day[12].parquet").frame.equals(quotes.frame)


def test_a_file_given_twice_is_said(tmp_path: Path) -> None:
    raw().write_parquet(tmp_path / "a.parquet")
    raw(ts_event=[T0 + 9] * 3).write_parquet(tmp_path / "b.parquet")
    with pytest.warns(SorWarning, match=r"a\.parquet: given more than once"):
        quotes = read_quotes([tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "." / "a.parquet"])
    assert any("given more than once" in each for each in quotes.warnings)
    frame = raw()
    with pytest.warns(SorWarning, match="given more than once"):
        read_quotes([frame, frame])


# Frames of other libraries


def test_pandas_frames() -> None:
    pd = pytest.importorskip("pandas")
    ours = raw(venue=["A", "B", "A"], bid_sz_00=[100.0, None, 300.0])
    theirs = pd.DataFrame(ours.to_dict(as_series=False))
    assert read_quotes(theirs).frame.equals(read_quotes(ours).frame)
    moments = pd.to_datetime(theirs["ts_event"], utc=True)
    for times in (moments, moments.dt.tz_convert("America/New_York"), moments.dt.tz_localize(None)):
        assert read_quotes(theirs.assign(ts_event=times)).frame.equals(read_quotes(ours).frame)
    indexed = theirs.assign(ts_event=moments).set_index("ts_event")
    assert read_quotes(indexed).frame.equals(read_quotes(ours).frame)
    assert read_quotes(theirs.convert_dtypes()).frame.equals(read_quotes(ours).frame)
    category = theirs.assign(venue=theirs["venue"].astype("category"))
    assert read_quotes(category).frame.equals(read_quotes(ours).frame)


def test_arrow_tables() -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table(raw().to_dict(as_series=False))
    assert read_quotes(table).frame.equals(read_quotes(raw()).frame)


class Capsule:
    """Anything that lends itself as an Arrow stream."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(schema)


def test_anything_with_an_arrow_capsule() -> None:
    assert read_quotes(Capsule(raw())).frame.equals(read_quotes(raw()).frame)


# Databento


def test_dbn_files_and_stores(tmp_path: Path) -> None:
    databento = pytest.importorskip("databento")
    zstandard = pytest.importorskip("zstandard")
    data = dbn_file()
    (tmp_path / "a.dbn").write_bytes(data)
    (tmp_path / "a.dbn.zst").write_bytes(zstandard.compress(data))
    expected = read_quotes(tmp_path / "a.dbn")
    assert expected.frame["ask_sz"].to_list() == [300, 301, 302]
    assert read_quotes(tmp_path / "a.dbn.zst").frame.equals(expected.frame)
    store = databento.DBNStore.from_bytes(data)
    assert read_quotes(store).frame.equals(expected.frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas' own, about what databento does
        table = store.to_df()
    assert read_quotes(table).frame.equals(expected.frame)


def test_a_cut_dbn_file_is_an_error(tmp_path: Path) -> None:
    data = dbn_file(5)
    for size in (2, 20, len(data) - 1, len(data) - 50):
        (tmp_path / "a.dbn").write_bytes(data[:size])
        with pytest.raises(DataError, match=r"a\.dbn: cannot be read as DBN: .*(ends within|begin)"):
            read_quotes(tmp_path / "a.dbn")


def test_a_dbn_file_with_a_bad_byte_in_its_text(tmp_path: Path) -> None:
    data = bytearray(dbn_file())
    place = bytes(data).index(b"XNAS")
    data[place] = 0xFF
    (tmp_path / "a.dbn").write_bytes(bytes(data))
    with suppress(DataError):  # its own error, or none: no version of the decoder may bring about another
        read_quotes(tmp_path / "a.dbn")


def test_symbols_by_dbn_s_own_mapping(tmp_path: Path) -> None:
    (tmp_path / "a.dbn").write_bytes(dbn_file(mappings=mapping()))
    assert read_quotes(tmp_path / "a.dbn").symbol == "ESU4"
    assert len(read_quotes(tmp_path / "a.dbn", symbol="ESU4")) == 3
    assert len(read_quotes(tmp_path / "a.dbn", symbol="5")) == 3
    with pytest.raises(DataError, match="no symbol 'ESZ4'; there is ESU4"):
        read_quotes(tmp_path / "a.dbn", symbol="ESZ4")


@recorded.needs_public(FUTURES.name)
def test_symbols_of_a_public_file() -> None:
    pytest.importorskip("databento")
    quotes = read_quotes(FUTURES, symbol="ESU4")
    assert (quotes.symbol, len(quotes)) == ("ESU4", 2_288)
    assert quotes.venues.rows() == [(0, 1, "GLBX")]


def test_zstandard_is_named_when_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"\0" * 20)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match="pip install zstandard"):
        read_quotes(tmp_path / "a.csv.zst")


# Venues


def test_databento_s_publishers_are_those_of_its_package() -> None:
    publishers = pytest.importorskip("databento.common.publishers")
    assert {each.to_int(): each.value for each in publishers.Publisher}.items() <= PUBLISHERS.items()


def test_venues_by_databento_s_names() -> None:
    ids = pl.Series([2, 43, 2], dtype=pl.UInt16)
    quotes = read_quotes(raw(publisher_id=ids))
    assert quotes.venues["name"].to_list() == ["2", "43"]
    assert venue_index("XNAS", quotes, "venues") == 0
    assert venue_index("XNAS.ITCH.XNAS", quotes, "venues") == 0
    assert venue_index(str(venue_of(43)), quotes, "venues") == 1
    named = read_quotes(raw(publisher_id=ids, rtype=[1] * 3))
    assert named.venues["name"].to_list() == ["XNAS", venue_of(43)]
    with pytest.raises(ParameterError, match=r"venue 'XBOS' is not on the tape, which has XNAS \(2\)"):
        venue_index("XBOS", named, "venues")


def test_two_publishers_of_one_venue_are_told_apart() -> None:
    one, other = ids_named("XNAS")[:2]
    quotes = read_quotes(raw(publisher_id=pl.Series([one, other, one], dtype=pl.UInt16), rtype=[1] * 3))
    assert quotes.venues["name"].to_list() == [PUBLISHERS[one], PUBLISHERS[other]]
    with pytest.raises(ParameterError, match="venue 'XNAS' is more than one of"):
        venue_index("XNAS", quotes, "venues")
    same = read_quotes(raw(venue=["A", "A", "A"]))
    assert same.venues.rows() == [(0, 3, "A (3)"), (1, 7, "A (7)")]


def test_a_venue_may_be_called_like_a_column() -> None:
    names = ["start", "end", "venue"]
    quotes = read_quotes(raw(publisher_id=None, venue=names, ts_event=[T0, T0 + 10**9, T0 + 61 * 10**9]))
    assert quotes.venues["name"].to_list() == sorted(names)
    outflows = sor.probe_outflows(quotes, side="buy", quantity=100, window="60s")
    assert outflows.columns == ["start", "end", "end (venue)", "start (venue)", "venue"]
    assert sor.backtest(quotes, sor.Order("buy", 100)).fills.height > 0


def test_a_tape_holds_as_many_venues_as_its_index_counts() -> None:
    n = 65_536
    frame = pl.DataFrame(
        {"ts_event": range(T0, T0 + n), "publisher_id": range(n), "bid_px_00": 1.0, "bid_sz_00": 1}
    ).with_columns(ask_px_00=pl.lit(1.1), ask_sz_00=1)
    with pytest.raises(DataError, match="65,536 venues; at most 65,535"):
        read_quotes(frame)
    assert read_quotes(frame.head(n - 1)).venues.height == n - 1


def test_texts_that_are_no_columns_of_csv(tmp_path: Path) -> None:
    for text in ("", "\n\n\n", ",,,\n", '"', "a,b\n1"):
        with pytest.raises(DataError, match=r"a\.csv: "):
            read_quotes(write(tmp_path, "a.csv", text))
