"""Charts of results (the extra `report`: altair and vl-convert).

The charts of a study have no size and no title: the page gives them its width and a heading, `overview` and
the `plot` methods a fixed size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.results import metrics, views, words
from sor.results.backtest import Backtest
from sor.results.search import Search
from sor.results.stress import Stress
from sor.results.study import Study
from sor.show import grids, plotdata, style
from sor.show.orders import order_costs, order_fills
from sor.show.spec import Chart, Spec, below, beside, channel, layers
from sor.show.style import APART, legend_picks, picked, readable
from sor.tape.exact import currency

if TYPE_CHECKING:
    from sor.show.plotdata import Compared


def cumulative_cost(result: Backtest) -> Chart:
    """Cumulative shortfall in currency, a line a policy: over executions of one order, over ends of many."""
    data = cumulative_cost_data(result)
    policies = data["policy"].unique(maintain_order=True).to_list()
    many = result.ledger.parents["parent"].n_unique()
    what = f"{many:,} orders, each counted at its end" if many > 1 else "one order"
    return (
        Chart.of(data, title=f"Cumulative cost against the arrival mid: {what}")
        .mark("line", interpolate="step-after")
        .encode(
            x=style.time(ticks=7, at=style.moments(data["time"], ticks=7)),
            strokeDash=style.dashes(policies),
            strokeWidth=style.width(policies),
            y=channel("cost:Q", title="shortfall, currency", axis={"format": ",~r", "tickCount": 6}),
            color=style.colour(policies),
            tooltip=["policy:N", style.clock("time"), channel("cost:Q", format=",.2f")],
        )
        .properties(width=640, height=320)
    )


def cumulative_cost_data(result: Backtest) -> pl.DataFrame:
    """Return `policy, time, cost` behind `cumulative_cost`, from the ledger's rows, from the start to the end."""
    parents = result.ledger.parents
    if parents["parent"].n_unique() == 1:
        return readable(plotdata.carried(result.ledger, parents["parent"].unique().to_list()).drop("parent"))
    ends = parents.select("policy", time="end", cost=pl.col("shortfall").cast(pl.Int128))
    begun = parents.group_by("policy", maintain_order=True).agg(
        time=pl.col("start").min(), cost=pl.lit(0, dtype=pl.Int128)
    )
    rows = pl.concat([begun, ends.group_by("policy", "time", maintain_order=True).agg(pl.col("cost").sum())])
    ordered = rows.sort("policy", "time", maintain_order=True)
    summed = ordered.with_columns(pl.col("cost").cum_sum().over("policy"))
    return readable(summed.with_columns(currency(summed, ["cost"])))


def savings(study: Compared) -> Chart:
    """Mean paired savings against every other policy, with intervals."""
    said = study.comparisons.with_columns(words.p_values(study.comparisons["p_value"]))
    data = said.select("against", "savings_bps", "lower", "upper", "p_value", "parents", "win_ratio")
    base = Chart.of(data, height=34 * data.height).encode(
        y=channel("against:N", title=None, sort=study.others),
        tooltip=[
            channel("against:N"),
            *(channel(f"{name}:Q", format="+.3f") for name in ("savings_bps", "lower", "upper")),
            channel("p_value:N", title="p"),
            channel("parents:Q", title="orders"),
            channel("win_ratio:Q", format=".1%"),
        ],
    )
    bars = base.mark("bar", height=18).encode(
        x=style.number("saved, bps of arrival value (positive: better)", "savings_bps"),
        color=style.colour(list(study.policies), legend=False, field="against"),
    )
    whiskers = base.mark("rule", strokeWidth=2.5).encode(x="lower:Q", x2="upper:Q")
    return layers(bars, whiskers, style.zero())


def distribution(study: Study) -> Chart:
    """Draw the savings of single parents: a box from 25 to 75%, whiskers from 5 to 95%, and dots."""
    boxes, dots = plotdata.distribution(study)
    y = channel("against:N", title=None, sort=study.others)
    colour = style.colour(list(study.policies), legend=False, field="against")
    box = Chart.of(boxes, height=52 * boxes.height).encode(
        y=y, tooltip=["against:N", *(channel(f"p{q}:Q", format="+.3f") for q in (5, 25, 50, 75, 95))]
    )
    dot = Chart.of(readable(dots, "start")).mark("circle", size=16, opacity=0.55, yOffset=15)
    return layers(
        dot.encode(
            x=style.number("saved, bps of arrival value", "savings_bps"),
            y=y,
            color=colour,
            tooltip=[
                "against:N",
                "parent:Q",
                "side:N",
                "quantity:Q",
                style.clock("start"),
                channel("savings_bps:Q", format="+.3f"),
            ],
        ),
        box.mark("rule", yOffset=-4).encode(x="p5:Q", x2="p95:Q"),
        box.mark("bar", height=14, yOffset=-4).encode(x="p25:Q", x2="p75:Q", color=colour),
        box.mark("tick", thickness=2.5, opacity=1, height=20, yOffset=-4).encode(x="p50:Q"),
        style.zero(),
    )


