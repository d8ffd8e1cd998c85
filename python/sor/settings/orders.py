"""Parent orders: one by one, or one every so often over a whole tape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import time
from os import PathLike
from typing import Any, Literal, TypeAlias

from sor.errors import ParameterError, shown
from sor.settings.checks import choice, entries, keep, positive, whole
from sor.settings.times import Duration, Time, check_zone, clock_ns, is_clock, to_ns

Side: TypeAlias = Literal["buy", "sell"]
Clock: TypeAlias = str | time
"""A time of day: `"09:30"`, or a `datetime.time` without a zone."""
Sides: TypeAlias = Literal["buy", "sell", "both"]


@dataclass(frozen=True)
class Order:
    """A parent order (rule P2).

    Args:
        side: `"buy"` or `"sell"`.
        quantity: Shares, positive.
        start: When it first decides: a moment, or a time of day such as `"09:30"`, of the first session that has it.
            The first session's open by default. It belongs to the first session with a moment in
            `[start, start + horizon)`, and may start a little before its first record (rule T3).
        horizon: What is left at `start + horizon` is completed; an end past its session's close is cut to the
            close. By default it lasts until the close of a session that is open, or opens within half an hour.
        lot: Shares in a lot.
        tz: Zone of a `start` that is a time of day.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    side: Side
    quantity: int
    _: KW_ONLY
    start: Time | Clock | None = None
    horizon: Duration | None = None
    lot: int = 100
    tz: str = "UTC"

    def __post_init__(self) -> None:
        choice("side", self.side, Side)
        keep(self, quantity=whole("quantity", self.quantity), lot=whole("lot", self.lot))
        if is_clock(self.start):
            clock_ns(self.start, "start")
        elif self.start is not None:
            to_ns(self.start, "start")
        check_zone("tz", self.tz)
        if self.horizon is not None:
            positive("horizon", self.horizon)


@dataclass(frozen=True, kw_only=True)
class OrderSchedule:
    """Orders at regular intervals over every session of a tape; made by `orders_every`.

    For each side, and for each quantity, one order every `every`, in this order (rule T3).

    Attributes:
        every: From one start to the next.
        quantity: Shares of each: one size, or several.
        side: `"buy"`, `"sell"` or `"both"`.
        horizon: Of each order.
        lot: Shares in a lot.
        start: Time of day of each session's first order; None: the session's open.
        end: Time of day by which the last ends; None: the session's close.
        tz: Zone of `start` and `end`.

    """

    every: Duration
    quantity: int | tuple[int, ...]
    side: Sides
    horizon: Duration
    lot: int = 100
    start: Clock | None = None
    end: Clock | None = None
    tz: str = "UTC"

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if getattr(self, name) is not None:
                clock_ns(getattr(self, name), name)
        check_zone("tz", self.tz)
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


Orders: TypeAlias = Order | OrderSchedule | Sequence[Order | OrderSchedule] | str | PathLike[str] | Any
"""What every verb takes: an `Order`, `orders_every(...)`, a sequence of both, or a table of orders.

A table has an order in each row and columns `side` and `quantity`, and if wanted `start`, `horizon` (or `end`), `lot`
and `tz`: a polars or pandas frame, anything with an Arrow PyCapsule, or the path of a CSV or Parquet file.
"""


def orders_every(
    every: Duration,
    *,
    quantity: int | Sequence[int],
    side: Sides,
    horizon: Duration,
    lot: int = 100,
    start: Clock | None = None,
    end: Clock | None = None,
    tz: str = "UTC",
) -> OrderSchedule:
    """Lay orders over every session of a tape, one every `every` as long as its horizon fits (rule T3).

    Args:
        every: From one start to the next, the first at the session's open.
        quantity: Shares of each; several sizes: one order of each size at every start.
        side: `"buy"`, `"sell"`, or `"both"`: one of each at every start.
        horizon: Of each order.
        lot: Shares in a lot.
        start: Time of day of each session's first order, such as `"09:30"`; it may lie a little before the first
            record.
        end: Time of day by which the last ends, such as `"16:00"`.
        tz: Zone of `start` and `end`, such as `"America/New_York"`.

    Returns:
        A schedule: goes wherever an `Order` goes, and mixes with `Order`s in one list.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """
    return OrderSchedule(
        every=every,
        quantity=quantity,  # type: ignore[arg-type]  # a sequence becomes a tuple
        side=side,
        horizon=horizon,
        lot=lot,
        start=start,
        end=end,
        tz=tz,
    )
