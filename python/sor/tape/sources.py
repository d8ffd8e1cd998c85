"""What records may come from: files, patterns, standard input, frames of any library, stores."""

from __future__ import annotations

import glob
import io
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from sor.errors import DataError, MissingExtra, ParameterError
from sor.settings.checks import path_of
from sor.settings.frames import from_library, is_table
from sor.settings.parquet import check_parquet, scan_parquet
from sor.settings.processes import require_own_threads
from sor.tape.dbn import is_store, read_dbn, read_store
from sor.tape.files import file_kind
from sor.tape.lines import Lines, closing_line
from sor.tape.options import CONSOLIDATED_NAMES, KNOWN_NAMES, Options
from sor.tape.schema import Part, reading

Table: TypeAlias = str | PathLike[str] | pl.DataFrame | pl.LazyFrame | Any
"""One source of records.

A path (`.csv`, `.parquet`, `.dbn`, each also `.gz` or `.zst`), a pattern of paths (`days/*.parquet`), `-` for standard
input, a polars or pandas frame, anything with an Arrow PyCapsule, or a `databento.DBNStore`.
"""
Source: TypeAlias = Table | Sequence[Table]

_USED = {*KNOWN_NAMES, *CONSOLIDATED_NAMES}
_PATTERN = set("*?[")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# A file of quotes is packed 5 to 20 times; what unpacks to far more than that is no such file.
_LEAST_BOUND, _MOST_RATIO = 2**28, 64
_SNIFFED = 1_000


def open_source(source: Source, options: Options) -> tuple[list[Part], list[str]]:
    """Open a source or a sequence of them; nothing but their headers is read of Parquet and plain CSV.

    Returns:
        The parts, and what is to be warned about.

    Raises:
        DataError: If one cannot be read.
        FileNotFoundError, IsADirectoryError, PermissionError: If a path leads to no file that may be read.
        ParameterError: If it is no source at all.

    """
    require_own_threads()
    several = isinstance(source, Sequence) and not isinstance(source, str | bytes | bytearray)
    tables: list[Table] = [*source] if several and isinstance(source, Sequence) else [source]
    if not tables:
        raise ParameterError("source is empty; expected at least one path or frame")
    opened: list[tuple[str, Part]] = []
    for number, table in enumerate(tables, start=1):
        opened += _open_one(table, f"frame {number}" if several else "frame", options)
    return [_renamed(part, options) for _, part in opened], _repeats([key for key, _ in opened])


def _open_one(table: Table, label: str, options: Options) -> list[tuple[str, Part]]:
    """Open a table; the key tells a file that is given twice."""
    match table:
        case pl.DataFrame():
            return [(f"frame {id(table)}", _of_frame(table, label))]
        case pl.LazyFrame():
            # Collected once, as the records are looked at more than once.
            with reading(label):
                wanted = _USED | set(options.columns)
                used = [name for name in table.collect_schema() if name in wanted]
                return [("", _of_frame(table.select(used).collect(), label))]
        case str() if table == "-":
            return [("-", _open_bytes(_standard_input(), "standard input", options))]
        case str() | PathLike():
            return [_open_file(path, options) for path in _paths(path_of("source", table))]
    if is_store(table):
        frame, kind = read_store(table, label)
        return [("", replace(_of_frame(frame, label), kind=kind))]
    if is_table(table):
        return [("", _of_frame(from_library(table, label), label))]
    raise ParameterError(
        f"source is a {type(table).__module__}.{type(table).__qualname__}; expected a path, a polars or pandas "
        "frame, an Arrow table, a DBNStore, or a list of them"
    )


def _of_frame(frame: pl.DataFrame, label: str) -> Part:
    part = Part(label, frame.lazy(), frame.schema)
    return replace(part, quick=replace(part, trusting=True)) if pl.String in frame.schema.values() else part


def _paths(path: Path) -> list[Path]:
    """Expand a pattern in the order of names; a file whose name looks like a pattern is that file."""
    text = fspath(path)
    if not _PATTERN & set(text) or path.exists():
        return [path]
    found = sorted(Path(each) for each in glob.glob(text, recursive=True))  # noqa: PTH207 (a path of any folder)
    if not found:
        raise FileNotFoundError(f"{path}: no file matches this pattern")
    return found


