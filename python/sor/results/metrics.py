"""What the ledger says about a policy, as columns (rules P6, P7).

Costs in the ledger are signed integers, positive when worse for the parent, so every figure here is one
division at the end of exact sums, rounded once (`sor.tape.exact`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.tape.exact import BPS, NANOS, ratio, ratios

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

PARTS = ("spread", "slippage", "schedule", "timing", "opportunity", "fees", "rebates")
"""The parts of the shortfall; rebates are subtracted."""

SIGN = pl.when(pl.col("side") == "buy").then(1).otherwise(-1)
"""+1 for a buy, -1 for a sell."""

TRADED = pl.col("status") != "no_quotes"
"""Parents that could trade."""

EDGES = {
    "cut": pl.col("cut"),
    "late": pl.col("status") == "late",
    "stale": pl.col("status") == "stale",
}
"""Parents whose end met the edge of a session (rules T3, T6).

`cut`: their session closed before their end. `late`: completed after it, at the first quote that lived. `stale`: priced
at a quote that no longer did.
"""

_RATIOS = {"executed": "fill", "posted": "posted", "completed": "completed"}

VALUE = pl.col("quantity").cast(pl.Int128) * pl.col("arrival_mid")
"""Arrival value `Q * M0`, nanos: what basis points are of."""


def bps(parents: pl.DataFrame, cost: str | pl.Expr) -> pl.Series:
    """Show a cost of parents in nanos as basis points of each parent's arrival value."""
    return ratio(parents, cost, VALUE, BPS)


def in_bps(parents: pl.DataFrame, costs: Iterable[str]) -> list[pl.Series]:
    """Show costs of parents as `bps` does, each under its name and `_bps`."""
    return ratios(parents, {f"{cost}_bps": cost for cost in costs}, VALUE, BPS)


def seconds_taken(parents: pl.DataFrame) -> pl.Series:
    """Return the time from each parent's start to its last execution."""
    return ratio(parents, (pl.col("ts_done") - pl.col("start")).dt.total_nanoseconds(), NANOS)


def orders_table(parents: pl.DataFrame) -> pl.DataFrame:
    """Describe every parent as a person reads it: prices in currency, costs in basis points of `Q * M0`.

    A parent that could not trade (`no_quotes`) has null prices and costs.
    """
    per_share = NANOS * pl.col("quantity").cast(pl.Int128)
    cash = {"avg_fill_px": "notional", "all_in_px": "all_in"}
    signed = {name: SIGN * pl.col(of).cast(pl.Int128) for name, of in cash.items()}
    figures = [*ratios(parents, signed, per_share), *in_bps(parents, ("shortfall", *PARTS))]
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
        ratio(parents, "arrival_mid", NANOS).alias("arrival_mid"),
        *(pl.when(TRADED).then(figure).alias(figure.name) for figure in figures),
        *("children", "fills", "ts_done"),
    )


def summary_table(parents: pl.DataFrame, unit: Fraction | int = 1) -> pl.DataFrame:
    """One row per policy, or variant: whichever the first column names (rule P7).

    Cash over all parents, means over parents in basis points of `Q * M0`. Cash is of the user's own sizes, of which
    the tape counts the fraction `unit`; `quantity` is left as the tape counts.

    `fills` counts the executions, `seconds` is the mean time from a parent's start to its last. Parents that could
    not trade count in `no_quotes` and in nothing else.
    """
    whose = parents.columns[0]
    counted = parents.group_by(whose, maintain_order=True).agg(
        pl.when(TRADED).then(1).sum().cast(pl.UInt32).alias("parents"),
        pl.when(~TRADED).then(1).sum().alias("no_quotes"),
        *(when.sum().cast(pl.Int32).alias(name) for name, when in EDGES.items()),
    )
    traded = _in_runs(parents.filter(TRADED), counted.to_series(0))
    sums = traded.group_by(whose, maintain_order=True).agg(
        pl.col("quantity", "executed", "posted", "completed", "fills").sum(),
        # One order's money fits 64 bits (the core sees to it); that of many need not.
        pl.col("all_in").cast(pl.Int128).sum().alias("_all_in"),
        (SIGN * pl.col("all_in").cast(pl.Int128)).sum().alias("_signed"),
    )
    each = pl.DataFrame([*in_bps(traded, ("shortfall", *PARTS)), seconds_taken(traded).alias("seconds")])
    found = counted.hstack(_means(each, counted["parents"])).join(
        sums, on=whose, how="left", maintain_order="left"
    )
    # Nothing traded: what is per share is null.
    shares = pl.col("quantity").cast(pl.Int128)
    money = pl.col("_signed")
    return found.select(
        whose,
        "parents",
        "no_quotes",
        *EDGES,
        pl.col("quantity").fill_null(0),
        *ratios(found, {f"{to}_ratio": name for name, to in _RATIOS.items()}, shares),
        ratio(found, money.fill_null(0), NANOS, unit).alias("total_cash"),
        ratio(found, money, NANOS * shares).alias("avg_fill_px"),
        "shortfall_bps",
        *(f"{part}_bps" for part in PARTS),
        pl.col("fills").fill_null(0),
        "seconds",
        pl.col("_all_in").fill_null(0),
    )


def edge_counts(parents: pl.DataFrame) -> dict[str, int]:
    """Count the parents whose end met the edge of a session; see `EDGES`."""
    return parents.select(when.sum().alias(name) for name, when in EDGES.items()).row(0, named=True)


def _in_runs(parents: pl.DataFrame, order: pl.Series) -> pl.DataFrame:
    """Put rows in the order of the policies they are of, where they are not."""
    if parents.to_series(0).rle().len() <= len(order):
        return parents
    places = order.to_frame().with_row_index("_place")
    placed = parents.join(places, on=order.name, how="left", maintain_order="left")
    return placed.sort("_place", maintain_order=True).drop("_place")


def _means(columns: pl.DataFrame, counts: pl.Series) -> pl.DataFrame:
    """Average runs of rows, so many in each: one by one, as a grouped sum of floats would depend on the threads."""
    runs = list(zip(counts.cum_sum().shift(1, fill_value=0), counts, strict=True))
    return columns.select(
        pl.Series(column.name, [column.slice(at, count).mean() for at, count in runs], dtype=pl.Float64)
        for column in columns
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
    gains = {
        "savings_bps" if cost == "shortfall" else f"{cost}_bps": (
            (pl.col(cost).cast(pl.Int128) - pl.col(f"{cost}_mine")) * (-1 if cost == "rebates" else 1)
        )
        for cost in costs
    }
    pairs = (
        rows.filter(pl.col("policy") != policy)
        .join(mine, on="parent", suffix="_mine", maintain_order="left")
        .join(parents, on="parent", maintain_order="left")
    )
    return pairs.select(
        pl.col("policy").alias("against"), *parents.columns, *ratios(pairs, gains, pl.col("_value"), BPS)
    )


def parent_costs(rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return the shortfall of parent rows in bps of arrival value; NaN where the parent could not trade."""
    costs = pl.when(TRADED).then(bps(rows, "shortfall"))
    return rows.select(costs.fill_null(float("nan")).alias("bps"))["bps"].to_numpy()
