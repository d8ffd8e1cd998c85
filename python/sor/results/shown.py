"""Tables of the ledger as a person reads them: nanos as currency, sizes in the user's own unit (rule B10)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from sor.results.columns import TABLES
from sor.tape.exact import NANOS, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.replay.parents import Job


def size_unit(jobs: Sequence[Job]) -> Fraction:
    """Return what the tapes count sizes in, exactly: one for all of them (`jobs_of` sees to it)."""
    return Fraction(repr(jobs[0].quotes.size_unit))


def in_currency(frame: pl.DataFrame, table: str, unit: Fraction) -> pl.DataFrame:
    """Return rows of the ledger in the units that a table declares: currency for nanos, and sizes as `sized` does.

    Args:
        frame: With the columns of the table, or some of them.
        table: Its name in `sor.results.columns.TABLES`.
        unit: What the tape counts sizes in: money is of the user's own sizes.

    """
    kinds = {"currency": (NANOS, unit), "currency per share": (NANOS, Fraction(1))}
    return sized(_converted(frame, table, kinds), table, unit)


def sized(frame: pl.DataFrame, table: str, unit: Fraction) -> pl.DataFrame:
    """Return a table with its sizes in the user's own unit: as they are where the tape counts whole shares."""
    return frame if unit == 1 else _converted(frame, table, {"shares": (1, unit)})


def _converted(frame: pl.DataFrame, table: str, kinds: dict[str, tuple[int, Fraction]]) -> pl.DataFrame:
    wanted = {column.name: kinds[column.unit] for column in TABLES[table].columns if column.unit in kinds}
    return frame.with_columns(
        _quotient(frame[name], below, times) for name, (below, times) in wanted.items() if name in frame
    )


def _quotient(column: pl.Series, below: int, times: Fraction) -> pl.Series:
    if column.dtype.is_float():
        # The paper's problem is one of floats. NumPy divides; polars would multiply by an inverse.
        values = column.to_numpy() * times.numerator / (below * times.denominator)
        return pl.Series(column.name, values, nan_to_null=True)
    return ratio(column.to_frame(), column.name, below, times).alias(column.name)
