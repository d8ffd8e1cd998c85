"""The chart of the efficient frontier: mean against dispersion of the shortfall, over points and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.results import views, words
from sor.results.frontier import Tried
from sor.results.search import GIVEN
from sor.results.study import Study
from sor.settings.routers import ROUTER
from sor.show import grids, style
from sor.show.spec import Chart, Spec, channel, layers
from sor.universe.result import UniverseStudy

if TYPE_CHECKING:
    from collections.abc import Sequence

CHOSEN, EFFICIENT, BEATEN = "chosen point", "efficient points", "other points"
_COLOURS = {CHOSEN: style.CHOSEN, EFFICIENT: "#6fb1dc", BEATEN: "#a9b6c2"}
_ORDER = (BEATEN, EFFICIENT, CHOSEN)


def of_search(found: Tried) -> Chart:
    """Draw every point of a search and every other policy; no other is cheaper and more even than those on the line."""
    point = pl.col("policy") == ROUTER
    chosen = pl.all_horizontal(pl.col(axis) == value for axis, value in found.best_point.items())
    kind = (
        pl.when(chosen)
        .then(pl.lit(CHOSEN))
        .when("efficient")
        .then(pl.lit(EFFICIENT))
        .otherwise(pl.lit(BEATEN))
    )
    rows = found.frontier()
    marks = _alike(rows.with_columns(who=pl.when(point).then(kind).otherwise("policy")), list(found.axes))
    shown = marks.with_columns(grids.in_units(found, marks[axis]) for axis in found.axes)
    # The router as given comes last: the others keep the colours that they have elsewhere.
    policies = sorted(found.in_sample.policies, key=lambda name: name == GIVEN)
    return _chart(shown, policies, grids.axis_tips(found))


def left_out(marks: pl.DataFrame) -> pl.Expr:
    """Tell which points are so far from what matters that a picture of them would show nothing else."""
    near = marks.filter(pl.col("efficient") | ~pl.col("_point"))
    far = pl.lit(value=False)
    for name in ("mean_bps", "std_bps"):
        low, high = near[name].min(), near[name].max()
        far |= pl.col(name) > high + (high - low)  # type: ignore[operator]  # floats, of at least one row
    return far & pl.col("_point")


def of_study(study: Study | UniverseStudy) -> Chart:
    """Draw every policy of a study; no other is cheaper and more even than those on the line."""
    return _chart(_alike(study.frontier().with_columns(who="policy"), []), list(study.policies), [])


def _alike(rows: pl.DataFrame, axes: Sequence[str]) -> pl.DataFrame:
    """Make one mark of policies that cost the same, with all their names; so of points."""
    is_point = pl.col("who").is_in(_ORDER)
    rank = pl.col("who").replace_strict({name: i for i, name in enumerate(_ORDER)}, default=-1)
    return (
        rows.with_columns(_point=is_point, _rank=rank)
        .group_by("mean_bps", "std_bps", "_point", maintain_order=True)
        .agg(
            pl.col("who").sort_by("_rank").last(),
            pl.col("who").str.join(", ").alias("_all"),
            pl.col("policy").first(),
            pl.col("efficient").first(),
            pl.col("points").sum().alias("count") if "points" in rows.columns else pl.len().alias("count"),
            *(pl.col(axis).sort_by("_rank").last() for axis in axes),
        )
        .with_columns(who=pl.when("_point").then("who").otherwise("_all"))
        .drop("_all")
    )


def _chart(marks: pl.DataFrame, policies: Sequence[str], axes: Sequence[Spec]) -> Chart:
    marks = marks.filter(~left_out(marks))
    whose = dict(zip(policies, style.cycle(style.PALETTE, len(policies)), strict=True))
    points = [name for name in reversed(_ORDER) if name in marks["who"]]
    others = marks.filter(~pl.col("_point"))
    names = [*points, *others["who"]]
    colours = [*(_COLOURS[name] for name in points), *(whose[policy] for policy in others["policy"])]
    scale = {"zero": False, "padding": 20}
    x = {**style.number("standard deviation of shortfall, bps", "std_bps"), "scale": scale}
    y = channel("mean_bps:Q", title="mean shortfall, bps", scale=scale)
    line = (
        Chart.of(
            marks.filter("efficient").unique(["std_bps", "mean_bps"], maintain_order=True).sort("std_bps")
        )
        .mark("line", color=_COLOURS[EFFICIENT], strokeWidth=1.5, strokeDash=[4, 3])
        .encode(x=x, y=y, order="std_bps:Q")
    )
    legend = {"labelLimit": 260}
    shapes = ["circle"] * len(points) + ["diamond"] * others.height
    base = Chart.of(marks).encode(
        x=x,
        y=y,
        color=channel("who:N", title=None, scale={"domain": names, "range": colours}, legend=legend),
        shape=channel("who:N", title=None, scale={"domain": names, "range": shapes}, legend=legend),
        opacity=style.picked("who"),
    )
    figures = [channel(f"{name}:Q", format=",.4f") for name in ("mean_bps", "std_bps")]
    point = [*axes, *figures]
    drawn = [
        base.where(chosen)
        .mark("point", filled=True, size=size)
        .encode(tooltip=[channel("who:N", title="what"), *tips])
        for chosen, size, tips in (
            (f"datum._point && datum.who != '{CHOSEN}'", 90, [*point, channel("count:Q", title="alike")]),
            (f"datum.who == '{CHOSEN}'", 220, [*point, channel("count:Q", title="alike")]),
            ("!datum._point", 110, figures),
        )
    ]
    return layers(line, drawn[0].params(style.legend_picks("who")), *drawn[1:])


def read_as(result: Tried | Study | UniverseStudy) -> str:
    """Say how the chart is read, and what is not in it."""
    text = "On the line nothing is both cheaper and more even."
    if isinstance(result, Tried):
        rows = result.frontier().with_columns(_point=pl.col("policy") == ROUTER)
        far = int(rows.filter(left_out(rows))["points"].sum())
        if far:
            text += f" {words.count(far, 'point')} far beyond it {'is' if far == 1 else 'are'} left out."
    return text


@views.frontier.register(Tried)
def _searched(found: Tried) -> Chart:
    return of_search(found).properties(title=_title(found), width=480, height=320)


@views.frontier.register(Study)
@views.frontier.register(UniverseStudy)
def _studied(study: Study | UniverseStudy) -> Chart:
    return of_study(study).properties(title=_title(study), width=480, height=320)


def _title(result: Tried | Study | UniverseStudy) -> Spec:
    return {"text": "Mean against dispersion of shortfall", "subtitle": [read_as(result)], "anchor": "start"}
