"""From a file of settings and the options on the command line to the objects of one call."""

from __future__ import annotations

import glob
import tomllib
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sor.cli.many import executor_of, universe_of, universe_table
from sor.cli.orders import orders_of_call
from sor.errors import ParameterError, shown
from sor.settings.checks import table as as_table
from sor.settings.config import from_table, market_of, policy_of, read_config
from sor.settings.fills import fill_table
from sor.settings.market import Book, Market
from sor.settings.routers import BASELINES, ROUTER, StaticRouter, as_policies, with_baselines
from sor.settings.run import Run
from sor.studies.calls import read_tapes
from sor.studies.pipeline import checked_market
from sor.studies.progress import Step, Waiting
from sor.tape.options import READ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sor.cli.options import Given
    from sor.settings.orders import Order, OrderSchedule
    from sor.settings.routers import Policies, Policy
    from sor.tape.tape import Quotes
    from sor.universe.universe import Universe

_TABLES = (
    "orders",
    "policies",
    "router",
    "market",
    "run",
    "universe",
    "read",
    "search",
    "study",
    "stress",
    "backtest",
)
READING = "reading"
_BYTES_A_SECOND = 20e6
_KEYS = ("command", "files", "trades", "symbol", "policy", *_TABLES)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a command is asked to do.

    Attributes:
        files: Paths, one tape each.
        symbol: Which instrument, where a file holds several.
        trades: Paths, one for each tape; or none.
        orders: What to trade.
        router: What works the orders.
        against: What it is compared with.
        policies: Both, by name, for a study.
        policy: In a study, the name of the one compared with the others.
        market: What every policy meets.
        run: Threads, kept work, and the bar as its progress.
        bar: What is shown while one waits.
        options: The tables that single verbs have.
        universe: How a universe is read, where the tapes are one.
        read: How the files are meant: arguments of `read_quotes`, and under `trades` those of `read_trades`.
        given: What was said on the command line.

    """

    files: list[str]
    symbol: str | None
    trades: list[str]
    orders: tuple[Order | OrderSchedule, ...]
    router: Policy
    against: Policies
    policies: Mapping[str, Policy]
    policy: str | None
    market: Market
    run: Run
    bar: Waiting
    options: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    universe: Mapping[str, Any] | None = None
    read: Mapping[str, Any] = field(default_factory=dict)
    given: Given

    def quotes(self) -> list[Quotes] | Universe:
        """Read the tapes, or list the universe."""
        if self.universe is not None:
            self.bar.plan()
            return universe_of(self.files, self.trades, self.universe)
        alone = [name for name in ("workers", "scheduler", "rows", "collect") if getattr(self.given, name)]
        if alone:
            raise ParameterError(
                f"--{alone[0]} is for a universe: FILES with date=* and symbol=*, or {{date}} and {{symbol}}"
            )
        self.bar.begin(READING)
        return read_tapes(self.files, self.symbol, self.trades, self.read)

    @contextmanager
    def at_work(self) -> Iterator[dict[str, Any]]:
        """Yield the arguments that every verb takes by name, with the workers that were asked for."""
        if self.universe is None:
            yield self.shared
            return
        with executor_of(self.given) as executor:
            rows = None if self.given.rows is None else str(self.given.rows)
            errors = "collect" if self.given.collect else self.run.errors
            run = replace(self.run, executor=executor, out=rows or self.run.out, errors=errors)
            yield {"market": self.market, "run": run}

    def reading(self) -> Step:
        """Plan the reading of the files."""
        sizes = [path.stat().st_size for path in map(Path, self.files) if path.is_file()]
        return Step(READING, sum(sizes) / _BYTES_A_SECOND)

    @property
    def searched(self) -> Any:
        """The router, for a search, which says itself what it cannot search."""
        return self.router

    @property
    def shared(self) -> dict[str, Any]:
        """The arguments that every verb takes by name."""
        trades = None if "trades" in self.read else self.trades or None  # else they are the tapes' already
        return {"market": self.market, "trades": trades, "run": self.run}


def call(given: Given, *, orders: Mapping[str, Any], need_files: bool = True) -> Call:
    """Put a call together: the file's settings, then the options, then the command's defaults.

    Args:
        given: The options.
        orders: What an order is where neither file nor options say.
        need_files: Whether it is an error to name no tape.

    Raises:
        ParameterError: Naming the option, or the file's key, and what would be right.

    """
    table = {} if given.config is None else read_config(given.config)
    if given.router is not None:
        _choose(table, str(given.router))
    if given.schedule is not None:
        _schedule(table, given.schedule)
    for text in given.set or ():
        _set(table, text)
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise ParameterError(
            f"settings have no {shown(unknown[0])}; they have {', '.join(_KEYS)}{_elsewhere(unknown[0])}"
        )
    for key in _TABLES:
        if key != "orders" and not isinstance(table.get(key, {}), Mapping):
            raise ParameterError(f"{key} must be a table, got {shown(table[key])}")
    named = given.files or _texts("files", table)
    universe = universe_table(named, given, table)
    files = named if universe is not None else _files(named)
    if need_files and not files:
        raise ParameterError("no tape: name FILES, or files in --config")
    router, against = _policies(table)
    bar = Waiting()
    asks_for_router = given.router or "router" in table or ROUTER in table.get("policies", {ROUTER: None})
    return Call(
        files=files,
        symbol=given.symbol or table.get("symbol"),
        trades=[str(path) for path in given.trades or _texts("trades", table)],
        orders=orders_of_call(table.get("orders", []), given, orders),
        router=router,
        against=against,
        policy=table.get("policy"),
        policies=with_baselines(router, against) if asks_for_router else as_policies("policies", against),
        market=_market(table, given),
        run=_run(table, given, bar),
        bar=bar,
        options={name: dict(table.get(name, {})) for name in ("search", "study", "stress")},
        universe=universe,
        read=_read(table),
        given=given,
    )


def _elsewhere(key: str) -> str:
    """Say in which table there is a setting of this name."""
    tables = {"router": StaticRouter, "market": Market, "market.book": Book, "run": Run}
    places = [name for name, kind in tables.items() if key in (each.name for each in fields(kind))]
    return f" (did you mean {places[0]}.{key}?)" if places else ""


def _read(table: Mapping[str, Any]) -> dict[str, Any]:
    """Check the table `read` and its table `trades`; what their values may be is said where they are used."""
    said = dict(table.get("read", {}))
    trades = said.get("trades", {})
    if not isinstance(trades, Mapping):
        raise ParameterError(f"read.trades must be a table, got {shown(trades)}")
    allowed = {"read": (*READ, "max_bytes"), "read.trades": (*READ, "max_bytes", "exclude_conditions")}
    for label, given in (("read", said), ("read.trades", trades)):
        unknown = [name for name in given if name not in (*allowed[label], "trades")]
        if unknown:
            raise ParameterError(f"{label} has no {shown(unknown[0])}; it has {', '.join(allowed[label])}")
    return said


def _choose(table: dict[str, Any], kind: str) -> None:
    """Make `kind` the router; parameters of the file stay where they are of that kind."""
    policies = table.get("policies", {})
    for place, name in ((policies, ROUTER), (table, "router")):
        known = place.get(name) if isinstance(place, Mapping) else None
        if (
            isinstance(known, str | Mapping)
            and (known if isinstance(known, str) else known.get("kind", "static")) != kind
        ):
            del place[name]
    table.setdefault("router", {})["kind"] = kind


def _schedule(table: dict[str, Any], written: str) -> None:
    """Put the router under a schedule, wherever the settings have the router."""
    policies = table.get("policies", {})
    own = policies.get(ROUTER) if isinstance(policies, Mapping) else None
    if isinstance(own, str):
        policies[ROUTER] = {"kind": own, "schedule": written}
    elif isinstance(own, dict):
        own["schedule"] = written
    elif isinstance(table.get("router", {}), Mapping):
        table.setdefault("router", {})["schedule"] = written


def _set(table: dict[str, Any], text: str) -> None:
    """Set one value by its place, e.g. `router.lambda_under=0.002`; the value as TOML has it, or text."""
    place, equals, value = text.partition("=")
    keys = place.strip().split(".")
    if not equals or not all(keys):
        raise ParameterError(f"--set must be KEY=VALUE, e.g. router.lambda_under=0.002, got {shown(text)}")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for i, key in enumerate(keys[:-1]):
        inner = table.setdefault(key, {})
        if isinstance(inner, list) and len(inner) == 1:
            inner = inner[0]  # the only one of [[orders]]
        if not isinstance(inner, dict):
            raise ParameterError(f"--set {text}: {'.'.join(keys[: i + 1])} is no table")
        table = inner
    table[keys[-1]] = parsed


def _texts(key: str, table: Mapping[str, Any]) -> list[str]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ParameterError(f"{key} must be a list of paths, got {shown(values)}")
    return values


def _files(names: list[str]) -> list[str]:
    """Put the files that match in the place of a pattern; a file whose name looks like one is that file."""
    found: list[str] = []
    for name in names:
        if glob.has_magic(name) and not Path(name).exists():
            matching = sorted(glob.glob(name, recursive=True))  # noqa: PTH207, a path of any folder
            if not matching:
                raise FileNotFoundError(f"{name}: no file matches this pattern")
            found += matching
        else:
            found.append(name)
    return found


def _policies(table: Mapping[str, Any]) -> tuple[Policy, Policies]:
    """Return the router, and what it is compared with."""
    tables = dict(table.get("policies", {}))
    own = tables.pop(ROUTER, {})
    own = {"kind": own} if isinstance(own, str) else as_table("policies.router", own)
    own |= table.get("router", {})
    against: Policies = BASELINES
    if tables:
        against = {name: policy_of(each, f"policies.{name}") for name, each in tables.items()}
    return policy_of(own, ROUTER), against


def _market(table: Mapping[str, Any], given: Given) -> Market:
    said = dict(table.get("market", {}))
    if given.venues is not None:
        said.pop("venue", None)
        said["venues"] = str(given.venues)
    if given.latency is not None:
        said["latency"] = given.latency
    if given.fill is not None:
        fill = as_table("market.fill", said.get("fill", {}))
        asked = fill_table(given.fill)
        model = fill.get("model")
        said["fill"] = (fill if model in (None, asked["model"]) else {}) | asked
    if given.sessions is not None:
        said["sessions"] = given.sessions
    return checked_market(market_of(said))


def _run(table: Mapping[str, Any], given: Given, bar: Waiting) -> Run:
    said = dict(table.get("run", {}))
    run: Run = from_table(Run, said | {"progress": bar}, "run")
    if given.threads is not None:
        run = replace(run, threads=given.threads)
    return run if given.resume is None else replace(run, resume=str(given.resume))
