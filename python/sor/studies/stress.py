"""Stress: one router on the same orders in many markets, side by side (rules B5, F1-F6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from sor.errors import ParameterError, shown
from sor.replay.parents import market_on
from sor.results import metrics
from sor.results.shown import size_unit, sized
from sor.results.stress import Stress
from sor.settings.config import plain_market
from sor.settings.fills import QueueAware
from sor.settings.listed import as_orders
from sor.settings.market import Book, Market
from sor.settings.routers import BASELINES, ROUTER, StaticRouter, as_policy, with_baselines
from sor.settings.run import Run
from sor.studies.many import of_many
from sor.studies.notices import said
from sor.studies.pipeline import Asked, Pipeline, checked_market, checked_run, config_of, jobs_of
from sor.studies.progress import REPLAYING, Step, begin, watching

if TYPE_CHECKING:
    from fractions import Fraction

    from sor.replay.ledger import Ledger
    from sor.settings.orders import Orders
    from sor.settings.routers import Policies, Policy
    from sor.studies.pipeline import Tapes, TapesTrades
    from sor.tape.tape import Quotes

_BOOK = tuple(field.name for field in fields(Book))
_TERMS = ("taker_fee", "maker_rebate", "latency")
_KEYS = ("venues", "fill", "limit", *_BOOK, *_TERMS)

Markets: TypeAlias = "Mapping[str, Market | Mapping[str, Any]]"
"""By name a `Market`, or what changes in the given one: `venues`, `fill`, `limit`, any field of `Book`, and for every
venue at once `taker_fee`, `maker_rebate`, `latency`."""

DEFAULT_MARKETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "base": {},
        "persistent depletion": {"depletion": "persistent"},
        "no depletion": {"depletion": "none"},
        "latency 1 ms": {"latency": "1ms"},
        "latency 10 ms": {"latency": "10ms"},
        "queue 45%": {"fill": QueueAware()},
        "queue 80%": {"fill": QueueAware(queue_position=0.0, max_fill=0.8)},
        "no collar": {"collar": None},
        "no fees": {"taker_fee": 0.0, "maker_rebate": 0.0},
    }
)
"""One change at a time to the assumptions a result is most sensitive to."""


@of_many
def stress(
    quotes: Tapes,
    orders: Orders,
    router: Policy | str = StaticRouter(),
    *,
    markets: Markets = DEFAULT_MARKETS,
    market: Market = Market(),
    against: Policies = BASELINES,
    trades: TapesTrades = None,
    run: Run = Run(),
) -> Stress:
    """Replay the same orders in named markets, in one pass over shared data.

    Args:
        quotes: One tape or several, as in `backtest`.
        orders: An `Order`, `orders_every(...)`, a sequence of both, or a table of orders (a frame or a file)
            with side, quantity, and if wanted start, horizon or end, lot and tz.
        router: A policy, or its name.
        markets: By name a `Market`, or what changes in `market`: `venues`, `fill`, `limit`, any field of `Book`, and
            for every venue at once `taker_fee`, `maker_rebate`, `latency`. Sessions and halts are those of `market`.
        market: What a change changes.
        against: What the router is compared with, in the same market.
        trades: The tapes' trades, as in `backtest`.
        run: Threads, progress, and where finished work is kept.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side, or `resume` is another file.
        ParameterError: If a market has an unknown key, or a setting is wrong.

    """
    policies = with_baselines(as_policy("router", router), against)
    if not isinstance(markets, Mapping) or not markets:
        raise ParameterError(f"markets must map names to markets or changes, got {shown(markets)}")
    run, base = checked_run(run), checked_market(market)
    names = [str(name) for name in markets]
    orders = as_orders(orders)
    jobs = tuple(
        replace(job, markets=tuple(changed_market(job.quotes, name, base, markets[name]) for name in markets))
        for job in jobs_of(quotes, orders, trades, base)
    )
    asked = [Asked(policy, i) for i in range(len(names)) for policy in policies.values()]
    with (
        Pipeline(jobs, run) as pipeline,
        watching(run.progress, Step(REPLAYING, len(asked), "sums")) as callback,
    ):
        begin(callback, REPLAYING, **pipeline.counted)
        ledger = pipeline.run(asked, record=False, progress=callback)
    table, summary = _tables(ledger, names, list(policies), size_unit(jobs))
    named = dict(zip(names, jobs[0].markets, strict=True))
    made = config_of(
        "stress",
        (quotes, orders, trades),
        jobs,
        policies,
        market,
        markets={name: plain_market(each) for name, each in named.items()},
    )
    return Stress(
        table=table,
        summary=summary,
        markets=named,
        quotes=tuple(job.quotes for job in jobs),
        made=made,
        warnings=said(jobs, made.orders, policies.values(), ledger=ledger),
    )


def changed_market(quotes: Quotes, name: str, base: Market, changes: object) -> Market:
    """Lay a named market on a tape: as it is, or the base with changes.

    Raises:
        ParameterError: If a change is of nothing, or does not fit the tape.

    """
    label = f"markets[{shown(name)}]"
    if not isinstance(changes, Market | Mapping):
        raise ParameterError(f"{label} must be a sor.Market or map settings to values, got {shown(changes)}")
    unknown = [key for key in changes if key not in _KEYS] if isinstance(changes, Mapping) else []
    if unknown:
        raise ParameterError(f"{label} has no {shown(unknown[0])}; it may change {', '.join(_KEYS)}")
    try:
        if isinstance(changes, Market):
            return market_on(_in_hours(checked_market(changes), base), quotes)
        plain = {key: changes[key] for key in ("venues", "fill", "limit", "latency") if key in changes}
        book = {key: changes[key] for key in _BOOK if key in changes}
        terms = {key: changes[key] for key in _TERMS if key in changes}
        market = market_on(replace(base, book=replace(base.book, **book), **plain), quotes)
        return replace(market, venues=tuple(replace(venue, **terms) for venue in market.laid))
    except ParameterError as error:
        raise ParameterError(f"{label}: {error}") from None


def _in_hours(market: Market, base: Market) -> Market:
    """Give a market the base's sessions and halts: orders are laid once, so all markets are open together."""
    default = Market()
    for name in ("sessions", "session_gap", "halts"):
        own, allowed = getattr(market, name), (getattr(base, name), getattr(default, name))
        if not any(own is each or _equal(own, each) for each in allowed):
            raise ParameterError(
                f"{name} must be the same as in `market`, as all markets are open at the same times"
            )
    return replace(market, sessions=base.sessions, session_gap=base.session_gap, halts=base.halts)


