"""Whatever is given for whichever argument: a result, or an error of ours that says which.

`make fuzz` tries many more, and more than one argument at a time.
"""

from __future__ import annotations

import inspect
import random
from itertools import islice

import hostile
import numpy as np
import pytest
import sor
from effort import ALL, some
from sor import cont_kukanov


def test_every_exported_callable_is_in_the_table() -> None:
    """A new name: put it, and its methods that take arguments, into `hostile.CALLS`."""
    exported = {name: getattr(sor, name) for name in sor.__all__}
    exported |= {f"cont_kukanov.{name}": getattr(cont_kukanov, name) for name in cont_kukanov.__all__}
    callables = {name for name, value in exported.items() if callable(value)}
    assert sorted(callables - hostile.CALLS.keys() - hostile.MADE) == []
    methods = {
        f"{name}.{method}"
        for name, value in exported.items()
        if inspect.isclass(value) and value.__module__.startswith("sor.")
        for method, function in inspect.getmembers(value, inspect.isfunction)
        if not method.startswith("_") and len(inspect.signature(function).parameters) > 1
    }
    # These serve the package's own files, are a policy's to write, or belong to a moment of a running order.
    internal = {"Ledger.mapped", "Ledger.named", "Quotes.kept", "Compiled.replaced"}
    internal |= {f"Policy.{name}" for name in ("decide", "replaced", "start", "told")}
    internal |= {f"Step.{name}" for name in ("cancel", "post", "take", "wake")}
    assert sorted(methods - hostile.CALLS.keys() - internal) == []


@pytest.mark.parametrize("name", hostile.CALLS)
def test_arguments_that_are_right_are_taken(name: str) -> None:
    call, right = hostile.CALLS[name]
    try:
        call(**right)
    except sor.MissingExtra as missing:
        pytest.skip(str(missing))
    except sor.ParameterError:
        # Nothing is to be written, and these are never called without.
        assert name in (
            "Study.report",
            "UniverseStudy.report",
            "Quotes.with_trades",
            "Compiled",
            "CompiledFill",
        ) or name.endswith(".write")


def test_one_hostile_argument() -> None:
    """All of the table now and then, and a part that is drawn anew with every version of it in between."""
    cases = list(hostile.single())
    assert len(cases) > 10_000
    if not ALL:
        cases = random.Random(len(cases)).sample(cases, some(len(cases), ci=1_500))
    assert hostile.wrongs(iter(cases)) == []


def test_several_hostile_arguments() -> None:
    cases = hostile.several(random.Random(1))
    assert hostile.wrongs(islice(cases, some(3_000, ci=300))) == []


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        *(
            ("simulate_quotes", argument, True)
            for argument in ("minutes", "spread", "size", "rate", "symbol")
        ),
        ("cont_kukanov.solve", "scenarios", [[True, False]]),
        ("cont_kukanov.closed_form", "law", np.array([True])),
        ("allocate_many", "prices", [[True, True]] * 2),
        ("allocate_many", "quantities", np.array([True, True])),
        ("allocate", "offers", [(1.0, True)]),
        ("Timetable", "rows", [(0, True)]),
        ("Timetable", "relative", 1),
        ("FillTable", "rows", [(100, 100, True)]),
        ("Study.by", "zone", True),
    ],
)
def test_a_truth_value_is_no_number_or_name(name: str, argument: str, value: object) -> None:
    call, right = hostile.CALLS[name]
    with pytest.raises(sor.ParameterError, match=argument):
        call(**(right | {argument: value}))
