"""One child order against one quote: the original's `execute_order` (rules F1-F3)."""

from __future__ import annotations

from sor import _core
from sor.errors import FillError, ParameterError, shown
from sor.replay.lower import core_fill
from sor.replay.snapshot import Offer
from sor.settings.checks import choice, instance, number, whole
from sor.settings.fills import FILLS, FillModel, QueueAware, fill_name
from sor.settings.orders import Side
from sor.settings.times import Duration, duration_ns
from sor.tape.venues import NANOS


def execute_order(
    quantity: int,
    venue: Offer | tuple[float, int],
    fill: FillModel | None = None,
    *,
    side: Side = "buy",
    available: int | None = None,
    age: Duration = 0,
    queue_position: float | None = None,
    stream: tuple[int, int] = (0, 0),
) -> tuple[int, float]:
    """Execute a child against a venue's quote; `(executed shares, price per share)`.

    Args:
        quantity: Shares sent.
        venue: The quote: an `Offer`, or `(price, displayed size)`.
        fill: The fill model; `QueueAware()` by default, as in the original.
        side: `"buy"` takes an ask, `"sell"` a bid.
        available: Shares own fills have left of the displayed size; all of it by default.
        age: Time since the venue's last record.
        queue_position: 0 (front) to 1 (back), instead of the fill model's, or of 0.5 where it has none.
        stream: Which sampled stream: (parent, child).

    Returns:
        Executed shares, `round_half_even(min(quantity, available) * fill_prob)` or a binomial draw, and the
        slipped price in currency, rounded half to even to nanos (rule F2).

    Raises:
        ParameterError: Naming the argument and what would be right.
        FillError: From a fill model of the caller's own.

    """
    model = QueueAware() if fill is None else fill
    instance("fill", model, *FILLS.values())
    match venue:
        case Offer():
            offer = venue
        case (price, size):
            offer = Offer(price=price, size=size)
        case _:
            raise ParameterError(f"venue must be a sor.Offer or (price, displayed size), got {shown(venue)}")
    quantity = whole("quantity", quantity)
    choice("side", side, Side)
    left = offer.size if available is None else whole("available", available, least=0, most=offer.size)
    if left == 0:
        return 0, offer.price
    try:
        executed, price = _core.execute(
            1 if side == "buy" else -1,
            quantity,
            round(offer.price * NANOS),
            offer.size,
            left,
            duration_ns(age, "age"),
            _queue_position(queue_position, model),
            core_fill(model, ("",)),
            _stream(stream),
        )
    except FillError as error:
        error.model = fill_name(model)
        raise
    return executed, price / NANOS


def _stream(stream: tuple[int, int]) -> tuple[int, int]:
    match stream:
        case (parent, child):
            most = 2**64 - 1
            return whole("stream[0]", parent, least=0, most=most), whole(
                "stream[1]", child, least=0, most=most
            )
        case _:
            raise ParameterError(f"stream must be (parent, child), two whole numbers, got {shown(stream)}")


def _queue_position(given: float | None, model: FillModel) -> float:
    if given is not None:
        return number("queue_position", given, least=0, most=1)
    if not isinstance(model, QueueAware):
        return 0.5
    return number("queue_position", model.queue_position, least=0, most=1)
