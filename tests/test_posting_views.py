"""What a user looks at when limit orders rest: every view follows from the ledger."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import polars as pl
import pytest
import sor
from polars.testing import assert_frame_equal
from posted_tapes import PATIENT, exchange_quotes, mixed_orders
from sor.tape.schema import UNDEF_PRICE
from tapes import (
    CENT,
    SIDES,
    read_tape,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


SECOND = 1_000_000_000


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
    static = sor.backtest(result.quotes, orders_again(result), against=[])
    assert_frame_equal(result["static"].fills, static.fills)


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
    assert (
        set(found["baselines"])
        == {"static", "best_ask", "sweep", "twap", "vwap"}
        == set(found["savings_vs_baselines_bps"])
    )
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
        posts = result[policy].posts
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
    assert result.posts.equals(result["router"].posts)
    assert filled > 3
    assert result["sweep"].posts.is_empty()


def mids_of(quotes: sor.Quotes) -> pl.DataFrame:
    """The consolidated mid after every event time (rule B6), by columns rather than by a book."""
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
    mids = mids_of(result.quotes[0])
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
    markouts = result[policy].markouts
    assert markouts["seconds"].to_list() == [0, 1, 10, 60]
    for row in markouts.iter_rows(named=True):
        if row["seconds"] == 0:
            later = fills["mid"]
        else:
            times = fills.select(ts=pl.col("ts") + row["seconds"] * SECOND)
            later = times.join_asof(mids, on="ts")["mid"]
            later = pl.select(pl.when(times["ts"] <= result.quotes[0].end).then(later)).to_series()
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
    passive = result["router"].passive_fills
    assert passive.height > 0
    for seconds in (1, 10, 60):
        past = passive["ts_executed"].to_physical() + seconds * SECOND > quotes.end
        assert passive[f"mid_{seconds}s"].is_null().to_list() == past.to_list()
    assert passive["mid_60s"].null_count() > 0
    assert result.markouts["unknown"][3] > 0
    nothing = result["sweep"].markouts
    assert nothing["fills"].to_list() == nothing["shares"].to_list() == [0] * 4
    assert nothing["edge"].null_count() == nothing["adverse"].null_count() == 4


def test_epochs_and_places_are_the_ledgers(result: sor.Backtest) -> None:
    ledger = result.ledger
    own = pl.col("policy") == "router"
    epochs = ledger.epochs.filter(own).drop("policy")
    assert result.epochs.columns == epochs.columns
    for name in epochs.columns:
        in_currency = name in ("half_spread", "lambda_under", "lambda_over", "cost")
        expected = epochs[name]
        if in_currency:  # NumPy divides; polars would multiply by a rounded inverse.
            expected = pl.Series(name, expected.to_numpy() / 1e9, nan_to_null=True)
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
        children = result[policy].children
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
    queue: sor.settings.routers.Queue = "expected",
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
        market=sor.Market(venues=[sor.Venue(1, latency=latency * SECOND)]),
    )


def told(text: str) -> str:
    """Undo the wrapping of lines."""
    return " ".join(text.split())


def test_explains_a_limit_order_that_filled() -> None:
    result = by_hand(trades=[(25, 150)])
    assert result.explain(0).splitlines() == [
        "Order 0 is to buy 100 shares. At 00:00:20.000000, with 100 to go, it sent child",
        "  0: a limit order for 100 shares to 1, which showed 50 at 10.00. The mid was",
        "  10.02.",
        "Why: it is part of the epoch's cheapest mix of market and limit orders. A share",
        "  that fills gains 0.0220 against the mid, rebate included.",
        "It arrived at once and joined the queue behind 50 shares.",
        "All 100 shares were executed at 10.00. Against the mid on arrival of the order",
        "  that saved 2.20 in currency: spread -2.00 and rebates -0.20.",
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
    assert "\nIt arrived at once and joined the queue behind 50 shares.\n" in text
    assert text.endswith("\nNothing executed: the queue ahead of it was not exhausted.")
    late = by_hand(latency=5).explain(0)
    assert "\nIt arrived 5 s later and joined the queue behind 50 shares.\n" in late
    assert result.posts["reason"].to_list() == ["queue"] * 2
    assert result.posts["seconds_to_first_fill"].null_count() == 2


def test_explains_a_limit_order_that_crossed() -> None:
    text = by_hand(latency=5, quotes=[(23, 999, 10, 1_000, 10)]).explain(0)
    assert "It arrived 5 s later and met 10 shares at 9.99, a quote 2 s old." in told(text)
    assert text.endswith("on arrival it would have taken, and it may only add liquidity.")


def test_explains_a_limit_order_that_came_too_late() -> None:
    text = by_hand(latency=12).explain(0)
    assert "\nIt would have arrived 12 s later.\n" in text
    assert text.endswith("\nNothing executed: its epoch ended before it arrived.")


def test_explains_a_take() -> None:
    result = by_hand(start=5)
    assert result.epochs.select("market", "limit", "scenarios").row(0) == (100, 0, 0)
    text = result.explain(0)
    assert (
        "Why: it is part of the epoch's market order, swept over all venues, cheapest all-in first."
        in told(text)
    )
    assert told(text).endswith(
        "All 70 shares were executed at 10.04. Against the mid on arrival of the order that cost 1.61 in currency: "
        "spread +1.40 and fees +0.21."
    )
    assert "sweep takes every venue" in result["sweep"].explain(0)
    assert "market order" in result["router (pessimistic)"].explain(0)


def test_explains_a_limit_order_of_many_fills() -> None:
    result = by_hand(trades=[(25, 70), (27, 20)])
    assert result.posts["filled"].to_list() == [40, 0]
    assert told(result.explain(0)).endswith(
        "40 of 100 shares were executed at 10.00. Against the mid on arrival of the order that saved 0.88 in currency: "
        "spread -0.80 and rebates -0.08."
    )


def test_a_queue_that_nobody_sees_is_not_a_number_of_shares() -> None:
    """It arrives while a better bid hides its level: what is ahead cannot be known, and is not 9e18 shares."""
    result = by_hand(latency=5, queue="pessimistic", quotes=[(23, 1_001, 10, 1_004, 70)])
    assert "9,223,372,036,854,775,807" not in result.explain(0)
    assert (result.posts["ahead"].fill_null(0) < 10**6).all()
