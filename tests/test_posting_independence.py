"""An order that posts depends on no other order, no thread, no policy beside it, and not on its side."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import polars as pl
import pytest
import reference as ref
import sor
from effort import enough, some
from polars.testing import assert_frame_equal
from posted_tapes import PATIENT, exchange_quotes, exchange_raw, exchange_tape, mixed_orders, same
from sor.replay.ledger import TABLES
from tapes import (
    CENT,
    QUEUES,
    read_tape,
    replay_all,
)
from test_properties import ledger_bytes, serialized


@pytest.mark.parametrize("trades", [True, False], ids=["with trades", "without"])
def test_threads_give_the_same_bytes(trades: bool) -> None:
    quotes = exchange_quotes(1, trades=trades)
    fill = sor.QueueAware(mode="sampled", seed=5)
    results = [
        sor.backtest(
            quotes, mixed_orders(quotes), PATIENT, market=sor.Market(fill=fill), run=sor.Run(threads=threads)
        )
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
    among = sor.backtest(quotes, orders, PATIENT, against=[]).ledger
    for i, order in enumerate(orders):
        alone = sor.backtest(quotes, order, PATIENT, against=[]).ledger
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
        alone = sor.backtest(quotes, orders, router, against=[])
        for other in QUEUES:
            name = "router" if other == queue else f"router ({other})"
            one = sor.backtest(quotes, orders, dataclasses.replace(PATIENT, queue=other), against=["sweep"])
            for table in ("fills", "children"):
                ours = getattr(result[name], table)
                assert_frame_equal(ours, getattr(alone[name], table), categorical_as_str=True)
                assert_frame_equal(ours, getattr(one, table), categorical_as_str=True)


MIRROR = 2_004 * CENT
PRICES = ("price", "quoted", "mid", "seen_price", "met_price", "arrival_mid")


def mirrored_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Prices the other way up; what is money or shares stays, and cash turns its sign around the mirror."""
    found = frame.with_columns(
        (MIRROR - pl.col(name)).alias(name) for name in PRICES if name in frame.columns
    )
    return found.drop("side", "notional", "all_in", strict=False)


@pytest.mark.parametrize(
    "taped", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["with trades", "without"]
)
def test_a_sell_is_a_buy_in_the_mirror(taped: bool) -> None:
    met: Counter[str] = Counter()
    for seed in range(some(30, ci=15 if taped else 30, everyday=8 if taped else 30)):
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
    assert min(met["post"], met["take"], met["completion"]) > enough(50), met
    assert met["unwind"] >= enough(4), met
