"""Nothing crosses a session (rule T2): days read as one tape are the days read one by one, byte for byte."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from effort import some
from polars.testing import assert_frame_equal
from posted_tapes import SECOND, exchange_raw
from sor.tape.sessions import resolve
from tapes import QUEUES, read_tape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

DAY = 86_400 * SECOND
SEEDS = range(some(3))
POLICIES = {
    **{name: sor.POLICIES[name] for name in ("best_ask", "sweep", "pro_rata")},
    "twap": sor.Twap(bucket="5s"),
    "static": sor.StaticRouter(lambda_under=0.002),
    "fills": sor.StaticRouter(lambda_under=0.05, plan="fills", overbook=1.5),
    **{
        queue: sor.ContKukanovRouter(
            epoch="20s", window_every="5s", scenarios=5, lambda_under=0.002, queue=queue
        )
        for queue in QUEUES
    },
}
MARKET = sor.Market(
    latency="2s", fill=sor.QueueAware(mode="sampled", impact=0.001), book=sor.Book(max_quote_age="1m")
)


class Days:
    """The records and trades of three days: the second begins with fewer venues, the third is short."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.raw: list[list[Any]] = []
        self.trades: list[list[Any]] = []
        for day in range(3):
            raw, trades = exchange_raw(10 * seed + day, scale=SECOND)
            until = raw[-1][0] // 4 if day == 2 else raw[-1][0]
            late = raw[0][2] if day == 1 else None
            begin = day * DAY + rng.randrange(SECOND)
            self.raw.append(
                [
                    (begin + ts, *rest)
                    for ts, *rest in raw
                    if ts <= until and (rest[1] != late or ts > raw[-1][0] // 3)
                ]
            )
            self.trades.append([(begin + ts, *rest) for ts, *rest in trades if ts <= until])
        self.rng = rng

    def one_by_one(self) -> list[sor.Quotes]:
        return [read_tape(raw, trades) for raw, trades in zip(self.raw, self.trades, strict=True)]

    def joined(self, *, shuffled: bool = False) -> sor.Quotes:
        raw = list(itertools.chain(*self.raw))
        trades = list(itertools.chain(*self.trades))
        return read_tape(self.rng.sample(raw, len(raw)) if shuffled else raw, trades)

    def orders(self) -> list[sor.Order | sor.OrderSchedule]:
        """Schedules, and an order that would last over the first night."""
        last = self.raw[0][-1][0]
        return [
            sor.Order("sell", 900, start=last - 10 * SECOND, horizon="1h"),
            sor.orders_every("25s", quantity=(300, 1_000), side="both", horizon="20s"),
            sor.orders_every("60s", quantity=500, side="buy", horizon="60s", lot=50),
        ]


@pytest.fixture(params=SEEDS)
def days(request: pytest.FixtureRequest) -> Days:
    return Days(request.param)


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out which tape a row is of, which is what differs."""
    return frame.drop("tape", "symbol", strict=False).with_columns(pl.col(pl.Enum).cast(pl.String))


def assert_same(first: Any, second: Any) -> None:
    """Compare every table of two results, and the exact rows."""
    tables, others = first.tables, second.tables
    assert tables.keys() == others.keys()
    for name, table in tables.items():
        assert_frame_equal(plain(table), plain(others[name]), check_exact=True)
    for name in ("parents", "children", "fills") if hasattr(first, "ledger") else ():
        assert_frame_equal(
            plain(getattr(first.ledger, name)), plain(getattr(second.ledger, name)), check_exact=True
        )


def test_a_study_under_every_policy(days: Days) -> None:
    apart = sor.study(days.one_by_one(), days.orders(), POLICIES, market=MARKET)
    for tape in (days.joined(), days.joined(shuffled=True)):
        assert_same(apart, sor.study(tape, days.orders(), POLICIES, market=MARKET))
    assert {"take", "post", "completion"} <= set(apart.ledger.fills["kind"].cast(pl.String))
    assert apart.parents.height == apart["twap"].orders.height > 40
    for queue in QUEUES:
        together = sor.study(days.joined(), days.orders(), POLICIES, market=MARKET)[queue]
        assert_frame_equal(plain(apart[queue].markouts), plain(together.markouts), check_exact=True)


def test_the_order_over_the_night_ends_with_its_day(days: Days) -> None:
    found = sor.backtest(days.joined(), days.orders(), market=MARKET)
    close = pl.Series([days.raw[0][-1][0]]).cast(pl.Datetime("ns", "UTC"))[0]
    (night,) = found.orders.filter("cut").to_dicts()
    assert night["end"] == close
    assert night["ts_done"] <= close


@pytest.mark.parametrize(
    "verb",
    [
        lambda quotes, orders: sor.backtest(quotes, orders, "static", market=MARKET),
        lambda quotes, orders: sor.backtest(quotes, orders, POLICIES["expected"]),
        lambda quotes, orders: sor.search(quotes, orders, grid={"lambda_under": (0.0, 0.001, 0.01)}, folds=2),
        lambda quotes, orders: sor.stress(
            quotes, orders, markets={"late": {"latency": "3s"}, "plain": {"fill": sor.Displayed()}}
        ),
    ],
    ids=["backtest", "backtest of the paper's router", "search and walk-forward", "stress"],
)
def test_every_verb(days: Days, verb: Any) -> None:
    apart = verb(days.one_by_one(), days.orders())
    for tape in (days.joined(), days.joined(shuffled=True)):
        assert_same(apart, verb(tape, days.orders()))


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_probes(days: Days, queue: str, side: Any) -> None:
    def probes(quotes: sor.Quotes) -> pl.DataFrame:
        return sor.probe_outflows(quotes, side=side, quantity=500, window="7s", every="3s", queue=queue)

    names = days.joined().venues["name"].to_list()
    apart = pl.concat([probes(tape) for tape in days.one_by_one()], how="diagonal")
    apart = apart.with_columns(pl.col(name).fill_null(0) for name in names)
    for tape in (days.joined(), days.joined(shuffled=True)):
        assert_frame_equal(apart, probes(tape), check_exact=True, check_column_order=False)


def test_reports(days: Days) -> None:
    apart = [tape.report().sessions for tape in days.one_by_one()]
    for tape in (days.joined(), days.joined(shuffled=True)):
        assert_frame_equal(pl.concat(apart), tape.report().sessions)


def test_hindsight(days: Days) -> None:
    market = sor.Market(book=MARKET.book)
    apart = sor.backtest(days.one_by_one(), days.orders(), "sweep", market=market)
    together = sor.backtest(days.joined(), days.orders(), "sweep", market=market)
    assert_frame_equal(plain(apart.hindsight), plain(together.hindsight), check_exact=True)


def test_files_read_one_by_one_or_together(days: Days, tmp_path: Any) -> None:
    paths = [tmp_path / f"{day}.parquet" for day in range(3)]
    for path, tape in zip(paths, days.one_by_one(), strict=True):
        tape.write(path)
    orders = days.orders()
    apart = sor.study([str(path) for path in paths], orders)
    for order in (paths, paths[::-1]):
        assert_same(apart, sor.study(sor.read_quotes([str(path) for path in order]), orders))
    assert_same(apart, sor.study(sor.read_quotes(str(tmp_path / "*.parquet")), orders))


@pytest.mark.slow
def test_what_was_kept_on_the_way(days: Days, tmp_path: Path) -> None:
    """A study kept in a file and one read back from it; what is kept of joined days is what the days give."""
    apart = sor.study(days.one_by_one(), days.orders(), POLICIES, market=MARKET)
    for name, tapes in (("apart", days.one_by_one()), ("joined", days.joined())):
        run = sor.Run(resume=tmp_path / f"{name}.db")
        for _ in ("kept", "read back"):
            assert_same(apart, sor.study(tapes, days.orders(), POLICIES, market=MARKET, run=run))


def written(days: Days, folder: Path) -> tuple[str, str]:
    """Write a file for each day, and one that holds them all; return patterns of both."""
    for day, tape in enumerate(days.one_by_one()):
        path = folder / f"1970-01-0{day + 1}" / "ONE.parquet"
        path.parent.mkdir(parents=True)
        tape.write(path)
    pl.concat(
        [
            pl.read_parquet(path).with_columns(symbol=pl.lit("ONE"))
            for path in sorted(folder.rglob("*.parquet"))
        ],
        how="diagonal",
    ).write_parquet(folder / "joined.parquet")
    return str(folder / "{date}" / "{symbol}.parquet"), str(folder / "joined.parquet")


def test_a_universe_of_days(days: Days, tmp_path: Path) -> None:
    """A symbol-day a file, one file cut into symbol-days; and the days as tapes, whose means add floats in turn."""
    apart, joined = written(days, tmp_path)
    policies = {name: POLICIES[name] for name in ("sweep", "twap", "static")}
    orders = days.orders()[1:]
    market = sor.Market(latency="2s", book=MARKET.book)
    each = sor.study(sor.Universe(apart), orders, policies, market=market)
    cut = sor.study(sor.Universe(joined, cut=True), orders, policies, market=market)
    assert each.digest == cut.digest
    for tapes in (days.one_by_one(), days.joined()):
        summary = sor.study(tapes, orders, policies, market=market).summary
        shared = [name for name in summary.columns if name in each.summary.columns]
        assert {"fills", "shortfall_bps"} <= set(shared)
        assert_frame_equal(
            plain(each.summary.select(shared)),
            plain(summary.select(shared)),
            rel_tol=1e-13,
            check_dtypes=False,
        )


# Every verb is asked in Python above.
@pytest.mark.parametrize(
    "verb",
    ["study", *(pytest.param(verb, marks=pytest.mark.slow) for verb in ("backtest", "search", "stress"))],
)
def test_the_command_line(days: Days, tmp_path: Path, verb: str, shown: Callable[..., str]) -> None:
    _, joined = written(days, tmp_path)
    rules = ("--every", "25s", "--horizon", "20s", "--quantity", "300", "--side", "both", "--json")
    files = [str(tmp_path / f"1970-01-0{day + 1}" / "ONE.parquet") for day in range(3)]
    assert shown(verb, *files, *rules) == shown(verb, joined, *rules)


def test_given_hours_and_gaps_are_one_thing(days: Days) -> None:
    """The hours of the records as a frame; a tape cut by hand."""
    quotes = days.joined()
    hours = resolve(quotes)
    frame = pl.DataFrame({"open": hours.open, "close": hours.close}).cast(pl.Datetime("ns", "UTC"))
    by_gaps = sor.study(quotes, days.orders(), market=sor.Market(session_gap="20m"))
    assert_same(by_gaps, sor.study(quotes, days.orders(), market=sor.Market(sessions=frame)))
    cut: Sequence[sor.Quotes] = [
        read_tape(raw, trades) for raw, trades in zip(days.raw, days.trades, strict=True)
    ]
    assert_same(by_gaps, sor.study(cut, days.orders()))


def test_one_session_is_another_result(days: Days) -> None:
    """The law is no tautology: without sessions orders are laid over the night."""
    schedule = sor.orders_every("10m", quantity=300, side="buy", horizon="5m")
    whole = sor.study(days.joined(), schedule, market=sor.Market(sessions=None))
    assert whole.parents.height > 250
