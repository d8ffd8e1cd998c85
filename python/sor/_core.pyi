from collections.abc import Callable, Mapping, Sequence
from types import NotImplementedType
from typing import Any, Final, Protocol, Self, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BUILD",
    "DEPLETIONS",
    "KINDS",
    "LIMITS",
    "PLANS",
    "POLICIES",
    "QUEUES",
    "REASONS",
    "RELEASE",
    "RULES",
    "SNAPSHOTS",
    "SOLVERS",
    "STATUSES",
    "UNITS",
    "FillChild",
    "FillQuote",
    "Index",
    "Orders",
    "ParentOrder",
    "Past",
    "Report",
    "RestingOrder",
    "View",
    "__version__",
    "allocate",
    "allocate_books",
    "allocate_offers",
    "book_at",
    "ck_bound",
    "ck_check",
    "ck_conditions",
    "ck_cost",
    "ck_market_order",
    "ck_one_venue",
    "ck_paper",
    "ck_quantile_level",
    "ck_solve",
    "count_states",
    "execute",
    "hindsight",
    "probe",
    "replay",
    "take_records",
    "trajectory",
]

BUILD: Final[str]
RELEASE: Final[bool]
__version__: Final[str]
DEPLETIONS: Final[tuple[str, ...]]
KINDS: Final[tuple[str, ...]]
LIMITS: Final[tuple[str, ...]]
PLANS: Final[tuple[str, ...]]
POLICIES: Final[tuple[str, ...]]
QUEUES: Final[tuple[str, ...]]
REASONS: Final[tuple[str, ...]]
RULES: Final[tuple[str, ...]]
SNAPSHOTS: Final[tuple[str, ...]]
SOLVERS: Final[tuple[str, ...]]
STATUSES: Final[tuple[str, ...]]
UNITS: Final[tuple[str, ...]]

