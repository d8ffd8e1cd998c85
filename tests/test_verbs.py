"""The verbs agree: the same orders, policies, trades and names everywhere, and every result can be made again."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from sor import cont_kukanov as ck
from sor.settings.config import market_of, orders_of, policy_of

if TYPE_CHECKING:
    from collections.abc import Callable

VERBS: list[Callable[..., Any]] = [sor.backtest, sor.study, sor.search, sor.stress]


@pytest.fixture(scope="module")
def quotes() -> sor.Quotes:
    return sor.simulate_quotes(minutes=6, venues=3, price=20.0, spread=4.0)


ORDERS = sor.orders_every("1m", side="buy", quantity=2_000, horizon="1m")


@pytest.mark.parametrize("verb", VERBS)
def test_orders_and_schedules_mix(verb: Callable[..., Any], quotes: sor.Quotes) -> None:
    mixed = [sor.Order("sell", np.int64(300), horizon="30s"), ORDERS]  # type: ignore[arg-type]
    result = verb(quotes, mixed)
    parents = result.summary["parents"][0] if verb is not sor.search else result.in_sample.parents.height
    assert parents == 1 + 5


def test_sizes_of_numpy_and_both_sides(quotes: sor.Quotes) -> None:
    assert sor.orders_every("1m", quantity=np.int64(5), side="buy", horizon="1m").quantity == 5  # type: ignore[arg-type]
    sizes = sor.orders_every("2m", quantity=np.array([200, 100]), side="both", horizon="1m")  # type: ignore[arg-type]
    parents = sor.study(quotes, sizes).parents
    assert parents["side"].to_list() == ["buy"] * 6 + ["sell"] * 6
    assert parents["quantity"].to_list() == ([200] * 3 + [100] * 3) * 2


def test_numbers_of_numpy_are_numbers(quotes: sor.Quotes) -> None:
    found = sor.search(quotes, ORDERS, folds=np.int64(2))  # type: ignore[arg-type]
    assert found.made_folds == 2
    assert sor.Bootstrap(seed=np.int64(1), level=np.float32(0.5)).seed == 1  # type: ignore[arg-type]
    assert found.in_sample.by("spread", bins=np.int64(2)).height > 0  # type: ignore[arg-type]
    made = sor.simulate_quotes(minutes=np.float32(1), price=np.int64(20), seed=np.int64(3))  # type: ignore[arg-type]
    assert made.frame.equals(sor.simulate_quotes(minutes=1, price=20, seed=3).frame)


def test_results_compare_by_identity_and_have_a_hash(quotes: sor.Quotes) -> None:
    for verb in VERBS:
        first, second = verb(quotes, ORDERS), verb(quotes, ORDERS)
        assert first == first
        assert first != second
        assert hash(first) != hash(second)


def test_the_same_router_has_the_same_company_everywhere(quotes: sor.Quotes) -> None:
    router = sor.ContKukanovRouter(epoch="20s")
    names = ["router", "router (pessimistic)", "router (optimistic)", "static", *sor.BASELINES]
    assert list(sor.backtest(quotes, ORDERS, router).policies) == names
    assert list(sor.study(quotes, ORDERS, router).policies) == names
    assert sor.stress(quotes, ORDERS, router).summary["policy"].unique(maintain_order=True).to_list() == names


@pytest.mark.parametrize("name", ["sweep", "static", "cont_kukanov", "twap"])
def test_a_name_is_short_for_a_policy(name: str, quotes: sor.Quotes) -> None:
    by_name = sor.backtest(quotes, ORDERS, name, against=[name])
    by_object = sor.backtest(quotes, ORDERS, sor.POLICIES[name], against=[sor.POLICIES[name]])
    assert by_name.ledger.parents.equals(by_object.ledger.parents)
    assert sor.study(quotes, ORDERS, [name, "best_ask"]).others == ["best_ask"]


@pytest.mark.parametrize("router", ["sweep", sor.ContKukanovRouter()])
def test_a_search_needs_parameters_to_search(router: Any, quotes: sor.Quotes) -> None:
    with pytest.raises(sor.ParameterError, match=r"router must be a sor\.StaticRouter"):
        sor.search(quotes, ORDERS, router)


def test_trades_are_the_tapes_for_every_verb(quotes: sor.Quotes) -> None:
    frame = pl.DataFrame(
        {"ts_event": [quotes.start + 10**9], "venue": ["V1"], "price": [20.0], "size": [100]}
    )
    trades = sor.read_trades(frame, quotes=quotes)
    for given in (trades, frame, [frame]):
        for verb in (sor.backtest, sor.study):
            assert verb(quotes, ORDERS, trades=given).quotes[0].trades is not None
    for verb in VERBS:
        verb(quotes, ORDERS, trades=trades)
        with pytest.raises(sor.ParameterError, match="trades must have one entry for each of 2 tapes, got 1"):
            verb([quotes, quotes], ORDERS, trades=[trades])


def test_several_tapes_for_every_verb(quotes: sor.Quotes) -> None:
    other = sor.simulate_quotes(minutes=6, venues=2, price=20.0, spread=4.0, start="2024-01-03T14:30:00Z")
    for verb in VERBS:
        verb([quotes, other], ORDERS)
    both = sor.backtest([quotes, other], ORDERS)
    alone = [sor.backtest(tape, ORDERS) for tape in (quotes, other)]
    costs = [row["shortfall_bps"] for each in alone for row in each.orders.to_dicts()]
    assert both.orders["shortfall_bps"].to_list() == costs
    least = [row["shortfall_bps"] for each in alone for row in each.hindsight.to_dicts()]
    assert both.hindsight["shortfall_bps"].to_list() == least


def test_one_estimator_has_one_name(quotes: sor.Quotes) -> None:
    result, study = sor.backtest(quotes, ORDERS), sor.study(quotes, ORDERS)
    paired = dict(study.comparisons.select("against", "savings_bps").iter_rows())
    assert result.savings_bps == pytest.approx(paired)
    assert sor.search(quotes, ORDERS, grid={"lambda_under": [0.001]}).savings_bps == pytest.approx(paired)
    cash = dict(result.summary.select("policy", "total_cash").iter_rows())
    for name, saved in result.cash_savings_bps.items():
        assert saved == pytest.approx((cash[name] - cash["router"]) / cash[name] * 1e4)


def test_a_venues_own_latency_comes_before_the_markets(quotes: sor.Quotes) -> None:
    venues = [sor.Venue("V1", latency="0ms"), sor.Venue("V2")]
    market = sor.Market(venues=venues, latency="1ms")
    laid = sor.backtest(quotes, ORDERS, market=market).market.laid
    assert [venue.latency for venue in laid] == ["0ms", "1ms", "1ms"]


def test_a_result_prints_what_makes_it_again(quotes: sor.Quotes) -> None:
    orders = [ORDERS, sor.Order("sell", 700, start=quotes.start + 10**9, horizon="90s", lot=10)]
    market = sor.Market(
        venues=[sor.Venue("V1", latency="2ms", taker_fee=0.001), sor.Venue("V3", name='say "x"')],
        latency="1ms",
        book=sor.Book(collar=None, depletion="persistent", max_quote_age="10s"),
        fill=sor.QueueAware(queue_position={"V1": 0.2}, decay="2s", mode="sampled", seed=5),
        limit="none",
    )
    router = sor.StaticRouter(lambda_under=0.002, plan="fills", overbook=1.5)
    result = sor.backtest(quotes, orders, router, market=market, against=[sor.Twap(bucket="10s"), "sweep"])
    said = tomllib.loads(result.config())
    assert said["command"] == "backtest"
    policies = {name: policy_of(table, name) for name, table in said["policies"].items()}
    again = sor.backtest(
        quotes,
        orders_of(said["orders"]),
        policies.pop("router"),
        market=market_of(said["market"]),
        against=policies,
    )
    for table in ("parents", "children", "fills"):
        assert getattr(again.ledger, table).equals(getattr(result.ledger, table))
    assert again.config() == result.config()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ck.solve([[1.0, 2.0]], PARAMETERS, lot="a"),
            "lot must be a positive number of shares, got 'a'",
        ),
        (
            lambda: ck.calibrate([[1.0, 2.0]], PARAMETERS, under="a"),
            "under must be a positive number of shares",
        ),
        (lambda: ck.poisson_common_factor(2.5, 2, mean=1, weight=1, seed=1), "n must be a whole number"),
        (
            lambda: ck.poisson_common_factor(2, 2, mean="a", weight=1, seed=1),
            "mean must be a positive number",
        ),
        (lambda: ck.gamma(2, 2, shape=["a"], seed=1), "shape must be a sequence of numbers"),
        (lambda: ck.exponential(2, 2, mean=1, seed="a"), "seed must be a whole number"),
    ],
)
def test_bare_errors_are_ours(call: Callable[[], object], message: str) -> None:
    with pytest.raises(sor.ParameterError, match=message):
        call()


PARAMETERS = ck.Parameters(h=0.02, f=0.003, r=0.002, lambda_under=0.05, lambda_over=0.05, S=10, Q=2)


def test_a_count_that_is_none_is_named(quotes: sor.Quotes) -> None:
    with pytest.raises(sor.ParameterError, match="count must be a whole number"):
        sor.study(quotes, ORDERS).worst("a")  # type: ignore[arg-type]


def test_verbs_are_functions_not_modules() -> None:
    for verb in VERBS:
        assert callable(verb)


def test_one_answer_to_a_missing_package() -> None:
    assert issubclass(sor.MissingExtra, sor.SorError)
    assert issubclass(sor.MissingExtra, ImportError)


def test_a_study_where_nobody_could_trade_can_be_shown(quotes: sor.Quotes) -> None:
    late = quotes.frame.with_columns(
        ask_px=pl.when(pl.int_range(pl.len()) < pl.len() - 1).then(2**63 - 1).otherwise("ask_px"),
        ask_sz=pl.when(pl.int_range(pl.len()) < pl.len() - 1).then(0).otherwise("ask_sz").cast(pl.UInt32),
    ).rechunk()
    tape = sor.Quotes(frame=late, venues=quotes.venues, symbol="LATE", source="test")
    study = sor.study(tape, sor.Order("buy", 100, horizon="1m"))
    assert study.comparisons.is_empty()
    assert "against" in repr(study)


def test_text_in_html_is_text(quotes: sor.Quotes) -> None:
    study = sor.study(quotes, ORDERS, {"<!--<script>": "sweep", "b": "twap"})
    assert "<script>" not in study._repr_html_()
