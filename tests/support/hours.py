"""Random tapes of several sessions: silences, stubs at the open, one-sided stretches, halts, trading hours.

In the style of `tapes`: every generator takes a `random.Random`; times are a few nanoseconds.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import reference as ref
from tapes import CENT, Raw, random_order, random_tape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

ONE_SESSION = 10**6  # longer than any silence of these tapes


def random_days(rng: Random, *, most: int = 40) -> list[Raw]:
    """Return raw records with silences between them, some of which begin a session with stubs or one side only."""
    raw = sorted(random_tape(rng, most=most), key=lambda record: record[:2])
    silences = rng.sample(range(1, len(raw)), min(rng.choice([0, 1, 2, 3]), len(raw) - 1))
    days: list[Raw] = []
    late, opening, missing = 0, rng.random() < 0.5, None
    for i, record in enumerate(raw):
        if i in silences:
            late += rng.choice([10, 20, 20, 21, 40])
            opening, missing = rng.random() < 0.7, None
        ts, sequence, venue, *quote = record
        if opening:
            missing = rng.choice([None, "bid", "ask", "both"])
            opening = rng.random() < 0.4  # more than one venue may open late
            quote[:4] = opening_quote(rng, quote, missing)
        elif missing in ("bid", "ask") and rng.random() < 0.5:  # one side stays empty for a while
            quote[:4] = opening_quote(rng, quote, missing)
        days.append((ts + late, sequence, venue, *quote))
    if rng.random() < 0.5:
        rng.shuffle(days)
    return days


def opening_quote(rng: Random, quote: Sequence[Any], missing: str | None) -> list[Any]:
    """Return a quote as venues show at the open: a stub on one side or on both, or nothing there."""
    bid, bid_size, ask, ask_size = quote[:4]
    low, high = (CENT // 2, 1_500 * CENT) if (ask or bid or CENT) > 500 * CENT else (CENT // 2, 90 * CENT)
    if missing in ("bid", "both"):
        bid, bid_size = rng.choice([(None, 0), (low, 100)])
    if missing in ("ask", "both"):
        ask, ask_size = rng.choice([(None, 0), (high, 100)])
    return [bid, bid_size, ask, ask_size]


def random_hours(rng: Random, times: Sequence[int]) -> dict[str, Any]:
    """Return the sessions of a market (T1) as fields of the reference's settings."""
    first, last = min(times), max(times)
    kind = rng.choice(["gaps", "gaps", "gaps", "given", "given", "one", "around"])
    if kind == "gaps":
        return {"sessions": "gaps", "session_gap": rng.choice([4, 9, 10, 20, 20, 21, ONE_SESSION])}
    if kind == "one":
        return {"sessions": None}
    if kind == "around":
        return {"sessions": [ref.Session(first - rng.choice([0, 7, 100]), last + rng.choice([0, 7, 11_000]))]}
    ends = sorted(
        {rng.choice(times) + rng.choice([-1, 0, 0, 0, 1, 5]) for _ in range(rng.choice([2, 2, 4, 6]))}
        | {first - rng.choice([0, 3]), last + rng.choice([0, 30])}
    )
    touching = rng.random() < 0.3  # one closes when the next one opens
    pairs = itertools.pairwise(ends) if touching else zip(ends[::2], ends[1::2], strict=False)
    return {"sessions": [ref.Session(*pair) for pair in pairs]}


def around(records: Sequence[ref.book.Record], order: ref.Order) -> list[ref.Session]:
    """Return one session that holds a tape and an order."""
    return [ref.Session(min(records[0][0], order.start), max(records[-1][0], order.start + order.horizon))]


def random_halts(rng: Random, times: Sequence[int], venues: int) -> list[ref.Halt]:
    """Return halts of one venue or of all, most of them from or to the time of a record; some overlap."""
    halts = []
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        start = rng.choice(times) + rng.choice([0, 0, 0, 1, -1])
        end = rng.choice([start + rng.choice([1, 2, 5, 15, 60]), rng.choice(times)])
        if end > start:
            halts.append(ref.Halt(start, end, rng.choice([None, rng.randrange(venues)])))
    return halts


def with_hours(
    rng: Random, settings: ref.Settings, hours: dict[str, Any], halts: Sequence[ref.Halt]
) -> ref.Settings:
    """Return settings with these sessions and halts, and any width of the collar in ticks."""
    return dataclasses.replace(settings, **hours, halts=list(halts), collar_ticks=rng.choice([0, 0, 1, 5]))


def order_inside(
    rng: Random, raw: Sequence[Raw], side: str, records: Sequence[ref.book.Record], settings: ref.Settings
) -> ref.Order | None:
    """Return an order that has a session (T3); None where a tape has nothing inside its hours."""
    pieces = ref.pieces_of(records, None, settings)
    if not pieces:
        return None
    while True:
        order = random_order(rng, raw, side)
        if rng.random() < 0.3:
            session = rng.choice(pieces).session
            order = dataclasses.replace(
                order,
                **rng.choice(
                    [
                        {"start": session.open - rng.choice([0, 1, 4])},
                        {"start": session.close - order.horizon},
                        {"start": session.close - rng.choice([0, 1, 4])},
                    ]
                ),
            )
        try:
            ref.place_order(order, pieces)
        except ValueError:
            continue
        return order
