"""Limit orders in the replay: shares and money add up, and the rows of one table follow from the others'."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from effort import enough, some
from posted_tapes import Tape, exchange_tape, senseless_tape
from tapes import (
    SNAPSHOTS,
    reference_records,
    replay_all,
    rows,
)
from test_properties import Replayed, assert_derivable

if TYPE_CHECKING:
    from collections.abc import Iterator


# Shares and money


@dataclass(frozen=True)
class Posted(Replayed):
    """A replay with the rows that only the paper's router has."""

    places: list[dict[str, Any]]
    epochs: list[dict[str, Any]]

    @property
    def end(self) -> int:
        return self.case.order.start + self.case.order.horizon

    def epoch_end(self, ts: int) -> int:
        """The end of the epoch that a decision belongs to."""
        start, epoch = self.case.order.start, self.case.policy.epoch
        return start + ((ts - start) // epoch + 1) * epoch


def posted(tape: Tape) -> Iterator[Posted]:
    quotes, records = tape.read(), reference_records(tape.raw)
    for case, ledger in zip(tape.cases, replay_all(quotes, tape.cases), strict=True):
        (parent,) = rows(ledger.parents, quotes)
        tables = (
            rows(getattr(ledger, name), quotes)
            for name in ("children", "fills", "releases", "places", "epochs")
        )
        yield Posted(case, records, parent, *tables)


@pytest.fixture(scope="module")
def replays() -> list[Posted]:
    """Orders of every side and queue model on markets of every kind, with trades and without."""
    found: list[Posted] = []
    for seed in range(some(150, everyday=20)):
        rng = random.Random(seed)
        snapshot = {"snapshot": SNAPSHOTS[seed % 3]}
        found += posted(exchange_tape(rng, **snapshot) if seed % 3 else senseless_tape(rng))
    return found


def test_the_replays_have_all_there_is(replays: list[Posted]) -> None:
    met: Counter[str] = Counter()
    for run in replays:
        met.update(f"{child['kind']} {child['reason']}" for child in run.children)
        met.update(fill["kind"] for fill in run.fills)
        met.update("problem" if epoch["scenarios"] else "all taken" for epoch in run.epochs)
        fills = Counter(fill["child"] for fill in run.fills if fill["kind"] == "post")
        met["post of many fills"] += sum(count > 1 for count in fills.values())
    posts = [f"post {reason}" for reason in ("filled", "partial", "queue", "expired", "crossed")]
    outcomes = [*posts, "take", "completion", "unwind", "problem", "all taken", "post of many fills"]
    assert not [outcome for outcome in outcomes if met[outcome] < enough(5)], met


def test_shares_are_conserved(replays: list[Posted]) -> None:
    for run in replays:
        parent = run.parent
        net = parent["executed"] + parent["completed"] - parent["unwound"]
        assert net == run.case.order.quantity or parent["status"] == "no_quotes"
        assert 0 <= parent["posted"] <= parent["executed"]
        assert parent["executed"] == sum(child["executed"] for child in run.children)
        assert min(parent["completed"], parent["unwound"]) == 0, "both bought and sold at the end"
        assert (parent["completed"] == 0) or parent["status"] in ("completed", "late", "stale")
        filled: Counter[int] = Counter()
        for fill in run.fills:
            filled[fill["child"]] += fill["quantity"]
            assert fill["quantity"] > 0
        for child in run.children:
            assert child["executed"] == filled[child["child"]] <= child["quantity"]
            full = child["executed"] == child["quantity"]
            assert (child["reason"] == "filled") == full
            assert (child["reason"] == "partial") == (child["executed"] > 0 and not full)


def test_every_sum_follows_from_the_fills(replays: list[Posted]) -> None:
    for run in replays:
        assert_derivable(run)


def test_posts_pay_no_fee_and_earn_the_rebate(replays: list[Posted]) -> None:
    for run in replays:
        venues, s = run.case.settings.venues, run.case.order.sign
        children = {child["child"]: child for child in run.children}
        rebates = 0
        for fill in run.fills:
            terms = venues[fill["venue"]]
            if fill["kind"] == "post":
                child = children[fill["child"]]
                assert child["kind"] == "post"
                assert fill["price"] == fill["quoted"] == child["seen_price"]
                assert (fill["venue"], fill["ts_decided"]) == (child["venue"], child["ts_decided"])
                assert (fill["fee"], fill["rebate"]) == (0, fill["quantity"] * terms.maker_rebate)
                rebates += fill["quantity"] * terms.maker_rebate
            else:
                assert (fill["fee"], fill["rebate"]) == (fill["quantity"] * terms.taker_fee, 0)
        assert run.parent["rebates"] == rebates
        for child in children.values():
            if child["kind"] == "post":
                gain = s * (child["seen_price"] - child["mid"]) - venues[child["venue"]].maker_rebate
                assert child["marginal"] == gain
                assert child["seen_available"] == child["seen_displayed"]


def test_places_follow_the_fills(replays: list[Posted]) -> None:
    for run in replays:
        steps: dict[int, list[dict[str, Any]]] = defaultdict(list)
        fills: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place in run.places:
            steps[place["child"]].append(place)
        for fill in run.fills:
            if fill["kind"] == "post":
                fills[fill["child"], fill["ts_executed"]].append(fill["quantity"])
        for child in run.children:
            own = steps.pop(child["child"], [])
            joined = child["kind"] == "post" and child["reason"] not in ("crossed", "expired")
            assert bool(own) == joined, (child, run.case)
            if not joined:
                continue
            assert own[0]["ts"] == child["ts_arrived"]
            assert (own[0]["left"], own[0]["ahead"]) == (child["quantity"], child["met_available"])
            for before, after in pairwise(own):
                assert before["ts"] <= after["ts"]
                # Null: the pessimist knows no bound on a queue that was hidden when he joined.
                ahead = [math.inf if place["ahead"] is None else place["ahead"] for place in (before, after)]
                assert 0 <= ahead[1] <= ahead[0]
                assert (after["ahead"], after["left"]) != (before["ahead"], before["left"])
                gone = before["left"] - after["left"]
                assert gone >= 0
                if gone:
                    assert fills[child["child"], after["ts"]].pop(0) == gone
            assert own[-1]["left"] == child["quantity"] - child["executed"]
        assert not steps
        assert not any(fills.values()), "a fill that moved no place"


def test_limit_orders_fill_only_while_they_rest(replays: list[Posted]) -> None:
    for run in replays:
        children = {child["child"]: child for child in run.children}
        for fill in run.fills:
            if fill["kind"] == "post":
                child = children[fill["child"]]
                until = min(run.epoch_end(child["ts_decided"]), run.end)
                assert child["ts_arrived"] <= fill["ts_executed"] <= until
                if run.case.settings.snapshot != "each":  # else records of the time it was decided may follow
                    assert child["ts_arrived"] < fill["ts_executed"]
        for child in run.children:
            if child["kind"] == "post" and child["reason"] == "expired":
                assert child["ts_arrived"] >= min(run.epoch_end(child["ts_decided"]), run.end)


def test_an_epoch_sends_what_it_decided(replays: list[Posted]) -> None:
    full = 0
    for run in replays:
        posts: Counter[int] = Counter()
        takes: Counter[int] = Counter()
        sent: Counter[int] = Counter()
        starts = [epoch["ts"] for epoch in run.epochs]
        assert starts == sorted(set(starts)) or run.case.settings.snapshot == "each"
        for child in run.children:
            begun = max(ts for ts in starts if ts <= child["ts_decided"])
            if child["kind"] == "post":
                assert child["ts_decided"] == begun
                posts[begun] += child["quantity"]
            else:
                takes[begun] += child["executed"]
                sent[begun] += child["quantity"]
        for epoch in run.epochs:
            ts = epoch["ts"]
            assert run.case.order.start <= ts < run.end
            assert epoch["limit"] == posts[ts], (epoch, run.case)
            assert takes[ts] <= epoch["market"] <= epoch["remaining"] <= run.case.order.quantity
            assert (epoch["market"] == 0) <= (sent[ts] == 0)
            # rule C3: all that is left is sent, somewhere.
            assert epoch["market"] + epoch["limit"] >= epoch["remaining"]
            full += 0 < takes[ts] == epoch["market"]
            known = ("half_spread", "lambda_under", "lambda_over", "cost", "shortfall", "excess")
            assert {epoch[name] is None for name in known} == {epoch["scenarios"] == 0}
            if epoch["scenarios"] == 0:
                assert (epoch["market"], epoch["limit"]) == (epoch["remaining"], 0)
            else:
                assert epoch["scenarios"] <= run.case.policy.scenarios
        assert sum(sent.values()) + sum(posts.values()) == sum(child["quantity"] for child in run.children)
    assert full > enough(20)
