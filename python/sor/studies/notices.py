"""What may make a result say little though nothing is wrong: settings that do not fit the tape (rules A2, B7, B10).

Every verb asks `said` once, before its result is put together. What is found is raised as one `SorWarning` for each
kind, and stands in the result, its `repr`, the command line and the report. What was noticed when a tape was read
(`Quotes.warnings`) has been raised then, and is repeated in the result only.
"""

from __future__ import annotations

import warnings
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.errors import SorWarning, count
from sor.replay.children import accounted, nowhere
from sor.replay.replay import book_at
from sor.settings.children import Children
from sor.settings.routers import AXES, ContKukanovRouter, StaticRouter, unsliced
from sor.settings.times import duration_notice
from sor.tape.schema import UNDEF_PRICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sor.replay.ledger import Ledger
    from sor.replay.parents import Job, Parent
    from sor.settings.market import Book, Market
    from sor.settings.orders import Order, OrderSchedule
    from sor.settings.routers import Policy

_NANOS = 10**9
_OF_PRICE = 0.01
"""A tick or a fee beyond this share of the price is worth a word; so is this share of prices off the tick."""
_PENALTY = 0.10
"""And so is a penalty beyond this share of the price."""
_HIDDEN = 0.10
"""The share of an order's snapshots whose best quote the collar may hide (rule B7)."""
_SMALL = 0.5
"""The share of quotes that may show less than a lot (rule A2)."""
_CROSSED = 0.10
"""The share of quotes that may have their bid above their own ask."""
_MOST_LOOKED_AT = 20_000
"""Moments of a tape that are looked at: a share of one in ten is known well enough from them."""


def said(
    jobs: Sequence[Job],
    orders: Iterable[Order | OrderSchedule],
    policies: Iterable[Policy],
    axes: Mapping[str, Sequence[float]] | None = None,
    *,
    ledger: Ledger | None = None,
    stacklevel: int = 4,
) -> tuple[str, ...]:
    """Look for settings that do not fit, warn of each kind once, and return the sentences.

    Args:
        jobs: Tapes, the parents on them, and the markets.
        orders: As they were given.
        policies: All that are replayed.
        axes: The values that a search tries, by the router's parameter.
        ledger: What became of them, by variant: every policy in each market.
        stacklevel: Whose call the warnings point at.

    """
    policies = list(policies)
    found = {"tapes twice": list(_twice(jobs)), "orders twice": list(_ordered_twice(jobs))}
    found |= of_settings([*orders, *policies, *(market for job in jobs for market in job.markets)])
    for job in jobs:
        for kind, notice in of_tape(job, policies, axes or {}):
            found.setdefault(kind, []).append(notice)
    if ledger is not None:
        parents = [parent for job in jobs for parent in job.parents]
        for _, notice in of_children(parents, policies, ledger):
            found.setdefault(f"children: {notice}", [notice])
    sentences = [first_of(notices, "tape") for notices in found.values() if notices]
    for sentence in sentences:
        warnings.warn(sentence, SorWarning, stacklevel=stacklevel)
    read = dict.fromkeys(notice for job in jobs for notice in job.quotes.warnings)
    return (*read, *sentences)


def _twice(jobs: Sequence[Job]) -> Iterator[str]:
    """Find tapes with the records of an earlier one."""
    seen: dict[tuple[int, int, int], list[pl.DataFrame]] = {}
    for place, job in enumerate(jobs):
        tape = job.quotes
        alike = seen.setdefault((len(tape), tape.start, tape.end), [])
        if any(frame is tape.frame or frame.equals(tape.frame) for frame in alike):
            yield f"tape {place} ({tape.source}) has the same records as an earlier one: its orders count twice"
        else:
            alike.append(tape.frame)


def _ordered_twice(jobs: Sequence[Job]) -> Iterator[str]:
    """Say how many orders are the same as an earlier one; each of them is replayed, and counts."""
    for job in jobs:
        kinds = {(parent.side, parent.quantity, parent.start, parent.end) for parent in job.parents}
        more = len(job.parents) - len(kinds)
        if more:
            orders = count(len(job.parents), "order")
            yield f"{more:,} of {orders} repeat an earlier one: the same side, quantity and times"


def of_settings(settings: Iterable[Any]) -> dict[str, list[str]]:
    """Look for what does not fit whatever the tape: bare numbers as durations; by kind, a sentence each."""
    found: dict[str, list[str]] = {}
    for name, value in _durations(settings):
        notice = duration_notice(value, name)
        if notice is not None:
            found.setdefault(f"duration {name}", [notice])
    return found


def of_tape(
    job: Job, policies: Iterable[Policy], axes: Mapping[str, Sequence[float]]
) -> Iterator[tuple[str, str]]:
    """Look for settings that do not fit one tape; yield kind and sentence, of each kind at most one."""
    yield from _of_job(_Look(job), list(policies), axes)


