"""Tables as a person reads them in a terminal."""

from __future__ import annotations

import polars as pl


def text(frame: pl.DataFrame) -> str:
    """Return a whole frame as text, rules only between header and rows."""
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_width_chars=160,
        tbl_formatting="UTF8_HORIZONTAL_ONLY",
    ):
        return str(frame)
