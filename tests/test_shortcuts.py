"""Routers that turn out to decide alike share a replay: the same bytes as where each has its own (rule A5)."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import polars as pl
import sor
from effort import enough, some
from hours import random_replays
from ledgers import ledger_bytes
from sor.errors import SorError
from sor.replay.lower import Variant
from sor.replay.replay import replay
from sor.settings.routers import StaticRouter
from tapes import as_market, as_parent, read_tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.replay.parents import Parent

HALF_TICK = 0.005
FEE = 0.003


def random_limits(rng: random.Random) -> list[StaticRouter]:
    """Return routers whose limits are what offers cost, multiples of half a tick with a fee, and others near them."""
    unit = rng.choice(["fraction", "price"])
    routers = []
    for _ in range(rng.choice([6, 20])):
        limit = HALF_TICK * rng.choice([0, 1, 2, 3, 4, 6, 10, 1_000]) + rng.choice([0.0, FEE, FEE, 1e-9])
        part = rng.choice([0.0, 0.25, 1.0])
        scale = 1.0 if unit == "price" else rng.choice([0.01, 0.1])
        routers.append(
            StaticRouter(lambda_under=scale * limit * part, theta_queue=scale * limit * (1 - part), unit=unit)
        )
    return routers


def outcome(
    quotes: sor.Quotes, parents: Sequence[Parent], variants: Sequence[Variant], *, on: bool, threads: int = 1
) -> list[bytes] | str:
    try:
        return ledger_bytes(
            replay(quotes, parents, variants, record=False, shortcuts=on, threads=threads, progress=None)
        )
    except SorError as error:
        return repr(error)


def test_limits_between_which_no_offer_costs_give_the_same_bytes() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(1_500, ci=30)):
        rng = random.Random(f"limits {seed}")
        days = random_replays(rng, 4)
        if not days.cases:
            continue
        quotes = read_tape(days.raw, days.trades)
        parents = [as_parent(case.order) for case in days.cases]
        markets = [as_market(case.settings, quotes) for case in days.cases[:2]]
        variants = [
            Variant(policy=router, market=market) for market in markets for router in random_limits(rng)
        ]
        plain = outcome(quotes, parents, variants, on=False)
        for threads in (1, 3):
            assert outcome(quotes, parents, variants, on=True, threads=threads) == plain, seed
        kept = replay(quotes, parents, variants, record=False) if isinstance(plain, list) else None
        met["error" if kept is None else "bytes"] += 1
        if kept is not None:
            met.update(kept.parents["status"].cast(str).to_list())
            met["halts"] += bool(days.cases[0].settings.halts)
            met["different"] += kept.parents["executed"].n_unique() > len(parents)
    assert not [
        name for name in ("bytes", "filled", "completed", "halts", "different") if met[name] < enough(5)
    ], met


def test_what_is_known_of_a_tape_is_known_of_its_sessions() -> None:
    """A venue's quote of yesterday narrows the spread where the whole tape is one session, and is none in two."""
    records, start, ms = 5 * 4_096, 10_000_000_000, 1_000_000
    own = [95.0] * (records // 5) + [91.0] * (records - records // 5)
    frame = pl.DataFrame(
        {
            "ts_event": [0, *range(start, start + records * ms, ms)],
            "publisher_id": [2, *([39] * records)],
            "bid_px_00": [90.4, *([90.0] * records)],
            "bid_sz_00": 100,
            "ask_px_00": [100.0, *own],
            "ask_sz_00": 100,
        },
        schema_overrides={"publisher_id": pl.UInt16},
    )
    tape = sor.read_quotes(frame, time_unit="ns")
    order, router = sor.Order("buy", 100, start=start), sor.StaticRouter(lambda_under=0.4, unit="price")
    free, wide = [sor.Venue(id=2, taker_fee=0.0), sor.Venue(id=39, taker_fee=0.0)], sor.Book(collar=0.5)

    def executed(gap: str) -> int:
        market = sor.Market(session_gap=gap, venues=free, book=wide)
        return int(sor.backtest(tape, order, router, against=[], market=market).orders["executed"][0])

    assert [executed("5s") for _ in range(4)] == [0] * 4
    assert tape.in_sessions("gaps", "5s").lent()["index"].known > 0
    assert [executed("1h") for _ in range(4)] == [100] * 4
