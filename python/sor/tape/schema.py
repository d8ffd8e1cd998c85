"""The one form of a tape that the core sees, and a source of records on the way to it (rules B1, B2).

Every input column becomes a canonical one through a polars expression that is null exactly where the
record is malformed. A good file is therefore read and checked in one streaming pass, and the check is a
null count; only when that is not zero are the rows read again, to say which one is wrong and what would be
right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, Self

import polars as pl

from sor.errors import DataError
from sor.settings.parquet import unnamed_zone, zone_in

if TYPE_CHECKING:
    from sor.tape.lines import Lines

UNDEF_PRICE = 2**63 - 1
"""DBN's undefined price: a side without a quote."""

TAPE_SCHEMA = {
    "ts": pl.Int64(),
    "venue": pl.UInt16(),
    "bid_px": pl.Int64(),
    "bid_sz": pl.UInt32(),
    "ask_px": pl.Int64(),
    "ask_sz": pl.UInt32(),
}
"""The canonical tape, in this order; `queue_position` (Float64) follows where the input has one."""

TRADE_SCHEMA = {"ts": pl.Int64(), "venue": pl.UInt16(), "price": pl.Int64(), "size": pl.UInt32()}
"""Canonical trades: the same venue index, nanos and shares as the tape they belong to."""


_PRICES = ("bid_px_00", "ask_px_00", "price")
_WHOLE = re.compile(r"[+-]?\d+")

_FILLED = ~pl.all_horizontal(pl.all().is_null())
"""Whether a record has any value: a line of a text without is none."""


class Prints(Protocol):
    """Trades, by what sessions need of them."""

    @property
    def frame(self) -> pl.DataFrame:
        """The trades, in order of `ts`."""
        ...


class Tape(Protocol):
    """A tape, by what is laid on it: sessions, halts, the terms of venues. `sor.Quotes` is one."""

    @property
    def frame(self) -> pl.DataFrame:
        """The records, of `TAPE_SCHEMA`."""
        ...

    @property
    def venues(self) -> pl.DataFrame:
        """The index, id and name of each venue."""
        ...

    @property
    def symbol(self) -> str | None:
        """The instrument."""
        ...

    @property
    def source(self) -> str:
        """Where the records came from."""
        ...

    @property
    def trades(self) -> Prints | None:
        """The executions."""
        ...

    def kept(self, frame: pl.DataFrame, trades: pl.DataFrame | None) -> Self:
        """Return the tape with these of its records and trades."""
        ...


@dataclass(frozen=True)
class Part:
    """One source of records: a file, or a frame."""

    label: str
    frame: pl.LazyFrame
    schema: pl.Schema
    text: bool = False
    """Every column is a string (CSV), to be parsed here, where a value that does not parse can be named."""
    lines: Lines | None = None
    """Those of a text, which are at least its records."""
    quick: Part | None = None
    """The same records with the types that the first rows have: what a file of text is tried as first."""
    trusting: bool = False
    """Texts are taken to have the form of the first one; what has not is null, and read again in another part."""
    keep: pl.Expr | None = None
    """The records to read: those of one symbol, say; all by default."""
    theirs: Mapping[str, str] = field(default_factory=dict)
    """The source's own names of the columns that were renamed."""
    kind: str | None = None
    """The schema that the source's metadata name (DBN), such as `mbp-1`."""
    rtype: int | None = None
    """The record type of the first record, where there is a column of it."""

    def dtype(self, name: str, *expected: str) -> pl.DataType:
        """Return the dtype of a column the part must have."""
        if name not in self.schema:
            names = expected or (name,)
            raise DataError(
                f"{self.label}: no column {' or '.join(names)}; its columns are {', '.join(self.schema) or 'none'} "
                f"({self._remedy(names)})"
            )
        return self.schema[name]

    def _remedy(self, names: Sequence[str]) -> str:
        """Say how a column that is missing may be found."""
        header = ", ".join(self.schema)
        split = next(
            (each for each in ",;|\t" if self.text and len(self.schema) == 1 and each in header), None
        )
        if split is not None:
            return f"separator={split!r} splits them"
        alike = {each.strip().lower(): each for each in self.schema}
        for name in names:
            if name in alike:
                return f"columns={{{alike[name]!r}: {name!r}}} takes this one"
        return "columns={theirs: ours} says which is which"

    def only(self, chosen: pl.Expr) -> Part:
        """Keep the records for which an expression holds, in both forms of the part."""
        quick = None if self.quick is None else self.quick.only(chosen)
        return replace(self, keep=chosen if self.keep is None else self.keep & chosen, quick=quick)

    def filled(self) -> Part:
        """Leave out the lines of a text that have no value, where there is a blank one.

        Raises:
            DataError: If a line is neither blank nor of as many fields as the header.

        """
        return self.only(_FILLED) if self.lines is not None and self.lines.checked[1] else self


@dataclass(frozen=True)
class Plain:
    """A column of numbers or names that is made canonical batch by batch (`sor.tape.stream`)."""

    expr: pl.Expr
    """The values as they are, without nulls where null is no mistake."""
    least: int = -(2**63)
    most: int = 2**63 - 1
    """Of times: those between are times."""
    scale: float = 1e9
    """Of prices that are floats: the nanos that one is worth."""


@dataclass(frozen=True)
class Column:
    """A canonical column: how it is made, and how to speak of a value that cannot be."""

    name: str
    raw: str
    expr: pl.Expr
    expects: str
    hint: Callable[[object], str] | None = None
    """What a wrong value looks like, to be added to the message."""
    plain: Plain | None = None
    """What the core takes instead of `expr`, where the column is of such a type."""


