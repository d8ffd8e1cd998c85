"""A search over a universe: parameters chosen on some days, judged on later ones."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.errors import ParameterError
from sor.results import display
from sor.results.search import GIVEN
from sor.settings.checks import at_least, instance
from sor.settings.listed import as_orders
from sor.settings.policy import OwnPolicy as Own
from sor.settings.routers import ROUTER, Sliced, StaticRouter, as_policy, unsliced, with_baselines
from sor.settings.run import Bootstrap, Run
from sor.studies import methods
from sor.studies.grid import checked_axes, points_table
from sor.universe.clustered import romano_wolf
from sor.universe.result import UniverseResult, UniverseStudy, summary_of
from sor.universe.study import described, travelling, worked
from sor.universe.tables import Tables, together
from sor.universe.work import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sor.settings.config import Config
    from sor.settings.market import Market
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
        folds: One row per fold: the first day of its test, what was chosen before it, and mean shortfalls.
        in_sample: The study of the best point on all units.
        out_of_sample: The study of each fold's choice on the days of its test; None without folds.
        comparisons: One row per other policy: savings in and out of sample, and the chance that the best is luck.

    """

    table: pl.DataFrame
    best: Policy
    method: str
    axes: tuple[str, ...]
    folds: pl.DataFrame
    in_sample: UniverseStudy
    out_of_sample: UniverseStudy | None
    comparisons: pl.DataFrame

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
            "best": best,
            "folds": self.folds.to_dicts(),
            "comparisons": self.comparisons.to_dicts(),
        }

    def __repr__(self) -> str:
        point = " ".join(f"{axis}={methods.value(self.best, axis):g}" for axis in self.axes)
        head = f"UniverseSearch ({self.method}): {self.table.height:,} points, best {point}"
        return f"{display.heading(head)}\n{display.text(self.comparisons)}"


def search_units(
    where: Where,
    orders: Orders,
    router: StaticRouter | Sliced | Own | str,
    *,
    grid: Grid,
    method: SearchMethod,
    folds: int,
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
    }
    made = described(where, base, market, "search", options)
    trials = _Trials(where.units, base, run)
    tried, _ = trials.search(tried_by, given, axes, None)
    summary = summary_of(trials.sums(tried), "policy")
    table = points_table(summary, tried, axes)
    best = tried[int(table["best"].arg_max() or 0)]
    walk = [trials.fold(tried_by, given, axes, split) for split in _splits(trials.days, folds)]
    study = _Study(where.units, base, run, bootstrap, made)
    inside = study.of(best, where.units)
    outside = study.walked(best, walk, inside.units) if walk else None
    return UniverseSearch(
        table=table,
        best=best,
        method=name,
        axes=tuple(axes),
        folds=_folds_table(walk, tuple(axes)),
        in_sample=inside,
        out_of_sample=outside,
        comparisons=_comparisons(inside, outside, trials, tried, best),
    )


@dataclass(frozen=True)
class _Split:
    """Days up to a boundary, and those of the part that begins with it."""

    train: frozenset[Any]
    test: frozenset[Any]
    boundary: Any


@dataclass(frozen=True)
class _Fold:
    split: _Split
    best: Policy
    in_sample: float
    out_of_sample: float
    hindsight: float


