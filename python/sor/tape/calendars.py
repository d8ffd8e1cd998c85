"""Trading hours by the name of an exchange: the package `exchange_calendars` (rule T1)."""

from __future__ import annotations

import importlib
import warnings
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.errors import DataError, MissingExtra, ParameterError, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY = 86_400 * 10**9
# Holidays close no market for longer; sessions may begin a day before the date they are of.
_MARGIN = 20 * _DAY
# Python's filters of warnings are those of the whole process: threads that set them together leave them set.
_ONE_AT_A_TIME = Lock()


def calendar_hours(name: str, first: int, last: int) -> NDArray[np.int64]:
    """Return open and close of every session from `first` to `last`, ns UTC; a break at noon cuts a day in two.

    Args:
        name: As `exchange_calendars` has it, a market identifier code: `XNYS`, `XLON`, `CMES`.
        first: Time of the first record.
        last: Time of the last.

    Raises:
        MissingExtra: If `exchange_calendars` is not there.
        ParameterError: If it knows no such calendar, listing those it knows.
        DataError: If the calendar does not reach to these times.

    """
    try:
        package = importlib.import_module("exchange_calendars")
    except ImportError as missing:
        raise MissingExtra(
            f"sessions={shown(name)} needs the exchange_calendars package: pip install 'sor[calendars]'"
        ) from missing
    known = package.get_calendar_names(include_aliases=True)
    if name not in known:
        raise ParameterError(
            f"sessions is {shown(name)}; expected 'gaps', None, a frame, or a calendar: {', '.join(sorted(known))}"
        )
    begin, end = (_date(moment) for moment in (first - _MARGIN, last + _MARGIN))
    with _ONE_AT_A_TIME:
        hours = _hours(name, begin, end)
    return hours[(hours[:, 1] >= first) & (hours[:, 0] <= last)]


@lru_cache(maxsize=256)
def _hours(name: str, begin: str, end: str) -> NDArray[np.int64]:
    """Return the hours of a calendar, kept for the next tape of these days."""
    package = importlib.import_module("exchange_calendars")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, about what the package does
            schedule = package.get_calendar(name, start=begin, end=end).schedule
            opens, closes = _nanos(schedule["open"]), _nanos(schedule["close"])
    except Exception as failed:  # its own errors, by version
        reason = next(iter(str(failed).splitlines()), "") or type(failed).__name__
        raise DataError(f"sessions={shown(name)} cannot be had from {begin} to {end}: {reason}") from failed
    hours = np.stack((opens, closes), axis=1)
    return hours if schedule["break_start"].isna().all() else _with_breaks(hours, schedule)


def _with_breaks(hours: NDArray[np.int64], schedule: Any) -> NDArray[np.int64]:
    broken = (~schedule["break_start"].isna()).to_numpy()
    stops, resumes = _nanos(schedule["break_start"]), _nanos(schedule["break_end"])
    whole = hours[~broken]
    before = np.stack((hours[broken, 0], stops[broken]), axis=1)
    after = np.stack((resumes[broken], hours[broken, 1]), axis=1)
    cut = np.concatenate((whole, before, after))
    return cut[np.argsort(cut[:, 0], kind="stable")]


def _nanos(column: Any) -> NDArray[np.int64]:
    moments: NDArray[np.int64] = column.dt.tz_localize(None).to_numpy().astype("M8[ns]").astype(np.int64)
    return moments


def _date(moment: int) -> str:
    return str(pl.Series([moment]).cast(pl.Datetime("ns")).dt.date()[0])
