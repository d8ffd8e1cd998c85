"""Damaged files, hostile arguments and random replays beside the reference, for as long as asked.

    python tests/support/fuzz.py --seconds 600 [--seed 1]

prints how many of each were tried, and what was wrong; the exit code is 1 when anything was. (`make fuzz`.)
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import damaged
import hostile
from agreement import agree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Wrong = list[str]
"""What was wrong with a few cases."""

_MOST = 50
"""So many findings are enough to begin with."""


def files(seed: int) -> Iterator[tuple[int, Wrong]]:
    """Read damaged files, one of each kind at a time."""
    with tempfile.TemporaryDirectory() as folder:
        for k in itertools.count():
            found = [
                damaged.tried(name, f"{seed} {name} {k}", Path(folder)) for name in sorted(damaged.SEEDS)
            ]
            yield len(found), [each for each in found if each is not None]


def arguments(seed: int) -> Iterator[tuple[int, Wrong]]:
    """Call with hostile arguments, one to three at a time."""
    rng = random.Random(seed)
    one = list(hostile.single())
    rng.shuffle(one)
    cases = itertools.chain(one, hostile.several(rng))
    while True:
        yield 100, hostile.wrongs(itertools.islice(cases, 100))


def replays(seed: int) -> Iterator[tuple[int, Wrong]]:
    """Replay orders in the core and in the reference: several sessions, halts, one-sided books."""
    for k in itertools.count(1_000_000 * seed):
        try:
            yield agree(k, 12)["replays"], []
        except AssertionError as difference:
            yield 12, [f"replays of seed {k} differ: {difference}"[:2_000]]


KINDS: dict[str, Callable[[int], Iterator[tuple[int, Wrong]]]] = {
    "damaged files": files,
    "hostile calls": arguments,
    "replays": replays,
}


def main() -> int:
    """Take turns until the time is over."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1, help="begins elsewhere")
    asked = options.parse_args()
    begun = time.monotonic()
    turns = {name: kind(asked.seed) for name, kind in KINDS.items()}
    spent, tried = dict.fromkeys(KINDS, 0.0), Counter[str]()
    wrong: Wrong = []
    while time.monotonic() - begun < asked.seconds and len(wrong) < _MOST:
        name = min(turns, key=lambda each: spent[each])  # each kind gets the same time
        turn = time.monotonic()
        count, found = next(turns[name])
        spent[name] += time.monotonic() - turn
        tried[name] += count
        for each in found:
            print(each, flush=True)
        wrong += found
    for name in KINDS:
        print(f"{tried[name]:>10,}  {name}")
    print(f"{len(wrong):>10,}  wrong, {time.monotonic() - begun:.0f} s, seed {asked.seed}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
