"""The paper's router under whatever may be asked of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import polars as pl
import pytest
import sor
from effort import turn
from polars.testing import assert_frame_equal
from posted_tapes import exchange_quotes, mixed_orders
from tapes import (
    CENT,
    SIDES,
    read_tape,
)

SECOND = 1_000_000_000


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
        market=sor.Market(venues=[sor.Venue(venue, **terms) for venue in quotes.venues["name"]]),
    )
    assert_sound(result)


def assert_sound(result: sor.Backtest) -> None:
    for row in result.ledger.parents.iter_rows(named=True):
        net = row["executed"] + row["completed"] - row["unwound"]
        assert net == (0 if row["status"] == "no_quotes" else row["quantity"])
        parts = ("spread", "slippage", "schedule", "timing", "opportunity", "fees")
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
    assert_frame_equal(result.fills.select(money), result["sweep"].fills.select(money))


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
                for epoch in turn(("1s", "500ms", "2s"), start):
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
    "sor.ContKukanovRouter(epoch='10s'), against=[], run=sor.Run(threads=1))",
    "epoch of 1 ns, and so a window in each": "sor.backtest(quotes, sor.Order('buy', 100, start=quotes.start + 10**9, "
    "horizon=100), sor.ContKukanovRouter(epoch=1), against=[], run=sor.Run(threads=1))",
    "windows of 1 ns": "sor.probe_outflows(quotes, quantity=100, window=1)",
    "a window at every nanosecond": "sor.probe_outflows(quotes, quantity=100, window='60s', every=1)",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_A_PROCESS)
def test_what_is_too_much_is_refused(name: str) -> None:
    """In a process of its own, with 3 GiB: more would be killed there, and what does not end would time out."""
    code = ALONE.format(call=IN_A_PROCESS[name])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-300:]
    assert done.stdout
