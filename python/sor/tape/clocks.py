"""The time of a record, from any form a table may have it in (rules B8, B10)."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import ParameterError, shown
from sor.tape.options import TIME_UNITS
from sor.tape.schema import Column, Plain, wrong_dtype

if TYPE_CHECKING:
    from collections.abc import Callable

    from sor.tape.options import Options
    from sor.tape.schema import Part

INTERVAL_RTYPES = (195, 196)
"""BBO-1s and BBO-1m: samples of an interval's end."""

_LATEST = 2**63 - 2
"""The last nanosecond that is a time: the one after it means never."""
_FIRST = 631_152_000 * 10**9  # 1990
_DAY = 86_400 * 10**9

_TIME = (
    "integer nanoseconds since the epoch, an ISO 8601 string such as 2024-01-02T14:30:00.25Z or a datetime, from 1678 "
    "to 2261 (UTC)"
)
_CLOCK = "a time of day: a number of time_unit= since midnight, '09:30:00.25' or 093000250000000 (HHMMSS, nine digits)"


def clock_of(part: Part, options: Options) -> str:
    """Choose the column that says when a record was there to be seen.

    Raises:
        ParameterError: If the time of the last trade is asked for as the time of an interval sample.

    """
    interval = part.rtype in INTERVAL_RTYPES or part.kind in ("bbo-1s", "bbo-1m")
    if interval and options.clock == "ts_event":
        raise ParameterError(
            f"clock is 'ts_event'; {part.label} holds interval samples, whose ts_event is the time of the last "
            "trade, before the quotes were seen; expected 'ts_recv'"
        )
    return options.clock or ("ts_recv" if interval else "ts_event")


def time_column(part: Part, options: Options) -> Column:
    """Plan the time of a record in nanoseconds; null where there is none."""
    name = clock_of(part, options)
    dtype = part.dtype(name)
    if options.date is not None or "date" in part.theirs:
        return Column("ts", name, _on_date(part, name, dtype, options), _CLOCK)
    raw = pl.col(name)
    unit = options.time_unit
    if isinstance(dtype, pl.Datetime):
        is_plain = dtype.time_unit == "ns" and (dtype.time_zone is not None or options.tz is None)
        plain = Plain(raw.to_physical(), -_LATEST, _LATEST) if is_plain else None
        return Column("ts", name, _moment(raw, dtype, options), _TIME, plain=plain)
    if dtype == pl.String:
        text = raw.str.strip_chars()
        quick = _quick_iso(part, name, options) if part.trusting else None
        number = _number(text, unit)
        # What is a number is not looked at again.
        iso = _iso(pl.when(number.is_null()).then(text), options.tz)
        expr = pl.coalesce(number, iso) if quick is None else quick
        return Column("ts", name, expr, _expected(unit), _unit_hint(unit))
    if dtype.is_integer():
        whole = _scaled(raw.cast(pl.Int64, strict=False), unit)
        plain = Plain(raw, _FIRST, _LATEST) if dtype == pl.Int64 and unit is None else None
        return Column("ts", name, whole, _expected(unit), _unit_hint(unit), plain)
    if dtype.is_float() and unit is not None:
        # Whole units and the rest apart: their product is beyond what a float holds to the nanosecond.
        whole = raw.floor()
        rest = ((raw - whole) * TIME_UNITS[unit]).round().cast(pl.Int64, strict=False)
        nanos = _scaled(whole.cast(pl.Int64, strict=False), unit) + rest
        return Column("ts", name, nanos, _expected(unit))
    if isinstance(dtype, pl.Time):
        raise wrong_dtype(part, name, dtype, f"{_TIME}; date= says the day of times of day")
    raise wrong_dtype(part, name, dtype, f"{_TIME} (time_unit= reads numbers with fractions)")


def _expected(unit: str | None) -> str:
    return _TIME if unit is None else f"a time from 1678 to 2261 in {unit}"


