"""What follows from sums over units: means, ratios, and how evenly orders cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from sor.results.frontier import weighed_table
from sor.tape.exact import NANOS
from sor.universe.tables import COUNTS, MEANS, SQUARES

if TYPE_CHECKING:
    from collections.abc import Sequence


def summary_of(sums: pl.DataFrame, first: str) -> pl.DataFrame:
    """Add up sums into one row per value of a column, as `Study.summary` has them (rule P7)."""
    rows = []
    for part in sums.sort(first, maintain_order=True).partition_by(first, maintain_order=True):
        whole = {name: sum(part[name].to_list()) for name in (*COUNTS, "all_in", "cash")}
        count, shares = whole["parents"], whole["quantity"] or None
        means = {name: math.fsum(part[name]) / count if count else None for name in MEANS}
        rows.append(
            {first: part[first][0]}
            | {name: whole[name] for name in ("parents", "no_quotes", "cut", "late", "stale", "quantity")}
            | {
                f"{ratio}_ratio": None if shares is None else whole[name] / shares
                for ratio, name in (("fill", "executed"), ("posted", "posted"), ("completed", "completed"))
            }
            | {"total_cash": whole["cash"] / NANOS}
            | {"avg_fill_px": None if shares is None else whole["cash"] / (NANOS * shares)}
            | {name: means[name] for name in MEANS[:-1]}
            | {"fills": whole["fills"], "seconds": means["seconds"]}
        )
    floats = ("fill_ratio", "posted_ratio", "completed_ratio", "total_cash", "avg_fill_px", *MEANS)
    schema = {first: sums.schema[first]} | dict.fromkeys(
        ("parents", "no_quotes", "cut", "late", "stale", "quantity", "fills"), pl.Int64
    )
    return pl.DataFrame(rows, schema_overrides=schema | dict.fromkeys(floats, pl.Float64))


def weighed_sums(sums: pl.DataFrame, policies: Sequence[str]) -> pl.DataFrame:
    """Return the mean and the standard deviation of the shortfalls of policies; none of one that could not trade."""
    rows = []
    for name in policies:
        own = sums.filter(pl.col("policy") == name)
        if own["parents"].sum() > 0:
            rows.append((name, *mean_and_std(own)))
    return weighed_table(rows)


def mean_and_std(sums: pl.DataFrame) -> tuple[float, float]:
    """Return the mean and the standard deviation of the shortfalls that were summed."""
    count = int(sums["parents"].sum())
    mean, squares = (math.fsum(sums[name]) / count for name in (MEANS[0], SQUARES))
    return mean, math.sqrt(max(squares - mean * mean, 0.0))
