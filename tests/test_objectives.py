"""A search makes small what it is told to: literal references, every door, and errors that name the point."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from effort import some
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import objectives as reference
from sor.results.objectives import Measured, Stretches
from sor.settings.objective import (
    Mean,
    as_objective,
    as_objectives,
    described_objective,
    label_of,
    objective_from,
    value_of,
)
from sor.studies.grid import undominated
from universes import write_universe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = sor.orders_every("15s", quantity=3_000, horizon="30s", side="both")
GRID = {"lambda_under": (0.00005, 0.0002, 0.001), "theta_queue": (0.00001, 0.0001)}
QUOTES = sor.simulate_quotes(minutes=30, seed=5, spread=6.0)
FILE = "def upper(parents):\n    return parents['shortfall_bps'].sort()[-3]\n"
COSTS = st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float), min_size=1, max_size=60)
LEVELS = st.sampled_from(["0.5", "0.7", "0.9", "0.95", "0.99", "0.07", "0.3333", "1e-05"])


def upper(parents: pl.DataFrame) -> float:
    return float(parents["shortfall_bps"].sort()[-3])


@pytest.fixture(scope="module")
def plain() -> sor.Search:
    return sor.search(QUOTES, ORDERS, grid=GRID, folds=3)


def searched(objective: Any, **options: Any) -> sor.Search:
    found: sor.Search = sor.search(QUOTES, ORDERS, **({"grid": GRID, "objective": objective} | options))
    return found


@cache
def costs_of(**point: float) -> list[float]:
    """Replay a point alone, and return its parents' costs, from the ledger's integers."""
    router = sor.StaticRouter(**point)
    rows = sor.study(QUOTES, ORDERS, {"router": router, "sweep": "sweep"}).ledger.parents
    mine = rows.filter((pl.col("policy") == "router") & (pl.col("status") != "no_quotes"))
    columns = mine.select("shortfall", "quantity", "arrival_mid").iter_rows()
    return [10_000 * shortfall / (quantity * mid) for shortfall, quantity, mid in columns]


@settings(max_examples=some(300), deadline=None)
@given(costs=COSTS, level=LEVELS, weight=st.floats(0, 100))
def test_the_figures_are_those_of_the_reference(costs: list[float], level: str, weight: float) -> None:
    values = np.array(costs)
    scale = max(map(abs, costs)) or 1.0

    def close(a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-9 * scale + 1e-300)  # where digits are lost

    assert value_of(sor.Quantile(float(level)), values) == reference.quantile(costs, level)
    assert math.isclose(value_of(Mean(), values), reference.mean(costs), rel_tol=1e-15, abs_tol=1e-300)
    assert close(value_of(sor.Cvar(float(level)), values), float(reference.cvar(costs, level)))
    assert close(value_of(sor.Std(), values), reference.std(costs))
    assert (
        abs(value_of(sor.MeanStd(weight), values) - reference.mean_std(costs, weight))
        <= 1e-8 * (1 + weight) * scale + 1e-300
    )


@settings(max_examples=some(100), deadline=None)
@given(costs=COSTS, seed=st.integers(0, 99), level=LEVELS)
def test_the_order_of_parents_changes_no_bit(costs: list[float], seed: int, level: str) -> None:
    values = np.array(costs)
    mixed = np.random.default_rng(seed).permutation(values)
    for objective in (
        Mean(),
        sor.Std(),
        sor.MeanStd(2.0),
        sor.Quantile(float(level)),
        sor.Cvar(float(level)),
    ):
        assert value_of(objective, values) == value_of(objective, mixed)


def test_levels_are_what_they_are_written_as() -> None:
    """Of floats, 0.07 of a hundred is more than seven."""
    hundred = np.arange(1.0, 101.0)
    assert value_of(sor.Quantile(0.07), hundred) == 7.0
    assert value_of(sor.Quantile(0.9), hundred) == 90.0
    assert value_of(sor.Cvar(0.9), hundred) == 95.5
    assert value_of(sor.Cvar(0.985), hundred) == pytest.approx((100 + 0.5 * 99) / 1.5)
    assert value_of(sor.Cvar(0.999), hundred) == 100.0


@settings(max_examples=some(100), deadline=None)
@given(
    rows=st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 40)), min_size=20, max_size=80),
    objective=st.sampled_from([Mean(), sor.MeanStd(1.5), sor.Quantile(0.8), sor.Cvar(0.7)]),
)
def test_stretches_add_what_the_jackknife_says(rows: list[tuple[float, int]], objective: Any) -> None:
    costs, minutes = (np.array(column) for column in zip(*rows, strict=True))
    starts = minutes.astype(np.int64) * 60
    sessions = (minutes >= 20).astype(np.int64)
    stretches = Stretches.of(costs[:, None], starts, starts + 60, sessions)
    found = stretches.contributions(
        Measured(costs, pl.DataFrame, ""), objective, np.ones(len(rows), dtype=bool)
    )
    figure = lambda values: value_of(objective, np.array(values))  # noqa: E731
    if len(stretches) > 1:
        expected = reference.jackknife(costs.tolist(), stretches.labels.tolist(), figure)
        assert found == pytest.approx(expected, abs=1e-9)
    assert found.mean() == pytest.approx(value_of(objective, costs), abs=1e-9)
    for label in set(stretches.labels.tolist()):
        inside = stretches.labels == label
        assert len(set(sessions[inside].tolist())) == 1, "no stretch reaches into another session"
        others = minutes[~inside]
        assert not ((others > minutes[inside].min()) & (others < minutes[inside].max())).any()


def test_of_a_mean_stretches_add_their_shares_of_it() -> None:
    costs = np.random.default_rng(3).normal(size=400)
    starts = np.arange(400) * 60
    stretches = Stretches.of(costs[:, None], starts, starts + 60, np.zeros(400, dtype=np.int64))
    found = stretches.contributions(Measured(costs, pl.DataFrame, ""), Mean(), np.ones(400, dtype=bool))
    sums = np.bincount(stretches.labels, weights=costs)
    sizes = np.bincount(stretches.labels)
    middle = costs.mean()
    assert found == pytest.approx(middle + len(stretches) * (sums - sizes * middle) / 400)
    assert len(stretches) == 20


@given(rows=st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), min_size=1, max_size=30))
def test_the_front_is_what_nothing_beats(rows: list[tuple[float, ...]]) -> None:
    columns = [pl.Series(column) for column in zip(*rows, strict=True)]
    assert undominated(columns).to_list() == reference.front(rows)


@pytest.mark.parametrize(
    ("objective", "figure"),
    [
        ("mean+std", lambda costs: reference.mean_std(costs, 1.0)),
        (sor.MeanStd(weight=3), lambda costs: reference.mean_std(costs, 3.0)),
        ("std", reference.std),
        ("quantile:0.8", lambda costs: reference.quantile(costs, "0.8")),
        (sor.Cvar(), lambda costs: float(reference.cvar(costs, "0.95"))),
        (upper, lambda costs: sorted(costs)[-3]),
    ],
)
def test_the_best_point_is_the_references(objective: Any, figure: Any) -> None:
    found = searched(objective)
    for row in found.table.iter_rows(named=True):
        point = {axis: row[axis] for axis in found.axes}
        assert row["objective"] == pytest.approx(figure(costs_of(**point)), rel=1e-12)
    least = found.table["objective"].min()
    assert found.table["best"].to_list() == [value == least for value in found.table["objective"]]
    best = found.table.filter(**found.best_point)
    assert best["objective"].item() == least
    assert found.table["behind_bps"].to_list() == pytest.approx(
        [value - least for value in found.table["objective"]], abs=1e-9
    )
    assert found.plateau["objective"].is_sorted()


def test_folds_choose_by_the_objective_and_are_judged_by_it() -> None:
    found = searched("cvar:0.9", folds=3)
    outside = found.out_of_sample
    assert outside is not None
    rows = outside.ledger.parents

    def of(policy: str) -> float:
        mine = rows.filter((pl.col("policy") == policy) & (pl.col("status") != "no_quotes"))
        columns = mine.select("shortfall", "quantity", "arrival_mid").iter_rows()
        return float(reference.cvar([1e4 * cost / (shares * mid) for cost, shares, mid in columns], "0.9"))

    for row in found.comparisons.iter_rows(named=True):
        assert row["out_of_sample"] == pytest.approx(of(row["against"]) - of("router"), abs=1e-9)
        assert row["lower"] <= row["out_of_sample"] <= row["upper"]
        assert 0 < row["p_spa"] <= row["p_reality_check"] <= 1
    for row in found.folds.iter_rows(named=True):
        assert row["hindsight_bps"] <= row["out_of_sample_bps"]
    # Judged on what it was not chosen on, it is no better than what was.
    assert found.optimism_bps is not None
    assert found.optimism_bps >= -1e-9


def test_the_tests_of_luck_know_the_objective() -> None:
    """The point of the least mean costs the dearest orders: by luck it is not, that its mean is lower."""
    by_mean, by_tail = searched("mean"), searched("cvar:0.95")
    assert by_mean.best != by_tail.best
    worse = by_tail.table.filter(**by_mean.best_point)
    assert worse["behind_lower"].item() > 0
    assert not worse["plateau"].item()


def test_the_mean_is_what_it_was_without(plain: sor.Search) -> None:
    for objective in ("mean", Mean(), ["mean"]):
        found = searched(objective, folds=3)
        assert found.to_json(full=True) == plain.to_json(full=True)
        assert found.table.equals(plain.table)
        assert repr(found) == repr(plain)
    assert "objective" not in plain.table.columns
    assert "objective" not in plain.config()


def test_several_objectives_give_a_front() -> None:
    found = searched(("mean", "std", upper))
    table = found.table
    assert table.columns[3:6] == ["mean", "std", "upper"]
    rows = list(table.select("mean", "std", "upper").iter_rows())
    assert table["front"].to_list() == reference.front(rows)
    assert found.front["mean"].is_sorted()
    assert found.best_point == {axis: found.front[axis][0] for axis in found.axes}
    assert table["mean"].to_list() == pytest.approx(table["shortfall_bps"].to_list())
    assert "beside it: standard deviation of shortfall, upper" in " ".join(repr(found).split())


def test_it_is_said_everywhere(tmp_path: Path) -> None:
    found = searched(sor.Cvar(0.9))
    least = found.table["objective"].min()
    said = f"objective: mean of the dearest 10% of shortfalls (CVaR), {least:.3f} at the best"
    assert said in " ".join(repr(found).split())
    assert "dearest 10%" in found._repr_html_()
    whole = json.loads(found.to_json(full=True))
    assert whole["result"]["objective"] == {"name": "cvar", "level": 0.9}
    assert whole["settings"]["search"]["objective"] == {"name": "cvar", "level": 0.9}
    pytest.importorskip("altair")
    study = sor.study(QUOTES, ORDERS)
    study.report(tmp_path / "report.html", search=found)
    page = (tmp_path / "report.html").read_text()
    assert "Least objective at" in page
    assert "dearest 10% of shortfalls" in page
    assert '"level": 0.9' in page or "&#34;level&#34;: 0.9" in page


def test_flat_axes_are_flat_in_the_objective() -> None:
    found = searched(lambda parents: parents.height, grid={"lambda_under": (0.00005, 0.0002)})
    assert found.flat_axes == {"lambda_under": "orders trade differently, and the objective is the same"}
    assert found.ties == 2


@pytest.mark.parametrize("method", [sor.RandomPoints(points=5), sor.Refine(rounds=1)])
def test_every_method_follows_it(method: Any) -> None:
    found = searched("quantile", method=method)
    assert found.table["objective"].min() == found.table.filter(**found.best_point)["objective"].item()


@pytest.mark.filterwarnings("ignore")
def test_optuna_follows_one_or_several() -> None:
    pytest.importorskip("optuna")
    one = searched("std", method=sor.Optuna(points=8))
    assert one.table["best"].sum() >= 1
    several = [searched(("mean", "std"), method=sor.Optuna(points=8)) for _ in range(2)]
    assert several[0].table.equals(several[1].table)
    assert several[0].table.height == 8
    assert several[0].front.height >= 1


def test_a_function_sees_the_parents_that_could_trade() -> None:
    seen: list[pl.DataFrame] = []

    def keep(parents: pl.DataFrame) -> float:
        seen.append(parents)
        parents.drop_in_place("status")  # what it does to its table is its own affair
        return float(parents["shortfall_bps"].sum())

    late = sor.Order("buy", 100, start=QUOTES.end, horizon="1s")
    found = sor.search(QUOTES, (ORDERS, late), grid={"lambda_under": (0.001,)}, objective=keep)
    orders = found.backtest.orders
    assert seen[0].columns == [name for name in orders.columns if name != "status"]
    assert seen[0].equals(orders.filter(pl.col("status") != "no_quotes").drop("status"))


def fails(parents: pl.DataFrame) -> float:
    raise KeyError("slippage")


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (fails, r"objective fails at static\(.*lambda_over=0.001.*\) failed: KeyError: 'slippage'"),
        (lambda parents: math.nan, r"objective <lambda> at static\(.*\) must be a finite number"),
        (lambda parents: None, r"objective <lambda> at static\(.*\) must be a number, got None"),
        (lambda parents: parents["shortfall_bps"], r"must be a number, got"),
        (lambda parents: parents.select("nothing"), r"failed: ColumnNotFoundError"),
        ("median", "objective must be one of mean, std, mean.std, quantile, cvar"),
        ("mean:3", "objective: mean has no parameter, got '3'"),
        ("cvar:much", "objective: cvar takes a number, e.g. cvar:0.9, got 'much'"),
        ("cvar:1", "objective: level must be between 0 and 1"),
        ("nowhere.py:f", "objective nowhere.py:f: cannot import 'nowhere.py'"),
        (7, "objective must be one of"),
        (sor.Cvar, "objective must be one of"),
        ([], "objective must hold different objectives"),
        (["cvar", sor.Cvar(0.95)], "objective must hold different objectives"),
        (["mean", 3], r"objective\[1\] must be one of"),
    ],
)
def test_wrong_objectives_are_named(objective: Any, message: str) -> None:
    with pytest.raises(sor.ParameterError, match=message):
        searched(objective, grid={"lambda_under": (0.001,)})


def test_ctrl_c_comes_through_a_function() -> None:
    def stopped(parents: pl.DataFrame) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(stopped, grid={"lambda_under": (0.001,)})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sor.MeanStd(-1), "weight must be a finite number, at least 0"),
        (lambda: sor.MeanStd(True), "weight must be a number"),
        (lambda: sor.Quantile(0), "level must be between 0 and 1"),
        (lambda: sor.Quantile(1), "level must be between 0 and 1"),
        (lambda: sor.Cvar("most"), "level must be between 0 and 1"),  # type: ignore[arg-type]
        (lambda: objective_from({"name": "cvar", "weight": 1}, "x"), "x has no 'weight'; it has name, level"),
        (lambda: objective_from({"name": "mean", "level": 1}, "x"), "x has no 'level'; it has name"),
        (lambda: objective_from({"name": 3}, "x"), "x must be one of"),
    ],
)
def test_wrong_settings_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(sor.ParameterError, match=message):
        make()


def test_objectives_are_small_frozen_settings() -> None:
    assert sor.Cvar(0.95) == sor.Cvar() == as_objective("x", "cvar") == as_objective("x", "cvar:0.95")
    assert repr(sor.MeanStd(weight=2)) == "MeanStd(weight=2.0)"
    with pytest.raises(FrozenInstanceError):
        sor.Quantile(0.5).level = 0.6  # type: ignore[misc]
    for each in as_objectives("x", ("mean", "std", "mean+std:0.5", "quantile", "cvar:0.99")):
        assert as_objective("x", label_of(each)) == each
        assert objective_from(described_objective(each), "x") == each


def test_the_command_line_and_its_settings(tmp_path: Path, shown: Callable[..., str]) -> None:
    QUOTES.write(tmp_path / "tape.parquet")
    (tmp_path / "own.py").write_text(FILE)
    base = ["search", tmp_path / "tape.parquet", "--every", "1m", "--quantity", "3000", "--horizon", "40s"]
    grid = ["--set", "search.grid.lambda_under=[0.00005, 0.001]"]
    assert "objective: 80% quantile of shortfall" in shown(*base, *grid, "--objective", "quantile:0.8")
    own = json.loads(shown(*base, *grid, "--objective", f"{tmp_path}/own.py:upper", "--json=full"))
    assert own["result"]["objective"]["name"].endswith("own.py:upper")
    shown(*base, *grid, "--objective", "mean,cvar:0.9", "--out", tmp_path / "out")
    again = json.loads(shown("search", "--config", tmp_path / "out" / "run.toml", "--json=full"))
    assert again["result"]["objective"] == [{"name": "mean"}, {"name": "cvar", "level": 0.9}]
    table = pl.read_parquet(tmp_path / "out" / "search.parquet")
    assert table.columns[3:5] == ["mean", "cvar:0.9"]


def test_the_command_line_names_what_is_wrong(tmp_path: Path, complaint: Callable[..., str]) -> None:
    QUOTES.write(tmp_path / "tape.parquet")
    said = complaint("search", tmp_path / "tape.parquet", "--objective", "cvar:2")
    assert said == "search.objective: level must be between 0 and 1, got 2.0"
    said = complaint("search", tmp_path / "tape.parquet", "--set", 'search.objective=["mean", "worst"]')
    assert said.startswith("search.objective[1] must be one of mean, std, mean+std, quantile, cvar")


@pytest.mark.parametrize("objective", [upper, pytest.param("cvar", marks=pytest.mark.slow)])
def test_kept_work_serves_every_objective(tmp_path: Path, plain: sor.Search, objective: Any) -> None:
    """What is kept are replays, which no objective changes."""
    run = sor.Run(resume=tmp_path / "kept.db")
    first = searched("mean", folds=3, run=run)
    assert first.to_json(full=True) == plain.to_json(full=True)
    kept = searched(objective, folds=3, run=run)
    assert kept.to_json(full=True) == searched(objective, folds=3).to_json(full=True)


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> sor.Universe:
    return write_universe(tmp_path_factory.mktemp("universe"), days=4)


@pytest.mark.slow
@pytest.mark.parametrize("objective", [upper, "mean+std", "quantile:0.8", "cvar:0.9"])
def test_a_universe_has_the_same_objectives(universe: sor.Universe, tmp_path: Path, objective: Any) -> None:
    orders = sor.orders_every("1m", quantity=2_000, side="both", horizon="1m")
    grid = {"lambda_under": [0.0, 0.001], "theta_queue": [0.0001, 0.0005]}
    options: dict[str, Any] = {"grid": grid, "against": ("sweep", "best_ask"), "objective": objective}
    found = sor.search(universe, orders, folds=2, **options)
    run = sor.Run(resume=tmp_path / "kept.db")
    for _ in range(2):
        kept = sor.search(universe, orders, folds=2, run=run, **options)
        assert kept.to_json(full=True) == found.to_json(full=True)
    tapes = [universe.read(unit) for unit in universe.units]
    together = sor.search(tapes, orders, **options)
    assert found.table["objective"].to_list() == together.table["objective"].to_list()
    assert found.best == together.best
    assert found.comparisons["in_sample"].to_list() == pytest.approx(
        together.comparisons["in_sample"].to_list(), abs=1e-9
    )
    assert "objective: " in repr(found)
    for row in found.folds.iter_rows(named=True):
        assert row["hindsight_bps"] <= row["out_of_sample_bps"]
    saved = sor.search(universe, orders, **(options | {"objective": "mean"})).in_sample
    assert found.in_sample.rows.sums.columns == saved.rows.sums.columns


def test_a_universe_has_a_front(universe: sor.Universe) -> None:
    grid = {"lambda_under": [0.0, 0.0005, 0.001]}
    found = sor.search(universe, ORDERS, grid=grid, objective=("mean", "std"), against=("sweep",))
    assert found.table["front"].to_list() == reference.front(
        list(found.table.select("mean", "std").iter_rows())
    )
    assert found.front["mean"].is_sorted()
    assert json.loads(found.to_json())["objective"] == [{"name": "mean"}, {"name": "std"}]


def test_a_function_that_fails_on_a_universe_is_named(universe: sor.Universe) -> None:
    with pytest.raises(sor.ParameterError, match=r"objective fails at static\(.*\) failed: KeyError"):
        sor.search(universe, ORDERS, grid={"lambda_under": [0.001]}, objective=fails)
