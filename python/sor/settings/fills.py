"""Fill models: what a child gets of the quote it meets, built in or of the caller's own (section 4, rule Q4)."""

from __future__ import annotations

import importlib
import inspect
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from sor.errors import MissingExtra, ParameterError, shown
from sor.settings.checks import choice, keep, number, positive, text, whole
from sor.settings.frames import Rows, frame_of
from sor.settings.origin import digest_of, loaded, place_of

if TYPE_CHECKING:
    from sor.settings.times import Duration

Mode: TypeAlias = Literal["expected", "sampled"]


@dataclass(frozen=True, kw_only=True)
class Displayed:
    """A child takes what is available at the quoted price (rule F1)."""


@dataclass(frozen=True, kw_only=True)
class QueueAware:
    """A child gets part of what is available, at a slipped price (rules F2, F3).

    `fill_prob = max_fill * (1 - queue_position) * exp(-age / decay)`; executed shares are the available
    ones times it, rounded half to even; the price moves against us by `impact * x / displayed`, a fraction
    of price.

    Args:
        queue_position: 0 (front) to 1 (back): one value, or by venue id; a `queue_position` column of the
            tape and a `Venue`'s own value come before it, in this order.
        max_fill: Fill probability at the front, in [0, 1].
        impact: Slippage of a child as large as the displayed size, a fraction of price.
        decay: Time constant of the age of the venue's last record; None: quotes do not age.
        mode: `"expected"`, or `"sampled"` from the binomial.
        seed: Of the sampled stream.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    queue_position: float | dict[int | str, float] = 0.5
    max_fill: float = 0.9
    impact: float = 0.0005
    decay: Duration | None = None
    mode: Mode = "expected"
    seed: int = 0

    def __post_init__(self) -> None:
        position = self.queue_position
        if isinstance(position, dict):
            checked: object = {
                venue: number(f"queue_position[{shown(venue)}]", value, least=0, most=1)
                for venue, value in position.items()
            }
        else:
            checked = number("queue_position", position, least=0, most=1)
        keep(
            self,
            queue_position=checked,
            max_fill=number("max_fill", self.max_fill, least=0, most=1),
            impact=number("impact", self.impact, least=0, most=1),
        )
        if self.decay is not None:
            positive("decay", self.decay)
        _check_draws(self)


@dataclass(frozen=True)
class FillTable:
    """Fill probabilities and slippages from a table over displayed and sent shares (rule Q4).

    Of a child that sends `x` shares to `available` ones, `sent` is `min(x, available)`, as in `QueueAware`. It executes
    `sent * probability` shares, rounded half to even, at `quoted * (1 + s * slippage)`. Between its nodes the table is
    interpolated in both directions; beyond its edges it stays what it is there.

    Args:
        rows: `displayed` and `sent`, in shares, `probability`, in [0, 1], and, if there is one, `slippage`, in
            [-1, 1], a fraction of price: a frame, the path of one, or rows. There is one row for every `displayed` with
            every `sent`.
        mode: `"expected"`, or `"sampled"` from the binomial.
        seed: Of the sampled stream.

    Raises:
        ParameterError: Naming the argument, the row and what would be right.

    """

    rows: Rows
    mode: Mode = field(default="expected", kw_only=True)
    seed: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        columns = ("displayed", "sent", "probability", "slippage")
        frame = frame_of("rows", self.rows, columns, need=columns[:3])
        found: dict[tuple[int, int], tuple[float, float]] = {}
        for i, row in enumerate(frame.iter_rows(named=True)):
            where = f"row {i} of rows"
            node = (
                whole(f"displayed, {where}", row["displayed"], least=0),
                whole(f"sent, {where}", row["sent"], least=0),
            )
            if node in found:
                raise ParameterError(f"rows must have one row for each displayed and sent, got {node} twice")
            found[node] = (
                number(f"probability, {where}", row["probability"], least=0, most=1),
                number(f"slippage, {where}", row.get("slippage", 0.0), least=-1, most=1),
            )
        for shares in {displayed for displayed, _ in found}:
            for sent in {sent for _, sent in found}:
                if (shares, sent) not in found:
                    raise ParameterError(
                        f"rows must have every displayed with every sent, got none of {shares} and {sent}"
                    )
        keep(self, rows=tuple((*node, *found[node]) for node in sorted(found)))
        _check_draws(self)

    @property
    def _kept(self) -> tuple[tuple[int, int, float, float], ...]:
        return self.rows  # type: ignore[return-value]  # what __post_init__ keeps

    @property
    def nodes(self) -> dict[str, list[float]]:
        """Displayed and sent shares, ascending; probabilities and slippages, row by row."""
        displayed, sent, probability, slippage = zip(*self._kept, strict=True)
        return {
            "displayed": sorted({float(value) for value in displayed}),
            "sent": sorted({float(value) for value in sent}),
            "probability": list(probability),
            "slippage": list(slippage),
        }


class _Function:
    """What models that are functions have in common: a name, parameters, and a source that is known."""

    function: Any
    parameters: Mapping[str, Any]
    mode: Mode
    seed: int
    name: str | None
    version: str | None
    _source: str

    def _check(self) -> None:
        given = self.function
        if isinstance(given, str):
            keep(self, function=loaded(given, f"function {given}"))
        if self.name is not None:
            text("name", self.name)
        if self.version is not None:
            text("version", self.version)
        if not isinstance(self.parameters, Mapping):
            raise ParameterError(f"parameters must map names to values, got {shown(self.parameters)}")
        for key, value in self.parameters.items():
            if not isinstance(key, str) or not isinstance(value, bool | int | float | str):
                raise ParameterError(
                    f"parameters must map names to numbers, text or booleans, got {shown(key)}: {shown(value)}"
                )
        keep(self, parameters=dict(self.parameters))
        _check_draws(self)
        source = getattr(self.function, "__wrapped__", self.function)
        if self.version is not None:
            known = self.version
        elif isinstance(source, FunctionType) and source.__closure__ is None:
            known = digest_of(source)
        else:  # nobody can say what it depends on
            known = uuid.uuid4().hex
        keep(self, _source=known)

    @property
    def title(self) -> str:
        """What it is called."""
        source = getattr(self.function, "__wrapped__", self.function)
        return self.name or str(getattr(source, "__name__", type(self.function).__name__))

    @property
    def identity(self) -> str:
        """Its name, parameters and source: what tells its results from another's."""
        return f"{self!r}"

    @property
    def place(self) -> str:
        """Return what finds it again: `file.py:name` or `package.module:name`."""
        source = getattr(self.function, "__wrapped__", self.function)
        if isinstance(source, FunctionType):
            return f"{place_of(source)}:{source.__qualname__}"
        return f"{type(self.function).__module__}:{self.title}"

    def described(self) -> dict[str, Any]:
        """Return its settings as plain values."""
        return {
            "function": self.place,
            "parameters": dict(self.parameters) or None,
            "mode": self.mode,
            "seed": self.seed,
            "name": self.name,
            "version": self.version,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Function) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __repr__(self) -> str:
        said = "".join(f", {name}={value!r}" for name, value in self.parameters.items())
        drawn = f", seed={self.seed}" if self.mode == "sampled" else ""
        return f"{type(self).__name__}({self.title}{said}, mode={self.mode!r}{drawn}) [{self._source}]"


