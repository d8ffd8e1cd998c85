"""The paper's router in the replay: it knows no future, its shares and its money add up, and its views say so."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import reference as ref
import sor
from exchange import Rules, simulate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sor.replay import TABLES
from sor.schema import UNDEF_PRICE
from tapes import (
    CENT,
    QUEUES,
    SIDES,
    SNAPSHOTS,
    Case,
    Raw,
    random_order,
    random_paper_policy,
    random_quote,
    random_settings,
    random_tape,
    random_trades,
    read_tape,
    reference_records,
    replay_all,
    rows,
)
from test_properties import Replayed, assert_derivable, ledger_bytes, serialized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sor.replay import Ledger

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
    policy = dataclasses.replace(
        random_paper_policy(rng, "expected"),
        lambda_under=rng.choice([0.0, 0.0, 0.001, 0.01]),
        lambda_over=rng.choice([0.0, 0.0, 0.002]),
        unit="fraction",
        theta_queue=0.0,
        adverse_selection=0,
        epoch=rng.randint(max(last // 30, 1), last // 4),
        window_every=rng.randint(max(last // 60, 1), last // 8),
    )
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
            for before, after in itertools.pairwise(own):
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
