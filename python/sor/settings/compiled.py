"""A compiled policy: a C function, numba's or any other language's, that decides without the interpreter's lock."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import FunctionType
from typing import Any

import numpy as np

from sor.errors import ParameterError, shown
from sor.settings.checks import choice, number, whole
from sor.settings.fills import address_of, numba_of
from sor.settings.origin import digest_of
from sor.settings.policy import OwnPolicy, Queue

_WORDS = 1_000_000


def _struct(*names: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names])


MOMENT = _struct(
    *("version", "now", "start", "end", "sign", "quantity", "lot", "remaining", "in_flight", "mid"),
    *("venues", "resting", "reports", "parameters", "memory", "capacity", "next_order"),
)
"""The order and the moment; then how long the arrays are."""
VENUE = _struct(
    *("price", "displayed", "available", "own_price", "own_displayed", "joinable", "age"),
    *("taker_fee", "maker_rebate", "latency"),
)
"""One venue; see `View`."""
RESTING = _struct("order", "venue", "price", "left", "ahead", "decided", "until")
"""One of its limit orders; `ahead` is -1 where it cannot be seen."""
REPORT = _struct("order", "kind", "venue", "ts", "executed", "price", "left", "reason", "returned")
"""What became of an order; `kind` 1 is a take and 2 a post, `reason` a place in `filled, partial, no_quote, limit,
depleted, queue, expired, crossed, cancelled`."""
ORDER = _struct("kind", "venue", "quantity", "price", "until", "order")
"""One thing it wants done."""


class Compiled(OwnPolicy):
    """A policy that is a C function: it decides on all threads at once, without Python.

    `int64 decide(const moment*, const venue*, const resting*, const report*, const double *parameters,
    int64 *memory, order*)` writes its orders and returns how many. The structs hold 64-bit integers only:
    `Compiled.MOMENT`, `VENUE`, `RESTING`, `REPORT` and `ORDER` are their dtypes, in version 1 (`moment.version`).
    Prices are nanos, times nanoseconds, as in `View`. `memory` is the order's own: zeros at its start, kept between
    its decisions.

    Args:
        function: A `numba.cfunc` of `Compiled.signature()`, a capsule named `sor.decide.v1`, or an address. Or the
            capsule of a Rust library that was built against this very core, which holds a plan of its own.
        parameters: Numbers by name, handed over in this order; the axes of a search.
        memory: Words of memory of an order.
        name: What it is called.
        queue: How the queues of its limit orders are simulated (rule C10).
        version: What tells kept results of this function from another's; of numba's the source says it. Without
            either they are never used again.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    VERSION = 1
    MOMENT, VENUE, RESTING, REPORT, ORDER = MOMENT, VENUE, RESTING, REPORT, ORDER
    TAKE, POST, CANCEL, WAKE = 1, 2, 3, 4
    DEFAULT = -(2**63)
    """Stands for the price or the expiry that an order has by default."""

    def __init__(
        self,
        function: object,
        *,
        parameters: Mapping[str, float] | None = None,
        memory: int = 0,
        name: str | None = None,
        queue: Queue = "expected",
        version: str | None = None,
    ) -> None:
        choice("queue", queue, Queue)
        if not isinstance(parameters, Mapping | None):
            raise ParameterError(f"parameters must map names to numbers, got {shown(parameters)}")
        self.function = function
        self.address = address_of(function)
        self.memory = whole("memory", memory, least=0, most=_WORDS)
        self.name = str(name or getattr(function, "__name__", "compiled"))
        self.queue = queue
        self.version = version
        self._parameters = {
            key: number(f"parameters[{shown(key)}]", value) for key, value in (parameters or {}).items()
        }
        source = getattr(function, "__wrapped__", None)
        if version is None and isinstance(source, FunctionType):
            self._source = digest_of(source)
        else:
            self._source = uuid.uuid4().hex if version is None else version

    @property
    def _title(self) -> str:
        return self.name

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Its parameters."""
        return dict(self._parameters)

    @property
    def digest(self) -> str:
        """What tells its function from another."""
        return self._source

    def replaced(self, **changes: Any) -> Compiled:
        """Return the same function with some parameters changed, the `changes`."""
        unknown = [name for name in changes if name not in self._parameters]
        if unknown:
            raise ParameterError(
                f"{self.name} has no {shown(unknown[0])}; it has {', '.join(self._parameters)}"
            )
        other = Compiled(
            self.function,
            parameters=self._parameters | changes,
            memory=self.memory,
            name=self.name,
            queue=self.queue,
            version=self.version,
        )
        other._source = self._source
        return other

    @staticmethod
    def signature() -> Any:
        """Return what `numba.cfunc` takes.

        Raises:
            MissingExtra: Without numba.

        """
        numba = numba_of("Compiled.signature()")
        types = numba.types
        structs = [types.CPointer(numba.from_dtype(each)) for each in (MOMENT, VENUE, RESTING, REPORT)]
        numbers = [types.CPointer(types.float64), types.CPointer(types.int64)]
        return types.int64(*structs, *numbers, types.CPointer(numba.from_dtype(ORDER)))
