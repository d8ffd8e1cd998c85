"""A small exchange: real queues of orders, the quotes and trades that a tape would show of them, and the truth.

Several venues, each with its own order book of integer prices on a grid of one cent, orders in the order of their
arrival. Events come from a seeded generator. A *ghost* stands in a real queue at its place and takes nothing from
anybody, "the rest of the tape unchanged" (rule P2): it is filled by the volume that passes it. That is what was
executed behind it at its price, or at any worse price of its side, and what came to rest on the other side at or
through its price. What a tape shows, a model of the queue has to bound and to guess.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

CENT = 10_000_000
OTHER = {"bid": "ask", "ask": "bid"}
OWN = {"buy": "bid", "sell": "ask"}

Record = tuple[int, int, int | None, int, int | None, int]
Trade = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rules:
    """What a market is like. Weights are relative rates; `grid` rounds every ts down, so that many events share one."""

    seed: int
    venues: int = 2
    events: int = 300
    grid: int = 1
    limits: float = 5.0
    crossing: float = 1.0  # limit orders that reach the other side, and may come to rest there
    market: float = 1.0  # market orders, which may sweep several levels
    cancels: float = 3.0
    where: str = "uniform"  # the place in the queue that cancellations hit: uniform, front or back
    depth: int = 4  # levels of the book at first
    lots: int = 1  # sizes are multiples of it


@dataclass(frozen=True)
class Wish:
    """A ghost at every venue: it plans on the quotes of `planned`, joins at `begins` and leaves after `ends`."""

    side: str
    quantity: int
    planned: int
    begins: int
    ends: int


@dataclass
class Ghost:
    """One of them: its price, the orders that are ahead of it, and the shares that passed it so far."""

    wish: Wish
    venue: int
    price: int
    size: int  # displayed at its price when it was planned
    state: str = "planned"  # then "live", or "crossed"
    ahead: set[int] = field(default_factory=set)
    passed: int = 0

    @property
    def filled(self) -> int:
        return min(self.wish.quantity, self.passed)


@dataclass
class Order:
    number: int
    size: int


class Book:
    """One venue: for each side, the queue of orders at each price."""

    def __init__(self) -> None:
        self.queues: dict[str, dict[int, list[Order]]] = {"bid": {}, "ask": {}}

    def best(self, side: str) -> int | None:
        prices = self.queues[side]
        if not prices:
            return None
        return max(prices) if side == "bid" else min(prices)

    def top(self, side: str) -> tuple[int | None, int]:
        price = self.best(side)
        return (None, 0) if price is None else (price, sum(order.size for order in self.queues[side][price]))

    def remove(self, side: str, price: int, order: Order) -> None:
        self.queues[side][price].remove(order)
        if not self.queues[side][price]:
            del self.queues[side][price]


class Exchange:
    """All venues, the tape as it is written, and the ghosts that are being watched."""

    def __init__(self, rules: Rules, wishes: list[Wish]) -> None:
        self.rules = rules
        self.rng = random.Random(rules.seed)
        self.books = [Book() for _ in range(rules.venues)]
        self.records: list[Record] = []
        self.trades: list[Trade] = []
        self.wishes = wishes
        self.ghosts: dict[
            Wish, list[Ghost | None]
        ] = {}  # by venue; None where nothing showed a price to join
        self.orders = 0
        self.ts = 0
        self.rates = [self.rng.choice([1, 2, 5]) for _ in self.books]  # unequal

    def run(self) -> None:
        rng, rules = self.rng, self.rules
        middle = 1_000 + rng.randint(-2, 2)
        for venue in range(rules.venues):
            near = rng.randint(1, 2)
            for level in range(rules.depth):
                for side, price in (("bid", middle - near - level), ("ask", middle + level + 1)):
                    for _ in range(rng.randint(1, 4)):
                        self._rest(venue, side, price, self._size())
            self._publish(venue)
        kinds = ("limit", "crossing", "market", "cancel")
        weights = (rules.limits, rules.crossing, rules.market, rules.cancels)
        clock = rules.grid
        for _ in range(rules.events):
            clock += rng.choice([1, 1, 2, 4])
            self._advance(clock // rules.grid * rules.grid)
            (venue,) = rng.choices(range(rules.venues), self.rates)
            (kind,) = rng.choices(kinds, weights)
            side = rng.choice(["bid", "ask"])  # that of the order, or of the queue it is cancelled from
            if kind in ("crossing", "market") and rng.random() < 0.5:
                venue = self._cheapest(OTHER[side], venue)
            before = (self.books[venue].top("bid"), self.books[venue].top("ask"))
            {
                "limit": self._limit,
                "crossing": self._crossing,
                "market": self._market,
                "cancel": self._cancel,
            }[kind](venue, side)
            if (self.books[venue].top("bid"), self.books[venue].top("ask")) != before:
                self._publish(venue)
        self._advance(clock + 1_000_000)

    def _advance(self, ts: int) -> None:
        """Before the first event of a later ts: who plans or joins now sees all that came up to here."""
        for wish in self.wishes:
            if wish.planned < ts and wish not in self.ghosts:
                self.ghosts[wish] = [self._plan(wish, venue) for venue in range(len(self.books))]
            for ghost in self.ghosts.get(wish, []):
                if ghost is not None and ghost.state == "planned" and wish.begins < ts:
                    self._join(ghost)
        self.ts = ts

    def _plan(self, wish: Wish, venue: int) -> Ghost | None:
        price, size = self.books[venue].top(OWN[wish.side])
        return None if price is None else Ghost(wish, venue, price, size)

    def _join(self, ghost: Ghost) -> None:
        side, book = OWN[ghost.wish.side], self.books[ghost.venue]
        other = book.best(OTHER[side])
        if other is not None and not _better(OTHER[side], ghost.price, other):
            ghost.state = "crossed"
            return
        ghost.state = "live"
        ghost.ahead = {order.number for order in book.queues[side].get(ghost.price, [])}

    def _live(self, venue: int, side: str) -> list[Ghost]:
        """Return the ghosts that stand on a side of a venue now."""
        return [
            ghost
            for ghosts in self.ghosts.values()
            if (ghost := ghosts[venue]) is not None
            and ghost.state == "live"
            and OWN[ghost.wish.side] == side
            and self.ts <= ghost.wish.ends
        ]

    def _cheapest(self, side: str, otherwise: int) -> int:
        """Return the venue whose quote on a side is best, where takers who compare would go; the last of equals."""
        best = otherwise
        for venue, book in enumerate(self.books):
            price, least = book.best(side), self.books[best].best(side)
            if price is not None and (least is None or not _better(side, least, price)):
                best = venue
        return best

    def _size(self) -> int:
        return self.rng.choice([1, 1, 2, 3, 5]) * self.rules.lots + (self.rng.random() < 0.1)

    def _limit(self, venue: int, side: str) -> None:
        """A limit order that does not cross: behind the touch, at it, or inside the spread."""
        book, sign = self.books[venue], 1 if side == "bid" else -1
        own, other = book.best(side), book.best(OTHER[side])
        if own is None:
            own = 1_000 if other is None else other - sign * self.rng.randint(1, 3)
        price = own + sign * self.rng.choice([-2, -1, 0, 0, 0, 1])
        if other is not None and not _better(side, other, price):
            price = own
        self._rest(venue, side, price, self._size())

    def _crossing(self, venue: int, side: str) -> None:
        """A limit order at or through the other side's touch: what is not executed at once comes to rest."""
        book, sign = self.books[venue], 1 if side == "bid" else -1
        other = book.best(OTHER[side])
        if other is None:
            self._limit(venue, side)
            return
        price = other + sign * self.rng.choice([0, 0, 1, 2])
        left = self._match(venue, side, self._size() * self.rng.choice([1, 2, 4]), price)
        if left:
            self._rest(venue, side, price, left)

    def _market(self, venue: int, side: str) -> None:
        self._match(venue, side, self._size() * self.rng.choice([1, 1, 2, 6]), None)

    def _cancel(self, venue: int, side: str) -> None:
        """All of an order, or a part of it, at the touch or near it."""
        queues = self.books[venue].queues[side]
        if not queues:
            return
        prices = sorted(queues, reverse=side == "bid")
        price = prices[min(self.rng.choice([0, 0, 0, 1, 2]), len(prices) - 1)]
        queue = queues[price]
        order = {"front": queue[0], "back": queue[-1], "uniform": self.rng.choice(queue)}[self.rules.where]
        if order.size > 1 and self.rng.random() < 0.2:
            order.size -= self.rng.randint(1, order.size - 1)
        else:
            self.books[venue].remove(side, price, order)

    def _match(self, venue: int, side: str, size: int, limit: int | None) -> int:
        """Execute against the other side, best price first, first come first served; return what is left."""
        book, against = self.books[venue], OTHER[side]
        while size > 0 and (price := book.best(against)) is not None:
            if limit is not None and _better(side, price, limit):
                break
            order = book.queues[against][price][0]
            shares = min(size, order.size)
            for ghost in self._live(venue, against):
                if _better(against, ghost.price, price) or (
                    ghost.price == price and order.number not in ghost.ahead
                ):
                    ghost.passed += shares
            self.trades.append((self.ts, venue, price * CENT, shares))
            size -= shares
            order.size -= shares
            if order.size == 0:
                book.remove(against, price, order)
        return size

    def _rest(self, venue: int, side: str, price: int, size: int) -> None:
        for ghost in self._live(venue, OTHER[side]):
            if not _better(side, ghost.price, price):
                ghost.passed += size
        self.orders += 1
        self.books[venue].queues[side].setdefault(price, []).append(Order(self.orders, size))

    def _publish(self, venue: int) -> None:
        (bid, bid_size), (ask, ask_size) = (self.books[venue].top(side) for side in ("bid", "ask"))
        self.records.append((self.ts, venue, _nanos(bid), bid_size, _nanos(ask), ask_size))


def simulate(rules: Rules, wishes: list[Wish]) -> Exchange:
    """Run a market, and the ghosts of every wish in it."""
    exchange = Exchange(rules, wishes)
    exchange.run()
    return exchange


def _better(side: str, price: int, than: int) -> bool:
    """Whether a price of that side is better, seen by who takes from it: a higher bid, a lower ask."""
    return price > than if side == "bid" else price < than


def _nanos(ticks: int | None) -> int | None:
    return None if ticks is None else ticks * CENT
