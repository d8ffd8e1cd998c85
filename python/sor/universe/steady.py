"""Memory that goes back to the system between tapes, in a process that works through thousands.

The C library of Linux keeps a heap for each thread that asks for memory at the same time as others. It gives what is
free at a heap's end back beyond a threshold, which it doubles whenever something large is freed: after a few tapes a
heap keeps all that its largest one took. Polars starts and ends threads as it likes; whenever one of them takes over
the heap of a thread that replays, the next replay begins another, and so a process grows by a tape at a time, at
moments that nobody can tell.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

LEAST = 2**20
"""Bytes: what is larger has memory of its own, and no heap keeps more than that at its end."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The numbers of glibc's `mallopt`."""


@cache
def hold_steady() -> bool:
    """Keep the thresholds of this process where they are said to be, once; return whether the C library knows them."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        # Other libraries have a function of this name, and other numbers for it.
        if hasattr(library, "gnu_get_libc_version"):
            return all(library.mallopt(each, LEAST) == 1 for each in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
    return False