class _RouterSettings(Protocol):
    @property
    def lambda_over(self) -> float: ...
    @property
    def lambda_under(self) -> float: ...
    @property
    def theta_queue(self) -> float: ...
    @property
    def unit(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def solver(self) -> str: ...
    @property
    def max_candidates(self) -> int: ...

class _Resolved(Protocol):
    @property
    def h(self) -> float: ...
    @property
    def f(self) -> float: ...
    @property
    def r(self) -> Sequence[float]: ...
    @property
    def theta(self) -> float: ...
    @property
    def lambda_under(self) -> float: ...
    @property
    def lambda_over(self) -> float: ...
    @property
    def quantity(self) -> float: ...
    @property
    def queue(self) -> Sequence[float]: ...

class _Cost(TypedDict):
    mean: float
    market: float
    limit: float
    impact: float
    under: float
    over: float
    fills: list[float]
    shortfall: float
    excess: float
    probability_under: float
    probability_over: float
    derivatives: list[tuple[float, float]]

class _Conditions(TypedDict):
    beta: float
    probability_under: float
    probability_at_most: float
    quantile_residual: float
    slopes: list[tuple[float, float]]
    slope_residual: float

class _Bound(TypedDict):
    value: float
    relaxed: float
    market: float
    limits: list[float]
    cuts: int

class _States(TypedDict):
    bid: tuple[NDArray[np.int64], NDArray[np.bool_]]
    ask: tuple[NDArray[np.int64], NDArray[np.bool_]]
    mid: tuple[NDArray[np.int64], NDArray[np.bool_]]
    bid_displayed: NDArray[np.int64]
    ask_displayed: NDArray[np.int64]

@final
class ParentOrder:
    """The parent order a policy works. Times in nanoseconds since the epoch."""

    @property
    def side(self) -> str: ...
    @property
    def sign(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def lot(self) -> int: ...
    @property
    def venues(self) -> tuple[str, ...]: ...

@final
class Past:
    """What is known of the tape when an order starts."""

    @property
    def since(self) -> int: ...

@final
class RestingOrder:
    """One of the policy's limit orders at its venue."""

    @property
    def order(self) -> int: ...
    @property
    def venue(self) -> int: ...
    @property
    def price(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def ahead(self) -> int | None: ...
    @property
    def decided(self) -> int: ...
    @property
    def until(self) -> int: ...

@final
class Report:
    """What became of an order: shares executed, or its end."""

    @property
    def order(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def venue(self) -> int: ...
    @property
    def ts(self) -> int: ...
    @property
    def executed(self) -> int: ...
    @property
    def price(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def returned(self) -> int: ...

@final
class Index:
    """What replays have found out of a tape of so many records, for the next ones; kept beside its columns."""

    def __new__(cls, records: int, blocks: tuple[int, int] | None = None) -> Self: ...
    @property
    def known(self) -> int: ...
    def __getnewargs__(self) -> tuple[int, tuple[int, int] | None]: ...

@final
class View:
    """The market and the order at one decision: arrays by venue, and whole numbers."""

    @property
    def now(self) -> int: ...
    @property
    def released(self) -> int: ...
    @property
    def remaining(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def mid(self) -> int: ...
    @property
    def side(self) -> str: ...
    @property
    def sign(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def order(self) -> ParentOrder: ...
    @property
    def venues(self) -> tuple[str, ...]: ...
    @property
    def price(self) -> NDArray[np.int64]: ...
    @property
    def displayed(self) -> NDArray[np.int64]: ...
    @property
    def available(self) -> NDArray[np.int64]: ...
    @property
    def own_price(self) -> NDArray[np.int64]: ...
    @property
    def own_displayed(self) -> NDArray[np.int64]: ...
    @property
    def joinable(self) -> NDArray[np.bool_]: ...
    @property
    def age(self) -> NDArray[np.int64]: ...
    @property
    def taker_fee(self) -> NDArray[np.int64]: ...
    @property
    def maker_rebate(self) -> NDArray[np.int64]: ...
    @property
    def latency(self) -> NDArray[np.int64]: ...
    @property
    def resting(self) -> tuple[RestingOrder, ...]: ...
    @property
    def reports(self) -> tuple[Report, ...]: ...

@final
class Orders:
    """Collects the orders of one decision."""

    def take(self, venue: int | str, quantity: int, limit: int | None = None) -> int: ...
    def post(
        self, venue: int | str, quantity: int, price: int | None = None, until: int | None = None
    ) -> int: ...
    def cancel(self, order: int) -> None: ...
    def wake(self, at: int) -> None: ...
    def stops_at(self, threshold: int) -> None: ...

def allocate(
    quantity: int,
    lot: int,
    offers: Sequence[tuple[int, int, int, int]],
    benchmark: int,
    penalties: tuple[int, ...],
    rule: str,
    solver: str,
    max_candidates: int,
) -> tuple[list[int], tuple[int, int, int, int, int]] | None: ...
def allocate_offers(
    quantity: object, offers: object, router: _RouterSettings, lot: object, side: object, benchmark: object
) -> tuple[Any, ...] | NotImplementedType | None: ...
def allocate_books(
    quantities: NDArray[np.int64],
    prices: NDArray[np.float64],
    sizes: NDArray[np.int64] | NDArray[np.float64],
    fees: NDArray[np.float64],
    benchmarks: NDArray[np.float64] | None,
    router: _RouterSettings,
    lot: int,
    sign: int,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
def ck_check(resolved: _Resolved) -> None: ...
def ck_cost(
    resolved: _Resolved, outflows: NDArray[np.float64], orders: tuple[float, Sequence[float]]
) -> _Cost: ...
def ck_conditions(
    resolved: _Resolved,
    outflows: NDArray[np.float64],
    orders: tuple[float, Sequence[float]],
    lot: float | None,
) -> _Conditions: ...
def ck_solve(
    resolved: _Resolved, outflows: NDArray[np.float64], lot: float | None
) -> tuple[float, list[float], list[float]]: ...
def ck_paper(resolved: _Resolved, outflows: NDArray[np.float64]) -> tuple[float, list[float]]: ...
def ck_bound(
    resolved: _Resolved, outflows: NDArray[np.float64], start: tuple[float, Sequence[float]]
) -> _Bound: ...
def ck_market_order(resolved: _Resolved, outflows: NDArray[np.float64], limits: Sequence[float]) -> float: ...
def ck_quantile_level(resolved: _Resolved) -> float: ...
def ck_one_venue(resolved: _Resolved, outflow: float) -> list[float]: ...
def take_records(
    room: Mapping[str, NDArray[Any]],
    at: int,
    sequence: int,
    batch: Mapping[str, NDArray[Any]],
    times: tuple[int, int],
    scale: float,
) -> tuple[int, int] | None: ...
def count_states(
    tape: Mapping[str, NDArray[Any]], venues: int, snapshot: str, collar: tuple[float, int]
) -> tuple[int, int, int, int]: ...

@final
class FillChild:
    """The child that a fill model is asked about. Times in nanoseconds since the epoch."""

    @property
    def side(self) -> str: ...
    @property
    def sign(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def now(self) -> int: ...

@final
class FillQuote:
    """The quote that it meets. The price in nanos, sizes in shares, the age in nanoseconds."""

    @property
    def venue(self) -> str: ...
    @property
    def price(self) -> int: ...
    @property
    def displayed(self) -> int: ...
    @property
    def available(self) -> int: ...
    @property
    def age(self) -> int: ...
    @property
    def queue_position(self) -> float: ...

def execute(
    sign: int,
    quantity: int,
    price: int,
    displayed: int,
    available: int,
    age: int,
    queue_position: float,
    fill: Mapping[str, Any] | None,
    stream: tuple[int, int],
) -> tuple[int, int]: ...
def hindsight(
    tape: Mapping[str, Any],
    parents: Sequence[tuple[int, int, int, int, int, int]],
    variant: Mapping[str, Any],
    threads: int,
) -> list[int | None]: ...
def book_at(
    tape: Mapping[str, Any],
    venues: int,
    snapshot: str,
    collar: tuple[float, int],
    max_quote_age: int | None,
    times: NDArray[np.int64],
) -> _States: ...
def probe(
    tape: Mapping[str, Any],
    venues: int,
    sign: int,
    quantity: int,
    windows: tuple[int, int],
    queue: str,
    snapshot: str,
    collar: tuple[float, int],
    max_quote_age: int | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def replay(
    tape: Mapping[str, Any],
    parents: Sequence[tuple[int, int, int, int, int, int]],
    variants: Sequence[Mapping[str, Any]],
    *,
    record: bool,
    threads: int,
    progress: Callable[[int, int], object] | None = None,
    shortcuts: bool = True,
) -> dict[str, dict[str, Any]]: ...
def trajectory(
    terms: tuple[float, float, float, float, int, int], times: Sequence[int], horizon: int
) -> tuple[float, NDArray[np.float64]]: ...
