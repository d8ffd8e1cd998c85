"""Tables as a person reads them in a terminal."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.settings.checks import whole

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEAST_DIGITS = 3


def escaped(text: str) -> str:
    """Return text that HTML shows as it is."""
    from html import escape  # a notebook's alone, and with a long table of entities

    return escape(text)


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """Round every float to three digits behind the point."""
    return frame.with_columns(pl.selectors.float().round(3) + 0.0)


WIDTH = 80
"""Columns of a terminal that every table fits."""
_MOST_NAME = 30
_NUMBER = re.compile(r"-|(< )?[-+]?[\d,.]+(%|e[-+]?\d+)?")


def text(frame: pl.DataFrame) -> str:
    """Return a whole frame as aligned text: names over rows, numbers to the right, what is null a dash.

    A table wider than a terminal goes on below, its first column repeated.
    """
    if not frame.columns:
        return "nothing to show"
    first, *others = (_column(column) for column in frame)
    blocks: list[list[list[str]]] = [[first]]
    for column in others:
        if sum(len(cells[0]) + 2 for cells in (*blocks[-1], column)) - 2 > WIDTH and len(blocks[-1]) > 1:
            blocks.append([first])
        blocks[-1].append(column)
    return "\n\n".join(map(_block, blocks))


def as_json(values: Any, indent: object, **options: Any) -> str:
    """Return plain values as JSON.

    Raises:
        ParameterError: If `indent` is neither None nor a few spaces.

    """
    spaces = None if indent is None else whole("indent", indent, least=0, most=16)
    return json.dumps(values, indent=spaces, allow_nan=False, **options)


def titled(head: str, frame: pl.DataFrame, warnings: Iterable[str] = (), remarks: Iterable[str] = ()) -> str:
    """Return a table under its title, and below it remarks and what does not fit."""
    below = [heading(line) for line in (*remarks, *notes(warnings))]
    return "\n".join([heading(head), text(frame), *below])


def notes(warnings: Iterable[str]) -> list[str]:
    """Return what does not fit as it is shown."""
    return [f"note: {warning}" for warning in warnings]


def heading(words: str) -> str:
    """Return a line of words, wrapped where it is wider than a terminal."""
    return "\n".join(textwrap.wrap(words, WIDTH, subsequent_indent="  "))


def as_html(title: str, frame: pl.DataFrame, *notes: str) -> str:
    """Return the table of `text` for a notebook, with a title and notes; every word escaped."""
    items = "".join(f"<li>{escaped(note)}</li>" for note in notes)
    head = f"<b>{escaped(title)}</b>" + (f"<ul>{items}</ul>" if items else "")
    if not frame.columns:
        return head
    columns = [_column(column, short=False) for column in frame]
    ends = ["right" if _of_numbers(column) else "left" for column in frame]
    tags = ("th", *("td" for _ in range(frame.height)))
    rows = "".join(
        "<tr>"
        + "".join(
            f'<{tag} style="text-align:{end}">{escaped(cell.strip())}</{tag}>'
            for cell, end in zip(cells, ends, strict=True)
        )
        + "</tr>"
        for tag, cells in zip(tags, zip(*columns, strict=True), strict=True)
    )
    return f"{head}<table>{rows}</table>"


def _block(columns: list[list[str]]) -> str:
    header, *rows = ("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))
    rule = "-" * max(map(len, (header, *rows)))
    return "\n".join([header, rule, *rows])


def _column(column: pl.Series, *, short: bool = True) -> list[str]:
    """Return the cells of a column, its name first, all of one width."""
    values = column.to_list()
    if column.dtype.is_float():
        digits = max((_digits(value) for value in values if value is not None), default=0)
        digits = max(digits, _LEAST_DIGITS)
        cells = ["-" if value is None else f"{value:z,.{digits}f}" for value in values]
    else:
        cells = [_cell(value) for value in values]
    if short:
        cells = [cell if len(cell) <= _MOST_NAME else f"{cell[: _MOST_NAME - 3]}..." for cell in cells]
    width = max(map(len, (column.name, *cells)))
    right = _of_numbers(column)
    return [cell.rjust(width) if right else cell.ljust(width) for cell in (column.name, *cells)]


def _of_numbers(column: pl.Series) -> bool:
    """Tell whether a column holds numbers, or text that says them, such as `< 0.001`."""
    if column.dtype != pl.String:
        return column.dtype.is_numeric()
    return all(value is None or _NUMBER.fullmatch(value) for value in column)


def _digits(value: float) -> int:
    """Count the digits behind the point that a rounded number has, at most six."""
    return len(f"{value:.6f}".rstrip("0").partition(".")[2])


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
