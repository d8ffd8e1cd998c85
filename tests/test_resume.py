"""What is finished survives: a killed or interrupted study goes on to the bytes of an uninterrupted one."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import sor
import sor.studies.pipeline
from effort import some
from sor.errors import DataError, ParameterError
from sor.settings.market import Book
from sor.settings.orders import orders_every
from sor.settings.routers import StaticRouter
from sor.studies.search import search
from sor.studies.study import study
from sor.tape.simulate import simulate_quotes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType
    from typing import Any

    from sor.replay.ledger import Ledger
    from sor.results.study import Study
    from sor.tape.tape import Quotes

ORDERS = orders_every("20s", quantity=(400, 3_000), horizon="30s", side="both")

CHILD = """
import sys
from pathlib import Path
import sor.studies.pipeline
from sor.tape.simulate import simulate_quotes
from sor.settings.orders import orders_every
from sor.settings.run import Run
from sor.studies.study import study
sor.studies.pipeline.UNIT_PARENTS = 8
tape = simulate_quotes(minutes=4, seed=3)
orders = orders_every("20s", quantity=(400, 3_000), side="both", horizon="30s")
print("ready", flush=True)
made = study(tape, orders, run=Run(resume=sys.argv[1]))
with Path(sys.argv[2]).open("wb") as out:
    for frame in (made.ledger.parents, made.ledger.children, made.ledger.fills, made.comparisons):
        frame.write_ipc(out)
    out.write(made.to_json().encode())
