"""The search finds what there is to find, and judges it on orders it has not seen."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from effort import some
from hypothesis import given, settings
from hypothesis import strategies as st
from sor.errors import MissingExtra, ParameterError
from sor.settings.orders import Order, orders_every
from sor.settings.routers import AXES, StaticRouter
from sor.studies import methods
from sor.studies.grid import DEFAULT_GRID
from sor.studies.search import search
from sor.studies.study import study
from sor.studies.walkforward import splits
from sor.tape.simulate import simulate_quotes
from sor.tape.tape import Quotes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sor.results.search import Search

ORDERS = orders_every("20s", quantity=3_000, horizon="60s", side="both")
# On a spread of 6 ticks of 1 bp these penalties run from waiting for ever to sweeping at once.
GRID = {"lambda_under": (0.00005, 0.0002, 0.001), "theta_queue": (0.00001, 0.0001)}


@pytest.fixture(scope="module")
def tape() -> Quotes:
    # Wide enough for the penalties of the default grid to decide something.
    return simulate_quotes(minutes=20, seed=5, spread=6.0)


@pytest.fixture(scope="module")
def made(tape: Quotes) -> Search:
    return search(tape, ORDERS, grid=GRID, folds=3)


def test_folds_change_nothing_that_is_found_on_all_orders(tape: Quotes) -> None:
    schedule = orders_every("20s", quantity=3_000, side="buy", horizon="60s")
    plain = search(tape, schedule)
    found = search(tape, schedule, folds=5)
    assert "in sample: the best was chosen on these very orders; folds=5" in " ".join(repr(plain).split())
    assert found.best == plain.best
    assert found.table.select(plain.table.columns).equals(plain.table)
    assert found.flat_axes == plain.flat_axes
    assert found.ties == plain.ties
    assert (
        found.in_sample.ledger.parents.filter(pl.col("policy") == "router").equals(
            plain.backtest.ledger.parents.filter(pl.col("policy") == "router")
        )
        or found.in_sample.summary["shortfall_bps"][0] == plain.backtest.summary["shortfall_bps"][0]
    )


def test_folds_choose_on_the_past_and_are_judged_on_what_follows(tape: Quotes, made: Search) -> None:
    assert made.folds.height == 3
    outside = made.out_of_sample
    assert outside is not None
    parents = made.in_sample.parents
    for row in made.folds.iter_rows(named=True):
        boundary = row["boundary"]
        train = parents.filter(pl.col("end") <= boundary)
        spans = parents.filter((pl.col("start") < boundary) & (pl.col("end") > boundary))
        assert (row["train"], row["purged"]) == (train.height, spans.height)
        pick = StaticRouter(**{axis: row[axis] for axis in AXES})
        costs = study(tape, ORDERS, {"pick": pick, "other": "sweep"}).ledger.parents
        costs = costs.filter(pl.col("policy") == "pick").with_columns(
            (pl.col("shortfall") / (pl.col("quantity").cast(pl.Float64) * pl.col("arrival_mid")) * 1e4).alias(
                "bps"
            )
        )
        after = costs.filter(pl.col("start") >= boundary).sort("start", maintain_order=True)
        inside = costs.filter(pl.col("end") <= boundary)["bps"].mean()
        later = costs.join(outside.parents.filter(pl.col("start") >= boundary), on="parent", how="semi")
        assert row["in_sample_bps"] == pytest.approx(inside)
        assert after.height == later.height, "every parent after the first boundary is tested"
        assert row["hindsight_bps"] <= row["out_of_sample_bps"]
    assert made.folds["test"].sum() == outside.parents.height
    assert made.optimism_bps is not None
    assert made.optimism_bps >= 0 or made.optimism_bps == pytest.approx(0.0)


def test_out_of_sample_rows_are_those_of_each_folds_choice(tape: Quotes, made: Search) -> None:
    outside = made.out_of_sample
    assert outside is not None
    boundaries = made.folds["boundary"].to_list()
    for i, row in enumerate(made.folds.iter_rows(named=True)):
        pick = StaticRouter(**{axis: row[axis] for axis in AXES})
        alone = study(tape, ORDERS, {"router": pick, "other": "sweep"}).ledger
        window = pl.col("start") >= boundaries[i]
        if i + 1 < len(boundaries):
            window &= pl.col("start") < boundaries[i + 1]
        numbers = outside.parents.filter(window)["parent"].implode()
        for mine, its in ((outside.ledger.parents, alone.parents), (outside.ledger.fills, alone.fills)):
            chosen = (pl.col("policy") == "router") & pl.col("parent").is_in(numbers)
            assert mine.filter(chosen).drop("policy").equals(its.filter(chosen).drop("policy"))
    assert set(made.comparisons["parents"]) == {outside.parents.height}
    for row in made.comparisons.iter_rows(named=True):
        interval = outside.interval(row["against"])
        assert (row["out_of_sample"], row["lower"]) == (interval.mean, interval.lower)
        assert 0 < row["p_spa"] <= row["p_reality_check"] <= 1


def poisoned(tape: Quotes, boundary: int, seed: int) -> Quotes:
    """Change every price and size after a boundary; keep the times, which the orders follow."""
    random = np.random.default_rng(seed)
    after = tape.frame["ts"].to_numpy() > boundary
    columns = {}
    shift = 10_000_000 * random.integers(-500, 500, len(tape))
    for name in ("bid_px", "ask_px"):
        price = tape.frame[name].to_numpy().copy()
        quoted = after & (price < 2**62)
        price[quoted] += shift[quoted]
        columns[name] = price
    for name in ("bid_sz", "ask_sz"):
        size = tape.frame[name].to_numpy().copy()
        quoted = after & (size > 0)
        size[quoted] = random.integers(1, 60, int(quoted.sum())) * 100
        columns[name] = size
    frame = tape.frame.with_columns(pl.Series(name, values) for name, values in columns.items())
    return Quotes(frame=frame, venues=tape.venues, symbol=tape.symbol, source="poisoned")


@settings(max_examples=some(40, ci=8), deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    fold=st.integers(0, 2),
    method=st.sampled_from(["grid", "random", "refine"]),
)
def test_the_future_changes_nothing_that_was_chosen_before_it(seed: int, fold: int, method: Any) -> None:
    tape = simulate_quotes(minutes=12, venues=3, seed=seed % 17, spread=6.0)
    ways = {"random": sor.RandomPoints(points=6), "refine": sor.Refine(rounds=1)}
    options: dict[str, Any] = {"method": ways.get(method, method), "grid": GRID, "folds": 3}
    plain = search(tape, ORDERS, **options).folds
    assert plain.height == 3
    boundary = int(plain["boundary"].to_physical()[fold])
    future = search(poisoned(tape, boundary, seed), ORDERS, **options).folds
    chosen = ["fold", "boundary", "train", "purged", "test", *AXES, "in_sample_bps"]
    assert future.select(chosen).head(fold + 1).equals(plain.select(chosen).head(fold + 1))
    # The poison is not harmless: what is judged after the boundary changes.
    assert future["out_of_sample_bps"][fold] != plain["out_of_sample_bps"][fold]
    judged = ["out_of_sample_bps", "hindsight_bps"]
    assert future.select(judged).head(max(fold - 1, 0)).equals(plain.select(judged).head(max(fold - 1, 0)))


@given(
    windows=st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 300), st.booleans()), min_size=1),
    folds=st.integers(0, 8),
)
def test_no_parent_is_on_both_sides_or_tested_twice(windows: list[tuple[int, int, bool]], folds: int) -> None:
    starts = np.array([start for start, _, _ in windows])
    ends = starts + [length for _, length, _ in windows]
    tradable = np.array([can for _, _, can in windows])
    found = splits(starts, ends, tradable, folds)
    assert len(found) <= folds
    for split in found:
        assert (ends[split.train] <= split.boundary).all()
        assert (starts[split.test] >= split.boundary).all()
        assert not (split.train & split.test).any()
        assert tradable[split.train | split.test].all()
        assert split.train.any()
        assert split.test.any()
        before = tradable & (starts < split.boundary)
        assert split.train.sum() + split.purged == before.sum()
    tested = sum((split.test.astype(int) for split in found), np.zeros(len(starts), dtype=int))
    assert tested.max() <= 1


def axes(**values: tuple[float, ...]) -> dict[str, tuple[float, ...]]:
    base = StaticRouter()
    return {axis: values.get(axis, (getattr(base, axis),)) for axis in AXES}


def run(method: methods.Method, cost: Callable[[StaticRouter], float], given: Any) -> list[StaticRouter]:
    seen: dict[StaticRouter, float] = {}

    def objective(points: Sequence[StaticRouter]) -> Any:
        seen.update((point, cost(point)) for point in points)
        return np.array([[cost(point)] for point in points])

    method(methods.Objective(objective), StaticRouter(), given)
    return sorted(seen, key=seen.__getitem__)


def test_refine_narrows_around_an_inner_best() -> None:
    best = 0.0013
    tried = run(
        methods.Refine(rounds=4),
        lambda point: abs(np.log(point.lambda_under / best)),
        axes(lambda_under=(0.0005, 0.001, 0.002)),
    )
    assert tried[0].lambda_under == pytest.approx(best, rel=0.06)
    assert all(0.0005 <= point.lambda_under <= 0.002 for point in tried)


@pytest.mark.parametrize("best", [0.0000625, 0.064])
def test_refine_extends_an_axis_whose_best_is_on_its_edge(best: float) -> None:
    tried = run(
        methods.Refine(rounds=8),
        lambda point: abs(np.log(point.lambda_under / best)),
        axes(lambda_under=(0.0005, 0.001, 0.002)),
    )
    assert tried[0].lambda_under == pytest.approx(best, rel=0.1)


def test_refine_reaches_zero_and_not_below() -> None:
    tried = run(
        methods.Refine(rounds=6), lambda point: point.theta_queue, axes(theta_queue=(0.0, 0.0001, 0.0002))
    )
    assert tried[0].theta_queue == 0.0
    assert min(point.theta_queue for point in tried) == 0.0


def test_refine_spends_nothing_on_a_flat_axis() -> None:
    tried = run(
        methods.Refine(rounds=3),
        lambda point: abs(point.lambda_under - 0.001),
        axes(lambda_under=(0.0005, 0.001, 0.002), lambda_over=(0.001, 0.002, 0.004)),
    )
    assert len(tried) == 9 + 3 * 2
    assert len({point.lambda_over for point in tried}) == 3


def test_random_points_are_within_the_ranges_and_repeat_with_the_seed() -> None:
    ranges = axes(lambda_under=(0.0005, 0.002), theta_queue=(0.0, 0.0002))

    def cost(point: StaticRouter) -> float:
        return point.lambda_under

    first = run(methods.RandomPoints(points=200, seed=1), cost, ranges)
    assert first == run(methods.RandomPoints(points=200, seed=1), cost, ranges)
    assert first != run(methods.RandomPoints(points=200, seed=2), cost, ranges)
    under = np.array([point.lambda_under for point in first])
    assert under.min() >= 0.0005
    assert under.max() <= 0.002
    # Log-uniform: half of the draws below the geometric mean.
    assert 0.4 < (under < 0.001).mean() < 0.6
    assert {point.lambda_over for point in first} == {StaticRouter().lambda_over}


def test_plateau_is_what_cannot_be_told_from_the_best(made: Search) -> None:
    best = made.table.filter(pl.col("best"))
    assert best["plateau"].all()
    assert best["behind_bps"].to_list() == [0.0] * best.height
    worse = made.table.filter(~pl.col("plateau"))
    assert worse.height > 0
    assert (worse["behind_lower"] > 0).all()
    assert made.plateau["shortfall_bps"].is_sorted()
    for row in made.table.iter_rows(named=True):
        least = made.table["shortfall_bps"].min()
        assert row["behind_bps"] == pytest.approx(row["shortfall_bps"] - least, abs=1e-9)


@pytest.mark.parametrize("method", [sor.RandomPoints(points=5), sor.Refine(rounds=1)])
def test_flat_axes_are_found_off_the_grid_too(tape: Quotes, method: Any) -> None:
    found = search(tape, ORDERS, method=method)
    assert list(found.flat_axes) == ["lambda_over"]
    assert found.out_of_sample is None
    assert found.optimism_bps is None
    assert found.comparisons["out_of_sample"].null_count() == found.comparisons.height
    assert "in sample: the best was chosen on these very orders" in repr(found)


def test_one_order_has_nothing_to_be_judged_on(tape: Quotes) -> None:
    found = search(tape, Order("buy", 3_000, horizon="60s"), folds=5)
    assert "no out-of-sample figures" in repr(found)
    assert found.folds.is_empty()
    assert found.out_of_sample is None
    assert found.comparisons["p_reality_check"].null_count() == found.comparisons.height
    assert json.loads(found.to_json())["folds"] == []


def test_threads_do_not_change_a_byte(tape: Quotes, made: Search) -> None:
    again = search(tape, ORDERS, grid=GRID, folds=3, run=sor.Run(threads=1))
    assert again.to_json() == made.to_json()
    assert again.table.equals(made.table)


def test_progress_ends_where_it_says(tape: Quotes) -> None:
    seen: list[tuple[int, int]] = []
    search(
        tape,
        ORDERS,
        method=sor.Refine(rounds=1),
        folds=2,
        run=sor.Run(progress=lambda done, total: seen.append((done, total))),
    )
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_reprs_show_both_sides(made: Search) -> None:
    assert "chosen on the past alone it costs" in repr(made)
    assert "least" in made._repr_html_()


def test_optuna_without_the_package_says_what_to_install(
    tape: Quotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"method='optuna' needs the package optuna: pip install"):
        search(tape, ORDERS, method="optuna")


@pytest.mark.filterwarnings("ignore")
def test_optuna_repeats_with_the_seed(tape: Quotes) -> None:
    pytest.importorskip("optuna")
    first, second = (search(tape, ORDERS, method=sor.Optuna(points=6), folds=2) for _ in range(2))
    assert first.to_json() == second.to_json()
    assert first.table.height == 6
    assert first.table["lambda_under"].is_between(0.0005, 0.002).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "annealing"}, "method must be one of grid, random, refine, optuna"),
        ({"folds": -1}, "folds must be a whole number of at least 0"),
        ({"grid": {"lambda": (1,)}}, "grid has no axis 'lambda'"),
        ({"against": ["sweeep"]}, r"against\[0\] must be a policy object or one of static"),
        ({"against": "sweep"}, "against must be a sequence of policies"),
        ({"bootstrap": 5}, "bootstrap must be a sor.Bootstrap"),
        ({"market": {}}, "market must be a sor.Market"),
        ({"run": 4}, "run must be a sor.Run"),
    ],
)
def test_bad_input_is_named(tape: Quotes, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        search(tape, ORDERS, **changes)


def test_the_default_grid_is_the_originals() -> None:
    assert len(methods.grid_points(StaticRouter(), DEFAULT_GRID)) == 27


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sor.RandomPoints(points=0), "points must be a whole number of at least 1"),
        (lambda: sor.Refine(rounds=True), "rounds must be a whole number"),
        (lambda: sor.Bootstrap(level=0), "level must be between 0 and 1"),
        (lambda: sor.Bootstrap(resamples=1), "resamples must be"),
        (lambda: sor.Bootstrap(seed=-1), "seed must be a whole number of at least 0"),
    ],
)
def test_bad_settings_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()
