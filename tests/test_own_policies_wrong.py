"""Policies of one's own that are wrong: an error with the policy, the order and the time, never a wrong result (Q2)."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import sor
from small_tape import ORDER, SECOND, T0, TAPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from sor._core import ParentOrder, Past


class Doing(sor.Policy):
    """Does what it is told at its second decision."""

    def __init__(self, what: Callable[[sor.View, sor.Orders], Any]) -> None:
        self.what = what

    def start(self, order: ParentOrder, past: Past) -> None:
        self.decisions = 0

    def decide(self, view: sor.View, orders: sor.Orders) -> Any:
        self.decisions += 1
        return self.what(view, orders) if self.decisions == 2 else None


def backtest(policy: object, **settings: Any) -> sor.Backtest:
    return sor.backtest(TAPE, ORDER, policy, against=("sweep",), **settings)


def mutates(view: sor.View, orders: sor.Orders) -> None:
    view.price[0] = 1


def raises(view: sor.View, orders: sor.Orders) -> None:
    raise ZeroDivisionError("no shares")


WRONG: dict[str, tuple[Callable[[sor.View, sor.Orders], Any], str]] = {
    "raises": (raises, "ZeroDivisionError: no shares"),
    "returns something": (lambda view, orders: [1, 2], "decide must return None, and send with orders.take"),
    "mutates the view": (mutates, "ValueError: assignment destination is read-only"),
    "sets a field of the view": (lambda view, _: setattr(view, "remaining", 0), "AttributeError"),
    "an unknown venue": (
        lambda _, orders: orders.take(9, 1),
        "ParameterError: venue must be an index from 0 to 1, or a name in ('3', '7'), got 9",
    ),
    "a venue below the first": (lambda _, orders: orders.take(-1, 1), "venue must be an index from 0 to 1"),
    "an unknown name": (lambda _, orders: orders.post("NYSE", 1), "got NYSE"),
    "no venue": (lambda _, orders: orders.take(None, 1), "venue must be an index"),
    "nothing": (
        lambda _, orders: orders.take(0, 0),
        "quantity must be whole, from 1 to 1000000000000000, got 0",
    ),
    "a negative quantity": (lambda _, orders: orders.post(0, -100), "quantity must be whole"),
    "a part of a share": (lambda _, orders: orders.take(0, 0.5), "quantity must be whole"),
    "no number": (lambda _, orders: orders.take(0, float("nan")), "quantity must be whole"),
    "infinitely many": (lambda _, orders: orders.take(0, float("inf")), "quantity must be whole"),
    "an array": (lambda _, orders: orders.take(0, np.array([1, 2])), "quantity must be whole"),
    "a truth value for shares": (lambda _, orders: orders.take(0, True), "quantity must be whole"),
    "one of NumPy's": (lambda _, orders: orders.post(0, np.True_), "quantity must be whole"),
    "a truth value for a venue": (
        lambda _, orders: orders.take(False, 1),
        "venue must be an index from 0 to 1, or a name in ('3', '7'), got False",
    ),
    "a truth value for a price": (lambda _, orders: orders.take(0, 1, limit=True), "limit must be a whole"),
    "a truth value for an order": (
        lambda _, orders: [orders.post(0, 1), orders.cancel(False)],
        "order must be the number of an order that was sent, got False",
    ),
    "a truth value for a threshold": (
        lambda _, orders: orders.stops_at(True),
        "threshold must be a whole number of nanos, got True",
    ),
    "a price in currency": (
        lambda _, orders: orders.take(0, 1, limit=100.01),
        "limit must be a whole number of nanos above 0, as view.price is, got 100.01",
    ),
    "a price that is none": (
        lambda _, orders: orders.post(0, 1, price=0),
        "price must be a whole number of nanos",
    ),
    "a post through the market": (
        lambda view, orders: orders.cancel(orders.post(0, 1, price=int(view.price[0]))),
        "price must not cross the other side of venue 0, got 100010000000",
    ),
    "a post that has expired": (
        lambda view, orders: orders.post(0, 1, until=view.now),
        "until must be later than now",
    ),
    "a cancel of nothing": (
        lambda _, orders: orders.cancel(0),
        "order must be the number of an order that was sent, got 0",
    ),
    "a wake in the past": (lambda view, orders: orders.wake(view.now - 1), "at must be later than now"),
    "more than can be counted": (
        lambda _, orders: [orders.take(0, 10**15) for _ in range(1_001)],
        "quantity must leave less than 10**18 shares under way",
    ),
    "more orders than anyone sends": (
        lambda _, orders: [orders.take(0, 1) for _ in range(100_001)],
        "orders must be at most 100000 in one decision",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_breaks_a_rule_is_an_error(name: str) -> None:
    what, why = WRONG[name]
    with pytest.raises(sor.PolicyError) as caught:
        backtest(Doing(what))
    said = str(caught.value)
    assert why in said
    assert said.startswith(
        "policy Doing, order buy 500 from 2024-01-02 14:30:00 UTC, at 2024-01-02 14:30:01 UTC: "
    )
    assert (caught.value.policy, caught.value.ts) == ("Doing", T0 + SECOND)
    assert isinstance(caught.value, sor.SorError)


def test_what_was_raised_is_the_cause_and_points_at_the_line() -> None:
    with pytest.raises(sor.PolicyError) as caught:
        backtest(Doing(raises))
    cause = caught.value.__cause__
    assert isinstance(cause, ZeroDivisionError)
    frames = []
    trace = cause.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] == "raises"


class FailsAtStart(sor.Policy):
    def start(self, order: ParentOrder, past: Past) -> None:
        raise ValueError(order.side)

    def decide(self, view: sor.View, orders: sor.Orders) -> None: ...


class NeverWakes(sor.Policy):
    def __init__(self, times: Any = ("noon",)) -> None:
        self.times = times

    def start(self, order: ParentOrder, past: Past) -> Any:
        return self.times

    def decide(self, view: sor.View, orders: sor.Orders) -> None: ...


class FailsWhenTold(sor.Policy):
    """What is told after the order's end may fail as well."""

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        if not view.resting:
            orders.post(0, 100)

    def told(self, report: sor.Report) -> None:
        raise ValueError(f"{report.reason} at {report.ts - T0}")


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (NeverWakes(), "start must return None or times in nanoseconds since the epoch, got \\('noon',\\)"),
        (NeverWakes([1.5]), "start must return None or times in nanoseconds"),
        (NeverWakes([True]), "start must return None or times in nanoseconds"),
        (FailsAtStart(), "at 2024-01-02 14:30:00 UTC: ValueError: buy"),
        (FailsWhenTold(), "at 2024-01-02 14:30:10 UTC: ValueError: expired at 10000000000"),
    ],
)
def test_start_and_told_may_fail_too(policy: sor.Policy, why: str) -> None:
    with pytest.raises(sor.PolicyError, match=why):
        backtest(policy)


