"""A run in a folder: its rows, its settings, and a manifest that says what made it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError
from sor.results.result import versions
from sor.settings.checks import path_of
from sor.tape.files import beside
from sor.tape.schema import reading
from sor.universe.tables import NAMES, Tables

if TYPE_CHECKING:
    from os import PathLike

MANIFEST, SETTINGS = "manifest.json", "run.toml"
_KIND = "sor.universe"


@dataclass(frozen=True)
class SavedRun:
    """What a folder holds.

    Attributes:
        path: The folder.
        tables: The rows.
        manifest: Versions, digests, seeds, the command.
        settings: The settings, as TOML.

    """

    path: Path
    tables: Tables
    manifest: dict[str, Any]
    settings: str


def write_run(path: str | PathLike[str], tables: Tables, settings: str, more: dict[str, Any]) -> None:
    """Write a run; the manifest comes last, so that a folder with one is whole.

    Raises:
        DataError: If it cannot be written.

    """
    folder = path_of("path", path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failed:
        raise DataError(f"{folder}: cannot be written: {failed.strerror}") from None
    for name in NAMES:
        with beside(folder / f"{name}.parquet") as unfinished:
            getattr(tables, name).write_parquet(unfinished)
    with beside(folder / SETTINGS) as unfinished:
        unfinished.write_text(settings, encoding="utf-8")
    manifest = {
        "kind": _KIND,
        "versions": versions(),
        "result": tables.digest(),
        "units": tables.units.height,
        **more,
        "inputs": dict(tables.inputs.select("path", "digest").sort("path").iter_rows()),
    }
    with beside(folder / MANIFEST) as unfinished:
        unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def is_run(path: str | PathLike[str]) -> bool:
    """Tell whether a path is the folder of a run that was written whole."""
    return (Path(path) / MANIFEST).is_file()


def read_run(path: str | PathLike[str]) -> SavedRun:
    """Read a run that `write_run` wrote.

    Raises:
        DataError: If it is none, or its rows are not those its manifest speaks of.

    """
    folder = path_of("path", path)
    if not (folder / MANIFEST).is_file():
        raise DataError(f"{folder}: no {MANIFEST}; expected a folder that result.save(...) wrote")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except ValueError as failed:
        raise DataError(f"{folder / MANIFEST}: is no JSON: {failed}") from None
    if not isinstance(manifest, dict) or manifest.get("kind") != _KIND:
        raise DataError(f"{folder / MANIFEST}: is not the manifest of a saved run")
    if missing := [name for name in ("versions", "inputs") if not isinstance(manifest.get(name), dict)]:
        raise DataError(f"{folder / MANIFEST}: has no {missing[0]}: it was changed after the run")
    if gone := [
        name for name in (*(f"{each}.parquet" for each in NAMES), SETTINGS) if not (folder / name).is_file()
    ]:
        raise DataError(f"{folder}: no {gone[0]}: it was removed after the run")
    frames = {}
    for name in NAMES:
        with reading(str(folder / f"{name}.parquet")):
            frames[name] = pl.read_parquet(folder / f"{name}.parquet", glob=False)
    with reading(str(folder / SETTINGS)):
        settings = (folder / SETTINGS).read_text(encoding="utf-8")
    tables = Tables(**frames)
    found = tables.digest()
    if found != manifest.get("result"):
        raise DataError(
            f"{folder}: its rows have the digest {found}, and its manifest says {manifest.get('result')}: "
            "one of them was changed after the run"
        )
    return SavedRun(folder, tables, manifest, settings)
