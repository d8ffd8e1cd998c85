"""The result of a stress test over a universe: a study for each market."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import display
from sor.settings.checks import one_of
from sor.universe.result import UniverseResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sor.settings.config import Config
    from sor.universe.result import UniverseStudy


_TITLE = "UniverseStress: bps of arrival value"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class UniverseStress(UniverseResult):
    """One router in several markets over a universe: `result["latency 1 ms"]` is the study of a market.

    Attributes:
        studies: By the market's name.

    """

    studies: Mapping[str, UniverseStudy]

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row per market: the router's summary, and what it saves against every other policy."""
        rows = []
        for name, study in self.studies.items():
            own = study.summary.filter(pl.col("policy") == study.policy).drop("policy")
            saved = dict(study.comparisons.select("against", "savings_bps").iter_rows())
            rows.append(
                own.select(
                    pl.lit(name).alias("market"),
                    pl.all(),
                    *(
                        pl.lit(saved.get(other), pl.Float64).alias(f"saved_{other}_bps")
                        for other in study.others
                    ),
                )
            )
        return pl.concat(rows)

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The table of the markets."""
        return {"table": self.table}

    @property
    def _small(self) -> Sequence[str]:
        return ("table",)

    @property
    def _origin(self) -> Config:
        first = next(iter(self.studies.values()))
        return replace(first.made, options={})

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain values."""
        return {"markets": self.table.to_dicts(), "warnings": list(self.warnings)}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not fit in any of the markets; see `UniverseResult.warnings`."""
        said = (study.warnings for study in self.studies.values())
        return tuple(dict.fromkeys(chain.from_iterable(said)))

    def __getitem__(self, market: str) -> UniverseStudy:
        """Return the study of one market.

        Raises:
            ParameterError: If there is no market of this name.

        """
        one_of("market", market, self.studies)
        return self.studies[market]

    def __repr__(self) -> str:
        return display.titled(_TITLE, self._readable(), self.warnings)

    def _repr_html_(self) -> str:
        return display.as_html(_TITLE, self._readable(), *self.warnings)

    def _readable(self) -> pl.DataFrame:
        shown = [name for name in self.table.columns if name == "shortfall_bps" or name.startswith("saved_")]
        return self.table.select("market", "parents", *(pl.col(name).round(3) for name in shown))
