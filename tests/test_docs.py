"""The documents name tests that exist, and the twenty pitfalls are twenty, each with a test.

That the code in them runs is in `test_api.py`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = re.compile(r"`((?:rust/)?tests/[\w/.]+)::(\w+)`")
CASE = re.compile(r'\(case "([^"]+)"\)')


def exists(path: str, name: str) -> bool:
    file = ROOT / path
    keyword, decorator = ("fn", r"#\[test\]\s+") if file.suffix == ".rs" else ("def", "")
    return file.is_file() and bool(
        re.search(rf"^\s*{decorator}{keyword} {name}\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    )


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
