"""The search over the three risk parameters (MODEL P7)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from sor.errors import ParameterError
from sor.replay.replay import BASELINES, Variant, replay
from sor.results import display, metrics
from sor.settings.params import Book, Duration, FillModel, Limit, Orders, StaticRouter, _instance, _number
from sor.studies.backtest import Backtest, as_quotes, compare_with_baselines, make_market, parents_on
from sor.studies.progress import Progress, watching

if TYPE_CHECKING:
    import altair as alt

    from sor.tape.read import Source
    from sor.tape.tape import Quotes
    from sor.tape.venues import VenueSource

AXES = ("lambda_over", "lambda_under", "theta_queue")

Grid: TypeAlias = Mapping[str, Sequence[float]]

DEFAULT_GRID: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "lambda_over": (0.0005, 0.001, 0.002),
        "lambda_under": (0.0005, 0.001, 0.002),
        "theta_queue": (0.00005, 0.0001, 0.0002),
    }
)
"""The original's grid, 27 points: 5-20 bps, 5-20 bps, 0.5-2 bps of the benchmark price (MODEL N3)."""


@dataclass(frozen=True, repr=False)
class Search:
    """What every point of a grid cost, and how the best compares with the baselines.

    Attributes:
        table: A row a point, in the order of the grid: the three parameters, `shortfall_bps` (the objective:
            mean over parents, completion included, never the penalised cost), its parts, `fill_ratio`,
            `total_cash`, and `best`, true for every point that ties for the least.
        best: The router at the best point; among ties the first.
        backtest: That router and the baselines on the same parents, with every row.
        grid: The values searched.

    """

    table: pl.DataFrame
    best: StaticRouter
    backtest: Backtest = field(compare=False)
    grid: Grid

    @property
    def baselines(self) -> pl.DataFrame:
        """A row per baseline, with the best point's savings against it."""
        return self.backtest.baselines

    @property
    def savings_bps(self) -> dict[str, float | None]:
        """The best point's savings against each baseline, bps."""
        return self.backtest.savings_bps

    @property
    def ties(self) -> int:
        """How many points share the least objective."""
        return int(self.table["best"].sum())

    @cached_property
    def flat_axes(self) -> dict[str, str]:
        """The searched axes along which the objective never changes, each with the reason (MODEL A5)."""
        return flat_axes(self.table, self.grid, self.best)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary in the schema that public versions of this task print."""
        return self.backtest.to_dict()

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return `to_dict()` as JSON."""
        return self.backtest.to_json(indent=indent)

    def plot(self) -> alt.HConcatChart:
        """Draw the mean shortfall over the points (the extra `report`)."""
        from sor.show import plots

        return plots.search(self)

    def __repr__(self) -> str:
        point = ", ".join(f"{axis}={getattr(self.best, axis):g}" for axis in AXES)
        lines = [f"Search: {self.table.height} points, best {point} ({self.ties} tie)"]
        lines += [f"flat: {axis}: {why}" for axis, why in self.flat_axes.items()]
        return "\n".join([*lines, display.text(self.table.head(10)), repr(self.backtest)])

    def _repr_html_(self) -> str:
        flat = "".join(f"<li>{axis} is flat: {why}</li>" for axis, why in self.flat_axes.items())
        return f"<b>Search</b>{self.table._repr_html_()}<ul>{flat}</ul>{self.backtest._repr_html_()}"


