from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from numpy.typing import NDArray

__all__ = ["RELEASE", "__version__", "allocate", "count_states", "execute", "hindsight", "replay"]

RELEASE: Final[bool]
__version__: Final[str]

def allocate(
    quantity: int,
    lot: int,
    offers: Sequence[tuple[int, int, int, int]],
    benchmark: int,
    penalties: tuple[int, ...],
    rule: str,
    solver: str,
    max_candidates: int,
) -> tuple[list[int], tuple[int, int, int, int, int]] | None: ...
def count_states(
    tape: Mapping[str, NDArray[Any]], venues: int, snapshot: str, collar: float
) -> tuple[int, int, int, int]: ...
def execute(
    sign: int,
    quantity: int,
    price: int,
    displayed: int,
    available: int,
    age: int,
    queue_position: float,
    fill: Mapping[str, Any] | None,
    stream: tuple[int, int],
) -> tuple[int, int]: ...
def hindsight(
    tape: Mapping[str, NDArray[Any]],
    parents: Sequence[tuple[int, int, int, int, int, int]],
    variant: Mapping[str, Any],
    threads: int,
) -> list[int | None]: ...
def replay(
    tape: Mapping[str, NDArray[Any]],
    parents: Sequence[tuple[int, int, int, int, int, int]],
    variants: Sequence[Mapping[str, Any]],
    *,
    record: bool,
    threads: int,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]: ...
