"""What reading notices: told as warnings, or gathered where many tapes are read and each kind is to be told once."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from sor.errors import SorWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Of the thread: Python's own filters are the process's, and may not be changed by one of several threads.
_GATHERED: ContextVar[list[str] | None] = ContextVar("gathered", default=None)


def tell(sentences: Iterable[str], *, stacklevel: int) -> None:
    """Warn of each sentence, or hand them to what gathers them in this thread.

    Args:
        sentences: What was noticed.
        stacklevel: Whose call the warnings point at, as `warnings.warn` of the caller would count.

    """
    gathered = _GATHERED.get()
    for sentence in sentences:
        if gathered is None:
            warnings.warn(sentence, SorWarning, stacklevel=stacklevel + 1)
        else:
            gathered.append(sentence)


@contextmanager
def gathering() -> Iterator[list[str]]:
    """Yield a list that gets what is told in this thread meanwhile, and is no warning."""
    gathered: list[str] = []
    token = _GATHERED.set(gathered)
    try:
        yield gathered
    finally:
        _GATHERED.reset(token)
