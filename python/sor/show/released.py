"""What a schedule released, against what was executed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.show.spec import Chart, channel

if TYPE_CHECKING:
    from sor.results.study import Study

POINTS = 41
"""Moments of an order's time at which both are looked at, the start and the end among them."""


def released(study: Study) -> pl.DataFrame:
    """Follow the policy's orders through their time.

    Returns:
        `at` (the part of the order's time that has passed, 0 to 1), `released` and `executed` (of the quantity,
        means over orders; completion is not counted as executed). Empty where the policy is under no schedule.

    """
    mine = pl.col("policy") == study.policy
    releases = study.ledger.releases.filter(mine)
    if releases.is_empty():
        return pl.DataFrame(schema={"at": pl.Float64, "released": pl.Float64, "executed": pl.Float64})
    traded = study.ledger.parents.filter(mine, pl.col("arrival_mid").is_not_null())
    start, end = (pl.col(name).cast(pl.Int64) for name in ("start", "end"))
    at = pl.Series("at", [i / (POINTS - 1) for i in range(POINTS)])
    moments = (
        traded.select("parent", "quantity", start, end)
        .join(at.to_frame(), how="cross")
        .with_columns(
            ts=(pl.col("start") + (pl.col("end") - pl.col("start")) * pl.col("at")).round().cast(pl.Int64)
        )
        .sort("ts", maintain_order=True)
    )
    done = (
        study.ledger.fills.filter(mine, pl.col("kind").is_in(["take", "post"]))
        .select("parent", pl.col("ts_executed").cast(pl.Int64).alias("ts"), "quantity")
        .sort("ts", maintain_order=True)
        .select("parent", "ts", done=pl.col("quantity").cum_sum().over("parent"))
    )
    due = releases.select("parent", pl.col("ts").cast(pl.Int64), due="total").sort("ts", maintain_order=True)
    for frame in (due, done):
        moments = moments.join_asof(frame, on="ts", by="parent", check_sortedness=False)
    share = {"released": "due", "executed": "done"}
    return (
        moments.group_by("at", maintain_order=True)
        .agg(
            (pl.col(name).fill_null(0) / pl.col("quantity")).mean().alias(shown)
            for shown, name in share.items()
        )
        .sort("at")
    )


def chart(study: Study) -> Chart:
    """Shares released and executed over the time of an order, means over orders."""
    data = released(study).unpivot(index="at", variable_name="what", value_name="share")
    return (
        Chart.of(data, height=240)
        .mark("line", interpolate="step-after", strokeWidth=2)
        .encode(
            x=channel("at:Q", title="part of the order's time", axis={"format": "%"}),
            y=channel("share:Q", title="part of the order", axis={"format": "%"}),
            color=channel(
                "what:N",
                title=None,
                scale={"domain": ["released", "executed"], "range": ["#bbbbbb", "#4477aa"]},
            ),
            tooltip=["what:N", channel("at:Q", format=".0%"), channel("share:Q", format=".1%")],
        )
    )
