"""The static allocator, by enumeration (the model's section 3, and F4 of section 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Offer = tuple[int, int, int, int]  # price, available, taker fee, maker rebate
Split = tuple[int, ...]


@dataclass(frozen=True)
class Allocation:
    """A split and its cost (rule A1), all in nanos; ``cost == cash + fees - rebates + under + over``."""

    split: Split
    cost: int
    cash: int  # sum t_i * s * (p_i - b)
    fees: int  # sum t_i * f_i
    rebates: int  # sum (x_i - t_i) * r_i
    under: int  # (lambda_under + theta) * max(S - A, 0)
    over: int  # (lambda_over + theta) * max(A - S, 0)


@dataclass(frozen=True)
class Curve:
    """What a venue gives for 0, 1, 2, ... lots (rule F4).

    ``points[k] = (notional, executed, rest)`` for ``x = k`` lots: executed shares times their price in nanos,
    executed shares ``t``, and the rest ``x - t`` that A1 credits with the maker rebate. The list ends at the
    last whole lot that is available.
    """

    fee: int
    rebate: int
    points: Sequence[tuple[int, int, int]]


def penalty_nanos(value: float, unit: str, benchmark: int) -> int:
    """Rule N3: a penalty as nanos per share. Python's ``round`` is half-even."""
    if unit == "fraction":
        return round(value * benchmark)
    if unit == "price":
        return round(value * 1e9)
    raise ValueError(f"unit must be 'fraction' or 'price', got {unit!r}")


def effective_lot(S: int, lot: int, rule: str) -> int:
    """Rule A2: relaxed trades the tail of an order (S < L) in single shares; strict never does."""
    return 1 if rule == "relaxed" and S < lot else lot  # noqa: SIM300 (S is a variable, as in the model)


def candidates(limits: Sequence[int], lot: int, most: int) -> Iterator[Split]:
    """Rule A2: every x with x_i in {0, L, 2L, ...}, x_i <= limits_i and sum x <= most, ascending."""
    if not limits:
        yield ()
        return
    for x in range(0, min(limits[0], most) + 1, lot):
        for rest in candidates(limits[1:], lot, most - x):
            yield (x, *rest)


def allocate(
    S: int,
    offers: Sequence[Offer],
    *,
    side: str,
    lot: int,
    benchmark: int,
    lambda_over: int,
    lambda_under: int,
    theta: int,
    rule: str,
) -> Allocation | None:
    """Rules A1-A3: the least-cost split; None when strict admits none. Strict has b = 0, not ``benchmark``."""
    s = {"buy": 1, "sell": -1}[side]
    b = {"relaxed": benchmark, "strict": 0}[rule]
    best = None
    for x in candidates([a for _, a, _, _ in offers], effective_lot(S, lot, rule), S):
        if rule == "strict" and sum(x) != S:
            continue
        cash = fees = rebates = A = 0
        for x_i, (p_i, a_i, f_i, r_i) in zip(x, offers, strict=True):
            t_i = min(x_i, a_i)
            cash += t_i * s * (p_i - b)
            fees += t_i * f_i
            rebates += (x_i - t_i) * r_i
            A += t_i
        under = (lambda_under + theta) * max(S - A, 0)
        over = (lambda_over + theta) * max(A - S, 0)
        cost = cash + fees - rebates + under + over
        if best is None or cost < best.cost:  # rule A3: strict, so that the first of equals stays
            best = Allocation(x, cost, cash, fees, rebates, under, over)
    return best


