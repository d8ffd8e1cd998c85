"""What the ledger says about a policy, as polars expressions (rules P6, P7).

Costs in the ledger are signed integers, positive when worse for the parent, so every figure here is one
division at the end of exact sums, rounded once (`sor.tape.exact`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.tape.exact import BPS, NANOS, ratio

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

PARTS = ("spread", "slippage", "schedule", "timing", "opportunity", "fees", "rebates")
"""The parts of the shortfall; rebates are subtracted."""

SIGN = pl.when(pl.col("side") == "buy").then(1).otherwise(-1)
"""+1 for a buy, -1 for a sell."""

TRADED = pl.col("status") != "no_quotes"
"""Parents that could trade."""

VALUE = pl.col("quantity").cast(pl.Int128) * pl.col("arrival_mid")
"""Arrival value `Q * M0`, nanos: what basis points are of."""


def bps(cost: str | pl.Expr) -> pl.Expr:
    """Show a cost in nanos as basis points of its parent's arrival value."""
    return ratio(pl.col(cost) if isinstance(cost, str) else cost, VALUE, BPS)


def orders_table(parents: pl.DataFrame) -> pl.DataFrame:
    """Describe every parent as a person reads it: prices in currency, costs in basis points of `Q * M0`.

    A parent that could not trade (`no_quotes`) has null prices and costs.
    """
    per_share = NANOS * pl.col("quantity").cast(pl.Int128)
    signed = [(SIGN * pl.col(name).cast(pl.Int128)) for name in ("notional", "all_in")]
    figures = {
        "avg_fill_px": ratio(signed[0], per_share),
        "all_in_px": ratio(signed[1], per_share),
        "shortfall_bps": bps("shortfall"),
        **{f"{part}_bps": bps(part) for part in PARTS},
    }
    return parents.select(
        *(
            "parent",
            "side",
            "quantity",
            "start",
            "end",
            "cut",
            "status",
            "executed",
            "posted",
            "completed",
            "unwound",
        ),
        ratio(pl.col("arrival_mid"), NANOS).alias("arrival_mid"),
        *(pl.when(TRADED).then(figure).alias(name) for name, figure in figures.items()),
        *("children", "fills", "ts_done"),
    )


def summary_table(parents: pl.DataFrame, unit: Fraction | int = 1) -> pl.DataFrame:
    """One row per policy, or variant: whichever the first column names (rule P7).

    Cash over all parents, means over parents in basis points of `Q * M0`. Cash is of the user's own sizes, of which
    the tape counts the fraction `unit`; `quantity` is left as the tape counts.

    `fills` counts the executions, `seconds` is the mean time from a parent's start to its last. Parents that could
    not trade count in `no_quotes` and in nothing else.
    """
    policies = parents.partition_by(parents.columns[0], maintain_order=True)
    return pl.concat([_policy_summary(part, unit) for part in policies])


def edge_counts(parents: pl.DataFrame) -> dict[str, int]:
    """Count the parents whose end met the edge of a session (rules T3, T6).

    `cut`: their session closed before their end. `late`: completed after it, at the first quote that lived. `stale`:
    priced at a quote that no longer did.
    """
    status = parents["status"].cast(pl.String)
    return {
        "cut": int(parents["cut"].sum()),
        "late": int((status == "late").sum()),
        "stale": int((status == "stale").sum()),
    }


def _policy_summary(parents: pl.DataFrame, unit: Fraction | int) -> pl.DataFrame:
    # One policy at a time: a grouped sum of floats would depend on the number of threads.
    whose = parents.to_series(0)
    traded = parents.filter(TRADED)
    # One order's money fits 64 bits (the core sees to it); that of many need not.
    all_in = pl.col("all_in").cast(pl.Int128)
    signed = SIGN * all_in
    # Nothing traded: what is per share is null.
    shares = pl.when(pl.len() > 0).then(pl.col("quantity").sum()).cast(pl.Int128)
    return traded.select(
        pl.lit(whose[0], dtype=whose.dtype).alias(whose.name),
        pl.len().alias("parents"),
        pl.lit(parents.height - traded.height).alias("no_quotes"),
        *(pl.lit(count).alias(name) for name, count in edge_counts(parents).items()),
        pl.col("quantity").sum(),
        ratio(pl.col("executed").sum(), shares).alias("fill_ratio"),
        ratio(pl.col("posted").sum(), shares).alias("posted_ratio"),
        ratio(pl.col("completed").sum(), shares).alias("completed_ratio"),
        ratio(signed.sum(), NANOS, unit).alias("total_cash"),
        ratio(signed.sum(), NANOS * shares).alias("avg_fill_px"),
        bps("shortfall").mean().alias("shortfall_bps"),
        *(bps(part).mean().alias(f"{part}_bps") for part in PARTS),
        pl.col("fills").sum(),
        ratio((pl.col("ts_done") - pl.col("start")).dt.total_nanoseconds(), NANOS).mean().alias("seconds"),
        all_in.sum().alias("_all_in"),
    )


