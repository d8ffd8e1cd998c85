"""What limit orders did: time to fill, and what their fills were worth afterwards (rule C10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.replay.replay import later_mids
from sor.results.metrics import SIGN
from sor.tape.exact import BPS, NANOS, ratio, ratios

if TYPE_CHECKING:
    from sor.settings.market import Book
    from sor.tape.tape import Quotes

MARKOUTS = (1, 10, 60)
"""Seconds after a passive fill at which the mid is looked at again."""

_SECOND = 1_000_000_000


def posts(children: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """Describe one policy's limit orders: the columns of `PolicyView.posts`, money in nanos.

    Args:
        children: Its rows of `Ledger.children`.
        fills: Its rows of `Ledger.fills`.

    """
    passive = fills.filter(pl.col("kind") == "post")
    filled = passive.group_by("parent", "child").agg(
        pl.col("ts_executed").min().alias("first_fill"),
        pl.col("ts_executed").max().alias("last_fill"),
        pl.col("rebate").sum(),
    )
    orders = children.filter(pl.col("kind") == "post").join(
        filled, on=["parent", "child"], how="left", maintain_order="left"
    )

    def seconds(column: str) -> pl.Series:
        return ratio(orders, (pl.col(column) - pl.col("ts_arrived")).dt.total_nanoseconds(), _SECOND)

    return orders.select(
        *("parent", "child", "venue", "ts_decided", "ts_arrived"),
        pl.col("seen_price").alias("price"),
        "quantity",
        # An order that never joined stands in no queue.
        pl.when(~pl.col("reason").is_in(["expired", "crossed"])).then("met_available").alias("ahead"),
        pl.col("executed").alias("filled"),
        *("reason", "first_fill", "last_fill"),
        seconds("first_fill").alias("seconds_to_first_fill"),
        pl.when(pl.col("reason") == "filled").then(seconds("last_fill")).alias("seconds_to_fill"),
        pl.col("rebate").fill_null(0),
    )


def with_later_mids(quotes: Quotes, fills: pl.DataFrame, parents: pl.DataFrame, book: Book) -> pl.DataFrame:
    """Return the passive fills with the mids of `MARKOUTS` seconds later, nanos; null past their session's close.

    Columns `parent, child, venue, ts_executed, side, quantity, price, mid, mid_1s, mid_10s, mid_60s`.
    """
    passive = fills.filter(pl.col("kind") == "post").join(
        parents.select("parent", "side"), on="parent", maintain_order="left"
    )
    executed = passive["ts_executed"].to_physical().to_numpy()
    later = {f"mid_{seconds}s": later_mids(quotes, executed, seconds * _SECOND, book) for seconds in MARKOUTS}
    return passive.select(
        *("parent", "child", "venue", "ts_executed", "side", "quantity", "price", "mid")
    ).with_columns(**later)


def markouts(fills: pl.DataFrame) -> pl.DataFrame:
    """Sum up passive fills: the columns of `PolicyView.markouts`.

    Args:
        fills: What `with_later_mids` returns.

    """
    rows = [_markout(fills, seconds, f"mid_{seconds}s" if seconds else "mid") for seconds in (0, *MARKOUTS)]
    return pl.concat(rows)


def _markout(fills: pl.DataFrame, seconds: int, mid: str) -> pl.DataFrame:
    known = fills.filter(pl.col(mid).is_not_null())
    weight = pl.col("quantity").cast(pl.Int128)
    # Nothing filled: what is per share is null.
    shares = pl.when(weight.sum() > 0).then(weight.sum())
    edge = (SIGN * weight * (pl.col(mid) - pl.col("price"))).sum()
    adverse = (SIGN * weight * (pl.col("mid") - pl.col(mid))).sum()
    paid = pl.when(shares > 0).then((weight * pl.col("price")).sum())
    return known.select(
        pl.lit(seconds, dtype=pl.Int64).alias("seconds"),
        pl.len().cast(pl.Int64).alias("fills"),
        pl.col("quantity").sum().alias("shares"),
        pl.lit(int(fills["quantity"].sum()) - int(known["quantity"].sum()), dtype=pl.Int64).alias("unknown"),
        *ratios(known, {"edge": edge, "adverse": adverse}, NANOS * shares),
        ratio(known, edge, paid, BPS).alias("edge_bps"),
    )
