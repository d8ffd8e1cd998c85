"""Charts of results (the extra `report`: altair and vl-convert).

The charts of a study have no size and no title: the page gives them its width and a heading, `overview` and
the `plot` methods a fixed size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import MissingExtra
from sor.results import metrics, views
from sor.results.backtest import Backtest
from sor.results.search import Search
from sor.results.study import Study
from sor.settings.routers import AXES
from sor.show import plotdata

try:
    import altair as alt
    import vl_convert  # noqa: F401, altair needs it to write images
except ImportError:
    raise MissingExtra("charts need altair and vl-convert-python: pip install 'sor[report]'") from None

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


alt.data_transformers.disable_max_rows()

# Colour-blind safe (Okabe and Ito), readable on white and on black; the router first.
PALETTE = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#8c8c8c", "#e69f00", "#56b4e9", "#7a5195")
_DASHES = ([1, 0], [6, 3], [2, 2], [1, 2], [6, 2, 1, 2], [9, 3], [4, 2, 1, 2, 1, 2], [3, 4])


def cumulative_cost(result: Backtest) -> alt.Chart:
    """Cumulative shortfall in currency, one line per policy: over executions of one order, over ends of many."""
    data = cumulative_cost_data(result)
    policies = data["policy"].unique(maintain_order=True).to_list()
    # One legend for both only where their domains and lengths are the same.
    colours, dashes = (
        alt.Scale(domain=policies, range=[kinds[i % len(kinds)] for i in range(len(policies))])
        for kinds in (PALETTE, _DASHES)
    )
    chart: alt.Chart = (
        alt.Chart(data, title="Cumulative cost against the arrival mid")
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("time:T", title="time (UTC)", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%H:%M")),
            strokeDash=alt.StrokeDash("policy:N", title=None, scale=dashes),
            y=alt.Y("cost:Q", title="shortfall, currency"),
            color=alt.Color("policy:N", title=None, scale=colours),
            tooltip=["policy:N", "time:T", alt.Tooltip("cost:Q", format=",.2f")],
        )
        .properties(width=760, height=360)
    )
    return chart


def cumulative_cost_data(result: Backtest) -> pl.DataFrame:
    """Return `policy, time, cost` behind `cumulative_cost`, from the ledger's rows."""
    parents = result.ledger.parents
    if parents["parent"].n_unique() > 1:
        ends = parents.select("policy", time="end", cost=pl.col("shortfall").cast(pl.Int128))
        rows = ends.group_by("policy", "time", maintain_order=True).agg(pl.col("cost").sum())
        ordered = rows.sort("policy", "time", maintain_order=True)
        running = ordered.with_columns(pl.col("cost").cum_sum().over("policy") / 1e9)
    else:
        running = plotdata.running_costs(result.ledger, parents["parent"].unique().to_list()).drop("parent")
    return _readable(running)


def savings(study: Study) -> alt.LayerChart:
    """Mean paired savings against every other policy, with intervals."""
    data = study.comparisons.select(
        "against", "savings_bps", "lower", "upper", "p_value", "parents", "win_ratio"
    )
    base = alt.Chart(data, height=34 * data.height).encode(
        y=alt.Y("against:N", title=None, sort=study.others),
        tooltip=[
            alt.Tooltip("against:N"),
            *(alt.Tooltip(f"{name}:Q", format="+.3f") for name in ("savings_bps", "lower", "upper")),
            alt.Tooltip("p_value:Q", format=".4f"),
            alt.Tooltip("parents:Q", title="orders"),
            alt.Tooltip("win_ratio:Q", format=".1%"),
        ],
    )
    bars = base.mark_bar(height=18).encode(
        x=alt.X("savings_bps:Q", title="saved, bps of arrival value (positive: better)"),
        color=_colour(study, legend=False, field="against"),
    )
    whiskers = base.mark_rule(strokeWidth=2.5).encode(x="lower:Q", x2="upper:Q")
    return _layers(bars, whiskers, _zero())


