"""Sums beside DuckDB's, tests over policies beside those of arch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from sor.results.statistics import reality_check
from sor.universe.clustered import romano_wolf
from universes import ORDERS, POLICIES, write_universe

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

PARTS = ("spread", "slippage", "schedule", "timing", "opportunity", "fees", "rebates")


def test_every_column_is_what_duckdb_finds_in_the_rows(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    universe = write_universe(tmp_path, days=3, minutes=6)
    market = sor.Market(fill=sor.QueueAware(), latency="1ms")
    result = sor.study(universe, ORDERS, POLICIES, market=market, run=sor.Run(out=tmp_path / "rows"))
    rows = f"read_parquet('{tmp_path}/rows/parents/*/*/*.parquet', hive_partitioning = true)"
    fills = f"read_parquet('{tmp_path}/rows/fills/*/*/*.parquet', hive_partitioning = true)"
    children = f"read_parquet('{tmp_path}/rows/children/*/*/*.parquet', hive_partitioning = true)"
    value = "(quantity::double * arrival_mid) * 1e4"
    bps = ", ".join(f"sum({name} / {value}) as {name}_bps" for name in ("shortfall", *PARTS))
    whole = ", ".join(
        f"sum({name})::hugeint as {name}" for name in ("quantity", "executed", "posted", "completed")
    )
    sums = duckdb.sql(f"""
        select unit, policy, count(*) as parents, sum(cut::int)::bigint as cut,
            sum((status = 'late')::int)::bigint as late, sum((status = 'stale')::int)::bigint as stale, {whole},
            sum(children)::bigint as children,
            sum(fills)::bigint as fills,
            sum(all_in)::hugeint as all_in, sum(if(side = 'buy', all_in, -all_in))::hugeint as cash, {bps},
            sum(power(shortfall / {value}, 2)) as shortfall_bps2,
            sum((epoch_ns(ts_done) - epoch_ns(start)) / 1e9) as seconds
        from {rows} where status <> 'no_quotes' group by unit, policy order by unit, policy""").pl()
    ours = result.rows.sums.with_columns(pl.col("policy").cast(pl.String)).sort("unit", "policy")
    compare(ours, sums, "unit", "policy")
    paired = ", ".join(
        f"sum({sign} * (o.{name} - m.{name}) / (m.quantity::double * m.arrival_mid) * 1e4) as {label}_bps"
        for name, sign, label in [
            ("shortfall", 1, "savings"),
            *((p, -1 if p == "rebates" else 1, p) for p in PARTS),
        ]
    )
    saved = duckdb.sql(f"""
        select m.unit, o.policy as against, count(*) as parents, sum((o.shortfall > m.shortfall)::int)::bigint as wins,
            sum((o.shortfall < m.shortfall)::int)::bigint as losses, {paired},
            min((o.shortfall - m.shortfall) / (m.quantity::double * m.arrival_mid) * 1e4) as worst_bps
        from {rows} m join {rows} o using (unit, parent)
        where m.policy = 'sweep' and o.policy <> 'sweep' and m.status <> 'no_quotes'
        group by m.unit, o.policy order by m.unit, o.policy""").pl()
    theirs = result.rows.savings.with_columns(pl.col("against").cast(pl.String)).sort("unit", "against")
    compare(theirs, saved, "unit", "against")
    counts = duckdb.sql(f"select count(*) from {fills}").fetchall()[0]
    assert counts == (ours["fills"].sum(),)
    assert duckdb.sql(f"select count(*) from {children}").fetchall()[0] == (ours["children"].sum(),)
    # Means of the summary, over all units.
    means = duckdb.sql(f"""
        select policy, sum(shortfall / {value}) / count(*) as shortfall_bps,
            sum(executed)::double / sum(quantity) as fill_ratio
        from {rows} where status <> 'no_quotes' group by policy order by policy""").pl()
    summary = result.summary.with_columns(pl.col("policy").cast(pl.String)).sort("policy")
    for name in ("shortfall_bps", "fill_ratio"):
        assert summary[name].to_list() == pytest.approx(means[name].to_list(), rel=1e-9)


def compare(ours: pl.DataFrame, theirs: pl.DataFrame, *keys: str) -> None:
    """Compare every column of ours: whole numbers exactly, sums of floats to rounding."""
    left = set(ours.columns) - {*keys, "date", "symbol", "market", "no_quotes"}
    assert left == set(theirs.columns) - set(keys)
    for name in (*keys, *left):
        if ours[name].dtype.is_float():
            assert ours[name].to_list() == pytest.approx(theirs[name].to_list(), rel=1e-9, abs=1e-9), name
        else:
            assert list(map(plain, ours[name])) == list(map(plain, theirs[name])), name


def plain(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)


@pytest.mark.parametrize("seed", range(4))
def test_step_down_rejects_what_stepm_rejects(seed: int) -> None:
    """Candidates that are clearly better, and some that are not: the same sets, by other draws."""
    bootstrap = pytest.importorskip("arch.bootstrap")
    random = np.random.default_rng(seed)
    days = 120
    gains = random.standard_normal((days, 1)) + random.standard_normal((days, 8))
    gains -= gains.mean(axis=0)
    gains += np.array([0.9, 0.8, 0.7, 0.0, 0.0, 0.02, -0.05, -0.8])
    found = romano_wolf(gains, seed=seed)
    better = {i for i in range(8) if found[i] <= 0.1 and gains[:, i].mean() > 0}
    stepm = bootstrap.StepM(
        np.zeros(days), -gains, size=0.05, block_size=1, reps=2_000, studentize=True, seed=seed
    )
    stepm.compute()
    assert better == set(stepm.superior_models) == {0, 1, 2}
    # Worse ones are found as well: the test is of both sides.
    assert found[7] <= 0.05


@pytest.mark.parametrize("best", [0.2, 0.3, 0.4])
def test_the_best_of_several_is_as_lucky_as_spa_says(best: float) -> None:
    bootstrap = pytest.importorskip("arch.bootstrap")
    random = np.random.default_rng(11)
    days = 150
    gains = random.standard_normal((days, 6))
    gains += best * np.eye(1, 6) - gains.mean(axis=0) + 0.02
    spa = bootstrap.SPA(np.zeros(days), -gains, block_size=1, reps=4_000, seed=1)
    spa.compute()
    times = np.arange(days)
    ours = reality_check(gains, times, times + 1, resamples=4_000, block=1)
    assert ours.p_spa == pytest.approx(spa.pvalues["consistent"], abs=0.03)
    # Of one side, where all candidates gain: half of the two-sided chance, but for chances that meet.
    assert romano_wolf(gains, resamples=4_000).min() / 2 == pytest.approx(spa.pvalues["upper"], abs=0.03)
