"""The documents name rules and tests that exist, and the numbered pitfalls each have a test.

That the code in them runs is in `test_api.py`.
"""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = re.compile(r"`((?:rust/)?tests/[\w/.]+)::(\w+)`")
CASE = re.compile(r'\(case "([^"]+)"\)')

# A heading of docs/model.md, and what cites one: "rule B5", "rules B1, B2 and P1".
RULE = re.compile(r"^### ([A-Z]\d+) \S.* \{#([a-z]\d+)\}$", re.MULTILINE)
CITED = re.compile(r"\b(?:MODEL|rules?)\s+([A-Z]\d+(?:(?:\s*,\s*|\s+and\s+|\s+to\s+|-)[A-Z]\d+)*)")
SECTIONS = {"N": 3, "B": 10, "A": 6, "F": 6, "P": 7, "C": 10, "T": 6, "Q": 5, "W": 3, "R": 3, "V": 3, "I": 2}
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
