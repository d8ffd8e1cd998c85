"""A fill model of one's own is at home wherever a built-in one is."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from ledgers import ledger_bytes
from test_own_fills import ORDERS, QUOTES, constant, thins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN = sor.Run(threads=2, progress=False)
MINE = sor.FillFunction(thins, parameters={"share": 0.7})
HALF = sor.Market(fill=constant(0.5))


def test_study_search_and_steps() -> None:
    market = sor.Market(fill=MINE)
    studied = sor.study(QUOTES, ORDERS, ["sweep", "best_ask"], market=market, run=RUN)
    assert studied.market.fill == MINE
    grid = {"lambda_under": [0.0001, 0.01]}
    found = sor.search(QUOTES, ORDERS, sor.StaticRouter(plan="fills"), grid=grid, market=market, run=RUN)
    assert found.table["shortfall_bps"].n_unique() == 2
    swept = []
    for step in (stepping := sor.steps(QUOTES, sor.Order("buy", 500, horizon="10s"), market=market)):
        if (there := int(step.view.available[0])) > 0 and step.view.remaining > 0:
            swept.append(step.take(0, min(there, step.view.remaining)))
    assert swept
    assert stepping.result.children["fill_probability"].drop_nulls().max() < 0.7


def test_stress_and_report(tmp_path: Path) -> None:
    markets = {"all": {}, "half": {"fill": constant(0.5)}, "mine": {"fill": MINE}}
    found = sor.stress(QUOTES, ORDERS, markets=markets, run=RUN)
    assert found.table.height == 3
    mean = dict(found.table.select("market", "shortfall_bps").rows())
    assert len(set(mean.values())) == 3
    backtest = sor.study(QUOTES, ORDERS, market=sor.Market(fill=MINE), run=RUN)
    backtest.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "thins" in page
    assert json.loads(backtest.to_json(full=True))["settings"]["market"]["fill"]["parameters"] == {
        "share": 0.7
    }


def test_resume_knows_another_model(tmp_path: Path) -> None:
    asked = []

    def counted(child: sor.FillChild, quote: sor.FillQuote, share: float) -> tuple[float, int]:
        asked.append(1)
        return min(child.quantity, quote.available) * share, quote.price

    def kept(share: float, **said: Any) -> sor.Backtest:
        fill = sor.FillFunction(counted, parameters={"share": share}, **said)
        run = sor.Run(resume=tmp_path / f"{share}.db", progress=False)
        return sor.backtest(QUOTES, ORDERS, against=(), market=sor.Market(fill=fill), run=run)

    first = kept(0.5, version="1")
    once = len(asked)
    assert once > 0
    assert ledger_bytes(kept(0.5, version="1").ledger) == ledger_bytes(first.ledger)
    assert len(asked) == once, "taken from the file"
    with pytest.raises(sor.ParameterError, match="results of other market"):
        kept(0.5, version="2")
    with pytest.raises(sor.ParameterError, match="results of other market"):
        kept(0.5)  # a closure without a version: nobody knows what it depends on
    run = sor.Run(resume=tmp_path / "table.db", progress=False)
    sor.backtest(QUOTES, ORDERS, market=HALF, run=run)
    sor.backtest(QUOTES, ORDERS, market=sor.Market(fill=constant(0.5)), run=run)
    with pytest.raises(sor.ParameterError, match="results of other market"):
        sor.backtest(QUOTES, ORDERS, market=sor.Market(fill=constant(0.6)), run=run)


SOURCE = """
def mine(child, quote, share=0.5):
    return min(child.quantity, quote.available) * share, quote.price
