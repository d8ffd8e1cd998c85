"""What a user sets: frozen parameter classes, checked when they are made.

Every class is immutable, so a result can carry the settings it was made under. Money is in the quote currency
(floats here; the core turns it into nanos once, MODEL N1), sizes are whole shares.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from datetime import date, datetime, timedelta
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from sor.errors import ParameterError
from sor.settings.times import duration_ns, to_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

Time: TypeAlias = datetime | date | str | int
"""A moment: datetime (without a zone: UTC), ISO 8601 string, or integer nanoseconds since the epoch."""
Duration: TypeAlias = timedelta | str | int
"""A span: timedelta, a string such as ``"5m"`` or ``"250ms"``, or integer nanoseconds."""

Side: TypeAlias = Literal["buy", "sell"]
Unit: TypeAlias = Literal["fraction", "price"]
Rule: TypeAlias = Literal["relaxed", "strict"]
Solver: TypeAlias = Literal["exact", "exhaustive"]
Plan: TypeAlias = Literal["displayed", "fills"]
Snapshot: TypeAlias = Literal["last", "each", "first"]
Depletion: TypeAlias = Literal["refresh", "persistent", "none"]
Limit: TypeAlias = Literal["seen", "none"]
Mode: TypeAlias = Literal["expected", "sampled"]
Queue: TypeAlias = Literal["pessimistic", "expected", "optimistic"]

_MOST_SHARES = 10**15


def _number(name: str, value: object, *, least: float = -math.inf, most: float = math.inf) -> float:
    """Return `value` as a finite float within bounds, or say what would be right."""
    # NumPy's scalars are Real and Integral; its bool, like Python's, is no number here.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ParameterError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond every float
        number = math.inf
    if not (math.isfinite(number) and least <= number <= most):
        bounds = [f"at least {least:g}"] * (least > -math.inf) + [f"at most {most:g}"] * (most < math.inf)
        raise ParameterError(
            f"{name} must be a finite number {' and '.join(bounds)}".rstrip() + f", got {value!r}"
        )
    return number


def _whole(name: str, value: object, *, least: int = 1, most: int = _MOST_SHARES) -> int:
    whole = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else least - 1
    if not least <= whole <= most:
        raise ParameterError(f"{name} must be a whole number from {least:,} to {most:,}, got {value!r}")
    return whole


def _positive(name: str, value: Duration) -> int:
    nanos = duration_ns(value, name)
    if nanos <= 0:
        raise ParameterError(f"{name} must be positive, got {value!r}")
    return nanos


def _choice(name: str, value: object, choices: object) -> None:
    allowed = get_args(choices)
    if not isinstance(value, str) or value not in allowed:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def _instance(name: str, value: object, *classes: type) -> None:
    if not isinstance(value, classes):
        names = " or ".join(f"sor.{each.__name__}" for each in classes)
        raise ParameterError(f"{name} must be a {names}, got {value!r}")


def _keep(settings: object, **values: object) -> None:
    """Store checked values in a frozen instance as Python's own numbers, whatever they came as."""
    for name, value in values.items():
        object.__setattr__(settings, name, value)


@dataclass(frozen=True)
class Order:
    """A parent order (MODEL P2).

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
        _choice("side", self.side, Side)
        _keep(self, quantity=_whole("quantity", self.quantity), lot=_whole("lot", self.lot))
        if self.start is not None:
            to_ns(self.start, "start")
        if self.horizon is not None:
            _positive("horizon", self.horizon)


@dataclass(frozen=True)
class Venue:
    """The terms of one venue.

    Args:
        id: The venue on the tape: its publisher id or its name.
        name: A name to show instead.
        taker_fee: Per share taken, in currency; negative where the venue pays takers.
        maker_rebate: Per share made, in currency.
        latency: From a decision to its arrival (MODEL F5).
        queue_position: 0 (front) to 1 (back), instead of the fill model's (MODEL F2).

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    id: int | str
    _: KW_ONLY
    name: str | None = None
    taker_fee: float = 0.0030
    maker_rebate: float = 0.0020
    latency: Duration = 0
    queue_position: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str):
            _keep(self, id=_whole("id (a publisher id, else a name)", self.id, least=0, most=65_535))
        if self.name is not None and not isinstance(self.name, str):
            raise ParameterError(f"name must be text, got {self.name!r}")
        for name in ("taker_fee", "maker_rebate"):
            _keep(self, **{name: _number(name, getattr(self, name), least=-1e6, most=1e6)})
        if duration_ns(self.latency, "latency") < 0:
            raise ParameterError(f"latency must not be negative, got {self.latency!r}")
        if self.queue_position is not None:
            _keep(self, queue_position=_number("queue_position", self.queue_position, least=0, most=1))


