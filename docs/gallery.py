"""The gallery of the documentation: every plot, made from the code beside it when the site is built."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

from sor.show import pictures

SETTING = """
import sor

quotes = sor.simulate_quotes(minutes=60, price=20.0, spread=4.0, seed=7)
orders = sor.orders_every("1m", side="both", quantity=20_000, horizon="2m")
result = sor.backtest(quotes, orders)
study = sor.study(quotes, orders)
search = sor.search(quotes, orders, folds=5)
"""

PICTURES = (
    (
        "Is the router better?",
        "Mean savings against every other policy, in pairs, with intervals.",
        "study.plot()",
    ),
    (
        "What did it cost over the day?",
        "Every order counted at its end. A policy keeps its colour in every picture.",
        "result.plot()",
    ),
    (
        "What did one order cost?",
        "Cumulative shortfall over the executions of one order, to the order's end.",
        'sor.backtest(quotes, sor.Order("buy", 40_000, horizon="5m")).plot()',
    ),
    (
        "Which parameters matter?",
        "Mean shortfall over a grid, on one scale of colours; an axis along which nothing changes is left out.",
        "search.plot()",
    ),
    (
        "What would more even costs cost?",
        "Mean against standard deviation of the shortfall, over the points of a search and the other policies.",
        "search.plot_frontier()",
    ),
    (
        "What does the answer depend on?",
        "The same orders in several markets.",
        "sor.stress(quotes, orders).plot()",
    ),
    (
        "What did the market look like?",
        "Each venue's quotes and the best of them over a stretch of a tape, with the router's fills.",
        """
        start = result.orders["start"][0]
        end = start + (result.orders["end"][0] - start) / 20
        sor.plot_quotes(quotes, start, end, fills=result.fills)
        """,
    ),
    (
        "All of a study in one picture",
        'What `study.report("study.png")` writes.',
        """
        from sor.show import plots

        plots.overview(study)
        """,
    ),
)


def page() -> str:
    """Return the page in Markdown, pictures inside."""
    namespace: dict[str, Any] = {}
    exec(SETTING, namespace)
    parts = [
        "# Gallery",
        "Every picture below is made when this page is built, by the code beside it, after",
        f"```python\n{SETTING.strip()}\n```",
        'In a notebook the last expression shows itself; `.save("picture.png")`, `.svg` or `.html` writes a file. The '
        "page that `study.report` writes has more: [the report](report.md).",
    ]
    for title, words, code in PICTURES:
        source = textwrap.dedent(code).strip()
        parts += [
            f"## {title}",
            words,
            f"```python\n{source}\n```",
            inline(_drawn(source, namespace).to_dict()),
        ]
    return "\n\n".join(parts)


def inline(spec: dict[str, Any]) -> str:
    """Return a chart as one line of HTML, on white, as wide as there is room."""
    return framed(pictures.svg(spec))


def framed(svg: str) -> str:
    """Return an SVG as one line of HTML that fits a narrow page."""
    scaled = svg.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)
    return f'<div style="background:#fff;overflow-x:auto">{" ".join(scaled.split())}</div>'


def _drawn(source: str, namespace: dict[str, Any]) -> Any:
    tree = ast.parse(source)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, "gallery", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "gallery", "eval"), namespace)
