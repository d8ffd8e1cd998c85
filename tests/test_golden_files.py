"""The files that `cargo test` reads are what the reference says today: else `make golden`, and read the difference."""

from __future__ import annotations

import make_golden
import pytest


@pytest.mark.parametrize("name", make_golden.FILES)
def test_golden_files_are_the_references(name: str) -> None:
    kept = (make_golden.GOLDEN / name).read_text(encoding="utf-8")
    made = make_golden.written(make_golden.FILES[name]())
    assert kept == made, f"{name} is not what the reference says: make golden"
