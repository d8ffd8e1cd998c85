"""The paper's router in the replay: it knows no future, its shares and its money add up, and its views say so."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import reference as ref
import sor
from exchange import Rules, simulate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sor.replay.replay import TABLES
from sor.tape.schema import UNDEF_PRICE
from tapes import (
    CENT,
    QUEUES,
    SIDES,
    SNAPSHOTS,
    Case,
    Raw,
    assert_agree,
    random_busy_policy,
    random_order,
    random_paper_policy,
    random_quote,
    random_settings,
    random_tape,
    random_trades,
    read_raw,
    read_tape,
    reference_records,
    replay_all,
    rows,
)
from test_properties import CSV, REAL, Replayed, assert_derivable, ledger_bytes, needs_real, serialized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sor.replay.replay import Ledger

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
any_market = settings(
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
randoms = st.integers(0, 2**32 - 1).map(random.Random)


@dataclass(frozen=True)
class Tape:
    """Raw records, trades by venue index or none, and orders and settings that suit them."""

    raw: list[Raw]
    trades: list[ref.Trade] | None
    cases: list[Case]

    def read(self) -> sor.Quotes:
        return read_tape(self.raw, self.trades)


def exchange_raw(seed: int, grid: int = 1, *, scale: int = 1) -> tuple[list[Raw], list[ref.Trade]]:
    """A busy market with real queues, `scale` nanoseconds a tick of its clock."""
    rules = Rules(seed, 3, 240, grid, limits=4, crossing=2, market=4, cancels=2, lots=100)
    market = simulate(rules, [])
    records = [(ts * scale, i, venue, *quotes) for i, (ts, venue, *quotes) in enumerate(market.records)]
    return records, [(ts * scale, *trade) for ts, *trade in market.trades]


def exchange_tape(rng: random.Random, *, sides: Sequence[str] = SIDES, **market: Any) -> Tape:
    """A market with real queues; an order of each side under each queue model, alike but for that."""
    raw, trades = exchange_raw(rng.randrange(10**6), rng.choice([1, 1, 25]))
    last, venues = raw[-1][0], len({record[2] for record in raw})
    base = dataclasses.replace(random_settings(rng, venues), collar=None, max_quote_age=None, **market)
    terms = [dataclasses.replace(venue, latency=rng.choice([0, 0, 8, 25])) for venue in base.venues]
    policy = random_busy_policy(rng, "expected", last)
    start, horizon = rng.randint(last // 3, last // 2), rng.randint(last // 8, last // 2)
    shares = 100 * rng.choice([3, 10, 20])
    cases = [
        Case(
            ref.Order(side, shares, start, horizon, 100),
            dataclasses.replace(policy, queue=queue),
            dataclasses.replace(base, venues=terms),
        )
        for side in sides
        for queue in QUEUES
    ]
    return Tape(raw, trades if rng.random() < 0.7 else None, cases)


def senseless_tape(rng: random.Random) -> Tape:
    """Quotes and trades anywhere, one-sided and crossed books, stubs, venues that come late."""
    raw = random_tape(rng)
    trades = random_trades(rng, raw) if rng.random() < 0.7 else None
    first, last = min(raw)[0], max(raw)[0]
    market = random_settings(rng, len({record[2] for record in raw}))
    side, policy = rng.choice(SIDES), random_paper_policy(rng, "expected")
    order = dataclasses.replace(random_order(rng, raw, side), horizon=rng.randint(1, last - first + 20))
    cases = [Case(order, dataclasses.replace(policy, queue=queue), market) for queue in QUEUES]
    return Tape(raw, trades, cases)


def any_tape(rng: random.Random) -> Tape:
    return senseless_tape(rng) if rng.random() < 0.4 else exchange_tape(rng, sides=[rng.choice(SIDES)])


def same(frame: pl.DataFrame, other: pl.DataFrame, where: object) -> None:
    """Equal to the last bit, floats too."""
    if not frame.equals(other):
        with pl.Config(tbl_rows=50, tbl_cols=-1, tbl_width_chars=400):
            raise AssertionError(f"{where}\n{frame}\n{other}")


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
    *("seen_price", "seen_displayed", "seen_available", "marginal", "threshold"),
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
    for seed in range(40):
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
        tables = (rows(getattr(ledger, name), quotes) for name in ("children", "fills", "places", "epochs"))
        yield Posted(case, records, parent, *tables)


@pytest.fixture(scope="module")
def replays() -> list[Posted]:
    """Orders of every side and queue model on markets of every kind, with trades and without."""
    found: list[Posted] = []
    for seed in range(150):
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
    assert not [outcome for outcome in outcomes if met[outcome] < 5], met


def test_shares_are_conserved(replays: list[Posted]) -> None:
    for run in replays:
        parent = run.parent
        net = parent["executed"] + parent["completed"] - parent["unwound"]
        assert net == run.case.order.quantity or parent["status"] == "no_quotes"
        assert 0 <= parent["posted"] <= parent["executed"]
        assert parent["executed"] == sum(child["executed"] for child in run.children)
        assert min(parent["completed"], parent["unwound"]) == 0, "both bought and sold at the end"
        assert (parent["status"] == "completed") == (parent["completed"] > 0)
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
            # C3: all that is left is sent, somewhere.
            assert epoch["market"] + epoch["limit"] >= epoch["remaining"]
            full += 0 < takes[ts] == epoch["market"]
            known = ("half_spread", "lambda_under", "lambda_over", "cost", "shortfall", "excess")
            assert {epoch[name] is None for name in known} == {epoch["scenarios"] == 0}
            if epoch["scenarios"] == 0:
                assert (epoch["market"], epoch["limit"]) == (epoch["remaining"], 0)
            else:
                assert epoch["scenarios"] <= run.case.policy.scenarios
        assert sum(sent.values()) + sum(posts.values()) == sum(child["quantity"] for child in run.children)
    assert full > 20


# One order like another


def exchange_quotes(seed: int, *, trades: bool = True) -> sor.Quotes:
    """Four minutes of a market with real queues."""
    raw, prints = exchange_raw(seed, scale=SECOND // 2)
    return read_tape(raw, prints if trades else None)


PATIENT = sor.ContKukanovRouter(lambda_under=0.0, lambda_over=0.0, epoch="20s", window_every="4s")


def mixed_orders(quotes: sor.Quotes) -> list[sor.Order]:
    return [
        sor.Order(side, quantity, start=quotes.start + begin * SECOND, horizon=horizon)  # type: ignore[arg-type]
        for side, quantity, begin, horizon in [
            *[("buy", 900, 60, "60s"), ("sell", 1_500, 70, "90s"), ("buy", 30, 80, "50s")],
            *[("sell", 400, 100, "21s"), ("buy", 900, 60, "60s"), ("buy", 5_000, 110, "100s")],
        ]
    ]


@pytest.mark.parametrize("trades", [True, False], ids=["with trades", "without"])
def test_threads_give_the_same_bytes(trades: bool) -> None:
    quotes = exchange_quotes(1, trades=trades)
    fill = sor.QueueAware(mode="sampled", seed=5)
    results = [
        sor.backtest(quotes, mixed_orders(quotes), PATIENT, fill=fill, threads=threads)
        for threads in (1, 2, 5, 1)
    ]
    assert (results[0].ledger.fills["kind"] == "post").sum() >= 4
    for other in results[1:]:
        assert ledger_bytes(other.ledger) == ledger_bytes(results[0].ledger)
        assert other.to_json() == results[0].to_json()
        for name in ("summary", "posts", "markouts", "epochs", "places"):
            assert serialized(getattr(other, name)) == serialized(getattr(results[0], name))


@pytest.mark.parametrize("trades", [True, False], ids=["with trades", "without"])
def test_an_order_does_not_depend_on_the_others(trades: bool) -> None:
    quotes = exchange_quotes(2, trades=trades)
    orders = mixed_orders(quotes)
    among = sor.backtest(quotes, orders, PATIENT, baselines=[]).ledger
    for i, order in enumerate(orders):
        alone = sor.backtest(quotes, order, PATIENT, baselines=[]).ledger
        assert alone.children.height > 0
        for name in TABLES:
            own = getattr(among, name).filter(pl.col("parent") == i).drop("parent")
            same(own, getattr(alone, name).drop("parent"), (order, name))


def test_the_router_does_not_depend_on_what_it_is_compared_with() -> None:
    quotes = exchange_quotes(3)
    orders = mixed_orders(quotes)
    for queue in QUEUES:
        router = dataclasses.replace(PATIENT, queue=queue)
        result = sor.backtest(quotes, orders, router)
        alone = sor.backtest(quotes, orders, router, baselines=[])
        for other in QUEUES:
            name = "router" if other == queue else f"router ({other})"
            one = sor.backtest(quotes, orders, dataclasses.replace(PATIENT, queue=other), baselines=["sweep"])
            for table in ("fills", "children"):
                ours = getattr(result, f"{table}_of")(name)
                assert_frame_equal(ours, getattr(alone, f"{table}_of")(name), categorical_as_str=True)
                assert_frame_equal(ours, getattr(one, table), categorical_as_str=True)


MIRROR = 2_004 * CENT
PRICES = ("price", "quoted", "mid", "seen_price", "met_price", "arrival_mid")


def mirrored_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Prices the other way up; what is money or shares stays, and cash turns its sign around the mirror."""
    found = frame.with_columns(
        (MIRROR - pl.col(name)).alias(name) for name in PRICES if name in frame.columns
    )
    return found.drop("side", "notional", "all_in", strict=False)


