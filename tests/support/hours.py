"""Random tapes of several sessions: silences, stubs at the open, one-sided stretches, halts, trading hours.

In the style of `tapes`: every generator takes a `random.Random`; times are a few nanoseconds.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import reference as ref
from exchange import Rules, simulate
from tapes import (
    CENT,
    POLICIES,
    QUEUES,
    SIDES,
    Case,
    Raw,
    random_busy_policy,
    random_order,
    random_paper_policy,
    random_policy,
    random_settings,
    random_tape,
    random_trades,
    reference_records,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

ONE_SESSION = 10**6  # longer than any silence of these tapes


def random_days(rng: Random, *, most: int = 40) -> list[Raw]:
    """Return raw records with silences between them, some of which begin a session with stubs or one side only."""
    raw = sorted(random_tape(rng, most=most), key=lambda record: record[:2])
    silences = rng.sample(range(1, len(raw)), min(rng.choice([0, 1, 2, 3]), len(raw) - 1))
    days: list[Raw] = []
    late, opening, missing = 0, rng.random() < 0.5, None
    for i, record in enumerate(raw):
        if i in silences:
            late += rng.choice([10, 20, 20, 21, 40])
            opening, missing = rng.random() < 0.7, None
        ts, sequence, venue, *quote = record
        if opening:
            missing = rng.choice([None, "bid", "ask", "both"])
            opening = rng.random() < 0.4  # more than one venue may open late
            quote[:4] = opening_quote(rng, quote, missing)
        elif missing in ("bid", "ask") and rng.random() < 0.5:  # one side stays empty for a while
            quote[:4] = opening_quote(rng, quote, missing)
        days.append((ts + late, sequence, venue, *quote))
    if rng.random() < 0.5:
        rng.shuffle(days)
    return days


def opening_quote(rng: Random, quote: Sequence[Any], missing: str | None) -> list[Any]:
    """Return a quote as venues show at the open: a stub on one side or on both, or nothing there."""
    bid, bid_size, ask, ask_size = quote[:4]
    low, high = (CENT // 2, 1_500 * CENT) if (ask or bid or CENT) > 500 * CENT else (CENT // 2, 90 * CENT)
    if missing in ("bid", "both"):
        bid, bid_size = rng.choice([(None, 0), (low, 100)])
    if missing in ("ask", "both"):
        ask, ask_size = rng.choice([(None, 0), (high, 100)])
    return [bid, bid_size, ask, ask_size]


def random_hours(rng: Random, times: Sequence[int]) -> dict[str, Any]:
    """Return the sessions of a market (T1) as fields of the reference's settings."""
    first, last = min(times), max(times)
    kind = rng.choice(["gaps", "gaps", "gaps", "given", "given", "one", "around"])
    if kind == "gaps":
        return {"sessions": "gaps", "session_gap": rng.choice([4, 9, 10, 20, 20, 21, ONE_SESSION])}
    if kind == "one":
        return {"sessions": None}
    if kind == "around":
        return {"sessions": [ref.Session(first - rng.choice([0, 7, 100]), last + rng.choice([0, 7, 11_000]))]}
    ends = sorted(
        {rng.choice(times) + rng.choice([-1, 0, 0, 0, 1, 5]) for _ in range(rng.choice([2, 2, 4, 6]))}
        | {first - rng.choice([0, 3]), last + rng.choice([0, 30])}
    )
    touching = rng.random() < 0.3  # one closes when the next one opens
    pairs = itertools.pairwise(ends) if touching else zip(ends[::2], ends[1::2], strict=False)
    return {"sessions": [ref.Session(*pair) for pair in pairs]}


def around(records: Sequence[ref.book.Record], order: ref.Order) -> list[ref.Session]:
    """Return one session that holds a tape and an order."""
    return [ref.Session(min(records[0][0], order.start), max(records[-1][0], order.start + order.horizon))]


def random_halts(rng: Random, times: Sequence[int], venues: int) -> list[ref.Halt]:
    """Return halts of one venue or of all, most of them from or to the time of a record; some overlap."""
    halts = []
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        start = rng.choice(times) + rng.choice([0, 0, 0, 1, -1])
        end = rng.choice([start + rng.choice([1, 2, 5, 15, 60]), rng.choice(times)])
        if end > start:
            halts.append(ref.Halt(start, end, rng.choice([None, rng.randrange(venues)])))
    return halts