@dataclass(frozen=True, kw_only=True)
class StaticRouter:
    """Cont & Kukanov's cost with three risk parameters, minimised at every snapshot (MODEL section 3).

    Args:
        lambda_over: Penalty per share executed beyond the target.
        lambda_under: Penalty per share of the target not executed.
        theta_queue: Queue-risk penalty per share of either.
        unit: Of the three: `"fraction"` of the benchmark price (0.0005 is 5 bps), or `"price"`, currency per
            share (MODEL N3).
        rule: `"relaxed"`: send at most what is left, prices against the mid. `"strict"`: exactly what is left
            or nothing, the public pseudocode to the letter (MODEL A2).
        solver: `"exact"` or `"exhaustive"`; they give the same split (MODEL A4).
        max_candidates: More candidates than this in `"exhaustive"` is an error.
        plan: `"displayed"`: plan on certain fills. `"fills"`: plan with the fill model (MODEL F4).
        overbook: With `plan="fills"`, send at most this multiple of what is left.

    With certain fills only `lambda_under + theta_queue` matters; under `"strict"` nothing does (MODEL A5).

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    lambda_over: float = 0.001
    lambda_under: float = 0.001
    theta_queue: float = 0.0001
    unit: Unit = "fraction"
    rule: Rule = "relaxed"
    solver: Solver = "exact"
    max_candidates: int = 10_000_000
    plan: Plan = "displayed"
    overbook: float = 1.0

    def __post_init__(self) -> None:
        for name in ("lambda_over", "lambda_under", "theta_queue"):
            _keep(self, **{name: _number(name, getattr(self, name), least=0, most=1e6)})
        _choice("unit", self.unit, Unit)
        _choice("rule", self.rule, Rule)
        _choice("solver", self.solver, Solver)
        _choice("plan", self.plan, Plan)
        _keep(
            self,
            max_candidates=_whole("max_candidates", self.max_candidates),
            overbook=_number("overbook", self.overbook, least=1, most=100),
        )
        if self.plan == "fills" and self.rule == "strict":
            raise ParameterError('plan="fills" needs rule="relaxed": strict splits sum to the quantity')
        if self.overbook > 1 and self.plan == "displayed":
            raise ParameterError('overbook > 1 needs plan="fills": certain fills are never overbooked')


@dataclass(frozen=True, kw_only=True)
class ContKukanovRouter:
    """The paper's router: market and limit orders, decided anew in every epoch (MODEL section 6).

    At the start of an epoch it solves Cont & Kukanov's problem (`sor.cont_kukanov.solve`) for the shares left,
    on scenarios that probe orders would have met in past windows of the tape (`sor.probe_outflows`). It sweeps
    the market order `M` over the displayed offers, now and, what they do not hold, at the epoch's later
    snapshots; it rests `L_k` at venue `k`'s own-side best quote, behind the queue there, until the epoch ends.
    Limit orders only add liquidity, and stay when the parent is filled: what they buy too much is unwound at
    the parent's end and charged.

    `h` and `f` are those of the visible book at the decision, from the best own-side quote and the best offer, for
    every venue and any `M`; `r_k` is the venue's rebate less `adverse_selection`. An order's last epoch is cut at its
    end, its windows are not: best take a horizon of whole epochs.
    A venue where a fill would gain nothing (assumption A1) gets no order; penalties below their bounds (A2, A3)
    are raised to them. Before the first window has ended, and where there is nothing to take or to join, all
    is taken.

    Args:
        lambda_over: Cost per share bought beyond the order.
        lambda_under: The *full* cost per share not bought by the end of the epoch.
        theta_queue: Impact per share submitted.
        unit: Of the three: `"fraction"` of the mid, or `"price"`, currency per share (MODEL N3).
        adverse_selection: What a passive fill loses afterwards, currency per share; see `Backtest.markouts`.
        epoch: Length of an epoch, and of the windows.
        window_every: From the start of one window to the next; the epoch by default, so that none overlap.
        scenarios: At most so many windows, the latest that have ended.
        queue: How queues are simulated, ours and the probes': which part of a decrease that no trade
            explains stood ahead, none (`"pessimistic"`), its share (`"expected"`) or all (`"optimistic"`). Without
            trades any decrease may be one: none is, half of each, or all (MODEL C10; `docs/posting.md`).

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    lambda_over: float = 0.0005
    lambda_under: float = 0.0005
    theta_queue: float = 0.0
    unit: Unit = "fraction"
    adverse_selection: float = 0.0
    epoch: Duration = "60s"
    window_every: Duration | None = None
    scenarios: int = 200
    queue: Queue = "expected"

    def __post_init__(self) -> None:
        for name in ("lambda_over", "lambda_under", "theta_queue"):
            _keep(self, **{name: _number(name, getattr(self, name), least=0, most=1e6)})
        _choice("unit", self.unit, Unit)
        _choice("queue", self.queue, Queue)
        _keep(
            self,
            adverse_selection=_number("adverse_selection", self.adverse_selection, least=-1e6, most=1e6),
            scenarios=_whole("scenarios", self.scenarios, most=100_000),
        )
        _positive("epoch", self.epoch)
        if self.window_every is not None:
            _positive("window_every", self.window_every)


