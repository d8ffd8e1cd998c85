"""The mid of a passive fill is that of the last snapshot before the event (rule P5), by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl
import pytest
import sor
from small_tape import T0, make_tape

if TYPE_CHECKING:
    from sor.settings.policy import Past


class Rest(sor.Policy):
    """Joins the offers of the first venue once."""

    queue = "optimistic"

    def start(self, _order: sor.Order, _past: Past) -> None:
        self.sent = False

    def decide(self, _view: sor.View, orders: sor.Orders) -> None:
        if not self.sent:
            orders.post(0, 100)
        self.sent = True


# Venue 1 is halted at 10: the mid falls from 10.005 to 10.00. At 10 venue 0 shows its book twice, and only the second
# time leaves our price, which fills us.
TAPE = make_tape(
    [
        (0, 0, 9.98, 200, 10.02, 200),
        (0, 1, 10.00, 200, 10.01, 200),
        (10, 0, 9.98, 200, 10.02, 200),
        (10, 0, 9.98, 200, 10.03, 200),
        (20, 0, 9.98, 200, 10.03, 200),
    ]
)
MOMENT = pl.Datetime("ns", "UTC")
HALT = pl.DataFrame(
    {"start": [T0 + 10], "end": [T0 + 15], "venue": [1]},
    schema={"start": MOMENT, "end": MOMENT, "venue": pl.Int64},
)


@pytest.mark.parametrize(("snapshot", "mid"), [("each", 10.00), ("last", 10.005)])
def test_beside_a_halt(snapshot: Literal["each", "last"], mid: float) -> None:
    """With a snapshot a record, the first record of 10 has shown the halt; with one a moment, it ends with the fill."""
    market = sor.Market(book=sor.Book(snapshot=snapshot, collar=None), halts=HALT)
    found = sor.backtest(TAPE, sor.Order("sell", 100, horizon=20), Rest(), market=market)
    posts = found.fills.filter(kind="post")
    assert posts.select("quantity", "price", "mid").rows() == [(100, 10.02, mid)]
