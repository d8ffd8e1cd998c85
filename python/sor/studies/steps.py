"""A replay that waits for you: one decision after the other, in a loop of your own."""

from __future__ import annotations

import queue as queues
import threading
from typing import TYPE_CHECKING, Any, Self

from sor.errors import ParameterError
from sor.settings.checks import choice
from sor.settings.market import Market
from sor.settings.policy import Policy, Queue
from sor.settings.run import Run
from sor.studies.backtest import backtest

if TYPE_CHECKING:
    from sor._core import Orders, View
    from sor.results.backtest import Backtest
    from sor.settings import orders as parents
    from sor.studies.pipeline import Tapes, TapesTrades


class Step:
    """One decision: everything that `View` has, and `take`, `post`, `cancel` and `wake` to answer with.

    What it shows stays as it is; orders can be sent until the next step is asked for. `sor.steps` makes
    them, of a `view` and the `orders` of a decision.
    """

    def __init__(self, view: View, orders: Orders) -> None:
        self.view = view
        self._orders: Orders | None = orders

    @property
    def orders(self) -> Orders:
        """What `take` and the others send to.

        Raises:
            ParameterError: Once the next step has been asked for.

        """
        if self._orders is None:
            raise ParameterError("orders of a step can only be sent before the next step is asked for")
        return self._orders

    def take(self, venue: int | str, quantity: int, limit: int | None = None) -> int:
        """Take up to `quantity` displayed shares at a `venue`, at worst at `limit`; see `Orders.take`."""
        return self.orders.take(venue, quantity, limit)

    def post(
        self, venue: int | str, quantity: int, price: int | None = None, until: int | None = None
    ) -> int:
        """Rest `quantity` shares at a `venue`, at `price` and `until` a time; see `Orders.post`."""
        return self.orders.post(venue, quantity, price, until)

    def cancel(self, order: int) -> None:
        """Take back a limit order by its number, `order`."""
        self.orders.cancel(order)

    def wake(self, at: int) -> None:
        """Ask for a step at a time, `at`."""
        self.orders.wake(at)

    def close(self) -> None:
        """Nothing can be sent any more."""
        self._orders = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.view, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.view)})

    def __repr__(self) -> str:
        return repr(self.view).replace("View", "Step")


class _Left(Exception):  # noqa: N818, nobody's error
    """The loop was left before the end."""


class _Line:
    """What passes between the loop and the replay, which runs on a thread of its own."""

    def __init__(self) -> None:
        self.steps: queues.SimpleQueue[Step | Backtest | BaseException] = queues.SimpleQueue()
        self.answered = threading.Semaphore(0)
        self.left = False

    def __deepcopy__(self, memo: object) -> Self:
        return self


class _Waiting(Policy):
    """Hands every decision over, and waits for the answer."""

    def __init__(self, line: _Line, queue: Queue) -> None:
        self.line = line
        self.queue = queue

    def decide(self, view: View, orders: Orders) -> None:
        self.line.steps.put(Step(view, orders))
        self.line.answered.acquire()
        if self.line.left:
            raise _Left


class Steps:
    """The decisions of one replay, an iterator of `Step`s; leave it whenever you like.

    `sor.steps` makes it, of the `line` to a `replay` on a thread of its own.

    Attributes:
        result: The backtest that came of it, once the last step has been answered; None before.

    """

    def __init__(self, line: _Line, replay: threading.Thread) -> None:
        self._line = line
        self._replay = replay
        self._current: Step | None = None
        self.result: Backtest | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Step:
        if not self._replay.is_alive() and self._line.steps.empty():
            raise StopIteration
        if self._current is not None:
            self._current.close()
            self._current = None
            self._line.answered.release()
        found = self._line.steps.get()
        if isinstance(found, Step):
            self._current = found
            return found
        self._replay.join()
        if isinstance(found, BaseException):
            raise found
        self.result = found
        raise StopIteration

    def close(self) -> None:
        """End the replay where it stands."""
        self._line.left = True
        self._line.answered.release()
        self._replay.join()

    def __del__(self) -> None:
        self._line.left = True
        self._line.answered.release()


def steps(
    quotes: Tapes,
    order: parents.Orders,
    *,
    market: Market = Market(),
    trades: TapesTrades = None,
    queue: Queue = "expected",
) -> Steps:
    """Replay an order and stop at every decision.

    Args:
        quotes: The tape.
        order: An `Order`; of several, one is worked after the other.
        market: What it meets.
        trades: The tape's trades.
        queue: How the queues of limit orders are simulated (rule C10).

    Returns:
        An iterator of the decisions. Its `result` is the backtest, when the loop has come to its end.

    Raises:
        DataError: If the tape cannot be read, or never quotes the order's side.
        ParameterError: If a setting is wrong.
        PolicyError: In the loop, from an order that breaks a rule.

    Example:
        >>> quotes = sor.simulate_quotes(minutes=2)
        >>> walk = sor.steps(quotes, sor.Order("buy", 500))
        >>> for view in walk:
        ...     best = int(view.price.argmin())
        ...     quantity = min(int(view.available[best]), view.remaining)
        ...     if quantity > 0:
        ...         _ = view.take(best, quantity)
        >>> walk.result["router"].orders["status"].to_list()
        ['filled']

    """
    line = _Line()
    policy = _Waiting(line, queue)

    def run() -> None:
        try:
            found = backtest(
                quotes, order, policy, market=market, trades=trades, against=(), run=Run(progress=False)
            )
        except BaseException as error:
            line.steps.put(error)
        else:
            line.steps.put(found)

    choice("queue", queue, Queue)
    replay = threading.Thread(target=run, name="sor.steps", daemon=True)
    replay.start()
    return Steps(line, replay)
