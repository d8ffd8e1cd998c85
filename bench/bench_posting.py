"""The recorded day under the paper's router and everything beside it: `make bench-posting`.

An order every 10 minutes with a 5-minute horizon, buys and sells, on quotes and trades. One table a side: the
paper's router under the three models of its queues, the static router, the baselines. Every cost is computed again
from the rows of the fills, exactly, before it is printed.
"""

from __future__ import annotations

import sys
import time

import polars as pl
import recorded
import sor

DATA = recorded.DATA
SHOWN = ("shortfall", "spread", "slippage", "schedule", "timing", "opportunity", "fees", "rebates")


def from_rows(result: sor.Backtest) -> pl.DataFrame:
    """Compute every parent's shortfall and its parts from the fills alone, nanos, `timing` with the schedule's part."""
    parents, fills = result.ledger.parents, result.ledger.fills
    sign = pl.when(pl.col("side") == "buy").then(1).otherwise(-1)
    signed = sign * pl.when(pl.col("kind") == "unwind").then(-1).otherwise(1) * pl.col("quantity")
    drift = signed * (pl.col("mid") - pl.col("arrival_mid"))
    late = pl.col("kind") == "completion"
    rows = fills.join(parents.select("policy", "parent", "side", "arrival_mid"), on=["policy", "parent"])
    return (
        rows.select(
            "policy",
            "parent",
            (signed * (pl.col("quoted") - pl.col("mid"))).alias("spread"),
            (signed * (pl.col("price") - pl.col("quoted"))).alias("slippage"),
            pl.when(late).then(0).otherwise(drift).alias("timing"),
            pl.when(late).then(drift).otherwise(0).alias("opportunity"),
            pl.col("fee").alias("fees"),
            pl.col("rebate").alias("rebates"),
            pl.when(pl.col("kind") == "post").then("quantity").otherwise(0).alias("posted"),
        )
        .group_by("policy", "parent")
        .sum()
        .with_columns(
            shortfall=pl.sum_horizontal("spread", "slippage", "timing", "opportunity", "fees")
            - pl.col("rebates")
        )
        .sort("policy", "parent")
    )


def main() -> int:
    """Print the tables; 1 where a figure does not follow from the rows."""
    if not DATA.exists():
        print("skipped: the recorded day is not there")
        return 0
    quotes = sor.read_quotes(DATA / "taq_20180102_quotes.parquet")
    trades = sor.read_trades(DATA / "taq_20180102_trades.parquet", quotes=quotes)
    for side in ("buy", "sell"):
        orders = sor.orders_every("10m", side=side, quantity=5_000, horizon="5m")
        begun = time.perf_counter()
        result = sor.backtest(quotes, orders, sor.ContKukanovRouter(), trades=trades)
        seconds = time.perf_counter() - begun
        rows = from_rows(result)
        # What a release does to the drift is not in the fills: the two parts are compared as one (rule W3).
        drift = pl.col("schedule") + pl.col("timing")
        sums = result.ledger.parents.with_columns(timing=drift).sort("policy", "parent").select(rows.columns)
        if not rows.equals(sums):
            print(f"{side}: the sums do not follow from the rows", file=sys.stderr)
            return 1
        orders_count = result.orders.height
        print(
            f"\n{orders_count} {side}s of 5,000 shares, {seconds:.2f} s for all; bps of quantity x arrival mid"
        )
        header = " ".join(f"{name:>11}" for name in (*SHOWN, "posted", "filled", "fills", "seconds"))
        print(f"{'':21}{header}")
        for row in result.summary.iter_rows(named=True):
            costs = " ".join(f"{row[f'{name}_bps']:11.3f}" for name in SHOWN)
            ratios = f"{row['posted_ratio']:11.1%} {row['fill_ratio']:11.1%}"
            print(f"{row['policy']:21}{costs} {ratios} {row['fills']:11,} {row['seconds']:11.1f}")
        posts = result.posts
        filled = posts.filter(pl.col("filled") > 0)
        wait = filled["seconds_to_first_fill"]
        print(
            f"{posts.height} limit orders, {filled.height} filled in part or whole, "
            f"first fill after {wait.median():.1f} s (median), {wait.mean():.1f} s (mean)"
        )
        for later, shares, edge, adverse in result.markouts.select(
            "seconds", "shares", "edge", "adverse"
        ).iter_rows():
            print(
                f"  {later:3} s after a passive fill ({shares:,} shares): edge {edge:+.4f}, adverse {adverse:+.4f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
