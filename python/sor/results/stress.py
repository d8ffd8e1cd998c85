"""The result of a stress test: the same orders in several markets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import display, policies, words
from sor.results.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sor.settings.config import Config
    from sor.settings.market import Market
    from sor.tape.tape import Quotes


HEADING = "the router's shortfall, and what it saves against each policy, bps"
"""What its table holds."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Stress(Result):
    """The same orders in every market.

    Attributes:
        table: One row per market: `market`, its name, the router's `fill_ratio`, `avg_fill_px`, `shortfall_bps` and its
            parts, and its savings against each other policy in the same market, `saved_<policy>_bps`: the mean over
            parents, bps of arrival value.
        summary: One row per market and policy: the columns of `Study.summary`.
        markets: The markets by name.
        quotes: The tapes.
        made: The call that made it.
        warnings: What does not fit, and may make the result say little; see `Replayed`.

    """

    table: pl.DataFrame
    summary: pl.DataFrame
    markets: Mapping[str, Market]
    quotes: tuple[Quotes, ...]
    made: Config
    warnings: tuple[str, ...] = ()

    @cached_property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """`table` and `summary`."""
        return {"table": self.table, "summary": self.summary}

    @property
    def _origin(self) -> tuple[Config, Sequence[Quotes]]:
        return self.made, self.quotes

    @property
    def _frames(self) -> dict[str, pl.DataFrame]:
        return {"stress": self.table, "summary": self.summary}

    @property
    def _small(self) -> Sequence[str]:
        return ("table", "summary")

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain values."""
        return {"markets": self.table.to_dicts(), "warnings": list(self.warnings)}

    def __repr__(self) -> str:
        return display.titled(f"Stress: {HEADING}", self.readable(), self.warnings, self.edges)

    def _repr_html_(self) -> str:
        return display.as_html("Stress", self.readable(), *self.edges, *self.warnings)

    @property
    def edges(self) -> list[str]:
        """What the edges of sessions did to the orders of the router in the first market, in words."""
        return words.edges(self.summary.row(0, named=True))

    def readable(self) -> pl.DataFrame:
        """Return the columns a person looks at first."""
        return readable(self.table)


def readable(table: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a table of markets that a person looks at first: at most four of the other policies."""
    saved = [name for name in table.columns if name.startswith("saved_")][-4:]
    return display.rounded(
        table.select(
            "market",
            words.each(table["fill_ratio"], policies.percent).alias("filled"),
            pl.col("shortfall_bps").alias("shortfall"),
            *(pl.col(name).alias(name.removeprefix("saved_").removesuffix("_bps")) for name in saved),
        )
    )
