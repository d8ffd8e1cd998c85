"""How a result draws itself without knowing who draws: `sor.show` registers here what it can show."""

from __future__ import annotations

import importlib
from functools import singledispatch
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike


@singledispatch
def plot(result: object) -> Any:
    """Draw a result."""
    raise TypeError(f"nothing draws a {type(result).__name__}")


@singledispatch
def frontier(result: object) -> Any:
    """Draw the efficient frontier of a result."""
    raise TypeError(f"nothing draws a {type(result).__name__}")


@singledispatch
def report(result: object, path: str | PathLike[str], **options: Any) -> None:
    """Write a page about a result."""
    raise TypeError(f"nothing reports a {type(result).__name__}")


class Drawn:
    """A result that can be drawn (the extra `report`)."""

    def plot(self) -> Any:
        """Draw the result as an Altair chart, which notebooks show as a picture, with no network.

        `alt.renderers.enable("html")` makes it one to zoom in, and `chart.save("x.html")` too.

        Raises:
            MissingExtra: Without the extra `report`.

        """
        self._draw()
        return importlib.import_module("sor.show.pictures").offline(plot(self))

    @staticmethod
    def _draw() -> None:
        """Have `sor.show` register what it can draw."""
        for module in ("plots", "frontier", "report", "summed"):
            importlib.import_module(f"sor.show.{module}")


class Weighed(Drawn):
    """A result whose points or policies can be weighed: what they cost against how evenly."""

    def plot_frontier(self) -> Any:
        """Draw mean against standard deviation of the shortfall; see `frontier`.

        Raises:
            MissingExtra: Without the extra `report`.

        """
        self._draw()
        return importlib.import_module("sor.show.pictures").offline(frontier(self))
