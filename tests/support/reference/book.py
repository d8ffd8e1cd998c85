"""The as-of book, its depletion by own fills, fill models and settings (the model's sections 2 and 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .sessions import Halt, Session

UNDEF_PRICE = 2**63 - 1
LARGEST_PRICE = 2**63 - 1
MINUTE = 60_000_000_000
# ts, venue index, bid price or None, bid size, ask price or None, ask size[, queue position or None]
Record = tuple[Any, ...]
Quote = tuple[int, int]  # price, size


@dataclass(frozen=True)
class Venue:
    """Fees in nanos per share, latency in ns; ``queue_position`` None leaves it to the fill model."""

    taker_fee: int = 3_000_000
    maker_rebate: int = 2_000_000
    latency: int = 0
    queue_position: float | None = None


@dataclass(frozen=True)
class Met:
    """The quote a child meets, or is planned on."""

    price: int
    displayed: int
    available: int
    age: int
    queue_position: float
    now: int


class Fills(Protocol):
    """Q4: a fill model. ``kind`` "sampled" draws its shares; else they are the expected ones."""

    @property
    def kind(self) -> str: ...

    @property
    def queue_position(self) -> float: ...

    def expected(self, x: int, met: Met, s: int) -> tuple[int, float, int]:
        """Expected shares of ``x`` sent, half-even; the probability of each that is there; their price."""


@dataclass(frozen=True)
class FillModel:
    """F1 ``displayed``, F2 ``expected``, F3 ``sampled``; ``decay`` in ns."""

    kind: str = "displayed"
    queue_position: float = 0.5
    max_fill: float = 0.9
    impact: float = 0.0005
    decay: float | None = None

    def expected(self, x: int, met: Met, s: int) -> tuple[int, float, int]:
        """F1, F2: of ``x`` shares sent."""
        p = self.probability(met.queue_position, met.age)
        price = self.price(met.price, x, met.available, met.displayed, s)
        return self.executed(x, met.available, p), p, price

    def probability(self, queue_position: float, age: int) -> float:
        """F2, multiplied in the order written."""
        if self.kind == "displayed":
            return 1.0
        time_decay = 1.0 if self.decay is None else math.exp(-age / self.decay)
        return self.max_fill * (1 - queue_position) * time_decay

    def price(self, quoted: int, x: int, available: int, size: int, s: int) -> int:
        """F2: the quoted price, slipped by what of the child can execute; never below zero."""
        if self.kind == "displayed":
            return quoted
        slippage = self.impact * min(x, available) / size
        price = max(0, round(quoted * (1 + s * slippage)))
        if price > LARGEST_PRICE:
            raise OverflowError(f"a price of {price} nanos is beyond 64 bits")
        return price

    def executed(self, x: int, available: int, probability: float) -> int:
        """F1, F2: the expected executed shares, half-even."""
        if self.kind == "displayed":
            return min(x, available)
        return round(min(x, available) * probability)


@dataclass(frozen=True)
class Settings:
    """Everything a replay needs besides the order and the policy; ``tick`` in nanos, ages and gaps in ns.

    ``sessions`` is "gaps", None (the whole tape is one) or the sessions themselves (T1).
    """

    venues: Sequence[Venue]
    snapshot: str = "last"
    depletion: str = "refresh"
    collar: float | None = 0.01
    collar_ticks: int = 5
    max_quote_age: int | None = None
    tick: int = 10_000_000
    fill: Fills = field(default_factory=FillModel)
    limit: str = "seen"
    sessions: str | Sequence[Session] | None = "gaps"
    session_gap: int = 30 * MINUTE
    halts: Sequence[Halt] = ()


@dataclass(frozen=True)
class Level:
    """The best price of a side over all venues, the shares shown there, the lowest venue that shows it."""

    price: int
    depth: int
    venue: int


def snapshots(records: Sequence[Record], mode: str) -> Iterator[tuple[int, list[Record]]]:
    """B4: (ts, the records that make the snapshot), in order."""
    if mode == "each":
        for record in records:
            yield record[0], [record]
        return
    for ts, same_ts in groupby(records, key=lambda record: record[0]):
        group = list(same_ts)
        if mode == "first":
            seen: set[int] = set()
            group = [r for r in group if not (r[1] in seen or seen.add(r[1]))]  # type: ignore[func-returns-value]
        elif mode != "last":
            raise ValueError(f"snapshot must be 'last', 'each' or 'first', got {mode!r}")
        yield ts, group


class Book:
    """B3: every venue's last quote, seen by one parent that takes from ``taking`` ("ask" or "bid").

    A book is of one session: it starts empty (T2). A halted venue keeps its quotes and shows none of them (T5).
    """

    def __init__(self, settings: Settings, taking: str) -> None:
        n = len(settings.venues)
        self.settings = settings
        self.taking = taking
        self.quotes: dict[str, list[Quote | None]] = {"bid": [None] * n, "ask": [None] * n}
        self.taken = [0] * n
        self.episode = [0] * n  # counts the changes of (price, size) on the taking side
        self.last_record: list[int] = [0] * n
        self.record_queue_position: list[float | None] = [None] * n
        self.mid: int | None = None
        self.was_two_sided = False
        self.has_shown_both = False  # T4: a visible quote on both sides at once, at some moment so far
        self.last_visible: dict[str, Level | None] = {"bid": None, "ask": None}

    def apply_snapshot(self, group: Sequence[Record]) -> None:
        """P1 (2): the records one by one, then what is a function of the snapshot."""
        for record in group:
            self.apply(record)
        self.close_moment(group[-1][0])

    def close_moment(self, now: int) -> None:
        """B6, T4, T6: what is remembered of the book as it is after a snapshot, or when a halt begins or ends."""
        bid, ask = self.best("bid", now), self.best("ask", now)
        if bid is not None and ask is not None:
            self.mid = (bid.price + ask.price) // 2
            self.was_two_sided = True
        elif not self.was_two_sided and (present := bid or ask) is not None:
            self.mid = present.price
        levels = {side: self.visible_level(side, now) for side in ("bid", "ask")}
        for side, level in levels.items():
            if level is not None:
                self.last_visible[side] = level
        if None not in levels.values():
            self.has_shown_both = True

    def apply(self, record: Record) -> None:
        """B3: one record."""
        ts, venue, bid_px, bid_sz, ask_px, ask_sz = record[:6]
        for side, quote in (("bid", quote_of(bid_px, bid_sz)), ("ask", quote_of(ask_px, ask_sz))):
            if side == self.taking:
                self._note_change(venue, self.quotes[side][venue], quote)
            self.quotes[side][venue] = quote
        self.last_record[venue] = ts
        self.record_queue_position[venue] = record[6] if len(record) > 6 else None

    def _note_change(self, venue: int, old: Quote | None, new: Quote | None) -> None:
        """B5: a changed (price, size) is a new episode; the mode says which change gives back."""
        if new == old:
            return
        self.episode[venue] += 1
        same_price = old is not None and new is not None and old[0] == new[0]
        if not (self.settings.depletion == "persistent" and same_price):
            self.taken[venue] = 0

    def is_halted(self, venue: int, now: int) -> bool:
        """T5: a halt holds from its start until before its end; without a venue it is everybody's."""
        return any(
            halt.start <= now < halt.end and halt.venue in (None, venue) for halt in self.settings.halts
        )

    def all_halted(self, now: int) -> bool:
        """T5: nothing trades anywhere."""
        return all(self.is_halted(venue, now) for venue in range(len(self.settings.venues)))

    def shown(self, side: str, now: int) -> dict[int, Quote]:
        """B3, T5: the quotes of a side, by ascending venue, of those that are not halted."""
        return {
            venue: quote
            for venue, quote in enumerate(self.quotes[side])
            if quote is not None and not self.is_halted(venue, now)
        }

    def best(self, side: str, now: int) -> Level | None:
        """B6: the best displayed price of a side: no collar, no age, no depletion."""
        return level_of(self.shown(side, now), side)

    def visible_level(self, side: str, now: int) -> Level | None:
        """T6: the best price of a side among the quotes that live."""
        return level_of(self.visible_on(side, now), side)

    def available(self, venue: int) -> int:
        """B5: what is left of the displayed size on the taking side."""
        quote = self.quotes[self.taking][venue]
        if quote is None:
            return 0
        if self.settings.depletion == "none":
            return quote[1]
        return max(0, quote[1] - self.taken[venue])

    def visible(self, now: int) -> dict[int, Quote]:
        """The taking-side quotes a policy sees at ``now``, by ascending venue, depleted ones too."""
        return self.visible_on(self.taking, now)

    def visible_on(self, side: str, now: int) -> dict[int, Quote]:
        """B3, B7, T5: the quotes of a side that are no stubs, not too old, and of venues that are not halted."""
        s = 1 if side == "ask" else -1
        oldest = self.settings.max_quote_age
        return {
            venue: quote
            for venue, quote in self.shown(side, now).items()
            if not self.is_stub(s * quote[0], s) and (oldest is None or self.age(venue, now) <= oldest)
        }

    def is_stub(self, signed_price: int, s: int) -> bool:
        """B7: beyond the collar, which is never narrower than ``collar_ticks`` ticks."""
        collar = self.settings.collar
        if collar is None:
            return False
        assert self.mid is not None
        widest = max(round(collar * self.mid), self.settings.collar_ticks * self.settings.tick)
        return signed_price - s * self.mid > widest

    def age(self, venue: int, now: int) -> int:
        """Time since the venue's last record; a repeat counts."""
        return now - self.last_record[venue]

    def queue_position(self, venue: int) -> float:
        """F2: that of the venue's last record, else the venue's, else the model's."""
        for value in (self.record_queue_position[venue], self.settings.venues[venue].queue_position):
            if value is not None:
                return value
        return self.settings.fill.queue_position


def level_of(quotes: dict[int, Quote], side: str) -> Level | None:
    """The best price among quotes by venue, the shares shown there, the lowest venue that shows it."""
    if not quotes:
        return None
    prices = [price for price, _ in quotes.values()]
    best = max(prices) if side == "bid" else min(prices)
    depth = sum(size for price, size in quotes.values() if price == best)
    return Level(best, depth, min(venue for venue, (price, _) in quotes.items() if price == best))


def walk(level: Level, side: str, quantity: int, tick: int) -> Iterator[tuple[int, int]]:
    """P2: (shares, price) of a walk over a flat book: D shares at the best price, D a tick worse, ..."""
    price, left = level.price, quantity
    while left > 0:
        if price <= 0:  # only a sell gets here: it is never paid less than nothing
            yield left, 0
            return
        shares = min(level.depth, left)
        yield shares, price
        left -= shares
        price += tick if side == "buy" else -tick


def quote_of(price: int | None, size: int) -> Quote | None:
    """B2: no price, a price that is none, or no size: no quote on that side."""
    if price is None or price <= 0 or price == UNDEF_PRICE or size == 0:
        return None
    return price, size
