"""Policies as objects, and the one registry of their names.

A policy says how an order is worked. The routers have parameters; the others are what routers are compared with. A
name stands for the policy with its default settings, everywhere a policy is asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from sor.errors import ParameterError, shown
from sor.settings import policy as own
from sor.settings.checks import choice, entries, keep, number, positive, whole
from sor.settings.children import Children
from sor.settings.schedules import SCHEDULES, Schedule, Twap, as_schedule, is_schedule, schedule_name

if TYPE_CHECKING:
    from sor.settings.times import Duration

Unit: TypeAlias = Literal["fraction", "price"]
Rule: TypeAlias = Literal["relaxed", "strict"]
Solver: TypeAlias = Literal["exact", "exhaustive"]
Plan: TypeAlias = Literal["displayed", "fills"]
Queue: TypeAlias = own.Queue

AXES = ("lambda_over", "lambda_under", "theta_queue")
"""The three risk parameters, which a search varies."""


@dataclass(frozen=True, kw_only=True)
class StaticRouter:
    """Cont & Kukanov's cost with three risk parameters, minimised at every snapshot (section 3 of the model).

    Args:
        lambda_over: Penalty per share executed beyond the target.
        lambda_under: Penalty per share of the target not executed.
        theta_queue: Queue-risk penalty per share of either.
        unit: Of the three: `"fraction"` of the benchmark price (0.0005 is 5 bps), or `"price"`, currency per
            share (rule N3).
        rule: `"relaxed"`: send at most what is left, prices against the mid. `"strict"`: exactly what is left
            or nothing, the public pseudocode, unchanged (rule A2).
        solver: `"exact"` or `"exhaustive"`; they give the same split (rule A4).
        max_candidates: More candidates than this in `"exhaustive"` is an error.
        plan: `"displayed"`: plan on certain fills. `"fills"`: plan with the fill model (rule F4).
        overbook: With `plan="fills"`, send at most this multiple of what is left.

    With certain fills only `lambda_under + theta_queue` matters; under `"strict"` nothing does (rule A5).

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
            keep(self, **{name: number(name, getattr(self, name), least=0, most=1e6)})
        choice("unit", self.unit, Unit)
        choice("rule", self.rule, Rule)
        choice("solver", self.solver, Solver)
        choice("plan", self.plan, Plan)
        keep(
            self,
            max_candidates=whole("max_candidates", self.max_candidates),
            overbook=number("overbook", self.overbook, least=1, most=100),
        )
        if self.plan == "fills" and self.rule == "strict":
            raise ParameterError('plan="fills" needs rule="relaxed": strict splits sum to the quantity')
        if self.overbook > 1 and self.plan == "displayed":
            raise ParameterError('overbook > 1 needs plan="fills": certain fills are never overbooked')


@dataclass(frozen=True, kw_only=True)
class ContKukanovRouter:
    """The paper's router: market and limit orders, decided anew in every epoch (section 6 of the model).

    At the start of an epoch it solves Cont & Kukanov's problem (`sor.cont_kukanov.solve`) for the shares left,
    on scenarios that probe orders would have met in past windows of the tape (`sor.probe_outflows`). It sweeps
    the market order `M` over the displayed offers, now and any remainder at the epoch's later
    snapshots; it rests `L_k` at venue `k`'s own-side best quote, behind the queue there, until the epoch ends.
    Limit orders only add liquidity, and stay when the parent is filled: what they overfill is unwound at
    the parent's end and charged.

    `h` and `f` are those of the visible book at the decision, from the best own-side quote and the best offer, for
    every venue and any `M`; `r_k` is the venue's rebate less `adverse_selection`. An order's last epoch is cut at its
    end, its windows are not: best take a horizon of whole epochs.
    A venue where a fill would gain nothing (assumption A1) gets no order; penalties below their bounds (assumptions A2,
    A3) are raised to them. Before the first window has ended, and where there is nothing to take or to join, all
    is taken.

    Args:
        lambda_over: Cost per share bought beyond the order.
        lambda_under: The *full* cost per share not bought by the end of the epoch.
        theta_queue: Impact per share submitted.
        unit: Of the three: `"fraction"` of the mid, or `"price"`, currency per share (rule N3).
        adverse_selection: What a passive fill loses afterwards, currency per share; see `Backtest.markouts`.
        epoch: Length of an epoch, and of the windows.
        window_every: From the start of one window to the next; the epoch by default, so that none overlap.
        scenarios: At most this many windows, the latest that have ended.
        queue: How queues are simulated, ours and the probes': which part of a decrease that no trade
            explains stood ahead, none (`"pessimistic"`), its share (`"expected"`) or all (`"optimistic"`). Without
            trades any decrease may be one: none is, half of each, or all (rule C10; `docs/posting.md`).

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
            keep(self, **{name: number(name, getattr(self, name), least=0, most=1e6)})
        choice("unit", self.unit, Unit)
        choice("queue", self.queue, Queue)
        keep(
            self,
            adverse_selection=number("adverse_selection", self.adverse_selection, least=-1e6, most=1e6),
            scenarios=whole("scenarios", self.scenarios, most=100_000),
        )
        positive("epoch", self.epoch)
        if self.window_every is not None:
            positive("window_every", self.window_every)


@dataclass(frozen=True, kw_only=True)
class BestAsk:
    """At each decision, takes the one venue that shows the best price, up to what is available there (rule P3)."""

    rule: ClassVar[str] = (
        "best_ask takes the venue with the best displayed price, up to what is available there"
    )


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Takes every venue, cheapest all-in first (rule P3)."""

    rule: ClassVar[str] = "sweep takes every venue, cheapest all-in first"


