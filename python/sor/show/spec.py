"""Charts as Vega-Lite has them: plain values, put together without checking each part against the schema.

Checking takes longer than all else about a page; the tests check every chart once, and what `plot` hands out is an
Altair chart.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import polars.selectors as cs

if TYPE_CHECKING:
    from collections.abc import Iterator

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_TYPES = {"Q": "quantitative", "N": "nominal", "O": "ordinal", "T": "temporal"}
_SECONDARY = ("x2", "y2")
_PARTS = ("layer", "hconcat", "vconcat", "concat")
# The size of a chart that says none.
_VIEW = {"continuousWidth": 300, "continuousHeight": 300}
# Labels stay at their ticks at the ends of an axis too.
_AXIS = {"labelFlush": False}


@dataclass(frozen=True)
class Chart:
    """A chart, or several put together; every method returns another one.

    Attributes:
        spec: As Vega-Lite has it, but that data stand wherever they are used, and parameters where they were added.

    """

    spec: Spec

    @classmethod
    def of(cls, data: pl.DataFrame, **options: Any) -> Chart:
        """Begin a chart of a frame's rows."""
        return cls({"data": {"values": rows(data)}, **options})

    def mark(self, kind: str, **options: Any) -> Chart:
        """Draw rows as marks of a kind."""
        return self._with(mark={"type": kind, **options})

    def encode(self, **channels: Any) -> Chart:
        """Show fields by channels: `name:T` as a field of that type, a list of them, or a definition."""
        said = {name: _channel(name, value) for name, value in channels.items()}
        return self._with(encoding={**self.spec.get("encoding", {}), **said})

    def properties(self, **options: Any) -> Chart:
        """Set its size, title, or whatever else Vega-Lite knows of a chart."""
        return self._with(**options)

    def where(self, test: str) -> Chart:
        """Keep rows of which an expression holds."""
        return self._with(transform=[*self.spec.get("transform", []), {"filter": test}])

    def params(self, *added: Spec) -> Chart:
        """Add parameters: selections, and variables with a value."""
        return self._with(params=[*self.spec.get("params", []), *added])

    def apart(self, *channels: str) -> Chart:
        """Give every part its own scale of some channels."""
        return self._with(resolve={"scale": dict.fromkeys(channels, "independent")})

    def to_dict(self) -> Spec:
        """Return it as Vega-Lite takes it: data that are used twice once, parameters at the top."""
        datasets: dict[int, tuple[str, list[Any]]] = {}
        params: dict[str, Spec] = {}
        views = itertools.count()
        spec = _gathered(self.spec, datasets, params, views)
        if params:
            spec["params"] = list(params.values())
        if datasets:
            spec["datasets"] = dict(datasets.values())
        config = {"view": _VIEW, "axis": _AXIS, **spec.pop("config", {})}
        return {"$schema": SCHEMA, "config": config, **spec}

    def _with(self, **changes: Any) -> Chart:
        return Chart({**self.spec, **changes})


def layers(*charts: Chart) -> Chart:
    """Return charts upon each other, of the size of the first that has one."""
    size: Spec = {}
    parts = []
    for part in charts:
        size = {name: part.spec[name] for name in ("width", "height") if name in part.spec} | size
        parts.append({name: value for name, value in part.spec.items() if name not in ("width", "height")})
    return Chart({"layer": parts, **size})


def beside(*charts: Chart) -> Chart:
    """Return charts beside each other."""
    return Chart({"hconcat": [part.spec for part in charts]})


def below(*charts: Chart) -> Chart:
    """Return charts below each other."""
    return Chart({"vconcat": [part.spec for part in charts]})


def tiled(*charts: Chart, columns: int) -> Chart:
    """Return charts in rows of so many."""
    return Chart({"concat": [part.spec for part in charts], "columns": columns})


def channel(name: str, **options: Any) -> Spec:
    """Return a field as a channel shows it, `name:T` with a letter for its type."""
    what, _, kind = name.rpartition(":")
    return {"field": what, "type": _TYPES[kind], **options}


def rows(data: pl.DataFrame) -> list[Spec]:
    """Return the rows of a frame as JSON has them: moments in milliseconds since 1970, no number for none."""
    plain = data.with_columns(
        cs.temporal().dt.epoch("ms"),
        cs.float().replace([float("inf"), float("-inf"), float("nan")], None),
    )
    return plain.to_dicts()


def _channel(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_channel(name, each) for each in value]
    if not isinstance(value, str):
        return value
    return {"field": value.rpartition(":")[0]} if name in _SECONDARY else channel(value)


def _gathered(
    spec: Spec, datasets: dict[int, tuple[str, list[Any]]], params: dict[str, Spec], views: Iterator[int]
) -> Spec:
    """Copy a chart and its parts, with its data in `datasets` and its parameters in `params`."""
    whole = {name: value for name, value in spec.items() if name != "params"}
    for kind in _PARTS:
        if kind in whole:
            whole[kind] = [_gathered(part, datasets, params, views) for part in whole[kind]]
    if "data" in whole:
        values = whole["data"]["values"]
        name, _ = datasets.setdefault(id(values), (f"rows-{len(datasets)}", values))
        whole["data"] = {"name": name}
    selections = []
    for param in spec.get("params", ()):
        known = params.setdefault(param["name"], dict(param))
        if "select" in param:
            selections.append(known)
    if selections:
        whole["name"] = f"view_{next(views)}"
        for param in selections:
            param["views"] = [*param.get("views", ()), whole["name"]]
    return whole
