"""A full disk: an error that names the path, and nothing cut short under a final name."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sor
from effort import some
from sor.errors import DataError
from sor.show import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

resource = pytest.importorskip("resource", reason="a limit on the size of files stands for the disk")

QUOTES = sor.simulate_quotes(minutes=2, venues=2, seed=1)
ORDERS = sor.orders_every("20s", side="both", quantity=500, horizon="20s")
STUDY = sor.study(QUOTES, ORDERS)
SEARCH = sor.search(QUOTES, ORDERS, grid={"lambda_under": [0.001, 0.002]})
BACKTEST = sor.backtest(QUOTES, ORDERS)

WRITES: dict[str, Callable[[Path], Any]] = {
    "tape.parquet": QUOTES.write,
    "tape.csv": QUOTES.write,
    "page.html": STUDY.report,
    "picture.png": STUDY.report,
    "picture.svg": STUDY.report,
    "backtest": lambda path: terminal.write(BACKTEST, path),
    "search": lambda path: terminal.write(SEARCH, path),
    "study": lambda path: terminal.write(STUDY, path),
}


@contextmanager
def room_for(size: int) -> Iterator[None]:
    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write fails, as on a full disk
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def sizes(path: Path) -> dict[str, int]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {each.name: each.stat().st_size for each in files if each.is_file()}


QUICK = ("tape.parquet", "tape.csv", "backtest")
EVERY = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in WRITES]


@pytest.mark.parametrize("name", EVERY)
def test_a_file_is_whole_or_not_there(name: str, tmp_path: Path) -> None:
    pytest.importorskip("altair")
    write = WRITES[name]
    write(tmp_path / name)
    whole = sizes(tmp_path / name)
    refused: list[str] = []
    largest = max(whole.values())
    room = [largest // 2, 0, 1, 100, largest - 1][: some(5)]
    for k, size in enumerate(room):
        folder = tmp_path / str(k)
        folder.mkdir()
        with room_for(size):
            try:
                write(folder / name)
            except DataError as error:
                refused.append(str(error))
        left = sizes(folder)
        assert left.items() <= whole.items(), f"room for {size}"
        # What was there before is still there.
        with room_for(size):
            try:
                write(tmp_path / name)
            except DataError:
                assert sizes(tmp_path / name) == whole
    assert len(refused) == len(room)
    assert all(str(tmp_path) in said for said in refused)
