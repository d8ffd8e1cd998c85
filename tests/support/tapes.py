"""Random tapes and settings, and the same replay asked of the package and of the reference.

Every generator takes a `random.Random`, so that a seed or hypothesis (`st.randoms`) drives it. Prices lie on a few
cents, times on a few nanoseconds, so that ties, locked and crossed books and shared timestamps are frequent.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import polars as pl
import reference as ref
import sor
from sor import _core
from sor.replay.ledger import TABLES, Ledger
from sor.replay.lower import Variant
from sor.replay.parents import Parent
from sor.replay.replay import replay
from sor.settings.market import Market
from sor.tape.sessions import Sessions, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

    from sor.settings.routers import Policy

CENT = 10_000_000
NANOS = 1e9
POLICIES = ("router", "best_ask", "sweep", "twap", "vwap")
DEPLETIONS = ("refresh", "persistent", "none")
SNAPSHOTS = ("last", "each", "first")
QUEUES = ("pessimistic", "expected", "optimistic")
SIDES = ("buy", "sell")
PUBLISHERS = (39, 2, 41, 9)  # not in ascending order: the venue index is by id, not by appearance
ALL_TIME = (ref.Session(0, 2**62),)
COLUMNS = ("ts_event", "sequence", "publisher_id", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")

FILL_FIELDS = tuple(
    field.name for field in dataclasses.fields(ref.Fill) if field.name not in ("policy", "parent")
)
CHILD_FIELDS = {  # the ledger's name for each field of the reference's child
    **{
        name: name
        for name in ("child", "kind", "ts_decided", "ts_arrived", "venue", "quantity", "executed", "reason")
    },
    "seen_price": "seen",
    "met_price": "met",
    "met_available": "available",
}
SUMS = (
    *("executed", "completed", "unwound", "spread", "slippage", "schedule", "timing", "opportunity"),
    *("fees", "rebates", "shortfall"),
)

Raw = tuple[Any, ...]
"""A record of a file: `COLUMNS`, and the queue position where the tape has that column."""


def random_tape(rng: Random, *, most: int = 40) -> list[Raw]:
    """Return raw records in the order of a file: out of order in time, distinguished by sequence."""
    venues = rng.sample(PUBLISHERS, rng.randint(1, len(PUBLISHERS)))
    bottom = rng.choice([1, 998])  # cents; at the bottom of the scale a sell's completion walk meets zero
    queued = rng.random() < 0.3
    gap = rng.choice([(0, 0, 1, 4), (0, 3, 9), (0, 0, 0, 0, 5)])
    empty = rng.choice(["bid", "ask"]) if rng.random() < 0.15 else None
    records: list[Raw] = []
    ts = 1_000
    for sequence in range(rng.randint(1, most)):
        ts += rng.choice(gap)
        again = rng.random()
        if records and again < 0.25:  # a quote repeated, whole or with one side changed
            _, _, venue, *quote = rng.choice(records[-4:])[:7]
            if again < 0.1:
                quote[2:] = random_quote(rng, bottom, "ask")
        else:
            venue = rng.choice(venues)
            quote = [*random_quote(rng, bottom, "bid"), *random_quote(rng, bottom, "ask")]
        if empty is not None:
            first = ("bid", "ask").index(empty) * 2
            quote[first : first + 2] = (None, 0)
        queue = (rng.choice([0.0, 0.25, 0.5, 1.0]),) if queued else ()
        records.append((ts, sequence, venue, *quote, *queue))
    if rng.random() < 0.5:
        rng.shuffle(records)
    return records


def random_quote(rng: Random, bottom: int, side: str) -> tuple[int | None, int]:
    """Return price in nanos and size; bids and asks overlap in one or two cents, some are stubs, some are empty."""
    kind = rng.random()
    if kind < 0.08:
        return rng.choice([(None, 0), (0, 0), (bottom * CENT, 0)])
    if kind < 0.13:
        return (bottom * CENT // 2, 500) if side == "bid" else (bottom * CENT * 3 + 40 * CENT, 500)
    low = bottom if side == "bid" else bottom + 2
    return (low + rng.randint(0, 3)) * CENT, rng.choice([7, 50, 100, 100, 200, 250, 300])


def random_trades(rng: Random, raw: Sequence[Raw]) -> list[ref.Trade]:
    """Return trades, most of them at a quote of the tape and at its time, by venue index and in order."""
    index = {venue: i for i, venue in enumerate(sorted({record[2] for record in raw}))}
    trades = []
    for _ in range(rng.randint(1, 2 * len(raw))):
        record = rng.choice(raw)
        price = rng.choice([record[3], record[5], rng.choice(raw)[3], rng.choice(raw)[5]])
        if price:
            ts = record[0] + rng.choice([0, 0, 0, 1, 2, -1])
            size = rng.choice([1, 50, 100, 100, 200, 500])
            trades.append((ts, index[record[2]], max(CENT, price + rng.choice([0, 0, 0, -CENT, CENT])), size))
    return sorted(trades or [(1_000, 0, CENT, 100)], key=lambda trade: trade[0])


def read_tape(raw: Sequence[Raw], trades: Sequence[ref.Trade] | None = None) -> sor.Quotes:
    """Read raw records, and trades by venue index, as the package does."""
    names = COLUMNS if len(raw[0]) == len(COLUMNS) else (*COLUMNS, "queue_position")
    frame = pl.DataFrame(list(raw), schema=dict(zip(names, _types(names), strict=True)), orient="row")
    quotes = sor.read_quotes(frame, price_scale=1e-9, time_unit="ns")
    if trades is None:
        return quotes
    ids = quotes.venues["id"].to_list()
    schema = {"ts_event": pl.Int64, "publisher_id": pl.UInt16, "price": pl.Int64, "size": pl.UInt32}
    prints = pl.DataFrame(
        [(ts, ids[venue], price, size) for ts, venue, price, size in trades], schema=schema, orient="row"
    )
    return quotes.with_trades(sor.read_trades(prints, quotes=quotes, price_scale=1e-9, time_unit="ns"))


def _types(names: Sequence[str]) -> list[Any]:
    special = {"publisher_id": pl.UInt16, "queue_position": pl.Float64}
    return [special.get(name, pl.UInt32 if "_sz_" in name else pl.Int64) for name in names]


def reference_records(raw: Sequence[Raw]) -> list[ref.book.Record]:
    """Return the same records as the reference takes them: sorted (rule B1), venues by ascending id."""
    index = {venue: i for i, venue in enumerate(sorted({record[2] for record in raw}))}
    ordered = sorted(raw, key=lambda record: record[:2])
    return [(record[0], index[record[2]], *record[3:]) for record in ordered]


def random_settings(rng: Random, venues: int) -> ref.Settings:
    """Return settings with everything a market can have, latencies from none to past the end."""
    kind = rng.choice(["displayed", "displayed", "expected", "expected", "sampled"])
    own = rng.random() < 0.3
    latency = rng.choice([(0,), (0,), (0, 1, 2), (0, 7, 25), (3, 200), (0, 4, 10_000)])
    return ref.Settings(
        venues=[
            ref.Venue(
                taker_fee=rng.choice([3_000_000, 3_000_000, 0, 13_000_000, -1_000_000]),
                maker_rebate=rng.choice([2_000_000, 0]),
                latency=rng.choice(latency),
                queue_position=rng.choice([None, 0.0, 0.3, 1.0]) if own else None,
            )
            for _ in range(venues)
        ],
        snapshot=rng.choice(SNAPSHOTS),
        sessions=ALL_TIME,
        depletion=rng.choice(DEPLETIONS),
        collar=rng.choice([None, 0.0, 0.001, 0.01]),
        max_quote_age=rng.choice([None, None, 0, 8]),
        tick=rng.choice([CENT, CENT // 2, 3 * CENT]),
        fill=ref.FillModel(
            kind,
            queue_position=rng.choice([0.0, 0.2, 0.5]),
            max_fill=rng.choice([0.5, 0.9, 1.0]),
            impact=rng.choice([0.0, 0.0005, 0.003]),
            decay=rng.choice([None, 6.0, 50.0]),
        ),
        limit=rng.choice(["seen", "none"]),
    )


def random_policy(rng: Random, kind: str) -> ref.Policy:
    """Return a policy of a kind, the router with any parameters that the package accepts."""
    plan, rule = rng.choice([("displayed", "relaxed"), ("fills", "relaxed"), ("displayed", "strict")])
    unit = rng.choice(["fraction", "price"])
    scale = 1.0 if unit == "fraction" else 10.0
    return ref.Policy(
        kind,
        lambda_over=scale * rng.choice([0.0, 0.001, 0.01]),
        lambda_under=scale * rng.choice([0.0, 0.001, 0.002, 0.05]),
        theta_queue=scale * rng.choice([0.0, 0.0001, 0.001]),
        unit=unit,
        rule=rule,
        plan=plan,
        overbook=rng.choice([1.0, 1.25, 1.5]) if plan == "fills" else 1.0,
        bucket=rng.choice([1, 7, 20, 1_000]),
    )


def random_paper_policy(rng: Random, queue: str) -> ref.Policy:
    """Return the paper's router with any parameters that the package accepts, its epochs as short as the tapes."""
    unit = rng.choice(["fraction", "price"])
    scale = 1.0 if unit == "fraction" else 10.0
    return ref.Policy(
        "cont_kukanov",
        lambda_over=scale * rng.choice([0.0, 0.001, 0.01]),
        lambda_under=scale * rng.choice([0.0, 0.001, 0.002, 0.05]),
        theta_queue=scale * rng.choice([0.0, 0.0, 0.0001]),
        unit=unit,
        adverse_selection=rng.choice([0, 0, 1_000_000, -500_000, 15_000_000]),
        epoch=rng.choice([1, 4, 9, 20, 60]),
        queue=queue,
        scenarios=rng.choice([1, 5, 100]),
        window_every=rng.choice([1, 3, 10]),
    )


