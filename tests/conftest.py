"""What every test may ask for. The markers are declared in pyproject.toml; helpers live in `support/`."""

from __future__ import annotations

import pytest
import recorded

pytest.register_assert_rewrite("ledgers", "posted_tapes", "small_tape", "tapes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the recorded day where there is none, and say where it was looked for."""
    if recorded.QUOTES.exists():
        return
    missing = pytest.mark.skip(reason=f"no recorded day in {recorded.DATA} (SOR_DATA names another folder)")
    for item in items:
        if item.get_closest_marker("data") is not None:
            item.add_marker(missing)