@pytest.mark.parametrize("taped", [True, False], ids=["with trades", "without"])
def test_a_sell_is_a_buy_in_the_mirror(taped: bool) -> None:
    met: Counter[str] = Counter()
    for seed in range(30):
        rng = random.Random(seed)
        tape = exchange_tape(rng, fill=ref.FillModel("displayed"))
        trades = tape.trades or exchange_raw(seed)[1]

        def turned(price: int | None) -> int | None:
            return None if price is None else MIRROR - price

        raw = [(*r[:3], turned(r[5]), r[6], turned(r[3]), r[4]) for r in tape.raw]
        prints = [(ts, venue, MIRROR - price, size) for ts, venue, price, size in trades]
        quotes = read_tape(tape.raw, trades if taped else None)
        image = read_tape(raw, prints if taped else None)
        # A penalty that is a fraction of the mid is no mirror image; the mid is about 10.
        cases = [
            dataclasses.replace(
                case,
                policy=dataclasses.replace(
                    case.policy,
                    unit="price",
                    lambda_under=10 * case.policy.lambda_under,
                    lambda_over=10 * case.policy.lambda_over,
                ),
            )
            for case in tape.cases
        ]
        other = {"buy": "sell", "sell": "buy"}
        turned_cases = [
            dataclasses.replace(case, order=dataclasses.replace(case.order, side=other[case.order.side]))
            for case in cases
        ]
        for case, ours, theirs in zip(
            cases, replay_all(quotes, cases), replay_all(image, turned_cases), strict=True
        ):
            for name in TABLES:
                frame = getattr(ours, name)
                mirrored = mirrored_frame(getattr(theirs, name))
                expected = frame.drop("side", "notional", "all_in", strict=False)
                same(expected, mirrored, f"{name}, seed {seed}, {case}")
            met.update(ours.fills["kind"].to_list())
    assert min(met["post"], met["take"], met["completion"]) > 50, met
    assert met["unwind"] > 3, met


