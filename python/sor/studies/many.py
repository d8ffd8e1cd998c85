"""What stands in the place of tapes where there are too many of them to be in memory together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from sor.settings.orders import Orders
    from sor.studies.pipeline import Tapes

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class ManyTapes(ABC):
    """Tapes that know themselves how a verb is done over all of them; see `sor.Universe`.

    A verb that is given one hands over to it, with all its other arguments.
    """

    @abstractmethod
    def _backtest(self, orders: Orders, *args: Any, **options: Any) -> Any:
        """Do what `sor.backtest` does."""

    @abstractmethod
    def _study(self, orders: Orders, *args: Any, **options: Any) -> Any:
        """Do what `sor.study` does."""

    @abstractmethod
    def _search(self, orders: Orders, *args: Any, **options: Any) -> Any:
        """Do what `sor.search` does."""

    @abstractmethod
    def _stress(self, orders: Orders, *args: Any, **options: Any) -> Any:
        """Do what `sor.stress` does."""


class Verb(Protocol[P, R]):
    """A function of tapes, or of what stands in their place."""

    @overload
    def __call__(self, quotes: ManyTapes, /, *args: P.args, **options: P.kwargs) -> Any: ...
    @overload
    def __call__(self, quotes: Tapes, /, *args: P.args, **options: P.kwargs) -> R: ...


def of_many(verb: Callable[Concatenate[Any, P], R]) -> Verb[P, R]:
    """Let a verb take many tapes too, which then do it themselves."""

    @wraps(verb)
    def either(quotes: Any, *args: P.args, **options: P.kwargs) -> Any:
        if isinstance(quotes, ManyTapes):
            return getattr(quotes, f"_{verb.__name__}")(*args, **options)
        return verb(quotes, *args, **options)

    return either  # type: ignore[return-value]  # mypy sees no overloads in it