def first_of(notices: Sequence[str], what: str) -> str:
    """Return the first of the sentences of a kind, and of how many more tapes there are others."""
    more = len(notices) - 1
    return notices[0] + (f" (and so on {count(more, f'more {what}')})" if more else "")


class _Look:
    """The records of a tape in the span of its orders, thinned; and the price level."""

    def __init__(self, job: Job) -> None:
        self.job = job
        ts = job.quotes.frame["ts"]
        first = min(parent.start for parent in job.parents)
        last = max(parent.end for parent in job.parents)
        begin = max(int(ts.search_sorted(first, "right")) - job.quotes.venues.height, 0)  # what stands then
        end = max(int(ts.search_sorted(last, "right")), begin + 1)
        self.records = job.quotes.frame[begin:end].gather_every(-(-(end - begin) // _MOST_LOOKED_AT))
        self.moments: NDArray[np.int64] = self.records["ts"].unique(maintain_order=True).to_numpy()
        quoted = pl.concat([self.prices("bid"), self.prices("ask")])
        middle = quoted.median()
        self.quoted = quoted
        self.price = float(middle) if isinstance(middle, int | float) else None

    def prices(self, side: str) -> pl.Series:
        """Return the prices of one side's quotes, nanos."""
        prices = self.records[f"{side}_px"].alias("px")
        return prices.filter(prices != UNDEF_PRICE)

    def sizes(self, parents: Iterable[Parent]) -> pl.Series:
        """Return the sizes of the quotes that parents take."""
        sides = {"ask" if parent.side == "buy" else "bid" for parent in parents}
        rows = [
            self.records.filter(pl.col(f"{side}_px") != UNDEF_PRICE)[f"{side}_sz"] for side in sorted(sides)
        ]
        return pl.concat([row.alias("size").cast(pl.Int64) for row in rows])


def _of_job(
    look: _Look, policies: Sequence[Policy], axes: Mapping[str, Sequence[float]]
) -> Iterator[tuple[str, str]]:
    checks: list[tuple[str, Callable[[], str | None]]] = [
        ("swapped", lambda: _swapped(look)),
        ("lot", lambda: _lot(look, policies)),
    ]
    # How own fills deplete a book changes nothing here.
    books = dict.fromkeys(replace(market.book, depletion="none") for market in look.job.markets)
    for book in books:
        checks += [
            ("collar", lambda book=book: _collar(look, book)),  # type: ignore[misc]
            ("off the tick", lambda book=book: _off_the_tick(look, book)),  # type: ignore[misc]
            ("tick", lambda book=book: _large_tick(look, book)),  # type: ignore[misc]
        ]
    for market in look.job.markets:
        checks += [
            *((name, lambda name=name, market=market: _fee(look, name, market)) for name in _FEES),
        ]
    checks += [(axis, lambda axis=axis: _penalty(look, axis, policies, axes)) for axis in AXES]  # type: ignore[misc]
    met = set()
    for kind, check in checks:
        notice = check() if kind not in met else None
        if notice is not None:
            met.add(kind)
            yield kind, notice


def of_children(
    parents: Sequence[Parent],
    policies: Sequence[Policy],
    ledger: Ledger,
    span: tuple[int, int] | None = None,
) -> Iterator[tuple[int, str]]:
    """Say what of given children did not go as it was recorded (rule Q6); yield the variant and the sentence.

    Args:
        parents: The orders.
        policies: All that are replayed, as often as there are markets.
        ledger: What became of the orders, by variant.
        span: Only children that were decided then are asked after; all by default.

    """
    for i in range(int(ledger.parents["variant"].max() or 0) + 1):  # type: ignore[arg-type]  # a whole number
        policy = unsliced(policies[i % len(policies)])
        if isinstance(policy, Children):
            sums, rows = (frame.filter(pl.col("variant") == i) for frame in (ledger.parents, ledger.children))
            notice = accounted(policy, parents, sums, rows, span)
            if notice is not None:
                yield i, notice


def of_children_nowhere(policies: Iterable[Policy], spans: Sequence[tuple[int, int]]) -> dict[str, list[str]]:
    """Say which given children were decided in none of the tapes' spans."""
    given = [policy for policy in map(unsliced, policies) if isinstance(policy, Children)]
    said = [nowhere(children, spans) for children in given]
    return {f"children nowhere {i}": [notice] for i, notice in enumerate(said) if notice is not None}


def _lot(look: _Look, policies: Sequence[Policy]) -> str | None:
    parents = [parent for parent in look.job.parents if 1 < parent.lot <= parent.quantity]
    if not parents or not any(isinstance(policy, StaticRouter) for policy in policies):
        return None
    sizes, lot = look.sizes(parents), max(parent.lot for parent in parents)
    small = int((sizes < lot).sum())
    if small <= _SMALL * len(sizes):
        return None
    return (
        f"lot is {lot:,}, and {small / len(sizes):.0%} of the quotes that the router could take show less: it takes "
        "whole lots and cannot take these, while policies that take single shares can; lot=1 makes them alike"
    )


def _collar(look: _Look, book: Book) -> str | None:
    if book.collar is None:
        return None
    seen = book_at(look.job.quotes, look.moments, book)
    mid = seen["mid"].cast(pl.Float64).to_numpy()
    reach = np.maximum(np.rint(book.collar * mid), book.collar_ticks * round(book.tick * _NANOS))
    orders: dict[str, int] = {}
    for side, name, sign in (("buy", "ask", 1), ("sell", "bid", -1)):
        beyond = sign * (seen[name].cast(pl.Float64).to_numpy() - mid) > reach  # never so where there is none
        hidden = np.concatenate([[0], np.cumsum(beyond)])
        spans = [(parent.start, parent.end) for parent in look.job.parents if parent.side == side]
        starts, ends = np.array(spans, np.int64).reshape(-1, 2).T
        begin = np.maximum(np.searchsorted(look.moments, starts) - 1, 0)  # the book at its start
        end = np.searchsorted(look.moments, ends)
        many = int((hidden[end] - hidden[begin] > _HIDDEN * (end - begin)).sum())
        if many:
            orders[side] = many
    if not orders:
        return None
    sides = " and ".join({"buy": "asks", "sell": "bids"}[side] for side in sorted(orders))
    return (
        f"collar is {book.collar:g}, at least {book.collar_ticks:,} ticks of {book.tick:g}: it hides the best {sides} "
        f"at more than a tenth of the snapshots of {sum(orders.values()):,} of {len(look.job.parents):,} orders, and "
        "no policy sees them; a larger collar= or collar_ticks= shows them"
    )


def _swapped(look: _Look) -> str | None:
    both = look.records.filter((pl.col("bid_px") != UNDEF_PRICE) & (pl.col("ask_px") != UNDEF_PRICE))
    crossed = int((both["bid_px"] > both["ask_px"]).sum())
    if crossed <= _CROSSED * both.height:
        return None
    return (
        f"{crossed / both.height:.0%} of the quotes have their bid above their own ask: bid and ask may be in each "
        "other's columns"
    )


def _off_the_tick(look: _Look, book: Book) -> str | None:
    tick = round(book.tick * _NANOS)
    off = int((look.quoted % tick != 0).sum())
    if off <= _OF_PRICE * len(look.quoted):
        return None
    return (
        f"tick is {book.tick:g}, and {off / len(look.quoted):.0%} of the quotes do not lie on it: what is left of an "
        "order is completed in steps of it, so it should be the market's own; Book(tick=...) sets it"
    )


def _large_tick(look: _Look, book: Book) -> str | None:
    if look.price is None or book.tick * _NANOS <= _OF_PRICE * look.price:
        return None
    if book.tick * _NANOS > look.price:
        return (
            f"tick is {book.tick:g}, above the median price, {look.price / _NANOS:g}: are prices in another unit? "
            "price_scale= says which; Book(tick=...) sets the tick"
        )
    return (
        f"tick is {book.tick:g}, {_share(book.tick, look)}: each level of a completion costs that much; "
        "Book(tick=...) sets it"
    )


_FEES = ("taker_fee", "maker_rebate")


def _fee(look: _Look, name: str, market: Market) -> str | None:
    most = max((getattr(venue, name) for venue in market.laid), key=abs)
    if look.price is None or abs(most) * _NANOS <= _OF_PRICE * look.price:
        return None
    return f"{name} is {most:g}, {_share(abs(most), look)}; it is currency per share: 0.003 is 30 cents for a hundred"


def _penalty(
    look: _Look, axis: str, policies: Sequence[Policy], axes: Mapping[str, Sequence[float]]
) -> str | None:
    for policy in policies:
        if not isinstance(policy, StaticRouter | ContKukanovRouter):
            continue
        tried = axes.get(axis, ()) if isinstance(policy, StaticRouter) else ()
        value = max(getattr(policy, axis), *tried, 0.0)
        if policy.unit == "fraction" and value > _PENALTY:
            return f"{axis} is {value:g}, {value:.0%} of the price: it is a fraction, 0.0005 is 5 bps"
        if policy.unit == "price" and look.price is not None and value * _NANOS > _PENALTY * look.price:
            return f"{axis} is {value:g}, {_share(value, look)}; with unit='price' it is currency per share"
    return None


def _share(value: float, look: _Look) -> str:
    assert look.price is not None
    return f"{value * _NANOS / look.price:.1%} of the median price {look.price / _NANOS:g}"


def _durations(settings: Iterable[Any]) -> Iterator[tuple[str, object]]:
    """Find every duration in settings objects and in the objects that they hold."""
    for each in filter(is_dataclass, settings):  # a policy of the user's own need not be one
        for field in fields(each):
            value = getattr(each, field.name)
            if "Duration" in str(field.type):
                yield field.name, value
            elif is_dataclass(value) and not isinstance(value, type):
                yield from _durations([value])
            elif isinstance(value, tuple):
                yield from _durations(part for part in value if is_dataclass(part))
