"""What the book showed when each parent arrived, and the bins that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sor.errors import ParameterError
from sor.replay.parents import parents_frame
from sor.replay.replay import book_at
from sor.settings.checks import at_least, one_of
from sor.settings.times import check_zone
from sor.tape.exact import BPS, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sor.replay.parents import Job

BREAKDOWNS = ("time", "spread", "depth", "size", "side", "tape")
"""What `Study.by` breaks the savings down by."""

_MOST_SIZES = 10


def parents_of(jobs: Sequence[Job]) -> pl.DataFrame:
    """Describe the parents of all jobs: the columns of `Study.parents`."""
    frames = []
    for tape, job in enumerate(jobs):
        spread, depth = _arrival_book(job)
        frames.append(
            parents_frame(job.parents).select(
                pl.lit(tape, dtype=pl.UInt32).alias("tape"),
                pl.lit(job.quotes.symbol, dtype=pl.String).alias("symbol"),
                *("side", "quantity", "start", "end"),
                spread.alias("arrival_spread_bps"),
                depth.alias("arrival_depth"),
            )
        )
    return pl.concat(frames).with_row_index("parent")


def session_numbers(jobs: Sequence[Job], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the session of each start, through all tapes; tapes open together share theirs."""
    spans = sorted(
        span
        for job in jobs
        for span in zip(job.quotes.hours.open.tolist(), job.quotes.hours.close.tolist(), strict=True)
    )
    closes: list[int] = []
    for begin, close in spans:
        if closes and begin < closes[-1]:
            closes[-1] = max(closes[-1], close)
        else:
            closes.append(close)
    # An order belongs to the first session that closes at or after its start.
    return np.searchsorted(np.array(closes, dtype=np.int64), starts, side="left").astype(np.int64)


def _arrival_book(job: Job) -> tuple[pl.Series, pl.Series]:
    """Return the spread in bps (null while one side is empty) and the shares displayed, at every start."""
    starts = np.array([parent.start for parent in job.parents], dtype=np.int64)
    buys = pl.Series([parent.side == "buy" for parent in job.parents], dtype=pl.Boolean)
    seen = book_at(job.quotes, starts, job.market.book).with_columns(buy=buys)
    spread = ratio(seen, pl.col("ask").cast(pl.Int128) - pl.col("bid"), pl.col("mid"), BPS)
    depth = pl.when("buy").then("ask_displayed").otherwise("bid_displayed")
    return spread, seen.select(depth=depth).to_series()


def binned(parents: pl.DataFrame, what: str, bins: int, zone: str) -> pl.DataFrame:
    """Sort parents into bins, as `Study.by` describes them.

    Returns:
        `parent`, its bin's label `_bin` and place `_order`.

    Raises:
        ParameterError: If `what` is not one of `BREAKDOWNS`, or `bins` or `zone` are wrong.

    """
    one_of("what", what, BREAKDOWNS)
    bins = at_least("bins", bins, 1, most=1_000_000)
    check_zone("zone", zone)
    column = {"spread": "arrival_spread_bps", "depth": "arrival_depth", "size": "quantity"}.get(what, what)
    match what:
        case "time":
            try:
                local = parents["start"].dt.convert_time_zone(zone)
            except pl.exceptions.ComputeError as error:
                raise ParameterError(
                    f"zone must be a time zone such as 'America/New_York': {error}"
                ) from None
            order, label = local.dt.hour().cast(pl.Int64), local.dt.strftime("%H:00")
        case "side" | "tape":
            order, label = parents[column].to_physical(), parents[column].cast(pl.String)
        case "size" if parents[column].n_unique() <= _MOST_SIZES:
            order, label = parents[column], parents[column].cast(pl.String)
        case _:
            return _quantiles(parents.select("parent", value=column), bins)
    return parents.select("parent", _bin=label, _order=order)


def _quantiles(values: pl.DataFrame, bins: int) -> pl.DataFrame:
    """Cut `value` at quantiles; a bin is labelled by the least and the largest value in it."""
    known = values["value"].drop_nulls().to_numpy()
    cuts = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else np.empty(0)
    place = np.searchsorted(cuts, values["value"].to_numpy(), side="left")
    order = pl.Series("_order", place, dtype=pl.Int64)
    order = order.set(values["value"].is_null(), len(cuts) + 1)
    ends = [pl.col("value").min().over("_order"), pl.col("value").max().over("_order")]
    texts = [end.round(2).cast(pl.String) for end in ends]
    label = (
        pl.when(pl.col("value").is_null())
        .then(pl.lit("unknown"))
        .otherwise(pl.concat_str([texts[0], pl.lit(" to "), texts[1]]))
    )
    return values.with_columns(order).select("parent", "_order", _bin=label)
