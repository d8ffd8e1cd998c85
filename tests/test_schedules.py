"""Any router under any schedule, beside the reference; parts that sum exactly; curves that do not look ahead."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from itertools import product
from typing import Any

import reference as ref
from effort import enough, some
from ledgers import assert_derivable, replayed
from tapes import (
    QUEUES,
    SIDES,
    Case,
    assert_agree,
    random_order,
    random_paper_policy,
    random_policy,
    random_settings,
    random_tape,
    random_trades,
    read_tape,
    reference_records,
)

ROUTERS = ("router", "best_ask", "sweep", "vwap", "cont_kukanov")
KINDS = ("twap", "vwap", "pov", "almgren_chriss", "table")
DAY = 86_400 * 10**9


def random_schedule(rng: random.Random, kind: str, order: ref.Order) -> ref.Schedule:
    """Return a schedule that suits an order: buckets as short as the tapes."""
    bucket = rng.choice([1, 3, 7, 20, 1_000])
    if kind == "twap":
        return ref.Twap(bucket)
    if kind == "pov":
        return ref.Pov(rng.choice([10**7, 10**8, 3 * 10**8, 10**9]))
    if kind == "almgren_chriss":
        return ref.AlmgrenChriss(
            rng.choice([0.0, 1e-6, 1e-2, 5.0]), 0.95, 2.5e-6, rng.choice([0.0, 2.5e-8]), bucket, 20
        )
    if kind == "vwap":
        # Of 1,000 in all, the order's own time some.
        first = order.start // 7
        drawn = Counter([first, *rng.choices(range(max(0, first - 2), first + 12), k=999)])
        return ref.Vwap(tuple((i * 7, 7, drawn[i]) for i in sorted(drawn)))
    left, found, ts = order.quantity, [], 0
    while left > 0:
        ts += rng.choice([0, 1, 5, 12]) if found else 0
        left -= min(left, rng.choice([1, 60, 100, 250]))
        found.append((ts, order.quantity - left))
    return ref.Table(tuple(found))


def random_sliced(rng: random.Random, raw: Any, router: str, kind: str, side: str) -> Case:
    order = dataclasses.replace(random_order(rng, raw, side), horizon=rng.randint(1, 60))
    order = dataclasses.replace(order, start=max(0, order.start))
    policy = (
        random_paper_policy(rng, rng.choice(QUEUES))
        if router == "cont_kukanov"
        else random_policy(rng, router)
    )
    policy = dataclasses.replace(policy, schedule=random_schedule(rng, kind, order))
    return Case(order, policy, random_settings(rng, len({record[2] for record in raw})))


def cases_of(rng: random.Random, raw: Any) -> list[Case]:
    return [
        random_sliced(rng, raw, router, kind, side) for router, kind, side in product(ROUTERS, KINDS, SIDES)
    ]


def test_every_router_under_every_schedule_agrees_with_the_reference() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(40)):
        rng = random.Random(seed)
        raw = random_tape(rng)
        trades = random_trades(rng, raw)
        quotes = read_tape(raw, trades)
        cases = cases_of(rng, raw)
        for case in rng.sample(cases, 25):
            context = f"seed {seed}: {raw}, {trades}"
            met += assert_agree(quotes, reference_records(raw), [case], trades=trades, context=context)
    assert not [
        what for what in ("filled", "completed", "take", "releases", "schedule") if met[what] < enough(20)
    ], met


def test_the_parts_sum_exactly_and_follow_from_the_fills_and_the_releases() -> None:
    for seed in range(some(20)):
        rng = random.Random(1_000 + seed)
        raw = random_tape(rng)
        cases = [case for case in cases_of(rng, raw) if not isinstance(case.policy.schedule, ref.Pov)]
        for case in rng.sample(cases, 12):
            for run in replayed(raw, [case]):
                assert_derivable(run)