def random_busy_policy(rng: Random, queue: str, last: int) -> ref.Policy:
    """Return the paper's router for a market that trades until `last`: one that rests much, in several epochs."""
    return dataclasses.replace(
        random_paper_policy(rng, queue),
        lambda_under=rng.choice([0.0, 0.0, 0.001, 0.01]),
        lambda_over=rng.choice([0.0, 0.0, 0.002]),
        unit="fraction",
        theta_queue=0.0,
        adverse_selection=0,
        epoch=rng.randint(max(last // 30, 1), last // 4),
        window_every=rng.randint(max(last // 60, 1), last // 8),
    )


def random_order(rng: Random, raw: Sequence[Raw], side: str) -> ref.Order:
    """Return an order anywhere on a tape, or partly beyond it; the quantity may be below the lot."""
    times = [record[0] for record in raw]
    start = rng.choice([*times, rng.randint(min(times) - 5, max(times) + 5)])
    horizon = rng.choice([rng.randint(1, 60), max(max(times) - start, 1), 10_000])
    quantity = rng.choice([1, 30, 100, 150, 400, 777, 1_000])
    return ref.Order(side, quantity, start, horizon, rng.choice([100, 100, 50, 7]))


@dataclass(frozen=True)
class Case:
    """One parent order under one policy in one market."""

    order: ref.Order
    policy: ref.Policy
    settings: ref.Settings


def random_cases(rng: Random, raw: Sequence[Raw]) -> list[Case]:
    """Return every policy x depletion x snapshot x side once, the rest of each at random."""
    venues = len({record[2] for record in raw})
    return [
        Case(
            random_order(rng, raw, side),
            random_policy(rng, kind),
            dataclasses.replace(random_settings(rng, venues), depletion=depletion, snapshot=snapshot),
        )
        for kind, depletion, snapshot, side in product(POLICIES, DEPLETIONS, SNAPSHOTS, SIDES)
    ]


def as_parent(order: ref.Order) -> Parent:
    return Parent(order.side, order.quantity, order.start, order.start + order.horizon, order.lot)


def as_market(settings: ref.Settings, quotes: sor.Quotes) -> Market:
    """Return the package's form of the reference's settings; the fees are nanos both in and out."""
    ids = quotes.venues["id"].to_list()
    return Market(
        venues=[
            sor.Venue(
                number,
                taker_fee=venue.taker_fee / NANOS,
                maker_rebate=venue.maker_rebate / NANOS,
                latency=venue.latency,
                queue_position=venue.queue_position,
            )
            for number, venue in zip(ids, settings.venues, strict=True)
        ],
        book=sor.Book(
            snapshot=settings.snapshot,
            depletion=settings.depletion,
            collar=settings.collar,
            collar_ticks=settings.collar_ticks,
            max_quote_age=settings.max_quote_age,
            tick=settings.tick / NANOS,
        ),
        fill=as_fill(settings.fill),
        limit=settings.limit,
    )


def as_fill(fill: Any) -> Any:
    """Return the package's form of a fill model of the reference's."""
    mode = "sampled" if fill.kind == "sampled" else "expected"
    match fill:
        case ref.TableModel():
            return sor.FillTable(fill.rows, mode=mode, seed=11)
        case ref.FunctionModel():
            return sor.FillFunction(fill.function, mode=mode, seed=11)
        case _ if fill.kind == "displayed":
            return sor.Displayed()
    return sor.QueueAware(
        queue_position=fill.queue_position,
        max_fill=fill.max_fill,
        impact=fill.impact,
        decay=None if fill.decay is None else int(fill.decay),
        mode=mode,
        seed=11,
    )


class Laid:
    """A tape with its sessions and halts, as replays take it.

    Its index is in blocks of one to three records, so that orders leap on short tapes as they do on long ones.
    """

    def __init__(self, sessions: Sessions[sor.Quotes]) -> None:
        self.sessions = sessions
        records = len(sessions.quotes)
        self.index = _core.Index(records, (1 + records % 3, 1 + records % 4))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sessions.quotes, name)

    def lent(self) -> dict[str, Any]:
        return {**self.sessions.quotes.lent(), **self.sessions.arrays(), "index": self.index}


def lay(quotes: sor.Quotes, settings: ref.Settings) -> Any:
    """Lay the sessions and halts of the reference's settings on a tape."""
    ids = quotes.venues["id"].to_list()
    hours = settings.sessions
    if not isinstance(hours, str | None):
        hours = pl.DataFrame(list(hours), schema={"open": pl.Int64, "close": pl.Int64}, orient="row")
        hours = hours.cast(pl.Datetime("ns", "UTC"))
    halts = pl.DataFrame(
        [(start, end, None if venue is None else ids[venue]) for start, end, venue in settings.halts],
        schema={"start": pl.Int64, "end": pl.Int64, "venue": pl.Int64},
        orient="row",
    ).cast({"start": pl.Datetime("ns", "UTC"), "end": pl.Datetime("ns", "UTC")})
    return Laid(resolve(quotes, hours, settings.session_gap, halts))


def as_policy(policy: ref.Policy) -> Policy:
    schedule = policy.releases
    return as_router(policy) if schedule is None else sor.Sliced(as_router(policy), as_schedule(schedule))


def as_schedule(schedule: ref.Schedule) -> Any:
    match schedule:
        case ref.Twap(bucket):
            return sor.Twap(bucket=bucket)
        case ref.Pov(rate):
            return sor.Pov(rate / NANOS)
        case ref.AlmgrenChriss():
            return sor.AlmgrenChriss(**dataclasses.asdict(schedule))
        case ref.Table(rows):
            totals = [0, *(total for _, total in rows)]
            return sor.Timetable(
                [(ts, total - before) for (ts, total), before in zip(rows, totals, strict=False)]
            )
        case ref.Vwap(buckets):
            length = buckets[0][1]
            return sor.Vwap([(start, weight) for start, _, weight in buckets], bucket=length)


def as_router(policy: ref.Policy) -> Policy:
    if policy.kind == "cont_kukanov":
        fields = (
            "lambda_over",
            "lambda_under",
            "theta_queue",
            "unit",
            "epoch",
            "queue",
            "scenarios",
            "window_every",
        )
        return sor.ContKukanovRouter(
            **{name: getattr(policy, name) for name in fields},
            adverse_selection=policy.adverse_selection / NANOS,
        )
    names = ("lambda_over", "lambda_under", "theta_queue", "unit", "rule", "plan", "overbook")
    if policy.kind != "router":
        return sor.POLICIES[{"vwap": "pro_rata", "twap": "sweep"}.get(policy.kind, policy.kind)]
    return sor.StaticRouter(**{name: getattr(policy, name) for name in names})


def replay_all(quotes: sor.Quotes, cases: Sequence[Case], *, threads: int = 1) -> list[Ledger]:
    """Replay every case in the core, in one call: variant i is case i, and so is parent i."""
    variants = [
        Variant(policy=as_policy(case.policy), market=as_market(case.settings, quotes)) for case in cases
    ]
    hours = [(case.settings.sessions, case.settings.session_gap, case.settings.halts) for case in cases]
    assert all(other == hours[0] for other in hours), "one call has one market's hours"
    orders = list(dict.fromkeys(case.order for case in cases))
    tape, parents = lay(quotes, cases[0].settings), [as_parent(order) for order in orders]
    # Where only sums are kept the core goes another way through the records; what it finds out shortens the second.
    sums = replay(tape, parents, variants, record=False, threads=threads)
    ledger = replay(tape, parents, variants, record=True, threads=threads)
    assert sums.parents.equals(ledger.parents), (orders, cases)
    of = [orders.index(case.order) for case in cases]
    frames = [by_case(getattr(ledger, table), of) for table in TABLES]
    return [Ledger(*tables) for tables in zip(*frames, strict=True)]


def by_case(frame: pl.DataFrame, parents: Sequence[int]) -> list[pl.DataFrame]:
    """Return the rows of (variant i, parent parents[i]) for every i."""
    keys = pl.DataFrame({"variant": range(len(parents)), "parent": parents})
    keys = keys.cast({"variant": frame["variant"].dtype, "parent": frame["parent"].dtype})
    parts = frame.join(keys, on=["variant", "parent"], how="semi", maintain_order="left").partition_by(
        "variant", as_dict=True, include_key=False
    )
    empty = frame.drop("variant").clear()
    return [parts.get((i,), empty) for i in range(len(parents))]


def rows(frame: pl.DataFrame, quotes: sor.Quotes) -> list[dict[str, Any]]:
    """Return a ledger frame as rows of plain values: times as nanoseconds, venues as indices."""
    index = {name: i for i, name in enumerate(quotes.venues["name"])}
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    found = frame.with_columns(pl.col(times).to_physical()).to_dicts()
    for row in found:
        if "venue" in row:
            row["venue"] = index[row["venue"]]
    return found


def reference_run(
    records: Sequence[ref.book.Record],
    case: Case,
    children: Sequence[dict[str, Any]],
    trades: Sequence[ref.Trade] | None = None,
) -> ref.Run:
    """Replay a case in the reference; sampled shares (F3) are those the core drew, all else is its own."""

    def drawn(n: int, p: float, _parent: int, child: int) -> int:
        shares = int(children[child]["executed"])
        assert 0 <= shares <= n, f"child {child} drew {shares} of {n}"
        assert abs(children[child]["fill_probability"] - p) < 1e-12
        return shares

    return ref.replay(records, case.order, case.policy, case.settings, draw=drawn, trades=trades)


def assert_agree(
    quotes: sor.Quotes,
    records: Sequence[ref.book.Record],
    cases: Sequence[Case],
    *,
    trades: Sequence[ref.Trade] | None = None,
    context: object = "",
) -> Counter[str]:
    """Compare the two replays of every case field by field; return how often each outcome was met."""
    met: Counter[str] = Counter()
    for case, ledger in zip(cases, replay_all(quotes, cases), strict=True):
        children, fills = rows(ledger.children, quotes), rows(ledger.fills, quotes)
        run = reference_run(records, case, children, trades)
        where = f"{case}\n{context}"
        expected = [{name: getattr(fill, name) for name in FILL_FIELDS} for fill in run.fills]
        assert [{name: fill[name] for name in FILL_FIELDS} for fill in fills] == expected, where
        for child, own in zip(children, run.children, strict=True):
            found = {name: child[name] for name in CHILD_FIELDS}
            if own.kind == "post":  # what a limit order met is the queue it joined: see test_resting_rules.py
                found |= {"met_price": None, "met_available": 0}
            assert found == {name: getattr(own, field) for name, field in CHILD_FIELDS.items()}, where
        released = [(row["ts"], row["total"], row["mid"]) for row in rows(ledger.releases, quotes)]
        assert released == [dataclasses.astuple(release) for release in run.releases], where
        met["releases"] += len(released)
        met["schedule"] += run.summary["schedule"] != 0
        (parent,) = rows(ledger.parents, quotes)
        assert (parent["status"], parent["arrival_mid"]) == (run.status, run.m0), where
        assert {name: parent[name] for name in SUMS} == {name: run.summary[name] for name in SUMS}, where
        met.update(
            [run.status, *(child.reason for child in run.children), *(fill.kind for fill in run.fills)]
        )
    return met


def read_raw(path: Path) -> list[Raw]:
    """Return the records of a file of real quotes, prices in nanos, without the package's reader."""
    names = [*COLUMNS]
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, try_parse_dates=True)
    frame = frame.select(names).with_columns(pl.col("ts_event").cast(pl.Datetime("ns", "UTC")).to_physical())
    return [
        (*record[:3], round(record[3] * NANOS), record[4], round(record[5] * NANOS), record[6])
        for record in frame.iter_rows()
    ]
