"""The ledger: the core's columns as frames, integers to the end."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor import _core
from sor.replay.parents import parents_frame
from sor.settings.times import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sor.replay.parents import Parent

_UTC = pl.Datetime("ns", "UTC")
_WORDS = {
    "kind": pl.Enum(_core.KINDS),
    "reason": pl.Enum(_core.REASONS),
    "status": pl.Enum(_core.STATUSES),
}


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
        labels = pl.Series("policy", list(names), dtype=pl.Enum(list(names)))
        # The variant is the first column of all. Expressions would take longer than a short replay.
        return self.mapped(lambda _, frame: frame.clone().replace_column(0, labels[frame["variant"]]))

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
    return pl.DataFrame([_column(name, column, venues).alias(name) for name, column in columns.items()])


def _column(name: str, column: Any, venues: pl.Enum) -> pl.Series:
    """Make a column of the core's numbers, without expressions: a short replay has as many columns as rows."""
    if name in _WORDS or name == "venue":
        words = _WORDS.get(name, venues)
        named: pl.Series = pl.Series(words.categories, dtype=words)[column]
        return named
    if isinstance(column, tuple):
        return _optional(*column)
    if name in ("ahead", "met_available"):  # shares ahead in a queue: null where the core means any number
        return _optional(column, column < INT64_MAX)
    values = pl.Series(column)
    return values.cast(_UTC) if name.startswith("ts") else values


def _optional(values: NDArray[Any], present: NDArray[np.bool_]) -> pl.Series:
    """Turn the core's values, and whether each is there, into a column with nulls."""
    column = pl.Series(values)
    return column if present.all() else column.scatter(np.flatnonzero(~present), None)
