"""Objectives by the letter of rule Q5: exact fractions, loops, nothing shared with the package."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def mean(costs: Sequence[float]) -> Fraction:
    return sum(map(Fraction, costs), Fraction(0)) / len(costs)


def variance(costs: Sequence[float]) -> Fraction:
    middle = mean(costs)
    return sum(((Fraction(cost) - middle) ** 2 for cost in costs), Fraction(0)) / len(costs)


def std(costs: Sequence[float]) -> float:
    return sqrt(variance(costs))


def mean_std(costs: Sequence[float], weight: float) -> float:
    return float(mean(costs)) + weight * std(costs)


def quantile(costs: Sequence[float], level: str) -> float:
    """Return the least cost that at least a share `level`, as it is written, do not exceed."""
    for cost in sorted(costs):
        within = sum(1 for other in costs if other <= cost)
        if Fraction(within, len(costs)) >= Fraction(level):
            return cost
    raise AssertionError("no cost is the largest")


def cvar(costs: Sequence[float], level: str) -> Fraction:
    """Return the mean of the dearest: go down from the largest until the share is used up."""
    left = (1 - Fraction(level)) * len(costs)
    whole, total = left, Fraction(0)
    for cost in sorted(costs, reverse=True):
        part = min(left, Fraction(1))
        total += part * Fraction(cost)
        left -= part
    return total / whole


def jackknife(
    values: Sequence[float], groups: Sequence[int], figure: Callable[[Sequence[float]], float]
) -> list[float]:
    """Return what each group adds to a figure, one group left out at a time."""
    names = sorted(set(groups))
    whole = figure(values)
    added = []
    for name in names:
        rest = [value for value, group in zip(values, groups, strict=True) if group != name]
        share = 1 - len(rest) / len(values)
        added.append(len(names) * (1 - share) * (whole - figure(rest)))
    middle = sum(added) / len(added)
    return [value - middle + whole for value in added]


def front(figures: Sequence[Sequence[float]]) -> list[bool]:
    """Tell for each row whether no other is as low everywhere and lower somewhere."""
    return [
        not any(
            all(a <= b for a, b in zip(other, row, strict=True))
            and any(a < b for a, b in zip(other, row, strict=True))
            for other in figures
        )
        for row in figures
    ]
