"""Sessions, arrival and halts through the public calls: what a user of one call sees, with values made by hand.

The same inputs meet the reference in test_sessions_by_hand.py.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import recorded
import sor
from sor.errors import ParameterError
from sor.settings.config import market_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SECOND = 10**9
T = 1_704_205_800 * SECOND  # 2024-01-02 14:30 UTC, 09:30 in New York
DAY = 86_400
POLICIES = ("best_ask", "sweep", "pro_rata", "static")
NEW_YORK = "America/New_York"


def tape(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """Seconds since 14:30, venue, bid, its size, ask, its size."""
    columns = ("ts_event", "venue", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    seconds, *rest = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            name: list(values)
            for name, values in zip(columns, ([T + round(s * SECOND) for s in seconds], *rest), strict=True)
        },
        schema_overrides={"bid_px_00": pl.Float64, "ask_px_00": pl.Float64},
    )


def steady(*seconds: float, venue: str = "A") -> list[tuple[Any, ...]]:
    return [(each, venue, 10.0, 500, 10.02, 500) for each in seconds]


# Overnight


@pytest.fixture
def two_days(tmp_path: Path) -> list[str]:
    paths = []
    for number, start in enumerate(["2024-01-02T14:30:00Z", "2024-01-03T14:30:00Z"]):
        paths.append(str(tmp_path / f"d{number}.parquet"))
        sor.simulate_quotes(minutes=60, seed=1, start=start).write(paths[-1])
    return paths


def test_no_order_is_laid_over_the_night(two_days: list[str]) -> None:
    """Read as one session they were 150 orders, 138 of them at night, and best_ask lost 6.363 bps to us."""
    orders = sor.orders_every("10m", side="buy", quantity=5_000, horizon="5m")
    apart = sor.study(two_days, orders)
    together = sor.study(sor.read_quotes(two_days), orders)
    assert apart.parents.height == together.parents.height == 12
    for name in ("savings_bps", "lower", "upper", "win_ratio"):
        assert apart.comparisons[name].to_list() == together.comparisons[name].to_list()
    saved = dict(together.comparisons.select("against", "savings_bps").rows())
    assert saved["best_ask"] == pytest.approx(-0.110, abs=5e-4)
    night = sor.study(sor.read_quotes(two_days), orders, market=sor.Market(sessions=None))
    assert night.parents.height == 150


YESTERDAY = [
    *((s, "A", 399.99, 500, 400.01, 500) for s in (0, 23_400)),
    *((s, "B", 399.98, 500, 400.02, 500) for s in (0, 23_400)),
    *((DAY + s, "A", 99.99, 500, 100.01, 500) for s in (0, 60, 600)),
    (DAY + 120, "B", 99.99, 500, 100.01, 500),
]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("book", [sor.Book(), sor.Book(max_quote_age="10m")])
def test_yesterdays_quote_is_not_sold_to(policy: str, book: sor.Book) -> None:
    order = sor.Order("sell", 500, start=T + (DAY + 1) * SECOND, horizon="30s")
    found = sor.backtest(tape(YESTERDAY), order, policy, market=sor.Market(book=book))
    assert found.fills.select("quantity", "price").rows() == [(500, 99.99)]


def test_completion_is_at_todays_quote() -> None:
    order = sor.Order("sell", 800, start=T + (DAY + 1) * SECOND, horizon="30s")
    never = sor.StaticRouter(lambda_under=0.0, theta_queue=0.0)
    market = sor.Market(book=sor.Book(max_quote_age="10m"))
    found = sor.backtest(tape(YESTERDAY), order, never, market=market)
    assert found.fills.select("kind", "quantity", "price").rows() == [
        ("completion", 500, 99.99),
        ("completion", 300, 99.98),
    ]


# Halts

HALTED = [
    (0, "A", 100.0, 5000, 100.02, 5000),
    (60, "A", None, 0, None, 0),
    (600, "A", 110.0, 5000, 110.02, 5000),
    (900, "A", 110.0, 5000, 110.02, 5000),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_halted_order_is_late_and_says_so(policy: str) -> None:
    """1,000 * (110.02 - 100.01 + 0.003) on 1,000 * 100.01: 1,001.2 bps."""
    found = sor.backtest(tape(HALTED), sor.Order("buy", 1000, start=T + 120 * SECOND, horizon="3m"), policy)
    (order,) = found.orders.to_dicts()
    assert (order["arrival_mid"], order["status"], order["cut"]) == (100.01, "late", False)
    assert order["shortfall_bps"] == pytest.approx(1e4 * 10.013 / 100.01)
    assert found.fills["price"].to_list() == [110.02]
    assert found.summary["late"].to_list() == [1] * found.summary.height
    assert "completed late" in repr(found)


def test_a_halt_of_the_market_is_like_quotes_withdrawn() -> None:
    """The quotes stay on the tape; the exchange says that nothing trades. Then an order lives in the halt alone."""
    rows = [(s, "A", 100.0, 5000, 100.02, 5000) for s in range(0, 300, 60)]
    rows += [(s, "A", 110.0, 5000, 110.02, 5000) for s in range(600, 901, 60)]
    halts = pl.DataFrame({"start": [T + 60 * SECOND], "end": [T + 600 * SECOND]}).cast(
        pl.Datetime("ns", "UTC")
    )
    order = sor.Order("buy", 1000, start=T + 120 * SECOND, horizon="3m")
    found = sor.backtest(tape(rows), order, market=sor.Market(halts=halts))
    assert found.orders["status"].to_list() == ["late"]
    assert found.fills.select("ts_executed", "price").rows() == [
        (pl.Series([T + 600 * SECOND]).cast(pl.Datetime("ns", "UTC"))[0], 110.02)
    ]
    free = sor.backtest(tape(rows), order)
    assert free.orders["status"].to_list() == ["filled"]
    report = sor.read_quotes(tape(rows)).report(halts=halts)
    assert report.halts == 1
    assert report.sessions["halted"].dt.total_seconds().to_list() == [540]


def test_a_halt_of_one_venue_hides_it_alone() -> None:
    seconds = range(0, 121, 10)
    rows = sorted([*steady(*seconds), *((s, "B", 9.99, 500, 10.03, 500) for s in seconds)])
    halts = pl.DataFrame({"start": [T], "end": [T + 60 * SECOND], "venue": ["A"]}).cast(
        {"start": pl.Datetime("ns", "UTC"), "end": pl.Datetime("ns", "UTC")}
    )
    market = sor.Market(halts=halts)
    during = sor.backtest(
        tape(rows), sor.Order("buy", 100, start=T + 10 * SECOND, horizon="20s"), "sweep", market=market
    )
    after = sor.backtest(
        tape(rows), sor.Order("buy", 100, start=T + 60 * SECOND, horizon="20s"), "sweep", market=market
    )
    assert during.fills.select("venue", "price").rows() == [("B", 10.03)]
    assert after.fills.select("venue", "price").rows() == [("A", 10.02)]


def test_a_dead_side_is_stale_and_says_so() -> None:
    """The ask is withdrawn for good: completed at the last one, 10.02."""
    rows = [*steady(0, 10), (20, "A", 10.0, 500, None, 0), (60, "A", 10.0, 500, None, 0)]
    found = sor.backtest(
        tape(rows), sor.Order("buy", 100, start=T + 25 * SECOND, horizon="20s"), "best_ask", against=["sweep"]
    )
    assert found.orders["status"].to_list() == ["stale"]
    assert found.fills["price"].to_list() == [10.02]
    assert found.summary["stale"].to_list() == [1, 1]
    assert "stale" in repr(found)


# Arrival


def test_an_order_may_begin_a_little_before_the_first_record_and_end_a_little_after_the_last() -> None:
    rows = steady(*(0.009 + 60 * i for i in range(30)), 1_799.95)
    early = sor.backtest(
        tape(rows), sor.Order("buy", 100, start="2024-01-02T14:30:00Z", horizon="5m"), "best_ask"
    )
    assert early.fills["ts_executed"].dt.microsecond().to_list() == [9_000]
    assert early.orders["cut"].to_list() == [False]
    late = sor.backtest(
        tape(rows), sor.Order("buy", 700, start="2024-01-02T14:55:00Z", horizon="5m"), "best_ask"
    )
    assert late.orders["cut"].to_list() == [True]
    assert late.summary["cut"].to_list() == [1] * late.summary.height
    assert late.orders["end"].dt.nanosecond().to_list() == [950_000_000]
    assert "cut" in repr(late)


def test_times_of_day_in_a_zone() -> None:
    """09:30 in New York is 14:30 UTC in January; the second day's tape begins 1 s late."""
    rows = steady(*range(0, 3_601, 60), *(DAY + 1 + s for s in range(0, 3_600, 60)))
    order = sor.Order("buy", 100, start="09:45", horizon="5m", tz=NEW_YORK)
    found = sor.backtest(tape(rows), order)
    assert found.orders["start"].dt.strftime("%d %H:%M:%S").to_list() == ["02 14:45:00"]
    schedule = sor.orders_every(
        "20m", quantity=100, side="buy", horizon="10m", start="09:30", end="10:30", tz=NEW_YORK
    )
    starts = sor.backtest(tape(rows), schedule).orders["start"].dt.strftime("%d %H:%M:%S").to_list()
    assert starts == [f"{day} {clock}:00" for day in ("02", "03") for clock in ("14:30", "14:50", "15:10")]


