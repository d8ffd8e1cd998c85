"""Universes: how they are listed, and that a study of one is the study of its tapes, whatever the road."""

from __future__ import annotations

import gc
import math
import sqlite3
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from sor.universe import dispatch
from sor.universe import unit as units
from universes import HIVE, ORDERS, POLICIES, day, same_bytes, write_universe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sor.universe.work import Task


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("universe")
    write_universe(folder)
    return folder


@pytest.fixture(scope="module")
def universe(root: Path) -> sor.Universe:
    return sor.Universe(str(root / HIVE))


@pytest.fixture(scope="module")
def whole(universe: sor.Universe) -> sor.UniverseStudy:
    return sor.study(universe, ORDERS, POLICIES)


# Listing


def test_units_in_order_of_date_and_symbol(universe: sor.Universe) -> None:
    names = [f"{day(i)} {symbol}" for i in range(3) for symbol in ("AAA", "BBB")]
    assert [unit.name for unit in universe.units] == names
    assert repr(universe) == "Universe(6 symbol-days, 3 days, 2024-01-02 to 2024-01-04, 2 symbols)"


def test_holes_folders_lists_and_frames_list_the_same(root: Path, universe: sor.Universe) -> None:
    flat = root / "flat"
    flat.mkdir()
    for unit in universe.units:
        (flat / f"{unit.date.replace('-', '')}_{unit.symbol}.parquet").symlink_to(unit.paths[0])
    names = [unit.name for unit in universe.units]
    for quotes in (
        str(flat / "{date}_{symbol}.parquet"),
        str(root / "quotes"),
        root / "quotes" / "**" / "*.parquet",
        [str(root / f"quotes/date={day(i)}/symbol=*/*.parquet") for i in (2, 0, 1)],
        universe.frame.select("date", "symbol", "path"),
    ):
        assert [unit.name for unit in sor.Universe(quotes).units] == names, quotes


def test_files_of_one_date_and_symbol_make_one_tape(tmp_path: Path) -> None:
    tape = sor.simulate_quotes(minutes=2, records=100, symbol="AAA")
    folder = tmp_path / "date=2024-01-02" / "symbol=AAA"
    folder.mkdir(parents=True)
    for name, rows in (("b", tape.frame[:60]), ("a", tape.frame[60:])):
        tape.kept(rows, None).write(folder / f"{name}.parquet")
    universe = sor.Universe(str(tmp_path / "date=*/symbol=*/*.parquet"))
    assert len(universe) == 1
    assert universe.read().frame.equals(tape.frame)


def test_filters(universe: sor.Universe) -> None:
    def names(some: sor.Universe) -> list[str]:
        return [unit.name for unit in some.units]

    assert names(universe.only(since=day(1), until=day(1))) == [f"{day(1)} AAA", f"{day(1)} BBB"]
    assert names(universe.only(dates=[day(2)], symbols="BBB")) == [f"{day(2)} BBB"]
    assert names(universe.only(where=pl.col("symbol") == "AAA")) == [f"{day(i)} AAA" for i in range(3)]
    assert names(universe.only(where=lambda unit: unit.date == day(0)).only(symbols=["AAA"])) == [
        f"{day(0)} AAA"
    ]
    assert names(universe[1:3]) == [f"{day(0)} BBB", f"{day(1)} AAA"]
    with pytest.raises(
        sor.ParameterError,
        match="the filters leave none of 6 symbol-days, which are 3 days, 2024-01-02 to 2024-01-04",
    ):
        universe.only(since="2025-01-01")
    with pytest.raises(sor.ParameterError, match="since must be a date such as 2024-01-02, got 'soon'"):
        universe.only(since="soon")
    with pytest.raises(sor.ParameterError, match="where must be a polars expression or a function"):
        universe.only(where="AAA")  # type: ignore[arg-type]