def cost_parts(study: Compared) -> Chart:
    """Mean signed parts of the shortfall of every policy, stacked, and their sum."""
    data = plotdata.cost_parts(study)
    y = channel("policy:N", title=None, sort=list(study.policies))
    bars = (
        Chart.of(data, height=34 * data["policy"].n_unique())
        .mark("bar", height=20)
        .encode(
            x=channel(
                "bps:Q",
                title="mean cost, bps of arrival value (tick: shortfall)",
                stack="zero",
                axis={"tickCount": 8, **APART},
            ),
            y=y,
            color=channel(
                "part:N", title=None, scale={"domain": list(metrics.PARTS), "range": list(style.PARTS)}
            ),
            opacity=picked("part"),
            tooltip=["policy:N", "part:N", channel("bps:Q", format="+,.4f")],
        )
        .params(legend_picks("part"))
    )
    sums = data.unique("policy", maintain_order=True)
    total = (
        Chart.of(sums)
        .mark("tick", thickness=3, opacity=1, height=28)
        .encode(x="shortfall_bps:Q", y=y, tooltip=["policy:N", channel("shortfall_bps:Q", format="+,.4f")])
    )
    return layers(bars, total, style.zero())


def venue_shares(study: Study) -> Chart:
    """Where every policy traded: share of its shares by venue."""
    data = plotdata.venues(study)
    # As the tape has them: by name V10 would come before V2.
    venues = study.ledger.fills["venue"].unique().sort().cast(pl.String).to_list()
    return (
        Chart.of(data, height=30 * data["venue"].n_unique())
        .mark("point", filled=True, size=110)
        .encode(
            x=channel("share:Q", title="share of shares executed", axis={"format": "%", "tickCount": 5}),
            y=channel("venue:N", title=None, sort=venues, axis={"grid": True}),
            color=style.colour(list(study.policies)),
            shape=channel("policy:N", sort=list(study.policies), legend=None),
            opacity=picked("policy"),
            tooltip=[
                "policy:N",
                "venue:N",
                channel("share:Q", format=".2%"),
                channel("shares:Q", format=","),
                channel("net_per_share:Q", format=".5f"),
            ],
        )
        .params(legend_picks("policy"))
    )


_FEW_SIZES = 8


def cost_by_size(study: Study) -> Chart:
    """Mean shortfall of every policy against the size of the order."""
    what, data = plotdata.cost_by_size(study)
    sizes = data["size"].unique().sort()
    axis: Spec = {"values": sizes.to_list(), **APART} if len(sizes) <= _FEW_SIZES else {}
    scale = {"zero": False, "nice": False, "padding": 12}
    return (
        Chart.of(data, height=260)
        .mark("line", point={"size": 60}, strokeWidth=2)
        .encode(
            x=channel("size:Q", title=f"size of the order, {what}", scale=scale, axis=axis),
            y=channel("shortfall_bps:Q", title="mean shortfall, bps"),
            color=style.colour(list(study.policies)),
            opacity=picked("policy"),
            tooltip=[
                "policy:N",
                channel("size:Q", format=",.3~f"),
                channel("shortfall_bps:Q", format=",.4f"),
                channel("parents:Q", title="orders"),
            ],
        )
        .params(legend_picks("policy"))
    )


def completion(study: Study) -> Chart:
    """How long every policy takes: the share of orders that had their last execution by a time."""
    data = plotdata.completion(study)
    return (
        Chart.of(data, height=240)
        .mark("line", interpolate="step-after")
        .encode(
            x=channel("seconds:Q", title="seconds after the start", axis={"format": ",~r", "tickCount": 6}),
            y=channel("done:Q", title="orders done", axis={"format": "%", "tickCount": 5}),
            color=style.colour(list(study.policies)),
            strokeDash=style.dashes(list(study.policies)),
            opacity=picked("policy"),
            tooltip=[
                "policy:N",
                channel("seconds:Q", format=",.2f"),
                channel("done:Q", format=".1%"),
            ],
        )
        .params(legend_picks("policy"))
    )


