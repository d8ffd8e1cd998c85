"""Units in threads: one at a time in polars, replays side by side."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sor.settings.turns import others_turn, turn


def test_one_has_the_turn_and_others_go_on_during_a_replay() -> None:
    both = threading.Barrier(2, timeout=60)
    inside: list[int] = []
    most: list[int] = []

    def unit() -> None:
        with turn():
            for _ in range(50):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                with others_turn():
                    both.wait()  # which needs both of them here at once

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(unit) for _ in range(2)]:
            done.result()
    assert set(most) == {1}


def test_the_turn_is_given_back_whatever_happens() -> None:
    with pytest.raises(KeyError), turn(), others_turn():
        raise KeyError
    with turn():
        pass
    with others_turn():  # nobody's turn: nothing to give
        pass
