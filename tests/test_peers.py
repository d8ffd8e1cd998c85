"""Beside programs that others wrote (`make test-peers`): trajectories, the paper's problem, the static allocator."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
import sor
from effort import some
from sor import cont_kukanov

pytestmark = pytest.mark.peers

execution = pytest.importorskip("slippage.execution", reason="needs slippage-tca")
routing = pytest.importorskip("slippage.routing", reason="needs slippage-tca")
impact = pytest.importorskip("slippage.impact", reason="needs slippage-tca")
SPAN = 24 * 3_600


def test_trajectories_are_those_of_slippage() -> None:
    rng = random.Random(0)
    for _ in range(300):
        periods, days = rng.randint(1, 60), rng.choice([1, 5, 20])
        gamma, eta = rng.uniform(0, 1e-6), 10 ** rng.uniform(-6, -4)
        volatility, aversion = rng.uniform(0.1, 3), rng.choice([0.0, 10 ** rng.uniform(-9, -3)])
        problem = execution.ExecutionProblem(
            quantity=1e6,
            horizon=float(days),
            periods=periods,
            volatility=volatility,
            impact=impact.LinearImpact(gamma=gamma, eta=eta, epsilon=0.0),
        )
        if days * SPAN * 10**9 % periods or eta <= gamma * days / periods / 2:
            continue
        bucket = days * SPAN * 10**9 // periods
        ours = sor.AlmgrenChriss(
            risk_aversion=aversion, volatility=volatility, eta=eta, gamma=gamma, bucket=bucket, day="1d"
        )
        held = sor.trajectory(ours, 1e6, f"{days}d")["held"].to_numpy()
        theirs = np.array(execution.optimal_trajectory(problem, aversion).holdings)
        assert np.abs(held - theirs).max() <= 1e-9 * 1e6


def test_the_papers_printed_figures() -> None:
    """Section 3.4's example: 30% annual volatility at $50, five days, a million shares.

    For a risk aversion of 1e-6 the paper prints a kappa of about 0.61 per day, a half-life of 1.6 days.
    """
    terms = sor.AlmgrenChriss(
        risk_aversion=1e-6, volatility=0.95, eta=2.5e-6, gamma=2.5e-7, bucket="1d", day="1d"
    )
    held = sor.trajectory(terms, 1e6, "5d")["held"].to_numpy()
    # From x_0 = X sinh(5k)/sinh(5k) and x_1 = X sinh(4k)/sinh(5k) the urgency follows.
    kappa = np.linspace(0.5, 0.7, 200_001)
    found = kappa[np.abs(np.sinh(4 * kappa) / np.sinh(5 * kappa) - held[1] / 1e6).argmin()]
    assert round(float(found), 2) == 0.61
    assert round(1 / float(found), 1) == 1.6


def random_routing(rng: random.Random) -> tuple[Any, list[list[int]]]:
    """Return a problem of theirs, and the equally likely outflows of each of its venues."""
    outflows = [[rng.randint(0, 4) for _ in range(4)] for _ in range(rng.choice([1, 2, 2]))]
    taker = rng.uniform(0.001, 0.02)
    venues = tuple(
        routing.Venue(
            str(i),
            routing.Outflow(tuple(row.count(k) / 4 for k in range(max(row) + 1))),
            rng.uniform(0, 0.02),
        )
        for i, row in enumerate(outflows)
    )
    most = max(venue.rebate for venue in venues)
    return (
        routing.RoutingProblem(
            target=rng.randint(1, 5),
            venues=venues,
            taker_cost=taker,
            sweep_cost=taker + rng.uniform(0.0001, 0.03),
            unwind_cost=most + rng.uniform(0.0001, 0.03),
        ),
        outflows,
    )


def test_the_papers_problem_without_impact_is_that_of_slippage() -> None:
    """Costs against the mid: crossing h + f, a fill -(h + r), late lambda_u, too much lambda_o; venues independent."""
    rng = random.Random(1)
    for _ in range(some(10_000)):
        problem, outflows = random_routing(rng)
        parameters = cont_kukanov.Parameters(
            h=0.0005,
            f=problem.taker_cost - 0.0005,
            r=[venue.rebate - 0.0005 for venue in problem.venues],
            lambda_under=problem.sweep_cost,
            lambda_over=problem.unwind_cost,
            S=float(problem.target),
            Q=0.0,
        )
        rows = np.array(list(itertools.product(*outflows)), dtype=float)
        ours = cont_kukanov.solve(rows, parameters, lot=1.0, bound=False).cost.mean
        theirs = routing.exhaustive_route(problem).cost.total
        assert abs(ours - theirs) <= 1e-12, (problem, ours, theirs)


def test_the_static_allocator_is_that_of_slippage() -> None:
    """A displayed quote is an outflow that is certain: its rebate is minus the quote's cost, what is left is swept."""
    rng = random.Random(2)
    for _ in range(some(10_000)):
        cents = [rng.randint(100_00, 100_08) for _ in range(rng.choice([1, 2, 3]))]
        sizes, fees = [rng.randint(0, 4) for _ in cents], [rng.choice([0, 30, -20]) for _ in cents]
        target, under, benchmark = rng.randint(1, 6), rng.randint(1, 800), 100_0350
        costs = [cent * 100 + fee - benchmark for cent, fee in zip(cents, fees, strict=True)]
        offers = [
            sor.Offer(price=cent / 100, size=size, taker_fee=fee / 1e4)
            for cent, size, fee in zip(cents, sizes, fees, strict=True)
        ]
        ours = sor.allocate(
            target,
            offers,
            sor.StaticRouter(lambda_under=under / 1e4, lambda_over=0, theta_queue=0, unit="price"),
            lot=1,
            benchmark=benchmark / 1e4,
        )
        venues = tuple(
            routing.Venue(str(i), routing.Outflow((0.0,) * size + (1.0,)), -cost / 1e4)
            for i, (size, cost) in enumerate(zip(sizes, costs, strict=True))
        )
        problem = routing.RoutingProblem(
            target, venues, taker_cost=1.0, sweep_cost=under / 1e4, unwind_cost=1.0
        )
        theirs = routing.exhaustive_route(problem).cost.total
        assert abs(ours.cost - theirs) <= 1e-12, (offers, target, ours, theirs)
