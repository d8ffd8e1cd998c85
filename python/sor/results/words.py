"""Figures in words: what a person reads above a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import count as count  # what sentences begin with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


NO_INTERVAL = "No interval: that takes eight start times, and about ten orders that do not overlap in time."
"""Why bounds and p-value of a comparison are missing; see the statistics in the documentation."""


NO_DAYS = "No interval: that takes five days."
"""The same over days."""


def read_as(policy: str, level: float) -> str:
    """Say how a study's table is read."""
    return (
        f"saved: by {policy}, mean over orders, with its {level:.0%} interval; wins: part of the orders that cost it "
        "less; worst: the least it saved on one"
    )


def search_read_as(*, judged: bool, level: float) -> list[str]:
    """Say how the tables of a search are read; `judged` on later orders, or not."""
    lines = [
        "points: those that cost the same share a row; behind: the best by so much, bps; noise: cannot be told from it",
    ]
    if not judged:
        return [*lines, "in: saved by the best against each, bps, on the orders it was chosen on"]
    return [
        *lines,
        "in, out: saved against each, bps, by the best, and on later orders by what was best before them, this with "
        f"its {level:.0%} interval; p: chance of as much if it saved nothing; p_check, p_spa: the same for the best of "
        "all points (White, Hansen); given: the router as given",
        "folds: orders to train and test on; cost of the choice on both, and the least on the latter, bps",
    ]


def p_value(p: float | None) -> str:
    """Return a p-value as it is worth saying: no digits below what resampling can tell."""
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_values(column: pl.Series) -> pl.Series:
    """Return a column of p-values as `p_value` says each."""
    return pl.Series(column.name, [p_value(p) for p in column], dtype=pl.String)


def each(
    column: pl.Series, how: Callable[[float], object], dtype: type[pl.DataType] = pl.String
) -> pl.Series:
    """Return `how` of every value of a column, null where there is none.

    On this thread: an expression of polars that calls Python does on others, and may never return (`sor.tape.exact`).
    """
    return pl.Series(column.name, [None if value is None else how(value) for value in column], dtype=dtype)


def p_said(p: float) -> str:
    """Return `p < 0.001` or `p = 0.012`."""
    said = p_value(p)
    return f"p {said}" if said.startswith("<") else f"p = {said}"


def listed(words: list[str]) -> str:
    """Return `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def seconds(value: float) -> str:
    """Return a length of time."""
    if value >= 120:
        return f"{value / 60:.1f} minutes"
    return "0.1 s" if value < 0.05 else f"{value:.1f} s"


def brief(value: float | None) -> str:
    """Return a length of time in a few letters: `0.2 s`, `30.0 m`, `6.5 h`."""
    if value is None:
        return "-"
    for unit, letter in ((3600, "h"), (60, "m")):
        if value >= 2 * unit:
            return f"{value / unit:,.1f} {letter}"
    return f"{value:.1f} s"


def interval(row: Mapping[str, Any], level: float) -> str:
    """Return the interval of a comparison in brackets."""
    if row["lower"] is None:
        return "(too few independent orders for an interval)"
    return f"({level:.0%} interval {row['lower']:+.2f} to {row['upper']:+.2f})"


def verdict(row: Mapping[str, Any]) -> str:
    """Say what an interval means."""
    if row["lower"] is None:
        return "One sample, not evidence."
    if row["lower"] > 0 or row["upper"] < 0:
        return f"The interval excludes zero; {p_said(row['p_value'])}."
    return f"The interval includes zero: no difference is shown. {p_said(row['p_value']).capitalize()}."


def edges(counts: Mapping[str, Any]) -> list[str]:
    """Say how many orders met the edge of a session: never arrived, cut, completed late, or at a stale quote."""
    said = {
        "no_quotes": "could not trade (no quotes by the end) and {are} left out",
        "cut": "{were} cut to the close of {their} session",
        "late": "{were} completed late: no quote lived at {their} end",
        "stale": "{were} completed at a stale price: no quote lived in {their} session any more",
    }
    lines = []
    for name, text in said.items():
        number = int(counts.get(name) or 0)
        if number:
            one = number == 1
            filled = text.format(
                are="is" if one else "are", were="was" if one else "were", their="its" if one else "their"
            )
            lines.append(f"{count(number, 'order')} {filled}.")
    return lines
