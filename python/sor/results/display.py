"""Tables as a person reads them in a terminal."""

from __future__ import annotations

import re

import polars as pl


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """Round every float to three digits behind the point."""
    return frame.with_columns(pl.selectors.float().round(3) + 0.0)


def text(frame: pl.DataFrame) -> str:
    """Return a whole frame as text, rules only between header and rows; what is null is a dash."""
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_width_chars=160,
        tbl_formatting="UTF8_HORIZONTAL_ONLY",
    ):
        return re.sub(r"\bnull\b", "   -", str(frame))
