"""Stress: the same orders under named variants of the market, side by side (MODEL B5, F1-F6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError
from sor.replay.replay import BASELINES, Market, Variant, replay
from sor.results import display, metrics
from sor.settings.params import (
    ROUTERS,
    Book,
    Duration,
    FillModel,
    Limit,
    Orders,
    QueueAware,
    Router,
    StaticRouter,
    _instance,
)
from sor.studies.backtest import ROUTER, as_quotes, baseline_variants, make_market, parents_on
from sor.studies.progress import Progress, watching
from sor.tape.venues import VenueSource, venues_on_tape

if TYPE_CHECKING:
    from sor.tape.read import Source, Table
    from sor.tape.tape import Quotes, Trades

_BOOK = tuple(field.name for field in fields(Book))
_TERMS = ("taker_fee", "maker_rebate", "latency")
_KEYS = ("router", "venues", "fill", "limit", *_BOOK, *_TERMS)

DEFAULT_SCENARIOS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
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


@dataclass(frozen=True, repr=False)
class Comparison:
    """The same orders under every scenario.

    Attributes:
        table: A row a scenario: `scenario`, the router's `fill_ratio`, `avg_fill_px`, `shortfall_bps` and its
            parts, and its savings against each baseline, `saved_<baseline>_bps`.
        summary: A row a scenario and policy, as `Backtest.summary`.

    """

    table: pl.DataFrame
    summary: pl.DataFrame

    def __repr__(self) -> str:
        saved = [name for name in self.table.columns if name.startswith("saved_")]
        shown = self.table.select(
            "scenario", "fill_ratio", "shortfall_bps", "spread_bps", "timing_bps", *saved
        )
        return f"Comparison\n{display.text(display.rounded(shown))}"

    def _repr_html_(self) -> str:
        return f"<b>Comparison</b>{self.table._repr_html_()}"


def compare(
    quotes: Quotes | Source,
    orders: Orders,
    scenarios: Mapping[str, Mapping[str, Any]] = DEFAULT_SCENARIOS,
    router: Router | None = None,
    *,
    trades: Trades | Table | None = None,
    venues: VenueSource | None = None,
    book: Book | None = None,
    fill: FillModel | None = None,
    limit: Limit = "seen",
    baselines: Sequence[str] = BASELINES,
    twap_bucket: Duration = "60s",
    threads: int | None = None,
    progress: bool | Progress | None = None,
) -> Comparison:
    """Replay the same orders under named scenarios, in one pass over shared data.

    Args:
        quotes: A tape, or anything `read_quotes` takes.
        orders: One `Order`, several, or `orders_every(...)`.
        scenarios: What each changes: `router`, `venues`, `fill`, `limit`, any field of `Book`, and for every
            venue at once `taker_fee`, `maker_rebate`, `latency`.
        router: The router where a scenario has none of its own.
        trades: The tape's trades, for a `ContKukanovRouter`.
        venues: See `backtest`, as for the arguments that follow; what a scenario does not change.
        book: How the book is seen and used up.
        fill: How children are filled.
        limit: A child's limit.
        baselines: What the router is compared with, under the same scenario.
        twap_bucket: Length of a TWAP slice's bucket.
        threads: Worker threads; the result does not depend on it.
        progress: True for a bar, or a callback `(done, total)`.

    Raises:
        ParameterError: If a scenario has an unknown key, or a setting is wrong.

    """
    tape = as_quotes(quotes, trades)
    if not isinstance(scenarios, Mapping) or not scenarios:
        raise ParameterError(f"scenarios must map names to changes, got {scenarios!r}")
    router = StaticRouter() if router is None else router
    _instance("router", router, *ROUTERS)
    base = make_market(tape, venues=venues, book=book, fill=fill, limit=limit)
    parents = parents_on(tape, orders)
    variants: list[Variant] = []
    for name, changes in scenarios.items():
        market, own = _changed(name, changes, base, tape)
        variants.append(Variant(name=ROUTER, policy=own or router, market=market))
        variants += baseline_variants(market, baselines, twap_bucket)
    numbered = [replace(variant, name=str(i)) for i, variant in enumerate(variants)]
    with watching(progress, f"{len(scenarios)} scenarios x {len(parents)} orders") as callback:
        ledger = replay(tape, parents, numbered, record=False, threads=threads, progress=callback)
    summary = metrics.summary_table(ledger.parents).with_columns(
        pl.Series("policy", [variant.name for variant in variants])
    )
    return _comparison(summary, list(scenarios))


def _changed(
    name: str, changes: Mapping[str, Any], base: Market, tape: Quotes
) -> tuple[Market, Router | None]:
    """Apply a scenario to a market; return it and the scenario's own router."""
    if not isinstance(changes, Mapping):
        raise ParameterError(f"scenarios[{name!r}] must map settings to values, got {changes!r}")
    unknown = [key for key in changes if key not in _KEYS]
    if unknown:
        raise ParameterError(f"scenarios[{name!r}] has no {unknown[0]!r}; it may change {', '.join(_KEYS)}")
    try:
        venues = venues_on_tape(changes["venues"], tape) if "venues" in changes else base.venues
        terms = {key: changes[key] for key in _TERMS if key in changes}
        book = {key: changes[key] for key in _BOOK if key in changes}
        market = make_market(
            tape,
            venues=[replace(venue, **terms) for venue in venues],
            book=replace(base.book, **book),
            fill=changes.get("fill", base.fill),
            limit=changes.get("limit", base.limit),
        )
        own = changes.get("router")
        if own is not None:
            _instance("router", own, *ROUTERS)
    except ParameterError as error:
        raise ParameterError(f"scenarios[{name!r}]: {error}") from None
    return market, own


def _comparison(summary: pl.DataFrame, names: list[str]) -> Comparison:
    size = summary.height // len(names)
    rows, blocks = [], []
    for i, _name in enumerate(names):
        block = summary.slice(i * size, size)
        cost = dict(block.select("policy", "_all_in").iter_rows())
        saved = {
            f"saved_{policy}_bps": metrics.savings_bps(cost[ROUTER], cost[policy])
            for policy in cost
            if policy != ROUTER
        }
        shown = block.filter(pl.col("policy") == ROUTER).drop("policy", "_all_in")
        rows.append(shown.with_columns(pl.lit(value, pl.Float64).alias(key) for key, value in saved.items()))
        blocks.append(block.drop("_all_in"))
    column = pl.Series("scenario", names)
    table = pl.concat(rows).select(column, pl.all())
    repeated = pl.Series("scenario", [name for name in names for _ in range(size)])
    return Comparison(table, pl.concat(blocks).select(repeated, pl.all()))
