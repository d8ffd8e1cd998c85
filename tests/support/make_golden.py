"""Write what the reference says into `tests/golden/*.json`, which `cargo test` reads: `make golden`.

Random and adversarial tapes, every policy, depletion, snapshot and side, late and queue-aware fills, limit orders,
completions that walk far, splits, probes and counts. `test_golden_files.py` checks that the files are what this writes.
Sampled fills are left out: their stream of random numbers is the core's own.
"""

from __future__ import annotations

import dataclasses
import json
import random
from itertools import count, islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reference as ref
from exchange import Rules, simulate
from queue_cases import TAPED, UNTAPED, tape_of
from simulated_markets import random_rules
from tapes import (
    CENT,
    DEPLETIONS,
    POLICIES,
    QUEUES,
    SIDES,
    SNAPSHOTS,
    Case,
    random_busy_policy,
    random_order,
    random_paper_policy,
    random_policy,
    random_settings,
    random_tape,
    random_trades,
    reference_records,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

GOLDEN = Path(__file__).parents[1] / "golden"
TAPES = 45  # a policy, depletion and snapshot each
SUMS = (
    *("executed", "completed", "unwound", "spread", "slippage", "timing", "opportunity"),
    *("fees", "rebates", "shortfall"),
)
Json = dict[str, Any]


def row(thing: object, *leave: str) -> list[Any]:
    """The fields of a reference's row, in their order."""
    return [getattr(thing, f.name) for f in dataclasses.fields(thing) if f.name not in leave]  # type: ignore[arg-type]


def drift(summary: dict[str, int]) -> dict[str, int]:
    """Add the schedule's part to the timing: these files tell the two from nothing else."""
    return summary | {"timing": summary.get("timing", 0) + summary.get("schedule", 0)}


def replayed(
    records: Sequence[ref.book.Record], case: Case, trades: Sequence[ref.Trade] | None = None
) -> Json:
    """One order as the reference replays it."""
    run = ref.replay(records, case.order, case.policy, case.settings, trades=trades)
    return {
        "order": dataclasses.asdict(case.order),
        "policy": {name: value for name, value in vars(case.policy).items() if name != "schedule"},
        "settings": dataclasses.asdict(case.settings),
        "status": run.status,
        "m0": run.m0,
        "sums": [drift(run.summary).get(name, 0) for name in SUMS],
        "children": [row(child) for child in run.children],
        "fills": [row(fill, "policy", "parent") for fill in run.fills],
        "hindsight": ref.hindsight(records, case.order, case.settings),
    }


def taped(
    records: Sequence[ref.book.Record], cases: Sequence[Case], trades: Sequence[ref.Trade] | None
) -> Json:
    return {
        "records": records,
        "trades": trades,
        "cases": [replayed(records, case, trades) for case in cases],
    }


def certain(settings: ref.Settings) -> ref.Settings:
    """The same, with expected shares where they would be drawn."""
    if settings.fill.kind != "sampled":
        return settings
    return dataclasses.replace(settings, fill=dataclasses.replace(settings.fill, kind="expected"))


def takers(tape: int) -> Json:
    """A senseless tape: one policy, depletion and snapshot, both sides, in two markets each."""
    rng = random.Random(tape)
    raw = random_tape(rng, most=24)
    venues = len({record[2] for record in raw})
    kind, depletion, snapshot = list(product(POLICIES, DEPLETIONS, SNAPSHOTS))[tape % 45]
    cases = [
        Case(
            random_order(rng, raw, side),
            random_policy(rng, kind),
            dataclasses.replace(
                certain(random_settings(rng, venues)), depletion=depletion, snapshot=snapshot
            ),
        )
        for side in SIDES
        for _ in range(2)
    ]
    return taped(reference_records(raw), cases, None)


def overbooked(seed: int) -> Json:
    """A router that plans with aged fills and gets more than it planned: shares to unwind."""
    rng = random.Random(1_000 + seed)
    raw = random_tape(rng, most=24)
    venues = len({record[2] for record in raw})
    cases = []
    for side in SIDES:
        fill = ref.FillModel("expected", queue_position=0.2, max_fill=0.9, impact=0.0001, decay=9.0)
        router = dataclasses.replace(
            random_policy(rng, "router"),
            rule="relaxed",
            plan="fills",
            overbook=1.5,
            unit="fraction",
            lambda_under=0.9,
            lambda_over=0.0,
        )
        market = dataclasses.replace(random_settings(rng, venues), fill=fill, collar=None)
        order = ref.Order(side, rng.choice([60, 100, 200]), raw[0][0], 40, rng.choice([1, 10, 20]))
        cases.append(Case(order, router, market))
    return taped(reference_records(raw), cases, None)


def posters(seed: int) -> Json:
    """The paper's router in a market with real queues, each queue model, both sides."""
    rng = random.Random(2_000 + seed)
    rules = Rules(seed, 2, 120, rng.choice([1, 1, 25]), limits=4, crossing=2, market=4, cancels=2, lots=100)
    market = simulate(rules, [])
    records, last = market.records, market.records[-1][0]
    venues = len({record[1] for record in records})
    cases = []
    for queue, side in product(QUEUES, SIDES):
        settings = dataclasses.replace(
            certain(random_settings(rng, venues)), snapshot=rng.choice(SNAPSHOTS), collar=None
        )
        terms = [dataclasses.replace(v, latency=rng.choice([0, 0, 8, 25])) for v in settings.venues]
        shares, start = 100 * rng.choice([3, 10]), rng.randint(last // 3, last // 2)
        order = ref.Order(side, shares, start, rng.randint(last // 8, last // 2), 100)
        policy = random_busy_policy(rng, queue, last)
        cases.append(Case(order, policy, dataclasses.replace(settings, venues=terms)))
    return taped(records, cases, market.trades if seed % 4 else None)


def posts_filled(tape: Json) -> int:
    return sum(fill[4] == "post" for case in tape["cases"] for fill in case["fills"])


def posters_anywhere(seed: int) -> Json:
    """The paper's router where quotes and trades make no sense."""
    rng = random.Random(3_000 + seed)
    raw = random_tape(rng, most=24)
    trades = random_trades(rng, raw) if seed % 3 else None
    last = max(record[0] for record in raw)
    cases = [
        Case(
            dataclasses.replace(random_order(rng, raw, side), horizon=rng.randint(1, last - 950)),
            random_paper_policy(rng, queue),
            certain(random_settings(rng, len({r[2] for r in raw}))),
        )
        for queue, side in product(QUEUES, SIDES)
    ]
    return taped(reference_records(raw), cases, trades)


def far_walks() -> Iterator[Json]:
    """Completions and unwinds of many levels: on a book of a few cents a sell meets zero."""
    for bid, ask, depth in ((3, 5, 10), (998, 1_002, 1), (1, 2, 7)):
        records = [(0, 0, bid * CENT, depth, ask * CENT, depth), (5, 1, bid * CENT, 2 * depth, ask * CENT, 1)]
        settings = ref.Settings([ref.Venue(), ref.Venue(1_000_000)], collar=None, fill=ref.FillModel())
        nothing = ref.Policy("router", rule="strict")
        cases = [
            Case(
                ref.Order(side, shares, 1, 9, 10**6), nothing, dataclasses.replace(settings, tick=CENT * step)
            )
            for side in SIDES
            for shares in (depth, 9 * depth + 1)
            for step in (1, 2)
        ]
        yield taped(records, cases, None)


def counts(records: Sequence[ref.book.Record], mode: str, collar: float) -> list[int]:
    """Snapshots, locked, crossed, and stubs, by the reference's book."""
    venues = 1 + max(record[1] for record in records)
    book = ref.Book(ref.Settings([ref.Venue()] * venues), "ask")
    total = locked = crossed = stubs = 0
    for ts, group in ref.snapshots(records, mode):
        book.apply_snapshot(group)
        total += 1
        bid, ask = book.best("bid", ts), book.best("ask", ts)
        if bid is not None and ask is not None:
            locked += bid.price == ask.price
            crossed += bid.price > ask.price
        if book.mid is None:
            continue
        beyond = round(collar * book.mid)
        for _, _, bid_px, bid_sz, ask_px, ask_sz, *_ in group:
            stubs += bool(bid_px and bid_sz) and book.mid - bid_px > beyond
            stubs += bool(ask_px and ask_sz) and ask_px - book.mid > beyond
    return [total, locked, crossed, stubs]


def counted(seed: int) -> Json:
    rng = random.Random(4_000 + seed)
    records = reference_records(random_tape(rng))
    collar = rng.choice([0.0, 0.001, 0.01])
    return {
        "records": records,
        "collar": collar,
        "counts": {mode: counts(records, mode, collar) for mode in ("last", "each")},
    }


def allocated(seed: int) -> Json:
    """A split of few prices and fees, so that ties are frequent."""
    rng = random.Random(5_000 + seed)
    lot = rng.choice([1, 5, 100])
    offers = [
        [
            *(rng.randint(95, 105), rng.randint(0, 4 * lot + 3)),
            *(rng.choice([0, 1, 2, -1]), rng.choice([0, 1])),
        ]
        for _ in range(rng.randint(1, 4))
    ]
    problem: Json = {
        "side": rng.choice(SIDES),
        "lot": lot,
        "benchmark": 100,
        "lambda_over": rng.randint(0, 3),
        "lambda_under": rng.randint(0, 5),
        "theta": rng.randint(0, 2),
        "rule": rng.choice(["relaxed", "relaxed", "strict"]),
    }
    quantity = rng.randint(0, 6 * lot)
    answer = ref.allocate(quantity, [tuple(offer) for offer in offers], **problem)
    found = {"split": None, "cost": None} if answer is None else {"split": answer.split, "cost": answer.cost}
    return {"quantity": quantity, "offers": offers, **problem, **found}


def probes() -> Iterator[Json]:
    """Filled shares of probes: the cases by hand, and simulated markets with and without their trades."""
    for hand in (*TAPED, *UNTAPED):
        for side in SIDES:
            records, trades = tape_of(hand, side)
            yield probed(records, trades, side, hand.quantity, records[-1][0] - records[0][0], 10**6)
    for seed in range(12):
        rng = random.Random(6_000 + seed)
        market = simulate(random_rules(rng, seed, rng.choice([1, 25])), [])
        records, span = market.records, market.records[-1][0]
        trades = market.trades if seed % 3 else None
        length, every = max(span // rng.choice([3, 6]), 1), max(span // 7, 1)
        yield probed(records, trades, rng.choice(SIDES), rng.choice([100, 900]), length, every)


def probed(
    records: Sequence[ref.book.Record],
    trades: Sequence[ref.Trade] | None,
    side: str,
    quantity: int,
    length: int,
    every: int,
) -> Json:
    venues = 1 + max(record[1] for record in records)
    settings = ref.Settings([ref.Venue()] * venues, collar=None)
    windows = ref.windows_of(records, length, every)
    filled = {
        queue: ref.probe(records, trades, windows, side, quantity, queue, settings) for queue in ref.QUEUES
    }
    return {
        "records": records,
        "trades": trades,
        "side": side,
        "quantity": quantity,
        "length": length,
        "every": every,
        "filled": filled,
    }


def replays() -> Iterator[Json]:
    yield from (takers(tape) for tape in range(TAPES))
    yield from (overbooked(seed) for seed in range(6))
    yield from far_walks()
    yield from (posters_anywhere(seed) for seed in range(6))
    yield from islice((tape for tape in map(posters, count()) if posts_filled(tape) > 4), 10)


FILES: dict[str, Callable[[], Iterator[Json]]] = {
    "replays.json": replays,
    "allocations.json": lambda: map(allocated, range(300)),
    "probes.json": probes,
    "states.json": lambda: map(counted, range(60)),
}


def written(entries: Iterable[Json]) -> str:
    """JSON, a line an entry."""
    lines = (json.dumps(entry, separators=(",", ":"), allow_nan=False) for entry in entries)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    for name, entries in FILES.items():
        (GOLDEN / name).write_text(written(entries()), encoding="utf-8")


if __name__ == "__main__":
    main()
