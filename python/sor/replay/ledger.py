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
    frames = {name: _frame(columns, names) for name, columns in tables.items()}
    sums = frames["parents"]
    placed = sums.select("variant", "parent").join(parents_frame(parents), on="parent", maintain_order="left")
    return Ledger(**frames | {"parents": placed.hstack(sums.drop("variant", "parent").get_columns())})


def _frame(columns: dict[str, Any], venues: pl.Enum) -> pl.DataFrame:
    """Make a frame of the core's columns: what each holds follows from its name and form."""
    words = {
        "kind": pl.Enum(_core.KINDS),
        "reason": pl.Enum(_core.REASONS),
        "status": pl.Enum(_core.STATUSES),
        "venue": venues,
    }
    frame = pl.DataFrame(
        {
            name: _optional(column)
            if isinstance(column, tuple)
            else _coded(column, words[name])
            if name in words
            else column
            for name, column in columns.items()
        }
    )
    return frame.with_columns(
        pl.col(name).cast(_UTC)
        if name.startswith("ts")
        # Shares ahead in a queue: null where the core means any number.
        else pl.when(pl.col(name) < INT64_MAX).then(pl.col(name)).alias(name)
        for name in frame.columns
        if name.startswith("ts") or name in ("ahead", "met_available")
    )


def _coded(codes: Any, words: pl.Enum) -> pl.Series:
    """Turn the core's codes into named categories."""
    return pl.Series(words.categories, dtype=words).gather(pl.Series(codes).cast(pl.UInt32))


def _optional(column: tuple[Any, Any]) -> pl.Series:
    """Turn the core's values, and whether each is there, into a column with nulls."""
    values, present = (pl.Series(array) for array in column)
    return pl.select(pl.when(present).then(values)).to_series()
