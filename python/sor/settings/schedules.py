"""Schedules: how many shares of an order are released by when, before a router says where they go (section 9).

A schedule stands for itself wherever a policy is asked for: what it releases is swept. `Sliced` puts any other policy
under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.checks import above_zero, flag, keep, number, positive, whole
from sor.settings.frames import Rows, frame_of
from sor.settings.times import check_zone, clock_ns, to_ns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sor.settings.times import Duration

_DAY = 86_400 * 10**9


@dataclass(frozen=True, kw_only=True)
class Twap:
    """Equal slices in time: whole lots, one slice at the start of each bucket (rules P3, W2).

    As a policy by itself it is swept: the baseline `twap`.

    Args:
        bucket: One slice is released at the start of each.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    bucket: Duration = "60s"

    def __post_init__(self) -> None:
        positive("bucket", self.bucket)


@dataclass(frozen=True)
class Vwap:
    """Slices in proportion to the volume expected in each bucket, released at its start (rule W2).

    Args:
        curve: Shares of volume by time of day, as `volume_curve` makes them: `time` (of day, or ns since midnight),
            `share` (of any scale) and, where curves change, `since` (the first moment a curve may be used). A row
            holds for one bucket from its time on.
        bucket: Length of a bucket; what `volume_curve` was given.
        tz: Of the times of day.

    An order for whose time no curve expects volume is an error.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    curve: Rows
    bucket: Duration = "5m"
    tz: str = "UTC"

    def __post_init__(self) -> None:
        length = positive("bucket", self.bucket)
        check_zone("tz", self.tz)
        frame = _frame("curve", self.curve, ("since", "time", "share"), need=("time", "share"))
        if "since" not in frame.columns:
            frame = frame.with_columns(since=pl.lit(0))
        rows = [
            (whole("a since of curve", since, least=0, most=2**62), _time_of_day(at), _share(share))
            for since, at, share in frame.select(
                pl.col("since").to_physical(), pl.col("time").to_physical(), "share"
            ).rows()
        ]
        rows.sort()
        for (since, at, _), (other, later, _) in pairwise(rows):
            if since == other and later - at < length:
                raise ParameterError(
                    f"curve must have one row for each bucket of {shown(self.bucket)}, got rows closer"
                )
        keep(self, curve=tuple(rows))

    @property
    def shares(self) -> tuple[tuple[int, int, float], ...]:
        """The checked curve: `(since, time of day, share)`, ns."""
        return self.curve  # type: ignore[return-value]  # what __post_init__ keeps


@dataclass(frozen=True)
class Pov:
    """A fraction of the volume that trades after the order's start, as seen so far (rule W2).

    The volume is that of the tape's trades: those that `read_trades` keeps. What is left at the end is completed.

    Args:
        rate: Shares of the order for every share that trades, above 0 and at most 1.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    rate: float = 0.1

    def __post_init__(self) -> None:
        keep(self, rate=number("rate", self.rate, least=1e-9, most=1.0))


@dataclass(frozen=True, kw_only=True)
class AlmgrenChriss:
    """Almgren and Chriss's optimal trajectory between impact and risk (rule W2).

    *Optimal execution of portfolio transactions*, Journal of Risk 3(2), 2001. What is traded in a period is
    released at its start.

    Args:
        risk_aversion: `lambda`, per unit of currency; 0 is equal slices.
        volatility: `sigma`, currency per share per square root of a `day`.
        eta: Temporary impact, currency per share for a rate of one share per `day`.
        gamma: Permanent impact, currency per share per share.
        bucket: `tau`, the length of a period.
        day: The unit of time in which volatility and eta are given; a trading day of 6.5 hours by default.

    Raises:
        ParameterError: Naming the argument and what would be right; also where `eta <= gamma * tau / 2`.

    """

    risk_aversion: float
    volatility: float
    eta: float
    gamma: float = 0.0
    bucket: Duration = "60s"
    day: Duration = "6.5h"

    def __post_init__(self) -> None:
        for name in ("risk_aversion", "volatility", "gamma"):
            keep(self, **{name: number(name, getattr(self, name), least=0, most=1e12)})
        keep(self, eta=above_zero("eta", self.eta))
        periods = positive("bucket", self.bucket) / positive("day", self.day)
        if self.eta <= 0.5 * self.gamma * periods:
            raise ParameterError(
                f"eta must exceed gamma * tau / 2 = {0.5 * self.gamma * periods:g}, or trading at once is best, "
                f"got {shown(self.eta)}"
            )


