"""Prices, conditions, optima and bounds of the paper's problem (rules C1-C7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from sor import _core
from sor.cont_kukanov.outflows import Scenarios, Table, as_table
from sor.cont_kukanov.problem import (
    Allocation,
    Bound,
    Conditions,
    Cost,
    Parameters,
    Resolved,
    Solution,
    as_lot,
    as_number,
    resolve,
    venues_of,
)
from sor.errors import ParameterError
from sor.settings.checks import array, flag, numbers, one_of, taking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike


class FrozenLaw(Protocol):
    """A distribution with its parameters set, as `scipy.stats` freezes them."""

    def ppf(self, q: float, /) -> float | np.floating:
        """Return the quantile at level `q`."""


def cost(allocation: Allocation | Sequence[float], scenarios: Scenarios, parameters: Parameters) -> Cost:
    """Evaluate `V`, its parts and one-sided derivatives (rule C1).

    Args:
        allocation: An `Allocation`, or `(M, L_1 .. L_K)` in shares.
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices, penalties and sizes.

    Raises:
        ParameterError: Names the argument and what would be right.

    """
    table, resolved = prepare(scenarios, parameters)
    return cost_of(table, resolved, _orders(allocation))


def conditions(
    allocation: Allocation | Sequence[float],
    scenarios: Scenarios,
    parameters: Parameters,
    *,
    lot: float | None = None,
) -> Conditions:
    """Test an allocation for optimality (rule C6).

    Args:
        allocation: An `Allocation`, or `(M, L_1 .. L_K)` in shares.
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices, penalties and sizes.
        lot: Size of the moves that are tried, shares; None: vanishing moves.

    Raises:
        ParameterError: Names the argument and what would be right.

    """
    table, resolved = prepare(scenarios, parameters)
    return _conditions(table, resolved, _orders(allocation), as_lot(lot))


def closed_form(law: Callable[[float], float] | FrozenLaw | ArrayLike, parameters: Parameters) -> Allocation:
    """Solve the problem of one venue (rule C4; Proposition 3 of the paper).

    `L = S` if `p >= 1`, else `clip(F^-1(p) - Q, 0, S)`, `M = S - L`, where
    `p = (2h + f + r) / (lambda_under + h + r + theta)`. `lambda_over` plays no role.

    Args:
        law: The outflow's quantile function, an object with `.ppf` (a frozen `scipy.stats` distribution), or
            a sample of outflows, shares.
        parameters: Prices, penalties and sizes of one venue.

    Raises:
        ParameterError: Several venues, a sample that is empty or not finite, or a law that does not give a
            number.

    """
    resolved = resolve(parameters, venues_of(parameters))
    level = _core.ck_quantile_level(resolved)
    if level >= 1.0:
        outflow = float("inf")
    elif level <= 0.0:
        outflow = 0.0  # resting gains nothing over crossing
    else:
        outflow = _quantile(law, level)
    market, limit = _core.ck_one_venue(resolved, outflow)
    return Allocation(market=market, limits=(limit,))


def market_order(limits: Sequence[float], scenarios: Scenarios, parameters: Parameters) -> float:
    """Find the best market order for given limit orders (rule C5), in shares.

    `clip(S - q, 0, S)` where `q` is the quantile of the filled shares at
    `beta = (h + f + lambda_over + theta) / (lambda_under + lambda_over + theta)`.

    Args:
        limits: `L_1 .. L_K`, shares.
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices, penalties and sizes.

    Raises:
        ParameterError: Names the argument and what would be right.

    """
    table, resolved = prepare(scenarios, parameters)
    return _core.ck_market_order(resolved, table, numbers("limits", limits))


def solve(
    scenarios: Scenarios,
    parameters: Parameters,
    *,
    lot: float | None = None,
    solver: Literal["exact", "paper"] = "exact",
    bound: bool = True,
) -> Solution:
    """Minimise `V` over `(M, L_1 .. L_K)` on the scenarios (rules C6, C7).

    The objective is piecewise linear and not convex for several venues. `solver="exact"` descends by exact
    line searches over exchanges of shares between any two orders, from several starts; problems on a small
    lattice are enumerated. The result is a point no exchange can improve; `gap` bounds what any other
    allocation could save.

    Args:
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices, penalties and sizes.
        lot: Limit orders are multiples of this many shares, and so is `S - M`. None: any number of shares.
        solver: `"paper"` is the paper's own averaged stochastic subgradient, one step per scenario, kept as a
            reference: it is biased (rule C8) and knows no lots.
        bound: Whether to compute the lower bound as well (it takes a few times as long as the solution).

    Raises:
        ParameterError: Names the argument and what would be right.

    """
    table, resolved = prepare(scenarios, parameters)
    lot, bound = as_lot(lot), flag("bound", bound)
    one_of("solver", solver, ("exact", "paper"))
    if solver == "exact":
        market, limits, starts = _core.ck_solve(resolved, table, lot)
    else:
        if lot is not None:
            raise ParameterError(f'lot must be None with solver="paper", got {lot}')
        market, limits = _core.ck_paper(resolved, table)
        starts = []
    orders = (market, limits)
    here = cost_of(table, resolved, orders)
    below = _bound(table, resolved, orders) if bound else None
    return Solution(
        allocation=Allocation(market=market, limits=tuple(limits)),
        cost=here,
        conditions=_conditions(table, resolved, orders, lot),
        starts=tuple(starts) or (here.mean,),
        bound=below,
        gap=None if below is None else here.mean - below.value,
    )


def lower_bound(scenarios: Scenarios, parameters: Parameters) -> Bound:
    """Bound `V` from below by the convex relaxation, in which fills may be refused (rule C6).

    Args:
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices, penalties and sizes.

    Raises:
        ParameterError: Names the argument and what would be right.

    """
    table, resolved = prepare(scenarios, parameters)
    return _bound(table, resolved, (resolved.quantity, [0.0] * len(resolved.r)))


def prepare(scenarios: Scenarios, parameters: Parameters) -> tuple[Table, Resolved]:
    """Return the scenarios as a table, and the parameters for its venues."""
    table = as_table(scenarios)
    return table, resolve(parameters, table.shape[1])


def _orders(allocation: Allocation | Sequence[float]) -> tuple[float, list[float]]:
    if isinstance(allocation, Allocation):
        return allocation.market, list(allocation.limits)
    market, *limits = numbers("allocation", allocation) or [float("nan")]
    return market, limits


def cost_of(table: Table, resolved: Resolved, orders: tuple[float, list[float]]) -> Cost:
    """Return the cost of `(M, [L_1 .. L_K])` as a value."""
    raw = _core.ck_cost(resolved, table, orders)
    fields = {**raw, "fills": tuple(raw["fills"]), "derivatives": tuple(raw["derivatives"])}
    return Cost(**fields, cents_per_share=100 * raw["mean"] / resolved.quantity)  # type: ignore[arg-type]  # a TypedDict's values


def _conditions(
    table: Table, resolved: Resolved, orders: tuple[float, list[float]], lot: float | None
) -> Conditions:
    raw = _core.ck_conditions(resolved, table, orders, lot)
    return Conditions(**{**raw, "slopes": tuple(raw["slopes"])})  # type: ignore[arg-type]  # a TypedDict's values


def _bound(table: Table, resolved: Resolved, start: tuple[float, list[float]]) -> Bound:
    raw = _core.ck_bound(resolved, table, start)
    allocation = Allocation(market=raw["market"], limits=tuple(raw["limits"]))
    return Bound(value=raw["value"], relaxed=raw["relaxed"], allocation=allocation, cuts=raw["cuts"])


def _quantile(law: Callable[[float], float] | FrozenLaw | ArrayLike, level: float) -> float:
    right = "a quantile function or a non-empty sample of finite outflows"
    with taking("law", law, right):
        if hasattr(law, "ppf"):
            return as_number("law", law.ppf(level))
        if callable(law):
            return as_number("law", law(level))
        sample = np.sort(array("law", law, right).astype(np.float64).ravel())
    if not sample.size or not np.isfinite(sample).all():
        raise ParameterError(f"law must be {right}")
    return float(np.quantile(sample, level, method="inverted_cdf"))
