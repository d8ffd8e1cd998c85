"""The result of a search: the parameters it chose, and the evidence for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.results import display, policies, words
from sor.results.backtest import Backtest
from sor.results.frontier import Tried, of_policies, readable
from sor.results.metrics import TRADED, parent_costs
from sor.results.objectives import Measured
from sor.results.result import Result
from sor.settings.objective import said_objectives
from sor.settings.routers import ROUTER, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sor.results.study import Study
    from sor.settings.config import Config
    from sor.settings.objective import Objective
    from sor.settings.routers import Policy
    from sor.tape.tape import Quotes

GIVEN = "given"
"""The router as the caller gave it, before the search: what tuning has to beat."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Search(Result, Tried):
    """The parameters a search chose, and the evidence for them, in and out of sample.

    Attributes:
        table: One row per point tried on all parents: the parameters, `shortfall_bps` (mean over parents, completion
            included, never the penalised cost) and its parts, `best`, true for every point that ties for the least
            objective; how far it is `behind_bps` the best, paired by parent, with the interval `behind_lower`,
            `behind_upper`; and `plateau`, true where that interval does not exclude that the point is as good. With
            an objective other than the mean, that is the column `objective`; with several, each has a column by its
            name, and `front` is true for the points that no other beats in all of them.
        best: The router at the best point of all parents; among ties the first.
        method: How points were tried.
        axes: The values or ranges searched.
        flat_axes: The axes along which the objective does not change through the points, with the reason.
        folds: One row per fold of the walk-forward: `boundary`, the parents that end by it (`train`), those that
            span it and are left out of the training (`purged`), those that start from it on up to the next
            boundary (`test`); the point chosen on the training parents alone, and its objective on them
            (`in_sample_bps`) and on the test parents (`out_of_sample_bps`); `hindsight_bps`, the least that
            any point tried in the fold has there.
        in_sample: The best point (`router`), the router as it was given (`given`) and the baselines on all
            parents.
        out_of_sample: The same policies on the parents of all folds' tests, where `router` is the point its
            fold had chosen on the past. None where no fold has parents on both sides of its boundary.
        comparisons: One row per policy that `router` is compared with: by how much the objective is lower (mean
            savings in bps) `in_sample` (the best point on the parents of the tests, or on all without folds) and
            `out_of_sample` with `lower`, `upper` and `p_value`; `p_reality_check` and `p_spa`, the chance of a best of
            all points as good as this one if none were any better than that policy, over all parents.
        objectives: What was minimised; the first decides.
        weighed_bps: Mean and standard deviation of every point's shortfalls, a pair per row of `table`.

    """

    table: pl.DataFrame
    best: Policy
    method: str
    axes: Mapping[str, Sequence[float]]
    flat_axes: Mapping[str, str]
    folds: pl.DataFrame
    in_sample: Study
    out_of_sample: Study | None
    comparisons: pl.DataFrame
    objectives: Sequence[Objective]
    weighed_bps: Sequence[tuple[float, float]]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not fit, and may make the search say little; see `Replayed`."""
        return self.in_sample.warnings

    @property
    def plateau(self) -> pl.DataFrame:
        """The points that cannot be told from the best, least objective first."""
        return self.table.filter(pl.col("plateau")).sort(self.objective_column, maintain_order=True)

    @property
    def _others_weighed(self) -> pl.DataFrame:
        return of_policies(self.in_sample.ledger.parents, self.in_sample.others)

    @property
    def ties(self) -> int:
        """How many points share the least objective."""
        return int(self.table["best"].sum())

    @cached_property
    def backtest(self) -> Backtest:
        """The best point and the baselines on all parents, with every row."""
        study = self.in_sample
        names = [name for name in study.policies if name != GIVEN]
        kept = pl.Enum(names)

        def without_given(_: str, frame: pl.DataFrame) -> pl.DataFrame:
            return frame.filter(pl.col("policy") != GIVEN).with_columns(
                pl.col("policy").cast(pl.String).cast(kept)
            )

        return Backtest(
            ledger=study.ledger.mapped(without_given),
            policies={name: study.policies[name] for name in names},
            policy=ROUTER,
            jobs=study.jobs,
            warnings=study.warnings,
            made=replace(
                study.made,
                command="backtest",
                policies={name: study.policies[name] for name in names},
                options={},
            ),
        )

    @property
    def savings_bps(self) -> dict[str, float | None]:
        """The best point's mean paired savings against each baseline, bps, in sample."""
        return self.backtest.savings_bps

    @cached_property
    def optimism_bps(self) -> float | None:
        """By how much choosing on the same orders flatters: the objective in sample is lower by this, bps.

        Over the parents of the tests, of the walk-forward's choice less the choice made on all parents.
        """
        if self.out_of_sample is None:
            return None
        outside = self.out_of_sample.ledger.parents.filter(pl.col("policy") == ROUTER)
        inside = self.in_sample.ledger.parents.filter(
            (pl.col("policy") == ROUTER) & pl.col("parent").is_in(outside["parent"].implode())
        )
        if self.is_mean:
            return float(np.nanmean(parent_costs(outside) - parent_costs(inside)))
        later, same = (
            Measured.of(rows, ROUTER).value(self.objective, rows.select(TRADED).to_series().to_numpy())
            for rows in (outside, inside)
        )
        return later - same

    @cached_property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The points tried, the folds, the comparisons, and the tables of `backtest`."""
        own = {"table": self.table, "folds": self.folds, "comparisons": self.comparisons}
        return {**{name: frame for name, frame in own.items() if frame.height}, **self.backtest.tables}

    @property
    def _origin(self) -> tuple[Config, Sequence[Quotes]]:
        return self.in_sample.made, self.in_sample.quotes

    @property
    def _frames(self) -> dict[str, pl.DataFrame]:
        found = {"folds": self.folds, "comparisons": self.comparisons} if self.folds.height else {}
        return {**self.backtest._frames, "search": self.table, **found}

    @property
    def _small(self) -> Sequence[str]:
        return [name for name in ("table", "folds", "comparisons", "summary") if name in self.tables]

    def to_dict(self) -> dict[str, Any]:
        """Return the choice and the evidence as plain values; the public task's schema: `backtest.to_dict()`."""
        return {
            "method": self.method,
            **said_objectives(self.objectives),
            "best_parameters": self.best_point,
            "router": settings_of(self.best),
            "flat_axes": dict(self.flat_axes),
            "plateau_points": self.plateau.height,
            "points": self.table.height,
            "optimism_bps": self.optimism_bps,
            "folds": self.folds.with_columns(pl.col("boundary").cast(pl.String)).to_dicts(),
            "comparisons": self.comparisons.to_dicts(),
            "warnings": list(self.warnings),
        }

    def verdict(self) -> str:
        """Say whether the best was judged on orders it was not chosen on, and how to ask for that."""
        if self.optimism_bps is not None:
            if self.is_mean:
                return f"chosen on the past alone it costs {self.optimism_bps:.3f} bps more"
            return (
                f"chosen on the past alone, the objective is {self.optimism_bps:.3f} higher on later orders"
            )
        if self.made_folds:
            return "no out-of-sample figures: no fold has orders on both sides of its boundary"
        return "in sample: the best was chosen on these very orders; folds=5 judges the choice on later ones"

    def noise(self) -> str:
        """Say how many points cannot be told from the best, or why that is not known."""
        unknown = self.table["plateau"].null_count()
        if unknown:
            return f"too few independent orders to tell {words.count(unknown, 'point')} from it: there is no interval"
        return f"{words.count(self.plateau.height, 'point is', 'points are')} within noise of it"

    def aims(self) -> list[str]:
        """Say what was made small, and what the best point has of it; nothing of the mean shortfall."""
        if self.is_mean:
            return []
        best = self.table.filter(pl.col("best")).head(1)
        lines = [f"objective: {self.objective.title}, {best[self.objective_column].item():.3f} at the best"]
        others = [each.title for each in self.objectives[1:]]
        if others:
            lines.append(
                f"beside it: {', '.join(others)}; {words.count(int(self.front['points'].sum()), 'point')} on the front"
            )
        return lines

    @property
    def made_folds(self) -> int:
        """The number of folds asked for."""
        return int(self.in_sample.made.options.get("folds", 0))

    def __repr__(self) -> str:
        point = ", ".join(f"{axis}={value:g}" for axis, value in self.best_point.items())
        tie = f" ({self.ties:,} tie)" if self.ties > 1 else ""
        lines = [
            f"Search ({self.method}): {words.count(self.table.height, 'point')}, best {point}{tie}",
            *self.aims(),
            self.noise(),
            *(f"flat: {axis}: {why}" for axis, why in self.flat_axes.items()),
            self.verdict(),
        ]
        wrapped = "\n".join(map(display.heading, lines))
        below = [*self._read_as, *display.notes([*self.in_sample.edges, *self.warnings])]
        blocks = [wrapped, *map(display.text, self._shown), "\n".join(map(display.heading, below))]
        return "\n\n".join(blocks)

    def _repr_html_(self) -> str:
        notes = [
            *self.aims(),
            *(f"{axis} is flat: {why}" for axis, why in self.flat_axes.items()),
            self.verdict(),
            *self._read_as,
            *self.in_sample.edges,
            *self.warnings,
        ]
        first, *others = self._shown
        return display.as_html("Search", first, *notes) + "".join(
            display.as_html("", each) for each in others
        )

    @property
    def _read_as(self) -> list[str]:
        return [*super()._read_as, policies.READ_AS]

    @property
    def _shown(self) -> list[pl.DataFrame]:
        """The points, what the choice saves, the folds, and what every policy cost."""
        folds = [] if self.folds.is_empty() else [_folds(self.folds)]
        return [self._points, readable(self.comparisons), *folds, policies.table(self.backtest.summary)]


def _folds(folds: pl.DataFrame) -> pl.DataFrame:
    return folds.select(
        "fold",
        *("train", "test"),
        *folds.columns[folds.columns.index("test") + 1 : folds.columns.index("in_sample_bps")],
        pl.col("in_sample_bps").round(3).alias("in"),
        pl.col("out_of_sample_bps").round(3).alias("out"),
        pl.col("hindsight_bps").round(3).alias("least"),
    )
