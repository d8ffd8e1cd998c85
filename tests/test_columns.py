"""Every column of every result table is declared, and every declared column exists."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import polars as pl
import pytest
import sor
from sor.results import columns
from sor.universe.columns import UNIVERSE_TABLES
from universes import write_universe

Make = Callable[[], pl.DataFrame]
TABLES = {**columns.TABLES, **UNIVERSE_TABLES}


@cache
def quotes() -> sor.Quotes:
    return sor.simulate_quotes(minutes=12, venues=2, seed=4)


@cache
def backtest() -> sor.Backtest:
    orders = sor.orders_every("4m", side="buy", quantity=2_000, horizon="3m")
    return sor.backtest(quotes(), orders, sor.ContKukanovRouter())


@cache
def study() -> sor.Study:
    return sor.study(quotes(), sor.orders_every("2m", quantity=1_000, horizon="1m", side="both"))


@cache
def selection() -> sor.Search:
    orders = sor.orders_every("1m", side="buy", quantity=1_000, horizon="1m")
    return sor.search(quotes(), orders, grid={"lambda_under": [0.0005, 0.001]}, folds=5)


@cache
def of_a_universe() -> tuple[sor.UniverseStudy, sor.UniverseSearch]:
    orders = sor.orders_every("2m", side="buy", quantity=1_000, horizon="1m")
    with tempfile.TemporaryDirectory() as folder:
        universe = write_universe(Path(folder), days=2, symbols=("AAA",))
        grid = {"lambda_under": [0.001]}
        return sor.study(universe, orders), sor.search(universe, orders, grid=grid, folds=1)


def one_order() -> sor.Order:
    return sor.Order("buy", 1_000, horizon="2m")


def attributes(of: str, make: Callable[[], object], *names: str) -> dict[str, Make]:
    return {f"{of}.{name}": lambda name=name: getattr(make(), name) for name in names}


REAL: dict[str, Make] = {
    **attributes(
        "Backtest", backtest, "summary", "orders", "fills", "children", "posts", "places", "releases"
    ),
    **attributes("Backtest", backtest, "epochs", "markouts", "hindsight"),
    **attributes("Study", study, "parents", "summary", "savings", "comparisons"),
    "Study.by": lambda: study().by("spread"),
    **attributes("Search", selection, "table", "folds", "comparisons"),
    "Search.frontier": lambda: selection().frontier(),
    "Stress.table": lambda: sor.stress(quotes(), one_order(), markets={"none": {}}).table,
    **attributes("UniverseStudy", lambda: of_a_universe()[0], "summary", "comparisons", "units", "inputs"),
    "UniverseStudy.by": lambda: of_a_universe()[0].by("symbol"),
    **attributes("UniverseStudy.rows", lambda: of_a_universe()[0].rows, "sums", "savings", "notices"),
    **attributes("UniverseSearch", lambda: of_a_universe()[1], "folds", "comparisons"),
    "probe_outflows": lambda: sor.probe_outflows(quotes(), quantity=100),
    **attributes("Quotes", quotes, "venues", "frame"),
    **attributes(
        "Ledger", lambda: backtest().ledger, "parents", "children", "fills", "places", "epochs", "releases"
    ),
}

# A column whose name a user's data decides, and what it is called here.
NAMES = {
    "Study.by": {"spread": "time, spread, depth, size, side or tape"},
    "UniverseStudy.by": {"symbol": "date, month, symbol, venues or yours"},
    "Stress.table": {f"saved_{name}_bps": "saved_<policy>_bps" for name in sor.BASELINES},
    "probe_outflows": {"V1": "<venue>", "V2": "<venue>"},
}


def dtype(of: pl.DataType) -> str:
    if isinstance(of, pl.Enum):
        return "Enum"
    if isinstance(of, pl.Datetime):
        return f"Datetime({of.time_unit}, {of.time_zone})"
    return str(of)


def test_every_table_is_declared() -> None:
    assert list(REAL.keys() ^ TABLES.keys()) == []
    exported = {of for of, _, _ in (name.partition(".") for name in TABLES)}
    assert exported <= set(sor.__all__)


@pytest.mark.parametrize("name", TABLES)
def test_declared_columns_are_the_real_ones(name: str) -> None:
    names = NAMES.get(name, {})
    real = [(names.get(column, column), dtype(of)) for column, of in REAL[name]().schema.items()]
    assert list(dict.fromkeys(real)) == [(column.name, column.dtype) for column in TABLES[name].columns], (
        "declare the columns in sor/results/columns.py"
    )


@pytest.mark.parametrize("name", TABLES)
def test_a_number_has_a_unit_and_every_column_a_meaning(name: str) -> None:
    for column in TABLES[name].columns:
        assert column.meaning.endswith("."), column
        assert column.dtype != "Float64" or column.unit, column
