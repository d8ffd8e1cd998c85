"""Charts as files, and as notebooks show them (the extra `report`: altair and vl-convert)."""

from __future__ import annotations

import base64
import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from sor.errors import MissingExtra
from sor.tape.files import beside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sor.show.spec import Chart

_MOST_SVG = 300_000
_SIDES = {"left": 36, "right": 36, "top": 5, "bottom": 5}
"""Room around a picture: a reader's font may be a fifth wider than the one that its words were laid out in."""


def needed(package: str) -> Any:
    """Import a package of the extra `report`.

    Raises:
        MissingExtra: If it is not installed.

    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise missing() from None


def missing() -> MissingExtra:
    """Say what to install."""
    return MissingExtra("charts need altair and vl-convert-python: pip install 'sor[report]'")


def svg(spec: Mapping[str, Any]) -> str:
    """Draw a chart, with room at its sides for wider fonts than vl-convert's."""
    drawn: str = needed("vl_convert").vegalite_to_svg({"padding": _SIDES, **spec})
    return drawn


def save(chart: Chart, path: Path, *, scale: float = 2) -> None:
    """Write a chart as `.png` or `.svg`, without a network or a browser."""
    spec = chart.to_dict()
    with beside(path) as unfinished:
        if path.suffix == ".png":
            unfinished.write_bytes(needed("vl_convert").vegalite_to_png(spec, scale=scale))
        else:
            unfinished.write_text(svg(spec), encoding="utf-8")


def offline(chart: Chart) -> Any:
    """Return an Altair chart that a notebook shows as a static picture, with no network.

    `alt.renderers.enable("html")` makes it one to zoom in.
    """
    altair = needed("altair")
    needed("vl_convert")
    altair.data_transformers.disable_max_rows()
    made = altair.Chart.from_dict(chart.to_dict())
    # Altair keeps attributes that are set as parts of the chart.
    object.__setattr__(made, "__class__", _offline(made.__class__))
    return made


class _Offline:
    """A chart that is drawn here; see `offline`."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        """Draw it here: SVG, or PNG where that would be large; as Altair does where a renderer was chosen."""
        if needed("altair").renderers.active != "default":
            return super()._repr_mimebundle_(include, exclude)  # type: ignore[misc]  # Altair's
        spec = self.to_dict()  # type: ignore[attr-defined]  # Altair's
        picture = svg(spec)
        kind = "image/svg+xml"
        if len(picture) > _MOST_SVG:
            kind, picture = (
                "image/png",
                base64.b64encode(needed("vl_convert").vegalite_to_png(spec, scale=1.5)).decode(),
            )
        return {kind: picture, "text/plain": f"<{type(self).__name__}>"}


@cache
def _offline(kind: Any) -> type:
    return type(kind.__name__, (_Offline, kind), {})
