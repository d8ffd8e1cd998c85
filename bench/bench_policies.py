"""Policies of one's own beside the built-in ones: `python -m bench.bench_policies`, some seconds.

The overhead of a Python policy is what a decision costs beside the call: a replay of one that does nothing, less a
built-in one that looks and never trades, less bare calls of the same method. The compiled one is `best_ask` in numba,
on one thread and on two. Every figure is the least of several, since a busy machine holds up any.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import sor
from numba import carray, cfunc
from sor.replay.lower import Variant
from sor.replay.parents import lay, market_on
from sor.replay.replay import replay

from bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 7
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
    one_thread = least(lambda: run(built_in, many)), least(lambda: run(compiled, many))
    walls = [
        least(lambda threads=threads: run(compiled, many, threads), time.perf_counter) for threads in (1, 2)
    ]
    return [
        Figure(f"Python policy: a decision beside the call ({decisions:,})", overhead * 1e6, "us", 1.0),
        Figure("Python policy that does nothing: a decision in all", (idle - core) / decisions * 1e6, "us"),
        Figure("built-in best_ask", one_thread[0] * 1e3, "ms"),
        Figure("compiled over built-in", one_thread[1] / one_thread[0], "x", 1.3),
        Figure("compiled: two threads' time over one's", walls[1] / walls[0], "x", 1 / 1.8),
    ]


if __name__ == "__main__":
    from bench.__main__ import show

    found = measure()
    show(found)
    sys.exit(any(figure.verdict == "ABOVE THE BAR" for figure in found))