def spread_of_costs(study: Study) -> Chart:
    """Draw the spread of single orders' costs under every policy: 5 to 95%, 25 to 75%, the median."""
    data = plotdata.cost_quantiles(study)
    base = Chart.of(data, height=34 * data.height).encode(
        y=channel("policy:N", title=None, sort=list(study.policies)),
        tooltip=["policy:N", *(channel(f"p{q}:Q", format="+,.3f") for q in plotdata.QUANTILES)],
    )
    colours = style.colour(list(study.policies), legend=False)
    return layers(
        base.mark("rule").encode(x=channel("p5:Q", title="shortfall of an order, bps"), x2="p95:Q"),
        base.mark("bar", height=16).encode(x="p25:Q", x2="p75:Q", color=colours),
        base.mark("tick", thickness=2.5, opacity=1, height=24).encode(x="p50:Q"),
        style.zero(),
    )


def cost_by_hour(study: Study) -> Chart:
    """Mean shortfall of every policy by the time of day an order starts."""
    data = plotdata.cost_by_time(study)
    return (
        Chart.of(data, height=240)
        .mark("line", point={"size": 60}, strokeWidth=2)
        .encode(
            x=channel(
                "at:O",
                title="start of the order (UTC)",
                axis={"labelAngle": 0, **style.APART},
            ),
            y=channel("shortfall_bps:Q", title="mean shortfall, bps"),
            color=style.colour(list(study.policies)),
            opacity=picked("policy"),
            tooltip=[
                "policy:N",
                channel("at:N", title="from"),
                channel("shortfall_bps:Q", format=",.4f"),
                channel("parents:Q", title="orders"),
            ],
        )
        .params(legend_picks("policy"))
    )


def fill_sizes(study: Study) -> Chart:
    """How large the executions are: the share of shares in executions up to a size."""
    data = plotdata.fill_sizes(study)
    return (
        Chart.of(data, height=240)
        .mark("line", interpolate="step-after")
        .encode(
            x=channel(
                "quantity:Q",
                title="shares in one execution",
                scale={"type": "log", "nice": False, "padding": 8},
                axis={"format": "~s"},
            ),
            y=channel("share:Q", title="share of shares", axis={"format": "%", "tickCount": 5}),
            color=style.colour(list(study.policies)),
            opacity=picked("policy"),
            tooltip=["policy:N", channel("quantity:Q", format=","), channel("share:Q", format=".1%")],
        )
        .params(legend_picks("policy"))
    )


def stress(result: Stress) -> Chart:
    """Draw the router's mean shortfall in every market."""
    data = result.table.select("market", "shortfall_bps", "fill_ratio")
    return (
        Chart.of(data, title="The router's mean shortfall by market", height=28 * data.height, width=480)
        .mark("bar", height=16, color=style.PALETTE[0])
        .encode(
            x=channel("shortfall_bps:Q", title="shortfall, bps of arrival value"),
            y=channel("market:N", title=None, sort=None, axis={"labelLimit": 220}),
            tooltip=[
                "market:N",
                channel("shortfall_bps:Q", format="+,.3f"),
                channel("fill_ratio:Q", format=".1%"),
            ],
        )
    )


def overview(study: Study) -> Chart:
    """One picture of a study: savings, cost parts, and a typical order's fills and running costs."""
    order = [plotdata.busiest(study)]
    size = {"width": 420}
    left = [
        savings(study).properties(
            title=f"Saved by {study.policy}, {study.bootstrap.level:.0%} intervals", **size
        ),
        cost_parts(study).properties(title="Where the cost comes from", **size),
    ]
    right = [
        order_fills(study, order).properties(title=f"Fills of order {order[0]} on the quotes", **size),
        order_costs(study, order).properties(title="Its cumulative cost under every policy", **size),
    ]
    rows = [beside(*pair).apart("color", "shape") for pair in (left, right)]
    config = {
        "tick": {"color": "#222222"},
        "axis": {"domain": False, "tickColor": "#cccccc", "labelFlush": False},
    }
    return below(*rows).apart("color", "shape").properties(config=config)


views.plot.register(Backtest, cumulative_cost)
views.plot.register(Search, grids.search)
views.plot.register(Stress, stress)


@views.plot.register(Study)
def _titled(study: Study) -> Chart:
    title = f"Saved by {study.policy}, with {study.bootstrap.level:.0%} intervals"
    return savings(study).properties(title=title, width=480)
