"""Every table goes to a file and comes back; JSON says everything where it is asked to."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from sor.results import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORMULA = '=HYPERLINK("http://example.org")'
QUOTES = sor.simulate_quotes(minutes=12, venues=2, price=20.0, spread=4.0, seed=4)
ORDERS = sor.orders_every("3m", side="buy", quantity=2_000, horizon="2m")
RESULTS: dict[str, Callable[[], Any]] = {
    "backtest": lambda: sor.backtest(QUOTES, ORDERS, sor.ContKukanovRouter()),
    "policy": lambda: sor.backtest(QUOTES, ORDERS)["twap"],
    "study": lambda: sor.study(QUOTES, ORDERS, {FORMULA: sor.Sweep(), "other": sor.Twap()}),
    "search": lambda: sor.search(QUOTES, ORDERS, grid={"lambda_under": [0.001, 0.002]}, folds=2),
    "stress": lambda: sor.stress(QUOTES, ORDERS, markets={"as it is": {}, "slow": {"latency": "1s"}}),
}


@pytest.fixture(scope="module", params=RESULTS)
def result(request: pytest.FixtureRequest) -> Any:
    return RESULTS[request.param]()


def test_every_table_comes_back(result: Any, tmp_path: Path) -> None:
    assert len(result.tables) > 1
    for name, frame in result.tables.items():
        assert frame.height
        for ending, read in (
            (".parquet", pl.read_parquet),
            (".arrow", pl.read_ipc),
            (".feather", pl.read_ipc),
        ):
            result.write(tmp_path / f"{name}{ending}", name)
            assert read(tmp_path / f"{name}{ending}").equals(frame)
        result.write(tmp_path / f"{name}.csv", name)
        # Text and numbers as they are, times to the nanosecond.
        schema = {column: pl.String if dtype == pl.Enum else dtype for column, dtype in frame.schema.items()}
        times = [column for column, dtype in schema.items() if isinstance(dtype, pl.Datetime)]
        back = pl.read_csv(tmp_path / f"{name}.csv", schema=schema | dict.fromkeys(times, pl.String))
        back = back.with_columns(
            pl.col(times).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ns", time_zone="UTC")
        )
        assert back.equals(frame.cast(schema))


def test_the_first_table_is_the_default(result: Any, tmp_path: Path) -> None:
    result.write(str(tmp_path / "t.PARQUET"))
    assert pl.read_parquet(tmp_path / "t.PARQUET").equals(next(iter(result.tables.values())))


def cells(path: Path, sheet: int) -> list[list[str]]:
    """The text of a sheet's cells, row by row."""
    with zipfile.ZipFile(path) as book:
        shared = re.findall(r"<si><t[^>]*>(.*?)</t></si>", book.read("xl/sharedStrings.xml").decode())
        rows = re.findall(r"<row .*?</row>", book.read(f"xl/worksheets/sheet{sheet}.xml").decode())
    found = []
    for row in rows:
        parts = re.findall(r"<c ([^>]*?)(?:/>|>(.*?)</c>)", row)
        values = [(kind, re.sub(r"<[^>]+>", "", value)) for kind, value in parts]
        assert "<f>" not in row
        found.append([shared[int(value)] if 't="s"' in kind else value for kind, value in values])
    return found


def test_excel_holds_every_table_without_formulas(result: Any, tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    path = tmp_path / "all.xlsx"
    result.write(path)
    with zipfile.ZipFile(path) as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        assert not [
            name
            for name in book.namelist()
            if "hyperlink" in book.read(name).decode().lower() and "sheet" in name
        ]
    assert names == list(result.tables)
    for number, frame in enumerate(result.tables.values(), 1):
        head, *rows = cells(path, number)
        assert [name.removesuffix(" (UTC)") for name in head] == frame.columns
        assert len(rows) == frame.height
        for name, column in zip(head, zip(*rows, strict=True), strict=True):
            if not name.endswith(" (UTC)"):
                continue
            moments = frame[name.removesuffix(" (UTC)")].dt.replace_time_zone(None).dt.cast_time_unit("ms")
            days = [
                (moment - datetime(1899, 12, 30)).total_seconds() / 86_400 for moment in moments if moment
            ]
            assert [float(cell) for cell in column if cell] == pytest.approx(days, abs=1e-8)


def test_what_excel_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xlsxwriter")
    monkeypatch.setattr(tables, "_MOST_ROWS", 3)
    study = RESULTS["study"]()
    with pytest.raises(
        sor.DataError, match=r"savings has 4 rows and a sheet of Excel holds 3: write \.parquet"
    ):
        study.write(tmp_path / "a.xlsx", "savings")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.txt",), r"path must end in .*\.xlsx, got 'a\.txt'"),
        (("a.parquet", "nothing"), "table must be one of summary, orders, .* got 'nothing'"),
        ((3,), "path must be the path of a file, got 3"),
    ],
)
def test_what_cannot_be_written(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(sor.ParameterError, match=said):
        sor.backtest(QUOTES, ORDERS).write(*arguments)


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow", "xlsx"])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, ending: str) -> None:
    if ending == "xlsx":
        pytest.importorskip("xlsxwriter")
    with pytest.raises(sor.DataError, match=f"nowhere.*{ending}: cannot be written"):
        RESULTS["policy"]().write(tmp_path / "nowhere" / f"a.{ending}")


def test_excel_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(sor.MissingExtra, match=r"pip install 'sor\[excel\]'"):
        RESULTS["policy"]().write(tmp_path / "a.xlsx")


def test_full_json_says_everything(result: Any) -> None:
    if isinstance(result, sor.PolicyView):
        return
    said = json.loads(result.to_json(full=True, indent=None))
    assert said["result"] == json.loads(result.to_json())
    assert said["versions"]["sor"] == sor.__version__
    assert said["settings"]["orders"][0]["quantity"] == 2_000
    (tape,) = said["tapes"]
    assert (tape["records"], tape["digest"]) == (len(QUOTES), QUOTES.digest)
    for name, rows in said["tables"].items():
        assert len(rows) == result.tables[name].height


def test_a_digest_is_of_what_was_read() -> None:
    again = sor.simulate_quotes(minutes=12, venues=2, price=20.0, spread=4.0, seed=4)
    other = sor.simulate_quotes(minutes=12, venues=2, price=20.0, spread=4.0, seed=5)
    assert again.digest == QUOTES.digest != other.digest
    assert re.fullmatch("[0-9a-f]{32}", QUOTES.digest)
    assert again.kept(again.frame.with_columns(ask_sz=pl.col("ask_sz") + 1), None).digest != QUOTES.digest
