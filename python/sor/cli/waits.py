"""What a command has to wait for, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sor.settings.routers import StaticRouter
from sor.studies.grid import DEFAULT_GRID, checked_axes
from sor.studies.methods import as_method
from sor.studies.progress import REPLAYING, STATISTICS, Step
from sor.studies.search import steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sor.studies.progress import Pace

WRITING = "writing"
_SECONDS_WRITING = 0.7
_SECONDS_AFTER = 0.02


def replays(policies: int, pace: Pace = "rows") -> Step:
    """Plan the replays of a number of policies."""
    return Step(REPLAYING, policies, pace, after=_SECONDS_AFTER)


def search(options: Mapping[str, Any], others: int) -> list[Step]:
    """Plan a search with these options of the verb, the market's fills being certain."""
    axes = checked_axes(options.get("grid", DEFAULT_GRID), StaticRouter())
    name, settings, _ = as_method(options.get("method", "grid"))
    return steps(name, settings, axes, others, options.get("folds", 0))


def results(out: Path | None) -> list[Step]:
    """Plan the statistics and the files of a result."""
    return [Step(STATISTICS, 0.03), *([] if out is None else [Step(WRITING, _SECONDS_WRITING)])]
