"""Charts of results (the extra `report`: altair and vl-convert)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    import altair as alt

    from sor.backtest import Backtest

# Colour-blind safe (Okabe and Ito), readable on white and on black; the router first.
PALETTE = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#8c8c8c", "#e69f00", "#56b4e9")


def cumulative_cost(result: Backtest) -> alt.Chart:
    """Cumulative shortfall in currency, a line a policy: over executions of one order, over ends of many."""
    _require_altair()
    import altair as alt

    data = cumulative_cost_data(result)
    policies = data["policy"].unique(maintain_order=True).to_list()
    colour = alt.Color(
        "policy:N", scale=alt.Scale(domain=policies, range=list(PALETTE[: len(policies)])), title=None
    )
    chart: alt.Chart = (
        alt.Chart(data, title="Cumulative cost against the arrival mid")
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("time:T", title="time (UTC)", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%H:%M")),
            strokeDash=alt.StrokeDash("policy:N", title=None, sort=policies),
            y=alt.Y("cost:Q", title="shortfall, currency"),
            color=colour,
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
    else:
        sign = pl.when(pl.col("side") == "buy").then(1).otherwise(-1)
        sign *= pl.when(pl.col("kind") == "unwind").then(-1).otherwise(1)
        arrival = parents.select("policy", "parent", "side", "arrival_mid", "start")
        fills = result.ledger.fills.join(arrival, on=["policy", "parent"], maintain_order="left")
        cost = sign * pl.col("quantity").cast(pl.Int128) * (pl.col("price") - pl.col("arrival_mid"))
        begun = arrival.select("policy", time="start", cost=pl.lit(0, dtype=pl.Int128))
        rows = pl.concat(
            [begun, fills.select("policy", time="ts_executed", cost=cost + pl.col("fee") - pl.col("rebate"))]
        )
    ordered = rows.sort("policy", "time", maintain_order=True)
    running = ordered.with_columns(pl.col("cost").cum_sum().over("policy") / 1e9)
    return running.with_columns(
        pl.col("policy").cast(pl.String), pl.col("time").cast(pl.Datetime("ms", "UTC"))
    )


def save(chart: alt.Chart, path: Path) -> None:
    """Write a chart as `.png`, `.svg` or `.html`, without a network or a browser."""
    if path.suffix == ".png":
        chart.save(str(path), scale_factor=2)
    else:
        chart.save(str(path))


def _require_altair() -> None:
    try:
        import altair
        import vl_convert  # noqa: F401, altair needs it to write images
    except ImportError:
        raise ParameterError("charts need altair and vl-convert-python: pip install 'sor[report]'") from None
    altair.data_transformers.disable_max_rows()
