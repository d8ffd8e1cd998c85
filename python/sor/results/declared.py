"""How the columns of a table are declared."""

from __future__ import annotations

from dataclasses import dataclass

TIME = "Datetime(ns, UTC)"
WHOLE = "Int64"
COUNT = "UInt32"
REAL = "Float64"
NAME = "Enum"
TEXT = "String"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: As in the frame.
        dtype: Of polars; `Enum` stands for an `Enum` of any categories.
        unit: What its numbers count or measure; empty for names and flags.
        meaning: What it says, and when it is null.

    """

    name: str
    dtype: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One result table.

    Attributes:
        about: What a row is.
        columns: In the order of the frame.

    """

    about: str
    columns: tuple[Column, ...]


Columns = tuple[Column, ...]
Row = tuple[str, str, str, str]


def columns(*parts: Columns | Row) -> Columns:
    """Put columns together; a row of four texts is one column."""
    found: list[Column] = []
    for part in parts:
        if part and isinstance(part[0], str):
            found.append(Column(*part))
        else:
            found += part
    return tuple(found)


def table(about: str, *parts: Columns | Row) -> Table:
    """Describe a table by what a row is and its columns."""
    return Table(about, columns(*parts))


def nanos(given: Columns, money: tuple[str, ...], dtype: str = WHOLE) -> Columns:
    """Return columns as the exact ledger has them: these in nanos instead of currency."""
    return tuple(
        Column(column.name, dtype, column.unit.replace("currency", "nanos"), column.meaning)
        if column.name in money
        else column
        for column in given
    )


def only(given: Columns, *names: str) -> Columns:
    """Return some of the columns, in the order of their names here."""
    by_name = {column.name: column for column in given}
    return tuple(by_name[name] for name in names)
