"""Numbers at the ends of what is allowed, everywhere at once: a result that adds up, or an error of ours.

`make extremes` runs this with a core whose arithmetic is checked: there an overflow is a panic, and so a failure.
"""

from __future__ import annotations

import random
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from effort import some
from sor import cont_kukanov as ck

if TYPE_CHECKING:
    from sor.results.backtest import Backtest

MOST_PRICE = 2**63 - 2
"""Nanos; the next is no quote."""
MOST_SIZE = 2**32 - 1
MOST_TIME = 2**63 - 1
NANOS = 10**9

PRICES = (1, 2, 10**7, 10**11, 4 * 10**18, MOST_PRICE - 1, MOST_PRICE)
SIZES = (0, 1, 100, 10**6, MOST_SIZE)
TIMES = (0, 1, 10**9, 2**62, MOST_TIME - 2, MOST_TIME - 1)
SPANS = (1, 2, 10**9, 2**62, MOST_TIME)
QUANTITIES = (1, 2, 99, 101, 10**6, 2**32, 10**15)
FEES = (-1e6, -0.002, 0.0, 1e-9, 0.003, 1e6)
PENALTIES = (0.0, 1e-9, 0.001, 1.0, 1e6)


def tape(rng: random.Random, *, trades: bool) -> sor.Quotes:
    """Return a tape whose prices, sizes and times lie at the ends."""
    n = rng.randint(1, 12)
    close = rng.random() < 0.5
    begin = rng.choice((T, 0, MOST_TIME - 100 * NANOS))
    steps = [rng.choice((0, 1, NANOS)) for _ in range(n)] if close else []
    ts = sorted(begin + sum(steps[:i]) for i in range(n)) if close else sorted(rng.choices(TIMES, k=n))
    prices = PRICES if rng.random() < 0.5 else (rng.choice(PRICES),)
    rows: dict[str, list[int]] = {"bid_px_00": [], "ask_px_00": []}
    for _ in range(n):
        bid, ask = rng.choice(prices), rng.choice(prices)
        low, high = sorted((bid, min(ask + rng.choice((0, 1, 10**7)), MOST_PRICE)))
        rows["bid_px_00"].append(low)
        rows["ask_px_00"].append(high)
    frame = pl.DataFrame(
        {
            "ts_event": pl.Series(ts, dtype=pl.Int64).cast(pl.Datetime("ns", "UTC")),
            "rtype": pl.Series([1] * n, dtype=pl.UInt8),
            "publisher_id": pl.Series(rng.choices((0, 7, 65_535), k=n), dtype=pl.UInt16),
            **{name: pl.Series(values, dtype=pl.Int64) for name, values in rows.items()},
            **{name: pl.Series(rng.choices(SIZES, k=n), dtype=pl.UInt32) for name in ("bid_sz_00", "ask_sz_00")},
        }
    )  # fmt: skip
    quotes = sor.read_quotes(frame)
    if not trades:
        return quotes
    prints = frame.select(
        "ts_event", "rtype", "publisher_id", price="bid_px_00", size=pl.lit(MOST_SIZE, pl.UInt32)
    )
    return quotes.with_trades(sor.read_trades(prints, quotes=quotes))


T = 1_704_205_800_000_000_000


def order(rng: random.Random, quotes: sor.Quotes) -> sor.Order:
    return sor.Order(
        rng.choice(("buy", "sell")),
        rng.choice(QUANTITIES),
        start=rng.choice((None, None, quotes.start, quotes.end - 1)),
        horizon=rng.choice((None, None, *SPANS)),
        lot=rng.choice(QUANTITIES),
    )


