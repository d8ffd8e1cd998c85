"""What a user says about a table that its columns do not say themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sor.errors import ParameterError, shown
from sor.settings.checks import above_zero, whole
from sor.settings.times import check_zone

NANOS = 10**9
TIME_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
"""Nanoseconds in each unit a column of integer times may have."""

CLOCKS = ("ts_event", "ts_recv")

QUOTE_NAMES = (
    *("ts_event", "ts_recv", "date", "publisher_id", "venue", "symbol", "instrument_id", "sequence", "rtype"),
    *("bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00", "queue_position", "action"),
)
TRADE_NAMES = (
    *("ts_event", "ts_recv", "date", "publisher_id", "venue", "symbol", "instrument_id", "sequence", "rtype"),
    *("price", "size", "cond", "correction", "action"),
)
CONSOLIDATED_NAMES = ("bid_pb_00", "ask_pb_00", "bid_exchange", "ask_exchange")
"""Columns that name a venue for each side: the records are of no single venue."""

KNOWN_NAMES = tuple(dict.fromkeys((*QUOTE_NAMES, *TRADE_NAMES)))


@dataclass(frozen=True)
class Options:
    """The arguments of `read_quotes` and `read_trades` that say how a table is meant, checked."""

    symbol: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    venue: str | None = None
    clock: str | None = None
    time_unit: str | None = None
    date: dt.date | None = None
    tz: str | None = None
    price_scale: float | None = None
    size_scale: int = 1
    size_unit: float | None = None
    separator: str = ","
    max_bytes: int | None = None

    @property
    def nanos_per_price(self) -> int:
        """Nanos in one unit of an integer price column."""
        return 1 if self.price_scale is None else round(_decimal(self.price_scale) * NANOS)


READ = (
    "columns",
    "venue",
    "clock",
    "time_unit",
    "date",
    "tz",
    "price_scale",
    "size_scale",
    "size_unit",
    "separator",
)
"""What says how a table is meant, by the names of the arguments."""


def as_plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that say how a table is meant as plain values: the table `read` of the settings."""
    said = {name: given.get(name) for name in READ if given.get(name) is not None}
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in said.items()}


def read_options(given: Mapping[str, object]) -> Options:
    """Check every option and return them together.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """
    checks: dict[str, Callable[[str, object], Any]] = {
        "symbol": _text,
        "columns": _columns,
        "venue": _text,
        "clock": lambda name, value: _among(name, value, CLOCKS),
        "time_unit": lambda name, value: _among(name, value, tuple(TIME_UNITS)),
        "date": _date,
        "tz": _zone,
        "price_scale": _price_scale,
        "size_scale": lambda name, value: whole(name, value, most=10**6),
        "size_unit": _size_unit,
        "separator": _separator,
        "max_bytes": lambda name, value: whole(name, value, most=2**62),
    }
    checked = {name: checks[name](name, value) for name, value in given.items() if value is not None}
    options = Options(**checked)
    if options.size_unit is not None and options.size_scale != 1:
        raise ParameterError("size_unit and size_scale are both given; expected one of them")
    return options


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ParameterError(f"{name} is {shown(value)}; expected a string")
    return value


def _among(name: str, value: object, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ParameterError(f"{name} is {shown(value)}; expected one of {', '.join(allowed)}")
    return value


def _columns(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(each, str) for pair in value.items() for each in pair
    ):
        raise ParameterError(
            f"{name} is {shown(value)}; expected a mapping of the table's names to these: {_known()}"
        )
    for theirs, ours in value.items():
        if ours not in KNOWN_NAMES:
            raise ParameterError(f"{name}: {shown(theirs)} becomes {shown(ours)}; expected one of {_known()}")
    if len(set(value.values())) < len(value):
        raise ParameterError(f"{name} is {shown(value)}; expected each of our names once")
    return dict(value)


def _known() -> str:
    return ", ".join(KNOWN_NAMES)


def _date(name: str, value: object) -> dt.date:
    if isinstance(value, str):
        with suppress(ValueError):  # then it stays text
            value = dt.date.fromisoformat(value)
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise ParameterError(f"{name} is {shown(value)}; expected a date such as '2024-01-02'")
    if not 1990 <= value.year <= 2261:
        raise ParameterError(f"{name} is {value}; expected a year from 1990 to 2261")
    return value


def _zone(name: str, value: object) -> str:
    check_zone(name, value)
    return str(value)


def _price_scale(name: str, value: object) -> float:
    right = "what one unit of the price column is worth, a multiple of 1e-9: 1e-9 nanos, 0.0001 as LOBSTER, 1 currency"
    number = _checked(name, value, right)
    nanos = _decimal(number) * NANOS
    if nanos.denominator != 1 or nanos > 10**15:
        raise ParameterError(f"{name} is {shown(value)}; expected {right}")
    return number


def _size_unit(name: str, value: object) -> float:
    right = "the least size the tape counts, such as 0.001, from 1e-12 to 1"
    number = _checked(name, value, right)
    if not 1e-12 <= number <= 1:
        raise ParameterError(f"{name} is {shown(value)}; expected {right}")
    return number


def _decimal(number: float) -> Fraction:
    """Return the decimal number that a float is written as."""
    return Fraction(repr(number))


def _checked(name: str, value: object, right: str) -> float:
    try:
        return above_zero(name, value)
    except ParameterError:
        raise ParameterError(f"{name} is {shown(value)}; expected {right}") from None


def _separator(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in '"\n\r':
        raise ParameterError(
            f"{name} is {shown(value)}; expected one character such as ',', ';', '|' or a tab"
        )
    return value
