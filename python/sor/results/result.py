"""What every verb returns has in common: tables, a picture, and how it was made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import display
from sor.results.saved import Parts, Saved, versions
from sor.results.views import Drawn
from sor.settings.checks import flag
from sor.settings.times import format_ns
from sor.tape.venues import self_contained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.settings.config import Config
    from sor.tape.tape import Quotes


class Result(Saved, Drawn):
    """What a verb returns."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not fit, and may make the result say little; each was raised as a `SorWarning` too."""
        raise NotImplementedError

    @property
    def _origin(self) -> tuple[Config, Sequence[Quotes]]:
        """The call that made it, and the tapes."""
        raise NotImplementedError

    def config(self) -> str:
        """Return the TOML that makes this result again: `sor COMMAND --config run.toml`.

        Settings are complete, so that later defaults change nothing. A tape that came from a frame is named `frame`:
        put the path of a file in its place.
        """
        return self._origin[0].to_toml()

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        raise NotImplementedError

    def to_json(self, *, indent: int | None = 2, full: bool = False) -> str:
        """Return `to_dict()` as JSON; durations are strings.

        Args:
            indent: Spaces a level is indented by; None: on one line.
            full: Everything: versions, settings, tapes with their digests, warnings, and the small tables.

        Raises:
            ParameterError: If `indent` is neither None nor a few spaces.

        """
        values = self._full() if flag("full", full) else self.to_dict()
        return display.as_json(values, indent, default=str)

    def provenance(self) -> dict[str, Any]:
        """Return what the result depends on as plain values: versions, settings, tapes and their digests."""
        made, tapes = self._origin
        return {
            "versions": versions(),
            "settings": made.to_plain(),
            "tapes": [described(tape) for tape in tapes],
        }

    @property
    def _parts(self) -> Parts:
        made, tapes = self._origin
        written = replace(made, market=self_contained(made.market))
        return Parts("tapes", written, self._frames, digests(tapes))

    def _full(self) -> dict[str, Any]:
        small = {name: _rows(self.tables[name]) for name in self._small}
        return {
            **self.provenance(),
            "result": self.to_dict(),
            "warnings": list(self.warnings),
            "tables": small,
        }

    @property
    def _small(self) -> Sequence[str]:
        """The tables that have a few rows whatever the number of orders."""
        raise NotImplementedError


def described(tape: Quotes) -> dict[str, Any]:
    """Describe a tape: where it came from, what it spans, and the digest of its records."""
    return {
        "source": tape.source,
        "symbol": tape.symbol,
        "records": len(tape),
        "start": format_ns(tape.start),
        "end": format_ns(tape.end),
        "digest": (tape.whole or tape).digest,
    }


def digests(tapes: Sequence[Quotes]) -> dict[str, str]:
    """Return the digests of tapes by their source; of several of one file, with the symbol."""
    sources = [tape.source for tape in tapes]
    found = {}
    for i, tape in enumerate(tapes):
        name = tape.source if sources.count(tape.source) == 1 else f"{tape.source}, {tape.symbol or i}"
        found[name] = (tape.whole or tape).digest
    return found


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(times).dt.to_string("iso:strict")).to_dicts()
