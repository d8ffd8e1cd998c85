"""A resting order on recorded quotes and trades, and probes of it (rules C9, C10).

The exact rules are those of docs/posting.md; their steps are called C10.0 to C10.6 here. One class holds one
order at one venue, is told of every trade and every quote record there, in order; prices are compared through `s`,
+1 for a buy.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from .book import Book, Quote, Record, Settings, quote_of, snapshots
from .sessions import halt_edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Trade = tuple[int, int, int, int]  # ts, venue index, price, size
Instant = tuple[int, list[Trade], list[list[Record]]]
QUEUES = ("optimistic", "expected", "pessimistic")
ANY = 2**63  # shares ahead, where nothing bounds them: more than any venue displays


class Resting:
    """C10.1: one resting order; `join` makes it, `trade` and `record` return the shares that they fill.

    `ahead` never grows: nobody can come ahead of us. It is what the queue model believes, `shown` is what the
    venue was last seen to display at our price, nothing where its own side is worse. While its own side is better
    our level is `hidden`, and `shown` is what it was.
    """

    def __init__(
        self,
        side: str,
        price: int,
        quantity: int,
        queue: str,
        *,
        taped: bool,
        ahead: int,
        shown: int,
        hidden: bool,
    ) -> None:
        assert queue in QUEUES, queue
        self.s = {"buy": 1, "sell": -1}[side]
        self.price, self.left, self.queue, self.taped = price, quantity, queue, taped
        self.ahead, self.shown, self.hidden = ahead, shown, hidden
        self.credit = 0
        self.settled: int | None = None
        self.now: int | None = None  # the ts of the last event, which `absorbed` and `printed` belong to
        self.absorbed = self.printed = 0
        self.reach: dict[int, int] = {}

    @classmethod
    def join(
        cls,
        side: str,
        price: int,
        quantity: int,
        queue: str,
        own: Quote | None,
        other: Quote | None,
        *,
        planned: int,
        taped: bool,
    ) -> Resting | None:
        """C10.2: the order as it arrives at a venue that shows `own` and `other`; None: post-only, rejected."""
        s = {"buy": 1, "sell": -1}[side]
        if other is not None and s * other[0] <= s * price:
            return None
        hidden, shown = False, 0
        if own is not None and own[0] == price:
            shown = own[1]
        elif own is not None and s * own[0] > s * price:
            hidden, shown = True, planned
        ahead = shown
        if hidden:  # nobody sees who is there now
            ahead = {"optimistic": 0, "expected": planned, "pessimistic": ANY}[queue]
        return cls(side, price, quantity, queue, taped=taped, ahead=ahead, shown=shown, hidden=hidden)

    def trade(self, ts: int, price: int, size: int, other: Quote | None) -> int:
        """C10.3: a trade at our venue; `other` is what the other side shows before this ts's records."""
        self._arrive(ts)
        s, p, before = self.s, self.price, self.left
        if other is not None and s * other[0] <= s * p and s * price >= s * other[0]:
            return 0  # somebody took from the other side
        if s * price < s * p:
            self.ahead = 0
            self.printed += self._fill(size)
        elif price == p:
            if self.credit > 0:
                self._expire(ts)
            self.settled = None
            self.credit += size
            a = min(size, self.ahead)
            self.ahead -= a
            self.absorbed += a
            self.printed += self._fill(size - a)
        return before - self.left

    def record(
        self,
        ts: int,
        own_before: Quote | None,
        own_now: Quote | None,
        other_before: Quote | None,
        other_now: Quote | None,
    ) -> int:
        """C10.4: a quote record of our venue, first its own side, then the other."""
        self._arrive(ts)
        before = self.left
        if own_now != own_before:
            self._own(ts, own_now)
        if other_now != other_before:
            self._other(other_now)
        return before - self.left

    def _own(self, ts: int, quote: Quote | None) -> None:
        s, optimistic = self.s, self.queue == "optimistic"
        if quote is not None and s * quote[0] > s * self.price:
            self.hidden = True
            if optimistic:
                self.ahead = 0  # they may leave unseen
            return
        now = quote[1] if quote is not None and quote[0] == self.price else 0
        if self.hidden:
            u = max(0, self.shown - now)
            other = u - min(u, self.credit)
            if self.queue == "expected":  # sellers met the better price: none of it is a trade
                self._thin(other, self.shown)
            else:
                self._recede(other)
            self.credit, self.settled = 0, None
            if optimistic and self.taped:  # any trade of this ts may have met us in front
                self.absorbed -= self._fill(self.absorbed)
            elif optimistic:  # a sweep cannot be seen
                self._fill(self.left)
        elif now != self.shown:
            self._expire(ts)
            d = max(0, self.shown - now)
            explained = min(d, self.credit)
            self.credit -= explained
            self._recede(d - explained)
            self.settled = ts
        self.hidden = False
        self.shown = now
        self.ahead = min(self.ahead, now)
        if optimistic and not self.taped and now == 0:
            self._fill(self.left)  # a sweep cannot be seen

    def _recede(self, d: int) -> None:
        """C10.4: any other decrease."""
        if self.queue == "expected":
            traded = 0
            if not self.taped:  # half of it may be a trade
                traded = divide_half_even(d, 2)
                a = min(traded, self.ahead)
                self.ahead -= a
                self._fill(traded - a)
            self._thin(d - traded, self.shown - traded)
        elif self.queue == "optimistic":
            g = min(d, self.ahead)
            self.ahead -= g
            if self.taped:  # within one ts the cancellation may have come before the trade
                self.absorbed -= self._fill(min(d - g, self.absorbed))
            else:  # it may have been a trade
                self._fill(d - g)

    def _thin(self, d: int, queue: int) -> None:
        """`d` of a queue leave from anywhere in it."""
        if queue > 0:
            self.ahead = max(0, self.ahead - divide_half_even(d * self.ahead, queue))

    def _other(self, quote: Quote | None) -> None:
        s = self.s
        if quote is None or s * quote[0] > s * self.price:
            self.reach = {}
            return
        price, size = quote
        self.ahead = 0
        self.reach = {level: seen for level, seen in self.reach.items() if s * level >= s * price}
        fresh = max(0, size - self.reach.get(price, 0))
        self.reach[price] = size
        if self.queue == "optimistic":
            self._fill(self.left)
        elif self.queue == "expected":
            self._fill(fresh)
        else:
            o = min(fresh, self.printed)
            self.printed -= o
            self._fill(fresh - o)

    def _arrive(self, ts: int) -> None:
        if self.now is None or ts > self.now:
            self.now, self.absorbed, self.printed = ts, 0, 0

    def _expire(self, ts: int) -> None:
        if self.settled is not None and self.settled < ts:
            self.credit = 0

    def _fill(self, shares: int) -> int:
        shares = min(shares, self.left)
        self.left -= shares
        return shares