# What a user looks at


@pytest.fixture(scope="module", params=[True, False], ids=["with trades", "without"])
def result(request: pytest.FixtureRequest) -> sor.Backtest:
    """Orders of both sides on two calm minutes and two wild ones, with fills of every kind."""
    quotes = exchange_quotes(4, trades=request.param)
    orders = [
        sor.Order(side, 600, start=quotes.start + begin * SECOND, horizon="40s")  # type: ignore[arg-type]
        for begin in range(30, 180, 10)
        for side in SIDES
    ]
    return sor.backtest(quotes, orders, PATIENT)


def test_the_policies_that_are_compared(result: sor.Backtest) -> None:
    names = ["router", "router (pessimistic)", "router (optimistic)", "static", *sor.BASELINES]
    assert result.summary["policy"].to_list() == names
    assert result.baselines["policy"].to_list() == names[3:]
    assert list(result.savings_bps) == names[3:]
    for name in names:
        parents = result.ledger.parents.filter(pl.col("policy") == name)
        (row,) = result.summary.filter(pl.col("policy") == name).to_dicts()
        assert row["posted_ratio"] == parents["posted"].sum() / parents["quantity"].sum()
        assert row["fill_ratio"] == parents["executed"].sum() / parents["quantity"].sum()
        assert (row["posted_ratio"] > 0) == name.startswith("router")
        assert (row["rebates_bps"] > 0) == name.startswith("router")
    shares = dict(result.summary.select("policy", "posted_ratio").iter_rows())
    assert shares["router (optimistic)"] > shares["router (pessimistic)"]
    static = sor.backtest(result.quotes, orders_again(result), baselines=[])
    assert_frame_equal(result.fills_of("static"), static.fills)


def orders_again(result: sor.Backtest) -> list[sor.Order]:
    rows = result.orders.with_columns(pl.col("start", "end").to_physical()).iter_rows(named=True)
    return [
        sor.Order(row["side"], row["quantity"], start=row["start"], horizon=row["end"] - row["start"])
        for row in rows
    ]


