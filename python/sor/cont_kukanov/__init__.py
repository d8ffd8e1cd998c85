"""Cont & Kukanov's order placement problem: market and limit orders over several venues.

The model is that of "Optimal order placement in limit order markets" (arXiv:1210.1625v4; Quantitative Finance
17(1), 2017), rules C1-C8. Buy `S` shares by time `T`: send a market order of `M` shares, rest `L_k` shares at
venue `k` behind a queue of `Q_k`, and let `xi_k` shares flow out of the front of that queue:

    fill_k = min((xi_k - Q_k)+, L_k),    A = M + sum_k fill_k,
    V(M, L) = E[(h + f) M - sum_k (h + r_k) fill_k + theta (M + sum_k L_k + (S - A)+)
                + lambda_under (S - A)+ + lambda_over (A - S)+].

Prices are in currency per share against the mid, sizes in shares. The outflows are a table of *scenarios*:
one row each, one column per venue, float or integer; or the frame of
`sor.probe_outflows`, with `Q = 0`. See `docs/cont_kukanov.md` for the mathematics and the paper's errata.
"""

from sor.cont_kukanov.calibration import calibrate
from sor.cont_kukanov.outflows import empirical, exponential, gamma, pareto, poisson_common_factor
from sor.cont_kukanov.problem import Allocation, Bound, Calibration, Conditions, Cost, Parameters, Solution
from sor.cont_kukanov.solving import closed_form, conditions, cost, lower_bound, market_order, solve

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
