"""The chart's data is the ledger's, to the last nano."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest
import sor

pytest.importorskip("altair")
from sor.show import pictures, plots, style, terminal

if TYPE_CHECKING:
    from pathlib import Path

ONE = sor.Order("sell", 40_000, horizon="5m")
MANY = sor.orders_every("1m", side="buy", quantity=5_000, horizon="2m")


@pytest.fixture(scope="module")
def quotes() -> sor.Quotes:
    return sor.simulate_quotes(venues=4, minutes=10, seed=3)


@pytest.mark.parametrize("orders", [ONE, MANY], ids=["one order", "many orders"])
def test_cumulative_cost_ends_at_the_shortfall(quotes: sor.Quotes, orders: sor.Order) -> None:
    result = sor.backtest(quotes, orders)
    assert last(result) == shortfall(result)


def shortfall(result: sor.Backtest) -> dict[str, int]:
    return dict(result.ledger.parents.group_by("policy").agg(pl.col("shortfall").sum()).iter_rows())


def last(result: sor.Backtest) -> dict[str, int]:
    """Where each line ends, in nanos: the chart has floats in currency."""
    data = plots.cumulative_cost_data(result).group_by("policy", maintain_order=True).last()
    return {policy: round(cost * 1e9) for policy, cost in data.select("policy", "cost").iter_rows()}


def test_shares_traded_back_count_the_other_way(quotes: sor.Quotes) -> None:
    router = sor.StaticRouter(plan="fills", overbook=3.0, lambda_over=0.0, theta_queue=0.0, lambda_under=0.01)
    fill = sor.QueueAware(queue_position=0.4, mode="sampled", seed=1)
    order = sor.Order("buy", 700, horizon="5m", lot=1)
    result = sor.backtest(quotes, order, router, market=sor.Market(fill=fill))
    assert "unwind" in result.fills["kind"].to_list()
    assert last(result) == shortfall(result)


def test_rebates_come_off(quotes: sor.Quotes) -> None:
    # Nothing here rests and earns one, so the rows are given some.
    result = sor.backtest(quotes, ONE)
    parents, fills = result.ledger.parents, result.ledger.fills
    paid = dataclasses.replace(
        result.ledger,
        parents=parents.with_columns(shortfall=pl.col("shortfall") - 10**9 * pl.col("fills").cast(pl.Int64)),
        fills=fills.with_columns(rebate=pl.lit(10**9)),
    )
    given = dataclasses.replace(result, ledger=paid)
    assert last(given) == shortfall(given) != shortfall(result)


def test_a_line_begins_at_nothing_and_moves_in_time(quotes: sor.Quotes) -> None:
    result = sor.backtest(quotes, ONE)
    data = plots.cumulative_cost_data(result)
    for line in data.partition_by("policy"):
        assert line["cost"][0] == 0
        assert line["time"].is_sorted()
        assert line["time"][-1] == result.orders["end"][0].replace(
            microsecond=result.orders["end"][0].microsecond // 1000 * 1000
        )
        assert line.height == 2 + result[line["policy"][0]].fills.height


def test_chart_draws_every_policy(quotes: sor.Quotes, tmp_path: Path) -> None:
    chart = plots.cumulative_cost(sor.backtest(quotes, MANY))
    assert chart.to_dict()["mark"]["type"] == "line"
    for name, head in (("a.png", b"\x89PNG\r\n\x1a\n"), ("a.svg", b"<svg")):
        pictures.save(chart, tmp_path / name)
        assert head in (tmp_path / name).read_bytes()[:64]
    drawing = (tmp_path / "a.svg").read_text()
    for colour in style.PALETTE[:5]:
        assert colour in drawing.lower()


@pytest.fixture
def without_altair(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("altair", "vl_convert"):
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.usefixtures("without_altair")
def test_what_is_missing_is_named(quotes: sor.Quotes) -> None:
    with pytest.raises(sor.MissingExtra, match=r"charts need altair .* pip install 'sor\[report\]'"):
        sor.backtest(quotes, ONE).plot()


@pytest.mark.usefixtures("without_altair")
def test_tables_are_written_without_a_picture(quotes: sor.Quotes, tmp_path: Path) -> None:
    result = sor.backtest(quotes, ONE)
    names, why = terminal.write(result, tmp_path / "out")
    assert "charts need altair" in why
    assert "summary.parquet" in names
    assert "cost.png" not in names
    assert pl.read_parquet(tmp_path / "out" / "summary.parquet").height == len(result.policies)


def test_ticks_within_seconds_are_round_and_keep_off_the_end() -> None:

    start = dt.datetime(2024, 1, 2, 14, 30, 0, 218_000, tzinfo=dt.UTC)
    base = int(start.timestamp() * 1000) - 218

    def ticks(milliseconds: int) -> list[int] | None:
        times = pl.Series([start, start + dt.timedelta(milliseconds=milliseconds)])
        found = json.loads(style.moments(times.cast(pl.Datetime("ns", "UTC"))))
        return None if found is None else [each - base for each in found]

    assert ticks(300) == [300, 400]
    assert ticks(500) == [300, 400, 500, 600]
    assert ticks(2_000) == [500, 1_000, 1_500]
    assert ticks(5_000) == [1_000, 2_000, 3_000, 4_000]
    assert ticks(6_000) is None
    assert ticks(0) is None
