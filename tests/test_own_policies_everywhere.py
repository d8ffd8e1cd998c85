"""A policy of one's own is at home wherever a built-in one is."""

from __future__ import annotations

import json
import random
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sor
from effort import some
from ledgers import ledger_bytes
from own_policies import OwnSweep
from sor.replay.lower import Variant
from sor.replay.replay import replay
from tapes import (
    as_market,
    as_parent,
    lay,
    random_order,
    random_settings,
    random_tape,
    random_trades,
    read_tape,
)
from test_lookahead import poisoned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sor._core import ParentOrder, Past

QUOTES = sor.simulate_quotes(venues=3, minutes=12, seed=3)
ORDERS = sor.orders_every(side="buy", quantity=2_000, horizon="1m", every="1m")
RUN = sor.Run(threads=2, progress=False)


@dataclass
class Patient(sor.Policy):
    """Takes where an offer is cheap enough against the mid, and everything near the end."""

    most: float = 0.02
    last: int = 20

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        cost = view.sign * (view.price - view.mid) + view.taker_fee
        hurry = view.now >= view.order.end - self.last * 10**9
        left = view.remaining
        for venue in cost.argsort(kind="stable").tolist():
            quantity = min(left, int(view.available[venue]))
            if quantity > 0 and (hurry or cost[venue] <= self.most * 1e9):
                orders.take(venue, quantity)
                left -= quantity


def test_backtest_and_study() -> None:
    found = sor.backtest(QUOTES, ORDERS, Patient(most=0.01), run=RUN)
    assert found["router"].fills.height > 0
    assert found["router"].policy == Patient(most=0.01)
    assert found.to_dict()["best_parameters"] == {"most": 0.01, "last": 20}
    assert "a policy of the caller's own" in found["router"].explain(0)
    studied = sor.study(
        QUOTES, ORDERS, {"mine": Patient(), "eager": Patient(most=1.0), "sweep": "sweep"}, run=RUN
    )
    eager, swept = studied["eager"].fills, studied["sweep"].fills
    assert eager.equals(swept)
    assert json.loads(studied.to_json())["policies"]["mine"]["most"] == 0.02
    unnamed = sor.study(QUOTES, ORDERS, [Patient(), "sweep"], run=RUN)
    assert list(unnamed.policies) == ["Patient", "sweep"]


@pytest.mark.parametrize(
    "method", ["grid", *(pytest.param(method, marks=pytest.mark.slow) for method in ("random", "refine"))]
)
def test_search_over_its_arguments(method: Any) -> None:
    grid = {"most": [0.005, 0.02, 0.05], "last": [5, 30]}
    found = sor.search(QUOTES, ORDERS, Patient(), grid=grid, method=method, folds=2, run=RUN)
    assert isinstance(found.best, Patient)
    assert set(found.axes) == {"most", "last"}
    assert found.table.columns[:2] == ["most", "last"]
    assert found.best_point == {"most": found.best.most, "last": found.best.last}
    costs = [
        sor.backtest(QUOTES, ORDERS, Patient(row["most"], int(row["last"])), against=(), run=RUN)
        .summary["shortfall_bps"]
        .item()
        for row in found.table.head(2).to_dicts()
        if method == "grid"
    ]
    assert costs == found.table["shortfall_bps"].to_list()[: len(costs)]
    assert "most=" in repr(found)


def test_an_axis_it_does_not_have_is_refused() -> None:
    with pytest.raises(sor.ParameterError, match="grid has no axis 'lambda_over'; its axes are most, last"):
        sor.search(QUOTES, ORDERS, Patient(), run=RUN)


def test_stress() -> None:
    found = sor.stress(QUOTES, ORDERS, Patient(), run=RUN)
    assert found.table.height == len(sor.DEFAULT_MARKETS)


def test_report(tmp_path: Path) -> None:
    grid = {"most": [0.005, 0.05], "last": [5, 30]}
    found = sor.search(QUOTES, ORDERS, Patient(), grid=grid, run=RUN)
    path = tmp_path / "report.html"
    found.in_sample.report(path, search=found)
    assert "Patient" in path.read_text(encoding="utf-8")


class Counted(OwnSweep):
    decisions = 0

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        type(self).decisions += 1
        super().decide(view, orders)


