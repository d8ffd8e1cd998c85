"""Records in the order of time, and venues by a dense index: what a tape is made of, in blocks and on threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from sor.tape.facts import CODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_T = TypeVar("_T")

# Records compared at a time: what fits in a core's cache costs no memory and little time.
_BLOCK = 2**16
_THREADS = min(4, os.cpu_count() or 1)


def in_order(taken: list[pl.DataFrame]) -> tuple[pl.DataFrame, int, int]:
    """Sort by time, sequence and input, in one chunk; count what was out of order and what is there twice.

    Args:
        taken: The one frame, which is taken out: a column is freed as soon as it is copied.

    Returns:
        The frame without `sequence`, the records out of order, and those equal to the one before in everything.

    """
    columns = {column.name: column for column in taken.pop().get_columns()}
    keys = [columns[name] for name in ("ts", "sequence") if name in columns]
    backward, same = _neighbours(keys)
    order = None
    if backward:
        order = (
            pl.DataFrame(keys)
            .select(pl.arg_sort_by([key.name for key in keys], maintain_order=True))
            .to_series()
        )
        _, same = _neighbours([key.gather(order) for key in keys])
    del keys
    columns.pop("sequence", None)

    def one_chunk(name: str) -> pl.Series:
        column = columns.pop(name)
        return (column if order is None else column.gather(order)).rechunk()

    names = list(columns)
    if len(columns["ts"]) <= _BLOCK:  # threads would take longer to begin
        tape = pl.DataFrame([one_chunk(name) for name in names])
    else:
        with ThreadPoolExecutor(_THREADS) as threads:
            tape = pl.DataFrame(list(threads.map(one_chunk, names)))
    for column in tape.drop("ts"):
        if not len(same):
            break
        same = same[(column.gather(same) == column.gather(same + 1)).to_numpy()]
    return tape, backward, len(same)


def _neighbours(keys: list[pl.Series]) -> tuple[int, NDArray[np.intp]]:
    """Count the records whose key is below that of the one before; find those whose next has the same key."""

    def compare(begin: int) -> tuple[int, NDArray[np.intp]]:
        # One more than the block, to compare its last with the next block's first.
        columns = [key.slice(begin, _BLOCK + 1).to_numpy() for key in keys]
        falls, equal = _compare(columns[0])
        for column in columns[1:]:
            lower, level = _compare(column)
            falls |= equal & lower
            equal &= level
        return int(np.count_nonzero(falls)), begin + np.flatnonzero(equal)

    found = _in_blocks(compare, len(keys[0]))
    return sum(count for count, _ in found), np.concatenate(
        [np.empty(0, dtype=np.intp), *(each for _, each in found)]
    )


def _compare(values: NDArray[np.int64] | NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return values[1:] < values[:-1], values[1:] == values[:-1]


def _in_blocks(work: Callable[[int], _T], length: int) -> list[_T]:
    """Call `work` with the begin of every block, on threads where there are several; NumPy leaves them alone."""
    begins = range(0, length, _BLOCK)
    if len(begins) < 2:
        return [work(begin) for begin in begins]
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(work, begins))


def present_codes(column: pl.Series) -> list[int]:
    """Return the distinct numbers below 65,536 in a column, in ascending order."""

    def mark(begin: int) -> None:
        seen[column.slice(begin, _BLOCK).to_numpy()] = True

    seen = np.zeros(CODES, dtype=np.bool_)
    _in_blocks(mark, len(column))
    found: list[int] = np.flatnonzero(seen).tolist()
    return found


def places(present: list[int]) -> NDArray[np.uint16]:
    """Return the place of each code among those present; of others 0."""
    found = np.zeros(CODES, dtype=np.uint16)
    found[present] = np.arange(len(present))
    return found


def dense(frame: pl.DataFrame, present: list[int]) -> pl.DataFrame:
    """Replace the venue codes, those present in order of the venues, by a dense index."""
    if present == list(range(len(present))):
        return frame
    codes, index = frame["venue"].to_numpy(), places(present)
    made = np.empty_like(codes)

    def fill(begin: int) -> None:
        made[begin : begin + _BLOCK] = index[codes[begin : begin + _BLOCK]]

    _in_blocks(fill, len(codes))
    return frame.with_columns(pl.Series("venue", made))
