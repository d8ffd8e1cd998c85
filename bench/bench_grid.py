"""Many replays: grids beside a numba loop over all points, and orders that overlap: `python -m bench.bench_grid`.

The loop is written by hand for this job alone, goes through point after point and order after order, and makes no
table. Shares, fees and fills of every order at every point must be equal before anything is timed, in turns, in CPU
time, on one thread.
"""

from __future__ import annotations

import statistics
import sys
import time
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import sor
from numba import njit
from sor.replay.lower import Variant
from sor.replay.parents import Parent, market_on
from sor.replay.replay import replay
from sor.results.metrics import summary_table
from sor.settings.routers import as_policies

from bench.bench_loop import COLUMNS, FEE, LOT, NONE, TURNS
from bench.figures import Figure, paired

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray
    from sor.replay.ledger import Ledger
    from sor.settings.market import Market

    Point = tuple[float, float, float]

RECORDS, VENUES, ORDERS, QUANTITY, SECOND = 1_000_000, 4, 100, 5_000, 10**9
COLLAR = 0.01
POLICIES = ("static", "best_ask", "sweep", "twap", "pro_rata")


@njit(cache=False)
def as_of(ts, venue, bid_px, ask_px, ask_sz, start, ask, bid, size):  # type: ignore[no-untyped-def]
    """Every venue's last record up to `start`, found backwards; returns the place after it."""
    ask[:], bid[:], size[:] = NONE, NONE, 0
    i = np.searchsorted(ts, start, side="right")
    found, k = np.zeros(len(ask), np.bool_), i - 1
    missing = len(ask)
    while k >= 0 and missing > 0:
        v = venue[k]
        if not found[v]:
            found[v] = True
            missing -= 1
            ask[v], size[v] = ask_px[k], ask_sz[k]
            bid[v] = NONE if bid_px[k] == NONE else -bid_px[k]
        k -= 1
    return i


@njit(cache=False)
def buy(ts, venue, bid_px, ask_px, ask_sz, under, theta, start, end, ask, bid, size, taken, out):  # type: ignore[no-untyped-def]
    """Buys whatever costs less than the penalties, fractions of the mid: shares, fees and fills into `out`."""
    venues = len(ask)
    order, costs = np.empty(venues, np.int64), np.empty(venues, np.int64)
    i = as_of(ts, venue, bid_px, ask_px, ask_sz, start, ask, bid, size)
    taken[:] = 0
    best_ask, best_bid = ask.min(), bid.min()
    left, fees, fills, first = QUANTITY, 0, 0, True
    known, limit, worst = np.int64(-1), np.int64(0), np.int64(0)
    while left > 0:
        if not first:
            if i >= len(ts) or ts[i] >= end:
                break
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
        first = False
        mid = (best_ask - best_bid) >> 1
        if mid != known:
            known = mid
            limit = np.int64(np.rint(under * mid)) + np.int64(np.rint(theta * mid))
            worst = mid + np.int64(np.rint(COLLAR * mid))
        if best_ask + FEE - mid >= limit:
            continue
        count = 0
        for v in range(venues):
            cost = ask[v] - mid + FEE
            if ask[v] > worst or cost >= limit or size[v] <= taken[v]:
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
            taken[v] += some * lot
            left -= some * lot
            fees += some * lot * FEE
            fills += 1
    out[0], out[1], out[2] = QUANTITY - left, fees, fills


@njit(cache=False)
def loop(ts, venue, bid_px, ask_px, ask_sz, venues, points, starts, ends, out):  # type: ignore[no-untyped-def]
    """Every order at every point."""
    ask, bid = np.empty(venues, np.int64), np.empty(venues, np.int64)
    size, taken = np.empty(venues, np.int64), np.empty(venues, np.int64)
    for g in range(len(points)):
        for p in range(len(starts)):
            buy(
                ts, venue, bid_px, ask_px, ask_sz, points[g, 1], points[g, 2],
                starts[p], ends[p], ask, bid, size, taken, out[g, p],
            )  # fmt: skip


def variants(points: Sequence[Point], market: Market) -> list[Variant]:
    """The points as routers in one market."""
    return [
        Variant(
            policy=sor.StaticRouter(lambda_over=over, lambda_under=under, theta_queue=theta), market=market
        )
        for over, under, theta in points
    ]


def orders(quotes: sor.Quotes, seconds: int, count: int = ORDERS) -> list[Parent]:
    """Buys of so long, spread evenly over the tape."""
    starts = np.linspace(quotes.start + SECOND, quotes.end - 301 * SECOND, count).astype(np.int64).tolist()
    return [Parent("buy", QUANTITY, start, start + seconds * SECOND, LOT) for start in starts]


