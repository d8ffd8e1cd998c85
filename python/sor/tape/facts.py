"""What is known of the records of a source as a whole, gathered from its batches (rules B1, B8, B9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES = 2**16
"""So many numbers a venue may have."""


@dataclass
class Facts:
    """What is known of a part's records as a whole."""

    records: int = 0
    rtypes: set[int] = field(default_factory=set)
    all_trades: bool = False
    """Whether a column says that every record is a trade."""
    symbols: set[str] = field(default_factory=set)
    names: set[tuple[int, str]] = field(default_factory=set)
    """Each code of a venue with each name beside it."""
    _name_of: pl.Series | None = None
    """A name of each code, null where none was met."""

    def add(self, frame: pl.DataFrame) -> None:
        """Add what records say, in the columns that are there."""
        if "rtype" in frame.columns:
            self.rtypes |= _distinct(frame["rtype"])
        if "trade" in frame.columns:
            self.all_trades = bool(frame["trade"].all()) and (not self.records or self.all_trades)
        if "symbol" in frame.columns:
            self.symbols |= {"" if value is None else str(value) for value in _distinct(frame["symbol"])}
        if "name" in frame.columns:
            self._add_names(frame["venue"], frame["name"].cast(pl.String))
        self.records += frame.height

    def _add_names(self, codes: pl.Series, names: pl.Series) -> None:
        """Add the names of codes; a record whose code has its name already costs one comparison."""
        known = pl.Series([None], dtype=pl.String).new_from_index(0, CODES)
        known = known if self._name_of is None else self._name_of
        strange = known.gather(codes).ne_missing(names)
        if strange.any():
            pairs = pl.DataFrame({"code": codes, "name": names}).filter(strange).unique().rows()
            self.names |= set(pairs)
            fresh = {code: name for code, name in sorted(pairs) if known[code] is None}
            self._name_of = known.scatter(list(fresh), list(fresh.values())) if fresh else known


def _distinct(column: pl.Series) -> set[Any]:
    """Return the values of a column; nearly always it is one."""
    if len(column) and column.null_count() == 0 and (column == column[0]).all():
        return {column[0]}
    return set(column.unique())


class Codes:
    """Numbers for the names of venues, in the order in which they are met."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def of(self, names: pl.Series) -> NDArray[np.uint16]:
        """Return the number of each name.

        Args:
            names: Texts without nulls.

        Raises:
            polars.exceptions.PolarsError: If there are more names than numbers.

        """
        length = len(names)
        if length and (names == names[0]).all():
            names = names.head(1)
        coded = names.cast(pl.Enum(self.names), strict=False)
        if coded.null_count():
            self.names += names.filter(coded.is_null()).unique(maintain_order=True).to_list()
            coded = names.cast(pl.Enum(self.names))
        numbers = coded.to_physical().cast(pl.UInt16).to_numpy()
        return numbers if len(numbers) == length else np.full(length, numbers[0], dtype=np.uint16)
