"""A policy of the user's own: a class with `decide`, known by its arguments and its source."""

from __future__ import annotations

import copy
import inspect
from abc import ABCMeta, abstractmethod
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

from sor.errors import ParameterError, shown
from sor.settings.checks import choice, whole
from sor.settings.origin import digest_of, loaded, place_of
from sor.settings.times import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sor._core import Orders, ParentOrder, Past, Report, View

Queue: TypeAlias = Literal["pessimistic", "expected", "optimistic"]


class _Kind(ABCMeta):
    """Keeps what a policy was made with, whatever its `__init__` does with it."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        bound = _signature(cls).bind(*args, **kwargs)
        bound.apply_defaults()
        object.__setattr__(made, "_given", dict(bound.arguments))
        return made

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cls._digest = digest_of(cls)  # now: the file may change later, what has been imported does not

    @property
    def __signature__(cls) -> inspect.Signature:
        """What it is made with: that of `__init__`, not of this."""
        return _signature(cls)

    def __setattr__(cls, name: str, value: Any) -> None:
        # `@dataclass` takes the hash away from what it gives an equality; a policy's is that of its arguments.
        if name != "__hash__" or value is not None:
            super().__setattr__(name, value)


class OwnPolicy:
    """What every policy of the caller's own is known by: its name, arguments and source.

    Attributes:
        queue: How the queues of its limit orders are simulated (rule C10).
        rule: What it does, in a few words, for `explain`.

    """

    queue: Queue = "expected"
    rule: ClassVar[str] = "a policy of the caller's own"

    @property
    def _title(self) -> str:
        """What it is called; no name that an argument might have."""
        return type(self).__name__

    @property
    @abstractmethod
    def arguments(self) -> Mapping[str, Any]:
        """What it was made with."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """A digest of its source."""

    @abstractmethod
    def replaced(self, **changes: Any) -> Self:
        """Make another of its kind, with some arguments changed, the `changes`."""

    @property
    def identity(self) -> str:
        """Its name, arguments and source: what tells its results from another's."""
        return f"{_shown(self)} [{self.digest}]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnPolicy) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __repr__(self) -> str:
        return _shown(self)


class Policy(OwnPolicy, metaclass=_Kind):
    """A policy of your own: derive from it, and write `decide`.

    The constructor's arguments are the policy's settings, and the axes of a search; give every one a name. For every
    order a deep copy of the policy is made, so that orders cannot know of each other, and its `start` is called; then
    `decide`, at the order's arrival, at every later snapshot, and whenever it asked to be woken. All of this happens on
    the calling thread, in the order of the orders.

    Attributes:
        queue: How the queues of its limit orders are simulated (rule C10).
        rule: What it does, in a few words, for `explain`.

    """

    _digest: ClassVar[str]

    def start(self, order: ParentOrder, past: Past) -> Iterable[int] | None:
        """Learn of the order, before its first decision.

        Args:
            order: `side, sign, quantity, start, end, lot, venues`.
            past: `since`, when the session opened.

        Returns:
            Times (ns) at which to decide whether or not a record comes then; None for none. `orders.wake` adds to them.

        """

    @abstractmethod
    def decide(self, view: View, orders: Orders) -> None:
        """Decide what to do now.

        Args:
            view: What can be seen: arrays by venue, and whole numbers. Nothing in it ever changes.
            orders: `take(venue, quantity, limit=None)`, `post(venue, quantity, price=None, until=None)`,
                `cancel(order)`, `wake(at)`.

        """

    def told(self, report: Report) -> None:
        """Hear what became of an order, in order of time, before the next decision: a `report` as in `view`."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What it was made with, defaults included."""
        return dict(vars(self)["_given"])

    @property
    def digest(self) -> str:
        """A digest of the source: of its class, or of the whole file that holds it."""
        return type(self)._digest

    def replaced(self, **changes: Any) -> Self:
        """Make another of its kind, with some arguments changed, the `changes`."""
        return type(self)(**{**self.arguments, **changes})


class Start:
    """Makes the policy of one order; the core calls it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, order: ParentOrder, past: Past) -> tuple[Policy, list[int]]:
        """Return a copy of the policy that has been told of the order, and when it wants to be woken."""
        mind = copy.deepcopy(self._policy)
        wakes = mind.start(order, past)
        try:
            return mind, [] if wakes is None else [
                whole("a time", time, least=-INT64_MAX, most=INT64_MAX) for time in wakes
            ]
        except (TypeError, ParameterError):
            raise ParameterError(
                f"start must return None or times in nanoseconds since the epoch, got {shown(wakes)}"
            ) from None


def hears(policy: Policy) -> bool:
    """Tell whether a policy has a `told` of its own."""
    return type(policy).told is not Policy.told


def checked(name: str, policy: OwnPolicy) -> OwnPolicy:
    """Check a policy's own terms.

    Raises:
        ParameterError: If its `queue` is none.

    """
    choice(f"{name}: its queue", policy.queue, Queue)
    return policy


def axes_of(kind: type[Policy] | OwnPolicy) -> tuple[str, ...]:
    """Return the names of the arguments of what `load` finds."""
    return tuple(kind.arguments if isinstance(kind, OwnPolicy) else _signature(kind).parameters)


def made_of(kind: type[Policy] | OwnPolicy, given: Mapping[str, Any]) -> OwnPolicy:
    """Make a policy of what `load` finds."""
    return kind.replaced(**given) if isinstance(kind, OwnPolicy) else kind(**given)


def load(spec: str) -> type[Policy] | OwnPolicy:
    """Return the class, or the compiled policy, that `file.py:Name` or `package.module:Name` names.

    Raises:
        ParameterError: If there is none, or it is no policy.

    """
    kind = loaded(spec, spec)
    if isinstance(kind, OwnPolicy):
        return kind
    if not isinstance(kind, type) or not issubclass(kind, Policy):
        raise ParameterError(f"{spec} must name a class that derives from sor.Policy, found {shown(kind)}")
    return kind


def spec_of(policy: OwnPolicy) -> str:
    """Return what `load` finds the policy's class by."""
    if isinstance(policy, Policy):
        return f"{place_of(type(policy))}:{type(policy).__qualname__}"
    source = getattr(getattr(policy, "function", None), "__wrapped__", None)
    return f"{place_of(source) if isinstance(source, FunctionType) else 'compiled'}:{policy._title}"


def _shown(policy: OwnPolicy) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in policy.arguments.items())
    return f"{policy._title}({arguments})"


def _signature(kind: type) -> inspect.Signature:
    if kind.__init__ is object.__init__:  # type: ignore[misc]  # it is only compared
        return inspect.Signature()
    signature = inspect.signature(kind.__init__)  # type: ignore[misc]
    return signature.replace(parameters=list(signature.parameters.values())[1:])