def grid(over: int, under: int, theta: int) -> list[Point]:
    """So many values on each axis, from nothing to penalties that sweep at once."""
    axes = (np.linspace(0, most, n).tolist() for most, n in ((0.002, over), (0.0004, under), (0.0002, theta)))
    return list(product(*axes))


def asserted_equal(sums: pl.DataFrame, found: NDArray[np.int64]) -> None:
    """A benchmark of two results that differ would compare nothing."""
    for column, name in enumerate(("executed", "fees", "children")):
        ours = sums[name].to_numpy()
        if name == "fees":  # the loop completes nothing
            ours = ours - FEE * sums["completed"].to_numpy()
        assert np.array_equal(ours.reshape(found.shape[:2]), found[:, :, column]), name


def beside_loop(quotes: sor.Quotes, market: Market) -> list[Figure]:
    """A thousand points, orders of five minutes: points made, replayed and summed up, beside the loop."""
    points, parents = grid(10, 10, 10), orders(quotes, 300)
    columns = [quotes.frame[name].to_numpy() for name in COLUMNS]
    starts, ends = (np.array([getattr(parent, end) for parent in parents]) for end in ("start", "end"))
    found = np.zeros((len(points), ORDERS, 3), np.int64)

    def theirs() -> None:
        loop(*columns, VENUES, np.array(points), starts, ends, found)

    def ours() -> pl.DataFrame:
        ledger = replay(quotes, parents, variants(points, market), record=False, threads=1)
        return summary_table(ledger.parents)

    theirs()
    ledger = replay(quotes, parents, variants(points, market), record=False, threads=1)
    asserted_equal(ledger.parents, found)
    mine, other = paired([ours, theirs], TURNS)
    what = f"{len(points):,} points x {ORDERS} orders of 5 minutes, {RECORDS:,} records"
    ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
    return [
        Figure(f"{what}: numba loop, no table", min(other), "s"),
        Figure(f"{what}: replay and table", min(mine), "s"),
        Figure(f"{what}: replay and table / numba loop", ratio, "times", 0.25),
    ]


def many_short(quotes: sor.Quotes, market: Market) -> list[Figure]:
    """Ten thousand points, orders of one second: what is not replay must not cost more than it."""
    points, parents = grid(25, 20, 20), orders(quotes, 1)
    taken = []
    for _ in range(3):
        begin = time.process_time()
        made = variants(points, market)
        ready = time.process_time()
        ledger = replay(quotes, parents, made, record=False, threads=1)
        replayed = time.process_time()
        table = summary_table(ledger.parents)
        taken.append((ready - begin, replayed - ready, time.process_time() - replayed))
        assert table.height == len(points)
    what = f"{len(points):,} points x {ORDERS} orders of 1 second"
    making, replaying, tables = min(taken, key=sum)
    return [
        Figure(f"{what}, in all", making + replaying + tables, "s", 6.0),
        Figure(f"{what}: tables / replay", tables / replaying, "times", 1.0),
    ]


def overlapping(quotes: sor.Quotes, market: Market) -> list[Figure]:
    """Orders of five minutes under the router and four other policies, eight times as many, and record by record."""
    policies = [
        Variant(policy=policy, market=market) for policy in as_policies("policies", POLICIES).values()
    ]
    few, many = orders(quotes, 300, 250), orders(quotes, 300, 2_000)

    def replayed(parents: list[Parent], *, shortcuts: bool = True) -> Ledger:
        return replay(quotes, parents, policies, record=False, threads=1, shortcuts=shortcuts)

    assert replayed(many).parents.equals(replayed(many, shortcuts=False).parents)
    some, all_of_them = paired([lambda: replayed(few), lambda: replayed(many)], TURNS)
    (walked,) = paired([lambda: replayed(many, shortcuts=False)], 1)
    what = f"{len(many):,} overlapping orders of 5 minutes x {len(policies)} policies, {RECORDS:,} records"
    ratio = statistics.median(b / a for a, b in zip(some, all_of_them, strict=True))
    return [
        Figure(what, min(all_of_them), "s"),
        Figure(f"{what}: record by record", min(walked), "s"),
        Figure(f"{what}: beside {len(few)} orders", ratio, "times", 8.0),
    ]


def measure() -> list[Figure]:
    """All on one tape."""
    quotes = sor.simulate_quotes(venues=VENUES, minutes=360, records=RECORDS)
    market = market_on(sor.Market(), quotes)
    return [*beside_loop(quotes, market), *many_short(quotes, market), *overlapping(quotes, market)]


if __name__ == "__main__":
    from bench.__main__ import show

    figures = measure()
    show(figures)
    sys.exit(any(figure.verdict == "ABOVE THE BAR" for figure in figures))
