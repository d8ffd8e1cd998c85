"""What must hold of the reference on random tapes of several sessions (the model's section 7)."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest
import reference as ref
from effort import ALL, enough, some, turn
from hours import Days, random_replays

if TYPE_CHECKING:
    from tapes import Case


@cache
def tapes() -> list[Days]:
    return [random_replays(random.Random(seed), 12) for seed in range(some(300, ci=30, everyday=22))]


@cache
def runs() -> list[tuple[Days, Case, ref.Piece, ref.Run]]:
    found = []
    for number, days in enumerate(tapes()):
        for case in turn(days.cases, number):
            pieces = ref.pieces_of(days.records, days.trades, case.settings)
            piece, _ = ref.place_order(case.order, pieces)
            found.append((days, case, piece, replayed(days.records, days.trades, case)))
    return found


def replayed(
    records: list[ref.book.Record],
    trades: list[ref.Trade] | None,
    case: Case,
    settings: ref.Settings | None = None,
) -> ref.Run:
    return ref.replay(records, case.order, case.policy, settings or case.settings, draw=draw, trades=trades)


def draw(n: int, p: float, parent: int, child: int) -> int:
    rng = random.Random(parent * 1_000 + child)
    return sum(rng.random() < p for _ in range(n))


def test_the_tapes_have_all_there_is() -> None:
    met: Counter[str] = Counter()
    for days, case, piece, run in runs():
        met.update([run.status, *(child.reason for child in run.children), *(row.kind for row in run.fills)])
        met["several sessions"] += len(ref.pieces_of(days.records, None, case.settings)) > 1
        met["dropped"] += ref.dropped(days.records, case.settings) > 0
        met["cut"] += run.cut
        met["before the first record"] += case.order.start < piece.records[0][0]
        met["no time"] += case.order.start == piece.session.close
        met["late unwind"] += run.status == "late" and any(row.kind == "unwind" for row in run.fills)
        if run.m0 is not None:
            decided = [child.ts_decided for child in run.children]
            met["arrived late"] += bool(decided) and min(decided) > case.order.start
            met["halted"] += any(
                halt.start <= case.order.start + case.order.horizon and case.order.start < halt.end
                for halt in case.settings.halts
            )
    often = {
        "filled",
        "completed",
        "late",
        "stale",
        "no_quotes",
        "take",
        "completion",
        "no_quote",
        "limit",
        "queue",
    }
    hours = {
        "several sessions",
        "dropped",
        "cut",
        "halted",
        "before the first record",
        "arrived late",
        "expired",
    }
    rare = {"late unwind", "unwind", "no time", "crossed", "post"}
    assert not [name for name in often | hours if met[name] < enough(30)], met
    assert not ALL or not [name for name in rare if met[name] == 0], met


def test_nothing_is_decided_outside_a_session_or_in_a_halt_of_all() -> None:
    for _, case, piece, run in runs():
        opened, closed = piece.session
        end = min(case.order.start + case.order.horizon, closed)
        for child in run.children:
            assert max(opened, case.order.start) <= child.ts_decided < end
            assert not ref.Book(case.settings, "ask").all_halted(child.ts_decided)
        for row in run.fills:
            assert opened <= row.ts_executed <= closed
            if row.kind in ("take", "post"):
                assert row.ts_executed <= end
            elif run.status == "late":
                assert row.ts_executed > end
            else:
                assert row.ts_executed == end
            if run.status != "stale" or row.kind in ("take", "post"):
                assert not ref.Book(case.settings, "ask").is_halted(row.venue, row.ts_executed)


def test_a_session_alone_gives_what_the_whole_tape_gives() -> None:
    """T2: records, trades and halts of other sessions can be anything, or nothing."""
    for days, case, piece, run in runs():
        alone = dataclasses.replace(
            case.settings,
            sessions=[piece.session],
            halts=[
                halt
                for halt in case.settings.halts
                if halt.end >= piece.session.open and halt.start <= piece.session.close
            ],
        )
        assert replayed(piece.records, piece.trades, case, alone) == run
        assert ref.hindsight(piece.records, case.order, alone) == ref.hindsight(
            days.records, case.order, case.settings
        )


def test_hindsight_knows_of_sessions_and_halts() -> None:
    """P4: below every policy that takes under F1, and unknown only to an order that never arrived."""
    tight = 0
    for days, case, _, run in runs():
        if case.policy.kind == "cont_kukanov":
            continue
        plain = dataclasses.replace(
            case.settings,
            fill=ref.FillModel(),
            depletion="refresh",
            venues=[dataclasses.replace(venue, latency=0) for venue in case.settings.venues],
        )
        certain = replayed(days.records, None, case, plain)
        bound = ref.hindsight(days.records, case.order, plain)
        assert (bound is None) == (certain.status == "no_quotes") == (run.status == "no_quotes")
        if bound is None or certain.summary["unwound"]:
            continue
        cost = sum(case.order.sign * row.quantity * row.price + row.fee for row in certain.fills)
        assert bound <= cost
        tight += bound == cost
    assert tight > enough(300)


def test_shares_are_conserved_and_the_parts_sum_up() -> None:
    for _, case, _, run in runs():
        total = run.summary
        net = total["executed"] + total["completed"] - total["unwound"]
        assert net == (0 if run.status == "no_quotes" else case.order.quantity)
        assert (run.m0 is None) == (run.status == "no_quotes")
        if run.m0 is None:
            assert (run.children, run.fills) == ([], [])
            continue
        cash = sum((-1 if row.kind == "unwind" else 1) * row.quantity * row.price for row in run.fills)
        fees = sum(row.fee - row.rebate for row in run.fills)
        assert total["shortfall"] == case.order.sign * (cash - net * run.m0) + fees


@pytest.mark.parametrize("venue", [None, 0])
def test_a_halt_over_the_whole_order_takes_nothing(venue: int | None) -> None:
    """A halt of the one venue there is, and one of everything, are the same halt."""
    for days in tapes():
        if len({record[1] for record in days.records}) > 1:
            continue
        for case in days.cases:
            end = case.order.start + case.order.horizon
            halted = dataclasses.replace(case.settings, halts=[ref.Halt(case.order.start, end, venue)])
            run = replayed(days.records, days.trades, case, halted)
            assert run.children == []
            assert not [row for row in run.fills if row.kind != "completion"]