@dataclass(frozen=True)
class Days:
    """A tape of several sessions, as a file's records and as the reference's, and orders on it under all settings."""

    raw: list[Raw]
    records: list[ref.book.Record]
    trades: list[ref.Trade] | None
    cases: list[Case]


def random_replays(rng: Random, count: int) -> Days:
    """Return a random tape and at most `count` cases on it; the sessions and halts are those of the tape."""
    busy = rng.random() < 0.3
    if busy:
        raw, trades = busy_days(rng)
    else:
        raw = random_days(rng)
        trades = random_trades(rng, raw)
    records = reference_records(raw)
    times, venues = [record[0] for record in records], len({record[2] for record in raw})
    hours = {**random_hours(rng, times), "halts": random_halts(rng, times, venues)}
    settings = dataclasses.replace(random_settings(rng, venues), **hours)
    pieces = ref.pieces_of(records, None, settings)
    cases = []
    for _ in range(count if pieces else 0):
        kind = rng.choice([*POLICIES, "overbooked", "cont_kukanov"])
        if busy and rng.random() < 0.7:
            kind = "busy"
        market = dataclasses.replace(
            random_settings(rng, venues), **hours, collar_ticks=rng.choice([0, 0, 1, 5])
        )
        policy, market = policy_and_market(rng, kind, market, times)
        longest = 300 if kind == "cont_kukanov" else 10_000  # an epoch of a nanosecond makes many plans
        cases.append(Case(order_inside(rng, raw, pieces, longest), policy, market))
    return Days(raw, records, trades if rng.random() < 0.7 else None, cases)


def busy_days(rng: Random) -> tuple[list[Raw], list[ref.Trade]]:
    """Return records and trades of a market with real queues, with silences in it, by a clock that may be coarse."""
    seed = rng.randrange(10**6)
    market = simulate(Rules(seed, 2, 160, 1, limits=4, crossing=2, market=4, cancels=2, lots=100), [])
    begins = sorted(rng.sample([record[0] for record in market.records], rng.choice([0, 1, 2])))

    clock = (1, 1, 2, 5)[seed % 4]

    def later(ts: int) -> int:
        return ts // clock * clock + 40 * sum(begin <= ts for begin in begins)

    raw = [(later(ts), i, venue, *quotes) for i, (ts, venue, *quotes) in enumerate(market.records)]
    return raw, [(later(ts), *trade) for ts, *trade in market.trades]


def policy_and_market(
    rng: Random, kind: str, market: ref.Settings, times: Sequence[int]
) -> tuple[ref.Policy, ref.Settings]:
    """Return a policy of a kind in a market that suits it: one that rests, or one that buys too much."""
    if kind == "cont_kukanov":
        return random_paper_policy(rng, rng.choice(QUEUES)), market
    if kind == "busy":
        venues = [dataclasses.replace(venue, latency=rng.choice([0, 0, 8, 25])) for venue in market.venues]
        policy = random_busy_policy(rng, rng.choice(QUEUES), max(times) - min(times))
        return policy, dataclasses.replace(market, venues=venues, collar=None)
    if kind != "overbooked":
        return random_policy(rng, kind), market
    fill = ref.FillModel(
        rng.choice(["sampled", "expected"]), 0.2, impact=0.0001, decay=rng.choice([None, 9.0])
    )
    policy = dataclasses.replace(
        random_policy(rng, "router"),
        rule="relaxed",
        plan="fills",
        overbook=1.5,
        unit="fraction",
        lambda_under=0.9,
        lambda_over=0.0,
    )
    return policy, dataclasses.replace(market, fill=fill)


def order_inside(rng: Random, raw: Sequence[Raw], pieces: Sequence[ref.Piece], longest: int) -> ref.Order:
    """Return an order that has a session (T3), not longer than `longest`, often at an edge of one."""
    while True:
        order = random_order(rng, raw, rng.choice(SIDES))
        horizon = rng.choice([min(order.horizon, longest), min(order.horizon, longest), rng.randint(1, 15)])
        order = dataclasses.replace(order, horizon=horizon)
        if rng.random() < 0.3:
            opened, closed = rng.choice(pieces).session
            edges = [opened - rng.choice([0, 1, 4]), closed - order.horizon, closed - rng.choice([0, 1, 4])]
            order = dataclasses.replace(order, start=rng.choice(edges))
        try:
            ref.place_order(order, pieces)
        except ValueError:
            continue
        return order
