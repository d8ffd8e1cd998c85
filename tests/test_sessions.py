"""Sessions and halts laid on a tape: gaps, calendars, frames; nothing outside, nothing lost; times of day by zone."""

from __future__ import annotations

import gc
import weakref
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
import sor
from dbn_files import status_file
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_frames import T0, raw
from sor.errors import DataError, MissingExtra, ParameterError
from sor.tape.calendars import calendar_hours
from sor.tape.read import read_quotes, read_trades
from sor.tape.sessions import clock_ns, lay_starts, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from sor.tape.tape import Quotes

SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
NEW_YORK = "America/New_York"


def at(*times: int, venues: str = "A") -> Quotes:
    """A tape with a record at each of these times, of the venues in turn."""
    n = len(times)
    names = [venues[k % len(venues)] for k in range(n)]
    frame = pl.DataFrame(
        {
            "ts_event": times,
            "venue": names,
            "bid_px_00": 10.0,
            "ask_px_00": 10.02,
            "bid_sz_00": range(100, 100 + n),
        }
    ).with_columns(ask_sz_00="bid_sz_00")
    return read_quotes(frame)


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def bounds(sessions: Any) -> list[tuple[int, int]]:
    return list(zip(sessions.open.tolist(), sessions.close.tolist(), strict=True))


# Gaps


def test_a_silence_of_thirty_minutes_ends_a_session() -> None:
    quotes = at(T0, T0 + MINUTE, T0 + 31 * MINUTE, T0 + 31 * MINUTE + 30 * MINUTE - 1)
    sessions = resolve(quotes)
    assert bounds(sessions) == [(T0, T0 + MINUTE), (T0 + 31 * MINUTE, T0 + 61 * MINUTE - 1)]
    assert sessions.first.tolist() == [0, 2]
    assert sessions.end.tolist() == [2, 4]
    assert sessions.quotes is quotes
    assert len(resolve(quotes, session_gap="30m1s")) == 1
    assert len(resolve(quotes, session_gap=MINUTE)) == 4
    assert bounds(resolve(quotes, None)) == [(T0, T0 + 61 * MINUTE - 1)]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=60),
    st.integers(1, 20),
)
def test_gaps_are_those_of_a_plain_loop(steps: list[int], gap: int) -> None:
    times = [T0 + sum(steps[: k + 1]) for k in range(len(steps))]
    frame = raw().head(1).select(pl.exclude("ts_event"))
    tape = (
        pl.DataFrame({"ts_event": times})
        .join(frame, how="cross")
        .with_columns(sequence=pl.int_range(len(steps)))
    )
    expected = [[times[0], times[0]]]
    for before, after in pairwise(times):
        if after - before >= gap:
            expected.append([after, after])
        expected[-1][1] = after
    assert [list(each) for each in bounds(resolve(read_quotes(tape), session_gap=gap))] == expected


# Frames


