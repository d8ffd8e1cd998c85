"""One snapshot at four venues: the enumeration in Python, the same in Rust, and the exact allocator.

All three are asked the same problems and must give the same splits and costs before any is timed. The times of the
two in Rust hold the call from Python; without it they are in `cargo bench`.
"""

from __future__ import annotations

import random

import reference
from sor import _core

from bench.figures import Figure, median_seconds

QUANTITY, LOT, VENUES, BOOKS = 1_500, 100, 4, 5
BENCHMARK, PENALTIES = 100_000_000_000, (100_000_000, 100_000_000, 10_000_000)


def make_books() -> list[list[tuple[int, int, int, int]]]:
    """Offers (price, available, fee, rebate), few price levels, so that ties are frequent."""
    random.seed(3)
    return [
        [
            (BENCHMARK + random.randrange(15) * 10_000_000, 100 * random.randint(5, 20), 3_000_000, 2_000_000)
            for _ in range(VENUES)
        ]
        for _ in range(BOOKS)
    ]


def in_python(book: list[tuple[int, int, int, int]]) -> tuple[list[int], int]:
    """The literal enumeration of the tests."""
    over, under, theta = PENALTIES
    found = reference.allocate(
        QUANTITY,
        book,
        side="buy",
        lot=LOT,
        benchmark=BENCHMARK,
        lambda_over=over,
        lambda_under=under,
        theta=theta,
        rule="relaxed",
    )
    assert found is not None
    return list(found.split), found.cost


def in_rust(book: list[tuple[int, int, int, int]], solver: str) -> tuple[list[int], int]:
    """The core, by either solver."""
    found = _core.allocate(QUANTITY, LOT, book, BENCHMARK, PENALTIES, "relaxed", solver, 10**9)
    assert found is not None
    split, (cash, fees, rebates, under, over) = found
    return split, cash + fees - rebates + under + over


def measure() -> list[Figure]:
    """Check, then time."""
    books = make_books()
    for book in books:
        assert in_python(book) == in_rust(book, "exhaustive") == in_rust(book, "exact")
    python = median_seconds(lambda: [in_python(book) for book in books], 3) / BOOKS
    exhaustive = median_seconds(lambda: [in_rust(book, "exhaustive") for book in books]) / BOOKS
    exact = median_seconds(lambda: [in_rust(book, "exact") for book in books * 200]) / (200 * BOOKS)
    size = f"{VENUES} venues, S = {QUANTITY:,}, L = {LOT}"
    return [
        Figure(f"{size}: enumeration in Python", python * 1e6, "us"),
        Figure(f"{size}: enumeration in Rust", exhaustive * 1e6, "us"),
        Figure(f"{size}: exact", exact * 1e6, "us"),
    ]
