"""Runs over tapes that are handed over: saved, computed again, compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from sor.results.saved import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = sor.orders_every("2m", quantity=2_000, side="both", horizon="1m")
GRID = {"lambda_under": [0.0, 0.001]}
MARKETS = {"slow": {"latency": "1ms"}, "queue": {"fill": sor.QueueAware(seed=5)}}

RUNS: dict[str, Callable[[Any], Any]] = {
    "backtest": lambda tape: sor.backtest(tape, ORDERS, sor.StaticRouter(lambda_under=0.002)),
    "study": lambda tape: sor.study(tape, ORDERS, {"mine": "static", "sweep": "sweep"}),
    "search": lambda tape: sor.search(tape, ORDERS, grid=GRID, folds=2, objective=["mean", "std"]),
    "stress": lambda tape: sor.stress(tape, ORDERS, markets=MARKETS),
    "one that posts": lambda tape: sor.backtest(tape, ORDERS, sor.ContKukanovRouter(), against=("sweep",)),
}


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "day.parquet"
    sor.simulate_quotes(minutes=8, venues=3, seed=2).write(path)
    return path


@pytest.mark.parametrize("name", RUNS)
def test_computed_again_it_is_the_same(name: str, tape: Path, tmp_path: Path) -> None:
    result = RUNS[name](tape)
    result.save(tmp_path / "run")
    manifest = json.loads((tmp_path / "run/manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"] == {str(tape): sor.read_quotes(tape).digest}
    assert manifest["result"] == result.digest
    assert manifest["versions"]["build"]
    assert sor.rerun(tmp_path / "run") == []
    with pytest.raises(sor.ParameterError, match="over tapes, and"):
        sor.load(tmp_path / "run")


def test_seeds_are_those_of_all_that_draws(tape: Path, tmp_path: Path) -> None:
    market = sor.Market(fill=sor.QueueAware(seed=3))
    method = sor.RandomPoints(points=2, seed=4)
    bootstrap = sor.Bootstrap(seed=5)
    sor.search(tape, ORDERS, grid=GRID, method=method, market=market, bootstrap=bootstrap).save(
        tmp_path / "run"
    )
    manifest = json.loads((tmp_path / "run/manifest.json").read_text(encoding="utf-8"))
    assert manifest["seeds"] == {"bootstrap": 5, "fill": 3, "method": 4}
    assert sor.rerun(tmp_path / "run") == []


def test_what_changed_is_named(tape: Path, tmp_path: Path) -> None:
    sor.study(tape, ORDERS).save(tmp_path / "run")
    quotes = sor.read_quotes(tape)
    frame = pl.read_parquet(tape)
    one = (pl.int_range(pl.len()) == 5).cast(frame["bid_sz_00"].dtype)
    frame.with_columns(pl.col("bid_sz_00") + one).write_parquet(tape)
    assert sor.read_quotes(tape).digest != quotes.digest
    assert sor.rerun(tmp_path / "run")[0] == f"input {tape}: its records have changed since the run"
    tape.unlink()
    assert sor.rerun(tmp_path / "run") == [f"nothing can be computed: {tape}: no such file"]


def test_the_first_row_that_differs_is_named(tape: Path, tmp_path: Path) -> None:
    sor.study(tape, ORDERS, ("sweep", "best_ask")).save(tmp_path / "run")
    sor.study(tape, ORDERS, ("sweep", "best_ask"), market=sor.Market(latency="50ms")).save(tmp_path / "other")
    said = sor.diff(tmp_path / "run", tmp_path / "other")
    assert said[0] == "setting market.latency: 0 and 50ms"
    assert said[1].startswith("orders, ")
    assert sor.diff(tmp_path / "run", tmp_path / "run") == []
    path = tmp_path / "run/fills.parquet"
    pl.read_parquet(path)[1:].write_parquet(path)
    with pytest.raises(sor.DataError, match="one of them was changed after the run"):
        sor.rerun(tmp_path / "run")


def test_venues_of_a_file_are_in_the_settings(tape: Path, tmp_path: Path) -> None:
    fees = tmp_path / "fees.toml"
    fees.write_text('[[venue]]\nid = "V1"\ntaker_fee = 0.05\n', encoding="utf-8")
    sor.backtest(tape, ORDERS, market=sor.Market(venues=fees)).save(tmp_path / "run")
    fees.unlink()
    assert sor.rerun(tmp_path / "run") == []


def test_a_frame_cannot_be_read_again(tape: Path, tmp_path: Path) -> None:
    sor.backtest(pl.read_parquet(tape), ORDERS).save(tmp_path / "run")
    (said,) = sor.rerun(tmp_path / "run")
    assert "its tape was a frame, which came from no file" in said


def test_trades_are_read_again(tmp_path: Path) -> None:
    quotes = sor.simulate_quotes(minutes=8, venues=2, seed=2)
    quotes.write(tmp_path / "day.parquet")
    rows = quotes.frame.gather_every(7)
    prints = pl.DataFrame(
        {
            "ts_event": rows["ts"],
            "symbol": quotes.symbol,
            "venue": ["V1" if i % 2 else "V2" for i in range(rows.height)],
            "price": [100.0] * rows.height,
            "size": [100] * rows.height,
        }
    )
    prints.write_parquet(tmp_path / "trades.parquet")
    for market in (sor.Market(), sor.Market(fill=sor.QueueAware())):
        result = sor.backtest(
            tmp_path / "day.parquet",
            ORDERS,
            sor.ContKukanovRouter(),
            trades=tmp_path / "trades.parquet",
            market=market,
            against=("sweep",),
        )
        result.save(tmp_path / "run")
        assert sor.rerun(tmp_path / "run") == []
    tape = sor.read_quotes(tmp_path / "day.parquet")
    tape = tape.with_trades(sor.read_trades(tmp_path / "trades.parquet", quotes=tape))
    sor.backtest(tape, ORDERS, sor.ContKukanovRouter(), against=("sweep",)).save(tmp_path / "run")
    assert sor.rerun(tmp_path / "run") == []


@pytest.mark.parametrize("command", ["backtest", "study", "search", "stress"])
def test_the_folder_of_a_command(
    command: str, tape: Path, tmp_path: Path, shown: Callable[..., str], sor_command: Callable[..., Any]
) -> None:
    out = tmp_path / "out"
    said = shown(command, tape, "--every", "2m", "--horizon", "1m", "--quantity", "500", "--out", out)
    assert "run.toml, manifest.json" in said
    digest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["result"]
    assert shown("rerun", out) == f"{out}: the same, digest {digest}\n"
    _, _, refused = sor_command("rerun", out, "--workers", "2")
    assert refused == f"error: --workers is for runs over a universe; {out} is one over tapes\n"
    sor.simulate_quotes(minutes=8, venues=3, seed=3).write(tape)
    code, text, _ = sor_command("rerun", out)
    assert (code, text.partition(":")[0]) == (1, f"input {tape}")


def test_a_digest_is_of_every_value_and_kind_of_column() -> None:
    frame = pl.DataFrame(
        {
            "text": ["a", None, "bc"],
            "flag": [True, None, False],
            "number": [1, 2, None],
            "real": [0.5, None, -0.0],
            "wide": pl.Series([1, None, 2], dtype=pl.Int128),
            "kind": pl.Series(["x", "y", None], dtype=pl.Enum(["x", "y"])),
            "list": [[1], [], None],
        }
    )
    digest = digest_of({"t": frame})
    assert digest == digest_of({"t": pl.concat([frame[:1], frame[1:]], rechunk=False)})
    seen = {digest, digest_of({"u": frame}), digest_of({"t": frame[:2]}), digest_of({"t": frame.reverse()})}
    changes = {
        "text": "abc",
        "flag": True,
        "number": 3,
        "real": 0.25,
        "wide": pl.lit(5, pl.Int128),
        "kind": pl.lit("y", pl.Enum(["x", "y"])),
        "list": [2, 3],
    }
    for name, value in changes.items():
        changed = value if isinstance(value, pl.Expr) else pl.lit(value)
        last = pl.int_range(pl.len()) == 2
        seen.add(
            digest_of({"t": frame.with_columns(pl.when(last).then(changed).otherwise(name).alias(name))})
        )
    assert len(seen) == 4 + len(changes)
    # What speaks of files is in no digest.
    assert digest == digest_of({"t": frame, "inputs": frame, "in_sample/notices": frame})
