"""The paper's router in the replay: market and limit orders, planned anew every epoch (rules C9, C10).

C10.5 of the exact rules. The optimiser is the package's own, which other tests hold to the paper and to enumeration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sor import cont_kukanov

from .allocate import effective_lot, penalty_nanos
from .plans import plan_sweep
from .replay import Child, Draw, Order, Policy, _Desk
from .resting import Resting, Trade, postable, probe, sides_in, sides_of, windows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .book import Quote, Record, Settings
    from .sessions import Piece


class PostingDesk(_Desk):
    """C10.5: the working state of a parent that also rests orders.

    The scenarios are those of its session; a plan reads those that have ended by then.
    """

    def __init__(
        self,
        order: Order,
        policy: Policy,
        settings: Settings,
        parent: int,
        draw: Draw | None,
        piece: Piece,
    ) -> None:
        super().__init__(order, policy, settings, parent, draw, piece)
        self.taped = piece.trades is not None
        self.windows = windows_of(piece.records, policy.epoch, policy.window_every)
        self.filled = probe(
            piece.records, piece.trades, self.windows, order.side, order.quantity, policy.queue, settings
        )
        self.market: int | None = None  # M of this epoch; None: not planned yet
        self.takes: list[Child] = []  # sent in this epoch
        self.sailing: list[tuple[Child, int]] = []  # posts on their way, and the size each was planned on
        self.resting: list[tuple[Child, Resting]] = []

    def wakes(self) -> set[int]:
        """Every epoch begins with a decision, the first at the order's start."""
        start, epoch = self.order.start, self.policy.epoch
        return set(range(start + epoch, start + self.order.horizon, epoch))

    def wake(self, now: int) -> None:
        self.begin_epoch(now)

    def begin_epoch(self, now: int) -> None:
        """Return to the state before a plan, then plan."""
        self.expire()
        self.market, self.takes = None, []
        self.decide(now)

    def decide(self, now: int) -> None:
        """Plan where this epoch has no plan yet; else send what of M is unfilled."""
        if not self.may_act(now):
            return
        if self.market is not None:
            self._take(now)
            return
        S = self._unsent()
        if S <= 0:
            self.market = 0
            return
        seen, own = self.book.visible(now), postable(self.book, now)
        self.market, limits = self._place(S, now, seen, own)
        self._take(now)
        for venue, x in limits:
            price, size = own[venue]
            child = Child(
                child=len(self.run.children),
                ts_decided=now,
                ts_arrived=now + self.settings.venues[venue].latency,
                venue=venue,
                quantity=x,
                seen=price,
                kind="post",
            )
            self.run.children.append(child)
            self.sailing.append((child, size))
        self._join(before=now + 1)  # P1 (4): those without latency at once, after all have been sent

    def _place(
        self, S: int, now: int, seen: dict[int, Quote], own: dict[int, Quote]
    ) -> tuple[int, list[tuple[int, int]]]:
        """Return M and the limit orders (venue, shares), by the paper's optimum on the windows that have ended."""
        policy, s = self.policy, self.order.sign
        past = [row for (_, end), row in zip(self.windows, self.filled, strict=True) if end <= now]
        past = past[max(0, len(past) - policy.scenarios) :]
        if not seen or not own or not past:
            return S, []
        assert self.book.mid is not None
        best_own = max(s * price for price, _ in own.values())
        best_offer = min(s * price for price, _ in seen.values())
        h = (best_offer - best_own) / 2
        all_in = [s * price + self.settings.venues[v].taker_fee for v, (price, _) in seen.items()]
        f = min(all_in) - best_offer
        rebates = {v: self.settings.venues[v].maker_rebate - policy.adverse_selection for v in own}
        venues = [v for v in own if rebates[v] + h > 0]  # A1
        if not venues:
            return S, []
        r = [float(rebates[v]) for v in venues]
        theta, under, over = (
            float(penalty_nanos(value, policy.unit, self.book.mid))
            for value in (policy.theta_queue, policy.lambda_under, policy.lambda_over)
        )
        parameters = cont_kukanov.Parameters(
            h=h,
            f=float(f),
            r=r,
            theta=theta,
            lambda_under=max(under, h + f + 1),  # A3
            lambda_over=max(over, h + max(r) + 1, -(h + f) + 1),  # A2
            S=float(S),
            Q=0.0,
        )
        rows = [[float(min(row[v], S)) for v in venues] for row in past]
        lot = effective_lot(S, self.order.lot, "relaxed")
        answer = cont_kukanov.solve(rows, parameters, lot=float(lot), bound=False).allocation
        shares = [whole(x) for x in answer.limits]
        return whole(answer.market), [(v, x) for v, x in zip(venues, shares, strict=True) if x > 0]

    def _take(self, now: int) -> None:
        """Sweep what of M is neither taken nor in flight, and never more than the order still needs."""
        assert self.market is not None
        flying = sum(child.quantity for child in self.takes if child in self.in_flight)
        taken = sum(child.executed for child in self.takes)
        due = min(self.market - taken - flying, self._unsent())
        if due <= 0:
            return
        seen = self.book.visible(now)
        available = {venue: self.book.available(venue) for venue in seen}
        all_in = {
            venue: self.order.sign * price + self.settings.venues[venue].taker_fee
            for venue, (price, _) in seen.items()
        }
        plan = [(venue, x) for venue, x in plan_sweep(due, all_in, available) if x > 0]
        self.takes += self._send(plan, now, seen)

    def execute_arrivals(self, before: int) -> None:
        """F5, and C10.2 for what is to rest: it joins the book as it is after all that came by its arrival."""
        super().execute_arrivals(before)
        self._join(before)

    def _join(self, before: int) -> None:
        for child, planned in [post for post in self.sailing if post[0].ts_arrived < before]:
            self.sailing.remove((child, planned))
            if self.book.is_halted(child.venue, child.ts_arrived):
                child.reason = "no_quote"
                continue
            own, other = sides_of(self.book, child.venue)
            resting = Resting.join(
                self.order.side,
                child.seen,
                child.quantity,
                self.policy.queue,
                own,
                other,
                planned=planned,
                taped=self.taped,
            )
            if resting is None:
                child.reason = "crossed"
            else:
                self.resting.append((child, resting))

    def see_halts(self, now: int) -> None:
        """T5: a halt cancels what rests at its venue."""
        halted = [rest for rest in self.resting if self.book.is_halted(rest[0].venue, now)]
        self.resting = [rest for rest in self.resting if rest not in halted]
        self._cancel(halted)

    def see_trades(self, trades: Sequence[Trade]) -> None:
        """C10.3, one after the other."""
        for ts, venue, price, size in trades:
            for child, resting in self.resting:
                if child.venue == venue:
                    other = sides_of(self.book, venue)[1]
                    self._fill_post(child, ts, resting.trade(ts, price, size, other))

    def see_snapshot(self, group: Sequence[Record]) -> None:
        """C10.4 for each record, which fills before it is the venue's last; then the snapshot is whole."""
        for record in group:
            ts, venue = record[:2]
            before, now = sides_of(self.book, venue), sides_in(self.book, record)
            for child, resting in self.resting:
                if child.venue == venue:
                    shares = resting.record(ts, before[0], now[0], before[1], now[1])
                    self._fill_post(child, ts, shares)
            self.book.apply(record)
        self.book.close_moment(group[-1][0])

    def _fill_post(self, child: Child, now: int, shares: int) -> None:
        """P5: at our price, earning the rebate."""
        if shares == 0:
            return
        child.executed += shares
        child.price = child.seen
        self.executed += shares
        self._record(child.child, child.ts_decided, now, child.venue, "post", shares, child.seen, child.seen)

    def expire(self) -> None:
        """End what rests and what has not arrived yet."""
        for child, _ in self.sailing:
            child.reason = "expired"
        self._cancel(self.resting)
        self.sailing, self.resting = [], []

    def _cancel(self, orders: Sequence[tuple[Child, Resting]]) -> None:
        for child, resting in orders:
            if child.executed == 0:
                child.reason = "queue"
            else:
                child.reason = "filled" if resting.left == 0 else "partial"


def whole(shares: float) -> int:
    """Return shares that the optimiser gives in whole lots as an integer."""
    assert shares == int(shares), shares
    return int(shares)
