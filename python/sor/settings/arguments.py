"""Whether the arguments that settings give a policy of the caller's own are of the kinds that it asks for."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from sor.errors import ParameterError, shown
from sor.settings import checks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLAIN: Mapping[type, Callable[[str, object], object]] = {
    bool: checks.flag,
    int: checks.integer,
    float: checks.number,
    str: checks.text,
}


def check_arguments(kind: type, given: Mapping[str, Any], label: str) -> None:
    """Check arguments by the annotations of the constructor, or by the defaults where there are none.

    A value of settings is a boolean, a number, a text, a list or a table. What is annotated with anything else than the
    first three, is left to the constructor.

    Raises:
        ParameterError: If one is missing, or of another kind; `label` says where.

    """
    parameters = inspect.signature(kind).parameters
    missing = [
        name
        for name, each in parameters.items()
        if each.default is each.empty
        and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        and name not in given
    ]
    if missing:
        raise ParameterError(f"{label} needs {' and '.join(missing)}")
    try:
        hints = get_type_hints(kind.__init__)  # type: ignore[misc]  # it is only looked at
    except Exception:  # a name that only a type checker knows
        hints = {}
    for name, value in given.items():
        _check(f"{label}: {name}", value, hints.get(name, _kind_of(parameters[name].default)))


def _kind_of(default: object) -> Any:
    """Return what a default says of its argument; a whole number may as well be another number."""
    for kind in (bool, int, float, str):
        if type(default) is kind:
            return float if kind is int else kind
    return Any


def _check(name: str, value: object, hint: Any) -> None:
    if get_origin(hint) is Literal:
        checks.choice(name, value, hint)
    elif get_origin(hint) in (Union, types.UnionType):
        # Settings have no word for None: it is what is not said.
        _check_one_of(name, value, [each for each in get_args(hint) if each is not type(None)])
    elif hint in _PLAIN:
        _PLAIN[hint](name, value)


def _check_one_of(name: str, value: object, hints: list[Any]) -> None:
    wrong: list[ParameterError] = []
    for hint in hints:
        try:
            return _check(name, value, hint)
        except ParameterError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    said = " or ".join(getattr(hint, "__name__", str(hint)) for hint in hints)
    raise ParameterError(f"{name} must be {said}, got {shown(value)}")
