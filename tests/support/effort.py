"""How much a random test does: all of it where `SOR_TESTS` is `all`, a fifth of it in CI, half of that every day."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")

EFFORT = os.environ.get("SOR_TESTS") or "everyday"
if EFFORT not in ("everyday", "ci", "all"):
    raise ValueError(f"SOR_TESTS must be ci or all, got {EFFORT}")
ALL = EFFORT == "all"
CI = 0.2
EVERYDAY = CI / 2


def some(count: int, ci: int | None = None, everyday: int | None = None) -> int:
    """Return how many of `count` examples to try in this run: a part, or as many as CI and the everyday run say."""
    if ALL:
        return count
    most = max(1, round(count * CI)) if ci is None else ci
    if EFFORT == "ci":
        return most
    return (most + 1) // 2 if everyday is None else everyday


def turn(cases: Sequence[_T], number: int) -> Sequence[_T]:
    """Return the cases of a tape of this number: every day every other one, the others on the next tape."""
    return cases[number % 2 :: 2] if EFFORT == "everyday" else cases


def enough(count: int) -> int:
    """Return how many outcomes show that a test meets them, where `count` do when it tries all its examples.

    Of a part of the examples half as many outcomes are asked for: few examples vary more.
    """
    return count if ALL else max(1, round(count * (CI if EFFORT == "ci" else EVERYDAY) / 2))
