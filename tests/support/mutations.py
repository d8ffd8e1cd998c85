"""Files of every kind that is read, and ways in which they go wrong on a disk, in a transfer, or by hand."""

from __future__ import annotations

import gzip
import importlib.util
import io
import zlib
from typing import TYPE_CHECKING

import polars as pl
from raw_frames import T0

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

ROWS = 40
NASTY = (
    *("", " ", "0", "-1", "1e308", "-1e308", "1e400", "nan", "inf", "-inf", "null", "NaN", "0x10", "1_000"),
    *("9223372036854775807", "9223372036854775808", "18446744073709551615", "-9223372036854775809", "9" * 20),
    *("2024-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01", "24:00", "1,000", "A" * 3_000),
    *("é", "\x00", '"', "'", ";", "\ufeff"),
)
"""Values that some parser takes for something."""


def quotes() -> pl.DataFrame:
    k = pl.int_range(ROWS)
    return pl.select(
        ts_event=T0 + k * 10**8,
        rtype=pl.lit(1, pl.UInt8),
        publisher_id=(k % 3 + 1).cast(pl.UInt16),
        bid_px_00=99_990_000_000 + k,
        ask_px_00=100_010_000_000 + k,
        bid_sz_00=(k * 100).cast(pl.UInt32),
        ask_sz_00=(300 + k).cast(pl.UInt32),
        sequence=k.cast(pl.UInt64),
        symbol=pl.lit("X"),
    )


def in_currency() -> pl.DataFrame:
    moment = pl.from_epoch("ts_event", time_unit="ns").dt.strftime("%Y-%m-%dT%H:%M:%S.%9fZ")
    frame = quotes().with_columns(moment, pl.col("bid_px_00", "ask_px_00") / 1e9)
    return (
        frame.rename({"publisher_id": "venue"})
        .with_columns(pl.format("V{}", "venue").alias("venue"))
        .drop("rtype")
    )


def trades() -> pl.DataFrame:
    k = pl.int_range(ROWS)
    return pl.select(
        ts_event=T0 + k * 10**8,
        publisher_id=(k % 3 + 1).cast(pl.UInt16),
        price=100.0 + k / 100,
        size=(k + 1) * 10,
        sequence=k,
        cond=pl.lit("@F I"),
        correction=pl.lit("00"),
    )


TOML = b"""[[venue]]
id = 1
name = "XNAS"
taker_fee = 0.003
maker_rebate = 0.002
latency = "350us"

[[venue]]
id = "V2"
latency = "1ms"
queue_position = 0.5
"""


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def seeds() -> dict[str, bytes]:
    """Return a good file of every kind, by its name; those whose packages are missing are left out."""
    found = {
        "prints.csv": trades().write_csv().encode(),
        "prints.parquet": _parquet(trades()),
        "venues.toml": TOML,
    }
    for stem, frame in (("nanos", quotes()), ("currency", in_currency())):
        text = frame.write_csv().encode()
        found |= {
            f"{stem}.csv": text,
            f"{stem}.csv.gz": gzip.compress(text),
            f"{stem}.parquet": _parquet(frame),
        }
        if importlib.util.find_spec("zstandard"):
            import zstandard

            found[f"{stem}.csv.zst"] = zstandard.compress(text)
    if importlib.util.find_spec("databento"):
        from dbn_files import dbn_file, status_file

        found |= {"mbp1.dbn": dbn_file(ROWS), "status.dbn": status_file()}
        if importlib.util.find_spec("zstandard"):
            found["mbp1.dbn.zst"] = zstandard.compress(dbn_file(ROWS))
    return found


def _flip(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice([1, 1, 1, 2, 8, 64])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _cut(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: rng.randrange(len(data))])


def _drop(data: bytearray, rng: random.Random) -> bytes:
    begin = rng.randrange(len(data))
    del data[begin : begin + rng.choice([1, 2, 8, 100])]
    return bytes(data)


def _insert(data: bytearray, rng: random.Random) -> bytes:
    begin = rng.randrange(len(data) + 1)
    data[begin:begin] = rng.choice([b"\0", b"\xff" * 8, b"\n" * 50, b",", b'"', rng.randbytes(30)])
    return bytes(data)


def _repeat(data: bytearray, rng: random.Random) -> bytes:
    begin = rng.randrange(len(data))
    piece = data[begin : begin + rng.choice([4, 20, 80])]
    place = rng.randrange(len(data))
    data[place:place] = piece * rng.choice([1, 3])
    return bytes(data)


def _overwrite(data: bytearray, rng: random.Random) -> bytes:
    """Lengths and counts of binary forms: a field of 4 or 8 bytes becomes an extreme."""
    width = rng.choice([1, 2, 4, 8])
    begin = rng.randrange(max(1, len(data) - width))
    data[begin : begin + width] = rng.choice([b"\xff", b"\0", b"\x7f", b"\x80"]) * width
    return bytes(data)


BYTES: tuple[Callable[[bytearray, random.Random], bytes], ...] = (
    _flip,
    _cut,
    _drop,
    _insert,
    _repeat,
    _overwrite,
)


def mutated_text(text: bytes, rng: random.Random) -> bytes:
    """Change a table of text by its fields and lines: what a person or an export does to it."""
    lines = [line.split(",") for line in text.decode().splitlines()]
    row = rng.randrange(len(lines))
    column = rng.randrange(len(lines[row]))
    match rng.randrange(7):
        case 0:
            lines[row][column] = rng.choice(NASTY)
        case 1:
            for line in lines[1:]:
                line[column] = rng.choice(NASTY[:8])
        case 2:
            del lines[row][column]
        case 3:
            lines.insert(row, list(rng.choice(lines)))
        case 4:
            lines = [line[:column] + line[column + 1 :] for line in lines]
        case 5:
            lines[0][column] = rng.choice(lines[0])
        case _:
            del lines[row]
    end = rng.choice(["\n", "\n", "\r\n", "\r"])
    return end.join(",".join(line) for line in lines).encode() + rng.choice([b"\n", b"", b"\n\n\n"])


def mutate(name: str, data: bytes, rng: random.Random) -> bytes:
    """Change a file once or twice; what is packed may be changed below its packing."""
    for _ in range(rng.choice([1, 1, 2])):
        if name.endswith(".csv.gz") and rng.random() < 0.5:
            try:
                data = gzip.compress(mutated_text(gzip.decompress(data), rng))
                continue
            except (OSError, EOFError, zlib.error, UnicodeError, ValueError, IndexError):
                pass
        if name.endswith(".csv") and rng.random() < 0.6:
            try:
                data = mutated_text(data, rng)
                continue
            except (UnicodeError, ValueError, IndexError):
                pass
        data = rng.choice(BYTES)(bytearray(data or b"\0"), rng)
    return data
