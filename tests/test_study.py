"""A study says nothing that its rows do not: pairs, parts, breakdowns, several tapes."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import recorded
import sor
from sor.errors import DataError, ParameterError
from sor.replay.parents import lay
from sor.results.metrics import PARTS, orders_table, summary_table
from sor.results.statistics import mean_interval
from sor.settings.market import Book
from sor.settings.orders import Order, orders_every
from sor.settings.routers import StaticRouter
from sor.studies.backtest import backtest
from sor.studies.study import study
from sor.tape.schema import UNDEF_PRICE
from sor.tape.simulate import simulate_quotes
from sor.tape.tape import Quotes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sor.results.study import Study

CENT = 10_000_000
ORDERS = orders_every("20s", quantity=(500, 4_000), horizon="60s", side="both")


@pytest.fixture(scope="module")
def tape() -> Quotes:
    return simulate_quotes(minutes=20, seed=5, one_sided=0.02)


@pytest.fixture(scope="module")
def made(tape: Quotes) -> Study:
    return study(tape, ORDERS)


def test_policies_do_what_a_backtest_of_each_schedule_says(tape: Quotes, made: Study) -> None:
    first = backtest(tape, orders_every("20s", quantity=500, side="buy", horizon="60s"))
    count = first.orders.height
    rows = made.ledger.parents.filter(pl.col("parent") < count)
    assert rows.equals(first.ledger.parents)
    fills = made.ledger.fills.filter(pl.col("parent") < count)
    assert fills.equals(first.ledger.fills)


def test_savings_follow_from_the_fills_alone(made: Study) -> None:
    sign = {"buy": 1, "sell": -1}
    orders = {row["parent"]: row for row in made.parents.iter_rows(named=True)}
    mids = dict(made.ledger.parents.select("parent", "arrival_mid").iter_rows())
    cost: dict[tuple[str, int], int] = {}
    for row in made.ledger.fills.iter_rows(named=True):
        parent = row["parent"]
        signed = sign[orders[parent]["side"]] * row["quantity"] * (-1 if row["kind"] == "unwind" else 1)
        key = (row["policy"], parent)
        cost[key] = cost.get(key, 0) + signed * (row["price"] - mids[parent]) + row["fee"] - row["rebate"]
    for row in made.savings.iter_rows(named=True):
        parent = row["parent"]
        difference = cost[row["against"], parent] - cost["router", parent]
        expected = difference / (row["quantity"] * mids[parent]) * 1e4
        assert row["savings_bps"] == pytest.approx(expected, rel=1e-12, abs=1e-12)
        assert sum(row[f"{part}_bps"] for part in PARTS) == pytest.approx(row["savings_bps"], abs=1e-9)


def test_comparisons_are_the_pairs_counted_and_averaged(made: Study) -> None:
    assert made.comparisons["against"].to_list() == ["best_ask", "sweep", "twap", "pro_rata"]
    for row in made.comparisons.iter_rows(named=True):
        pairs = made.savings.filter(pl.col("against") == row["against"])
        saved = pairs["savings_bps"].to_numpy()
        assert row["parents"] == len(saved) == made.parents.height
        assert row["savings_bps"] == saved.mean()
        assert (row["wins"], row["losses"]) == ((saved > 0).sum(), (saved < 0).sum())
        assert row["wins"] + row["ties"] + row["losses"] == row["parents"]
        assert row["worst_bps"] == saved.min()
        starts, ends = (pairs[name].to_physical().to_numpy() for name in ("start", "end"))
        interval = mean_interval(saved, starts, ends)
        assert (row["lower"], row["upper"]) == (interval.lower, interval.upper)
        assert made.interval(row["against"]) == interval
        # Both sides and both sizes start together: one piece of evidence.
        assert row["times"] == row["parents"] // 4
        assert sum(row[f"{part}_bps"] for part in PARTS) == pytest.approx(row["savings_bps"], abs=1e-9)


def test_a_rebate_that_is_ours_is_a_saving(made: Study) -> None:
    ours = pl.col("policy") == "router"
    earned = made.ledger.parents.with_columns(
        pl.when(ours).then(pl.col("rebates") + 10**9).otherwise(pl.col("rebates")).alias("rebates"),
        pl.when(ours).then(pl.col("shortfall") - 10**9).otherwise(pl.col("shortfall")).alias("shortfall"),
    )
    richer = replace(made, ledger=replace(made.ledger, parents=earned))
    gained = richer.savings["savings_bps"] - made.savings["savings_bps"]
    assert (gained > 0).all()
    assert (richer.savings["rebates_bps"] - gained).abs().max() == pytest.approx(0.0, abs=1e-9)


def test_a_policy_against_itself_is_a_tie(tape: Quotes) -> None:
    router = StaticRouter()
    made = study(tape, ORDERS, {"a": router, "b": router})
    (row,) = made.comparisons.iter_rows(named=True)
    assert (row["savings_bps"], row["lower"], row["upper"], row["p_value"]) == (0.0, 0.0, 0.0, 1.0)
    assert row["ties"] == row["parents"]


def test_any_policy_can_be_the_one_compared(tape: Quotes, made: Study) -> None:
    turned = study(tape, ORDERS, policy="best_ask")
    assert "router" in turned.others
    assert "best_ask" not in turned.others
    there = dict(made.comparisons.select("against", "savings_bps").iter_rows())["best_ask"]
    back = dict(turned.comparisons.select("against", "savings_bps").iter_rows())["router"]
    assert back == pytest.approx(-there)


@pytest.mark.parametrize("what", ["time", "spread", "depth", "size", "side", "tape"])
def test_breakdowns_hold_every_pair_once(made: Study, what: str) -> None:
    table = made.by(what)
    for name in made.others:
        rows = table.filter(pl.col("against") == name)
        whole = made.savings.filter(pl.col("against") == name)["savings_bps"]
        assert rows["parents"].sum() == len(whole)
        total = (rows["savings_bps"] * rows["parents"]).sum()
        assert total == pytest.approx(whole.sum())
        assert rows[what].n_unique() == rows.height


def test_breakdowns_bin_by_what_they_say(made: Study) -> None:
    assert made.by("size")["size"].unique().sort().to_list() == ["4000", "500"]
    assert made.by("side")["side"].to_list()[:2] == ["buy", "sell"]
    spread = made.by("spread", bins=2).filter(pl.col("against") == "twap")
    known = made.parents["arrival_spread_bps"].drop_nulls()
    middle = known.median()
    assert spread["parents"][0] == (known <= middle).sum()
    assert spread["spread"][0].startswith(f"{known.min():.2f}".rstrip("0"))
    utc = made.parents["start"].dt.hour().unique().sort().to_list()
    assert made.by("time")["time"].unique().sort().to_list() == [f"{hour:02}:00" for hour in utc]
    tokyo = [f"{(hour + 9) % 24:02}:00" for hour in utc]
    assert set(made.by("time", zone="Asia/Tokyo")["time"]) == set(tokyo)


@pytest.mark.parametrize("collar", [0.01, 0.0, None])
def test_arrival_columns_are_the_book_at_the_start(tape: Quotes, collar: float | None) -> None:
    made = study(tape, ORDERS, {"a": "sweep", "b": "twap"}, market=sor.Market(book=Book(collar=collar)))
    records = list(tape.frame.iter_rows(named=True))
    parents = lay([ORDERS], tape)
    for row, parent in list(zip(made.parents.iter_rows(named=True), parents, strict=True))[::7]:
        book: dict[int, Mapping[str, Any]] = {}
        for record in records:
            if record["ts"] > parent.start:
                break
            book[record["venue"]] = record
        asks = {q["ask_px"]: 0 for q in book.values() if q["ask_px"] != UNDEF_PRICE}
        bids = {q["bid_px"]: 0 for q in book.values() if q["bid_px"] != UNDEF_PRICE}
        side, sign = ("ask", 1) if parent.side == "buy" else ("bid", -1)
        if not asks or not bids:
            assert row["arrival_spread_bps"] is None
            continue
        ask, bid = min(asks), max(bids)
        mid = (ask + bid) // 2
        assert row["arrival_spread_bps"] == pytest.approx((ask - bid) / mid * 1e4)
        most = float("inf") if collar is None else max(round(collar * mid), 5 * CENT)
        shown = [
            q[f"{side}_sz"]
            for q in book.values()
            if q[f"{side}_px"] != UNDEF_PRICE and sign * (q[f"{side}_px"] - mid) <= most
        ]
        assert row["arrival_depth"] == sum(shown)


def test_several_tapes_are_numbered_through_and_taken_together(tape: Quotes) -> None:
    later = simulate_quotes(minutes=20, seed=6, venues=3, start="2024-01-03T14:30:00Z")
    both = study([tape, later], ORDERS)
    alone = [study(one, ORDERS) for one in (tape, later)]
    count = alone[0].parents.height
    assert both.parents["parent"].to_list() == list(range(2 * count))
    assert both.parents["tape"].to_list() == [0] * count + [1] * count
    second = both.ledger.parents.filter(pl.col("parent") >= count)
    columns = ["policy", "start", "shortfall", "all_in"]
    assert second.select(columns).equals(alone[1].ledger.parents.select(columns))
    order = both.ledger.fills.select("policy", "parent").with_row_index()
    assert order.sort("policy", "parent", maintain_order=True).equals(order)
    assert both.by("tape").height == 2 * len(both.others)
    mean = np.mean([one.comparisons["savings_bps"][0] for one in alone])
    assert both.comparisons["savings_bps"][0] == pytest.approx(mean)


def test_an_order_with_a_start_goes_to_the_tapes_that_cover_it(tape: Quotes) -> None:
    later = simulate_quotes(minutes=20, seed=6, start="2024-01-03T14:30:00Z")
    order = Order("buy", 300, start=later.start + 60_000_000_000, horizon="60s")
    made = study([tape, later], [order, Order("sell", 300, horizon="60s")])
    assert made.parents["tape"].to_list() == [0, 1, 1]
    assert made.parents["side"].to_list() == ["sell", "buy", "sell"]
    with pytest.raises(ParameterError, match=r"orders\[0\]: its start lies on none of the 2 tapes"):
        study([tape, later], [Order("buy", 300, start="2023-01-01")])


def test_without_rows_the_sums_are_the_same(tape: Quotes, made: Study) -> None:
    short = study(tape, ORDERS, record=False, run=sor.Run(threads=1))
    assert short.ledger.parents.equals(made.ledger.parents)
    assert short.ledger.fills.is_empty()
    assert short.to_json() == made.to_json()


def test_parents_that_cannot_trade_are_left_out(tape: Quotes) -> None:
    frame = tape.frame.with_columns(
        pl.when(pl.col("ts") < tape.start + 300_000_000_000)
        .then(pl.lit(UNDEF_PRICE))
        .otherwise(pl.col("ask_px"))
        .alias("ask_px"),
        pl.when(pl.col("ts") < tape.start + 300_000_000_000)
        .then(pl.lit(0, dtype=pl.UInt32))
        .otherwise(pl.col("ask_sz"))
        .alias("ask_sz"),
    )
    late = Quotes(frame=frame, venues=tape.venues, symbol=None, source="late")
    made = study(late, orders_every("60s", side="buy", quantity=400, horizon="60s"))
    dead = made.ledger.parents.filter((pl.col("policy") == "router") & (pl.col("status") == "no_quotes"))
    assert dead.height in (4, 5)
    assert made.comparisons["parents"].to_list() == [made.parents.height - dead.height] * 4
    assert made.parents["arrival_spread_bps"].null_count() >= dead.height


@pytest.mark.parametrize("mixed", [False, True])
def test_a_summary_of_many_policies_is_that_of_each(made: Study, mixed: bool) -> None:
    rows = made.ledger.parents
    # One of them could not trade, another only sometimes.
    nobody, some = rows["policy"][0], rows["policy"][-1]
    never = (pl.col("policy") == nobody) | ((pl.col("policy") == some) & (pl.col("parent") % 3 == 0))
    gone = pl.lit("no_quotes", rows["status"].dtype)
    rows = rows.with_columns(
        pl.when(never).then(gone).otherwise("status").alias("status"),
        pl.when(never).then(None).otherwise("arrival_mid").alias("arrival_mid"),
    )
    if mixed:
        rows = rows.sort("parent", maintain_order=True)
    parts = rows.partition_by("policy", maintain_order=True)
    together = summary_table(rows)
    assert together.equals(pl.concat([summary_table(part) for part in parts]))
    for part, found in zip(parts, together.iter_rows(named=True), strict=True):
        traded = part.filter(pl.col("status").cast(pl.String) != "no_quotes")
        assert (found["parents"], found["no_quotes"]) == (traded.height, part.height - traded.height)
        each = orders_table(traded)
        for name in ("shortfall_bps", *(f"{part}_bps" for part in PARTS)):
            # Polars adds in one order for groups and in another for columns, in some versions.
            mean = each[name].mean()
            assert found[name] == (mean if mean is None else pytest.approx(mean, rel=1e-14, abs=1e-14))
        signs = traded["side"].cast(pl.String).replace_strict({"buy": 1, "sell": -1}, return_dtype=pl.Int64)
        assert found["total_cash"] == float(Fraction((signs * traded["all_in"]).sum()) / 10**9)
        assert found["quantity"] == traded["quantity"].sum()


def test_json_and_reprs_hold_the_headline(made: Study) -> None:
    data = json.loads(made.to_json())
    assert data["policy"] == "router"
    assert data["policies"]["router"]["lambda_under"] == 0.001
    assert [row["against"] for row in data["comparisons"]] == made.others
    assert "best_ask" in repr(made)
    assert "best_ask" in made._repr_html_()
    worst = made.worst(3, against="twap")
    assert worst["savings_bps"].to_list() == sorted(worst["savings_bps"])
    assert worst["savings_bps"][0] == made.comparisons.filter(pl.col("against") == "twap")["worst_bps"][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policies": {"only": "sweep"}}, "at least two"),
        (
            {"policies": {"a": "sweep", "b": "sweeep"}},
            r"policies\['b'\] must be a policy object or one of static, cont_kukanov",
        ),
        ({"policy": "nobody"}, "policy must be one of router, best_ask"),
        ({"orders": []}, "orders must hold at least one"),
        ({"orders": [3]}, "orders must be an Order"),
        ({"quotes": []}, "quotes must hold at least one tape"),
        ({"bootstrap": {}}, "bootstrap must be a sor.Bootstrap"),
        ({"run": None}, "run must be a sor.Run"),
        ({"record": "yes"}, "record must be True or False, got 'yes'"),
    ],
)
def test_bad_input_is_named(tape: Quotes, changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"quotes": tape, "orders": ORDERS} | changes
    with pytest.raises(ParameterError, match=message):
        study(**arguments)


def test_bad_questions_are_named(made: Study) -> None:
    for ask, message in (
        (lambda: made.by("weather"), "what must be one of time, spread"),
        (lambda: made.by("spread", bins=0), "bins must be a whole number"),
        (lambda: made.by("time", zone="Mars"), "zone is .Mars.; expected a time zone"),
        (lambda: made.worst(against="router"), "against must be one of best_ask"),
        (lambda: orders_every("1m", quantity=[], horizon="1m", side="both"), "must not be empty"),
        (lambda: orders_every("1m", quantity=5, side="long", horizon="1m"), "side must be one of"),
    ):
        with pytest.raises(ParameterError, match=message):
            ask()
    with pytest.raises((DataError, FileNotFoundError)):
        study("nowhere.parquet", ORDERS)


@pytest.mark.data
def test_the_real_day_both_sides() -> None:
    made = study(
        str(recorded.QUOTES), orders_every("1m", quantity=5_000, horizon="5m", side="both"), record=False
    )
    assert made.parents.height == 770
    assert set(made.comparisons["parents"]) == {770}
    assert made.comparisons["lower"].null_count() == 0
    assert made.by("time").height == 4 * 7
