"""Fills (the model's section 4): the formula, the sampled stream, and what planning with fills changes."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
from typing import Any

import polars as pl
import pytest
import recorded
import reference as ref
import sor
from effort import enough, some

CERTAIN = sor.QueueAware(max_fill=1, queue_position=0, impact=0, decay=None)
CENT = 10_000_000
START = 1_704_205_800_000_000_000


def tape(rows: list[tuple[Any, ...]]) -> sor.Quotes:
    """(ts, venue, bid, bid size, ask, ask size), prices in integer nanos, None without a quote."""
    names = ("ts_event", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    dtypes = dict(zip(names, (pl.Int64, pl.Int64, *[pl.Int64] * 4), strict=True))
    return sor.read_quotes(pl.DataFrame(rows, schema=dtypes, orient="row"), price_scale=1e-9, time_unit="ns")


def test_execute_order_is_the_formula() -> None:
    """Rule F2 in plain Python; few sizes and probabilities in halves and quarters make the rounding ties frequent."""
    rng = random.Random(1)
    ties = 0
    for _ in range(20_000):
        s, quantity, size = rng.choice((1, -1)), rng.randint(1, 2_000), rng.randint(1, 1_500)
        available = rng.randint(0, size)
        quoted = rng.randint(1, 40_000) * CENT
        q, m = rng.choice((0, 0.25, 0.5, 0.75, 1, rng.random())), rng.choice((1.0, 0.5, 0.9, rng.random()))
        impact = rng.choice((0, 0.0005, 0.01, rng.random()))
        decay = rng.choice((None, rng.randint(1, 10**9)))
        age = rng.choice((0, rng.randint(0, 10**9)))
        executed, price = sor.execute_order(
            quantity,
            (quoted / 1e9, size),
            sor.QueueAware(queue_position=q, max_fill=m, impact=impact, decay=decay),
            side="buy" if s == 1 else "sell",
            available=available,
            age=age,
        )
        time_decay = 1 if decay is None else math.exp(-age / decay)
        expected = min(quantity, available) * (m * (1 - q) * time_decay)
        ties += expected % 1 == 0.5
        assert executed == round(expected)
        if available:
            slippage = impact * quantity / size
            assert round(price * 1e9) == max(0, round(quoted * (1 + s * slippage)))
    assert ties > 300


@pytest.mark.parametrize(("available", "executed"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_half_a_share_goes_to_even(available: int, executed: int) -> None:
    fill = sor.QueueAware(queue_position=0.5, max_fill=1, impact=0)
    assert sor.execute_order(100, (10.0, available), fill) == (executed, 10.0)


@pytest.mark.data
def test_certain_fills_are_displayed_fills_on_the_real_tape() -> None:
    quotes = sor.read_quotes(recorded.QUOTES)
    for side in ("buy", "sell"):
        orders = sor.orders_every("30m", side=side, quantity=5_000, horizon="5m")
        displayed, certain = (
            sor.backtest(quotes, orders, market=sor.Market(fill=fill, venues=None)).ledger
            for fill in (sor.Displayed(), CERTAIN)
        )
        assert displayed.fills.equals(certain.fills)
        assert displayed.parents.equals(certain.parents)
        assert displayed.fills.height > 1_000


def test_sampled_fills_match_the_binomial() -> None:
    """Rule F3 over 100,000 draws: mean and variance within four standard errors, the seed fixed."""
    draws, n, p = some(100_000), 300, 0.9 * (1 - 0.3)
    fill = sor.QueueAware(queue_position=0.3, mode="sampled", seed=11)
    executed = [sor.execute_order(n, (10.0, n), fill, stream=(i // 100, i % 100))[0] for i in range(draws)]
    variance = n * p * (1 - p)
    kurtosis = (1 - 6 * p * (1 - p)) / variance  # in excess of the normal's
    assert abs(statistics.fmean(executed) - n * p) < 4 * math.sqrt(variance / draws)
    error = variance * math.sqrt(2 / (draws - 1) + kurtosis / draws)
    assert abs(statistics.variance(executed) - variance) < 4 * error
    # Neighbouring streams are unrelated: their correlation is that of independent draws.
    assert abs(statistics.correlation(executed[:-1], executed[1:])) < 4 / math.sqrt(draws)


def sampled(threads: int | None, orders: Any, seed: int = 3) -> sor.Ledger:
    quotes = sor.simulate_quotes(venues=4, minutes=6, seed=5)
    fill = sor.QueueAware(mode="sampled", seed=seed)
    return sor.backtest(quotes, orders, market=sor.Market(fill=fill), run=sor.Run(threads=threads)).ledger


def test_sampled_fills_depend_neither_on_threads_nor_on_other_parents() -> None:
    quotes = sor.simulate_quotes(venues=4, minutes=6, seed=5)
    several = [
        sor.Order(side, 3_000 + i, start=quotes.start + i * 10**9, horizon="1m")
        for i in range(12)
        for side in ("buy", "sell")
    ]
    one, two = sampled(1, several), sampled(2, several)
    assert one.fills.equals(two.fills)
    assert one.children.equals(two.children)
    assert not one.fills.equals(sampled(1, several, seed=4).fills)
    for i in (0, 7, 23):
        alone = sampled(1, several[i]).fills.drop("parent")
        among = one.fills.filter(pl.col("parent") == i).drop("parent")
        assert alone.equals(among)
    # Two equal parents are two draws.
    twins = sampled(1, [several[0], several[0]]).fills.filter(pl.col("policy") == "router")
    first, second = (twins.filter(pl.col("parent") == i).drop("parent") for i in (0, 1))
    assert not first.equals(second)


def router_fills(quotes: sor.Quotes, router: sor.StaticRouter, **options: Any) -> pl.DataFrame:
    orders = sor.orders_every("1m", side="buy", quantity=4_000, horizon="1m")
    market = sor.Market(**options)
    return sor.backtest(quotes, orders, router, market=market, against=()).ledger.fills


def test_certain_fills_make_the_penalties_inert() -> None:
    """Rule A5: lambda_over never matters, under strict nothing does; lambda_under and theta count as their sum."""
    quotes = sor.simulate_quotes(venues=4, minutes=6, seed=5)
    for fill in (sor.Displayed(), CERTAIN):
        plans = ["displayed"] if isinstance(fill, sor.Displayed) else ["displayed", "fills"]
        for plan in plans:
            base = sor.StaticRouter(plan=plan)
            usual = router_fills(quotes, base, fill=fill)
            for over in (0.0, 0.5):
                router = dataclasses.replace(base, lambda_over=over)
                assert router_fills(quotes, router, fill=fill).equals(usual)
            moved = dataclasses.replace(base, lambda_under=0.0, theta_queue=0.0)
            assert not router_fills(quotes, moved, fill=fill).equals(usual)
    price = sor.StaticRouter(lambda_under=0.25, theta_queue=0.0, unit="price")
    swapped = sor.StaticRouter(lambda_under=0.0, theta_queue=0.25, unit="price")
    assert router_fills(quotes, price).equals(router_fills(quotes, swapped))
    for unit in ("fraction", "price"):
        strict = [
            sor.StaticRouter(
                lambda_over=over, lambda_under=under, theta_queue=theta, unit=unit, rule="strict"
            )
            for over, under, theta in ((0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5))
        ]
        ledgers = [router_fills(quotes, router) for router in strict]
        assert all(ledger.equals(ledgers[0]) for ledger in ledgers)


def split(**penalties: float) -> list[int]:
    """What a router sends to two venues for 200 shares, at most 400, in lots of 100; penalties in cents a share.

    One snapshot, mid 10.00, no fees, no slippage. Venue 1 asks 10.01 and fills three shares in four, venue 2 asks
    10.02 for 100 shares and fills them all. With u = lambda_under + theta and o = lambda_over + theta, the
    candidates that matter cost, in cents:

        (200, 0)   executes 150   150 * 1           + 50 u  =  150 + 50 u
        (300, 0)   executes 225   225 * 1           + 25 o  =  225 + 25 o
        (100, 100) executes 175    75 * 1 + 100 * 2 + 25 u  =  275 + 25 u
    """
    rows = [
        (0, 1, 999 * CENT, 100, 1001 * CENT, 400),
        (0, 2, 999 * CENT, 100, 1002 * CENT, 100),
        (1, 1, None, 0, None, 0),
        (1, 2, None, 0, None, 0),
    ]
    quantities = []
    for solver in ("exact", "exhaustive"):
        router = sor.StaticRouter(
            **{name: cents / 100 for name, cents in penalties.items()},
            unit="price",
            plan="fills",
            overbook=2,
            solver=solver,
        )
        venues = [
            sor.Venue(1, taker_fee=0, maker_rebate=0, queue_position=0.25),
            sor.Venue(2, taker_fee=0, maker_rebate=0, queue_position=0),
        ]
        fill = sor.QueueAware(max_fill=1, impact=0)
        order = sor.Order("buy", 200, horizon=1)
        result = sor.backtest(
            tape(rows), order, router, against=(), market=sor.Market(venues=venues, fill=fill)
        )
        sent = dict(result.ledger.children.select(pl.col("venue").cast(pl.String), "quantity").iter_rows())
        quantities.append([sent.get("1", 0), sent.get("2", 0)])
    assert quantities[0] == quantities[1]
    return quantities[0]


def test_lambda_over_changes_the_split() -> None:
    # u = 6. Free to be over, 300 at the cheap venue expects 225, cost 225; (200, 0) is 450, (100, 100) is 425.
    assert split(lambda_under=6, theta_queue=0, lambda_over=0) == [300, 0]
    # At 12 a share those 25 over make it 525, and the more expensive but certain venue is better: 425.
    assert split(lambda_under=6, theta_queue=0, lambda_over=12) == [100, 100]


def test_lambda_under_changes_the_split() -> None:
    # o = 12 keeps (300, 0) at 525. At u = 2 being 50 short is cheap: 250 against the 325 of (100, 100).
    assert split(lambda_over=12, theta_queue=0, lambda_under=2) == [200, 0]
    # At u = 6 it is 450 against 425.
    assert split(lambda_over=12, theta_queue=0, lambda_under=6) == [100, 100]


def test_theta_queue_changes_the_split() -> None:
    # As above at u = 2, o = 12.
    assert split(lambda_over=12, lambda_under=2, theta_queue=0) == [200, 0]
    # Theta charges every share that misses the target, either way: u = 6, o = 16 give 450, 625 and 425.
    assert split(lambda_over=12, lambda_under=2, theta_queue=4) == [100, 100]
    # Unlike lambda_under alone, which with nothing to pay for being over would go there.
    assert split(lambda_over=0, lambda_under=6, theta_queue=0) == [300, 0]


def random_rows(rng: random.Random, venues: int) -> list[tuple[Any, ...]]:
    rows, ts = [], 0
    for i in range(venues + 10):
        ts += rng.choice((0, 1, 3)) if i >= venues else 0
        bid = (rng.randint(96, 100) * CENT, rng.randint(1, 5) * 100 + rng.choice((0, 37)))
        ask = (rng.randint(100, 104) * CENT, rng.randint(1, 5) * 100 + rng.choice((0, 37)))
        sides = [quote if rng.random() < 0.95 else (None, 0) for quote in (bid, ask)]
        rows.append((ts, i if i < venues else rng.randrange(venues), *sides[0], *sides[1]))
    return rows


def test_planning_with_fills_exact_exhaustive_and_reference_agree() -> None:
    """F4 through replays: the two solvers and the reference's enumeration send the same children."""
    rng = random.Random(7)
    unwound = planned = 0
    for i in range(some(600)):
        venues, side = rng.randint(1, 3), rng.choice(("buy", "sell"))
        rows = random_rows(rng, venues)
        queue = [rng.choice((0.0, 0.25, 0.5)) for _ in range(venues)]
        fees = [rng.choice((3_000_000, 0, -1_000_000)) for _ in range(venues)]
        model = {
            "max_fill": rng.choice((1.0, 0.9, 0.75, 0.6)),
            "impact": rng.choice((0.0, 0.0005, 0.02)),
            "decay": rng.choice((None, 10)),
        }
        penalties = {
            "lambda_over": rng.choice((0.0, 0.0, 0.002, 0.02)),
            "lambda_under": rng.choice((0.0, 0.01, 0.05, 0.05)),
            "theta_queue": rng.choice((0.0, 0.001)),
            "overbook": rng.choice((1.0, 1.3, 2.0, 2.0)),
        }
        quantity, horizon = rng.randint(1, 9) * 100 + rng.choice((0, 0, 30)), rng.randint(1, 20)
        order = ref.Order(side, quantity, 0, horizon)
        settings = ref.Settings(
            [ref.Venue(fee, 2_000_000, 0, q) for fee, q in zip(fees, queue, strict=True)],
            collar=None,
            fill=ref.FillModel("expected", **model),
        )
        run = ref.replay(rows, order, ref.Policy("router", plan="fills", **penalties), settings)
        market = sor.Market(
            venues=[
                sor.Venue(v, taker_fee=fee / 1e9, queue_position=q)
                for v, (fee, q) in enumerate(zip(fees, queue, strict=True))
            ],
            book=sor.Book(collar=None),
            fill=sor.QueueAware(**model),
        )
        variants = [
            sor.replay.lower.Variant(
                policy=sor.StaticRouter(plan="fills", solver=solver, **penalties),
                market=market,
            )
            for solver in ("exact", "exhaustive")
        ]
        parents = [sor.replay.parents.Parent(side, quantity, 0, horizon, 100)]
        ledger = sor.replay.replay.replay(tape(rows), parents, variants, record=True)
        ledger = ledger.named(["exact", "exhaustive"])
        children = [(c.venue, c.ts_decided, c.quantity, c.executed, c.reason) for c in run.children]
        fills = [(f.venue, f.ts_executed, f.quantity, f.price, f.kind) for f in run.fills]
        for solver in ("exact", "exhaustive"):
            own = [frame.filter(pl.col("policy") == solver) for frame in (ledger.children, ledger.fills)]
            sent = own[0].select(
                pl.col("venue").to_physical().cast(pl.Int64),
                pl.col("ts_decided").to_physical(),
                "quantity",
                "executed",
                pl.col("reason").cast(pl.String),
            )
            got = own[1].select(
                pl.col("venue").to_physical().cast(pl.Int64),
                pl.col("ts_executed").to_physical(),
                "quantity",
                "price",
                pl.col("kind").cast(pl.String),
            )
            assert sent.rows() == children, f"case {i}, {solver}: {rows}"
            assert got.rows() == fills, f"case {i}, {solver}: {rows}"
        planned += len(children)
        unwound += run.summary["unwound"] > 0
    assert planned > enough(1_000)
    assert unwound >= enough(20)


def test_a_plan_too_large_to_prove_states_its_gap() -> None:
    """Thousands of single shares at equal prices: the split is as cheap as any, but which comes first is not proven."""
    venues = [sor.Venue(i + 1, queue_position=0.1 + 0.05 * i) for i in range(16)]
    quotes = tape(
        [
            (s, i + 1, 999 * CENT, 1_000, 1_001 * CENT, 1_000)
            for s in (START, START + 10**9)
            for i in range(16)
        ]
    )
    router = sor.StaticRouter(lambda_over=0.01, lambda_under=0.01, plan="fills", overbook=1.5)
    fill = sor.QueueAware(max_fill=0.9, impact=0.0)
    for lot, gap in ((1, 0.0), (100, None)):
        order = sor.Order("buy", 1_000, lot=lot, horizon="500ms")
        result = sor.backtest(quotes, order, router, market=sor.Market(venues=venues, fill=fill))
        assert set(result.children["gap"]) == {gap}
        assert ("proven but for 0.0000" in " ".join(result.explain(0).split())) == (gap is not None)
