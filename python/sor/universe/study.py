"""Studies and stress tests over the units of a universe."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeVar

from sor.errors import ParameterError, SorWarning, count, shown
from sor.results.search import GIVEN
from sor.settings.checks import flag, instance, one_of
from sor.settings.config import Config, plain_change
from sor.settings.listed import as_orders
from sor.settings.market import Market
from sor.settings.routers import ROUTER
from sor.settings.run import Bootstrap, Run
from sor.studies.pipeline import checked_market
from sor.studies.progress import Step, begin, watching
from sor.tape.venues import read_venues, self_contained
from sor.universe.dispatch import work_through
from sor.universe.result import UniverseResult, UniverseStudy
from sor.universe.stressed import UniverseStress
from sor.universe.work import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.settings.orders import Orders
    from sor.settings.routers import Policy
    from sor.studies.stress import Markets
    from sor.universe.tables import Tables
    from sor.universe.unit import Reading, Unit


R = TypeVar("R", bound=UniverseResult)


@dataclass(frozen=True)
class Where:
    """The units of a universe, how they are read, and how both are written down.

    Attributes:
        units: At least one.
        reading: How tapes are read.
        files: The patterns of the quotes, as they were given.
        trades: Of the trades.
        described: The table `universe` of the settings.

    """

    units: Sequence[Unit]
    reading: Reading
    files: tuple[str, ...]
    trades: tuple[str, ...]
    described: Mapping[str, Any]


def study_units(
    where: Where,
    orders: Orders,
    policies: Mapping[str, Policy],
    *,
    policy: str | None,
    market: Market,
    run: Run,
    record: bool,
    bootstrap: Bootstrap,
    command: str = "study",
) -> UniverseStudy:
    """Replay the orders on every unit under every policy, and return the sums."""
    instance("bootstrap", bootstrap, Bootstrap)
    chosen = next(iter(policies)) if policy is None else policy
    one_of("policy", chosen, policies)
    base = travelling(market)
    settings = Settings(
        reading=where.reading,
        orders=as_orders(orders),
        policies=dict(policies),
        policy=chosen,
        market=base,
        record=flag("record", record),
        out=_out(run),
        look={},
    )
    tables = worked(
        where.units,
        settings,
        run,
        f"{count(len(where.units), 'symbol-day')} x {count(len(policies), 'policy', 'policies')}",
    )
    options = {"record": record, "bootstrap": asdict(bootstrap)} if command == "study" else {}
    made = described(where, settings, base, command, options)
    return warned(
        UniverseStudy(
            rows=tables, policies=policies, policy=chosen, market=base, bootstrap=bootstrap, made=made
        )
    )


def stress_units(
    where: Where,
    orders: Orders,
    policies: Mapping[str, Policy],
    markets: Markets,
    *,
    market: Market,
    run: Run,
) -> UniverseStress:
    """Replay the orders on every unit in every market."""
    if not isinstance(markets, Mapping) or not markets:
        raise ParameterError(f"markets must map names to markets or changes, got {shown(markets)}")
    base = travelling(market)
    settings = Settings(
        reading=where.reading,
        orders=as_orders(orders),
        policies=dict(policies),
        policy=ROUTER,
        market=base,
        markets={str(name): _change(each) for name, each in markets.items()},
        record=False,
        out=_out(run),
        look={},
    )
    tables = worked(
        where.units,
        settings,
        run,
        f"{count(len(where.units), 'symbol-day')} x {count(len(markets), 'market')}",
    )
    laid = settings.markets or {}
    options = {"markets": {name: plain_change(change) for name, change in laid.items()}}
    made = described(where, settings, base, "stress", options)
    return warned(UniverseStress(rows=tables, markets=laid, made=made))


def warned(result: R) -> R:
    """Raise what a new result says does not fit, once; the warnings point at the call of the verb."""
    for sentence in result.warnings:
        warnings.warn(sentence, SorWarning, stacklevel=5)
    return result


def worked(units: Sequence[Unit], settings: Settings, run: Run, label: str) -> Tables:
    """Work through units with a bar, and see that any of them could be used."""
    instance("run", run, Run)
    step = Step(label, 0.0, unit="units/s")
    with watching(run.progress, step) as callback:
        begin(callback, step)
        tables = work_through(units, settings, run, callback)
    problems = tables.units["problem"]
    if problems.null_count() == 0:
        raise ParameterError(f"quotes: none of {len(problems):,} units can be used; the first: {problems[0]}")
    return tables


def travelling(market: Market) -> Market:
    """Return a market that says everything itself, and no file of this machine."""
    return self_contained(checked_market(market))


def _change(change: Any) -> Any:
    """Return a market, or a change of one, that names no file of this machine."""
    if isinstance(change, Market):
        return travelling(change)
    if isinstance(change, Mapping) and isinstance(change.get("venues"), str | PathLike):
        return {**change, "venues": tuple(read_venues(change["venues"]))}
    return dict(change) if isinstance(change, Mapping) else change


def described(
    where: Where, settings: Settings, market: Market, command: str, options: Mapping[str, Any]
) -> Config:
    """Write a call down, for `result.config()`."""
    return Config(
        command=command,
        files=where.files,
        trades=where.trades,
        orders=settings.orders,
        policies={name: policy for name, policy in settings.policies.items() if name != GIVEN},
        policy=settings.policy,
        market=checked_market(market),
        universe=where.described,
        options=options,
    )


def _out(run: Run) -> str | None:
    instance("run", run, Run)
    return None if run.out is None else fspath(run.out)