def distribution(study: Study) -> alt.LayerChart:
    """Draw the savings of single parents: a box from 25 to 75%, whiskers from 5 to 95%, and dots."""
    boxes, dots = plotdata.distribution(study)
    y = alt.Y("against:N", title=None, sort=study.others)
    colour = _colour(study, legend=False, field="against")
    box = alt.Chart(boxes, height=52 * boxes.height).encode(
        y=y, tooltip=["against:N", *(alt.Tooltip(f"p{q}:Q", format="+.3f") for q in (5, 25, 50, 75, 95))]
    )
    dot = alt.Chart(_readable(dots, "start")).mark_circle(size=16, opacity=0.55, yOffset=15)
    return _layers(
        dot.encode(
            x=alt.X("savings_bps:Q", title="saved, bps of arrival value"),
            y=y,
            color=colour,
            tooltip=["against:N", "parent:Q", "side:N", "quantity:Q", _utc("start"), _bps()],
        ),
        box.mark_rule(yOffset=-4).encode(x="p5:Q", x2="p95:Q"),
        box.mark_bar(height=14, yOffset=-4).encode(x="p25:Q", x2="p75:Q", color=colour),
        box.mark_tick(thickness=2.5, opacity=1, height=20, yOffset=-4).encode(x="p50:Q"),
        _zero(),
    )


def order_fills(study: Study, orders: Sequence[int]) -> alt.LayerChart:
    """Draw the executions of one order on the best bid and ask; the signal `order` says which of `orders`."""
    sides = plotdata.order_quotes(study, orders).unpivot(
        ["bid", "ask"], index=["parent", "time"], variable_name="quote"
    )
    order = _order(orders)
    price = alt.Y("value:Q", title="price", scale=alt.Scale(zero=False))
    quotes = (
        alt.Chart(_readable(sides), height=260)
        .mark_line(interpolate="step-after", strokeWidth=1.2)
        .encode(
            x=_time(),
            y=price,
            color=alt.Color(
                "quote:N",
                scale=alt.Scale(domain=["bid", "ask"], range=["#0072b2", "#cc79a7"]),
                legend=alt.Legend(title=None),
            ),
            tooltip=["quote:N", _utc("time"), alt.Tooltip("value:Q", format=",.4f")],
        )
        .transform_filter("datum.parent == order")
        .add_params(order)
    )
    venues = sorted(study.ledger.fills["venue"].cast(pl.String).unique())
    fills = (
        alt.Chart(_readable(plotdata.order_fills(study, orders)))
        .mark_point(filled=True, opacity=0.9, stroke="#808080", strokeWidth=0.5)
        .encode(
            x=_time(),
            y=alt.Y("price:Q", title="price", scale=alt.Scale(zero=False)),
            size=alt.Size("quantity:Q", legend=None, scale=alt.Scale(range=[25, 240])),
            shape=alt.Shape("venue:N", sort=venues, legend=alt.Legend(title=None)),
            color=alt.value(PALETTE[0]),
            opacity=_picked("venue"),
            tooltip=[
                "venue:N",
                "kind:N",
                _utc("time"),
                "quantity:Q",
                alt.Tooltip("price:Q", format=",.4f"),
            ],
        )
        .transform_filter("datum.parent == order")
        .add_params(_legend("venue"))
    )
    return _layers(quotes, fills)


def order_costs(study: Study, orders: Sequence[int]) -> alt.Chart:
    """Cumulative shortfall of one order under every policy; the signal `order` says which of `orders`."""
    order = _order(orders)
    running = plotdata.running_costs(study.ledger, orders)
    ends = study.ledger.parents.filter(pl.col("parent").is_in(list(orders)))
    # Every line runs on to the end of the order.
    last = running.group_by("policy", "parent", maintain_order=True).last().drop("time")
    closing = ends.select("policy", "parent", time="end").join(last, on=["policy", "parent"])
    lines = pl.concat([running, closing.select(running.columns)])
    chart: alt.Chart = (
        alt.Chart(_readable(lines), height=260)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=_time(),
            y=alt.Y("cost:Q", title="shortfall, currency"),
            color=_colour(study),
            opacity=_picked("policy"),
            tooltip=["policy:N", _utc("time"), alt.Tooltip("cost:Q", format=",.2f")],
        )
        .transform_filter("datum.parent == order")
        .add_params(order, _legend("policy"))
    )
    return chart


