"""The call into the core: settings lowered to integers, the ledger's columns back as frames."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import polars as pl

from sor import _core
from sor.errors import ParameterError
from sor.replay.parents import Parent, core_parents, parents_frame
from sor.settings.params import (
    Book,
    ContKukanovRouter,
    Displayed,
    Duration,
    FillModel,
    Limit,
    QueueAware,
    Router,
    StaticRouter,
    Venue,
    _positive,
    _whole,
)
from sor.settings.times import INT64_MAX, duration_ns
from sor.tape.schema import KINDS, REASONS, STATUSES
from sor.tape.venues import NANOS, core_venues, venue_names

if TYPE_CHECKING:
    from sor.tape.tape import Quotes

BASELINES = ("best_ask", "sweep", "twap", "vwap")
"""The policies a router is compared with (MODEL P3)."""

Progress = Callable[[int, int], object]
_UTC = pl.Datetime("ns", "UTC")
_MOST_THREADS = 1024


@dataclass(frozen=True, kw_only=True)
class Market:
    """Everything that is the same for every policy (MODEL P2)."""

    venues: Sequence[Venue]
    book: Book = field(default_factory=Book)
    fill: FillModel = field(default_factory=Displayed)
    limit: Limit = "seen"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A named policy in a market: a router, or a baseline by name."""

    name: str
    policy: Router | str
    market: Market
    twap_bucket: Duration = "60s"


@dataclass(frozen=True)
class Ledger:
    """The exact record of replays: prices per share and money in integer nanos (MODEL N1, P5).

    Attributes:
        parents: A row per policy and parent, with the sums over its fills.
        children: A row per child order sent.
        fills: A row per execution. Everything in `parents` follows from these.
        places: Where each limit order stood in its queue, a row per change: `ahead` of it (null where the
            pessimistic model knows no bound), and its own shares `left`, from `ts` on (MODEL C10).
        epochs: A row per decision of the paper's router: the shares it planned, the market order, the limit
            orders' sum, and the problem behind them, money in nanos.

    """

    parents: pl.DataFrame
    children: pl.DataFrame
    fills: pl.DataFrame
    places: pl.DataFrame
    epochs: pl.DataFrame


TABLES = tuple(table.name for table in fields(Ledger))
"""The frames of a `Ledger`, by name."""


