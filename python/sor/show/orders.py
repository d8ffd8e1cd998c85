"""One order, closely: its fills on the quotes, what was left of it, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.show import plotdata, style
from sor.show.spec import Chart, Spec, channel, layers
from sor.show.style import legend_picks, picked, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.results.study import Study


def order_fills(study: Study, orders: Sequence[int]) -> Chart:
    """Draw the executions of one order on the best bid and ask; the signal `order` says which of `orders`.

    The axis of time ends shortly after its last execution.
    """
    order = _order(orders)
    fills = _named(plotdata.order_fills(study, orders))
    price = channel("value:Q", title="price", scale={"zero": False})
    near = _near(study, orders, fills)
    at = _moments(near)
    quotes = (
        Chart.of(readable(near), height=260)
        .mark("line", interpolate="step-after", strokeWidth=1.4)
        .encode(
            x=style.time(at=at),
            y=price,
            color=channel(
                "quote:N",
                scale={"domain": list(style.SIDES), "range": list(style.SIDES.values())},
                legend={"title": None, "orient": "bottom"},
            ),
            tooltip=["quote:N", *style.moment("time"), channel("value:Q", format=",.4f")],
        )
        .where("datum.parent == order")
        .params(order)
    )
    shown = fills["shown"].unique().sort().to_list()
    marks = (
        Chart.of(readable(fills))
        .mark("point", filled=True, opacity=0.9, stroke="#808080", strokeWidth=0.5)
        .encode(
            x=style.time(at=at),
            y=channel("price:Q", title="price", scale={"zero": False}),
            size=channel(
                "quantity:Q",
                scale={"range": [25, 240], "domainMin": 0},
                legend={
                    "title": "shares",
                    "orient": "bottom",
                    "values": _sizes(fills),
                    "format": ",d",
                    "symbolFillColor": "#8c8c8c",
                },
            ),
            shape=channel(
                "shown:N",
                scale={"domain": shown, "range": style.cycle(style.SHAPES, len(shown))},
                legend={"title": None},
            ),
            color={"value": _colour_of(study)},
            opacity=picked("shown"),
            tooltip=[
                "venue:N",
                "kind:N",
                *style.moment("time"),
                channel("quantity:Q", format=","),
                channel("price:Q", format=",.4f"),
            ],
        )
        .where("datum.parent == order")
        .params(legend_picks("shown"))
    )
    return layers(quotes, marks).apart("color")


def order_left(study: Study, orders: Sequence[int]) -> Chart:
    """Draw the shares left of one order under every policy, twap's line being the schedule."""
    return _lines(study, plotdata.left(study, orders), orders, "left", "shares left", ",d")


def order_costs(study: Study, orders: Sequence[int]) -> Chart:
    """Draw the cumulative shortfall of one order under every policy."""
    rows = plotdata.carried(study.ledger, orders)
    return _lines(study, rows, orders, "cost", "shortfall, currency", ",.2f")


def _lines(
    study: Study, data: pl.DataFrame, orders: Sequence[int], what: str, title: str, form: str
) -> Chart:
    order = _order(orders)
    return (
        Chart.of(readable(data), height=260)
        .mark("line", interpolate="step-after")
        .encode(
            x=style.time(at=_moments(data)),
            y=channel(f"{what}:Q", title=title, axis={"format": ",~r", "tickCount": 6}),
            color=style.colour(list(study.policies)),
            strokeWidth=style.width(list(study.policies)),
            opacity=picked("policy"),
            tooltip=["policy:N", *style.moment("time"), channel(f"{what}:Q", format=form)],
        )
        .where("datum.parent == order")
        .params(order, legend_picks("policy"))
    )


def _named(fills: pl.DataFrame) -> pl.DataFrame:
    """Name the venues that have a shape: the others share the last one."""
    shares = fills.group_by("venue").agg(pl.col("quantity").sum()).sort("quantity", "venue", descending=True)
    kept = shares["venue"].head(len(style.SHAPES))
    if shares.height > len(kept):
        kept = kept.head(len(style.SHAPES) - 1)
    venue = pl.col("venue")
    return fills.with_columns(
        shown=pl.when(venue.is_in(kept.implode())).then(venue).otherwise(pl.lit("other venues"))
    )


def _near(study: Study, orders: Sequence[int], fills: pl.DataFrame) -> pl.DataFrame:
    """Return the quotes from each order's start to shortly after its last fill: `parent, time, quote, value`."""
    sides = plotdata.order_quotes(study, orders, fills)
    return sides.unpivot(["bid", "ask"], index=["parent", "time"], variable_name="quote")


def _sizes(fills: pl.DataFrame) -> list[int]:
    """Return the sizes that the legend shows: a small, a middle and the largest one."""
    if fills.is_empty():
        return []
    sizes = fills["quantity"]
    return sorted({int(sizes.quantile(q, "lower") or 0) for q in (0.1, 0.5, 1.0)})


def _colour_of(study: Study) -> str:
    place = list(study.policies).index(study.policy)
    return style.PALETTE[place % len(style.PALETTE)]


def _moments(rows: pl.DataFrame) -> str:
    """Return where the ticks are of the order that is shown."""
    parts = rows.select("parent", "time").partition_by("parent", maintain_order=True)
    found = [(part["parent"][0], style.moments(part["time"])) for part in parts]
    return f"{{{', '.join(f'{parent}: {at}' for parent, at in found)}}}[order]"


def _order(orders: Sequence[int]) -> Spec:
    return {"name": "order", "value": orders[0]}
