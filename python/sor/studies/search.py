"""Choose the router's parameters, and say what the choice is worth on orders it was not made on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import polars as pl

from sor.errors import ParameterError
from sor.replay.replay import BASELINES, TABLES, Ledger
from sor.results import display, metrics
from sor.settings.params import Book, Duration, FillModel, Limit, Orders, StaticRouter
from sor.studies import methods
from sor.studies.arrivals import parents_of
from sor.studies.backtest import ROUTER
from sor.studies.grid import AXES, DEFAULT_GRID, Grid, checked_axes, flat_axes, points_table
from sor.studies.pipeline import Policy, Replays, Session
from sor.studies.progress import Progress, watching
from sor.studies.statistics import RESAMPLES, check_settings, mean_interval, reality_check
from sor.studies.study import Study, sessions_of
from sor.studies.walkforward import Fold, Trials, parent_costs, splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import altair as alt
    from numpy.typing import NDArray

    from sor.settings.params import Order, OrderSchedule
    from sor.tape.read import Source
    from sor.tape.tape import Quotes
    from sor.tape.venues import VenueSource

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]

SearchMethod: TypeAlias = Literal["grid", "random", "refine", "optuna"]
GIVEN = "given"
"""The router as the caller gave it, before the search: what tuning has to beat."""

_WALK_FORWARD = "walk-forward"


@dataclass(frozen=True, repr=False)
class Selection:
    """The parameters a search chose, and the evidence for them, in and out of sample.

    Attributes:
        table: A row a point tried on all parents: the three parameters, `shortfall_bps` (the objective) and
            its parts, `best`; how far it is `behind_bps` the best, paired by parent, with the interval
            `behind_lower`, `behind_upper`; and `plateau`, true where that interval does not exclude that the
            point is as good.
        best: The router at the best point of all parents; among ties the first.
        method: How points were tried.
        axes: The values or ranges searched.
        flat_axes: The axes along which the objective does not change through the points, with the reason.
        folds: A row a fold of the walk-forward: `boundary`, the parents that end by it (`train`), those that
            span it and are left out of the training (`purged`), those that start from it on up to the next
            boundary (`test`); the point chosen on the training parents alone, and its mean shortfall on them
            (`in_sample_bps`) and on the test parents (`out_of_sample_bps`); `hindsight_bps`, the least that
            any point tried in the fold cost there.
        in_sample: The best point (`router`), the router as it was given (`given`) and the baselines on all
            parents.
        out_of_sample: The same policies on the parents of all folds' tests, where `router` is the point its
            fold had chosen on the past. None where no fold has parents on both sides of its boundary.
        comparisons: A row per policy that `router` is compared with: mean savings in bps `in_sample` (the
            best point on the parents of the tests) and `out_of_sample` with `lower`, `upper` and `p_value`;
            `p_reality_check` and `p_spa`, the chance of a best of all points as good as this one if none
            were any better than that policy, over all parents.

    """

    table: pl.DataFrame
    best: StaticRouter
    method: str
    axes: Grid
    flat_axes: Mapping[str, str]
    folds: pl.DataFrame
    in_sample: Study = field(compare=False)
    out_of_sample: Study | None = field(compare=False)
    comparisons: pl.DataFrame

    @property
    def plateau(self) -> pl.DataFrame:
        """The points that cannot be told from the best, least shortfall first."""
        return self.table.filter(pl.col("plateau")).sort("shortfall_bps", maintain_order=True)

    @property
    def ties(self) -> int:
        """How many points share the least objective."""
        return int(self.table["best"].sum())

    @cached_property
    def optimism_bps(self) -> float | None:
        """By how much choosing on the same orders flatters: in-sample shortfall is lower by this, bps.

        Mean over the parents of the tests, of the walk-forward's choice less the choice made on all parents.
        """
        if self.out_of_sample is None:
            return None
        outside = self.out_of_sample.ledger.parents.filter(pl.col("policy") == ROUTER)
        inside = self.in_sample.ledger.parents.filter(
            (pl.col("policy") == ROUTER) & pl.col("parent").is_in(outside["parent"].implode())
        )
        return float(np.nanmean(parent_costs(outside) - parent_costs(inside)))

    def to_dict(self) -> dict[str, Any]:
        """Return the choice and the evidence as plain values."""
        return {
            "method": self.method,
            "best_parameters": {axis: getattr(self.best, axis) for axis in AXES},
            "router": asdict(self.best),
            "flat_axes": dict(self.flat_axes),
            "plateau_points": self.plateau.height,
            "points": self.table.height,
            "optimism_bps": self.optimism_bps,
            "folds": self.folds.with_columns(pl.col("boundary").cast(pl.String)).to_dicts(),
            "comparisons": self.comparisons.to_dicts(),
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return `to_dict()` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def plot(self) -> alt.HConcatChart:
        """Draw the mean shortfall over the points (the extra `report`)."""
        from sor.show import plots

        return plots.search(self)

    def __repr__(self) -> str:
        point = ", ".join(f"{axis}={getattr(self.best, axis):g}" for axis in AXES)
        lines = [
            f"Search ({self.method}): {self.table.height} points, best {point}",
            f"{self.plateau.height} points are within noise of it, {self.ties} tie",
            *(f"flat: {axis}: {why}" for axis, why in self.flat_axes.items()),
        ]
        if self.optimism_bps is None:
            lines.append("no out-of-sample figures: no fold has parents on both sides of its boundary")
        else:
            lines.append(f"chosen on the past alone it costs {self.optimism_bps:.3f} bps more")
        return "\n".join(
            [*lines, display.text(_rounded(self.comparisons)), display.text(_rounded(self.folds))]
        )

    def _repr_html_(self) -> str:
        flat = "".join(f"<li>{axis} is flat: {why}</li>" for axis, why in self.flat_axes.items())
        tables = (self.comparisons, self.folds, self.table)
        return f"<b>Search</b><ul>{flat}</ul>" + "".join(_rounded(table)._repr_html_() for table in tables)


def search(
    quotes: Quotes | Source | Sequence[Quotes | Source],
    orders: Orders | Sequence[Order | OrderSchedule],
    router: StaticRouter | None = None,
    *,
    method: SearchMethod = "grid",
    grid: Grid = DEFAULT_GRID,
    points: int = 27,
    rounds: int = 3,
    folds: int = 5,
    baselines: Sequence[str] = BASELINES,
    venues: VenueSource | None = None,
    book: Book | None = None,
    fill: FillModel | None = None,
    limit: Limit = "seen",
    twap_bucket: Duration = "60s",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    threads: int | None = None,
    progress: bool | Progress | None = None,
    resume: str | PathLike[str] | None = None,
) -> Selection:
    """Search the three risk parameters; judge the choice on later orders (walk-forward).

    Args:
        quotes: A tape, or a sequence of tapes, as in `study`.
        orders: Orders and schedules, as in `study`.
        router: What the search does not change, and the point it has to beat; the default router without one.
        method: `"grid"`: every point of `grid`. `"random"`: `points` draws within its ranges. `"refine"`: the
            grid, then `rounds` finer grids around the best point, which reach beyond an edge it lies on.
            `"optuna"`: `points` proposals within the ranges (needs the package).
        grid: Values by axis; the ranges of `"random"` and `"optuna"` run from the least to the largest.
        points: Tried by `"random"` and `"optuna"`.
        rounds: Of `"refine"`, after the grid.
        folds: Of the walk-forward: parents are cut by start time into one part more than this, and for each
            part but the first the whole search runs on the parents that ended before it. 0: none.
        baselines: What the choice is compared with, besides the router as given.
        venues: See `backtest`, as for the arguments that follow.
        book: How the book is seen and used up.
        fill: How children are filled.
        limit: A child's limit.
        twap_bucket: Length of a TWAP slice's bucket.
        level: Confidence of the intervals.
        resamples: Bootstrap resamples.
        seed: Of the bootstrap, and of `"random"` and `"optuna"`.
        threads: Worker threads; the result does not depend on it.
        progress: True for a bar, or a callback `(done, total)`; total grows with each batch of points.
        resume: A file that keeps what is finished, as in `study`; other methods may go on from it.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side, or `resume` is another file.
        ParameterError: If a setting is wrong, an order does not lie on a tape, no parent could trade, the
            method's package is missing, or `resume` holds results of other tapes, orders or settings.

    """
    given = StaticRouter() if router is None else router
    axes = checked_axes(grid, given)
    check_settings(level, resamples, seed)
    chosen_method = _method(method, points, rounds, seed)
    _whole("folds", folds, least=0)
    if isinstance(baselines, str) or any(name not in BASELINES for name in baselines):
        raise ParameterError(f"baselines must be among {', '.join(BASELINES)}, got {baselines!r}")
    others: dict[str, Policy] = {GIVEN: given, **{name: name for name in baselines}}
    sessions = sessions_of(quotes, orders, venues=venues, book=book, fill=fill, limit=limit)
    count = sum(len(session.parents) for session in sessions)
    with (
        Replays(sessions, twap_bucket=twap_bucket, threads=threads, resume=resume) as replays,
        watching(progress, f"{method} on {count:,} orders") as callback,
    ):
        trials = Trials(replays, callback)
        windows = _windows(sessions)
        tradable = np.isfinite(trials.costs([given])[0])
        if not tradable.any():
            raise ParameterError(
                f"orders: none of {count:,} could trade: no quotes on their side by their end"
            )
        tried, _ = trials.search(chosen_method, given, axes, tradable)
        table = points_table(metrics.summary_table(trials.ledger(tried)), tried)
        best = tried[int(table["best"].arg_max() or 0)]
        walk = [trials.fold(chosen_method, given, axes, split) for split in splits(*windows, tradable, folds)]
        flat = _flat(trials, tried if method == "grid" else _lines(best, axes), axes, best)
        inside = Study(
            ledger=replays.run({ROUTER: best, **others}, record=True),
            parents=parents_of(sessions),
            policies={ROUTER: best, **others},
            policy=ROUTER,
            quotes=tuple(session.quotes for session in sessions),
            level=level,
            resamples=resamples,
            seed=seed,
            markets=tuple(session.market for session in sessions),
            twap_bucket=twap_bucket,
        )
        outside = _outside(inside, replays, walk) if walk else None
    evidence = _Evidence(trials, windows, tradable, level, resamples, seed)
    return Selection(
        table=evidence.with_plateau(table, tried, best),
        best=best,
        method=method,
        axes=axes,
        flat_axes=flat,
        folds=_folds_table(walk),
        in_sample=inside,
        out_of_sample=outside,
        comparisons=evidence.comparisons(inside, outside, tried),
    )


@dataclass(frozen=True)
class _Evidence:
    """The trials of a search with what its statistics need."""

    trials: Trials
    windows: tuple[Integers, Integers]
    tradable: Mask
    level: float
    resamples: int
    seed: int

    def with_plateau(
        self, table: pl.DataFrame, tried: Sequence[StaticRouter], best: StaticRouter
    ) -> pl.DataFrame:
        """Add how far each point is behind the best, paired by parent, and whether that is noise."""
        excess = self._costs(tried) - self._costs([best])
        found = [mean_interval(row, *self._times(), level=self.level, **self._draws()) for row in excess]
        return table.with_columns(
            pl.Series("behind_bps", [interval.mean for interval in found], dtype=pl.Float64),
            pl.Series("behind_lower", [interval.lower for interval in found], dtype=pl.Float64),
            pl.Series("behind_upper", [interval.upper for interval in found], dtype=pl.Float64),
        ).with_columns((pl.col("behind_lower").fill_null(0.0) <= 0.0).alias("plateau"))

    def comparisons(
        self, inside: Study, outside: Study | None, tried: Sequence[StaticRouter]
    ) -> pl.DataFrame:
        """Compare with every other policy, in and out of sample; add the chance that it is luck."""
        tested = None if outside is None else outside.parents["parent"].implode()
        costs = self._costs(tried)
        rows = []
        for name in inside.others:
            saved = inside.savings.filter(pl.col("against") == name)
            if tested is not None:
                saved = saved.filter(pl.col("parent").is_in(tested))
            later = None if outside is None else outside.interval(name)
            other = parent_costs(inside.ledger.parents.filter(pl.col("policy") == name))[self.tradable]
            luck = reality_check((other - costs).T, *self._times(), **self._draws())
            rows.append(
                {
                    "against": name,
                    "parents": saved.height,
                    "in_sample": saved["savings_bps"].mean(),
                    "out_of_sample": None if later is None else later.mean,
                    "lower": None if later is None else later.lower,
                    "upper": None if later is None else later.upper,
                    "p_value": None if later is None else later.p_value,
                    "p_reality_check": luck.p_reality_check,
                    "p_spa": luck.p_spa,
                }
            )
        names = ("out_of_sample", "lower", "upper", "p_value", "p_reality_check", "p_spa")
        return pl.DataFrame(rows, schema_overrides=dict.fromkeys(names, pl.Float64))

    def _costs(self, points: Sequence[StaticRouter]) -> Floats:
        return self.trials.costs(points)[:, self.tradable]

    def _times(self) -> tuple[Integers, Integers]:
        starts, ends = self.windows
        return starts[self.tradable], ends[self.tradable]

    def _draws(self) -> dict[str, int]:
        return {"resamples": self.resamples, "seed": self.seed}


def _method(name: str, points: int, rounds: int, seed: int) -> methods.Method:
    _whole("points", points, least=1)
    _whole("rounds", rounds, least=0)
    match name:
        case "grid":
            return methods.grid
        case "random":
            return methods.random(points, seed)
        case "refine":
            return methods.refine(rounds)
        case "optuna":
            return methods.optuna(points, seed)
        case _:
            raise ParameterError(f"method must be one of {', '.join(get_args(SearchMethod))}, got {name!r}")


def _whole(name: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ParameterError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _windows(sessions: Sequence[Session]) -> tuple[Integers, Integers]:
    parents = [parent for session in sessions for parent in session.parents]
    return np.array([parent.start for parent in parents]), np.array([parent.end for parent in parents])


def _lines(best: StaticRouter, axes: Grid) -> list[StaticRouter]:
    """Return the lines through a point along the axes, each through all values of its axis."""
    lines = [methods.at(best, {axis: value}) for axis in AXES for value in axes[axis]]
    return list(dict.fromkeys([best, *lines]))


def _flat(trials: Trials, points: Sequence[StaticRouter], axes: Grid, best: StaticRouter) -> dict[str, str]:
    trials.costs(points)
    return flat_axes(points_table(metrics.summary_table(trials.ledger(points)), points), axes, best)


def _outside(inside: Study, replays: Replays, walk: Sequence[Fold]) -> Study:
    """Put together what each fold's choice did on its test parents, and the other policies on the same."""
    numbers = inside.parents["parent"].to_numpy()
    tested = pl.Series(numbers[np.logical_or.reduce([fold.split.test for fold in walk])]).implode()
    picks = list(dict.fromkeys(fold.best for fold in walk))
    rows = replays.run({str(i): pick for i, pick in enumerate(picks)}, record=True)
    mine = pl.any_horizontal(
        (pl.col("policy") == str(picks.index(fold.best)))
        & pl.col("parent").is_in(pl.Series(numbers[fold.split.test]).implode())
        for fold in walk
    )
    theirs = (pl.col("policy") != ROUTER) & pl.col("parent").is_in(tested)

    def joined(chosen: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
        label = pl.lit(ROUTER, dtype=others["policy"].dtype).alias("policy")
        own = chosen.filter(mine).sort("parent", maintain_order=True).with_columns(label)
        return pl.concat([own, others.filter(theirs)], rechunk=True)

    ledger = Ledger(
        **{table: joined(getattr(rows, table), getattr(inside.ledger, table)) for table in TABLES}
    )
    return replace(
        inside,
        ledger=ledger,
        parents=inside.parents.filter(pl.col("parent").is_in(tested)),
        policies=dict(inside.policies) | {ROUTER: _WALK_FORWARD},
    )


def _folds_table(walk: Sequence[Fold]) -> pl.DataFrame:
    columns: dict[str, tuple[list[Any], pl.DataType]] = {
        "train": ([int(fold.split.train.sum()) for fold in walk], pl.Int64()),
        "purged": ([fold.split.purged for fold in walk], pl.Int64()),
        "test": ([int(fold.split.test.sum()) for fold in walk], pl.Int64()),
        **{axis: ([getattr(fold.best, axis) for fold in walk], pl.Float64()) for axis in AXES},
        "in_sample_bps": ([fold.in_sample for fold in walk], pl.Float64()),
        "out_of_sample_bps": ([fold.out_of_sample for fold in walk], pl.Float64()),
        "hindsight_bps": ([fold.hindsight for fold in walk], pl.Float64()),
    }
    boundaries = pl.Series([fold.split.boundary for fold in walk], dtype=pl.Int64)
    return pl.DataFrame(
        {"boundary": boundaries.cast(pl.Datetime("ns", "UTC"))}
        | {name: pl.Series(values, dtype=dtype) for name, (values, dtype) in columns.items()}
    ).with_row_index("fold")


def _rounded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.Float64).round(6))
