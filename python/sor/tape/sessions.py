"""When a market is open: sessions and halts, laid on a tape (rules T1, T3, T5).

A session is closed at both ends: records at its open and at its close are in it. Where one closes in the moment in
which the next opens, that moment belongs to the later one. A session without a record on the tape is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
import polars as pl

from sor.errors import DataError, ParameterError, count, shown
from sor.settings.frames import to_frame
from sor.settings.times import clock_ns, duration_ns, format_ns, to_ns
from sor.tape.calendars import calendar_hours
from sor.tape.halts import HaltSource, moments, no_halts, read_halts
from sor.tape.schema import Tape

if TYPE_CHECKING:
    from datetime import date, timedelta

    from numpy.typing import NDArray


SessionSource: TypeAlias = str | pl.DataFrame | Any | None
"""`"gaps"`, a calendar's name such as `"XNYS"`, a frame with `open` and `close`, or None: the tape is one session."""

T = TypeVar("T", bound=Tape)

_UTC = pl.Datetime("ns", "UTC")

Hours: TypeAlias = "NDArray[np.int64]"
"""One row per session, its open and its close in ns UTC."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Sessions(Generic[T]):
    """The sessions of a tape and its halts; made by `resolve`.

    Attributes:
        quotes: The tape without the records and trades outside all sessions.
        first: The row of each session's first record in `quotes.frame`.
        end: The row after its last.
        open: When it opens, ns UTC.
        close: When it closes.
        halt_start: When each halt begins, ns UTC, in order.
        halt_end: When it is over: trading goes on at this moment.
        halt_venue: The venue's index; -1 where everything is halted.
        source: What the sessions were made from: `gaps`, a calendar's name, `frame` or `none`.
        dropped: How many records lie outside all sessions.

    """

    quotes: T
    first: NDArray[np.uint64]
    end: NDArray[np.uint64]
    open: NDArray[np.int64]
    close: NDArray[np.int64]
    halt_start: NDArray[np.int64]
    halt_end: NDArray[np.int64]
    halt_venue: NDArray[np.int64]
    source: str
    dropped: int

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Lend sessions and halts to the core, under the names it knows them by."""
        return {
            "session_first": self.first,
            "session_end": self.end,
            "session_open": self.open,
            "session_close": self.close,
            "halt_start": self.halt_start,
            "halt_end": self.halt_end,
            "halt_venue": self.halt_venue,
        }

    def table(self) -> pl.DataFrame:
        """Describe each session: open, close, records, the longest silence of all venues, and the time halted.

        Times are UTC; the silence from the open to the first record, and from the last to the close, counts.
        `halted` is the time in which everything was halted, one venue's halts aside.
        """
        ts = self.quotes.frame["ts"].to_numpy()
        silences = [
            int(np.diff(ts[first:end], prepend=begin, append=close).max())
            for first, end, begin, close in zip(*self._bounds(), strict=True)
        ]
        everything = self.halt_venue < 0
        halted = [
            int(
                np.clip(np.minimum(self.halt_end, close) - np.maximum(self.halt_start, begin), 0, None)[
                    everything
                ].sum()
            )
            for begin, close in zip(self.open.tolist(), self.close.tolist(), strict=True)
        ]
        span = pl.Duration("ns")
        return pl.DataFrame(
            {
                "open": pl.Series(self.open).cast(_UTC),
                "close": pl.Series(self.close).cast(_UTC),
                "records": pl.Series(self.end - self.first).cast(pl.Int64),
                "longest_silence": pl.Series(silences, dtype=pl.Int64).cast(span),
                "halted": pl.Series(halted, dtype=pl.Int64).cast(span),
            }
        )

    def _bounds(self) -> list[list[int]]:
        return [each.tolist() for each in (self.first, self.end, self.open, self.close)]

    def __len__(self) -> int:
        return len(self.open)

    def __repr__(self) -> str:
        first, last = format_ns(int(self.open[0])), format_ns(int(self.close[-1]))
        dropped = f", {count(self.dropped, 'record')} outside" if self.dropped else ""
        halts = f", {count(len(self.halt_start), 'halt')}" if len(self.halt_start) else ""
        return f"Sessions({len(self):,} from {first} to {last} UTC, {self.source}{dropped}{halts})"


