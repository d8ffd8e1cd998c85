"""The reference against the golden cases, and what must hold of it on random input."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from typing import Any

import pytest
import reference as ref
from golden_cases import ALLOCATE, REPLAY, golden_arguments
from hours import around

ENDS = ("filled", "completed", "late", "stale", "no_quotes")
UNFILLED = ("no_quote", "limit", "depleted", "queue", "expired")


def test_golden_files_are_all_there() -> None:
    for cases, least in ((ALLOCATE, 20), (REPLAY, 15)):
        names = [case["name"] for case in cases]
        assert len(names) >= least
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", ALLOCATE, ids=lambda case: case["name"])
def test_allocate_golden(case: dict[str, Any]) -> None:
    offers = [(o["price"], o["available"], o["fee"], o["rebate"]) for o in case["offers"]]
    keys = ("side", "lot", "benchmark", "lambda_over", "lambda_under", "theta", "rule")
    options = {key: case[key] for key in keys}
    answer = ref.allocate(case["quantity"], offers, **options)
    curves = ref.offers_as_curves(case["quantity"], offers, case["lot"], case["rule"])
    assert ref.allocate_fills(case["quantity"], curves, **options) == answer
    assert ref.allocate_table(case["quantity"], curves, **options) == answer
    if not case.get("feasible", True):
        assert answer is None
        return
    assert answer is not None
    assert list(answer.split) == case["split"]
    assert answer.cost == case["cost"]


@pytest.mark.parametrize("case", REPLAY, ids=lambda case: case["name"])
def test_replay_golden(case: dict[str, Any]) -> None:
    records, order, policy, settings = golden_arguments(case)
    run = ref.replay(records, order, policy, settings)
    assert all(row.rebate == 0 for row in run.fills)
    not_listed = ("policy", "parent", "rebate")
    names = [field.name for field in dataclasses.fields(ref.Fill) if field.name not in not_listed]
    assert [{name: getattr(row, name) for name in names} for row in run.fills] == case["fills"]
    assert run.status == case["status"]
    assert run.m0 == case.get("m0")
    assert run.cut == case.get("cut", False)
    if "children" in case:
        keys = ("child", "venue", "quantity", "executed", "reason")
        assert [{key: getattr(row, key) for key in keys} for row in run.children] == case["children"]
    if "summary" in case:
        assert run.summary == {"schedule": 0, **case["summary"]}
    if "hindsight" in case:
        assert ref.hindsight(records, order, settings) == case["hindsight"]


@pytest.mark.parametrize(
    ("value", "unit", "benchmark", "nanos"),
    [
        (0.0005, "fraction", 10_000_000_000, 5_000_000),
        (0.5, "fraction", 3, 2),  # 1.5 to even
        (0.5, "fraction", 5, 2),  # 2.5 to even
        (0.5, "fraction", 0, 0),  # strict: b = 0
        (0.003, "price", 10_000_000_000, 3_000_000),
    ],
)
def test_penalty_nanos(value: float, unit: str, benchmark: int, nanos: int) -> None:
    assert ref.penalty_nanos(value, unit, benchmark) == nanos


def random_problem(rng: random.Random) -> tuple[int, list[tuple[int, int, int, int]], dict[str, Any]]:
    """Few price levels and fees, so that ties are frequent."""
    lot = rng.choice([1, 5, 10])
    offers = [
        (rng.randint(95, 105), rng.randint(0, 4 * lot + 3), rng.choice([0, 1, 2]), rng.choice([0, 1]))
        for _ in range(rng.randint(1, 4))
    ]
    options = {
        "side": rng.choice(["buy", "sell"]),
        "lot": lot,
        "benchmark": 100,
        "lambda_over": rng.randint(0, 3),
        "lambda_under": rng.randint(0, 5),
        "theta": rng.randint(0, 2),
        "rule": rng.choice(["relaxed", "strict"]),
    }
    return rng.randint(0, 6 * lot), offers, options


def random_curves(rng: random.Random, S: int, offers: list[Any], options: dict[str, Any]) -> list[ref.Curve]:
    L = ref.effective_lot(S, options["lot"], options["rule"])
    s = 1 if options["side"] == "buy" else -1
    curves = []
    for price, available, fee, rebate in offers:
        model = ref.FillModel("expected", max_fill=rng.choice([0.5, 0.9, 1.0]), impact=rng.choice([0, 0.02]))
        p = model.probability(rng.choice([0.0, 0.5]), 0)
        points = []
        for k in range(available // L + 1):
            t = model.executed(k * L, available, p)
            points.append((t * model.price(price, k * L, available, available or 1, s), t, k * L - t))
        curves.append(ref.Curve(fee, rebate, points))
    return curves


def test_parts_of_the_allocators_cost_sum_to_it_and_the_split_is_a_candidate() -> None:
    rng = random.Random(1)
    infeasible = 0
    for _ in range(500):
        S, offers, options = random_problem(rng)
        answer = ref.allocate(S, offers, **options)
        if answer is None:
            infeasible += 1
            continue
        assert answer.cost == answer.cash + answer.fees - answer.rebates + answer.under + answer.over
        assert answer.rebates == 0  # x <= available leaves nothing to rest
        assert all(x <= offer[1] for x, offer in zip(answer.split, offers, strict=True))
        assert sum(answer.split) == S if options["rule"] == "strict" else sum(answer.split) <= S
        if options["rule"] == "relaxed":
            assert answer.cost <= (options["lambda_under"] + options["theta"]) * S
    assert infeasible > 10


def test_the_table_is_the_enumeration() -> None:
    rng = random.Random(2)
    over = 0
    for _ in range(1500):
        S, offers, options = random_problem(rng)
        displayed = ref.offers_as_curves(S, offers, options["lot"], options["rule"])
        assert ref.allocate_table(S, displayed, **options) == ref.allocate(S, offers, **options)
        curves, overbook = random_curves(rng, S, offers, options), rng.choice([1.0, 1.3, 1.5])
        answer = ref.allocate_fills(S, curves, overbook=overbook, **options)
        assert ref.allocate_table(S, curves, overbook=overbook, **options) == answer
        over += answer is not None and answer.over > 0
    assert over > 10


def random_tape(rng: random.Random, venues: int, n: int) -> list[tuple[Any, ...]]:
    """A short tape on few prices: repeats, empty sides, locked and crossed books, several records a time."""
    records, ts = [], 0
    for _ in range(n):
        ts += rng.choice([0, 0, 1, 3, 7])
        bid = (rng.randint(996, 1001), rng.randint(1, 3) * 100) if rng.random() < 0.9 else (None, 0)
        ask = (rng.randint(1000, 1005), rng.randint(1, 3) * 100) if rng.random() < 0.9 else (None, 0)
        records.append((ts, rng.randrange(venues), *bid, *ask))
        if rng.random() < 0.3:
            records.append(records[-1])
    return records


def random_case(rng: random.Random) -> tuple[list[Any], ref.Order, ref.Policy, ref.Settings]:
    venues = rng.randint(1, 3)
    fill = rng.choice(
        [
            ref.FillModel(),
            ref.FillModel("expected", decay=rng.choice([None, 20.0])),
            ref.FillModel("expected", queue_position=0.0, max_fill=0.8),
            ref.FillModel("sampled", queue_position=0.2),
        ]
    )
    settings = ref.Settings(
        venues=[ref.Venue(rng.choice([0, 1, 2]), 1, rng.choice([0, 0, 2, 9])) for _ in range(venues)],
        snapshot=rng.choice(["last", "each", "first"]),
        depletion=rng.choice(["refresh", "persistent", "none"]),
        collar=rng.choice([None, 0.003]),
        max_quote_age=rng.choice([None, 10]),
        tick=1,
        fill=fill,
        limit=rng.choice(["seen", "none"]),
    )
    policy = ref.Policy(
        rng.choice(["router", "router", "best_ask", "sweep", "twap", "vwap"]),
        rule=rng.choice(["relaxed", "relaxed", "strict"]),
        plan=rng.choice(["displayed", "fills"]),
        overbook=rng.choice([1.0, 1.5]),
        lambda_over=0.001,
        lambda_under=rng.choice([0.001, 0.005, 0.05]),
        bucket=15,
    )
    records = random_tape(rng, venues, 25)
    start = rng.randint(-5, 40)
    horizon = max(rng.randint(1, 60), records[0][0] - start + 1)
    order = ref.Order(rng.choice(["buy", "sell"]), rng.randint(1, 900), start, horizon)
    settings = dataclasses.replace(settings, sessions=around(records, order), halts=random_halts(rng, venues))
    return records, order, policy, settings


def random_halts(rng: random.Random, venues: int) -> list[ref.Halt]:
    halts = []
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        start = rng.randint(0, 60)
        halts.append(ref.Halt(start, start + rng.randint(1, 40), rng.choice([None, *range(venues)])))
    return halts


def draw(n: int, p: float, parent: int, child: int) -> int:
    rng = random.Random(parent * 1_000 + child)
    return sum(rng.random() < p for _ in range(n))


def test_replay_conserves_shares_and_cash() -> None:
    rng = random.Random(3)
    seen = defaultdict(int)
    for _ in range(600):
        records, order, policy, settings = random_case(rng)
        run = ref.replay(records, order, policy, settings, draw=draw)
        total = run.summary
        s = order.sign
        net = total["executed"] + total["completed"] - total["unwound"]
        if run.status != "no_quotes":
            assert net == order.quantity
        assert (run.status in ("completed", "late", "stale")) >= (total["completed"] > 0)
        assert (run.status == "no_quotes") == (run.m0 is None)
        assert total["executed"] == sum(child.executed for child in run.children)
        if run.fills:
            cash = sum((-1 if row.kind == "unwind" else 1) * row.quantity * row.price for row in run.fills)
            fees = sum(row.fee - row.rebate for row in run.fills)
            assert total["shortfall"] == s * (cash - net * run.m0) + fees
        for child in run.children:
            assert 0 <= child.executed <= child.quantity
            assert (child.executed == 0) == (child.reason in UNFILLED)
            seen[child.reason] += 1
        for row in run.fills:
            seen[row.kind] += 1
            assert order.start <= row.ts_decided <= row.ts_executed
            assert row.ts_decided <= order.start + order.horizon
            assert (row.ts_executed > order.start + order.horizon) <= (run.status == "late")
        seen[run.status] += 1
    for outcome in (*ENDS, "partial", "unwind", "take", "completion", *UNFILLED):
        assert seen[outcome] > 0, outcome


def test_no_episode_gives_more_than_it_displayed() -> None:
    """Refresh: what one run of an unchanged quote gives is at most its size (B5)."""
    rng = random.Random(4)
    fills = 0
    for _ in range(300):
        records, order, policy, settings = random_case(rng)
        records = [(ts, *record[1:]) for ts, record in enumerate(records)]  # a time names one record
        settings = ref.Settings(settings.venues, tick=1, sessions=around(records, order))
        columns = slice(2, 4) if order.side == "sell" else slice(4, 6)
        taken: dict[tuple[int, int], int] = defaultdict(int)
        for row in ref.replay(records, order, policy, settings).fills:
            if row.kind != "take":
                continue
            own = [r for r in records if r[1] == row.venue and r[0] <= row.ts_executed]
            met = own[-1]
            first = met[0]
            while own and own[-1][columns] == met[columns]:
                first = own.pop()[0]
            assert met[columns][0] == row.quoted
            taken[row.venue, first] += row.quantity
            assert taken[row.venue, first] <= met[columns][1]
            fills += 1
    assert fills > 200


def test_hindsight_is_a_lower_bound_for_taking_policies() -> None:
    """P4: under F1, zero latency and refresh."""
    rng = random.Random(5)
    tight = 0
    for _ in range(400):
        records, order, policy, settings = random_case(rng)
        settings = ref.Settings(
            [ref.Venue(venue.taker_fee, 0) for venue in settings.venues],
            snapshot=settings.snapshot,
            collar=settings.collar,
            max_quote_age=settings.max_quote_age,
            tick=1,
            sessions=settings.sessions,
            halts=settings.halts,
        )
        run = ref.replay(records, order, policy, settings)
        bound = ref.hindsight(records, order, settings)
        if run.status == "no_quotes":
            assert bound is None
            continue
        if run.summary["unwound"]:
            continue
        cost = sum(order.sign * row.quantity * row.price + row.fee for row in run.fills)
        assert bound is not None
        assert bound <= cost
        tight += bound == cost
    assert tight > 10


def test_certain_queue_aware_fills_are_displayed_fills() -> None:
    """F2 with max_fill = 1, queue_position = 0, impact = 0 is F1."""
    rng = random.Random(6)
    for _ in range(200):
        records, order, policy, settings = random_case(rng)
        certain = ref.FillModel("expected", queue_position=0.0, max_fill=1.0, impact=0.0)
        runs = [
            ref.replay(records, order, policy, dataclasses.replace(settings, fill=fill))
            for fill in (ref.FillModel(), certain)
        ]
        assert runs[0] == runs[1]
