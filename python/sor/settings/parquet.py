"""What is wrong with a Parquet file that polars would panic at, and print it, or say in words that help nobody."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
from pathlib import Path
from typing import BinaryIO

import polars as pl

from sor.errors import DataError

_MAGIC = b"PAR1"
_END = 8
"""Bytes at the end of a Parquet file: the length of its footer, and `PAR1`."""
_ARROW_SCHEMA = re.compile(rb"ARROW:schema.{1,16}?([A-Za-z0-9+/]{64,}={0,2})", re.DOTALL)
# A text of a flatbuffer: its length, itself and a zero. The offsets of whole hours are zones that polars knows.
_OFFSET = re.compile(rb"\x06\0\0\0([+-]\d\d:(?!00)\d\d)\0")


def check_parquet(source: Path | bytes, label: str) -> None:
    """Refuse what is no Parquet file, and one whose times are in a zone without a name, such as `+05:30`.

    Raises:
        DataError: Naming the file, and what would be right.

    """
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        begin = file.read(len(_MAGIC))
        schema = _arrow_schema(file)
    if not begin:
        raise DataError(f"{label}: cannot be read: the file is empty")
    if begin not in (_MAGIC, b"PARE"):
        raise DataError(
            f"{label}: cannot be read: it is not Parquet, though its name says so; a table of text ends in .csv"
        )
    if found := _OFFSET.search(schema):
        raise unnamed_zone(label, found[1].decode())


def scan_parquet(path: str | Path) -> pl.LazyFrame:
    """Return one file, or one object of a store, whose columns are read later; a file here is checked before.

    Raises:
        DataError: As `check_parquet`.

    """
    if "://" not in str(path):
        check_parquet(Path(path), str(path))
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def zone_in(failed: BaseException) -> str | None:
    """Return the zone that polars does not know, where this is what it says."""
    found = re.search("unable to parse time zone: '([^']*)'", str(failed))
    return None if found is None else found[1]


def unnamed_zone(label: str, zone: str) -> DataError:
    """Return the error of a time zone that has no name."""
    return DataError(
        f"{label}: cannot be read: its times are in the zone {zone}, which has no name; expected times in UTC, or in a "
        "zone with one, such as Asia/Kolkata"
    )


def _arrow_schema(file: BinaryIO) -> bytes:
    """Return the Arrow schema that most writers keep in the footer; nothing where there is none."""
    size = file.seek(0, os.SEEK_END)
    if size < _END:
        return b""
    file.seek(size - _END)
    end = file.read(_END)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC or length > size - _END:
        return b""
    file.seek(size - _END - length)
    found = _ARROW_SCHEMA.search(file.read(length))
    try:
        return b"" if found is None else base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return b""