def resolve(
    quotes: T,
    sessions: SessionSource = "gaps",
    session_gap: str | int | timedelta = "30m",
    halts: HaltSource = None,
) -> Sessions[T]:
    """Cut a tape into sessions, leave out what lies outside all of them, and lay halts on it.

    Args:
        quotes: The tape.
        sessions: `"gaps"`: a silence of all venues of at least `session_gap` ends a session, which runs from its
            first to its last record. A calendar's name, `"XNYS"` (needs `exchange_calendars`). A frame with the
            columns `open` and `close`, times of any form. None: the whole tape is one session.
        session_gap: The silence that ends a session, where `sessions` is `"gaps"`.
        halts: When nothing, or one venue, trades: a frame with `start`, `end` and, for one venue's, `venue`; or
            Databento's `status` records, as a file, a frame or a store. None: never.

    Raises:
        ParameterError: If an argument is none of these, or sessions overlap.
        DataError: If no record lies in any session.
        MissingExtra: If a calendar is asked for and `exchange_calendars` is not there.

    """
    ts = quotes.frame["ts"].to_numpy()
    hours, source = _hours(ts, sessions, session_gap)
    starts, ends, closes = no_halts() if halts is None else read_halts(halts, quotes)
    begin = np.searchsorted(ts, hours[:, 0], side="left")
    end = np.searchsorted(ts, hours[:, 1], side="right")
    # The moment in which one session closes and the next opens is the later one's.
    end[:-1] = np.minimum(end[:-1], begin[1:])
    held = end > begin
    if not held.any():
        span = f"{format_ns(int(ts[0]))} to {format_ns(int(ts[-1]))} UTC"
        raise DataError(
            f"{quotes.source}: none of its {len(ts):,} records ({span}) lies in a session of {source}"
        )
    hours, begin, end = hours[held], begin[held], end[held]
    inside = int((end - begin).sum())
    first = np.concatenate(([0], np.cumsum(end - begin)[:-1]))
    return Sessions(
        quotes=_inside(quotes, hours, begin, end, whole=inside == len(ts)),
        first=first.astype(np.uint64),
        end=(first + (end - begin)).astype(np.uint64),
        open=np.ascontiguousarray(hours[:, 0]),
        close=np.ascontiguousarray(hours[:, 1]),
        halt_start=starts,
        halt_end=ends,
        halt_venue=closes,
        source=source,
        dropped=len(ts) - inside,
    )


def _hours(ts: NDArray[np.int64], sessions: SessionSource, gap: str | int | timedelta) -> tuple[Hours, str]:
    """Return open and close of every session there may be, in order, and what they were made from."""
    least = duration_ns(gap, "session_gap")
    if least == 0:
        raise ParameterError(f"session_gap is {shown(gap)}; expected a duration above zero")
    if sessions is None:
        return np.array([[ts[0], ts[-1]]]), "none"
    if isinstance(sessions, str) and sessions == "gaps":
        last = np.flatnonzero(np.diff(ts) >= least)
        return np.stack((ts[np.append(0, last + 1)], ts[np.append(last, len(ts) - 1)]), axis=1), "gaps"
    if isinstance(sessions, str):
        return calendar_hours(sessions, int(ts[0]), int(ts[-1])), sessions
    return _given(sessions), "frame"


def _given(sessions: object) -> Hours:
    frame = to_frame(sessions, "sessions", "'gaps', a calendar's name, a frame with open and close, or None")
    if missing := [name for name in ("open", "close") if name not in frame.columns]:
        raise ParameterError(
            f"sessions: no column {' and '.join(missing)}; its columns are {', '.join(frame.columns)}"
        )
    if frame.is_empty():
        raise ParameterError("sessions is a frame without rows; expected one for each session")
    rows = zip(moments(frame["open"]), moments(frame["close"]), strict=True)
    hours = sorted(
        (to_ns(begin, f"sessions, row {row}: open"), to_ns(close, f"sessions, row {row}: close"))
        for row, (begin, close) in enumerate(rows, start=1)
    )
    for begin, close in hours:
        if begin > close:
            raise ParameterError(
                f"sessions: one opens at {format_ns(begin)}, after it closes at {format_ns(close)}"
            )
    for (begin, close), (later, later_close) in pairwise(hours):
        if later < close or (begin, close) == (later, later_close):
            raise ParameterError(
                f"sessions: the one that opens at {format_ns(later)} overlaps the one before, which closes at "
                f"{format_ns(close)}"
            )
    return np.array(hours, dtype=np.int64)


