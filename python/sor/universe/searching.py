"""A search over a universe: parameters chosen on some days, judged on later ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import display, words
from sor.results.frontier import alike
from sor.results.search import GIVEN
from sor.settings.checks import at_least, instance
from sor.settings.listed import as_orders
from sor.settings.objective import as_objectives, column_of, columns_of, said_objectives
from sor.settings.policy import OwnPolicy as Own
from sor.settings.routers import ROUTER, Sliced, StaticRouter, as_policy, unsliced, with_baselines
from sor.settings.run import Bootstrap, Run
from sor.studies import methods
from sor.studies.grid import checked_axes, points_table
from sor.universe.judged import Judged, compared
from sor.universe.result import UniverseResult, UniverseStudy, summary_of
from sor.universe.study import described, travelling, warned, worked
from sor.universe.tables import Tables, together
from sor.universe.trials import Fold, Trials, returned_for, splits
from sor.universe.work import RETURNED, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sor.settings.config import Config
    from sor.settings.market import Market
    from sor.settings.objective import Objective, Objectives
    from sor.settings.orders import Orders
    from sor.settings.routers import Policies, Policy
    from sor.studies.grid import Grid
    from sor.studies.methods import SearchMethod
    from sor.universe.study import Where
    from sor.universe.unit import Unit

    Floats = NDArray[np.float64]

_MOST_FOLDS = 1_000


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class UniverseSearch(UniverseResult):
    """The points tried on a universe, the best of them, and what the choice is worth on later days.

    Attributes:
        table: One row per point tried, with what it costs; see `Search.table`.
        best: The router at the best point.
        method: How points were proposed.
        axes: The names of what was searched.
        folds: One row per fold: the first day of its test, what was chosen before it, and the objective.
        in_sample: The study of the best point on all units.
        out_of_sample: The study of each fold's choice on the days of its test; None without folds.
        comparisons: One row per other policy: by how much the objective is lower (mean savings) in and out of
            sample, and the chance that the best is luck.
        objectives: What was minimised; the first decides.

    """

    table: pl.DataFrame
    best: Policy
    method: str
    axes: tuple[str, ...]
    folds: pl.DataFrame
    in_sample: UniverseStudy
    out_of_sample: UniverseStudy | None
    comparisons: pl.DataFrame
    objectives: Sequence[Objective]

    @property
    def front(self) -> pl.DataFrame:
        """The points that no other beats in all objectives (Pareto's front), by the first; of one, the best.

        Of those with equal objectives there is one, and `points` says how many they are.
        """
        kept = "best" if len(self.objectives) == 1 else "front"
        decides = column_of(self.objectives)
        rows = alike(
            self.table.filter(pl.col(kept)), columns_of(self.objectives) or [decides], pl.lit(value=False)
        )
        return rows.sort(decides, maintain_order=True)

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The points, the folds and the comparisons."""
        return {"table": self.table, "folds": self.folds, "comparisons": self.comparisons}

    @property
    def _small(self) -> Sequence[str]:
        return ("table", "folds", "comparisons")

    @property
    def _origin(self) -> Config:
        return self.in_sample.made

    def to_dict(self) -> dict[str, Any]:
        """Return the best point, the folds and the comparisons as plain values."""
        best = {axis: methods.value(self.best, axis) for axis in self.axes}
        return {
            **said_objectives(self.objectives),
            "best": best,
            "folds": self.folds.to_dicts(),
            "comparisons": self.comparisons.to_dicts(),
            "warnings": list(self.warnings),
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not fit, and may make the search say little; see `UniverseResult.warnings`."""
        return self.in_sample.warnings

    def __repr__(self) -> str:
        head, notes = display.heading(self._headline()), map(display.heading, display.notes(self.warnings))
        return "\n".join([head, *self._aims(), display.text(self.comparisons), *notes])

    def _repr_html_(self) -> str:
        return display.as_html(self._headline(), self.comparisons, *self._aims(), *self.warnings)

    def _headline(self) -> str:
        point = " ".join(f"{axis}={methods.value(self.best, axis):g}" for axis in self.axes)
        return f"UniverseSearch ({self.method}): {words.count(self.table.height, 'point')}, best {point}"

    def _aims(self) -> list[str]:
        """Say what was made small, and what the best point has of it; nothing of the mean shortfall."""
        if not columns_of(self.objectives):
            return []
        least = self.front[column_of(self.objectives)][0]
        lines = [f"objective: {self.objectives[0].title}, {least:.3f} at the best"]
        if len(self.objectives) > 1:
            others = ", ".join(each.title for each in self.objectives[1:])
            lines.append(
                f"beside it: {others}; {words.count(int(self.front['points'].sum()), 'point')} on the front"
            )
        return lines


def search_units(
    where: Where,
    orders: Orders,
    router: StaticRouter | Sliced | Own | str,
    *,
    grid: Grid,
    method: SearchMethod,
    folds: int,
    objective: Objectives,
    market: Market,
    against: Policies,
    run: Run,
    bootstrap: Bootstrap,
) -> UniverseSearch:
    """Search on all units; with `folds`, on the days before each of so many later parts too."""
    given = as_policy("router", router)
    instance("router", unsliced(given), StaticRouter, Own)
    instance("bootstrap", bootstrap, Bootstrap)
    instance("run", run, Run)
    axes, folds = checked_axes(grid, given), at_least("folds", folds, 0, most=_MOST_FOLDS)
    name, settings, tried_by = methods.as_method(method)
    objectives = as_objectives("objective", objective)
    others: dict[str, Policy] = {GIVEN: given} | {
        label: policy for label, policy in with_baselines(given, against).items() if label != ROUTER
    }
    base = Settings(
        reading=where.reading,
        orders=as_orders(orders),
        policies={ROUTER: given, **others},
        policy=ROUTER,
        market=travelling(market),
        record=False,
    )
    options = {
        "method": {"name": name, **settings},
        "folds": folds,
        "grid": {axis: list(values) for axis, values in axes.items()},
        "bootstrap": asdict(bootstrap),
        **said_objectives(objectives),
    }
    made = described(where, base, market, "search", options)
    trials = Trials(where.units, base, run, objectives)
    tried, _ = trials.search(tried_by, given, axes, None)
    summary = summary_of(trials.sums(tried), "policy")
    values = {
        column: [trials.value(point, each, None) for point in tried]
        for column, each in zip(columns_of(objectives), objectives, strict=False)
    }
    table = points_table(summary, tried, axes, values)
    best = tried[int(table["best"].arg_max() or 0)]
    walk = [trials.fold(tried_by, given, axes, split) for split in splits(trials.days, folds)]
    study = _Study(where.units, replace(base, returned=returned_for(objectives[:1])), run, bootstrap, made)
    inside = study.of(best, where.units, look=axes)
    outside = study.walked(best, walk, inside.study.units) if walk else None
    found = UniverseSearch(
        table=table,
        best=best,
        method=name,
        axes=tuple(axes),
        folds=_folds_table(walk, tuple(axes)),
        in_sample=inside.study,
        out_of_sample=None if outside is None else outside.study,
        comparisons=compared(inside, outside, trials, tried, best),
        objectives=objectives,
    )
    return warned(found)


@dataclass(frozen=True)
class _Study:
    """Studies of points beside the other policies."""

    units: Sequence[Unit]
    base: Settings
    run: Run
    bootstrap: Bootstrap
    made: Any

    def of(self, point: Policy, units: Sequence[Unit], look: methods.Axes) -> Judged:
        """Replay a point and the other policies on some units, and look for what does not fit them."""
        return self._result(point, self._tables(point, units, look))

    def walked(self, best: Policy, walk: Sequence[Fold], days: pl.DataFrame) -> Judged:
        """Put together what each fold's choice did on the days of its test."""
        parts = []
        for fold in walk:
            wanted = set(days.filter(pl.col("date").is_in(list(fold.split.test)))["unit"].to_list())
            tested = [unit for unit in self.units if unit.name in wanted]
            parts.append(self._tables(fold.best, tested))
        return self._result(best, together(parts))

    def _tables(self, point: Policy, units: Sequence[Unit], look: methods.Axes | None = None) -> Tables:
        settings = replace(self.base, policies={**self.base.policies, ROUTER: point}, look=look)
        return worked(
            units,
            settings,
            replace(self.run, out=None),
            f"{words.count(len(units), 'symbol-day')}, the choice",
        )

    def _result(self, point: Policy, tables: Tables) -> Judged:
        study = UniverseStudy(
            rows=replace(tables, sums=tables.sums.select(pl.exclude(RETURNED))),
            policies={**self.base.policies, ROUTER: point},
            policy=ROUTER,
            market=self.base.market,
            bootstrap=self.bootstrap,
            made=self.made,
        )
        return Judged(study, tables.sums)


def _folds_table(walk: Sequence[Fold], axes: Sequence[str]) -> pl.DataFrame:
    columns: dict[str, pl.Series] = {
        "boundary": pl.Series([fold.split.boundary for fold in walk], dtype=pl.Date),
        "train": pl.Series([len(fold.split.train) for fold in walk], dtype=pl.Int64),
        "test": pl.Series([len(fold.split.test) for fold in walk], dtype=pl.Int64),
    }
    columns |= {
        axis: pl.Series([methods.value(fold.best, axis) for fold in walk], dtype=pl.Float64) for axis in axes
    }
    for name in ("in_sample", "out_of_sample", "hindsight"):
        columns[f"{name}_bps"] = pl.Series([getattr(fold, name) for fold in walk], dtype=pl.Float64)
    return pl.DataFrame(columns).with_row_index("fold")
