"""Whatever the values: a result that adds up, or an error of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import sor
from effort import some
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_tape import T0, TRADES, run

SECOND = 1_000_000_000


# Whatever the values: a result, or an error of ours

NUMBERS = st.one_of(
    st.floats(),
    st.integers(),
    st.integers(0, 10),
    st.floats(0, 1),
    st.sampled_from([None, True, "x", 1e-9, 1e6, 2**63, -(2**63), 10**15, np.int8(1), np.float32(0.1)]),
)
WHOLE = st.one_of(st.integers(1, 10_000), st.integers(1, 10**15), NUMBERS)
TIMES = st.one_of(st.integers(0, 11 * SECOND).map(lambda ns: T0 + ns), st.none(), st.integers(), NUMBERS)
SPANS = st.one_of(st.integers(1, 11 * SECOND), st.none(), st.sampled_from(["5s", "1ns", "", "1w"]), NUMBERS)


def choose(*values: object) -> st.SearchStrategy[Any]:
    return st.sampled_from([*values, "other", None])


ANY_ORDER = st.fixed_dictionaries(
    {"side": st.sampled_from(["buy", "sell"]), "quantity": WHOLE},
    optional={"start": TIMES, "horizon": SPANS, "lot": WHOLE},
)
ANY_ROUTER = st.fixed_dictionaries(
    {},
    optional={
        "lambda_over": NUMBERS,
        "lambda_under": NUMBERS,
        "theta_queue": NUMBERS,
        "unit": choose("price"),
        "rule": choose("strict"),
        "solver": choose("exhaustive"),
        "max_candidates": st.integers(1, 10_000),
        "plan": choose("fills", "displayed"),
        "overbook": st.sampled_from([1, 1.0, 1.25, 100, 0.5, True]),
    },
)
ANY_VENUE = st.fixed_dictionaries(
    {"id": st.sampled_from([3, 7, 3.0, "3", 9])},
    optional={"taker_fee": NUMBERS, "maker_rebate": NUMBERS, "latency": SPANS, "queue_position": NUMBERS},
)
ANY_BOOK = st.fixed_dictionaries(
    {},
    optional={
        "snapshot": choose("each", "first"),
        "depletion": choose("none", "persistent"),
        "collar": NUMBERS,
        "max_quote_age": SPANS,
        "tick": NUMBERS,
    },
)
ANY_FILL = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "queue_position": NUMBERS,
            "max_fill": NUMBERS,
            "impact": NUMBERS,
            "decay": SPANS,
            "mode": choose("sampled"),
            "seed": WHOLE,
        },
    ),
)
ANY_TABLE = st.one_of(
    st.lists(st.tuples(WHOLE, WHOLE, NUMBERS), max_size=3),
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 300), st.floats(0, 1), st.floats(-1, 1)), max_size=1
    ),
)


@settings(max_examples=some(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_TABLE, choose("sampled", "expected"), ANY_ORDER)
def test_any_table_of_fills_is_used_or_refused(rows: Any, mode: Any, order: Any) -> None:
    try:
        fill = sor.FillTable(rows, mode=mode)
        result = run(orders=sor.Order(**order), market=sor.Market(fill=fill))
    except sor.SorError:
        return
    for row in result.ledger.parents.iter_rows(named=True):
        assert row["executed"] + row["completed"] - row["unwound"] == row["quantity"]
    assert result.to_json()


@settings(max_examples=some(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_ORDER, ANY_ROUTER, ANY_VENUE, ANY_BOOK, ANY_FILL, SPANS)
def test_anything_runs_or_is_refused(
    order: Any, router: Any, venue: Any, book: Any, fill: Any, bucket: Any
) -> None:
    try:
        result = run(
            orders=sor.Order(**order),
            router=sor.StaticRouter(**router),
            against=[sor.BestAsk(), sor.Sweep(), sor.Twap(bucket=bucket), sor.ProRata()],
            market=sor.Market(
                venues=[sor.Venue(**venue)],
                book=sor.Book(**book),
                fill=sor.Displayed() if fill is None else sor.QueueAware(**fill),
            ),
        )
    except sor.SorError:
        return
    for row in result.ledger.parents.iter_rows(named=True):
        assert row["executed"] + row["completed"] - row["unwound"] == row["quantity"]
    assert result.to_json()


# Not shorter: the work of a nanosecond's epochs and windows has no bound yet (see test_posting_extremes.py).
EPOCHS = st.one_of(
    st.integers(10**7, 11 * SECOND), st.sampled_from(["5s", "", "1w", 0, -1, 2**63, None, True])
)


@settings(
    max_examples=some(200), deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    # Between the two, a plan takes a second.
    st.fixed_dictionaries(
        {
            "side": st.sampled_from(["buy", "sell"]),
            "quantity": st.one_of(st.integers(1, 3_000), st.sampled_from([10**9, 10**15, 0, 2.5])),
        },
        optional={"start": TIMES, "horizon": SPANS, "lot": st.sampled_from([1, 50, 10**15, 0, None])},
    ),
    st.fixed_dictionaries(
        {"epoch": EPOCHS},
        optional={
            "lambda_over": NUMBERS,
            "lambda_under": NUMBERS,
            "theta_queue": NUMBERS,
            "adverse_selection": NUMBERS,
            "unit": choose("price"),
            "window_every": EPOCHS,
            "scenarios": WHOLE,
            "queue": choose("pessimistic", "optimistic"),
        },
    ),
    ANY_VENUE,
    ANY_BOOK,
    st.booleans(),
)
def test_any_order_posts_or_is_refused(order: Any, router: Any, venue: Any, book: Any, traded: Any) -> None:
    try:
        result = run(
            orders=sor.Order(**order),
            router=sor.ContKukanovRouter(**router),
            trades=TRADES if traded else None,
            market=sor.Market(venues=[sor.Venue(**venue)], book=sor.Book(**book)),
        )
    except sor.SorError:
        return
    for row in result.ledger.parents.iter_rows(named=True):
        assert row["executed"] + row["completed"] - row["unwound"] == row["quantity"]
    assert result.to_json()


@settings(max_examples=some(300), deadline=None)
@given(WHOLE, NUMBERS, WHOLE, ANY_FILL, st.one_of(st.none(), WHOLE), SPANS, NUMBERS, st.tuples(WHOLE, WHOLE))
def test_any_child_is_executed_or_refused(
    quantity: Any, price: Any, size: Any, fill: Any, available: Any, age: Any, position: Any, stream: Any
) -> None:
    try:
        model = None if fill is None else sor.QueueAware(**fill)
        given = {"available": available, "age": age, "queue_position": position, "stream": stream}
        executed, _ = sor.execute_order(quantity, (price, size), model, **given)
    except sor.SorError:
        return
    assert 0 <= executed <= quantity


@settings(max_examples=some(300), deadline=None)
@given(
    WHOLE, st.lists(st.tuples(NUMBERS, WHOLE), max_size=4), ANY_ROUTER, WHOLE, st.one_of(st.none(), NUMBERS)
)
def test_any_allocation_is_made_or_refused(
    quantity: Any, offers: Any, router: Any, lot: Any, benchmark: Any
) -> None:
    try:
        found = sor.allocate(quantity, offers, sor.StaticRouter(**router), lot=lot, benchmark=benchmark)
    except sor.SorError:
        return
    assert found is None or sum(found.split) <= int(quantity)
