"""The paper's Table 1 recomputed, and the solver's speed beside HiGHS on the convex relaxation.

    python -m bench.bench_paper [--draws 400000] [--highs-limit 120]

HiGHS (`highspy`) is needed for the second part only and is no dependency of the package. Every speed row first
checks that HiGHS's optimum and our lower bound agree. For the core alone: `cargo bench --bench cont_kukanov`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from paper_table import BASELINE, TABLE_1
from sor import cont_kukanov as ck

if TYPE_CHECKING:
    from collections.abc import Callable


def table(draws: int) -> None:
    print(f"Table 1 with {draws:,} draws; cents per share, orders in % of S. 'paper' columns are as printed.")
    print(
        "    S K |   W_M  paper |   W_L  paper |   W_E  paper |   W_X  paper | solve:    W   exact     M  exact"
        "     L  exact     gap    s | C7:  M  paper    L  paper      W  paper"
    )
    for size, venues, paper, exact in TABLE_1:
        xi = ck.poisson_common_factor(draws, venues, mean=2200, weight=0.6, seed=1)
        p = replace(BASELINE, S=size)
        market, total, *printed = paper
        limit = (total - market) / venues

        def cents(orders: list[float], xi: np.ndarray = xi, p: ck.Parameters = p) -> float:
            return ck.cost(orders, xi, p).cents_per_share

        figures = [
            cents([size] + [0] * venues),
            cents([0, size] + [0] * (venues - 1)),
            cents([size / (venues + 1)] * (venues + 1)),
            cents([market / 100 * size] + [limit / 100 * size] * venues),
        ]
        seconds, found = timed(lambda xi=xi, p=p: ck.solve(xi, p, bound=False), 1)
        gap = found.cost.cents_per_share - 100 * ck.lower_bound(xi, p).value / size
        theirs = ck.solve(xi[:1000], p, solver="paper", bound=False).allocation
        value = cents([theirs.market, *theirs.limits])
        columns = " | ".join(f"{w:6.3f} {q:6.2f}" for w, q in zip(figures, printed, strict=True))
        print(
            f"{size:5} {venues} | {columns} | {found.cost.cents_per_share:12.4f} {exact[2]:7.3f} "
            f"{100 * found.allocation.market / size:5.2f} {exact[0]:6.1f} "
            f"{100 * np.mean(found.allocation.limits) / size:5.2f} {exact[1]:6.2f} {gap:7.4f} {seconds:4.1f} | "
            f"{100 * theirs.market / size:5.2f} {market:6.1f} {100 * np.mean(theirs.limits) / size:5.2f} "
            f"{limit:6.2f} {value:6.3f} {printed[3]:6.2f}"
        )


def speed(limit: float) -> None:
    print("\nOne core, 100-share lots; best of several runs, through Python.")
    for venues, rows, size, repeats in [
        (5, 1_000, 1_000, 200),
        (5, 1_000, 5_000, 200),
        (16, 10_000, 5_000, 10),
    ]:
        xi = ck.poisson_common_factor(rows, venues, mean=2200, weight=0.6, seed=2)
        p = replace(BASELINE, S=size)
        ours, found = timed(lambda xi=xi, p=p: ck.solve(xi, p, lot=100, bound=False), repeats)
        bounding, bound = timed(lambda xi=xi, p=p: ck.lower_bound(xi, p), max(1, repeats // 20))
        theirs, value = highs(xi, p, limit)
        line = (
            f"K={venues:2} N={rows:6,} S={size:5,}: solve {1e3 * ours:8.2f} ms (W = {found.cost.cents_per_share:.4f}), "
            f"lower bound {1e3 * bounding:8.1f} ms ({100 * bound.value / size:.4f}), "
        )
        if value is None:
            print(f"{line}HiGHS not done in {limit:.0f} s")
            continue
        if abs(value - bound.value) > 1e-4 * size:
            raise SystemExit(f"{line}HiGHS says {100 * value / size:.6f}: the bounds differ")
        print(f"{line}HiGHS {1e3 * theirs:10.1f} ms, the same bound")


def spread(seeds: int = 60) -> None:
    """How long the largest samples take, over many of them: descents agree on most and not on some."""
    print(f"\nK=16 N=10,000, 100-share lots, {seeds} samples each: CPU ms of one solve, through Python.")
    for size in (1_000, 5_000, 20_000):
        p = replace(BASELINE, S=size)
        taken = []
        for seed in range(seeds):
            xi = ck.poisson_common_factor(10_000, 16, mean=2200, weight=0.6, seed=seed)
            begin = time.process_time()
            ck.solve(xi, p, lot=100, bound=False)
            taken.append(1e3 * (time.process_time() - begin))
        taken.sort()
        print(
            f"S={size:6,}: median {taken[seeds // 2]:.1f}, 90% {taken[seeds * 9 // 10]:.1f}, worst {taken[-1]:.1f}"
        )


def highs(xi: np.ndarray, p: ck.Parameters, limit: float) -> tuple[float, float | None]:
    """Seconds and optimum of the relaxation as one linear program: M, L_k, then per row the fills and the shortfall."""
    import highspy
    from scipy import sparse

    rows, venues = xi.shape
    gain, size = p.h + float(p.r), p.S  # type: ignore[arg-type]  # one rebate in this benchmark
    capacity = np.maximum(xi - p.Q, 0)
    block = rows * (venues + 1)
    costs = np.concatenate(
        [
            [p.h + p.f + p.theta],
            np.full(venues, p.theta),
            np.tile([*[-gain] * venues, p.lambda_under + p.theta], rows) / rows,
        ]
    )
    fills = np.arange(block).reshape(rows, venues + 1)[:, :venues].ravel()
    ones = np.ones(rows * venues)
    select = sparse.csr_matrix((ones, (np.arange(rows * venues), fills)), shape=(rows * venues, block))
    tiles = sparse.csr_matrix(np.vstack([np.eye(venues)] * rows))
    within = sparse.hstack([sparse.csr_matrix((rows * venues, 1)), -tiles, select])
    whole = sparse.hstack(
        [
            sparse.csr_matrix(np.ones((rows, 1))),
            sparse.csr_matrix((rows, venues)),
            sparse.kron(sparse.eye(rows), np.ones((1, venues + 1))),
        ]
    )
    matrix = sparse.vstack([within, whole]).tocsr()
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = costs.size, matrix.shape[0]
    program.col_cost_, program.col_lower_ = costs, np.zeros(costs.size)
    top = np.hstack([capacity, np.full((rows, 1), size)]).ravel()
    program.col_upper_ = np.concatenate([np.full(venues + 1, size), top])
    program.row_lower_ = np.concatenate([np.full(rows * venues, -np.inf), np.full(rows, size)])
    program.row_upper_ = np.concatenate([np.zeros(rows * venues), np.full(rows, size)])
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
    program.a_matrix_.value_ = matrix.data
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("time_limit", float(limit))
    solver.passModel(program)
    seconds, _ = timed(solver.run, 1)
    done = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return seconds, solver.getInfo().objective_function_value if done else None


def timed(call: Callable[[], object], repeats: int) -> tuple[float, object]:
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return best, result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=400_000)
    parser.add_argument("--highs-limit", type=float, default=120.0, help="seconds")
    arguments = parser.parse_args()
    table(arguments.draws)
    speed(arguments.highs_limit)
    spread()
