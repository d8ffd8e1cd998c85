"""Long calls, and a Ctrl-C that comes while the main thread is in the core.

Each happens in a process of its own: a timer's signal with SIGINT's handler. The process prints how long it took to
get out. That it gets out is tested; how soon is measured in `bench/bench_interrupt.py`.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

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
    "a fill model in Python": """
        import time
        def slow(child, quote):
            time.sleep(0.001)
            return min(child.quantity, quote.available), quote.price
        quotes = sor.simulate_quotes(venues=6, minutes=30)
        orders = sor.orders_every("10s", side="buy", quantity=10_000, horizon="1m")
        market = sor.Market(fill=sor.FillFunction(slow))
        stopped(lambda: sor.study(quotes, orders, ["sweep", "twap"], market=market), 0.3)
        """,
    "a fill model in Python that never returns": """
        def endless(child, quote):
            while True:
                pass
        quotes = sor.simulate_quotes(venues=6, minutes=30)
        market = sor.Market(fill=sor.FillFunction(endless))
        stopped(lambda: sor.backtest(quotes, sor.Order("buy", 100), market=market), 0.3)
        """,
    "one allocation by enumeration": """
        router = sor.StaticRouter(solver="exhaustive", max_candidates=10**12)
        offers = [(100.0 + i, 10_000) for i in range(6)]
        stopped(lambda: sor.allocate(10_000, offers, router), 0.5)
        """,
    "replay of one order over ten million records": """
        quotes = sor.simulate_quotes(venues=4, minutes=390, records=10_000_000)
        # Where a child may get nothing, every record is decided at.
        market = sor.Market(book=sor.Book(snapshot="each"), fill=sor.QueueAware())
        order, run = sor.Order("buy", 10**7), sor.Run(threads=1)
        stopped(lambda: sor.backtest(quotes, order, market=market, run=run), 0.4)
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
        each, run = sor.Market(book=sor.Book(snapshot="each")), sor.Run(threads=1)
        stopped(lambda: sor.backtest(quotes, order, router, market=each, against=[], run=run), 0.4)
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
        quotes.hours
        order = sor.Order("buy", 100, start=quotes.end - 1)
        # Which records count is known from the first one on: nothing is passed over.
        book = sor.Book(snapshot="first")
        stopped(lambda: sor.backtest(quotes, order, market=sor.Market(book=book)), 0.04)
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
        market, run = sor.Market(book=book), sor.Run(progress=at_the_end)
        stopped(lambda: sor.backtest(quotes, order, router, against=["sweep"], market=market, run=run))
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


# A replay and the paper's problem, which need no large tape.
SHORT = (
    "a fill model in Python that never returns",
    "market and limit orders in lots",
)


def delay(name: str) -> float:
    """Return the seconds from the key to the exception; the call must not have returned before."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(CALLS[name])],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != "finished", "the call returned before the key was pressed"
    return float(done.stdout)
