"""Reading Parquet and CSV into a validated tape, beside polars' own read of the same columns.

    python -m bench.bench_read [--records 10_000_000] [--repeats 7]

Bars: at most 1.7 times polars' time for Parquet and 3 for CSV; a peak memory of at most 2 times the columns' size.
Times are medians of alternating runs on a warm page cache, in a process that has read before: both libraries use
memory again that an earlier read has left. `first` is the ratio of the CPU times of the first reads of fresh processes,
whose memory the kernel has yet to clear (the median of pairs). Peaks are those of such a process, interpreter and
libraries included (Linux: read from /proc). The columns' size is that of numbers: names are no part of a record.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from sor.tape.read import read_quotes
from sor.tape.schema import UNDEF_PRICE
from sor.tape.simulate import simulate_quotes

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ["ts_event", "publisher_id", "bid_px_00", "ask_px_00", "bid_sz_00", "ask_sz_00", "sequence"]
NAMES = ["venue", "symbol"]
TIME_BARS = {".parquet": 1.7, ".csv": 3.0}
MEMORY_BAR = 2.0
FIRSTS = 5


def make_files(folder: Path, records: int) -> dict[str, Path]:
    """One tape five times.

    Nanos with integer times, as DBN has them; the same with names of venue and symbol beside them; floats with
    datetimes; and the first and the last as text.
    """
    paths = {
        "nanos": folder / "nanos.parquet",
        "names": folder / "names.parquet",
        "floats": folder / "floats.parquet",
        "csv": folder / "integers.csv",
        "csv iso": folder / "iso.csv",
    }
    simulate_quotes(venues=12, minutes=390, records=records).write(folder / "tape.parquet")
    tape = pl.read_parquet(folder / "tape.parquet").with_row_index("sequence")
    tape = tape.with_columns(pl.col("sequence").cast(pl.UInt64)).select(*COLUMNS, *NAMES, "rtype")
    tape.with_columns(pl.col("ts_event").to_physical()).write_parquet(paths["names"])
    tape = tape.drop(NAMES)
    tape.with_columns(pl.col("ts_event").to_physical()).write_parquet(paths["nanos"])
    prices = pl.col("bid_px_00", "ask_px_00")
    floats = tape.with_columns(pl.when(prices != UNDEF_PRICE).then(prices / 1e9))
    floats.write_parquet(paths["floats"])
    tape.with_columns(pl.col("ts_event").to_physical()).write_csv(paths["csv"])
    floats.with_columns(pl.col("ts_event").dt.strftime("%Y-%m-%dT%H:%M:%S.%9fZ")).write_csv(paths["csv iso"])
    return paths


def read_plain(path: Path) -> pl.DataFrame:
    """What polars itself takes."""
    columns = [*COLUMNS, *NAMES] if path.stem == "names" else COLUMNS
    return (pl.read_parquet if path.suffix == ".parquet" else pl.read_csv)(path, columns=columns)


def check_equal(paths: dict[str, Path]) -> None:
    """A benchmark of two results that differ would compare nothing."""
    nanos = read_quotes(paths["nanos"]).frame
    plain = read_plain(paths["nanos"])
    assert all(nanos.equals(read_quotes(path).frame) for path in paths.values())
    assert nanos["ts"].equals(plain["ts_event"], check_names=False)
    assert nanos["ask_px"].equals(plain["ask_px_00"], check_names=False)


def seconds(read: Callable[[Path], object], path: Path) -> float:
    """One timed call."""
    begin = time.perf_counter()
    table = read(path)
    taken = time.perf_counter() - begin
    del table
    return taken


def first_read(path: Path, reader: str) -> tuple[int, float]:
    """Peak resident memory in bytes, and the CPU time of the read in seconds, of a fresh process that does one read."""
    command = [sys.executable, "-m", "bench.bench_read", "--child", reader, str(path)]
    peak, spent = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(peak), float(spent)


def child(reader: str, path: str) -> None:
    """Read once, and print what `first_read` returns."""
    read: Callable[[Path], object] = {"tape": read_quotes, "plain": read_plain}[reader]
    begin = time.process_time()
    table = read(Path(path))
    spent = time.process_time() - begin
    # Not getrusage: its high-water mark survives exec, so a child would report its parent's.
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(peak, spent)
    del table


def main() -> None:
    """Measure all files and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--child", nargs=2, metavar=("READER", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return

    with tempfile.TemporaryDirectory() as folder:
        paths = make_files(Path(folder), options.records)
        check_equal(paths)
        versions = f"polars {pl.__version__}, NumPy {np.__version__}"
        print(f"{options.records:,} records, {options.repeats} repeats, {versions}")
        print("file     polars s   tape s   ratio   first   columns MB   peak MB   ratio")
        for name, path in paths.items():
            runs = [(seconds(read_plain, path), seconds(read_quotes, path)) for _ in range(options.repeats)]
            plain, tape = (statistics.median(each) for each in zip(*runs, strict=True))
            firsts = [(first_read(path, "plain"), first_read(path, "tape")) for _ in range(FIRSTS)]
            first = statistics.median(own[1] / theirs[1] for theirs, own in firsts)
            size, peak = read_plain(paths["nanos"]).estimated_size(), max(own[0] for _, own in firsts)
            slower, larger = tape / plain, peak / size
            verdict = "ok" if slower <= TIME_BARS[path.suffix] and larger <= MEMORY_BAR else "ABOVE THE BAR"
            line = f"{name:8} {plain:8.3f} {tape:8.3f} {slower:7.2f} {first:7.2f} {size / 1e6:12.0f}"
            print(f"{line} {peak / 1e6:9.0f} {larger:7.2f}   {verdict}", flush=True)


if __name__ == "__main__":
    main()