def _equal(one: object, other: object) -> bool:
    """Tell whether two names or durations are equal; frames have no one answer to `==`."""
    return type(one) is type(other) and isinstance(one, str | int | timedelta) and one == other


def _tables(
    ledger: Ledger, markets: list[str], policies: list[str], unit: Fraction
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return one row per market, and one row per market and policy."""
    size = len(policies)
    names = pl.Enum(policies)
    sums = sized(metrics.summary_table(ledger.parents, unit).drop("_all_in"), "Study.summary", unit)
    labels = pl.Series("policy", policies * len(markets), dtype=names)
    summary = sums.drop("variant").select(
        pl.Series("market", [name for name in markets for _ in policies]), labels, pl.all()
    )
    rows = []
    for i in range(len(markets)):
        block = ledger.parents.filter(pl.col("variant").is_between(i * size, (i + 1) * size - 1))
        place = (pl.col("variant") - i * size).alias("variant")
        own = pl.Series("policy", policies, dtype=names)
        named = block.with_columns(place)
        named = named.select(own.gather(named["variant"]), pl.exclude("variant"))
        saved = metrics.paired_savings(named, named.select("parent", "quantity").unique("parent"), ROUTER)
        means = {
            f"saved_{policy}_bps": saved.filter(pl.col("against") == policy)["savings_bps"].mean()
            for policy in policies
            if policy != ROUTER
        }
        rows.append(
            summary[i * size : i * size + 1]
            .drop("policy")
            .with_columns(pl.lit(value, pl.Float64).alias(key) for key, value in means.items())
        )
    return pl.concat(rows), summary
