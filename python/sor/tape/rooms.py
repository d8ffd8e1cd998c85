"""Memory for the columns of a tape, used again by the next one.

A long tape's columns are hundreds of megabytes. Most of the time that it takes to fill them anew goes to the kernel,
which hands out pages one by one and clears each. What a tape leaves behind is kept here, marked as free for the kernel
to take where memory runs short, and handed to the next tape of about its length. On Linux it is of large pages.

Such memory is no part of any allocator's heap: tapes that come and go by the thousand leave no holes in one.
"""

from __future__ import annotations

import mmap
import weakref
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MOST_KEPT = 2**29
"""Bytes that wait for a next tape, at most: a tape of fifteen million records."""

_LARGE_PAGE = 2**21
_ALIGNED = 64
"""Every column begins on a cache line."""

_kept: list[mmap.mmap] = []
"""What no tape uses, the longest kept first. Changed in single steps: a tape may end on any thread at any time."""


class _Owner(np.ndarray[tuple[int], np.dtype[np.uint8]]):
    """The whole of a mapping. NumPy lets views of it hold on to it, as they would not to a plain array."""


def columns(dtypes: Mapping[str, np.dtype[Any]], records: int) -> dict[str, NDArray[Any]]:
    """Return columns of so many records, of any content, which lie in one piece of memory.

    The memory is free again when the last of them, and of all that was made of them without a copy, is gone.

    Raises:
        MemoryError: If there is not so much address space.

    """
    sizes = [-(-dtype.itemsize * records // _ALIGNED) * _ALIGNED for dtype in dtypes.values()]
    begins = [0, *accumulate(sizes)]
    whole = _whole(begins[-1])
    return {
        name: whole[begin : begin + dtype.itemsize * records].view(np.ndarray).view(dtype)
        for (name, dtype), begin in zip(dtypes.items(), begins, strict=False)
    }


def _whole(size: int) -> NDArray[np.uint8]:
    mapping = _reused(size) or _fresh(size)
    whole = np.frombuffer(mapping, np.uint8).view(_Owner)
    weakref.finalize(whole, _keep, mapping).atexit = False
    return whole[-whole.ctypes.data % _LARGE_PAGE :]


def _reused(size: int) -> mmap.mmap | None:
    """Take the smallest kept mapping in which columns of so many bytes fit and fill at least half."""
    room = _length(size)
    for mapping in sorted(_kept, key=len):
        if room <= len(mapping) <= 2 * room:
            try:
                _kept.remove(mapping)
            except ValueError:
                continue  # another thread has it
            return mapping
    return None


def _fresh(size: int) -> mmap.mmap:
    # What is mapped is no memory before it is written: lengths in steps let tapes of unlike lengths share one.
    private = {"flags": mmap.MAP_PRIVATE} if hasattr(mmap, "MAP_PRIVATE") else {}
    try:
        mapping = mmap.mmap(-1, _length(size), **private)
    except (OSError, OverflowError) as failed:
        raise MemoryError(f"no room for {size:,} bytes") from failed
    _advise(mapping, "MADV_HUGEPAGE")
    return mapping


def _length(size: int) -> int:
    """Return the length of a mapping in which so many bytes begin on a large page: in eighths of a power of two."""
    step = max(_LARGE_PAGE, 1 << max(0, size.bit_length() - 3))
    return _LARGE_PAGE + -(-size // step) * step


def _keep(mapping: mmap.mmap) -> None:
    """Keep the memory of a tape that is gone; let go what was kept longest beyond the most."""
    if len(mapping) > MOST_KEPT:
        return
    _advise(mapping, "MADV_FREE")
    _kept.append(mapping)
    while sum(map(len, _kept.copy())) > MOST_KEPT:
        try:
            _kept.pop(0)
        except IndexError:
            break  # another thread was faster


def _advise(mapping: mmap.mmap, name: str) -> None:
    """Tell the kernel, where it has the word for it; it need not follow."""
    advice = getattr(mmap, name, None)
    if advice is not None:
        with suppress(OSError):
            mapping.madvise(advice)
