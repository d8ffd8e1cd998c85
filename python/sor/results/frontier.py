"""The efficient frontier: what more even costs would cost on average, over points and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor.results.metrics import parent_costs
from sor.settings.objective import Mean, Std, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def undominated(figures: Sequence[pl.Series]) -> pl.Series:
    """Tell which rows no other row beats: is as low in every figure, and lower in one."""
    rows = np.stack([figure.to_numpy() for figure in figures], axis=1)
    kept = [not bool(((rows <= row).all(axis=1) & (rows < row).any(axis=1)).any()) for row in rows]
    return pl.Series(kept, dtype=pl.Boolean)


def alike(points: pl.DataFrame, figures: Sequence[str], chosen: pl.Expr) -> pl.DataFrame:
    """Put points together that are the same in some figures: the chosen one stands for its likes, else the first.

    Returns:
        The rows that stand for others, in their order, with `points`, how many each stands for.

    """
    counted = points.with_columns(
        pl.len().cast(pl.Int64).over(figures).alias("points"),
        pl.int_range(pl.len()).over(figures).alias("_place"),
        _chosen=chosen,
    )
    first = pl.when(pl.col("_chosen").any().over(figures)).then("_chosen").otherwise(pl.col("_place") == 0)
    return counted.filter(first).drop("_chosen", "_place")


def efficient(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `efficient` to rows with `mean_bps` and `std_bps`, and put them in order of the mean."""
    return rows.with_columns(undominated([rows["mean_bps"], rows["std_bps"]]).alias("efficient")).sort(
        "mean_bps", "std_bps", maintain_order=True
    )


def weighed(costs: Floats) -> tuple[float, float]:
    """Return the mean and the standard deviation of some shortfalls."""
    return value_of(Mean(), costs), value_of(Std(), costs)


def of_policies(parents: pl.DataFrame, policies: Sequence[str]) -> pl.DataFrame:
    """Return the mean and the standard deviation of the shortfalls of policies.

    Args:
        parents: `Ledger.parents`.
        policies: Names; those under which no parent could trade are left out.

    """
    rows = []
    for name in policies:
        costs = parent_costs(parents.filter(pl.col("policy") == name))
        costs = costs[~np.isnan(costs)]
        if len(costs):
            mean, std = weighed(costs)
            rows.append({"policy": name, "mean_bps": mean, "std_bps": std})
    schema = {"policy": pl.String, "mean_bps": pl.Float64, "std_bps": pl.Float64}
    return pl.DataFrame(rows, schema=schema)
