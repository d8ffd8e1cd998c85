"""A synthetic tape of ten million records."""

from __future__ import annotations

import sor

from bench.figures import Figure, median_seconds


def measure() -> list[Figure]:
    """Equal seeds must give equal tapes before the time is worth anything."""
    one, two = (sor.simulate_quotes(records=100_000, seed=5) for _ in range(2))
    assert one.frame.equals(two.frame)
    taken = median_seconds(lambda: sor.simulate_quotes(venues=12, minutes=390, records=10_000_000), 3)
    return [Figure("simulate_quotes, 12 venues, 10,000,000 records", taken, "s")]
