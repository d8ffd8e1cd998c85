"""Random replays over several sessions in the core and in the reference, as many as asked for.

    python tests/support/agreement.py --replays 100000 [--first SEED] [--cases 12]

prints how often each outcome was met, and every seed at which the two differ, with the first difference there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from random import Random

import reference as ref
from hours import random_replays
from tapes import assert_agree, read_tape


def agree(seed: int, count: int) -> Counter[str]:
    """Replay at most `count` cases of one seed's tape in both; return what was met, the replays under "replays"."""
    days = random_replays(Random(seed), count)
    if not days.cases:
        return Counter()
    market = days.cases[0].settings
    pieces = ref.pieces_of(days.records, None, market)
    met = assert_agree(
        read_tape(days.raw, days.trades),
        days.records,
        days.cases,
        trades=days.trades,
        context=f"seed {seed}: {days.raw}, {days.trades}",
    )
    met["replays"] += len(days.cases)
    met["several sessions"] += len(days.cases) * (len(pieces) > 1)
    met["halts"] += len(days.cases) * bool(market.halts)
    met["one-sided"] += len(days.cases) * any(
        record[2] is None or record[4] is None for record in days.records
    )
    return met


def main() -> int:
    """Go on from seed to seed until there are enough replays; the exit code is 1 when any differ."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--replays", type=int, default=100_000)
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--cases", type=int, default=12, help="orders on each tape")
    options.add_argument("--differences", type=int, default=5, help="stop after so many")
    asked = options.parse_args()
    met: Counter[str] = Counter()
    seed, differences, begun = asked.first, 0, time.monotonic()
    while met["replays"] < asked.replays and differences < asked.differences:
        try:
            met += agree(seed, asked.cases)
        except AssertionError as difference:
            differences += 1
            print(f"seed {seed}: {difference}", flush=True)
        seed += 1
        if seed % 500 == 0:
            print(
                f"{met['replays']:,} replays, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True
            )
    print(f"seeds {asked.first} to {seed - 1}, {differences} differ, {time.monotonic() - begun:.0f} s")
    for name, count in met.most_common():
        print(f"{count:>12,}  {name}")
    return int(differences > 0)


if __name__ == "__main__":
    sys.exit(main())
