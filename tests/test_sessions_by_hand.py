"""Whole cases of sessions, arrival and halts at real prices, each value derived by hand in a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import reference as ref

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND = 10**9
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
T = 1_704_205_800 * SECOND  # 2024-01-02 14:30 UTC
NANOS = 10**9
Row = tuple[float, str, float | None, int, float | None, int]  # seconds, venue, bid, its size, ask, its size
DISPLAYED = ref.FillModel("displayed")


def tape(rows: Sequence[Row]) -> list[ref.book.Record]:
    names = sorted({row[1] for row in rows})

    def nanos(price: float | None) -> int | None:
        return None if price is None else round(price * NANOS)

    return [
        (T + round(seconds * SECOND), names.index(venue), nanos(bid), bid_size, nanos(ask), ask_size)
        for seconds, venue, bid, bid_size, ask, ask_size in rows
    ]


def market(records: Sequence[ref.book.Record], **options: object) -> ref.Settings:
    return ref.Settings([ref.Venue()] * (1 + max(record[1] for record in records)), **options)  # type: ignore[arg-type]


def order(side: str, quantity: int, start: float, horizon: float, lot: int = 100) -> ref.Order:
    return ref.Order(side, quantity, T + round(start * SECOND), round(horizon * SECOND), lot)


def dollars(run: ref.Run) -> list[tuple[str, int, float]]:
    return [(row.kind, row.quantity, row.price / NANOS) for row in run.fills]


def bps(run: ref.Run, wanted: ref.Order) -> float:
    assert run.m0 is not None
    return 1e4 * run.summary["shortfall"] / (wanted.quantity * run.m0)


TWO_DAYS = [
    *((0, "A", 399.99, 500, 400.01, 500), (0, "B", 399.98, 500, 400.02, 500)),
    *((23_400, "A", 399.99, 500, 400.01, 500), (23_400, "B", 399.98, 500, 400.02, 500)),
    *((86_400, "A", 99.99, 500, 100.01, 500), (86_460, "A", 99.99, 500, 100.01, 500)),
    *((86_520, "B", 99.99, 500, 100.01, 500), (87_000, "A", 99.99, 500, 100.01, 500)),
]


@pytest.mark.parametrize("policy", ["best_ask", "sweep", "twap", "vwap", "router"])
def test_yesterdays_quote_is_not_sold_to(policy: str) -> None:
    """The day before ended at 399.99; B is silent until 86,520 today, so A's 99.99 is all there is."""
    records = tape(TWO_DAYS)
    # 23,400 seconds of silence within the first day are more than 30 minutes too: three sessions
    assert [
        ((session.open - T) // SECOND, (session.close - T) // SECOND)
        for session in ref.sessions_of(records, market(records))
    ] == [(0, 0), (23_400, 23_400), (86_400, 87_000)]
    run = ref.replay(records, order("sell", 500, 86_401, 30), ref.Policy(policy), market(records))
    assert dollars(run) == [("take", 500, 99.99)]
    assert (run.status, run.m0, run.cut) == ("filled", 100 * NANOS, False)


def test_yesterdays_quote_does_not_complete() -> None:
    """A policy that does nothing: completed at today's 99.99, walked down in steps of 500."""
    records = tape(TWO_DAYS)
    never = ref.Policy("router", lambda_under=0.0, theta_queue=0.0)  # leaving shares costs nothing
    run = ref.replay(
        records, order("sell", 800, 86_401, 30), never, market(records, max_quote_age=600 * SECOND)
    )
    assert dollars(run) == [("completion", 500, 99.99), ("completion", 300, 99.98)]
    assert run.status == "completed"


@pytest.mark.parametrize("policy", ["best_ask", "sweep", "twap", "vwap", "router"])
def test_a_halted_order_is_completed_when_trading_resumes(policy: str) -> None:
    """From 14:31 to 14:40 the book is empty.

    Arrival is the start, 14:32, since both sides were shown before: M0 = (100.00 + 100.02) / 2 = 100.01, which stands.
    Nothing is sold until 14:35; the first ask after it is 110.02 at 14:40, for all of the 1,000 shares.
    1,000 * (110.02 - 100.01) = 10,010 and fees of 1,000 * 0.003 = 3: 10,013 / 100,010 = 1,001.1999 bps.
    """
    records = tape(
        [
            (0, "A", 100.0, 5000, 100.02, 5000),
            (60, "A", None, 0, None, 0),
            (600, "A", 110.0, 5000, 110.02, 5000),
            (900, "A", 110.0, 5000, 110.02, 5000),
        ]
    )
    wanted = order("buy", 1000, 120, 180)
    run = ref.replay(records, wanted, ref.Policy(policy), market(records))
    assert dollars(run) == [("completion", 1000, 110.02)]
    assert (run.status, run.m0, run.children) == ("late", 100_010_000_000, [])
    (row,) = run.fills
    assert (row.ts_decided, row.ts_executed, row.mid) == (T + 300 * SECOND, T + 600 * SECOND, 110_010_000_000)
    assert bps(run, wanted) == pytest.approx(1e4 * 10_013 / 100_010, abs=1e-9)
    assert run.summary["opportunity"] == 10_000 * NANOS  # 1,000 * (110.01 - 100.01)


def test_a_few_milliseconds_before_the_first_record_and_after_the_last() -> None:
    """The first record is 9 ms after 14:30, the last 50 ms before 15:00. Both orders have a session."""
    rows: list[Row] = [(0.009 + 60 * i, "A", 10.0, 500, 10.02, 500) for i in range(30)]
    rows.append((1_799.95, "A", 10.01, 500, 10.03, 60))
    records = tape(rows)
    first = ref.replay(records, order("buy", 100, 0, 300), ref.Policy("best_ask"), market(records))
    assert [(row.ts_executed - T, row.price) for row in first.fills] == [(9_000_000, 10_020_000_000)]
    assert not first.cut
    # 14:55 to 15:00 is cut to 14:59:59.95. It decides from 14:55 on, where 500 are displayed and stay taken: the other
    # 200 are completed at the last record, 60 at 10.03, 60 at 10.04, 60 at 10.05 and 20 at 10.06.
    last = ref.replay(records, order("buy", 700, 1_500, 300), ref.Policy("best_ask"), market(records))
    walk = [
        ("completion", 60, 10.03),
        ("completion", 60, 10.04),
        ("completion", 60, 10.05),
        ("completion", 20, 10.06),
    ]
    assert dollars(last) == [("take", 500, 10.02), *walk]
    assert (last.status, last.cut) == ("completed", True)
    assert {row.ts_executed - T for row in last.fills[1:]} == {1_799_950_000_000}


def test_a_schedule_lays_its_orders_in_every_session() -> None:
    """Two sessions of an hour: 0, 10, ... 50 minutes after each open, six a day, since 50 + 5 <= 60."""
    rows: list[Row] = [
        (day * 86_400 + 60 * i, "A", 10.0, 500, 10.02, 500) for day in range(2) for i in range(61)
    ]
    records = tape(rows)
    starts = [
        (start - T) // SECOND
        for session in ref.sessions_of(records, market(records))
        for start in ref.schedule(session, 10 * MINUTE, 5 * MINUTE)
    ]
    assert starts == [day + 600 * i for day in (0, 86_400) for i in range(6)]
    session = ref.Session(T, T + 60 * MINUTE)
    # from 14:35 to 15:01: 14:35, 14:45 and 14:55; an end of 15:00 - 1 ns leaves out the last
    late = ref.schedule(session, 10 * MINUTE, 5 * MINUTE, T + 5 * MINUTE, T + 31 * MINUTE)
    assert [(start - T) // MINUTE for start in late] == [5, 15, 25]
    assert len(ref.schedule(session, 10 * MINUTE, 5 * MINUTE, T + 5 * MINUTE, T + 30 * MINUTE - 1)) == 2
    # the last may end at the close: 0, 10, ... 50
    assert len(ref.schedule(session, 10 * MINUTE, 10 * MINUTE)) == 6


def test_arrival_is_not_the_open_of_one_venues_stub() -> None:
    """A opens with 98 to 102, 4 wide; B shows 99.99 to 100.01 a second later, A itself after 5 seconds.

    The collar is 1% of the mid of 100, so neither side of A's first quote is visible: arrival is B's second,
    M0 = (99.99 + 100.01) / 2 = 100.00, and the shares cost 1 cent: 1 bp, and the fee of 0.3 cents.
    """
    records = tape(
        [
            (0, "A", 98.0, 100, 102.0, 100),
            (1, "B", 99.99, 300, 100.01, 300),
            (5, "A", 99.99, 300, 100.01, 300),
        ]
    )
    wanted = order("buy", 300, 0, 4)
    run = ref.replay(records, wanted, ref.Policy("best_ask"), market(records))
    assert dollars(run) == [("take", 300, 100.01)]
    assert (run.m0, run.fills[0].ts_decided) == (100 * NANOS, T + SECOND)
    assert bps(run, wanted) == pytest.approx(1.3)
    # an order that ends before B's quote never arrives
    early = ref.replay(records, order("buy", 300, 0, 0.5), ref.Policy("best_ask"), market(records))
    assert (early.status, early.m0, early.fills, early.children) == ("no_quotes", None, [], [])


LOT_TOO_LARGE: list[Row] = [
    (
        i,
        "A",
        222.80 if i < 300 else 223.30,
        80,
        222.83 if i < 300 else 223.33,
        30 + i % 60 if i < 300 else 80,
    )
    for i in range(302)
]


def test_a_lot_above_all_that_is_shown_stops_the_router() -> None:
    """At most 89 are displayed and the lot is 100: all is completed at 300 s, where 80 are displayed.

    Of 1,000 shares 80 each go at 223.33, ... 223.44 (12 levels) and 40 at 223.45: slippage is
    80 * (0 + 1 + ... + 11) + 40 * 12 = 5,760 cents. Against M0 = 222.815: spread 1,000 * 0.015 = 15, opportunity
    1,000 * 0.5 = 500, fees 3, together 575.60: 25.8331 bps.
    """
    records, wanted = tape(LOT_TOO_LARGE), order("buy", 1000, 0, 300)
    run = ref.replay(records, wanted, ref.Policy("router"), market(records))
    assert [row[:2] for row in dollars(run)] == [*[("completion", 80)] * 12, ("completion", 40)]
    parts = {name: run.summary[name] / NANOS for name in ("spread", "slippage", "opportunity", "fees")}
    assert parts == {"spread": 15.0, "slippage": 57.6, "opportunity": 500.0, "fees": 3.0}
    assert bps(run, wanted) == pytest.approx(1e4 * 575.6 / 222_815)


@pytest.mark.parametrize(("policy", "lot"), [("router", 1), ("best_ask", 100), ("sweep", 100), ("vwap", 100)])
def test_single_shares_fill_it(policy: str, lot: int) -> None:
    """A new size every second is new liquidity: 30 + 31 + ... + 53 = 24 * 41.5 = 996, and 4 of the next 54.

    All at 222.83: 1,000 * (0.015 + 0.003) = 18 on 222,815: 0.8078 bps.
    """
    records, wanted = tape(LOT_TOO_LARGE), order("buy", 1000, 0, 300, lot)
    run = ref.replay(records, wanted, ref.Policy(policy), market(records))
    assert dollars(run) == [*[("take", n, 222.83) for n in range(30, 54)], ("take", 4, 222.83)]
    assert bps(run, wanted) == pytest.approx(1e4 * 18 / 222_815)


def test_a_cent_is_not_a_stub_on_a_cheap_stock() -> None:
    """0.30 to 0.31: the mid is 0.305 and 1% of it 0.00305, but five ticks are 0.05, so 0.31 is there to take.

    1,000 * (0.005 + 0.003) on 1,000 * 0.305: 262.295 bps. A collar of no ticks hides both sides: it never arrives.
    """
    records = tape([(i, "A", 0.30, 5000, 0.31, 5000 + i) for i in range(61)])
    wanted = order("buy", 1000, 0, 30)
    for policy in ("best_ask", "sweep", "vwap", "router"):
        run = ref.replay(records, wanted, ref.Policy(policy, lambda_under=0.1), market(records))
        assert dollars(run) == [("take", 1000, 0.31)]
        assert bps(run, wanted) == pytest.approx(1e4 * 0.008 / 0.305)
    hidden = ref.replay(records, wanted, ref.Policy("sweep"), market(records, collar_ticks=0))
    assert (hidden.status, hidden.fills) == ("no_quotes", [])


def test_an_order_between_two_records_has_a_session() -> None:
    """A record a minute; the order lives from 90 s to 120 s, and sees the book of 60 s: 10.01, not 11.01."""
    records = tape([(60 * i, "A", 8.99 + i, 500, 9.01 + i, 500) for i in (1, 2, 3)])
    run = ref.replay(records, order("buy", 100, 90, 30), ref.Policy("best_ask"), market(records))
    assert dollars(run) == [("take", 100, 10.01)]


@pytest.mark.parametrize(
    ("start", "horizon", "nearest"),
    [
        (-10, 10, (0, 600)),  # it ends where the first session begins: [-10, 0) holds no record
        (601, 60, (0, 600)),
        (3_000, 600, (0, 600)),  # 2,400 s after the first session, 3,600 s before the second
        (7_000, 100, (7_200, 7_300)),
        (7_300.5, 60, (7_200, 7_300)),
    ],
)
def test_an_order_outside_all_sessions_names_the_nearest(
    start: float, horizon: float, nearest: tuple[int, int]
) -> None:
    records = tape([(s, "A", 10.0, 500, 10.02, 500) for s in (0, 600, 7_200, 7_300)])
    named = ref.Session(T + nearest[0] * SECOND, T + nearest[1] * SECOND)
    with pytest.raises(ValueError, match="no session") as error:
        ref.replay(records, order("buy", 100, start, horizon), ref.Policy("sweep"), market(records))
    assert str(named) in str(error.value)


def test_an_order_over_a_silence_belongs_to_the_first_session() -> None:
    """It starts 100 s before the first close and would last till the second: cut, and completed at the first close."""
    records = tape([(s, "A", 10.0, 500, 10.02, 500) for s in (0, 600, 7_200, 7_300)])
    run = ref.replay(records, order("buy", 700, 500, 7_000), ref.Policy("sweep"), market(records))
    # 500 at 500 s; the record of 600 s is the close: 200 more of the 500 displayed there
    assert dollars(run) == [("take", 500, 10.02), ("completion", 200, 10.02)]
    assert (run.cut, run.fills[1].ts_executed) == (True, T + 600 * SECOND)


def test_an_order_within_a_silence_trades_on_the_quote_that_stands() -> None:
    """No record falls into the order's five seconds, but the session is open and its quote of 0 s still there."""
    records = tape([(s, "A", 10.0, 500, 10.02, 500) for s in (0, 600)])
    run = ref.replay(records, order("buy", 300, 100, 5), ref.Policy("sweep"), market(records))
    assert dollars(run) == [("take", 300, 10.02)]
    assert run.fills[0].ts_executed == T + 100 * SECOND


def test_records_outside_given_sessions_are_dropped_and_counted() -> None:
    """Both ends belong to a session; two seconds are outside, and so is a session that holds no record."""
    records = tape([(s, "A", 10.0, 500, 10.02, 500) for s in (0, 1, 2, 3, 4)])
    hours = [ref.Session(T + SECOND, T + 3 * SECOND), ref.Session(T + 10 * SECOND, T + 20 * SECOND)]
    settings = market(records, sessions=hours)
    assert ref.dropped(records, settings) == 2
    (piece,) = ref.pieces_of(records, None, settings)
    assert [record[0] - T for record in piece.records] == [SECOND, 2 * SECOND, 3 * SECOND]


@pytest.mark.parametrize(
    "hours", [[(5, 4)], [(0, 5), (4, 9)], [(4, 9), (0, 3)], [(0, 5), (0, 5)], [(3, 3), (3, 3)]]
)
def test_sessions_that_overlap_are_refused(hours: list[tuple[int, int]]) -> None:
    records = tape([(0, "A", 10.0, 500, 10.02, 500)])
    with pytest.raises(ValueError, match="session"):
        ref.pieces_of(records, None, market(records, sessions=[ref.Session(*pair) for pair in hours]))


# Resting orders, with the pessimistic queue and every trade recorded: a trade at 10.00 takes what is ahead, then us.
REST: list[Row] = [(i, "A", 10.0, 100, 10.02, 500) for i in range(0, 61, 10)]


def probe(
    trades: list[tuple[float, int]], windows: list[tuple[int, int]], **options: object
) -> list[list[int]]:
    records = tape(REST)
    prints = [(T + round(s * SECOND), 0, 10 * NANOS, size) for s, size in trades]
    pairs = [(T + begin * SECOND, T + end * SECOND) for begin, end in windows]
    return ref.probe(records, prints, pairs, "buy", 300, "pessimistic", market(records, **options))


def test_a_halt_cancels_what_rests() -> None:
    """100 are ahead of 300. 150 trade at 5 s: 50 filled. Without a halt 80 more at 25 s; with one from 20 to 30, none.

    A window that begins within the halt joins nothing; one that begins at its end joins behind 100 again.
    """
    trades = [(5, 150), (25, 80), (35, 130)]
    windows = [(0, 60), (20, 60), (30, 60)]
    # without a halt: 50 + 80 + 130; 80 of 100 ahead gone at 25 s, then 110 of 130; 30 of 130
    assert probe(trades, windows) == [[260], [110], [30]]
    # in a halt of everything, or of this venue: the window of 20 s finds no quote to join
    halt = (T + 20 * SECOND, T + 30 * SECOND)
    for halts in ([ref.Halt(*halt)], [ref.Halt(*halt, 0)]):
        assert probe(trades, windows, halts=halts) == [[50], [0], [30]]


def test_probe_windows_lie_in_one_session() -> None:
    """Records from 0 to 60 s: windows of 20 s every 15 s begin at 0, 15, 30; 45 would end at 65."""
    records = tape(REST)
    (piece,) = ref.pieces_of(records, None, market(records))
    found = [(begin - T) // SECOND for begin, _ in ref.windows_of(piece.records, 20 * SECOND, 15 * SECOND)]
    assert found == [0, 15, 30]