def replay(
    quotes: Quotes,
    parents: Sequence[Parent],
    variants: Sequence[Variant],
    *,
    record: bool,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Ledger:
    """Replay every parent under every variant.

    Args:
        quotes: The tape.
        parents: Orders on it.
        variants: What to compare; `policy` names them in the result.
        record: Keep the rows of children and fills, not only the sums.
        threads: Worker threads; as many as there are cores by default. The result does not depend on it.
        progress: Called with (done, total) about 20 times a second.

    Raises:
        ParameterError: From the core, naming the argument.

    """
    tables = _core.replay(
        quotes.lent(),
        core_parents(parents),
        [_core_variant(variant, quotes) for variant in variants],
        record=record,
        threads=_threads(threads),
        progress=progress,
    )
    names = [variant.name for variant in variants]
    venues = pl.Enum(venue_names(variants[0].market.venues, quotes))
    policies = pl.Enum(list(dict.fromkeys(names)))
    return Ledger(
        parents=_parents(tables["parents"], names, policies, parents),
        children=_children(tables["children"], names, policies, venues),
        fills=_fills(tables["fills"], names, policies, venues),
        places=_places(tables["places"], names, policies),
        epochs=_epochs(tables["epochs"], names, policies),
    )


def hindsight(
    quotes: Quotes, parents: Sequence[Parent], market: Market, *, threads: int | None = None
) -> list[int | None]:
    """Return the least possible signed all-in cost of every parent, nanos (MODEL P4).

    None where a parent's side was never quoted by its end.
    """
    variant = Variant(name="hindsight", policy="sweep", market=market)
    return _core.hindsight(
        quotes.lent(), core_parents(parents), _core_variant(variant, quotes), _threads(threads)
    )


def _threads(threads: int | None) -> int:
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _whole("threads", threads, most=_MOST_THREADS)


def core_visibility(book: Book) -> tuple[float, int | None]:
    """Return the collar and the largest age of a quote as the core takes them."""
    age = book.max_quote_age
    # A collar of a million times the mid hides nothing.
    collar = 1e6 if book.collar is None else book.collar
    return collar, None if age is None else duration_ns(age, "max_quote_age")


def _core_variant(variant: Variant, quotes: Quotes) -> dict[str, Any]:
    market, book, fill = variant.market, variant.market.book, variant.market.fill
    collar, age = core_visibility(book)
    return {
        "venues": core_venues(market.venues, quotes, fill),
        "snapshot": book.snapshot,
        "depletion": book.depletion,
        "collar": collar,
        "max_quote_age": age,
        "tick": round(book.tick * NANOS),
        "fill": core_fill(fill),
        "limit": market.limit,
        "policy": _core_policy(variant),
    }


def core_fill(fill: FillModel) -> dict[str, Any] | None:
    """Return a fill model as the core takes it; None is `Displayed`."""
    if not isinstance(fill, QueueAware):
        return None
    return {
        "max_fill": fill.max_fill,
        "impact": fill.impact,
        "decay": None if fill.decay is None else float(duration_ns(fill.decay, "decay")),
        "seed": fill.seed if fill.mode == "sampled" else None,
    }


def _core_policy(variant: Variant) -> dict[str, Any]:
    policy = variant.policy
    if isinstance(policy, StaticRouter):
        return {"name": "router", "router": vars(policy)}
    if isinstance(policy, ContKukanovRouter):
        return {"name": "cont_kukanov", "cont_kukanov": _core_cont_kukanov(policy)}
    if policy not in BASELINES:
        raise ParameterError(f"baselines must be among {', '.join(BASELINES)}, got {policy!r}")
    return {"name": policy, "bucket": _positive("twap_bucket", variant.twap_bucket)}


def _core_cont_kukanov(router: ContKukanovRouter) -> dict[str, Any]:
    epoch = duration_ns(router.epoch, "epoch")
    every = router.window_every
    return vars(router) | {
        "adverse_selection": round(router.adverse_selection * NANOS),
        "epoch": epoch,
        "window_every": epoch if every is None else duration_ns(every, "window_every"),
    }


def _coded(codes: Any, names: Sequence[str], dtype: pl.DataType) -> pl.Series:
    """Turn the core's codes into named categories."""
    return pl.Series(list(names), dtype=dtype).gather(pl.Series(codes).cast(pl.UInt32))


def _optional(column: tuple[Any, Any]) -> pl.Series:
    """Turn the core's values, and whether each is there, into a column with nulls."""
    values, present = (pl.Series(array) for array in column)
    return pl.select(pl.when(present).then(values)).to_series()


def _named(columns: dict[str, Any], names: Sequence[str], policies: pl.Enum) -> dict[str, Any]:
    return {"policy": _coded(columns.pop("variant"), names, policies)} | columns


def _parents(
    columns: dict[str, Any], names: list[str], policies: pl.Enum, parents: Sequence[Parent]
) -> pl.DataFrame:
    columns = _named(columns, names, policies)
    columns["status"] = _coded(columns["status"], STATUSES, pl.Enum(STATUSES))
    columns["arrival_mid"] = _optional(columns["arrival_mid"])
    columns["ts_done"] = pl.Series(columns["ts_done"]).cast(_UTC)
    orders = parents_frame(parents)
    sums = pl.DataFrame(columns)
    return (
        sums.select("policy", "parent")
        .join(orders, on="parent", maintain_order="left")
        .hstack(sums.drop("policy", "parent").get_columns())
    )


def _fills(columns: dict[str, Any], names: list[str], policies: pl.Enum, venues: pl.Enum) -> pl.DataFrame:
    columns = _named(columns, names, policies)
    columns["kind"] = _coded(columns["kind"], KINDS, pl.Enum(KINDS))
    columns["venue"] = _coded(columns["venue"], venues.categories.to_list(), venues)
    return pl.DataFrame(columns).with_columns(pl.col("ts_decided", "ts_executed").cast(_UTC))


_CHILD_ORDER = (
    *(
        "policy",
        "parent",
        "child",
        "kind",
        "ts_decided",
        "ts_arrived",
        "venue",
        "quantity",
        "executed",
        "reason",
    ),
    *("remaining", "mid", "seen_price", "seen_displayed", "seen_available", "marginal", "threshold"),
    *("met_price", "met_displayed", "met_available", "fill_probability", "age"),
)


def _children(columns: dict[str, Any], names: list[str], policies: pl.Enum, venues: pl.Enum) -> pl.DataFrame:
    columns = _named(columns, names, policies)
    columns["kind"] = _coded(columns["kind"], KINDS, pl.Enum(KINDS))
    columns["reason"] = _coded(columns["reason"], REASONS, pl.Enum(REASONS))
    columns["venue"] = _coded(columns["venue"], venues.categories.to_list(), venues)
    for name in ("threshold", "met_price", "fill_probability"):
        columns[name] = _optional(columns[name])
    return (
        pl.DataFrame(columns)
        .select(_CHILD_ORDER)
        .with_columns(pl.col("ts_decided", "ts_arrived").cast(_UTC), _known("met_available"))
    )


def _places(columns: dict[str, Any], names: list[str], policies: pl.Enum) -> pl.DataFrame:
    return pl.DataFrame(_named(columns, names, policies)).with_columns(
        pl.col("ts").cast(_UTC), _known("ahead")
    )


def _known(ahead: str) -> pl.Expr:
    """Shares ahead in a queue; null where the core means any number."""
    return pl.when(pl.col(ahead) < INT64_MAX).then(pl.col(ahead)).alias(ahead)


_PROBLEM = ("half_spread", "lambda_under", "lambda_over", "cost", "shortfall", "excess")


def _epochs(columns: dict[str, Any], names: list[str], policies: pl.Enum) -> pl.DataFrame:
    columns = _named(columns, names, policies)
    for name in _PROBLEM:
        columns[name] = _optional(columns[name])
    return pl.DataFrame(columns).with_columns(pl.col("ts").cast(_UTC))