def _open_file(path: Path, options: Options) -> tuple[str, Part]:
    label = str(path)
    if path.is_dir():
        raise IsADirectoryError(
            f"{path}: is a directory; expected a file, a list of files or a pattern ({path}/*.parquet)"
        )
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    key = str(path.resolve())
    kind = file_kind(path)
    with reading(label):
        if kind == "parquet":
            frame = scan_parquet(path)
            return key, Part(label, frame, frame.collect_schema())
        if kind == "csv" and not _first_bytes(path).startswith((_GZIP, _ZSTD)):
            return key, _open_csv(path, label, options)
        if kind in ("csv", "dbn"):
            return key, _open_bytes(path.read_bytes(), label, options, kind)
    raise DataError(
        f"{label}: unknown kind of file; expected a name that ends in .parquet, .csv or .dbn, the last two also "
        "with .gz or .zst"
    )


def _standard_input() -> bytes:
    with reading("standard input"):
        return sys.stdin.buffer.read()


def _open_bytes(data: bytes, label: str, options: Options, kind: str | None = None) -> Part:
    """Open what is in memory, compressed or not; its first bytes tell the kind where no name does."""
    data = _unpacked(data, label, options)
    if kind is None:
        kind = "parquet" if data[:4] == b"PAR1" else "dbn" if data[:3] == b"DBN" else "csv"
    with reading(label):
        if kind == "parquet":
            check_parquet(data, label)
            return _of_frame(pl.read_parquet(io.BytesIO(data)), label)
        if kind == "dbn":
            frame, schema = read_dbn(data, label)
            return replace(_of_frame(frame, label), kind=schema)
        return _open_csv(data, label, options)


def _unpacked(data: bytes, label: str, options: Options) -> bytes:
    """Unpack gzip or Zstandard, up to a bound.

    Raises:
        DataError: If it is cut short or damaged, or would be larger than the bound.

    """
    if data[:2] != _GZIP and data[:4] != _ZSTD:
        return data
    bound = options.max_bytes or max(_LEAST_BOUND, _MOST_RATIO * len(data))
    pieces: list[bytes] = []
    total = 0
    try:
        while data:
            inflate: Any = zlib.decompressobj(wbits=31) if data[:2] == _GZIP else _zstandard(label)
            view = memoryview(data)
            place = 0
            while place < len(view) and not inflate.eof:
                # A million packed bytes are a thousand million at most.
                piece = inflate.decompress(view[place : place + 2**16])
                place += 2**16
                total += len(piece)
                if total > bound:
                    raise DataError(
                        f"{label}: unpacks to more than {bound:,} bytes from {len(data):,}; expected a table of "
                        "quotes, which packs less well; max_bytes= raises the bound"
                    )
                pieces.append(piece)
            if not inflate.eof:
                raise DataError(
                    f"{label}: cannot be read: the compressed file is cut short; expected the whole file"
                )
            rest = inflate.unused_data + bytes(view[place:])
            # Several packed files, one after another, are one; zeros may fill the last block.
            data = rest.lstrip(b"\0")
            if data and data[:2] != _GZIP and data[:4] != _ZSTD:
                raise DataError(
                    f"{label}: cannot be read: {len(data):,} bytes that are not compressed follow"
                )
    except (DataError, MissingExtra):
        raise
    except Exception as failed:  # zlib.error, ZstdError, and what else a damaged file brings
        raise DataError(f"{label}: cannot be read: {failed}") from failed
    return b"".join(pieces)


def _zstandard(label: str) -> Any:
    try:
        import zstandard  # type: ignore[import-not-found, unused-ignore]  # an extra
    except ImportError as missing:
        raise MissingExtra(
            f"{label}: reading .zst needs the zstandard package: pip install zstandard"
        ) from missing
    return zstandard.ZstdDecompressor().decompressobj()


def _open_csv(source: Path | bytes, label: str, options: Options) -> Part:
    _require_utf8(source, label)
    closing = closing_line(source, options.separator)
    if closing and isinstance(source, bytes):
        source, closing = source[:-closing], 0

    def scan(**more: Any) -> pl.LazyFrame:
        given = source if isinstance(source, Path) else io.BytesIO(source)
        return pl.scan_csv(given, glob=False, separator=options.separator, **more)

    frame = scan(infer_schema=False)
    schema = frame.collect_schema()
    _require_once(schema, label, options)
    lines = Lines(source, label, options.separator, len(schema), closing)
    if closing:
        frame = frame.filter(pl.nth(0).ne_missing("END"))
    part = Part(label, frame, schema, text=True, lines=lines)
    if not len(schema):
        return part
    try:
        first = frame.head(_SNIFFED).collect()
    except pl.exceptions.PolarsError:
        lines.require_fields()  # names the row, where that is it
        raise
    types = {name: _sniffed(first[name], options.columns.get(name, name)) for name in schema}
    typed = scan(schema_overrides=types, infer_schema=False)
    return replace(part, quick=Part(label, typed, pl.Schema(types), lines=lines, trusting=True))