@dataclass(frozen=True, eq=False, repr=False)
class FillFunction(_Function):
    """A fill model written in Python (rule Q4).

    `function(child, quote, **parameters)` returns `(shares, price)`: the shares that a child is expected to get, from 0
    to what is available of what it sent, and their price, a whole number of nanos. Shares are rounded half to even. It
    must depend on nothing else: a router that plans with fills asks it of shares that are never sent. It is called on
    the thread that made the call.

    `child` has `side, sign, quantity, now`; `quote` has `venue, price, displayed, available, age, queue_position`.
    Prices are nanos, times nanoseconds.

    Args:
        function: The function, or where it is: `"file.py:name"` or `"package.module:name"`.
        parameters: What it is given by name.
        mode: `"expected"`, or `"sampled"`: shares drawn from the binomial with the expected ones as its mean.
        seed: Of the sampled stream.
        name: What it is called.
        version: What tells kept results of this function from another's; of a plain function the source says it. Of any
            other callable nothing does: without a version they are never used again.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    function: Callable[..., tuple[float, int]] | str
    parameters: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    mode: Mode = field(default="expected", kw_only=True)
    seed: int = field(default=0, kw_only=True)
    name: str | None = field(default=None, kw_only=True)
    version: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._check()
        if not callable(self.function):
            raise ParameterError(f"function must take a child and a quote, got {shown(self.function)}")
        try:
            takes = inspect.signature(self.function)
        except (TypeError, ValueError):  # some callables have none
            return
        try:
            takes.bind(None, None, **self.parameters)
        except TypeError as error:
            raise ParameterError(
                f"function must take a child, a quote and {', '.join(self.parameters) or 'nothing else'}: "
                f"{self.title}{takes}: {error}"
            ) from None

    @property
    def call(self) -> Callable[..., Any]:
        """What the core calls."""
        function: Any = self.function
        return partial(function, **self.parameters) if self.parameters else function


FILL = np.dtype(
    [
        *((name, np.int64) for name in ("version", "now", "sign", "quantity", "venue", "price", "displayed")),
        *((name, np.int64) for name in ("available", "age", "parameters")),
        ("queue_position", np.float64),
    ]
)
"""The child and the quote; `parameters` says how many there are."""
ANSWER = np.dtype([("shares", np.float64), ("price", np.int64)])
"""What it writes."""


@dataclass(frozen=True, eq=False, repr=False)
class CompiledFill(_Function):
    """A fill model that is a C function: it is asked on all threads at once, without Python (rule Q4).

    `int64 expected(const fill*, const double *parameters, answer*)` writes the expected shares and their price, in
    nanos, and returns 0; any other number is an error. `CompiledFill.FILL` and `ANSWER` are the structs' dtypes, in
    version 1 (`fill.version`); see `FillFunction` for what the values are. `venue` is an index.

    Args:
        function: A `numba.cfunc` of `CompiledFill.signature()`, a capsule named `sor.fill.v1`, an address, or where one
            of these is: `"file.py:name"`.
        parameters: Numbers by name, handed over in this order.
        mode: `"expected"`, or `"sampled"`: shares drawn from the binomial with the expected ones as its mean.
        seed: Of the sampled stream.
        name: What it is called.
        version: What tells kept results of this function from another's; of numba's the source says it. Without
            either they are never used again.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    VERSION: ClassVar[int] = 1
    FILL: ClassVar[Any] = FILL
    ANSWER: ClassVar[Any] = ANSWER

    function: object
    parameters: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    mode: Mode = field(default="expected", kw_only=True)
    seed: int = field(default=0, kw_only=True)
    name: str | None = field(default=None, kw_only=True)
    version: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._check()
        address_of(self.function)
        numbers = {key: number(f"parameters[{shown(key)}]", value) for key, value in self.parameters.items()}
        keep(self, parameters=numbers)

    @staticmethod
    def signature() -> Any:
        """Return what `numba.cfunc` takes.

        Raises:
            MissingExtra: Without numba.

        """
        numba = numba_of("CompiledFill.signature()")
        types = numba.types
        fill, answer = (types.CPointer(numba.from_dtype(each)) for each in (FILL, ANSWER))
        return types.int64(fill, types.CPointer(types.float64), answer)