class _Trials:
    """Points of the parameters and what they cost on every unit, each replayed once."""

    def __init__(self, units: Sequence[Unit], base: Settings, run: Run) -> None:
        self._units, self._base, self._run = units, base, run
        self._sums: dict[Policy, pl.DataFrame] = {}

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
        label = f"{len(self._units):,} symbol-days x {len(new)} points"
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
        )

    def mean(self, point: Policy, days: frozenset[Any] | None) -> float:
        """Return the mean shortfall of a point tried, over the parents of some days, or of all."""
        rows = self._sums[point]
        if days is not None:
            rows = rows.filter(pl.col("date").is_in(list(days)))
        parents = int(rows["parents"].sum())
        return math.fsum(rows["shortfall_bps"]) / parents if parents else math.nan

    def search(
        self, method: methods.Method, router: Policy, axes: methods.Axes, days: frozenset[Any] | None
    ) -> tuple[list[Policy], list[float]]:
        """Run a method that sees only some days; return what it tried with mean costs, in order."""
        seen: dict[Policy, float] = {}

        def objective(points: Sequence[Policy]) -> Floats:
            self.replay(points)
            means = [self.mean(point, days) for point in points]
            for point, mean in zip(points, means, strict=True):
                seen.setdefault(point, mean)
            if math.isnan(means[0]):
                raise ParameterError("orders: none could trade: no quotes on their side by their end")
            return np.array(means)

        method(objective, router, axes)
        return list(seen), list(seen.values())

    def fold(self, method: methods.Method, router: Policy, axes: methods.Axes, split: _Split) -> _Fold:
        """Search on the days before a boundary, and evaluate on those after."""
        tried, means = self.search(method, router, axes, split.train)
        best = int(np.argmin(means))
        later = [self.mean(point, split.test) for point in tried]
        return _Fold(split, tried[best], means[best], later[best], min(later))

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


@dataclass(frozen=True)
class _Study:
    """Studies of points beside the other policies."""

    units: Sequence[Unit]
    base: Settings
    run: Run
    bootstrap: Bootstrap
    made: Any

    def of(self, point: Policy, units: Sequence[Unit]) -> UniverseStudy:
        """Replay a point and the other policies on some units."""
        return self._result(point, self._tables(point, units))

    def walked(self, best: Policy, walk: Sequence[_Fold], days: pl.DataFrame) -> UniverseStudy:
        """Put together what each fold's choice did on the days of its test."""
        parts = []
        for fold in walk:
            wanted = set(days.filter(pl.col("date").is_in(list(fold.split.test)))["unit"].to_list())
            tested = [unit for unit in self.units if unit.name in wanted]
            parts.append(self._tables(fold.best, tested))
        return self._result(best, together(parts))

    def _tables(self, point: Policy, units: Sequence[Unit]) -> Tables:
        settings = replace(self.base, policies={**self.base.policies, ROUTER: point})
        return worked(units, settings, replace(self.run, out=None), f"{len(units):,} symbol-days, the choice")

    def _result(self, point: Policy, tables: Tables) -> UniverseStudy:
        return UniverseStudy(
            rows=tables,
            policies={**self.base.policies, ROUTER: point},
            policy=ROUTER,
            market=self.base.market,
            bootstrap=self.bootstrap,
            made=self.made,
        )


def _splits(days: Sequence[Any], folds: int) -> list[_Split]:
    """Cut days into one part more than folds; each part but the first is tested on what came before it."""
    cuts = sorted({len(days) * i // (folds + 1) for i in range(1, folds + 1)} - {0})
    ends = [*cuts[1:], len(days)][: len(cuts)]
    return [
        _Split(frozenset(days[:cut]), frozenset(days[cut:end]), days[cut])
        for cut, end in zip(cuts, ends, strict=True)
    ]


def _folds_table(walk: Sequence[_Fold], axes: Sequence[str]) -> pl.DataFrame:
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


def _comparisons(
    inside: UniverseStudy,
    outside: UniverseStudy | None,
    trials: _Trials,
    tried: Sequence[Policy],
    best: Policy,
) -> pl.DataFrame:
    rows = []
    for name in inside.others:
        own = inside.interval(name)
        later = None if outside is None else outside.interval(name)
        gains = trials.gains(name, inside, tried)
        different, column_of = np.unique(gains, axis=1, return_inverse=True)
        lucky = romano_wolf(different, resamples=inside.bootstrap.resamples, seed=inside.bootstrap.seed)
        p = float(lucky[column_of.reshape(-1)[tried.index(best)]])
        rows.append(
            {
                "against": name,
                "parents": own.parents,
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