def _scaled(number: pl.Expr, unit: str | None) -> pl.Expr:
    """Plan nanoseconds from integers; without a unit, what lies before 1990 as nanoseconds is taken for a mistake."""
    if unit is None:
        return pl.when(number.is_between(_FIRST, _LATEST)).then(number)
    factor = TIME_UNITS[unit]
    most = _LATEST // factor
    return pl.when(number.is_between(-most, most)).then(number * factor)


def _number(text: pl.Expr, unit: str | None) -> pl.Expr:
    """Plan nanoseconds of numbers written as text, with a fraction where their unit is given."""
    whole = _scaled(text.cast(pl.Int64, strict=False), unit)
    if unit is None:
        return whole
    # By way of decimals: a float does not hold a time to the nanosecond.
    number = text.cast(pl.Decimal(38, 12), strict=False)
    most = _LATEST // TIME_UNITS[unit]
    nanos = pl.when(number.is_between(-most, most)).then(number) * TIME_UNITS[unit]
    return pl.coalesce(whole, nanos.round(0).cast(pl.Int64, strict=False))


def _unit_hint(unit: str | None) -> Callable[[object], str] | None:
    """Name the argument that a number too small, or too large, for nanoseconds, or a time of day, asks for."""
    if unit is not None:
        return None

    def hint(value: object) -> str:
        text = str(value).strip()
        if re.match(r"\d{1,2}:\d\d", text):
            return "; it looks like a time of day: date= says the day"
        try:
            number = int(text.replace(",", ""))
        except ValueError:
            return "; time_unit= reads numbers with a fraction" if re.fullmatch(r"\d+\.\d*", text) else ""
        for name, long in (("s", "seconds"), ("ms", "milliseconds"), ("us", "microseconds")):
            if _FIRST <= number * TIME_UNITS[name] <= _LATEST:
                return f"; it looks like {long}: time_unit={shown(name)} reads it so"
        return ". As nanoseconds it lies outside 1990 to 2262; time_unit= says the unit, if only 'ns'"

    return hint


def _moment(raw: pl.Expr, dtype: pl.Datetime, options: Options) -> pl.Expr:
    """Plan nanoseconds of datetimes: an aware one is UTC underneath, a naive one is of `tz`, or else UTC."""
    factor = TIME_UNITS[dtype.time_unit]
    if dtype.time_zone is None and options.tz is not None:
        raw = _to_utc(raw, options.tz)
    number = raw.to_physical()
    most = _LATEST // factor
    return pl.when(number.is_between(-most, most)).then(number * factor)


def _to_utc(naive: pl.Expr, zone: str) -> pl.Expr:
    """Plan what a clock on the wall shows as UTC; of a repeated hour the first, null for a skipped one."""
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def _quick_iso(part: Part, name: str, options: Options) -> pl.Expr | None:
    """Plan ISO 8601 in the one form the first value has, null where another has another; None if it is none."""
    text = pl.col(name)
    there = part.frame.select(text).filter(text.is_not_null()).head(1).collect(engine="streaming").to_series()
    form = None if there.is_empty() else _form(there[0])
    if form is None or options.tz is not None:
        return None
    # Times seldom repeat: to look each up takes longer than to parse it.
    moment = text.str.to_datetime(form, time_unit="ns", strict=False, cache=False).to_physical()
    # A year beyond 64-bit nanoseconds wraps in polars instead of failing.
    return pl.when((text >= "1678") & (text < "2262")).then(moment)


def _form(text: str) -> str | None:
    """Return polars' format of a UTC time with whole seconds or 3, 6 or 9 digits after them."""
    digits = len(text) - len("2024-01-02T14:30:00.Z")
    if len(text) < 20 or text[10] not in "T " or text[-1] != "Z" or digits not in (-1, 3, 6, 9):
        return None
    return f"%Y-%m-%d{text[10]}%H:%M:%S" + ("" if digits < 0 else f".%{digits}f") + "Z"


