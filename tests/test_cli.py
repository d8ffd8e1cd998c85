"""The command line does the main job: shows it, prints it as JSON, writes it to files.

What is wrong with its input is in `test_errors_command_line.py`.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl
import pytest
import sor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Shown = Callable[..., str]
    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tape") / "day.parquet"
    sor.simulate_quotes(venues=4, minutes=10).write(path)
    return path


EVERY = ("--every", "1m", "--horizon", "2m", "--quantity", "3000")


def test_a_process_of_its_own_does_the_same(tape: Path, shown: Shown) -> None:
    arguments = ("backtest", tape, *EVERY, "--json")
    command = [sys.executable, "-m", "sor", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shown(*arguments)


def test_simulated_tape_reads_back(tape: Path, tmp_path: Path, shown: Shown) -> None:
    path = tmp_path / "day.parquet"
    text = shown("simulate", path, "--venues", 4, "--minutes", 10)
    assert "synthetic records of 4 venues" in text
    assert sor.read_quotes(path).frame.equals(sor.read_quotes(tape).frame)
    assert sor.read_quotes(tape).frame.equals(sor.simulate_quotes(venues=4, minutes=10).frame)


def test_demo(shown: Shown) -> None:
    text = shown("demo")
    for word in ("27 points", "best", "flat", "lambda_over", *sor.BASELINES, "router", "SYNTH"):
        assert word in text


def test_backtest(tape: Path, shown: Shown) -> None:
    text = shown("backtest", tape, *EVERY)
    result = sor.backtest(tape, sor.orders_every("1m", side="buy", quantity=3_000, horizon="2m"))
    assert f"Backtest: {result.orders.height} orders on SYNTH: buy 3,000 shares, 2.0 minutes each" in text
    assert repr(result) in text, "the command prints what the result says of itself"
    lines = {line.split()[0]: line.split() for line in reversed(text.splitlines()) if line.strip()}
    for row in result.summary.iter_rows(named=True):
        assert lines[row["policy"]][1] == f"{row['avg_fill_px']:.4f}"
        assert lines[row["policy"]][2] == f"{row['shortfall_bps'] + 0.0:.3f}"


def test_search_shows_the_points_and_the_best(tape: Path, shown: Shown) -> None:
    text = shown("search", tape, *EVERY)
    search = sor.search(tape, sor.orders_every("1m", side="buy", quantity=3_000, horizon="2m"))
    assert repr(search) in text
    points = [line.split() for line in text.splitlines() if line.split()[:1] and line.split()[0][:2] == "0."]
    assert sum(int(line[3]) for line in points) == 27, "those that cost the same in one row"
    assert len({tuple(line[4:6]) for line in points}) == len(points)
    (best,) = [line for line in points if line[-1] == "best"]
    assert best == points[0]
    assert best[:3] == [f"{getattr(search.best, axis):g}" for axis in search.axes]
    assert "27 points, best lambda_over=" in text


PAPER = ("--router", "cont_kukanov", "--set", "router.epoch=30s")


def test_the_papers_router(tape: Path, tmp_path: Path, shown: Shown) -> None:
    quotes = sor.read_quotes(tape)
    prints = quotes.frame.filter(pl.col("bid_sz") > 0).gather_every(50)
    path = tmp_path / "trades.parquet"
    names = quotes.venues["name"].gather(prints["venue"])
    prints.select(
        ts_event="ts", venue=names, price="bid_px", size="bid_sz", rtype=pl.lit(0, pl.UInt8)
    ).write_parquet(path)
    text = shown("backtest", tape, *EVERY, *PAPER, "--trades", path, "--out", tmp_path / "out")
    trades = sor.read_trades(path, quotes=quotes)
    orders = sor.orders_every("1m", side="buy", quantity=3_000, horizon="2m")
    result = sor.backtest(quotes, orders, sor.ContKukanovRouter(epoch="30s"), trades=trades)
    assert result.summary["posted_ratio"][0] > 0
    lines = {line.split()[0]: line.split() for line in reversed(text.splitlines()) if line.strip()}
    for row in result.summary.iter_rows(named=True):
        label = row["policy"].removeprefix("router (").removesuffix(")")
        assert lines[label][1] == f"{row['shortfall_bps'] + 0.0:.3f}"
    assert "expected queues" in text
    assert "at the fill" in text
    ledger = result.ledger
    frames = {"places": ledger.places, "epochs": ledger.epochs, "fills": ledger.fills}
    for name, frame in (frames | {"posts": result.posts, "markouts": result.markouts}).items():
        assert pl.read_parquet(tmp_path / "out" / f"{name}.parquet").equals(frame)


@pytest.mark.parametrize("command", ["demo", "backtest", "search", "objective", "paper"])
def test_nothing_is_cut_at_80_columns(command: str, tape: Path, shown: Shown) -> None:
    arguments = [] if command == "demo" else [tape, *EVERY]
    if command == "paper":
        command, arguments = "backtest", [*arguments, *PAPER]
    if command == "objective":
        command, arguments = "search", [*arguments, "--objective", "cvar"]
    narrow, wide = shown(command, *arguments), shown(command, *arguments, columns=200)
    assert "…" not in narrow
    # Tables are the same at any width; only sentences may be broken.
    assert sorted(narrow.split()) == sorted(wide.split())
    tables = [line for line in narrow.splitlines() if not line.startswith("flat")]
    assert max(map(len, tables)) <= 80


def test_json_is_the_schema_and_nothing_else(tape: Path, shown: Shown) -> None:
    orders = sor.orders_every("1m", side="sell", quantity=3_000, horizon="2m")
    found = json.loads(shown("search", tape, *EVERY, "--side", "sell", "--json"))
    assert found == sor.search(tape, orders).backtest.to_dict()
    assert json.loads(shown("backtest", tape, *EVERY, "--side", "sell", "--json")) == (
        sor.backtest(tape, orders).to_dict()
    )
    assert set(json.loads(shown("demo", "--json"))) == set(found)


def test_full_json_has_settings_and_versions(tape: Path, shown: Shown) -> None:
    orders = sor.orders_every("1m", side="sell", quantity=3_000, horizon="2m")
    arguments = (tape, *EVERY, "--side", "sell", "--json=full")
    for command, call in (("backtest", sor.backtest), ("stress", sor.stress)):
        assert json.loads(shown(command, *arguments)) == json.loads(call(tape, orders).to_json(full=True))


def test_files_in_out(tape: Path, tmp_path: Path, shown: Shown) -> None:
    text = shown("search", tape, *EVERY, "--out", tmp_path / "a" / "b")
    search = sor.search(tape, sor.orders_every("1m", side="buy", quantity=3_000, horizon="2m"))
    out = tmp_path / "a" / "b"
    frames = {
        "fills": search.backtest.ledger.fills,
        "children": search.backtest.ledger.children,
        "orders": search.backtest.ledger.parents,
        "summary": search.backtest.summary,
        "search": search.table,
    }
    for name, frame in frames.items():
        assert f"{name}.parquet" in text
        assert pl.read_parquet(out / f"{name}.parquet").equals(frame)
    assert (out / "cost.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert json.loads(shown("search", tape, *EVERY, "--json", "--out", out)), "JSON and files, nothing else"


def test_a_stress_test_has_a_picture(tape: Path, tmp_path: Path, shown: Shown) -> None:
    text = shown("stress", tape, *EVERY, "--set", "stress.markets.slow.latency='1s'", "--out", tmp_path)
    assert "wrote stress.parquet, summary.parquet, run.toml, manifest.json, cost.png" in text
    assert (tmp_path / "cost.png").read_bytes()[:4] == b"\x89PNG"


def test_options_reach_the_run(tape: Path, tmp_path: Path, sor_command: Run) -> None:
    fees = tmp_path / "fees.toml"
    fees.write_text("[[venue]]\nid = 1\ntaker_fee = 0.05\n")
    settings = {
        "router.rule": "strict",
        "router.solver": "exhaustive",
        "market.book.depletion": "persistent",
        "market.book.snapshot": "first",
        "market.book.collar": 0.001,
        "market.book.max_quote_age": "10s",
        "market.book.tick": 0.02,
        "policies.best_ask.kind": "best_ask",
        "policies.sweep": "sweep",
        "policies.twap.kind": "twap",
        "policies.twap.bucket": "30s",
        "policies.pro_rata": "pro_rata",
    }
    given = [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
    given += ["--venues", fees, "--threads", 1]
    code, out, err = sor_command("backtest", tape, *EVERY, *given, "--json")
    assert code == 0
    assert err.startswith("note  tick is 0.02, and ")
    found = json.loads(out)
    expected = sor.backtest(
        tape,
        sor.orders_every("1m", side="buy", quantity=3_000, horizon="2m"),
        sor.StaticRouter(rule="strict", solver="exhaustive"),
        against=[sor.BestAsk(), sor.Sweep(), sor.Twap(bucket="30s"), sor.ProRata()],
        market=sor.Market(
            venues=[sor.Venue(1, taker_fee=0.05)],
            book=sor.Book(
                depletion="persistent", snapshot="first", collar=0.001, max_quote_age="10s", tick=0.02
            ),
        ),
    )
    assert found == expected.to_dict()


def test_report_resumes(tape: Path, tmp_path: Path, shown: Shown) -> None:
    pytest.importorskip("altair")
    kept = tmp_path / "kept.db"
    page = tmp_path / "r.html"

    def units() -> set[str]:
        with closing(sqlite3.connect(kept)) as connection:
            return {key for (key,) in connection.execute("select key from units")}

    report = ("report", tape, "-o", page, "--quantity", 3000, "--horizon", "2m", "--resume", kept)
    shown(*report, "--no-search")
    studied = units()
    assert len(studied) == 1 + len(sor.BASELINES)
    shown(*report)
    searched, first = units(), page.read_bytes()
    assert searched > studied  # the search keeps its points in the same file
    shown(*report)
    assert (units(), page.read_bytes()) == (searched, first)


def test_one_order_at_a_start(tape: Path, shown: Shown) -> None:
    start = "2024-01-02T14:31:00Z"
    found = json.loads(shown("backtest", tape, "--start", start, "--horizon", "1m", "--json"))
    assert found == sor.backtest(tape, sor.Order("buy", 5_000, start=start, horizon="1m")).to_dict()


def test_help_lists_the_commands(shown: Shown) -> None:
    for text in (shown("--help"), shown()):
        for command in ("demo", "backtest", "search", "simulate"):
            assert command in text


# The folders of all four are computed again in test_saved.py.
@pytest.mark.parametrize(
    "command",
    ["backtest", *(pytest.param(name, marks=pytest.mark.slow) for name in ("search", "study", "stress"))],
)
def test_what_out_keeps_makes_it_again(command: str, tape: Path, tmp_path: Path, shown: Shown) -> None:
    given = (*EVERY, "--latency", "1ms", "--fill", "queue", "--set", "router.lambda_under=0.002")
    shown(command, tape, *given, "--side", "sell", "--out", tmp_path)
    table = {"study": "comparisons", "stress": "stress"}.get(command, "summary")
    first = pl.read_parquet(tmp_path / f"{table}.parquet")
    said = (tmp_path / "run.toml").read_text()
    assert f'command = "{command}"' in said
    again = tmp_path / "again"
    shown(command, "--config", tmp_path / "run.toml", "--out", again)
    assert pl.read_parquet(again / f"{table}.parquet").equals(first)
    assert (again / "run.toml").read_text() == said


def test_options_come_before_the_file(tape: Path, tmp_path: Path, shown: Shown) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        f"""
        files = ["{tape}"]
        [[orders]]
        side = "buy"
        quantity = 1000
        horizon = "1m"
        [router]
        kind = "cont_kukanov"
        epoch = "20s"
        [market]
        latency = "5ms"
        [[market.venue]]
        id = 1
        latency = "0ms"
        """
    )
    found = json.loads(
        shown("backtest", "--config", config, "--json", "--quantity", 2_000, "--latency", "1ms")
    )
    market = sor.Market(latency="1ms", venues=[sor.Venue(1, latency="0ms")])
    order = sor.Order("buy", 2_000, horizon="1m")
    expected = sor.backtest(tape, order, sor.ContKukanovRouter(epoch="20s"), market=market)
    assert found == expected.to_dict()
    other = json.loads(shown("backtest", "--config", config, "--json", "--router", "sweep"))
    assert other["optimized"] == other["baselines"]["sweep"]


def test_patterns_and_several_files_are_several_tapes(tmp_path: Path, shown: Shown) -> None:
    for seed, start in enumerate(["2024-01-02T14:30:00Z", "2024-01-03T14:30:00Z"]):
        sor.simulate_quotes(minutes=5, seed=seed, start=start).write(tmp_path / f"day{seed}.parquet")
    files = sorted(tmp_path.glob("*.parquet"))
    for given in (files, [tmp_path / "day*.parquet"]):
        found = json.loads(shown("study", *given, "--every", "1m", "--horizon", "1m", "--json"))
        orders = sor.orders_every("1m", quantity=5_000, side="both", horizon="1m")
        assert found["comparisons"] == sor.study(files, orders).to_dict()["comparisons"]


def test_a_report_about_any_router(tape: Path, tmp_path: Path, shown: Shown) -> None:
    pytest.importorskip("altair")
    page = tmp_path / "r.html"
    shown("report", tape, "-o", page, "--router", "cont_kukanov", "--latency", "1ms", "--every", "2m")
    assert "router (pessimistic)" in page.read_text()


@pytest.mark.parametrize("command", ["backtest", "search", "study", "stress", "report"])
def test_help_in_panels_with_choices(command: str, shown: Shown) -> None:
    text = shown(command, "-h")
    for word in ("Orders", "Market", "buy|sell|both", "--config", "--router", "--set", "cont_kukanov"):
        assert word in text


def test_version_and_completion(shown: Shown) -> None:
    assert shown("--version").strip() == f"sor {sor.__version__}"
    assert "--install-completion" in shown("--help")


THEIRS = """\
clock,px_b,sz_b,px_a,sz_a
1704205800000,5859100,1,5859400,2
1704205801000,5859200,3,5859300,4
1704205802000,5859100,2,5859300,4
"""
PRINTS = "clock;px;n\n1704205800500;5859100;1\n"
CONFIG = """
[read]
venue = "X"
time_unit = "ms"
price_scale = 0.0001
size_scale = 100