"""


@pytest.fixture(scope="module")
def tape() -> Quotes:
    return simulate_quotes(minutes=8, seed=3)


@pytest.fixture(scope="module")
def whole(tape: Quotes) -> Study:
    return study(tape, ORDERS)


def same(first: Ledger, second: Ledger) -> bool:
    frames = [(getattr(first, name), getattr(second, name)) for name in ("parents", "children", "fills")]
    return all(a.equals(b) and a.schema == b.schema for a, b in frames)


@pytest.fixture
def small_units(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sor.studies.pipeline, "UNIT_PARENTS", 16)
    return sor.studies.pipeline


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    kept, out, expected = tmp_path / "kept.db", tmp_path / "out", tmp_path / "expected"
    script = [sys.executable, "-c", CHILD]
    begin = time.perf_counter()
    subprocess.run([*script, tmp_path / "other.db", expected], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    moments = random.Random(11)
    for _ in range(some(20, ci=1)):
        child = subprocess.Popen([*script, kept, out], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.3 * seconds))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    subprocess.run([*script, kept, out], check=True, stdout=subprocess.DEVNULL)
    assert out.read_bytes() == expected.read_bytes()


def test_interrupted_it_keeps_finished_units_and_goes_on(
    tape: Quotes, whole: Study, tmp_path: Path, small_units: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.db"
    calls = 0
    replay = sor.studies.pipeline.replay

    def counted(*arguments: Any, **options: Any) -> Ledger:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return replay(*arguments, **options)

    monkeypatch.setattr(small_units, "replay", counted)
    with pytest.raises(KeyboardInterrupt):
        study(tape, ORDERS, run=sor.Run(resume=path))
    units = sum(-(-len(whole.parents) // 16) for _ in whole.policies)
    resumed = study(tape, ORDERS, run=sor.Run(resume=path))
    assert calls == 1 + units, "the five finished units are not replayed again"
    assert same(resumed.ledger, whole.ledger)
    assert resumed.to_json() == whole.to_json()
    study(tape, ORDERS, run=sor.Run(resume=path))
    assert calls == 1 + units


def test_progress_counts_kept_units_too(tape: Quotes, tmp_path: Path, small_units: ModuleType) -> None:
    path = tmp_path / "kept.db"
    study(tape, ORDERS, run=sor.Run(resume=path))
    seen: list[tuple[int, int]] = []
    again = study(
        tape, ORDERS, run=sor.Run(resume=path, progress=lambda done, total: seen.append((done, total)))
    )
    total = len(again.parents) * len(again.policies)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


def test_a_progress_callback_that_raises_passes_through_and_loses_nothing(
    tape: Quotes, whole: Study, tmp_path: Path, small_units: ModuleType
) -> None:
    path = tmp_path / "kept.db"

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        study(tape, ORDERS, run=sor.Run(resume=path, progress=stop))
    assert same(study(tape, ORDERS, run=sor.Run(resume=path)).ledger, whole.ledger)


def test_a_search_resumes_and_methods_share_points(tape: Quotes, tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    alone = search(tape, ORDERS, method=sor.Refine(rounds=1), folds=2)
    search(tape, ORDERS, method="grid", folds=2, run=sor.Run(resume=path))
    resumed = search(tape, ORDERS, method=sor.Refine(rounds=1), folds=2, run=sor.Run(resume=path))
    assert resumed.to_json() == alone.to_json()
    assert resumed.table.equals(alone.table)
    assert same(resumed.in_sample.ledger, alone.in_sample.ledger)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tapes", lambda tape: {"quotes": simulate_quotes(minutes=8, seed=4)}),
        ("orders", lambda tape: {"orders": orders_every("10s", quantity=500, horizon="30s", side="both")}),
        ("market", lambda tape: {"market": sor.Market(book=Book(depletion="none"))}),
    ],
)
def test_results_of_something_else_are_refused(
    name: str, change: Callable[[Quotes], dict[str, Any]], tape: Quotes, tmp_path: Path
) -> None:
    path = tmp_path / "kept.db"
    study(tape, ORDERS, run=sor.Run(resume=path))
    arguments: dict[str, Any] = {"quotes": tape, "orders": ORDERS} | change(tape)
    with pytest.raises(ParameterError, match=f"holds results of other .*{name}"):
        study(**arguments, run=sor.Run(resume=path))


def test_a_changed_policy_is_replayed_and_others_are_kept(tape: Quotes, tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    study(tape, ORDERS, run=sor.Run(resume=path))
    router = StaticRouter(lambda_under=0.0002)
    resumed = study(tape, ORDERS, router, run=sor.Run(resume=path))
    assert same(resumed.ledger, study(tape, ORDERS, router).ledger)
    policies = {"router": router, "twap": sor.Twap(bucket="10s")}
    slow = study(tape, ORDERS, policies, run=sor.Run(resume=path))
    assert same(slow.ledger, study(tape, ORDERS, policies).ledger)


def test_another_file_is_left_alone(tape: Quotes, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and long enough to be looked at\n" * 40)
    database = tmp_path / "other.db"
    connection = sqlite3.connect(database)
    connection.execute("create table mine (x)")
    connection.close()
    before = [path.read_bytes() for path in (text, database)]
    for path in (text, database, tmp_path, tmp_path / "nowhere" / "kept.db"):
        with pytest.raises(DataError, match="resume: "):
            study(tape, ORDERS, run=sor.Run(resume=path))
    assert [path.read_bytes() for path in (text, database)] == before


def test_nothing_but_the_file_is_left_behind(tape: Quotes, tmp_path: Path) -> None:
    study(tape, ORDERS, run=sor.Run(resume=tmp_path / "kept.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept.db"]


@pytest.fixture(scope="module")
def small() -> Quotes:
    return simulate_quotes(minutes=1, venues=2, seed=5)


def test_a_flipped_bit_gives_the_same_result_or_an_error(small: Quotes, tmp_path: Path) -> None:
    """Anywhere in the file: of a kept result, of its key, or of what SQLite itself keeps."""
    path, rng = tmp_path / "kept.db", random.Random(3)
    order = sor.Order("buy", 2_000, horizon="30s")
    expected = study(small, order, run=sor.Run(resume=path))
    kept = path.read_bytes()
    refused: list[str] = []
    for _ in range(some(2_000, ci=60)):
        place = rng.randrange(8 * len(kept))
        data = bytearray(kept)
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            found = study(small, order, run=sor.Run(resume=path))
        except sor.SorError as error:
            refused.append(str(error))
        else:
            assert same(found.ledger, expected.ledger), place
            assert found.to_json() == expected.to_json(), place
    assert refused
    assert all(str(path) in said for said in refused)


def test_a_full_disk_says_so_and_keeps_what_was_kept(small: Quotes, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path, order = tmp_path / "kept.db", sor.Order("buy", 2_000, horizon="30s")
    study(small, order, run=sor.Run(resume=path))
    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write says that the file is too large
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
        with pytest.raises(DataError, match=rf"resume: {path} cannot be written: "):
            study(small, order, StaticRouter(lambda_under=0.1), run=sor.Run(resume=path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert same(study(small, order, run=sor.Run(resume=path)).ledger, study(small, order).ledger)
