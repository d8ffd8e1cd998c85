"""Charts of a search: what the points cost, which cannot be told from the best, and what the choice was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import words
from sor.results.search import GIVEN, Search
from sor.settings.routers import StaticRouter, unsliced
from sor.show import style
from sor.show.spec import Chart, Spec, beside, channel, layers, tiled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sor.results.frontier import Tried

_FIGURES_UP_TO = 6
"""Columns of a map whose cells have room for their figure."""
MOST_MAPS = 12


def axis_title(search: Tried, axis: str) -> str:
    """Return an axis with its unit."""
    best = unsliced(search.best)
    if not isinstance(best, StaticRouter):
        return axis
    unit = "bps" if best.unit == "fraction" else "per share"
    return f"{axis}, {unit}"


def in_bps(search: Tried) -> bool:
    """Tell whether its parameters are shown in basis points."""
    best = unsliced(search.best)
    return isinstance(best, StaticRouter) and best.unit == "fraction"


def in_unit(search: Tried, value: float) -> float:
    """Return a parameter in the unit of `axis_title`."""
    return round(value * 1e4, 6) if in_bps(search) else value


def in_units(search: Tried, values: pl.Series) -> pl.Series:
    """Return the values of a parameter in the unit of `axis_title`."""
    return words.each(values, lambda value: in_unit(search, value), pl.Float64)


def axis_tips(search: Tried, suffix: str = "") -> list[Spec]:
    """Return what is told of a point under the cursor: its parameters, in columns in the unit of `axis_title`."""
    return [channel(f"{axis}{suffix}:Q", title=axis_title(search, axis), format="~g") for axis in search.axes]


def cost_of(search: Search) -> tuple[str, pl.Expr, str]:
    """Return what is drawn of points: its name in the charts' data, its values, and its title."""
    if search.is_mean:
        return "shortfall_bps", pl.col("shortfall_bps"), "shortfall, bps"
    return "objective", pl.col(search.objective_column).alias("objective"), "objective"


def heading(search: Search) -> str:
    """Name what is drawn of points."""
    return "Mean shortfall, bps" if search.is_mean else search.objective.title.capitalize()


def heat_maps(search: Search) -> dict[str, Chart]:
    """Mean shortfall, or another objective, at the points of a grid, on one scale of colours, by title.

    Axes that change nothing are left out; of the others two span a map, and there is a map for each value of the
    third. The chosen point has a frame, those within noise of it an outline. Empty for points off a grid.
    """
    axes = search.axes
    on_grid = search.table.filter(pl.col(axis).is_in([float(value) for value in axes[axis]]) for axis in axes)
    if search.method in ("random", "optuna") or on_grid.height != _size(axes):
        return {}
    varied = _varied(search)
    for axis in axes:
        if axis not in varied:
            on_grid = on_grid.filter(pl.col(axis) == search.best_point[axis])
    name, cost, _ = cost_of(search)
    across, down, apart = ([*varied, None, None, None])[:3]
    data = on_grid.select(
        *(in_units(search, on_grid[axis]).alias(f"{axis}_") for axis in axes),
        cost,
        "plateau",
        label=words.each(on_grid.select(cost).to_series(), "{:.3f}".format),
        chosen=pl.all_horizontal(pl.col(axis) == value for axis, value in search.best_point.items()),
    )
    scale = _scale(data[name])
    if apart is None:
        return {
            heading(search)[:1].lower() + heading(search)[1:]: _heat_map(search, data, scale, across, down)
        }
    values = sorted(axes[apart])
    if len(values) > MOST_MAPS:
        return {}
    return {
        f"{apart} = {in_unit(search, value):g}": _heat_map(
            search, data.filter(pl.col(f"{apart}_") == in_unit(search, value)), scale, across, down
        )
        for value in values
    }


def _varied(search: Search) -> list[str]:
    """Return the axes that were searched and change something."""
    return [axis for axis in search.axes if len(search.axes[axis]) > 1 and axis not in search.flat_axes]


