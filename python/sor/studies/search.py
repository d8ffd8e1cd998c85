"""Choose the router's parameters, and say what the choice is worth on orders it was not made on."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.errors import ParameterError, shown
from sor.replay.ledger import TABLES, Ledger
from sor.results import metrics
from sor.results.arrivals import session_numbers
from sor.results.frontier import weighed
from sor.results.search import GIVEN, Search
from sor.results.shown import size_unit
from sor.results.study import Study
from sor.settings.checks import at_least, instance
from sor.settings.fills import Displayed
from sor.settings.listed import as_orders
from sor.settings.market import Market
from sor.settings.objective import as_objectives, column_of, columns_of, said_objectives
from sor.settings.policy import OwnPolicy as Own
from sor.settings.routers import (
    AXES,
    BASELINES,
    ROUTER,
    Sliced,
    StaticRouter,
    as_policy,
    unsliced,
    with_baselines,
)
from sor.settings.run import Bootstrap, Run
from sor.studies import methods
from sor.studies.evidence import Evidence
from sor.studies.grid import DEFAULT_GRID, checked_axes, flat_axes, points_table
from sor.studies.many import of_many
from sor.studies.notices import said
from sor.studies.pipeline import Asked, Pipeline, checked_run, config_of, jobs_of
from sor.studies.progress import BEST, STATISTICS, TRYING, Step, Waiting, begin, watching
from sor.studies.walkforward import Fold, Trials, splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sor.replay.parents import Job
    from sor.settings.config import Config
    from sor.settings.objective import Objective, Objectives
    from sor.settings.orders import Orders
    from sor.settings.routers import Policies, Policy
    from sor.settings.run import Progress
    from sor.studies.grid import Grid
    from sor.studies.methods import Axes, SearchMethod
    from sor.studies.pipeline import Tapes, TapesTrades

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_MOST_FOLDS = 1_000
_SECONDS_A_POINT = 0.0003
_SECONDS_OF_STATISTICS = 0.07
_SECONDS_AFTER = 0.02
# The rows of the best point beside those of the others are also put together in pairs.
_WITH_OTHERS = 1.25
# Of a replay with sums only, what the table of a point takes: also of one that needs no replay of its own.
_TABLES = 0.33


@of_many
def search(
    quotes: Tapes,
    orders: Orders,
    router: StaticRouter | Sliced | Own | str = StaticRouter(),
    *,
    grid: Grid = DEFAULT_GRID,
    method: SearchMethod = "grid",
    folds: int = 0,
    objective: Objectives = "mean",
    market: Market = Market(),
    against: Policies = BASELINES,
    trades: TapesTrades = None,
    run: Run = Run(),
    bootstrap: Bootstrap = Bootstrap(),
) -> Search:
    """Search the risk parameters, or a policy of your own; with `folds`, judge the choice on later orders.

    Without folds the best point is chosen and measured on the same orders: it looks better than it is.

    Args:
        quotes: One tape or several, as in `backtest`.
        orders: An `Order`, `orders_every(...)`, a sequence of both, or a table of orders (a frame or a file)
            with side, quantity, and if wanted start, horizon or end, lot and tz.
        router: What the search does not change, and the point it has to beat: a `StaticRouter`, or a policy of
            your own, whose axes are its constructor's arguments.
        grid: Values by axis; an axis left out keeps the router's value. The ranges of `"random"` and `"optuna"` run
            from the least to the largest.
        method: `"grid"`: every point of `grid`. `"random"` (`RandomPoints`): draws within its ranges. `"refine"`
            (`Refine`): the grid, then finer grids around the best point, which reach beyond an edge it lies on.
            `"optuna"` (`Optuna`): proposals within the ranges (the extra `optuna`).
        folds: Of the walk-forward: parents are cut by start time into one part more than this, and for each
            part but the first the whole search runs on the parents that ended before it. 0: none.
        objective: What is minimised: `"mean"`, the mean shortfall; `"mean+std"` (`MeanStd`), `"std"`
            (`Std`), `"quantile"` (`Quantile`), `"cvar"` (`Cvar`); or a function of the parents' table, one row per
            parent that could trade with the columns of `orders`, that returns a number. Several in a sequence: the
            first decides, and `front` has the points that no other beats in all of them.
        market: What every policy meets.
        against: What the choice is compared with, besides the router as given.
        trades: The tapes' trades, as in `backtest`.
        run: Threads, progress, and where finished work is kept; other methods may go on from the same file. The
            progress total grows with each batch of points.
        bootstrap: Confidence, resamples and seed of the intervals.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side, or `resume` is another file.
        MissingExtra: If the method's package is missing.
        ParameterError: If a setting is wrong, an order does not lie on a tape, no parent could trade, or `resume`
            holds results of other tapes, orders or settings.

    """
    given = as_policy("router", router)
    if not isinstance(unsliced(given), StaticRouter | Own):
        raise ParameterError(f"router must be a sor.StaticRouter or a sor.Policy, got {shown(given)}")
    instance("bootstrap", bootstrap, Bootstrap)
    axes, folds, run = (
        checked_axes(grid, given),
        at_least("folds", folds, 0, most=_MOST_FOLDS),
        checked_run(run),
    )
    name, settings, tried_by = methods.as_method(method)
    objectives = as_objectives("objective", objective)
    others = {GIVEN: given} | {
        label: policy for label, policy in with_baselines(given, against).items() if label != ROUTER
    }
    orders = as_orders(orders)
    jobs = jobs_of(quotes, orders, trades, market)
    made = config_of(
        "search",
        (quotes, orders, trades),
        jobs,
        {ROUTER: given} | {label: policy for label, policy in others.items() if label != GIVEN},
        market,
        method={"name": name, **settings},
        folds=folds,
        grid={axis: list(values) for axis, values in axes.items()},
        bootstrap=asdict(bootstrap),
        **said_objectives(objectives),
    )
    plan = steps(name, settings, axes, len(others), folds, certain=isinstance(market.fill, Displayed))
    with (
        Pipeline(jobs, run) as pipeline,
        watching(run.progress, *plan) as callback,
    ):
        trials = Trials(pipeline, callback, objectives, size_unit(jobs))
        windows = _windows(jobs)
        begin(callback, plan[0], **pipeline.counted)
        # A grid is known beforehand, and replayed in one call.
        first = methods.grid_points(given, axes) if name == "grid" else []
        tradable = _tradable(trials, [given, *first])
        tried, _ = trials.search(tried_by, given, axes, tradable)
        table = _table(trials, tried, axes, objectives, tradable)
        best = tried[int(table["best"].arg_max() or 0)]
        walk = [trials.fold(tried_by, given, axes, split) for split in splits(*windows, tradable, folds)]
        lines = table
        if name != "grid":
            lines = _table(trials, _lines(best, axes), axes, objectives, tradable)
        flat = flat_axes(lines, axes, best, column_of(objectives))
        bar = callback if isinstance(callback, Waiting) else None
        inside, outside = _with_rows(
            pipeline, {ROUTER: best, **others}, walk, made, axes, callback, bootstrap
        )
        begin(callback, STATISTICS)
        many = len(tried) + len(inside.others)
        sessions = session_numbers(jobs, windows[0])
        evidence = Evidence(trials, tried, objectives[0], windows, sessions, tradable, bootstrap, many, bar)
        return Search(
            table=evidence.with_plateau(table, best),
            best=best,
            method=name,
            axes=axes,
            flat_axes=flat,
            folds=_folds_table(walk, axes),
            in_sample=inside,
            out_of_sample=outside,
            comparisons=evidence.comparisons(inside, outside),
            objectives=objectives,
            weighed_bps=[weighed(costs) for costs in trials.costs(tried)[:, tradable]],
        )


def _with_rows(
    pipeline: Pipeline,
    policies: dict[str, Policy],
    walk: Sequence[Fold],
    made: Config,
    axes: Axes,
    callback: Progress | None,
    bootstrap: Bootstrap,
) -> tuple[Study, Study | None]:
    """Replay the best point, what it is compared with, and the choices of folds, with every row."""
    picks = list(dict.fromkeys(fold.best for fold in walk))
    step = Step(BEST, len(policies) + len(picks), "rows", weight=_WITH_OTHERS, after=_SECONDS_AFTER)
    begin(callback, step)
    bar = callback if isinstance(callback, Waiting) else None
    jobs = pipeline.jobs
    ledger = _run(pipeline, list(policies.values()), bar)
    inside = Study(
        ledger=ledger.named(list(policies)),
        policies=policies,
        policy=ROUTER,
        jobs=jobs,
        made=made,
        bootstrap=bootstrap,
        warnings=said(jobs, made.orders, policies.values(), axes, ledger=ledger, stacklevel=5),
    )
    if not walk:
        return inside, None
    return inside, _outside(inside, pipeline, walk, picks, _after(bar, len(policies) * len(pipeline)))


def steps(
    name: str,
    settings: Mapping[str, Any],
    axes: methods.Axes,
    others: int,
    folds: int,
    *,
    certain: bool = True,
) -> list[Step]:
    """Plan the wait for a search: its points, the best with every row, statistics."""
    points = replayed = math.prod(len(values) for values in axes.values())
    if name != "grid":
        points = replayed = settings.get("points", points) * (folds + 1)
    elif certain and axes.keys() == set(AXES):
        replayed = len({round(under + theta, 9) for under in axes[AXES[1]] for theta in axes[AXES[2]]})
    weight = _TABLES + (replayed + 1) / (points + 1)
    return [
        Step(TRYING, points + 1, "sums", weight=weight, after=_SECONDS_AFTER),
        Step(BEST, others + 1 + (folds > 0), "rows", weight=_WITH_OTHERS, after=_SECONDS_AFTER),
        Step(STATISTICS, _SECONDS_OF_STATISTICS + _SECONDS_A_POINT * points),
    ]


def _run(pipeline: Pipeline, policies: Sequence[Policy], bar: Progress | None = None) -> Ledger:
    return pipeline.run([Asked(policy) for policy in policies], record=True, progress=bar)


def _after(bar: Progress | None, before: int) -> Progress | None:
    """Let a bar go on after so many replays."""
    return None if bar is None else lambda done, total: bar(before + done, before + total)


def _tradable(trials: Trials, points: Sequence[Policy]) -> Mask:
    """Return the parents that could trade, which does not depend on the policy; replays the points."""
    tradable: Mask = np.isfinite(trials.costs(points)[0])
    if not tradable.any():
        raise ParameterError(
            f"orders: none of {len(tradable):,} could trade: no quotes on their side by their end"
        )
    return tradable


def _windows(jobs: Sequence[Job]) -> tuple[Integers, Integers]:
    parents = [parent for job in jobs for parent in job.parents]
    return np.array([parent.start for parent in parents]), np.array([parent.end for parent in parents])


def _lines(best: Policy, axes: methods.Axes) -> list[Policy]:
    """Return the lines through a point along the axes, each through all values of its axis."""
    lines = [methods.at(best, {axis: value}) for axis in axes for value in axes[axis]]
    return list(dict.fromkeys([best, *lines]))


def _table(
    trials: Trials,
    points: Sequence[Policy],
    axes: methods.Axes,
    objectives: Sequence[Objective],
    parents: Mask,
) -> pl.DataFrame:
    """Return points with what they cost, and the objectives over the parents that could trade."""
    summary = metrics.summary_table(trials.ledger(points), trials.unit)
    values = {
        name: trials.values(points, each, parents).tolist()
        for name, each in zip(columns_of(objectives), objectives, strict=False)
    }
    return points_table(summary, points, axes, values)


def _outside(
    inside: Study, pipeline: Pipeline, walk: Sequence[Fold], picks: Sequence[Policy], bar: Progress | None
) -> Study:
    """Put together what each fold's choice did on its test parents, and the other policies on the same.

    `policies["router"]` is the best of all parents; its parameters in each fold are in the table of folds.
    """
    numbers = inside.parents["parent"].to_numpy()
    tested = pl.Series(numbers[np.logical_or.reduce([fold.split.test for fold in walk])])
    rows = _run(pipeline, picks, bar)
    mine = pl.any_horizontal(
        (pl.col("variant") == picks.index(fold.best))
        & pl.col("parent").is_in(pl.Series(numbers[fold.split.test]).implode())
        for fold in walk
    )
    theirs = (pl.col("policy") != ROUTER) & pl.col("parent").is_in(tested.implode())

    def joined(chosen: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
        label = pl.lit(ROUTER, dtype=others["policy"].dtype).alias("policy")
        own = chosen.filter(mine).sort("parent", maintain_order=True).select(label, pl.exclude("variant"))
        return pl.concat([own, others.filter(theirs)], rechunk=True)

    ledger = Ledger(
        **{table: joined(getattr(rows, table), getattr(inside.ledger, table)) for table in TABLES}
    )
    return replace(inside, ledger=ledger, only=tested)


def _folds_table(walk: Sequence[Fold], axes: methods.Axes) -> pl.DataFrame:
    columns: dict[str, tuple[list[Any], pl.DataType]] = {
        "train": ([int(fold.split.train.sum()) for fold in walk], pl.Int64()),
        "purged": ([fold.split.purged for fold in walk], pl.Int64()),
        "test": ([int(fold.split.test.sum()) for fold in walk], pl.Int64()),
        **{axis: ([methods.value(fold.best, axis) for fold in walk], pl.Float64()) for axis in axes},
        "in_sample_bps": ([fold.in_sample for fold in walk], pl.Float64()),
        "out_of_sample_bps": ([fold.out_of_sample for fold in walk], pl.Float64()),
        "hindsight_bps": ([fold.hindsight for fold in walk], pl.Float64()),
    }
    boundaries = pl.Series([fold.split.boundary for fold in walk], dtype=pl.Int64)
    return pl.DataFrame(
        {"boundary": boundaries.cast(pl.Datetime("ns", "UTC"))}
        | {name: pl.Series(values, dtype=dtype) for name, (values, dtype) in columns.items()}
    ).with_row_index("fold")
