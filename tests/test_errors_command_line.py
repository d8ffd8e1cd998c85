"""Mistakes on the command line: one line that says what is wrong, exit code 2."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from small_tape import ONE_SIDED, TAPE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# The command line: one line, exit code 2


@pytest.fixture(scope="module")
def tape_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tape") / "day.parquet"
    TAPE.write(path)
    return path


def test_a_process_says_one_line_and_exits_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sor", "backtest", "none.csv"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "error: none.csv: no such file"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["backtest", "none.csv"], "none.csv: no such file"),
        (["backtest"], "no tape: name FILES, or files in --config"),
        (["route"], "No such command 'route'."),
    ],
)
def test_one_line_says_what_is_wrong(complaint: Callable[..., str], arguments: list[str], line: str) -> None:
    assert complaint(*arguments) == line


WRONG_OPTIONS = [
    ("quantity must be a whole number from 1", ["--quantity", "-5"]),
    ("--quantity must be whole numbers separated by commas, got 'many'", ["--quantity", "many"]),
    ("lot must be a whole number from 1", ["--set", "orders.quantity=5", "--set", "orders.lot=0"]),
    ("Invalid value for '--side': 'hold' is not one of 'buy', 'sell', 'both'", ["--side", "hold"]),
    ("lambda_under must be a finite number", ["--set", "router.lambda_under=nan"]),
    ("horizon is 'soon'; expected a number with a unit, such as '5m'", ["--horizon", "soon"]),
    ("start 2024-01-01 00:00:00 is in no session of the tape", ["--start", "2024-01-01"]),
    ("--start with --every must be a time of day", ["--start", "2024-01-02", "--every", "1s"]),
    ("horizon '1m' fits no session of the tape", ["--every", "1m"]),
    ("depletion must be one of 'refresh', 'persistent', 'none'", ["--set", "market.book.depletion=some"]),
    ("collar must be a finite number", ["--set", "market.book.collar=-1"]),
    ("threads must be a whole number from 1", ["--threads", "0"]),
    ("symbol='NONE' was asked for, and there is no column symbol", ["--symbol", "NONE"]),
    ("No such option", ["--sides", "buy"]),
    ("or file.py:", ["--router", "sweeep"]),
    ("--set must be KEY=VALUE, e.g. router.lambda_under=0.002, got 'router'", ["--set", "router"]),
    ("settings have no 'rooter'; they have command, files", ["--set", "rooter.kind=static"]),
    ("router has no 'lambda'; it has lambda_over, lambda_under", ["--set", "router.lambda=1"]),
    (
        "--set run.threads.x=1: run.threads is no table",
        ["--set", "run.threads=1", "--set", "run.threads.x=1"],
    ),
    ("market must be a table, got 5", ["--set", "market=5"]),
    ("market.book must be a table, got 5", ["--set", "market.book=5"]),
    ("market.fill must be a table, got [1]", ["--set", "market.fill=[1]"]),
    ("market: venue must be [[venue]] tables, got 5", ["--set", "market.venue=5"]),
    ("policies.other must be a table, got 5", ["--set", "policies.other=5"]),
    ("policies.other: kind must be one of static", ["--set", "policies.other.kind=[1]"]),
    ("market.fill: model must be one of displayed, queue", ["--set", "market.fill.model=none"]),
    ("market has no 'lag'; it has venues, latency", ["--set", "market.lag=5"]),
    ("--explain must be N or ORDER:N, got 'first'", ["--explain", "first"]),
    ("no file matches this pattern", ["nowhere/*.parquet"]),
    ("No such file or directory", ["--venues", "/nowhere/fees.toml"]),
]


@pytest.mark.parametrize(("message", "options"), WRONG_OPTIONS, ids=lambda value: str(value)[:40])
def test_options(tape_file: Path, complaint: Callable[..., str], message: str, options: list[str]) -> None:
    assert message in complaint("backtest", tape_file, *options)


MINE = """
import sor
from typing import Literal
class Mine(sor.Policy):
    def __init__(self, depth: int, share: float = 0.5, how: Literal["a", "b"] = "a", name: str | None = None, many=3):
        self.depth, self.share, self.how, self.name, self.many = depth, share, how, name, many
    def decide(self, view, orders): ...
