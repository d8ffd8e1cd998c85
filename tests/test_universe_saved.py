"""Runs that are handed over: saved, read back, computed again, compared."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from universes import HIVE, ORDERS, POLICIES, day, write_universe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    universe = write_universe(folder, days=2)
    router = sor.StaticRouter(lambda_under=0.002)
    market = sor.Market(venues=(sor.Venue("V1", taker_fee=0.001),), latency="1ms", fill=sor.QueueAware())
    sor.study(universe, ORDERS, {"mine": router, "sweep": "sweep"}, market=market).save(folder / "run")
    return folder


def test_a_saved_study_is_read_back_whole(root: Path) -> None:
    result = sor.load(root / "run")
    manifest = json.loads((root / "run/manifest.json").read_text())
    assert manifest["result"] == result.digest
    assert manifest["versions"]["build"]
    assert manifest["seeds"] == {"bootstrap": 0, "fill": 0}
    assert sorted(manifest["inputs"]) == sorted(
        path for unit in sor.Universe(str(root / HIVE)).units for path in unit.paths
    )
    assert result.policies["mine"] == sor.StaticRouter(lambda_under=0.002)
    assert result.market.fill == sor.QueueAware()
    assert result.policy == "mine"
    result.save(root / "again")
    for path in (root / "run").iterdir():
        assert path.read_bytes() == (root / "again" / path.name).read_bytes(), path.name


def test_computed_again_it_is_the_same(root: Path) -> None:
    assert sor.rerun(root / "run") == []


GRID = {"lambda_under": [0.0, 0.001]}
CHANGES = {
    "base": {},
    "changed": {"taker_fee": 0.001, "collar": None, "depletion": "none", "fill": sor.QueueAware(seed=3)},
    "venues": {"venues": (sor.Venue("V1", latency="1ms"),)},
    "whole": sor.Market(latency="1ms"),
}
OTHERS: dict[str, Callable[[sor.Universe], Any]] = {
    "search": lambda universe: sor.search(universe, ORDERS, grid=GRID, folds=1),
    "search of two objectives": lambda universe: sor.search(
        universe, ORDERS, sor.StaticRouter(theta_queue=0.0002), grid=GRID, objective=["quantile", "std"]
    ),
    "stress": lambda universe: sor.stress(universe, ORDERS, against=("sweep",), markets=CHANGES),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "two" in name else ()) for name in OTHERS]
)
def test_what_else_is_saved_is_read_back_whole_and_computed_again(
    name: str, root: Path, tmp_path: Path
) -> None:
    result = OTHERS[name](sor.Universe(str(root / HIVE)))
    result.save(tmp_path / "run")
    again = sor.load(tmp_path / "run")
    assert again.digest == result.digest
    assert repr(again) == repr(result)
    assert again.config() == result.config()
    for table, frame in result.tables.items():
        assert again.tables[table].equals(frame), table
    again.save(tmp_path / "again")
    files = [path.relative_to(tmp_path / "run") for path in (tmp_path / "run").rglob("*") if path.is_file()]
    for file in files:
        assert (tmp_path / "run" / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file
    assert sor.rerun(tmp_path / "run") == []


def test_a_saved_search_has_its_front_and_its_frontier(root: Path, tmp_path: Path) -> None:
    result = sor.search(sor.Universe(str(root / HIVE)), ORDERS, grid=GRID, objective=["mean", "std"])
    result.save(tmp_path / "run")
    again = sor.load(tmp_path / "run")
    assert isinstance(again, sor.UniverseSearch)
    assert again.front.equals(result.front)
    assert again.frontier().equals(result.frontier())
    assert again.in_sample.digest == result.in_sample.digest


def test_a_part_is_saved_where_it_can_be_made_again(root: Path, tmp_path: Path) -> None:
    universe = sor.Universe(str(root / HIVE))
    found = sor.search(universe, ORDERS, grid=GRID, folds=1)
    found.in_sample.save(tmp_path / "inside")
    assert sor.rerun(tmp_path / "inside") == []
    assert found.out_of_sample is not None
    stress = sor.stress(universe, ORDERS, markets={"base": {}})
    for part, whole in ((found.out_of_sample, "search"), (stress["base"], "stress")):
        with pytest.raises(sor.ParameterError, match=f"a part of a {whole}, .* save the whole"):
            part.save(tmp_path / "part")


def test_a_byte_of_an_input_of_a_search_is_named(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "quotes", tmp_path / "quotes")
    sor.search(sor.Universe(str(tmp_path / HIVE)), ORDERS, grid=GRID).save(tmp_path / "run")
    path = tmp_path / "quotes" / f"date={day(1)}" / "symbol=AAA" / "tape.parquet"
    kept = path.read_bytes()
    path.write_bytes(kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:])
    assert sor.rerun(tmp_path / "run")[0] == f"input {path}: its bytes have changed since the run"


def test_the_same_data_elsewhere_give_the_same(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "quotes", tmp_path / "quotes")
    first, second = (
        sor.study(sor.Universe(str(place / HIVE)), ORDERS, POLICIES) for place in (root, tmp_path)
    )
    assert first.digest == second.digest
    assert first.inputs["digest"].to_list() == second.inputs["digest"].to_list()
    assert first.inputs["path"].to_list() != second.inputs["path"].to_list()


def test_one_flipped_byte_is_named(root: Path, tmp_path: Path) -> None:
    path = root / "quotes" / f"date={day(1)}" / "symbol=AAA" / "tape.parquet"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:])
        said = sor.rerun(root / "run")
        assert said[0] == f"input {path}: its bytes have changed since the run"
        path.unlink()
        assert sor.rerun(root / "run")[0].startswith(f"input {path}: cannot be read now")
    finally:
        path.write_bytes(kept)


def test_differences_are_named_the_cause_first(root: Path, tmp_path: Path) -> None:
    assert sor.diff(root / "run", root / "run") == []
    universe = sor.Universe(str(root / HIVE)).only(symbols="AAA")
    sor.study(universe, ORDERS, POLICIES, bootstrap=sor.Bootstrap(seed=3)).save(tmp_path / "other")
    said = sor.diff(root / "run", tmp_path / "other")
    kinds = list(dict.fromkeys(line.split()[0].rstrip(",") for line in said))
    assert kinds == ["input", "setting", "seed", "units", "sums", "savings"]
    assert "seed bootstrap: 0 and 3" in said
    assert "setting market.latency: 1ms and 0" in said
    assert f"units, {day(0)}, BBB, {day(0)} BBB: only in the first" in said


def test_a_value_that_differs_is_named(root: Path, tmp_path: Path) -> None:
    """Two runs of the same settings and inputs: as another machine or version might make them."""
    shutil.copytree(root / "run", tmp_path / "run")
    sums = pl.read_parquet(tmp_path / "run/sums.parquet")
    changed = sums.with_columns(executed=pl.col("executed") + (pl.int_range(pl.len()) == 2).cast(pl.Int64))
    changed.write_parquet(tmp_path / "run/sums.parquet")
    with pytest.raises(sor.DataError, match="one of them was changed after the run"):
        sor.load(tmp_path / "run")
    result = sor.load(root / "run")
    rows = replace(result.rows, sums=changed)
    replace(result, rows=rows).save(tmp_path / "run")
    row = sums.row(2, named=True)
    assert sor.diff(root / "run", tmp_path / "run") == [
        f"sums, {row['date']}, {row['symbol']}, {row['unit']}, {row['policy']}: executed "
        f"{row['executed']} and {row['executed'] + 1} (1 of 8 rows differ)"
    ]


def test_what_is_no_saved_run(tmp_path: Path, root: Path) -> None:
    with pytest.raises(sor.DataError, match=r"no manifest\.json; expected a folder that result\.save"):
        sor.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(sor.DataError, match="is not the manifest of a saved run"):
        sor.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(sor.DataError, match="is no JSON"):
        sor.diff(tmp_path, root / "run")
    shutil.copytree(root / "run", tmp_path / "run")
    (tmp_path / "run/run.toml").write_text("command = 7")
    with pytest.raises(sor.ParameterError, match=r"run\.toml: has no 'orders'"):
        sor.load(tmp_path / "run")


def test_bad_units_are_the_same_again(root: Path, tmp_path: Path) -> None:
    paths = [*sor.Universe(str(root / HIVE))[0].paths, str(tmp_path / "missing.parquet")]
    universe = sor.Universe(pl.DataFrame({"path": paths, "date": [day(0), day(1)], "symbol": ["AAA", "AAA"]}))
    sor.study(universe, ORDERS, POLICIES, run=sor.Run(errors="collect")).save(tmp_path / "run")
    assert sor.rerun(tmp_path / "run") == []


@pytest.mark.parametrize("name", ["units.parquet", "notices.parquet", "run.toml"])
def test_a_run_of_which_something_is_missing(root: Path, tmp_path: Path, name: str) -> None:
    run = shutil.copytree(root / "run", tmp_path / "run")
    (run / name).unlink()
    with pytest.raises(sor.DataError, match=f"no {name}: it was removed after the run"):
        sor.load(run)


def test_a_manifest_without_its_parts_and_a_place_that_takes_no_folder(root: Path, tmp_path: Path) -> None:
    run = shutil.copytree(root / "run", tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    del manifest["versions"]
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for call in (sor.load, sor.rerun, lambda path: sor.diff(root / "run", path)):
        with pytest.raises(sor.DataError, match=r"manifest.json: has no versions"):
            call(run)
    with pytest.raises(sor.DataError, match="cannot be written: "):
        sor.load(root / "run").save(run / "manifest.json" / "run")