def test_records_outside_a_frame_s_sessions_are_dropped_and_counted() -> None:
    quotes = at(*(T0 + k * MINUTE for k in range(10)))
    frame = pl.DataFrame(
        {"open": [T0 + 6 * MINUTE, T0 + MINUTE], "close": [T0 + 7 * MINUTE, T0 + 3 * MINUTE]}
    )
    sessions = resolve(quotes, frame)
    assert bounds(sessions) == [(T0 + MINUTE, T0 + 3 * MINUTE), (T0 + 6 * MINUTE, T0 + 7 * MINUTE)]
    assert sessions.dropped == 5
    assert ((sessions.quotes.frame["ts"] - T0) // MINUTE).to_list() == [1, 2, 3, 6, 7]
    assert sessions.quotes.frame.n_chunks() == 1
    assert sessions.first.tolist() == [0, 3]
    assert sessions.end.tolist() == [3, 5]
    assert {name: array.dtype for name, array in sessions.arrays().items()} == {
        "session_first": np.uint64, "session_end": np.uint64, "session_open": np.int64, "session_close": np.int64,
        "halt_start": np.int64, "halt_end": np.int64, "halt_venue": np.int64,
    }  # fmt: skip
    text = pl.DataFrame({"open": ["2024-01-02T09:31:00-05:00"], "close": ["2024-01-02T14:33:00Z"]})
    assert resolve(quotes, text).dropped == 7


def test_the_moment_in_which_one_closes_and_the_next_opens_is_the_later_one_s() -> None:
    quotes = at(T0, T0 + 1, T0 + 1, T0 + 2)
    sessions = resolve(quotes, pl.DataFrame({"open": [T0, T0 + 1], "close": [T0 + 1, T0 + 2]}))
    assert sessions.end.tolist() == [1, 4]
    assert sessions.dropped == 0


def test_a_session_without_a_record_is_none() -> None:
    frame = pl.DataFrame({"open": [T0 - 9, T0], "close": [T0 - 5, T0 + 5]})
    assert bounds(resolve(at(T0, T0 + 1), frame)) == [(T0, T0 + 5)]
    with pytest.raises(DataError, match=r"none of its 2 records .* lies in a session of frame"):
        resolve(at(T0, T0 + 1), frame.head(1))


def test_trades_outside_are_dropped_too() -> None:
    quotes = at(T0, T0 + MINUTE)
    prints = pl.DataFrame({"ts_event": [T0, T0 + 10, T0 + HOUR], "venue": "A", "price": 10.0, "size": 5})
    quotes = quotes.with_trades(read_trades(prints, quotes=quotes))
    kept = resolve(quotes).quotes.trades
    assert kept is not None
    assert kept.frame["ts"].to_list() == [T0, T0 + 10]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)), min_size=1, max_size=6), st.data())
def test_every_kept_record_is_in_one_session(spans: list[tuple[int, int]], data: st.DataObject) -> None:
    hours, last = [], -1
    for begin, length in sorted(spans):
        if begin > last:
            hours.append((T0 + begin, T0 + begin + length))
            last = begin + length
    times = sorted(data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=40, unique=True)))
    inside = [T0 + t for t in times if any(a <= T0 + t <= b for a, b in hours)]
    frame = pl.DataFrame(hours, schema=["open", "close"], orient="row")
    if not inside:
        return
    sessions = resolve(at(*(T0 + t for t in times)), frame)
    assert sessions.quotes.frame["ts"].to_list() == inside
    assert sessions.dropped == len(times) - len(inside)
    ts = sessions.quotes.frame["ts"].to_numpy()
    for first, end, (begin, close) in zip(sessions.first, sessions.end, bounds(sessions), strict=True):
        assert ((ts[first:end] >= begin) & (ts[first:end] <= close)).all()
    assert sessions.first.tolist() == [0, *sessions.end[:-1].tolist()]
    assert sessions.end[-1] == len(ts)


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ("XNOPE", "sessions is 'XNOPE'; expected 'gaps', None, a frame, or a calendar: .*XNYS"),
        (5, "sessions is 5; expected 'gaps', a calendar's name, a frame with open and close, or None"),
        (pl.DataFrame({"open": [T0]}), "sessions: no column close; its columns are open"),
        (pl.DataFrame({"open": [], "close": []}), "sessions is a frame without rows"),
        (pl.DataFrame({"open": [T0 + 5], "close": [T0]}), "after it closes"),
        (pl.DataFrame({"open": [T0, T0 + 5], "close": [T0 + 6, T0 + 9]}), "overlaps the one before"),
        (
            pl.DataFrame({"open": [T0, None], "close": [T0, T0]}),
            "sessions, row 2: open is None; expected a datetime",
        ),
        (pl.DataFrame({"open": ["noon"], "close": [T0]}), "sessions, row 1: open is 'noon'"),
    ],
)
def test_sessions_that_are_none(sessions: Any, message: str) -> None:
    pytest.importorskip("exchange_calendars")
    with pytest.raises(ParameterError, match=message):
        resolve(at(T0), sessions)


