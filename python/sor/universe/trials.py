"""Points of a search over a universe: each replayed once on every unit, and judged on some of the days."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.errors import ParameterError, count
from sor.results.objectives import Measured
from sor.settings.objective import Mean, OwnObjective
from sor.studies import methods
from sor.studies.walkforward import digest_of_search, said_of
from sor.universe.kept import key_of
from sor.universe.study import worked
from sor.universe.sums import mean_and_std
from sor.universe.work import RETURNED, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sor.settings.objective import Objective
    from sor.settings.routers import Policy
    from sor.settings.run import Run
    from sor.universe.result import UniverseStudy
    from sor.universe.unit import Unit

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Days up to a boundary, and those of the part that begins with it."""

    train: frozenset[Any]
    test: frozenset[Any]
    boundary: Any


@dataclass(frozen=True)
class Fold:
    """What was chosen on the days before a boundary, and the objective there and later, in bps."""

    split: Split
    best: Policy
    in_sample: float
    out_of_sample: float
    hindsight: float


@dataclass(frozen=True)
class OfPolicy:
    """What came back of one policy's parents that could trade, on all units.

    Attributes:
        measured: What objectives see of them.
        days: The day of each.

    """

    measured: Measured
    days: pl.Series

    @classmethod
    def of(cls, sums: pl.DataFrame, where: str) -> OfPolicy:
        """Gather one policy's rows of sums with the parents that came back."""
        # A unit without a parent that traded has an empty list, which is no row.
        rows = sums.filter(pl.col("parents") > 0).select("date", RETURNED).explode(RETURNED)
        kept = rows[RETURNED]
        whole = isinstance(kept.dtype, pl.Struct)
        costs = kept.struct.field("shortfall_bps") if whole else kept
        return cls(Measured(costs.to_numpy(), lambda: kept.struct.unnest(), where), rows["date"])

    def value(self, objective: Objective, days: frozenset[Any] | None = None) -> float:
        """Return an objective over the parents of some days, or of all; NaN where there is none."""
        every = np.ones(len(self.days), dtype=bool)
        chosen = every if days is None else self.days.is_in(list(days)).to_numpy()
        return self.measured.value(objective, chosen) if chosen.any() else math.nan


def returned_for(objectives: Sequence[Objective]) -> Any:
    """Return what has to come back of parents: `Settings.returned`."""
    if any(isinstance(each, OwnObjective) for each in objectives):
        return "orders"
    return "sums" if tuple(objectives) == (Mean(),) else "costs"


