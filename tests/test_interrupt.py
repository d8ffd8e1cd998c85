"""Ctrl-C and progress: every long call stops when it is asked to, and what a callback raises comes through.

How soon it stops is measured by `bench/bench_interrupt.py`.
"""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import sor
from long_calls import CALLS, SHORT, delay

if TYPE_CHECKING:
    from collections.abc import Iterable


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SHORT else pytest.mark.slow) for name in CALLS]
)
def test_ctrl_c(name: str) -> None:
    assert delay(name) > 0


@pytest.fixture(scope="module")
def quotes() -> sor.Quotes:
    return sor.simulate_quotes(venues=4, minutes=30, records=60_000)


ORDERS = sor.orders_every("30s", side="buy", quantity=1_000_000, horizon="15m")


class Raised(Exception):
    pass


@pytest.mark.parametrize("call", [sor.backtest, sor.search])
def test_what_a_callback_raises_comes_through(quotes: sor.Quotes, call: Any) -> None:
    raised = Raised("from the callback")

    def progress(done: int, total: int) -> None:
        raise raised

    with pytest.raises(Raised) as caught:
        call(quotes, ORDERS, run=sor.Run(progress=progress))
    assert caught.value is raised


class Slow(sor.Policy):
    """Sleeps once an order, so that a replay lasts longer than from one look to the next, however fast it is."""

    def start(self, order: Any, past: Any) -> Iterable[int]:
        time.sleep(0.02)
        return ()

    def decide(self, view: Any, orders: Any) -> None:
        pass


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_goes_up_to_the_total(quotes: sor.Quotes, threads: int) -> None:
    calls: list[tuple[int, int]] = []
    run = sor.Run(threads=threads, progress=lambda *call: calls.append(call))
    total = sor.backtest(quotes, ORDERS, Slow(), against=[], run=run).orders.height
    assert {all_of_them for _, all_of_them in calls} == {total}
    assert calls[-1] == (total, total)
    assert calls[0][0] < total, "looked at on the way, not only at the end"
    assert all(before <= after for (before, _), (after, _) in pairwise(calls))


def test_a_signal_handler_of_ones_own_is_called(quotes: sor.Quotes) -> None:
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))

    def progress(done: int, total: int) -> None:
        if not seen:
            os.kill(os.getpid(), signal.SIGUSR1)

    try:
        watched = sor.backtest(quotes, ORDERS, run=sor.Run(progress=progress))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]
    assert watched.ledger.parents.equals(sor.backtest(quotes, ORDERS).ledger.parents)
