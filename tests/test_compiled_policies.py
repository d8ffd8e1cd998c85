"""Compiled policies: C functions and numba's, the same bytes as the built-in ones, on any number of threads (Q3)."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sor
from compiled_library import address, capsule
from effort import some
from hours import random_replays
from ledgers import ledger_bytes, serialized
from small_tape import ORDER, TAPE
from sor.replay.ledger import TABLES
from tapes import read_tape
from test_own_policies import alone

if TYPE_CHECKING:
    import ctypes

QUOTES = sor.simulate_quotes(venues=3, minutes=12, seed=3)
ORDERS = sor.orders_every(side="buy", quantity=2_000, horizon="1m", every="1m")


def tables(ledger: Any) -> list[bytes]:
    return [serialized(getattr(ledger, name).drop("variant")) for name in TABLES]


def test_best_ask_in_c_gives_the_same_bytes(library: ctypes.CDLL) -> None:
    policy = sor.Compiled(address(library, "best_ask"))
    compared = 0
    for seed in range(some(200, ci=20)):
        days = random_replays(random.Random(seed), 2)
        quotes = read_tape(days.raw, days.trades)
        for case in days.cases:
            own, built_in = alone(quotes, case, policy), alone(quotes, case, sor.BestAsk())
            assert tables(own) == tables(built_in), (seed, case)
            compared += built_in.fills.height
    assert compared > 100


def test_threads_change_nothing(library: ctypes.CDLL) -> None:
    policy = sor.Compiled(address(library, "rests"), parameters={"rest": 3e9}, memory=2)
    found = [
        sor.backtest(QUOTES, ORDERS, policy, against=("sweep",), run=sor.Run(threads=threads, progress=False))
        for threads in (1, 2, 7)
    ]
    assert found[0]["router"].posts.height > 20
    assert found[0]["router"].passive_fills.height > 0
    first, *others = [ledger_bytes(each.ledger) for each in found]
    assert all(other == first for other in others)


def test_its_parameters_are_axes(library: ctypes.CDLL) -> None:
    policy = sor.Compiled(
        address(library, "rests"), parameters={"rest": 3e9}, memory=2, name="rests", version="1"
    )
    found = sor.search(QUOTES, ORDERS, policy, grid={"rest": [1e8, 1e9, 1e10]}, run=sor.Run(progress=False))
    assert isinstance(found.best, sor.Compiled)
    assert found.best_point["rest"] in (1e8, 1e9, 1e10)
    assert found.table["rest"].to_list() == [1e8, 1e9, 1e10]
    assert repr(found.best).startswith("rests(rest=")


def test_kept_results_are_those_of_the_same_function(library: ctypes.CDLL, tmp_path: Path) -> None:
    pointer = address(library, "best_ask")
    assert sor.Compiled(pointer) != sor.Compiled(pointer)
    assert sor.Compiled(pointer, version="1") == sor.Compiled(pointer, version="1")
    assert sor.Compiled(pointer, version="1") != sor.Compiled(pointer, version="2")
    run = sor.Run(resume=tmp_path / "kept.db", progress=False)
    policy = sor.Compiled(pointer, version="1")
    whole, again = (sor.backtest(QUOTES, ORDERS, policy, against=(), run=run) for _ in range(2))
    assert ledger_bytes(whole.ledger) == ledger_bytes(again.ledger)


NAMES = ("answered", "kind", "venue", "quantity", "price", "until", "order")
WRONG = [
    ({"answered": -3}, "decide must return how many orders it wrote, from 0 to 24, got -3"),
    ({"answered": 25}, "from 0 to 24, got 25"),
    ({"kind": 7}, "kind must be 1 (take), 2 (post), 3 (cancel) or 4 (wake), got 7"),
    ({"venue": 2}, "venue must be below 2, got 2"),
    ({"venue": -1}, "venue must be below 2"),
    ({"quantity": 0}, "quantity must be from 1 to 1000000000000000, got 0"),
    ({"quantity": 1e16}, "quantity must be from 1 to 1000000000000000"),
    ({"price": -5}, "price must be above 0 nanos, got -5"),
    (
        {"kind": 2, "price": 100_010_000_000},
        "price must not cross the other side of venue 0, got 100010000000",
    ),
    ({"kind": 2, "until": 5}, "until must be later than now, got 5"),
    ({"kind": 3, "order": 9}, "cancel must name an order that was sent, got 9"),
    ({"kind": 4, "until": 5}, "until must be later than now to wake at, got 5"),
]


@pytest.mark.parametrize(("said", "why"), WRONG)
def test_what_breaks_a_rule_is_an_error(library: ctypes.CDLL, said: dict[str, float], why: str) -> None:
    right = dict.fromkeys(NAMES, 0.0) | {"answered": 1, "kind": 1, "quantity": 100}
    policy = sor.Compiled(address(library, "says"), parameters=right | said, name="says")
    with pytest.raises(sor.PolicyError, match=re.escape(why)) as caught:
        sor.backtest(TAPE, ORDER, policy, against=(), run=sor.Run(progress=False))
    assert str(caught.value).startswith("policy says, order buy 500 from 2024-01-02 14:30:00 UTC, at ")


KEPT_NAME = b"sor.decide.v1"
OTHER_NAME = b"sor.decide.v0"


def test_a_capsule_says_what_it_holds(library: ctypes.CDLL) -> None:
    pointer = address(library, "best_ask")
    policy = sor.Compiled(capsule(KEPT_NAME, pointer))
    found = sor.backtest(QUOTES, ORDERS, policy, against=("best_ask",), run=sor.Run(progress=False))
    assert found["router"].fills.equals(found["best_ask"].fills)
    old = sor.Compiled(capsule(OTHER_NAME, pointer))
    with pytest.raises(sor.ParameterError, match=r'a capsule named "sor\.decide\.v1"'):
        sor.backtest(QUOTES, ORDERS, old, against=(), run=sor.Run(progress=False))


@pytest.mark.parametrize("function", [0, -1, None, 1.5, True, "decide", lambda: None])
def test_what_is_no_function_is_refused(function: object) -> None:
    with pytest.raises(
        sor.ParameterError, match=r"function must be a numba\.cfunc, a capsule or the address"
    ):
        sor.Compiled(function)


def test_the_structs_are_whole_words() -> None:
    for struct in (sor.Compiled.MOMENT, sor.Compiled.VENUE, sor.Compiled.ORDER):
        assert struct.itemsize == 8 * len(struct.names or ())
        assert all(struct[name] == np.int64 for name in struct.names or ())


@pytest.mark.slow
def test_numba_in_the_documents() -> None:
    """The block that the documents' own test leaves out, for want of numba."""
    pytest.importorskip("numba")
    text = (Path(__file__).parent.parent / "docs" / "policies.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^<!-- no-test -->\n```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"sor": sor, "quotes": QUOTES, "orders": ORDERS}
    exec(block, names)
    found = sor.backtest(QUOTES, ORDERS, names["compiled"], against=(), run=sor.Run(progress=False))
    assert found["router"].fills.height > 0


def test_numba() -> None:
    pytest.importorskip("numba")
    from numba_policies import decide

    policy = sor.Compiled(decide, parameters={"most": 0.02})
    again = sor.Compiled(decide, parameters={"most": 0.02})
    assert policy == again
    found = sor.backtest(QUOTES, ORDERS, policy, against=("sweep",), run=sor.Run(threads=2, progress=False))
    eager = sor.backtest(
        QUOTES, ORDERS, policy.replaced(most=1.0), against=("sweep",), run=sor.Run(threads=2, progress=False)
    )
    assert eager["router"].fills.equals(eager["sweep"].fills)
    assert not found["router"].fills.equals(found["sweep"].fills)
