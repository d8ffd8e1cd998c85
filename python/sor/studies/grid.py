"""The points of a search: the grid, what its points cost, and the axes that change nothing (rule P7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from sor.errors import ParameterError, shown
from sor.results import metrics
from sor.results.frontier import undominated
from sor.settings.checks import entries, number
from sor.settings.routers import StaticRouter, axes_of, unsliced
from sor.studies.methods import value as value_on

if TYPE_CHECKING:
    from sor.settings.routers import Policy

Grid: TypeAlias = Mapping[str, Sequence[float]]

DEFAULT_GRID: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "lambda_over": (0.0005, 0.001, 0.002),
        "lambda_under": (0.0005, 0.001, 0.002),
        "theta_queue": (0.00005, 0.0001, 0.0002),
    }
)
"""The original's grid, 27 points: 5-20 bps, 5-20 bps, 0.5-2 bps of the benchmark price (rule N3)."""


def checked_axes(grid: Grid, router: Policy) -> dict[str, tuple[float, ...]]:
    """Check a grid; an axis it leaves out has the router's one value, or is none of a policy of the caller's own."""
    if not isinstance(grid, Mapping) or not grid:
        raise ParameterError(f"grid must map axes to values, as sor.DEFAULT_GRID does, got {shown(grid)}")
    known = axes_of(router)
    unknown = [axis for axis in grid if axis not in known]
    if unknown:
        raise ParameterError(
            f"grid has no axis {shown(unknown[0])}; its axes are {', '.join(known) or 'none'}"
        )
    axes = {}
    for axis in known if isinstance(unsliced(router), StaticRouter) else grid:
        values = grid[axis] if axis in grid else (value_on(router, axis),)
        row = entries(f"grid[{shown(axis)}]", values, "a sequence of numbers")
        if not row:
            raise ParameterError(f"grid[{shown(axis)}] must be a sequence of numbers, got {shown(values)}")
        axes[axis] = tuple(_on_axis(f"a value of grid[{shown(axis)}]", value, router) for value in row)
        if len(set(axes[axis])) != len(axes[axis]):
            raise ParameterError(f"grid[{shown(axis)}] must hold different values, got {shown(values)}")
    return axes


def _on_axis(name: str, value: object, router: Policy) -> float:
    if isinstance(unsliced(router), StaticRouter):
        return number(name, value, least=0, most=1e6)
    found = number(name, value)
    return value if isinstance(value, int) else found  # what counts stays a whole number


def flat_axes(
    table: pl.DataFrame, grid: Grid, router: Policy, objective: str = "shortfall_bps"
) -> dict[str, str]:
    """Find the axes along which the objective never changes, each with the reason (rule A5).

    Args:
        table: Points with what they cost, on full lines along the axes.
        grid: The values of the axes; one with a single value is not searched.
        router: One of the points.
        objective: Its column.

    """
    flat = {}
    for axis in (axis for axis in grid if len(grid[axis]) > 1):
        if _is_flat(table, axis, grid, objective):
            alike = _is_flat(table, axis, grid, "shortfall_bps")
            flat[axis] = (
                _why_flat(axis, router)
                if alike
                else "orders trade differently, and the objective is the same"
            )
    return flat


def _is_flat(table: pl.DataFrame, axis: str, grid: Grid, objective: str) -> bool:
    others = [name for name in grid if name != axis]
    lines = table.group_by(others or pl.lit(value=True)).agg(pl.col(objective).n_unique())
    return bool((lines[objective] == 1).all())


def points_table(
    summary: pl.DataFrame,
    points: Sequence[Policy],
    grid: Grid,
    objectives: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> pl.DataFrame:
    """Put points beside what they cost, a row of `summary` each; `best` is true for the least objective.

    Args:
        summary: What each point cost.
        points: The points.
        grid: The axes.
        objectives: What each point has of each, by column; the first decides. Without any, the mean shortfall does. Of
            several, `front` is true for the points that no other beats in all of them.

    """
    axes = {axis: pl.Series([value_on(point, axis) for point in points], dtype=pl.Float64) for axis in grid}
    own = {name: pl.Series(name, values, dtype=pl.Float64) for name, values in objectives.items()}
    objective = pl.col(next(iter(own), "shortfall_bps"))
    parts = [f"{part}_bps" for part in metrics.PARTS]
    costs = ("shortfall_bps", *parts, "fill_ratio", "completed_ratio", "total_cash", "avg_fill_px")
    front = [undominated(list(own.values())).alias("front")] if len(own) > 1 else []
    return (
        summary.select(*own.values(), *costs)
        .select(
            *(series.alias(axis) for axis, series in axes.items()),
            pl.all(),
            (objective == objective.min()).fill_null(value=False).alias("best"),
        )
        .with_columns(*front)
    )


def _why_flat(axis: str, given: Policy) -> str:
    router = unsliced(given)
    if not isinstance(router, StaticRouter):
        return "no order traded differently at any of the values tried"
    if router.rule == "strict":
        return "under rule='strict' every candidate executes exactly the quantity, so no penalty can decide"
    if axis == "lambda_over" and router.plan == "displayed":
        return "certain fills never exceed the quantity, so overfills cannot occur (plan='fills' can change that)"
    if axis == "lambda_over" and router.overbook == 1:
        return "no more is sent than is left, so overfills cannot occur (overbook > 1 changes that)"
    return "no order traded differently at any of the values tried"
