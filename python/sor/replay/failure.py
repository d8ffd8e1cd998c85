"""What goes wrong inside a policy of the user's own, as an error that says where."""

from __future__ import annotations

from sor.errors import PolicyError
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
    sign, quantity, start = order
    what = f"{'buy' if sign > 0 else 'sell'} {quantity:,} from {format_ns(start)} UTC"
    said = why if cause is None else f"{type(cause).__name__}: {cause}"
    error = PolicyError(variant, what, ts, f"at {format_ns(ts)} UTC: {said}")
    error.__cause__ = cause
    return error
