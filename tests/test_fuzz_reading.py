"""Damaged files: whatever is in them is read, or refused with an error of ours, and soon.

`make fuzz` sets SOR_FUZZ_FILES to many more; SOR_FUZZ_SEED begins elsewhere.
"""

from __future__ import annotations

import os
import random
import time
import warnings
from typing import TYPE_CHECKING

import mutations
import pytest
import sor
from sor.tape.sessions import resolve

if TYPE_CHECKING:
    from pathlib import Path

FILES = int(os.environ.get("SOR_FUZZ_FILES", "400"))
SEED = int(os.environ.get("SOR_FUZZ_SEED", "1"))
SECONDS = 10.0

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


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_a_good_file_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(SEEDS[name])
    assert read(tmp_path / name) is not None


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    wrong = []
    for k in range(max(1, FILES // len(SEEDS))):
        seed = f"{SEED} {name} {k}"
        data = mutations.mutate(name, SEEDS[name], random.Random(seed))
        path.write_bytes(data)
        begin = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sor.SorWarning)
                read(path)
        except sor.SorError as error:
            if name not in str(error) and "tape" not in str(error) and "halts" not in str(error):
                wrong.append((seed, f"no path: {error}"))
        except BaseException as error:
            wrong.append((seed, f"{type(error).__name__}: {error}"[:300]))
        if time.monotonic() - begin > SECONDS:
            wrong.append((seed, f"took {time.monotonic() - begin:.1f} s"))
    assert wrong == []
