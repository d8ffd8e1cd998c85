"""The ledger: the core's columns as frames, integers to the end."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import polars as pl

from sor import _core
from sor.replay.parents import parents_frame
from sor.settings.times import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sor.replay.parents import Parent

_UTC = pl.Datetime("ns", "UTC")


@dataclass(frozen=True)
class Ledger:
    """The exact record of replays: prices per share and money in integer nanos (rules N1, P5).

    The first column of every frame says whose row it is: `policy` in results, a name; `variant` as the core counts.

    Attributes:
        parents: One row per policy and parent, with the sums over its fills.
        children: One row per child order sent.
        fills: One row per execution. Everything in `parents` follows from these.
        places: Where each limit order stood in its queue, one row per change: `ahead` of it (null where the
            pessimistic model knows no bound), and its own shares `left`, from `ts` on (rule C10).
        epochs: One row per decision of the paper's router: the shares it planned, the market order, the limit
            orders' sum, and the problem behind them, money in nanos.
        releases: One row per release of a schedule: all shares released by `ts`, and the mid there (rule W3).

    """

    parents: pl.DataFrame
    children: pl.DataFrame
    fills: pl.DataFrame
    places: pl.DataFrame
    epochs: pl.DataFrame
    releases: pl.DataFrame

    def named(self, names: Sequence[str]) -> Ledger:
        """Put `names` in the place of the variants' numbers: `policy`, whose categories are in their order."""
        categories = pl.Enum(list(names))

        labels = pl.Series("policy", list(names), dtype=categories)
        return self.mapped(
            lambda _, frame: frame.select(labels.gather(frame["variant"]), pl.exclude("variant"))
        )

    def mapped(self, change: Callable[[str, pl.DataFrame], pl.DataFrame]) -> Ledger:
        """Return a ledger whose frames are what `change` makes of them, given the name and the frame."""
        return Ledger(**{name: change(name, getattr(self, name)) for name in TABLES})


TABLES = tuple(table.name for table in fields(Ledger))
"""The frames of a `Ledger`, by name."""


def from_core(tables: dict[str, dict[str, Any]], parents: Sequence[Parent], venues: Sequence[str]) -> Ledger:
    """Make a ledger of the core's columns; every frame begins with the number of the `variant`."""
    names = pl.Enum(list(venues))
    return Ledger(
        parents=_parents(tables["parents"], parents),
        children=_children(tables["children"], names),
        fills=_fills(tables["fills"], names),
        places=_places(tables["places"]),
        epochs=_epochs(tables["epochs"]),
        releases=pl.DataFrame(tables["releases"]).with_columns(pl.col("ts").cast(_UTC)),
    )


def _coded(codes: Any, names: Sequence[str], dtype: pl.DataType) -> pl.Series:
    """Turn the core's codes into named categories."""
    return pl.Series(list(names), dtype=dtype).gather(pl.Series(codes).cast(pl.UInt32))


def _optional(column: tuple[Any, Any]) -> pl.Series:
    """Turn the core's values, and whether each is there, into a column with nulls."""
    values, present = (pl.Series(array) for array in column)
    return pl.select(pl.when(present).then(values)).to_series()


def _parents(columns: dict[str, Any], parents: Sequence[Parent]) -> pl.DataFrame:
    columns["status"] = _coded(columns["status"], _core.STATUSES, pl.Enum(_core.STATUSES))
    columns["arrival_mid"] = _optional(columns["arrival_mid"])
    columns["ts_done"] = pl.Series(columns["ts_done"]).cast(_UTC)
    orders = parents_frame(parents)
    sums = pl.DataFrame(columns)
    return (
        sums.select("variant", "parent")
        .join(orders, on="parent", maintain_order="left")
        .hstack(sums.drop("variant", "parent").get_columns())
    )


def _fills(columns: dict[str, Any], venues: pl.Enum) -> pl.DataFrame:
    columns["kind"] = _coded(columns["kind"], _core.KINDS, pl.Enum(_core.KINDS))
    columns["venue"] = _coded(columns["venue"], venues.categories.to_list(), venues)
    return pl.DataFrame(columns).with_columns(pl.col("ts_decided", "ts_executed").cast(_UTC))


_CHILD_ORDER = (
    *(
        "variant",
        "parent",
        "child",
        "kind",
        "ts_decided",
        "ts_arrived",
        "venue",
        "quantity",
        "executed",
        "reason",
    ),
    *("remaining", "mid", "seen_price", "seen_displayed", "seen_available", "marginal", "threshold", "gap"),
    *("met_price", "met_displayed", "met_available", "fill_probability", "age"),
)


def _children(columns: dict[str, Any], venues: pl.Enum) -> pl.DataFrame:
    columns["kind"] = _coded(columns["kind"], _core.KINDS, pl.Enum(_core.KINDS))
    columns["reason"] = _coded(columns["reason"], _core.REASONS, pl.Enum(_core.REASONS))
    columns["venue"] = _coded(columns["venue"], venues.categories.to_list(), venues)
    for name in ("threshold", "gap", "met_price", "fill_probability"):
        columns[name] = _optional(columns[name])
    return (
        pl.DataFrame(columns)
        .select(_CHILD_ORDER)
        .with_columns(pl.col("ts_decided", "ts_arrived").cast(_UTC), _known("met_available"))
    )


def _places(columns: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(columns).with_columns(pl.col("ts").cast(_UTC), _known("ahead"))


def _known(ahead: str) -> pl.Expr:
    """Shares ahead in a queue; null where the core means any number."""
    return pl.when(pl.col(ahead) < INT64_MAX).then(pl.col(ahead)).alias(ahead)


_PROBLEM = ("half_spread", "lambda_under", "lambda_over", "cost", "shortfall", "excess")


def _epochs(columns: dict[str, Any]) -> pl.DataFrame:
    for name in _PROBLEM:
        columns[name] = _optional(columns[name])
    return pl.DataFrame(columns).with_columns(pl.col("ts").cast(_UTC))
