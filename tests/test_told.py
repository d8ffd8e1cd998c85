"""What a policy is told of its takes is the same whether the rows of a replay are kept or only its sums (rule Q1)."""

from __future__ import annotations

from typing import ClassVar

import sor
from sor.replay.lower import Variant
from sor.replay.parents import lay, market_on
from sor.replay.replay import replay


class Greedy(sor.Policy):
    """Takes more than is there, twice, and keeps what it is told."""

    heard: ClassVar[list[str]] = []

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        for venue in range(len(view.displayed)):
            if view.displayed[venue] > 0 and view.remaining > 200:
                orders.take(venue, int(view.available[venue]) // 2 + 40)
                orders.take(venue, 60)

    def told(self, report: sor.Report) -> None:
        self.heard.append(repr(report) + str(report.price))


def test_what_a_policy_is_told_does_not_depend_on_what_is_kept() -> None:
    orders = [sor.orders_every(side="buy", quantity=2_000, horizon="1m", every="1m")]
    quotes = sor.simulate_quotes(venues=3, minutes=12, seed=3)
    parents, heard, sums = lay(orders, quotes), [], []
    for depletion in ("refresh", "persistent", "none"):
        market = market_on(sor.Market(book=sor.Book(depletion=depletion)), quotes)
        for record in (True, False):
            Greedy.heard = []
            found = replay(quotes, parents, [Variant(policy=Greedy(), market=market)], record=record)
            heard.append(Greedy.heard)
            sums.append(found.parents)
        assert heard[-1] == heard[-2]
        assert sums[-1].equals(sums[-2])
    assert {
        word for each in heard for word in ("filled", "partial", "depleted") if word in "".join(each)
    } == {
        "filled",
        "partial",
        "depleted",
    }
