"""One bar for the whole of a wait: it stands where the time stands, and is full when the work is done."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console, RenderableType

    from sor.settings.run import Progress

REPLAYING, TRYING, BEST, STATISTICS = "replaying", "trying points", "replaying the best", "statistics"

Pace: TypeAlias = Literal["rows", "sums", "seconds"]

# Replays a second and thread, before any was measured: with every row, and with sums only.
_GUESS: dict[Pace, float] = {"rows": 24_000, "sums": 320_000, "seconds": 1}
# What their tables take after the last of them, which one thread makes, as a part of what one thread replays in.
_TABLES: dict[Pace, float] = {"rows": 0.4, "sums": 0.1, "seconds": 0}
# So many expected seconds go by before what they really took says how fast this machine is.
_TRUST = 0.2
_WINDOW = 3.0
_OVERDUE = 0.2
_CELLS = 28


@dataclass(frozen=True)
class Step:
    """A part of a wait.

    Attributes:
        label: What is being done.
        work: How much: replays of every order, or expected seconds.
        pace: What `work` counts.
        unit: Of the rate that is shown.
        weight: What one of these replays takes, as a multiple of what one of its pace does.
        after: Seconds expected after the last replay.

    """

    label: str
    work: float
    pace: Pace = "seconds"
    unit: str = "replays/s"
    weight: float = 1.0
    after: float = 0.0


@dataclass(frozen=True)
class Moment:
    """What a bar says: the step, the share of the whole time, its rate, seconds left (None: not known)."""

    label: str
    unit: str
    share: float
    rate: float | None
    left: float | None


class Waiting:
    """Steps under way, as a callback `(done, total)` of the present one.

    What is left of the present step follows from how fast it goes, what later ones take from how fast those before
    went.

    Args:
        steps: In their order.
        clock: Of seconds.

    """

    def __init__(
        self,
        steps: Sequence[Step] = (),
        *,
        unit: str = "replays/s",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps = list(steps)
        self._clock = clock
        self._begun = clock()
        self._place = -1
        self._total, self._tabled = 0, False
        self._orders, self._threads = 0, 1
        # Whether the tables of replays are made when all is replayed.
        self._whole = True
        # How long it all takes is guessed before the orders are counted, and not said.
        self._known = all(step.pace == "seconds" for step in steps)
        # What finished steps took beside what they were thought to: those of replays, and all others.
        self._replays, self._seconds = (0.0, 0.0), (0.0, 0.0)
        self._share = 0.0
        self._done = False
        self._console: Console | None = None
        self.notes: list[str] = []
        self._enter(-1)

    def plan(self, *steps: Step) -> None:
        """Say which steps there are, before the first."""
        self._steps = list(steps)
        self._known = all(step.pace == "seconds" for step in steps)

    def count(self, orders: int, threads: int = 1, *, whole: int = True) -> None:
        """Say how many orders each replay of all has, on how many threads, and whether in one go."""
        self._orders, self._threads, self._whole, self._known = orders, threads, bool(whole), True

    def begin(self, step: Step | str) -> None:
        """Go on to the next step of this label, which may be known better by now, or to one that nobody planned."""
        self._leave()
        label = step if isinstance(step, str) else step.label
        later = [i for i in range(self._place + 1, len(self._steps)) if self._steps[i].label == label]
        place = later[0] if later else self._place + 1
        if not later:
            self._steps.insert(place, Step(label, 0.0))
        if isinstance(step, Step):
            self._steps[place] = step
        self._enter(place)

    def __call__(self, done: int, total: int) -> None:
        """Say how far the present step is."""
        if self._place < 0:
            self._enter(0)
        now = self._clock()
        step = self._steps[self._place]
        if not self._known and step.work:
            self.count(round(total / step.work))
        if self._total and self._seen and self._seen[-1][1] >= self._total:
            self._tabled = True
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] > _WINDOW:
            self._seen.popleft()
        self._total = total if step.pace == "seconds" else max(total, round(step.work * self._orders))

    def note(self, text: str) -> None:
        """Say something above the bar; where nobody looks it waits in `notes`."""
        if self._console is None:
            self.notes.append(text)
        else:
            self._console.print(text, style="dim", soft_wrap=True, highlight=False, markup=False)

    def moment(self) -> Moment:
        """Say where the whole stands."""
        now = self._clock()
        spent, rate = now - self._begun, self._rate()
        left = self._left_of_step(now, rate) + sum(map(self._expected, self._steps[self._place + 1 :]))
        if self._known:
            # It never goes back: a guess that was too hopeful holds it still.
            self._share = max(self._share, spent / (spent + left) if spent + left > 0 else 0.0)
        step = self._steps[max(self._place, 0)] if self._steps else Step("", 0.0)
        return Moment(step.label, step.unit, self._share, rate, left if self._known else None)

    @contextmanager
    def shown(self, console: Console | None) -> Iterator[Waiting]:
        """Draw the bar while the body runs; nothing where nobody looks."""
        if console is None or not console.is_terminal:
            yield self
            return
        from rich.live import Live

        with Live(get_renderable=self._line, console=console, refresh_per_second=8, transient=True) as live:
            self._console = console
            yield self
            self._done = True
            live.refresh()
        self._console = None

    def _enter(self, place: int) -> None:
        self._place = place
        self._entered = self._clock()
        self._total, self._tabled = 0, False
        self._seen: deque[tuple[float, int]] = deque()

    def _leave(self) -> None:
        """Remember how long a step took beside what it was thought to."""
        if not 0 <= self._place < len(self._steps):
            return
        step = self._steps[self._place]
        ended = self._clock()
        counted = step.pace != "seconds" and bool(self._seen)
        last = self._seen[-1][0] if counted else self._entered
        if counted:
            self._replays = _sum(self._replays, (last - self._entered, self._nominal(step)))
        self._seconds = _sum(
            self._seconds, (ended - last, step.work if step.pace == "seconds" else step.after)
        )

    def _nominal(self, step: Step) -> float:
        """Return the seconds of a step's replays and their tables at the pace that was guessed."""
        return self._replayed(step) * (1 + self._tables(step))

    def _replayed(self, step: Step) -> float:
        return step.work * step.weight * self._orders / _GUESS[step.pace] / self._threads

    def _tables(self, step: Step) -> float:
        """Return the seconds of a step's tables, as a part of those of its replays."""
        return _TABLES[step.pace] * self._threads if self._whole else 0.0

    def _expected(self, step: Step) -> float:
        """Return the seconds of a step, by how long those before took."""
        if step.pace == "seconds":
            return step.work * self._slowness()
        took, thought = self._replays
        now = self._steps[self._place] if self._place >= 0 else step
        if now.pace != "seconds" and self._seen and self._total:
            at, done = self._seen[-1]
            nominal = self._nominal(now) if self._tabled else self._replayed(now) * done / self._total
            took, thought = took + at - self._entered, thought + nominal
        slow = took / thought if thought > 0 else 1.0
        return self._nominal(step) * slow + step.after * self._slowness()

    def _slowness(self) -> float:
        """Return how long a second of the guess takes here."""
        took, thought = self._seconds
        return (took + _TRUST) / (thought + _TRUST)

    def _rate(self) -> float | None:
        if len(self._seen) < 2:
            return None
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        return (after - before) / (last - first) if last > first and after > before else None

    def _left_of_step(self, now: float, rate: float | None) -> float:
        if self._place < 0:
            return 0.0
        step = self._steps[self._place]
        if rate is None:
            spent = now - self._entered
            return _left(self._expected(step), spent)
        last, done = self._seen[-1]
        after = step.after * self._slowness()
        if self._tabled:
            return _left(after, now - last)
        tables = self._total / rate * self._tables(step)
        if done < self._total:
            return (self._total - done) / rate + tables + after
        return _left(tables, now - last) + after

    def _line(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        moment = self.moment()
        share = 1.0 if self._done else moment.share
        rate = "" if moment.rate is None or self._done else f"{moment.rate:,.0f} {moment.unit}"
        line = Table.grid(padding=(0, 1))
        line.add_row(
            moment.label,
            ProgressBar(
                total=1.0, completed=share, width=_CELLS, pulse=moment.left is None and not self._done
            ),
            "" if moment.left is None and not self._done else f"{int(100 * share):3}%",
            rate,
            "" if moment.left is None or self._done else f"{_clock(moment.left)} left",
        )
        return line


def _left(expected: float, spent: float) -> float:
    """Return the seconds left of some that were expected: what takes longer than was thought takes longer yet."""
    return max(expected - spent, _OVERDUE * spent)


def _sum(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]


@contextmanager
def watching(progress: bool | Progress | None, *steps: Step) -> Iterator[Progress | None]:
    """Yield a callback `(done, total)`: the caller's own, a bar on standard error, or none.

    Args:
        progress: A callback, True for a bar, False or None for nothing.
        steps: Of the bar.

    """
    if callable(progress):
        yield progress
    elif not progress:
        yield None
    else:
        from rich.console import Console

        with Waiting(steps).shown(Console(stderr=True)) as waiting:
            yield waiting


def begin(progress: object, step: Step | str, **counted: int) -> None:
    """Go on to a step, where there is a bar; say what it may count with, see `Waiting.count`."""
    if isinstance(progress, Waiting):
        if counted:
            progress.count(**counted)
        progress.begin(step)


def advance(progress: object, done: int, total: int) -> None:
    """Say how far a step is that has no replays, where there is a bar: a callback of the caller's counts replays."""
    if isinstance(progress, Waiting):
        progress(done, total)


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
