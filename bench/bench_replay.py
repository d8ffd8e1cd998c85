"""Replay speed on one core: nanoseconds a record, no order, and an order that decides at every snapshot."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import sor
from sor.replay.lower import Variant
from sor.replay.parents import Parent, market_on
from sor.replay.replay import replay

from bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.settings.market import Market

RECORDS = 2_000_000


def measure() -> list[Figure]:
    """CPU time, since machines are shared; each call checks its tape and finds its as-of book."""
    # So cheap that an order which never fills still fits 64-bit nanos.
    quotes = sor.simulate_quotes(venues=4, minutes=600, records=RECORDS, price=0.2, tick=0.00005, spread=4.0)
    last = Parent("buy", 100, quotes.end - 1, quotes.end, 100)
    plain = plain_market(quotes)
    picky = sor.StaticRouter(unit="price", lambda_under=1e-6, theta_queue=0.0)
    greedy = sor.StaticRouter(unit="price", lambda_under=1.0, theta_queue=0.0)
    delayed = plain_market(quotes, latency="1ms", fill=sor.QueueAware())
    cases = [
        ("no active order", last, greedy, plain, 1e3 / 60),
        ("deciding at every snapshot, taking little", whole_tape(quotes, picky, plain), picky, plain, 50.0),
        (
            "deciding at every snapshot, taking all it sees",
            whole_tape(quotes, greedy, plain),
            greedy,
            plain,
            50.0,
        ),
        ("the same, queue-aware and 1 ms late", whole_tape(quotes, greedy, delayed), greedy, delayed, 100.0),
    ]
    return [
        Figure(f"replay, 4 venues, {name}", _nanos(quotes, [parent], router, market), "ns/record", bar)
        for name, parent, router, market, bar in cases
    ]


def plain_market(quotes: sor.Quotes, latency: str = "0ns", fill: sor.QueueAware | None = None) -> Market:
    """A market without a collar."""
    names = quotes.venues["name"].to_list()
    venues = [sor.Venue(name, latency=latency) for name in names]
    book = sor.Book(collar=None, tick=1e-9)
    return market_on(sor.Market(venues=venues, book=book, fill=fill or sor.Displayed()), quotes)


def run(
    quotes: sor.Quotes, parents: Sequence[Parent], router: sor.StaticRouter, market: Market
) -> sor.Ledger:
    """Sums of one policy's replays, on one thread, from record to record."""
    variant = Variant(policy=router, market=market)
    return replay(quotes, parents, [variant], record=False, threads=1, shortcuts=False)


def whole_tape(quotes: sor.Quotes, router: sor.StaticRouter, market: Market) -> Parent:
    """Return an order one lot larger than the tape fills, so that it is active until the end."""
    quantity = 100
    while True:
        sums = run(quotes, [Parent("buy", quantity, quotes.start, quotes.end, 100)], router, market).parents
        if sums["completed"][0] > 0:
            break
        quantity = max(100_000_000, quantity * 9 // 8)
    parent = Parent("buy", sums["executed"][0] + 100, quotes.start, quotes.end, 100)
    assert run(quotes, [parent], router, market).parents["completed"][0] > 0
    return parent


def _nanos(
    quotes: sor.Quotes, parents: Sequence[Parent], router: sor.StaticRouter, market: Market, repeats: int = 5
) -> float:
    """Return the least CPU time of a call over some repeats, a record."""
    taken = []
    for _ in range(repeats):
        begin = _cpu()
        run(quotes, parents, router, market)
        taken.append(_cpu() - begin)
    return min(taken) / RECORDS * 1e9


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
