"""The built-in policies, written again as a user would: in Python, against `sor.Policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sor._core import ParentOrder, Past


def dearness(view: sor.View) -> list[int]:
    """All-in cost per share of every venue, less is better for a buy and a sell."""
    return (view.sign * view.price + view.taker_fee).tolist()


def swept(view: sor.View, orders: sor.Orders, quantity: int) -> int:
    """Take `quantity` shares, cheapest all-in first; return how many were sent."""
    left = quantity
    cost, available = dearness(view), view.available.tolist()
    for venue in sorted(range(len(cost)), key=lambda venue: (cost[venue], venue)):
        if left > 0 and available[venue] > 0:
            taken = min(available[venue], left)
            orders.take(venue, taken)
            left -= taken
    return quantity - left


class OwnBestAsk(sor.Policy):
    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        shown = np.flatnonzero(view.displayed)
        if len(shown) == 0:
            return
        venue = min(shown, key=lambda i: (view.sign * view.price[i], -view.available[i], i))
        quantity = min(view.available[venue], view.remaining)
        if quantity > 0:
            orders.take(venue, quantity)


class OwnSweep(sor.Policy):
    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        swept(view, orders, max(view.remaining, 0))


class OwnProRata(sor.Policy):
    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        offers = [(venue, shares) for venue, shares in enumerate(view.available.tolist()) if shares > 0]
        wanted, every = view.remaining, sum(shares for _, shares in offers)
        if wanted <= 0:
            return
        if wanted >= every:
            parts = [shares for _, shares in offers]
        else:
            parts = [wanted * shares // every for _, shares in offers]
            rest = sorted(range(len(offers)), key=lambda i: (-(wanted * offers[i][1] % every), offers[i][0]))
            for i in rest[: wanted - sum(parts)]:
                parts[i] += 1
        for (venue, _), quantity in zip(offers, parts, strict=True):
            if quantity > 0:
                orders.take(venue, quantity)


class OwnStatic(sor.Policy):
    """The static router by `sor.allocate`."""

    def __init__(self, router: sor.StaticRouter) -> None:
        self.router = router

    def nanos(self, value: float, mid: int) -> int:
        return round(value * (mid if self.router.unit == "fraction" else 10**9))

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        if view.remaining <= 0:
            return
        if self.router.rule == "relaxed":
            parameters = (self.router.lambda_under, self.router.theta_queue)
            orders.stops_at(sum(self.nanos(value, view.mid) for value in parameters))
        venues = np.flatnonzero(view.available).tolist()
        offers = [
            (
                view.price[i] / 1e9,
                int(view.available[i]),
                view.taker_fee[i] / 1e9,
                view.maker_rebate[i] / 1e9,
            )
            for i in venues
        ]
        if not offers:
            return
        found = sor.allocate(
            view.remaining,
            offers,
            self.router,
            lot=view.order.lot,
            side=view.side,
            benchmark=view.mid / 1e9,
        )
        for venue, quantity in zip(venues, found.split if found else (), strict=bool(found)):
            if quantity > 0:
                orders.take(venue, quantity)


class OwnPosting(sor.Policy):
    """The posting half of the paper's router: it is told what to take and to rest in every epoch it plans."""

    def __init__(
        self,
        epoch: int,
        plans: Mapping[int, tuple[int, Sequence[tuple[int, int]]]],
        queue: str,
    ) -> None:
        self.epoch = epoch
        self.plans = plans
        self.queue = queue

    def start(self, order: ParentOrder, past: Past) -> range:
        self.began = self.epoch_end = order.start
        self.planned = False
        self.unsent = self.first = self.sent = 0
        return range(order.start, order.end, self.epoch)

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        if view.now >= self.epoch_end:
            begun = (view.now - self.began) // self.epoch + 1
            self.epoch_end = self.began + begun * self.epoch
            self.planned = False
        plan, self.planned = not self.planned, True
        if plan:
            self.unsent, self.first = 0, self.sent
        if view.remaining <= 0:
            return
        limits: Sequence[tuple[int, int]] = ()
        if plan:
            self.unsent, limits = self.plans[view.now]
        for venue in sorted(range(len(view.venues)), key=lambda i: (dearness(view)[i], i)):
            quantity = min(self.unsent, view.remaining - self.taken(), int(view.available[venue]))
            if quantity > 0:
                orders.take(venue, quantity)
                self.round.append(quantity)
                self.unsent -= quantity
        self.sent += len(self.round) + len(limits)
        self.round.clear()
        for venue, quantity in limits:
            orders.post(venue, quantity, until=self.epoch_end)

    def taken(self) -> int:
        return sum(self.round)

    @property
    def round(self) -> list[int]:
        return vars(self).setdefault("_round", [])

    def told(self, report: sor.Report) -> None:
        if report.kind == "take" and report.order >= self.first:
            self.unsent += report.returned
