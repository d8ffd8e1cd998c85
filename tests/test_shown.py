"""What a result says of itself: in eighty columns, the same in a notebook, and whatever its names hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from sor.results import display, words

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


def test_no_p_value_is_zero(result: Any) -> None:
    """A resampled chance of nothing is below what resampling can tell, in words as in tables."""
    if isinstance(result, sor.Study | sor.Search):
        said = words.p_values(result.comparisons["p_value"]).to_list()
        assert [text for text in said if text in repr(result)] == said
        least = result.comparisons["p_value"].min()
        assert ("< 0.001" in said) == (least is not None and least < 0.001)


@pytest.mark.parametrize("order", ["5m", "1s"])
def test_a_child_is_explained_in_eighty_columns(order: str) -> None:
    market = sor.Market(latency="30ms", fill=sor.QueueAware(queue_position=0.4))
    result = sor.backtest(QUOTES, sor.Order("sell", 20_001, horizon=order), market=market)
    ends = dict(result.children.select("reason", "child").iter_rows())
    assert len(ends) > 2
    for child in ends.values():
        story = result.explain(child)
        assert max(map(len, story.splitlines())) <= 80
        assert not re.search(r"\b1 shares|[^,\d]1 of 1 |\+0\.00", story)


def test_one_is_singular() -> None:
    one = sor.Order("buy", 1, horizon="1s", start=QUOTES.start + 60 * 10**9)
    study = sor.study(QUOTES, one)
    assert "on 1 order of 1 tape" in repr(study)
    assert "1 order, 1 child, 1 fill" in repr(study["sweep"])
    assert "child 0: 1 share to" in " ".join(study.explain(0).split())
    assert "\nIts share was executed" in study.explain(0)


def test_singular_and_plural() -> None:
    assert [words.count(n, "order") for n in (0, 1, 1_000)] == ["0 orders", "1 order", "1,000 orders"]
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"


def test_an_answer_says_which_way() -> None:
    pytest.importorskip("altair")
    from sor.show.sections import saved

    study = RESULTS["study"]()
    said = saved(study)
    for row in study.comparisons.iter_rows(named=True):
        assert row["against"] in said
    first = study.comparisons.sort("savings_bps").row(0, named=True)
    word = "beats" if first["lower"] > 0 else "loses" if first["upper"] < 0 else "no difference"
    assert word in said
