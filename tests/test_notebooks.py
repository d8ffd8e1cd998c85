"""The notebooks run from top to bottom without a network, and show what they were kept with."""

from __future__ import annotations

import importlib.util
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor

if TYPE_CHECKING:
    from types import ModuleType

DOCS = Path(__file__).parents[1] / "docs"
EXTRAS = {
    "tutorial": (),
    "databento_day": ("altair", "databento"),
    "parameters": ("altair",),
    "exercises": (),
}


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks", DOCS / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NOTEBOOKS = tool()


def code(name: str) -> list[dict[str, Any]]:
    return [cell for cell in NOTEBOOKS.cells(name) if cell["cell_type"] == "code"]


def text(outputs: list[dict[str, Any]]) -> list[str]:
    """What a cell printed and what it showed, as text."""
    return ["".join(each.get("text") or each["data"]["text/plain"]) for each in outputs]


def test_every_notebook_is_known() -> None:
    assert sorted(NOTEBOOKS.NAMES) == sorted(EXTRAS) == sorted(path.stem for path in DOCS.glob("*.ipynb"))


@pytest.mark.parametrize("name", EXTRAS)
def test_kept_as_it_was_run(name: str) -> None:
    assert [cell["execution_count"] for cell in code(name)] == list(range(1, len(code(name)) + 1))
    assert sum(bool(cell["outputs"]) for cell in code(name)) >= 7
    kept = (DOCS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert len(kept) < 300_000
    # Pictures need nothing from elsewhere, and say nothing of the machine they were made on.
    assert "<script" not in kept
    assert not re.search(r"/(home|tmp|root|Users)/", kept)
    assert not any(output.get("output_type") == "error" for cell in code(name) for output in cell["outputs"])


@pytest.mark.parametrize("name", EXTRAS)
def test_links_lead_somewhere(name: str) -> None:
    words = "".join(
        "".join(cell["source"]) for cell in NOTEBOOKS.cells(name) if cell["cell_type"] == "markdown"
    )
    assert [link for link in re.findall(r"\]\(([^)]+)\)", words) if not (DOCS / link).is_file()] == []
    assert "## Exercise" in words


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a notebook asks for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "name", ["tutorial", *(pytest.param(name, marks=pytest.mark.slow) for name in list(EXTRAS)[1:])]
)
def test_runs_again_to_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for extra in EXTRAS[name]:
        pytest.importorskip(extra)
    monkeypatch.chdir(tmp_path)
    for cell, printed, value in NOTEBOOKS.run(name):
        assert not isinstance(value, pl.DataFrame) or value.height > 0
        # Frames and charts are drawn by other packages, whose versions differ.
        ours = value is None or type(value).__module__.startswith("sor.")
        if ours and not isinstance(value, sor.SorError):
            shown = text(NOTEBOOKS.outputs(printed, value, 1))
            assert shown == text(cell["outputs"]), "run `make notebooks`"


@pytest.mark.parametrize("name", EXTRAS)
def test_no_line_of_words_is_broken_in_the_middle(name: str) -> None:
    """A short line of a paragraph that another follows."""
    for cell in NOTEBOOKS.cells(name):
        if cell["cell_type"] == "markdown":
            for paragraph in "".join(cell["source"]).split("\n\n"):
                lines = paragraph.splitlines()[:-1]
                assert [line for line in lines if line[:1].isalpha() and len(line) < 60] == []
