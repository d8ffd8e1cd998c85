"""The terms every policy meets: venues, the book, and the market that holds them with the fill model.

Every class is immutable, so a result can carry the settings it was made under. Money is in the quote currency
(floats here; the core turns it into nanos once), sizes are whole shares.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sor.errors import ParameterError, shown
from sor.settings.checks import choice, instance, keep, number, positive, text, whole
from sor.settings.fills import FILLS, Displayed, FillModel
from sor.settings.times import Duration, duration_ns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import polars as pl

Snapshot: TypeAlias = Literal["last", "each", "first"]
Depletion: TypeAlias = Literal["refresh", "persistent", "none"]
Limit: TypeAlias = Literal["seen", "none"]


@dataclass(frozen=True)
class Venue:
    """The terms of one venue.

    Args:
        id: The venue on the tape: its publisher id or its name.
        name: A name to show instead.
        taker_fee: Per share taken, in currency; negative where the venue pays takers.
        maker_rebate: Per share made, in currency.
        latency: From a decision to its arrival (rule F5); the market's `latency` by default.
        queue_position: 0 (front) to 1 (back), instead of the fill model's (rule F2).

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    id: int | str
    _: KW_ONLY
    name: str | None = None
    taker_fee: float = 0.0030
    maker_rebate: float = 0.0020
    latency: Duration | None = None
    queue_position: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str):
            keep(self, id=whole("id (a publisher id, else a name)", self.id, least=0, most=65_535))
        if self.name is not None:
            text("name", self.name)
        for name in ("taker_fee", "maker_rebate"):
            keep(self, **{name: number(name, getattr(self, name), least=-1e6, most=1e6)})
        if self.latency is not None:
            duration_ns(self.latency, "latency")
        if self.queue_position is not None:
            keep(self, queue_position=number("queue_position", self.queue_position, least=0, most=1))


@dataclass(frozen=True, kw_only=True)
class Book:
    """How the consolidated book is seen and depleted (section 2 of the model, rule P2).

    Args:
        snapshot: `"last"`: one snapshot per event time. `"each"`: one per record. `"first"`: only the first
            record of each time and venue exists (rule B4).
        depletion: Own fills stay taken until the quote changes (`"refresh"`), until its price changes
            (`"persistent"`), or not at all (`"none"`) (rule B5).
        collar: Quotes further than this fraction through the mid are stubs no policy sees; None sees all
            (rule B7).
        collar_ticks: A quote no further than this many ticks through the mid is never a stub: on a cheap stock
            one tick is more than the collar (rule B7).
        max_quote_age: Quotes older than this are hidden; None hides none (rule B3).
        tick: Price step of the completion walk, in currency (rule P2).

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    snapshot: Snapshot = "last"
    depletion: Depletion = "refresh"
    collar: float | None = 0.01
    collar_ticks: int = 5
    max_quote_age: Duration | None = None
    tick: float = 0.01

    def __post_init__(self) -> None:
        choice("snapshot", self.snapshot, Snapshot)
        choice("depletion", self.depletion, Depletion)
        if self.collar is not None:
            keep(self, collar=number("collar", self.collar, least=0, most=1e6))
        keep(self, collar_ticks=whole("collar_ticks", self.collar_ticks, least=0, most=1_000_000))
        if self.max_quote_age is not None:
            duration_ns(self.max_quote_age, "max_quote_age")
        keep(self, tick=number("tick", self.tick, least=1e-9, most=1e6))


VenueSource: TypeAlias = (
    "Sequence[Venue] | Mapping[int | str, Venue] | Mapping[str, Venue] | pl.DataFrame | str | PathLike[str]"
)
"""What `read_venues` takes: `Venue` objects, a frame, or the path of a TOML file."""


@dataclass(frozen=True, kw_only=True)
class Market:
    """Everything that is the same for every policy: venues' terms, the book, how children fill.

    A market names no tape. It is laid on one when it is used: `venues` may name some of the tape's venues, in any
    order; the others have the default terms.

    Args:
        venues: Fees, rebates, latency and queue position by venue: `Venue` objects, a frame, or the path of a TOML
            file; see `read_venues`.
        latency: From a decision to its arrival, for every venue that says nothing else (rule F5).
        book: How the book is seen and depleted.
        fill: How children are filled: `Displayed()`, `QueueAware(...)`, or a model of your own: a `FillTable`, a
            `FillFunction` or a `CompiledFill`.
        limit: A child's limit: the price it was planned on (`"seen"`) or none (`"none"`) (rule F6).
        sessions: When the market is open (rule T1). `"gaps"`: a silence of all venues of at least `session_gap` ends
            a session. A calendar's name, `"XNYS"` (extra `calendars`). A frame with `open` and `close`. None: the
            whole tape is one session.
        session_gap: The silence that ends a session.
        halts: When everything, or one venue, does not trade (rule T5): a frame with `start`, `end` and, for one
            venue's, `venue`; or Databento's `status` records, as a file, a frame or a store.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """

    venues: VenueSource | None = None
    latency: Duration = 0
    book: Book = field(default_factory=Book)
    fill: FillModel = field(default_factory=Displayed)
    limit: Limit = "seen"
    sessions: Any = "gaps"
    session_gap: Duration = "30m"
    halts: Any = None

    def __post_init__(self) -> None:
        duration_ns(self.latency, "latency")
        positive("session_gap", self.session_gap)
        instance("book", self.book, Book)
        instance("fill", self.fill, *FILLS.values())
        choice("limit", self.limit, Limit)
        if isinstance(self.venues, list):
            keep(self, venues=tuple(self.venues))

    @property
    def laid(self) -> tuple[Venue, ...]:
        """The terms of every venue by index, of a market that is laid on a tape."""
        if not isinstance(self.venues, tuple):
            raise ParameterError(f"market: its venues are not laid on a tape yet, got {shown(self.venues)}")
        return self.venues
