"""Beside hftbacktest (`make test-peers`): the same taker at one venue gets the same fills."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
import sor
from effort import some

if TYPE_CHECKING:
    from sor._core import ParentOrder, Past

pytestmark = pytest.mark.peers
pytest.importorskip("hftbacktest")

MILLISECOND = 1_000_000
START = 1_704_205_800 * 10**9


class Taker(sor.Policy):
    """At its times, where the spread is narrow enough, takes a share of what is displayed."""

    def __init__(self, times: list[int], share: float, widest: int) -> None:
        self.times, self.share, self.widest = times, share, widest

    def start(self, order: ParentOrder, past: Past) -> list[int]:
        self.left = set(self.times)
        return self.times

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        if view.now not in self.left:
            return
        spread = int(view.sign * (view.price[0] - view.own_price[0]))
        if spread <= self.widest * 10_000_000:
            orders.take(0, max(int(view.displayed[0] * self.share), 1))


def random_records(rng: random.Random) -> list[tuple[int, int, int, int, int]]:
    """A venue whose best quotes move, shrink and grow, every few milliseconds; never locked or crossed."""
    ts, bid = START, 1_000
    records = []
    for _ in range(rng.randint(50, 400)):
        ts += rng.choice([1, 1, 2, 5, 40]) * MILLISECOND
        bid = max(bid + rng.choice([-2, -1, 0, 0, 0, 1, 2]), 10)
        spread = rng.choice([1, 1, 2, 4])
        records.append((ts, bid, rng.randint(1, 900), bid + spread, rng.randint(1, 900)))
    return records


def test_a_taker_gets_what_it_gets_in_hftbacktest() -> None:
    from hft import taken

    compared, partial, nothing, better = 0, 0, 0, 0
    for seed in range(some(300, ci=100)):
        rng = random.Random(seed)
        records = random_records(rng)
        first, last = records[0][0], records[-1][0]
        # Between the milliseconds of the records, so that neither a decision nor an arrival meets one.
        every, latency = rng.choice([3, 10, 50]) * MILLISECOND, rng.choice([0, 1, 4, 20]) * MILLISECOND
        times = list(range(first + 123_456, last - latency, every))
        if not times:
            continue
        side, share, widest = rng.choice(["buy", "sell"]), rng.choice([0.3, 1.0, 1.7]), rng.choice([1, 2, 4])
        theirs = taken(records, times, buys=side == "buy", latency=latency, share=share, widest=widest)
        names = ("ts_event", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
        frame = pl.DataFrame(records, schema=names, orient="row").with_columns(
            pl.col("bid_px_00", "ask_px_00") * 10_000_000, venue=pl.lit("X")
        )
        quotes = sor.read_quotes(frame, price_scale=1e-9, time_unit="ns")
        # Their exchange shows its full size every time; the end is after all that is under way.
        market = sor.Market(latency=latency, book=sor.Book(depletion="none", collar=None))
        order = sor.Order(side, 700_000, start=first, horizon=last - first + 1)
        found = sor.backtest(
            quotes, order, Taker(times, share, widest), against=(), market=market, run=sor.Run(progress=False)
        )
        children = found.ledger.children
        fills = dict(found.ledger.fills.filter(pl.col("child") >= 0).select("child", "price").rows())
        ours = [
            (executed, fills.get(child, 0) // 10_000_000)
            for child, executed in children.select("child", "executed").rows()
        ]
        assert ours == theirs, seed
        compared += len(ours)
        partial += children.filter(pl.col("executed").is_between(1, pl.col("quantity") - 1)).height
        nothing += children.filter(executed=0).height
        better += children.filter(
            (pl.col("executed") > 0) & (pl.col("seen_price") != pl.col("met_price"))
        ).height
    assert min(compared, partial, nothing, better) > 100, (compared, partial, nothing, better)
