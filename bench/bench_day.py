"""The whole recorded day: an order every minute at every point of the default grid."""

from __future__ import annotations

import os

import recorded
import sor

from bench.figures import Figure, median_seconds

DAY = recorded.QUOTES


def measure() -> list[Figure]:
    """Check that one thread and two give the same, then time; nothing where the day is not there."""
    if not DAY.exists():
        print(f"skipped: the recorded day is not at {DAY} (SOR_DATA names another folder)")
        return []
    quotes = sor.read_quotes(DAY)
    orders = sor.orders_every("1m", side="buy", quantity=5_000, horizon="5m")
    one, two = (sor.search(quotes, orders, run=sor.Run(threads=threads)) for threads in (1, 2))
    assert one.table.equals(two.table)
    assert one.backtest.ledger.fills.equals(two.backtest.ledger.fills)
    parents = one.backtest.orders.height
    search = median_seconds(lambda: sor.search(quotes, orders, run=sor.Run(threads=2)), 5)
    both = median_seconds(lambda: sor.backtest(quotes, orders, run=sor.Run(threads=2)), 5)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    what = f"{len(quotes):,} records, {parents} orders of 5 minutes, {cores} cores"
    return [
        Figure(f"{what}: 27 points, best with baselines", search, "s", 1.0),
        Figure(f"{what}: router and four baselines, all rows", both, "s"),
        Figure("the same day read into a tape", median_seconds(lambda: sor.read_quotes(DAY), 5), "s"),
    ]