@dataclass(frozen=True)
class Timetable:
    """Releases of one's own (rule W2). A frame itself goes wherever a schedule does.

    Args:
        rows: `ts`, when, and `shares`, how many are released then: a frame, the path of one, or pairs. A `ts` is a
            time, or a span since the order's start (whole numbers: nanoseconds). The shares sum to the quantity.
        relative: Whether times of pairs are spans; of a frame, its type says so.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    rows: Rows
    relative: bool = True

    def __post_init__(self) -> None:
        flag("relative", self.relative)
        frame = _frame("rows", self.rows, ("ts", "shares"))
        dtype = frame["ts"].dtype
        if isinstance(dtype, pl.Datetime):
            zone = frame["ts"].dt.replace_time_zone("UTC") if dtype.time_zone is None else frame["ts"]
            times = zone.dt.convert_time_zone("UTC").dt.cast_time_unit("ns").to_physical()
            keep(self, relative=False)
        elif isinstance(dtype, pl.Duration):
            times = frame["ts"].dt.cast_time_unit("ns").to_physical()
            keep(self, relative=True)
        else:
            times = frame["ts"]
        rows = sorted(
            (whole("a ts of rows", ts, least=0, most=2**62), whole("shares of rows", shares))
            for ts, shares in zip(times, frame["shares"], strict=True)
        )
        keep(self, rows=tuple(rows))

    @property
    def slices(self) -> tuple[tuple[int, int], ...]:
        """The checked rows: `(ts, shares)`, ns."""
        return self.rows  # type: ignore[return-value]  # what __post_init__ keeps


Schedule: TypeAlias = Twap | Vwap | Pov | AlmgrenChriss | Timetable

SCHEDULES: Mapping[str, type] = MappingProxyType(
    {
        "twap": Twap,
        "vwap": Vwap,
        "pov": Pov,
        "almgren_chriss": AlmgrenChriss,
        "timetable": Timetable,
    }
)
"""What each name stands for."""

_CLASSES = {kind: name for name, kind in SCHEDULES.items()}
_FIRST = {"twap": "bucket", "vwap": "curve", "pov": "rate", "timetable": "rows"}


def schedule_name(schedule: Schedule) -> str:
    """Return the registered name of a schedule's class."""
    return _CLASSES[type(schedule)]


def is_schedule(value: object) -> bool:
    """Tell whether a value is a schedule."""
    return type(value) in _CLASSES


def as_schedule(name: str, value: object) -> Schedule:
    """Return a schedule; a frame `ts, shares` is a `Timetable`, and a text is what the command line takes.

    Raises:
        ParameterError: If it is none; `name` says which argument.

    """
    if is_schedule(value):
        return value  # type: ignore[return-value]  # one of the classes of Schedule
    if isinstance(value, str):
        return parse_schedule(name, value)
    if isinstance(value, pl.DataFrame) or hasattr(value, "__dataframe__"):
        return Timetable(value)  # type: ignore[arg-type]  # polars converts it
    raise ParameterError(
        f"{name} must be a schedule ({', '.join(kind.__name__ for kind in SCHEDULES.values())}), a frame ts, shares, "
        f"or a text such as 'twap:60s', got {shown(value)}"
    )


def parse_schedule(name: str, written: str) -> Schedule:
    """Read a schedule as it is written on the command line: `twap:60s`, `pov:0.1`, `vwap:curve.csv,bucket=1m`.

    Raises:
        ParameterError: If it is none; `name` says which option.

    """
    kind, _, rest = written.partition(":")
    if kind not in SCHEDULES:
        raise ParameterError(
            f"{name} must be one of {', '.join(SCHEDULES)}, as in twap:60s or pov:0.1, got {shown(written)}"
        )
    settings: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = _FIRST.get(kind, ""), part
        if not key or key in settings:
            raise ParameterError(f"{name}: expected name=value after {kind}:, got {shown(part)}")
        settings[key] = value if key == "bucket" else _value(value)
    try:
        made: Schedule = SCHEDULES[kind](**settings)
    except TypeError:
        raise ParameterError(f"{name}: {kind} does not take {', '.join(settings) or 'no setting'}") from None
    except ParameterError as error:
        raise ParameterError(f"{name}: {error}") from None
    return made


def _value(written: str) -> float | str:
    try:
        return float(written)
    except ValueError:
        return written


def _time_of_day(at: object) -> int:
    """Return nanoseconds since midnight."""
    return whole("a time of curve", at, least=0, most=_DAY - 1)


def _share(value: object) -> float:
    return number("a share of curve", value, least=0, most=1e18)


def _frame(name: str, given: Any, columns: Sequence[str], need: Sequence[str] | None = None) -> pl.DataFrame:
    """Return rows as a frame of some columns; times of day and spans stay what they are."""
    frame = frame_of(name, given, columns, need, read=_with_moments)
    spans = [column for column in frame.columns if isinstance(frame[column].dtype, pl.Duration)]
    frame = frame.with_columns(pl.col(spans).dt.cast_time_unit("ns")) if spans else frame
    if isinstance(frame.schema.get("since"), pl.Datetime):
        frame = frame.with_columns(pl.col("since").dt.convert_time_zone("UTC").dt.cast_time_unit("ns"))
    return frame


def _with_moments(read: pl.DataFrame) -> pl.DataFrame:
    """Read the text of a file as moments and times of day, to the nanosecond."""
    for name, reader, dtype in (
        ("ts", to_ns, pl.Datetime("ns", "UTC")),
        ("since", to_ns, pl.Datetime("ns", "UTC")),
        ("time", clock_ns, pl.Time()),
    ):
        if read.schema.get(name) == pl.String:
            nanos = [None if text is None else reader(text, name) for text in read[name]]
            read = read.with_columns(pl.Series(name, nanos, dtype=pl.Int64).cast(dtype))
    return read
