"""Arrays of books beside a hand-written numba loop on the same arrays, and one call of `sor.allocate` from tuples.

The loop is the same greedy as the core's, without any checks, on integers that are already nanos; it writes into an
array that exists, where `allocate_many` reads floats, checks them, prices the splits and makes its results. Both are
asked the same books and must give the same splits before they are timed, in turns, in the CPU time of one thread.

`make bench-allocate`, or with numba installed `python -m bench.bench_allocate_many`.
"""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

import numpy as np
import sor
from numba import njit
from sor import _core

from bench.__main__ import show
from bench.figures import Figure, median_seconds, paired

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOOKS, TURNS = 200_000, 9
QUANTITY, LOT, MID = 5_000, 100, 100.0
ROUTER = sor.StaticRouter(lambda_over=0.0005, lambda_under=0.001, theta_queue=0.0001)
LIMIT = round(0.001 * MID * 1e9) + round(0.0001 * MID * 1e9)


@njit(cache=False)
def greedy(prices, sizes, fees, mid, quantity, lot, limit, splits):  # type: ignore[no-untyped-def]
    """The cheapest lots first, highest venue first among equals, up to the limit."""
    books, venues = prices.shape
    order = np.empty(venues, np.int64)
    costs = np.empty(venues, np.int64)
    for k in range(books):
        count = 0
        for i in range(venues):
            splits[k, i] = 0
            cost = prices[k, i] - mid + fees[i]
            if cost >= limit:
                continue
            at = count
            while at > 0 and costs[at - 1] >= cost:
                costs[at] = costs[at - 1]
                order[at] = order[at - 1]
                at -= 1
            costs[at] = cost
            order[at] = i
            count += 1
        left = quantity // lot
        for at in range(count):
            if left == 0:
                break
            lots = min(left, sizes[k, order[at]] // lot)
            splits[k, order[at]] = lots * lot
            left -= lots


def many(venues: int) -> list[Figure]:
    """`allocate_many` and the loop on the same books."""
    rng = np.random.default_rng(1)
    prices = MID + rng.integers(0, 15, (BOOKS, venues)) / 100
    sizes = LOT * rng.integers(2, 20, (BOOKS, venues))
    fees = 0.003 + 0.001 * rng.integers(0, 3, venues)
    nanos, fee_nanos = (np.round(x * 1e9).astype(np.int64) for x in (prices, fees))
    splits: NDArray[np.int64] = np.zeros_like(sizes)

    def loop() -> None:
        greedy(nanos, sizes, fee_nanos, round(MID * 1e9), QUANTITY, LOT, LIMIT, splits)

    def ours() -> sor.Allocations:
        return sor.allocate_many(
            QUANTITY, prices, sizes, fees, router=ROUTER, lot=LOT, benchmark=MID, threads=1
        )

    loop()
    found = ours()
    np.testing.assert_array_equal(found.splits, splits)
    for k in range(0, BOOKS, 997):
        offers = [
            (float(p), int(a), float(f), 0.002) for p, a, f in zip(prices[k], sizes[k], fees, strict=True)
        ]
        one = sor.allocate(QUANTITY, offers, ROUTER, lot=LOT, benchmark=MID)
        assert one is not None
        assert (one.split, one.cost) == (tuple(found.splits[k]), found.costs[k])
    theirs, here = (statistics.median(times) / BOOKS * 1e6 for times in paired([loop, ours], TURNS))
    bar = 0.12 if venues == 5 else None
    ratio = None if venues == 5 else 2.0
    return [
        Figure(f"{venues} venues: numba loop, a book", theirs, "us"),
        Figure(f"{venues} venues: allocate_many, a book", here, "us", bar),
        Figure(f"{venues} venues: allocate_many / numba loop", here / theirs, "times", ratio),
    ]


def one() -> list[Figure]:
    """One call from Python."""
    offers = [(10.01, 500), (10.02, 300), (10.0, 100), (10.01, 900), (10.03, 400)]
    calls = 20_000

    def call() -> None:
        for _ in range(calls):
            sor.allocate(1_500, offers, ROUTER, benchmark=10.0)

    seconds = median_seconds(call, 5) / calls
    return [Figure("5 venues: sor.allocate from tuples, a call", seconds * 1e6, "us", 4)]


def main() -> int:
    """Print the figures; the exit code says whether all bars are met."""
    if not _core.RELEASE:
        print("this is a debug build of the core: build it in release (make .venv/.core)", file=sys.stderr)
        return 2
    figures = [*one(), *many(5), *many(16)]
    show(figures)
    return int(any(figure.verdict not in ("", "ok") for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