"""


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "tape.parquet"
    sor.simulate_quotes(venues=2, minutes=5, seed=1).write(path)
    return path


def test_another_source_is_another_model(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE, encoding="utf-8")
    first, same = (sor.FillFunction(f"{file}:mine") for _ in range(2))
    file.write_text(SOURCE.replace("0.5", "0.25"), encoding="utf-8")
    second = sor.FillFunction(f"{file}:mine")
    assert first == same != second
    assert first != sor.FillFunction(first.function, parameters={"share": 0.5})
    assert first != sor.FillFunction(first.function, mode="sampled")
    assert len({first, same, second}) == 2
    assert sor.Market(fill=first) == sor.Market(fill=same) != sor.Market(fill=second)


@pytest.mark.parametrize("kind", ["function", "table"])
def test_the_command_line_and_back(tmp_path: Path, tape: Path, shown: Callable[..., str], kind: str) -> None:
    order = ("--side", "buy", "--quantity", "1000", "--horizon", "1m", "--every", "1m")
    if kind == "function":
        file = tmp_path / "mine.py"
        file.write_text(SOURCE, encoding="utf-8")
        spec = f"{file}:mine"
        fill: Any = sor.FillFunction(spec)
    else:
        spec = str(tmp_path / "fills.csv")
        pl.DataFrame({"displayed": [1, 1], "sent": [1, 9], "probability": [0.5, 0.4]}).write_csv(spec)
        fill = sor.FillTable(spec)
    said = json.loads(shown("backtest", tape, *order, "--fill", spec, "--json"))
    orders = sor.orders_every(side="buy", quantity=1_000, horizon="1m", every="1m")
    found = sor.backtest(sor.read_quotes(tape), orders, market=sor.Market(fill=fill))
    assert said["optimized"] == found.to_dict()["optimized"]
    assert said["optimized"] != sor.backtest(sor.read_quotes(tape), orders).to_dict()["optimized"]
    config = tmp_path / "run.toml"
    config.write_text(found.config().replace(found.made.files[0], str(tape)), encoding="utf-8")
    assert json.loads(shown("backtest", tape, "--config", config, "--json"))["optimized"] == said["optimized"]


def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, tape: Path, complaint: Callable[..., str]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE.replace("return", "1 / 0; return"), encoding="utf-8")
    said = complaint("backtest", tape, "--fill", f"{file}:mine")
    assert said.startswith("fill model mine, order buy ")
    assert said.endswith("ZeroDivisionError: division by zero")
    assert complaint("backtest", tape, "--fill", "half").startswith(
        "fill must be displayed, queue, the path of a table"
    )
    assert "has no 'other'" in complaint("backtest", tape, "--fill", f"{file}:other")


@pytest.mark.slow
@pytest.mark.parametrize("fill", [MINE, constant(0.5, mode="sampled", seed=3)])
def test_a_universe_in_processes(tmp_path: Path, fill: Any) -> None:
    assert pickle.loads(pickle.dumps(fill)) == fill
    for date in ("20240102", "20240103"):
        sor.simulate_quotes(venues=2, minutes=5, seed=1).write(tmp_path / f"{date}_SYNTH.parquet")
    universe = sor.Universe(str(tmp_path / "{date}_{symbol}.parquet"))
    order, market = sor.Order("buy", 5_000), sor.Market(fill=fill)
    here = sor.study(universe, order, ["sweep", "twap"], market=market, run=RUN)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = sor.study(
            universe, order, ["sweep", "twap"], market=market, run=sor.Run(executor=pool, progress=False)
        )
    assert here.rows.digest() == there.rows.digest()
    plain = sor.study(universe, order, ["sweep", "twap"], run=RUN)
    assert plain.rows.digest() != here.rows.digest()


def test_a_failing_model_is_a_bad_unit_of_a_universe(tmp_path: Path) -> None:
    def fails(child: object, quote: object) -> Any:
        raise LookupError("not in the table")

    sor.simulate_quotes(venues=2, minutes=5, seed=1).write(tmp_path / "20240102_SYNTH.parquet")
    universe = sor.Universe(str(tmp_path / "{date}_{symbol}.parquet"))
    with pytest.raises(sor.SorError, match="LookupError: not in the table"):
        sor.study(
            universe,
            sor.Order("buy", 500),
            ["sweep", "twap"],
            market=sor.Market(fill=sor.FillFunction(fails)),
            run=RUN,
        )