@dataclass(frozen=True, kw_only=True)
class ProRata:
    """Splits what is left over the venues in proportion to their available sizes (rule P3)."""

    rule: ClassVar[str] = "pro_rata splits what is left in proportion to the available sizes"


@dataclass(frozen=True)
class Sliced:
    """A policy under a schedule: the schedule says how much by when, the policy where (rule W3).

    What remains for the policy is what is released, less what is executed and in flight. It acts at its own
    moments: a release waits for the next snapshot, or the next epoch of a `ContKukanovRouter`.

    Args:
        router: A policy, or its name.
        schedule: `Twap`, `Vwap`, `Pov`, `AlmgrenChriss`, `Timetable`, or a frame `ts, shares`.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    router: Policy | str
    schedule: Schedule

    def __post_init__(self) -> None:
        inner = as_policy("router", self.router)
        if isinstance(inner, Sliced):
            raise ParameterError(
                f"router must be a policy without a schedule of its own, got {shown(self.router)}"
            )
        keep(self, router=inner, schedule=as_schedule("schedule", self.schedule))

    @property
    def rule(self) -> str:
        """What it does, in a few words."""
        return f"{name_of(self)} works the shares that its schedule has released"


Router: TypeAlias = StaticRouter | ContKukanovRouter
Policy: TypeAlias = (
    StaticRouter | ContKukanovRouter | BestAsk | Sweep | ProRata | Children | Sliced | own.OwnPolicy
)
Policies: TypeAlias = "Iterable[Policy | str] | Mapping[str, Policy | str]"
"""Several policies: names, objects, or a mapping from the names to show to either."""

_CLASSES: Mapping[type, str] = {
    StaticRouter: "static",
    ContKukanovRouter: "cont_kukanov",
    BestAsk: "best_ask",
    Sweep: "sweep",
    ProRata: "pro_rata",
    Children: "children",
}

BASELINES = ("best_ask", "sweep", "twap", "pro_rata")
"""The policies a router is compared with by default (rule P3)."""

ROUTER = "router"
"""What the policy that is asked about is called in every result, where the caller gave it no name."""


def name_of(policy: Policy) -> str:
    """Return the registered name of a policy's class, or the class's own; a schedule's, where that is swept."""
    if not isinstance(policy, Sliced):
        return policy._title if isinstance(policy, own.OwnPolicy) else _CLASSES[type(policy)]
    name = schedule_name(policy.schedule)
    inner = unsliced(policy)
    return name if isinstance(inner, Sweep) else f"{name_of(inner)} under {name}"


def unsliced(policy: Policy) -> Policy:
    """Return the policy under a schedule, or the policy itself."""
    return as_policy("router", policy.router) if isinstance(policy, Sliced) else policy


def under(policy: Policy, schedule: Schedule | None) -> Policy:
    """Put a policy under a schedule, in the place of one that it had."""
    return policy if schedule is None else Sliced(unsliced(policy), schedule)


def schedule_of(policy: Policy) -> Schedule | None:
    """Return the schedule that a policy is under."""
    return policy.schedule if isinstance(policy, Sliced) else None


def kind_of(policy: Policy) -> str:
    """Return what a table of settings calls a policy: `class_of` finds its class by it."""
    inner = unsliced(policy)
    if isinstance(policy, Sliced) and isinstance(inner, Sweep):
        return schedule_name(policy.schedule)
    return own.spec_of(inner) if isinstance(inner, own.OwnPolicy) else name_of(inner)


def class_of(kind: object, label: str) -> type[Policy] | own.OwnPolicy:
    """Return the class of a registered name, or what `file.py:Name` names.

    Raises:
        ParameterError: If there is none; `label` says where.

    """
    if isinstance(kind, str) and kind in _CLASSES.values():
        return next(made for made, name in _CLASSES.items() if name == kind)
    if isinstance(kind, str) and ":" in kind:
        return own.load(kind)
    known = list(dict.fromkeys([*POLICIES, *SCHEDULES]))
    near = difflib.get_close_matches(kind, known, n=1) if isinstance(kind, str) else []
    raise ParameterError(
        f"{label}: kind must be one of {', '.join(known)}, or file.py:Name, got {shown(kind)}"
        + (f" (did you mean {near[0]}?)" if near else "")
    )


def described_policy(policy: Policy) -> dict[str, Any]:
    """Return a policy's `kind` and its settings."""
    return {"kind": kind_of(policy)} | settings_of(policy)


