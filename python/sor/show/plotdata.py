"""The frames behind the charts of a study: what a figure shows can be read, and tested, without drawing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from sor.replay.replay import book_at
from sor.results import metrics
from sor.settings.market import Book
from sor.tape.exact import NANOS, currency, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.replay.ledger import Ledger
    from sor.results.study import Study
    from sor.tape.tape import Quotes
    from sor.universe.result import UniverseStudy

Compared: TypeAlias = "Study | UniverseStudy"

MOST_DOTS = 300
"""Parents shown one by one in the distribution, for each policy; the others count in its box."""
MOST_QUOTES = 500
"""Points of a line of quotes; of more, the last in each of as many equal spans of time."""

_SIZE_BINS = 5
_LEAST_SHOWN = 2 * 10**9


def running_costs(ledger: Ledger, orders: Sequence[int]) -> pl.DataFrame:
    """Add up shortfall over the executions of each order, from nothing at its start.

    Returns:
        `policy, parent, time, cost`, the cost in currency; the last row of an order is its shortfall.

    """
    sign = metrics.SIGN * pl.when(pl.col("kind") == "unwind").then(-1).otherwise(1)
    chosen = pl.col("parent").is_in(list(orders))
    arrival = ledger.parents.filter(chosen).select("policy", "parent", "side", "arrival_mid", "start")
    fills = ledger.fills.filter(chosen).join(arrival, on=["policy", "parent"], maintain_order="left")
    cost = sign * pl.col("quantity").cast(pl.Int128) * (pl.col("price") - pl.col("arrival_mid"))
    begun = arrival.select("policy", "parent", time="start", cost=pl.lit(0, dtype=pl.Int128))
    executed = fills.select(
        "policy", "parent", time="ts_executed", cost=cost + pl.col("fee") - pl.col("rebate")
    )
    ordered = pl.concat([begun, executed]).sort("policy", "parent", "time", maintain_order=True)
    summed = ordered.with_columns(pl.col("cost").cum_sum().over("policy", "parent"))
    return summed.with_columns(currency(summed, ["cost"]))


def carried(ledger: Ledger, orders: Sequence[int]) -> pl.DataFrame:
    """Return `running_costs` with every line carried on to the end of its order."""
    running = running_costs(ledger, orders)
    ends = ledger.parents.filter(pl.col("parent").is_in(list(orders))).select("policy", "parent", time="end")
    last = running.group_by("policy", "parent", maintain_order=True).last().drop("time")
    closing = ends.join(last, on=["policy", "parent"], maintain_order="left").select(running.columns)
    rows = pl.concat([running.with_columns(pl.col("time").cast(closing["time"].dtype)), closing])
    return rows.sort("policy", "parent", "time", maintain_order=True)


def left(study: Study, orders: Sequence[int]) -> pl.DataFrame:
    """Return `policy, parent, time, left`: shares still to execute, from all at the start to none at the end."""
    chosen = pl.col("parent").is_in(list(orders))
    parents = study.ledger.parents.filter(chosen)
    sign = pl.when(pl.col("kind") == "unwind").then(1).otherwise(-1)
    fills = study.ledger.fills.filter(chosen).select(
        "policy", "parent", time="ts_executed", change=sign * pl.col("quantity").cast(pl.Int64)
    )
    begun = parents.select("policy", "parent", time="start", change=pl.col("quantity").cast(pl.Int64))
    ended = parents.select("policy", "parent", time="end", change=pl.lit(0, dtype=pl.Int64))
    rows = pl.concat([begun, fills, ended]).sort("policy", "parent", "time", maintain_order=True)
    return rows.with_columns(left=pl.col("change").cum_sum().over("policy", "parent")).drop("change")


QUANTILES = (5, 25, 50, 75, 95)


def _bps_of_parents(study: Study) -> pl.DataFrame:
    """Return `policy, parent, start, bps, seconds` of the parents that could trade."""
    traded = study.ledger.parents.filter(metrics.TRADED)
    return traded.select(
        pl.col("policy").cast(pl.String),
        "parent",
        "start",
        bps=metrics.bps(traded, "shortfall"),
        seconds=metrics.seconds_taken(traded),
    )


def cost_quantiles(study: Study) -> pl.DataFrame:
    """Return `policy, p5, p25, p50, p75, p95, deviation, seconds` (median) over single orders, costs in bps."""
    quantiles = {f"p{q}": pl.col("bps").quantile(q / 100, "linear") for q in QUANTILES}
    return (
        _bps_of_parents(study)
        .group_by("policy", maintain_order=True)
        .agg(**quantiles, deviation=pl.col("bps").std(), seconds=pl.col("seconds").median())
    )


def completion(study: Study) -> pl.DataFrame:
    """Return `policy, seconds, done`: the share of orders that had their last execution by then; 100 steps."""
    rows = _bps_of_parents(study)
    frames = []
    for part in rows.partition_by("policy", maintain_order=True):
        shares = [i / 100 for i in range(101)]
        frames.append(
            pl.DataFrame(
                {
                    "policy": part["policy"][0],
                    "seconds": [part["seconds"].quantile(share, "lower") for share in shares],
                    "done": shares,
                }
            ).unique("seconds", keep="last", maintain_order=True)
        )
    return pl.concat(frames)


def cost_by_time(study: Study) -> pl.DataFrame:
    """Return `policy, at, shortfall_bps, parents` by half hours of the day (UTC)."""
    at = pl.col("start").dt.truncate("30m").dt.strftime("%H:%M")
    return (
        _bps_of_parents(study)
        .group_by("policy", at.alias("at"), maintain_order=True)
        .agg(shortfall_bps=pl.col("bps").mean(), parents=pl.len())
        .sort("at", maintain_order=True)
    )


def fill_sizes(study: Study) -> pl.DataFrame:
    """Return `policy, quantity, share`: of the shares executed, those in executions up to a size; 100 steps."""
    fills = study.ledger.fills.filter(pl.col("quantity") > 0)
    sizes = (
        fills.group_by("policy", "quantity").agg(shares=pl.col("quantity").sum()).sort("policy", "quantity")
    )
    whole = sizes.with_columns(
        pl.col("policy").cast(pl.String),
        share=pl.col("shares").cum_sum().over("policy") / pl.col("shares").sum().over("policy"),
    )
    step = (pl.col("share") * 100).ceil().alias("step")
    return whole.group_by("policy", step, maintain_order=True).last().select("policy", "quantity", "share")


def distribution(study: Study) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a box (5, 25, 50, 75, 95%) for each other policy, and the parents to show as dots.

    Dots are at most `MOST_DOTS` for each policy, at even ranks, the least and the largest among them.
    """
    boxes, dots = [], []
    for rows in study.savings.partition_by("against", maintain_order=True):
        saved = rows["savings_bps"]
        quantiles = {f"p{q}": saved.quantile(q / 100, "linear") for q in (5, 25, 50, 75, 95)}
        boxes.append({"against": rows["against"][0], **quantiles, "parents": rows.height})
        ordered = rows.sort("savings_bps", maintain_order=True)
        count = min(rows.height, MOST_DOTS)
        ranks = [round(i * (rows.height - 1) / max(count - 1, 1)) for i in range(count)]
        dots.append(ordered[ranks].select("against", "parent", "side", "quantity", "start", "savings_bps"))
    return pl.DataFrame(boxes), pl.concat(dots)