def test_the_routers_own_queue_model_is_the_row_router() -> None:
    quotes = exchange_quotes(5)
    router = dataclasses.replace(PATIENT, queue="optimistic")
    result = sor.backtest(quotes, mixed_orders(quotes), router)
    names = ["router", "router (pessimistic)", "router (expected)"]
    assert result.summary["policy"].to_list()[:3] == names
    assert result.router == router


def test_json(result: sor.Backtest) -> None:
    found = json.loads(result.to_json())
    assert list(found) == ["best_parameters", "optimized", "baselines", "savings_vs_baselines_bps"]
    assert found["best_parameters"] == {"lambda_over": 0.0, "lambda_under": 0.0, "theta_queue": 0.0}
    assert set(found["baselines"]) == {"static", *sor.BASELINES} == set(found["savings_vs_baselines_bps"])
    fills = result.fills.join(result.orders.select("parent", "side"), on="parent")
    back = pl.when(pl.col("kind") == "unwind").then(-1).otherwise(1)
    side = pl.when(pl.col("side") == "buy").then(1).otherwise(-1)
    signed = back * pl.col("quantity") * pl.col("price") + side * (pl.col("fee") - pl.col("rebate"))
    cash = fills.select(signed.sum()).item()
    assert found["optimized"]["total_cash"] == pytest.approx(cash)


def test_posts_follow_from_children_and_fills(result: sor.Backtest) -> None:
    filled = 0
    for policy in ("router", "router (pessimistic)", "router (optimistic)"):
        children, fills = (
            getattr(result.ledger, name).filter(pl.col("policy") == policy, pl.col("kind") == "post")
            for name in ("children", "fills")
        )
        posts = result.posts_of(policy)
        assert posts.height == children.height > 20
        for post, child in zip(posts.iter_rows(named=True), children.iter_rows(named=True), strict=True):
            own = fills.filter(pl.col("parent") == child["parent"], pl.col("child") == child["child"])
            same_names = ("parent", "child", "venue", "ts_decided", "ts_arrived", "quantity", "reason")
            assert {name: post[name] for name in same_names} == {name: child[name] for name in same_names}
            assert post["filled"] == child["executed"] == own["quantity"].sum()
            assert post["price"] == pytest.approx(child["seen_price"] / 1e9, rel=1e-14)
            assert post["ahead"] == child["met_available"]
            assert post["rebate"] == pytest.approx(own["rebate"].sum() / 1e9)
            arrived = children.filter(pl.col("parent") == child["parent"], pl.col("child") == child["child"])[
                "ts_arrived"
            ].to_physical()[0]
            times = own["ts_executed"].to_physical()
            first, last = (None, None) if own.is_empty() else (times[0], times[-1])
            waited = None if first is None else pytest.approx((first - arrived) / 1e9)
            assert post["seconds_to_first_fill"] == waited
            whole = post["filled"] == post["quantity"]
            assert post["seconds_to_fill"] == (pytest.approx((last - arrived) / 1e9) if whole else None)
            filled += whole
    assert result.posts.equals(result.posts_of("router"))
    assert filled > 3
    assert result.posts_of("sweep").is_empty()


