"""The sums of a unit: whole numbers exactly, floats to the float nearest to the exact sum.

A unit may have a handful of orders: all policies go through the same few expressions, and Python adds up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import metrics
from sor.universe.tables import COUNTS, MEANS, SAVED, SQUARES

if TYPE_CHECKING:
    from collections.abc import Sequence

_EDGES = tuple(metrics.EDGES)
_WHOLE = (*COUNTS[2 + len(_EDGES) :], "all_in")


def summed(parents: pl.DataFrame, policies: Sequence[str]) -> list[dict[str, Any]]:
    """Sum up the parents of every policy: the columns of `sums` from `policy` on.

    Args:
        parents: `Ledger.parents` in one market.
        policies: In this order.

    """
    edges = parents.group_by("policy").agg(
        pl.len().alias("all"), *(when.sum().alias(name) for name, when in metrics.EDGES.items())
    )
    counted = {row["policy"]: row for row in edges.iter_rows(named=True)}
    traded = parents.filter(metrics.TRADED)
    costs = metrics.in_bps(traded, [name.removesuffix("_bps") for name in MEANS[:-1]])
    values = traded.select(
        "policy", *_WHOLE, (metrics.SIGN * pl.col("all_in").cast(pl.Int128)).alias("cash")
    ).hstack([*costs, metrics.seconds_taken(traded).alias("seconds")])
    parts = _parts(values, "policy")
    return [
        {"policy": policy} | _sums(parts.get(policy, _none(values)), counted.get(policy, {}))
        for policy in policies
    ]


def saved_against(saved: pl.DataFrame, others: Sequence[str]) -> list[dict[str, Any]]:
    """Sum up what is saved against other policies: the columns of `savings` from `against` on.

    Args:
        saved: What `paired_savings` returned.
        others: In this order.

    """
    values = saved.select("against", *SAVED)
    parts = _parts(values, "against")
    return [{"against": policy} | _savings(parts.get(policy, _none(values))) for policy in others]


def _parts(values: pl.DataFrame, key: str) -> dict[str, dict[str, list[Any]]]:
    """Return the columns of every value of a key, as lists: those are gone through ten times as quickly."""
    columns = values.drop(key).to_dict(as_series=False)
    places: dict[str, list[int]] = {}
    for place, name in enumerate(values[key].to_list()):
        places.setdefault(name, []).append(place)
    return {
        name: {label: [column[i] for i in mine] for label, column in columns.items()}
        for name, mine in places.items()
    }


def _none(values: pl.DataFrame) -> dict[str, list[Any]]:
    return {name: [] for name in values.columns}


def _sums(columns: dict[str, list[Any]], counted: dict[str, int]) -> dict[str, Any]:
    parents = len(columns[MEANS[0]])
    counts = {"parents": parents, "no_quotes": counted.get("all", 0) - parents}
    edges = {name: counted.get(name, 0) for name in _EDGES}
    whole = {name: sum(columns[name]) for name in (*_WHOLE, "cash")}
    means = {name: math.fsum(columns[name]) for name in MEANS}
    return counts | edges | whole | means | {SQUARES: math.fsum(cost * cost for cost in columns[MEANS[0]])}


def _savings(columns: dict[str, list[float]]) -> dict[str, Any]:
    saved = columns[SAVED[0]]
    counts = {
        "parents": len(saved),
        "wins": sum(each > 0 for each in saved),
        "losses": sum(each < 0 for each in saved),
    }
    return (
        counts | {name: math.fsum(columns[name]) for name in SAVED} | {"worst_bps": min(saved, default=None)}
    )