Router: TypeAlias = StaticRouter | ContKukanovRouter
ROUTERS = (StaticRouter, ContKukanovRouter)


@dataclass(frozen=True, kw_only=True)
class Book:
    """How the consolidated book is seen and used up (MODEL section 2, P2).

    Args:
        snapshot: `"last"`: one snapshot per event time. `"each"`: one per record. `"first"`: only the first
            record of each time and venue exists (MODEL B4).
        depletion: Own fills stay taken until the quote changes (`"refresh"`), until its price changes
            (`"persistent"`), or not at all (`"none"`) (MODEL B5).
        collar: Quotes further than this fraction through the mid are stubs no policy sees; None sees all
            (MODEL B7).
        max_quote_age: Quotes older than this are hidden; None hides none (MODEL B3).
        tick: Price step of the completion walk, in currency (MODEL P2).

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    snapshot: Snapshot = "last"
    depletion: Depletion = "refresh"
    collar: float | None = 0.01
    max_quote_age: Duration | None = None
    tick: float = 0.01

    def __post_init__(self) -> None:
        _choice("snapshot", self.snapshot, Snapshot)
        _choice("depletion", self.depletion, Depletion)
        if self.collar is not None:
            _keep(self, collar=_number("collar", self.collar, least=0, most=1e6))
        if self.max_quote_age is not None and duration_ns(self.max_quote_age, "max_quote_age") < 0:
            raise ParameterError(f"max_quote_age must not be negative, got {self.max_quote_age!r}")
        _keep(self, tick=_number("tick", self.tick, least=1e-9, most=1e6))


@dataclass(frozen=True, kw_only=True)
class Displayed:
    """A child takes what is available at the quoted price (MODEL F1)."""


@dataclass(frozen=True, kw_only=True)
class QueueAware:
    """A child gets a share of what is available, at a slipped price (MODEL F2, F3).

    `fill_prob = max_fill * (1 - queue_position) * exp(-age / decay)`; executed shares are the available
    ones times it, rounded half to even; the price moves against us by `impact * x / displayed`, a fraction
    of price.

    Args:
        queue_position: 0 (front) to 1 (back): one value, or by venue id; a `queue_position` column of the
            tape and a `Venue`'s own value come before it, in this order.
        max_fill: Fill probability at the front, in [0, 1].
        impact: Slippage of a child as large as the displayed size, a fraction of price.
        decay: Time constant of the age of the venue's last record; None: quotes do not age.
        mode: `"expected"`, or `"sampled"` from the binomial.
        seed: Of the sampled stream.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    queue_position: float | dict[int | str, float] = 0.5
    max_fill: float = 0.9
    impact: float = 0.0005
    decay: Duration | None = None
    mode: Mode = "expected"
    seed: int = 0

    def __post_init__(self) -> None:
        position = self.queue_position
        if isinstance(position, dict):
            checked: object = {
                venue: _number(f"queue_position[{venue!r}]", value, least=0, most=1)
                for venue, value in position.items()
            }
        else:
            checked = _number("queue_position", position, least=0, most=1)
        _keep(
            self,
            queue_position=checked,
            max_fill=_number("max_fill", self.max_fill, least=0, most=1),
            impact=_number("impact", self.impact, least=0, most=1),
            seed=_whole("seed", self.seed, least=0, most=2**64 - 1),
        )
        if self.decay is not None:
            _positive("decay", self.decay)
        _choice("mode", self.mode, Mode)


FillModel: TypeAlias = Displayed | QueueAware

Orders: TypeAlias = "Order | Sequence[Order] | OrderSchedule"


@dataclass(frozen=True, kw_only=True)
class OrderSchedule:
    """One order every so often over a whole tape; made by `orders_every`."""

    every: Duration
    side: Side
    quantity: int
    horizon: Duration
    lot: int = 100

    def __post_init__(self) -> None:
        _positive("every", self.every)
        order = Order(self.side, self.quantity, horizon=self.horizon, lot=self.lot)
        _keep(self, quantity=order.quantity, lot=order.lot)


def orders_every(
    every: Duration, *, side: Side, quantity: int, horizon: Duration, lot: int = 100
) -> OrderSchedule:
    """One order every `every`, from the start of the tape, as long as its horizon fits.

    Args:
        every: From one start to the next.
        side: `"buy"` or `"sell"`.
        quantity: Shares of each.
        horizon: Of each.
        lot: Shares in a lot.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """
    return OrderSchedule(every=every, side=side, quantity=quantity, horizon=horizon, lot=lot)
