"""One snapshot, or many: how the router splits a quantity over what the venues offer (section 3 of the model)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from sor import _core
from sor.errors import ParameterError, shown
from sor.settings.checks import array, choice, instance, keep, number, whole
from sor.settings.orders import Side
from sor.settings.routers import StaticRouter
from sor.settings.run import Run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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
        keep(
            self,
            price=number("price", self.price, least=1e-9, most=4e9),
            size=whole("size", self.size, least=0),
            taker_fee=number("taker_fee", self.taker_fee, least=-1e6, most=1e6),
            maker_rebate=number("maker_rebate", self.maker_rebate, least=-1e6, most=1e6),
        )


class Allocation(NamedTuple):
    """A split and its cost (rule A1), in currency; the parts sum to the cost.

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


class Allocations(NamedTuple):
    """The splits of many books, and what they cost.

    Attributes:
        splits: Shares, one row per book and one column per venue.
        costs: The cost of each (rule A1), in currency; NaN where `rule="strict"` admits no split.

    """

    splits: NDArray[np.int64]
    costs: NDArray[np.float64]


Quoted: TypeAlias = "Offer | tuple[float, int] | tuple[float, int, float, float]"
_DEFAULT = StaticRouter()


def allocate(
    quantity: int,
    offers: Sequence[Quoted],
    router: StaticRouter | None = None,
    *,
    lot: int = 100,
    side: Side = "buy",
    benchmark: float | None = None,
) -> Allocation | None:
    """Split a quantity over offers at least cost; among equals the lexicographically smallest (rule A3).

    Args:
        quantity: Shares.
        offers: One per venue, in ascending venue id: `Offer`s, `(price, size)` with the default fees, or
            `(price, size, taker_fee, maker_rebate)`. A list of tuples of floats and ints is read fastest.
        router: The three parameters, rule and solver.
        lot: Shares in a lot.
        side: `"buy"` takes asks, `"sell"` takes bids.
        benchmark: Price that costs are measured against, in currency: the mid, where it is known. By
            default the best offer of any shares, which is what the mid is before the other side is seen
            (rule B6). `rule="strict"` measures against 0.

    Returns:
        The split and its cost, or None where `rule="strict"` admits no split.

    Raises:
        ParameterError: Naming the argument; also when `solver="exhaustive"` has too many candidates.

    See Also:
        allocate_many: The same for arrays of books, on threads.

    """
    if router is None:
        router = _DEFAULT
    elif type(router) is not StaticRouter or router.plan != "displayed":
        _on_displayed(router)
    found = _core.allocate_offers(quantity, offers, router, lot, side, benchmark)
    if found is NotImplemented:
        # Not all plain numbers within their bounds: made so, or refused.
        choice("side", side, Side)
        quantity, lot = whole("quantity", quantity), whole("lot", lot)
        if benchmark is not None:
            benchmark = number("benchmark", benchmark, least=0, most=4e9)
        plain: Side = "buy" if side == "buy" else "sell"
        found = _core.allocate_offers(quantity, _priced(offers), router, lot, plain, benchmark)
    return None if found is None else tuple.__new__(Allocation, found)