[read.columns]
clock = "ts_event"
px_b = "bid_px_00"
sz_b = "bid_sz_00"
px_a = "ask_px_00"
sz_a = "ask_sz_00"

[read.trades]
venue = "X"
time_unit = "ms"
price_scale = 0.0001
size_scale = 100
separator = ";"

[read.trades.columns]
clock = "ts_event"
px = "price"
n = "size"
"""


def test_a_vendors_table_by_the_settings_file(tmp_path: Path, sor_command: Run) -> None:
    tape, prints, config = tmp_path / "theirs.csv", tmp_path / "prints.csv", tmp_path / "run.toml"
    tape.write_text(THEIRS)
    prints.write_text(PRINTS)
    config.write_text(CONFIG)
    call = ("backtest", tape, "--trades", prints, "--config", config, "--quantity", "500", "--json")
    code, out, _ = sor_command(*call, "--out", tmp_path / "out")
    assert code == 0
    found = json.loads(out)
    assert found["optimized"]["avg_fill_px"] > 585.9
    # The settings that are written read the files again.
    code, again, _ = sor_command("backtest", "--config", tmp_path / "out" / "run.toml", "--json")
    assert (code, json.loads(again)) == (0, found)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("read.colums=1", "read has no 'colums'; it has columns, venue"),
        ("read.trades.size_units=1", "read.trades has no 'size_units'; it has columns"),
        ("read.trades=1", "read.trades must be a table, got 1"),
        ("read.time_unit=weeks", "time_unit is 'weeks'; expected one of ns, us, ms, s"),
    ],
)
def test_wrong_reading_settings(tape: Path, complaint: Shown, setting: str, said: str) -> None:
    assert said in complaint("backtest", tape, "--set", setting)
