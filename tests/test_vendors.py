"""Every recipe of docs/vendors.md, run on a small file of that maker's form."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import recorded
import sor
from dbn_files import dbn_file, mapping
from raw_frames import T0, raw
from sor.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 10**9
BYTES = pytest.mark.skipif(not hasattr(pl.col("a").bin, "slice"), reason="this polars has no slices of bytes")
PAGE = recorded.ROOT / "docs" / "vendors.md"
SECTIONS = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECIPES = {section.partition("\n")[0]: "".join(CODE.findall(section)) for section in SECTIONS}


def run(maker: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **names: Any) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    namespace: dict[str, Any] = {"sor": sor, "pl": pl, **names}
    exec(compile(RECIPES[maker], str(PAGE), "exec"), namespace)
    return namespace


def test_every_recipe_is_tested() -> None:
    assert set(RECIPES) == {
        "Databento", "NYSE Daily TAQ", "LOBSTER", "Tardis", "Binance, bookTicker", "Polygon (Massive)",
        "nautilus QuoteTick", "Alpaca",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # pandas', about what databento does
def test_databento(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    databento = pytest.importorskip("databento")
    zstandard = pytest.importorskip("zstandard")
    data = dbn_file(mappings=mapping())
    (tmp_path / "xnas-itch.mbp-1.dbn.zst").write_bytes(zstandard.compress(data))
    store = databento.DBNStore.from_bytes(data)
    store.to_csv(tmp_path / "a.csv", pretty_ts=False, pretty_px=False, map_symbols=True)
    (tmp_path / "xnas-itch.mbp-1.csv.zst").write_bytes(zstandard.compress((tmp_path / "a.csv").read_bytes()))
    (tmp_path / "parquet").mkdir()
    store.to_parquet(tmp_path / "parquet" / "a.parquet", map_symbols=True)
    found = run("Databento", tmp_path, monkeypatch, databento=databento)
    expected = found["quotes"]
    assert (expected.symbol, len(expected)) == ("ESU4", 3)
    assert expected.frame["bid_px"].to_list() == [99_990_000_000] * 3
    for name in ("same", "text", "days", "by_arrival"):
        assert found[name].frame.equals(expected.frame)
        assert found[name].venues.equals(expected.venues)
    sor.backtest(expected, sor.Order("buy", 100), market=sor.Market(venues=[found["venue"]]))
    for pretty in (True, False):
        store.to_csv(tmp_path / "b.csv", pretty_ts=pretty, pretty_px=pretty, map_symbols=True)
        assert sor.read_quotes(tmp_path / "b.csv").frame.equals(expected.frame)


TAQ_QUOTES = """Time|Exchange|Symbol|Bid_Price|Bid_Size|Offer_Price|Offer_Size|Quote_Condition|Sequence_Number
093000000000001|N|IBM|160.01|3|160.05|2|R|2
093000000000000|P|IBM|160.02|1|160.04|5|R|1
093000000000500|N|MSFT|370.01|3|370.05|2|R|3
093001250000000|P|IBM|0|0|160.04|5|R|4
"""
TAQ_TRADES = """Time|Exchange|Symbol|Sale Condition|Trade Volume|Trade Price|Trade Correction Indicator|Sequence Number
093000100000000|N|IBM|@F I|30|160.05|00|11
093000200000000|N|IBM|@4 W|100|160.00|00|12
093000300000000|P|IBM|@|100|160.04|08|13
093000400000000|P|IBM||200|160.04|01|14
093000400000000|P|IBM||200|160.04|01|14
093000500000000|D|IBM|@|200|160.04|00|15
"""


def test_nyse_daily_taq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "SPLITS_US_ALL_BBO_I_20240102.csv.gz").write_bytes(gzip.compress(TAQ_QUOTES.encode()))
    (tmp_path / "EQY_US_ALL_TRADE_20240102.csv.gz").write_bytes(gzip.compress(TAQ_TRADES.encode()))
    found = run("NYSE Daily TAQ", tmp_path, monkeypatch)
    quotes, trades = found["quotes"], found["trades"]
    assert quotes.symbol == "IBM"
    assert quotes.frame["ts"].to_list() == [T0, T0 + 1, T0 + 1_250_000_000]
    assert quotes.frame["bid_sz"].to_list() == [100, 300, 0]
    assert quotes.frame["ask_px"].to_list() == [160_040_000_000, 160_050_000_000, 160_040_000_000]
    assert trades.frame["size"].to_list() == [30, 200]
    assert (trades.excluded, trades.corrected, trades.repeated, trades.off_venue) == (1, 1, 1, 1)


def test_lobster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stem = "AAPL_2012-06-21_34200000_57600000"
    messages = "34200.004241176,1,16113575,18,5853300,1\n34200.025551909,1,16120456,18,5859100,-1\n"
    book = "5859400,200,5853300,18\n9999999999,0,5859100,18\n"
    (tmp_path / f"{stem}_message_1.csv").write_text(messages)
    (tmp_path / f"{stem}_orderbook_1.csv").write_text(book)
    quotes = run("LOBSTER", tmp_path, monkeypatch)["quotes"]
    open_ = 1_340_285_400 * SECOND
    assert quotes.frame["ts"].to_list() == [open_ + 4_241_176, open_ + 25_551_909]
    assert quotes.frame["bid_px"].to_list() == [585_330_000_000, 585_910_000_000]
    assert quotes.frame["ask_sz"].to_list() == [200, 0]


def test_tardis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount
huobi-dm-swap,BTC-USD,1588291201099000,1588291201234268,5494,8629.3,8629.2,806
huobi-dm-swap,BTC-USD,1588291201133000,1588291201454126,5493,8629.3,8629.2,806
"""
    path = tmp_path / "huobi-dm-swap_quotes_2020-05-01_BTC-USD.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    quotes = run("Tardis", tmp_path, monkeypatch)["quotes"]
    assert quotes.frame["ts"].to_list() == [1_588_291_201_099_000_000, 1_588_291_201_133_000_000]
    assert quotes.venues["name"].to_list() == ["huobi-dm-swap"]
    assert (quotes.symbol, quotes.frame["ask_sz"].to_list()) == ("BTC-USD", [5_494, 5_493])