def child_costs(children: pl.DataFrame, fills: pl.DataFrame, parents: pl.DataFrame) -> pl.DataFrame:
    """Add to one policy's children what each cost, in nanos: `price` per share, and the parts of P6.

    `cost` is `spread + slippage + timing + fee - rebate`, against the arrival mid, positive when worse. Children
    that executed nothing have a null price and no cost.
    """
    arrival = parents.select("parent", "side", "arrival_mid")
    signed = SIGN * pl.col("quantity")
    costs = (
        fills.filter(pl.col("child") >= 0)
        .join(arrival, on="parent", maintain_order="left")
        .group_by("parent", "child")
        .agg(
            # A take fills once, a limit order often, but always at its own price.
            pl.col("price").first(),
            (signed * (pl.col("quoted") - pl.col("mid"))).sum().alias("spread"),
            (signed * (pl.col("price") - pl.col("quoted"))).sum().alias("slippage"),
            (signed * (pl.col("mid") - pl.col("arrival_mid"))).sum().alias("timing"),
            pl.col("fee").sum(),
            pl.col("rebate").sum(),
        )
    )
    parts = ("spread", "slippage", "timing", "fee", "rebate")
    joined = children.join(costs, on=["parent", "child"], how="left", maintain_order="left")
    filled = joined.with_columns(pl.col(part).fill_null(0) for part in parts)
    total = pl.sum_horizontal("spread", "slippage", "timing", "fee") - pl.col("rebate")
    return filled.with_columns(total.alias("cost"))


def cash_savings_bps(router: int | None, other: int | None) -> float | None:
    """Difference of all-in cash over all parents as bps of the other's, positive when the router is better (rule P6).

    Large orders count for more here than in the paired mean, which weighs parents alike.

    Args:
        router: Signed all-in cash of the router's parents, nanos.
        other: The same of the other policy over the same parents.

    """
    if router is None or not other:
        return None
    return BPS * (other - router) / abs(other)


def paired_savings(ledger: pl.DataFrame, parents: pl.DataFrame, policy: str) -> pl.DataFrame:
    """Return what `policy` saves against every other policy on each parent, in bps of the parent's value.

    Parents that either could not trade are left out.

    Args:
        ledger: `Ledger.parents`.
        parents: What is known of the parents; its columns stand in every row.
        policy: Whose savings.

    Returns:
        `against`, the columns of `parents`, `savings_bps` and its parts, which sum to it.

    """
    costs = ["shortfall", *PARTS]
    # The value by the ledger's quantity: that of `parents` may be in another unit.
    rows = ledger.filter(TRADED).select("policy", "parent", VALUE.alias("_value"), *costs)
    mine = rows.filter(pl.col("policy") == policy).drop("policy")
    # Differences are taken as integers; a rebate lowers the cost.
    gains = [
        ratio(
            (pl.col(cost).cast(pl.Int128) - pl.col(f"{cost}_mine")) * (-1 if cost == "rebates" else 1),
            pl.col("_value"),
            BPS,
        ).alias("savings_bps" if cost == "shortfall" else f"{cost}_bps")
        for cost in costs
    ]
    return (
        rows.filter(pl.col("policy") != policy)
        .join(mine, on="parent", suffix="_mine", maintain_order="left")
        .join(parents, on="parent", maintain_order="left")
        .select(pl.col("policy").alias("against"), *parents.columns, *gains)
    )


def parent_costs(rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return the shortfall of parent rows in bps of arrival value; NaN where the parent could not trade."""
    costs = pl.when(TRADED).then(bps("shortfall"))
    return rows.select(costs.fill_null(float("nan")).alias("bps"))["bps"].to_numpy()