def _size(axes: Mapping[str, Any]) -> int:
    size = 1
    for axis in axes:
        size *= len(axes[axis])
    return size


def _scale(costs: pl.Series) -> Spec:
    """Spread the colours over what most points cost: one that hardly trades would leave all others alike."""
    low, q25, q75, high = (costs.quantile(q, "linear") or 0.0 for q in (0, 0.25, 0.75, 1))
    top = min(high, q75 + 3 * (q75 - q25)) if q75 > q25 else high
    return {"domain": [low, top if top > low else low + 1], "range": list(style.HEAT), "clamp": True}


def _heat_map(search: Search, data: pl.DataFrame, scale: Spec, across: str | None, down: str | None) -> Chart:
    columns = data[f"{across}_"].n_unique() if across else 1
    rows = data[f"{down}_"].n_unique() if down else 1
    small = columns > _FIGURES_UP_TO or rows > 2 * _FIGURES_UP_TO
    name, _, title = cost_of(search)
    axis: dict[str, Any] = {
        "labelOverlap": "greedy",
        "labelAngle": 0,
        "format": "~g",
        "ticks": False,
        "labelPadding": 6,
    }
    # Above the axis, where a single row has room for it.
    above: dict[str, Any] = {
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleX": 0,
        "titleY": -10,
    }
    encoding: dict[str, Any] = {
        "tooltip": [
            *axis_tips(search, "_"),
            channel(f"{name}:Q", format=",.4f", title=title),
            channel("chosen:N"),
            channel("plateau:N", title="within noise"),
        ]
    }
    if across:
        encoding["x"] = channel(f"{across}_:O", title=axis_title(search, across), axis=axis)
    if down:
        encoding["y"] = channel(
            f"{down}_:O", title=axis_title(search, down), sort="descending", axis={**axis, **above}
        )
    base = Chart.of(data, height=(18 if small else 44) * rows).encode(**encoding)
    legend = {"title": title, "format": ".3~f", "tickCount": 3} if small else None
    cells = base.mark("rect", stroke="#ffffff", strokeWidth=1).encode(
        color=channel(f"{name}:Q", scale=scale, legend=legend)
    )
    noise = base.where("datum.plateau").mark(
        "rect", filled=False, fillOpacity=0, stroke="#30455c", strokeWidth=1.5 if small else 2
    )
    frame = base.where("datum.chosen").mark(
        "rect", filled=False, fillOpacity=0, stroke=style.CHOSEN, strokeWidth=3 if small else 5
    )
    if small:
        return layers(cells, noise, frame)
    # Cells are light in both themes, so their text is dark in both.
    text = base.mark("text", color="#111111", fontSize=13).encode(text="label:N")
    return layers(cells, noise, frame, text)


def search(found: Search) -> Chart:
    """Mean shortfall over the points of a search: heat maps of a grid, else along every parameter."""
    best = ", ".join(f"{axis} {in_unit(found, value):.4g}" for axis, value in found.best_point.items())
    unit = " bps" if in_bps(found) else ""
    flat = [f"{axis} changes nothing" for axis in found.flat_axes]
    if len(flat) == len(found.axes):
        flat = ["no parameter changes anything"]
    title: Spec = {
        "text": heading(found),
        "subtitle": [
            f"chosen: {best}{unit}",
            "orange frame: chosen; dark outline: within noise of it",
            *flat,
        ],
        "anchor": "start",
    }
    maps = heat_maps(found)
    if not maps:
        title["subtitle"][1:] = ["orange: chosen; each point is one set of parameters tried"]
        charts = [
            points(found, axis).properties(width=220, height=200) for axis in _varied(found) or found.axes
        ]
        return beside(*charts).properties(title=title)
    first = next(iter(maps.values()))
    columns = next((len(found.axes[axis]) for axis in _varied(found)), 1)
    width = max(150 if len(maps) > 1 else 420, columns * (16 if columns > _FIGURES_UP_TO else 62))
    if len(maps) == 1:
        return first.properties(width=width, title=title)
    sized = [chart.properties(width=width, title=name) for name, chart in maps.items()]
    return tiled(*sized, columns=3 if len(sized) <= 3 else 4).properties(title=title)


