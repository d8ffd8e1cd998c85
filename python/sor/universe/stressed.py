"""The result of a stress test over a universe: a study for each market."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import display
from sor.results.stress import HEADING, readable
from sor.settings.checks import one_of
from sor.settings.config import plain_change
from sor.settings.market import Market
from sor.settings.run import Bootstrap
from sor.universe.result import UniverseResult, UniverseStudy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sor.settings.config import Config
    from sor.studies.stress import Markets
    from sor.universe.tables import Tables


_TITLE = f"UniverseStress: {HEADING}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class UniverseStress(UniverseResult):
    """One router in several markets over a universe: `result["latency 1 ms"]` is the study of a market.

    Attributes:
        rows: What was summed, of all markets.
        markets: By name the market, or what changes in the given one.
        made: The call that made it.

    """

    rows: Tables
    markets: Markets
    made: Config

    @cached_property
    def studies(self) -> Mapping[str, UniverseStudy]:
        """The study of each market, by its name."""
        made = self.made
        return {
            name: UniverseStudy(
                rows=self.rows.mapped(lambda frame, name=name: _of_market(frame, name)),  # type: ignore[misc]
                policies=made.policies,
                policy=made.policy,
                market=change if isinstance(change, Market) else made.market,
                bootstrap=Bootstrap(),
                made=replace(made, options={"markets": {name: plain_change(change)}}),
            )
            for name, change in self.markets.items()
        }

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
    def _inputs(self) -> pl.DataFrame:
        return self.rows.inputs

    @property
    def _frames(self) -> dict[str, pl.DataFrame]:
        return {**self.rows.frames(), "table": self.table}

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
        return display.titled(_TITLE, readable(self.table), self.warnings)

    def _repr_html_(self) -> str:
        return display.as_html(_TITLE, readable(self.table), *self.warnings)


def _of_market(frame: pl.DataFrame, market: str) -> pl.DataFrame:
    """Take one market's rows; they are then those of a study."""
    if "market" not in frame.columns:
        return frame
    return frame.filter(pl.col("market") == market).with_columns(market=pl.lit(""))