def test_an_order_in_no_session_names_the_nearest() -> None:
    rows = steady(0, 600, DAY, DAY + 600)
    with pytest.raises(ParameterError, match=r"nearest is 2024-01-02 14:30:00 to 2024-01-02 14:40:00 UTC"):
        sor.backtest(tape(rows), sor.Order("buy", 100, start="2024-01-02T14:41:00Z", horizon="5m"))


def test_an_order_that_never_arrives_did_not_trade_and_says_so() -> None:
    rows = [(0, "A", 10.0, 500, None, 0), *steady(100, 200)]
    orders = [sor.Order("buy", 100, start=T + s * SECOND, horizon="30s") for s in (0, 120)]
    found = sor.backtest(tape(rows), orders, "best_ask")
    assert found.orders["status"].to_list() == ["no_quotes", "filled"]
    assert found.summary["no_quotes"].to_list() == [1] * found.summary.height
    assert "1 order could not trade" in repr(found)


@pytest.mark.data
def test_no_order_of_the_recorded_day_arrives_on_a_stub() -> None:
    """The first record, 155.12 to 161.45, is 400 bps wide, and the mid was 158.285; K's 158.00 to 158.50 comes next."""
    orders = sor.orders_every("10m", quantity=5_000, side="buy", horizon="5m")
    costs = sor.study(str(recorded.QUOTES), orders)["router"].orders
    assert costs.height == 39
    assert costs["arrival_mid"][0] == 158.25


