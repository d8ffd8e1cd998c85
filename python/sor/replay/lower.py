"""Settings lowered to what the core takes: integers, words and plain dictionaries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Required, TypedDict

from sor.replay.children import core_children
from sor.replay.schedules import core_schedule
from sor.settings.children import Children
from sor.settings.compiled import Compiled
from sor.settings.fills import CompiledFill, Displayed, FillModel, FillTable, QueueAware, address_of
from sor.settings.policy import Policy as Own
from sor.settings.policy import Start, hears
from sor.settings.routers import ContKukanovRouter, Policy, StaticRouter, name_of, schedule_of, unsliced
from sor.settings.times import INT64_MAX, duration_ns
from sor.tape.venues import NANOS, venue_index, venue_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.replay.parents import Parent
    from sor.settings.market import Book, Market
    from sor.tape.tape import Quotes

CoreParent = tuple[int, int, int, int, int, int]
"""Sign, quantity, start, end, lot, and a number that tells equal ones apart."""
CoreVenue = tuple[int, int, int, float]
"""Taker fee, maker rebate, latency in nanos, and queue position."""


class CoreFill(TypedDict, total=False):
    """A `QueueAware` model, or one of the caller's own in one of three forms; `Displayed` is None."""

    seed: Required[int | None]
    max_fill: float
    impact: float
    decay: float | None
    identity: str
    table: dict[str, list[float]]
    function: dict[str, Any]
    compiled: dict[str, Any]


class CorePolicy(TypedDict, total=False):
    """A policy by the core's name, None for one of the caller's own, with what that policy has."""

    name: Required[str | None]
    own: dict[str, Any]
    compiled: dict[str, Any]
    children: dict[str, Any]
    router: dict[str, Any]
    cont_kukanov: dict[str, Any]
    schedule: dict[str, Any]


class CoreVariant(TypedDict):
    """A policy in a market on one tape."""

    venues: list[CoreVenue]
    snapshot: str
    depletion: str
    collar: tuple[float, int]
    max_quote_age: int | None
    tick: int
    fill: CoreFill | None
    limit: str
    policy: CorePolicy


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A policy in a market that is laid on a tape."""

    policy: Policy
    market: Market


def core_parents(parents: Sequence[Parent]) -> list[CoreParent]:
    """Return parents as the core takes them, equal ones distinguished by a running number."""
    seen: Counter[Parent] = Counter()
    rows = []
    for parent in parents:
        # One that starts at the very close of its session is cut to nothing: the core cuts it again.
        end = max(parent.end, parent.start + 1)
        rows.append((parent.sign, parent.quantity, parent.start, end, parent.lot, seen[parent]))
        seen[parent] += 1
    return rows


def core_variant(variant: Variant, quotes: Quotes) -> CoreVariant:
    """Return a variant as the core takes it."""
    market, book = variant.market, variant.market.book
    collar, age = core_visibility(book)
    return {
        "venues": _venues(market, quotes),
        "snapshot": book.snapshot,
        "depletion": book.depletion,
        "collar": collar,
        "max_quote_age": age,
        "tick": round(book.tick * NANOS),
        "fill": core_fill(market.fill, venue_names(market.laid, quotes)),
        "limit": market.limit,
        "policy": _policy(variant, quotes),
    }


def core_visibility(book: Book) -> tuple[tuple[float, int], int | None]:
    """Return the collar, a fraction and the least it is in nanos, and the largest age of a quote."""
    age = book.max_quote_age
    # A collar of a million times the mid hides nothing.
    collar = 1e6 if book.collar is None else book.collar
    # No price is further away than 64 bits.
    least = min(book.collar_ticks * round(book.tick * NANOS), INT64_MAX)
    return (collar, least), None if age is None else duration_ns(age, "max_quote_age")


def core_fill(fill: FillModel, venues: Sequence[str]) -> CoreFill | None:
    """Return a fill model, which knows venues by their names; None is `Displayed`."""
    if isinstance(fill, Displayed):
        return None
    seed = fill.seed if fill.mode == "sampled" else None
    if isinstance(fill, QueueAware):
        decay = None if fill.decay is None else float(duration_ns(fill.decay, "decay"))
        return {"max_fill": fill.max_fill, "impact": fill.impact, "decay": decay, "seed": seed}
    if isinstance(fill, FillTable):
        return {"identity": repr(fill), "seed": seed, "table": fill.nodes}
    if isinstance(fill, CompiledFill):
        compiled = {"function": address_of(fill.function), "parameters": list(fill.parameters.values())}
        return {"identity": fill.identity, "seed": seed, "compiled": compiled}
    function = {"call": fill.call, "venues": tuple(venues)}
    return {"identity": fill.identity, "seed": seed, "function": function}


def _policy(variant: Variant, quotes: Quotes) -> CorePolicy:
    lowered, schedule = _unscheduled(variant, quotes), schedule_of(variant.policy)
    if schedule is not None:
        lowered["schedule"] = core_schedule(schedule, quotes)
    return lowered


def _unscheduled(variant: Variant, quotes: Quotes) -> CorePolicy:
    policy = unsliced(variant.policy)
    if isinstance(policy, Own):
        venues = tuple(venue_names(variant.market.laid, quotes))
        own = {"start": Start(policy), "venues": venues, "hears": hears(policy), "queue": policy.queue}
        return {"name": None, "own": own}
    if isinstance(policy, Compiled):
        compiled = {
            "function": policy.address,
            "parameters": list(policy.arguments.values()),
            "memory": policy.memory,
            "queue": policy.queue,
        }
        return {"name": None, "compiled": compiled}
    if isinstance(policy, Children):
        return {"name": None, "children": core_children(policy, quotes)}
    lowered: CorePolicy = {"name": name_of(policy)}
    if isinstance(policy, StaticRouter):
        lowered["router"] = dict(vars(policy))
    elif isinstance(policy, ContKukanovRouter):
        lowered["cont_kukanov"] = _cont_kukanov(policy)
    return lowered


def _cont_kukanov(router: ContKukanovRouter) -> dict[str, Any]:
    epoch = duration_ns(router.epoch, "epoch")
    every = router.window_every
    return vars(router) | {
        "adverse_selection": round(router.adverse_selection * NANOS),
        "epoch": epoch,
        "window_every": epoch if every is None else duration_ns(every, "window_every"),
    }


def _venues(market: Market, quotes: Quotes) -> list[CoreVenue]:
    """Lower the terms of every venue, by index: a venue's own queue position before the fill model's."""
    default = 0.5
    by_venue: dict[int, float] = {}
    fill = market.fill
    if isinstance(fill, QueueAware):
        if isinstance(fill.queue_position, dict):
            for label, position in fill.queue_position.items():
                by_venue[venue_index(label, quotes, "queue_position")] = position
        else:
            default = fill.queue_position
    return [
        (
            round(venue.taker_fee * NANOS),
            round(venue.maker_rebate * NANOS),
            duration_ns(market.latency if venue.latency is None else venue.latency, "latency"),
            by_venue.get(index, default) if venue.queue_position is None else venue.queue_position,
        )
        for index, venue in enumerate(market.laid)
    ]
