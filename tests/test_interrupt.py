"""Ctrl-C and progress: every long call stops within 0.2 s, and what a callback raises comes through.

Each Ctrl-C happens in a process of its own: a timer's signal with SIGINT's handler, while the main thread is
in the core. The process prints how long it took to get out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from itertools import pairwise
from typing import Any

import pytest
import sor

BAR = 0.2
TRIES = 3

PRELUDE = """
import signal, time
import sor
from sor import cont_kukanov as ck

# The alarm comes from the system at a known moment, whatever the threads of this process are doing.
signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
due = None

def press_in(seconds):
    global due
    due = time.perf_counter() + seconds
    signal.setitimer(signal.ITIMER_REAL, seconds)

def outflows():
    p = ck.Parameters(h=0.02, f=0.003, r=0.002, lambda_under=0.05, lambda_over=0.05, S=5000, Q=2000)
    return ck.exponential(400_000, 16, mean=2200, seed=1), p

def stopped(call, after=None):
    if after is not None:
        press_in(after)
    try:
        call()
    except KeyboardInterrupt:
        print(time.perf_counter() - due)
    else:
        print("finished")
"""

CALLS = {
    "search of many parents": """
        quotes = sor.simulate_quotes(venues=4, minutes=390, records=500_000)
        orders = sor.orders_every("10s", side="buy", quantity=1_000_000, horizon="60m")
        stopped(lambda: sor.search(quotes, orders), 0.5)
        """,
    "strict search by enumeration": """
        quotes = sor.simulate_quotes(venues=6, minutes=30, size=100_000)
        router = sor.StaticRouter(rule="strict", solver="exhaustive", max_candidates=10**12)
        orders = sor.Order("sell", 50_000, start=quotes.start + 60 * 10**9, lot=500)
        stopped(lambda: sor.search(quotes, orders, router), 0.5)
        """,
    "plans with fills": """
        quotes = sor.simulate_quotes(venues=6, minutes=390, records=500_000, size=5_000)
        router = sor.StaticRouter(plan="fills", overbook=1.5)
        orders = sor.Order("buy", 10**8, start=quotes.start + 60 * 10**9)
        stopped(lambda: sor.search(quotes, orders, router, market=sor.Market(fill=sor.QueueAware())), 0.5)
        """,
    "plans with fills by enumeration": """
        quotes = sor.simulate_quotes(venues=6, minutes=30, size=100_000)
        router = sor.StaticRouter(plan="fills", solver="exhaustive", max_candidates=10**12)
        orders = sor.Order("sell", 50_000, start=quotes.start + 60 * 10**9, lot=500)
        stopped(lambda: sor.backtest(quotes, orders, router, market=sor.Market(fill=sor.QueueAware())), 0.5)
        """,
    "one allocation by enumeration": """
        router = sor.StaticRouter(solver="exhaustive", max_candidates=10**12)
        offers = [(100.0 + i, 10_000) for i in range(6)]
        stopped(lambda: sor.allocate(10_000, offers, router), 0.5)
        """,
    "replay of one order over ten million records": """
        quotes = sor.simulate_quotes(venues=4, minutes=390, records=10_000_000)
        order = sor.Order("buy", 10**7)
        book = sor.Book(snapshot="each")
        stopped(lambda: sor.backtest(quotes, order, market=sor.Market(book=book), run=sor.Run(threads=1)), 0.4)
        """,
    "many orders that post": """
        quotes = sor.simulate_quotes(venues=4, minutes=390, records=500_000)
        orders = sor.orders_every("10s", side="buy", quantity=100_000, horizon="60m")
        router = sor.ContKukanovRouter(lambda_under=0.0, lambda_over=0.0, scenarios=5)
        stopped(lambda: sor.backtest(quotes, orders, router), 1.0)
        """,
    "one order that posts over three million records": """
        quotes = sor.simulate_quotes(venues=4, minutes=390, records=3_000_000)
        order = sor.Order("buy", 10**6, start=quotes.start + 60 * 10**9)
        router = sor.ContKukanovRouter(lambda_under=0.0, lambda_over=0.0, epoch="100ms", scenarios=1)
        each = sor.Market(book=sor.Book(snapshot="each"))
        stopped(lambda: sor.backtest(quotes, order, router, market=each, against=[], run=sor.Run(threads=1)), 0.4)
        """,
    "probes of windows that overlap": """
        quotes = sor.simulate_quotes(venues=4, minutes=390, records=1_000_000)
        stopped(lambda: sor.probe_outflows(quotes, quantity=1_000, window="10m", every="1s"), 0.5)
        """,
    "probes on three million records": """
        quotes = sor.simulate_quotes(venues=16, minutes=390, records=3_000_000)
        stopped(lambda: sor.probe_outflows(quotes, quantity=1_000, window="1s"), 0.05)
        """,
    "as-of pass over ten million records": """
        quotes = sor.simulate_quotes(venues=16, minutes=390, records=10_000_000)
        order = sor.Order("buy", 100, start=quotes.end - 1)
        stopped(lambda: sor.backtest(quotes, order), 0.05)
        """,
    "report on ten million records": """
        quotes = sor.simulate_quotes(venues=16, minutes=390, records=10_000_000)
        stopped(quotes.report, 0.05)
        """,
    "rows on their way back to Python": """
        quotes = sor.simulate_quotes(venues=4, minutes=390, records=400_000, price=1.0)
        # The same shares again and again, and a completion in steps that cost next to nothing.
        book = sor.Book(snapshot="each", depletion="none", tick=1e-9)
        at_the_end = lambda done, total: press_in(0.05) if done == total else None
        order, router = sor.Order("buy", 3 * 10**8), sor.StaticRouter(lambda_under=1.0, unit="price")
        kept = {"against": ["sweep"], "market": sor.Market(book=book)}
        run = sor.Run(progress=at_the_end)
        stopped(lambda: sor.backtest(quotes, order, router, **kept, run=run))
        """,
    "market and limit orders in lots": """
        xi, p = outflows()
        stopped(lambda: ck.solve(xi, p, lot=100, bound=False), 0.3)
        """,
    "market and limit orders in shares": """
        xi, p = outflows()
        stopped(lambda: ck.solve(xi, p, bound=False), 3)
        """,
    "the bound of market and limit orders": """
        xi, p = outflows()
        stopped(lambda: ck.lower_bound(xi, p), 0.3)
        """,
    "penalties from tolerances": """
        xi, p = outflows()
        stopped(lambda: ck.calibrate(xi, p, under=20, lot=100), 0.7)
        """,
}


def delay(call: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(call)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != "finished", "the call returned before the key was pressed"
    return float(done.stdout)


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c(name: str) -> None:
    # The least of a few: a busy machine may hold any process up.
    delays = []
    while not delays or (min(delays) > BAR and len(delays) < TRIES):
        delays.append(delay(CALLS[name]))
    print(f"{name}: {min(delays):.3f} s")
    assert min(delays) <= BAR, delays


@pytest.fixture(scope="module")
def quotes() -> sor.Quotes:
    return sor.simulate_quotes(venues=4, minutes=60, records=200_000)


ORDERS = sor.orders_every("30s", side="buy", quantity=1_000_000, horizon="30m")


class Raised(Exception):
    pass


@pytest.mark.parametrize("call", [sor.backtest, sor.search])
def test_what_a_callback_raises_comes_through(quotes: sor.Quotes, call: Any) -> None:
    raised = Raised("from the callback")

    def progress(done: int, total: int) -> None:
        raise raised

    with pytest.raises(Raised) as caught:
        call(quotes, ORDERS, run=sor.Run(progress=progress))
    assert caught.value is raised


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_goes_up_to_the_total(quotes: sor.Quotes, threads: int) -> None:
    calls: list[tuple[int, int]] = []
    result = sor.search(
        quotes, ORDERS, run=sor.Run(threads=threads, progress=lambda *call: calls.append(call))
    )
    parents = len(result.backtest.orders)
    assert {total for _, total in calls} == {27 * parents}
    assert calls[-1] == (27 * parents, 27 * parents)
    assert calls[0][0] < 27 * parents, "looked at on the way, not only at the end"
    assert all(before <= after for (before, _), (after, _) in pairwise(calls))


def test_a_signal_handler_of_ones_own_is_called(quotes: sor.Quotes) -> None:
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))

    def progress(done: int, total: int) -> None:
        if not seen:
            os.kill(os.getpid(), signal.SIGUSR1)

    try:
        watched = sor.backtest(quotes, ORDERS, run=sor.Run(progress=progress))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]
    assert watched.ledger.parents.equals(sor.backtest(quotes, ORDERS).ledger.parents)
