"""Curves of volume by time of day, each from earlier days only (rule W2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import DataError, ParameterError, shown
from sor.settings.checks import positive
from sor.settings.times import check_zone
from sor.tape.tape import Trades

if TYPE_CHECKING:
    from sor.settings.times import Duration

_DAY = 86_400 * 10**9


def volume_curve(
    trades: Trades | Sequence[Trades], *, bucket: Duration = "5m", tz: str = "UTC"
) -> pl.DataFrame:
    """Average the share of a day's volume that trades in each bucket of the day, for `Vwap`.

    No curve looks ahead: the one that holds from a day on is the mean over the days *before* it, each day's shares
    summing to one. The first day has none; the last curve holds for whatever comes after.

    Args:
        trades: Of one tape or several (days, say).
        bucket: Length of a bucket, which must divide the day.
        tz: In which days begin and end.

    Returns:
        `since` (Datetime, UTC: the midnight from which on the curve may be used), `time` (of the bucket's start),
        `share` (of the day's volume).

    Raises:
        DataError: If there are no trades.
        ParameterError: Naming the argument and what would be right.

    """
    length = positive("bucket", bucket)
    if _DAY % length:
        raise ParameterError(f"bucket must divide the day, got {shown(bucket)}")
    check_zone("tz", tz)
    tapes = [trades] if isinstance(trades, Trades) else trades
    if not isinstance(tapes, Sequence) or not all(isinstance(each, Trades) for each in tapes):
        raise ParameterError(f"trades must be sor.Trades, or a sequence of them, got {shown(trades)}")
    if not sum(len(each) for each in tapes):
        raise DataError("trades: no trade, so there is no volume to average")
    local = pl.col("ts").cast(pl.Datetime("ns", "UTC")).dt.convert_time_zone(tz)
    since_midnight = local.dt.time().to_physical()
    shares = (
        pl.concat([each.frame.select("ts", "size") for each in tapes])
        .select(
            day=local.dt.date(), time=since_midnight // length * length, size=pl.col("size").cast(pl.Int64)
        )
        .group_by("day", "time")
        .agg(pl.col("size").sum())
        .sort("day", "time")
        .with_columns(share=pl.col("size") / pl.col("size").sum().over("day"))
    )
    days = shares["day"].unique().sort().to_list()
    curves = [
        shares.filter(pl.col("day") <= last)
        .group_by("time", maintain_order=True)  # sums of floats are those of one order
        .agg(share=pl.col("share").sum() / known)
        .sort("time")
        .select(day=pl.lit(last).dt.offset_by("1d"), time="time", share="share")
        for known, last in enumerate(days, start=1)
    ]
    return pl.concat(curves).select(
        since=pl.col("day").cast(pl.Datetime("ns")).dt.replace_time_zone(tz).dt.convert_time_zone("UTC"),
        time=pl.col("time").cast(pl.Time),
        share="share",
    )
