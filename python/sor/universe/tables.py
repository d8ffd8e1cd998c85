"""The rows that stand for a study of a universe: one for each unit and policy, sums over its parents."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError
from sor.results.metrics import PARTS
from sor.results.saved import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_UTC = pl.Datetime("ns", "UTC")
KEY = ("date", "symbol", "unit")
"""What every row begins with: `date`, `symbol`, and the unit's name."""
_KEYED: Mapping[str, Any] = {"date": pl.Date, "symbol": pl.String, "unit": pl.String}

COUNTS = (
    *("parents", "no_quotes", "cut", "late", "stale"),
    *("quantity", "executed", "posted", "completed", "children", "fills"),
)
"""Whole numbers of `sums`: of all parents up to `stale`, then over those that could trade."""
MEANS = ("shortfall_bps", *(f"{part}_bps" for part in PARTS), "seconds")
"""What `sums` holds the sum of, and a summary the mean."""
SQUARES = "shortfall_bps2"
"""The sum of the squares of shortfalls: with their sum it gives their standard deviation."""
SAVED = ("savings_bps", *(f"{part}_bps" for part in PARTS))
"""The same of `savings`."""


def schemas(policies: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the columns of every table."""
    names = pl.Enum(list(policies))
    whole = dict.fromkeys(COUNTS, pl.Int64) | {"all_in": pl.Int128, "cash": pl.Int128}
    return {
        "units": {
            **_KEYED,
            "records": pl.Int64,
            "venues": pl.Int64,
            "orders": pl.Int64,
            "start": _UTC,
            "end": _UTC,
            "problem": pl.String,
        },
        "sums": {
            **_KEYED,
            "market": pl.String,
            "policy": names,
            **whole,
            **dict.fromkeys((*MEANS, SQUARES), pl.Float64),
        },
        "savings": {
            **_KEYED,
            "market": pl.String,
            "against": names,
            **dict.fromkeys(("parents", "wins", "losses"), pl.Int64),
            **dict.fromkeys(SAVED, pl.Float64),
            "worst_bps": pl.Float64,
        },
        "inputs": {**_KEYED, "kind": pl.String, "path": pl.String, "digest": pl.String},
        "notices": {**_KEYED, "kind": pl.String, "notice": pl.String},
    }


@dataclass(frozen=True, eq=False)
class Tables:
    """The rows of a study.

    Attributes:
        units: One per unit: what its tape holds, and the `problem` where it could not be used.
        sums: One per unit, market and policy: sums over the unit's parents.
        savings: One per unit, market and other policy: sums of what is saved against it, in pairs.
        inputs: One per unit and file: its `kind` (`quotes`, `cut` where it holds other units too, `trades`), and the
            digest of its bytes; null where it could not be read.
        notices: One per unit and kind of setting that does not fit its tape, with the sentence that says so.

    """

    units: pl.DataFrame
    sums: pl.DataFrame
    savings: pl.DataFrame
    inputs: pl.DataFrame
    notices: pl.DataFrame

    @classmethod
    def empty(cls, policies: Sequence[str]) -> Tables:
        """Return tables without a row."""
        return cls(**{name: pl.DataFrame(schema=schema) for name, schema in schemas(policies).items()})

    @classmethod
    def within(cls, frames: Mapping[str, pl.DataFrame], folder: str = "") -> Tables:
        """Return the tables that `frames` named."""
        return cls(**{name: frames[f"{folder}{name}"] for name in NAMES})

    @classmethod
    def of_bytes(cls, packed: Mapping[str, bytes]) -> Tables:
        """Read what `packed` wrote."""
        return cls(**{name: pl.read_ipc_stream(io.BytesIO(packed[name])) for name in NAMES})

    def packed(self) -> dict[str, bytes]:
        """Return every table as Arrow bytes."""
        return {name: _ipc(getattr(self, name)) for name in NAMES}

    def frames(self, folder: str = "") -> dict[str, pl.DataFrame]:
        """Return every table by its name, in a folder where one is named."""
        return {f"{folder}{name}": getattr(self, name) for name in NAMES}

    def mapped(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Tables:
        """Return the tables that `change` makes of these."""
        return Tables(**{name: change(getattr(self, name)) for name in NAMES})

    def ordered(self) -> Tables:
        """Put the units in order; the rows of one stay in theirs."""
        return self.mapped(lambda frame: frame.sort(KEY, maintain_order=True).rechunk())

    def __len__(self) -> int:
        """Count the units."""
        return self.units.height

    def digest(self) -> str:
        """Return a digest of every value, and of nothing that depends on where the files lie."""
        return digest_of(self.frames())


NAMES = tuple(table.name for table in fields(Tables))
"""The tables, by name."""


def joined(parts: Sequence[Tables]) -> Tables:
    """Return the rows of all parts, one after another."""
    # Where parents come back with the sums, units that could not be used have none of them.
    return Tables(
        **{
            name: pl.concat([getattr(part, name) for part in parts], how="diagonal", rechunk=True)
            for name in NAMES
        }
    )


def together(parts: Iterable[Tables]) -> Tables:
    """Return the rows of all parts, in an order that is not theirs but the units'.

    Raises:
        ParameterError: If a unit is in two of them: its orders would count twice.

    """
    whole = joined(list(parts)).ordered()
    twice = whole.units.filter(pl.struct(KEY).is_duplicated())
    if twice.height:
        raise ParameterError(
            f"{twice['unit'][0]} is in both: its orders would count twice; expected studies of different units"
        )
    return whole


def _ipc(frame: pl.DataFrame) -> bytes:
    """Return a frame in Arrow's format for streams: ten times as quick as that for files where rows are few."""
    sink = io.BytesIO()
    frame.write_ipc_stream(sink)
    return sink.getvalue()
