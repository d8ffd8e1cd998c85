"""Where only sums are kept the core goes its own way through the records: the sums are those of the rows.

The rows are compared with the reference elsewhere. Here are the markets in which that way is taken: fills that are
certain, no latency, sizes that are no whole lots, and offers at few prices that are repeated, halved and doubled.
"""

from __future__ import annotations

import random
from collections import Counter

import sor
from effort import enough, some
from hypothesis import given
from hypothesis import strategies as st
from sor.replay.lower import Variant
from sor.replay.parents import Parent
from sor.replay.replay import replay
from tapes import CENT, SIDES, SNAPSHOTS, Raw, read_tape

SIZES = (0, 1, 30, 99, 100, 130, 200, 250, 1_000)
LIMITS = (0.0, 0.003, 0.005, 0.01, 0.015, 0.02, 0.05, 1.0, 1_000.0)


def a_tape(rng: random.Random) -> list[Raw]:
    """Some hundred records of a few venues that trade within some cents, one after the other or at once."""
    venues = range(1, rng.randint(1, 4) + 1)
    gap = rng.choice([(1,), (0, 1), (0, 0, 0, 5)])
    wide = rng.choice([1, 2, 4])
    quotes: dict[int, tuple[int | None, int, int | None, int]] = {}
    records, ts = [], 1_000
    for sequence in range(rng.choice([20, 100, 300])):
        ts += rng.choice(gap)
        venue = rng.choice(venues)
        bid, bid_size, ask, ask_size = quotes.get(venue, (None, 0, None, 0))
        what = rng.random()
        if bid is None or ask is None or what < 0.4:
            bid = (1_000 - rng.randrange(wide)) * CENT
            ask = (1_000 + rng.randint(0 if rng.random() < 0.1 else 1, wide)) * CENT
            bid_size, ask_size = rng.choice(SIZES), rng.choice(SIZES)
        elif what < 0.6:
            ask_size = rng.choice([ask_size // 2, 2 * ask_size, rng.choice(SIZES)])
        elif what < 0.8:
            bid_size = rng.choice([bid_size // 2, 2 * bid_size, rng.choice(SIZES)])
        elif what < 0.85:
            bid, bid_size = rng.choice([(None, 0), (2 * CENT, 100)])
        elif what < 0.9:
            ask, ask_size = rng.choice([(None, 0), (90_000 * CENT, 100)])
        quotes[venue] = (bid, bid_size, ask, ask_size)
        records.append((ts, sequence, venue, *quotes[venue]))
    return records


def a_market(rng: random.Random, tape: sor.Quotes) -> sor.Market:
    same = rng.random() < 0.3
    fees = [0.003 if same else rng.choice([0.003, 0.0, -0.001, 0.013]) for _ in tape.venues["name"]]
    return sor.Market(
        venues=[sor.Venue(name, taker_fee=fee) for name, fee in zip(tape.venues["name"], fees, strict=True)],
        book=sor.Book(
            snapshot=rng.choice(SNAPSHOTS),
            depletion=rng.choice(["refresh", "refresh", "persistent", "none"]),
            collar=rng.choice([None, 0.001, 0.0001]),
            max_quote_age=rng.choice([None, None, 3, 40]),
        ),
    )


def a_policy(rng: random.Random) -> object:
    if rng.random() < 0.2:
        return sor.POLICIES[rng.choice(["best_ask", "sweep", "pro_rata"])]
    part = rng.choice([0.0, 0.25, 1.0])
    limit = rng.choice(LIMITS)
    return sor.StaticRouter(
        lambda_over=rng.choice([0.0, 0.001]),
        lambda_under=limit * part,
        theta_queue=limit * (1 - part),
        unit="price",
    )


def a_parent(rng: random.Random, tape: sor.Quotes) -> Parent:
    start = rng.randint(int(tape.start) - 2, int(tape.end))
    quantity = rng.choice([1, 50, 99, 130, 200, 777, 1_000, 2_345, 20_000])
    return Parent(
        rng.choice(SIDES), quantity, start, start + rng.choice([5, 60, 1_000]), rng.choice([1, 7, 100])
    )


def compared(seed: int) -> Counter[str]:
    rng = random.Random(f"sums {seed}")
    tape = read_tape(a_tape(rng), None)
    parents = [a_parent(rng, tape) for _ in range(8)]
    markets = [a_market(rng, tape) for _ in range(2)]
    variants = [Variant(policy=a_policy(rng), market=market) for market in markets for _ in range(6)]
    rows = replay(tape, parents, variants, record=True, threads=1)
    for shortcuts in (True, False):
        sums = replay(tape, parents, variants, record=False, shortcuts=shortcuts, threads=1, progress=None)
        assert sums.parents.equals(rows.parents), (seed, shortcuts)
    met = Counter(rows.parents["status"].cast(str).to_list())
    met["takes in lots and in single shares"] += int((rows.parents["children"] > 1).sum())
    return met


def test_the_sums_are_those_of_the_rows() -> None:
    met = sum((compared(seed) for seed in range(some(2_000, ci=60))), Counter[str]())
    wanted = ("filled", "completed", "stale", "takes in lots and in single shares")
    assert not [name for name in wanted if met[name] < enough(200)], met


@given(st.integers(100_000, 10**9))
def test_so_they_are_on_any_day(seed: int) -> None:
    compared(seed)
