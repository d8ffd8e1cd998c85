"""What every test may ask for. The markers are declared in pyproject.toml; helpers live in `support/`."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from functools import cache
from typing import TYPE_CHECKING

import compiled_library
import pytest
import recorded
import typer.main
from effort import EFFORT, some
from hypothesis import settings

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

pytest.register_assert_rewrite("ledgers", "posted_tapes", "small_tape", "tapes")

# No test is about time: a busy machine may hold any of them up.
settings.register_profile("untimed", deadline=None, max_examples=some(100, ci=40))
settings.load_profile("untimed")

# A shell that starts a command in the background has it ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Small tables make threads wait for each other: every day polars has one here, and as many as it likes in CI.
if EFFORT == "everyday" and "POLARS_MAX_THREADS" not in os.environ:
    os.environ["POLARS_MAX_THREADS"] = "1"
    importlib.import_module("polars")
    del os.environ["POLARS_MAX_THREADS"]  # processes of their own have as many as they like

# The command line is put together for every call of it, which takes longer than many a test.
typer.main.get_command = cache(typer.main.get_command)

# A terminal's width is looked up when a table is drawn, unless it was set when the command line was imported.
os.environ.pop("COLUMNS", None)
# Typer writes colours wherever one of these is set, be it to "0".
for name in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS"):
    os.environ.pop(name, None)


def pytest_configure(config: pytest.Config) -> None:
    """What does not fit a tape is asked for by name (`pytest.warns`)."""
    # Said in pyproject.toml, this would import the package, and polars, before all that is above.
    config.addinivalue_line("filterwarnings", "ignore::sor.errors.SorWarning")


def pytest_collection_finish() -> None:
    """What stands by now stays: the collector looks only through what comes, and not after every 700 objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the recorded day where there is none, and say where it was looked for."""
    if recorded.QUOTES.exists():
        return
    missing = pytest.mark.skip(reason=f"no recorded day in {recorded.DATA} (SOR_DATA names another folder)")
    for item in items:
        if item.get_closest_marker("data") is not None:
            item.add_marker(missing)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The policies and fill models in C."""
    return compiled_library.build(tmp_path_factory.mktemp("compiled"))


@pytest.fixture
def sor_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `sor ...` in this process; return its exit code, what it printed, and what it complained of."""
    from sor.cli import main

    def run(*arguments: object, columns: int = 80) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sor", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def shown(sor_command: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """What `sor ...` prints when all is well."""

    def run(*arguments: object, columns: int = 80) -> str:
        code, out, err = sor_command(*arguments, columns=columns)
        assert (code, err) == (0, "")
        return out

    return run


@pytest.fixture
def complaint(sor_command: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """The one line that `sor ...` says when something is wrong, without its `error: `."""

    def run(*arguments: object) -> str:
        code, out, err = sor_command(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        return err.strip().removeprefix("error: ")

    return run