@pytest.mark.parametrize("gap", [0, -1, "soon", None, 1.5])
def test_gaps_that_are_none(gap: Any) -> None:
    with pytest.raises(ParameterError, match="session_gap is "):
        resolve(at(T0), session_gap=gap)


# Calendars


@pytest.mark.filterwarnings("ignore")  # pandas', about what the packages do
def test_new_york_s_hours_are_those_of_two_calendars() -> None:
    calendars = pytest.importorskip("exchange_calendars")
    market = pytest.importorskip("pandas_market_calendars")
    first, last = ns("2015-01-01"), ns("2027-01-01")
    hours = calendar_hours("XNYS", first, last)
    schedules = [
        calendars.get_calendar("XNYS", start="2015-01-01", end="2026-12-31").schedule[["open", "close"]],
        market.get_calendar("NYSE").schedule("2015-01-01", "2026-12-31").rename(
            columns={"market_open": "open", "market_close": "close"}
        ),
    ]  # fmt: skip
    for schedule in schedules:
        for k, name in enumerate(("open", "close")):
            theirs = schedule[name].dt.tz_localize(None).to_numpy().astype("M8[ns]").astype(np.int64)
            assert np.array_equal(hours[:, k], theirs)
    lengths = {int(each) for each in (hours[:, 1] - hours[:, 0]) // MINUTE}
    assert lengths == {390, 210}


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2024-03-08", "14:30", "21:00"),  # the Friday before the clocks go forward
        ("2024-03-11", "13:30", "20:00"),
        ("2024-11-01", "13:30", "20:00"),  # the Friday before they go back
        ("2024-11-04", "14:30", "21:00"),
        ("2024-11-29", "14:30", "18:00"),  # an early close
    ],
)
def test_new_york_s_day_in_utc(day: str, opens: str, closes: str) -> None:
    pytest.importorskip("exchange_calendars")
    begin, close = ns(f"{day}T{opens}"), ns(f"{day}T{closes}")
    sessions = resolve(at(begin - 1, begin, begin + HOUR, close, close + 1), "XNYS")
    assert bounds(sessions) == [(begin, close)]
    assert (sessions.dropped, sessions.source) == (2, "XNYS")
    assert (
        lay_starts(sessions, every=HOUR, horizon=HOUR, start="10:00", tz=NEW_YORK)[0] == begin + 30 * MINUTE
    )


