"""Turns in polars, where symbol-days are worked on in threads.

Expressions may call Python (the exact quotients of `sor.tape.exact` do), on threads of polars' own that wait for the
interpreter's lock. An eager operation of another thread can hold that lock while it waits for polars' threads, and then
neither goes on, for ever. So one unit at a time is in polars, which uses every core by itself; replays need no turn.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock, local
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TURN = Lock()
_MINE = local()


@contextmanager
def turn() -> Iterator[None]:
    """Wait until no other unit of this process is in polars."""
    with _TURN:
        _MINE.held = True
        try:
            yield
        finally:
            _MINE.held = False


@contextmanager
def others_turn() -> Iterator[None]:
    """Let other units have their turn meanwhile, if this thread has it."""
    if not getattr(_MINE, "held", False):
        yield
        return
    _MINE.held = False
    _TURN.release()
    try:
        yield
    finally:
        _TURN.acquire()
        _MINE.held = True
