"""What a search knows of its choice: how far other points are behind, and whether it beats others by luck."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.results.metrics import TRADED, parent_costs
from sor.results.objectives import Measured, Stretches
from sor.results.statistics import mean_interval, reality_check
from sor.settings.objective import Mean
from sor.settings.routers import ROUTER
from sor.studies.progress import advance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sor.results.statistics import Interval
    from sor.results.study import Study
    from sor.settings.objective import Objective
    from sor.settings.routers import Policy
    from sor.settings.run import Bootstrap, Progress
    from sor.studies.walkforward import Trials

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Evidence:
    """The trials of a search with what its statistics need.

    Attributes:
        trials: What every point cost every parent.
        tried: The points tried on all parents.
        objective: What the search made small; the first of several.
        windows: Starts and ends of all parents, ns.
        sessions: The number of each parent's session.
        tradable: Parents that could trade.
        bootstrap: Confidence, resamples and seed.
        total: How many points and policies there are to look at, for the bar.
        bar: What is shown meanwhile.

    """

    trials: Trials
    tried: Sequence[Policy]
    objective: Objective
    windows: tuple[Integers, Integers]
    sessions: Integers
    tradable: Mask
    bootstrap: Bootstrap
    total: int
    bar: Progress | None

    def with_plateau(self, table: pl.DataFrame, best: Policy) -> pl.DataFrame:
        """Add how far each point is behind the best, paired by parent, and whether that is noise; null: unknown."""
        found = list(self._behind(best))
        return table.with_columns(
            pl.Series("behind_bps", [interval.mean for interval in found], dtype=pl.Float64),
            pl.Series("behind_lower", [interval.lower for interval in found], dtype=pl.Float64),
            pl.Series("behind_upper", [interval.upper for interval in found], dtype=pl.Float64),
        ).with_columns(
            # Without an interval only what ties with the best is known to be as good.
            pl.when("best").then(pl.lit(value=True)).otherwise(pl.col("behind_lower") <= 0.0).alias("plateau")
        )

    def comparisons(self, inside: Study, outside: Study | None) -> pl.DataFrame:
        """Compare with every other policy, in and out of sample; add the chance that it is luck."""
        rows = []
        for done, name in enumerate(inside.others, len(self.tried)):
            advance(self.bar, done, self.total)
            plain = isinstance(self.objective, Mean)
            row = self._saved(inside, outside, name) if plain else self._lowered(inside, outside, name)
            rows.append({"against": name} | row | self._luck(inside, name))
        names = ("out_of_sample", "lower", "upper", "p_value", "p_reality_check", "p_spa")
        return pl.DataFrame(rows, schema_overrides=dict.fromkeys(names, pl.Float64))

    def _behind(self, best: Policy) -> Iterator[Interval]:
        if isinstance(self.objective, Mean):
            excess = self._costs(self.tried) - self._costs([best])
            known: dict[bytes, Interval] = {}
            for i, row in enumerate(excess, 1):
                # Points at which every order traded alike have one interval.
                if (key := row.tobytes()) not in known:
                    known[key] = mean_interval(
                        row, *self._times(), level=self.bootstrap.level, **self._draws()
                    )
                yield known[key]
                advance(self.bar, i, self.total)
            return
        least = self._added(best)
        for i, point in enumerate(self.tried, 1):
            yield self._interval(self._added(point) - least, self._stretches)
            advance(self.bar, i, self.total)

    def _luck(self, inside: Study, name: str) -> dict[str, float | None]:
        """Return the chance of a best of all points as good as this one, if none were better than a policy."""
        rows = inside.ledger.parents.filter(pl.col("policy") == name)
        if isinstance(self.objective, Mean):
            other = parent_costs(rows)[self.tradable]
            gains = (other - self._costs(self.tried)).T
            luck = reality_check(gains, *self._times(), **self._draws())
        else:
            other = self._stretches.contributions(Measured.of(rows, name), self.objective, self.tradable)
            gains = np.stack([other - self._added(point) for point in self.tried], axis=1)
            luck = reality_check(gains, *_spans(self._stretches), **self._settings(self._stretches))
        return {"p_reality_check": luck.p_reality_check, "p_spa": luck.p_spa}

    def _saved(self, inside: Study, outside: Study | None, name: str) -> dict[str, Any]:
        """Return the mean savings against a policy, in and out of sample."""
        saved = inside.savings.filter(pl.col("against") == name)
        if outside is not None:
            saved = saved.filter(pl.col("parent").is_in(outside.parents["parent"].implode()))
        later = None if outside is None else outside.interval(name)
        return _row(saved.height, saved["savings_bps"].mean(), later)

    def _lowered(self, inside: Study, outside: Study | None, name: str) -> dict[str, Any]:
        """Return how much lower than a policy's the objective is, in and out of sample."""
        if outside is None:
            mine, theirs = (self._of(inside, policy, self.tradable) for policy in (ROUTER, name))
            return _row(int(self.tradable.sum()), theirs - mine, None)
        tested = np.zeros(len(self.tradable), dtype=bool)
        tested[outside.parents["parent"].to_numpy()] = True
        tested &= self.tradable
        mine, theirs = (self._of(inside, policy, tested) for policy in (ROUTER, name))
        return _row(int(tested.sum()), theirs - mine, self._later(outside, name, tested))

    def _later(self, outside: Study, name: str, tested: Mask) -> Interval:
        """Return the interval of what the objective is lower by, on the parents of the tests."""
        found = []
        for policy in (name, ROUTER):
            rows = outside.ledger.parents.filter((pl.col("policy") == policy) & TRADED)
            found.append((rows, Measured.of(rows, policy)))
        costs = np.stack([parent_costs(rows) for rows, _ in found], axis=1)
        starts, ends = self.windows
        stretches = Stretches.of(costs, starts[tested], ends[tested], self.sessions[tested])
        every = np.ones(len(costs), dtype=bool)
        theirs, mine = (stretches.contributions(one, self.objective, every) for _, one in found)
        return self._interval(theirs - mine, stretches)

    def _of(self, study: Study, policy: str, parents: Mask) -> float:
        rows = study.ledger.parents.filter(pl.col("policy") == policy)
        return Measured.of(rows, policy).value(self.objective, parents)

    @cached_property
    def _stretches(self) -> Stretches:
        return Stretches.of(self._costs(self.tried).T, *self._times(), self.sessions[self.tradable])

    def _added(self, point: Policy) -> Floats:
        if point not in self._contributions:
            measured = self.trials.measured(point)
            added = self._stretches.contributions(measured, self.objective, self.tradable)
            self._contributions[point] = added
        return self._contributions[point]

    @cached_property
    def _contributions(self) -> dict[Policy, Floats]:
        return {}

    def _interval(self, values: Floats, stretches: Stretches) -> Interval:
        settings = self._settings(stretches)
        return mean_interval(values, *_spans(stretches), level=self.bootstrap.level, **settings)

    def _costs(self, points: Sequence[Policy]) -> Floats:
        return self.trials.costs(points)[:, self.tradable]

    def _times(self) -> tuple[Integers, Integers]:
        starts, ends = self.windows
        return starts[self.tradable], ends[self.tradable]

    def _draws(self) -> dict[str, Any]:
        return {
            "resamples": self.bootstrap.resamples,
            "seed": self.bootstrap.seed,
            "sessions": self.sessions[self.tradable],
        }

    def _settings(self, stretches: Stretches) -> dict[str, Any]:
        return self._draws() | {"sessions": stretches.sessions}


def _spans(stretches: Stretches) -> tuple[Integers, Integers]:
    """Return stretches as start times and ends that do not overlap."""
    return stretches.starts, stretches.starts + 1


def _row(parents: int, in_sample: Any, later: Interval | None) -> dict[str, Any]:
    return {
        "parents": parents,
        "in_sample": in_sample,
        "out_of_sample": None if later is None else later.mean,
        "lower": None if later is None else later.lower,
        "upper": None if later is None else later.upper,
        "p_value": None if later is None else later.p_value,
    }
