"""Every float that is shown is the nearest to the exact number behind it."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from effort import some
from hypothesis import given, settings
from hypothesis import strategies as st
from sor.tape.exact import NANOS, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

T = 1_704_205_800_000_000_000
SECOND = 10**9

WHOLE = st.one_of(
    st.none(),
    st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]),
    st.integers(-(10**12), 10**12),
    st.integers(-(2**63), 2**63 - 1),
)


@settings(max_examples=some(400))
@given(st.lists(st.tuples(WHOLE, WHOLE), max_size=20), st.sampled_from([1, 10**4, Fraction("0.001")]))
def test_a_quotient_is_the_nearest_float(
    pairs: list[tuple[int | None, int | None]], times: int | Fraction
) -> None:
    frame = pl.DataFrame(
        {
            "a": pl.Series([a for a, _ in pairs], dtype=pl.Int64),
            "b": pl.Series([b for _, b in pairs], dtype=pl.Int64),
        }
    )
    found = ratio(frame, "a", pl.col("b"), times)
    exact = [None if a is None or not b else float(Fraction(a) / b * times) for a, b in pairs]
    assert found.to_list() == exact
    constant = ratio(frame, "a", NANOS, times).to_list()
    assert constant == [None if a is None else float(Fraction(a) / NANOS * times) for a, _ in pairs]


def tape(rng: random.Random, scale: int) -> pl.DataFrame:
    n = 40
    bid = [scale * rng.randrange(900, 1_100) for _ in range(n)]
    return pl.DataFrame(
        {
            "ts_event": [T + i * SECOND for i in range(n)],
            "venue": [rng.choice("AB") for _ in range(n)],
            "rtype": pl.Series([1] * n, dtype=pl.UInt8),
            "bid_px_00": bid,
            "bid_sz_00": [rng.randrange(1, 500) for _ in range(n)],
            "ask_px_00": [price + scale * rng.randrange(1, 5) for price in bid],
            "ask_sz_00": [rng.randrange(1, 500) for _ in range(n)],
        }
    )


def floats(exact: Iterator[Fraction | None]) -> list[float | None]:
    return [None if each is None else float(each) for each in exact]


# Nanos of a cheap share, a usual one, and one whose sums leave what a float holds exactly.
@pytest.mark.parametrize("scale", [3_333_333, 10_000_000, 7_777_777_777])
@pytest.mark.parametrize("unit", [1, 0.001])
def test_every_figure_of_a_backtest_is_the_nearest_float(scale: int, unit: float) -> None:
    rng = random.Random(scale)
    frame = tape(rng, scale).with_columns(pl.col("bid_sz_00", "ask_sz_00") * unit)
    quotes = sor.read_quotes(frame, size_unit=None if unit == 1 else unit)
    orders = [sor.Order(side, 3_000, horizon="30s") for side in ("buy", "sell")]
    market = sor.Market(book=sor.Book(collar=None))
    result = sor.backtest(quotes, orders, sor.ContKukanovRouter(epoch="5s"), market=market)
    ledger, of = result.ledger, Fraction(repr(unit))
    for name in result.policies:
        view, mine = result[name], pl.col("policy") == name
        rows = ledger.fills.filter(mine)
        for column in ("price", "quoted", "mid"):
            assert view.fills[column].to_list() == [each / NANOS for each in rows[column]]
        for column in ("fee", "rebate"):
            assert view.fills[column].to_list() == floats(Fraction(each, NANOS) * of for each in rows[column])
        assert view.fills["quantity"].to_list() == [float(each * of) for each in rows["quantity"]]
        parents = ledger.parents.filter(mine).to_dicts()
        for order, parent in zip(view.orders.iter_rows(named=True), parents, strict=True):
            assert_order(order, parent, of)
    assert_summary(result, of)
    assert_exported(result)


def assert_order(order: dict[str, Any], parent: dict[str, Any], unit: Fraction) -> None:
    sign = 1 if parent["side"] == "buy" else -1
    quantity, value = parent["quantity"], parent["quantity"] * parent["arrival_mid"]
    assert order["quantity"] == quantity * unit
    assert order["arrival_mid"] == parent["arrival_mid"] / NANOS
    assert order["avg_fill_px"] == sign * parent["notional"] / (NANOS * quantity)
    assert order["all_in_px"] == sign * parent["all_in"] / (NANOS * quantity)
    for part in ("shortfall", "spread", "slippage", "timing", "opportunity", "fees", "rebates"):
        assert order[f"{part}_bps"] == parent[part] * 10**4 / value


def assert_summary(result: sor.Backtest, unit: Fraction) -> None:
    for row in result.summary.iter_rows(named=True):
        mine = result.ledger.parents.filter(pl.col("policy") == row["policy"]).to_dicts()
        cash = sum((1 if each["side"] == "buy" else -1) * each["all_in"] for each in mine)
        shares = sum(each["quantity"] for each in mine)
        assert row["total_cash"] == float(Fraction(cash, NANOS) * unit)
        assert row["avg_fill_px"] == cash / (NANOS * shares)
        assert row["quantity"] == shares * unit
        assert row["fill_ratio"] == sum(each["executed"] for each in mine) / shares


def assert_exported(result: sor.Backtest) -> None:
    said = json.loads(result.to_json())
    row = result.summary.row(0, named=True)
    assert said["optimized"] == {"total_cash": row["total_cash"], "avg_fill_px": row["avg_fill_px"]}


def test_a_price_can_be_looked_for() -> None:
    n = 11
    frame = pl.DataFrame(
        {"ts_event": [T + i * SECOND for i in range(n)], "venue": "A", "bid_px_00": 10.0, "bid_sz_00": 300}
    ).with_columns(ask_px_00=pl.lit(10.02), ask_sz_00=300)
    fills = sor.backtest(sor.read_quotes(frame), sor.Order("buy", 1_000)).fills
    assert fills["price"][0] == 10.02
    assert fills.filter(pl.col("price") == 10.02).height > 0


def test_tapes_of_one_call_count_in_one_unit() -> None:
    frame = tape(random.Random(1), 10_000_000)
    tapes = [sor.read_quotes(frame), sor.read_quotes(frame, size_unit=0.1)]
    with pytest.raises(sor.ParameterError, match=r"units of 0\.1 and 1; expected one size_unit for all"):
        sor.study(tapes, sor.Order("buy", 10, horizon="10s"))
