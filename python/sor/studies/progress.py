"""Progress bars for calls that take a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sor.settings.run import Progress


@contextmanager
def watching(
    progress: bool | Progress | None, label: str, *, rate: str | None = None
) -> Iterator[Progress | None]:
    """Yield a callback `(done, total)`: the caller's own, a bar on standard error, or none.

    Args:
        progress: A callback, True for a bar, False or None for nothing.
        label: What the bar says.
        rate: The unit of how fast it goes, where that is to be seen.

    """
    if callable(progress):
        yield progress
    elif not progress:
        yield None
    else:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )

        class Rate(ProgressColumn):
            def render(self, task: Task) -> str:
                return "" if task.speed is None else f"{task.speed:.1f} {rate}"

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            *([] if rate is None else [Rate()]),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
