"""The files that `cargo test` reads are what the reference says today: else `make golden`, and read the difference."""

from __future__ import annotations

import json
from itertools import islice

import make_golden
import pytest
from effort import ALL, some


@pytest.mark.parametrize("name", make_golden.FILES)
def test_golden_files_are_the_references(name: str) -> None:
    text = (make_golden.GOLDEN / name).read_text(encoding="utf-8")
    kept = json.loads(text)
    assert len(kept) >= 60
    entries = list(islice(make_golden.FILES[name](), len(kept) if ALL else some(len(kept))))
    made = make_golden.written(entries)
    assert json.loads(made) == kept[: len(entries)], f"{name} is not what the reference says: make golden"
    assert not ALL or made == text
