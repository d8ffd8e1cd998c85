"""A call as plain values and back: what `result.config()` prints and `--config` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date, datetime, timedelta
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import polars as pl

from sor.errors import ParameterError, shown
from sor.settings import checks
from sor.settings.arguments import check_arguments
from sor.settings.checks import path_text
from sor.settings.fills import FILLS, CompiledFill, FillFunction, FillModel
from sor.settings.market import Book, Market, Venue
from sor.settings.orders import Order, OrderSchedule
from sor.settings.policy import OwnPolicy, axes_of, made_of
from sor.settings.policy import Policy as Own
from sor.settings.routers import ROUTER, Policy, Sliced, Sweep, class_of, described_policy
from sor.settings.schedules import SCHEDULES, Schedule, parse_schedule
from sor.settings.times import duration_ns, to_ns
from sor.settings.toml import to_toml


@dataclass(frozen=True, kw_only=True)
class Config:
    """One call of a verb, in settings objects.

    Attributes:
        command: The verb.
        files: Paths of the tapes; "frame" for what came from none.
        trades: Paths of their trades, one for each tape.
        symbol: Which instrument, where a file holds several.
        orders: Orders and schedules.
        policies: By name; `router` is the one that is asked about.
        policy: The one compared with the others, where it is not `router`.
        market: What every policy meets.
        universe: How the tapes of a universe are found and read; None where they were tapes in memory.
        read: How the files are meant: arguments of `read_quotes`, and under `trades` those of `read_trades`.
        options: The verb's other options, by name, as plain values.

    """

    command: str
    files: tuple[str, ...] = ()
    trades: tuple[str, ...] = ()
    symbol: str | None = None
    orders: tuple[Order | OrderSchedule, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    policy: str = ROUTER
    market: Market = field(default_factory=Market)
    universe: Mapping[str, Any] | None = None
    read: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_toml(self) -> str:
        """Write the call as TOML."""
        return to_toml(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """Return the call as tables of plain values."""
        return {
            "command": self.command,
            "files": list(self.files),
            "trades": list(self.trades) or None,
            "symbol": self.symbol,
            "policy": None if self.policy == ROUTER else self.policy,
            "universe": self.universe,
            "read": dict(self.read) or None,
            "orders": [plain(order) for order in self.orders],
            "policies": {name: plain_policy(policy) for name, policy in self.policies.items()},
            "market": plain_market(self.market),
            self.command: dict(self.options) or None,
        }


def plain(settings: Any) -> dict[str, Any]:
    """Return a settings object's fields as plain values; times and durations as strings or nanoseconds."""
    return {each.name: _plain(getattr(settings, each.name)) for each in fields(settings)}


def plain_policy(policy: Policy) -> dict[str, Any]:
    """Return a policy's kind and settings as plain values."""
    return {name: _plain(value) for name, value in described_policy(policy).items()}


def plain_market(market: Market) -> dict[str, Any]:
    """Return a market as tables: `book`, `fill` with its `model`, and `venue`s or the path of their file."""
    venues = market.venues
    return {
        "venues": path_text("venues", venues) if isinstance(venues, str | PathLike) else None,
        "latency": _plain(market.latency),
        "limit": market.limit,
        "sessions": "none" if market.sessions is None else _hours(market.sessions),
        "session_gap": _plain(market.session_gap),
        "halts": _hours(market.halts),
        "book": plain(market.book) | ({"collar": "none"} if market.book.collar is None else {}),
        "fill": _plain_fill(market.fill),
        "venue": [plain(venue) for venue in venues]
        if isinstance(venues, Sequence) and not isinstance(venues, str)
        else None,
    }


def _plain_fill(given: FillModel) -> dict[str, Any]:
    model = next(name for name, kind in FILLS.items() if isinstance(given, kind))
    by_venue = getattr(given, "queue_position", None)
    fill = given.described() if isinstance(given, FillFunction | CompiledFill) else plain(given)
    if isinstance(by_venue, dict):
        fill["queue_position"] = {str(venue): position for venue, position in by_venue.items()}
    return {"model": model} | fill


def plain_change(change: Market | Mapping[str, Any]) -> dict[str, Any]:
    """Return one market of a stress test as plain values: a whole one, or what changes in the given one."""
    if isinstance(change, Market):
        return plain_market(change)
    said: dict[str, Any] = {}
    for name, value in change.items():
        if name == "fill":
            said[name] = _plain_fill(value)
        elif name == "venues" and not isinstance(value, str | PathLike):
            said["venue"] = [plain(venue) for venue in value]
        else:
            said[name] = (
                "none" if value is None else path_text(name, value) if name == "venues" else _plain(value)
            )
    return said


def change_of(table: Mapping[str, Any], label: str) -> Market | dict[str, Any]:
    """Make one market of a stress test of its table: with a table `book` a whole one, else what changes."""
    if "book" in checks.table(label, table):
        return market_of(table)
    change = {
        name: None if value == "none" and name in ("collar", "max_quote_age") else value
        for name, value in table.items()
    }
    if "fill" in change:
        change["fill"] = _fill_of(table["fill"], label)
    if "venue" in change:
        change["venues"] = _venues_of(table["venue"], label)
        del change["venue"]
    return change


