"""The allocators against the golden cases and the reference: three engines, one split (rules A3, A4)."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
import reference as ref
import sor
from effort import enough, some
from sor import _core

GOLDEN = tomllib.loads((Path(__file__).parent / "golden" / "allocate.toml").read_text())["case"]
SOLVERS = ("exact", "exhaustive")
MANY = 10**9
Problem = tuple[int, list[tuple[int, int, int, int]], dict[str, Any]]


def core(S: int, offers: list[tuple[int, int, int, int]], solver: str, problem: dict[str, Any]) -> Any:
    """The core's answer in the reference's terms; unlike the reference it takes signed prices."""
    s = 1 if problem["side"] == "buy" else -1
    b = problem["benchmark"] if problem["rule"] == "relaxed" else 0
    found = _core.allocate(
        S,
        problem["lot"],
        [(s * price, available, fee, rebate) for price, available, fee, rebate in offers],
        s * b,
        (problem["lambda_over"], problem["lambda_under"], problem["theta"]),
        problem["rule"],
        solver,
        MANY,
    )
    if found is None:
        return None
    split, (cash, fees, rebates, under, over) = found
    cost = cash + fees - rebates + under + over
    return ref.Allocation(tuple(split), cost, cash, fees, rebates, under, over)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_golden(case: dict[str, Any], solver: str) -> None:
    offers = [(o["price"], o["available"], o["fee"], o["rebate"]) for o in case["offers"]]
    answer = core(case["quantity"], offers, solver, case)
    if not case.get("feasible", True):
        assert answer is None
        return
    assert list(answer.split) == case["split"]
    assert answer.cost == case["cost"]


def random_problem(rng: random.Random) -> Problem:
    """A small book with few price levels and fees, so that splits of equal cost are the rule, not the exception."""
    venues = rng.choice((1, 2, 2, 3, 3, 4, 5, 6))
    most_lots = (12, 5, 3, 2, 2, 1)[venues - 1]
    lot = rng.choice((1, 3, 10, 100))
    rule = rng.choice(("relaxed", "relaxed", "strict"))
    unit = rng.choice(("fraction", "price"))
    mid = rng.choice((1000, 1001))
    base = 0 if rule == "strict" else mid
    levels, fees = rng.randint(1, 4), rng.choice(((0,), (2, 2, -1), (1, 0, -2)))
    random_ = rng.random  # much faster than randint, and enough here
    offers = []
    for _ in range(venues):
        odd = int(random_() * lot) if random_() < 0.3 else 0
        price = mid + int(random_() * levels) - 1
        offers.append(
            (price, int(random_() * (most_lots + 1)) * lot + odd, rng.choice(fees), int(random_() * 3))
        )
    total = sum(offer[1] for offer in offers)
    S = int(random_() * (total + 2 * lot))
    if random_() < 0.7:
        S -= S % lot
    if lot > 1 and lot > S and rule == "relaxed" and venues > 2:
        S = min(S, 3)  # the tail trades in single shares: keep the enumeration short
    value = 1e-3 if unit == "fraction" else 1e-9
    problem = {
        "side": rng.choice(("buy", "sell")),
        "lot": lot,
        "benchmark": mid,
        "rule": rule,
        # 0.5 steps: half-even rounding of a penalty decides some of these books (N3).
        "lambda_over": ref.penalty_nanos(rng.randint(0, 6) / 2 * value, unit, base),
        "lambda_under": ref.penalty_nanos(rng.randint(0, 8) / 2 * value, unit, base),
        "theta": ref.penalty_nanos(rng.randint(0, 2) / 2 * value, unit, base),
    }
    return S, offers, problem


def test_three_engines_agree_on_random_books() -> None:
    rng = random.Random(1)
    traded = infeasible = tails = 0
    for i in range(some(100_000)):
        S, offers, problem = random_problem(rng)
        expected = ref.allocate(S, offers, **problem)
        for solver in SOLVERS:
            answer = core(S, offers, solver, problem)
            assert answer == expected, f"book {i}, {solver}: S={S}, {offers}, {problem}"
        infeasible += expected is None
        traded += expected is not None and any(expected.split)
        tails += problem["rule"] == "relaxed" and 0 < S < problem["lot"]
    assert traded > enough(40_000)
    assert infeasible > enough(5_000)
    assert tails > enough(2_000)


def test_public_allocate_lowers_currency_to_the_same_integers() -> None:
    """`sor.allocate`, floats in currency, against the reference in nanos; both units, both sides, ties."""
    rng = random.Random(2)
    for _ in range(2_000):
        side, rule = rng.choice(("buy", "sell")), rng.choice(("relaxed", "strict"))
        unit, solver = rng.choice(("fraction", "price")), rng.choice(SOLVERS)
        lot, S = rng.choice((1, 100)), 0
        offers = [
            sor.Offer(
                price=100 + rng.randint(-1, 2) / 100,
                size=rng.randint(0, 4) * lot,
                taker_fee=rng.choice((0.003, -0.001)),
                maker_rebate=0.002,
            )
            for _ in range(rng.randint(1, 4))
        ]
        S = rng.randint(1, 12) * lot
        scale = 1 if unit == "fraction" else 100
        router = sor.StaticRouter(
            lambda_over=rng.choice((0, 5e-4)) * scale,
            lambda_under=rng.choice((0, 1e-4, 5e-4)) * scale,
            theta_queue=rng.choice((0, 1e-4)) * scale,
            unit=unit,
            rule=rule,
            solver=solver,
        )
        answer = sor.allocate(S, offers, router, lot=lot, side=side, benchmark=100.005)
        nanos = [
            (round(o.price * 1e9), o.size, round(o.taker_fee * 1e9), round(o.maker_rebate * 1e9))
            for o in offers
        ]
        b = 0 if rule == "strict" else 100_005_000_000
        penalties = {
            name: ref.penalty_nanos(value, unit, b)
            for name, value in (
                ("lambda_over", router.lambda_over),
                ("lambda_under", router.lambda_under),
                ("theta", router.theta_queue),
            )
        }
        expected = ref.allocate(S, nanos, side=side, lot=lot, benchmark=b, rule=rule, **penalties)
        if expected is None:
            assert answer is None
            continue
        assert answer is not None
        assert (answer.split, answer.cost_nanos) == (expected.split, expected.cost)
        parts = answer.cash + answer.fees - answer.rebates + answer.under + answer.over
        assert answer.cost == pytest.approx(parts, abs=1e-9)


def test_too_many_candidates_say_how_many() -> None:
    router = sor.StaticRouter(solver="exhaustive", max_candidates=1_000)
    with pytest.raises(sor.ParameterError, match=r"3478761 candidates.*max_candidates = 1000"):
        sor.allocate(5_000, [(100.0, 5_000)] * 5, router)
    assert sor.allocate(5_000, [(100.0, 5_000)] * 5) is not None
