"""The paper's problem as values: parameters, orders, and what is said of them (rules C1, C2, C6)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sor import _core
from sor.errors import ParameterError, shown
from sor.settings.checks import above_zero, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence


class Resolved(NamedTuple):
    """Parameters as the core takes them: one rebate and one queue per venue."""

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
    """Prices, penalties and sizes of the problem (rule C1).

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
            (rule C2): A1 `min r + h > 0`; A2 `lambda_over > h + max r` and `lambda_over > -(h + f)`;
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
                object.__setattr__(self, name, tuple(numbers(name, value)))
        _core.ck_check(resolve(self, venues_of(self)))


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """What is sent at time 0, in shares.

    Attributes:
        market: The market order `M`.
        limits: The limit orders `L_1 .. L_K`, one per venue.

    """

    market: float
    limits: tuple[float, ...]

    @property
    def total(self) -> float:
        """Shares submitted; may exceed `S`."""
        return self.market + sum(self.limits)

    def in_lots(self, lot: float) -> tuple[float, ...]:
        """Return `(M, L_1 .. L_K)` in lots of `lot` shares.

        Raises:
            ParameterError: If `lot` is no number above zero.

        """
        lot = above_zero("lot", lot, " of shares")
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
    """First-order conditions (rule C6): necessary across kinks; without convexity not sufficient.

    Attributes:
        beta: The level of rule C5.
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
    """A lower bound on `V` over all allocations, from the convex relaxation (rule C6).

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
            is what forced overfills cost, so it is rarely 0.

    """

    allocation: Allocation
    cost: Cost
    conditions: Conditions
    starts: tuple[float, ...]
    bound: Bound | None
    gap: float | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Penalties that meet tolerances, and the optimum under them.

    Attributes:
        parameters: The problem with these penalties.
        solution: Its optimum.

    """

    parameters: Parameters
    solution: Solution


def venues_of(parameters: Parameters) -> int:
    """Return how many venues the parameters name; one when all of them are scalars."""
    _checked(parameters)
    lengths = sorted({len(value) for value in (parameters.r, parameters.Q) if isinstance(value, tuple)})
    if len(lengths) > 1:
        raise ParameterError(
            f"r and Q must have one value per venue each, got {lengths[0]} and {lengths[1]} values"
        )
    return lengths[0] if lengths else 1


def resolve(parameters: Parameters, venues: int) -> Resolved:
    """Return parameters with one value per venue.

    Raises:
        ParameterError: If `r` or `Q` has another number of values, or something is not a number.

    """
    _checked(parameters)

    def per_venue(name: str, value: float | Sequence[float]) -> list[float]:
        if not isinstance(value, tuple):
            return [as_number(name, value)] * venues
        if len(value) != venues:
            raise ParameterError(
                f"{name} must have one value per venue, got {len(value)} for {venues} venues"
            )
        return list(value)

    scalars = ("h", "f", "theta", "lambda_under", "lambda_over", "S")
    h, f, theta, under, over, quantity = (as_number(name, getattr(parameters, name)) for name in scalars)
    r, queue = per_venue("r", parameters.r), per_venue("Q", parameters.Q)
    return Resolved(h, f, r, theta, under, over, quantity, queue)


def as_number(name: str, value: object) -> float:
    """Return any float, also an infinite one: the core says which assumption it breaks."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ParameterError(f"{name} must be a number, got {shown(value)}")
    return numbers(name, [value])[0]


def as_lot(lot: float | None) -> float | None:
    """Return a lot as a positive float; None stays None."""
    return None if lot is None else above_zero("lot", lot, " of shares")


def _checked(parameters: Parameters) -> None:
    if not isinstance(parameters, Parameters):
        raise ParameterError(f"parameters must be sor.cont_kukanov.Parameters, got {shown(parameters)}")
