"""Parent orders: one by one, or one every so often over a whole tape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeAlias

from sor.errors import ParameterError, shown
from sor.settings.checks import choice, entries, keep, positive, whole
from sor.settings.times import Duration, Time, to_ns

Side: TypeAlias = Literal["buy", "sell"]
Sides: TypeAlias = Literal["buy", "sell", "both"]


@dataclass(frozen=True)
class Order:
    """A parent order (rule P2).

    Args:
        side: `"buy"` or `"sell"`.
        quantity: Shares, positive.
        start: When it first decides; the start of the tape by default.
        horizon: What is left at `start + horizon` is completed; until the end of the tape by default.
        lot: Shares in a lot.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    side: Side
    quantity: int
    _: KW_ONLY
    start: Time | None = None
    horizon: Duration | None = None
    lot: int = 100

    def __post_init__(self) -> None:
        choice("side", self.side, Side)
        keep(self, quantity=whole("quantity", self.quantity), lot=whole("lot", self.lot))
        if self.start is not None:
            to_ns(self.start, "start")
        if self.horizon is not None:
            positive("horizon", self.horizon)


@dataclass(frozen=True, kw_only=True)
class OrderSchedule:
    """Orders at regular intervals over a whole tape; made by `orders_every`.

    For each side, and for each quantity, one order every `every`, in this order.

    Attributes:
        every: From one start to the next.
        quantity: Shares of each: one size, or several.
        side: `"buy"`, `"sell"` or `"both"`.
        horizon: Of each order.
        lot: Shares in a lot.

    """

    every: Duration
    quantity: int | tuple[int, ...]
    side: Sides
    horizon: Duration
    lot: int = 100

    def __post_init__(self) -> None:
        positive("every", self.every)
        positive("horizon", self.horizon)
        choice("side", self.side, Sides)
        given: object = self.quantity
        if isinstance(given, Iterable) and not isinstance(given, str):
            sizes = tuple(whole("quantity", size) for size in entries("quantity", given, "whole numbers"))
            if not sizes:
                raise ParameterError(f"quantity must not be empty, got {shown(given)}")
            keep(self, quantity=sizes)
        else:
            keep(self, quantity=whole("quantity", given))
        keep(self, lot=whole("lot", self.lot))

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides, buys first."""
        return ("buy", "sell") if self.side == "both" else (self.side,)

    @property
    def quantities(self) -> tuple[int, ...]:
        """The sizes, as they were given."""
        return self.quantity if isinstance(self.quantity, tuple) else (self.quantity,)


Orders: TypeAlias = Order | OrderSchedule | Sequence[Order | OrderSchedule]
"""What every verb takes: an `Order`, `orders_every(...)`, or a sequence of both."""


def orders_every(
    every: Duration, *, quantity: int | Sequence[int], side: Sides, horizon: Duration, lot: int = 100
) -> OrderSchedule:
    """Lay orders over a whole tape, one every `every` as long as its horizon fits.

    Args:
        every: From one start to the next, the first at the start of the tape.
        quantity: Shares of each; several sizes: one order of each size at every start.
        side: `"buy"`, `"sell"`, or `"both"`: one of each at every start.
        horizon: Of each order.
        lot: Shares in a lot.

    Returns:
        A schedule: goes wherever an `Order` goes, and mixes with `Order`s in one list.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """
    return OrderSchedule(every=every, quantity=quantity, side=side, horizon=horizon, lot=lot)  # type: ignore[arg-type]  # a sequence becomes a tuple


def as_orders(orders: object) -> tuple[Order | OrderSchedule, ...]:
    """Return orders as a tuple.

    Raises:
        ParameterError: If it is none of `Orders`, or empty.

    """
    if isinstance(orders, Order | OrderSchedule):
        return (orders,)
    if not isinstance(orders, Sequence) or not all(
        isinstance(each, Order | OrderSchedule) for each in orders
    ):
        raise ParameterError(
            f"orders must be an Order, orders_every(...), or a sequence of them, got {shown(orders)}"
        )
    if not orders:
        raise ParameterError("orders must hold at least one Order or schedule")
    return tuple(orders)