Plan = Callable[[Part], list[Column]]


def collect(part: Part, plan: Plan) -> pl.DataFrame:
    """Read a part into canonical columns.

    Raises:
        DataError: At the first malformed record, naming source, row, column and value. Rows count from 1
            and leave out a CSV's header line.

    """
    part = part.filled()
    if part.quick is not None:
        try:
            frame = _gather(part.quick, plan(part.quick))
            if not any(frame.null_count().row(0)):
                return frame
        except (pl.exceptions.PolarsError, DataError):
            pass  # something is unlike the first rows: the slow form finds out what, and whether it is wrong
    columns = plan(part)
    frame = _gather(part, columns)
    nulls = frame.null_count().row(0)
    if any(nulls) and part.text:
        part = part.only(_FILLED)
        frame = _gather(part, columns)
        nulls = frame.null_count().row(0)
    if any(nulls):
        raise _malformed(part, [column for column, count in zip(columns, nulls, strict=True) if count])
    return frame


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Turn what libraries and the system raise on a source into a `DataError` that names it."""
    known = (pl.exceptions.PolarsError, OSError, EOFError, UnicodeError, OverflowError, MemoryError)
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (*known, pl.exceptions.PanicException) as failed:
        reason = next(iter(str(failed).splitlines()), "") or type(failed).__name__
        if "utf-8" in reason.lower():
            reason += "; expected text in UTF-8"
        elif zone := zone_in(failed):
            raise unnamed_zone(label, zone) from failed
        raise DataError(f"{label}: cannot be read: {reason}") from failed


def _gather(part: Part, columns: list[Column]) -> pl.DataFrame:
    kept = part.frame if part.keep is None else part.frame.filter(part.keep)
    made = kept.select(column.expr.alias(column.name) for column in columns)
    if any(column.name == "bid_px" for column in columns):
        made = made.with_columns(*_cleared("bid"), *_cleared("ask"))
    return made.collect(engine="streaming")


def _cleared(side: str) -> tuple[pl.Expr, pl.Expr]:
    """Clear price and size where either says that there is no quote (rule B2); what is malformed stays null."""
    price, size = pl.col(f"{side}_px"), pl.col(f"{side}_sz")
    return (
        pl.when((size == 0) & price.is_not_null()).then(UNDEF_PRICE).otherwise(price).alias(f"{side}_px"),
        pl.when((price == UNDEF_PRICE) & size.is_not_null())
        .then(pl.lit(0, pl.UInt32))
        .otherwise(size)
        .alias(f"{side}_sz"),
    )


def _malformed(part: Part, columns: list[Column]) -> DataError:
    """Name the first row that has no canonical form."""
    found = []
    for column in columns:
        wrong = column.expr.is_null() if part.keep is None else column.expr.is_null() & part.keep
        # The number is taken before the filter: it is the row of the file that is wanted.
        rows = part.frame.select(pl.col(column.raw).alias("value"), wrong=wrong).with_row_index(
            "row", offset=1
        )
        row, value = _shown(rows.filter("wrong").select("row", "value").head(1).collect())
        found.append((row, column, value))
    row, column, value = min(found, key=lambda each: each[0])
    broken = None
    if column.raw in _PRICES and isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        # It is beyond every price in currency: the prices are nanos, but for one that is no whole number.
        broken = _first_broken(part, columns)
        row, column, value = broken or (row, column, value)
    shown = "null" if value is None else value if isinstance(value, _Moment) else repr(value)
    name = part.theirs.get(column.raw, column.raw)
    hint = "" if column.hint is None or value is None else column.hint(value)
    hint += " like the others, or nothing where there is no quote" if broken else ""
    return DataError(f"{part.label}: row {row:,}: {name} is {shown}; expected {column.expects}{hint}")


def _first_broken(part: Part, columns: list[Column]) -> tuple[int, Column, object] | None:
    """Return the first price of a text that is no whole number, with its row and column."""
    found = []
    for column in columns:
        if column.raw in _PRICES and part.schema[column.raw] == pl.String:
            broken = ~pl.col("value").str.strip_chars().str.contains(r"^[+-]?\d*$")
            values = part.frame.select(pl.col(column.raw).alias("value")).with_row_index("row", offset=1)
            first = values.filter(broken).head(1).collect()
            found += [(row, column, value) for row, value in first.iter_rows()]
    return min(found, key=lambda each: each[0], default=None)


class _Moment(str):
    """A time as it is shown."""


def _shown(found: pl.DataFrame) -> tuple[int, object]:
    """Return row and value; a time beyond Python's years as a number of its units."""
    row: int = found["row"][0]
    value = found["value"]
    if isinstance(value.dtype, pl.Datetime):
        number = value.to_physical()[0]
        unit = {"ns": 10**9, "us": 10**6, "ms": 10**3}[value.dtype.time_unit]
        if number is not None and not -(10**10) < number / unit < 10**11:
            return row, _Moment(f"{number:,} {value.dtype.time_unit} since 1970")
    return row, value[0]


def is_text(dtype: pl.DataType) -> bool:
    """Tell whether a column holds names."""
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)


def wrong_dtype(part: Part, name: str, dtype: pl.DataType, right: str) -> DataError:
    """Say that a column cannot be read as what it should be."""
    return DataError(f"{part.label}: column {part.theirs.get(name, name)} is {dtype}; expected {right}")
