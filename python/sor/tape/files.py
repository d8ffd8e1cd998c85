"""Files by their names, and files that are whole or not there."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def file_kind(path: Path) -> str:
    """Tell `parquet`, `csv` or `dbn` by a path's ending, compressed or not; empty for anything else."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    match suffixes:
        case [*_, ".parquet"]:
            return "parquet"
        case [*_, ".csv"] | [*_, ".csv", ".gz" | ".zst"]:
            return "csv"
        case [*_, ".dbn"] | [*_, ".dbn", ".gz" | ".zst"]:
            return "dbn"
        case _:
            return ""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a name to write under, which becomes `path` when all is written, and vanishes when it is not.

    The ending stays, as it tells some writers the format; patterns such as `*.parquet` do not match the name.

    Raises:
        DataError: If the system or polars cannot write it.

    """
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield unfinished
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())  # a full disk may say so only now
        unfinished.replace(path)
    except (OSError, pl.exceptions.PolarsError) as failed:
        system = failed.strerror if isinstance(failed, OSError) else None
        raise DataError(
            f"{path}: cannot be written: {system or str(failed) or type(failed).__name__}"
        ) from failed
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
