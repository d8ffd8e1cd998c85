"""Cont & Kukanov's order placement problem: market and limit orders over several venues.

The model is that of "Optimal order placement in limit order markets" (arXiv:1210.1625v4; Quantitative Finance
17(1), 2017), MODEL C1-C8. Buy `S` shares by time `T`: send a market order of `M` shares, rest `L_k` shares at
venue `k` behind a queue of `Q_k`, and let `xi_k` shares flow out of the front of that queue:

    fill_k = min((xi_k - Q_k)+, L_k),    A = M + sum_k fill_k,
    V(M, L) = E[(h + f) M - sum_k (h + r_k) fill_k + theta (M + sum_k L_k + (S - A)+)
                + lambda_under (S - A)+ + lambda_over (A - S)+].

Prices are in currency per share against the mid, sizes in shares. The outflows are a table of *scenarios*:
one row each, one column per venue, float or integer; or the frame of
`sor.probe_outflows`, with `Q = 0`. See `docs/cont_kukanov.md` for the mathematics and the paper's errata.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from sor import _core
from sor.cont_kukanov.outflows import (
    Scenarios,
    Table,
    as_table,
    empirical,
    exponential,
    gamma,
    pareto,
    poisson_common_factor,
)
from sor.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

__all__ = [
    "Allocation",
    "Bound",
    "Calibration",
    "Conditions",
    "Cost",
    "Parameters",
    "Solution",
    "calibrate",
    "closed_form",
    "conditions",
    "cost",
    "empirical",
    "exponential",
    "gamma",
    "lower_bound",
    "market_order",
    "pareto",
    "poisson_common_factor",
    "solve",
]


class _FrozenLaw(Protocol):
    def ppf(self, q: float, /) -> float | np.floating: ...


class _Resolved(NamedTuple):
    h: float
    f: float
    r: list[float]
    theta: float
    lambda_under: float
    lambda_over: float
    quantity: float
    queue: list[float]


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Prices, penalties and sizes of the problem (MODEL C1).

    Args:
        h: Half the bid-ask spread, currency per share.
        f: Taker fee per share; negative where taking earns a rebate.
        r: Maker rebate per share net of adverse selection, one value or one per venue.
        theta: Impact per share submitted.
        lambda_under: The *full* cost per share not bought by the end of the horizon.
        lambda_over: Cost per share bought beyond `S`.
        S: Shares to buy.
        Q: Shares ahead in the queue, one value or one per venue.

    Raises:
        ParameterError: An argument is not a number or out of range, or an assumption of the paper fails
            (MODEL C2): A1 `min r + h > 0`; A2 `lambda_over > h + max r` and `lambda_over > -(h + f)`;
            A3 `lambda_under > h + f`. The message names it.

    """

    h: float
    f: float
    r: float | Sequence[float]
    theta: float = 0.0
    lambda_under: float
    lambda_over: float
    S: float
    Q: float | Sequence[float]

    def __post_init__(self) -> None:
        for name in ("r", "Q"):
            value = getattr(self, name)
            if not np.isscalar(value):
                object.__setattr__(self, name, tuple(_numbers(name, value)))
        _core.ck_check(self._resolved(self._venues))

    @property
    def _venues(self) -> int:
        """Venues that the parameters name; one when all of them are scalars."""
        lengths = sorted({len(value) for value in (self.r, self.Q) if isinstance(value, tuple)})
        if len(lengths) > 1:
            raise ParameterError(
                f"r and Q must have one value per venue each, got {lengths[0]} and {lengths[1]} values"
            )
        return lengths[0] if lengths else 1

    def _resolved(self, venues: int) -> _Resolved:
        def per_venue(name: str, value: float | Sequence[float]) -> list[float]:
            if not isinstance(value, tuple):
                return [_number(name, value)] * venues
            if len(value) != venues:
                raise ParameterError(
                    f"{name} must have one value per venue, got {len(value)} for {venues} venues"
                )
            return list(value)

        scalars = ("h", "f", "theta", "lambda_under", "lambda_over", "S")
        h, f, theta, under, over, quantity = (_number(name, getattr(self, name)) for name in scalars)
        r, queue = per_venue("r", self.r), per_venue("Q", self.Q)
        return _Resolved(h, f, r, theta, under, over, quantity, queue)


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """What is sent at time 0, in shares: the market order `M` and the limit orders `L_1 .. L_K`."""

    market: float
    limits: tuple[float, ...]

    @property
    def total(self) -> float:
        """Shares submitted; may exceed `S`."""
        return self.market + sum(self.limits)

    def in_lots(self, lot: float) -> tuple[float, ...]:
        """`(M, L_1 .. L_K)` in lots of this many shares."""
        return tuple(x / lot for x in (self.market, *self.limits))


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The objective at one allocation, averaged over the scenarios.

    Money is in currency for the whole order; the five parts `market + limit + impact + under + over` sum to
    `mean`.

    Attributes:
        mean: `V`.
        market: `(h + f) M`.
        limit: `-sum (h + r_k) E fill_k`, a gain.
        impact: `theta (M + sum L_k + E (S - A)+)`.
        under: `lambda_under E (S - A)+`.
        over: `lambda_over E (A - S)+`.
        fills: `E fill_k`, shares.
        shortfall: `E (S - A)+`, shares.
        excess: `E (A - S)+`, shares.
        probability_under: `P(A < S)`.
        probability_over: `P(A > S)`.
        derivatives: `(left, right)` derivative of `V` in `M`, then in each `L_k`, currency per share.
        cents_per_share: `W = 100 V / S`.

    """

    mean: float
    market: float
    limit: float
    impact: float
    under: float
    over: float
    fills: tuple[float, ...]
    shortfall: float
    excess: float
    probability_under: float
    probability_over: float
    derivatives: tuple[tuple[float, float], ...]
    cents_per_share: float


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """First-order conditions (MODEL C6): necessary across kinks; without convexity not sufficient.

    Attributes:
        beta: The level of MODEL C5.
        probability_under: `P(A < S)`.
        probability_at_most: `P(A <= S)`.
        quantile_residual: By how much `P(A < S) <= beta <= P(A <= S)` fails.
        slopes: Change of `V` per share for `(less, more)` of `M`, then of each `L_k`: by one lot, or by a
            vanishing amount without a lot; infinite where the move is infeasible.
        slope_residual: The steepest descent among them; 0 where no single move improves.

    """

    beta: float
    probability_under: float
    probability_at_most: float
    quantile_residual: float
    slopes: tuple[tuple[float, float], ...]
    slope_residual: float


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A lower bound on `V` over all allocations, from the convex relaxation (MODEL C6).

    Attributes:
        value: The bound, currency.
        relaxed: The least relaxed cost found, at most a small tolerance above.
        allocation: Where it was found.
        cuts: Cutting planes used.

    """

    value: float
    relaxed: float
    allocation: Allocation
    cuts: int


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What `solve` found.

    Attributes:
        allocation: The orders.
        cost: Their cost.
        conditions: The optimality test there.
        starts: `V` reached from each distinct start, currency; their spread tells how far the descent depends
            on it.
        bound: The lower bound, or None when it was not asked for.
        gap: `V - bound`, currency: no allocation is cheaper by more. It holds the relaxation's own gap, which
            is what forced overfills cost, so that 0 is not to be expected.

    """

    allocation: Allocation
    cost: Cost
    conditions: Conditions
    starts: tuple[float, ...]
    bound: Bound | None
    gap: float | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Penalties that meet tolerances, and the optimum under them."""

    parameters: Parameters
    solution: Solution


