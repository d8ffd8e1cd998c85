"""The tutorial notebook runs from top to bottom, says nothing that is out of date, and is kept without outputs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import sor

if TYPE_CHECKING:
    import pytest

DOCS = Path(__file__).parents[1] / "docs"
CELLS: list[dict[str, Any]] = json.loads((DOCS / "tutorial.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def run(source: str, name: str, namespace: dict[str, Any]) -> Any:
    """Execute a cell; return the value of its last expression, which a notebook shows."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    return None if last is None else eval(compile(ast.Expression(last.value), name, "eval"), namespace)


def test_outputs_are_stripped() -> None:
    assert 8 <= len(CODE) <= 12
    for cell in CODE:
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_links_lead_somewhere() -> None:
    text = "".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not (DOCS / link).is_file()] == []


def test_tutorial_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(CODE):
        shown = run("".join(cell["source"]), f"tutorial.ipynb, code cell {number}", namespace)
        printed = capsys.readouterr().out
        # Every cell shows something, and no table in it is empty.
        assert shown is not None or printed
        assert not isinstance(shown, pl.DataFrame) or shown.height > 0
    assert "lambda_over" in namespace["grid"].flat_axes
    # What the text promises is there: intervals, and a figure out of sample.
    assert namespace["study"].comparisons["lower"].null_count() == 0
    assert namespace["found"].optimism_bps is not None
    assert not isinstance(namespace["chart"], sor.SorError)
    assert list(tmp_path.iterdir()) == []
