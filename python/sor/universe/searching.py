"""A search over a universe: parameters chosen on some days, judged on later ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import display, words
from sor.results.frontier import Tried, readable
from sor.results.search import GIVEN
from sor.settings.checks import at_least, instance
from sor.settings.listed import as_orders
from sor.settings.objective import as_objectives, column_of, columns_of, objectives_from, said_objectives
from sor.settings.policy import OwnPolicy as Own
from sor.settings.routers import ROUTER, Sliced, StaticRouter, as_policy, unsliced, with_baselines
from sor.settings.run import Bootstrap, Run
from sor.studies import methods
from sor.studies.grid import checked_axes, points_table
from sor.universe.judged import Judged, compared
from sor.universe.result import UniverseResult, UniverseStudy
from sor.universe.study import described, travelling, warned, worked
from sor.universe.sums import summary_of, weighed_sums
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
_INSIDE, _OUTSIDE = "in_sample/", "out_of_sample/"
_WEIGHED = {"mean_bps": pl.Float64, "std_bps": pl.Float64}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class UniverseSearch(UniverseResult, Tried):
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
        weighed_bps: Mean and standard deviation of every point's shortfalls, a pair per row of `table`.
        made: The call that made it.

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
    weighed_bps: Sequence[tuple[float, float]]
    made: Config

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The points, the folds and the comparisons."""
        return {"table": self.table, "folds": self.folds, "comparisons": self.comparisons}

    @property
    def _small(self) -> Sequence[str]:
        return ("table", "folds", "comparisons")

    @property
    def _inputs(self) -> pl.DataFrame:
        return self.in_sample.inputs

    @property
    def _frames(self) -> dict[str, pl.DataFrame]:
        outside = {} if self.out_of_sample is None else self.out_of_sample.rows.frames(_OUTSIDE)
        weighed = pl.DataFrame(self.weighed_bps, schema=_WEIGHED, orient="row")
        found = {
            "table": self.table,
            "weighed": weighed,
            "folds": self.folds,
            "comparisons": self.comparisons,
        }
        return {**self.in_sample.rows.frames(_INSIDE), **outside, **found}

    @property
    def _others_weighed(self) -> pl.DataFrame:
        return weighed_sums(self.in_sample.rows.sums, self.in_sample.others)

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
        lines = "\n".join(map(display.heading, [self._headline(), *self._aims(), self.verdict()]))
        below = map(display.heading, [*self._read_as, *display.notes(self.warnings)])
        return "\n\n".join([lines, *map(display.text, self._shown), "\n".join(below)])

    def _repr_html_(self) -> str:
        first, *others = self._shown
        notes = [*self._aims(), self.verdict(), *self._read_as, *self.warnings]
        return display.as_html(self._headline(), first, *notes) + "".join(
            display.as_html("", each) for each in others
        )

    @property
    def _shown(self) -> list[pl.DataFrame]:
        """The points, what the choice saves, and the folds."""
        names = {"in_sample_bps": "in", "out_of_sample_bps": "out", "hindsight_bps": "least"}
        folds = self.folds.rename(names).with_columns(pl.col(*names.values()).round(3))
        return [self._points, readable(self.comparisons), *([folds] if folds.height else [])]

    def _headline(self) -> str:
        point = ", ".join(f"{axis}={value:g}" for axis, value in self.best_point.items())
        ties = int(self.table["best"].sum())
        tie = f" ({ties:,} tie)" if ties > 1 else ""
        return f"UniverseSearch ({self.method}): {words.count(self.table.height, 'point')}, best {point}{tie}"

    def verdict(self) -> str:
        """Say whether the best was judged on days it was not chosen on, and how to ask for that."""
        if self.out_of_sample is None:
            return (
                "in sample: the best was chosen on these very days; folds=5 judges the choice on later ones"
            )
        return "out of sample: each fold's choice, made on the days before it, judged on its own days"

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
    made = described(where, base, base.market, "search", options)
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
    judged = replace(base, returned=returned_for(objectives[:1]))
    study = _Study(where.units, judged, run, bootstrap, made)
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
        weighed_bps=[trials.weighed(point) for point in tried],
        made=made,
    )
    return warned(found)


def search_of(frames: Mapping[str, pl.DataFrame], made: Config) -> UniverseSearch:
    """Return the search that was saved, of its tables and the call that made it."""
    options = made.options
    given: Any = made.policies[ROUTER]
    axes = tuple(options["grid"])
    table = frames["table"]
    best = methods.at(given, table.filter("best").select(axes).row(0, named=True))
    bootstrap = Bootstrap(**options["bootstrap"])
    others = {name: policy for name, policy in made.policies.items() if name != ROUTER}
    policies = {ROUTER: best, GIVEN: given, **others}
    inside, outside = (
        study_of(Tables.within(frames, folder), policies, bootstrap, made, again=folder == _INSIDE)
        if f"{folder}units" in frames
        else None
        for folder in (_INSIDE, _OUTSIDE)
    )
    assert inside is not None
    return UniverseSearch(
        table=table,
        best=best,
        method=options["method"]["name"],
        axes=axes,
        folds=frames["folds"],
        in_sample=inside,
        out_of_sample=outside,
        comparisons=frames["comparisons"],
        objectives=objectives_from(options.get("objective", "mean"), "search.objective"),
        weighed_bps=list(frames["weighed"].iter_rows()),
        made=made,
    )


def study_of(
    rows: Tables, policies: Mapping[str, Policy], bootstrap: Bootstrap, made: Config, *, again: bool
) -> UniverseStudy:
    """Return a part of a search as a study; `again`: of one point everywhere, so that it can be made alone."""
    if again:
        options = {"record": False, "bootstrap": asdict(bootstrap)}
        made = replace(made, command="study", policies=dict(policies), options=options)
    return UniverseStudy(
        rows=rows,
        policies=policies,
        policy=ROUTER,
        market=made.market,
        bootstrap=bootstrap,
        made=made,
    )


@dataclass(frozen=True)
class _Study:
    """Studies of points beside the other policies."""

    units: Sequence[Unit]
    base: Settings
    run: Run
    bootstrap: Bootstrap
    made: Config

    def of(self, point: Policy, units: Sequence[Unit], look: methods.Axes) -> Judged:
        """Replay a point and the other policies on some units, and look for what does not fit them."""
        return self._result(point, self._tables(point, units, look), again=True)

    def walked(self, best: Policy, walk: Sequence[Fold], days: pl.DataFrame) -> Judged:
        """Put together what each fold's choice did on the days of its test."""
        parts = []
        for fold in walk:
            wanted = set(days.filter(pl.col("date").is_in(list(fold.split.test)))["unit"].to_list())
            tested = [unit for unit in self.units if unit.name in wanted]
            parts.append(self._tables(fold.best, tested))
        return self._result(best, together(parts), again=False)

    def _tables(self, point: Policy, units: Sequence[Unit], look: methods.Axes | None = None) -> Tables:
        settings = replace(self.base, policies={**self.base.policies, ROUTER: point}, look=look)
        return worked(
            units,
            settings,
            replace(self.run, out=None),
            f"{words.count(len(units), 'symbol-day')}, the choice",
        )

    def _result(self, point: Policy, tables: Tables, *, again: bool) -> Judged:
        rows = replace(tables, sums=tables.sums.select(pl.exclude(RETURNED)))
        policies = {**self.base.policies, ROUTER: point}
        return Judged(study_of(rows, policies, self.bootstrap, self.made, again=again), tables.sums)


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
