"""A run in a folder: its tables, its settings, and a manifest that says what made it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from sor.errors import DataError
from sor.replay.replay import BUILD, VERSION
from sor.results.tables import Tabled
from sor.settings.checks import path_of
from sor.tape.files import beside
from sor.tape.schema import reading

if TYPE_CHECKING:
    from os import PathLike

    from sor.settings.config import Config

MANIFEST, SETTINGS = "manifest.json", "run.toml"
ABOUT_INPUTS = ("inputs", "notices")
"""Tables that speak of the files and where they lie, and so are in no digest."""
_KIND = "sor.run"
_TABLES = ("versions", "inputs", "tables", "seeds")


@dataclass(frozen=True)
class Parts:
    """What of a result is written.

    Attributes:
        of: What it was computed of.
        made: The call that made it.
        frames: Every table by name; one with a slash in it is in a folder.
        inputs: Every input by name, usually its path, with its digest; None where there is none.

    """

    of: Literal["tapes", "universe"]
    made: Config
    frames: Mapping[str, pl.DataFrame]
    inputs: Mapping[str, str | None]

    @property
    def seeds(self) -> dict[str, int]:
        """The seeds of everything that draws: the bootstrap, a search's method, a fill model."""
        said = {**self.made.options, "fill": self.made.to_plain()["market"]["fill"]}
        drawing = {name: each for name, each in said.items() if isinstance(each, Mapping)}
        return {name: each["seed"] for name, each in drawing.items() if each.get("seed") is not None}

    @property
    def files(self) -> list[str]:
        """The names of the files."""
        return [*(f"{name}.parquet" for name in self.frames), SETTINGS, MANIFEST]


class Saved(Tabled):
    """A result that can be written into a folder, computed again and compared."""

    @property
    def _frames(self) -> Mapping[str, pl.DataFrame]:
        """The tables that `save` writes, exact where sums are."""
        raise NotImplementedError

    @property
    def _parts(self) -> Parts:
        """All that is written."""
        raise NotImplementedError

    @cached_property
    def digest(self) -> str:
        """A digest of every value of the result, the same wherever and in whatever order it was computed."""
        return digest_of(self._frames)

    def save(self, path: str | PathLike[str]) -> list[str]:
        """Write the run into a folder: tables, settings, and a manifest with versions, seeds and all digests.

        `sor.rerun` computes it again, `sor.diff` compares two, and `sor.load` reads one of a universe back.

        Args:
            path: The folder; made where it does not exist.

        Returns:
            The names of the files.

        Raises:
            DataError: If it cannot be written.

        """
        parts = self._parts
        write_run(path, parts, self.digest)
        return parts.files


@dataclass(frozen=True)
class SavedRun:
    """What a folder holds.

    Attributes:
        path: The folder.
        frames: The tables.
        manifest: Versions, digests, seeds, the command.
        settings: The settings, as TOML.

    """

    path: Path
    frames: Mapping[str, pl.DataFrame]
    manifest: dict[str, Any]
    settings: str


def versions() -> dict[str, str]:
    """Return the versions a result depends on; `build` is a digest of the core's sources."""
    return {
        "sor": VERSION,
        "build": BUILD,
        "polars": pl.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def digest_of(frames: Mapping[str, pl.DataFrame]) -> str:
    """Return a digest of every value of some tables, and of nothing that depends on where files lie."""
    digest = hashlib.blake2b(digest_size=16)
    for name, frame in frames.items():
        if name.rpartition("/")[2] in ABOUT_INPUTS:
            continue
        for column in frame:
            digest.update(f"{name}.{column.name} {column.dtype} {len(column)}".encode())
            digest.update(_values(column))
    return digest.hexdigest()


def write_run(path: str | PathLike[str], parts: Parts, digest: str) -> None:
    """Write a run; the manifest comes last, so that a folder with one is whole.

    Raises:
        DataError: If it cannot be written.

    """
    folder = path_of("path", path)
    for name, frame in parts.frames.items():
        file = folder / f"{name}.parquet"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as failed:
            raise DataError(f"{folder}: cannot be written: {failed.strerror}") from None
        with beside(file) as unfinished:
            frame.write_parquet(unfinished)
    with beside(folder / SETTINGS) as unfinished:
        unfinished.write_text(parts.made.to_toml(), encoding="utf-8")
    manifest = {
        "kind": _KIND,
        "of": parts.of,
        "command": parts.made.command,
        "versions": versions(),
        "result": digest,
        "tables": {name: frame.height for name, frame in parts.frames.items()},
        "seeds": parts.seeds,
        "inputs": dict(parts.inputs),
    }
    with beside(folder / MANIFEST) as unfinished:
        unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def is_run(path: str | PathLike[str]) -> bool:
    """Tell whether a path is the folder of a run that was written whole."""
    return (Path(path) / MANIFEST).is_file()


def read_run(path: str | PathLike[str]) -> SavedRun:
    """Read a run that `write_run` wrote.

    Raises:
        DataError: If it is none, or its tables are not those its manifest speaks of.

    """
    folder = path_of("path", path)
    manifest = _manifest(folder)
    names = [name for name in manifest["tables"] if ".." not in Path(name).parts]
    for file in (*(f"{name}.parquet" for name in names), SETTINGS):
        if not (folder / file).is_file():
            raise DataError(f"{folder}: no {file}: it was removed after the run")
    frames = {}
    for name in names:
        with reading(str(folder / f"{name}.parquet")):
            frames[name] = pl.read_parquet(folder / f"{name}.parquet", glob=False)
    with reading(str(folder / SETTINGS)):
        settings = (folder / SETTINGS).read_text(encoding="utf-8")
    found = digest_of(frames)
    if found != manifest.get("result"):
        raise DataError(
            f"{folder}: its tables have the digest {found}, and its manifest says {manifest.get('result')}: "
            "one of them was changed after the run"
        )
    return SavedRun(folder, frames, manifest, settings)


def _manifest(folder: Path) -> dict[str, Any]:
    place = folder / MANIFEST
    if not place.is_file():
        raise DataError(
            f"{folder}: no {MANIFEST}; expected a folder that result.save(...) or --out of a command wrote"
        )
    try:
        manifest = json.loads(place.read_text(encoding="utf-8"))
    except ValueError as failed:
        raise DataError(f"{place}: is no JSON: {failed}") from None
    if not isinstance(manifest, dict) or manifest.get("kind") != _KIND:
        raise DataError(f"{place}: is not the manifest of a saved run")
    if missing := [name for name in _TABLES if not isinstance(manifest.get(name), dict)]:
        raise DataError(f"{place}: has no {missing[0]}: it was changed after the run")
    return manifest


def _values(column: pl.Series) -> bytes:
    """Return the values of a column as bytes, however its buffers came about."""
    there = column.is_not_null()
    if column.dtype == pl.String:
        texts = column.drop_nulls()
        lengths = texts.str.len_bytes().to_numpy().tobytes()
        return there.to_numpy().tobytes() + lengths + "".join(texts.to_list()).encode()
    if column.dtype == pl.Int128 or column.dtype.is_nested():
        return repr(column.to_list()).encode()
    whole = column.to_physical()
    whole = whole.cast(pl.UInt8) if whole.dtype == pl.Boolean else whole
    return there.to_numpy().tobytes() + whole.fill_null(0).to_numpy().tobytes()
