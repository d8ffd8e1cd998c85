"""One snapshot: how the router splits a quantity over what the venues offer (MODEL section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sor import _core
from sor.errors import ParameterError
from sor.settings.params import Side, StaticRouter, _choice, _instance, _keep, _number, _whole
from sor.settings.times import INT64_MAX
from sor.tape.venues import NANOS


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What one venue offers at a snapshot.

    Args:
        price: The price to take, in currency.
        size: Shares available.
        taker_fee: Per share taken, in currency.
        maker_rebate: Per share made, in currency.

    """

    price: float
    size: int
    taker_fee: float = 0.0030
    maker_rebate: float = 0.0020

    def __post_init__(self) -> None:
        _keep(
            self,
            price=_number("price", self.price, least=1e-9, most=4e9),
            size=_whole("size", self.size, least=0),
            taker_fee=_number("taker_fee", self.taker_fee, least=-1e6, most=1e6),
            maker_rebate=_number("maker_rebate", self.maker_rebate, least=-1e6, most=1e6),
        )


@dataclass(frozen=True)
class Allocation:
    """A split and its cost (MODEL A1), in currency; the parts sum to the cost.

    Attributes:
        split: Shares for each offer, in the order given.
        cost: `cash + fees - rebates + under + over`.
        cash: Paid against the benchmark.
        fees: Taker fees.
        rebates: Maker rebates on shares sent and not executed.
        under: Penalty for shares not executed.
        over: Penalty for shares executed beyond the quantity.
        cost_nanos: The cost exactly, in nanos.

    """

    split: tuple[int, ...]
    cost: float
    cash: float
    fees: float
    rebates: float
    under: float
    over: float
    cost_nanos: int


def allocate(
    quantity: int,
    offers: Sequence[Offer | tuple[float, int]],
    router: StaticRouter | None = None,
    *,
    lot: int = 100,
    side: Side = "buy",
    benchmark: float | None = None,
) -> Allocation | None:
    """Split a quantity over offers at least cost; among equals the lexicographically smallest (MODEL A3).

    Args:
        quantity: Shares.
        offers: One per venue, in ascending venue id: `Offer`s, or `(price, size)` with the default fees.
        router: The three parameters, rule and solver.
        lot: Shares in a lot.
        side: `"buy"` takes asks, `"sell"` takes bids.
        benchmark: Price that costs are measured against, in currency: the mid, where it is known. By
            default the best offer, which is what the mid is before the other side is seen (MODEL B6).
            `rule="strict"` measures against 0.

    Returns:
        The split and its cost, or None where `rule="strict"` admits no split.

    Raises:
        ParameterError: Naming the argument; also when `solver="exhaustive"` has too many candidates.

    """
    router = StaticRouter() if router is None else router
    _instance("router", router, StaticRouter)
    quantity, lot = _whole("quantity", quantity), _whole("lot", lot)
    _choice("side", side, Side)
    if router.plan != "displayed":
        raise ParameterError('allocate plans on displayed sizes; plan="fills" needs the fills of a replay')
    priced = _priced(offers)
    sign = 1 if side == "buy" else -1
    keys = [sign * round(offer.price * NANOS) for offer in priced]
    mid = 0
    if router.rule == "relaxed" and keys:
        mid = (
            sign * min(keys)
            if benchmark is None
            else round(_number("benchmark", benchmark, least=0, most=4e9) * NANOS)
        )
    base = mid if router.unit == "fraction" else NANOS
    penalties = (router.lambda_over, router.lambda_under, router.theta_queue)
    found = _core.allocate(
        quantity,
        lot,
        [
            (key, offer.size, round(offer.taker_fee * NANOS), round(offer.maker_rebate * NANOS))
            for key, offer in zip(keys, priced, strict=True)
        ],
        sign * mid,
        tuple(min(round(value * base), INT64_MAX) for value in penalties),
        router.rule,
        router.solver,
        router.max_candidates,
    )
    if found is None:
        return None
    split, parts = found
    cash, fees, rebates, under, over = (part / NANOS for part in parts)
    total = parts[0] + parts[1] - parts[2] + parts[3] + parts[4]
    return Allocation(
        split=tuple(split),
        cost=total / NANOS,
        cash=cash,
        fees=fees,
        rebates=rebates,
        under=under,
        over=over,
        cost_nanos=total,
    )


def _priced(offers: Sequence[Offer | tuple[float, int]]) -> list[Offer]:
    if not isinstance(offers, Sequence) or isinstance(offers, str):
        raise ParameterError(f"offers must be a sequence of sor.Offer or (price, size), got {offers!r}")
    priced = []
    for i, offer in enumerate(offers):
        match offer:
            case Offer():
                priced.append(offer)
            case (price, size):
                try:
                    priced.append(Offer(price=price, size=size))
                except ParameterError as error:
                    raise ParameterError(f"offers[{i}]: {error}") from None
            case _:
                raise ParameterError(f"offers[{i}] must be a sor.Offer or (price, size), got {offer!r}")
    return priced