def allocate_fills(
    S: int,
    curves: Sequence[Curve],
    *,
    side: str,
    lot: int,
    benchmark: int,
    lambda_over: int,
    lambda_under: int,
    theta: int,
    rule: str,
    overbook: float = 1.0,
) -> Allocation | None:
    """Rule F4: A1 with the executed shares and prices of a fill model, by enumeration.

    ``points[k]`` of a curve stands for ``k * effective_lot(S, lot, rule)`` shares. Relaxed allows
    ``sum x <= floor(overbook * S)``, the product taken in floating point; strict asks for ``sum x == S``.
    """
    L = effective_lot(S, lot, rule)
    limits = [(len(curve.points) - 1) * L for curve in curves]
    best = None
    for x in candidates(limits, L, _most(S, rule, overbook)):
        if rule == "strict" and sum(x) != S:
            continue
        cost = _price(S, x, curves, L, side, benchmark, lambda_over, lambda_under, theta, rule)
        if best is None or cost.cost < best.cost:
            best = cost
    return best


def allocate_table(
    S: int,
    curves: Sequence[Curve],
    *,
    side: str,
    lot: int,
    benchmark: int,
    lambda_over: int,
    lambda_under: int,
    theta: int,
    rule: str,
    overbook: float = 1.0,
) -> Allocation | None:
    """The answer of ``allocate_fills`` where there are too many candidates to enumerate in Python.

    Venue by venue, the least (cost, x) is kept for every (sum x, sum t): what follows depends on nothing
    else, and of two prefixes of equal cost the smaller makes the smaller x. Tests hold it to the enumeration.
    """
    L = effective_lot(S, lot, rule)
    most = _most(S, rule, overbook)
    s = {"buy": 1, "sell": -1}[side]
    b = {"relaxed": benchmark, "strict": 0}[rule]
    table: dict[tuple[int, int], tuple[int, Split]] = {(0, 0): (0, ())}
    for curve in curves:
        longer: dict[tuple[int, int], tuple[int, Split]] = {}
        for (sent, filled), (cost, x) in table.items():
            for k, (notional, executed, rest) in enumerate(curve.points):
                if sent + k * L > most:
                    break
                key = (sent + k * L, filled + executed)
                part = s * (notional - executed * b) + executed * curve.fee - rest * curve.rebate
                entry = (cost + part, (*x, k * L))
                if key not in longer or entry < longer[key]:
                    longer[key] = entry
        table = longer
    ends = []
    for (sent, filled), (cost, x) in table.items():
        if rule == "strict" and sent != S:
            continue
        under, over = max(S - filled, 0), max(filled - S, 0)
        ends.append((cost + lambda_under * under + lambda_over * over + theta * (under + over), x))
    if not ends:
        return None
    _, x = min(ends)
    return _price(S, x, curves, L, side, benchmark, lambda_over, lambda_under, theta, rule)


def offers_as_curves(S: int, offers: Sequence[Offer], lot: int, rule: str) -> list[Curve]:
    """F1 as curves: all that is asked for, up to what is available, at the quoted price."""
    L = effective_lot(S, lot, rule)
    return [Curve(f, r, [(k * L * p, k * L, 0) for k in range(min(a, S) // L + 1)]) for p, a, f, r in offers]


def _most(S: int, rule: str, overbook: float) -> int:
    return S if rule == "strict" else math.floor(overbook * S)


def _price(
    S: int,
    x: Split,
    curves: Sequence[Curve],
    L: int,
    side: str,
    benchmark: int,
    lambda_over: int,
    lambda_under: int,
    theta: int,
    rule: str,
) -> Allocation:
    """A1 for one candidate, t_i and prices from the curves."""
    s = {"buy": 1, "sell": -1}[side]
    b = {"relaxed": benchmark, "strict": 0}[rule]
    cash = fees = rebates = A = 0
    for x_i, curve in zip(x, curves, strict=True):
        notional, t_i, rest = curve.points[x_i // L]
        cash += s * (notional - t_i * b)
        fees += t_i * curve.fee
        rebates += rest * curve.rebate
        A += t_i
    under = (lambda_under + theta) * max(S - A, 0)
    over = (lambda_over + theta) * max(A - S, 0)
    return Allocation(x, cash + fees - rebates + under + over, cash, fees, rebates, under, over)
