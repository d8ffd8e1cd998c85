"""A stretch of a tape: the consolidated book, every venue's quotes, and fills on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.checks import instance
from sor.settings.times import to_ns
from sor.show import plotdata
from sor.tape.exact import NANOS, ratios
from sor.tape.schema import UNDEF_PRICE
from sor.tape.tape import Quotes

if TYPE_CHECKING:
    import altair as alt

_FILLS = ("ts_executed", "venue", "quantity", "price")


def plot_quotes(
    quotes: Quotes, start: Any = None, end: Any = None, *, fills: pl.DataFrame | None = None
) -> alt.LayerChart:
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
    from sor.show import style
    from sor.show.style import alt

    instance("quotes", quotes, Quotes)
    first = quotes.start if start is None else to_ns(start, "start")
    last = quotes.end if end is None else to_ns(end, "end")
    if not first < last:
        raise ParameterError(f"end must come after start, got {shown(start)} and {shown(end)}")
    best = plotdata.best_quotes(quotes, first, last)
    sides = best.unpivot(["bid", "ask"], index="time", variable_name="side", value_name="price")
    price = alt.Y("price:Q", title="price", scale=alt.Scale(zero=False))
    scale = alt.Scale(domain=list(style.SIDES), range=list(style.SIDES.values()))
    legend = alt.Legend(symbolOpacity=1, symbolStrokeWidth=3)
    lines = (
        alt.Chart(style.readable(sides))
        .mark_line(interpolate="step-after", strokeWidth=2.2)
        .encode(
            x=style.time(ticks=7),
            y=price,
            color=alt.Color("side:N", title="best", scale=scale, legend=legend),
            tooltip=["side:N", style.clock("time"), alt.Tooltip("price:Q", format=",.4f")],
        )
    )
    own = (
        alt.Chart(style.readable(_by_venue(quotes, first, last)))
        .mark_line(interpolate="step-after", strokeWidth=1, opacity=0.35)
        .encode(
            x=style.time(ticks=7),
            y=price,
            detail=["venue:N"],
            color=alt.Color("side:N", title="best", scale=scale, legend=legend),
            tooltip=["venue:N", "side:N", style.clock("time"), alt.Tooltip("price:Q", format=",.4f")],
        )
    )
    locked = best.filter(pl.col("bid") >= pl.col("ask")).select("time", price="bid")
    layers = [own, lines, _marks(locked, "cross", "#c00000", ["time"])]
    if fills is not None:
        layers.append(
            _marks(_checked(fills, first, last), "circle", style.CHOSEN, ["venue", "quantity", "time"])
        )
    name = quotes.symbol or quotes.source
    title = alt.TitleParams(f"Quotes of {name}", subtitle="thin: each venue; red cross: locked or crossed")
    drawn: alt.LayerChart = style.layers(*layers).properties(width=640, height=320, title=title)
    chart: alt.LayerChart = style.offline(drawn.interactive(bind_y=False))
    return chart


def _marks(rows: pl.DataFrame, shape: str, colour: str, said: list[str]) -> Any:
    from sor.show import style
    from sor.show.style import alt

    tips = [style.clock(name) if name == "time" else name for name in said]
    return (
        alt.Chart(style.readable(rows))
        .mark_point(filled=True, shape=shape, size=60, color=colour, opacity=0.9)
        .encode(x=style.time(ticks=7), y="price:Q", tooltip=[*tips, alt.Tooltip("price:Q", format=",.4f")])
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