class Trials:
    """Points of the parameters and what they cost on every unit, each replayed once.

    Args:
        units: Of the universe.
        base: What is the same for every point.
        run: Where the work is done.
        objectives: What is made small; the first of several decides.

    """

    def __init__(
        self, units: Sequence[Unit], base: Settings, run: Run, objectives: Sequence[Objective]
    ) -> None:
        self._units, self._run, self._objectives = units, run, objectives
        self._base = replace(base, returned=returned_for(objectives))
        self._sums: dict[Policy, pl.DataFrame] = {}
        self._of: dict[Policy, OfPolicy] = {}

    @property
    def objective(self) -> Objective:
        """What decides."""
        return self._objectives[0]

    @property
    def days(self) -> list[Any]:
        """The days of the points tried so far."""
        one = next(iter(self._sums.values()))
        days: list[Any] = one.filter(pl.col("parents") > 0)["date"].unique().sort().to_list()
        return days

    def replay(self, points: Sequence[Policy]) -> None:
        """Replay the points that are new, in one pass over the universe."""
        new = [point for point in dict.fromkeys(points) if point not in self._sums]
        if not new:
            return
        named = {f"point {i}": point for i, point in enumerate(new)}
        settings = replace(self._base, policies=named, policy="point 0")
        label = f"{count(len(self._units), 'symbol-day')} x {count(len(new), 'point')}"
        sums = worked(self._units, settings, replace(self._run, out=None), label).sums
        for name, point in named.items():
            self._sums[point] = sums.filter(pl.col("policy") == name)

    def sums(self, points: Sequence[Policy]) -> pl.DataFrame:
        """Return the rows of points tried, `policy` their place in `points`."""
        self.replay(points)
        return pl.concat(
            [
                self._sums[point].with_columns(policy=pl.lit(i, dtype=pl.UInt32))
                for i, point in enumerate(points)
            ]
        ).select(pl.exclude(RETURNED))

    def of(self, point: Policy) -> OfPolicy:
        """Return what came back of the parents of a point tried."""
        if point not in self._of:
            self._of[point] = OfPolicy.of(self._sums[point], said_of(point))
        return self._of[point]

    def value(self, point: Policy, objective: Objective, days: frozenset[Any] | None) -> float:
        """Return an objective of a point tried, over the parents of some days, or of all."""
        if not isinstance(objective, Mean):
            return self.of(point).value(objective, days)
        rows = self._sums[point]
        if days is not None:
            rows = rows.filter(pl.col("date").is_in(list(days)))
        parents = int(rows["parents"].sum())
        return math.fsum(rows["shortfall_bps"]) / parents if parents else math.nan

    def weighed(self, point: Policy) -> tuple[float, float]:
        """Return the mean and the standard deviation of the shortfalls of a point tried."""
        return mean_and_std(self._sums[point])

    def search(
        self, method: methods.Method, router: Policy, axes: methods.Axes, days: frozenset[Any] | None
    ) -> tuple[list[Policy], list[float]]:
        """Run a method that sees only some days; return what it tried with the objective, in order."""

        def of(points: Sequence[Policy]) -> Floats:
            self.replay(points)
            found = np.array(
                [[self.value(point, each, days) for each in self._objectives] for point in points]
            )
            if math.isnan(found[0, 0]):
                raise ParameterError("orders: none could trade: no quotes on their side by their end")
            return found

        def key() -> str:
            units = [key_of(unit, self._base) for unit in self._units]
            chosen = None if days is None else sorted(map(str, days))
            return digest_of_search(router, axes, self._objectives, [units, chosen])

        objective = methods.Objective(of, len(self._objectives), key)
        method(objective, router, axes)
        return list(objective.tried), list(objective.tried.values())

    def fold(self, method: methods.Method, router: Policy, axes: methods.Axes, split: Split) -> Fold:
        """Search on the days before a boundary, and evaluate on those after."""
        tried, values = self.search(method, router, axes, split.train)
        best = int(np.argmin(values))
        later = [self.value(point, self._objectives[0], split.test) for point in tried]
        return Fold(split, tried[best], values[best], later[best], min(later))

    def gains(self, name: str, study: UniverseStudy, points: Sequence[Policy]) -> Floats:
        """Return what each point saves against a policy of a study, summed by day."""
        theirs = study.rows.sums.filter(pl.col("policy") == name).select("unit", other="shortfall_bps")
        columns = []
        for point in points:
            both = self._sums[point].join(theirs, on="unit", maintain_order="left")
            by_day = both.select("date", gain=pl.col("other") - pl.col("shortfall_bps"))
            days = by_day.sort("date", maintain_order=True).partition_by("date", maintain_order=True)
            columns.append([math.fsum(day["gain"]) for day in days])
        return np.array(columns).T


def splits(days: Sequence[Any], folds: int) -> list[Split]:
    """Cut days into one part more than folds; each part but the first is tested on what came before it."""
    cuts = sorted({len(days) * i // (folds + 1) for i in range(1, folds + 1)} - {0})
    ends = [*cuts[1:], len(days)][: len(cuts)]
    return [
        Split(frozenset(days[:cut]), frozenset(days[cut:end]), days[cut])
        for cut, end in zip(cuts, ends, strict=True)
    ]
