"""Colours, axes and small parts that every chart shares: one colour has one meaning everywhere.

All palettes are safe for colour-blind readers and are told apart from a white and from a dark page.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import MissingExtra
from sor.tape.files import beside

try:
    import altair as alt
    import vl_convert
except ImportError:
    raise MissingExtra("charts need altair and vl-convert-python: pip install 'sor[report]'") from None

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "CHOSEN",
    "DASHES",
    "HEAT",
    "PALETTE",
    "PARTS",
    "SHAPES",
    "SIDES",
    "VENUES",
    "alt",
    "clock",
    "colour",
    "cycle",
    "dashes",
    "field_of",
    "layers",
    "legend_picks",
    "number",
    "offline",
    "picked",
    "readable",
    "row",
    "save",
    "time",
    "width",
    "zero",
]

alt.data_transformers.disable_max_rows()

# Policies (Okabe and Ito), the router first.
PALETTE = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#8c8c8c", "#e69f00", "#56b4e9", "#7a5195")
DASHES = ([1, 0], [6, 3], [2, 2], [1, 2], [6, 2, 1, 2], [9, 3], [4, 2, 1, 2, 1, 2], [3, 4])
SIDES = {"bid": "#00868f", "ask": "#a050a8"}
# Parts of a cost and venues (Tol's "bright" and "muted").
PARTS = ("#4477aa", "#66ccee", "#bbbbbb", "#228833", "#ccbb44", "#ee6677", "#aa3377")
VENUES = ("#cc6677", "#6655cc", "#aa9944", "#117733", "#66aacc", "#aa4499", "#44aa99", "#999933", "#995566")
HEAT = ("#f4f9fd", "#6fb1dc")
CHOSEN = PALETTE[0]

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

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


class _Offline:
    """A chart that a notebook shows as a picture, with no network; see `offline`."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        """Draw it here: SVG, or PNG where that would be large; as Altair does where a renderer was chosen."""
        if alt.renderers.active != "default":
            return super()._repr_mimebundle_(include, exclude)  # type: ignore[misc]  # Altair's
        spec = self.to_dict()  # type: ignore[attr-defined]  # Altair's
        picture: str | bytes = vl_convert.vegalite_to_svg(spec)
        kind = "image/svg+xml"
        if len(picture) > _MOST_SVG:
            kind, picture = (
                "image/png",
                base64.b64encode(vl_convert.vegalite_to_png(spec, scale=1.5)).decode(),
            )
        return {kind: picture, "text/plain": f"<{type(self).__name__}>"}


_MOST_SVG = 300_000
_KINDS = (alt.Chart, alt.LayerChart, alt.HConcatChart, alt.VConcatChart)
_OFFLINE = {kind: type(kind.__name__, (_Offline, kind), {}) for kind in _KINDS}


def offline(chart: Any) -> Any:
    """Have notebooks show a chart as a static picture; `alt.renderers.enable("html")` makes it one to zoom in."""
    kind = _OFFLINE.get(type(chart))
    if kind is not None:
        # Altair keeps attributes that are set as parts of the chart.
        object.__setattr__(chart, "__class__", kind)
    return chart


def time(*, ticks: int = 5, title: str = "time (UTC)", field: str = "time") -> alt.X:
    """Return a time axis in UTC that is legible over a second as over a month."""
    return alt.X(
        f"{field}:T",
        title=title,
        scale=alt.Scale(type="utc", nice=False, padding=8),
        axis=alt.Axis(format=_CLOCK, tickCount=ticks, labelOverlap="greedy", labelSeparation=8),
    )


def colour(policies: Sequence[str], *, field: str = "policy", legend: bool = True) -> Any:
    """Return the colour of policies, which keep it in every chart of a result."""
    scale = alt.Scale(domain=list(policies), range=cycle(PALETTE, len(policies)))
    return alt.Color(field_of(field), title=None, scale=scale, legend=alt.Undefined if legend else None)


def dashes(policies: Sequence[str]) -> Any:
    """Return the dash of policies, with the legend of their colour."""
    scale = alt.Scale(domain=list(policies), range=cycle(DASHES, len(policies)))
    return alt.StrokeDash("policy:N", title=None, scale=scale)


def cycle(kinds: Sequence[Any], count: int) -> list[Any]:
    """Return so many of a palette, from its start again when it ends."""
    return [kinds[i % len(kinds)] for i in range(count)]


def field_of(name: str) -> str:
    """Return a nominal field."""
    return f"{name}:N"


def legend_picks(field: str) -> Any:
    """Let a click on the legend pick out what it names."""
    return alt.selection_point(name=f"pick_{field}", fields=[field], bind="legend")


def picked(field: str) -> Any:
    """Return the opacity of what the legend picked out."""
    return alt.when(legend_picks(field), empty=True).then(alt.value(1)).otherwise(alt.value(0.08))


def width(policies: Sequence[str]) -> Any:
    """Return the width of lines: the first policy's shows on both sides of one that lies on it."""
    return alt.when(alt.datum.policy == policies[0]).then(alt.value(4.5)).otherwise(alt.value(1.8))


def number(title: str, field: str, *, form: str | None = None) -> alt.X:
    """Return an axis of numbers whose labels keep apart."""
    axis = alt.Axis(tickCount=6, labelOverlap="greedy", labelSeparation=8)
    if form:
        axis.format = form
    return alt.X(f"{field}:Q", title=title, axis=axis)


def zero() -> Any:
    """Return a rule at nothing."""
    return alt.Chart(pl.DataFrame({"zero": [0]})).mark_rule(strokeWidth=1).encode(x="zero:Q")


def clock(field: str) -> Any:
    """Return a tooltip of a moment."""
    return alt.Tooltip(
        f"{field}:T", timeUnit="utcyearmonthdatehoursminutesseconds", format="%Y-%m-%d %H:%M:%S", title=field
    )


def layers(*charts: Any) -> alt.LayerChart:
    """Return charts upon each other."""
    return alt.LayerChart(layer=list(charts))


def row(*charts: Any) -> alt.HConcatChart:
    """Return charts beside each other."""
    return alt.HConcatChart(hconcat=list(charts))


def readable(frame: pl.DataFrame, *times: str) -> pl.DataFrame:
    """Give a frame what a browser can read: milliseconds, and names instead of categories."""
    return frame.with_columns(
        pl.col(times or ("time",)).cast(pl.Datetime("ms", "UTC")),
        pl.col(pl.Enum, pl.Categorical).cast(pl.String),
    )


def save(chart: alt.TopLevelMixin, path: Path, *, scale: float = 2) -> None:
    """Write a chart as `.png`, `.svg` or `.html`, without a network or a browser."""
    with beside(path) as unfinished:
        if path.suffix == ".png":
            chart.save(str(unfinished), scale_factor=scale)
        else:
            chart.save(str(unfinished))
