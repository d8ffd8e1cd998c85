"""Walk-forward: fit on the parents that ended by a boundary in time, evaluate on those that start after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.results.metrics import orders_table, parent_costs
from sor.results.objectives import Measured
from sor.settings.objective import Mean
from sor.settings.objective import identity_of as objective_identity
from sor.settings.routers import identity_of, name_of, settings_of
from sor.studies import methods
from sor.studies.pipeline import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from sor.settings.objective import Objective
    from sor.settings.routers import Policy
    from sor.settings.run import Progress
    from sor.studies.methods import Axes, Method
    from sor.studies.pipeline import Pipeline

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Parents on the two sides of a boundary, ns; a parent that spans it is in neither."""

    boundary: int
    train: Mask
    test: Mask
    purged: int


@dataclass(frozen=True)
class Fold:
    """What the search chose on the training parents of a split, and the objective there and later, in bps."""

    split: Split
    best: Policy
    in_sample: float
    out_of_sample: float
    hindsight: float


class Trials:
    """Points of the parameters and what they cost every parent, each replayed once.

    Args:
        pipeline: Replays.
        progress: Called while it does.
        objectives: What is made small; the first of several decides.
        unit: What one of a tape's sizes is, in the user's own.

    """

    def __init__(
        self,
        pipeline: Pipeline,
        progress: Progress | None,
        objectives: Sequence[Objective],
        unit: Fraction | int,
    ) -> None:
        self.unit = unit
        self._pipeline = pipeline
        self._progress = progress
        self._objectives = objectives
        self._measured: dict[Policy, Measured] = {}
        self._done = 0
        self._costs: dict[Policy, Floats] = {}
        # By point, the number of its rows among all that were replayed, batch by batch.
        self._places: dict[Policy, int] = {}
        self._rows: list[pl.DataFrame] = []

    def costs(self, points: Sequence[Policy]) -> Floats:
        """Return the shortfall in bps, one row per point, a column per parent; NaN where it could not trade."""
        new = [point for point in dict.fromkeys(points) if point not in self._costs]
        if new:
            asked = [Asked(point) for point in new]
            ledger = self._pipeline.run(asked, record=False, progress=self._watch())
            self._done += len(new) * len(self._pipeline)
            self._costs |= zip(new, parent_costs(ledger.parents).reshape(len(new), -1), strict=True)
            self._places |= zip(new, count(len(self._places)))
            self._rows.append(ledger.parents.drop("variant"))
        return np.stack([self._costs[point] for point in points])

    def ledger(self, points: Sequence[Policy]) -> pl.DataFrame:
        """Return the parent rows of points, `variant` their place in `points`; replays those that are new."""
        self.costs(points)
        each = len(self._pipeline)
        places = np.array([self._places[point] for point in points])
        variants = pl.Series("variant", np.repeat(np.arange(len(places), dtype=np.uint32), each))
        rows = (places[:, None] * each + np.arange(each)).reshape(-1)
        return variants.to_frame().hstack(pl.concat(self._rows)[rows])

    def _rows_of(self, point: Policy) -> pl.DataFrame:
        before, each = self._places[point] * len(self._pipeline), len(self._pipeline)
        for batch in self._rows:
            if before < batch.height:
                break
            before -= batch.height
        return batch.slice(before, each)

    def measured(self, point: Policy) -> Measured:
        """Return what objectives see of a point tried."""
        if point not in self._measured:
            self._measured[point] = Measured(
                self._costs[point],
                lambda: orders_table(self._rows_of(point)),
                said_of(point),
            )
        return self._measured[point]

    def values(self, points: Sequence[Policy], objective: Objective, parents: Mask) -> Floats:
        """Return an objective of each point over some of the parents."""
        costs = self.costs(points)
        if isinstance(objective, Mean):
            means: Floats = costs[:, parents].mean(axis=1)
            return means
        return np.array([self.measured(point).value(objective, parents) for point in points])

    def search(
        self, method: Method, router: Policy, axes: Axes, parents: Mask
    ) -> tuple[list[Policy], Floats]:
        """Run a method that sees only some of the parents; return what it tried with the objective, in order."""

        def of(points: Sequence[Policy]) -> Floats:
            return np.stack([self.values(points, each, parents) for each in self._objectives], axis=1)

        def key() -> str:
            made = sorted(self._pipeline.made_of().items())
            return digest_of_search(router, axes, self._objectives, [made, parents.tolist()])

        objective = methods.Objective(of, len(self._objectives), key)
        method(objective, router, axes)
        return list(objective.tried), np.array(list(objective.tried.values()))

    def fold(self, method: Method, router: Policy, axes: Axes, split: Split) -> Fold:
        """Search on the training parents of a split and evaluate on its test parents."""
        tried, values = self.search(method, router, axes, split.train)
        best = int(np.argmin(values))
        later = self.values(tried, self._objectives[0], split.test)
        return Fold(split, tried[best], float(values[best]), float(later[best]), float(later.min()))

    def _watch(self) -> Progress | None:
        progress, before = self._progress, self._done
        return None if progress is None else lambda done, total: progress(before + done, before + total)


def digest_of_search(router: Policy, axes: Axes, objectives: Sequence[Objective], data: Sequence[Any]) -> str:
    """Return a digest of what the costs of a search's points depend on."""
    said = [
        identity_of(router),
        sorted(axes.items()),
        [objective_identity(each) for each in objectives],
        data,
    ]
    return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()


def said_of(policy: Policy) -> str:
    """Name a policy by its settings, for errors."""
    settings = ", ".join(f"{name}={value}" for name, value in settings_of(policy).items())
    return f"{name_of(policy)}({settings})"


def splits(starts: Integers, ends: Integers, tradable: Mask, folds: int) -> list[Split]:
    """Cut parents in time, with about as many start times between one boundary and the next.

    Boundaries follow from the start times alone. A split without parents on both sides is left out.

    Args:
        starts: Of the parents, ns.
        ends: Of the parents, ns: a parent trades on records up to and including its end.
        tradable: The parents that count.
        folds: How many splits, at most.

    """
    times = np.unique(starts)
    cuts = sorted({int(times[len(times) * i // (folds + 1)]) for i in range(1, folds + 1)})
    place = np.searchsorted(cuts, starts, side="right")
    found = []
    for i, boundary in enumerate(cuts):
        train = tradable & (ends <= boundary)
        test = tradable & (place == i + 1)
        if train.any() and test.any():
            purged = int((tradable & (starts < boundary) & (ends > boundary)).sum())
            found.append(Split(boundary, train, test, purged))
    return found