def points(search: Search, axis: str) -> Chart:
    """Mean shortfall of every point tried, along one parameter; the chosen point in the first colour."""
    name, cost, title = cost_of(search)
    chosen = pl.all_horizontal(pl.col(each) == value for each, value in search.best_point.items())
    data = search.table.select(
        *(in_units(search, search.table[each]).alias(f"{each}_") for each in search.axes),
        cost,
        point=pl.when(chosen).then(1).otherwise(0),
    ).sort("point")
    return (
        Chart.of(data, height=220)
        .mark("circle", opacity=0.8)
        .encode(
            x=channel(
                f"{axis}_:Q",
                title=axis_title(search, axis),
                scale={"zero": False},
                axis={"format": "~g", "tickCount": 4, "labelOverlap": "greedy"},
            ),
            y=channel(f"{name}:Q", title=title, scale={"zero": False}),
            color=channel(
                "point:O", scale={"domain": [0, 1], "range": [style.PALETTE[4], style.CHOSEN]}, legend=None
            ),
            size=channel("point:O", scale={"domain": [0, 1], "range": [40, 180]}, legend=None),
            tooltip=[*axis_tips(search, "_"), channel(f"{name}:Q", format=",.4f", title=title)],
        )
    )


def regret(search: Search) -> pl.DataFrame:
    """Return what each fold's choice cost on later orders beyond others on the same orders.

    Returns:
        `fold` (from 1), `boundary, train, test`, the point, `than` and `bps`, the objective less that of the best
        point in hindsight (never negative); of the mean, also that of the router as it was given.

    """
    folds = search.folds.with_columns(pl.col("fold") + 1)
    keys = ("fold", "boundary", "train", "test", *search.axes)
    hindsight = folds.select(
        *keys,
        than=pl.lit("than the best in hindsight"),
        bps=pl.col("out_of_sample_bps") - pl.col("hindsight_bps"),
    )
    if search.out_of_sample is None or not search.is_mean:
        return hindsight
    saved = search.out_of_sample.savings.filter(pl.col("against") == GIVEN).sort("start")
    joined = saved.join_asof(
        folds.select("fold", start="boundary").sort("start"), on="start", strategy="backward"
    )
    means = joined.group_by("fold", maintain_order=True).agg(bps=-pl.col("savings_bps").mean())
    given = folds.select(keys).join(means, on="fold", maintain_order="left")
    return pl.concat(
        [hindsight, given.select(*keys, than=pl.lit("than the router as given"), bps=pl.col("bps"))]
    )


def walk_forward(search: Search) -> Chart:
    """Draw what each fold's choice cost more than others, on orders it was not chosen on."""
    data = regret(search)
    data = data.with_columns(in_units(search, data[axis]) for axis in search.axes)
    legend = data["than"].unique(maintain_order=True).to_list()
    return (
        Chart.of(style.readable(data, "boundary"), height=220)
        .mark("bar")
        .encode(
            x=channel("fold:O", title="fold, in time", axis={"labelAngle": 0}),
            xOffset=channel("than:N", sort=legend),
            y=channel("bps:Q", title="costs more, bps" if search.is_mean else "objective, more"),
            color=channel(
                "than:N",
                title=None,
                legend={"columns": 1, "labelLimit": 300},
                scale={"domain": legend, "range": ["#6fb1dc", "#8a6d3b"][: len(legend)]},
            ),
            opacity=style.picked("than"),
            tooltip=[
                channel("bps:Q", title="costs more" if search.is_mean else "more", format="+,.4f"),
                channel("than:N", title="compared"),
                style.clock("boundary"),
                "train:Q",
                "test:Q",
                *axis_tips(search),
            ],
        )
        .params(style.legend_picks("than"))
    )
