"""Orders in a table are the orders of its rows, to the nanosecond; what is wrong names its row."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from sor.settings import listed
from sor.settings.frames import read_table
from sor.settings.listed import as_orders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BEGIN = 1_704_205_800_123_456_789
START = "2024-01-02T14:30:00.123456789Z"


@pytest.fixture(scope="module")
def quotes() -> sor.Quotes:
    return sor.simulate_quotes(minutes=5, records=500, seed=4)


def moments(*values: int | None, zone: str | None = "UTC", unit: Any = "ns") -> pl.Series:
    return pl.Series(values, dtype=pl.Int64).cast(pl.Datetime(unit)).dt.replace_time_zone(zone)


def test_every_column_is_an_argument() -> None:
    table = pl.DataFrame(
        {
            "side": ["buy", "sell"],
            "quantity": [1_000, 2_500],
            "start": [START, "09:30"],
            "horizon": ["5m", "90s"],
            "lot": [1, None],
            "tz": [None, "America/New_York"],
        }
    )
    assert as_orders(table) == (
        sor.Order("buy", 1_000, start=START, horizon="5m", lot=1),
        sor.Order("sell", 2_500, start="09:30", horizon="90s", tz="America/New_York"),
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (moments(BEGIN), moments(BEGIN + 7)),
        (moments(BEGIN).dt.convert_time_zone("Asia/Tokyo"), moments(BEGIN + 7, zone=None)),
        ([START], ["2024-01-02T14:30:00.123456796Z"]),
        ([BEGIN], [BEGIN + 7]),
    ],
    ids=["UTC", "Tokyo and no zone", "text", "integers"],
)
def test_times_to_the_nanosecond(start: Any, end: Any) -> None:
    table = pl.DataFrame({"side": ["buy"], "quantity": [100], "start": start, "end": end})
    (order,) = as_orders(table)
    assert order == sor.Order("buy", 100, start=order.start, horizon=7)
    assert sor.Order("buy", 100, start=START).start == order.start or order.start == BEGIN


def test_coarse_units_do_not_wrap() -> None:
    table = pl.DataFrame({"side": ["buy"], "quantity": [100], "start": moments(10**18, unit="ms")})
    with pytest.raises(sor.ParameterError, match=r"orders, row 1: start is 10{24}; expected a time between"):
        as_orders(table)


def test_kinds_of_columns() -> None:
    table = pl.DataFrame(
        {
            "side": pl.Series(["sell"], dtype=pl.Enum(["buy", "sell"])),
            "quantity": [300.0],
            "start": [dt.time(9, 30, 0, 5)],
            "horizon": [dt.timedelta(minutes=5)],
        }
    )
    (order,) = as_orders(table)
    assert order == sor.Order("sell", 300, start="09:30:00.000005000", horizon=300 * 10**9)


def test_frames_and_files_of_any_kind_are_one(quotes: sor.Quotes, tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "side": ["buy", "sell", "buy"],
            "quantity": [500, 700, 900],
            "start": moments(*(BEGIN + k * 60 * 10**9 for k in range(3))),
            "horizon": ["30s", "1m", "20s"],
        }
    )
    table.write_parquet(tmp_path / "orders.parquet")
    table.write_csv(tmp_path / "orders.csv")
    rows = [sor.Order(row["side"], row["quantity"], start=BEGIN + k * 60 * 10**9, horizon=row["horizon"])
            for k, row in enumerate(table.to_dicts())]  # fmt: skip
    expected = sor.backtest(quotes, rows)
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    asked = [table, table.lazy(), table.to_arrow(), table.to_pandas()]
    for orders in (*asked, tmp_path / "orders.parquet", str(tmp_path / "orders.csv")):
        assert sor.backtest(quotes, orders).orders.equals(expected.orders)
    study = sor.study(quotes, tmp_path / "orders.csv")
    assert study.parents.height == 3
    assert sor.study(quotes, table).summary.equals(study.summary)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"quantity": [1]}, "orders: no column side; expected columns side and quantity"),
        ({"side": ["buy"], "quantity": [1], "limit": [9.9]}, "orders: an order has no 'limit'; expected columns side"),
        ({"side": [], "quantity": []}, "orders: no rows"),
        ({"side": ["buy", None], "quantity": [1, 1]}, "orders, row 2: side is empty"),
        ({"side": ["buy", "buy"], "quantity": [1, 0]}, "orders, row 2: quantity must be a whole number from 1"),
        ({"side": ["buy"], "quantity": [1.5]}, "orders, row 1: quantity must be a whole number"),
        ({"side": ["bought"], "quantity": [1]}, "orders, row 1: side must be one of"),
        ({"side": ["buy"], "quantity": [1], "start": ["noon"]}, "orders, row 1: start is 'noon'"),
        ({"side": ["buy"], "quantity": [1], "end": [BEGIN]}, "orders, row 1: an end needs a start"),
        (
            {"side": ["buy"], "quantity": [1], "start": ["09:30"], "end": ["10:00"]},
            "orders, row 1: an end needs a start, both of them moments",
        ),
        (
            {"side": ["buy"], "quantity": [1], "start": [BEGIN], "end": [BEGIN]},
            "orders, row 1: end is 1704205800123456789; expected one after start",
        ),
        (
            {"side": ["buy"], "quantity": [1], "start": [BEGIN], "end": [BEGIN + 1], "horizon": ["5m"]},
            "orders, row 1: both horizon and end",
        ),
    ],
)  # fmt: skip
def test_wrong_tables(table: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(sor.ParameterError, match=message):
        as_orders(pl.DataFrame(table))


def test_a_row_with_a_comma_too_many_is_named(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("side,quantity\nbuy,500\nbuy,1,000\n")
    with pytest.raises(sor.DataError, match="row 2 has 3 fields, and the header 2; a number with a comma"):
        as_orders(tmp_path / "orders.csv")


@pytest.mark.parametrize("verb", [sor.backtest, sor.search, sor.study, sor.stress])
def test_a_file_is_read_once(
    quotes: sor.Quotes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: Callable[..., Any]
) -> None:
    """What is replayed is what the result's settings say, whatever becomes of the file."""
    (tmp_path / "orders.csv").write_text(f"side,quantity,start,horizon\nbuy,500,{START},30s\n")
    reads: list[str] = []

    def counted(path: str, name: str) -> pl.DataFrame:
        reads.append(name)
        return read_table(path, name)

    monkeypatch.setattr(listed, "read_table", counted)
    verb(quotes, tmp_path / "orders.csv")
    assert reads == ["orders"]


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        as_orders(tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(sor.DataError, match=r"orders: .*bad\.parquet cannot be read"):
        as_orders(tmp_path / "bad.parquet")


def test_the_command_line(
    quotes: sor.Quotes, tmp_path: Path, shown: Callable[..., str], complaint: Callable[..., str]
) -> None:
    quotes.write(tmp_path / "day.parquet")
    path = tmp_path / "orders.csv"
    path.write_text(f"side,quantity,start,horizon\nbuy,500,{START},30s\nsell,700,,20s\n")
    found = shown("backtest", tmp_path / "day.parquet", "--orders", path, "--json")
    assert found == sor.backtest(tmp_path / "day.parquet", path).to_json() + "\n"
    shown("study", tmp_path / "day.parquet", "--orders", path, "--out", tmp_path / "out")
    again = shown("study", "--config", tmp_path / "out" / "run.toml", "--json")
    assert again == shown("study", tmp_path / "day.parquet", "--orders", path, "--json")
    (tmp_path / "run.toml").write_text(f'files = ["{tmp_path / "day.parquet"}"]\norders = "{path}"\n')
    assert shown("backtest", "--config", tmp_path / "run.toml", "--json") == found
    said = complaint("backtest", tmp_path / "day.parquet", "--orders", path, "--quantity", 5)
    assert said == f"--quantity: the orders are those of {path}; change it there"
