"""The replay beside a loop written by hand in numba for this job alone: `python -m bench.bench_loop`.

One order is active over the whole tape and the static router decides at every snapshot. The loop knows everything
beforehand: one order, no latency, certain fills, no collar, no halts, one fee, sums that fit 64 bits, and a tape that
nobody checks. Both must come to the same sums over all fills before either is timed: in turns, in CPU time, on one
thread.
"""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import sor
from numba import njit
from sor.replay.lower import Variant
from sor.replay.parents import Parent
from sor.replay.replay import replay

from bench.bench_replay import plain_market, run, whole_tape
from bench.figures import Figure, paired

if TYPE_CHECKING:
    from sor.settings.market import Market

RECORDS, TURNS, LOT, FEE = 2_000_000, 7, 100, 3_000_000
NONE = np.iinfo(np.int64).max
COLUMNS = ("ts", "venue", "bid_px", "ask_px", "ask_sz")


@njit(cache=False)
def buy(ts, venue, bid_px, ask_px, ask_sz, venues, limit, quantity, start, end):  # type: ignore[no-untyped-def]
    """Buys whatever costs less than `limit` above the mid, fee included, snapshot by snapshot.

    Returns shares, notional, fees, fills and the sum of shares times what they cost beside the mid.
    """
    ask = np.full(venues, NONE, np.int64)
    bid = np.full(venues, NONE, np.int64)  # negated: the least is the best, on both sides
    size, taken = np.zeros(venues, np.int64), np.zeros(venues, np.int64)
    order, costs = np.empty(venues, np.int64), np.empty(venues, np.int64)
    best_ask, best_bid, mid = NONE, NONE, 0
    left, notional, fees, fills, spread = quantity, 0, 0, 0, 0
    i = 0
    while i < len(ts) and ts[i] < end and left > 0:
        now = ts[i]
        while i < len(ts) and ts[i] == now:
            v = venue[i]
            price, old_ask, old_bid = ask_px[i], ask[v], bid[v]
            if price != old_ask or ask_sz[i] != size[v]:
                taken[v] = 0
            ask[v], size[v] = price, ask_sz[i]
            if price <= best_ask:
                best_ask = price
            elif old_ask == best_ask:
                best_ask = ask.min()
            price = NONE if bid_px[i] == NONE else -bid_px[i]
            bid[v] = price
            if price <= best_bid:
                best_bid = price
            elif old_bid == best_bid:
                best_bid = bid.min()
            i += 1
        if best_ask < NONE and best_bid < NONE:
            mid = (best_ask - best_bid) >> 1
        if now < start or best_ask + FEE - mid >= limit:
            continue
        count = 0
        for v in range(venues):
            cost = ask[v] - mid + FEE
            if ask[v] == NONE or cost >= limit or size[v] <= taken[v]:
                continue
            at = count
            while at > 0 and costs[at - 1] >= cost:
                costs[at], order[at] = costs[at - 1], order[at - 1]
                at -= 1
            costs[at], order[at] = cost, v
            count += 1
        lot = LOT if left >= LOT else 1
        lots = left // lot
        for at in range(count):
            if lots == 0:
                break
            v = order[at]
            some = min(lots, (size[v] - taken[v]) // lot)
            if some == 0:
                continue
            lots -= some
            shares = some * lot
            taken[v] += shares
            left -= shares
            notional += shares * ask[v]
            fees += shares * FEE
            spread += shares * (ask[v] - mid)
            fills += 1
    return quantity - left, notional, fees, fills, spread


def sums(
    quotes: sor.Quotes, parent: Parent, router: sor.StaticRouter, market: Market
) -> tuple[int, int, int, int, int]:
    """What the loop returns, from the rows of a replay."""
    variant = Variant(policy=router, market=market)
    fills = replay(quotes, [parent], [variant], record=True, threads=1).fills
    takes = fills.filter(pl.col("kind").cast(pl.String) == "take")
    shares, price = (takes[name].to_numpy() for name in ("quantity", "price"))
    beside = (takes["quoted"] - takes["mid"]).to_numpy()
    return (
        int(shares.sum()),
        int((shares * price).sum()),
        int(takes["fee"].sum()),
        takes.height,
        int((shares * beside).sum()),
    )


def measure_on(venues: int) -> list[Figure]:
    """All cases on one tape."""
    quotes = sor.simulate_quotes(
        venues=venues, minutes=600, records=RECORDS, price=0.2, tick=0.00005, spread=4.0
    )
    market = plain_market(quotes)
    columns = [quotes.frame[name].to_numpy() for name in COLUMNS]
    figures = []
    for name, under, bar in (
        ("no active order", None, 1.0),
        ("taking nothing", 1e-6, 1.2),
        ("taking all it sees", 1.0, 1.2),
    ):
        router = sor.StaticRouter(unit="price", lambda_under=under or 1.0, theta_queue=0.0)
        if under is None:
            parent = Parent("buy", LOT, quotes.end - 1, quotes.end, LOT)
        else:
            parent = whole_tape(quotes, router, market)

        def loop(parent: Parent = parent, limit: int = round((under or 0.0) * 1e9)) -> tuple[int, ...]:
            return tuple(buy(*columns, venues, limit, parent.quantity, parent.start, parent.end))

        def ours(parent: Parent = parent, router: sor.StaticRouter = router) -> object:
            return run(quotes, [parent], router, market)

        found = loop()
        if under is not None:
            assert found == sums(quotes, parent, router, market), name
            assert (found[3] > 0) == (under > 0.5), name
        mine, theirs = paired([ours, loop], TURNS)
        ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
        case = f"{venues} venues, {name}"
        figures += [
            Figure(f"{case}: numba loop", min(theirs) / RECORDS * 1e9, "ns/record"),
            Figure(f"{case}: replay", min(mine) / RECORDS * 1e9, "ns/record"),
            Figure(f"{case}: replay / numba loop", ratio, "times", bar),
        ]
    return figures


def measure() -> list[Figure]:
    """Four venues and twelve."""
    return [*measure_on(4), *measure_on(12)]


if __name__ == "__main__":
    from bench.__main__ import show

    found = measure()
    show(found)
    sys.exit(any(figure.verdict == "ABOVE THE BAR" for figure in found))
