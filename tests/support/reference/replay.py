"""One parent order over its session: policies, replay, completion, accounting (the model's sections 4, 5 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from .allocate import (
    Curve,
    allocate,
    allocate_fills,
    allocate_table,
    effective_lot,
    offers_as_curves,
    penalty_nanos,
)
from .book import Book, Met, Record, Settings, walk
from .completion import completion
from .plans import plan_best, plan_sweep, plan_vwap
from .resting import Instant, Trade, timeline
from .schedules import Release, Schedule, Twap, released, schedule_cost, times
from .sessions import Piece, halt_edges, pieces_of, place_order

Draw = Callable[[int, float, int, int], int]  # (n, p, parent, child) -> executed shares
ENUMERATE_AT_MOST = 5_000  # candidates; beyond it allocate_table gives the same answer sooner


@dataclass(frozen=True)
class Order:
    """P2: a parent order; ``start`` and ``horizon`` in ns. A horizon of zero is one that T3 cut to nothing."""

    side: str
    quantity: int
    start: int
    horizon: int
    lot: int = 100

    @property
    def sign(self) -> int:
        return {"buy": 1, "sell": -1}[self.side]

    @property
    def taking(self) -> str:
        return {"buy": "ask", "sell": "bid"}[self.side]


@dataclass(frozen=True)
class Policy:
    """Which policy ("router", "best_ask", "sweep", "twap", "vwap", "cont_kukanov"), and the settings of some.

    `schedule` releases the order's shares (section 9); "twap" is "sweep" under `Twap(bucket)`.

    Of "cont_kukanov": `adverse_selection` is nanos per share, `epoch` and `window_every` are ns, `scenarios` is the
    most rows it solves on.
    """

    kind: str
    lambda_over: float = 0.001
    lambda_under: float = 0.001
    theta_queue: float = 0.0001
    unit: str = "fraction"
    rule: str = "relaxed"
    plan: str = "displayed"
    overbook: float = 1.0
    bucket: int = 60_000_000_000
    adverse_selection: int = 0
    epoch: int = 60_000_000_000
    queue: str = "expected"
    scenarios: int = 100
    window_every: int = 60_000_000_000
    schedule: Schedule | None = None

    @property
    def releases(self) -> Schedule | None:
        return Twap(self.bucket) if self.kind == "twap" else self.schedule


@dataclass
class Child:
    """One child order; ``seen`` is the quote it was planned on, ``met`` and ``available`` what it found.

    A resting order (kind "post") finds nothing: it waits.
    """

    child: int
    ts_decided: int
    ts_arrived: int
    venue: int
    quantity: int
    seen: int
    met: int | None = None
    available: int = 0
    executed: int = 0
    price: int | None = None
    reason: str = "in flight"
    kind: str = "take"


@dataclass(frozen=True)
class Fill:
    """P5: one row of the ledger. Prices in nanos per share, fee and rebate in nanos for the row."""

    policy: str
    parent: int
    child: int  # -1 for completion and unwind
    ts_decided: int
    ts_executed: int
    venue: int
    kind: str
    quantity: int
    price: int
    quoted: int
    mid: int
    fee: int
    rebate: int
    age: int


@dataclass
class Run:
    """What became of one parent: its rows, how it ended, whether its session cut it, and its parts.

    ``status`` is "filled", "completed", "late" or "stale" (T6), or "no_quotes": it never arrived (T4).
    """

    children: list[Child] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    status: str = "filled"
    cut: bool = False
    m0: int | None = None
    summary: dict[str, int] = field(default_factory=dict)


def replay(
    records: Sequence[Record],
    order: Order,
    policy: Policy,
    settings: Settings,
    *,
    parent: int = 0,
    draw: Draw | None = None,
    trades: Sequence[Trade] | None = None,
) -> Run:
    """P1, P2: replay ``records`` (sorted) for one parent; ``draw`` gives the sampled fills (F3).

    Only what rests sees ``trades`` (sorted); None: there is no trade tape.
    """
    piece, cut = place_order(order, pieces_of(records, trades, settings))
    desk = _Desk(cut, policy, settings, parent, draw, piece)
    if policy.kind == "cont_kukanov":
        from .cont_kukanov import PostingDesk

        desk = PostingDesk(cut, policy, settings, parent, draw, piece)
    follow(desk, piece)
    desk.run.cut = cut.horizon < order.horizon
    return desk.run


def follow(desk: _Desk, piece: Piece) -> None:
    """P1, T4: take a desk through its session. Of one moment, halts come first, then trades, then records."""
    start, end, wakes = desk.order.start, desk.order.start + desk.order.horizon, desk.wakes()
    instants = moments(piece, desk.settings)
    by_ts = {ts: (prints, groups) for ts, prints, groups in instants}
    edges = halt_edges(desk.settings)
    for now in sorted({*by_ts, *wakes, start, end}):
        if now > end:
            break
        desk.release(before=now)
        prints, groups = by_ts.get(now, ([], []))
        desk.execute_arrivals(before=now)  # P1 (1)
        desk.see_halts(now)
        desk.see_trades(prints)
        for group in groups:
            desk.see_snapshot(group)  # P1 (2)
            if now > start:
                if desk.arrive():
                    desk.release(before=now + 1)
                if now < end and now not in wakes:
                    desk.release(before=now + 1)  # W1
                    desk.decide(now)  # P1 (3) and (4)
        if not groups and now in edges:
            desk.book.close_moment(now)
            if now > start and desk.arrive():
                desk.release(before=now + 1)
                if now < end and now not in wakes:
                    desk.decide(now)
        if now == start and desk.arrive():
            desk.release(before=now + 1)
        if now < end and (now == start or now in wakes):
            desk.release(before=now + 1)
            desk.wake(now)
    desk.expire()
    desk.execute_arrivals(before=end + 1)
    desk.finish(end, [instant for instant in instants if instant[0] > end])


def moments(piece: Piece, settings: Settings) -> list[Instant]:
    """All that happens in a session: records, trades, and halts that begin or end in it."""
    session = piece.session
    edges = [ts for ts in halt_edges(settings) if session.open <= ts <= session.close]
    return timeline(piece.records, piece.trades, settings.snapshot, edges)


class _Desk:
    """The working state of one parent."""

    def __init__(
        self,
        order: Order,
        policy: Policy,
        settings: Settings,
        parent: int,
        draw: Draw | None,
        piece: Piece,
    ) -> None:
        self.order, self.policy, self.settings, self.parent, self.draw = order, policy, settings, parent, draw
        self.book = Book(settings, order.taking)
        self.run = Run()
        self.in_flight: list[Child] = []
        self.executed = 0
        self.trades = piece.trades
        self.to_release = [] if policy.releases is None else times(policy.releases, order, piece.trades)

    def wakes(self) -> set[int]:
        """The times of its own at which a policy decides, besides the snapshots."""
        return set()

    def wake(self, now: int) -> None:
        """Called at the start, and at each time of `wakes`."""
        self.decide(now)

    def see_halts(self, now: int) -> None:
        """T5, for what rests."""

    def see_trades(self, trades: Sequence[Trade]) -> None:
        """Only what rests sees trades."""

    def see_snapshot(self, group: Sequence[Record]) -> None:
        """P1 (2)."""
        self.book.apply_snapshot(group)

    def expire(self) -> None:
        """End what rests."""

    def arrive(self) -> bool:
        """T4: whether the order arrives now; M0 is the mid of this moment."""
        if self.run.m0 is not None or not self.book.has_shown_both:
            return False
        self.run.m0 = self.book.mid
        return True

    def release(self, before: int) -> None:
        """W1, W3: note what is released before a time and the mid there; nothing is until the order arrives."""
        schedule = self.policy.releases
        while self.run.m0 is not None and self.to_release and self.to_release[0] < before:
            assert schedule is not None
            assert self.book.mid is not None
            ts = self.to_release.pop(0)
            total = released(schedule, self.order, ts, self.trades)
            if total > self._released():
                self.run.releases.append(Release(ts, total, self.book.mid))

    def _released(self) -> int:
        if self.policy.releases is None:
            return self.order.quantity
        return self.run.releases[-1].total if self.run.releases else 0

    def may_act(self, now: int) -> bool:
        """T4, T5: the order has arrived, and not everything is halted."""
        return self.run.m0 is not None and not self.book.all_halted(now)

    def decide(self, now: int) -> None:
        """P1 (3), (4): plan, send, and execute at once what has no latency."""
        S = self._unsent()
        if not self.may_act(now) or S <= 0:
            return
        seen = self.book.visible(now)
        self._send(self._plan(S, now, seen), now, seen)

    def _unsent(self) -> int:
        """What is released, and neither executed nor in flight."""
        return self._released() - self.executed - sum(child.quantity for child in self.in_flight)

    def _send(self, plan: list[tuple[int, int]], now: int, seen: dict[int, tuple[int, int]]) -> list[Child]:
        """P1 (4): send what is planned; what has no latency is executed when all is sent."""
        sent = []
        for venue, x in plan:
            child = Child(
                child=len(self.run.children),
                ts_decided=now,
                ts_arrived=now + self.settings.venues[venue].latency,
                venue=venue,
                quantity=x,
                seen=seen[venue][0],
            )
            self.run.children.append(child)
            sent.append(child)
        for child in sent:
            if child.ts_arrived == now:
                self._execute(child)
            else:
                self.in_flight.append(child)
        return sent

    def execute_arrivals(self, before: int) -> None:
        """P1 (1), F5: the children that have arrived, by arrival, then child."""
        arrived = [child for child in self.in_flight if child.ts_arrived < before]
        for child in sorted(arrived, key=lambda child: (child.ts_arrived, child.child)):
            self.in_flight.remove(child)
            self._execute(child)

    def finish(self, end: int, later: Sequence[Instant]) -> None:
        """P2, T4: expire what is still in flight, then complete or unwind; `later` is the rest of the session."""
        for child in self.in_flight:
            child.reason = "expired"
        self.in_flight = []
        left = self.order.quantity - self.executed
        if self.run.m0 is None:
            self.run.status = "no_quotes"
        elif left > 0:
            self.run.status = "completed"
            self._complete(end, later, "completion", self.order.side, left)
        elif left < 0:
            self._complete(end, later, "unwind", {"buy": "sell", "sell": "buy"}[self.order.side], -left)
        self.run.summary = summarise(self.run, self.order)
        if self.policy.releases is not None and self.run.m0 is not None:
            part = schedule_cost(self.order, self.run.m0, self.run.releases, self.run.fills)
            self.run.summary["schedule"] += part
            self.run.summary["timing"] -= part

    def _plan(self, S: int, now: int, seen: dict[int, tuple[int, int]]) -> list[tuple[int, int]]:
        """P3: (venue, shares) in the order they are sent; nothing of zero shares."""
        available = {venue: self.book.available(venue) for venue in seen}
        all_in = {
            venue: self.order.sign * price + self.settings.venues[venue].taker_fee
            for venue, (price, _) in seen.items()
        }
        kind = self.policy.kind
        if kind == "best_ask":
            plan = plan_best(S, self.order.sign, seen, available)
        elif kind in ("sweep", "twap"):
            plan = plan_sweep(S, all_in, available)
        elif kind == "vwap":
            plan = plan_vwap(S, available)
        elif kind == "router":
            plan = self._plan_router(S, now, seen, available)
        else:
            raise ValueError(f"unknown policy {kind!r}")
        return [(venue, x) for venue, x in plan if x > 0]

    def _plan_router(
        self, S: int, now: int, seen: dict[int, tuple[int, int]], available: dict[int, int]
    ) -> list[tuple[int, int]]:
        """A1-A3 over what is visible, or F4 under plan="fills"."""
        policy, lot = self.policy, self.order.lot
        assert self.book.mid is not None
        b = 0 if policy.rule == "strict" else self.book.mid
        problem: dict[str, Any] = {
            "side": self.order.side,
            "lot": lot,
            "benchmark": b,
            "lambda_over": penalty_nanos(policy.lambda_over, policy.unit, b),
            "lambda_under": penalty_nanos(policy.lambda_under, policy.unit, b),
            "theta": penalty_nanos(policy.theta_queue, policy.unit, b),
            "rule": policy.rule,
        }
        venues = [self.settings.venues[v] for v in seen]
        sizes = [available[v] for v in seen]
        L = effective_lot(S, lot, policy.rule)
        if policy.plan == "fills":
            curves = [self._curve(v, quote, available[v] // L, L, now) for v, quote in seen.items()]
            few = prod(len(curve.points) for curve in curves) <= ENUMERATE_AT_MOST
            solve = allocate_fills if few else allocate_table
            answer = solve(S, curves, overbook=policy.overbook, **problem)
        else:
            offers = [
                (price, a, v.taker_fee, v.maker_rebate)
                for (price, _), a, v in zip(seen.values(), sizes, venues, strict=True)
            ]
            if prod(min(a, S) // L + 1 for a in sizes) <= ENUMERATE_AT_MOST:
                answer = allocate(S, offers, **problem)
            else:
                answer = allocate_table(S, offers_as_curves(S, offers, lot, policy.rule), **problem)
        return [] if answer is None else list(zip(seen, answer.split, strict=True))

    def _curve(self, venue: int, quote: tuple[int, int], lots: int, L: int, now: int) -> Curve:
        """F4: the fills the router expects, judged at the decision: quote, age and queue as they are seen."""
        met = self._met(venue, quote, now)
        points = []
        for k in range(lots + 1):
            x = k * L  # x <= available
            t, _, price = self.settings.fill.expected(x, met, self.order.sign) if x else (0, 0.0, 0)
            points.append((t * price, t, x - t))
        v = self.settings.venues[venue]
        return Curve(v.taker_fee, v.maker_rebate, points)

    def _met(self, venue: int, quote: tuple[int, int], now: int) -> Met:
        """Return a quote as a fill model is told of it."""
        book = self.book
        return Met(*quote, book.available(venue), book.age(venue, now), book.queue_position(venue), now)

    def _execute(self, child: Child) -> None:
        """F1-F3, F5, F6: an immediate-or-cancel child against the book it meets."""
        book, fill, s = self.book, self.settings.fill, self.order.sign
        quote = book.shown(book.taking, child.ts_arrived).get(child.venue)
        if quote is None:
            child.reason = "no_quote"
            return
        quoted = quote[0]
        child.met, child.available = quoted, book.available(child.venue)
        if self.settings.limit == "seen" and s * (quoted - child.seen) > 0:
            child.reason = "limit"
            return
        if child.available == 0:
            child.reason = "depleted"
            return
        met = self._met(child.venue, quote, child.ts_arrived)
        shares, p, price = fill.expected(child.quantity, met, s)
        if fill.kind == "sampled":
            assert self.draw is not None, "the sampled fill model needs draw"
            shares = self.draw(min(child.quantity, child.available), p, self.parent, child.child)
        if shares == 0:
            child.reason = "queue"
            return
        child.executed = shares
        child.price = price
        child.reason = "filled" if shares == child.quantity else "partial"
        book.taken[child.venue] += shares
        self.executed += shares
        self._record(
            child.child, child.ts_decided, child.ts_arrived, child.venue, "take", shares, child.price, quoted
        )

    def _complete(self, end: int, later: Sequence[Instant], kind: str, side: str, quantity: int) -> None:
        """P2, T6: the completion walk, or its mirror on the other side for shares beyond the quantity."""
        found = completion(self.book, {"buy": "ask", "sell": "bid"}[side], end, later)
        if found.status is not None:
            self.run.status = found.status
        level = found.level
        for shares, price in walk(level, side, quantity, self.settings.tick):
            self._record(
                -1,
                end,
                found.ts,
                level.venue,
                kind,
                shares,
                price,
                level.price,
                mid=found.mid,
                age=found.age,
            )

    def _record(
        self,
        child: int,
        decided: int,
        now: int,
        venue: int,
        kind: str,
        shares: int,
        price: int,
        quoted: int,
        *,
        mid: int | None = None,
        age: int | None = None,
    ) -> None:
        """P5: a row; what rested earns the rebate, every other kind takes liquidity and pays the fee.

        Mid and age are those of the book as it is, unless they are given.
        """
        mid = self.book.mid if mid is None else mid
        assert mid is not None
        self.run.fills.append(
            Fill(
                policy=self.policy.kind,
                parent=self.parent,
                child=child,
                ts_decided=decided,
                ts_executed=now,
                venue=venue,
                kind=kind,
                quantity=shares,
                price=price,
                quoted=quoted,
                mid=mid,
                fee=0 if kind == "post" else shares * self.settings.venues[venue].taker_fee,
                rebate=shares * self.settings.venues[venue].maker_rebate if kind == "post" else 0,
                age=self.book.age(venue, now) if age is None else age,
            )
        )


def summarise(run: Run, order: Order) -> dict[str, int]:
    """P6: the parts of the shortfall against M0, in nanos, positive = worse; they sum to it exactly."""
    costs = ("spread", "slippage", "schedule", "timing", "opportunity", "fees")
    total = dict.fromkeys(("executed", "completed", "unwound", *costs, "rebates"), 0)
    for row in run.fills:
        assert run.m0 is not None
        q = -row.quantity if row.kind == "unwind" else row.quantity
        sq = order.sign * q
        total[{"completion": "completed", "unwind": "unwound"}.get(row.kind, "executed")] += row.quantity
        total["spread"] += sq * (row.quoted - row.mid)
        total["slippage"] += sq * (row.price - row.quoted)
        total["opportunity" if row.kind == "completion" else "timing"] += sq * (row.mid - run.m0)
        total["fees"] += row.fee
        total["rebates"] += row.rebate
    total["shortfall"] = sum(total[part] for part in costs) - total["rebates"]
    return total
