"""The errors a caller can catch: one base, one class for data, one for arguments."""

from __future__ import annotations


class SorError(Exception):
    """Base of every error this package raises on purpose."""


class DataError(SorError, ValueError):
    """A tape, a trade file or a fee table is wrong; the message names the file, the row and the value."""


class ParameterError(SorError, ValueError):
    """An argument is wrong; the message names it and says what would be right."""


class PolicyError(SorError):
    """A policy of the caller's own failed, or sent an order that breaks a rule; what it raised is the cause.

    Attributes:
        policy: Its name.
        order: The parent order it worked, in words.
        ts: The time of the decision, nanoseconds since the epoch.

    """

    def __init__(self, policy: object, order: str, ts: int, what: str) -> None:
        super().__init__(policy, order, ts, what)
        self.policy = policy
        self.order = order
        self.ts = ts
        self._what = what

    def __str__(self) -> str:
        return f"policy {self.policy}, order {self.order}, {self._what}"


class FillError(SorError):
    """A fill model of the caller's own failed, or answered what cannot be; what it raised is the cause.

    Attributes:
        model: Its name.
        order: The parent order whose child it was asked about, in words; None of `execute_order`.
        ts: When the child met its quote, or was planned on it, nanoseconds since the epoch; 0 of `execute_order`.

    """

    def __init__(self, model: object, order: str | None, ts: int, what: str) -> None:
        super().__init__(model, order, ts, what)
        self.model = model
        self.order = order
        self.ts = ts
        self._what = what

    def __str__(self) -> str:
        order = "" if self.order is None else f"order {self.order}, "
        return f"fill model {self.model}, {order}{self._what}"


class MissingExtra(SorError, ImportError):  # noqa: N818
    """A package that only this needs is not there; the message says which, and how to install it."""


class SorWarning(UserWarning):
    """Something that is no error and may still make a result say little: it is said once, with the reason."""


_MOST = 200
_NO_LINES = dict.fromkeys(range(0x2500, 0x2580))
"""Characters that tables are drawn with."""


def shown(value: object) -> str:
    """Return a value as a message shows it: its `repr`, cut where it is long, or its kind where it has none.

    What is given for an argument may be of any kind: some cannot be shown, and some would fill pages.
    """
    try:
        text = repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # polars' panics are no `Exception`
        text = ""
    kind = f"a {type(value).__module__}.{type(value).__qualname__}"
    if not text:
        return kind
    lines = text.splitlines()
    if len(lines) > 1:  # a frame, say
        return f"{kind}: {' '.join(text.translate(_NO_LINES).split())[:_MOST]}..."
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 order`, `2 orders`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
