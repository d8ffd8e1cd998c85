"""Penalties from tolerances: the paper's calibration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sor import _core
from sor.cont_kukanov.problem import Calibration, Cost, Parameters, as_lot
from sor.cont_kukanov.solving import cost_of, prepare, solve
from sor.errors import ParameterError
from sor.settings.checks import above_zero

if TYPE_CHECKING:
    from collections.abc import Callable

    from sor.cont_kukanov.outflows import Scenarios


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
        if name == "under" or shares is not None:
            above_zero(name, shares, " of shares")
    above_zero("tolerance", tolerance)
    table, resolved = prepare(scenarios, parameters)
    lot = as_lot(lot)
    take, make = resolved.h + resolved.f, resolved.h + max(resolved.r)
    unit = abs(take) + make
    least = {"lambda_under": take + 1e-6 * unit, "lambda_over": max(make, -take) + 1e-6 * unit}
    penalties = {**least} if over is not None else {**least, "lambda_over": resolved.lambda_over}

    def attained() -> Cost:
        trial = resolved._replace(
            lambda_under=penalties["lambda_under"], lambda_over=penalties["lambda_over"]
        )
        market, limits, _ = _core.ck_solve(trial, table, lot)
        return cost_of(table, trial, (market, limits))

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
