"""The efficient frontier: means and deviations to the letter, and nothing cheaper and more even is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from reference import objectives as reference
from universes import write_universe

if TYPE_CHECKING:
    from pathlib import Path

QUOTES = sor.simulate_quotes(minutes=30, price=20.0, spread=4.0, seed=7)
ORDERS = sor.orders_every("1m", side="both", quantity=20_000, horizon="2m")
GRID = {"lambda_under": (0.0001, 0.0005, 0.001), "theta_queue": (0.00001, 0.0005)}


def costs(parents: pl.DataFrame, policy: str) -> list[float]:
    mine = parents.filter((pl.col("policy") == policy) & (pl.col("status") != "no_quotes"))
    rows = mine.select("shortfall", "quantity", "arrival_mid").iter_rows()
    return [10_000 * shortfall / (quantity * mid) for shortfall, quantity, mid in rows]


def same(row: dict[str, Any], values: list[float]) -> bool:
    expected = (float(reference.mean(values)), reference.std(values))
    return (row["mean_bps"], row["std_bps"]) == pytest.approx(expected, rel=1e-12)


def test_of_a_universe_they_are_those_of_its_tapes(tmp_path: Path) -> None:
    universe = write_universe(tmp_path, days=2, symbols=("AAA",))
    study = sor.study(universe, ORDERS, ["static", *sor.BASELINES])
    tapes = [universe.read(unit) for unit in universe.units]
    rows, wanted = study.frontier(), sor.study(tapes, ORDERS, ["static", *sor.BASELINES]).frontier()
    assert rows.select("policy", "efficient").equals(wanted.select("policy", "efficient"))
    for name in ("mean_bps", "std_bps"):
        assert rows[name].to_list() == pytest.approx(wanted[name].to_list(), rel=1e-9)


@pytest.mark.parametrize("what", ["study", "search"])
def test_of_a_universe_it_is_drawn(what: str, tmp_path: Path) -> None:
    pytest.importorskip("altair")
    universe = write_universe(tmp_path, days=2, symbols=("AAA",))
    drawn = sor.study(universe, ORDERS) if what == "study" else sor.search(universe, ORDERS, grid=GRID)
    assert drawn.plot_frontier().to_dict()["layer"]


@pytest.fixture(scope="module")
def found() -> sor.Search:
    return sor.search(QUOTES, ORDERS, grid=GRID)


def test_of_a_study_every_policy_is_weighed() -> None:
    # One that cannot trade counts in nothing.
    late = sor.Order("buy", 100, start=QUOTES.end, horizon="1s")
    study = sor.study(QUOTES, (ORDERS, late), ["static", *sor.BASELINES])
    rows = study.frontier()
    assert sorted(rows["policy"]) == sorted(study.policies)
    for row in rows.iter_rows(named=True):
        assert same(row, costs(study.ledger.parents, row["policy"]))
    assert rows["mean_bps"].is_sorted()
    assert rows["efficient"].to_list() == reference.front(
        list(rows.select("mean_bps", "std_bps").iter_rows())
    )


def test_of_a_search_points_and_policies_are_weighed(found: sor.Search) -> None:
    rows = found.frontier()
    points = rows.filter(pl.col("policy") == "router")
    assert points["points"].sum() == found.table.height
    assert points.height == points.unique(["mean_bps", "std_bps"]).height < found.table.height
    assert rows.height == points.height + len(found.in_sample.others)
    assert rows["efficient"].to_list() == reference.front(
        list(rows.select("mean_bps", "std_bps").iter_rows())
    )
    for row in rows.iter_rows(named=True):
        if row["policy"] != "router":
            assert row["lambda_under"] is None
            assert same(row, costs(found.in_sample.ledger.parents, row["policy"]))
            continue
        router = sor.StaticRouter(**{axis: row[axis] for axis in found.axes})
        assert same(row, costs(sor.study(QUOTES, ORDERS, [router, "sweep"]).ledger.parents, "static"))
    best = rows.filter(pl.col("policy") == "router").row(0, named=True)
    assert {axis: best[axis] for axis in found.axes} == found.best_point


def test_what_is_the_same_is_as_efficient(found: sor.Search) -> None:
    """The router as given is one of the points: to the last digit."""
    rows = found.frontier()
    given = rows.row(by_predicate=pl.col("policy") == "given", named=True)
    router = found.in_sample.policies["given"]
    assert isinstance(router, sor.StaticRouter)
    alike = sor.search(QUOTES, ORDERS, grid={"lambda_under": (router.lambda_under,)}).frontier()
    point = alike.row(by_predicate=pl.col("policy") == "router", named=True)
    for name in ("mean_bps", "std_bps"):
        assert given[name] == point[name]


def test_the_picture_leaves_out_what_would_hide_the_rest(found: sor.Search) -> None:
    pytest.importorskip("altair")
    from sor.show.frontier import left_out, of_search, read_as

    rows = found.frontier().with_columns(_point=pl.col("policy") == "router")
    far = rows.filter(left_out(rows))
    assert far.height > 0
    assert not far["efficient"].any()
    assert (far["policy"] == "router").all()
    assert f"{far['points'].sum()} points far beyond it are left out" in read_as(found)
    drawn = [row for data in of_search(found).to_dict()["datasets"].values() for row in data]
    assert max(row["mean_bps"] for row in drawn) < far["mean_bps"].min()
    named = {row["who"] for row in drawn}
    assert {"chosen point", "efficient points"} <= named
    for name in found.in_sample.others:
        assert any(name in who.split(", ") for who in named)


def test_a_policy_keeps_the_colour_it_has_elsewhere(found: sor.Search) -> None:
    from sor.show.frontier import of_search
    from sor.show.style import PALETTE

    scale = of_search(found).to_dict()["layer"][-1]["encoding"]["color"]["scale"]
    colours = dict(zip(scale["domain"], scale["range"], strict=True))
    alone = {name: colour for name, colour in colours.items() if name in sor.BASELINES}
    assert alone
    assert alone == {name: PALETTE[1 + list(sor.BASELINES).index(name)] for name in alone}
