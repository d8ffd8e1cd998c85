"""The paper's router in the reference's replay: by hand, and what must hold on random markets."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import reference as ref
from effort import enough, some
from exchange import simulate
from simulated_markets import random_rules

SIDES = ("buy", "sell")


# The paper's router in the reference's replay.


def one_venue(latency: int = 0) -> ref.Settings:
    venue = ref.Venue(taker_fee=3, maker_rebate=2, latency=latency)
    return ref.Settings([venue], collar=None, tick=1)


PATIENT = ref.Policy(
    "cont_kukanov", lambda_over=0.0, lambda_under=0.0, theta_queue=0.0, epoch=10, window_every=10
)


def hand_replay(latency: int, **hours: Any) -> ref.Run:
    """Two windows before the order filled it whole, so it rests: 40 shares in its first epoch, none in its second."""
    records = [(ts, 0, 1_000, 50, 1_004, 70) for ts in (0, 12, 22, 31, 36, 45)]
    trades = [(5, 0, 1_000, 150), (15, 0, 1_000, 150), (25, 0, 1_000, 90)]
    order = ref.Order("buy", 100, 20, 20)
    return ref.replay(records, order, PATIENT, replace(one_venue(latency), **hours), trades=trades)


def posts(run: ref.Run) -> list[tuple[Any, ...]]:
    return [
        (c.kind, c.ts_decided, c.ts_arrived, c.quantity, c.seen, c.executed, c.reason) for c in run.children
    ]


def test_replay_by_hand() -> None:
    run = hand_replay(0)
    assert posts(run) == [
        ("post", 20, 20, 100, 1_000, 40, "partial"),
        ("post", 30, 30, 60, 1_000, 0, "queue"),
    ]
    post, completion = run.fills
    assert (post.kind, post.ts_decided, post.ts_executed, post.child) == ("post", 20, 25, 0)
    assert (post.quantity, post.price, post.quoted, post.mid, post.age) == (40, 1_000, 1_000, 1_002, 3)
    assert (post.fee, post.rebate) == (0, 80)
    assert (completion.kind, completion.quantity, completion.price) == ("completion", 60, 1_004)
    assert run.summary["spread"] == 40 * -2 + 60 * 2
    assert run.summary["rebates"] == 80
    assert run.summary["shortfall"] == 40 * -2 + 60 * 2 + 60 * 3 - 80


@pytest.mark.parametrize("venue", [None, 0])
def test_a_halt_cancels_what_rests(venue: int | None) -> None:
    """The halt begins at 22, and the trade of 25 finds nobody; the next epoch posts again."""
    run = hand_replay(0, halts=[ref.Halt(22, 27, venue)])
    assert posts(run) == [("post", 20, 20, 100, 1_000, 0, "queue"), ("post", 30, 30, 100, 1_000, 0, "queue")]
    assert [(row.kind, row.quantity) for row in run.fills] == [("completion", 70), ("completion", 30)]


def test_an_epoch_that_begins_in_a_halt_is_planned_after_it() -> None:
    """40 are filled at 25, the rest is cancelled at 28; the record of 31 is in the halt, that of 36 is not."""
    run = hand_replay(0, halts=[ref.Halt(28, 35)])
    assert posts(run) == [
        ("post", 20, 20, 100, 1_000, 40, "partial"),
        ("post", 36, 36, 60, 1_000, 0, "queue"),
    ]


def test_a_limit_order_that_arrives_in_a_halt_is_refused() -> None:
    """Sent at 20, it would join at 24; the halt of the venue lasts from 23 to 25."""
    run = hand_replay(4, halts=[ref.Halt(23, 25, 0)])
    assert posts(run)[0] == ("post", 20, 24, 100, 1_000, 0, "no_quote")


def test_windows_of_another_session_are_no_scenarios() -> None:
    """The silence of 15 ends a session at 45: the order after it has seen no window, so it sweeps 70 and completes."""
    records = [(ts, 0, 1_000, 50, 1_004, 70) for ts in (0, 12, 22, 31, 45, 60, 65)]
    trades = [(5, 0, 1_000, 150), (15, 0, 1_000, 150)]
    run = ref.replay(
        records, ref.Order("buy", 100, 60, 5), PATIENT, replace(one_venue(), session_gap=15), trades=trades
    )
    assert [(c.kind, c.quantity) for c in run.children] == [("take", 70)]
    together = ref.replay(records, ref.Order("buy", 100, 60, 5), PATIENT, one_venue(), trades=trades)
    assert "post" in {c.kind for c in together.children}


def test_an_order_that_would_arrive_when_its_epoch_ends_expires() -> None:
    for latency, reasons in (
        (9, ["queue", "queue"]),
        (10, ["expired", "expired"]),
        (12, ["expired", "expired"]),
    ):
        run = hand_replay(latency)
        assert [child.reason for child in run.children] == reasons
        assert run.summary["completed"] == 100


def test_without_scenarios_the_order_is_swept() -> None:
    records = [(ts, 0, 1_000, 50, 1_004, 70) for ts in range(30)]
    run = ref.replay(records, ref.Order("buy", 100, 5, 20), PATIENT, one_venue())
    assert [(c.kind, c.ts_decided, c.executed) for c in run.children] == [
        ("take", 5, 70)
    ]  # at 15 there is one
    assert run.children[0].reason == "filled"


def test_replays_conserve_shares_and_cash_in_the_order_of_time() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(500, everyday=60)):
        rng = random.Random(seed)
        rules = random_rules(rng, seed, rng.choice([1, 5, 25]))
        rules = replace(
            rules, events=200, crossing=3.0, market=2.0, cancels=2.0, depth=1
        )  # prices move, and orders fill
        market = simulate(rules, [])
        last = market.records[-1][0]
        settings = ref.Settings(
            [ref.Venue(3_000_000, 2_000_000, rng.choice([0, 2, 8, 20])) for _ in range(rules.venues)],
            snapshot=rng.choice(["last", "each", "first"]),
            depletion=rng.choice(["refresh", "persistent", "none"]),
            collar=rng.choice([None, 0.003]),
            max_quote_age=rng.choice([None, 30]),
        )
        policy = ref.Policy(
            "cont_kukanov",
            lambda_under=rng.choice([0.0, 0.0008, 0.0015]),
            theta_queue=0.0,
            lambda_over=0.0,
            adverse_selection=rng.choice([0, 0, 6_000_000]),
            epoch=rng.choice([25, 60]),
            queue=rng.choice(ref.QUEUES),
            scenarios=rng.choice([3, 100]),
            window_every=rng.choice([5, 17]),
        )
        start, horizon = rng.randint(last // 3, last), rng.randint(1, last)
        order = ref.Order(
            rng.choice(SIDES),
            rng.choice([2, 5, 15]) * rules.lots,
            start,
            horizon,
            rng.choice([1, rules.lots]),
        )
        trades = market.trades if rng.random() < 0.7 else None
        run = ref.replay(market.records, order, policy, settings, trades=trades)
        total = run.summary
        net = total["executed"] + total["completed"] - total["unwound"]
        assert net == order.quantity
        assert total["executed"] == sum(child.executed for child in run.children)
        cash = sum((-1 if row.kind == "unwind" else 1) * row.quantity * row.price for row in run.fills)
        fees = sum(row.fee - row.rebate for row in run.fills)
        assert total["shortfall"] == order.sign * (cash - net * run.m0) + fees
        times = [row.ts_executed for row in run.fills]
        assert times == sorted(times)
        for row in run.fills:
            assert (row.kind == "post") == (row.rebate > 0)
            assert (row.kind == "post") == (row.fee == 0)
        met.update(
            [*(f"{child.kind} {child.reason}" for child in run.children), *(row.kind for row in run.fills)]
        )
    for outcome in ("filled", "partial", "queue", "expired", "crossed"):
        assert met[f"post {outcome}"] >= enough(6), met
    assert min(met["take"], met["post"], met["completion"], met["unwind"]) >= enough(6), met
