"""Ways to search the three risk parameters: which points to try, given what the ones before them cost.

A method sees nothing but an objective, so that the same method can run on all parents, or on those of the
past alone (walk-forward).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from sor.errors import MissingExtra, ParameterError, shown
from sor.settings.checks import at_least, keep
from sor.settings.routers import moved, settings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sor.settings.routers import Policy


@dataclass(frozen=True)
class Objective:
    """What a method sees of the points it tries.

    Attributes:
        of: Returns what points cost: a row per point, a column per objective.
        count: How many objectives there are.

    """

    of: Callable[[Sequence[Policy]], NDArray[np.float64]]
    count: int = 1

    def __call__(self, points: Sequence[Policy]) -> NDArray[np.float64]:
        """Try points, and return what they cost."""
        return self.of(points)


Axes: TypeAlias = Mapping[str, tuple[float, ...]]
Method: TypeAlias = "Callable[[Objective, Policy, Axes], None]"
"""Tries points; what it tried is known to the objective."""

_SIGNIFICANT = 6
_MOST_POINTS = 1_000_000
_MOST_ROUNDS = 1_000


def at(router: Policy, point: Mapping[str, float]) -> Policy:
    """Return a router moved to a point of the axes."""
    return moved(router, point)


def value(router: Policy, axis: str) -> float:
    """Return where a policy stands on an axis."""
    return float(settings_of(router)[axis])


def grid_points(router: Policy, axes: Axes) -> list[Policy]:
    """Return the product of the axes, the last running fastest."""
    return [at(router, dict(zip(axes, point, strict=True))) for point in itertools.product(*axes.values())]


def grid(objective: Objective, router: Policy, axes: Axes) -> None:
    """Try the product of the axes."""
    objective(grid_points(router, axes))


@dataclass(frozen=True, kw_only=True)
class RandomPoints:
    """Tries points drawn within the axes' ranges, log-uniformly where a range is above zero.

    Args:
        points: How many.
        seed: Of the draws.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    points: int = 27
    seed: int = 0

    def __post_init__(self) -> None:
        keep(
            self,
            points=at_least("points", self.points, 1, most=_MOST_POINTS),
            seed=at_least("seed", self.seed, 0),
        )

    def __call__(self, objective: Objective, router: Policy, axes: Axes) -> None:
        """Try the points."""
        generator = np.random.Generator(np.random.PCG64(self.seed))
        shares = generator.random((self.points, len(axes))).tolist()
        draws = [{axis: _between(axes[axis], row[i]) for i, axis in enumerate(axes)} for row in shares]
        objective([at(router, draw) for draw in draws])


