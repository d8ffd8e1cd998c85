"""The exact curve allocator beside HiGHS (MILP) on the same problems: same optimum, time per solve.

    cargo run --release --example curves_dump -- out/curves.jsonl
    uv run --with highspy bench/bench_curves_highs.py out/curves.jsonl     (or: pip install highspy)

Binary ``y[i][k]`` chooses k lots at venue i; ``short``/``long`` are the shares below and above the target.
HiGHS computes in floats: its split is priced again in integers, and may cost more than ours only by rounding.
"""

import json
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import highspy

# Dollars in the floats of the MILP: nanos are beyond a float solver's tolerances.
NANOS = 1e9


def price(case: dict, lots: list[int]) -> int:
    """The objective in exact nanos."""
    cash = sum(cost[k] for cost, k in zip(case["cost"], lots, strict=True))
    short = case["remaining"] - sum(t[k] for t, k in zip(case["shares"], lots, strict=True))
    return cash + (case["under"] * short if short > 0 else -case["over"] * short)


def solve(case: dict) -> tuple[list[int], float]:
    """The split by HiGHS, and its seconds without building the model."""
    h = highspy.Highs()
    h.silent()
    h.setOptionValue("threads", 1)
    h.setOptionValue("mip_rel_gap", 0.0)
    h.setOptionValue("mip_abs_gap", 0.0)
    y = [[h.addBinary(obj=c / NANOS) for c in cost] for cost in case["cost"]]
    short = h.addVariable(lb=0, obj=case["under"] / NANOS)
    long = h.addVariable(lb=0, obj=case["over"] / NANOS)
    for choices in y:
        h.addConstr(sum(choices) == 1)
    h.addConstr(sum(k * v for choices in y for k, v in enumerate(choices)) <= case["max_lots"])
    venues = zip(case["shares"], y, strict=True)
    executed = sum(t * v for shares, choices in venues for t, v in zip(shares, choices, strict=True))
    h.addConstr(executed + short - long == case["remaining"])
    start = time.perf_counter()
    h.run()
    seconds = time.perf_counter() - start
    assert h.getModelStatus() == highspy.HighsModelStatus.kOptimal, h.getModelStatus()
    x = h.getSolution().col_value
    return [max(range(len(vs)), key=lambda k: x[vs[k].index]) for vs in y], seconds


def main() -> None:
    """Print one row per size and overbook."""
    rows = defaultdict(list)
    for line in Path(sys.argv[1]).read_text().splitlines():
        case = json.loads(line)
        assert not case["debug"], "measure a release build: cargo run --release"
        assert price(case, case["lots"]) == case["value"]
        lots, seconds = solve(case)
        assert sum(lots) <= case["max_lots"], "HiGHS sent too much"
        # Ours is never above; HiGHS's is by no more than its tolerance (1e-6, or a thousandth of a dollar).
        excess = price(case, lots) - case["value"]
        assert 0 <= excess <= max(1e-6 * abs(case["value"]), 1e6), (case["fills"], excess)
        rows[case["venues"], case["overbook"]].append((case["micros"], seconds * 1e6, excess))
    print("venues overbook problems  exact us   HiGHS us   ratio  same cost")
    for (venues, overbook), found in sorted(rows.items()):
        ours, theirs = (statistics.mean(f[j] for f in found) for j in (0, 1))
        same = sum(f[2] == 0 for f in found)
        print(
            f"{venues:>6} {overbook:>8} {len(found):>8} {ours:>9.1f} {theirs:>10.0f} "
            f"{theirs / ours:>6.0f}x  {same}/{len(found)}"
        )


if __name__ == "__main__":
    main()
