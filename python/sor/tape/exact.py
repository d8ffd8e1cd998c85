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
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

NANOS = 10**9
BPS = 10**4

_EXACT = 2**53
"""Below it every whole number is a float."""


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
    above = [_column(frame, name, each) for name, each in numerators.items()]
    below: pl.Series | int = (
        denominator if isinstance(denominator, int) else _column(frame, "below", denominator)
    )
    return [_divided(column, factor.numerator, below, factor.denominator) for column in above]


def currency(frame: pl.DataFrame, columns: Iterable[str]) -> list[pl.Series]:
    """Show integer columns of nanos as currency."""
    return ratios(frame, {name: name for name in columns}, NANOS)


def _column(frame: pl.DataFrame, name: str, column: str | pl.Expr) -> pl.Series:
    found = frame[column] if isinstance(column, str) else frame.select(column).to_series()
    return found.rename(name)


def _divided(above: pl.Series, times: int, below: pl.Series | int, under: int) -> pl.Series:
    """Divide `above * times` by `below * under`; `below` may be one number for all rows."""
    below = pl.Series([below], dtype=pl.Int128) if isinstance(below, int) else below
    (upper, upper_wide), (lower, lower_wide) = _product(above, times), _product(below, under)
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = upper / lower
    nothing = lower == 0
    if nothing.any():
        quotient[np.broadcast_to(nothing, quotient.shape)] = np.nan
    wide = upper_wide | lower_wide
    for row in np.flatnonzero(np.broadcast_to(wide, quotient.shape)) if wide.any() else ():
        a, b = above[int(row)], below[int(row) if len(below) > 1 else 0]
        if a is not None and b:
            quotient[row] = (a * times) / (b * under)
    return pl.Series(above.name, quotient, nan_to_null=bool(np.isnan(quotient).any()))


def _product(column: pl.Series, times: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return `column * times` as floats, nulls as NaN, and which of them are not the whole numbers they stand for."""
    if times >= _EXACT:
        return np.zeros(len(column)), np.ones(len(column), dtype=bool)
    floats = column.cast(pl.Float64).to_numpy()
    product = floats if times == 1 else floats * times
    return product, np.abs(product) >= _EXACT