def heat_maps(search: Search) -> dict[str, alt.LayerChart]:
    """Mean shortfall at the points of a grid, by `theta_queue`: one map of the two lambdas for each.

    The chosen point is framed; an axis along which nothing changes says so. Empty for points off a grid.
    """
    axes = search.axes
    on_grid = search.table.filter(pl.col(axis).is_in(list(axes[axis])) for axis in AXES)
    if on_grid.height != len(axes[AXES[0]]) * len(axes[AXES[1]]) * len(axes[AXES[2]]):
        return {}
    chosen = pl.all_horizontal(pl.col(axis) == getattr(search.best, axis) for axis in AXES)
    data = on_grid.select(
        *AXES,
        pl.col("shortfall_bps").round(6),
        label=pl.col("shortfall_bps").map_elements(lambda bps: f"{bps:.3f}", pl.String),
        # By rank: one point that hardly trades would leave all others one colour.
        rank=pl.col("shortfall_bps").rank("dense"),
        chosen=chosen,
    )
    ranks = data["rank"].n_unique()
    scale = alt.Scale(domain=[1, max(2, ranks)], range=["#f4f9fd", "#6fb1dc"])
    return {
        f"{_axis_name(search, 'theta_queue')} = {theta:g}": _heat_map(search, part, scale)
        for theta in sorted(axes["theta_queue"])
        for part in [data.filter(pl.col("theta_queue") == theta)]
    }


def _heat_map(search: Search, data: pl.DataFrame, scale: alt.Scale) -> alt.LayerChart:
    base = alt.Chart(data, height=46 * data["lambda_under"].n_unique()).encode(
        x=alt.X(
            "lambda_over:O", title=_axis_name(search, "lambda_over"), axis=alt.Axis(labelAngle=0, format="~g")
        ),
        y=alt.Y(
            "lambda_under:O",
            title=_axis_name(search, "lambda_under"),
            sort="descending",
            axis=alt.Axis(format="~g"),
        ),
        tooltip=[*(f"{axis}:Q" for axis in AXES), alt.Tooltip("shortfall_bps:Q", format=",.4f"), "chosen:N"],
    )
    cells = base.mark_rect().encode(color=alt.Color("rank:Q", scale=scale, legend=None))
    # Cells are light in both themes, so their text is dark in both.
    text = base.mark_text(color="#111111", fontSize=13).encode(text="label:N")
    frame = base.transform_filter("datum.chosen").mark_rect(
        filled=False, stroke=PALETTE[0], strokeWidth=4, fillOpacity=0
    )
    return _layers(cells, text, frame)


def search(found: Search) -> alt.HConcatChart:
    """Mean shortfall over the points of a search: heat maps of a grid, else along every parameter."""
    maps = heat_maps(found)
    if not maps:
        return _row(*(points(found, axis).properties(width=220) for axis in AXES))
    return _row(*(chart.properties(title=name) for name, chart in maps.items()))


def points(search: Search, axis: str) -> alt.Chart:
    """Mean shortfall of every point tried, along one parameter; the chosen point in the first colour."""
    chosen = pl.all_horizontal(pl.col(name) == getattr(search.best, name) for name in AXES)
    data = search.table.select(*AXES, "shortfall_bps", point=pl.when(chosen).then(1).otherwise(0))
    chart: alt.Chart = (
        alt.Chart(data, height=220)
        .mark_circle(opacity=0.8)
        .encode(
            x=alt.X(f"{axis}:Q", title=_axis_name(search, axis), axis=alt.Axis(format="~g", tickCount=4)),
            y=alt.Y("shortfall_bps:Q", title="shortfall, bps", scale=alt.Scale(zero=False)),
            color=alt.Color(
                "point:O", scale=alt.Scale(domain=[0, 1], range=[PALETTE[1], PALETTE[0]]), legend=None
            ),
            size=alt.Size("point:O", scale=alt.Scale(domain=[0, 1], range=[40, 180]), legend=None),
            tooltip=[*(f"{name}:Q" for name in AXES), alt.Tooltip("shortfall_bps:Q", format=",.4f")],
        )
    )
    return chart


