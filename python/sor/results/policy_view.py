"""What one policy did in a replay: `result["static"]`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import ParameterError, shown
from sor.results import display, metrics, passive, words
from sor.results.explain import explain_child
from sor.results.shown import in_currency, size_unit, sized
from sor.results.tables import Tabled
from sor.settings.checks import whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from sor.replay.ledger import Ledger
    from sor.replay.parents import Job
    from sor.settings.routers import Policy


@dataclass(frozen=True, eq=False, repr=False)
class PolicyView(Tabled):
    """The rows of one policy, prices and money in currency; made by `result[name]`.

    Attributes:
        name: The policy's name in the result.
        policy: Its settings.

    """

    name: str
    policy: Policy
    _ledger: Ledger
    _jobs: Sequence[Job]

    @cached_property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The orders, fills and children, and for a router that posts its limit orders; money in currency."""
        names = ("orders", "fills", "children", "posts", "markouts", "epochs", "places")
        found = {name: getattr(self, name) for name in names}
        return {name: frame for name, frame in found.items() if frame.height or name in names[:3]}

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per execution (rule P5)."""
        return in_currency(self._rows(self._ledger.fills), "Backtest.fills", self._unit)

    @cached_property
    def children(self) -> pl.DataFrame:
        """One row per child order: what it saw, met, got and cost."""
        children, fills, parents = (
            self._rows(frame) for frame in (self._ledger.children, self._ledger.fills, self._ledger.parents)
        )
        costs = metrics.child_costs(children, fills, parents)
        return in_currency(costs, "Backtest.children", self._unit)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per parent order, costs in basis points of its arrival value."""
        return sized(metrics.orders_table(self._rows(self._ledger.parents)), "Backtest.orders", self._unit)

    @cached_property
    def epochs(self) -> pl.DataFrame:
        """One row per decision of a `ContKukanovRouter`.

        Columns `parent, ts, remaining, market, limit`: the shares it planned, `M` and `sum L_k`; `scenarios`,
        0 where no problem could be posed and all was taken; `half_spread, lambda_under, lambda_over` per
        share as they were used, `cost` (`V`) in currency, `shortfall` and `excess` (`E (S - A)+`,
        `E (A - S)+`) in shares.
        """
        return in_currency(self._rows(self._ledger.epochs), "Backtest.epochs", self._unit)

    @cached_property
    def releases(self) -> pl.DataFrame:
        """One row per release of the schedule, where there is one: all shares released by `ts`, and the mid there."""
        return in_currency(self._rows(self._ledger.releases), "Backtest.releases", self._unit)

    @cached_property
    def places(self) -> pl.DataFrame:
        """Where each limit order stood in its queue: shares `ahead` and own shares `left` from `ts` on."""
        return sized(self._rows(self._ledger.places), "Backtest.places", self._unit)

    @cached_property
    def posts(self) -> pl.DataFrame:
        """One row per limit order.

        Columns `parent, child, venue, ts_decided, ts_arrived, price, quantity, ahead` (the queue it joined),
        `filled, reason, first_fill, last_fill, seconds_to_first_fill, seconds_to_fill` (null unless filled
        whole), `rebate` in currency.
        """
        posts = passive.posts(self._rows(self._ledger.children), self._rows(self._ledger.fills))
        return in_currency(posts, "Backtest.posts", self._unit)

    @cached_property
    def markouts(self) -> pl.DataFrame:
        """What passive fills were worth afterwards: one row per horizon (0, 1, 10 and 60 s).

        Columns `seconds, fills, shares, unknown` (shares whose mid lies past the tape), and per share in
        currency, share-weighted: `edge`, what the mid of the horizon is better than the price paid, and
        `adverse`, how far the mid has moved against us since the fill. `edge_bps` is of the price.
        """
        return sized(passive.markouts(self.passive_fills), "Backtest.markouts", self._unit)

    @cached_property
    def passive_fills(self) -> pl.DataFrame:
        """The passive fills with the mids 1, 10 and 60 s later, integer nanos."""
        fills, parents = self._rows(self._ledger.fills), self._rows(self._ledger.parents)
        ends = pairwise([0, *accumulate(len(job.parents) for job in self._jobs)])
        return pl.concat(
            passive.with_later_mids(
                job.quotes,
                fills.filter(pl.col("parent").is_between(first, end, closed="left")),
                parents,
                job.market.book,
            )
            for job, (first, end) in zip(self._jobs, ends, strict=True)
        )

    def explain(self, child: int, *, order: int = 0) -> str:
        """Say in words why a child was sent, what it saw and met, and what it cost.

        Args:
            child: Its number within its order.
            order: The parent's number.

        Raises:
            ParameterError: If there is no such child.

        """
        child, order = whole("child", child, least=0), whole("order", order, least=0)
        if order >= self.orders.height:
            raise ParameterError(
                f"order must be at most {self.orders.height - 1}, of {words.count(self.orders.height, 'order')}, "
                f"got {order}"
            )
        mine = self.children.filter(pl.col("parent") == order)
        row = mine.filter(pl.col("child") == child)
        if row.is_empty():
            raise ParameterError(
                f"order {order} of {self.name} has {words.count(mine.height, 'child', 'children')}, there is no "
                f"child {shown(child)}"
            )
        parent = self.orders.row(by_predicate=pl.col("parent") == order, named=True)
        return explain_child(row.row(0, named=True), parent, self.policy)

    @property
    def _unit(self) -> Fraction:
        return size_unit(self._jobs)

    def _rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("policy") == self.name).drop("policy")

    def __repr__(self) -> str:
        orders, fills = words.count(self.orders.height, "order"), words.count(self.fills.height, "fill")
        children = words.count(self.children.height, "child", "children")
        return display.heading(f"{self.name}: {self.policy!r}, {orders}, {children}, {fills}")