def settings_of(policy: Policy) -> dict[str, Any]:
    """Return a policy's settings by name; of one of the caller's own, the arguments it was made with.

    Under a schedule, that is the setting `schedule`; what is swept has the schedule's settings alone.
    """
    if isinstance(policy, own.OwnPolicy):
        return dict(policy.arguments)
    if isinstance(policy, Children):
        return policy.described()
    if isinstance(policy, Sliced):
        inner, schedule = unsliced(policy), policy.schedule
        terms = {each.name: getattr(schedule, each.name) for each in fields(schedule)}
        if isinstance(inner, Sweep):
            return terms
        return settings_of(inner) | {"schedule": {"kind": schedule_name(schedule), **terms}}
    return {each.name: getattr(policy, each.name) for each in fields(policy)}


def identity_of(policy: Policy) -> str:
    """Return what tells a policy's results from another's."""
    if isinstance(policy, Sliced):
        return f"{identity_of(unsliced(policy))} under {policy.schedule!r}"
    return policy.identity if isinstance(policy, own.OwnPolicy) else repr(policy)


def axes_of(policy: Policy) -> tuple[str, ...]:
    """Return the names of what a search may vary in a policy."""
    inner = unsliced(policy)
    return tuple(inner.arguments) if isinstance(inner, own.OwnPolicy) else AXES


def moved(policy: Policy, changes: Mapping[str, Any]) -> Policy:
    """Return a policy with some settings changed."""
    if isinstance(policy, Sliced):
        return Sliced(moved(unsliced(policy), changes), policy.schedule)
    return policy.replaced(**changes) if isinstance(policy, own.OwnPolicy) else replace(policy, **changes)


def as_policy(name: str, value: object) -> Policy:
    """Return a policy, looked up where a name is given.

    Raises:
        ParameterError: If it is neither; `name` says which argument.

    """
    if isinstance(value, Sliced) or type(value) in _CLASSES:
        return value  # type: ignore[return-value]  # one of the classes of Policy
    if is_schedule(value):
        return Sliced(Sweep(), value)  # type: ignore[arg-type]  # one of the classes of Schedule
    if isinstance(value, own.OwnPolicy):
        return own.checked(name, value)
    if isinstance(value, str) and value in POLICIES:
        return POLICIES[value]
    if isinstance(value, str) and ":" in value:
        return own.checked(name, own.made_of(own.load(value), {}))
    raise ParameterError(
        f"{name} must be a policy object or one of {', '.join(POLICIES)}, got {shown(value)}"
    )


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "static": StaticRouter(),
        "cont_kukanov": ContKukanovRouter(),
        "best_ask": BestAsk(),
        "sweep": Sweep(),
        "twap": Sliced(Sweep(), Twap()),
        "pro_rata": ProRata(),
    }
)
"""The registry: what each name stands for. A policy added here is known everywhere."""


def as_policies(name: str, values: object) -> dict[str, Policy]:
    """Return policies by the name each is shown under.

    Raises:
        ParameterError: If one is no policy, or two would have the same name; `name` says which argument.

    """
    if isinstance(values, Mapping):
        return {
            _shown(name, label): as_policy(f"{name}[{shown(label)}]", value)
            for label, value in values.items()
        }
    found: dict[str, Policy] = {}
    right = "a sequence of policies or names, or map names to policies"
    for i, value in enumerate(entries(name, values, right)):
        policy = as_policy(f"{name}[{i}]", value)
        label = name_of(policy)
        if label in found:
            raise ParameterError(
                f"{name}: {label} appears twice; map different names to them, got {shown(values)}"
            )
        found[label] = policy
    return found


def queue_name(queue: str) -> str:
    """Name the policy that is the router under another queue model."""
    return f"{ROUTER} ({queue})"


OWN = (ROUTER, *map(queue_name, get_args(Queue)))
"""The names of the router itself and of its other queue models."""


def with_baselines(router: Policy, against: object) -> dict[str, Policy]:
    """Return what stands beside a router in every study of it: its other queue models, and the baselines.

    Args:
        router: The policy that is asked about; called `router`.
        against: `Policies`. `BASELINES` beside a `ContKukanovRouter` holds the static router too.

    Raises:
        ParameterError: If `against` is wrong.

    """
    named: dict[str, Policy] = {ROUTER: router}
    inner = unsliced(router)
    if isinstance(inner, ContKukanovRouter):
        named |= {
            queue_name(queue): under(replace(inner, queue=queue), schedule_of(router))
            for queue in get_args(Queue)
            if queue != inner.queue
        }
        if against is BASELINES:
            against = ("static", *BASELINES)
    others = as_policies("against", against)
    taken = [name for name in others if name in named]
    if taken:
        raise ParameterError(
            f"against: {shown(taken[0])} is the router's own name; call the other something else"
        )
    return named | others


def _shown(name: str, label: object) -> str:
    if not isinstance(label, str) or not label:
        raise ParameterError(f"{name} must map names to policies, got the name {shown(label)}")
    return label
