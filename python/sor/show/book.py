"""A stretch of a tape: the consolidated book, every venue's quotes, and fills on them."""

from __future__ import annotations

from typing import Any

import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.checks import instance
from sor.settings.times import to_ns
from sor.show import pictures, plotdata, style
from sor.show.spec import Chart, channel, layers
from sor.tape.exact import NANOS, ratios
from sor.tape.schema import UNDEF_PRICE
from sor.tape.tape import Quotes

_FILLS = ("ts_executed", "venue", "quantity", "price")


def plot_quotes(
    quotes: Quotes, start: Any = None, end: Any = None, *, fills: pl.DataFrame | None = None
) -> Any:
    """Draw a stretch of a tape (the extra `report`).

    Thick lines are the consolidated best bid and ask, thin ones the quotes of each venue; a cross marks a moment from
    which the book is locked or crossed, a dot a fill.

    Args:
        quotes: The tape.
        start: A moment, as in `Order`; the tape's first record by default.
        end: A moment after it; the tape's last record by default.
        fills: Executions to draw, as `result.fills` has them.

    Raises:
        MissingExtra: Without the extra `report`.
        ParameterError: If an argument is wrong.

    """
    instance("quotes", quotes, Quotes)
    first = quotes.start if start is None else to_ns(start, "start")
    last = quotes.end if end is None else to_ns(end, "end")
    if not first < last:
        raise ParameterError(f"end must come after start, got {shown(start)} and {shown(end)}")
    best = plotdata.best_quotes(quotes, first, last)
    sides = best.unpivot(["bid", "ask"], index="time", variable_name="side", value_name="price")
    price = channel("price:Q", title="price", scale={"zero": False})
    scale = {"domain": list(style.SIDES), "range": list(style.SIDES.values())}
    legend = {"symbolOpacity": 1, "symbolStrokeWidth": 3}
    lines = (
        Chart.of(style.readable(sides))
        .mark("line", interpolate="step-after", strokeWidth=2.2)
        .encode(
            x=style.time(ticks=7),
            y=price,
            color=channel("side:N", title="best", scale=scale, legend=legend),
            tooltip=["side:N", *style.moment("time"), channel("price:Q", format=",.4f")],
        )
    )
    own = (
        Chart.of(style.readable(_by_venue(quotes, first, last)))
        .mark("line", interpolate="step-after", strokeWidth=1, opacity=0.35)
        .encode(
            x=style.time(ticks=7),
            y=price,
            detail=["venue:N"],
            color=channel("side:N", title="best", scale=scale, legend=legend),
            tooltip=["venue:N", "side:N", *style.moment("time"), channel("price:Q", format=",.4f")],
        )
    )
    locked = best.filter(pl.col("bid") >= pl.col("ask")).select("time", price="bid")
    zoom = {"name": "zoom", "select": {"type": "interval", "encodings": ["x"]}, "bind": "scales"}
    drawings = [own.params(zoom), lines, _marks(locked, "cross", "#c00000", ["time"])]
    if fills is not None:
        drawings.append(
            _marks(_checked(fills, first, last), "circle", style.CHOSEN, ["venue:N", "quantity:Q", "time"])
        )
    name = quotes.symbol or quotes.source
    title = {"text": f"Quotes of {name}", "subtitle": "thin: each venue; red cross: locked or crossed"}
    return pictures.offline(layers(*drawings).properties(width=640, height=320, title=title))


def _marks(rows: pl.DataFrame, shape: str, colour: str, said: list[str]) -> Chart:
    tips = [tip for name in said for tip in (style.moment(name) if name == "time" else [name])]
    return (
        Chart.of(style.readable(rows))
        .mark("point", filled=True, shape=shape, size=60, color=colour, opacity=0.9)
        .encode(x=style.time(ticks=7), y="price:Q", tooltip=[*tips, channel("price:Q", format=",.4f")])
    )


def _by_venue(quotes: Quotes, first: int, last: int) -> pl.DataFrame:
    """Return `time, venue, side, price` of every venue, at most `MOST_QUOTES` moments each."""
    rows = quotes.frame.filter(pl.col("ts").is_between(first, last)).select("ts", "venue", "bid_px", "ask_px")
    slot = (pl.col("ts") - first) * plotdata.MOST_QUOTES // (last - first + 1)
    thinned = rows.group_by("venue", slot.alias("slot"), maintain_order=True).last()
    names = quotes.venues["name"].gather(thinned["venue"])
    prices = {side: pl.col(f"{side}_px").replace(UNDEF_PRICE, None) for side in ("bid", "ask")}
    quoted = thinned.select(
        *ratios(thinned, prices, NANOS), time=pl.col("ts").cast(pl.Datetime("ns", "UTC")), venue=names
    )
    return quoted.unpivot(["bid", "ask"], index=["time", "venue"], variable_name="side", value_name="price")


def _checked(fills: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    if not isinstance(fills, pl.DataFrame):
        raise ParameterError(f"fills must be a polars frame, as result.fills is, got {shown(fills)}")
    missing = [name for name in _FILLS if name not in fills.columns]
    if missing:
        raise ParameterError(f"fills has no column {shown(missing[0])}; give result.fills or a frame like it")
    moment = pl.col("ts_executed").to_physical()
    inside = fills.filter(moment.is_between(first, last))
    return inside.select("venue", "quantity", "price", time="ts_executed")