def walk_forward(selection: Search) -> alt.Chart:
    """Mean shortfall of each fold: the choice in sample, out of sample, and the least possible there."""
    words = {
        "in_sample_bps": "in sample",
        "out_of_sample_bps": "out of sample",
        "hindsight_bps": "least in hindsight",
    }
    rows = selection.folds.select("fold", "boundary", "train", "test", *AXES, *words)
    data = rows.unpivot(list(words), index=["fold", "boundary", "train", "test", *AXES], value_name="bps")
    named = data.with_columns(pl.col("variable").replace_strict(words), pl.col("fold") + 1)
    chart: alt.Chart = (
        alt.Chart(_readable(named, "boundary"), height=260)
        .mark_line(point=alt.OverlayMarkDef(size=70), strokeWidth=2)
        .encode(
            x=alt.X("fold:O", title="fold, in time", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("bps:Q", title="mean shortfall, bps", scale=alt.Scale(zero=False)),
            color=alt.Color(
                "variable:N",
                title=None,
                scale=alt.Scale(domain=list(words.values()), range=[PALETTE[1], PALETTE[0], PALETTE[4]]),
            ),
            strokeDash=alt.StrokeDash("variable:N", legend=None, sort=list(words.values())),
            opacity=_picked("variable"),
            tooltip=[
                "variable:N",
                alt.Tooltip("bps:Q", format=",.4f"),
                _utc("boundary"),
                "train:Q",
                "test:Q",
                *(f"{axis}:Q" for axis in AXES),
            ],
        )
        .add_params(_legend("variable"))
    )
    return chart


def cost_parts(study: Study) -> alt.LayerChart:
    """Mean signed parts of the shortfall of every policy, stacked, and their sum."""
    data = plotdata.cost_parts(study)
    colours = [PALETTE[1], PALETTE[3], PALETTE[5], PALETTE[0], PALETTE[4], PALETTE[2]]
    y = alt.Y("policy:N", title=None, sort=list(study.policies))
    bars = (
        alt.Chart(data, height=34 * data["policy"].n_unique())
        .mark_bar(height=20)
        .encode(
            x=alt.X("bps:Q", title="mean cost, bps of arrival value (tick: shortfall)", stack="zero"),
            y=y,
            color=alt.Color("part:N", title=None, scale=alt.Scale(domain=list(metrics.PARTS), range=colours)),
            opacity=_picked("part"),
            tooltip=["policy:N", "part:N", alt.Tooltip("bps:Q", format="+,.4f")],
        )
        .add_params(_legend("part"))
    )
    sums = data.unique("policy", maintain_order=True)
    total = (
        alt.Chart(sums)
        .mark_tick(thickness=3, opacity=1, height=28)
        .encode(
            x="shortfall_bps:Q", y=y, tooltip=["policy:N", alt.Tooltip("shortfall_bps:Q", format="+,.4f")]
        )
    )
    return _layers(bars, total, _zero())


def venue_shares(study: Study) -> alt.Chart:
    """Where every policy traded: share of its shares by venue."""
    data = plotdata.venues(study)
    chart: alt.Chart = (
        alt.Chart(data, height=30 * data["venue"].n_unique())
        .mark_point(filled=True, size=110)
        .encode(
            x=alt.X("share:Q", title="share of shares executed", axis=alt.Axis(format="%", tickCount=5)),
            y=alt.Y("venue:N", title=None, axis=alt.Axis(grid=True)),
            color=_colour(study),
            shape=alt.Shape("policy:N", sort=list(study.policies), legend=None),
            opacity=_picked("policy"),
            tooltip=[
                "policy:N",
                "venue:N",
                alt.Tooltip("share:Q", format=".2%"),
                alt.Tooltip("shares:Q", format=","),
                alt.Tooltip("net_per_share:Q", format=".5f"),
            ],
        )
        .add_params(_legend("policy"))
    )
    return chart


def cost_by_size(study: Study) -> alt.Chart:
    """Mean shortfall of every policy against the size of the order."""
    what, data = plotdata.cost_by_size(study)
    chart: alt.Chart = (
        alt.Chart(data, height=260)
        .mark_line(point=alt.OverlayMarkDef(size=60), strokeWidth=2)
        .encode(
            x=alt.X("size:Q", title=f"size of the order, {what}", scale=alt.Scale(zero=False, nice=False)),
            y=alt.Y("shortfall_bps:Q", title="mean shortfall, bps"),
            color=_colour(study),
            opacity=_picked("policy"),
            tooltip=[
                "policy:N",
                alt.Tooltip("size:Q", format=",.3~f"),
                alt.Tooltip("shortfall_bps:Q", format=",.4f"),
                alt.Tooltip("parents:Q", title="orders"),
            ],
        )
        .add_params(_legend("policy"))
    )
    return chart


def overview(study: Study) -> alt.VConcatChart:
    """One picture of a study: savings, cost parts, and a typical order's fills and running costs."""
    order = [plotdata.busiest(study)]
    size = {"width": 420}
    left = [
        savings(study).properties(
            title=f"Savings of {study.policy}, {study.bootstrap.level:.0%} intervals", **size
        ),
        cost_parts(study).properties(title="Where the cost comes from", **size),
    ]
    right = [
        order_fills(study, order).properties(title=f"Fills of order {order[0]} on the quotes", **size),
        order_costs(study, order).properties(title="Its cumulative cost under every policy", **size),
    ]
    rows = [_row(*row).resolve_scale(color="independent", shape="independent") for row in (left, right)]
    chart = alt.VConcatChart(vconcat=rows).resolve_scale(color="independent", shape="independent")
    drawn: alt.VConcatChart = chart.configure_tick(color="#222222").configure_axis(
        domain=False, tickColor="#cccccc"
    )
    return drawn


def save(chart: alt.TopLevelMixin, path: Path, *, scale: float = 2) -> None:
    """Write a chart as `.png`, `.svg` or `.html`, without a network or a browser."""
    if path.suffix == ".png":
        chart.save(str(path), scale_factor=scale)
    else:
        chart.save(str(path))


def _layers(*charts: alt.Chart) -> alt.LayerChart:
    return alt.LayerChart(layer=list(charts))


def _row(*charts: alt.Chart | alt.LayerChart) -> alt.HConcatChart:
    return alt.HConcatChart(hconcat=list(charts))


def _readable(frame: pl.DataFrame, time: str = "time") -> pl.DataFrame:
    """Give a frame what a browser can read: milliseconds, and names instead of categories."""
    return frame.with_columns(
        pl.col(time).cast(pl.Datetime("ms", "UTC")), pl.col(pl.Enum, pl.Categorical).cast(pl.String)
    )


def _colour(study: Study, *, field: str = "policy", legend: bool = True) -> Any:
    policies = list(study.policies)
    colours = [PALETTE[i % len(PALETTE)] for i in range(len(policies))]
    scale = alt.Scale(domain=policies, range=colours)
    return alt.Color(f"{field}:N", title=None, scale=scale, legend=alt.Undefined if legend else None)


def _legend(field: str) -> Any:
    """Let a click on the legend single out an entry."""
    return alt.selection_point(name=f"pick_{field}", fields=[field], bind="legend")


def _picked(field: str) -> Any:
    return alt.when(_legend(field), empty=True).then(alt.value(1)).otherwise(alt.value(0.08))


def _order(orders: Sequence[int]) -> Any:
    return alt.param(name="order", value=orders[0])


def _zero() -> Any:
    return alt.Chart(pl.DataFrame({"zero": [0]})).mark_rule(strokeWidth=1).encode(x="zero:Q")


def _time() -> Any:
    return alt.X(
        "time:T",
        title="time (UTC)",
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%H:%M:%S", tickCount=5),
    )


def _utc(field: str) -> Any:
    return alt.Tooltip(f"{field}:T", timeUnit="utcyearmonthdatehoursminutesseconds", title=field)


def _bps() -> Any:
    return alt.Tooltip("savings_bps:Q", format="+.3f")


def _axis_name(search: Search, axis: str) -> str:
    return f"{axis} (flat)" if axis in search.flat_axes else axis


views.plot.register(Backtest, cumulative_cost)
views.plot.register(Search, search)


@views.plot.register(Study)
def _titled(study: Study) -> alt.LayerChart:
    return savings(study).properties(
        title=f"Savings of {study.policy}, {study.bootstrap.level:.0%} intervals", width=560
    )