def _require_utf8(source: Path | bytes, label: str) -> None:
    """Refuse what its first bytes tell to be no text of one byte a letter."""
    begin = _first_bytes(source) if isinstance(source, Path) else source[:4]
    if begin[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{label}: cannot be read: it is text in UTF-16; expected text in UTF-8")
    if begin == b"PAR1" or begin[:3] == b"DBN":
        ending = ".parquet" if begin == b"PAR1" else ".dbn"
        raise DataError(
            f"{label}: cannot be read: it is not text; expected CSV, or a name that ends in {ending}"
        )


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _require_once(schema: pl.Schema, label: str, options: Options) -> None:
    """Refuse two columns of one name, where it is one that is read: polars gives the second another name."""
    for name in schema:
        first, between, number = name.rpartition("_duplicated_")
        if between and number.isdigit() and first in schema and options.columns.get(first, first) in _USED:
            raise DataError(f"{label}: two columns are called {first}; expected one")


def _sniffed(values: pl.Series, name: str) -> pl.DataType:
    """Guess the type of a column of text from its first values."""
    match name:
        case "publisher_id":
            return pl.UInt16()
        case "rtype":
            return pl.UInt8()
        case "sequence":
            return pl.UInt64()
        case "queue_position":
            return pl.Float64()
        case "bid_sz_00" | "ask_sz_00" | "size":
            return pl.UInt32() if _is_digits(values) else pl.Float64()
        case "ts_event" | "ts_recv" | "bid_px_00" | "ask_px_00" | "price" if (
            _is_digits(values) and values.count()
        ):
            return pl.Int64()
        case "bid_px_00" | "ask_px_00" | "price":
            return pl.Float64()
        case _:
            return pl.String()


def _is_digits(values: pl.Series) -> bool:
    return bool(values.str.contains(r"^[0-9]*$").all())


def _renamed(part: Part, options: Options) -> Part:
    """Give the columns our names, and find the record type."""
    absent = [name for name in options.columns if name not in part.schema]
    if absent:
        raise DataError(
            f"{part.label}: columns= names {', '.join(map(repr, absent))}, which the table does not have; "
            f"its columns are {', '.join(part.schema) or 'none'}"
        )
    return _first_rtype(_rename(part, options.columns))


def _rename(part: Part, columns: Mapping[str, str]) -> Part:
    moved = {theirs: ours for theirs, ours in columns.items() if theirs != ours}
    if part.quick is not None:
        part = replace(part, quick=_rename(part.quick, columns))
    named = {ours: theirs for theirs, ours in columns.items()}
    if not moved:
        return replace(part, theirs=named)
    kept = [name for name in part.schema if name in moved or name not in moved.values()]
    frame = part.frame.select(pl.col(name).alias(moved.get(name, name)) for name in kept)
    schema = pl.Schema({moved.get(name, name): part.schema[name] for name in kept})
    return replace(part, frame=frame, schema=schema, theirs=named)


def _first_rtype(part: Part) -> Part:
    if "rtype" not in part.schema:
        return part
    with reading(part.label):
        digits = pl.col("rtype").str.strip_chars() if part.text else pl.col("rtype")
        number = digits.cast(pl.UInt8, strict=False)
        there = part.frame.select(number).filter(pl.col("rtype").is_not_null())
        first = there.head(1).collect(engine="streaming").to_series()
    rtype = None if first.is_empty() else first[0]
    quick = None if part.quick is None else replace(part.quick, rtype=rtype)
    return replace(part, rtype=rtype, quick=quick)


def _repeats(keys: list[str]) -> list[str]:
    named = [key for key in keys if key]
    twice = sorted({key for key in named if named.count(key) > 1})
    shown = ["a frame" if key.startswith("frame ") else key for key in twice]
    return [f"{', '.join(shown)}: given more than once, and so read more than once"] if twice else []
