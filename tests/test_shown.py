"""What a result says of itself: in eighty columns, the same in a notebook, and whatever its names hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from sor.results import display
from sor.show import words

if TYPE_CHECKING:
    from collections.abc import Callable

EVIL = "<!--<script>"
QUOTES = sor.simulate_quotes(minutes=20, price=20.0, spread=4.0, seed=5)
ORDERS = sor.orders_every("2m", side="both", quantity=20_000, horizon="2m")
MANY = {
    EVIL: sor.StaticRouter(),
    "a policy with a name that goes on for long": sor.Twap(),
    "c" * 70: sor.Sweep(),
}
RESULTS: dict[str, Callable[[], Any]] = {
    "backtest": lambda: sor.backtest(QUOTES, ORDERS),
    "posting": lambda: sor.backtest(QUOTES, ORDERS, sor.ContKukanovRouter()),
    "study": lambda: sor.study(QUOTES, ORDERS),
    "odd names": lambda: sor.study(QUOTES, ORDERS, MANY),
    "search": lambda: sor.search(QUOTES, ORDERS, folds=3),
    "stress": lambda: sor.stress(QUOTES, ORDERS),
}


@pytest.fixture(scope="module", params=RESULTS)
def result(request: pytest.FixtureRequest) -> Any:
    return RESULTS[request.param]()


def test_fits_eighty_columns(result: Any) -> None:
    assert max(map(len, repr(result).splitlines())) <= 80


def test_a_notebook_shows_the_same_columns(result: Any) -> None:
    html = result._repr_html_()
    assert "<!--" not in html
    assert "<script" not in html
    names = re.findall(r"<th[^>]*>([^<]+)</th>", html)
    said = repr(result)
    assert names
    assert [name for name in names if name not in said] == []
    # Rounded as in the terminal.
    assert not re.search(r"\.\d{7}", html)


def test_wide_tables_go_on_below() -> None:
    frame = pl.DataFrame({"name": ["a", "b"]} | {f"column_{i}": [1, 2] for i in range(20)})
    lines = display.text(frame).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("name") for line in lines) > 1
    assert all(f"column_{i}" in display.text(frame) for i in range(20))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "< 0.001"), (0.0009, "< 0.001"), (0.001, "0.001"), (0.0456, "0.046"), (None, "-")],
)
def test_p_values(value: float | None, said: str) -> None:
    assert words.p_value(value) == said


def test_singular_and_plural() -> None:
    assert [words.count(n, "order") for n in (0, 1, 1_000)] == ["0 orders", "1 order", "1,000 orders"]
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"


def test_an_answer_says_which_way() -> None:
    study = RESULTS["study"]()
    said = words.saved(study)
    for row in study.comparisons.iter_rows(named=True):
        assert row["against"] in said
    first = study.comparisons.sort("savings_bps").row(0, named=True)
    word = "beats" if first["lower"] > 0 else "loses" if first["upper"] < 0 else "no difference"
    assert word in said
