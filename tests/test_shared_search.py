"""A search whose proposals are kept in a storage: taken up again, shared by processes, never mixed with another."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sor
from sor.studies.methods import as_method
from universes import write_universe

optuna = pytest.importorskip("optuna")
pytestmark = pytest.mark.filterwarnings("ignore")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUOTES = sor.simulate_quotes(minutes=10, seed=5, spread=6.0)
ORDERS = sor.orders_every("30s", quantity=2_000, horizon="30s", side="both")
GRID = {"lambda_under": (0.00005, 0.002), "theta_queue": (0.00001, 0.0005)}
POINTS = 6
WORKER = """
import sys, warnings
warnings.simplefilter("ignore")
import sor
universe = sor.Universe(sys.argv[1])
orders = sor.orders_every("1m", quantity=2_000, side="both", horizon="1m")
grid = {"lambda_under": (0.00005, 0.002), "theta_queue": (0.00001, 0.0005)}
method = sor.Optuna(points=8, storage=sys.argv[2])
run = sor.Run(threads=1, resume=sys.argv[3])
found = sor.search(universe, orders, grid=grid, method=method, folds=1, against=("sweep",), run=run)
print(found.to_json(full=True) + found.table.serialize(format="json"))
"""


def storages(folder: Path) -> dict[str, str]:
    return {"journal": str(folder / "search.journal"), "database": f"sqlite:///{folder}/search.db"}


def searched(storage: str | Path | None, points: int = POINTS, **options: Any) -> sor.Search:
    method = sor.Optuna(points=points, storage=storage)
    found: sor.Search = sor.search(QUOTES, ORDERS, **({"grid": GRID, "method": method} | options))
    return found


def trials(storage: str) -> int:
    """Count the trials of all studies in a storage."""
    kept = storage
    if "://" not in storage:
        kept = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(storage))
    names = optuna.study.get_all_study_names(kept)
    return sum(len(optuna.load_study(study_name=name, storage=kept).trials) for name in names)


def test_a_saved_run_takes_its_proposals_from_where_they_are_kept(tmp_path: Path) -> None:
    QUOTES.write(tmp_path / "day.parquet")
    storage = str(tmp_path / "search.journal")
    method = sor.Optuna(points=3, storage=storage)
    found = sor.search(tmp_path / "day.parquet", ORDERS, grid=GRID, method=method)
    found.save(tmp_path / "run")
    assert (sor.rerun(tmp_path / "run"), trials(storage)) == ([], 3)
    _, settings, _ = as_method(sor.Optuna(storage="postgresql://me:secret@host:5432/search"))
    assert settings["storage"] == "postgresql://me@host:5432/search"


@pytest.mark.parametrize("kind", ["journal", pytest.param("database", marks=pytest.mark.slow)])
def test_goes_on_from_what_is_kept(tmp_path: Path, kind: str) -> None:
    storage = storages(tmp_path)[kind]
    whole = searched(storages(tmp_path / "..")[kind].replace("search", f"other-{tmp_path.name}"))
    searched(storage, points=2)
    assert trials(storage) == 2
    found = searched(storage)
    assert trials(storage) == POINTS, "the first two were not proposed again"
    assert found.table.equals(whole.table), "and the rest are those of a search in one go"
    assert searched(storage).to_json() == found.to_json()
    assert trials(storage) == POINTS
    fewer = searched(storage, points=3)
    assert fewer.table["lambda_under"].to_list() == found.table["lambda_under"].to_list()[:3]


def test_other_searches_have_other_names(tmp_path: Path) -> None:
    storage = str(tmp_path / "search.journal")
    searched(storage)
    others: list[dict[str, Any]] = [
        {"objective": "cvar"},
        {"objective": ("mean", "std")},
        {"objective": lambda parents: parents["shortfall_bps"].max()},
        {"grid": GRID | {"theta_queue": (0.00001, 0.0004)}},
        {"router": sor.StaticRouter(rule="strict")},
        {"market": sor.Market(latency="1ms")},
        {"folds": 1},  # the training parents of the fold; all of them are known already
    ]
    for count, options in enumerate(others, start=2):
        searched(storage, **options)
        assert trials(storage) == count * POINTS, options


def test_what_fails_is_no_trial_that_counts(tmp_path: Path) -> None:
    storage = str(tmp_path / "search.journal")
    calls = []

    def sometimes(parents: Any) -> float:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return float(parents["shortfall_bps"].max())

    with pytest.raises(KeyboardInterrupt):
        searched(storage, objective=sometimes)
    found = searched(storage, objective=sometimes)
    assert found.table.height == POINTS
    assert trials(storage) == POINTS + 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "database"])
def test_processes_share_a_universes_search(tmp_path: Path, kind: str) -> None:
    write_universe(tmp_path, days=2, symbols=("AAA",))
    (tmp_path / "worker.py").write_text(WORKER)
    storage, pattern = storages(tmp_path)[kind], str(tmp_path / "quotes/date=*/symbol=*/*.parquet")
    if kind == "database":
        optuna.storages.RDBStorage(storage)  # its tables
    command = [sys.executable, str(tmp_path / "worker.py"), pattern, storage, str(tmp_path / "kept.db")]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert said[0] == said[1], "each returns the points of all"
    # Of all days and of the fold's; what both were at when there were enough may be one more each.
    assert 2 * 8 <= trials(storage) <= 2 * 9
    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert again.stdout == said[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sor.Optuna(storage=3), "storage must be the URL of a database or the path of a file"),  # type: ignore[arg-type]
        (lambda: sor.Optuna(storage=""), "storage must be the URL of a database or the path of a file"),
        (lambda: searched("nowhere://x"), "method: storage nowhere://x: "),
        (lambda: searched("/nowhere/at/all.journal"), "method: storage /nowhere/at/all.journal: "),
    ],
)
def test_wrong_storages_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(sor.SorError) as caught:
        make()
    assert message in str(caught.value)
