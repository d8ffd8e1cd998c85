"""Instructions of the loop that a replay is in most of the time: `make bench-instructions`.

The Rust bench runs once under callgrind with so many records and once with twice as many; the difference is what the
records take, without what is made before. Counts do not depend on the machine or on who else uses it, but on the
compiler, whose version is kept with them in `instructions.json`: with another they are shown and nothing fails.
`--write` keeps the new counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

RECORDS = 200_000
# More than this above what is kept is a failure.
TOLERANCE = 0.03
ROWS = ("router, taking all it sees", "router, taking little", "no active order")
KEPT = Path(__file__).with_name("instructions.json")


def compiler() -> str:
    """What `rustc` calls itself."""
    return _run(["rustc", "--version"]).stdout.strip()


def build() -> str:
    """Build the Rust bench, and return where it is."""
    command = ["cargo", "bench", "--no-run", "--package", "sor-core", "--bench", "replay"]
    for line in _run([*command, "--message-format=json"]).stdout.splitlines():
        found = json.loads(line)
        if found.get("target", {}).get("name") == "replay" and found.get("executable"):
            return str(found["executable"])
    raise RuntimeError("cargo built no bench of that name")


def count(bench: str, row: str | None, records: int) -> int:
    """Instructions of one run of a row; without one, of what is made before."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", bench, "--test"]
    environment = {**os.environ, "SOR_BENCH_RECORDS": str(records)}
    # No row has that name, but all of them are prepared.
    printed = _run([*command, row or "nothing"], environment).stderr
    # The bench itself is the last process to end.
    return int(re.findall(r"Collected : (\d+)", printed)[-1])


def a_record(bench: str) -> dict[str, float]:
    """Instructions a record, by row."""
    few, many = ({row: count(bench, row, n) for row in (None, *ROWS)} for n in (RECORDS, 2 * RECORDS))
    return {row: round((many[row] - many[None] - few[row] + few[None]) / RECORDS, 1) for row in ROWS}


def main() -> int:
    """Print the counts beside those that are kept; the exit code says whether any has risen too far."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--write", action="store_true", help="keep the counts")
    asked = options.parse_args()
    if shutil.which("valgrind") is None:
        print("this needs valgrind: install it (apt-get install valgrind)", file=sys.stderr)
        return 2
    kept, here = json.loads(KEPT.read_text()), compiler()
    found = a_record(build())
    if asked.write:
        KEPT.write_text(json.dumps({**kept, "rustc": here, "instructions": found}, indent=2) + "\n")
        return 0
    same, risen = here == kept["rustc"], False
    if not same:
        print(
            f"The counts are kept of {kept['rustc']}, this is {here}: nothing fails. `--write` keeps new ones."
        )
    print(f"{'instructions a record':30}  {'now':>8}  {'kept':>8}  {'change':>8}  {'version 0.2':>11}")
    for row, now in found.items():
        before = kept["instructions"][row]
        change = now / before - 1
        above = same and change > TOLERANCE
        risen = risen or above
        verdict = f"  ABOVE +{TOLERANCE:.0%}" if above else ""
        print(
            f"{row:30}  {now:8,.1f}  {before:8,.1f}  {change:+8.1%}  {kept['version 0.2'][row]:11,.1f}{verdict}"
        )
    return int(risen)


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ended.stderr}")
    return ended


if __name__ == "__main__":
    sys.exit(main())
