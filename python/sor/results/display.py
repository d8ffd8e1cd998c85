"""Tables as a person reads them in a terminal."""

from __future__ import annotations

import html

import polars as pl

_LEAST_DIGITS = 3


def escaped(text: str) -> str:
    """Return text that HTML shows as it is."""
    return html.escape(text)


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """Round every float to three digits behind the point."""
    return frame.with_columns(pl.selectors.float().round(3) + 0.0)


def text(frame: pl.DataFrame) -> str:
    """Return a whole frame as aligned text: names over rows, numbers to the right, what is null a dash."""
    columns = [_column(column) for column in frame]
    header, *rows = ("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))
    rule = "-" * max(map(len, (header, *rows)))
    return "\n".join([header, rule, *rows])


def _column(column: pl.Series) -> list[str]:
    """Return the cells of a column, its name first, all of one width."""
    values = column.to_list()
    if column.dtype.is_float():
        digits = max((_digits(value) for value in values if value is not None), default=0)
        digits = max(digits, _LEAST_DIGITS)
        cells = ["-" if value is None else f"{value + 0.0:,.{digits}f}" for value in values]
    else:
        cells = [_cell(value) for value in values]
    width = max(map(len, (column.name, *cells)))
    right = column.dtype.is_numeric()
    return [cell.rjust(width) if right else cell.ljust(width) for cell in (column.name, *cells)]


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