def _inside(quotes: T, hours: Hours, begin: NDArray[np.intp], end: NDArray[np.intp], *, whole: bool) -> T:
    """Keep the records and trades of sessions; the tape itself where that is all of it."""
    prints = None if quotes.trades is None else quotes.trades.frame
    if prints is not None:
        ts = prints["ts"].to_numpy()
        place = np.searchsorted(hours[:, 0], ts, side="right") - 1
        held = (place >= 0) & (ts <= hours[np.maximum(place, 0), 1])
        if not held.all():
            prints = prints.filter(pl.Series(held))
            whole = False
    if whole:
        return quotes
    slices = [
        quotes.frame.slice(int(first), int(last - first)) for first, last in zip(begin, end, strict=True)
    ]
    return quotes.kept(pl.concat(slices), prints)


def lay_starts(
    sessions: Sessions[T],
    *,
    every: int,
    horizon: int,
    start: object = None,
    end: object = None,
    tz: str = "UTC",
) -> NDArray[np.int64]:
    """Lay an order's start on each session, `every` so often, so that `start + horizon` is no later than its end.

    Args:
        sessions: Of the tape.
        every: Nanoseconds from one start to the next.
        horizon: Nanoseconds that each order lasts.
        start: Time of day of the first, `"09:30"`; it may lie a little before the session's first record. By default
            the session's open.
        end: Time of day by which the last ends, `"16:00"`; by default the session's close.
        tz: Zone of `start` and `end`.

    Returns:
        The starts in ns UTC, in order. An order that would have no moment in the session is left out.

    """
    first = None if start is None else clock_ns(start, "start")
    last = None if end is None else clock_ns(end, "end")
    laid: list[NDArray[np.int64]] = []
    for begin, close in zip(sessions.open.tolist(), sessions.close.tolist(), strict=True):
        for opens, closes in _windows(begin, close, first, last, tz):
            # A calendar's close holds, whatever the clock says; records that end a little early do not.
            until = min(closes, close) if last is None or sessions.source not in ("gaps", "none") else closes
            starts = np.arange(opens, until - horizon + 1, every, dtype=np.int64)
            laid.append(starts[(starts <= close) & (starts + horizon > begin)])
    return np.concatenate(laid) if laid else np.empty(0, dtype=np.int64)


def _windows(begin: int, close: int, first: int | None, last: int | None, tz: str) -> list[tuple[int, int]]:
    """Return the hours of the day wanted of a session: one window for each local date on which they begin in it.

    Hours that begin before the session count where none begin within it: its first record may be a little late.
    """
    if first is None and last is None:
        return [(begin, close)]
    dates = pl.Series([begin, close]).cast(_UTC).dt.convert_time_zone(tz).dt.date()
    days = pl.date_range(dates[0], dates[1], eager=True)
    if first is None or last is None:
        marks = [moment_on(day, first if first is not None else last or 0, tz) for day in days]
        if first is None:
            return [(begin, mark) for mark in marks if mark > begin][:1]
        found = list(zip(marks, [*marks[1:], close], strict=True))
    else:
        after = days.dt.offset_by("1d") if last <= first else days
        found = [
            (moment_on(day, first, tz), moment_on(until, last, tz))
            for day, until in zip(days, after, strict=True)
        ]
    within = [window for window in found if begin <= window[0] <= close]
    return within or [window for window in found if window[0] < begin < window[1]][-1:]


def moment_on(day: date, clock: int, tz: str) -> int:
    """Return the moment at which the clock shows a time on a date; in an hour that is skipped, an hour later."""
    for skipped in (0, 3_600 * 10**9):
        naive = (pl.Series([day]).cast(pl.Datetime("ns")).to_physical() + (clock + skipped)).cast(
            pl.Datetime("ns")
        )
        local = naive.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null")
        if not local.null_count():
            break
    return int(local.dt.convert_time_zone("UTC").to_physical()[0])