def divide_half_even(a: int, b: int) -> int:
    """Return `a / b`, both not negative, rounded half to even."""
    quotient, rest = divmod(a, b)
    return quotient + (2 * rest > b or (2 * rest == b and quotient % 2 == 1))


def timeline(
    records: Sequence[Record], trades: Sequence[Trade] | None, mode: str, edges: Sequence[int] = ()
) -> list[Instant]:
    """C10.0: every ts with its trades, then its snapshots, each the records that make it (B4).

    `edges`: further times, at which halts begin or end (T5).
    """
    prints = {ts: list(group) for ts, group in groupby(trades or [], key=lambda trade: trade[0])}
    groups: dict[int, list[list[Record]]] = {}
    for ts, group in snapshots(records, mode):
        groups.setdefault(ts, []).append(group)
    return [(ts, prints.get(ts, []), groups.get(ts, [])) for ts in sorted({*prints, *groups, *edges})]


def sides_of(book: Book, venue: int) -> tuple[Quote | None, Quote | None]:
    """Return what a venue shows on the side that we post on, and on the side that we take from."""
    own = {"ask": "bid", "bid": "ask"}[book.taking]
    return book.quotes[own][venue], book.quotes[book.taking][venue]


def sides_in(book: Book, record: Record) -> tuple[Quote | None, Quote | None]:
    """Return the same of a record."""
    bid, ask = quote_of(*record[2:4]), quote_of(*record[4:6])
    return (bid, ask) if book.taking == "ask" else (ask, bid)


def postable(book: Book, now: int) -> dict[int, Quote]:
    """C10.5: own-side quotes one may join at `now`, by ascending venue: visible, and not locked by the venue itself."""
    s = 1 if book.taking == "ask" else -1
    own_side = {"ask": "bid", "bid": "ask"}[book.taking]
    found: dict[int, Quote] = {}
    for venue, own in book.visible_on(own_side, now).items():
        other = sides_of(book, venue)[1]
        if other is None or s * other[0] > s * own[0]:
            found[venue] = own
    return found


def windows_of(records: Sequence[Record], length: int, every: int) -> list[tuple[int, int]]:
    """C10.6: the windows of one session, from its first record to its last."""
    if not records:
        return []
    first, last = records[0][0], records[-1][0]
    return [(begin, begin + length) for begin in range(first, last - length + 1, every)]


def probe(
    records: Sequence[Record],
    trades: Sequence[Trade] | None,
    windows: Iterable[tuple[int, int]],
    side: str,
    quantity: int,
    queue: str,
    settings: Settings,
) -> list[list[int]]:
    """C10.6: for each window `(begin, end)` of one session the shares filled at every venue.

    `trades` None: there is no trade tape. What rests at a venue is cancelled when a halt begins there (T5).
    """
    windows = list(windows)
    rows = [[0] * len(settings.venues) for _ in windows]
    book = Book(settings, {"buy": "ask", "sell": "bid"}[side])
    waiting = sorted(range(len(windows)), key=lambda i: windows[i][0])
    live: list[tuple[int, int, Resting]] = []  # window, venue, order
    edges = sorted(halt_edges(settings))
    for ts, prints, groups in timeline(records, trades, settings.snapshot, edges):
        while waiting and windows[waiting[0]][0] < ts:
            i = waiting.pop(0)
            for venue, (price, size) in postable(book, windows[i][0]).items():
                own, other = sides_of(book, venue)
                order = Resting.join(
                    side, price, quantity, queue, own, other, planned=size, taped=trades is not None
                )
                assert order is not None
                live.append((i, venue, order))
        live = [
            (i, venue, order)
            for i, venue, order in live
            if ts <= windows[i][1] and not book.is_halted(venue, ts)
        ]
        for _, at, price, size in prints:
            for i, venue, order in live:
                if venue == at:
                    rows[i][venue] += order.trade(ts, price, size, sides_of(book, venue)[1])
        for group in groups:
            for record in group:
                before, now = sides_of(book, record[1]), sides_in(book, record)
                for i, venue, order in live:
                    if venue == record[1]:
                        rows[i][venue] += order.record(ts, before[0], now[0], before[1], now[1])
                book.apply(record)
            book.close_moment(ts)
        if not groups and ts in edges:
            book.close_moment(ts)
    return rows
