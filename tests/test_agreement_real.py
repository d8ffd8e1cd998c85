"""The core's replay against the reference on the recorded day."""

from __future__ import annotations

import dataclasses
import random
from itertools import product

import polars as pl
import pytest
import recorded
import reference as ref
from effort import ALL, enough
from posted_tapes import SECOND
from tapes import (
    DEPLETIONS,
    POLICIES,
    QUEUES,
    SIDES,
    SNAPSHOTS,
    Case,
    Raw,
    assert_agree,
    read_raw,
    read_tape,
    reference_records,
)

MINUTE = 60 * SECOND


@pytest.mark.slow
@pytest.mark.data
def test_ten_real_minutes_as_in_the_reference() -> None:
    raw = read_raw(recorded.MORNING)
    start, end = raw[0][0], raw[-1][0]
    names = dict(
        pl.read_csv(recorded.MORNING, columns=["venue", "publisher_id"])
        .unique()
        .select("publisher_id", "venue")
        .rows()
    )
    index = {names[number]: i for i, number in enumerate(sorted(names))}
    prints = (
        pl.read_parquet(recorded.TRADES)
        .with_columns(ts=pl.col("ts_event").cast(pl.Datetime("ns", "UTC")).to_physical())
        .filter(pl.col("ts") <= end, pl.col("venue").is_in(list(index)))
        .filter(~pl.col("cond").fill_null("").str.contains("[OQM69]"))
        .sort("ts", "sequence", maintain_order=True)
    )
    trades = [
        (ts, index[venue], round(price * 1e9), size)
        for ts, venue, price, size in prints.select("ts", "venue", "price", "size").iter_rows()
    ]
    assert len(trades) > 500
    settings = ref.Settings([ref.Venue(3_000_000, 2_000_000, 10**6 * (i % 3)) for i in range(len(index))])
    cases = [
        Case(
            ref.Order(side, 3_000, start + minute * MINUTE, MINUTE, 100),
            ref.Policy(
                "cont_kukanov",
                lambda_over=0.0005,
                lambda_under=0.0005,
                theta_queue=0.0,
                epoch=MINUTE // 2,
                queue=queue,
                scenarios=12,
                window_every=MINUTE // 4,
            ),
            settings,
        )
        for minute, (queue, side) in enumerate(product(QUEUES, SIDES), start=3)
    ]
    met = assert_agree(read_tape(raw, trades), reference_records(raw), cases, trades=trades)
    assert met["post"] > 10, met


@pytest.fixture(scope="module")
def first_half_hour() -> list[Raw]:
    raw = read_raw(recorded.QUOTES)
    return [record for record in raw if record[0] < raw[0][0] + 30 * MINUTE]


def real_cases(start: int, venues: int) -> list[Case]:
    """Every policy x depletion x snapshot x side, parents spread over the half hour, then latency and queues."""
    rng = random.Random(0)
    plain = ref.Settings(venues=[ref.Venue(taker_fee=3_000_000 - 100_000 * (i % 3)) for i in range(venues)])
    cases = []
    for i, (kind, depletion, snapshot, side) in enumerate(product(POLICIES, DEPLETIONS, SNAPSHOTS, SIDES)):
        order = ref.Order(side, 6_000, start + i * 14 * MINUTE // 45, rng.randint(1, 60) * MINUTE // 60)
        policy = ref.Policy(kind, lambda_under=0.0005, bucket=MINUTE // 6)
        market = dataclasses.replace(plain, depletion=depletion, snapshot=snapshot)
        cases.append(Case(order, policy, market))
    for i, (kind, side, limit) in enumerate(product(POLICIES, SIDES, ["seen", "none"])):
        fill = ref.FillModel("expected", queue_position=0.3, decay=3e9)
        slow = [
            dataclasses.replace(v, latency=rng.choice([0, 10**6, 10**7, 5 * 10**8])) for v in plain.venues
        ]
        market = dataclasses.replace(plain, venues=slow, fill=fill, limit=limit, max_quote_age=20 * 10**9)
        order = ref.Order(side, 2_000, start + i * MINUTE, MINUTE // 2)
        cases.append(Case(order, ref.Policy(kind, lambda_under=0.0005, bucket=MINUTE // 10), market))
    for i, side in enumerate(SIDES):
        fill = ref.FillModel("expected", queue_position=0.0, max_fill=0.8, impact=0.0002)
        fills = ref.Policy("router", lambda_under=0.002, plan="fills", overbook=1.25)
        strict = ref.Policy("router", rule="strict")
        order = ref.Order(side, 500, start + (3 + 9 * i) * MINUTE, MINUTE // 6)
        cases.append(Case(order, fills, dataclasses.replace(plain, fill=fill)))
        cases.append(Case(order, strict, plain))
    return cases


@pytest.mark.slow
@pytest.mark.data
def test_real_half_hour(first_half_hour: list[Raw]) -> None:
    quotes, records = read_tape(first_half_hour), reference_records(first_half_hour)
    cases = real_cases(quotes.start, quotes.venues.height)[:: 1 if ALL else 7]
    met = assert_agree(quotes, records, cases)
    assert not [
        outcome
        for outcome in ("filled", "completed", "partial", "limit", "depleted")
        if met[outcome] < enough(10)
    ], met
    assert met["take"] > enough(2_000)
