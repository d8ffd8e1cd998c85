"""What a search makes as small as it can: a figure of the parents' table (rule Q5).

Those built in are figures of the parents' shortfalls, in basis points, each parent counting alike. Sums are exact
before they are rounded and no quantile is interpolated, so that the order of the parents changes no bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sor.errors import ParameterError, shown
from sor.settings.checks import entries, fraction, keep, number
from sor.settings.origin import digest_of, loaded, place_of

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mean:
    """The mean shortfall: what an order costs on average."""

    @property
    def title(self) -> str:
        """What it is, in words."""
        return "mean shortfall"


@dataclass(frozen=True)
class Std:
    """The standard deviation of the shortfalls: what single orders differ by, whatever they cost.

    Over the parents that there are: squares are divided by their number.
    """

    @property
    def title(self) -> str:
        """What it is, in words."""
        return "standard deviation of shortfall"


@dataclass(frozen=True)
class MeanStd:
    """The mean shortfall plus a multiple of its standard deviation: cheap, and even.

    Args:
        weight: How many standard deviations, at least 0.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        keep(self, weight=number("weight", self.weight, least=0, most=1e6))

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"mean + {self.weight:g} standard deviations of shortfall"


@dataclass(frozen=True)
class Quantile:
    """The least shortfall that at least a share `level` of the parents do not exceed.

    It is one of the shortfalls: nothing is interpolated.

    Args:
        level: The share, between 0 and 1.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    level: float = 0.9

    def __post_init__(self) -> None:
        keep(self, level=fraction("level", self.level))

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"{_percent(self.level)} quantile of shortfall"


@dataclass(frozen=True)
class Cvar:
    """The mean shortfall of the dearest parents: conditional value at risk, or expected shortfall.

    Of `n` parents the dearest `(1 - level) * n` count, the last of them in part where that is no whole number
    (Rockafellar and Uryasev 2002).

    Args:
        level: The share of parents that do not count, between 0 and 1.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    level: float = 0.95

    def __post_init__(self) -> None:
        keep(self, level=fraction("level", self.level))

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"mean of the dearest {_percent(1 - _decimal(self.level))} of shortfalls (CVaR)"


@dataclass(frozen=True)
class OwnObjective:
    """A function of the caller's own of the parents' table, which has the columns of `orders`.

    Attributes:
        function: Takes one row per parent that could trade, and returns a finite number; less is better.

    """

    function: Callable[[pl.DataFrame], float]

    def of(self, parents: pl.DataFrame, where: str) -> float:
        """Return what the function says of some parents; `where` names the point in errors.

        Raises:
            ParameterError: If it fails, or returns no finite number.

        """
        name = f"objective {self.title} at {where}"
        try:
            found = self.function(parents)
        except (KeyboardInterrupt, MemoryError, SystemExit):
            raise
        except BaseException as failed:  # a panic of another package is no `Exception`
            reason = next(iter(str(failed).splitlines()), "")
            raise ParameterError(f"{name} failed: {type(failed).__name__}: {reason}") from failed
        return number(name, found)

    @property
    def title(self) -> str:
        """What it is called."""
        return getattr(self.function, "__name__", type(self.function).__name__)


Objective: TypeAlias = Mean | Std | MeanStd | Quantile | Cvar | OwnObjective
BuiltIn: TypeAlias = Mean | Std | MeanStd | Quantile | Cvar
ObjectiveLike: TypeAlias = "str | Mean | Std | MeanStd | Quantile | Cvar | Callable[[pl.DataFrame], float]"
"""A name, one of the classes, or a function of the parents' table."""
Objectives: TypeAlias = "ObjectiveLike | Sequence[ObjectiveLike]"

OBJECTIVES: Mapping[str, type] = MappingProxyType(
    {"mean": Mean, "std": Std, "mean+std": MeanStd, "quantile": Quantile, "cvar": Cvar}
)
"""What each name stands for."""

_CLASSES = {kind: name for name, kind in OBJECTIVES.items()}
_FIRST = {"mean+std": "weight", "quantile": "level", "cvar": "level"}
_RIGHT = (
    f"{', '.join(OBJECTIVES)}, with a parameter such as cvar:0.95, file.py:function, a sor.MeanStd, sor.Std, "
    "sor.Quantile or sor.Cvar, or a function of the parents' table"
)


def value_of(objective: BuiltIn, costs: Floats) -> float:
    """Return an objective over some parents' shortfalls: at least one, and none of them NaN."""
    match objective:
        case Mean():
            return math.fsum(costs) / len(costs)
        case Std():
            deviations = costs - math.fsum(costs) / len(costs)
            return math.sqrt(math.fsum(deviations * deviations) / len(costs))
        case MeanStd(weight=weight):
            return value_of(Mean(), costs) + weight * value_of(Std(), costs)
        case Quantile(level=level):
            place = math.ceil(_decimal(level) * len(costs)) - 1
            return float(np.partition(costs, place)[place])
        case Cvar(level=level):
            return _dearest(costs, (1 - _decimal(level)) * len(costs))


def as_objective(name: str, value: object) -> Objective:
    """Return an objective, looked up where a text is given: a name, `cvar:0.95`, `file.py:function`.

    Raises:
        ParameterError: If it is none; `name` says which argument.

    """
    if type(value) in _CLASSES or isinstance(value, OwnObjective):
        return value  # type: ignore[return-value]  # one of the classes of Objective
    if isinstance(value, str):
        kind, colon, parameter = value.partition(":")
        if kind in OBJECTIVES:
            return _with_parameter(name, kind, parameter) if colon else OBJECTIVES[kind]()
        if colon:
            return OwnObjective(_loaded(name, value))
    elif callable(value) and not isinstance(value, type):
        return OwnObjective(value)
    raise ParameterError(f"{name} must be one of {_RIGHT}, got {shown(value)}")


