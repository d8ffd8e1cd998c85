"""Run the notebooks of this folder and keep what they show: `make notebooks`.

Offline, and without Jupyter: a cell is Python whose last expression is shown, as HTML or as a picture where it has one.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
NAMES = ("tutorial", "databento_day", "parameters", "exercises")
"""The notebooks, in the order they are read."""


def cells(name: str) -> list[dict[str, Any]]:
    """Return the cells of a notebook."""
    found: list[dict[str, Any]] = json.loads((DOCS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return found


def run(name: str) -> list[tuple[dict[str, Any], str, Any]]:
    """Run a notebook in the present folder; return every code cell with what it printed and its last value."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    done = []
    for number, cell in enumerate(cell for cell in cells(name) if cell["cell_type"] == "code"):
        tree = ast.parse("".join(cell["source"]), f"{name}.ipynb, code cell {number}")
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, f"{name}.ipynb, code cell {number}", "exec"), namespace)
            value = None
            if last is not None:
                value = eval(compile(ast.Expression(last.value), f"{name}.ipynb", "eval"), namespace)
        done.append((cell, printed.getvalue(), value))
    return done


def outputs(printed: str, value: Any, count: int) -> list[dict[str, Any]]:
    """Return what a notebook keeps of a cell."""
    kept: list[dict[str, Any]] = []
    if printed:
        kept.append({"name": "stdout", "output_type": "stream", "text": printed.splitlines(keepends=True)})
    if value is not None:
        if hasattr(value, "_repr_mimebundle_"):
            data = dict(value._repr_mimebundle_())
        else:
            data = {"text/plain": repr(value)}
            if hasattr(value, "_repr_html_"):
                data["text/html"] = value._repr_html_()
        lines = {kind: text.splitlines(keepends=True) for kind, text in data.items()}
        kept.append(
            {"data": lines, "execution_count": count, "metadata": {}, "output_type": "execute_result"}
        )
    return kept


def main() -> None:
    """Run the notebooks that are named, or all, and write them again."""
    for name in sys.argv[1:] or NAMES:
        path = (DOCS / f"{name}.ipynb").resolve()
        notebook = json.loads(path.read_text(encoding="utf-8"))
        before = Path.cwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                done = iter(run(name))
            finally:
                os.chdir(before)
        count = 0
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                count += 1
                _, printed, value = next(done)
                cell["execution_count"], cell["outputs"] = count, outputs(printed, value, count)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path.name}: {count} cells, {path.stat().st_size / 1e3:,.0f} kB")


if __name__ == "__main__":
    main()
