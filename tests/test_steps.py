"""A replay that waits: the same as a policy that does the same, and left at any time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import polars as pl
import pytest
import sor
from own_policies import OwnBestAsk
from small_tape import ORDER, TAPE

if TYPE_CHECKING:
    from collections.abc import Callable

QUOTES = sor.simulate_quotes(venues=3, minutes=3, seed=5)
BUY = sor.Order("buy", 3_000)


def test_a_loop_is_a_policy() -> None:
    walk, policy = sor.steps(QUOTES, BUY, market=sor.Market(latency="5ms")), OwnBestAsk()
    views = []
    for step in walk:
        policy.decide(step, step)  # type: ignore[arg-type]  # it has what both have
        views.append((step, step.now, step.price.tolist()))
    assert walk.result is not None
    backtest = sor.backtest(QUOTES, BUY, "best_ask", against=(), market=sor.Market(latency="5ms"))
    assert walk.result["router"].fills.equals(backtest["router"].fills)
    assert all((step.now, step.price.tolist()) == (now, price) for step, now, price in views)
    assert next(walk, None) is None


def all_steps(walk: sor.Steps, answer: Callable[[sor.Step], object]) -> None:
    for step in walk:
        answer(step)


def test_what_is_wrong_is_said_in_the_loop() -> None:
    with pytest.raises(sor.ParameterError, match="quantity must be whole"):
        all_steps(sor.steps(TAPE, ORDER), lambda step: step.take(0, 0))
    with pytest.raises(sor.PolicyError, match="price must not cross"):
        all_steps(sor.steps(TAPE, ORDER), lambda step: step.post(0, 1, price=int(step.price[0])))
    with pytest.raises(sor.ParameterError, match="queue must be"):
        sor.steps(TAPE, ORDER, queue="best")  # type: ignore[arg-type]
    lost = sor.steps("nowhere.parquet", ORDER)
    with pytest.raises((sor.SorError, OSError), match="nowhere"):
        next(lost)


def test_orders_of_a_step_are_sent_at_that_step() -> None:
    walk = sor.steps(TAPE, ORDER)
    first = next(walk)
    second = next(walk)
    with pytest.raises(sor.ParameterError, match="before the next step"):
        first.take(0, 100)
    assert second.take(0, 100) == 0
    walk.close()


@pytest.mark.parametrize("close", [True, False])
def test_a_loop_may_be_left(close: bool) -> None:
    # Another test's may still wait for the garbage collector.
    before = {*threading.enumerate()}

    def others() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "sor.steps" and one not in before]

    walk = sor.steps(QUOTES, BUY)
    next(walk)
    assert len(others()) == 1
    if close:
        walk.close()
    else:
        (thread,) = others()
        del walk
        thread.join()
    assert others() == []


def test_a_stub_that_reaches_the_own_quote_forbids_to_join_it() -> None:
    """Venue 2 is crossed far out: its bid lifts the mid to 125, its offer at 140 is a stub, and no order joins 150."""
    seconds = [1_700_000_000_000_000_000 + second * 10**9 for second in range(4)]
    quotes = sor.read_quotes(
        pl.DataFrame(
            {
                "ts_event": seconds,
                "venue": ["A", "B", "A", "B"],
                "bid_px_00": [100.00, 150.00, 100.00, 150.00],
                "bid_sz_00": [100, 200, 300, 400],
                "ask_px_00": [100.02, 140.00, 100.02, 140.00],
                "ask_sz_00": [100, 200, 300, 400],
            }
        )
    )
    order = sor.Order("buy", 1_000, start=seconds[1], horizon="1s")
    step = next(iter(sor.steps(quotes, order)))
    assert step.displayed.tolist() == [100, 0]
    assert step.own_displayed.tolist() == [0, 200]
    assert step.joinable.tolist() == [False, False]