def mids_of(quotes: sor.Quotes) -> pl.DataFrame:
    """The consolidated mid after every event time (MODEL B6), by columns rather than by a book."""
    venues = range(quotes.venues.height)

    def last(column: str, venue: int) -> pl.Expr:
        said = pl.when(pl.col("venue") == venue).then(pl.col(column)).forward_fill()
        return pl.when(said < UNDEF_PRICE).then(said)

    bid = pl.max_horizontal(last("bid_px", venue) for venue in venues)
    ask = pl.min_horizontal(last("ask_px", venue) for venue in venues)
    mids = quotes.frame.select("ts", mid=(bid + ask) // 2)
    return mids.group_by("ts", maintain_order=True).last().with_columns(pl.col("mid").forward_fill())


@pytest.mark.parametrize("policy", ["router", "router (optimistic)"])
def test_markouts_again_from_the_tape(result: sor.Backtest, policy: str) -> None:
    mids = mids_of(result.quotes)
    sides = result.ledger.parents.filter(pl.col("policy") == policy).select("parent", "side")
    fills = (
        result.ledger.fills.filter(pl.col("policy") == policy, pl.col("kind") == "post")
        .join(sides, on="parent", maintain_order="left")
        .with_columns(ts=pl.col("ts_executed").to_physical(), sign=pl.col("side").eq("buy") * 2 - 1)
        .sort("ts", maintain_order=True)
    )
    # What fills a limit order comes before the records of its time.
    before = fills.select("ts").join_asof(mids, on="ts", allow_exact_matches=False)["mid"]
    assert before.equals(fills["mid"])
    markouts = result.markouts_of(policy)
    assert markouts["seconds"].to_list() == [0, 1, 10, 60]
    for row in markouts.iter_rows(named=True):
        if row["seconds"] == 0:
            later = fills["mid"]
        else:
            times = fills.select(ts=pl.col("ts") + row["seconds"] * SECOND)
            later = times.join_asof(mids, on="ts")["mid"]
            later = pl.select(pl.when(times["ts"] <= result.quotes.end).then(later)).to_series()
        known = fills.with_columns(later=later).filter(pl.col("later").is_not_null())
        assert row["fills"] == known.height
        assert row["shares"] == known["quantity"].sum()
        assert row["unknown"] == fills["quantity"].sum() - known["quantity"].sum()
        signed = pl.col("sign") * pl.col("quantity")
        edge, adverse, value = known.select(
            (signed * (pl.col("later") - pl.col("price"))).sum(),
            edge=(signed * (pl.col("mid") - pl.col("later"))).sum(),
            value=(pl.col("quantity") * pl.col("price")).sum(),
        ).row(0)
        assert row["edge"] == pytest.approx(edge / 1e9 / row["shares"])
        assert row["adverse"] == pytest.approx(adverse / 1e9 / row["shares"])
        assert row["edge_bps"] == pytest.approx(edge / value * 1e4)
    assert markouts["adverse"][0] == 0
    assert markouts["adverse"].n_unique() > 2


def test_markouts_past_the_tape_are_unknown() -> None:
    quotes = exchange_quotes(4)
    orders = [
        sor.Order(side, 600, start=quotes.end - begin * SECOND, horizon="20s")  # type: ignore[arg-type]
        for begin in (70, 60, 50, 40, 30, 20)
        for side in SIDES
    ]
    result = sor.backtest(quotes, orders, dataclasses.replace(PATIENT, queue="optimistic"))
    passive = result.passive_fills_of("router")
    assert passive.height > 0
    for seconds in (1, 10, 60):
        past = passive["ts_executed"].to_physical() + seconds * SECOND > quotes.end
        assert passive[f"mid_{seconds}s"].is_null().to_list() == past.to_list()
    assert passive["mid_60s"].null_count() > 0
    assert result.markouts["unknown"][3] > 0
    nothing = result.markouts_of("sweep")
    assert nothing["fills"].to_list() == nothing["shares"].to_list() == [0] * 4
    assert nothing["edge"].null_count() == nothing["adverse"].null_count() == 4


def test_epochs_and_places_are_the_ledgers(result: sor.Backtest) -> None:
    ledger = result.ledger
    own = pl.col("policy") == "router"
    epochs = ledger.epochs.filter(own).drop("policy")
    assert result.epochs.columns == epochs.columns
    for name in epochs.columns:
        in_currency = name in ("half_spread", "lambda_under", "lambda_over", "cost")
        expected = epochs[name] / 1e9 if in_currency else epochs[name]
        assert result.epochs[name].equals(expected)
    assert result.places.equals(ledger.places.filter(own).drop("policy"))
    # A1 to A3 hold of what was used.
    solved = result.epochs.filter(pl.col("scenarios") > 0)
    assert solved.height > 20
    take = solved["half_spread"] + 0.0030
    assert (solved["lambda_under"] > take).all()
    assert (solved["lambda_over"] > solved["half_spread"] + 0.0020).all()


def test_children_are_one_row_each(result: sor.Backtest) -> None:
    for policy in ("router", "router (optimistic)"):
        children = result.children_of(policy)
        ledger = result.ledger.children.filter(pl.col("policy") == policy)
        assert children.height == ledger.height
        assert children["cost"].sum() == pytest.approx(
            result.ledger.fills.filter(pl.col("policy") == policy, pl.col("child") >= 0)
            .join(
                result.ledger.parents.filter(pl.col("policy") == policy).select(
                    "parent", "side", "arrival_mid"
                ),
                on="parent",
            )
            .select(
                (
                    (pl.col("side").eq("buy") * 2 - 1)
                    * pl.col("quantity")
                    * (pl.col("price") - pl.col("arrival_mid"))
                    + pl.col("fee")
                    - pl.col("rebate")
                ).sum()
                / 1e9
            )
            .item()
        )


# One venue, told by hand: two windows before the order filled a probe of it whole, so it rests.


def by_hand(
    *,
    trades: Sequence[tuple[int, int]] = (),
    quotes: Sequence[tuple[int, ...]] = (),
    latency: int = 0,
    start: int = 20,
    queue: sor.settings.params.Queue = "expected",
) -> sor.Backtest:
    """100 shares from `start` on for 20 s, the quote 10.00 (50) to 10.04 (70), `trades` (second, size) at the bid."""
    told = [(second, 1_000, 50, 1_004, 70) for second in (0, 12, 22, 31, 45)]
    told = sorted([*told, *quotes])
    raw = [(t * SECOND, i, 1, bid * CENT, b, ask * CENT, a) for i, (t, bid, b, ask, a) in enumerate(told)]
    prints = sorted((t * SECOND, 0, 1_000 * CENT, size) for t, size in [(5, 150), (15, 150), *trades])
    router = sor.ContKukanovRouter(lambda_under=0.0, lambda_over=0.0, epoch="10s", queue=queue)
    return sor.backtest(
        read_tape(raw, prints),
        sor.Order("buy", 100, start=start * SECOND, horizon="20s"),
        router,
        venues=[sor.Venue(1, latency=latency * SECOND)],
    )


def test_explains_a_limit_order_that_filled() -> None:
    result = by_hand(trades=[(25, 150)])
    assert result.explain(0).splitlines() == [
        "Child 0 of order 0 (buy 100): 100 shares to 1, decided 00:00:20.000000",
        "  why   part of its epoch's cheapest mix of market and limit orders; a fill gains +0.0220 a share against "
        "the mid (rebate included)",
        "  saw   10.0000, 50 displayed, 50 available; mid 10.0200; 100 shares to go",
        "  met   joined the queue behind 50 shares",
        "  got   100 of 100 at 10.0000; cost -2.20 = spread -2.00, timing +0.00, rebate -0.20",
    ]
    (post,) = result.posts.to_dicts()
    assert (post["ahead"], post["filled"], post["reason"]) == (50, 100, "filled")
    assert post["seconds_to_first_fill"] == post["seconds_to_fill"] == 5.0
    assert result.places.select("ahead", "left").rows() == [(50, 100), (0, 0)]
    assert result.epochs.select("market", "limit", "scenarios").rows() == [(0, 100, 2)]


def test_a_trade_at_the_end_of_an_epoch_meets_the_epochs_order() -> None:
    """There is no record at 30 s: the epoch ends after the trade."""
    result = by_hand(trades=[(30, 150)])
    assert result.posts.select("child", "filled", "reason").rows() == [(0, 100, "filled")]
    assert result.epochs.height == 1, "nothing is left to plan at 30 s"


def test_explains_a_limit_order_that_did_not() -> None:
    result = by_hand()
    text = result.explain(0)
    assert "  met   joined the queue behind 50 shares\n" in text
    assert text.endswith("  got   0 shares: the queue ahead was not used up")
    late = by_hand(latency=5).explain(0)
    assert "  met   joined the queue 5 s later behind 50 shares\n" in late
    assert result.posts["reason"].to_list() == ["queue"] * 2
    assert result.posts["seconds_to_first_fill"].null_count() == 2


def test_explains_a_limit_order_that_crossed() -> None:
    text = by_hand(latency=5, quotes=[(23, 999, 10, 1_000, 10)]).explain(0)
    assert "  met   9.9900, 10 displayed, 0 available, 5 s later; quote 2 s old\n" in text
    assert text.endswith("  got   0 shares: it would have taken, and only adds liquidity")


def test_explains_a_limit_order_that_came_too_late() -> None:
    text = by_hand(latency=12).explain(0)
    assert "  met   nothing: it would have arrived 12 s later\n" in text
    assert text.endswith("  got   0 shares: its epoch ended before it arrived")


def test_explains_a_take() -> None:
    result = by_hand(start=5)
    assert result.epochs.select("market", "limit", "scenarios").row(0) == (100, 0, 0)
    text = result.explain(0)
    assert "  why   its epoch's market order, swept over all venues, cheapest all-in first\n" in text
    assert text.endswith(
        "  got   70 of 70 at 10.0400; cost +1.61 = spread +1.40, slippage +0.00, timing +0.00, fee +0.21"
    )
    assert "sweep takes every venue" in result.explain(0, policy="sweep")
    assert "market order" in result.explain(0, policy="router (pessimistic)")


def test_explains_a_limit_order_of_many_fills() -> None:
    result = by_hand(trades=[(25, 70), (27, 20)])
    assert result.posts["filled"].to_list() == [40, 0]
    assert result.explain(0).endswith(
        "  got   40 of 100 at 10.0000; cost -0.88 = spread -0.80, timing +0.00, rebate -0.08"
    )


def test_a_queue_that_nobody_sees_is_not_a_number_of_shares() -> None:
    """It arrives while a better bid hides its level: what is ahead cannot be known, and is not 9e18 shares."""
    result = by_hand(latency=5, queue="pessimistic", quotes=[(23, 1_001, 10, 1_004, 70)])
    assert "9,223,372,036,854,775,807" not in result.explain(0)
    assert (result.posts["ahead"].fill_null(0) < 10**6).all()


# Whatever is asked


EXTREME: dict[str, dict[str, Any]] = {
    "an epoch of a nanosecond": {"epoch": 1, "window_every": "10s", "horizon": 500},
    "an epoch of a microsecond": {"epoch": "1us", "window_every": "10s", "horizon": "1ms"},
    "an epoch longer than the horizon": {"epoch": "50s", "horizon": "20s"},
    "one scenario": {"scenarios": 1},
    "more scenarios than windows": {"scenarios": 100_000},
    "windows a lifetime apart": {"window_every": 2**63 - 1},
    "a large order": {"quantity": 10**7, "lot": 10**4},
    "a lot above the quantity": {"quantity": 50, "lot": 10**15},
    "one share": {"quantity": 1},
    "free misses": {"lambda_under": 0.0, "lambda_over": 0.0},
    "misses that cost millions": {"lambda_under": 1e6},
    "excess that costs millions": {"lambda_over": 1e6},
    "impact of millions": {"theta_queue": 1e6},
    "all of it, a share": {"lambda_under": 1e6, "lambda_over": 1e6, "theta_queue": 1e6, "unit": "price"},
    "fills that ruin": {"adverse_selection": 1e6},
    "fills that enrich": {"adverse_selection": -1e6},
    "venues that pay takers": {"taker_fee": -1.0},
    "venues that charge makers": {"maker_rebate": -1.0},
    "venues that pay all": {"taker_fee": -1e6, "maker_rebate": 1e6},
    "venues that charge all": {"taker_fee": 1e6, "maker_rebate": -1e6},
    "venues out of reach": {"latency": 2**62},
}
ORDER_FIELDS, VENUE_FIELDS = ("quantity", "lot", "horizon"), ("taker_fee", "maker_rebate", "latency")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", EXTREME)
def test_extremes(name: str, side: Any) -> None:
    given = {"epoch": "10s", "quantity": 900, "horizon": "60s"} | EXTREME[name]
    quotes = exchange_quotes(6)
    order = {field: given.pop(field) for field in ORDER_FIELDS if field in given}
    terms = {field: given.pop(field) for field in VENUE_FIELDS if field in given}
    result = sor.backtest(
        quotes,
        sor.Order(side, start=quotes.start + 60 * SECOND, **order),
        sor.ContKukanovRouter(**given),
        venues=[sor.Venue(venue, **terms) for venue in quotes.venues["name"]],
    )
    assert_sound(result)


def assert_sound(result: sor.Backtest) -> None:
    for row in result.ledger.parents.iter_rows(named=True):
        assert row["executed"] + row["completed"] - row["unwound"] == row["quantity"]
        parts = ("spread", "slippage", "timing", "opportunity", "fees")
        assert row["shortfall"] == sum(row[part] for part in parts) - row["rebates"]
    assert result.to_json()
    assert repr(result)
    for name in ("posts", "markouts", "epochs", "places", "children"):
        assert getattr(result, name) is not None
    first = result.ledger.children.filter(pl.col("policy") == "router", pl.col("parent") == 0)
    for child in first["child"].head(3):
        assert result.explain(child)


@pytest.mark.parametrize("epoch", ["1h", "1d", 2**63 - 1])
def test_windows_longer_than_the_tape_leave_all_to_be_taken(epoch: Any) -> None:
    quotes = exchange_quotes(6)
    result = sor.backtest(quotes, mixed_orders(quotes), sor.ContKukanovRouter(epoch=epoch))
    assert_sound(result)
    assert result.epochs.select("scenarios", "limit").unique().rows() == [(0, 0)]
    assert (result.epochs["market"] == result.epochs["remaining"]).all()
    assert result.posts.is_empty()
    # What takes all at once is a sweep.
    money = ("parent", "venue", "kind", "quantity", "price", "ts_executed")
    assert_frame_equal(result.fills.select(money), result.fills_of("sweep").select(money))


def test_books_with_one_side() -> None:
    bids = [(ts * SECOND, ts, 1 + ts % 2, 1_000 * CENT, 200, None, 0) for ts in range(20)]
    asks = [(ts, i, venue, None, 0, bid, size) for ts, i, venue, bid, size, *_ in bids]
    for raw, side, word in ((bids, "buy", "ask"), (asks, "sell", "bid")):
        quotes = read_tape(raw)
        order = sor.Order(side, 300, start=5 * SECOND)  # type: ignore[arg-type]
        with pytest.raises(sor.DataError, match=f"no {word} quote in 20 records, so a {side} cannot trade"):
            sor.backtest(quotes, order, sor.ContKukanovRouter(epoch="2s"))
    for raw, side in ((bids, "sell"), (asks, "buy")):
        order = sor.Order(side, 300, start=5 * SECOND)  # type: ignore[arg-type]
        result = sor.backtest(read_tape(raw), order, sor.ContKukanovRouter(epoch="2s"))
        assert_sound(result)
        assert result.posts.is_empty()
        probes = sor.probe_outflows(read_tape(raw), side=side, quantity=100, window="2s")  # type: ignore[arg-type]
        assert probes.select("1", "2").unique().rows() == [(0, 0)]


def test_a_tape_with_one_record_a_venue() -> None:
    raw = [(ts * SECOND, ts, 3 - ts, 999 * CENT, 200, 1_001 * CENT, 200) for ts in range(3)]
    for trades in (None, [(SECOND, 1, 999 * CENT, 500)]):
        quotes = read_tape(raw, trades)
        for side in SIDES:
            for start in (0, 1):
                order = sor.Order(side, 900, start=start * SECOND)  # type: ignore[arg-type]
                for epoch in ("1s", "500ms", "2s"):
                    assert_sound(sor.backtest(quotes, order, sor.ContKukanovRouter(epoch=epoch)))


ALONE = """
import resource
import sor
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
quotes = sor.simulate_quotes(venues=2, minutes=4)
try:
    {call}
except sor.SorError as error:
    print(error)
else:
    print("done")
"""
IN_A_PROCESS = {
    "quantity 10^12": "sor.backtest(quotes, sor.Order('buy', 10**12, start=quotes.start + 120 * 10**9), "
    "sor.ContKukanovRouter(epoch='10s'), baselines=[], threads=1)",
    "epoch of 1 ns, and so a window in each": "sor.backtest(quotes, sor.Order('buy', 100, start=quotes.start + 10**9, "
    "horizon=100), sor.ContKukanovRouter(epoch=1), baselines=[], threads=1)",
    "windows of 1 ns": "sor.probe_outflows(quotes, quantity=100, window=1)",
    "a window at every nanosecond": "sor.probe_outflows(quotes, quantity=100, window='60s', every=1)",
}


@pytest.mark.parametrize("name", IN_A_PROCESS)
def test_what_is_too_much_is_refused(name: str) -> None:
    """In a process of its own, with 3 GiB: more would be killed there, and what does not end would time out."""
    code = ALONE.format(call=IN_A_PROCESS[name])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-300:]
    assert done.stdout


