"""What an objective says of policies' parents, and how sure that is: the jackknife over stretches of time (rule Q5).

The mean of paired differences has statistics of its own. Of any other figure, each stretch of time is left out once,
and what that changes stands for the stretch: a figure that is a mean over stretches, to which the same statistics
apply. Method, choices and references: docs/statistics.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor.results.metrics import orders_table, parent_costs
from sor.results.statistics import block_length, by_start, overlap
from sor.settings.objective import OwnObjective, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sor.settings.objective import Objective

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_WINDOWS_PER_STRETCH = 2
_ENOUGH_STRETCHES = 10
MOST_STRETCHES = 50
"""More tell little, and each costs an evaluation of every point."""


class Measured:
    """What one policy's parents cost, as objectives see it.

    Args:
        costs: Their shortfalls, bps; NaN where one could not trade.
        table: Makes the table that functions of the caller's own are given, a row per parent.
        where: Names the policy in errors.

    """

    def __init__(self, costs: Floats, table: Callable[[], pl.DataFrame], where: str) -> None:
        self.costs, self._make, self._where = costs, table, where
        self._table: pl.DataFrame | None = None

    @classmethod
    def of(cls, rows: pl.DataFrame, where: str) -> Measured:
        """Measure a policy's rows of `Ledger.parents`."""
        return cls(parent_costs(rows), lambda: orders_table(rows), where)

    def value(self, objective: Objective, parents: Mask) -> float:
        """Return the objective over some of the parents, all of whom could trade."""
        if not isinstance(objective, OwnObjective):
            return value_of(objective, self.costs[parents])
        if self._table is None:
            self._table = self._make()
        return objective.of(self._table.filter(pl.Series(parents)), self._where)


@dataclass(frozen=True)
class Stretches:
    """Parents cut into stretches of time, none of which reaches into another session.

    Attributes:
        labels: The number of each parent's stretch, in order of time.
        sessions: The session of each stretch.

    """

    labels: Integers
    sessions: Integers

    @classmethod
    def of(cls, costs: Floats, starts: Integers, ends: Integers, sessions: Integers) -> Stretches:
        """Cut parents by their start times.

        A stretch is at least two overlapping windows long, and has at least the square root of the number of start
        times, or leaving it out would say little of a quantile; and is as long as the autocorrelation of the costs asks
        for, up to a tenth of them.

        Args:
            costs: One row per parent, a column per policy.
            starts: Of the parents, ns.
            ends: Of the parents, ns.
            sessions: The number of each parent's session, in order of time.

        """
        times, place = np.unique(starts, return_inverse=True)
        windows = overlap(starts, ends)
        asked = block_length(by_start(costs - costs.mean(axis=0), starts), 1) or 1
        length = max(
            _WINDOWS_PER_STRETCH * windows if windows > 1 else 1,
            min(asked, len(times) // _ENOUGH_STRETCHES),
            math.isqrt(len(times) - 1) + 1,
            -(-len(times) // MOST_STRETCHES),
        )
        numbers = np.zeros(len(times), dtype=np.int64)
        numbers[place] = sessions
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(times)]
        stretch = np.zeros(len(times), dtype=np.int64)
        made = 0
        for begin, stop in pairwise(edges):
            many = max(1, (stop - begin) // length)
            stretch[begin:stop] = made + np.arange(stop - begin) * many // (stop - begin)
            made += many
        firsts = np.unique(stretch, return_index=True)[1]
        return cls(stretch[place], numbers[firsts])

    @classmethod
    def of_days(cls, days: Integers) -> Stretches:
        """Cut parents by their days: each is a stretch, or so many together that they hold enough parents.

        Args:
            days: The number of each parent's day, from 0 on without gaps.

        """
        count = int(days.max()) + 1
        together = max(math.ceil(count / math.sqrt(len(days))), -(-count // MOST_STRETCHES))
        many = max(1, count // together)
        return cls(days * many // count, np.arange(many, dtype=np.int64))

    def __len__(self) -> int:
        """Count the stretches."""
        return len(self.sessions)

    @property
    def starts(self) -> Integers:
        """When each starts, in stretches: what statistics take for start times."""
        return np.arange(len(self), dtype=np.int64)

    def contributions(self, measured: Measured, objective: Objective, parents: Mask) -> Floats:
        """Return what each stretch adds to an objective over some parents: their mean is the objective.

        Args:
            measured: The policy's parents.
            objective: A figure of them.
            parents: Those that count: as many as were cut, in the same order.

        """
        whole = measured.value(objective, parents)
        numbers = np.flatnonzero(parents)
        without = []
        for stretch in range(len(self)):
            rest = parents.copy()
            rest[numbers[self.labels == stretch]] = False
            without.append(measured.value(objective, rest) if rest.any() else whole)
        return pseudo_values(whole, np.array(without), np.bincount(self.labels))


def pseudo_values(whole: float, without: Floats, sizes: Integers) -> Floats:
    """Return what each group adds to a figure, so that their mean is the figure.

    With `m` groups and a share `w` of the observations in a group, `m (1 - w) (whole - without)`, less the mean of all
    these, plus the figure (Busing, Meijer and van der Leeden 1999, for groups of unequal size). Where the figure is a
    mean, that is `m` times the group's share of it.

    Args:
        whole: The figure of all.
        without: The figure of all but each group.
        sizes: Of the groups.

    """
    shares = sizes / sizes.sum()
    added = len(sizes) * (1.0 - shares) * (whole - without)
    found: Floats = added - added.mean() + whole
    return found
