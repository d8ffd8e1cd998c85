"""`sor.allocate_many` is `sor.allocate`, book by book, and says which book and venue is wrong."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
import sor

INF, NAN = math.inf, math.nan
PRICES = np.array([[10.01, 10.00], [10.01, 10.02], [10.00, 10.00]])
SIZES = np.array([[500, 200], [500, 200], [100, 900]])


def one_by_one(
    quantities: Any, prices: Any, sizes: Any, fees: Any, benchmark: Any, **rest: Any
) -> tuple[list[list[int]], list[float]]:
    """What is offered in each book, split by `sor.allocate`."""
    splits, costs = [], []
    for k in range(len(prices)):
        shown = [i for i in range(prices.shape[1]) if prices[k, i] > 0 and sizes[k, i] > 0]
        offers = [(float(prices[k, i]), int(sizes[k, i]), float(fees[k, i]), 0.002) for i in shown]
        mid = None if benchmark is None else float(benchmark[k])
        found = sor.allocate(int(quantities[k]), offers, benchmark=mid, **rest)
        split = [0] * prices.shape[1]
        for i, shares in zip(shown, found.split if found else (), strict=found is not None):
            split[i] = shares
        splits.append(split)
        costs.append(found.cost if found else NAN)
    return splits, costs


@pytest.mark.parametrize("rule", ["relaxed", "strict"])
@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("unit", ["fraction", "price"])
def test_many_are_one_by_one(
    rule: Literal["relaxed", "strict"], side: Literal["buy", "sell"], unit: Literal["fraction", "price"]
) -> None:
    rng = np.random.default_rng([len(rule), len(side), len(unit)])
    for venues in (1, 2, 5, 40):
        books = 150
        prices = 100 + rng.integers(-2, 3, (books, venues)) / 100
        prices[rng.random((books, venues)) < 0.1] = NAN
        prices[rng.random((books, venues)) < 0.05] = 0
        sizes = 100 * rng.integers(0, 9, (books, venues)) + rng.integers(0, 2, (books, venues)) * 37
        fees = rng.integers(-1, 3, (books, venues)) / 1000
        quantities = 100 * rng.integers(1, 12, books) + rng.choice([0, 0, -63], books)
        benchmark = None if venues == 2 else 100 + rng.integers(-1, 2, books) / 200
        router = sor.StaticRouter(lambda_under=0.02, theta_queue=0, unit=unit, rule=rule)
        rest = {"router": router, "side": side, "lot": 100}
        expected = one_by_one(quantities, prices, sizes, fees, benchmark, **rest)
        found = sor.allocate_many(quantities, prices, sizes, fees, benchmark=benchmark, **rest)
        assert found.splits.tolist() == expected[0]
        np.testing.assert_array_equal(found.costs, expected[1])
        assert (found.splits.dtype, found.costs.dtype) == (np.int64, np.float64)
        # Sizes typed as floats, NaN where there are none; one number for all or one a venue where they are equal.
        floats = np.where(sizes == 0, NAN, sizes.astype(float))
        again = sor.allocate_many(quantities, prices, floats, fees, benchmark=benchmark, **rest)
        np.testing.assert_array_equal(again.splits, found.splits)
        same = one_by_one(np.full(books, 700), prices, sizes, np.tile(fees[0], (books, 1)), benchmark, **rest)
        found = sor.allocate_many(700, prices, sizes, fees[0], benchmark=benchmark, **rest)
        assert found.splits.tolist() == same[0]
        np.testing.assert_array_equal(found.costs, same[1])
    assert (found.splits > 0).any()


def test_enumeration_and_large_money() -> None:
    """The other solver, and costs beyond the whole numbers that a float holds."""
    exhaustive = sor.StaticRouter(solver="exhaustive")
    many, exact = (sor.allocate_many(500, PRICES, SIZES, router=r) for r in (exhaustive, None))
    np.testing.assert_array_equal(many.splits, exact.splits)
    np.testing.assert_array_equal(many.costs, exact.costs)
    rng = np.random.default_rng(5)
    prices = rng.uniform(1e5, 4e9, (200, 3))
    sizes = rng.integers(1, 10**15, (200, 3))
    strict = sor.StaticRouter(rule="strict")
    expected = one_by_one(np.full(200, 10**12), prices, sizes, np.zeros((200, 3)), None, router=strict, lot=1)
    found = sor.allocate_many(10**12, prices, sizes, 0, router=strict, lot=1)
    assert found.splits.tolist() == expected[0]
    assert [cost.hex() for cost in found.costs.tolist()] == [cost.hex() for cost in expected[1]]
    with pytest.raises(sor.ParameterError, match="candidates"):
        sor.allocate_many(500, PRICES, SIZES, router=sor.StaticRouter(solver="exhaustive", max_candidates=2))


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(3)
    prices, sizes = 10 + rng.integers(0, 4, (30_000, 4)) / 100, 100 * rng.integers(0, 9, (30_000, 4))
    one, three = (sor.allocate_many(900, prices, sizes, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one.splits, three.splits)
    np.testing.assert_array_equal(one.costs, three.costs)
    sizes[20_001, 2] = sizes[9_000, 1] = -5
    for threads in (1, 3):
        with pytest.raises(sor.ParameterError, match=r"sizes must be .*, got -5 at \[9000, 1\]"):
            sor.allocate_many(900, prices, sizes, threads=threads)


def test_any_array_will_do() -> None:
    expected = sor.allocate_many(300, PRICES, SIZES)
    lists = sor.allocate_many(
        [300, 300, 300], PRICES.tolist(), SIZES.tolist(), [0.003, 0.003], rebates=[0, 0]
    )
    columns = sor.allocate_many(
        np.uint64(300), np.asfortranarray(PRICES), SIZES[:, ::-1][:, ::-1].astype(np.uint16)
    )
    for found in (lists, columns):
        np.testing.assert_array_equal(found.splits, expected.splits)
        np.testing.assert_array_equal(found.costs, expected.costs)
    none = sor.allocate_many(300, np.empty((0, 2)), np.empty((0, 2)))
    assert (none.splits.shape, none.costs.shape) == ((0, 2), (0,))
    nothing = sor.allocate_many(300, [[NAN, -1.0]], [[5, 5]], benchmark=10)
    assert nothing.splits.tolist() == [[0, 0]]


def at(array: Any, place: tuple[int, ...], value: float) -> Any:
    changed = np.array(array, dtype=np.int64 if isinstance(value, int) else np.float64)
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (r"quantities must be whole numbers from 1 .*, got 0 at \[1\]", {"quantities": [5, 0, 5]}),
        (r"quantities must be whole numbers, got float64", {"quantities": 5.0}),
        (r"quantities must be whole numbers, got '5'", {"quantities": "5"}),
        (r"quantities must be one number or one for each of 3 books", {"quantities": [5, 5]}),
        (r"quantities must be whole numbers from 1 .*, got 9223372036854775807", {"quantities": 2**64 - 1}),
        (r"prices must be at most 4e\+09 .*, got inf at \[2, 0\]", {"prices": at(PRICES, (2, 0), INF)}),
        (r"prices must be .*, got .*1 at \[0, 1\]", {"prices": at(PRICES, (0, 1), 1e-10)}),
        (
            r"prices must have one row per book and one column per venue, got shape \(2,\)",
            {"prices": [1.0, 2.0]},
        ),
        (r"prices must be numbers", {"prices": [[1.0], [2.0, 3.0]]}),
        (r"prices must be numbers, got object", {"prices": [[None, 1.0]] * 3}),
        (r"sizes must be whole numbers from 0 .*, got -1 at \[1, 1\]", {"sizes": at(SIZES, (1, 1), -1)}),
        (r"sizes must be whole numbers from 0 .*, got 0.5 at \[1, 1\]", {"sizes": at(SIZES, (1, 1), 0.5)}),
        (r"sizes must be whole numbers from 0 .*, got inf at \[1, 1\]", {"sizes": at(SIZES, (1, 1), INF)}),
        (r"sizes must have the shape of prices, \(3, 2\), got \(2, 2\)", {"sizes": SIZES[:2]}),
        (r"fees must be finite .*, got NaN at \[1\]", {"fees": [0.0, NAN]}),
        (r"fees must be finite .*, got 10000000 at \[0, 1\]", {"fees": at(PRICES, (0, 1), 1e7)}),
        (r"fees must be one number, one for each of 2 venues", {"fees": [0.0, 0.0, 0.0]}),
        (r"rebates must be finite", {"rebates": NAN}),
        (r"benchmark must be finite numbers from 0 .*, got -1 at \[0\]", {"benchmark": -1}),
        (r"benchmark must be finite numbers from 0 .*, got NaN at \[2\]", {"benchmark": [1, 1, NAN]}),
        (r"side must be one of", {"side": "both"}),
        (r"lot must be a whole number", {"lot": 0}),
        (r"threads must be a whole number", {"threads": 0}),
        (r"router must be a sor.StaticRouter", {"router": "exact"}),
        (r"allocate plans on displayed sizes", {"router": sor.StaticRouter(plan="fills")}),
    ],
)
def test_what_is_wrong_is_named(message: str, changes: dict[str, Any]) -> None:
    call: dict[str, Any] = {"quantities": 5, "prices": PRICES, "sizes": SIZES} | changes
    with pytest.raises(sor.ParameterError, match=message):
        sor.allocate_many(call.pop("quantities"), call.pop("prices"), call.pop("sizes"), **call)


def test_allocate_takes_numbers_of_any_kind() -> None:
    router = sor.StaticRouter(lambda_under=0.002)
    plain = sor.allocate(300, [(10.01, 500), (10.0, 200)], router, benchmark=10.0)
    assert plain is not None
    assert plain.split == (100, 200)
    assert plain == sor.allocate(np.int64(300), ((10.01, np.uint16(500)), (10, 200)), router, benchmark=10)
    offers = [(10.01, 500, 0.003, 0.002), sor.Offer(price=10, size=200)]
    assert plain == sor.allocate(300, offers, router, benchmark=10.0)
    assert plain != sor.allocate(300, [(10.01, 500, 0.001, 0.002), (10.0, 200)], router, benchmark=10.0)
    assert plain.cost == pytest.approx(plain.cash + plain.fees - plain.rebates + plain.under + plain.over)
    # An offer of no shares is no quote: it does not set the benchmark either (rule B2).
    assert sor.allocate(300, [(9.0, 0), (10.01, 500)]) == sor.allocate(300, [(11.0, 0), (10.01, 500)])