def examples(study: Study, against: str) -> dict[int, str]:
    """Pick parents to show in detail: median, worst and best savings against a policy, most expensive, longest."""
    rows = study.savings.filter(pl.col("against") == against).sort("savings_bps", maintain_order=True)
    mine = study.ledger.parents.filter(
        pl.col("policy") == study.policy, pl.col("parent").is_in(rows["parent"].implode())
    )
    cost = pl.col("shortfall") / metrics.VALUE
    picks = {
        "typical": rows["parent"][rows.height // 2],
        "worst": rows["parent"][0],
        "best": rows["parent"][-1],
        "most expensive": mine.sort(cost, descending=True, maintain_order=True)["parent"][0],
        "longest": busiest(study),
    }
    chosen = study.parents.filter(pl.col("parent").is_in(list(picks.values())))
    parents = {row["parent"]: row for row in chosen.iter_rows(named=True)}
    one_day = chosen["start"].dt.date().n_unique() == 1
    labels: dict[int, str] = {}
    for why, parent in picks.items():
        row = parents[parent]
        start = f"{row['start']:{'%H:%M:%S' if one_day else '%Y-%m-%d %H:%M:%S'}}"
        order = f"{row['side']} {row['quantity']:,} at {start}"
        labels.setdefault(parent, f"{why}: order {parent}, {order}")
    return labels


def busiest(study: Study) -> int:
    """Return the parent that `study.policy` worked for longest; among equals the one with the most fills."""
    mine = study.ledger.parents.filter(pl.col("policy") == study.policy)
    worked = (pl.col("ts_done") - pl.col("start")).dt.total_milliseconds()
    return int(mine.sort(worked, "fills", descending=True, maintain_order=True)["parent"][0])


def order_quotes(study: Study, orders: Sequence[int], fills: pl.DataFrame) -> pl.DataFrame:
    """Return `parent, time, bid, ask` of some orders, from the start to shortly after the last of its `fills`."""
    rows = study.parents.filter(pl.col("parent").is_in(list(orders)))
    last = dict(fills.group_by("parent").agg(pl.col("time").max().to_physical()).iter_rows())
    frames = []
    for parent, tape, start, end in rows.select(
        "parent", "tape", pl.col("start", "end").to_physical()
    ).iter_rows():
        done = last.get(parent, end)
        until = min(end, max(done + (done - start) // 5, start + _LEAST_SHOWN))
        quotes = best_quotes(study.quotes[tape], start, until)
        closing = quotes.tail(1).with_columns(time=pl.lit(until, pl.Int64).cast(quotes["time"].dtype))
        frames.append(
            pl.concat([quotes, closing]).select(pl.lit(parent, dtype=pl.UInt32).alias("parent"), pl.all())
        )
    return pl.concat(frames)


def order_fills(study: Study, orders: Sequence[int]) -> pl.DataFrame:
    """Return `study.policy`'s executions of some orders, prices in currency."""
    mine = pl.col("policy") == study.policy
    fills = study.ledger.fills.filter(mine & pl.col("parent").is_in(list(orders)))
    return fills.select(
        "parent",
        time="ts_executed",
        price=ratio(fills, "price", NANOS),
        quantity="quantity",
        venue=pl.col("venue").cast(pl.String),
        kind=pl.col("kind").cast(pl.String),
    )


def best_quotes(quotes: Quotes, start: int, end: int) -> pl.DataFrame:
    """Return the consolidated best bid and ask from `start` to `end` (ns), null where a side is empty.

    Returns:
        `time, bid, ask` in currency, one row per time at most, at most `MOST_QUOTES`.

    """
    times = quotes.frame["ts"]
    first, last = (int(times.search_sorted(time, side="right")) for time in (start, end))
    standing = pl.Series("ts", [start] if first else [], dtype=pl.Int64)
    rows = pl.concat([standing, times[first:last]]).to_frame()
    slot = (pl.col("ts") - start) * MOST_QUOTES // max(end - start + 1, 1)
    kept = rows.group_by(slot.alias("slot"), maintain_order=True).last()["ts"]
    seen = book_at(quotes, kept.to_numpy(), Book())
    time = kept.cast(pl.Datetime("ns", "UTC")).alias("time")
    return pl.DataFrame([time, *currency(seen, ["bid", "ask"])])


def cost_parts(study: Compared) -> pl.DataFrame:
    """Return `policy, part, bps, shortfall_bps`: mean signed parts; they sum to the shortfall (rule P6)."""
    parts = [f"{part}_bps" for part in metrics.PARTS]
    rows = study.summary.with_columns(-pl.col("rebates_bps")).unpivot(
        parts, index=["policy", "shortfall_bps"], variable_name="part", value_name="bps"
    )
    return rows.select(
        pl.col("policy").cast(pl.String),
        pl.col("part").str.strip_suffix("_bps"),
        pl.col("bps") + 0.0,
        "shortfall_bps",
    )


def venues(study: Study) -> pl.DataFrame:
    """Return what every policy did at each venue.

    Returns:
        `policy, venue, fills, shares, share` (of the policy's shares), `fees, rebates` in currency and
        `net_per_share`, fees less rebates.

    """
    rows = study.ledger.fills.group_by("policy", "venue").agg(
        fills=pl.len(),
        shares=pl.col("quantity").sum(),
        fees=pl.col("fee").sum(),
        rebates=pl.col("rebate").sum(),
    )
    return (
        rows.with_columns(currency(rows, ["fees", "rebates"]))
        .sort("policy", "venue")
        .with_columns(share=pl.col("shares") / pl.col("shares").sum().over("policy"))
        .with_columns(net_per_share=(pl.col("fees") - pl.col("rebates")) / pl.col("shares"))
        .with_columns(pl.col("policy", "venue").cast(pl.String))
    )


def cost_by_size(study: Study) -> tuple[str, pl.DataFrame]:
    """Return mean shortfall against the size of the order, and what size is measured in.

    Where all orders are of one size, it is measured in shares displayed at the start, in fifths of parents.

    Returns:
        The measure, and `policy, size, shortfall_bps, parents`.

    """
    traded = study.ledger.parents.filter(metrics.TRADED)
    bps = metrics.bps(traded, "shortfall")
    rows = traded.select(pl.col("policy").cast(pl.String), "parent", "quantity", bps=bps)
    if study.parents["quantity"].n_unique() > 1:
        what, keyed = "shares", rows.with_columns(size=pl.col("quantity").cast(pl.Float64))
    else:
        what = "multiple of the shares displayed at the start"
        shown = study.parents.filter(pl.col("arrival_depth") > 0).select(
            "parent", multiple=pl.col("quantity") / pl.col("arrival_depth")
        )
        fifth = (pl.col("multiple").rank("ordinal") - 1) * _SIZE_BINS // pl.len()
        binned = shown.with_columns(size=pl.col("multiple").median().over(fifth))
        keyed = rows.join(binned, on="parent", maintain_order="left")
    means = keyed.group_by("policy", "size", maintain_order=True).agg(
        shortfall_bps=pl.col("bps").mean(), parents=pl.len()
    )
    return what, means.sort("size", maintain_order=True)
