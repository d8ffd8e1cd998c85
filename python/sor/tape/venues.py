"""Venue terms: from Python, a TOML file or a frame, onto the venues of a tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.checks import path_of
from sor.settings.market import Market, Venue, VenueSource
from sor.tape.publishers import PUBLISHERS, ids_named

if TYPE_CHECKING:
    from pathlib import Path

    from sor.tape.schema import Tape

NANOS = 10**9
_FIELDS = [field.name for field in fields(Venue)]


def self_contained(market: Market) -> Market:
    """Return a market that says itself what its venues are, where it named a file of this machine."""
    if isinstance(market.venues, str | PathLike):
        return replace(market, venues=tuple(read_venues(market.venues)))
    return market


def read_venues(source: VenueSource | None) -> list[Venue]:
    """Read venue terms.

    Args:
        source: `Venue` objects; a frame with a column `id` and any of `name`, `taker_fee`, `maker_rebate`,
            `latency`, `queue_position`; or a TOML file with one `[[venue]]` table of the same keys each.
            None: the default terms everywhere.

    Raises:
        ParameterError: Naming the entry, the key and what would be right.
        FileNotFoundError: If there is no such file.

    """
    if source is None:
        return []
    if isinstance(source, str | PathLike):
        return _from_toml(path_of("venues", source))
    if isinstance(source, pl.DataFrame):
        return [_from_row(row, f"venues, row {i + 1}") for i, row in enumerate(source.to_dicts())]
    if isinstance(source, Mapping):
        labelled: list[tuple[int | str, Venue]] = list(source.items())
    elif isinstance(source, Sequence) and not isinstance(source, str):
        labelled = list(enumerate(source))
    else:
        raise ParameterError(
            f"venues must be sor.Venue objects, a frame or the path of a TOML file, got {shown(source)}"
        )
    for label, venue in labelled:
        if not isinstance(venue, Venue):
            raise ParameterError(f"venues[{shown(label)}] must be a sor.Venue, got {shown(venue)}")
        if isinstance(source, Mapping) and venue.id != label:
            raise ParameterError(
                f"venues[{shown(label)}] is venue {shown(venue.id)}; expected the same id twice"
            )
    return [venue for _, venue in labelled]


def venues_on_tape(source: VenueSource | None, quotes: Tape) -> list[Venue]:
    """Return the terms of every venue of a tape, by index; the defaults where `source` has none.

    Raises:
        ParameterError: If `source` names a venue that is not on the tape, or one twice.

    """
    terms: dict[int, Venue] = {}
    for venue in read_venues(source):
        index = venue_index(venue.id, quotes, "venues")
        if index in terms:
            raise ParameterError(f"venues: {shown(venue.id)} is given twice")
        terms[index] = venue
    return [
        terms.get(index, Venue(_label(row))) for index, row in enumerate(quotes.venues.iter_rows(named=True))
    ]


def venue_names(venues: Sequence[Venue], quotes: Tape) -> list[str]:
    """Return the name to show for each venue, by index."""
    shown = quotes.venues["name"].to_list()
    names = [venue.name or name for venue, name in zip(venues, shown, strict=True)]
    return names if len(set(names)) == len(names) else shown


def venue_index(label: int | str, quotes: Tape, argument: str) -> int:
    """Find a venue on a tape by publisher id, name, or the name that Databento gives to the id.

    Raises:
        ParameterError: If it is not there, listing those that are.

    """
    ids, names = quotes.venues["id"].to_list(), quotes.venues["name"].to_list()
    if label in ids:
        return ids.index(label)
    if label in names:
        return names.index(label)
    # What a publisher id stands for in Databento's own table, where the tape does not say.
    publishers = set(ids_named(label)) & set(ids) if isinstance(label, str) else set()
    if len(publishers) == 1:
        return ids.index(publishers.pop())
    if publishers:
        several = ", ".join(PUBLISHERS[number] for number in sorted(publishers))
        raise ParameterError(
            f"{argument}: venue {shown(label)} is more than one of the tape's: {several}; expected one"
        )
    known = ", ".join(
        name if number is None else f"{name} ({number})" for number, name in zip(ids, names, strict=True)
    )
    raise ParameterError(f"{argument}: venue {shown(label)} is not on the tape, which has {known}")


def _label(row: Mapping[str, Any]) -> int | str:
    label: int | str = row["name"] if row["id"] is None else row["id"]
    return label


def _from_toml(path: Path) -> list[Venue]:
    import tomllib  # most runs read no venues

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no TOML, no text, or no path that a system knows
        raise ParameterError(f"{path}: not a TOML file: {error}") from None
    entries = table.get("venue")
    if set(table) != {"venue"} or not isinstance(entries, list) or not all(map(_is_table, entries)):
        raise ParameterError(f"{path}: expected [[venue]] tables, found {', '.join(table) or 'nothing'}")
    return [_from_row(entry, f"{path}, [[venue]] {i + 1}") for i, entry in enumerate(entries)]


def _is_table(entry: object) -> bool:
    return isinstance(entry, dict)


def _from_row(row: Mapping[str, Any], label: str) -> Venue:
    given = {key: value for key, value in row.items() if value is not None}
    unknown = [key for key in given if key not in _FIELDS]
    if unknown or "id" not in given:
        wrong = f"unknown {', '.join(unknown)}" if unknown else "no id"
        raise ParameterError(f"{label}: {wrong}; a venue has {', '.join(_FIELDS)}")
    try:
        return Venue(given.pop("id"), **given)
    except ParameterError as error:
        raise ParameterError(f"{label}: {error}") from None
