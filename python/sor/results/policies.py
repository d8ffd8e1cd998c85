"""What every policy cost, as people read it: one table for a terminal, a notebook and the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import words
from sor.settings.routers import OWN, ROUTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.results.replayed import Replayed

# The router under another queue model stands, indented, below the router.
_INDENTED = re.compile(rf"^{ROUTER} \((\w+)\)$")

READ_AS = (
    "costs: bps of quantity x arrival mid, mean over orders; drift: of the mid; end: of what was completed; "
    "saved: by the router, positive where it is better"
)
"""How the table is read."""


def table(summary: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of `Backtest.summary` that a person looks at first, in words.

    Eighty columns hold one of the two: the price, or what posting earns.
    """
    rows = list(summary.iter_rows(named=True))
    posts = any((row["posted_ratio"] or 0) > 0 for row in rows)
    columns = {"policy": [_INDENTED.sub(r"  \1", str(row["policy"])) for row in rows]}
    if not posts:
        columns["price"] = [
            "-" if row["avg_fill_px"] is None else f"{row['avg_fill_px']:,.4f}" for row in rows
        ]
    for name in ("shortfall", "spread", "drift", "end"):
        columns[name] = [_bps(_cost(row, name)) for row in rows]
    if posts:
        columns["rebate"] = [_bps(row["rebates_bps"]) for row in rows]
        columns["posted"] = [percent(row["posted_ratio"]) for row in rows]
    else:
        columns["fees"] = [_bps(row["fees_bps"]) for row in rows]
    columns["filled"] = [percent(row["fill_ratio"]) for row in rows]
    columns["saved"] = [
        "-" if row["savings_bps"] is None or row["policy"] in OWN else f"{row['savings_bps']:+z,.3f}"
        for row in rows
    ]
    return pl.DataFrame(columns)


def times(summary: pl.DataFrame) -> str:
    """Say how long an order takes under every policy."""
    said = [f"{row['policy']} {words.brief(row['seconds'])}" for row in summary.iter_rows(named=True)]
    return f"mean time to complete: {', '.join(said)}"


def orders_line(result: Replayed) -> str:
    """Say what was traded: `26 orders on SYNTH: buy 5,000 shares, 2 minutes each`."""
    orders = result.orders
    sizes: Sequence[int] = orders["quantity"].unique().sort().to_list()
    size = words.count(sizes[0], "share") if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,} shares"
    side = "/".join(orders["side"].unique(maintain_order=True).to_list())
    lengths = (orders["end"] - orders["start"]).dt.total_milliseconds().unique().to_list()
    each = " each" if orders.height > 1 else ""
    length = f", {words.seconds(lengths[0] / 1000)}{each}" if len(lengths) == 1 else ""
    first = result.quotes[0]
    more = f" and {len(result.jobs) - 1} more" if len(result.jobs) > 1 else ""
    where = f"{first.symbol or Path(first.source).name}{more}"
    return f"{words.count(orders.height, 'order')} on {where}: {side} {size}{length}"


def posting(result: Replayed) -> list[str]:
    """Say what the limit orders did, and under which model of their queues; nothing where there are none."""
    posts, queue = result.posts, getattr(result.router, "queue", None)
    if queue is None:
        return []
    has_trades = result.quotes[0].trades is not None
    trades = "with trades" if has_trades else "without trades, which would narrow the bounds"
    lines = [f"router: {queue} queues, indented: the other models of them, {trades}"]
    blind = result.epochs.filter(pl.col("scenarios") == 0).height
    if blind:
        epochs = words.count(result.epochs.height, "epoch")
        lines.append(f"{blind:,} of {epochs} had no past window to learn from: all taken")
    filled = posts.filter(pl.col("filled") > 0)
    said = f"{words.count(posts.height, 'limit order')}, {filled.height:,} filled in part or whole"
    if filled.height:
        wait = filled.select(pl.col("seconds_to_first_fill").median()).item()
        said += f", the first share after {wait:.1f} s (median)"
    lines.append(said)
    if result.summary.filter(pl.col("fill_ratio") > 1).height:
        lines.append(
            "filled over 100%: shares beyond the order were traded back at its end, and are paid for"
        )
    edges = [
        f"{100 * edge:+.2f}c " + (f"{later} s later" if later else "at the fill")
        for later, edge in result.markouts.select("seconds", "edge").drop_nulls().iter_rows()
    ]
    return [*lines, f"a passive share against the mid: {', '.join(edges)}"] if edges else lines


def _cost(row: dict[str, Any], name: str) -> float | None:
    """Return a part of the cost; the drift is that of the schedule and of waiting after a release together."""
    match name:
        case "drift":
            return None if row["timing_bps"] is None else row["schedule_bps"] + row["timing_bps"]
        case "end":
            return None if row["slippage_bps"] is None else row["slippage_bps"] + row["opportunity_bps"]
        case _:
            value: float | None = row[f"{name}_bps"]
            return value


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value:z,.3f}"


def percent(value: float | None) -> str:
    """Return a part of the whole."""
    return "-" if value is None else f"{value:.1%}"