def market(rng: random.Random) -> sor.Market:
    queue = sor.QueueAware(
        queue_position=rng.choice((0.0, 0.5, 1.0)),
        max_fill=rng.choice((0.0, 0.5, 1.0)),
        impact=rng.choice((0.0, 0.0005, 1.0)),
        decay=rng.choice((None, *SPANS)),
        mode=rng.choice(("expected", "sampled")),
        seed=2**64 - 1,
    )
    book = sor.Book(
        snapshot=rng.choice(("last", "each", "first")),
        depletion=rng.choice(("refresh", "persistent", "none")),
        collar=rng.choice((None, 0.0, 0.01, 1e6)),
        collar_ticks=rng.choice((0, 5, 1_000_000)),
        max_quote_age=rng.choice((None, *SPANS)),
        tick=rng.choice((1e-9, 0.01, 1e6)),
    )
    return sor.Market(
        latency=rng.choice((0, 0, *SPANS)),
        book=book,
        fill=rng.choice((sor.Displayed(), queue)),
        limit=rng.choice(("seen", "none")),
    )


def venues(rng: random.Random, quotes: sor.Quotes) -> list[sor.Venue]:
    return [
        sor.Venue(number, taker_fee=rng.choice(FEES), maker_rebate=rng.choice(FEES))
        for number in quotes.venues["id"]
    ]


def router(rng: random.Random) -> Any:
    penalties = {name: rng.choice(PENALTIES) for name in ("lambda_over", "lambda_under", "theta_queue")}
    unit = rng.choice(("fraction", "price"))
    if rng.random() < 0.4:
        return sor.ContKukanovRouter(
            **penalties,
            unit=unit,
            adverse_selection=rng.choice((-1e6, 0.0, 1e6)),
            epoch=rng.choice((10**9, 2**62, MOST_TIME)),
            window_every=rng.choice((None, 10**9, MOST_TIME)),
            scenarios=rng.choice((1, 200)),
            queue=rng.choice(("pessimistic", "expected", "optimistic")),
        )
    plan = rng.choice(("displayed", "fills"))
    return sor.StaticRouter(
        **penalties,
        unit=unit,
        plan=plan,
        rule="relaxed" if plan == "fills" else rng.choice(("relaxed", "strict")),
        solver=rng.choice(("exact", "exhaustive")),
        max_candidates=10_000,
        overbook=rng.choice((1.0, 100.0)) if plan == "fills" else 1.0,
    )


def run(seed: int) -> Backtest:
    rng = random.Random(seed)
    quotes = tape(rng, trades=rng.random() < 0.3)
    terms = market(rng)
    replaced = sor.Market(
        venues=venues(rng, quotes), latency=terms.latency, book=terms.book, fill=terms.fill, limit=terms.limit
    )
    against = ["best_ask", "sweep", sor.Twap(bucket=rng.choice(SPANS)), "pro_rata"]
    return sor.backtest(
        quotes, [order(rng, quotes) for _ in range(rng.randint(1, 2))], router(rng), market=replaced, against=against
    )  # fmt: skip


def look(result: Backtest) -> None:
    """Ask for everything; what has no float or does not fit is an error of ours."""
    for row in result.ledger.parents.iter_rows(named=True):
        done = row["executed"] + row["completed"] - row["unwound"]
        assert done == row["quantity"] or row["status"] == "no_quotes"
        parts = sum(row[part] for part in ("spread", "slippage", "schedule", "timing", "opportunity", "fees"))
        assert row["shortfall"] == parts - row["rebates"]
    assert (result.ledger.fills["price"] >= 0).all()
    assert result.to_json()
    assert repr(result)
    for view in (result.fills, result.children, result.orders, result.posts, result.markouts, result.parents):
        assert view.width
    if result.children.height:
        first = result.children.row(0, named=True)
        assert result.explain(first["child"], order=first["parent"])
    assert result.hindsight.height


@pytest.mark.parametrize("part", range(8))
def test_replays(part: int) -> None:
    met = {"result": 0, "error": 0}
    count = some(400, ci=8)
    for seed in range(part * count, (part + 1) * count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sor.SorWarning)
            try:
                look(run(seed))
                met["result"] += 1
            except sor.SorError:
                met["error"] += 1
            except BaseException as error:
                pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")
    assert min(met.values()) > 0, met


