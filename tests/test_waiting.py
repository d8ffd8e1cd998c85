"""The bar stands where the time stands, is full at the end and only then; whoever interrupts hears what is kept."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import sor
from rich.console import Console
from sor.cli import main
from sor.studies import pipeline, search
from sor.studies.progress import Step, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUOTES = sor.simulate_quotes(minutes=12, venues=2, seed=4)
ORDERS = sor.orders_every("10s", side="both", quantity=1_000, horizon="30s")


class Time:
    """A clock that is set by hand, and the bar's shares beside the true ones."""

    def __init__(self, *steps: Step) -> None:
        self.now = 100.0
        self.bar = Waiting(steps, clock=lambda: self.now)
        self.said: list[tuple[float, float]] = []

    def wait(self, seconds: float, *call: int) -> None:
        self.now += seconds
        if call:
            self.bar(*call)
        moment = self.bar.moment()
        if moment.left is not None:
            self.said.append((self.now - 100.0, moment.share))

    def apart(self) -> float:
        """How far the bar was from the time, at most, as a share of the whole."""
        return max(abs(spent / (self.now - 100.0) - share) for spent, share in self.said)


def test_shares_of_time_not_of_steps() -> None:
    """A report whose search goes at another speed than the study, and whose page takes longer than both."""
    time = Time(
        *(Step("replaying", 5, "rows"), Step("trying points", 28, "sums"), Step("drawing", 2.0)),
        Step("packing", 3.0),
    )
    time.bar.begin("replaying")
    for done in range(0, 5_001, 500):
        time.wait(0.1, done, 5_000)
    time.bar.begin("trying points")
    for done in range(0, 28_001, 1_000):
        time.wait(0.028, done, 28_000)
    for label, seconds in (("drawing", 2.4), ("packing", 3.6)):
        time.bar.begin(label)
        for _ in range(12):
            time.wait(seconds / 12)
    assert len(time.said) > 50
    assert time.apart() < 0.1
    assert all(before <= after for (_, before), (_, after) in pairwise(time.said))
    assert time.said[-1][1] < 1.0, "full only when all is done"


def test_the_rate_is_of_the_last_seconds() -> None:
    """What an earlier run kept is there at once; what is left goes at its own speed."""
    time = Time(Step("replaying", 1, "sums"))
    time.bar.count(1_000, whole=False)
    time.bar.begin("replaying")
    time.wait(0.0, 0, 1_000)
    time.wait(0.1, 900, 1_000)
    for i in range(1, 51):
        time.wait(0.2, 900 + i, 1_000)
    moment = time.bar.moment()
    assert moment.rate == pytest.approx(5.0)
    assert moment.left == pytest.approx(10.0)


def test_nothing_is_promised_before_the_orders_are_counted() -> None:
    time = Time(Step("reading", 1.0), Step("replaying", 5, "rows"))
    time.bar.begin("reading")
    time.wait(0.5)
    assert time.said == []
    time.bar.begin("replaying")
    time.wait(0.5, 0, 100)
    assert time.said != []


def test_a_step_that_nobody_planned_is_shown() -> None:
    time = Time(Step("reading", 1.0), Step("writing", 1.0))
    for label in ("reading", "thinking", "writing"):
        time.bar.begin(label)
        time.wait(1.0)
        assert time.bar.moment().label == label


def drawn(call: Callable[[Waiting], object], *, terminal: bool = True) -> str:
    sink = io.StringIO()
    bar = Waiting([Step("replaying", 5, "rows")])
    with bar.shown(Console(file=sink, force_terminal=terminal, width=80, legacy_windows=False)):
        call(bar)
    return sink.getvalue()


def studied(bar: Waiting) -> object:
    return sor.study(QUOTES, ORDERS, run=sor.Run(progress=bar)).comparisons


def test_it_ends_full_and_vanishes() -> None:
    text = drawn(studied)
    shares = [int(share) for share in re.findall(r"(\d+)%", text)]
    assert shares[-1] == 100
    assert shares == sorted(shares)
    assert text.rstrip().endswith("\x1b[2K"), "the line is taken away"


def test_it_is_silent_where_nobody_looks() -> None:
    assert drawn(studied, terminal=False) == ""


def test_the_library_draws_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = io.StringIO()
    monkeypatch.setattr(
        "rich.console.Console",
        lambda **_: Console(file=sink, force_terminal=True, width=80, legacy_windows=False),
    )
    sor.search(QUOTES, ORDERS, folds=2, run=sor.Run(progress=True))
    assert re.findall(r"(\d+)%", sink.getvalue())[-1] == "100"
    assert "statistics" in sink.getvalue()


