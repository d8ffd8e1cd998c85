"""Walk-forward: fit on the parents that ended by a boundary in time, evaluate on those that start after."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor.results.metrics import parent_costs
from sor.studies.pipeline import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    """What the search chose on the training parents of a split, and mean shortfalls in bps."""

    split: Split
    best: Policy
    in_sample: float
    out_of_sample: float
    hindsight: float


class Trials:
    """Points of the parameters and what they cost every parent, each replayed once."""

    def __init__(self, pipeline: Pipeline, progress: Progress | None) -> None:
        self._pipeline = pipeline
        self._progress = progress
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
        """Return the parent rows of points tried, `variant` their place in `points`."""
        each = len(self._pipeline)
        places = np.array([self._places[point] for point in points])
        variants = pl.Series("variant", np.repeat(np.arange(len(places), dtype=np.uint32), each))
        rows = (places[:, None] * each + np.arange(each)).reshape(-1)
        return variants.to_frame().hstack(pl.concat(self._rows)[rows])

    def search(
        self, method: Method, router: Policy, axes: Axes, parents: Mask
    ) -> tuple[list[Policy], Floats]:
        """Run a method that sees only some of the parents; return what it tried with mean costs, in order."""
        seen: dict[Policy, float] = {}

        def objective(points: Sequence[Policy]) -> Floats:
            means: Floats = self.costs(points)[:, parents].mean(axis=1)
            for point, mean in zip(points, means.tolist(), strict=True):
                seen.setdefault(point, mean)
            return means

        method(objective, router, axes)
        return list(seen), np.array(list(seen.values()))

    def fold(self, method: Method, router: Policy, axes: Axes, split: Split) -> Fold:
        """Search on the training parents of a split and evaluate on its test parents."""
        tried, means = self.search(method, router, axes, split.train)
        best = int(np.argmin(means))
        later = self.costs(tried)[:, split.test].mean(axis=1)
        return Fold(split, tried[best], float(means[best]), float(later[best]), float(later.min()))

    def _watch(self) -> Progress | None:
        progress, before = self._progress, self._done
        return None if progress is None else lambda done, total: progress(before + done, before + total)


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