def grid_search(
    quotes: Quotes | Source,
    orders: Orders,
    router: StaticRouter | None = None,
    *,
    grid: Grid = DEFAULT_GRID,
    venues: VenueSource | None = None,
    book: Book | None = None,
    fill: FillModel | None = None,
    limit: Limit = "seen",
    baselines: Sequence[str] = BASELINES,
    twap_bucket: Duration = "60s",
    threads: int | None = None,
    progress: bool | Progress | None = None,
) -> Search:
    """Replay every parent at every point of a grid of the three parameters.

    Args:
        quotes: A tape, or anything `read_quotes` takes.
        orders: One `Order`, several, or `orders_every(...)`.
        router: What the grid does not search: unit, rule, solver, and axes it leaves out.
        grid: Values by axis: `lambda_over`, `lambda_under`, `theta_queue`.
        venues: See `backtest`, as for the arguments that follow.
        book: How the book is seen and used up.
        fill: How children are filled.
        limit: A child's limit.
        baselines: What the best point is compared with.
        twap_bucket: Length of a TWAP slice's bucket.
        threads: Worker threads; the result does not depend on it.
        progress: True for a bar, or a callback `(done, total)`.

    Raises:
        DataError: If the tape cannot be read or never quotes the orders' side.
        ParameterError: If a setting is wrong, or an order does not lie on the tape.

    """
    tape = as_quotes(quotes)
    base = StaticRouter() if router is None else router
    _instance("router", base, StaticRouter)
    axes = checked_axes(grid, base)
    points = [
        replace(base, lambda_over=over, lambda_under=under, theta_queue=theta)
        for over, under, theta in itertools.product(*axes.values())
    ]
    market = make_market(tape, venues=venues, book=book, fill=fill, limit=limit)
    parents = parents_on(tape, orders)
    variants = [Variant(name=str(i), policy=point, market=market) for i, point in enumerate(points)]
    with watching(progress, f"{len(points)} points x {len(parents)} orders") as callback:
        ledger = replay(tape, parents, variants, record=False, threads=threads, progress=callback)
    table = points_table(metrics.summary_table(ledger.parents), points)
    best = points[int(table["best"].arg_max() or 0)]
    result = compare_with_baselines(
        tape, parents, best, market, baselines=baselines, twap_bucket=twap_bucket, threads=threads
    )
    return Search(table, best, result, axes)


def checked_axes(grid: Grid, router: StaticRouter) -> dict[str, tuple[float, ...]]:
    """Check a grid; an axis it leaves out has the router's one value."""
    if not isinstance(grid, Mapping) or not grid:
        raise ParameterError(f"grid must map axes to values, as sor.DEFAULT_GRID does, got {grid!r}")
    unknown = [axis for axis in grid if axis not in AXES]
    if unknown:
        raise ParameterError(f"grid has no axis {unknown[0]!r}; its axes are {', '.join(AXES)}")
    axes = {}
    for axis in AXES:
        values = grid.get(axis, (getattr(router, axis),))
        if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray) or len(values) == 0:
            raise ParameterError(f"grid[{axis!r}] must be a sequence of numbers, got {values!r}")
        axes[axis] = tuple(
            _number(f"a value of grid[{axis!r}]", value, least=0, most=1e6) for value in values
        )
        if len(set(axes[axis])) != len(axes[axis]):
            raise ParameterError(f"grid[{axis!r}] must hold different values, got {values!r}")
    return axes


def flat_axes(table: pl.DataFrame, grid: Grid, router: StaticRouter) -> dict[str, str]:
    """Find the axes along which the objective never changes, each with the reason (MODEL A5).

    Args:
        table: Points with their `shortfall_bps`, on full lines along the axes.
        grid: The values of the axes; one with a single value is not searched.
        router: One of the points.

    """
    searched = [axis for axis in AXES if len(grid[axis]) > 1]
    return {axis: _why_flat(axis, router) for axis in searched if _is_flat(table, axis)}


def _is_flat(table: pl.DataFrame, axis: str) -> bool:
    others = [name for name in AXES if name != axis]
    lines = table.group_by(others).agg(pl.col("shortfall_bps").n_unique())
    return bool((lines["shortfall_bps"] == 1).all())


def points_table(summary: pl.DataFrame, points: Sequence[StaticRouter]) -> pl.DataFrame:
    """Put points beside what they cost, a row of `summary` each; `best` is true for the least objective."""
    axes = {axis: pl.Series([getattr(point, axis) for point in points], dtype=pl.Float64) for axis in AXES}
    objective = pl.col("shortfall_bps")
    parts = [f"{part}_bps" for part in metrics.PARTS]
    return summary.select(
        objective, *parts, "fill_ratio", "completed_ratio", "total_cash", "avg_fill_px"
    ).select(
        *(series.alias(axis) for axis, series in axes.items()),
        pl.all(),
        (objective == objective.min()).fill_null(value=False).alias("best"),
    )


def _why_flat(axis: str, router: StaticRouter) -> str:
    if router.rule == "strict":
        return "under rule='strict' every candidate executes exactly the quantity, so no penalty can decide"
    if axis == "lambda_over" and router.plan == "displayed":
        return (
            "certain fills never exceed the quantity, so nothing is ever over (plan='fills' can change that)"
        )
    if axis == "lambda_over" and router.overbook == 1:
        return "no more is sent than is left, so nothing is ever over (overbook > 1 changes that)"
    return "no order traded differently at any of the values tried"