def test_binance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time
3801,42304.30000000,2.123,42304.40000000,10.5,1704153600012,1704153600017
3802,42304.30000000,0.001,42304.40000000,,1704153600012,1704153600018
"""
    (tmp_path / "BTCUSDT-bookTicker-2024-01-02.csv").write_text(text)
    quotes = run("Binance, bookTicker", tmp_path, monkeypatch)["quotes"]
    assert quotes.frame["bid_sz"].to_list() == [2_123, 1]
    assert quotes.frame["ask_sz"].to_list() == [10_500, 0]
    assert quotes.size_unit == 0.001
    assert quotes.start == 1_704_153_600_012_000_000


def test_polygon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quotes = """ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,sequence_number,sip_timestamp
IBM,11,160.05,2,12,160.01,3,"1,93",1,1704205800000000100
MSFT,11,370.05,2,12,370.01,3,,2,1704205800000000200
"""  # noqa: E501
    trades = """ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size
IBM,"14,41",0,11,1,1704205801000000000,160.05,5,1704205801000000100,100
IBM,"12,2",0,11,2,1704205801000000000,160.00,6,1704205801000000200,100
IBM,,0,11,3,1704205801000000000,160.04,7,1704205801000000300,100
IBM,37,8,11,4,1704205801000000000,160.04,8,1704205801000000400,100
"""
    (tmp_path / "quotes_v1_2024-01-02.csv.gz").write_bytes(gzip.compress(quotes.encode()))
    (tmp_path / "trades_v1_2024-01-02.csv.gz").write_bytes(gzip.compress(trades.encode()))
    found = run("Polygon (Massive)", tmp_path, monkeypatch)
    assert found["nbbo"].frame["ask_sz"].to_list() == [200]
    assert found["trades"].frame["price"].to_list() == [160_050_000_000, 160_040_000_000]
    assert (found["trades"].excluded, found["trades"].corrected) == (1, 1)
    names = {
        "sip_timestamp": "ts_event",
        "ticker": "symbol",
        "bid_price": "bid_px_00",
        "ask_price": "ask_px_00",
        "bid_size": "bid_sz_00",
    }
    with pytest.raises(DataError, match=r"bid_exchange, ask_exchange.*no order can be routed"):
        sor.read_quotes(
            tmp_path / "quotes_v1_2024-01-02.csv.gz", symbol="IBM", columns=names | {"ask_size": "ask_sz_00"}
        )


@BYTES
@pytest.mark.parametrize("width", [8, 16])
def test_nautilus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    scale = 10 ** (9 if width == 8 else 16)

    def fixed(*values: float) -> list[bytes]:
        return [
            (round(each * 10**5) * scale // 10**5).to_bytes(width, "little", signed=True) for each in values
        ]

    frame = pl.DataFrame(
        {
            "bid_price": fixed(0.65312, 0.65313),
            "ask_price": fixed(0.65314, 0.65315),
            "bid_size": fixed(1_000_000, 5),
            "ask_size": fixed(2_000_000, 7),
            "ts_event": pl.Series([T0, T0 + 1], dtype=pl.UInt64),
            "ts_init": pl.Series([T0, T0 + 1], dtype=pl.UInt64),
        }
    )
    folder = tmp_path / "catalog" / "data" / "quote_tick" / "AUD-USD.SIM"
    folder.mkdir(parents=True)
    frame.write_parquet(folder / "part-0.parquet")
    quotes = run("nautilus QuoteTick", tmp_path, monkeypatch)["quotes"]
    assert quotes.frame["bid_px"].to_list() == [653_120_000, 653_130_000]
    assert quotes.frame["ask_px"].to_list() == [653_140_000, 653_150_000]
    assert quotes.frame["ask_sz"].to_list() == [2_000_000, 7]


@BYTES
@recorded.needs_public("quotes.parquet")
def test_a_public_nautilus_file() -> None:
    names = {
        "bid_price": "bid_px_00",
        "bid_size": "bid_sz_00",
        "ask_price": "ask_px_00",
        "ask_size": "ask_sz_00",
    }
    quotes = sor.read_quotes(recorded.PUBLIC / "quotes.parquet", columns=names, venue="SIM")
    assert len(quotes) > 1_000
    assert (quotes.frame["bid_px"] < quotes.frame["ask_px"]).all()


@recorded.needs_public("btcusdt-quotes.parquet")
def test_a_public_file_of_sizes_with_fractions() -> None:
    names = {"timestamp": "ts_event", "bid": "bid_px_00", "ask": "ask_px_00", "bid_size": "bid_sz_00"}
    path = recorded.PUBLIC / "btcusdt-quotes.parquet"
    quotes = sor.read_quotes(path, columns=names | {"ask_size": "ask_sz_00"}, venue="BINANCE", size_unit=1e-6)
    assert quotes.frame["bid_sz"].head(3).to_list() == [3_100, 2_000_000, 330_000]
    assert quotes.symbol == "BTC/USDT"


def test_alpaca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {
            "t": "2024-01-02T14:30:00.000000001Z",
            "ax": "V",
            "ap": 160.05,
            "as": 2,
            "bx": "K",
            "bp": 160.01,
            "bs": 3,
        },
        {"t": "2024-01-02T14:30:00.5Z", "ax": "V", "ap": 160.06, "as": 1, "bx": "K", "bp": 0, "bs": 0},
    ]
    (tmp_path / "quotes.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    quotes = run("Alpaca", tmp_path, monkeypatch)["quotes"]
    assert quotes.frame["ts"].to_list() == [T0 + 1, T0 + SECOND // 2]
    assert quotes.frame["bid_sz"].to_list() == [300, 0]


def test_a_table_of_ours_needs_no_argument() -> None:
    assert len(sor.read_quotes(raw())) == 3
