"""How much a random test does: a fifth of it every day, or what it says; all of it where `SOR_TESTS=all` is set."""

from __future__ import annotations

import os

ALL = os.environ.get("SOR_TESTS", "") == "all"
EVERYDAY = 0.2


def some(count: int, everyday: int | None = None) -> int:
    """Return how many of `count` examples to try in this run."""
    if ALL:
        return count
    return max(1, round(count * EVERYDAY)) if everyday is None else everyday


def enough(count: int) -> int:
    """Return how many outcomes show that a test meets them, where `count` do when it tries all its examples.

    Of a fifth of the examples a tenth is asked for: few examples vary more.
    """
    return count if ALL else round(count * EVERYDAY / 2)