# Ten real minutes


@needs_real
def test_ten_real_minutes_as_in_the_reference() -> None:
    raw = read_raw(CSV)
    start, end = raw[0][0], raw[-1][0]
    names = dict(
        pl.read_csv(CSV, columns=["venue", "publisher_id"]).unique().select("publisher_id", "venue").rows()
    )
    index = {names[number]: i for i, number in enumerate(sorted(names))}
    prints = (
        pl.read_parquet(REAL / "taq_20180102_trades.parquet")
        .with_columns(ts=pl.col("ts_event").cast(pl.Datetime("ns", "UTC")).to_physical())
        .filter(pl.col("ts") <= end, pl.col("venue").is_in(list(index)))
        .filter(~pl.col("cond").fill_null("").str.contains("[OQM69]"))
        .sort("ts", "sequence", maintain_order=True)
    )
    trades = [
        (ts, index[venue], round(price * 1e9), size)
        for ts, venue, price, size in prints.select("ts", "venue", "price", "size").iter_rows()
    ]
    assert len(trades) > 500
    settings = ref.Settings([ref.Venue(3_000_000, 2_000_000, 10**6 * (i % 3)) for i in range(len(index))])
    cases = [
        Case(
            ref.Order(side, 3_000, start + minute * MINUTE, MINUTE, 100),
            ref.Policy(
                "cont_kukanov",
                lambda_over=0.0005,
                lambda_under=0.0005,
                theta_queue=0.0,
                epoch=MINUTE // 2,
                queue=queue,
                scenarios=12,
                window_every=MINUTE // 4,
            ),
            settings,
        )
        for minute, (queue, side) in enumerate(product(QUEUES, SIDES), start=3)
    ]
    met = assert_agree(read_tape(raw, trades), reference_records(raw), cases, trades=trades)
    assert met["post"] > 10, met