# The command line


def test_sessions_and_times_of_day_on_the_command_line(tmp_path: Path, shown: Callable[..., str]) -> None:
    path = tmp_path / "two.parquet"
    sor.read_quotes(tape(steady(*range(0, 3_601, 60), *(DAY + s for s in range(0, 3_601, 60))))).write(path)
    asked = ("backtest", path, "--side", "buy", "--quantity", 100, "--every", "20m", "--horizon", "10m")
    by_clock = shown(*asked, "--start", "09:30", "--end", "10:30", "--tz", NEW_YORK, "--json=full")
    assert {row["parents"] for row in json.loads(by_clock)["tables"]["summary"]} == {6}
    whole = json.loads(shown(*asked, "--sessions", "none", "--json=full"))["tables"]["summary"]
    assert {row["parents"] for row in whole} == {75}
    assert {row["cut"] for row in whole} == {0}


# Hours given as frames

OPEN = pl.Series([T + 1], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
"""A moment between two of Python's microseconds."""
HOURS = pl.DataFrame({"open": OPEN, "close": OPEN.dt.offset_by("30s")})


def test_markets_of_a_stress_test_are_open_together() -> None:
    """A frame has no one answer to `==`: it is told by what it is."""
    quotes = sor.read_quotes(tape(steady(*range(61))))
    order = sor.Order("buy", 100, horizon="20s")
    base = sor.Market(sessions=HOURS)
    markets = {"base": {}, "named": sor.Market(), "same": sor.Market(sessions=HOURS, latency="1ms")}
    found = sor.stress(quotes, order, markets=markets, market=base)
    assert found.table["market"].to_list() == list(markets)
    for other in (sor.Market(sessions=HOURS.clone()), sor.Market(sessions="XNYS"), sor.Market(halts=HOURS)):
        with pytest.raises(ParameterError, match="must be the same as in `market`"):
            sor.stress(quotes, order, markets={"other": other}, market=base)
    with pytest.raises(ParameterError, match="sessions must be the same as in `market`"):
        sor.stress(quotes, order, markets={"other": base})


def test_settings_keep_hours_to_the_nanosecond() -> None:
    quotes = sor.read_quotes(tape(steady(*range(61))))
    halts = pl.DataFrame({"start": OPEN.dt.offset_by("7ns"), "end": OPEN.dt.offset_by("5s"), "venue": ["A"]})
    order = sor.Order("buy", 100, horizon="20s")
    market = sor.Market(sessions=HOURS, halts=halts)
    result = sor.backtest(quotes, order, market=market)
    again = market_of(tomllib.loads(result.config())["market"])
    hours, kept = (
        quotes.in_sessions(each.sessions, each.session_gap, each.halts).hours for each in (market, again)
    )
    for name, values in hours.arrays().items():
        assert values.tolist() == kept.arrays()[name].tolist(), name
    assert hours.open.tolist() == [T + 1]


def test_an_order_far_away_names_the_nearest_session() -> None:
    quotes = sor.read_quotes(tape(steady(*range(10), *range(7_200, 7_210))))
    order = sor.Order("buy", 100, start=-(2**63) + 2, horizon="1s")
    with pytest.raises(
        ParameterError, match=r"the nearest is 2024-01-02 14:30:00 to 2024-01-02 14:30:09 UTC"
    ):
        sor.backtest(quotes, order)