@dataclass(frozen=True, kw_only=True)
class Refine:
    """Tries the grid, then finer grids around the best point so far.

    Each narrows an axis to the neighbours of its best value, halving the steps; where the best value lies
    on the edge of an axis, the axis is extended beyond it by its last step (last ratio, above zero). An
    axis along which nothing changes keeps its best value and costs no more points.

    Args:
        rounds: Finer grids, after the first.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    rounds: int = 3

    def __post_init__(self) -> None:
        keep(self, rounds=at_least("rounds", self.rounds, 0, most=_MOST_ROUNDS))

    def __call__(self, objective: Objective, router: Policy, axes: Axes) -> None:
        """Try the grids."""
        current = {axis: tuple(sorted(axes[axis])) for axis in axes}
        for round_number in range(self.rounds + 1):
            points = grid_points(router, current)
            costs = objective(points)[:, 0]
            if round_number < self.rounds:
                best = points[int(np.argmin(costs))]
                shape = tuple(len(current[axis]) for axis in axes)
                flat = [bool((np.ptp(costs.reshape(shape), axis=i) == 0.0).all()) for i in range(len(axes))]
                current = {
                    axis: (value(best, axis),) if flat[i] else _around(current[axis], value(best, axis))
                    for i, axis in enumerate(axes)
                }


@dataclass(frozen=True, kw_only=True)
class Optuna:
    """Tries points proposed by Optuna's tree-structured Parzen estimator within the axes' ranges (the extra `optuna`).

    Args:
        points: How many.
        seed: Of the proposals.

    Raises:
        MissingExtra: Without the package.
        ParameterError: Naming the argument and what would be right.

    """

    points: int = 27
    seed: int = 0

    def __post_init__(self) -> None:
        keep(
            self,
            points=at_least("points", self.points, 1, most=_MOST_POINTS),
            seed=at_least("seed", self.seed, 0),
        )
        _optuna()

    def __call__(self, objective: Objective, router: Policy, axes: Axes) -> None:
        """Try the points."""
        library = _optuna()
        verbosity = library.logging.get_verbosity()
        library.logging.set_verbosity(library.logging.WARNING)
        try:
            search = library.create_study(
                directions=["minimize"] * objective.count, sampler=library.samplers.TPESampler(seed=self.seed)
            )
            for _ in range(self.points):
                trial = search.ask()
                point = {axis: _suggested(trial, axis, axes[axis]) for axis in axes}
                search.tell(trial, objective([at(router, point)])[0].tolist())
        finally:
            library.logging.set_verbosity(verbosity)


METHODS: Mapping[str, Callable[[], Method]] = MappingProxyType(
    {"grid": lambda: grid, "random": RandomPoints, "refine": Refine, "optuna": Optuna}
)
"""What each name stands for."""

SearchMethod: TypeAlias = Literal["grid", "random", "refine", "optuna"] | RandomPoints | Refine | Optuna
"""A name, or a method with settings of its own."""


def as_method(method: object) -> tuple[str, dict[str, Any], Method]:
    """Return a method's name, its settings, and what runs it.

    Raises:
        ParameterError: If it is none.

    """
    if isinstance(method, str) and method in METHODS:
        made = METHODS[method]()
    elif isinstance(method, RandomPoints | Refine | Optuna):
        made = method
    else:
        raise ParameterError(
            f"method must be one of {', '.join(METHODS)}, or sor.RandomPoints, sor.Refine or sor.Optuna, "
            f"got {shown(method)}"
        )
    if isinstance(made, RandomPoints | Refine | Optuna):
        return next(name for name, kind in METHODS.items() if kind is type(made)), asdict(made), made
    return "grid", {}, made


def _optuna() -> Any:
    try:
        import optuna as library  # type: ignore[import-not-found, unused-ignore]  # an extra
    except ImportError:
        raise MissingExtra("method='optuna' needs the package optuna: pip install 'sor[optuna]'") from None
    return library


def _suggested(trial: Any, axis: str, values: Sequence[float]) -> float:
    low, high = min(values), max(values)
    return low if low == high else float(trial.suggest_float(axis, low, high, log=low > 0.0))


def _between(values: Sequence[float], share: float) -> float:
    low, high = min(values), max(values)
    if low > 0.0:
        # Rounding must not leave the range.
        return min(max(_round(low * (high / low) ** share), low), high)
    return min(max(_round(low + (high - low) * share), low), high)


def _around(values: tuple[float, ...], best: float) -> tuple[float, ...]:
    """Return a narrower axis around its best value, or one that reaches beyond an edge."""
    if len(values) == 1:
        return values
    place = values.index(best)
    below = values[place - 1] if place > 0 else _beyond(values[1], best)
    above = values[place + 1] if place + 1 < len(values) else _beyond(values[-2], best)
    # On an edge the whole step is taken outwards, else the search could never leave.
    low = below if place == 0 else _middle(below, best)
    high = above if place + 1 == len(values) else _middle(best, above)
    return tuple(dict.fromkeys((low, best, high)))


def _beyond(inner: float, edge: float) -> float:
    """Step from an edge as far out as from its neighbour to it; never below zero."""
    outer = edge * edge / inner if min(inner, edge) > 0.0 else 2.0 * edge - inner
    return _round(max(outer, 0.0))


def _middle(a: float, b: float) -> float:
    return _round(math.sqrt(a * b) if min(a, b) > 0.0 else 0.5 * (a + b))


def _round(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT}g}")
