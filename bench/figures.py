"""A measured figure beside its bar, and how to measure one."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Figure:
    """One line of the table; `bar` is the most `value` may be, none where there is nothing to meet."""

    what: str
    value: float
    unit: str
    bar: float | None = None

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return ""
        return "ok" if self.value <= self.bar else "ABOVE THE BAR"


def median_seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Median wall time of a call, after one that is not counted."""
    call()
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def paired(calls: Sequence[Callable[[], object]], turns: int) -> list[list[float]]:
    """CPU seconds of each call, taken in turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(turns):
        for call, times in zip(calls, taken, strict=True):
            begin = time.process_time()
            call()
            times.append(time.process_time() - begin)
    return taken