def test_wrong_universes() -> None:
    with pytest.raises(sor.ParameterError, match="a row has no path, nor date and symbol to name it by"):
        _ = sor.Universe(pl.DataFrame({"path": ["x", None]})).units
    with pytest.raises(sor.ParameterError, match="quotes: no file matches nowhere"):
        len(sor.Universe("nowhere/*.parquet"))
    with pytest.raises(sor.ParameterError, match="quotes is 7; expected a pattern of paths"):
        len(sor.Universe(7))
    with pytest.raises(sor.ParameterError, match="with a column path and at least one row"):
        len(sor.Universe(pl.DataFrame({"file": ["a"]})))
    twice = pl.DataFrame({"path": ["a", "b"], "date": [day(0)] * 2, "symbol": ["AAA"] * 2})
    with pytest.raises(sor.ParameterError, match="2024-01-02 AAA appears twice"):
        len(sor.Universe(twice))
    with pytest.raises(sor.ParameterError, match="'2024-13-01' is not a date"):
        len(sor.Universe(pl.DataFrame({"path": ["a"], "date": ["2024-13-01"]})))
    with pytest.raises(sor.ParameterError, match="a universe has no option 'speed'"):
        sor.Universe("a", speed=1)
    with pytest.raises(sor.ParameterError, match="symbol is not an option of a universe"):
        sor.Universe("a", symbol="AAA")
    with pytest.raises(sor.ParameterError, match="quotes= does not name both"):
        len(sor.Universe("tape.parquet", trades="trades.parquet"))


# A study of a universe is the study of its tapes


def test_summary_and_savings_are_those_of_the_tapes(universe: sor.Universe, whole: sor.UniverseStudy) -> None:
    tapes = sor.study([universe.read(unit) for unit in universe.units], ORDERS, POLICIES, record=False)
    for ours, theirs in zip(whole.summary.to_dicts(), tapes.summary.to_dicts(), strict=True):
        assert ours.pop("policy") == theirs.pop("policy")
        assert ours == pytest.approx(theirs, rel=1e-12)
    known = tapes.comparisons.to_dicts()
    for ours, theirs in zip(whole.comparisons.to_dicts(), known, strict=True):
        shared = ours.keys() & theirs.keys() - {"lower", "upper", "p_value"}
        assert len(shared) == 15
        shared -= {"against"}
        assert {name: ours[name] for name in shared} == pytest.approx({name: theirs[name] for name in shared})


def test_studies_add_up_in_any_order(
    universe: sor.Universe, whole: sor.UniverseStudy, tmp_path: Path
) -> None:
    a, b, c = (sor.study(universe[i : i + 2], ORDERS, POLICIES) for i in (0, 2, 4))
    assert same_bytes(a + b + c, c + (a + b), tmp_path)
    assert same_bytes(sum([b, c, a]), whole, tmp_path)  # type: ignore[arg-type]
    with pytest.raises(sor.ParameterError, match="2024-01-02 AAA is in both: its orders would count twice"):
        _ = a + whole
    with pytest.raises(sor.ParameterError, match="studies of different policies cannot be added"):
        _ = a + sor.study(universe[2:4], ORDERS, ("sweep", "best_ask"))
    with pytest.raises(TypeError):
        _ = a + 1


