"""What goes wrong inside a policy or a fill model of the user's own, as an error that says where."""

from __future__ import annotations

from sor.errors import FillError, PolicyError
from sor.settings.times import format_ns


def failure(
    variant: int, order: tuple[int, int, int], ts: int, why: str, cause: BaseException | None
) -> BaseException:
    """Make the error of a failed policy; called by the core.

    Args:
        variant: Which of the policies of the call; `named` puts a name in its place.
        order: Sign, quantity and start of the order it worked.
        ts: When it was asked or told, ns.
        why: What the core says.
        cause: What was raised inside it, or None. An interrupt is returned as it is.

    """
    if cause is not None and not isinstance(cause, Exception):
        return cause
    error = PolicyError(variant, _order(order), ts, f"at {format_ns(ts)} UTC: {_said(why, cause)}")
    error.__cause__ = cause
    return error


def fill_failure(
    variant: int, order: tuple[int, int, int] | None, ts: int, why: str, cause: BaseException | None
) -> BaseException:
    """Make the error of a failed fill model; called by the core with what `failure` takes.

    Without an order it was asked about a child by itself.
    """
    if cause is not None and not isinstance(cause, Exception):
        return cause
    at = "" if order is None else f"at {format_ns(ts)} UTC: "
    error = FillError(variant, None if order is None else _order(order), ts, at + _said(why, cause))
    error.__cause__ = cause
    return error


def _order(order: tuple[int, int, int]) -> str:
    sign, quantity, start = order
    return f"{'buy' if sign > 0 else 'sell'} {quantity:,} from {format_ns(start)} UTC"


def _said(why: str, cause: BaseException | None) -> str:
    return why if cause is None else f"{type(cause).__name__}: {cause}"
