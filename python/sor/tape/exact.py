"""Floats that are the nearest to exact numbers: money and prices from nanos, means per share, sizes in the user's unit.

Polars divides a column by a constant by way of the constant's rounded inverse, which misses the nearest float of one
price in four, and integers beyond 2^53 lose digits before they are divided. Here a quotient of integers is rounded
once: by the processor where both fit a float, by Python's own division of integers where one does not.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

NANOS = 10**9
BPS = 10**4

_EXACT = 2**53
"""Up to here every whole number is a float."""


def ratio(numerator: pl.Expr, denominator: pl.Expr | int, times: Fraction | int = 1) -> pl.Expr:
    """Divide whole numbers: the float nearest to `numerator * times / denominator`.

    Args:
        numerator: Integers of any width.
        denominator: Integers; where one is zero or null, so is the result null.
        times: A constant factor.

    """
    factor = Fraction(times)
    below = pl.lit(denominator, pl.Int128) if isinstance(denominator, int) else denominator.cast(pl.Int128)
    pairs = pl.struct(
        above=numerator.cast(pl.Int128) * pl.lit(factor.numerator, pl.Int128),
        below=below * pl.lit(factor.denominator, pl.Int128),
    )
    return pairs.map_batches(_divided, return_dtype=pl.Float64)


def currency(columns: Iterable[str]) -> list[pl.Expr]:
    """Show integer columns of nanos as currency."""
    return [ratio(pl.col(name), NANOS).alias(name) for name in columns]


def _divided(pairs: pl.Series) -> pl.Series:
    above, below = pairs.struct.field("above"), pairs.struct.field("below")
    if _all_small(above) and _all_small(below) and not (below == 0).any():
        return above.cast(pl.Float64) / below.cast(pl.Float64)
    small = above.is_between(-_EXACT, _EXACT) & below.is_between(-_EXACT, _EXACT)
    there = above.is_not_null() & below.is_not_null() & (below != 0)
    floats = [side.fill_null(1).cast(pl.Float64).to_numpy() for side in (above, below)]
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = floats[0] / floats[1]
    large = (there & ~small.fill_null(value=True)).arg_true()
    if len(large):
        exact: Any = zip(above.gather(large).to_list(), below.gather(large).to_list(), strict=True)
        quotient[large.to_numpy()] = [a / b for a, b in exact]
    found = pl.Series(quotient)
    return pl.select(pl.when(there).then(found)).to_series() if not there.all() else found


def _all_small(side: pl.Series) -> bool:
    """Tell whether every value is there, and a float."""
    least: Any = side.min()
    most: Any = side.max()
    return side.null_count() == 0 and len(side) > 0 and bool(least >= -_EXACT and most <= _EXACT)
