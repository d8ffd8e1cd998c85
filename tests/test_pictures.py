"""Every `.plot()` at its default size: its words are legible, apart from each other and inside the picture."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sor
from effort import EFFORT

pytest.importorskip("altair")
import altair as alt
import vl_convert
from sor.show import pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT = sor.simulate_quotes(minutes=20, venues=1, price=20.0, spread=4.0, seed=5)


@cache
def long() -> sor.Quotes:
    # Every day a tape of fewer records, which as many orders meet.
    few = {"records": 250_000} if EFFORT == "everyday" else {}
    return sor.simulate_quotes(minutes=390, venues=12, seed=5, **few)


FEW = sor.orders_every("2m", side="buy", quantity=20_000, horizon="2m")
DAY = sor.Order("sell", 60_000, horizon="380m")


def grid(over: int, under: int, theta: int) -> dict[str, list[float]]:
    axes = {"lambda_over": over, "lambda_under": under, "theta_queue": theta}
    return {axis: np.linspace(0.0001, 0.002, count).round(5).tolist() for axis, count in axes.items()}


PICTURES: dict[str, Callable[[], Any]] = {
    "one order of 10 s": lambda: sor.backtest(SHORT, sor.Order("buy", 20_000, horizon="10s")),
    "one order of 300 ms": lambda: sor.backtest(SHORT, sor.Order("buy", 2_000, horizon="300ms")),
    "one order of a day": lambda: sor.backtest(long(), DAY),
    "1,000 orders": lambda: sor.backtest(
        long(), sor.orders_every("23s", side="buy", quantity=900, horizon="1m")
    ),
    "study of one order": lambda: sor.study(long(), DAY),
    "study of many": lambda: sor.study(SHORT, FEW),
    "stress": lambda: sor.stress(SHORT, FEW),
    "grid of 27": lambda: sor.search(SHORT, FEW, folds=0),
    "grid of 1,000": lambda: sor.search(SHORT, FEW, grid=grid(10, 10, 10), folds=0),
    "points": lambda: sor.search(SHORT, FEW, method=sor.RandomPoints(points=20), folds=0),
}


@cache
def drawn(name: str) -> Any:
    return PICTURES[name]()


def text_boxes(svg: str, letter: float = 0.5) -> Iterator[tuple[str, float, float, float, float]]:
    """Yield every visible text with its box: a letter is as wide as a part of its height, a tenth more where bold."""

    def walk(
        node: ElementTree.Element, x: float, y: float
    ) -> Iterator[tuple[str, float, float, float, float]]:
        if node.get("opacity") == "0":
            return
        # Titles along a vertical axis are turned; they stand in a margin of their own.
        if "rotate" in node.get("transform", ""):
            return
        for dx, dy in re.findall(r"translate\(([-\d.e]+)[, ]*([-\d.e]*)\)", node.get("transform", "")):
            x, y = x + float(dx), y + float(dy or 0)
        if node.tag.endswith("}text") and node.text:
            size = float(re.sub(r"px$", "", node.get("font-size", "11px")))
            wide = letter * size * len(node.text) * (1.1 if node.get("font-weight") == "bold" else 1)
            left = x - {"middle": wide / 2, "end": wide}.get(node.get("text-anchor", ""), 0)
            yield node.text, left, y - 0.8 * size, left + wide, y + 0.1 * size
        for child in node:
            yield from walk(child, x, y)

    yield from walk(ElementTree.fromstring(svg), 0.0, 0.0)


def overlaps(svg: str) -> list[tuple[str, str]]:
    boxes = list(text_boxes(svg))
    assert len(boxes) > 3
    return [
        (a, b)
        for i, (a, left, top, right, bottom) in enumerate(boxes)
        for b, other_left, other_top, other_right, other_bottom in boxes[:i]
        if min(right, other_right) - max(left, other_left) > 1
        and min(bottom, other_bottom) - max(top, other_top) > 1
    ]


def test_an_overlap_is_found() -> None:
    head = '<svg xmlns="http://www.w3.org/2000/svg">'
    words = "".join(
        f'<text transform="translate({x},5)" font-size="10px">abcde</text>' for x in (0, 20, 60, 100)
    )
    assert overlaps(f"{head}{words}</svg>") == [("abcde", "abcde")]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "1,000" in name else ()) for name in PICTURES]
)
def test_words_keep_apart(name: str) -> None:
    readable(drawn(name).plot())


@pytest.mark.parametrize("name", ["study of many", "grid of 27", "points"])
def test_words_of_the_frontier_keep_apart(name: str) -> None:
    readable(drawn(name).plot_frontier())


def readable(chart: Any) -> None:
    spec = chart.to_dict()
    svg = pictures.svg(spec)
    assert overlaps(svg) == []
    width = float(re.search(r'<svg[^>]* width="([\d.]+)"', svg)[1])  # type: ignore[index]  # there is one
    assert 300 < width < 1_400
    # A browser's own font may be wider than the one that the words were laid out in.
    boxes = text_boxes(svg, letter=0.6)
    assert [text for text, left, _, right, _ in boxes if left < 0 or right > width] == []
    assert "undefined" not in svg
    assert "NaN" not in svg
    png = vl_convert.vegalite_to_png(spec)
    assert png[:4] == b"\x89PNG"


def test_a_notebook_needs_no_network() -> None:
    chart = drawn("one order of 10 s").plot()
    for each in (chart, chart.properties(title="another")):
        bundle = each._repr_mimebundle_()
        assert set(bundle) == {"image/svg+xml", "text/plain"}
        assert bundle["image/svg+xml"].startswith("<svg")
        assert "http" not in bundle["image/svg+xml"].replace("http://www.w3.org", "")
    start = SHORT.start
    picture = sor.plot_quotes(SHORT, start, start + 10**9)._repr_mimebundle_()
    assert picture["image/svg+xml"].startswith("<svg")
    with alt.renderers.enable("mimetype"):
        data, *_ = chart._repr_mimebundle_()
    assert any("vegalite" in kind for kind in data), "a renderer that was chosen is used"


def test_a_large_picture_is_of_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_MOST_SVG", 100)
    bundle = drawn("stress").plot()._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"])[:4] == b"\x89PNG"


def test_ticks_of_a_short_order_differ() -> None:
    svg = vl_convert.vegalite_to_svg(drawn("one order of 10 s").plot().to_dict())
    ticks = [text for text, *_ in text_boxes(svg) if re.fullmatch(r"\d\d:\d\d(:\d\d)?", text)]
    assert len(ticks) >= 4
    assert len(set(ticks)) == len(ticks)


def test_a_stretch_of_a_tape() -> None:
    tape = long()
    start = tape.start + 60 * 10**9
    result = sor.backtest(tape, sor.Order("buy", 20_000, start=start, horizon="10s"))
    chart = sor.plot_quotes(tape, start, start + 10 * 10**9, fills=result.fills)
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    assert overlaps(svg) == []
    rows = [row for rows in chart.to_dict()["datasets"].values() for row in rows]
    assert sum("quantity" in row for row in rows) == result.fills.height > 5
    assert {row["venue"] for row in rows if "side" in row and "venue" in row} <= set(tape.venues["name"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"start": SHORT.end, "end": SHORT.start}, "end must come after start"),
        ({"fills": 3}, "fills must be a polars frame"),
        ({"fills": SHORT.frame}, "fills has no column 'ts_executed'"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(sor.ParameterError, match=said):
        sor.plot_quotes(SHORT, **arguments)
