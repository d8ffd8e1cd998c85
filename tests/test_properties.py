"""What must hold of every replay: conservation, exact sums, the same bytes however it is run."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import recorded
import sor
from effort import enough, some
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledgers import Replayed, assert_derivable, ledger_bytes, replayed, serialized
from make_golden import counts
from sor import _core
from sor.replay.ledger import TABLES
from sor.replay.lower import Variant
from sor.replay.parents import lay, market_on
from sor.replay.replay import replay
from tapes import (
    POLICIES,
    SIDES,
    Case,
    as_market,
    as_parent,
    as_policy,
    random_order,
    random_policy,
    random_settings,
    random_tape,
    read_raw,
    read_tape,
    reference_records,
)
from tapes import lay as with_hours

if TYPE_CHECKING:
    from collections.abc import Iterator


any_tape = settings(
    max_examples=some(100), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def random_replays(rng: random.Random, **market: Any) -> Iterator[Replayed]:
    """One order of every policy and side on one random tape; `market` overrides its settings."""
    raw = random_tape(rng)
    venues = len({record[2] for record in raw})
    cases = [
        Case(
            random_order(rng, raw, side),
            random_policy(rng, kind),
            dataclasses.replace(random_settings(rng, venues), **market),
        )
        for kind in POLICIES
        for side in SIDES
    ]
    return replayed(raw, cases)


@any_tape
@given(st.randoms(use_true_random=False))
def test_shares_are_conserved(rng: random.Random) -> None:
    for run in random_replays(rng):
        parent = run.parent
        net = parent["executed"] + parent["completed"] - parent["unwound"]
        assert net == run.case.order.quantity or parent["status"] == "no_quotes"
        assert parent["executed"] == sum(child["executed"] for child in run.children)
        assert (parent["status"] in ("completed", "late", "stale")) >= (parent["completed"] > 0)
        for child in run.children:
            assert 0 <= child["executed"] <= child["quantity"]
            assert child["executed"] <= max(child["met_available"], 0)
            assert child["quantity"] <= child["seen_available"]


@any_tape
@given(st.randoms(use_true_random=False))
def test_every_sum_follows_from_the_fills(rng: random.Random) -> None:
    for run in random_replays(rng):
        assert_derivable(run)


def displayed(run: Replayed, venue: int, ts: int) -> tuple[int, int]:
    """The number of the episode (rule B5) that a child of the run meets at `ts`, and the size displayed there."""
    market, side = run.case.settings, 2 if run.case.order.side == "sell" else 4
    episode, last, seen = 0, (None, 0), set()
    for record in run.records:
        if record[0] > ts or record[1] != venue:
            continue
        if market.snapshot == "first" and record[0] in seen:
            continue
        seen.add(record[0])
        price, size = record[side : side + 2]
        now = (price, size) if price and size else (None, 0)
        watched = 1 if market.depletion == "persistent" else 2
        episode += now[:watched] != last[:watched]
        last = now
    return episode, last[1]


@pytest.mark.parametrize("snapshot", ["last", "first"])
@pytest.mark.parametrize("depletion", ["refresh", "persistent"])
def test_no_episode_gives_more_than_it_displayed(snapshot: str, depletion: str) -> None:
    again = 0
    for seed in range(some(60)):
        for run in random_replays(random.Random(seed), snapshot=snapshot, depletion=depletion):
            taken: dict[tuple[int, int], int] = defaultdict(int)
            for fill in run.fills:
                if fill["kind"] != "take":
                    continue
                episode, size = displayed(run, fill["venue"], fill["ts_executed"])
                again += taken[fill["venue"], episode] > 0
                taken[fill["venue"], episode] += fill["quantity"]
                assert taken[fill["venue"], episode] <= size, (seed, run.case)
    assert again > enough(30)  # episodes that were taken from more than once


def test_report_counts_as_the_reference_book_does() -> None:
    totals: Counter[str] = Counter()
    for seed in range(some(300)):
        rng = random.Random(seed)
        raw, collar = random_tape(rng), rng.choice([0.0, 0.001, 0.01])
        quotes, records = read_tape(raw), reference_records(raw)
        report = quotes.report(collar=collar)
        expected = tuple(counts(records, "last", collar))
        assert (report.locked, report.crossed, report.stubs) == expected[1:], seed
        for mode in ("last", "each"):
            found = _core.count_states(quotes.arrays(), quotes.venues.height, mode, (collar, 0))
            assert found == tuple(counts(records, mode, collar)), (seed, mode)
        totals.update(locked=report.locked, crossed=report.crossed, stubs=report.stubs)
    assert min(totals.values()) > enough(100), totals


@pytest.mark.data
def test_report_of_ten_real_minutes_counts_as_the_reference_book_does() -> None:
    quotes, records = sor.read_quotes(recorded.MORNING), reference_records(read_raw(recorded.MORNING))
    report = quotes.report()
    assert (report.locked, report.crossed, report.stubs) == tuple(counts(records, "last", 0.01)[1:])
    # Inside one event time the book is locked far more often: those states are no snapshots (B4).
    each = _core.count_states(quotes.arrays(), quotes.venues.height, "each", (0.01, 0))
    assert each == tuple(counts(records, "each", 0.01))
    assert each[1] > report.locked


@pytest.fixture(scope="module")
def market_day() -> sor.Quotes:
    return sor.simulate_quotes(minutes=5, venues=4, seed=7)


def orders(side: str = "buy") -> sor.OrderSchedule:
    return sor.orders_every("20s", side=side, quantity=4_000, horizon="1m")


@pytest.mark.parametrize("fill", [sor.Displayed(), sor.QueueAware(mode="sampled", seed=5, decay="1s")])
def test_threads_and_runs_give_the_same_bytes(
    market_day: sor.Quotes, fill: sor.replay.fills.FillModel
) -> None:
    def run(threads: int) -> sor.Backtest:
        return sor.backtest(
            market_day,
            orders(),
            against=[sor.BestAsk(), sor.Sweep(), sor.Twap(bucket="10s"), sor.ProRata()],
            market=sor.Market(fill=fill),
            run=sor.Run(threads=threads),
        )

    results = [run(threads) for threads in (1, 2, 2, 1)]
    assert results[0].ledger.fills.height > 100
    for other in results[1:]:
        assert ledger_bytes(other.ledger) == ledger_bytes(results[0].ledger)
        assert serialized(other.summary) == serialized(results[0].summary)
        assert other.to_json() == results[0].to_json()


def test_search_gives_the_same_bytes_on_any_threads(market_day: sor.Quotes) -> None:
    grid = {"lambda_under": (0.0, 0.0001, 0.002), "theta_queue": (0.0, 0.00005)}
    results = [
        sor.search(market_day, orders("sell"), grid=grid, run=sor.Run(threads=threads))
        for threads in (1, 2, 2)
    ]
    assert results[0].table["shortfall_bps"].n_unique() > 1
    for other in results[1:]:
        assert serialized(other.table) == serialized(results[0].table)
        assert other.to_json() == results[0].to_json()
        assert ledger_bytes(other.backtest.ledger) == ledger_bytes(results[0].backtest.ledger)


def test_sums_do_not_depend_on_keeping_rows(market_day: sor.Quotes) -> None:
    market = market_on(sor.Market(), market_day)
    variants = [
        Variant(policy=policy, market=market) for policy in (sor.Sweep(), sor.Sliced(sor.Sweep(), sor.Twap()))
    ]
    parents = lay([orders()], market_day)
    kept, dropped = (replay(market_day, parents, variants, record=record) for record in (True, False))
    assert serialized(kept.parents) == serialized(dropped.parents)
    assert (kept.fills.height > 0, dropped.fills.height) == (True, 0)


def test_a_parent_does_not_depend_on_the_others(market_day: sor.Quotes) -> None:
    """Rules P2 and F3: also not its random fills, wherever it stands among other parents."""
    fill = sor.QueueAware(mode="sampled", seed=3)
    market = market_on(sor.Market(fill=fill), market_day)
    variant = Variant(policy=sor.StaticRouter(lambda_under=0.01), market=market)
    parents = lay([orders()], market_day)
    among = replay(market_day, parents, [variant], record=True)
    for i in (0, 3, len(parents) - 1):
        alone = replay(market_day, [parents[i]], [variant], record=True)
        for name in TABLES:
            own = getattr(among, name).filter(pl.col("parent") == i).drop("parent")
            assert serialized(own) == serialized(getattr(alone, name).drop("parent")), (i, name)


def test_latency_zero_is_no_latency(market_day: sor.Quotes) -> None:
    names = market_day.venues["name"].to_list()
    results = [
        sor.backtest(market_day, orders(), market=sor.Market(venues=venues), run=sor.Run(threads=2))
        for venues in (
            None,
            [sor.Venue(name, latency=0) for name in names],
            [sor.Venue(names[0], latency="0s")],
        )
    ]
    for other in results[1:]:
        assert ledger_bytes(other.ledger) == ledger_bytes(results[0].ledger)
    slow = sor.backtest(
        market_day, orders(), market=sor.Market(venues=[sor.Venue(name, latency="5ms") for name in names])
    )
    assert ledger_bytes(slow.ledger) != ledger_bytes(results[0].ledger)


@pytest.mark.data
@pytest.mark.parametrize("side", SIDES)
def test_csv_and_parquet_give_the_same_fills(side: str) -> None:
    csv = sor.read_quotes(recorded.MORNING)
    span = pl.read_parquet(recorded.QUOTES).filter(pl.col("ts_event").dt.epoch("ns") <= csv.end)
    schedule = sor.orders_every("1m", side=side, quantity=5_000, horizon="2m")
    results = [sor.backtest(quotes, schedule) for quotes in (csv, sor.read_quotes(span))]
    assert results[0].ledger.fills.height > 500
    assert ledger_bytes(results[0].ledger) == ledger_bytes(results[1].ledger)
    assert results[0].to_json() == results[1].to_json()


@any_tape
@given(st.randoms(use_true_random=False))
def test_shortcuts_change_no_byte(rng: random.Random) -> None:
    """Points of a grid that cannot differ are replayed once: the same bytes as with every one replayed (rule A5)."""
    raw = random_tape(rng)
    venues = len({record[2] for record in raw})
    cases = [
        Case(random_order(rng, raw, side), random_policy(rng, "router"), random_settings(rng, venues))
        for side in SIDES
    ]
    quotes = with_hours(read_tape(raw), cases[0].settings)
    markets = [as_market(case.settings, quotes) for case in cases]
    points = [
        Variant(
            policy=dataclasses.replace(as_policy(case.policy), lambda_over=over, theta_queue=theta),
            market=market,
        )
        for case, market in zip(cases, markets, strict=True)
        for over in (0.0, 0.001)
        for theta in (0.0, 0.001)
    ]
    parents = [as_parent(case.order) for case in cases]
    quick, plain = (replay(quotes, parents, points, record=True, shortcuts=on) for on in (True, False))
    assert ledger_bytes(quick) == ledger_bytes(plain)
