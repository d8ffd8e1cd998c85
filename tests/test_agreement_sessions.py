"""The core against the reference on random tapes of several sessions: silences, stubs, halts, one-sided books."""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import pytest
import reference as ref
from agreement import agree
from effort import EFFORT, enough, some
from hours import random_replays
from tapes import read_tape, replay_all, rows

OUTCOMES = (
    *("filled", "completed", "late", "stale", "no_quotes"),
    *("take", "completion", "partial", "no_quote", "limit", "depleted", "queue", "expired"),
    *("several sessions", "halts", "one-sided"),
)


def test_random_replays() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(250, everyday=34)):
        met += agree(seed, 6 if EFFORT == "everyday" else 12)
    assert not [outcome for outcome in OUTCOMES if met[outcome] < enough(50)], met
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


def decided_outside(seed: int) -> tuple[int, int]:
    """Return how many children the core decided on a seed's tape, and how many of them while the market was shut."""
    days = random_replays(Random(seed), 3)
    if not days.cases:
        return 0, 0
    quotes = read_tape(days.raw, days.trades)
    sessions = ref.sessions_of(days.records, days.cases[0].settings)
    book = ref.Book(days.cases[0].settings, "ask")
    decided = outside = 0
    for ledger in replay_all(quotes, days.cases):
        for child in rows(ledger.children, quotes):
            now = child["ts_decided"]
            decided += 1
            outside += not any(opened <= now < closed for opened, closed in sessions) or book.all_halted(now)
    return decided, outside


def count_outside(seeds: range) -> None:
    found = [decided_outside(seed) for seed in seeds]
    assert [seed for seed, (_, outside) in zip(seeds, found, strict=True) if outside] == []
    assert sum(decided for decided, _ in found) > len(seeds)


def test_nothing_is_decided_while_the_market_is_shut() -> None:
    count_outside(range(some(400, ci=40)))


@pytest.mark.slow
def test_nothing_is_decided_while_the_market_is_shut_on_ten_thousand_calendars() -> None:
    count_outside(range(some(10_000)))
