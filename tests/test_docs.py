"""The documents name rules and tests that exist; every argument of every public name is documented.

That the code in them runs is in `test_api.py`.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sor
from sor import cont_kukanov

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = re.compile(r"`((?:rust/)?tests/[\w/.]+)::(\w+)`")
CASE = re.compile(r'\(case "([^"]+)"\)')

# A heading of docs/model.md, and what cites one: "rule B5", "rules B1, B2 and P1".
RULE = re.compile(r"^### ([A-Z]\d+) \S.* \{#([a-z]\d+)\}$", re.MULTILINE)
CITED = re.compile(r"\b(?:[Rr]ules?)\s+([A-Z]\d+(?:(?:\s*,\s*|\s+and\s+|\s+to\s+|-)[A-Z]\d+)*)")
SECTIONS = {"N": 3, "B": 10, "A": 6, "F": 6, "P": 7, "C": 10, "T": 6, "Q": 6, "W": 3, "R": 3, "V": 3, "I": 2}
SOURCES = (
    "rust/**/*.rs",
    "rust/**/*.toml",
    "python/**/*.py",
    "python/**/*.pyi",
    "tests/**/*.py",
    "tests/**/*.toml",
)
BESIDE = ("bench/**/*.py", "docs/*.md", "docs/*.ipynb", "*.md")


def exists(path: str, name: str) -> bool:
    file = ROOT / path
    keyword, decorator = ("fn", r"#\[test\]\s+") if file.suffix == ".rs" else ("def", "")
    return file.is_file() and bool(
        re.search(rf"^\s*{decorator}{keyword} {name}\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    )


def rules() -> list[str]:
    return [number for number, _ in RULE.findall((ROOT / "docs/model.md").read_text(encoding="utf-8"))]


def texts() -> list[tuple[Path, str]]:
    found = sorted(set(chain.from_iterable(ROOT.glob(pattern) for pattern in (*SOURCES, *BESIDE))))
    assert len(found) > 50
    return [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in found]


def test_every_rule_has_its_number_and_its_anchor() -> None:
    text = (ROOT / "docs/model.md").read_text(encoding="utf-8")
    headings = RULE.findall(text)
    assert [number.lower() for number, _ in headings] == [anchor for _, anchor in headings]
    assert rules() == [f"{letter}{n}" for letter, last in SECTIONS.items() for n in range(1, last + 1)]
    assert set(re.findall(r"\(#(\w+)\)", text)) <= {anchor for _, anchor in headings}


def test_every_rule_that_is_cited_exists() -> None:
    known, cited = set(rules()), set()
    for path, text in texts():
        numbers = [re.findall(r"[A-Z]\d+", group) for group in CITED.findall(text)]
        unknown = set(chain.from_iterable(numbers)) - known
        assert not unknown, f"{path} cites {sorted(unknown)}, which docs/model.md does not have"
        cited |= set(chain.from_iterable(numbers))
    assert len(cited) > 20, "citations are no longer found: has their form changed?"


def test_the_map_for_contributors_names_what_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:rust|python|tests|docs|bench)/[\w./-]*|\w+\.(?:yml|toml|md))`", text)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists() and "NAME" not in path] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_tests_named_in_documents_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [f"{path}::{name}" for path, name in NAMED.findall(text) if not exists(path, name)] == []
    golden = tomllib.loads((ROOT / "tests/golden/replay.toml").read_text(encoding="utf-8"))
    cases = {case["name"] for case in golden["case"]}
    assert set(CASE.findall(text)) <= cases


def test_twenty_pitfalls_each_have_a_test() -> None:
    text = (ROOT / "docs" / "pitfalls.md").read_text(encoding="utf-8")
    _, *entries = re.split(r"^## ", text, flags=re.MULTILINE)
    assert [entry.split(".")[0] for entry in entries] == [str(number) for number in range(1, 21)]
    for entry in entries:
        assert len(NAMED.findall(entry)) == 1, entry


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function, class and method, by name."""
    for module in (sor, cont_kukanov):
        for name in module.__all__:
            value = getattr(module, name)
            if not callable(value) or (isinstance(value, type) and issubclass(value, Exception)):
                continue
            # A user gets results and tapes from functions; their classes say what is in them.
            if not value.__module__.startswith(("sor.results", "sor.tape.tape")):
                yield f"{module.__name__}.{name}", value
            for method, function in vars(value).items() if isinstance(value, type) else ():
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"{module.__name__}.{name}.{method}", function


@pytest.mark.parametrize(
    ("name", "value"), list(callables()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_argument_is_documented(name: str, value: Callable[..., Any]) -> None:
    text = inspect.getdoc(value) or ""
    parameters = [argument for argument in inspect.signature(value).parameters if argument != "self"]
    described = re.compile(r"^ *([\w, ]+):|`(\w+)`", re.MULTILINE)
    words = set(chain.from_iterable(re.findall(r"\w+", " ".join(found)) for found in described.findall(text)))
    assert [argument for argument in parameters if argument not in words] == [], name


@pytest.mark.slow
def test_the_script_about_processes_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs/processes.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "script.py").write_text(code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.split(",")) == 3


def test_the_first_result_that_the_readme_shows_is_what_its_code_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert shown
    exec(shown[1], {})
    assert capsys.readouterr().out == shown[2]
