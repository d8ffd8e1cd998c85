"""What the package promises a caller: frozen settings, tables worth looking at, no copies, a light import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import sor
from sor import _core
from sor.replay.lower import Variant, core_variant

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def quotes() -> sor.Quotes:
    return sor.simulate_quotes(venues=3, minutes=5, seed=1)


ORDERS = sor.orders_every("1m", side="buy", quantity=2_000, horizon="2m")


@pytest.fixture(scope="module")
def result(quotes: sor.Quotes) -> sor.Backtest:
    return sor.backtest(quotes, ORDERS)


@pytest.fixture(scope="module")
def search(quotes: sor.Quotes) -> sor.Search:
    return sor.search(quotes, ORDERS)


SETTINGS: dict[type, dict[str, Any]] = {
    sor.Order: {"side": "buy", "quantity": 100},
    sor.Venue: {"id": 1},
    sor.StaticRouter: {},
    sor.ContKukanovRouter: {},
    sor.Book: {},
    sor.Displayed: {},
    sor.QueueAware: {},
    sor.Offer: {"price": 1.0, "size": 1},
    sor.OrderSchedule: {"every": "1m", "side": "buy", "quantity": 1, "horizon": "1m"},
}


@pytest.mark.parametrize(
    ("kind", "given"), SETTINGS.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_settings_are_frozen_values(kind: type, given: dict[str, Any]) -> None:
    one, other = kind(**given), kind(**given)
    assert is_dataclass(one)
    assert one == other
    assert hash(one) == hash(other)
    assert eval(repr(one), vars(sor)) == one
    for field in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(one, field.name, None)
    # Options have names: a call says what its numbers are.
    required = len(given) if kind in (sor.Order, sor.Venue) else 0
    with pytest.raises(TypeError):
        kind(*list(given.values())[:required], *([0] * (len(fields(kind)) - required or 1)))


def test_results_are_frozen(result: sor.Backtest, search: sor.Search, quotes: sor.Quotes) -> None:
    for value, name in ((result, "ledger"), (search, "table"), (quotes, "frame"), (result.ledger, "fills")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)


def test_everything_exported_is_there_and_documented() -> None:
    assert sorted(sor.__all__) == sorted(set(sor.__all__))
    for name in sor.__all__:
        value = getattr(sor, name)
        if callable(value):
            assert value.__doc__, name
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", sor.__version__)


# Tables and text


def test_result_in_words(result: sor.Backtest, search: sor.Search, quotes: sor.Quotes) -> None:
    words = repr(result)
    assert (
        words.splitlines()[0]
        == f"Backtest: {result.orders.height} orders on SYNTH: buy 2,000 shares, 2.0 minutes each"
    )
    for policy in ("router", *sor.BASELINES):
        assert policy in words
    assert "null" not in words
    assert "…" not in words, "a truncated table"
    found = repr(search)
    assert found.startswith("Search (grid): 27 points, best lambda_over=")
    assert "flat: lambda_over: certain fills never exceed the quantity" in found
    assert repr(quotes).startswith("Quotes(SYNTH, ")
    assert repr(quotes.report()).startswith("QuotesReport\n")


@pytest.mark.parametrize("name", ["result", "search", "quotes"])
def test_result_in_html(name: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(name)._repr_html_()
    assert page.count("<table") == page.count("</table>") >= 1
    assert "Traceback" not in page


def test_json_has_the_schema_of_the_public_versions(result: sor.Backtest, search: sor.Search) -> None:
    axes = {"lambda_over", "lambda_under", "theta_queue"}
    public = {"best_ask", "sweep", "twap", "vwap"}
    for text in (result.to_json(), search.backtest.to_json(indent=None)):
        found = json.loads(text)
        assert list(found) == ["best_parameters", "optimized", "baselines", "savings_vs_baselines_bps"]
        assert set(found["best_parameters"]) == axes
        assert set(found["baselines"]) == set(found["savings_vs_baselines_bps"]) == public
        for part in (found["optimized"], *found["baselines"].values()):
            assert set(part) == {"total_cash", "avg_fill_px"}
            assert all(isinstance(value, float) for value in part.values())
    best = json.loads(search.backtest.to_json())
    assert best["best_parameters"] == {axis: getattr(search.best, axis) for axis in axes}
    paid, twap = best["optimized"]["total_cash"], best["baselines"]["twap"]["total_cash"]
    assert best["savings_vs_baselines_bps"]["twap"] == pytest.approx((twap - paid) / twap * 1e4)


def test_json_where_nothing_traded(quotes: sor.Quotes) -> None:
    # Asks come only after the first order's end: it cannot trade, which is not NaN but null.
    late = quotes.frame.with_columns(
        ask_px=pl.when(pl.int_range(pl.len()) < pl.len() - 1).then(2**63 - 1).otherwise("ask_px"),
        ask_sz=pl.when(pl.int_range(pl.len()) < pl.len() - 1).then(0).otherwise("ask_sz").cast(pl.UInt32),
    ).rechunk()
    tape = sor.Quotes(frame=late, venues=quotes.venues, symbol="LATE", source="test")
    nothing = sor.backtest(tape, sor.Order("buy", 100, horizon="1m"))
    assert json.loads(nothing.to_json())["optimized"] == {"total_cash": 0.0, "avg_fill_px": None}
    assert repr(nothing)
    assert nothing.orders["status"].to_list() == ["no_quotes"]


def test_tables_follow_from_the_rows(result: sor.Backtest) -> None:
    cash = result.fills.select(
        (pl.col("quantity") * pl.col("price") + pl.col("fee") - pl.col("rebate")).sum()
    )
    assert result.summary["total_cash"][0] == pytest.approx(cash.item())
    shares = result.fills.group_by("parent").agg(pl.col("quantity").sum())
    assert shares["quantity"].to_list() == [2_000] * result.orders.height
    with pytest.raises(sor.ParameterError, match="policy must be one of router, best_ask"):
        result["nobody"]


def test_results_say_how_they_were_made(result: sor.Backtest, search: sor.Search) -> None:
    assert result.router == sor.StaticRouter()
    assert result.market.book == sor.Book()
    assert [venue.taker_fee for venue in result.market.venues] == [0.0030] * 3
    assert dict(search.axes) == dict(sor.DEFAULT_GRID)


# Columns cross without a copy


def test_columns_are_lent_to_the_core(quotes: sor.Quotes) -> None:
    arrays = quotes.arrays()
    for name, array in arrays.items():
        assert np.shares_memory(array, quotes.frame[name].to_numpy(allow_copy=False))
        assert not array.flags.writeable
        assert not array.flags.owndata


def test_rows_come_back_without_a_copy(quotes: sor.Quotes) -> None:
    parent = (1, 100, quotes.start, quotes.end, 100, 0)
    settings = core_variant(
        Variant(policy=sor.Sweep(), market=sor.Market(venues=[sor.Venue(number) for number in (1, 2, 3)])),
        quotes,
    )
    tables = _core.replay(quotes.lent(), [parent], [settings], record=True, threads=1)
    for column in tables["fills"].values():
        assert not column.flags.owndata, "the core's own vector, handed over"
        assert np.shares_memory(column, pl.Series(column).to_numpy(allow_copy=False))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda ts: np.repeat(ts, 2)[::2], "got a strided 1-dimensional array of int64"),
        (lambda ts: ts.astype(np.float64), "got a contiguous 1-dimensional array of float64"),
        (lambda ts: ts.astype(">i8"), "array of >i8"),
        (lambda ts: ts.reshape(1, -1), "got a contiguous 2-dimensional array of int64"),
        (list, "got <class 'list'>"),
        (lambda _: None, "got <class 'NoneType'>"),
    ],
)
def test_what_the_core_cannot_borrow(quotes: sor.Quotes, wrong: Any, message: str) -> None:
    tape = quotes.arrays()
    with pytest.raises(TypeError) as caught:
        _core.count_states({**tape, "ts": wrong(tape["ts"])}, 3, "last", (0.01, 0))
    assert str(caught.value).startswith("tape.ts must be a contiguous 1-dimensional array of int64, got ")
    assert message in str(caught.value)


def test_columns_that_do_not_make_a_tape(quotes: sor.Quotes) -> None:
    tape = quotes.arrays()
    with pytest.raises(TypeError, match="tape has no column bid_sz"):
        _core.count_states({name: tape[name] for name in tape if name != "bid_sz"}, 3, "last", (0.01, 0))
    for changes, message in (
        ({"ts": tape["ts"][:-1]}, "tape must have columns of one length"),
        ({"ts": np.ascontiguousarray(tape["ts"][::-1])}, "tape.ts must not decrease"),
        ({"venue": tape["venue"] + np.uint16(1)}, "tape.venue must be below the number of venues"),
    ):
        with pytest.raises(sor.DataError, match=message):
            _core.count_states({**tape, **changes}, 3, "last", (0.01, 0))


# A light import, and documents that run


def test_import_brings_nothing_heavy() -> None:
    script = "import sys, polars, numpy; before = {*sys.modules}; import sor; print(*{*sys.modules} - before)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    packages = {name.partition(".")[0] for name in modules}
    assert "sor" in packages
    heavy = {"altair", "vl_convert", "rich", "typer", "scipy", "pandas", "pyarrow", "matplotlib", "databento"}
    assert not packages & heavy
    # What only some calls need, of Python's own and of ours.
    assert not packages & {"asyncio", "concurrent", "html", "sqlite3", "statistics", "tomllib"}
    floors = {".".join(name.split(".")[:2]) for name in modules if name.startswith("sor.")}
    assert not floors & {"sor.cli", "sor.cont_kukanov", "sor.show", "sor.universe"}
    assert not modules & {
        "sor.studies.search",
        "sor.studies.study",
        "sor.studies.stress",
        "sor.results.study",
    }


def test_what_is_loaded_when_it_is_asked_for_is_there() -> None:
    script = "import sor; assert {*sor.__all__} <= {*dir(sor)}; print(*(getattr(sor, name) for name in sor.__all__))"
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    with pytest.raises(AttributeError, match="'nothing'"):
        sor.nothing  # type: ignore[attr-defined]  # noqa: B018


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
BLOCK = re.compile(r"(?P<skip><!-- no-test -->\s*)?^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_in_documents_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = path.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        if block["skip"] is None:
            # As many empty lines before it, so that a traceback shows the line of the document.
            above = "\n" * text.count("\n", 0, block.start("code"))
            exec(compile(above + block["code"], str(path), "exec"), namespace)
