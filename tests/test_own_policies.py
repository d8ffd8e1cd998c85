"""Policies in Python against the built-in ones: the same rules give the same ledgers, byte for byte (rule Q3)."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import polars as pl
import sor
from effort import enough, some
from hours import random_replays
from ledgers import serialized
from own_policies import OwnBestAsk, OwnPosting, OwnProRata, OwnStatic, OwnSweep
from sor.replay.ledger import TABLES
from sor.replay.lower import Variant
from sor.replay.replay import replay
from tapes import Case, as_market, as_parent, as_policy, lay, read_tape

if TYPE_CHECKING:
    from sor.replay.ledger import Ledger


def twin(case: Case, quotes: sor.Quotes, built_in: Ledger) -> sor.Policy | sor.Sliced | None:
    """The same policy in Python; None where there is none."""
    policy = case.policy
    match policy.kind:
        case "best_ask":
            return OwnBestAsk()
        case "sweep":
            return OwnSweep()
        case "twap":
            return sor.Sliced(OwnSweep(), sor.Twap(bucket=policy.bucket))
        case "vwap":
            return OwnProRata()
        case "router" if policy.plan == "displayed":
            return OwnStatic(as_policy(policy))
        case "cont_kukanov":
            return OwnPosting(policy.epoch, plans_of(built_in, quotes), policy.queue)
        case _:
            return None


def plans_of(ledger: Ledger, quotes: sor.Quotes) -> dict[int, tuple[int, list[tuple[int, int]]]]:
    """What the paper's router planned at every epoch's start: to take, and to rest by venue."""
    index = {name: i for i, name in enumerate(quotes.venues["name"])}
    posts = ledger.children.filter(kind="post").select(
        pl.col("ts_decided").to_physical(), pl.col("venue").cast(pl.String), "quantity"
    )
    rested = defaultdict(list)
    for now, venue, quantity in posts.rows():
        rested[now].append((index[venue], quantity))
    epochs = ledger.epochs.select(pl.col("ts").to_physical(), "market").rows()
    return {now: (market, rested[now]) for now, market in epochs}


def bytes_of(ledger: Ledger, *, strict: bool) -> dict[str, bytes]:
    """A ledger without what only the core writes: the paper's epochs, and the marginal cost of a strict split."""
    found = {name: getattr(ledger, name).drop("variant") for name in TABLES if name != "epochs"}
    if strict:
        found["children"] = found["children"].drop("marginal")
    return {name: serialized(frame) for name, frame in found.items()}


def alone(quotes: sor.Quotes, case: Case, policy: Any) -> Ledger:
    variant = Variant(policy=policy, market=as_market(case.settings, quotes))
    return replay(lay(quotes, case.settings), [as_parent(case.order)], [variant], record=True, threads=1)


def compare(seed: int) -> Counter[str]:
    days = random_replays(random.Random(seed), 8)
    met: Counter[str] = Counter()
    quotes = read_tape(days.raw, days.trades)
    for case in days.cases:
        built_in = alone(quotes, case, as_policy(case.policy))
        own = twin(case, quotes, built_in)
        if own is None:
            continue
        strict = case.policy.kind == "router" and case.policy.rule == "strict"
        again = alone(quotes, case, own)
        context = f"seed {seed}, {case}"
        ours, theirs = bytes_of(again, strict=strict), bytes_of(built_in, strict=strict)
        for name, frame in theirs.items():
            assert ours[name] == frame, (context, name, getattr(again, name), getattr(built_in, name))
        met[case.policy.kind] += 1
        met["latency"] += any(venue.latency for venue in case.settings.venues)
        met["halts"] += bool(case.settings.halts)
        met[case.settings.fill.kind] += 1
        met["fills"] += built_in.fills.height
        met["posted"] += built_in.fills.filter(kind="post").height
    return met


KINDS = ("best_ask", "sweep", "twap", "vwap", "router", "cont_kukanov")


def test_the_built_in_policies_written_in_python_give_the_same_bytes() -> None:
    met = sum((compare(seed) for seed in range(some(1_000, ci=20))), Counter[str]())
    wanted = (*KINDS, "latency", "halts", "expected", "sampled", "fills", "posted")
    assert not [name for name in wanted if met[name] < enough(20)], met
