"""How a search's choice compares with other policies over a universe, in its objective, and whether it is luck."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.results.objectives import Stretches
from sor.settings.objective import Mean
from sor.settings.routers import ROUTER
from sor.universe.clustered import clustered_mean, romano_wolf
from sor.universe.trials import OfPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sor.settings.objective import Objective
    from sor.settings.routers import Policy
    from sor.universe.clustered import ClusteredMean
    from sor.universe.result import UniverseStudy
    from sor.universe.trials import Trials

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """A study with what came back of its parents.

    Attributes:
        study: Of the choice and the other policies.
        sums: Its sums, with the parents that came back where the objective needs them.

    """

    study: UniverseStudy
    sums: pl.DataFrame

    def of(self, policy: str) -> OfPolicy:
        """Return what came back of a policy's parents."""
        return OfPolicy.of(self.sums.filter(pl.col("policy") == policy), policy)

    @cached_property
    def stretches(self) -> Stretches:
        """The days, or several together where one holds too few parents."""
        _, numbers = np.unique(self.of(ROUTER).days.to_physical().to_numpy(), return_inverse=True)
        return Stretches.of_days(numbers.astype(np.int64))

    def added(self, policy: OfPolicy, objective: Objective) -> Floats:
        """Return what each stretch of days adds to an objective of a policy; their mean is the objective."""
        every = np.ones(len(policy.days), dtype=bool)
        return self.stretches.contributions(policy.measured, objective, every)

    def lower(self, name: str, objective: Objective) -> ClusteredMean:
        """Return by how much the choice's objective is lower than a policy's, with its interval."""
        if isinstance(objective, Mean):
            return self.study.interval(name)
        theirs, mine = (self.added(self.of(policy), objective) for policy in (name, ROUTER))
        return clustered_mean(
            theirs - mine,
            np.ones(len(mine)),
            [self.stretches.starts],
            level=self.study.bootstrap.level,
        )


def compared(
    inside: Judged, outside: Judged | None, trials: Trials, tried: Sequence[Policy], best: Policy
) -> pl.DataFrame:
    """Compare the choice with every other policy, in and out of sample; add the chance that it is luck."""
    rows: list[dict[str, Any]] = []
    objective, bootstrap = trials.objective, inside.study.bootstrap
    mine = (
        [] if isinstance(objective, Mean) else [inside.added(trials.of(point), objective) for point in tried]
    )
    for name in inside.study.others:
        own = inside.lower(name, objective)
        later = None if outside is None else outside.lower(name, objective)
        if isinstance(objective, Mean):
            gains = trials.gains(name, inside.study, tried)
        else:
            gains = (inside.added(inside.of(name), objective) - np.stack(mine)).T
        different, column_of = np.unique(gains, axis=1, return_inverse=True)
        lucky = romano_wolf(different, resamples=bootstrap.resamples, seed=bootstrap.seed)
        p = float(lucky[column_of.reshape(-1)[tried.index(best)]])
        rows.append(
            {
                "against": name,
                "parents": own.parents if isinstance(objective, Mean) else len(inside.of(name).days),
                "in_sample": own.mean,
                "out_of_sample": None if later is None else later.mean,
                "lower": None if later is None else later.lower,
                "upper": None if later is None else later.upper,
                "p_value": None if later is None else later.p_value,
                "p_adjusted": None if math.isnan(p) else p,
            }
        )
    floats = ("out_of_sample", "lower", "upper", "p_value", "p_adjusted")
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(floats, pl.Float64))
