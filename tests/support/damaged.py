"""Damaged files of every kind: each is read, or refused with an error of ours that names it, and soon."""

from __future__ import annotations

import random
import time
import warnings
from typing import TYPE_CHECKING

import mutations
import sor
from sor.tape.sessions import resolve

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 10.0
"""A file that takes longer hangs."""

SEEDS = mutations.seeds()
TAPE = sor.read_quotes(mutations.quotes())


def read(path: Path) -> object:
    """Read a file as what its name says."""
    if path.name.startswith("prints"):
        return sor.read_trades(path, quotes=TAPE)
    if path.name.startswith("status"):
        return resolve(TAPE, halts=path)
    if path.suffix == ".toml":
        return sor.read_venues(path)
    return sor.read_quotes(path)


def tried(name: str, seed: str, folder: Path) -> str | None:
    """Damage a good file and read it; return what is wrong with what came of it, or None."""
    path = folder / name
    path.write_bytes(mutations.mutate(name, SEEDS[name], random.Random(seed)))
    begun = time.monotonic()
    found = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sor.SorWarning)
        try:
            read(path)
        except sor.SorError as error:
            if name not in str(error) and "tape" not in str(error) and "halts" not in str(error):
                found = f"no path: {error}"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            found = f"{type(error).__name__}: {error}"[:300]
    taken = time.monotonic() - begun
    if taken > SECONDS:
        found = f"took {taken:.1f} s"
    return None if found is None else f"seed {seed!r}: {found}"
