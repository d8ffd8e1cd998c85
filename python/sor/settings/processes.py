"""Forked processes, which hang in polars: found out before they do (docs/processes.md)."""

from __future__ import annotations

import os

from sor.errors import SorError

_forked = False


def _mark() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark)


def require_own_threads() -> None:
    """Refuse to work in a process that was forked from one in which this package was imported already.

    Polars' threads are the parent's and not there: the first query waits for them for ever.

    Raises:
        SorError: Saying how to start processes instead.

    """
    if _forked:
        raise SorError(
            "this process was forked from one that had imported sor, and the threads of polars do not come along: a "
            "query would wait for ever; start processes with spawn, e.g. "
            "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))"
        )
