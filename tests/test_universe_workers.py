"""The same bytes from any workers, in any order of completion, whoever is killed in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sor
from universes import HIVE, ORDERS, POLICIES, same_bytes, write_universe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    # Dask's own, of what it imports and of what is closed in the middle.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workers")
    write_universe(folder, days=6, symbols=("AAA", "BBB", "CCC"), records=20_000)
    return folder


@pytest.fixture(scope="module")
def whole(root: Path) -> sor.UniverseStudy:
    return study(root)


def study(root: Path, **run: Any) -> sor.UniverseStudy:
    return sor.study(sor.Universe(str(root / HIVE)), ORDERS, POLICIES, run=sor.Run(**run))


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """Start Dask with so many processes of one thread; yield its client."""
    distributed = pytest.importorskip("distributed")
    asked = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**asked) as found, distributed.Client(found) as client:
        yield client


def pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def once_at(done_by_then: int, act: Callable[[], object]) -> Callable[[int, int], None]:
    """Return a progress callback that acts when so many units are done."""

    def watch(done: int, total: int) -> None:
        assert total == 18
        if done == done_by_then:
            act()

    return watch


def test_processes_that_spawn(root: Path, whole: sor.UniverseStudy, tmp_path: Path) -> None:
    with pool(2) as executor:
        assert same_bytes(study(root, executor=executor, out=tmp_path / "rows"), whole, tmp_path)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_dask(root: Path, whole: sor.UniverseStudy, tmp_path: Path, workers: int) -> None:
    with cluster(workers) as client:
        assert same_bytes(study(root, executor=client.get_executor()), whole, tmp_path)


def test_a_worker_of_dask_is_killed(root: Path, whole: sor.UniverseStudy, tmp_path: Path) -> None:
    """The scheduler gives its units to others."""
    with cluster(2) as client:
        victim = next(iter(client.run(os.getpid).values()))
        kill = once_at(3, lambda: os.kill(victim, signal.SIGKILL))
        result = study(root, executor=client.get_executor(), progress=kill)
        assert victim not in client.run(os.getpid).values()
    assert same_bytes(result, whole, tmp_path)


def test_a_worker_of_a_pool_is_killed(root: Path, whole: sor.UniverseStudy, tmp_path: Path) -> None:
    """A pool does not outlive it; the same call with another goes on from what was finished."""
    executor = pool(2)
    kill = once_at(3, lambda: os.kill(next(iter(executor._processes)), signal.SIGKILL))
    with (
        executor,
        pytest.raises(sor.SorError, match=r"run\.executor lost its workers at .*the same call goes on"),
    ):
        study(root, executor=executor, progress=kill, resume=tmp_path / "kept.db")
    with pool(2) as another:
        result = study(root, executor=another, resume=tmp_path / "kept.db")
    assert same_bytes(result, whole, tmp_path)


def test_the_scheduler_goes_away(root: Path, whole: sor.UniverseStudy, tmp_path: Path) -> None:
    with cluster(2) as client:
        close = once_at(3, client.cluster.close)
        with pytest.raises(sor.SorError, match=r"run\.executor lost its workers"):
            study(root, executor=client.get_executor(), progress=close, resume=tmp_path / "kept.db")
    with cluster(2) as client:
        result = study(root, executor=client.get_executor(), resume=tmp_path / "kept.db")
    assert same_bytes(result, whole, tmp_path)


CLIENT = """
import os, signal, sys
import sor
from universes import ORDERS, POLICIES

def killed(done, total):
    if done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

run = sor.Run(resume=sys.argv[3], out=sys.argv[4], progress=killed)
sor.study(sor.Universe(sys.argv[1]), ORDERS, POLICIES, run=run)
"""


def test_the_command_line_asks_a_scheduler(
    root: Path, tmp_path: Path, shown: Callable[..., str], sor_command: Callable[..., tuple[int, str, str]]
) -> None:
    orders = ("--every", "1m", "--horizon", "1m", "--quantity", "500", "--side", "both")
    with cluster(2) as client:
        address = client.cluster.scheduler_address
        shown("study", root / HIVE, *orders, "--scheduler", address, "--out", tmp_path / "there")
    shown("study", root / HIVE, *orders, "--workers", 2, "--out", tmp_path / "processes")
    shown("study", root / HIVE, *orders, "--out", tmp_path / "here")
    assert sor.diff(tmp_path / "there", tmp_path / "here") == []
    assert sor.diff(tmp_path / "processes", tmp_path / "here") == []
    code, _, err = sor_command("study", root / HIVE, *orders, "--scheduler", address)
    assert code == 2
    assert f"--scheduler {address}: no scheduler answers" in err


def test_the_client_is_killed_and_goes_on(root: Path, whole: sor.UniverseStudy, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for done in (1, 5, 11):
        arguments = [str(root / HIVE), str(done), str(tmp_path / "kept.db"), str(tmp_path / "rows")]
        left = subprocess.run([sys.executable, "-c", CLIENT, *arguments], env=environment, check=False)
        assert left.returncode == -signal.SIGKILL
    result = study(root, resume=tmp_path / "kept.db", out=tmp_path / "rows")
    assert same_bytes(result, whole, tmp_path)
    fresh = study(root, out=tmp_path / "fresh")
    assert same_bytes(fresh, whole, tmp_path)
    for path in (tmp_path / "fresh").glob("**/*.parquet"):
        assert path.read_bytes() == (tmp_path / "rows" / path.relative_to(tmp_path / "fresh")).read_bytes()