def _hours(given: Any) -> Any:
    """Return sessions or halts as a name, a path, or one table per row."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, PathLike):
        return path_text("sessions or halts", given)
    if not isinstance(given, pl.DataFrame) and not hasattr(given, "__arrow_c_stream__"):
        return "frame"  # what came from no file, as in `files`
    # Nanoseconds: Python's datetimes, and with them TOML's, end at microseconds.
    moments = pl.selectors.datetime()
    frame = pl.DataFrame(given).with_columns(moments.dt.cast_time_unit("ns").to_physical())
    return [{name: value for name, value in row.items() if value is not None} for row in frame.to_dicts()]


def read_config(path: str | PathLike[str]) -> dict[str, Any]:
    """Read a TOML file of settings as it is.

    Raises:
        ParameterError: If it is no TOML, naming the file.
        OSError: If it cannot be read.

    """
    import tomllib  # most runs read no settings

    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{fspath(path)}: not a TOML file: {error}") from None


def orders_of(tables: Sequence[Mapping[str, Any]]) -> tuple[Order | OrderSchedule, ...]:
    """Make orders of tables; one with `every` is a schedule."""
    return tuple(
        from_table(OrderSchedule if "every" in table else Order, table, f"orders[{i}]")
        for i, table in enumerate(tables)
    )


def policy_of(table: Mapping[str, Any] | str, label: str) -> Policy:
    """Make a policy of a name, or of a table with its `kind` and its parameters."""
    given = {"kind": table} if isinstance(table, str) else checks.table(label, table)
    kind, schedule = given.pop("kind", "static"), given.pop("schedule", None)
    if isinstance(kind, str) and kind in SCHEDULES:
        if schedule is not None:
            raise ParameterError(f"{label}: {kind} is a schedule itself, and takes none")
        return Sliced(Sweep(), schedule_from({"kind": kind, **given}, label))
    made = class_of(kind, label)
    policy: Policy = (
        own_of(made, given, label)
        if isinstance(made, OwnPolicy) or issubclass(made, Own)
        else from_table(made, given, label)
    )
    return policy if schedule is None else Sliced(policy, schedule_from(schedule, f"{label}.schedule"))


def schedule_from(table: Mapping[str, Any] | str, label: str) -> Schedule:
    """Make a schedule of a table with its `kind`, or of a text such as `twap:60s`."""
    if isinstance(table, str):
        return parse_schedule(label, table)
    given = checks.table(label, table)
    kind = given.pop("kind", None)
    if not isinstance(kind, str) or kind not in SCHEDULES:
        raise ParameterError(f"{label}: kind must be one of {', '.join(SCHEDULES)}, got {shown(kind)}")
    made: Schedule = from_table(SCHEDULES[kind], given, label)
    return made


def own_of(kind: type[Own] | OwnPolicy, given: Mapping[str, Any], label: str) -> OwnPolicy:
    """Make a policy of the caller's own of a table of its arguments."""
    unknown = [name for name in given if name not in axes_of(kind)]
    if unknown:
        raise ParameterError(
            f"{label} has no {shown(unknown[0])}; it has {', '.join(axes_of(kind)) or 'no settings'}"
        )
    if not isinstance(kind, OwnPolicy):
        check_arguments(kind, given, label)
    try:
        return made_of(kind, given)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{label}: {error}") from error


def market_of(table: Mapping[str, Any]) -> Market:
    """Make a market of its table."""
    given = checks.table("market", table)
    changes: dict[str, Any] = {}
    if "venue" in given:
        changes["venues"] = _venues_of(given.pop("venue"), "market")
    if "book" in given:
        book = checks.table("market.book", given.pop("book"))
        if book.get("collar") == "none":
            book["collar"] = None
        changes["book"] = from_table(Book, book, "market.book")
    if "fill" in given:
        changes["fill"] = _fill_of(given.pop("fill"), "market")
    if given.get("sessions") == "none":
        changes["sessions"] = None
    for name in ("sessions", "halts"):
        if isinstance(given.get(name), list):
            changes[name] = pl.DataFrame(given[name])
    market: Market = from_table(Market, given | changes, "market")
    return market


def _venues_of(tables: Sequence[Mapping[str, Any]], label: str) -> tuple[Venue, ...]:
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        raise ParameterError(f"{label}: venue must be [[venue]] tables, got {shown(tables)}")
    return tuple(from_table(Venue, venue, f"{label}, [[venue]] {i + 1}") for i, venue in enumerate(tables))


def _fill_of(table: Mapping[str, Any], label: str) -> Any:
    fill = checks.table(f"{label}.fill", table)
    model = fill.pop("model", "displayed")
    if not isinstance(model, str) or model not in FILLS:
        raise ParameterError(f"{label}.fill: model must be one of {', '.join(FILLS)}, got {shown(model)}")
    return from_table(FILLS[model], fill, f"{label}.fill")


def from_table(kind: Any, table: Mapping[str, Any], label: str) -> Any:
    """Make a settings object of a table.

    Raises:
        ParameterError: If a key is unknown or missing, or a value is wrong; `label` says where.

    """
    given = checks.table(label, table)
    # What is made without settings may be a function.
    known = [each for each in fields(kind) if each.init and each.name != "_"] if is_dataclass(kind) else []
    names = [each.name for each in known]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ParameterError(
            f"{label} has no {shown(unknown[0])}; it has {', '.join(names) or 'no settings'}"
        )
    needed = [each.name for each in known if each.default is MISSING and each.default_factory is MISSING]
    missing = [name for name in needed if name not in given]
    if missing:
        raise ParameterError(f"{label} needs {' and '.join(missing)}")
    try:
        return kind(**given)
    except ParameterError as error:
        raise ParameterError(f"{label}: {error}") from None


def _plain(value: Any) -> Any:
    match value:
        case bool() | int() | float() | str() | None:
            return value
        case timedelta():
            return duration_ns(value, "duration")
        case datetime() | date():
            return to_ns(value, "time")
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case Sequence():
            return [_plain(each) for each in value]
        case _ if hasattr(value, "dtype"):
            return to_ns(value, "time") if value.dtype.kind == "M" else duration_ns(value, "duration")
        case _:
            return None
