"""What somebody meets who has just begun: too few orders, a comma in a number, a time without a zone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from sor.results.frontier import alike

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUOTES = sor.simulate_quotes(minutes=30, price=20.0, spread=4.0, seed=7)
FEW = sor.orders_every("10m", side="buy", quantity=20_000, horizon="2m")
MANY = sor.orders_every("30s", side="both", quantity=20_000, horizon="30s")


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("tape") / "tape.parquet"
    QUOTES.write(path)
    return path


def test_few_orders_have_no_interval_and_it_is_said() -> None:
    few, many = sor.study(QUOTES, FEW), sor.study(QUOTES, MANY)
    assert few.parents.height == 3
    assert few.comparisons["lower"].null_count() == few.comparisons.height, "also where all cost the same"
    for text in (repr(few), few._repr_html_()):
        assert "No interval: that takes eight start times" in " ".join(text.split())
    assert many.comparisons["lower"].null_count() == 0
    assert "No interval" not in repr(many)


def test_what_cannot_be_told_from_the_best_is_no_plateau() -> None:
    few, many = sor.search(QUOTES, FEW), sor.search(QUOTES, MANY)
    assert few.table["plateau"].null_count() == few.table.height - few.ties > 0
    assert few.plateau.height == few.ties
    assert f"too few independent orders to tell {few.table.height - few.ties} points from it" in repr(few)
    assert many.table["plateau"].null_count() == 0
    assert "within noise of it" in repr(many)


def test_equal_points_stand_once_with_their_number() -> None:
    found = sor.search(QUOTES, MANY, objective=("std", "mean"))
    assert found.front["points"].sum() == found.table["front"].sum() > found.front.height
    assert found.front.unique(["std", "mean"]).height == found.front.height
    assert {axis: found.front[axis][0] for axis in found.axes} == found.best_point
    points = found.frontier().filter(pl.col("policy") == "router")
    assert points["points"].sum() == found.table.height > points.height
    one = sor.search(QUOTES, MANY).front
    assert one.height == 1


def test_the_chosen_one_stands_for_its_likes() -> None:
    rows = pl.DataFrame({"x": [1, 2, 3, 4], "cost": [0.5, 0.5, 0.5, 0.7]})
    assert alike(rows, ["cost"], pl.col("x") == 2).rows() == [(2, 0.5, 3), (4, 0.7, 1)]
    assert alike(rows, ["cost"], pl.lit(value=False)).rows() == [(1, 0.5, 3), (4, 0.7, 1)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("backtest", "--quantity", "5,000"),
            r"--quantity 5,000: .* for one of 5000 shares write 5000 or 5_000",
        ),
        (("study", "--quantity", "1,000,000"), "write 1000000 or 1_000_000"),
        (
            ("backtest", "--start", "09:30"),
            r"no session .* 09:30 is UTC here, tz \(--tz\) names another zone",
        ),
        (("study", "--objective", "std"), "No such option: --objective; sor search has it$"),
        (("study", "--sides", "buy"), r"No such option: --sides \(did you mean --side\?\)$"),
        (("study", "--bogus", "buy"), "No such option: --bogus$"),
        (("study", "--orders", "nowhere.csv"), "orders: nowhere.csv: no such file"),
        (("study", "--orders", "."), r"orders: \. is a directory; expected a CSV or Parquet file"),
    ],
)
def test_the_command_line_helps(
    words: tuple[str, ...], said: str, tape: Path, complaint: Callable[..., str]
) -> None:

    assert re.search(said, " ".join(complaint(words[0], tape, *words[1:]).split()))


def test_sizes_may_still_be_several(tape: Path, shown: Callable[..., str]) -> None:
    text = shown("study", tape, "--quantity", "100,200", "--every", "1m", "--side", "buy")
    assert re.search(r"router on 5[02] orders", text)


def test_a_time_of_day_in_a_zone_is_not_asked_about() -> None:
    order = sor.Order("buy", 100, start="03:00", tz="America/New_York", horizon="1m")
    with pytest.raises(sor.ParameterError) as wrong:
        sor.backtest(QUOTES, order)
    assert "names another zone" not in str(wrong.value)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: sor.simulate_quotes(minutes=0.01, venues=1, seed=1), ", 1 venue, "),
        (lambda: QUOTES, f"{len(QUOTES):,} records, 5 venues"),
    ],
)
def test_one_of_anything_is_singular(made: Callable[[], Any], said: str) -> None:
    assert said in repr(made())
