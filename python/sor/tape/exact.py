"""Floats that are the nearest to exact numbers: money and prices from nanos, means per share, sizes in the user's unit.

Polars divides a column by a constant by way of the constant's rounded inverse, which misses the nearest float of one
price in four, and integers beyond 2^53 lose digits before they are divided. Here a quotient of integers is rounded
once: by the processor where both fit a float, by Python's own division of integers where one does not.

Quotients are columns, worked out at once on the thread that asks, never expressions that call Python: such a call comes
from a thread of polars, which waits for the interpreter's lock, and another thread may hold that while it waits for
polars.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NANOS = 10**9
BPS = 10**4

_EXACT = 2**53
"""Up to here every whole number is a float."""


def ratio(
    frame: pl.DataFrame, numerator: str | pl.Expr, denominator: pl.Expr | int, times: Fraction | int = 1
) -> pl.Series:
    """Divide whole numbers: the floats nearest to `numerator * times / denominator`.

    Args:
        frame: What the expressions are of.
        numerator: Integers of any width.
        denominator: Integers; where one is zero or null, so is the result null.
        times: A constant factor.

    """
    (column,) = ratios(frame, {"ratio": numerator}, denominator, times)
    return column


def ratios(
    frame: pl.DataFrame,
    numerators: Mapping[str, str | pl.Expr],
    denominator: pl.Expr | int,
    times: Fraction | int = 1,
) -> list[pl.Series]:
    """Divide several columns by the same; see `ratio`. The results have the names given."""
    factor = Fraction(times)
    above = frame.select(**{name: _expr(each) for name, each in numerators.items()})
    if isinstance(denominator, int):
        constant: int = denominator * factor.denominator
        return [_by_constant(column, factor.numerator, constant) for column in above]
    below = frame.select(denominator.cast(pl.Int128) * pl.lit(factor.denominator, pl.Int128)).to_series()
    if len(below) == 1 < above.height:
        below = below.new_from_index(0, above.height)
    return [_divided(_wide(column, factor.numerator), below) for column in above]


def currency(frame: pl.DataFrame, columns: Iterable[str]) -> list[pl.Series]:
    """Show integer columns of nanos as currency."""
    return ratios(frame, {name: name for name in columns}, NANOS)


def _expr(column: str | pl.Expr) -> pl.Expr:
    return pl.col(column) if isinstance(column, str) else column


def _wide(column: pl.Series, times: int) -> pl.Series:
    return column.cast(pl.Int128) * pl.Series([times], dtype=pl.Int128)


def _by_constant(column: pl.Series, times: int, below: int) -> pl.Series:
    if 0 < below <= _EXACT and _all_within(column, _EXACT // times):
        # The product is a whole number that fits a float. NumPy divides; polars would multiply by an inverse.
        return pl.Series(column.name, column.cast(pl.Float64).to_numpy() * times / below)
    return _divided(_wide(column, times), pl.Series([below], dtype=pl.Int128).new_from_index(0, len(column)))


def _divided(above: pl.Series, below: pl.Series) -> pl.Series:
    if _all_within(above, _EXACT) and _all_within(below, _EXACT) and not (below == 0).any():
        return pl.Series(above.name, above.cast(pl.Float64).to_numpy() / below.cast(pl.Float64).to_numpy())
    small = above.is_between(-_EXACT, _EXACT) & below.is_between(-_EXACT, _EXACT)
    there = above.is_not_null() & below.is_not_null() & (below != 0)
    floats = [side.fill_null(1).cast(pl.Float64).to_numpy() for side in (above, below)]
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = floats[0] / floats[1]
    large = (there & ~small.fill_null(value=True)).arg_true()
    if len(large):
        exact: Any = zip(above.gather(large).to_list(), below.gather(large).to_list(), strict=True)
        quotient[large.to_numpy()] = [a / b for a, b in exact]
    found = pl.Series(above.name, quotient)
    return found if there.all() else found.zip_with(there, pl.Series([None], dtype=pl.Float64))


def _all_within(side: pl.Series, most: int) -> bool:
    """Tell whether every value is there, and none is further from zero than `most`."""
    least: Any = side.min()
    largest: Any = side.max()
    return side.null_count() == 0 and len(side) > 0 and bool(least >= -most and largest <= most)
