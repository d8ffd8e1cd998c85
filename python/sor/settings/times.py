"""Times and durations as Python users write them, to integer nanoseconds (rule N1)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from sor.errors import ParameterError, shown

Time: TypeAlias = datetime | date | str | int
"""A moment: datetime (without a zone: UTC), ISO 8601 string, or integer nanoseconds since the epoch."""
Duration: TypeAlias = timedelta | str | int
"""A span: timedelta, a string such as ``"5m"`` or ``"250ms"``, or integer nanoseconds."""

INT64_MAX = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?")
_TERM = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_TERM.pattern})+")
# `datetime.fromisoformat` keeps six digits of a second; these are the three that follow.
_BEYOND_MICROS = re.compile(r"[.,]\d{6}(\d{1,3})")
_SUBNANO = re.compile(r"[.,]\d{9}\d*[1-9]")

_A_TIME = "a datetime, an ISO 8601 string such as '2024-01-02T14:30:00Z' or integer nanoseconds (UTC)"
_A_DURATION = "a string such as '5m', '1h30m' or '250ms', a timedelta or integer nanoseconds"


def to_ns(value: object, name: str) -> int:
    """Read a moment as integer nanoseconds since the epoch, UTC.

    Args:
        value: A `datetime` or `date` (without a zone: UTC), an ISO 8601 string (`Z`, an offset, or
            neither: UTC; up to nine digits of a second are kept), a `numpy.datetime64`, or integer
                nanoseconds.
        name: The argument's name, for the error.

    Raises:
        ParameterError: If `value` is none of these, or lies outside 1677-09-21 to 2262-04-11.

    """
    match value:
        case bool():
            raise _wrong(name, value, _A_TIME)
        case int() | np.integer() if not isinstance(value, np.timedelta64):  # a subclass of signedinteger
            nanos = int(value)
        case np.datetime64():
            # By way of its text: a cast to a finer unit wraps silently.
            nanos = _iso_ns(str(value), name)
        case datetime():
            # pandas.Timestamp is a datetime with three more digits.
            nanos = _datetime_ns(value) + int(getattr(value, "nanosecond", 0))
        case date():
            nanos = _datetime_ns(datetime.combine(value, time()))
        case str():
            nanos = _iso_ns(value, name)
        case _:
            raise _wrong(name, value, _A_TIME)
    if not -INT64_MAX <= nanos <= INT64_MAX:
        raise _wrong(name, value, "a time between 1677-09-21 and 2262-04-11, the range of 64-bit nanoseconds")
    return nanos


def duration_ns(value: object, name: str) -> int:
    """Read a span of time as integer nanoseconds, zero or more.

    Args:
        value: A string of numbers with units (`d h m s ms us ns`: `"5m"`, `"1h30m"`, `"0.5s"`), a
            `timedelta`, a `numpy.timedelta64`, or integer nanoseconds.
        name: The argument's name, for the error.

    Raises:
        ParameterError: If `value` is none of these, negative, not whole nanoseconds, or beyond 292 years.

    """
    nanos: int | Fraction
    match value:
        case bool():
            raise _wrong(name, value, _A_DURATION)
        case np.timedelta64() if not np.isnat(value):
            nanos = int(value.astype("m8[ns]").astype(np.int64))
        case int() | np.integer() if not isinstance(value, np.timedelta64):  # what is left of those is NaT
            nanos = int(value)
        case timedelta():
            nanos = _timedelta_ns(value) + int(getattr(value, "nanoseconds", 0))
        case str() if _DURATION.fullmatch(text := value.replace(" ", "")):
            nanos = sum(
                (Fraction(number) * _NANOS[unit] for number, unit in _TERM.findall(text)), Fraction(0)
            )
        case str():
            raise _wrong(
                name, value, "a number with a unit, such as '5m', '1h30m' or '250ms' (d h m s ms us ns)"
            )
        case _:
            raise _wrong(name, value, _A_DURATION)
    if nanos < 0:
        raise _wrong(name, value, f"{_A_DURATION}, zero or more")
    if nanos.denominator != 1 or nanos > INT64_MAX:
        raise _wrong(name, value, "a whole number of nanoseconds below 292 years")
    return int(nanos)


def is_clock(value: object) -> bool:
    """Tell whether a value is a time of day, such as `"09:30"`, rather than a moment."""
    return isinstance(value, time) or (isinstance(value, str) and _CLOCK.fullmatch(value) is not None)


def check_zone(name: str, value: object) -> None:
    """Check the name of a time zone.

    Raises:
        ParameterError: If there is none of this name.

    """
    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ValueError, OSError, KeyError):
        raise _wrong(name, value, "a time zone such as 'America/New_York' or 'UTC'") from None


def clock_ns(value: object, name: str) -> int:
    """Read a time of day as nanoseconds since midnight: `"09:30"`, `"9:30"`, `"16:00:00.5"` or a `datetime.time`.

    Raises:
        ParameterError: If it is neither.

    """
    text = value if isinstance(value, str) else ""
    text = text.zfill(len(text) + 1) if text[1:2] == ":" else text  # 9:30
    try:
        clock = value if isinstance(value, time) else time.fromisoformat(text)
    except ValueError:
        clock = None
    if clock is None or clock.tzinfo is not None:
        raise _wrong(name, value, "a time of day such as '09:30'")
    seconds = (clock.hour * 60 + clock.minute) * 60 + clock.second
    return seconds * _NANOS["s"] + clock.microsecond * _NANOS["us"] + _beyond_micros(text, name)


def duration_notice(value: object, name: str) -> str | None:
    """Say what a bare number means as a duration, where it is so short that another unit may have been meant.

    Returns:
        A sentence for a whole number from 1 to 999,999 (it is nanoseconds: less than a millisecond), or None.

    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)
    if not whole or not 0 < int(value) < _NANOS["ms"]:  # type: ignore[call-overload]
        return None
    return f"{name} is {value}, which is {value} nanoseconds; a string says its unit: '{value}s', '{value}ms'"


def format_ns(nanos: int) -> str:
    """Show a time in UTC with the digits of a second that say something: `2024-01-02 14:30:00.25`."""
    moment = _EPOCH + timedelta(seconds=nanos // 1_000_000_000)
    fraction = f"{nanos % 1_000_000_000:09d}".rstrip("0")
    return f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{fraction}" if fraction else "")


def _timedelta_ns(value: timedelta) -> int:
    return (value.days * 86_400 + value.seconds) * 1_000_000_000 + value.microseconds * 1_000


def _datetime_ns(value: datetime) -> int:
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return _timedelta_ns(aware - _EPOCH)


def _iso_ns(text: str, name: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _wrong(name, text, _A_TIME) from None
    return _datetime_ns(moment) + _beyond_micros(text, name)


def _beyond_micros(text: str, name: str) -> int:
    """Return the nanoseconds of a text that Python's own times cut off."""
    if _SUBNANO.search(text):
        raise _wrong(name, text, "at most nine digits of a second")
    beyond = _BEYOND_MICROS.search(text)
    return int(beyond[1].ljust(3, "0")) if beyond else 0


def _wrong(name: str, value: object, right: str) -> ParameterError:
    return ParameterError(f"{name} is {shown(value)}; expected {right}")