FillModel: TypeAlias = Displayed | QueueAware | FillTable | FillFunction | CompiledFill

FILLS: Mapping[str, type] = {
    "displayed": Displayed,
    "queue": QueueAware,
    "table": FillTable,
    "function": FillFunction,
    "compiled": CompiledFill,
}
"""What each name stands for."""


def fill_table(text: str) -> dict[str, str]:
    """Return the table, as in a TOML file, of a fill model's text: a name, a table's path, or `file.py:name`."""
    if text in FILLS:
        return {"model": text}
    if text.lower().endswith((".csv", ".csv.gz", ".csv.zst", ".parquet")):
        return {"model": "table", "rows": text}
    if ":" not in text:
        raise ParameterError(
            f"fill must be displayed, queue, the path of a table (.csv, .parquet) or file.py:name, got {shown(text)}"
        )
    function = loaded(text, f"function {text}")
    return {"model": "compiled" if hasattr(function, "address") else "function", "function": text}


def fill_name(model: FillModel) -> str:
    """Return what errors call a fill model."""
    if isinstance(model, _Function):
        return model.title
    return next(name for name, kind in FILLS.items() if isinstance(model, kind))


def numba_of(what: str) -> Any:
    """Import numba, for `what`.

    Raises:
        MissingExtra: Without it.

    """
    try:
        return importlib.import_module("numba")
    except ImportError:
        raise MissingExtra(f"{what} needs the package numba: pip install numba") from None


def address_of(function: object) -> object:
    """Return what the core takes of a C function: an address, or a capsule as it is."""
    address = getattr(function, "address", function)
    if type(address).__name__ == "PyCapsule":
        return address
    if not isinstance(address, int) or isinstance(address, bool) or not 0 < address < 2**64:
        raise ParameterError(
            f"function must be a numba.cfunc, a capsule or the address of a C function, got {shown(function)}"
        )
    return address


def _check_draws(model: Any) -> None:
    choice("mode", model.mode, Mode)
    keep(model, seed=whole("seed", model.seed, least=0, most=2**64 - 1))
