"""The core against the reference on random tapes of several sessions: silences, stubs, halts, one-sided books."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from agreement import agree

OUTCOMES = (
    *("filled", "completed", "late", "stale", "no_quotes"),
    *("take", "completion", "partial", "no_quote", "limit", "depleted", "queue", "expired"),
    *("several sessions", "halts", "one-sided"),
)


def test_random_replays() -> None:
    met: Counter[str] = Counter()
    for seed in range(150):
        met += agree(seed, 12)
    assert not [outcome for outcome in OUTCOMES if met[outcome] < 5], met
    assert met["post"] > 0


@pytest.mark.slow
def test_many_random_replays() -> None:
    """As many as SOR_REPLAYS says, 20,000 by default."""
    met: Counter[str] = Counter()
    seed = 1_000
    while met["replays"] < int(os.environ.get("SOR_REPLAYS", "20000")):
        met += agree(seed, 12)
        seed += 1
    assert not [outcome for outcome in (*OUTCOMES, "post", "unwind", "crossed") if met[outcome] < 20], met
