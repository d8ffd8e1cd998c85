"""What the documentation site makes of the repository while it builds.

The start page is the README, the tutorial is the notebook, the reference lists every public name of the package, and
the tables come from their one declaration. A rule that is cited ("rule B5") becomes a link to it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import griffe
import sor
from mkdocs.structure.files import File, Files
from sor import cont_kukanov
from sor.results.columns import TABLES
from sor.universe.columns import UNIVERSE_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page
    from sor.results.declared import Column

sys.path.insert(0, str(Path(__file__).parent))
import gallery
import notebooks

ROOT = Path(__file__).parents[1]

GROUPS = {
    "studies": "Run",
    "universe": "Many symbol-days",
    "replay": "One snapshot",
    "settings": "Settings",
    "tape": "Tapes",
    "results": "Results",
    "errors": "Errors",
}
"""Headings of the reference, by the folder a name lives in."""

_RULES = re.compile(r"\brules? [A-Z]\d+(?:(?:, | and |-)[A-Z]\d+)*")
_RULE = re.compile(r"[A-Z]\d+")
_NOTEBOOK = re.compile(r"\]\((?:docs/)?(\w+)\.ipynb\)")
_TAG = re.compile(r"(<[^>]+>)")
_VERBATIM = ("a", "code", "pre", "h1", "h2", "h3")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    pages = {
        "index.md": _from_root("README.md"),
        "contributing.md": _from_root("CONTRIBUTING.md"),
        **{f"{name}.md": _notebook(name) for name in notebooks.NAMES},
        "gallery.md": gallery.page(),
        "tables.md": _tables(),
        "reference.md": _reference(),
        "reference-cont_kukanov.md": _members(
            "The paper: `sor.cont_kukanov`", "sor.cont_kukanov", cont_kukanov.__all__
        ),
    }
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn every rule that is cited in running text into a link."""
    del config, files
    here = "" if page.file.src_uri == "model.md" else "model.html"
    depth = 0
    parts = []
    for part in _TAG.split(html):
        name = part[1:].lstrip("/").split()[0].rstrip(">") if part.startswith("<") else ""
        if name in _VERBATIM:
            depth += -1 if part.startswith("</") else 1
        elif not name and depth == 0:
            part = _RULES.sub(lambda cited: _linked(cited[0], here), part)
        parts.append(part)
    return "".join(parts)


def _linked(cited: str, page: str) -> str:
    return _RULE.sub(lambda rule: f'<a href="{page}#{rule[0].lower()}">{rule[0]}</a>', cited)


def _from_root(name: str) -> str:
    """Return a document of the repository's root, its links as seen from the pages."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = _NOTEBOOK.sub(r"](\1.md)", text)
    text = text.replace("](README.md)", "](index.md)").replace("](CONTRIBUTING.md)", "](contributing.md)")
    return text.replace("](docs/", "](")


def _notebook(name: str) -> str:
    """Return a notebook as a page: its words, its code, and what that showed."""
    parts = []
    for cell in notebooks.cells(name):
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            parts.append(_NOTEBOOK.sub(r"](\1.md)", source))
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [_output(output) for output in cell["outputs"]]
    return "\n\n".join(parts)


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/svg+xml" in data:
        return gallery.framed("".join(data["image/svg+xml"]))
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"])}">'
    text = "".join(output.get("text") or data["text/plain"]).rstrip()
    return f"```text\n{text}\n```"


def _tables() -> str:
    lines = [
        "# Tables",
        "Every result table is a polars frame. Money is in the quote currency, and costs are positive when worse; "
        "the tables of `Ledger` hold the exact integers behind them, in nanos (1e-9 of the currency).",
    ]
    for name, table in {**TABLES, **UNIVERSE_TABLES}.items():
        lines += [f"## `{name}` {{#{name}}}", table.about, _rows(table.columns)]
    return "\n\n".join(lines)


def _rows(columns: Iterable[Column]) -> str:
    rows = ["| column | dtype | unit | meaning |", "| --- | --- | --- | --- |"]
    rows += [f"| `{one.name}` | {one.dtype} | {one.unit} | {one.meaning} |" for one in columns]
    return "\n".join(rows)


def _reference() -> str:
    """Return a page with every public name, grouped by the folder it lives in."""
    package = griffe.load("sor", search_paths=[ROOT / "python"], resolve_aliases=True)
    groups: dict[str, list[str]] = {heading: [] for heading in GROUPS.values()}
    for name in sor.__all__:
        if name not in ("__version__", "cont_kukanov"):
            folder = package[name].canonical_path.split(".")[1]
            groups[GROUPS.get(folder, GROUPS["studies"])].append(name)
    text = [
        "# Reference",
        "Everything here is `sor.NAME`; `help(sor.NAME)` says the same. `sor.__version__` is the version.",
    ]
    for heading, names in groups.items():
        # What is called comes first, then classes, then constants.
        names.sort(key=lambda name: (not name.islower(), name.isupper()))
        text += [f"## {heading}", *(f"::: sor.{name}" for name in names)]
    return "\n\n".join(text)


def _members(title: str, module: str, names: Iterable[str]) -> str:
    about = f"::: {module}\n    options:\n      members: false\n      show_root_heading: false"
    return "\n\n".join([f"# {title}", about, *(f"::: {module}.{name}" for name in names)])