def test_threads_and_executors_change_no_byte(
    universe: sor.Universe, whole: sor.UniverseStudy, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(3) as pool:
        there = sor.study(universe, ORDERS, POLICIES, run=sor.Run(executor=pool, threads=2))
    assert same_bytes(there, whole, tmp_path)


def test_a_tape_is_gone_when_its_unit_is_done(
    universe: sor.Universe, monkeypatch: pytest.MonkeyPatch
) -> None:
    tapes: list[weakref.ref[sor.Quotes]] = []
    there: list[int] = []
    read = units.read_quotes

    def reading(*args: Any, **options: Any) -> sor.Quotes:
        there.append(sum(tape() is not None for tape in tapes))
        quotes = read(*args, **options)
        tapes.append(weakref.ref(quotes))
        return quotes

    monkeypatch.setattr(units, "read_quotes", reading)
    gc.collect()
    gc.disable()  # what holds itself would stay
    try:
        sor.study(universe, ORDERS, POLICIES)
    finally:
        gc.enable()
    assert len(there) == len(universe)
    assert max(there) <= 1  # that of the other thread
    assert not any(tape() for tape in tapes)


def test_rows_that_are_written_are_those_of_the_sums(universe: sor.Universe, tmp_path: Path) -> None:
    result = sor.study(universe, ORDERS, POLICIES, run=sor.Run(out=tmp_path / "rows"))
    parents = pl.scan_parquet(tmp_path / "rows/parents", hive_partitioning=True)
    value = pl.col("quantity") * pl.col("arrival_mid")
    found = (
        parents.group_by("unit", "policy")
        .agg(
            pl.len().cast(pl.Int64).alias("parents"),
            *(pl.col(name).cast(pl.Int64).sum() for name in ("executed", "children", "fills", "all_in")),
            (pl.col("shortfall") / value * 1e4).sum().alias("shortfall_bps"),
            ((pl.col("shortfall") / value * 1e4) ** 2).sum().alias("shortfall_bps2"),
        )
        .sort("unit", "policy")
        .collect()
    )
    ours = result.rows.sums.with_columns(pl.col("policy").cast(pl.String)).sort("unit", "policy")
    for name in ("parents", "executed", "children", "fills"):
        assert ours[name].to_list() == found[name].to_list(), name
    assert [int(cash) for cash in ours["all_in"]] == found["all_in"].to_list()
    for name in ("shortfall_bps", "shortfall_bps2"):
        assert ours[name].to_list() == pytest.approx(found[name].to_list(), rel=1e-12)
    fills = pl.scan_parquet(tmp_path / "rows/fills", hive_partitioning=True).select(pl.len()).collect().item()
    assert fills == result.summary["fills"].sum()


def test_a_run_goes_on_from_what_is_kept(
    universe: sor.Universe, whole: sor.UniverseStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sor.Run(resume=tmp_path / "kept.db", out=tmp_path / "rows")
    sor.study(universe[:3], ORDERS, POLICIES, run=run)
    # Rows that were lost are written again; the work on the others is not done twice.
    lost = next((tmp_path / "rows" / "fills" / f"date={day(0)}" / "symbol=AAA").iterdir())
    lost.unlink()
    worked: list[str] = []
    work = dispatch.symbol_day

    def counting(task: Task, watch: Callable[[int, int], object] | None = None) -> dict[str, bytes]:
        worked.append(task.unit.name)
        return work(task, watch)

    monkeypatch.setattr(dispatch, "symbol_day", counting)
    again = sor.study(universe, ORDERS, POLICIES, run=run)
    assert sorted(worked) == [f"{day(0)} AAA", f"{day(1)} BBB", f"{day(2)} AAA", f"{day(2)} BBB"]
    assert lost.exists()
    assert same_bytes(again, whole, tmp_path)


def test_an_interrupted_run_says_what_is_kept(universe: sor.Universe, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == total // 2:
            raise KeyboardInterrupt

    for resume, said in ((None, "nothing is kept"), (tmp_path / "kept.db", "3 units are done, and kept in")):
        with pytest.raises(KeyboardInterrupt) as stopped:
            sor.study(universe, ORDERS, POLICIES, run=sor.Run(progress=stop, resume=resume))
        assert said in stopped.value.__notes__[0]


def test_kept_units_are_checked_when_they_are_read(
    universe: sor.Universe, whole: sor.UniverseStudy, tmp_path: Path
) -> None:
    path = tmp_path / "kept.db"
    sor.study(universe, ORDERS, POLICIES, run=sor.Run(resume=path))
    with sqlite3.connect(path) as database:
        (blob,) = database.execute("select sums from units limit 1").fetchone()
        middle = len(blob) // 2
        database.execute("update units set sums = ?", (blob[:middle] + b"?" + blob[middle + 1 :],))
    database.close()
    assert same_bytes(sor.study(universe, ORDERS, POLICIES, run=sor.Run(resume=path)), whole, tmp_path)
    other = tmp_path / "notes.txt"
    other.write_text("no database, " * 100)
    with pytest.raises(sor.DataError, match=r"notes\.txt is not a file of kept units"):
        sor.study(universe, ORDERS, POLICIES, run=sor.Run(resume=other))


# Units that cannot be used


def test_bad_units_are_named_and_leave_the_others_alone(tmp_path: Path) -> None:
    universe = write_universe(tmp_path, days=2, symbols=("AAA",))
    good = sor.study(universe, ORDERS, POLICIES)
    folder = tmp_path / "bad"
    folder.mkdir()
    pl.DataFrame({"price": [1.0]}).write_parquet(folder / "schema.parquet")
    prices = pl.col("^.*_px_00$").cast(pl.Float64)
    none = pl.read_parquet(universe[0].paths[0]).head(0).with_columns(prices).drop("symbol", "rtype")
    none.write_parquet(folder / "empty.parquet")
    (folder / "torn.parquet").write_bytes(b"PAR1, and no more")
    bad = ["schema.parquet", "empty.parquet", "torn.parquet", "missing.parquet"]
    paths = [unit.paths[0] for unit in universe.units] + [str(folder / name) for name in bad]
    days = [unit.date for unit in universe.units] + [day(10 + i) for i in range(len(bad))]
    mixed = sor.Universe(pl.DataFrame({"path": paths, "date": days, "symbol": ["AAA"] * len(paths)}))
    result = sor.study(mixed, ORDERS, POLICIES, run=sor.Run(errors="collect"))
    assert result.rows.sums.equals(good.rows.sums)
    assert result.rows.savings.equals(good.rows.savings)
    said = dict(result.problems.select("unit", "problem").iter_rows())
    assert len(said) == len(bad)
    for i, (name, reason) in enumerate(
        zip(bad, ("no column", "no records", "cannot be read", "no such file"), strict=True)
    ):
        text = said[f"{day(10 + i)} AAA"]
        assert str(folder / name) in text
        assert reason in text
    checked = dict(mixed.check().select("path", "problem").iter_rows())
    assert checked == {str(folder / name): said[f"{day(10 + i)} AAA"] for i, name in enumerate(bad)}
    with pytest.raises(sor.DataError, match=r"schema\.parquet: no column"):
        sor.study(mixed.only(since=day(10), until=day(10)), ORDERS, POLICIES)
    with pytest.raises(sor.ParameterError, match="none of 4 units can be used; the first: "):
        sor.study(mixed.only(since=day(10)), ORDERS, POLICIES, run=sor.Run(errors="collect"))


def test_a_unit_without_an_order_is_a_problem(universe: sor.Universe) -> None:
    one = sor.Order("buy", 500, start=f"{day(1)}T14:31:00Z", horizon="1m")
    result = sor.study(universe, one, POLICIES, run=sor.Run(errors="collect"))
    assert result.summary["parents"].to_list() == [2, 2, 2]
    assert result.problems["unit"].to_list() == [
        f"{day(i)} {name}" for i in (0, 2) for name in ("AAA", "BBB")
    ]
    assert "no order starts on it" in result.problems["problem"][0]


def test_a_universe_has_what_tapes_in_memory_have_not(universe: sor.Universe) -> None:
    tape = universe.read(0)
    for run in (sor.Run(out="rows"), sor.Run(errors="collect"), sor.Run(executor=ThreadPoolExecutor(1))):
        with pytest.raises(sor.ParameterError, match=r"is for a sor\.Universe"):
            sor.study(tape, ORDERS, POLICIES, run=run)
    with pytest.raises(sor.ParameterError, match="executor must have submit"):
        sor.Run(executor=7)
    with pytest.raises(sor.ParameterError, match="errors must be one of 'raise', 'collect'"):
        sor.Run(errors="ignore")  # type: ignore[arg-type]


# Breaking down


def test_breakdowns_are_the_studies_of_the_parts(universe: sor.Universe, whole: sor.UniverseStudy) -> None:
    by_symbol = whole.by("symbol")
    alone = sor.study(universe.only(symbols="BBB"), ORDERS, POLICIES).comparisons
    for row in alone.iter_rows(named=True):
        ours = by_symbol.row(
            by_predicate=(pl.col("against") == row["against"]) & (pl.col("symbol") == "BBB"), named=True
        )
        assert {name: ours[name] for name in ours if name != "symbol"} == {
            name: row[name] for name in ours if name != "symbol"
        }
    sectors = pl.DataFrame({"symbol": ["AAA", "BBB", "CCC"], "sector": ["tech", "oil", "oil"]})
    by_sector = whole.by("sector", sectors).sort("against", "sector", descending=[False, True])
    assert by_sector.drop("sector").equals(by_symbol.sort("against", "symbol").drop("symbol"))
    assert whole.by("month")["month"].unique().to_list() == ["2024-01"]
    assert whole.by("venues")["venues"].unique().sort().to_list() == [2, 3]
    assert whole.by("date")["parents"].sum() == whole.comparisons["parents"].sum()
    with pytest.raises(sor.ParameterError, match="what must be one of date, month, symbol, venues"):
        whole.by("colour")
    with pytest.raises(sor.ParameterError, match="frame must have one row per symbol"):
        whole.by("sector", pl.concat([sectors, sectors]))


def test_breakdowns_take_frames_as_people_have_them(whole: sor.UniverseStudy) -> None:
    days = [day(0), day(1), day(2)]
    dates = pl.DataFrame({"date": days, "symbol": "AAA", "vix": [12, 20, 20]})
    found = whole.by("vix", dates.with_columns(pl.col("symbol").cast(pl.Categorical)))
    wanted = whole.by("vix", dates.with_columns(pl.col("date").str.to_date()))
    assert found.equals(wanted)
    assert found["vix"].unique().sort().to_list() == [12, 20]
    with pytest.raises(sor.ParameterError, match="its column date must hold dates"):
        whole.by("vix", dates.with_columns(date=pl.lit("yesterday")))
    with pytest.raises(sor.ParameterError, match="parents is a column of the result"):
        whole.by("parents", dates.rename({"vix": "parents"}))
    with pytest.raises(sor.ParameterError, match="frame is 3; expected a frame"):
        whole.by("vix", 3)  # type: ignore[arg-type]


def test_breakdowns_take_tables_of_arrow(whole: sor.UniverseStudy) -> None:
    pytest.importorskip("pyarrow")
    dates = pl.DataFrame({"date": [day(0), day(1), day(2)], "symbol": "AAA", "vix": [12, 20, 20]})
    assert whole.by("vix", dates.to_arrow()).equals(whole.by("vix", dates))


# Other verbs


def test_backtest_and_stress(universe: sor.Universe) -> None:
    two = universe[:2]
    result = sor.backtest(two, ORDERS)
    assert list(result.policies) == ["router", *sor.BASELINES]
    stress = sor.stress(two, ORDERS, markets={"base": {}, "no fees": {"taker_fee": 0.0}})
    assert stress.table["market"].to_list() == ["base", "no fees"]
    assert stress["base"].summary.equals(result.summary)
    assert stress["no fees"].summary["fees_bps"].to_list() == [0.0] * 5
    assert stress._repr_html_().startswith(
        "<b>UniverseStress: the router&#x27;s shortfall, and what it saves"
    )
    with pytest.raises(sor.SorError, match=r"markets\['x'\] has no 'speed'"):
        sor.stress(two, ORDERS, markets={"x": {"speed": 1}})


def test_sessions_of_a_universe_are_those_of_its_markets(root: Path, universe: sor.Universe) -> None:
    pytest.importorskip("exchange_calendars")
    named = sor.Universe(root / HIVE, sessions="XNYS")
    ours = sor.study(named, ORDERS, POLICIES)
    theirs = sor.study(universe, ORDERS, POLICIES, market=sor.Market(sessions="XNYS"))
    assert ours.digest == theirs.digest
    assert ours.market.sessions == "XNYS"
    assert ours.digest != sor.study(universe, ORDERS, POLICIES).digest
    assert named.read(0).sessions is not None


def test_search_chooses_on_earlier_days(universe: sor.Universe) -> None:
    grid = {"lambda_under": [0.0, 0.001]}
    router = sor.StaticRouter(theta_queue=0.0002)
    some = universe.only(symbols="AAA")
    found = sor.search(some, ORDERS, router, grid=grid, folds=2, against=("sweep",))
    assert [boundary.isoformat() for boundary in found.folds["boundary"]] == [day(1), day(2)]
    assert found.folds["train"].to_list() == [1, 2]
    assert found.out_of_sample is not None
    assert found.out_of_sample.units["unit"].to_list() == [unit.name for unit in some.units[1:]]
    tapes = [some.read(unit) for unit in some.units]
    in_memory = sor.search(tapes, ORDERS, router, grid=grid, against=("sweep",))
    assert found.best == in_memory.best
    assert found.table["shortfall_bps"].to_list() == pytest.approx(in_memory.table["shortfall_bps"].to_list())
    assert found._repr_html_().startswith("<b>UniverseSearch (grid): 2 points, best ")
    assert found.front.select(*grid).equals(in_memory.front.select(*grid))
    weighed, wanted = found.frontier(), in_memory.frontier()
    assert weighed.select("policy", "lambda_under", "points", "efficient").equals(
        wanted.select("policy", "lambda_under", "points", "efficient")
    )
    for name in ("mean_bps", "std_bps"):
        assert weighed[name].to_list() == pytest.approx(wanted[name].to_list(), rel=1e-9)
    # What was chosen on the first days does not depend on later ones.
    early = sor.search(some[:2], ORDERS, router, grid=grid, folds=1, against=("sweep",))
    assert early.folds["in_sample_bps"][0] == found.folds["in_sample_bps"][0]


def test_trades_and_columns(tmp_path: Path, universe: sor.Universe) -> None:
    tape = universe.read(0)
    quotes = pl.read_parquet(universe[0].paths[0]).rename({"bid_px_00": "bid", "ts_event": "time"})
    quotes.write_parquet(tmp_path / f"q_{day(0)}_AAA.parquet")
    prints = pl.DataFrame(
        {"time": [tape.start + 10**9], "venue": ["V1"], "price": [100.0], "size": [100]},
        schema_overrides={"time": pl.Int64},
    )
    prints.write_parquet(tmp_path / f"t_{day(0)}_AAA.parquet")
    asked = sor.Universe(
        str(tmp_path / "q_{date}_{symbol}.parquet"),
        trades=str(tmp_path / "t_{date}_{symbol}.parquet"),
        columns={"time": "ts_event", "bid": "bid_px_00"},
    )
    assert asked.check().is_empty()
    assert asked.read().frame.equals(tape.frame)
    assert len(asked.read().trades or ()) == 1
    (tmp_path / f"t_{day(0)}_AAA.parquet").rename(tmp_path / f"t_{day(1)}_AAA.parquet")
    lost = sor.Universe(
        str(tmp_path / "q_{date}_{symbol}.parquet"),
        trades=str(tmp_path / "t_{date}_{symbol}.parquet"),
        columns={"time": "ts_event", "bid": "bid_px_00"},
    )
    with pytest.raises(sor.DataError, match="2024-01-02 AAA: no file of trades"):
        sor.study(lost, ORDERS, POLICIES)
    assert lost.check()["problem"].to_list() == ["no file of trades"]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Datetime("us", "UTC")])
def test_files_of_several_days_and_symbols_are_cut(
    universe: sor.Universe, whole: sor.UniverseStudy, tmp_path: Path, dtype: pl.DataType
) -> None:
    """Two files, the second of which begins in the middle of a day; one tape each all the same."""
    time = pl.col("ts_event")
    rows = pl.concat(pl.read_parquet(unit.paths[0]) for unit in universe.units)
    rows = rows.sort("ts_event", maintain_order=True)
    if dtype != pl.Int64:
        # Times of whole microseconds, so that nothing is lost, and the same on both sides.
        rows = rows.with_columns(time.dt.truncate("1us"))
    for i, unit in enumerate(universe.units):
        own = rows.filter(
            (pl.col("symbol") == unit.symbol) & (time.dt.date() == pl.lit(unit.date).str.to_date())
        )
        own.write_parquet(tmp_path / f"whole-{i}.parquet")
    rows.with_columns(time.cast(dtype) if dtype != pl.Int64 else time.to_physical())[:1_500].write_parquet(
        tmp_path / "a.parquet", row_group_size=100
    )
    rows.with_columns(time.cast(dtype) if dtype != pl.Int64 else time.to_physical())[1_500:].write_parquet(
        tmp_path / "b.parquet", row_group_size=100
    )
    cut = sor.Universe(str(tmp_path / "[ab].parquet"), cut=True)
    assert [unit.name for unit in cut.units] == [unit.name for unit in universe.units]
    assert [len(unit.paths) for unit in cut.units] == [1, 1, 2, 2, 1, 1]
    for i, unit in enumerate(cut.units):
        assert cut.read(unit).frame.equals(sor.read_quotes(tmp_path / f"whole-{i}.parquet").frame)
    if dtype == pl.Int64:
        result = sor.study(cut, ORDERS, POLICIES)
        assert result.digest == whole.digest
        result.save(tmp_path / "run")
        assert sor.rerun(tmp_path / "run") == []


def test_what_cannot_be_cut(tmp_path: Path) -> None:
    pl.DataFrame({"ts_event": [1], "price": [1.0]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(sor.DataError, match=r"a\.parquet: no column symbol, and its path names none"):
        len(sor.Universe(str(tmp_path / "a.parquet"), cut=True))
    pl.DataFrame({"ts_event": ["noon"], "symbol": ["AAA"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(sor.DataError, match="to be cut, times must be integer nanoseconds or datetimes"):
        len(sor.Universe(str(tmp_path / "b.parquet"), cut=True))


def test_a_store_is_read_as_a_scan(universe: sor.Universe, whole: sor.UniverseStudy) -> None:
    """`file://` stands for the stores that polars reads."""
    frame = universe.frame.with_columns(path=pl.concat_str(pl.lit("file://"), pl.col("path").list.first()))
    stored = sor.Universe(frame.select("date", "symbol", "path"))
    assert stored.check().is_empty()
    assert sor.study(stored, ORDERS, POLICIES).digest == whole.digest


@pytest.mark.parametrize("pattern", [HIVE, "quotes/date={date}/symbol={symbol}/*.parquet"])
def test_a_store_is_listed_by_fsspec(
    root: Path, universe: sor.Universe, whole: sor.UniverseStudy, pattern: str
) -> None:
    pytest.importorskip("fsspec")
    listed = sor.Universe(f"file://{root / pattern}")
    assert [unit.name for unit in listed.units] == [unit.name for unit in universe.units]
    assert [unit.paths for unit in listed.units] == [(f"file://{unit.paths[0]}",) for unit in universe.units]
    assert sor.study(listed, ORDERS, POLICIES).summary.equals(whole.summary)
    with pytest.raises(sor.ParameterError, match="no file matches file://"):
        len(sor.Universe(f"file://{root}/none/*.parquet"))
    with pytest.raises(sor.ParameterError, match=r"nowhere://x/.*: Protocol not known: nowhere"):
        len(sor.Universe("nowhere://x/*.parquet"))


def test_listing_a_store_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(sor.MissingExtra, match=r"to list s3://b/\*\.parquet: .*; pip install fsspec and"):
        len(sor.Universe("s3://b/*.parquet"))


def test_the_whole_is_what_its_words_say(whole: sor.UniverseStudy) -> None:
    words = repr(whole)
    assert words.startswith("UniverseStudy: sweep on 48 orders of 6 symbol-days (3 days, 2 symbols)")
    assert all(math.isfinite(row["savings_bps"]) for row in whole.comparisons.iter_rows(named=True))
    assert '"digest"' in whole.to_json()
