"""The core's replay against the reference, fill by fill and child by child (the model's sections 2, 4 and 5)."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from itertools import product
from typing import Any

import pytest
import reference as ref
from effort import enough, some, turn
from exchange import Rules, simulate
from golden_cases import REPLAY, golden_arguments
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated_markets import random_rules
from tapes import (
    FILL_FIELDS,
    POLICIES,
    QUEUES,
    SIDES,
    SNAPSHOTS,
    SUMS,
    Case,
    assert_agree,
    random_busy_policy,
    random_cases,
    random_order,
    random_paper_policy,
    random_policy,
    random_settings,
    random_tape,
    random_trades,
    read_tape,
    reference_records,
    replay_all,
    rows,
)

MINUTE = 60_000_000_000
OUTCOMES = ("filled", "completed", "no_quotes", "take", "completion")
POSTED = ("post", "unwind", "queue", "crossed", "expired", "partial")
CHILDREN = ("partial", "no_quote", "limit", "depleted", "queue", "expired")


# An impact of more than the whole price is no user's: the core and the reference read that case.
PLAUSIBLE = [case for case in REPLAY if case["settings"].get("impact_ppm", 0) <= 1_000_000]


@pytest.mark.parametrize("case", PLAUSIBLE, ids=lambda case: case["name"])
def test_golden(case: dict[str, Any]) -> None:
    """The cases worked out by hand, through the package."""
    records, order, policy, market = golden_arguments(case)
    # A venue that no record names still has its terms: it shows an empty book before anything else happens.
    silent = set(range(len(market.venues))) - {record[1] for record in records}
    raw = [(record[0], i, record[1], *record[2:]) for i, record in enumerate(records)]
    first = min(order.start, records[0][0]) - 1_000
    raw = [(first, 0, venue, None, 0, None, 0) for venue in sorted(silent)] + raw
    quotes = read_tape(raw)
    (ledger,) = replay_all(quotes, [Case(order, policy, market)])
    fills, children = rows(ledger.fills, quotes), rows(ledger.children, quotes)
    assert [{name: fill[name] for name in FILL_FIELDS if name != "rebate"} for fill in fills] == case["fills"]
    for child, expected in zip(children, case.get("children", children), strict=True):
        assert {name: child[name] for name in expected} == expected
    (parent,) = rows(ledger.parents, quotes)
    assert (parent["status"], parent["arrival_mid"]) == (case["status"], case.get("m0"))
    expected = {"schedule": 0, **case["summary"]} if "summary" in case else {}
    assert {name: parent[name] for name in SUMS if name in expected} == expected


def test_every_policy_depletion_snapshot_and_side_on_seeded_tapes() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(40, everyday=5)):
        rng = random.Random(seed)
        raw = random_tape(rng)
        cases = turn(random_cases(rng, raw), seed)
        met += assert_agree(read_tape(raw), reference_records(raw), cases, context=f"seed {seed}: {raw}")
    assert not [outcome for outcome in (*OUTCOMES, *CHILDREN) if met[outcome] < enough(20)], met


def test_the_papers_router_on_any_tape() -> None:
    """Tapes without sense, trades anywhere: every branch of a queue, few fills."""
    met: Counter[str] = Counter()
    for seed in range(some(40, everyday=5)):
        rng = random.Random(seed)
        raw = random_tape(rng)
        trades = random_trades(rng, raw) if seed % 3 else None
        times = [record[0] for record in raw]
        cases = [
            Case(
                dataclasses.replace(random_order(rng, raw, side), horizon=rng.randint(1, max(times) - 950)),
                random_paper_policy(rng, queue),
                dataclasses.replace(random_settings(rng, len({r[2] for r in raw})), snapshot=snapshot),
            )
            for queue, snapshot, side in product(QUEUES, SNAPSHOTS, SIDES)
        ]
        context = f"seed {seed}: {raw}, {trades}"
        quotes, cases = read_tape(raw, trades), turn(cases, seed)
        met += assert_agree(quotes, reference_records(raw), cases, trades=trades, context=context)
    assert not [outcome for outcome in (*OUTCOMES, "queue", "expired") if met[outcome] < enough(20)], met


def test_the_papers_router_on_simulated_exchanges() -> None:
    """Markets with real queues: orders that rest are filled, in part or too much."""
    met: Counter[str] = Counter()
    for seed in range(some(80, ci=8, everyday=7)):
        rng = random.Random(seed)
        busy = Rules(
            seed, 3, 240, rng.choice([1, 1, 25]), limits=4, crossing=2, market=4, cancels=2, lots=100
        )
        market = simulate(rng.choice([busy, busy, random_rules(rng, seed, 1)]), [])
        raw = [(ts, i, venue, *quotes) for i, (ts, venue, *quotes) in enumerate(market.records)]
        trades = market.trades if seed % 4 else None
        last, venues = raw[-1][0], len({record[2] for record in raw})
        cases = [
            Case(
                ref.Order(
                    side,
                    market.rules.lots * rng.choice([3, 10, 20]),
                    rng.randint(last // 3, last // 2),
                    rng.randint(last // 8, last // 2),
                    market.rules.lots,
                ),
                random_busy_policy(rng, queue, last),
                late(rng, dataclasses.replace(random_settings(rng, venues), snapshot=snapshot, collar=None)),
            )
            for queue, snapshot, side in product(QUEUES, SNAPSHOTS, SIDES)
        ]
        quotes, cases = read_tape(raw, trades), turn(cases, seed)
        met += assert_agree(quotes, reference_records(raw), cases, trades=trades, context=f"seed {seed}")
    assert not [outcome for outcome in POSTED if met[outcome] < enough(20)], met


def late(rng: random.Random, settings: ref.Settings) -> ref.Settings:
    """Latencies in which a market of this speed moves."""
    venues = [dataclasses.replace(venue, latency=rng.choice([0, 8, 25, 40])) for venue in settings.venues]
    return dataclasses.replace(settings, venues=venues)


@settings(max_examples=some(150), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.randoms(use_true_random=False), st.sampled_from(POLICIES), st.sampled_from(SIDES))
def test_any_order_on_any_tape(rng: random.Random, kind: str, side: str) -> None:
    raw = random_tape(rng, most=12)
    venues = len({record[2] for record in raw})
    case = Case(random_order(rng, raw, side), random_policy(rng, kind), random_settings(rng, venues))
    assert_agree(read_tape(raw), reference_records(raw), [case], context=raw)


def test_overbooked_orders_are_unwound_alike() -> None:
    """Shares beyond the quantity come of a router that expects less than it gets: sampled or aged fills (F4, P2)."""
    met: Counter[str] = Counter()
    for seed in range(some(40)):
        rng = random.Random(seed)
        raw = random_tape(rng)
        venues = len({record[2] for record in raw})
        cases = []
        for side, kind in product(SIDES, ["sampled", "sampled", "expected"]):
            market = random_settings(rng, venues)
            fill = ref.FillModel(
                kind, queue_position=0.2, max_fill=0.9, impact=0.0001, decay=rng.choice([None, 9.0])
            )
            router = dataclasses.replace(
                random_policy(rng, "router"),
                rule="relaxed",
                plan="fills",
                overbook=1.5,
                unit="fraction",
                lambda_under=0.9,
                lambda_over=0.0,
            )
            order = ref.Order(side, rng.choice([60, 100, 200]), raw[0][0], 40, rng.choice([1, 10, 20]))
            cases.append(Case(order, router, dataclasses.replace(market, fill=fill, collar=None)))
        met += assert_agree(read_tape(raw), reference_records(raw), cases, context=f"seed {seed}: {raw}")
    assert met["unwind"] > enough(30), met
