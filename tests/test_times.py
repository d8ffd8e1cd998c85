"""Times and durations in every form, to the nanosecond."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_frames import T0
from sor.errors import ParameterError
from sor.settings.times import INT64_MAX, clock_ns, duration_ns, format_ns, to_ns

# Times


@pytest.mark.parametrize(
    ("value", "nanos"),
    [
        (datetime(2024, 1, 2, 14, 30), T0),
        (datetime(2024, 1, 2, 9, 30, tzinfo=timezone(timedelta(hours=-5))), T0),
        (datetime(2024, 1, 2, 14, 30, 0, 1), T0 + 1_000),
        (date(1970, 1, 2), 86_400 * 10**9),
        ("2024-01-02T14:30:00Z", T0),
        ("2024-01-02T09:30:00.000000001-05:00", T0 + 1),
        ("2024-01-02 14:30:00.1234567", T0 + 123_456_700),
        (np.datetime64("2024-01-02T14:30:00.000000001"), T0 + 1),
        (np.int64(T0), T0),
        (-1, -1),
    ],
)
def test_to_ns(value: object, nanos: int) -> None:
    assert to_ns(value, "start") == nanos


@given(st.integers(-(2**62), 2**62))
def test_times_keep_every_nanosecond(nanos: int) -> None:
    assert to_ns(format_ns(nanos), "start") == nanos


@given(st.integers(0, 86_400 * 10**9 - 1))
def test_times_of_day_keep_every_nanosecond(nanos: int) -> None:
    assert clock_ns(format_ns(nanos).partition(" ")[2], "start") == nanos


@pytest.mark.parametrize(
    "value", ["", "noon", "25:00", "09:30+01:00", "09:30:00.0000000001", None, 5, b"09:30"]
)
def test_a_time_of_day_names_the_argument(value: object) -> None:
    with pytest.raises(ParameterError, match=r"^start is .*; expected "):
        clock_ns(value, "start")


BAD_TIMES = [
    True,
    1.5,
    None,
    "noon",
    "2024-13-01",
    2**63,
    datetime(3000, 1, 1),
    "2024-01-02T00:00:00.0000000001",
]
BAD_TIMES += [np.datetime64("NaT"), np.datetime64("3000-01-01"), np.timedelta64(1, "s"), timedelta(1)]


@pytest.mark.parametrize("value", BAD_TIMES)
def test_to_ns_names_the_argument(value: object) -> None:
    with pytest.raises(ParameterError, match=r"^start is .*; expected "):
        to_ns(value, "start")


@pytest.mark.parametrize(
    ("value", "nanos"),
    [
        ("5m", 300 * 10**9),
        ("1h30m", 5_400 * 10**9),
        ("1h 30m", 5_400 * 10**9),
        ("250ms", 250 * 10**6),
        ("10us", 10_000),
        ("0.5s", 5 * 10**8),
        ("2d", 2 * 86_400 * 10**9),
        (timedelta(minutes=5, microseconds=1), 300 * 10**9 + 1_000),
        (np.timedelta64(5, "m"), 300 * 10**9),
        (7, 7),
        (0, 0),
    ],
)
def test_duration_ns(value: object, nanos: int) -> None:
    assert duration_ns(value, "horizon") == nanos


@pytest.mark.parametrize(
    "value",
    [True, 1.5, None, "5", "m", "5 minutes", "1.5ns", "-5m", -1, timedelta(-1), INT64_MAX + 1, "300000d"],
)
def test_duration_ns_names_the_argument(value: object) -> None:
    with pytest.raises(ParameterError, match=r"^horizon is .*; expected "):
        duration_ns(value, "horizon")