def allocate_many(
    quantities: ArrayLike,
    prices: ArrayLike,
    sizes: ArrayLike,
    fees: ArrayLike = 0.0030,
    *,
    rebates: ArrayLike = 0.0020,
    router: StaticRouter | None = None,
    lot: int = 100,
    side: Side = "buy",
    benchmark: ArrayLike | None = None,
    threads: int | None = None,
) -> Allocations:
    """Split one quantity a book over many books, each as `allocate` does, on threads.

    Args:
        quantities: Shares: one number, or one for each book.
        prices: Prices to take, in currency, one row per book and one column per venue in ascending venue id. NaN,
            or not above 0: no quote.
        sizes: Shares available, in the shape of `prices`, whole numbers. NaN or 0: no quote.
        fees: Taker fees per share, in currency: one number, one for each venue, or one for each book and venue.
        rebates: Maker rebates likewise. Certain fills earn none, so they change nothing here.
        router: The three parameters, rule and solver.
        lot: Shares in a lot.
        side: `"buy"` takes asks, `"sell"` takes bids.
        benchmark: Prices that costs are measured against: one number, or one for each book; by default each
            book's best price. `rule="strict"` measures against 0.
        threads: Worker threads; as many as there are cores by default. The result does not depend on it.

    Returns:
        The splits and their costs, as arrays.

    Raises:
        ParameterError: Naming the argument, and the book and venue of what is wrong with it.

    Example:
        >>> found = sor.allocate_many([300, 500], [[10.01, 10.00], [10.01, 10.02]], [[500, 200], [500, 200]])
        >>> found.splits.tolist()
        [[0, 200], [500, 0]]

    """
    router = _DEFAULT if router is None else router
    _on_displayed(router)
    choice("side", side, Side)
    priced = _floats("prices", prices)
    if priced.ndim != 2 or priced.shape[1] == 0:
        raise ParameterError(
            f"prices must have one row per book and one column per venue, got shape {priced.shape}"
        )
    available = _sizes(sizes, priced.shape)
    if not (np.abs(_by_venue("rebates", rebates, priced.shape)) <= 1e6).all():
        raise ParameterError("rebates must be finite numbers from -1e6 to 1e6")
    splits, costs = _core.allocate_books(
        _by_book("quantities", _wholes(quantities), len(priced)),
        priced,
        available,
        _by_venue("fees", fees, priced.shape),
        None if benchmark is None else _by_book("benchmark", _floats("benchmark", benchmark), len(priced)),
        router,
        whole("lot", lot),
        1 if side == "buy" else -1,
        Run(threads=threads).workers,
    )
    return Allocations(splits, costs)


def _on_displayed(router: StaticRouter) -> None:
    instance("router", router, StaticRouter)
    if router.plan != "displayed":
        raise ParameterError('allocate plans on displayed sizes; plan="fills" needs the fills of a replay')


def _priced(offers: Sequence[Quoted]) -> list[tuple[float, int, float, float]]:
    if not isinstance(offers, Sequence) or isinstance(offers, str):
        raise ParameterError(f"offers must be a sequence of sor.Offer or (price, size), got {shown(offers)}")
    return [
        (each.price, each.size, each.taker_fee, each.maker_rebate)
        for each in (_offer(f"offers[{i}]", offer) for i, offer in enumerate(offers))
    ]


def _offer(name: str, offer: Any) -> Offer:
    try:
        match offer:
            case Offer():
                return offer
            case (price, size):
                return Offer(price=price, size=size)
            case (price, size, taker_fee, maker_rebate):
                return Offer(price=price, size=size, taker_fee=taker_fee, maker_rebate=maker_rebate)
    except ParameterError as error:
        raise ParameterError(f"{name}: {error}") from None
    raise ParameterError(f"{name} must be a sor.Offer or (price, size), got {shown(offer)}")


def _floats(name: str, values: object) -> NDArray[np.float64]:
    return np.asarray(array(name, values), dtype=np.float64, order="C")


def _wholes(values: object) -> NDArray[np.int64]:
    found = array("quantities", values, "whole numbers")
    if found.dtype.kind == "f":
        raise ParameterError(f"quantities must be whole numbers, got {found.dtype}")
    if found.dtype == np.uint64:  # what 64 bits do not hold is beyond the bound as well
        found = np.minimum(found, np.uint64(np.iinfo(np.int64).max))
    return np.ascontiguousarray(found, dtype=np.int64)


def _sizes(values: object, shape: tuple[int, ...]) -> NDArray[np.int64] | NDArray[np.float64]:
    found = array("sizes", values, "whole numbers")
    if found.shape != shape:
        raise ParameterError(f"sizes must have the shape of prices, {shape}, got {found.shape}")
    if found.dtype.kind == "f" or found.dtype == np.uint64:
        return np.ascontiguousarray(found, dtype=np.float64)
    return np.ascontiguousarray(found, dtype=np.int64)


def _by_book(name: str, values: NDArray[Any], books: int) -> NDArray[Any]:
    """One number for all books, or one for each."""
    if values.ndim > 1 or values.size not in (1, books):
        raise ParameterError(
            f"{name} must be one number or one for each of {books} books, got shape {values.shape}"
        )
    return np.atleast_1d(values)


def _by_venue(name: str, values: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """One number for each venue, or for each book and venue, row by row."""
    found = _floats(name, values)
    if found.shape not in ((), shape[1:], shape):
        raise ParameterError(
            f"{name} must be one number, one for each of {shape[1]} venues, or in the shape of prices, {shape}, "
            f"got shape {found.shape}"
        )
    return np.full(shape[1], found) if found.ndim == 0 else found.reshape(-1)
