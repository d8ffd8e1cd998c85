"""What the baselines send, given what they see (rule P3)."""

from __future__ import annotations


def plan_best(
    S: int, s: int, seen: dict[int, tuple[int, int]], available: dict[int, int]
) -> list[tuple[int, int]]:
    """P3 best_ask: the one venue at the best displayed price; ties: more available, then the lower id."""
    if not seen:
        return []
    venue = min(seen, key=lambda v: (s * seen[v][0], -available[v], v))
    return [(venue, min(S, available[venue]))]


def plan_sweep(S: int, all_in: dict[int, int], available: dict[int, int]) -> list[tuple[int, int]]:
    """P3 sweep: all venues, cheapest all-in first; ties: the lower id."""
    plan = []
    for venue in sorted(available, key=lambda v: (all_in[v], v)):
        x = max(0, min(S, available[venue]))
        plan.append((venue, x))
        S -= x
    return plan


def plan_vwap(S: int, available: dict[int, int]) -> list[tuple[int, int]]:
    """P3 vwap: in proportion to available size, by largest remainder; ties: the lower id."""
    total = sum(available.values())
    if total <= S:
        return list(available.items())
    share = {venue: S * a // total for venue, a in available.items()}
    by_remainder = sorted(available, key=lambda v: (-(S * available[v] % total), v))
    for venue in by_remainder[: S - sum(share.values())]:
        share[venue] += 1
    return list(share.items())
