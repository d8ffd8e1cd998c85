"""Policies of one's own beside the built-in ones: `python -m bench.bench_policies`, some seconds.

The overhead of a Python policy is what a decision costs beside the call: a replay of one that does nothing, less a
built-in one that looks and never trades, less bare calls of the same method. The compiled one is `best_ask` in numba,
on one thread and on two. Times are the least of several, since a busy machine holds up any; what is compared is
measured in turns. Two threads are no more than the machine gives: what a loop that shares nothing gets from two is
measured in the same turns and printed beside them.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import sor
from numba import carray, cfunc, njit
from sor.replay.lower import Variant
from sor.replay.parents import lay, market_on
from sor.replay.replay import replay

from bench.figures import Figure, paired

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 7
TURNS = 15
SPINS = 60_000_000
TAKE, DEFAULT = sor.Compiled.TAKE, sor.Compiled.DEFAULT
QUOTES = sor.simulate_quotes(venues=5, minutes=15, rate=40.0, seed=2)


class Idle(sor.Policy):
    """Does nothing; counts."""

    decisions = 0

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        """Count, in a class of its own."""


class Counts(Idle):
    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        Idle.decisions += 1
        self.kept = (view, orders)


@cfunc(sor.Compiled.signature())
def best_ask(moment, venues, resting, reports, parameters, memory, orders):  # type: ignore[no-untyped-def]
    now = carray(moment, 1)[0]
    venue, order = carray(venues, now.venues), carray(orders, now.capacity)
    best = -1
    for i in range(now.venues):
        if venue[i].displayed > 0:
            better = 1 if best < 0 else now.sign * (venue[best].price - venue[i].price)
            if better > 0 or (better == 0 and venue[i].available > venue[best].available):
                best = i
    if best < 0 or min(venue[best].available, now.remaining) <= 0:
        return 0
    order[0].kind = TAKE
    order[0].venue = best
    order[0].quantity = min(venue[best].available, now.remaining)
    order[0].price = DEFAULT
    return 1


def least(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """The least time of several calls: of the processor, or on the wall where threads count."""
    call()
    taken = []
    for _ in range(TRIES):
        begun = clock()
        call()
        taken.append(clock() - begun)
    return min(taken)


@njit(nogil=True)
def spin(turns):  # type: ignore[no-untyped-def]
    """Nothing but arithmetic, without the lock: what two threads can give here."""
    word = 88_172_645_463_325_252
    for _ in range(turns):
        word ^= word << 13
        word ^= word >> 7
        word ^= word << 17
    return word


def over_one(one: Callable[[], object], two: Callable[[], object]) -> Callable[[], tuple[float, float]]:
    """A turn of both: their times on the wall."""

    def turn() -> tuple[float, float]:
        begun = time.perf_counter()
        one()
        between = time.perf_counter()
        two()
        return between - begun, time.perf_counter() - between

    return turn


def two_threads(run: Callable[[int], object]) -> tuple[float, float]:
    """Two threads' time over one's, least over least: of a replay, and of a loop that shares nothing."""
    with ThreadPoolExecutor(2) as pool:

        def spins(threads: int) -> None:
            list(pool.map(spin, [SPINS // threads] * threads))

        spins(2)
        run(2)
        replays, loops = (
            over_one(lambda: run(1), lambda: run(2)),
            over_one(lambda: spins(1), lambda: spins(2)),
        )
        turns = [(replays(), loops()) for _ in range(TURNS)]
    measured, possible = (
        [min(times) for times in zip(*each, strict=True)] for each in zip(*turns, strict=True)
    )
    return measured[1] / measured[0], possible[1] / possible[0]


def measure() -> list[Figure]:
    """The overhead of Python's policies, and compiled ones beside the built-in."""
    market = market_on(sor.Market(), QUOTES)

    def run(policy: Any, orders: Any, threads: int = 1) -> Any:
        parents = lay([orders], QUOTES)
        return replay(QUOTES, parents, [Variant(policy=policy, market=market)], record=False, threads=threads)

    # Too dear for the strict rule: it looks at every snapshot and never trades.
    never = sor.StaticRouter(lambda_under=0.0, theta_queue=0.0)
    one = sor.Order("buy", 10_000_000)
    run(Counts(), one)
    decisions = Idle.decisions
    idle, core = least(lambda: run(Idle(), one)), least(lambda: run(never, one))
    bare = Idle().decide

    def calls() -> None:
        for _ in range(decisions):
            bare(None, None)  # type: ignore[arg-type]

    overhead = (idle - core - least(calls)) / decisions
    # Small enough to be filled late, so that decisions are most of the work.
    many = sor.orders_every(side="buy", quantity=2_000_000, horizon="1m", every="30s")
    built_in, compiled = sor.BestAsk(), sor.Compiled(best_ask)
    assert run(built_in, many).parents.equals(run(compiled, many).parents)
    in_turns = paired([lambda: run(built_in, many), lambda: run(compiled, many)], TURNS)
    one_thread = [min(times) for times in in_turns]
    # So many that what is done once a call is little beside them.
    more = sor.orders_every(side="buy", quantity=2_000_000, horizon="1m", every="5s")
    measured, possible = two_threads(lambda threads: run(compiled, more, threads))
    return [
        Figure(f"Python policy: a decision beside the call ({decisions:,})", overhead * 1e6, "us", 1.0),
        Figure("Python policy that does nothing: a decision in all", (idle - core) / decisions * 1e6, "us"),
        Figure("built-in best_ask", one_thread[0] * 1e3, "ms"),
        Figure("compiled over built-in", one_thread[1] / one_thread[0], "x", 1.3),
        Figure("compiled: two threads' time over one's", measured, "x", 1 / 1.8),
        Figure("a loop that shares nothing: two threads' time over one's", possible, "x"),
    ]


if __name__ == "__main__":
    from bench.__main__ import show

    found = measure()
    show(found)
    sys.exit(any(figure.verdict == "ABOVE THE BAR" for figure in found))