def as_objectives(name: str, value: object) -> tuple[Objective, ...]:
    """Return the objectives of a sequence, or the only one there is.

    Raises:
        ParameterError: If one of them is none, or two are alike.

    """
    if (
        isinstance(value, str)
        or callable(value)
        or type(value) in _CLASSES
        or not isinstance(value, Sequence)
    ):
        return (as_objective(name, value),)
    given = entries(name, value, "an objective, or a sequence of them")
    found = tuple(as_objective(f"{name}[{i}]", each) for i, each in enumerate(given))
    labels = [label_of(each) for each in found]
    if not found or len(set(labels)) != len(labels):
        raise ParameterError(f"{name} must hold different objectives, got {shown(value)}")
    return found


def label_of(objective: Objective) -> str:
    """Return what `as_objective` makes it of, where it is one of those built in: `cvar:0.95`; else its name."""
    if isinstance(objective, OwnObjective):
        return objective.title
    kind = _CLASSES[type(objective)]
    return ":".join([kind, *(f"{value!r}" for value in asdict(objective).values())])


def described_objective(objective: Objective) -> dict[str, Any]:
    """Return an objective's name and its parameters."""
    if isinstance(objective, OwnObjective):
        return {"name": f"{_place(objective.function)}:{objective.title}"}
    return {"name": _CLASSES[type(objective)], **asdict(objective)}


def said_objectives(objectives: Sequence[Objective]) -> dict[str, Any]:
    """Return what a call says of its objectives; nothing of the mean, which is what there is without."""
    if tuple(objectives) == (Mean(),):
        return {}
    said = [described_objective(each) for each in objectives]
    return {"objective": said[0] if len(said) == 1 else said}


def columns_of(objectives: Sequence[Objective]) -> list[str]:
    """Return the columns of a search's table that hold its objectives; the mean alone has none of its own."""
    if tuple(objectives) == (Mean(),):
        return []
    return ["objective"] if len(objectives) == 1 else [label_of(each) for each in objectives]


def column_of(objectives: Sequence[Objective]) -> str:
    """Return the column that decides."""
    return next(iter(columns_of(objectives)), "shortfall_bps")


def objectives_from(table: object, label: str) -> list[Objective]:
    """Make objectives of what settings say: a text, with commas between several, a table, or a sequence of both."""
    if isinstance(table, str):
        table = table.split(",")
    if isinstance(table, Mapping) or not isinstance(table, Sequence):
        return [objective_from(table, label)]
    one = len(table) == 1
    return [objective_from(each, label if one else f"{label}[{i}]") for i, each in enumerate(table)]


def objective_from(table: object, label: str) -> Objective:
    """Make an objective of a text, or of a table with its `name` and its parameters.

    Raises:
        ParameterError: If it is none; `label` says where.

    """
    if not isinstance(table, Mapping):
        return as_objective(label, table)
    given = dict(table)
    name = given.pop("name", "mean")
    if name not in OBJECTIVES:
        if given:
            raise ParameterError(f"{label} has no {shown(next(iter(given)))}; it has name")
        return as_objective(label, name)
    known = [_FIRST[name]] if name in _FIRST else []
    unknown = [key for key in given if key not in known]
    if unknown:
        raise ParameterError(f"{label} has no {shown(unknown[0])}; it has {', '.join(['name', *known])}")
    try:
        return OBJECTIVES[name](**given)  # type: ignore[no-any-return]
    except ParameterError as error:
        raise ParameterError(f"{label}: {error}") from None


def identity_of(objective: Objective) -> str:
    """Return what tells an objective from another; of a function, with a digest of its source."""
    if not isinstance(objective, OwnObjective):
        return label_of(objective)
    function = objective.function
    source = function if isinstance(function, FunctionType) else type(function)
    return f"{objective.title} [{digest_of(source)}]"


def _place(function: object) -> str:
    source = function if isinstance(function, FunctionType | type) else type(function)
    return place_of(source)


def _with_parameter(name: str, kind: str, written: str) -> Objective:
    if kind not in _FIRST:
        raise ParameterError(f"{name}: {kind} has no parameter, got {shown(written)}")
    try:
        value = float(written)
    except ValueError:
        raise ParameterError(
            f"{name}: {kind} takes a number, e.g. {kind}:0.9, got {shown(written)}"
        ) from None
    return objective_from({"name": kind, _FIRST[kind]: value}, name)


def _loaded(name: str, spec: str) -> Callable[[pl.DataFrame], float]:
    function = loaded(spec, f"{name} {spec}")
    if not callable(function) or isinstance(function, type):
        raise ParameterError(
            f"{name} {spec} must name a function of the parents' table, found {shown(function)}"
        )
    return function


def _dearest(costs: Floats, many: Fraction) -> float:
    """Return the mean of so many of the dearest, the last of them in part."""
    whole = math.floor(many)
    falling = np.sort(costs)[::-1]
    rest = float(many - whole)
    part = [rest * float(falling[whole])] if rest > 0.0 else []
    return math.fsum([*falling[:whole].tolist(), *part]) / float(many)


def _decimal(level: float) -> Fraction:
    """Return the fraction that a float is written as: 0.9 of ten parents are nine."""
    return Fraction(repr(level))


def _percent(share: float | Fraction) -> str:
    return f"{float(100 * Fraction(repr(share)) if isinstance(share, float) else 100 * share):g}%"
