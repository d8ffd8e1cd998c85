"""Any router under any schedule, beside the reference; parts that sum exactly; curves that do not look ahead."""

from __future__ import annotations

import dataclasses
import datetime
import random
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import reference as ref
import sor
from effort import enough, some
from ledgers import assert_derivable, replayed
from sor.settings.config import plain_policy, policy_of
from tapes import (
    QUEUES,
    SIDES,
    Case,
    assert_agree,
    random_order,
    random_paper_policy,
    random_policy,
    random_settings,
    random_tape,
    random_trades,
    read_tape,
    reference_records,
)

if TYPE_CHECKING:
    from pathlib import Path

ROUTERS = ("router", "best_ask", "sweep", "vwap", "cont_kukanov")
KINDS = ("twap", "vwap", "pov", "almgren_chriss", "table")
DAY = 86_400 * 10**9


def random_schedule(rng: random.Random, kind: str, order: ref.Order) -> ref.Schedule:
    """Return a schedule that suits an order: buckets as short as the tapes."""
    bucket = rng.choice([1, 3, 7, 20, 1_000])
    if kind == "twap":
        return ref.Twap(bucket)
    if kind == "pov":
        return ref.Pov(rng.choice([10**7, 10**8, 3 * 10**8, 10**9]))
    if kind == "almgren_chriss":
        return ref.AlmgrenChriss(
            rng.choice([0.0, 1e-6, 1e-2, 5.0]), 0.95, 2.5e-6, rng.choice([0.0, 2.5e-8]), bucket, 20
        )
    if kind == "vwap":
        # Of 1,000 in all, the order's own time some.
        first = order.start // 7
        drawn = Counter([first, *rng.choices(range(max(0, first - 2), first + 12), k=999)])
        return ref.Vwap(tuple((i * 7, 7, drawn[i]) for i in sorted(drawn)))
    left, found, ts = order.quantity, [], 0
    while left > 0:
        ts += rng.choice([0, 1, 5, 12]) if found else 0
        left -= min(left, rng.choice([1, 60, 100, 250]))
        found.append((ts, order.quantity - left))
    return ref.Table(tuple(found))


def random_sliced(rng: random.Random, raw: Any, router: str, kind: str, side: str) -> Case:
    order = dataclasses.replace(random_order(rng, raw, side), horizon=rng.randint(1, 60))
    order = dataclasses.replace(order, start=max(0, order.start))
    policy = (
        random_paper_policy(rng, rng.choice(QUEUES))
        if router == "cont_kukanov"
        else random_policy(rng, router)
    )
    policy = dataclasses.replace(policy, schedule=random_schedule(rng, kind, order))
    return Case(order, policy, random_settings(rng, len({record[2] for record in raw})))


def cases_of(rng: random.Random, raw: Any) -> list[Case]:
    return [
        random_sliced(rng, raw, router, kind, side) for router, kind, side in product(ROUTERS, KINDS, SIDES)
    ]


def test_every_router_under_every_schedule_agrees_with_the_reference() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(40, ci=4)):
        rng = random.Random(seed)
        raw = random_tape(rng)
        trades = random_trades(rng, raw)
        quotes = read_tape(raw, trades)
        cases = cases_of(rng, raw)
        for case in rng.sample(cases, 25):
            context = f"seed {seed}: {raw}, {trades}"
            met += assert_agree(quotes, reference_records(raw), [case], trades=trades, context=context)
    assert not [
        what for what in ("filled", "completed", "take", "releases", "schedule") if met[what] < enough(20)
    ], met


def test_the_parts_sum_exactly_and_follow_from_the_fills_and_the_releases() -> None:
    for seed in range(some(20)):
        rng = random.Random(1_000 + seed)
        raw = random_tape(rng)
        trades = random_trades(rng, raw)
        for case in rng.sample(cases_of(rng, raw), 15):
            for run in replayed(raw, [case], trades):
                assert_derivable(run)


def test_a_participation_rate_is_kept_within_a_lot() -> None:
    """Plenty is displayed, so that what is executed follows what has traded, trade by trade."""
    rng = random.Random(4)
    times = [1_000_000_000 * i for i in range(1, 400)]
    quotes = pl.DataFrame(
        {
            "ts_event": [0, *times],
            "publisher_id": 1,
            "bid_px_00": [10.0 + 0.01 * (i % 2) for i in range(400)],
            "bid_sz_00": 100_000,
            "ask_px_00": [10.02 + 0.01 * (i % 2) for i in range(400)],
            "ask_sz_00": 100_000,
        }
    )
    prints = pl.DataFrame(
        {"ts_event": times, "publisher_id": 1, "price": 10.01, "size": [rng.randint(1, 900) for _ in times]}
    )
    tape = sor.read_quotes(quotes, time_unit="ns")
    tape = tape.with_trades(sor.read_trades(prints, quotes=tape, time_unit="ns"))
    result = sor.backtest(tape, sor.Order("buy", 1_000_000), sor.Pov(0.15), against=["sweep"])
    done = result.fills.filter(pl.col("kind") == "take").select(
        pl.col("ts_executed").to_physical().alias("ts"), pl.col("quantity").cum_sum().alias("done")
    )
    volume = tape.trades.frame.select("ts", pl.col("size").cast(pl.Int64).cum_sum().alias("volume"))
    both = volume.join_asof(done.group_by("ts").last().sort("ts"), on="ts").fill_null(0)[:-1]
    behind = 0.15 * both["volume"] - both["done"]
    assert both["done"].max() > 20_000
    assert 0 <= behind.min() <= behind.max() < 100


