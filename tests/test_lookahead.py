"""The paper's router knows no future: what comes later changes nothing that was decided or done."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from effort import some
from hypothesis import given
from polars.testing import assert_frame_equal
from posted_tapes import any_market, any_tape, exchange_tape, randoms, same
from sor.tape.schema import UNDEF_PRICE
from tapes import (
    CENT,
    QUEUES,
    SIDES,
    SNAPSHOTS,
    Case,
    random_quote,
    replay_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sor.replay.ledger import Ledger


# No look-ahead


def poisoned(quotes: sor.Quotes, rng: random.Random, at: int, *, after: bool = True) -> sor.Quotes:
    """Every record and trade later than `at`, or every other one, replaced, dropped or joined by more.

    The tape begins and ends when it did.
    """
    prices = [price for row in quotes.frame.select("bid_px", "ask_px").rows() for price in row]
    bottom = min((price for price in prices if price < UNDEF_PRICE), default=CENT) // CENT or 1
    venues = range(quotes.venues.height)
    first, last = quotes.start, quotes.end
    extra = (0.5,) if "queue_position" in quotes.frame.columns else ()

    def quote(side: str) -> tuple[int, int]:
        price, size = random_quote(rng, bottom, side)
        return (price, size) if price and size else (UNDEF_PRICE, 0)

    def record(ts: int) -> tuple[Any, ...]:
        return (ts, rng.choice(venues), *quote("bid"), *quote("ask"), *extra)

    def trade(ts: int) -> tuple[int, ...]:
        return (ts, rng.choice(venues), (bottom + rng.randint(0, 6)) * CENT, rng.choice([1, 100, 500]))

    def change(table: pl.DataFrame, new: Callable[[int], tuple[Any, ...]], ends: set[int]) -> pl.DataFrame:
        found = []
        kept = table.rows()
        for i, row in enumerate(kept):
            if (row[0] > at) != after:
                found.append(row)
            elif rng.random() < 0.75 or i in ends:
                found.append(new(row[0]))
                found += [new(row[0]) for _ in range(rng.choice([0, 0, 0, 2]))]
        now = max(first, min(at + 1, last)) if after else min(max(first, at), last)
        found += [new(now) for _ in range(rng.randint(0, 4)) if (now > at) == after]
        found.sort(key=lambda row: row[0])
        return pl.DataFrame(found or kept[:1], schema=table.schema, orient="row").rechunk()

    frame = change(quotes.frame, record, {0, len(quotes) - 1})
    assert (frame["ts"][0], frame["ts"][-1]) == (first, last)
    trades = quotes.trades
    if trades is not None:
        trades = dataclasses.replace(trades, frame=change(trades.frame, trade, set()))
    return dataclasses.replace(quotes, frame=frame, trades=trades)


DECISION = (
    *("parent", "child", "kind", "ts_decided", "ts_arrived", "venue", "quantity", "remaining", "mid"),
    *("seen_price", "seen_displayed", "seen_available", "marginal", "threshold", "gap"),
)
MEETING = ("parent", "child", "met_price", "met_displayed", "met_available", "fill_probability", "age")


def known_at(ledger: Ledger, at: int) -> dict[str, pl.DataFrame]:
    """What had been decided and had happened by a moment."""

    def by(frame: pl.DataFrame, time: str) -> pl.DataFrame:
        return frame.filter(pl.col(time).to_physical() <= at)

    arrived = by(ledger.children, "ts_arrived")
    return {
        "epochs": by(ledger.epochs, "ts"),
        "decisions": by(ledger.children, "ts_decided").select(DECISION),
        "met": arrived.select(MEETING),
        "takes": arrived.filter(pl.col("kind") == "take"),
        "crossed": arrived.select("child", pl.col("reason") == "crossed"),
        "fills": by(ledger.fills, "ts_executed"),
        "places": by(ledger.places, "ts"),
    }


def epoch_start(rng: random.Random, case: Case) -> int:
    """Any of those that begin on the order's way, or a moment between two of them."""
    epochs = -(-case.order.horizon // case.policy.epoch)
    begin = case.order.start + rng.randrange(min(epochs, 10**6)) * case.policy.epoch
    return begin + rng.choice([0, 0, 0, rng.randrange(case.policy.epoch)])


@any_market
@given(randoms)
def test_what_comes_later_changes_nothing_that_was_decided_or_done(rng: random.Random) -> None:
    tape = any_tape(rng)
    quotes, at = tape.read(), epoch_start(rng, tape.cases[0])
    other = poisoned(quotes, rng, at)
    for case, ours, theirs in zip(
        tape.cases, replay_all(quotes, tape.cases), replay_all(other, tape.cases), strict=True
    ):
        before, now = known_at(ours, at), known_at(theirs, at)
        for name, frame in before.items():
            same(frame, now[name], f"{name} by {at}, {case}")


@pytest.mark.slow
def test_the_test_of_the_future_would_see_a_change() -> None:
    """What was known changes the decisions; what was not changes what happens later."""
    met: Counter[str] = Counter()
    for seed in range(30):
        rng = random.Random(seed)
        tape = exchange_tape(rng)
        quotes, at = tape.read(), epoch_start(rng, tape.cases[0])
        ledgers = [
            replay_all(each, tape.cases)
            for each in (quotes, poisoned(quotes, rng, at), poisoned(quotes, rng, at, after=False))
        ]
        for ours, later, earlier in zip(*ledgers, strict=True):
            known = known_at(ours, at)
            met["all"] += 1
            met["planned"] += bool((known["epochs"]["scenarios"] > 0).any())
            met["posts"] += bool((known["decisions"]["kind"] == "post").any())
            met["filled"] += bool((known["fills"]["kind"] == "post").any())
            for table in ("epochs", "decisions"):
                met[table] += not known[table].equals(known_at(earlier, at)[table])
            met["later"] += not ours.fills.equals(later.fills)
    assert met["planned"] > 0.7 * met["all"], met
    assert met["posts"] > 0.5 * met["all"], met
    assert met["filled"] > 0.25 * met["all"], met
    assert min(met["epochs"], met["decisions"]) > 0.9 * met["all"], met
    assert met["later"] > 0.6 * met["all"], met


@any_market
@given(randoms)
def test_a_window_that_has_ended_is_known(rng: random.Random) -> None:
    tape = any_tape(rng)
    quotes = tape.read()
    span = quotes.end - quotes.start
    if span == 0:
        return
    at = rng.randint(quotes.start, quotes.end)
    other = poisoned(quotes, rng, at)
    asked: dict[str, Any] = {
        "side": rng.choice(SIDES),
        "quantity": rng.choice([1, 100, 1_000]),
        "window": rng.randint(1, max(span // rng.choice([1, 4, 20]), 1)),
        "every": rng.randint(max(span // 50, 1), span),
        "book": sor.Book(snapshot=rng.choice(SNAPSHOTS), collar=rng.choice([None, 0.01])),
    }
    for queue in QUEUES:
        ours, theirs = (sor.probe_outflows(each, queue=queue, **asked) for each in (quotes, other))
        assert_frame_equal(ours.select("start", "end"), theirs.select("start", "end"))
        known = pl.col("end").to_physical() <= at
        assert_frame_equal(ours.filter(known), theirs.filter(known))


def test_the_test_of_windows_would_see_a_change() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(40, ci=4)):
        rng = random.Random(seed)
        quotes = exchange_tape(rng).read()
        span = quotes.end - quotes.start
        at = quotes.start + span // 2
        for queue in QUEUES:
            ours, later, earlier = (
                sor.probe_outflows(each, quantity=500, window=span // 10, queue=queue)
                for each in (quotes, poisoned(quotes, rng, at), poisoned(quotes, rng, at, after=False))
            )
            known = pl.col("end").to_physical() <= at
            met["all"] += 1
            met["earlier"] += not ours.filter(known).equals(earlier.filter(known))
            met["later"] += not ours.equals(later)
    assert min(met["earlier"], met["later"]) > 0.8 * met["all"], met
