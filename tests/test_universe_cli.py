"""A universe on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
import sor
from universes import HIVE, day, write_universe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = ("--every", "2m", "--horizon", "1m", "--quantity", "500", "--side", "both")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    write_universe(folder, days=2)
    return folder


def test_study_save_run_again_and_compare(root: Path, tmp_path: Path, shown: Callable[..., str]) -> None:
    out, rows = tmp_path / "run", tmp_path / "rows"
    said = shown("study", root / HIVE, *ORDERS, "--out", out, "--rows", rows)
    assert "UniverseStudy: router on 16 orders of 4 symbol-days" in said
    assert "wrote units.parquet, sums.parquet, savings.parquet, inputs.parquet, notices.parquet" in said
    result = sor.load(out)
    assert pl.scan_parquet(rows / "fills").select(pl.len()).collect().item() == result.summary["fills"].sum()
    assert shown("rerun", out) == f"{out}: the same, digest {result.digest}\n"
    # The settings it wrote make it again.
    assert shown("study", "--config", out / "run.toml") == said.partition("\nwrote")[0]
    # Half of it: the config says which half, and the comparison names what is missing.
    half = tmp_path / "half"
    shown("study", "--config", out / "run.toml", "--set", 'universe.symbols=["AAA"]', "--out", half)
    assert sor.load(half).units["symbol"].unique().to_list() == ["AAA"]


def test_differences_are_exit_code_1(
    root: Path, tmp_path: Path, sor_command: Callable[..., tuple[int, str, str]]
) -> None:
    universe = sor.Universe(str(root / HIVE))
    orders = sor.orders_every("2m", quantity=500, side="buy", horizon="1m")
    for name, some in (("a", universe[:2]), ("b", universe[2:])):
        sor.study(some, orders, ("sweep", "best_ask")).save(tmp_path / name)
    code, out, err = sor_command("diff", tmp_path / "a", tmp_path / "b")
    assert (code, err) == (1, "")
    assert out.startswith(f"input {root}/quotes/date={day(0)}/symbol=AAA/tape.parquet: ")
    assert sor_command("diff", tmp_path / "a", tmp_path / "a")[0] == 0


def test_other_verbs(root: Path, tmp_path: Path, shown: Callable[..., str]) -> None:
    options = (*ORDERS, "--set", "universe.since=2024-01-03")
    assert "UniverseStudy: router on 8 orders of 2 symbol-days" in shown("backtest", root / HIVE, *options)
    grid = ("--set", "search.grid.lambda_under=[0.0, 0.001]")
    said = shown("search", root / HIVE, *options, *grid, "--out", tmp_path)
    assert "UniverseSearch (grid): 2 points" in said
    found = sor.load(tmp_path)
    assert isinstance(found, sor.UniverseSearch)
    assert found.in_sample.units.height == 2
    markets = ("--set", "stress.markets.fees.taker_fee=0.01", "--out", tmp_path / "stress")
    said = shown("stress", root / HIVE, *options, *markets)
    assert "UniverseStress" in said
    # What it wrote makes it again, by its settings and by its folder.
    again = shown("stress", "--config", tmp_path / "stress" / "run.toml")
    assert again == said.partition("\nwrote")[0]
    for folder in (tmp_path, tmp_path / "stress"):
        assert ": the same, digest " in shown("rerun", folder)


def test_no_page_of_what_is_no_study(root: Path, tmp_path: Path, complaint: Callable[..., str]) -> None:
    sor.stress(sor.Universe(str(root / HIVE)), sor.Order("buy", 100), markets={"base": {}}).save(tmp_path)
    assert "a page is made of a study" in complaint("report", tmp_path, "-o", tmp_path / "page.html")


def test_what_goes_not_together(root: Path, complaint: Callable[..., str]) -> None:
    tape = next((root / "quotes").glob("*/*/*.parquet"))
    link = root / "tape.parquet"
    link.symlink_to(tape)
    assert "--rows is for a universe" in complaint("study", link, "--rows", "rows")
    assert "--workers is for this machine" in complaint(
        "study", root / HIVE, "--workers", 2, "--scheduler", "x"
    )
    assert "--explain is for tapes" in complaint("backtest", root / HIVE, *ORDERS, "--explain", "0")
    assert "a universe has no option 'speed'" in complaint("study", root / HIVE, "--set", "universe.speed=1")
    assert "the filters leave none of 4 symbol-days" in complaint(
        "study", root / HIVE, "--set", "universe.since=2025-01-01"
    )