def test_a_break_at_noon_cuts_a_day_in_two() -> None:
    pytest.importorskip("exchange_calendars")
    hours = calendar_hours("XHKG", ns("2024-01-02T01:30"), ns("2024-01-02T08:00"))
    assert [((b - a) // MINUTE) for a, b in hours.tolist()] == [150, 180]


def test_a_holiday_has_no_session() -> None:
    pytest.importorskip("exchange_calendars")
    with pytest.raises(DataError, match=r"none of its 1 records .* lies in a session of XNYS"):
        resolve(at(ns("2024-01-01T15:00")), "XNYS")


def test_the_package_is_named_when_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "exchange_calendars", None)
    with pytest.raises(MissingExtra, match=r"pip install 'sor\[calendars\]'"):
        resolve(at(T0), "XNYS")


# Halts


def test_halts_from_a_frame() -> None:
    quotes = at(T0, T0 + 1, T0 + 2, venues="AB")
    frame = pl.DataFrame(
        {
            "start": [T0 + 50, T0 + 10, T0 + 15, T0 + 12, T0 + 20],
            "end": [None, T0 + 20, T0 + 18, T0 + 14, T0 + 22],
            "venue": [None, "B", "B", None, "B"],
        }
    )
    sessions = resolve(quotes, halts=frame)
    found = list(
        zip(
            sessions.halt_start.tolist(),
            sessions.halt_end.tolist(),
            sessions.halt_venue.tolist(),
            strict=True,
        )
    )
    assert found == [(T0 + 10, T0 + 22, 1), (T0 + 12, T0 + 14, -1), (T0 + 50, 2**63 - 1, -1)]
    assert resolve(quotes, halts=frame.drop("venue").head(0)).halt_start.tolist() == []


@pytest.mark.parametrize(
    ("halts", "message"),
    [
        (pl.DataFrame({"start": [T0]}), "halts: no column end"),
        (
            pl.DataFrame({"start": [T0], "end": [T0]}),
            "halts, row 1: end is .*; expected a time after the start",
        ),
        (
            pl.DataFrame({"start": [T0], "end": [T0 + 1], "venue": ["Q"]}),
            "halts, row 1: venue 'Q' is not on the tape",
        ),
        (pl.DataFrame({"start": ["soon"], "end": [T0]}), "halts, row 1: start is 'soon'"),
        (7, "halts is 7; expected a frame with start, end"),
    ],
)
def test_halts_that_are_none(halts: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        resolve(at(T0), halts=halts)


def test_halts_from_status_records(tmp_path: Any) -> None:
    path = tmp_path / "status.dbn"
    path.write_bytes(status_file())
    quotes = read_quotes(raw(publisher_id=pl.Series([2, 3, 2], dtype=pl.UInt16)))
    sessions = resolve(quotes, halts=path)
    assert sessions.halt_start.tolist() == [T0 + 60, T0 + 95]
    assert sessions.halt_end.tolist() == [T0 + 90, 2**63 - 1]
    assert sessions.halt_venue.tolist() == [0, 0]


# What is said


def test_the_table_says_what_each_session_holds() -> None:
    quotes = at(T0, T0 + 5 * MINUTE, T0 + 6 * MINUTE, T0 + 2 * HOUR)
    halts = pl.DataFrame({"start": [T0 + MINUTE], "end": [T0 + 3 * MINUTE]})
    table = resolve(quotes, halts=halts).table()
    assert table["records"].to_list() == [3, 1]
    assert table["longest_silence"].to_list() == [timedelta(minutes=5), timedelta(0)]
    assert table["halted"].to_list() == [timedelta(minutes=2), timedelta(0)]
    frame = pl.DataFrame({"open": [T0 - 10 * MINUTE], "close": [T0 + HOUR]})
    assert resolve(quotes, frame).table()["longest_silence"].to_list() == [timedelta(minutes=54)]
    assert repr(resolve(quotes, halts=halts)) == (
        "Sessions(2 from 2024-01-02 14:30:00 to 2024-01-02 16:30:00 UTC, gaps, 1 halt)"
    )


# Schedules


def test_starts_from_the_open_to_the_close() -> None:
    quotes = at(T0, T0 + 10 * MINUTE, T0 + DAY, T0 + DAY + 9 * MINUTE)
    starts = lay_starts(resolve(quotes), every=5 * MINUTE, horizon=5 * MINUTE)
    assert ((starts - T0) // MINUTE).tolist() == [0, 5, 1_440]


def test_a_clock_may_begin_a_little_before_the_first_record_and_end_a_little_after_the_last() -> None:
    late, early = 9 * 10**6, 50 * 10**6
    quotes = at(T0 + late, T0 + 20 * MINUTE, T0 + 30 * MINUTE - early)
    sessions = resolve(quotes)
    starts = lay_starts(
        sessions, every=10 * MINUTE, horizon=10 * MINUTE, start="09:30", end="10:00", tz=NEW_YORK
    )
    assert ((starts - T0) // MINUTE).tolist() == [0, 10, 20]
    from_open = lay_starts(sessions, every=10 * MINUTE, horizon=10 * MINUTE)
    assert (from_open - T0).tolist() == [late, late + 10 * MINUTE]


def test_a_calendar_s_early_close_holds_whatever_the_clock_says() -> None:
    pytest.importorskip("exchange_calendars")
    begin, close = ns("2024-11-29T14:30"), ns("2024-11-29T18:00")
    sessions = resolve(at(begin, close), "XNYS")
    starts = lay_starts(sessions, every=HOUR, horizon=HOUR, start="09:30", end="16:00", tz=NEW_YORK)
    assert ((starts - begin) // HOUR).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("begin", "days"), [("2024-03-07", 6), ("2024-10-31", 6)])
def test_the_clock_of_a_zone_on_both_sides_of_a_change(begin: str, days: int) -> None:
    times = []
    for k in range(days):
        day = date.fromisoformat(begin) + timedelta(k)
        local = datetime.combine(day, time(9, 30), ZoneInfo(NEW_YORK))
        times += [int(local.timestamp()) * SECOND, int(local.timestamp()) * SECOND + HOUR]
    starts = lay_starts(
        resolve(at(*times), session_gap="2h"), every=DAY, horizon=MINUTE, start="09:45", tz=NEW_YORK
    )
    assert starts.tolist() == [each + 15 * MINUTE for each in times[::2]]


def test_a_session_through_the_night() -> None:
    opens = ns("2024-01-02T23:00")  # 17:00 in Chicago
    quotes = at(*(opens + k * 10 * MINUTE for k in range(23 * 6 + 1)))
    sessions = resolve(quotes)
    morning = lay_starts(sessions, every=HOUR, horizon=HOUR, start="08:30", end="10:30", tz="America/Chicago")
    assert morning.tolist() == [ns("2024-01-03T14:30"), ns("2024-01-03T15:30")]
    night = lay_starts(sessions, every=HOUR, horizon=HOUR, start="22:00", end="01:00", tz="America/Chicago")
    assert night.tolist() == [ns("2024-01-03T04:00"), ns("2024-01-03T05:00"), ns("2024-01-03T06:00")]
    until = lay_starts(sessions, every=HOUR, horizon=HOUR, end="20:00", tz="America/Chicago")
    assert until.tolist() == [opens, opens + HOUR, opens + 2 * HOUR]


def test_no_start_lies_where_an_order_would_have_no_moment() -> None:
    sessions = resolve(at(T0 + 30 * MINUTE, T0 + 40 * MINUTE))
    starts = lay_starts(sessions, every=10 * MINUTE, horizon=10 * MINUTE, start="14:30", end="16:00")
    assert ((starts - T0) // MINUTE).tolist() == [30, 40]


@pytest.mark.parametrize("clock", ["9", "noon", "25:00", 930, None, "09:30+01:00"])
def test_times_of_day_that_are_none(clock: Any) -> None:
    with pytest.raises(ParameterError, match=r"start is .*; expected a time of day such as '09:30'"):
        clock_ns(clock, "start")


FROM_TAPES: dict[str, Callable[[Quotes], object]] = {
    "in sessions": lambda quotes: quotes.in_sessions(),
    "twice": lambda quotes: (quotes.in_sessions().in_sessions(None), quotes.hours),
    "report": lambda quotes: quotes.report(),
    "backtest": lambda quotes: sor.backtest(quotes, sor.Order("buy", 1_000, horizon="1m")),
    "study": lambda quotes: repr(
        sor.study(quotes, sor.orders_every("1m", side="buy", quantity=1_000, horizon="1m"))
    ),
    "stress": lambda quotes: sor.stress(quotes, sor.Order("buy", 1_000, horizon="1m")),
}


@pytest.mark.parametrize("name", FROM_TAPES)
def test_a_tape_that_nobody_holds_is_gone_at_once(name: str) -> None:
    """One that held itself would stay until Python looks for rings: hundreds of tapes later."""
    quotes = sor.simulate_quotes(minutes=5, seed=1)
    tape, frame = weakref.ref(quotes), weakref.ref(quotes.frame)
    gc.collect()
    gc.disable()
    try:
        found = FROM_TAPES[name](quotes)
        del quotes, found
        assert (tape(), frame()) == (None, None)
    finally:
        gc.enable()
