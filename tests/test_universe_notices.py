"""What does not fit the tapes of a universe is raised once a result, and said by it wherever it is shown or saved."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sor
from test_notices import steady, tape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

BUY = sor.Order("buy", 1_000, horizon="30s")
SMALL = [(i, "A", 10.0, 80, 10.02, 30 + i % 60) for i in range(61)]
LOT = "lot is 100, and 100% of the quotes that the router could take show less"
GRID = {"lambda_under": [0.001]}
VERBS: dict[str, Callable[..., Any]] = {
    "backtest": sor.backtest,
    "study": sor.study,
    "search": lambda *data, **rest: sor.search(*data, grid=GRID, **rest),
    "stress": lambda *data, **rest: sor.stress(*data, markets={"a": {}, "b": {"limit": "none"}}, **rest),
}


def days(folder: Path, *frames: pl.DataFrame) -> sor.Universe:
    for number, frame in enumerate(frames, start=2):
        frame.write_parquet(folder / f"2024-01-0{number}_A.parquet")
    return sor.Universe(str(folder / "{date}_{symbol}.parquet"))


@pytest.fixture
def small(tmp_path: Path) -> sor.Universe:
    return days(tmp_path, steady(), tape(SMALL), tape(SMALL), tape(SMALL))


def calling(verb: str, *data: Any, **options: Any) -> tuple[Any, list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = VERBS[verb](*data, **options)
    assert all(issubclass(each.category, sor.SorWarning) for each in caught)
    return result, caught


@pytest.mark.parametrize("verb", VERBS)
def test_each_kind_is_raised_once_and_said(small: sor.Universe, verb: str) -> None:
    result, caught = calling(verb, small, BUY)
    assert [str(each.message) for each in caught] == list(result.warnings)
    (sentence,) = result.warnings
    assert sentence.startswith(LOT)
    assert sentence.endswith("(and so on 2 more symbol-days)")
    assert f"note: {sentence}" in " ".join(repr(result).split())
    assert max(map(len, repr(result).splitlines())) <= 80
    assert json.loads(result.to_json())["warnings"] == [sentence]
    assert json.loads(result.to_json(full=True))["result"]["warnings"] == [sentence]
    # They point at the caller's line.
    assert all(each.filename == __file__ for each in caught)


@pytest.mark.parametrize("verb", VERBS)
def test_what_fits_is_not_warned_about(tmp_path: Path, verb: str) -> None:
    result, caught = calling(verb, days(tmp_path, steady(), steady()), BUY)
    assert (result.warnings, caught) == ((), [])
    assert "note: " not in repr(result)


def test_it_is_saved_and_added(small: sor.Universe, tmp_path: Path) -> None:
    result, _ = calling("study", small, BUY)
    result.save(tmp_path / "run")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a saved result is not a new one
        assert sor.load(tmp_path / "run").warnings == result.warnings
        assert sor.rerun(tmp_path / "run") == []
    parts = [calling("study", small[i : i + 2], BUY)[0] for i in (0, 2)]
    assert (parts[1] + parts[0]).warnings == result.warnings
    assert result.rows.notices["unit"].to_list() == [unit.name for unit in small.units[1:]]


def test_what_reading_notices_is_gathered(tmp_path: Path) -> None:
    twice = tape([(i // 2, "A", 100.0, 500, 100.02, 500 + i // 2) for i in range(122)])
    more = tape([(i // 2, "A", 100.0, 500, 100.02, 500 + i // 2) for i in range(124)])
    result, caught = calling("study", days(tmp_path, twice, more, steady()), BUY)
    (sentence,) = result.warnings
    assert [str(each.message) for each in caught] == [sentence]
    assert "61 of 122 records repeat the one before in everything" in sentence
    assert sentence.endswith("(and so on 1 more symbol-day)")


def test_what_reading_notices_of_units_in_several_files_is_one_kind(tmp_path: Path) -> None:
    """The sentence names a unit's first file, which is another one for every symbol."""
    repeated = tape([(i // 3, "A", 10.0, 500, 10.02, 500) for i in range(120)])
    for symbol in ("A", "B", "C"):
        folder = tmp_path / "date=2024-01-02" / f"symbol={symbol}"
        folder.mkdir(parents=True)
        repeated.head(60).write_parquet(folder / "a.parquet")
        repeated.tail(60).write_parquet(folder / "b.parquet")
    universe = sor.Universe(str(tmp_path / "date=*" / "symbol=*" / "*.parquet"))
    result, caught = calling("study", universe, BUY)
    assert [str(each.message) for each in caught] == list(result.warnings)
    (sentence,) = [each for each in result.warnings if "a.parquet" in each]
    assert sentence.endswith("(and so on 2 more symbol-days)")


def test_settings_are_looked_at_without_a_tape(tmp_path: Path) -> None:
    result, caught = calling(
        "study", days(tmp_path, steady(), steady()), sor.Order("buy", 1_000, horizon=300)
    )
    (sentence,) = result.warnings
    assert sentence.startswith("horizon is 300, which is 300 nanoseconds")
    assert [str(each.message) for each in caught] == [sentence]
    result.save(tmp_path / "run")
    assert sor.load(tmp_path / "run").warnings == result.warnings


def test_a_search_looks_at_its_axes(tmp_path: Path) -> None:
    universe = days(tmp_path, steady())
    result, _ = calling("search", universe, BUY)
    assert result.warnings == ()
    with pytest.warns(sor.SorWarning, match="lambda_under is 3, 300% of the price"):
        sor.search(universe, BUY, grid={"lambda_under": [0.001, 3.0]})


def test_workers_and_kept_units_say_the_same(small: sor.Universe, tmp_path: Path) -> None:
    here, _ = calling("study", small, BUY)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        run = sor.Run(executor=pool, resume=tmp_path / "kept.db")
        there, caught = calling("study", small, BUY, run=run)
    kept, again = calling("study", small, BUY, run=sor.Run(resume=tmp_path / "kept.db"))
    assert here.warnings == there.warnings == kept.warnings
    assert [len(each) for each in (caught, again)] == [1, 1]
    assert here.digest == there.digest == kept.digest


@pytest.mark.slow
def test_the_command_line_says_it_once(small: sor.Universe, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sor", "study", str(tmp_path / "{date}_{symbol}.parquet")]
    command += ["--quantity", "1000", "--horizon", "30s", "--every", "30s"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=120, env=os.environ | {"COLUMNS": "80"}
    )
    assert (done.stdout + done.stderr).count("lot is 100") == 1
    public = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(public.stdout)["warnings"][0].startswith(LOT)
    assert public.stderr.count("lot is 100") == 1