def trades_of(rows: list[tuple[datetime.datetime, int]]) -> sor.Trades:
    return sor.Trades(
        frame=pl.DataFrame(
            {
                "ts": pl.Series([ts for ts, _ in rows]).cast(pl.Datetime("ns", "UTC")).to_physical(),
                "venue": pl.Series([0] * len(rows), dtype=pl.UInt16),
                "price": [10**10] * len(rows),
                "size": pl.Series([size for _, size in rows], dtype=pl.UInt32),
            }
        ),
        symbol=None,
        source="made",
        excluded=0,
        off_venue=0,
        venues=("V1",),
    )


def test_a_volume_curve_does_not_depend_on_how_its_rows_came_together() -> None:
    """Sums of floats depend on their order, and that of a grouping on the threads."""
    rng, begin = random.Random(1), datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
    rows = [
        (begin + datetime.timedelta(seconds=rng.randrange(40 * 86_400)), rng.randrange(1, 10_000))
        for _ in range(9_000)
    ]
    curves = []
    for _ in range(5):
        curves.append(sor.volume_curve(trades_of(rows)))
        rng.shuffle(rows)
    assert all(curve.equals(curves[0]) for curve in curves)


def test_a_volume_curve_knows_only_earlier_days() -> None:
    days = [datetime.date(2024, 1, 2) + datetime.timedelta(days=i) for i in range(3)]
    sizes = ([100, 300], [500, 500], [900, 100])
    rows = [
        (datetime.datetime.combine(day, datetime.time(14 + i), datetime.UTC), size)
        for day, both in zip(days, sizes, strict=True)
        for i, size in enumerate(both)
    ]
    trades = trades_of(rows)
    curve = sor.volume_curve(trades, bucket="1h")
    by_day = {
        since.date(): shares["share"].to_list()
        for (since,), shares in curve.partition_by("since", as_dict=True, maintain_order=True).items()
    }
    assert by_day == {
        days[1]: [0.25, 0.75],
        days[2]: [0.375, 0.625],
        days[2] + datetime.timedelta(days=1): [pytest.approx(0.55), pytest.approx(0.45)],
    }


@pytest.mark.parametrize(
    "written", ["twap:30s", "pov:0.2", "almgren_chriss:risk_aversion=1e-6,volatility=1,eta=1e-5,bucket=20s"]
)
def test_a_schedule_as_text_and_as_settings_is_the_same(written: str) -> None:
    policy = sor.Sliced("static", written)
    table = plain_policy(policy)
    assert policy_of({"kind": "static", **table}, "router") == policy
    assert policy_of({"kind": "static", "schedule": written}, "router") == policy


def test_files_are_read_to_the_nanosecond(tmp_path: Path) -> None:
    (tmp_path / "slices.csv").write_text(
        "ts,shares\n2024-01-02T14:30:00.123456789Z,100\n2024-01-02T14:31,200\n"
    )
    read = sor.Timetable(tmp_path / "slices.csv")
    assert read.slices == ((1_704_205_800_123_456_789, 100), (1_704_205_860_000_000_000, 200))
    assert not read.relative
    (tmp_path / "curve.csv").write_text("time,share\n09:30,1\n09:35:00.000000001,2\n")
    curve = pl.DataFrame({"time": [datetime.time(9, 30), datetime.time(9, 35)], "share": [1.0, 2.0]})
    late = curve.with_columns(pl.col("time").to_physical() + pl.Series([0, 1])).cast({"time": pl.Time})
    assert sor.Vwap(tmp_path / "curve.csv") == sor.Vwap(late)
    late.write_parquet(tmp_path / "curve.parquet")
    assert sor.Vwap(str(tmp_path / "curve.parquet")) == sor.Vwap(late)
    (tmp_path / "curve.csv").write_text("time,share\nnoon,1\n")
    with pytest.raises(sor.ParameterError, match="time is 'noon'; expected a time of day"):
        sor.Vwap(tmp_path / "curve.csv")


def test_a_curve_is_a_frame_of_pandas() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    curve = pl.DataFrame({"time": [datetime.time(9, 30), datetime.time(9, 35)], "share": [1.0, 2.0]})
    assert sor.Vwap(curve.to_pandas()) == sor.Vwap(curve)


def test_a_schedule_by_itself_is_swept() -> None:
    tape = sor.simulate_quotes(minutes=4, seed=3)
    order = sor.Order("buy", 4_000, horizon="3m")
    alone = sor.backtest(tape, order, sor.Twap(bucket="30s"), against=["twap"])
    sliced = sor.backtest(tape, order, sor.Sliced("sweep", sor.Twap(bucket="30s")), against=["twap"])
    assert alone.fills.equals(sliced.fills)
    assert alone.releases["total"].to_list()[-1] == 4_000


def test_what_does_not_suit_a_schedule_is_said() -> None:
    tape = sor.simulate_quotes(minutes=2, seed=3)
    order = sor.Order("buy", 1_000)
    with pytest.raises(sor.ParameterError, match="needs the tape's trades"):
        sor.backtest(dataclasses.replace(tape, trades=None), order, sor.Pov(0.1))
    with pytest.raises(sor.ParameterError, match="sum to the order's quantity, got 900"):
        sor.backtest(tape, order, sor.Timetable([(0, 900)]))
    with pytest.raises(sor.ParameterError, match="expect volume"):
        sor.backtest(tape, order, sor.Vwap([(0, 1.0)]))
