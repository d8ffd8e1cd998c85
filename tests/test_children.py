"""Given children: what was recorded, sent again (rule Q6)."""

from __future__ import annotations

import json
import random
import re
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from effort import enough, some
from hours import random_replays
from ledgers import ledger_bytes, serialized
from tapes import Case, as_policy, read_tape
from test_own_policies import alone
from universes import write_universe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sor.replay.ledger import Ledger

QUOTES = sor.simulate_quotes(venues=3, minutes=12, seed=3)
ORDERS = sor.orders_every(side="buy", quantity=2_000, horizon="1m", every="1m")
RUN = sor.Run(threads=2, progress=False)
SECOND = 10**9
CORE = (
    "kind",
    "ts_decided",
    "ts_arrived",
    "venue",
    "quantity",
    "executed",
    "reason",
    "remaining",
    "met_price",
)


def given(ledger: Ledger, case: Case | None = None) -> pl.DataFrame:
    """Take a ledger's children as a user has them: decisions, and nothing of what became of them."""
    post = pl.col("kind") == "post"
    frame = ledger.children.select(
        "ts_decided",
        pl.col("venue").cast(pl.String),
        "quantity",
        pl.col("kind").cast(pl.String),
        limit=pl.when(post).then(pl.col("seen_price") / 1e9),
    )
    if case is None or case.policy.kind != "cont_kukanov":
        return frame
    start, epoch = case.order.start, case.policy.epoch
    ts = pl.col("ts_decided").to_physical()
    until = (start + ((ts - start) // epoch + 1) * epoch).cast(pl.Datetime("ns", "UTC"))
    return frame.with_columns(until=pl.when(post).then(until))


def test_the_children_of_any_policy_given_back_fill_alike() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(600, ci=40)):
        days = random_replays(random.Random(f"children {seed}"), 6)
        if not days.cases:
            continue
        quotes = read_tape(days.raw, days.trades)
        for case in days.cases:
            built_in = alone(quotes, case, as_policy(case.policy))
            # Of several decisions at one time no record says which was when.
            if case.settings.snapshot == "each" or built_in.children.is_empty():
                continue
            queue: Any = case.policy.queue if case.policy.kind == "cont_kukanov" else "expected"
            again = alone(quotes, case, sor.Children(given(built_in, case), queue=queue))
            where = (seed, case)
            assert serialized(again.fills.drop("variant")) == serialized(built_in.fills.drop("variant")), (
                where
            )
            assert again.children.select(CORE).equals(built_in.children.select(CORE)), where
            met[case.policy.kind] += 1
            met["latency"] += any(venue.latency for venue in case.settings.venues)
            met["halts"] += bool(case.settings.halts)
            met[case.settings.fill.kind] += 1
            met.update(built_in.children["kind"].cast(pl.String).to_list())
            met.update(built_in.children["reason"].cast(pl.String).to_list())
    wanted = (
        "router",
        "best_ask",
        "sweep",
        "twap",
        "vwap",
        "cont_kukanov",
        "latency",
        "halts",
        "expected",
        "sampled",
    )
    assert not [name for name in (*wanted, "take", "post", "limit", "partial") if met[name] < enough(15)], met


def test_many_orders_any_threads_any_verb(rows: pl.DataFrame) -> None:
    children = sor.Children(rows)
    found = sor.study(QUOTES, ORDERS, {"theirs": children, "sweep": "sweep"}, run=RUN)
    assert found["theirs"].fills.equals(found["sweep"].fills)
    assert found.warnings == ()
    one, many = (
        ledger_bytes(sor.backtest(QUOTES, ORDERS, children, run=sor.Run(threads=n, progress=False)).ledger)
        for n in (1, 4)
    )
    assert one == many
    assert sor.stress(QUOTES, ORDERS, children, run=RUN).table.height == len(sor.DEFAULT_MARKETS)
    assert "children" in sor.backtest(QUOTES, ORDERS, children, run=RUN).config()
    sor.backtest(QUOTES, ORDERS, children, run=RUN)["router"].explain(0)


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    found = sor.backtest(QUOTES, ORDERS, "sweep", against=(), run=RUN)
    return given(found.ledger)


def test_resume_and_the_command_line(tmp_path: Path, rows: pl.DataFrame, shown: Callable[..., str]) -> None:
    kept = sor.Run(resume=tmp_path / "kept.db", progress=False)
    first = sor.backtest(QUOTES, ORDERS, sor.Children(rows), against=(), run=kept)
    again = sor.backtest(QUOTES, ORDERS, sor.Children(rows), against=(), run=kept)
    assert ledger_bytes(first.ledger) == ledger_bytes(again.ledger)
    other = sor.backtest(QUOTES, ORDERS, sor.Children(rows.head(3)), against=(), run=kept)
    assert not other["router"].fills.equals(first["router"].fills)
    tape, file = tmp_path / "tape.parquet", tmp_path / "children.csv"
    QUOTES.write(tape)
    rows.with_columns(rows["ts_decided"].to_physical().alias("ts_decided")).write_csv(file)
    order = ("--side", "buy", "--quantity", "2000", "--horizon", "1m", "--every", "1m")
    said = json.loads(
        shown("backtest", tape, *order, "--router", "children", "--set", f"router.rows={file}", "--json")
    )
    assert said["optimized"] == first.to_dict()["optimized"]
    config = tmp_path / "run.toml"
    config.write_text(first.config().replace(first.made.files[0], str(tape)), encoding="utf-8")
    assert json.loads(shown("backtest", tape, "--config", config, "--json"))["optimized"] == said["optimized"]


def test_what_cannot_be_sent_is_counted_and_said(rows: pl.DataFrame) -> None:
    start = int(rows["ts_decided"].to_physical()[0])
    more = [
        (start - 3_600 * SECOND, "V1", 100),  # before every order
        (QUOTES.end + 1, "V1", 100),  # after
        (start, str(rows["venue"][0]), 50_000),  # more than is left
        (start + SECOND, "V1", 100),  # of an order that is filled by then
    ]
    theirs = [*rows.select(pl.col("ts_decided").to_physical(), "venue", "quantity").rows(), *more]
    said = r"of 74 given children: 2 outside the time of every order; (\d+) not sent .*; 1 for more than was left"
    with pytest.warns(sor.SorWarning, match=said):
        found = sor.backtest(QUOTES, ORDERS, sor.Children(theirs), against=(), run=RUN)
    (warning,) = found.warnings
    unsent = re.match(said, warning)
    assert unsent is not None
    assert found["router"].children.height == len(theirs) - 2 - int(unsent[1])
    assert warning in " ".join(repr(found).split())
    with pytest.warns(sor.SorWarning, match="2 outside the time of every order"):
        sor.stress(QUOTES, ORDERS, sor.Children(theirs), against=(), run=RUN)


def test_rows_of_the_other_side_and_rows_that_come_twice_are_told_apart(rows: pl.DataFrame) -> None:
    """Not outside any order's time, and nothing that is wrong in itself: but hardly what was meant."""
    few = rows.head(3)
    sold = few.with_columns(side=pl.lit("sell"))
    with pytest.warns(
        sor.SorWarning, match="of 3 given children: 3 of another side or start than the orders"
    ):
        sor.backtest(QUOTES, ORDERS, sor.Children(sold), against=(), run=RUN)
    with pytest.warns(
        sor.SorWarning, match="2 the same as another in all that is said of it, and sent as well"
    ):
        twice = sor.backtest(QUOTES, ORDERS, sor.Children(pl.concat([few, few.head(2)])), against=(), run=RUN)
    assert twice["router"].children.height == 5


def test_a_universe_says_by_the_day_what_could_not_be_sent(tmp_path: Path) -> None:
    """One order a day; its day asks after each child, and those of no day are said once for all."""
    universe = write_universe(tmp_path, days=2, symbols=("AAA",))
    starts = [universe.read(unit).start + 60 * SECOND for unit in universe.units]
    orders = [sor.Order("buy", 100_000, start=start, horizon="60s") for start in starts]
    theirs = sor.Children(
        [
            (starts[0] - 30 * SECOND, "V1", 100),  # of the first day, before its order
            (starts[0] + SECOND, "V1", 100),
            (starts[1] + SECOND, "V1", 100),
            (starts[1] + 62 * SECOND, "V1", 100),  # of the second day, after its order
            (starts[1] + 63 * SECOND, "V1", 100),
            (starts[1] + 86_400 * SECOND, "V1", 100),  # of neither
        ]
    )
    with pytest.warns(sor.SorWarning, match="outside the time of every"):
        found = sor.study(universe, orders, [theirs, "sweep"], run=RUN)
    said = [
        sentence
        for kind, sentence in found.rows.notices.select("kind", "notice").rows()
        if "children" in kind
    ]
    assert said == [
        "of 2 given children: 1 outside the time of every order",
        "of 3 given children: 2 outside the time of every order",
    ]
    assert "of 6 given children: 1 outside the time of every symbol-day" in found.warnings


def test_a_child_of_an_order_that_starts_before_its_day_is_counted_once(tmp_path: Path) -> None:
    """It is decided 5 seconds before the first record, and sent there, later than decided: nothing of it is lost."""
    universe = write_universe(tmp_path, days=1, symbols=("AAA",))
    first = universe.read(universe.units[0]).start
    order = sor.Order("buy", 1_000, start=first - 10 * SECOND, horizon="60s")
    theirs = sor.Children([(first - 5 * SECOND, "V1", 100), (first + 30 * SECOND, "V1", 100)])
    with pytest.warns(sor.SorWarning, match="outside the time of every symbol-day"):
        found = sor.study(universe, [order], [theirs, "sweep"], run=RUN)
    # Without a row of each, which a universe keeps only where it writes them, nobody can tell that it was sent late.
    assert [notice for notice in found.rows.notices["notice"] if "children" in notice] == []
    assert int(found.rows.sums.filter(policy="children")["children"].item()) == 2


def test_before_the_order_arrives_and_under_a_halt_they_wait() -> None:
    quotes = sor.simulate_quotes(venues=2, minutes=2, seed=1)
    start = quotes.start + 30 * SECOND
    order = sor.Order("buy", 300, start=start, horizon="60s")
    theirs = sor.Children([(start + 5 * SECOND, "V1", 100), (start + 40 * SECOND, "V1", 100)])
    halts = pl.DataFrame({"start": [start + 4 * SECOND], "end": [start + 10 * SECOND]})
    halts = halts.cast(pl.Datetime("ns", "UTC"))
    with pytest.warns(sor.SorWarning, match="of 2 given children: 1 sent later than decided"):
        found = sor.backtest(quotes, order, theirs, market=sor.Market(halts=halts), against=(), run=RUN)
    decided = found["router"].children["ts_decided"].to_physical().to_list()
    assert decided[0] >= start + 10 * SECOND
    assert decided[1] == start + 40 * SECOND


def test_posts_rest_and_are_cancelled() -> None:
    start = QUOTES.start + 60 * SECOND
    order = sor.Order("buy", 1_000, start=start, horizon="60s")
    rows = pl.DataFrame(
        {
            "ts_decided": [start + SECOND, start + 2 * SECOND, start + 3 * SECOND, start + 4 * SECOND],
            "venue": ["V1", "V1", "V2", None],
            "quantity": [100, 100, 100, None],
            "kind": ["post", "take", "post", "cancel"],
            "child": [7, None, 8, 7],
            "limit": [None, None, 1e-2, None],
            "until": [None, None, start + 5 * SECOND, None],
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", sor.SorWarning)
        found = sor.backtest(QUOTES, order, sor.Children(rows), against=(), run=RUN)
    children = found["router"].children
    assert children["kind"].cast(pl.String).to_list() == ["post", "take", "post"]
    reasons = children["reason"].cast(pl.String).to_list()
    assert reasons[0] in ("cancelled", "filled", "partial", "queue")
    assert reasons[2] in ("expired", "queue")
    crossing = rows.with_columns(limit=pl.lit(1e6))
    with pytest.warns(sor.SorWarning, match="2 not sent"):
        sor.backtest(QUOTES, order, sor.Children(crossing), against=(), run=RUN)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([(1, "V1", 0)], "quantity, row 0 of rows must be a whole number from 1"),
        ([(1, "V1", 5), (1, "V1", 2.5)], "quantity, row 1 of rows must be a whole number"),
        ([("soon", "V1", 5)], "ts_decided, row 0 of rows is 'soon'"),
        ([(1, 1.5, 5)], "venue, row 0 of rows must be a whole number"),
        ([(1, "V1", 5, "buy")], "kind, row 0 of rows must be one of take, post, cancel, got 'buy'"),
        ([(1, "V1", 5, "take", -1.0)], "limit, row 0 of rows must be a finite number"),
        ([(1, None, 5)], "row 0 of rows: venue is empty, which a take needs"),
        (
            [(1, "V1", 5, "post", None, None, 3), (0, None, None, "cancel", None, None, 3)],
            "row 1 .* no earlier post",
        ),
        ([(1, None, None, "cancel")], "row 0 of rows: child is empty, which a cancel needs"),
        ([(1, "V1", 5, "take", None, None, None, "both")], "side, row 0 of rows must be one of buy, sell"),
        ([], "rows must be a frame with ts_decided, venue, quantity, .* got no"),
        (pl.DataFrame({"ts": [1]}), "got no column 'ts_decided'"),
        (
            pl.DataFrame({"ts_decided": [1], "venue": ["V1"], "quantity": [5], "limt": [1.0]}),
            "rows has a column 'limt', which is not used; it may have kind, limit",
        ),
        (3, "rows must be a frame with ts_decided"),
        ("nowhere.csv", "nowhere.csv"),
    ],
)
def test_wrong_rows(made: Any, says: str) -> None:
    with pytest.raises((sor.ParameterError, FileNotFoundError), match=says):
        sor.Children(made)


def test_rows_are_of_one_order(rows: pl.DataFrame) -> None:
    both = [
        sor.Order("buy", 500, start=QUOTES.start, horizon="5m"),
        sor.Order("sell", 500, start=QUOTES.start, horizon="5m"),
    ]
    ts = QUOTES.start + SECOND
    with pytest.raises(
        sor.ParameterError, match=r"the take of 100 at 'V1' at .* may be of order 0 or 1; columns side"
    ):
        sor.backtest(QUOTES, both, sor.Children([(ts, "V1", 100)]), run=RUN)
    named = pl.DataFrame(
        {"ts_decided": [ts, ts], "venue": ["V1", "V2"], "quantity": [100, 200], "side": ["sell", "buy"]}
    )
    found = sor.backtest(QUOTES, both, sor.Children(named), against=(), run=RUN)
    assert found["router"].children.sort("parent")["quantity"].to_list() == [200, 100]
    with pytest.raises(sor.ParameterError, match="rows of children: venue 'V9' is not on the tape"):
        sor.backtest(QUOTES, ORDERS, sor.Children([(ts, "V9", 100)]), run=RUN)