def test_an_interrupt_comes_through_as_it_is() -> None:
    def interrupt(view: sor.View, orders: sor.Orders) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest(Doing(interrupt))


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_loop_in_a_policy(threads: int) -> None:
    entered = threading.Event()

    def loops(view: sor.View, orders: sor.Orders) -> None:
        entered.set()
        while True:
            time.sleep(0)

    def press() -> None:
        entered.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        backtest(Doing(loops), run=sor.Run(threads=threads))
    presser.join()


def test_one_that_sends_nothing_is_completed() -> None:
    found = backtest(Doing(lambda view, orders: None))
    assert found["router"].orders["status"].to_list() == ["completed"]


class Kept(sor.Policy):
    """Keeps every view, its arrays and the orders object."""

    views: ClassVar[list[tuple[sor.View, dict[str, Any]]]] = []
    arrays: ClassVar[list[tuple[Any, list[int]]]] = []
    orders: ClassVar[list[sor.Orders]] = []
    NAMES = ("now", "remaining", "in_flight", "mid", "resting", "reports")
    COLUMNS = ("price", "displayed", "available", "own_price", "own_displayed", "age", "taker_fee", "latency")

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        orders.take(0, 10)
        self.orders.append(orders)
        self.arrays.append((view.price[1:], view.price[1:].tolist()))
        self.arrays.append((view.age, view.age.tolist()))
        if len(self.arrays) % 4:
            columns = {name: getattr(view, name).tolist() for name in self.COLUMNS}
            self.views.append((view, columns | {name: getattr(view, name) for name in self.NAMES}))


def test_what_a_policy_keeps_of_a_view_never_changes() -> None:
    for kept in (Kept.views, Kept.arrays, Kept.orders):
        kept.clear()
    backtest(Kept())
    assert len(Kept.arrays) >= 4
    assert len({tuple(values) for _, values in Kept.arrays}) > 2
    for array, values in Kept.arrays:
        assert array.tolist() == values
        assert not array.flags.writeable
    for view, values in Kept.views:
        seen = {name: getattr(view, name) for name in values}
        assert {
            name: value.tolist() if hasattr(value, "tolist") else value for name, value in seen.items()
        } == values
    with pytest.raises(sor.ParameterError, match="orders can only be sent inside decide"):
        Kept.orders[0].take(0, 1)


class Forgets(sor.Policy):
    """Keeps nothing but where the view and an array of it were."""

    places: ClassVar[list[tuple[int, int]]] = []

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        self.places.append((id(view), id(view.price)))


def test_the_memory_of_a_view_that_is_not_kept_is_used_again() -> None:
    Forgets.places.clear()
    backtest(Forgets())
    assert len(Forgets.places) > 2
    assert len(set(Forgets.places)) == 1


class Remembers(sor.Policy):
    """What it learns from one order it must not know in the next."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def decide(self, view: sor.View, orders: sor.Orders) -> None:
        self.seen.append(view.now)
        assert self.seen[0] == view.order.start
        if view.remaining > 0:
            orders.take(0, 1)


def test_orders_do_not_know_of_each_other() -> None:
    policy = Remembers()
    orders = [sor.Order("buy", 10, start=T0 + i * SECOND, horizon="3s") for i in range(3)]
    sor.backtest(TAPE, orders, policy, against=())
    assert policy.seen == []


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (Remembers, "router must be a policy object or one of"),
        ("nowhere.py:Mine", "nowhere.py:Mine: cannot import"),
        ("os:getcwd", "os:getcwd must name a class that derives from sor.Policy"),
    ],
)
def test_what_is_no_policy_is_refused(policy: object, why: str) -> None:
    with pytest.raises(sor.ParameterError, match=why):
        backtest(policy)


def test_a_policy_without_decide_cannot_be_made() -> None:
    class Empty(sor.Policy):
        pass

    with pytest.raises(TypeError, match="decide"):
        Empty()  # type: ignore[abstract]


def test_its_queue_must_be_one() -> None:
    class Odd(Remembers):
        queue = "best"  # type: ignore[assignment]

    with pytest.raises(sor.ParameterError, match="its queue must be one of"):
        backtest(Odd())
