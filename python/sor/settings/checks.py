"""The one place that validates: numbers, whole numbers, durations, choices, kinds.

Every function takes the argument's name, returns the value as Python's own type, and raises a `ParameterError` that
names the argument and says what would be right. NumPy's scalars are numbers like Python's; no boolean is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sor.errors import ParameterError, SorError, shown
from sor.settings.times import duration_ns

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SHARES = 10**15
"""The largest order, lot or size of a setting."""


def number(name: str, value: object, *, least: float = -math.inf, most: float = math.inf) -> float:
    """Return a finite float from `least` to `most`."""
    found = _real(value)
    if found is None:
        raise ParameterError(f"{name} must be a number, got {shown(value)}")
    if not (math.isfinite(found) and least <= found <= most):
        bounds = [f"at least {least:g}"] * (least > -math.inf) + [f"at most {most:g}"] * (most < math.inf)
        raise ParameterError(
            f"{name} must be a finite number{', ' * bool(bounds)}{' and '.join(bounds)}, got {shown(value)}"
        )
    return found


@contextmanager
def taking(name: str, value: object, right: str) -> Iterator[None]:
    """Turn whatever a value of a user's raises on being looked at into an error of ours.

    An argument may be of any class: its iterator, its conversion to an array or to a number may fail in any way.

    Raises:
        ParameterError: That `name` must be `right`.

    """
    try:
        yield
    except (SorError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as failed:  # a panic of another package is no `Exception`
        reason = next(iter(str(failed).splitlines()), "") or type(failed).__name__
        raise ParameterError(f"{name} must be {right}, got {shown(value)}: {reason}") from failed


def entries(name: str, values: object, right: str) -> list[Any]:
    """Return the entries of a sequence, or of anything else that can be gone through, but for text.

    Raises:
        ParameterError: That `name` must be `right`.

    """
    if isinstance(values, str | bytes | bytearray) or not isinstance(values, Iterable):
        raise ParameterError(f"{name} must be {right}, got {shown(values)}")
    with taking(name, values, right):
        return list(values)


def numbers(name: str, values: object) -> list[float]:
    """Return finite or infinite floats, one for each entry of a sequence."""
    found = [_real(value) for value in entries(name, values, "a sequence of numbers")]
    if None in found:
        raise ParameterError(f"{name} must be a sequence of numbers, got {shown(values)}")
    return [value for value in found if value is not None]


def array(name: str, values: object, right: str = "numbers") -> NDArray[Any]:
    """Return an array of numbers, in the kind that they come in; no boolean or text is one.

    Raises:
        ParameterError: That `name` must be `right`.

    """
    with taking(name, values, right):
        found = np.asarray(values)
        if found.dtype.kind == "O" and all(_real(each) is not None for each in found.flat):
            found = found.astype(np.float64)
    if found.dtype.kind not in "iuf":
        got = found.dtype if hasattr(values, "dtype") or found.ndim > 1 else shown(values)
        raise ParameterError(f"{name} must be {right}, got {got}")
    return found


def path_text(name: str, value: object, right: str = "the path of a file") -> str:
    """Return a path, a pattern of paths or a URL as text."""
    if isinstance(value, str | PathLike):
        with taking(name, value, right):
            text = fspath(value)
        if isinstance(text, str):
            return text
    raise ParameterError(f"{name} must be {right}, got {shown(value)}")


def path_of(name: str, value: object) -> Path:
    """Return a path that the system may know."""
    right = "the path of a file"
    text = path_text(name, value, right)
    with taking(name, value, right):
        path = Path(text)
        with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
            path.lstat()  # too long, or with characters that no path has
    return path


def above_zero(name: str, value: object, unit: str = "") -> float:
    """Return a positive, finite float; `unit` says what it counts."""
    found = _real(value)
    if found is None or not (math.isfinite(found) and found > 0):
        raise ParameterError(f"{name} must be a positive number{unit}, got {shown(value)}")
    return found


def fraction(name: str, value: object) -> float:
    """Return a float strictly between 0 and 1."""
    found = _real(value)
    if found is None or not 0.0 < found < 1.0:
        raise ParameterError(f"{name} must be between 0 and 1, got {shown(value)}")
    return found


def whole(name: str, value: object, *, least: int = 1, most: int = MOST_SHARES) -> int:
    """Return an integer from `least` to `most`."""
    found = _integer(value)
    if found is None or not least <= found <= most:
        raise ParameterError(f"{name} must be a whole number from {least:,} to {most:,}, got {shown(value)}")
    return found


def integer(name: str, value: object) -> int:
    """Return any integer."""
    found = _integer(value)
    if found is None:
        raise ParameterError(f"{name} must be a whole number, got {shown(value)}")
    return found


def at_least(name: str, value: object, least: int, *, most: int | None = None) -> int:
    """Return an integer of at least `least`, and at most `most` where there is such a bound."""
    found = _integer(value)
    if found is None or found < least:
        raise ParameterError(f"{name} must be a whole number of at least {least}, got {shown(value)}")
    if most is not None and found > most:
        raise ParameterError(f"{name} must be at most {most:,}, got {shown(value)}")
    return found


def positive(name: str, value: object) -> int:
    """Return a duration in nanoseconds, above zero."""
    nanos = duration_ns(value, name)
    if nanos <= 0:
        raise ParameterError(f"{name} must be positive, got {shown(value)}")
    return nanos


def choice(name: str, value: object, choices: object) -> str:
    """Return one of the words of a `Literal`."""
    allowed = get_args(choices)
    if not isinstance(value, str) or value not in allowed:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}")
    return value


def one_of(name: str, value: object, names: Iterable[str]) -> str:
    """Return one of some names."""
    known = list(names)
    if not isinstance(value, str) or value not in known:
        raise ParameterError(f"{name} must be one of {', '.join(known)}, got {shown(value)}")
    return value


def table(name: str, value: object) -> dict[str, Any]:
    """Return a table of settings, as a new one."""
    if not isinstance(value, Mapping):
        raise ParameterError(f"{name} must be a table, got {shown(value)}")
    return dict(value)


def text(name: str, value: object) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise ParameterError(f"{name} must be text, got {shown(value)}")
    return value


def flag(name: str, value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def instance(name: str, value: object, *classes: type) -> None:
    """Check that a value is of one of the package's classes."""
    if not isinstance(value, classes):
        *others, last = (f"sor.{each.__name__}" for each in classes)
        names = f"{', '.join(others)} or {last}" if others else last
        raise ParameterError(f"{name} must be a {names}, got {shown(value)}")


def keep(settings: object, **values: object) -> None:
    """Store checked values in a frozen instance as Python's own numbers, whatever they came as."""
    for name, value in values.items():
        object.__setattr__(settings, name, value)


def _real(value: object) -> float | None:
    # A span of NumPy's is an integer to Python.
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond every float
        return math.inf


def _integer(value: object) -> int | None:
    return (
        int(value) if isinstance(value, Integral) and not isinstance(value, bool | np.timedelta64) else None
    )
