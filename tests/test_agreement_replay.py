"""The core's replay against the reference, fill by fill and child by child (MODEL sections 2, 4 and 5)."""

from __future__ import annotations

import random
from collections import Counter

from tapes import assert_agree, random_cases, random_tape, read_tape, reference_records

OUTCOMES = (
    *("filled", "completed", "no_quotes", "take", "completion"),
    *("partial", "no_quote", "limit", "depleted", "queue", "expired"),
)


def test_every_policy_depletion_snapshot_and_side_on_seeded_tapes() -> None:
    met: Counter[str] = Counter()
    for seed in range(40):
        rng = random.Random(seed)
        raw = random_tape(rng)
        cases = random_cases(rng, raw)
        met += assert_agree(read_tape(raw), reference_records(raw), cases, context=f"seed {seed}: {raw}")
    assert not [outcome for outcome in OUTCOMES if met[outcome] < 20], met