def test_the_last_nanosecond_is_no_time() -> None:
    frame = pl.DataFrame(
        {"ts_event": [MOST_TIME - 1, MOST_TIME], "venue": "A", "bid_px_00": 1.0, "bid_sz_00": 1}
    )
    frame = frame.with_columns(ask_px_00=pl.lit(1.01), ask_sz_00=1)
    assert sor.read_quotes(frame[:1]).end == MOST_TIME - 1
    with pytest.raises(sor.DataError, match="row 2: ts_event is 9223372036854775807"):
        sor.read_quotes(frame)


def test_allocations() -> None:
    rng = random.Random(1)
    taken = 0
    for _ in range(some(4_000, ci=400)):
        count = rng.randint(1, 4)
        prices = [rng.choice((1e-9, 0.01, 100.0, 4e9, 9.2e9)) for _ in range(count)]
        sizes = [rng.choice((1, 100, 10**9, 10**15)) for _ in range(count)]
        fees = [rng.choice(FEES) for _ in range(count)]
        quantity, lot, plan = rng.choice(QUANTITIES), rng.choice(QUANTITIES), router(rng)
        if not isinstance(plan, sor.StaticRouter) or plan.plan == "fills":
            continue
        benchmark = rng.choice((None, 0.0, 100.0, 4e9))
        side = rng.choice(("buy", "sell"))
        offers = [(price, size, fee, 0.0) for price, size, fee in zip(prices, sizes, fees, strict=True)]
        try:
            found = sor.allocate(quantity, offers, plan, lot=lot, side=side, benchmark=benchmark)
            arrays = sor.allocate_many(
                quantity, [prices], [sizes], [fees], router=plan, lot=lot, side=side, benchmark=benchmark
            )
        except sor.SorError:
            continue
        taken += 1
        if found is not None:
            assert list(arrays.splits[0]) == list(found.split)
    assert taken > 0


def test_executions() -> None:
    rng = random.Random(2)
    for _ in range(some(4_000, ci=400)):
        size = rng.choice((1, 100, MOST_SIZE, 10**15))
        offer = (rng.choice((1e-9, 0.01, 100.0, 9.2e9)), size)
        sent, model = rng.choice(QUANTITIES), market(rng).fill
        try:
            shares, price = sor.execute_order(
                sent, offer, model, side=rng.choice(("buy", "sell")), age=rng.choice((0, *SPANS))
            )
        except sor.SorError:
            continue
        assert 0 <= shares <= min(sent, size)
        assert price >= 0


def test_the_papers_problem() -> None:
    rng = random.Random(3)
    solved = 0
    for _ in range(some(1_000, ci=60)):
        values = {
            name: rng.choice((1e-12, 0.01, 1.0, 1e12)) for name in ("h", "f", "lambda_under", "lambda_over")
        }
        values |= {"S": rng.choice((1e-9, 1.0, 1e15)), "theta": rng.choice((0.0, 1e12))}
        table = np.array([[rng.choice((0.0, 1e-300, 1.0, 1e15, 1e300)) for _ in range(2)] for _ in range(4)])
        try:
            parameters = ck.Parameters(**values, r=rng.choice((0.0, 1e-12, 1e12)), Q=rng.choice((0.0, 1e15)))
            found = ck.solve(table, parameters, lot=rng.choice((None, 1.0, 1e15)), bound=rng.random() < 0.2)
        except sor.SorError:
            continue
        solved += 1
        assert 0 <= found.allocation.market <= values["S"]
    assert solved > 0


def test_probes() -> None:
    rng = random.Random(4)
    for _ in range(some(400, ci=40)):
        quotes = tape(rng, trades=rng.random() < 0.5)
        try:
            found = sor.probe_outflows(
                quotes,
                quotes.trades,
                side=rng.choice(("buy", "sell")),
                quantity=rng.choice(QUANTITIES),
                window=rng.choice(SPANS),
                every=rng.choice((None, 10**9, MOST_TIME)),
                queue=rng.choice(("pessimistic", "expected", "optimistic")),
            )
        except sor.SorError:
            continue
        assert found.width > 2