def cost(allocation: Allocation | Sequence[float], scenarios: Scenarios, parameters: Parameters) -> Cost:
    """Evaluate `V`, its parts and one-sided derivatives (MODEL C1).

    Args:
        allocation: An `Allocation`, or `(M, L_1 .. L_K)` in shares.
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices, penalties and sizes.

    Raises:
        ParameterError: Names the argument and what would be right.

    """
    table, resolved = _prepare(scenarios, parameters)
    return _cost(table, resolved, _orders(allocation))


def conditions(
    allocation: Allocation | Sequence[float],
    scenarios: Scenarios,
    parameters: Parameters,
    *,
    lot: float | None = None,
) -> Conditions:
    """Test an allocation for optimality (MODEL C6), with moves of one `lot`; None: vanishing moves."""
    table, resolved = _prepare(scenarios, parameters)
    return _conditions(table, resolved, _orders(allocation), _lot(lot))


def closed_form(law: Callable[[float], float] | _FrozenLaw | ArrayLike, parameters: Parameters) -> Allocation:
    """Solve the problem of one venue (MODEL C4; Proposition 3 of the paper).

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
    resolved = parameters._resolved(parameters._venues)
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
    """Find the best market order for given limit orders (MODEL C5), in shares.

    `clip(S - q, 0, S)` where `q` is the quantile of the filled shares at
    `beta = (h + f + lambda_over + theta) / (lambda_under + lambda_over + theta)`.
    """
    table, resolved = _prepare(scenarios, parameters)
    return _core.ck_market_order(resolved, table, _numbers("limits", limits))


def solve(
    scenarios: Scenarios,
    parameters: Parameters,
    *,
    lot: float | None = None,
    solver: Literal["exact", "paper"] = "exact",
    bound: bool = True,
) -> Solution:
    """Minimise `V` over `(M, L_1 .. L_K)` on the scenarios (MODEL C6, C7).

    The objective is piecewise linear and not convex for several venues. `solver="exact"` descends by exact
    line searches over exchanges of shares between any two orders, from several starts; problems on a small
    lattice are enumerated. The result is a point that no exchange improves; `gap` bounds what any other
    allocation could save.

    Args:
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices, penalties and sizes.
        lot: Limit orders are multiples of this many shares, and so is `S - M`. None: any number of shares.
        solver: `"paper"` is the paper's own averaged stochastic subgradient, one step per scenario, kept as a
            reference: it is biased (MODEL C8) and knows no lots.
        bound: Whether to compute the lower bound as well (a few times the work of the solution).

    Raises:
        ParameterError: Names the argument and what would be right.

    """
    table, resolved = _prepare(scenarios, parameters)
    lot = _lot(lot)
    if solver == "exact":
        market, limits, starts = _core.ck_solve(resolved, table, lot)
    elif solver == "paper":
        if lot is not None:
            raise ParameterError(f'lot must be None with solver="paper", got {lot}')
        market, limits = _core.ck_paper(resolved, table)
        starts = []
    else:
        raise ParameterError(f'solver must be "exact" or "paper", got {solver!r}')
    orders = (market, limits)
    here = _cost(table, resolved, orders)
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
    """Bound `V` from below by the convex relaxation, in which fills may be refused (MODEL C6)."""
    table, resolved = _prepare(scenarios, parameters)
    return _bound(table, resolved, (resolved.quantity, [0.0] * len(resolved.r)))


def calibrate(
    scenarios: Scenarios,
    parameters: Parameters,
    *,
    under: float,
    over: float | None = None,
    lot: float | None = None,
    tolerance: float = 1e-3,
) -> Calibration:
    """Turn tolerances for the expected shortfall and excess, in shares, into the two penalties.

    The penalties are the multipliers of `min E[cost without them]` subject to `E (S - A)+ <= under` and
    `E (A - S)+ <= over`. For any penalties a minimiser of the penalised cost solves the constrained problem
    at the shortfall and excess it attains (Everett 1963, which needs no convexity), and its shortfall falls
    as `lambda_under` grows. So the least penalty that meets each tolerance is found by bisection, one after
    the other until both hold. See `docs/cont_kukanov.md`.

    Args:
        scenarios: Outflows `xi`, shape `(n, K)`, shares.
        parameters: Prices and sizes; its `lambda_under` is not read, its `lambda_over` only when `over` is
            None.
        under: Largest acceptable `E (S - A)+`, shares, positive.
        over: Largest acceptable `E (A - S)+`, shares, positive; None leaves `lambda_over` as it is.
        lot: As in `solve`.
        tolerance: Relative width at which a bisection stops; the end that meets the tolerance is returned.

    Raises:
        ParameterError: A tolerance that is not positive, or that no penalties up to a million times the
            spread meet.

    """
    for name, shares in (("under", under), ("over", over)):
        if shares is not None and not (np.isfinite(shares) and shares > 0):
            raise ParameterError(f"{name} must be a positive number of shares, got {shares}")
    table, resolved = _prepare(scenarios, parameters)
    lot = _lot(lot)
    take, make = resolved.h + resolved.f, resolved.h + max(resolved.r)
    unit = abs(take) + make
    least = {"lambda_under": take + 1e-6 * unit, "lambda_over": max(make, -take) + 1e-6 * unit}
    penalties = {**least} if over is not None else {**least, "lambda_over": resolved.lambda_over}

    def attained() -> Cost:
        trial = resolved._replace(
            lambda_under=penalties["lambda_under"], lambda_over=penalties["lambda_over"]
        )
        market, limits, _ = _core.ck_solve(trial, table, lot)
        return _cost(table, trial, (market, limits))

    def raise_until(name: str, holds: Callable[[Cost], bool]) -> None:
        """Raise one penalty to the least value, from the present one on, that meets its tolerance."""
        if holds(attained()):
            return
        low, step = penalties[name], 0.1 * unit
        while True:
            penalties[name] = low + step
            if holds(attained()):
                break
            if penalties[name] > 1e6 * unit:
                raise ParameterError(
                    f"{name.removeprefix('lambda_')} cannot be met: {name} reached {penalties[name]:g}"
                )
            low, step = penalties[name], 2 * step
        high = penalties[name]
        while high - low > tolerance * high:
            penalties[name] = 0.5 * (low + high)
            low, high = (low, penalties[name]) if holds(attained()) else (penalties[name], high)
        penalties[name] = high

    for _ in range(50):
        raise_until("lambda_under", lambda cost: cost.shortfall <= under)
        if over is None:
            break
        raise_until("lambda_over", lambda cost: cost.excess <= over)
        if attained().shortfall <= under:
            break
    else:
        raise ParameterError(f"under = {under} and over = {over} cannot be met together within 50 rounds")
    calibrated = replace(
        parameters, lambda_under=penalties["lambda_under"], lambda_over=penalties["lambda_over"]
    )
    return Calibration(parameters=calibrated, solution=solve(table, calibrated, lot=lot))


def _prepare(scenarios: Scenarios, parameters: Parameters) -> tuple[Table, _Resolved]:
    table = as_table(scenarios)
    return table, parameters._resolved(table.shape[1])


def _orders(allocation: Allocation | Sequence[float]) -> tuple[float, list[float]]:
    if isinstance(allocation, Allocation):
        return allocation.market, list(allocation.limits)
    market, *limits = _numbers("allocation", allocation) or [float("nan")]
    return market, limits


def _cost(table: Table, resolved: _Resolved, orders: tuple[float, list[float]]) -> Cost:
    raw = _core.ck_cost(resolved, table, orders)
    fields = {**raw, "fills": tuple(raw["fills"]), "derivatives": tuple(raw["derivatives"])}
    return Cost(**fields, cents_per_share=100 * raw["mean"] / resolved.quantity)  # type: ignore[arg-type]  # a TypedDict's values


def _conditions(
    table: Table, resolved: _Resolved, orders: tuple[float, list[float]], lot: float | None
) -> Conditions:
    raw = _core.ck_conditions(resolved, table, orders, lot)
    return Conditions(**{**raw, "slopes": tuple(raw["slopes"])})  # type: ignore[arg-type]  # a TypedDict's values


def _bound(table: Table, resolved: _Resolved, start: tuple[float, list[float]]) -> Bound:
    raw = _core.ck_bound(resolved, table, start)
    allocation = Allocation(market=raw["market"], limits=tuple(raw["limits"]))
    return Bound(value=raw["value"], relaxed=raw["relaxed"], allocation=allocation, cuts=raw["cuts"])


def _quantile(law: Callable[[float], float] | _FrozenLaw | ArrayLike, level: float) -> float:
    if hasattr(law, "ppf"):
        return _number("law", law.ppf(level))
    if callable(law):
        return _number("law", law(level))
    sample = np.sort(np.asarray(law, dtype=np.float64).ravel())
    if not sample.size or not np.isfinite(sample).all():
        raise ParameterError("law must be a quantile function or a non-empty sample of finite outflows")
    return float(np.quantile(sample, level, method="inverted_cdf"))


def _number(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # any object: what is not a number raises
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a number, got {value!r}") from None


def _numbers(name: str, values: Sequence[float]) -> list[float]:
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a sequence of numbers, got {values!r}") from None


def _lot(lot: float | None) -> float | None:
    if lot is None:
        return None
    if not (np.isfinite(lot) and lot > 0):
        raise ParameterError(f"lot must be a positive number of shares, got {lot}")
    return float(lot)