"""


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("router needs depth", "share=0.1"),
        ("router: depth must be a whole number, got 'deep'", "depth=deep"),
        ("router: depth must be a whole number, got 2.5", "depth=2.5"),
        ("router: depth must be a whole number, got True", "depth=true"),
        ("router: share must be a number, got [1]", "share=[1]"),
        ("router: how must be one of 'a', 'b', got 'c'", 'how="c"'),
        ("router: name must be text, got 5", "name=5"),
        ("router: many must be a number, got 'x'", 'many="x"'),
        ("router has no 'dept'; it has depth, share, how, name, many", "dept=3"),
    ],
)
def test_arguments_of_a_policy_of_ones_own(
    tape_file: Path, complaint: Callable[..., str], message: str, value: str
) -> None:
    (tape_file.parent / "mine.py").write_text(MINE)
    depth = [] if value.startswith(("share=0.1", "depth")) else ["--set", "router.depth=2"]
    own = ["--router", f"{tape_file.parent / 'mine.py'}:Mine", *depth, "--set", f"router.{value}"]
    assert complaint("backtest", tape_file, *own) == message


def test_grids_on_the_command_line(tape_file: Path, complaint: Callable[..., str]) -> None:
    def grid(text: str) -> str:
        return complaint("search", tape_file, "--set", f"search.grid.{text}")

    assert "grid['lambda_over'] must be a sequence of numbers, got '0.1,low'" in grid("lambda_over=0.1,low")
    assert "must hold different values" in grid("theta_queue=[1, 1]")
    assert "must be a finite number" in grid("theta_queue=[nan]")


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("No such option: --hor (did you mean --horizon?)", ["--hor", "5s"]),
        ("Invalid value for '--threads': expected a whole number", ["--threads", "two"]),
        (
            "expected a number with a unit, such as '5m', '1h30m' or '250ms' (d h m s ms us ns)",
            ["--horizon", "5"],
        ),
        ("bucket is '60'; expected a number with a unit", ["--schedule", "twap:60"]),
        ("got 'sweeep' (did you mean sweep?)", ["--router", "sweeep"]),
        ("(did you mean router.lambda_under?)", ["--set", "lambda_under=3"]),
        ("(did you mean market.book.tick?)", ["--set", "tick=0.05"]),
        ("Pov needs the tape's trades, as its rate is a share of the volume", ["--schedule", "pov:0.1"]),
        ("order must be at most 0, of 1 order, got 5", ["--explain", "5:0"]),
        ("--end and --horizon both say when", ["--start", "14:30", "--end", "14:31", "--horizon", "5s"]),
        ("--end of a single order goes with --start, both of them moments", ["--end", "14:31"]),
        ("--end is 14:29; expected one after --start, 14:30", ["--start", "14:30", "--end", "14:29"]),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(
    tape_file: Path, complaint: Callable[..., str], message: str, options: list[str]
) -> None:
    assert message in complaint("backtest", tape_file, *options)


def test_the_end_of_a_single_order(tape_file: Path, shown: Callable[..., str]) -> None:
    for start, end in (("14:30", "14:30:05"), ("2024-01-02T14:30", "2024-01-02T14:30:05Z")):
        text = shown("backtest", tape_file, "--start", start, "--end", end, "--quantity", "500")
        assert "buy 500 shares, 5.0 s" in text


def test_what_python_is_told_by_arguments_is_told_by_options(
    tmp_path: Path, complaint: Callable[..., str]
) -> None:
    tape, table = tmp_path / "a.csv", TAPE.write(tmp_path / "b.csv")
    text = table.read_text() if table else (tmp_path / "b.csv").read_text()
    tape.write_text(text.replace(",", ";"))
    assert "(--set read.separator=';' splits them)" in complaint("backtest", tape)
    tape.write_text(text.replace("bid_px_00", "Bid_Px_00"))
    assert "(--set 'read.columns.Bid_Px_00=bid_px_00' takes this one)" in complaint("backtest", tape)
    tape.write_text(text.replace("bid_px_00", "bid"))
    assert "(--set read.columns.THEIRS=OURS says which is which)" in complaint("backtest", tape)
    held = tmp_path / "date=2024-01-02" / "a.csv"
    held.parent.mkdir()
    held.write_text(text.replace("bid_px_00", "bid"))
    assert complaint("backtest", held).startswith(f"{held}: no column")
    assert "there is no hole {sym}, only {date} and {symbol}" in complaint(
        "study", tmp_path / "{date}/{sym}.csv"
    )


def test_a_report_has_a_folder_before_work_is_done(tape_file: Path, complaint: Callable[..., str]) -> None:
    assert "there is no folder /nowhere; make it first" in complaint(
        "report", tape_file, "-o", "/nowhere/a.html"
    )


def test_files_on_the_command_line(tmp_path: Path, complaint: Callable[..., str]) -> None:
    assert "no such file" in complaint("backtest", tmp_path / "none.parquet")
    assert "is a directory" in complaint("backtest", tmp_path)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    assert f"{tmp_path / 'bad.csv'}: no column" in complaint("search", tmp_path / "bad.csv")
    (tmp_path / "empty.csv").write_text("")
    assert f"{tmp_path / 'empty.csv'}: " in complaint("search", tmp_path / "empty.csv")
    assert "expected a name ending in .parquet or .csv" in complaint("simulate", tmp_path / "tape.txt")
    assert "venues must be a whole number from 1 to 1,000, got 0" in complaint(
        "simulate", tmp_path / "t.csv", "--venues", 0
    )
    assert "/nowhere/tape.csv" in complaint("simulate", "/nowhere/tape.csv")


def test_a_missing_package_on_the_command_line(
    tmp_path: Path, complaint: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "databento", None)
    (tmp_path / "day.dbn").write_bytes(b"DBN")
    assert "pip install databento" in complaint("backtest", tmp_path / "day.dbn")


def test_one_sided_on_the_command_line(tmp_path: Path, complaint: Callable[..., str]) -> None:
    ONE_SIDED.write(tmp_path / "bids.csv")
    assert "bids.csv: no ask quote in 2 records" in complaint("backtest", tmp_path / "bids.csv")