def test_resume_takes_finished_work_and_knows_another_policy(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    run = sor.Run(resume=path, progress=False)
    whole = sor.backtest(QUOTES, ORDERS, Patient(0.01), against=(), run=run)
    again = sor.backtest(QUOTES, ORDERS, Patient(0.01), against=(), run=run)
    fresh = sor.backtest(QUOTES, ORDERS, Patient(0.01), against=(), run=RUN)
    assert ledger_bytes(whole.ledger) == ledger_bytes(again.ledger) == ledger_bytes(fresh.ledger)
    other = sor.backtest(QUOTES, ORDERS, Patient(0.03), against=(), run=run)
    assert not other["router"].fills.equals(whole["router"].fills)
    Counted.decisions = 0
    sor.backtest(QUOTES, ORDERS, Counted(), against=(), run=run)
    counted = Counted.decisions
    assert counted > 0
    sor.backtest(QUOTES, ORDERS, Counted(), against=(), run=run)
    assert Counted.decisions == counted


SOURCE = """
import sor

class Mine(sor.Policy):
    def __init__(self, share: float = 1.0, *, name: str = "a") -> None:
        self.share = share

    def decide(self, view, orders):
        for venue, there in enumerate(view.available.tolist()):
            quantity = min(int(there * self.share), view.remaining)
            if quantity > 0:
                orders.take(venue, quantity)
                return
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_another_source_is_another_policy(file: Path) -> None:
    from sor.settings.policy import load

    first, same = load(f"{file}:Mine"), load(f"{file}:Mine")
    assert first is same
    file.write_text(SOURCE.replace("return", "break"), encoding="utf-8")
    second = load(f"{file}:Mine")
    assert first(0.5) == same(0.5) != second(0.5)
    assert first(0.5) != first(0.25)
    assert len({first(0.5), same(0.5), first(0.25)}) == 2


def test_from_a_file_on_the_command_line(file: Path, tmp_path: Path, shown: Callable[..., str]) -> None:
    tape = tmp_path / "tape.parquet"
    sor.simulate_quotes(venues=2, minutes=5, seed=1).write(tape)
    spec = f"{file}:Mine"
    order = ("--side", "buy", "--quantity", "1000", "--horizon", "1m", "--every", "1m")
    said = json.loads(
        shown("backtest", tape, *order, "--router", spec, "--set", "router.share=0.5", "--json")
    )
    assert said["best_parameters"] == {"share": 0.5, "name": "a"}
    quotes = sor.read_quotes(tape)
    orders = sor.orders_every(side="buy", quantity=1_000, horizon="1m", every="1m")
    found = sor.backtest(quotes, orders, spec)
    table = tomllib.loads(found.config())
    assert table["policies"]["router"] == {"kind": spec, "share": 1.0, "name": "a"}
    config = tmp_path / "run.toml"
    config.write_text(found.config().replace(found.made.files[0], str(tape)), encoding="utf-8")
    again = json.loads(shown("backtest", tape, "--config", config, "--json"))
    assert again["optimized"] == found.to_dict()["optimized"]


def test_its_errors_are_one_line_on_the_command_line(
    file: Path, tmp_path: Path, complaint: Callable[..., str]
) -> None:
    tape = tmp_path / "tape.parquet"
    sor.simulate_quotes(venues=2, minutes=5, seed=1).write(tape)
    file.write_text(SOURCE.replace("return", "1 / 0"), encoding="utf-8")
    said = complaint("backtest", tape, "--router", f"{file}:Mine")
    assert said.startswith("policy Mine, order buy ")
    assert said.endswith("ZeroDivisionError: division by zero")
    assert "has no 'depth'" in complaint(
        "backtest", tape, "--router", f"{file}:Mine", "--set", "router.depth=1"
    )


class Random(sor.Policy):
    """Does anything, decided by what it sees and by nothing else."""

    queue = "optimistic"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def start(self, order: ParentOrder, past: Past) -> None:
        self.rng = random.Random(f"{self.seed} {order!r} {past.since}")
        self.posted: list[int] = []

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        rng = self.rng
        rng.seed(f"{rng.random()} {view.price} {view.available} {view.own_price} {view.age} {view.reports}")
        venue = rng.randrange(len(view.venues))
        deed = rng.choice(["take", "take", "post", "cancel", "wake", "nothing"])
        if deed == "take" and view.displayed[venue]:
            orders.take(venue, rng.randint(1, 300))
        elif deed == "post" and view.joinable[venue]:
            until = rng.choice([None, view.now + rng.randint(1, 30)])
            self.posted.append(orders.post(venue, rng.randint(1, 200), until=until))
        elif deed == "cancel" and self.posted:
            orders.cancel(rng.choice(self.posted))
        elif deed == "wake":
            orders.wake(view.now + rng.randint(1, 9))


def decided_until(quotes: sor.Quotes, at: int, case: tuple[Any, Any, int]) -> list[tuple[Any, ...]]:
    order, settings, seed = case
    variant = Variant(policy=Random(seed), market=as_market(settings, quotes))
    children = replay(lay(quotes, settings), [as_parent(order)], [variant], record=True, threads=1).children
    columns = ("kind", "ts_decided", "venue", "quantity", "remaining", "seen_price", "seen_available")
    seen = children.with_columns(children["ts_decided"].to_physical().alias("ts_decided"))
    return [row for row in seen.select(columns).rows() if row[1] <= at]


def test_no_policy_knows_the_future() -> None:
    compared = 0
    seeds = range(some(1_000, ci=75))
    for seed in seeds:
        rng = random.Random(seed)
        raw = random_tape(rng)
        quotes = read_tape(raw, random_trades(rng, raw) if seed % 2 else None)
        order = random_order(rng, raw, rng.choice(["buy", "sell"]))
        case = (order, random_settings(rng, len({record[2] for record in raw})), seed)
        at = rng.choice([record[0] for record in raw])
        before = decided_until(quotes, at, case)
        assert decided_until(poisoned(quotes, rng, at), at, case) == before, seed
        compared += len(before)
    assert compared > 2 * len(seeds) // 3
