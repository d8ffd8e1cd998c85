"""Damaged files: whatever is in them is read, or refused with an error of ours, and soon.

`make fuzz` reads many more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import damaged
import pytest
from effort import some

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", sorted(damaged.SEEDS))
def test_a_good_file_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(damaged.SEEDS[name])
    assert damaged.read(tmp_path / name) is not None


@pytest.mark.parametrize("name", sorted(damaged.SEEDS))
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    found = [damaged.tried(name, f"1 {name} {k}", tmp_path) for k in range(some(400, ci=30))]
    assert [each for each in found if each is not None] == []