def _iso(text: pl.Expr, zone: str | None) -> pl.Expr:
    """Parse ISO 8601 with a `T` or a blank; with an offset, `Z`, or neither (of `zone`, or else UTC)."""
    text = text.str.replace("^(.{10}) ", "${1}T").str.replace("[Zz]$", "+0000")
    text = text.str.replace(r"^(.{11}.*[+-]\d\d)$", "${1}00")
    aware = text.str.contains(r"T.*[+-]\d\d:?\d\d$")
    form = "%Y-%m-%dT%H:%M:%S%.f"
    as_utc = pl.when(aware).then(text).otherwise(text + "+0000")
    moment = as_utc.str.to_datetime(form + "%z", time_unit="ns", time_zone="UTC", strict=False).to_physical()
    if zone is not None:
        naive = text.str.to_datetime(form, time_unit="ns", strict=False)
        moment = pl.when(aware).then(moment).otherwise(_to_utc(naive, zone).to_physical())
    # A year beyond 64-bit nanoseconds wraps in polars instead of failing.
    year = text.str.head(4).cast(pl.Int32, strict=False)
    return pl.when(year.is_between(1678, 2261)).then(moment)


def _on_date(part: Part, name: str, dtype: pl.DataType, options: Options) -> pl.Expr:
    """Plan times whose clock and date stand apart: a date for all, or one in a column."""
    since = _since_midnight(part, name, dtype, options)
    if options.date is not None:
        day: pl.Expr = pl.lit((options.date - date(1970, 1, 1)).days, pl.Int64)
    else:
        day = _days(part)
    nanos = day * _DAY + pl.when(since.is_between(0, _DAY - 1)).then(since)
    if options.tz is None:
        return nanos
    return _to_utc(nanos.cast(pl.Datetime("ns")), options.tz).to_physical()


def _days(part: Part) -> pl.Expr:
    """Plan days since 1970 from a column `date`: dates, text, or numbers such as 20240102."""
    raw, dtype = pl.col("date"), part.schema["date"]
    if isinstance(dtype, pl.Date):
        return raw.to_physical().cast(pl.Int64)
    if isinstance(dtype, pl.Datetime):
        return raw.dt.date().to_physical().cast(pl.Int64)
    text = raw.cast(pl.String).str.strip_chars().str.replace_all("[-/]", "")
    return text.str.to_date("%Y%m%d", strict=False).to_physical().cast(pl.Int64)


def _since_midnight(part: Part, name: str, dtype: pl.DataType, options: Options) -> pl.Expr:
    raw, unit = pl.col(name), options.time_unit
    if isinstance(dtype, pl.Time):
        return raw.to_physical()
    if dtype.is_integer():
        return (
            _digits(raw.cast(pl.String))
            if unit is None
            else raw.cast(pl.Int64, strict=False) * TIME_UNITS[unit]
        )
    if dtype.is_float() and unit is not None:
        return (raw * TIME_UNITS[unit]).round().cast(pl.Int64, strict=False)
    if dtype == pl.String:
        text = raw.str.strip_chars()
        if options.time_unit is not None:
            # By way of decimals: a float holds nanoseconds since midnight, but not after the product is rounded twice.
            number = text.cast(pl.Decimal(38, 12), strict=False) * TIME_UNITS[options.time_unit]
            return number.round(0).cast(pl.Int64, strict=False)
        clock = text.str.to_time("%H:%M:%S%.f", strict=False).to_physical()
        return pl.when(text.str.contains(":")).then(clock).otherwise(_digits(text))
    raise wrong_dtype(part, name, dtype, _CLOCK)


def _digits(text: pl.Expr) -> pl.Expr:
    """Plan nanoseconds of HHMMSS and nine digits, its leading zeros there or not."""
    full = pl.when(text.str.contains(r"^\d{1,15}$")).then(text.str.zfill(15))
    hour, minute, second, nanos = (
        full.str.slice(begin, length).cast(pl.Int64, strict=False)
        for begin, length in ((0, 2), (2, 2), (4, 2), (6, 9))
    )
    valid = (hour < 24) & (minute < 60) & (second < 60)
    return pl.when(valid).then((hour * 3_600 + minute * 60 + second) * 10**9 + nanos)
