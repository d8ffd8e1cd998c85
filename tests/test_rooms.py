"""The memory of a tape is the next one's, and never that of two."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from sor.tape import rooms, stream

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DTYPES = {"ts": np.dtype(np.int64), "venue": np.dtype(np.uint16), "size": np.dtype(np.uint32)}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "_kept", [])


def place(columns: dict[str, NDArray[Any]]) -> int:
    return int(columns["ts"].ctypes.data)


def test_columns_are_of_the_length_asked_for_and_lie_side_by_side() -> None:
    for records in (0, 1, 7, 4_096, 300_001):
        columns = rooms.columns(DTYPES, records)
        assert {name: (column.dtype, column.shape) for name, column in columns.items()} == {
            name: (dtype, (records,)) for name, dtype in DTYPES.items()
        }
        for number, column in enumerate(columns.values()):
            assert column.ctypes.data % 64 == 0
            column[:] = number
        assert all((column == number).all() for number, column in enumerate(columns.values()))


def test_memory_is_used_again_when_nothing_holds_it() -> None:
    columns = rooms.columns(DTYPES, 100_000)
    columns["ts"][:] = np.arange(100_000)
    first = place(columns)
    held = pl.DataFrame({"ts": columns["ts"]}).slice(5, 10)
    del columns
    other = rooms.columns(DTYPES, 100_000)
    other["ts"][:] = -1
    assert place(other) != first
    assert held["ts"].to_list() == list(range(5, 15))
    del held
    assert place(rooms.columns(DTYPES, 100_000)) == first


def test_a_tape_much_shorter_or_longer_has_memory_of_its_own() -> None:
    columns = rooms.columns(DTYPES, 1_000_000)
    first = place(columns)
    del columns
    assert place(rooms.columns(DTYPES, 1_500_000)) != first
    assert place(rooms.columns(DTYPES, 200_000)) != first
    assert place(rooms.columns(DTYPES, 900_000)) == first


def test_no_more_than_the_most_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_KEPT", 3 * rooms._length(14 * 100_000))
    several = [rooms.columns(DTYPES, 100_000) for _ in range(5)]
    last = place(several[-1])
    while several:
        several.pop(0)
    assert len(rooms._kept) == 3
    assert sum(map(len, rooms._kept)) <= rooms.MOST_KEPT
    large = rooms.columns(DTYPES, 1_000_000)
    del large
    assert len(rooms._kept) == 3
    places = [place(columns) for columns in [rooms.columns(DTYPES, 100_000) for _ in range(3)]]
    assert last in places


def test_no_memory_is_that_of_two_at_once() -> None:
    """On threads that take, fill, look again, and let go."""
    wrong = threading.Event()

    def work(seed: int) -> None:
        rng = random.Random(seed)
        held: list[tuple[int, dict[str, NDArray[Any]]]] = []
        for turn in range(150):
            if len(held) > 3:
                number, columns = held.pop(rng.randrange(len(held)))
                if any((column != number).any() for column in columns.values()):
                    wrong.set()
            number = 1 + (seed * 150 + turn) % 60_000
            columns = rooms.columns(DTYPES, rng.choice([2_000, 40_000, 60_000]))
            for column in columns.values():
                column[:] = number
            held.append((number, columns))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(8)))
    assert not wrong.is_set()


def test_a_length_beyond_all_memory_is_an_error_of_memory() -> None:
    with pytest.raises(MemoryError):
        rooms.columns(DTYPES, 2**60)


def test_tapes_that_come_and_go_are_read_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stream, "LEAST_RECORDS", 0)
    made = [sor.simulate_quotes(minutes=1, records=3_000, venues=5, seed=seed) for seed in range(3)]
    for seed, tape in enumerate(made):
        tape.write(tmp_path / f"{seed}.parquet")
    for seed in (0, 1, 2, 1, 0):
        read = sor.read_quotes(tmp_path / f"{seed}.parquet")
        assert read.frame.equals(made[seed].frame)
        times = read.frame["ts"]
        del read
        assert times.equals(made[seed].frame["ts"])
        del times
    assert len(rooms._kept) == 1
