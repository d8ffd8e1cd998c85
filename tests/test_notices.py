"""What does not fit a tape is raised once, and said by the result, the command line and the report."""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sor
from sor.settings.times import duration_notice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = 1_704_205_800_000_000_000
SECOND = 10**9


def tape(rows: list[tuple[float, str, float | None, int, float | None, int]]) -> pl.DataFrame:
    names = ("ts_event", "venue", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
    types = {"bid_px_00": pl.Float64, "ask_px_00": pl.Float64}
    timed = [(T + round(row[0] * SECOND), *row[1:]) for row in rows]
    return pl.DataFrame(timed, schema=names, schema_overrides=types, orient="row")


def steady(n: int = 61, bid: float = 100.0, ask: float = 100.02, size: int = 500) -> pl.DataFrame:
    return tape([(i, "A", bid, size, ask, size + i) for i in range(n)])


BUY = sor.Order("buy", 1_000, horizon="30s")
GOOD: dict[str, Any] = {"quotes": steady(), "orders": BUY}
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "lot": (
        {"quotes": tape([(i, "A", 10.0, 80, 10.02, 30 + i % 60) for i in range(61)])},
        r"lot is 100, and 100% of the quotes that the router could take show less",
    ),
    "collar": (
        {
            "quotes": tape([(i, "A", 0.304, 5_000, 0.314 if i % 4 else 0.306, 5_000 + i) for i in range(61)]),
            "market": sor.Market(book=sor.Book(tick=0.001, collar_ticks=1)),
        },
        r"collar is 0\.01, at least 1 ticks of 0\.001: it hides the best asks at more than a tenth of the snapshots of "
        "1 of 1 orders",
    ),
    "off the tick": (
        {"quotes": steady(bid=100.005, ask=100.025)},
        r"tick is 0\.01, and 100% of the quotes do not lie on it",
    ),
    "orders twice": (
        {"orders": [BUY, sor.Order("sell", 1_000, horizon="30s"), BUY]},
        "1 of 3 orders repeat an earlier one: the same side, quantity and times",
    ),
    "swapped": (
        {"quotes": steady(bid=100.02, ask=100.0)},
        "100% of the quotes have their bid above their own ask",
    ),
    "another unit": (
        {"quotes": steady(bid=0.002, ask=0.003)},
        r"tick is 0\.01, above the median price, 0\.0025: are prices in another unit\? price_scale= says which",
    ),
    "large tick": (
        {"quotes": steady(bid=0.30, ask=0.31)},
        r"tick is 0\.01, 3\.[0-9]% of the median price 0\.3",
    ),
    "repeated": (
        {"quotes": tape([(i // 2, "A", 100.0, 500, 100.02, 500 + i // 2) for i in range(122)])},
        r"61 of 122 records repeat the one before in everything",
    ),
    "bare integer": (
        {"orders": sor.Order("buy", 1_000, horizon=300)},
        r"horizon is 300, which is 300 nanoseconds",
    ),
    "penalty": ({"router": sor.StaticRouter(lambda_under=10.0)}, r"lambda_under is 10, 1000% of the price"),
    "penalty in currency": (
        {"router": sor.StaticRouter(theta_queue=11.0, unit="price")},
        r"theta_queue is 11, 11\.0% of the median price 100\.01",
    ),
    "fee": (
        {"market": sor.Market(venues=[sor.Venue("A", taker_fee=30.0)])},
        r"taker_fee is 30, 30\.0% of the median price 100\.01; it is currency per share",
    ),
}
VERBS: dict[str, Callable[..., Any]] = {
    "backtest": sor.backtest,
    "study": lambda quotes, orders, router="static", **rest: sor.study(quotes, orders, router, **rest),
    "search": lambda *data, **rest: (
        sor.search(*data, grid={"theta_queue": [0.0001]}, **rest)
        if "router" not in rest
        else sor.search(*data, grid={"lambda_over": [0.001]}, **rest)
    ),
    "stress": lambda *data, **rest: sor.stress(*data, markets={"a": {}, "b": {"limit": "none"}}, **rest),
}


def told(verb: str, **given: Any) -> tuple[Any, list[str]]:
    """Call a verb; return its result, and what it warned of."""
    arguments = GOOD | given
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = VERBS[verb](arguments.pop("quotes"), arguments.pop("orders"), **arguments)
    assert all(issubclass(each.category, sor.SorWarning) for each in caught)
    return result, [str(each.message) for each in caught]


@pytest.mark.parametrize("verb", VERBS)
def test_what_fits_is_not_warned_about(verb: str) -> None:
    result, warned = told(verb)
    assert (result.warnings, warned) == ((), [])
    assert "note: " not in repr(result)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", VERBS)
def test_each_kind_is_raised_once_and_said_by_the_result(verb: str, kind: str) -> None:
    given, pattern = KINDS[kind]
    result, warned = told(verb, **given)
    assert len([each for each in warned if re.search(pattern, each)]) == 1, warned
    assert len([each for each in result.warnings if re.search(pattern, each)]) == 1
    assert sorted(warned) == sorted(result.warnings)
    flat = " ".join(repr(result).split())
    assert all(f"note: {' '.join(each.split())}" in flat for each in result.warnings)
    assert max(map(len, repr(result).splitlines())) <= 80
    assert "<li>" in result._repr_html_()
    if verb != "backtest":  # whose dictionary has the public task's schema
        assert json.loads(result.to_json())["warnings"] == list(result.warnings)


def test_a_tape_that_is_read_first_is_not_warned_about_again() -> None:
    given, pattern = KINDS["repeated"]
    with pytest.warns(sor.SorWarning, match=pattern):
        quotes = sor.read_quotes(given["quotes"])
    result, warned = told("backtest", quotes=quotes)
    assert warned == []
    assert result.warnings == quotes.warnings


def test_several_tapes_make_one_warning() -> None:
    given, _ = KINDS["lot"]
    result, warned = told(
        "study", quotes=[given["quotes"].with_columns(pl.col("ts_event") + i) for i in range(3)]
    )
    assert len(warned) == 1
    assert result.warnings[0].endswith("(and so on 2 more tapes)")


def test_a_tape_that_is_given_twice_counts_twice_and_is_said() -> None:
    again = steady().with_columns(pl.col("bid_sz_00") + 1)
    result, _ = told("study", quotes=[steady(), again, steady(), again])
    assert result.warnings == (
        "tape 2 (frame) has the same records as an earlier one: its orders count twice (and so on 1 more tape)",
    )


def test_what_only_some_orders_meet_is_counted() -> None:
    """The first twenty seconds show a stub alone on the asks: one order of three."""
    rows = [(i, "A", 100.0, 500, 130.0 if i < 20 else 100.02, 500 + i) for i in range(61)]
    result, _ = told("backtest", quotes=tape(rows), orders=sor.orders_every("20s", **EVERY))
    assert [each for each in result.warnings if "of the snapshots of 1 of 3 orders" in each] != []
    late, warned = told("backtest", quotes=tape(rows), orders=sor.Order("buy", 100, start=T + 25 * SECOND))
    assert (late.warnings, warned) == ((), [])
    # The mid lies halfway to the stub: the bids are as far from it.
    _, warned = told("backtest", quotes=tape(rows), orders=sor.Order("sell", 100))
    assert any("hides the best bids" in each for each in warned)


EVERY: dict[str, Any] = {"side": "buy", "quantity": 1_000, "horizon": "20s"}


def test_single_shares_are_no_lots() -> None:
    given, _ = KINDS["lot"]
    for order in (sor.Order("buy", 1_000, lot=1), sor.Order("buy", 50)):
        assert told("backtest", quotes=given["quotes"], orders=order)[1] == []
    _, warned = told("study", quotes=given["quotes"], router=["sweep", "best_ask"])
    assert warned == []


def test_an_empty_side_has_nothing_to_fit() -> None:
    rows: Any = [(i, "A", None, 0, 100.02, 500 + i) for i in range(61)]
    assert told("backtest", quotes=tape(rows))[1] == []


def test_the_warning_points_at_the_call() -> None:
    with pytest.warns(sor.SorWarning) as caught:
        sor.backtest(GOOD["quotes"], KINDS["bare integer"][0]["orders"])
    assert caught[0].filename == __file__
    with pytest.warns(sor.SorWarning) as caught:
        sor.search(GOOD["quotes"], KINDS["bare integer"][0]["orders"], grid={"theta_queue": [0.0001]})
    assert caught[0].filename == __file__


def test_the_command_line_says_it_once(
    tmp_path: Path, sor_command: Callable[..., tuple[int, str, str]]
) -> None:
    sor.read_quotes(KINDS["lot"][0]["quotes"]).write(tmp_path / "tape.parquet")
    call = (tmp_path / "tape.parquet", "--quantity", "1000", "--horizon", "30s")
    code, out, err = sor_command("backtest", *call)
    assert (code, err) == (0, "")
    assert " ".join(out.split()).count("note: lot is 100, and 100% of the quotes") == 1
    code, out, err = sor_command("backtest", *call, "--json")
    assert json.loads(out)
    assert " ".join(err.split()).count("note lot is 100") == 1


def test_the_report_says_it(tmp_path: Path) -> None:
    pytest.importorskip("altair")
    result, _ = told("study", **KINDS["lot"][0] | {"orders": sor.orders_every("10s", **EVERY)})
    result.report(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().count('<p class="flat">lot is 100, and 100% of') == 1


@pytest.mark.parametrize("value", [300, np.int64(300), 999_999, 1])
def test_a_bare_number_below_a_millisecond_is_noticed(value: Any) -> None:
    assert duration_notice(value, "horizon") == (
        f"horizon is {value}, which is {value} nanoseconds; a string says its unit: '{value}s', '{value}ms'"
    )


@pytest.mark.parametrize("value", [0, 1_000_000, "300ns", np.timedelta64(300, "ns"), True, 1.5, None])
def test_a_duration_that_says_its_unit_is_not(value: Any) -> None:
    assert duration_notice(value, "horizon") is None
