"""Colours, axes and small parts that every chart shares: one colour has one meaning everywhere.

All palettes are safe for colour-blind readers and are told apart from a white and from a dark page.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.show.spec import Chart, Spec, channel

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "APART",
    "CHOSEN",
    "DASHES",
    "HEAT",
    "PALETTE",
    "PARTS",
    "SHAPES",
    "SIDES",
    "VENUES",
    "clock",
    "colour",
    "cycle",
    "dashes",
    "legend_picks",
    "moment",
    "moments",
    "number",
    "picked",
    "readable",
    "time",
    "width",
    "zero",
]

# Policies (Okabe and Ito), the router first.
PALETTE = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#8c8c8c", "#e69f00", "#56b4e9", "#7a5195")
DASHES = ([1, 0], [6, 3], [2, 2], [1, 2], [6, 2, 1, 2], [9, 3], [4, 2, 1, 2, 1, 2], [3, 4])
SIDES = {"bid": "#00868f", "ask": "#a050a8"}
# Parts of a cost and venues (Tol's "bright" and "muted").
PARTS = ("#4477aa", "#66ccee", "#bbbbbb", "#228833", "#ccbb44", "#ee6677", "#aa3377")
VENUES = ("#cc6677", "#6655cc", "#aa9944", "#117733", "#66aacc", "#aa4499", "#44aa99", "#999933", "#995566")
HEAT = ("#f4f9fd", "#6fb1dc")
CHOSEN = PALETTE[0]

# Labels of an axis that keep apart.
APART = {"labelOverlap": "greedy", "labelSeparation": 8}

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

# Milliseconds.
_SHORT = 5_000
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)

# Each tick says what tells it from its neighbours, whatever the span of the axis.
_CLOCK = {
    "milliseconds": "%H:%M:%S.%L",
    "seconds": "%H:%M:%S",
    "minutes": "%H:%M",
    "hours": "%H:%M",
    "date": "%-d %b",
    "week": "%-d %b",
    "month": "%b %Y",
    "year": "%Y",
}


def time(*, ticks: int = 5, title: str = "time (UTC)", field: str = "time", at: str | None = None) -> Spec:
    """Return a time axis in UTC that is legible over a second as over a month.

    Args:
        ticks: About how many.
        title: Of the axis.
        field: The column.
        at: Where the ticks are, as Vega's expression: what `moments` returns. None: where Vega has them.

    """
    # Every second label where there is no room for all: gaps of one length.
    axis: Spec = {"format": _CLOCK, "tickCount": ticks, **APART, "labelOverlap": "parity", "labelFlush": True}
    if at is not None:
        axis["values"] = {"expr": at}
    return channel(f"{field}:T", title=title, scale={"type": "utc", "nice": False, "padding": 8}, axis=axis)


def moments(times: pl.Series, *, ticks: int = 5) -> str:
    """Return the round moments within a few seconds as Vega's expression, and null for a longer span.

    Vega finds none, or one, within a second.
    """
    start, end = (
        (0, 0)
        if times.is_empty()
        else times.cast(pl.Datetime("ms", "UTC")).to_physical().sort()[[0, -1]].to_list()
    )
    if not 0 < end - start <= _SHORT:
        return "null"
    step = next(each for each in _STEPS if (end - start) / each <= ticks)
    # None so near the end that half of its label would stick out.
    return str(list(range(-(-start // step) * step, end - (end - start) // 9, step)))


def colour(policies: Sequence[str], *, field: str = "policy", legend: bool = True) -> Spec:
    """Return the colour of policies, which keep it in every chart of a result."""
    scale = {"domain": list(policies), "range": cycle(PALETTE, len(policies))}
    hidden: Spec = {} if legend else {"legend": None}
    return channel(f"{field}:N", title=None, scale=scale, **hidden)


def dashes(policies: Sequence[str]) -> Spec:
    """Return the dash of policies, with the legend of their colour."""
    scale = {"domain": list(policies), "range": cycle(DASHES, len(policies))}
    return channel("policy:N", title=None, scale=scale)


def cycle(kinds: Sequence[Any], count: int) -> list[Any]:
    """Return so many of a palette, from its start again when it ends."""
    return [kinds[i % len(kinds)] for i in range(count)]


def legend_picks(field: str) -> Spec:
    """Let a click on the legend pick out what it names."""
    return {"name": f"pick_{field}", "select": {"type": "point", "fields": [field]}, "bind": "legend"}


def picked(field: str) -> Spec:
    """Return the opacity of what the legend picked out."""
    return {"condition": {"param": f"pick_{field}", "value": 1, "empty": True}, "value": 0.08}


def width(policies: Sequence[str]) -> Spec:
    """Return the width of lines: the first policy's shows on both sides of one that lies on it."""
    return {"condition": {"test": f"datum.policy === {json.dumps(policies[0])}", "value": 4.5}, "value": 1.8}


def number(title: str, field: str, *, form: str | None = None) -> Spec:
    """Return an axis of numbers whose labels keep apart."""
    axis: Spec = {"tickCount": 6, **APART}
    if form:
        axis["format"] = form
    return channel(f"{field}:Q", title=title, axis=axis)


def zero() -> Chart:
    """Return a rule at nothing."""
    return Chart.of(pl.DataFrame({"zero": [0]})).mark("rule", strokeWidth=1).encode(x="zero:Q")


def clock(field: str) -> Spec:
    """Return a tooltip of a moment, to the second."""
    return channel(
        f"{field}:T", timeUnit="utcyearmonthdatehoursminutesseconds", format="%Y-%m-%d %H:%M:%S", title=field
    )


def moment(field: str) -> list[Spec]:
    """Return a tooltip of a moment, to the millisecond, which Vega-Lite has only beside the second."""
    return [clock(field), channel(f"{field}:T", timeUnit="utcmilliseconds", format="%L", title="ms")]


def readable(frame: pl.DataFrame, *times: str) -> pl.DataFrame:
    """Give a frame what a browser can read: milliseconds, and names instead of categories."""
    return frame.with_columns(
        pl.col(times or ("time",)).cast(pl.Datetime("ms", "UTC")),
        pl.col(pl.Enum, pl.Categorical).cast(pl.String),
    )
