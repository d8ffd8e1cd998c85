"""The efficient frontier: what more even costs would cost on average, over points and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from sor.results import words
from sor.results.metrics import parent_costs
from sor.results.views import Weighed
from sor.settings.objective import Mean, Std, column_of, columns_of, value_of
from sor.settings.routers import ROUTER, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sor.settings.objective import Objective
    from sor.settings.routers import Policy
    from sor.settings.run import Bootstrap

    Floats = NDArray[np.float64]

_MOST_SHOWN = 12
_SHORT = {
    "in_sample": "in",
    "out_of_sample": "out",
    "p_value": "p",
    "p_reality_check": "p_check",
    "p_adjusted": "p adj",
}
_WEIGHED = ("mean_bps", "std_bps")


class Compared(Protocol):
    """A study, of what a search needs one for: its policies by name, and how sure it is."""

    @property
    def policies(self) -> Mapping[str, Policy]:
        """By name, the chosen one among them."""

    @property
    def bootstrap(self) -> Bootstrap:
        """How sure its intervals are."""


class Tried(Weighed):
    """A result with points that were tried: the best of them, and how they compare."""

    in_sample: Compared
    out_of_sample: Compared | None
    table: pl.DataFrame
    best: Policy
    axes: Iterable[str]
    objectives: Sequence[Objective]
    weighed_bps: Sequence[tuple[float, float]]

    @property
    def _read_as(self) -> list[str]:
        """How the tables are read."""
        level = self.in_sample.bootstrap.level
        return words.search_read_as(judged=self.out_of_sample is not None, level=level)

    @property
    def best_point(self) -> dict[str, Any]:
        """Where the best stands on the axes."""
        settings = settings_of(self.best)
        return {axis: settings[axis] for axis in self.axes}

    @property
    def front(self) -> pl.DataFrame:
        """The points that no other beats in all objectives (Pareto's front), by the first; of one, the best.

        Of those with equal objectives there is one, and `points` says how many they are.
        """
        kept = "best" if len(self.objectives) == 1 else "front"
        figures = columns_of(self.objectives) or [self.objective_column]
        rows = alike(self.table.filter(pl.col(kept)), figures, self._chosen)
        return rows.sort(self.objective_column, maintain_order=True)

    def frontier(self) -> pl.DataFrame:
        """Weigh the points of the search and the other policies: what they cost against how evenly, over all parents.

        Returns:
            `policy` (`router` for the points), the axes, `mean_bps` and `std_bps` of the shortfalls, `points`, how
            many have these (one stands for them, the best where it is among them; null for policies), and
            `efficient`, true where no other row has both less, or one less and the other the same. The least mean
            first.

        """
        columns = [
            pl.Series(name, [pair[i] for pair in self.weighed_bps], dtype=pl.Float64)
            for i, name in enumerate(_WEIGHED)
        ]
        points = self.table.select(pl.lit(ROUTER).alias("policy"), *self.axes, *columns)
        points = alike(points, _WEIGHED, self._chosen)
        return efficient(pl.concat([points, self._others_weighed], how="diagonal"))

    @property
    def objective(self) -> Objective:
        """What decided."""
        return self.objectives[0]

    @property
    def objective_column(self) -> str:
        """Its column of `table`."""
        return column_of(self.objectives)

    @property
    def is_mean(self) -> bool:
        """Whether it is the mean shortfall, and nothing else."""
        return not columns_of(self.objectives)

    @property
    def _points(self) -> pl.DataFrame:
        """The best points as people read them, those that cost the same in one row."""
        told = pl.when(self._chosen).then(pl.lit("best")).when("best").then(pl.lit("ties"))
        beside = [
            "behind_bps" if self.is_mean else "shortfall_bps"
        ]  # in 80 columns there is room for one more
        if "plateau" in self.table.columns:
            told = told.when("plateau").then(pl.lit("noise"))
        elif self.is_mean:
            beside = []
        figures = list(dict.fromkeys([self.objective_column, "shortfall_bps", *beside]))
        ordered = self.table.sort(self.objective_column, maintain_order=True)
        rows = alike(ordered, figures, self._chosen).head(_MOST_SHOWN)
        return rows.select(
            *(pl.Series(axis, [f"{value:g}" for value in rows[axis]]) for axis in self.axes),
            "points",
            pl.col(self.objective_column).round(3).alias("shortfall" if self.is_mean else "objective"),
            *(pl.col(name).round(3).alias(name.removesuffix("_bps")) for name in beside),
            told.otherwise(pl.lit("")).alias("is"),
        )

    @property
    def _others_weighed(self) -> pl.DataFrame:
        """The other policies with mean and standard deviation, as `weighed_table` makes it."""
        raise NotImplementedError

    @property
    def _chosen(self) -> pl.Expr:
        """Tell the best point's row."""
        return pl.all_horizontal(pl.col(axis) == value for axis, value in self.best_point.items())


def readable(comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return a search's comparisons as people read them: short names, and no column that says nothing."""
    chances = [words.p_values(column) for column in comparisons if column.name.startswith("p_")]
    # Without folds there is nothing out of sample.
    there = [column.name for column in comparisons if column.null_count() < comparisons.height]
    shown = comparisons.with_columns(*chances).select(there)
    return shown.rename(_SHORT, strict=False).with_columns(pl.selectors.float().round(3))


def undominated(figures: Sequence[pl.Series]) -> pl.Series:
    """Tell which rows no other row beats: is as low in every figure, and lower in one."""
    rows = np.stack([figure.to_numpy() for figure in figures], axis=1)
    kept = [not bool(((rows <= row).all(axis=1) & (rows < row).any(axis=1)).any()) for row in rows]
    return pl.Series(kept, dtype=pl.Boolean)


def alike(points: pl.DataFrame, figures: Sequence[str], chosen: pl.Expr) -> pl.DataFrame:
    """Put points together that are the same in some figures: the chosen one stands for its likes, else the first.

    Returns:
        The rows that stand for others, in their order, with `points`, how many each stands for.

    """
    counted = points.with_columns(
        pl.len().cast(pl.Int64).over(figures).alias("points"),
        pl.int_range(pl.len()).over(figures).alias("_place"),
        _chosen=chosen,
    )
    first = pl.when(pl.col("_chosen").any().over(figures)).then("_chosen").otherwise(pl.col("_place") == 0)
    return counted.filter(first).drop("_chosen", "_place")


def efficient(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `efficient` to rows with `mean_bps` and `std_bps`, and put them in order of the mean."""
    return rows.with_columns(undominated([rows["mean_bps"], rows["std_bps"]]).alias("efficient")).sort(
        "mean_bps", "std_bps", maintain_order=True
    )


def weighed(costs: Floats) -> tuple[float, float]:
    """Return the mean and the standard deviation of some shortfalls."""
    return value_of(Mean(), costs), value_of(Std(), costs)


def of_policies(parents: pl.DataFrame, policies: Sequence[str]) -> pl.DataFrame:
    """Return the mean and the standard deviation of the shortfalls of policies.

    Args:
        parents: `Ledger.parents`.
        policies: Names; those under which no parent could trade are left out.

    """
    rows = []
    for name in policies:
        costs = parent_costs(parents.filter(pl.col("policy") == name))
        costs = costs[~np.isnan(costs)]
        if len(costs):
            rows.append((name, *weighed(costs)))
    return weighed_table(rows)


def weighed_table(rows: Sequence[tuple[str, float, float]]) -> pl.DataFrame:
    """Return policies with the mean and the standard deviation of their shortfalls as a table."""
    schema = {"policy": pl.String, **dict.fromkeys(_WEIGHED, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")
