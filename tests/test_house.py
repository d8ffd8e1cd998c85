"""The house: one door to the core, and files that can be read in one sitting."""

from __future__ import annotations

import ast
import inspect
import statistics
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sor
from mutants import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = Path(sor.__file__).parent
FILES = sorted(PACKAGE.glob("**/*.py"))
# `sor.replay` is the door; the paper's problem has its own, a tape takes its own records and counts its
# own states, and what a policy sees are the core's own classes.
DOORS = (
    "replay",
    "cont_kukanov",
    "tape/tape.py",
    "tape/stream.py",
    "settings/policy.py",
    "studies/steps.py",
    "__init__.py",
)


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def core_imports(path: Path) -> Iterator[ast.ImportFrom | ast.Import]:
    for node in nodes_of(path):
        match node:
            case ast.ImportFrom(module=module, names=names):
                if module == "sor._core" or (module == "sor" and any(name.name == "_core" for name in names)):
                    yield node
            case ast.Import(names=names) if any(name.name == "sor._core" for name in names):
                yield node


def test_one_door_to_the_core() -> None:
    importers = {path.relative_to(PACKAGE).as_posix() for path in FILES if any(core_imports(path))}
    assert importers
    assert [name for name in sorted(importers) if not name.startswith(DOORS)] == []


def test_nothing_below_the_command_line_imports_the_packages_face() -> None:
    """`import sor` would lead back up; import-linter cannot tell it from the core."""
    for path in FILES:
        if path.parent.name == "cli" or path.parent == PACKAGE:
            continue
        for node in nodes_of(path):
            if isinstance(node, ast.ImportFrom) and node.module == "sor":
                assert [name.name for name in node.names] == ["_core"], path
            if isinstance(node, ast.Import):
                assert all(name.name != "sor" for name in node.names), path


# What hands a function to polars, which calls it on a thread of its own.
CALLED_BY_POLARS = {
    *("map_elements", "map_batches", "map_groups", "map_rows", "map_columns", "rolling_map", "apply"),
    *("fold", "reduce", "cum_fold", "cum_reduce", "register_io_source", "sink_batches", "defer"),
}


def calls_python(nodes: Iterable[ast.AST]) -> list[str]:
    """Return the calls of polars in a source that take a function of Python."""
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call, ast.Attribute) and call.attr in CALLED_BY_POLARS]
    # Others have methods of these names: a trial's folds, a ufunc's reduction.
    return [
        ast.unparse(call)
        for call in named
        if call.attr not in ("fold", "reduce") or ast.unparse(call.value) in ("pl", "polars")
    ]


def test_polars_never_calls_python() -> None:
    """On a thread of its own it would wait for the interpreter's lock, which a thread that waits for it may hold."""
    found = {path.name: calls_python(nodes_of(path)) for path in FILES}
    assert {name: calls for name, calls in found.items() if calls} == {}
    wrong = "frame.select(pl.col('a').map_elements(str), pl.fold(0, add, 'a'), trials.fold(1))"
    assert calls_python(ast.walk(ast.parse(wrong))) == [
        "pl.col('a').map_elements",
        "pl.fold",
    ]


def test_files_are_short() -> None:
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    assert max(lengths) <= 500
    assert statistics.median(lengths) <= 200


def test_functions_are_short() -> None:
    """Docstrings left out: more than sixty lines in three functions of the package at most."""
    long = []
    for path in FILES:
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef):
                has_doc = ast.get_docstring(node) is not None
                first = node.body[1] if has_doc and len(node.body) > 1 else node.body[0]
                if (node.end_lineno or 0) - first.lineno + 1 > 60:
                    long.append(f"{path.relative_to(PACKAGE)}: {node.name}")
    assert len(long) <= 3, long


def test_no_public_function_has_more_than_eight_options() -> None:
    """Besides its data: what reads or makes a tape has options that say what the data are."""
    for name in sor.__all__:
        value = getattr(sor, name)
        if inspect.isfunction(value) and name not in ("simulate_quotes", "read_quotes", "read_trades"):
            options = [
                each
                for each in inspect.signature(value).parameters.values()
                if each.kind == each.KEYWORD_ONLY
            ]
            data = [each for each in options if each.name in ("quotes", "trades", "halts", "quantity")]
            assert len(options) - len(data) <= 8, (name, [each.name for each in options])


def test_the_mutants_are_of_the_sources_as_they_are() -> None:
    gone = [
        (file, old)
        for file, old, new in MUTANTS
        if old == new or old not in (ROOT / "rust/src" / file).read_text(encoding="utf-8")
    ]
    assert gone == []
