"""The Cont & Kukanov allocator against published and computed numbers, and against theory (rules C1-C8)."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paper_table import BASELINE, PRICES, TABLE_1
from sor import cont_kukanov as ck
from sor.errors import ParameterError

ROWS = 100_000


@pytest.fixture(scope="module")
def outflows():
    tables = {k: ck.poisson_common_factor(ROWS, k, mean=2200, weight=0.6, seed=k) for k in range(1, 6)}
    for table in tables.values():
        table.flags.writeable = False
    return tables


# With many venues the solvers take seconds; at two the first row of them stands for the others.
SAME = ((1000, 2), (5000, 2))


@pytest.mark.parametrize(
    ("size", "venues", "paper", "exact"),
    [pytest.param(*row, marks=pytest.mark.slow if row[1] > 3 or row[:2] in SAME else ()) for row in TABLE_1],
)
def test_table_1(outflows, size, venues, paper, exact):
    xi, p = outflows[venues], replace(BASELINE, S=size)
    market, total, all_market, all_limit, equal, own = paper

    def cents(orders):
        return ck.cost(orders, xi, p).cents_per_share

    assert cents([size] + [0] * venues) == pytest.approx(2.35, abs=1e-12)  # h + f + theta
    assert cents([size] + [0] * venues) == pytest.approx(all_market, abs=0.04)
    assert cents([0, size] + [0] * (venues - 1)) == pytest.approx(all_limit, abs=0.04)
    assert cents([size / (venues + 1)] * (venues + 1)) == pytest.approx(equal, abs=0.04)
    limit = (total - market) / venues
    assert cents([market / 100 * size] + [limit / 100 * size] * venues) == pytest.approx(own, abs=0.04)

    found = ck.solve(xi, p, bound=False)
    market_pct, limit_pct, best = exact
    assert found.cost.cents_per_share <= best + 0.005
    assert 100 * found.allocation.market / size == pytest.approx(market_pct, abs=0.7)
    assert 100 * np.array(found.allocation.limits) / size == pytest.approx(limit_pct, abs=0.7)

    theirs = ck.solve(xi[:1000], p, solver="paper", bound=False).allocation
    assert 100 * theirs.market / size == pytest.approx(market, abs=1.5)
    assert 100 * np.mean(theirs.limits) / size == pytest.approx(limit, abs=1.5)
    assert cents([theirs.market, *theirs.limits]) == pytest.approx(own, abs=0.04)


@pytest.mark.parametrize(
    ("mean", "least", "most", "limits"),
    [
        (2200, 0.037961860892932346, 0.0528630390236516, {0.04: 800.52, 0.045: 416.95, 0.05: 132.68}),
        (2500, 0.0418955742312, 0.05921847994122425, {0.045: 746.53, 0.05: 423.5, 0.055: 172.59}),
    ],
)
def test_closed_form_exponential(mean, least, most, limits):
    def law(level):
        return -mean * math.log1p(-level)

    for lambda_under, limit in {**limits, least: 1000, most: 0}.items():
        x = ck.closed_form(law, replace(BASELINE, lambda_under=lambda_under))
        assert x.limits[0] == pytest.approx(limit, abs=0.5)
        assert x.market + x.limits[0] == 1000
    # Beyond the range the order is all limit, or all market.
    assert ck.closed_form(law, replace(BASELINE, lambda_under=least - 1e-3)).market == 0
    assert ck.closed_form(law, replace(BASELINE, lambda_under=most + 1e-3)).market == 1000


def poisson_quantile(level):
    k = np.arange(1, 4000)
    log_mass = np.concatenate([[0.0], np.cumsum(np.log(2200.0) - np.log(k))]) - 2200.0
    return float(np.searchsorted(np.cumsum(np.exp(log_mass)), level))


def test_closed_form_poisson():
    def at(lambda_under):
        return ck.closed_form(poisson_quantile, replace(BASELINE, lambda_under=lambda_under))

    assert at(0.05).limits == (214,)
    low, high = 0.02573040831355363, 0.02587462336418351
    assert at(low + 1e-9).limits == at(high - 1e-9).limits == (270,)
    assert at(low - 1e-7).limits[0] > 270 > at(high + 1e-7).limits[0]


def test_closed_form_takes_a_law_an_object_or_a_sample():
    sample = np.random.default_rng(3).exponential(2200, 200_001)

    class Frozen:
        def ppf(self, q):
            return np.float64(-2200 * math.log1p(-q))

    by_object = ck.closed_form(Frozen(), BASELINE).limits[0]
    assert by_object == ck.closed_form(Frozen().ppf, BASELINE).limits[0]
    assert ck.closed_form(sample, BASELINE).limits[0] == pytest.approx(by_object, abs=25)
    # The sample's own problem has the same optimum.
    solved = ck.solve(sample[:2001, None], BASELINE, bound=False)
    formula = ck.closed_form(sample[:2001], BASELINE)
    assert solved.cost.mean == pytest.approx(ck.cost(formula, sample[:2001, None], BASELINE).mean, abs=1e-9)


def test_a_miss_cheaper_than_crossing_rests_everything():
    p = ck.Parameters(h=0.02, f=0.02, r=0.02, lambda_under=0.0401, lambda_over=0.1, S=100, Q=0)
    assert ck.closed_form(lambda level: 0.0, p).market == pytest.approx(100)
    p = replace(p, f=0.03, lambda_under=0.0501)
    assert ck.closed_form([1e9], p).limits == (100,)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shapes", "rebates", "orders", "cents"),
    [
        ((2200, 2200), (0.002, 0.002), (565.3, 256.6, 256.6), 0.7729),
        ((2200, 2300), (0.002, 0.004), (464.5, 257.7, 359.7), 0.2660),
    ],
)
def test_two_independent_venues(shapes, rebates, orders, cents):
    xi = ck.gamma(400_000, 2, shape=shapes, seed=11)
    p = ck.Parameters(**{**PRICES, "r": rebates}, S=1000, Q=2000)
    found = ck.solve(xi, p, bound=False)
    assert (found.allocation.market, *found.allocation.limits) == pytest.approx(orders, abs=2)
    assert found.cost.cents_per_share == pytest.approx(cents, abs=0.005)
    assert ck.cost(orders, xi, p).cents_per_share == pytest.approx(cents, abs=0.005)


def test_the_objective_is_not_convex():
    """Two venues, no queue, outflows uniform on [550, 650], M = 0, L_2 = 600: the middle is above the chord (C6)."""
    grid = 550 + 100 * (np.arange(1000) + 0.5) / 1000
    xi = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    p = replace(BASELINE, Q=0)
    left, middle, right = (ck.cost([0, first, 600], xi, p).mean for first in (450, 650, 850))
    assert (left, middle, right) == pytest.approx((-20.4247, -16.1243, -16.0243), abs=2e-3)
    assert middle > (left + right) / 2 + 2


def test_the_page_of_the_docs_runs():
    text = (Path(__file__).parents[1] / "docs" / "cont_kukanov.md").read_text()
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    assert names["found"].gap >= 0
    assert names["found"].conditions.slope_residual < 1e-12


def test_the_solution_carries_its_certificates(outflows):
    xi = outflows[3][:2000]
    found = ck.solve(xi, BASELINE)
    here, test = found.cost, found.conditions
    assert here.mean == pytest.approx(
        here.market + here.limit + here.impact + here.under + here.over, abs=1e-12
    )
    assert here.probability_under == test.probability_under
    assert test.probability_under <= test.beta <= test.probability_at_most
    assert test.quantile_residual == 0
    assert test.slope_residual < 1e-5  # currency per share
    assert found.bound is not None
    assert found.bound.value <= found.bound.relaxed
    assert 0 <= found.gap == here.mean - found.bound.value
    assert max(found.starts) - here.mean <= 1e-6 * 1000  # 1e-4 cents per share
    assert found.bound.value == pytest.approx(ck.lower_bound(xi, BASELINE).value, abs=1e-4 * 1000)
    # Any other allocation costs more than the bound, and its market order is worse than the quantile's.
    rng = np.random.default_rng(0)
    for _ in range(50):
        limits = rng.uniform(0, 1000, 3)
        market = ck.market_order(limits, xi, BASELINE)
        value = ck.cost([market, *limits], xi, BASELINE).mean
        assert value >= here.mean > found.bound.value
        assert value <= ck.cost([rng.uniform(0, 1000), *limits], xi, BASELINE).mean + 1e-9


@pytest.mark.parametrize("size", [1000, 1050, 60])
def test_lots(outflows, size):
    p = replace(BASELINE, S=size)
    found = ck.solve(outflows[2][:2000], p, lot=100)
    assert all(limit % 100 == 0 for limit in found.allocation.limits)
    assert (size - found.allocation.market) % 100 == 0
    assert found.conditions.slope_residual < 1e-12
    assert found.allocation.in_lots(100)[1:] == tuple(limit / 100 for limit in found.allocation.limits)
    assert found.cost.mean >= ck.solve(outflows[2][:2000], p).cost.mean - 1e-9


def test_integer_scenarios_and_repeats_give_equal_results(outflows):
    whole = outflows[2][:500].astype(np.int64)
    first = ck.solve(whole, BASELINE)
    assert first == ck.solve(whole.astype(float), BASELINE) == ck.solve(np.asfortranarray(whole), BASELINE)
    assert ck.cost(first.allocation, whole, BASELINE) == first.cost


def test_monotone_in_the_parameters(outflows):
    """M* up in lambda_under, down in h and f; one venue: L* down in lambda_under and Q."""
    xi = outflows[2][:2000]

    def market(**change):
        return ck.solve(xi, replace(BASELINE, **change), lot=10, bound=False).allocation.market

    def rises(values):
        return all(a <= b for a, b in itertools.pairwise(values)) and values[0] < values[-1]

    assert rises([market(lambda_under=value) for value in (0.03, 0.04, 0.05, 0.07, 0.1)])
    assert rises([market(h=value) for value in (0.04, 0.03, 0.02, 0.01)])
    assert rises([market(f=value) for value in (0.02, 0.01, 0.003, -0.002)])

    sample = np.random.default_rng(5).exponential(2200, 5001)

    def limit(**change):
        return ck.solve(sample[:, None], replace(BASELINE, **change), bound=False).allocation.limits[0]

    assert rises([limit(lambda_under=value) for value in (0.055, 0.05, 0.045, 0.04)])
    assert rises([limit(Q=value) for value in (2400, 2100, 1900, 1500)])


def test_calibration_meets_its_tolerances(outflows):
    xi = outflows[2][:1000]
    found = ck.calibrate(xi, BASELINE, under=20, over=5)
    assert found.solution.cost.shortfall <= 20
    assert found.solution.cost.excess <= 5
    tighter = ck.calibrate(xi, BASELINE, under=10, over=5)
    assert tighter.parameters.lambda_under > found.parameters.lambda_under
    assert tighter.solution.cost.market > found.solution.cost.market


def test_calibration_is_the_inverse_of_the_closed_form():
    """Docs, Calibration: at one venue lambda_under = (2h + f + r) / F(Q + L) - (h + r + theta)."""
    sample = np.random.default_rng(8).exponential(2200, 4001)[:, None]
    p = replace(BASELINE, lambda_under=0.047)
    at = ck.solve(sample, p, bound=False)
    back = ck.calibrate(sample, BASELINE, under=at.cost.shortfall * 1.0001, tolerance=1e-5)
    assert back.parameters.lambda_under == pytest.approx(0.047, rel=2e-3)
    level = np.mean(sample <= 2000 + back.solution.allocation.limits[0])
    assert back.parameters.lambda_under == pytest.approx(0.045 / level - 0.0225, rel=2e-3)


def test_builders_have_the_stated_laws():
    n = 200_000
    common = ck.poisson_common_factor(n, 3, mean=2200, weight=0.6, seed=1)
    assert common.shape == (n, 3)
    assert common.mean() == pytest.approx(2200, rel=1e-3)
    correlation = np.corrcoef(common.T)[0, 1]
    assert correlation == pytest.approx(0.36 / (0.36 + 0.16), abs=0.01)
    assert ck.exponential(n, 2, mean=[100, 200], seed=1).mean(axis=0) == pytest.approx([100, 200], rel=0.01)
    assert ck.gamma(n, 1, shape=4, scale=50, seed=1).std() == pytest.approx(100, rel=0.01)
    tail = ck.pareto(n, 1, shape=3, scale=100, seed=1)
    assert tail.min() >= 100
    assert np.mean(tail > 200) == pytest.approx(1 / 8, abs=0.005)
    drawn = ck.empirical([[1, 10], [2, 20]], 1000, seed=1)
    assert {tuple(row) for row in drawn} == {(1.0, 10.0), (2.0, 20.0)}
    assert (ck.gamma(9, 2, shape=4, seed=7) == ck.gamma(9, 2, shape=4, seed=np.random.default_rng(7))).all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"r": -0.02}, "A1"),
        ({"r": (0.002, -0.5)}, "A1"),
        ({"lambda_over": 0.022}, "A2"),
        ({"f": -0.2}, "A2"),
        ({"lambda_under": 0.023}, "A3"),
        ({"S": 0}, "S must"),
        ({"S": math.nan}, "S must"),
        ({"Q": -1}, "Q must"),
        ({"Q": (1, 2, 3), "r": (0.1, 0.1)}, "r and Q"),
        ({"theta": -1}, "theta"),
        ({"h": "wide"}, "h must be a number"),
    ],
)
def test_bad_parameters_are_named(change, name):
    with pytest.raises(ParameterError, match=name):
        ck.Parameters(**{**PRICES, "S": 1000, "Q": 2000, **change})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ck.solve([1, 2], BASELINE), "shape"),
        (lambda: ck.solve(np.zeros((0, 2)), BASELINE), "at least one row"),
        (lambda: ck.solve([["a"]], BASELINE), "numbers"),
        (lambda: ck.solve([[1.0], [math.nan]], BASELINE), "row 1, venue 0"),
        (lambda: ck.solve([[1.0, -2.0]], BASELINE), "row 0, venue 1"),
        (
            lambda: ck.solve([[1.0, 2.0]], replace(BASELINE, r=(0.1, 0.1, 0.1), lambda_over=1)),
            "one value per venue",
        ),
        (lambda: ck.solve([[1.0]], BASELINE, lot=0), "lot"),
        (lambda: ck.solve([[1.0]], BASELINE, lot=1, solver="paper"), "lot"),
        (lambda: ck.solve([[1.0]], BASELINE, solver="fast"), "solver"),
        (lambda: ck.cost([1, 2, 3], [[1.0]], BASELINE), "limits"),
        (lambda: ck.cost([-1, 2], [[1.0]], BASELINE), "market"),
        (lambda: ck.cost([1, math.inf], [[1.0]], BASELINE), "limits"),
        (lambda: ck.cost([], [[1.0]], BASELINE), "limits"),
        (lambda: ck.closed_form([], BASELINE), "law"),
        (lambda: ck.closed_form(lambda level: math.nan, BASELINE), "law"),
        (lambda: ck.closed_form([1.0], replace(BASELINE, Q=(1, 2))), "one venue"),
        (lambda: ck.calibrate([[1.0]], BASELINE, under=0), "under"),
        (lambda: ck.exponential(0, 1, mean=1, seed=0), "n must"),
        (lambda: ck.exponential(1, 1, mean=-1, seed=0), "mean"),
        (lambda: ck.poisson_common_factor(1, 1, mean=1, weight=2, seed=0), "weight"),
    ],
)
def test_bad_calls_are_named(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
