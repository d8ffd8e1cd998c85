"""Ways to search the three risk parameters: which points to try, given what the ones before them cost.

A method sees nothing but an objective, so that the same method can run on all parents, or on those of the
past alone (walk-forward).
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from os import PathLike, fspath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from sor.errors import DataError, MissingExtra, ParameterError, shown
from sor.settings.checks import at_least, keep, path_text
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
        key: Returns a digest of all that what points cost depends on, besides the points.
        tried: The points that count, in order, with their first objective.

    """

    of: Callable[[Sequence[Policy]], NDArray[np.float64]]
    count: int = 1
    key: Callable[[], str] = str
    tried: dict[Policy, float] = field(default_factory=dict)

    def __call__(self, points: Sequence[Policy]) -> NDArray[np.float64]:
        """Try points, and return what they cost."""
        found = self.of(points)
        for point, value in zip(points, found[:, 0].tolist(), strict=True):
            self.tried.setdefault(point, value)
        return found


Axes: TypeAlias = Mapping[str, tuple[float, ...]]
Method: TypeAlias = "Callable[[Objective, Policy, Axes], None]"
"""Tries points; what it tried is known to the objective."""

_SIGNIFICANT = 6
_PASSWORD = re.compile(r"(://[^:/@]*):[^@/]*@")
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
        storage: Where proposals and what they cost are kept: the URL of a database (`sqlite:///search.db`,
            `postgresql://...`), or the path of a journal, a file. The same call goes on from there; several processes
            that make it at once propose for each other, and all return the points of all. A search of other orders,
            axes or objectives is kept beside it, under a name of its own. The settings of a result have it, without a
            password, so that `sor.rerun` takes the proposals from there.

    Raises:
        MissingExtra: Without the package.
        ParameterError: Naming the argument and what would be right.

    """

    points: int = 27
    seed: int = 0
    storage: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        keep(
            self,
            points=at_least("points", self.points, 1, most=_MOST_POINTS),
            seed=at_least("seed", self.seed, 0),
        )
        if self.storage is not None:
            right = "the URL of a database or the path of a file"
            keep(self, storage=path_text("storage", self.storage, right))
            if not self.storage:
                raise ParameterError(f"storage must be {right}, got {shown(self.storage)}")
        _optuna()

    def __call__(self, objective: Objective, router: Policy, axes: Axes) -> None:
        """Try the points."""
        library = _optuna()
        verbosity = library.logging.get_verbosity()
        library.logging.set_verbosity(library.logging.WARNING)
        try:
            if self.storage is None:
                self._alone(library, objective, router, axes)
            else:
                self._shared(library, fspath(self.storage), objective, router, axes)
        finally:
            library.logging.set_verbosity(verbosity)

    def _alone(self, library: Any, objective: Objective, router: Policy, axes: Axes) -> None:
        search = library.create_study(
            directions=["minimize"] * objective.count, sampler=library.samplers.TPESampler(seed=self.seed)
        )
        for _ in range(self.points):
            trial = search.ask()
            point = {axis: _suggested(trial, axis, axes[axis]) for axis in axes}
            search.tell(trial, objective([at(router, point)])[0].tolist())

    def _shared(self, library: Any, storage: str, objective: Objective, router: Policy, axes: Axes) -> None:
        """Add to the trials in a storage until there are enough, then try all of them, whoever proposed them."""
        kept = _Kept(library, storage, f"sor {objective.key()} seed {self.seed}", objective.count)
        while len(kept.complete()) < self.points:
            trial, point = kept.ask(self.seed, axes)
            try:
                values = objective.of([at(router, point)])[0].tolist()
            except BaseException:
                kept.tell(trial, None)
                raise
            kept.tell(trial, values)
        # Workers that were under way when there were enough may have added more.
        first = sorted(kept.complete(), key=lambda trial: (trial.datetime_complete, trial.number))[
            : self.points
        ]
        ordered = sorted(first, key=lambda trial: trial.number)
        objective([at(router, _point(trial.params, axes)) for trial in ordered])


class _Kept:
    """The trials of a search in a storage; what goes wrong there is an error that names it."""

    def __init__(self, library: Any, storage: str, name: str, objectives: int) -> None:
        self._library, self._where = library, storage
        with self._said():
            self._search = library.create_study(
                study_name=name,
                storage=_storage(library, storage),
                directions=["minimize"] * objectives,
                load_if_exists=True,
            )

    def complete(self) -> list[Any]:
        """Return the trials that are done, whoever did them."""
        done = (self._library.trial.TrialState.COMPLETE,)
        with self._said():
            return list(self._search.get_trials(deepcopy=False, states=done))

    def ask(self, seed: int, axes: Axes) -> tuple[Any, dict[str, float]]:
        """Return a new trial and its point."""
        with self._said():
            trial = self._search.ask()
            # By the trial's number, so that no two workers propose the same, and one that goes on goes on alike.
            sampler = self._library.samplers.TPESampler(seed=_mixed(seed, trial.number), constant_liar=True)
            self._search.sampler = sampler
            return trial, {axis: _suggested(trial, axis, axes[axis]) for axis in axes}

    def tell(self, trial: Any, values: list[float] | None) -> None:
        """Keep what a trial cost; None: it failed, and does not count."""
        with self._said():
            if values is None:
                self._search.tell(trial, state=self._library.trial.TrialState.FAIL)
            else:
                self._search.tell(trial, values)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (KeyboardInterrupt, MemoryError):
            raise
        except Exception as failed:
            reason = next(iter(str(failed).splitlines()), "") or type(failed).__name__
            raise DataError(f"method: storage {self._where}: {reason}") from failed


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
        settings = {name: value for name, value in asdict(made).items() if value is not None}
        if "storage" in settings:
            settings["storage"] = _PASSWORD.sub(r"\1@", settings["storage"])
        return next(name for name, kind in METHODS.items() if kind is type(made)), settings, made
    return "grid", {}, made


def _optuna() -> Any:
    try:
        import optuna as library  # type: ignore[import-not-found, unused-ignore]  # an extra
    except ImportError:
        raise MissingExtra("method='optuna' needs the package optuna: pip install 'sor[optuna]'") from None
    return library


def _storage(library: Any, storage: str) -> Any:
    """Return a database, or a journal in a file."""
    if "://" in storage:
        return storage
    return library.storages.JournalStorage(library.storages.journal.JournalFileBackend(storage))


def _mixed(seed: int, number: int) -> int:
    """Return a seed of a trial."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _point(params: Mapping[str, float], axes: Axes) -> dict[str, float]:
    """Return a trial's point; an axis of one value is not proposed."""
    return {axis: params.get(axis, axes[axis][0]) for axis in axes}


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
