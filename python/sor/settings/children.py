"""Given children: decisions that somebody has recorded, to be sent again on a market of ours (rule Q6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.checks import choice, keep, number, one_of, taking, whole
from sor.settings.frames import Rows, is_table, read_table, to_frame, values_of
from sor.settings.policy import Queue
from sor.settings.times import to_ns

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEED = ("ts_decided", "venue", "quantity")
_MAY = ("kind", "limit", "until", "child", "side", "start")
_KINDS = ("take", "post", "cancel")
_TIMES = ("ts_decided", "until", "start")


class Given(NamedTuple):
    """A recorded decision. Times are ns, prices currency; None where nothing is said."""

    ts_decided: int
    venue: int | str | None
    quantity: int | None
    kind: str
    limit: float | None
    until: int | None
    child: int | None
    side: str | None
    start: int | None


@dataclass(frozen=True)
class Children:
    """A replay of given children: what a router really sent, on our market (rule Q6).

    Each is sent at its time, whatever our market has become by then, and meets quotes, queues and latencies like any
    other policy's. What cannot be sent is counted, and said in the result's `warnings`.

    Args:
        rows: A frame, its file, or rows, in any order. `ts_decided` (a time), `venue` (its name or id), `quantity`; and
            if wanted, empty where nothing is said: `kind`, `"take"` (the default), `"post"` or `"cancel"`; `limit`, of
            a take its worst price, of a post its price, else the quote's; `until`, when a post expires; `child`, a
            number by which a cancel finds its post; `side` and `start` of its order, which tell orders apart that
            overlap.
        queue: How the queues of its limit orders are simulated (rule C10).

    Raises:
        ParameterError: Naming the row, the column, the value and what would be right.

    """

    rows: Rows
    queue: Queue = "expected"
    rule: ClassVar[str] = "children sends what was recorded, at its time"

    def __post_init__(self) -> None:
        choice("queue", self.queue, Queue)
        rows = sorted(
            _read(self.rows), key=lambda row: row[0].ts_decided
        )  # stable: of one time, as they came
        _check_cancels(rows)
        keep(self, rows=tuple(given for given, _ in rows))

    @property
    def given(self) -> tuple[Given, ...]:
        """The checked rows, in order of time."""
        return self.rows  # type: ignore[return-value]  # what __post_init__ keeps

    def described(self) -> dict[str, Any]:
        """Return its settings as plain values."""
        rows = [
            {name: value for name, value in row._asdict().items() if value is not None} for row in self.given
        ]
        return {"rows": rows, "queue": self.queue}

    def cancelled(self) -> list[int]:
        """Return which row each cancel takes back, by row; 0 for what is none."""
        posts: dict[tuple[Any, ...], int] = {}
        found = []
        for i, row in enumerate(self.given):
            key = (row.child, row.side, row.start)
            found.append(posts.get(key, 0) if row.kind == "cancel" else 0)
            if row.kind == "post":
                posts[key] = i
        return found


def _read(rows: Any) -> Iterator[tuple[Given, str]]:
    """Yield each row as it was given, checked, with what messages call it."""
    right = f"a frame with {', '.join(_NEED)}, its path, or rows"
    with taking("rows", rows, right):
        if is_table(rows):
            frame = to_frame(rows, "rows", right)
        elif isinstance(rows, str | PathLike):
            frame = read_table(rows, "rows")
        elif isinstance(rows, Sequence) and rows and all(isinstance(row, Mapping) for row in rows):
            frame = pl.DataFrame(list(rows), infer_schema_length=None)
        elif isinstance(rows, Sequence):
            named = [dict(zip(Given._fields, row, strict=False)) for row in rows]
            frame = pl.DataFrame(named, infer_schema_length=None)
        else:
            frame = pl.DataFrame(rows)
    missing = [name for name in _NEED if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in (*_NEED, *_MAY)]
    if missing or frame.is_empty():
        what = f"no column {missing[0]!r}" if missing else "no row"
        raise ParameterError(f"rows must be {right}, got {what}")
    if unknown:
        raise ParameterError(
            f"rows has a column {shown(unknown[0])}, which is not used; it may have {', '.join(_MAY)}"
        )
    columns = {name: values_of(frame[name]) for name in frame.columns}
    for i in range(frame.height):
        label = f"row {i} of rows"
        yield _given({name: values[i] for name, values in columns.items()}, label), label


def _given(row: Mapping[str, Any], label: str) -> Given:
    said = {name: value for name, value in row.items() if value is not None}
    kind = one_of(f"kind, {label}", said.get("kind", "take"), _KINDS)
    need = ("ts_decided", "child") if kind == "cancel" else _NEED
    absent = [name for name in need if name not in said]
    if absent:
        raise ParameterError(f"{label}: {absent[0]} is empty, which a {kind} needs")
    venue = said.get("venue")
    if venue is not None and not isinstance(venue, str):
        venue = whole(f"venue, {label}", venue, least=0, most=65_535)
    limit = said.get("limit")
    moments = {name: to_ns(said[name], f"{name}, {label}") for name in _TIMES if name in said}
    return Given(
        ts_decided=moments["ts_decided"],
        venue=venue,
        quantity=None if kind == "cancel" else whole(f"quantity, {label}", said["quantity"]),
        kind=kind,
        limit=None if limit is None else number(f"limit, {label}", limit, least=1e-9, most=9e9),
        until=moments.get("until"),
        child=None if "child" not in said else whole(f"child, {label}", said["child"], least=0),
        side=None if "side" not in said else one_of(f"side, {label}", said["side"], ("buy", "sell")),
        start=moments.get("start"),
    )


def _check_cancels(rows: Sequence[tuple[Given, str]]) -> None:
    posted = set()
    for row, label in rows:
        key = (row.child, row.side, row.start)
        if row.kind == "post":
            posted.add(key)
        elif row.kind == "cancel" and key not in posted:
            raise ParameterError(
                f"{label}: no earlier post of its order has the child {row.child} that it cancels"
            )