class Stop:
    """Presses Ctrl-C when so many replays are done."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, done: int, total: int) -> None:
        if done >= self.after:
            raise KeyboardInterrupt


@pytest.fixture
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "UNIT_PARENTS", 16)


@pytest.mark.usefixtures("small_units")
def test_an_interrupt_says_what_is_kept_and_what_is_found_later(tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    with pytest.raises(KeyboardInterrupt) as stopped:
        sor.study(QUOTES, ORDERS, run=sor.Run(progress=Stop(100), resume=kept))
    (note,) = stopped.value.__notes__
    found = int(
        re.fullmatch(
            rf"interrupted; (\d+) finished replays are kept in {re.escape(str(kept))}\. .* goes on from there\.",
            note,
        )[1]
    )  # type: ignore[index]
    assert 90 <= found <= 100
    bar = Waiting()
    again = sor.study(QUOTES, ORDERS, run=sor.Run(progress=bar, resume=kept))
    assert bar.notes == [f"resume: {found} finished replays found in {kept}, and going on from there"]
    assert again.to_json() == sor.study(QUOTES, ORDERS).to_json()


def test_an_interrupt_says_how_to_keep() -> None:
    with pytest.raises(KeyboardInterrupt) as stopped:
        sor.study(QUOTES, ORDERS, run=sor.Run(progress=Stop(100)))
    assert stopped.value.__notes__[0].startswith("interrupted; nothing is kept. With resume=FILE")


@pytest.mark.parametrize("resume", [True, False])
def test_the_command_says_it_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], resume: bool
) -> None:
    QUOTES.write(tmp_path / "tape.parquet")
    words: list[Any] = ["sor", "study", tmp_path / "tape.parquet", "--every", "10s", "--horizon", "30s"]
    words += ["--resume", tmp_path / "kept.db"] if resume else []
    monkeypatch.setattr("sys.argv", list(map(str, words)))
    monkeypatch.setattr(Waiting, "__call__", lambda self, done, total: Stop(1)(done, total))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    said = capsys.readouterr()
    assert said.out == ""
    expected = "kept in .*kept.db" if resume else "nothing is kept. With --resume FILE"
    assert re.match(f"interrupted; .*{expected}.*same command", said.err)
    assert said.err.count("\n") == 1


def test_resuming_says_what_was_found(tmp_path: Path, shown: Callable[..., str]) -> None:
    QUOTES.write(tmp_path / "tape.parquet")
    words = (
        "study",
        tmp_path / "tape.parquet",
        "--every",
        "1m",
        "--horizon",
        "30s",
        "--resume",
        tmp_path / "k.db",
    )
    first, second = shown(*words), shown(*words)
    assert "resume" not in first
    line, rest = second.split("\n", 1)
    assert line.startswith("resume: 120 finished replays found in")
    assert rest == first


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_tables_are_made_by_one_thread_after_the_replays(threads: int) -> None:
    """The rows of a study, at another pace than was guessed, then a search and a page."""
    time = Time(
        *(Step("replaying", 5, "rows", after=0.02), Step("trying points", 28, "sums", weight=0.8)),
        *(Step("best", 7, "rows"), Step("drawing", 0.5)),
    )
    slow, orders = 3.0, 4_000
    time.bar.count(orders, threads)

    def replay(label: str, work: int, pace: float, serial: float, weight: float = 1.0) -> None:
        time.bar.begin(label)
        total = work * orders
        alone = slow * weight * total / pace
        for i in range(21):
            time.wait(alone / threads / 20 if i else 0.001, i * total // 20, total)
        for _ in range(10):
            time.wait(alone * serial / 10)
        time.wait(0.0, total, total)

    replay("replaying", 5, 24_000, 0.4)
    time.wait(0.02)
    replay("trying points", 28, 320_000, 0.1, 0.8)
    replay("best", 7, 24_000, 0.4)
    time.bar.begin("drawing")
    for _ in range(10):
        time.wait(0.05)
    assert time.apart() < 0.1


def test_a_step_is_better_known_when_it_begins() -> None:
    time = Time(Step("replaying", 5, "rows"), Step("best", 100, "rows"))
    time.bar.count(1_000)
    time.bar.begin("replaying")
    for done in range(0, 5_001, 500):
        time.wait(0.1, done, 5_000)
    time.bar.begin(Step("best", 1, "rows"))
    assert time.bar.moment().share > 0.5


def test_points_that_cannot_differ_are_no_work_of_their_own() -> None:
    axes = {"lambda_over": (0.0, 0.1), "lambda_under": (0.0, 0.1, 0.2), "theta_queue": (0.0, 0.1)}
    (alike, *_), (apart, *_) = (
        search.steps("grid", {}, axes, 5, 0, certain=certain) for certain in (True, False)
    )
    assert alike.work == apart.work == 13
    assert apart.weight - alike.weight == pytest.approx((12 - 4) / 13)
    assert search.steps("random", {"points": 10}, axes, 5, 2)[0].work == 31
