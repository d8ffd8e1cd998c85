"""What the command line shows, and the files it writes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rich.markup import escape

from sor.errors import MissingExtra
from sor.results import views, words
from sor.results.backtest import Backtest
from sor.results.search import Search
from sor.results.stress import Stress
from sor.results.study import Study
from sor.settings.routers import ROUTER
from sor.settings.times import format_ns
from sor.show import pictures
from sor.universe.result import UniverseStudy
from sor.universe.searching import UniverseSearch
from sor.universe.stressed import UniverseStress

if TYPE_CHECKING:
    from rich.console import Console

    from sor.tape.tape import Quotes

_OWN = f"{ROUTER} "

__all__ = ["Result", "escape", "show", "show_tape", "show_warnings", "write"]

Result: TypeAlias = Backtest | Search | Study | Stress | UniverseStudy | UniverseSearch | UniverseStress
"""What a verb returns."""


def show_tape(console: Console, quotes: Quotes) -> None:
    """Say what was read, and what in it is worth knowing."""
    report = quotes.report()
    name = escape(quotes.symbol or Path(quotes.source).name)
    span = f"{format_ns(quotes.start)[:19]} to {format_ns(quotes.end)[11:19]} UTC"
    held = f"{words.count(report.records, 'record')}, {words.count(report.venues, 'venue')}"
    console.print(f"[bold]{name}[/]  {held}, {span}")
    odd = {
        "out of order": report.out_of_order,
        "duplicates": report.duplicates,
        "no bid": report.no_quote_bid,
        "no ask": report.no_quote_ask,
        "locked": report.locked,
        "crossed": report.crossed,
        "beyond the collar": report.stubs,
    }
    found = ", ".join(f"{count:,} {what}" for what, count in odd.items() if count)
    console.print(f"[dim]{found or 'nothing unusual'}[/]")


def show(console: Console, result: Result) -> None:
    """Show a result of any verb as it says itself; what does not fit is among that."""
    console.print()
    for line in repr(result).splitlines():
        style = "bold" if line.startswith(_OWN) else "dim" if set(line) == {"-"} else None
        console.print(line, style=style, soft_wrap=True, markup=False)


def show_warnings(console: Console, result: Result) -> None:
    """Say what does not fit, and may make the result say little."""
    for warning in result.warnings:
        console.print(f"[yellow]note[/]  {escape(warning)}", soft_wrap=True)


def write(result: Result, out: Path) -> tuple[list[str], str]:
    """Write the rows, the tables, the settings and a chart into a folder.

    Returns:
        The names of the files, and why there is no chart (empty where there is one).

    """
    names = result.save(out)
    if isinstance(result, UniverseStudy | UniverseSearch | UniverseStress):
        return names, ""
    importlib.import_module("sor.show.plots")  # registers what can be drawn
    drawn = result.backtest if isinstance(result, Search) else result
    try:
        pictures.save(views.plot(drawn), out / "cost.png")
    except MissingExtra as missing:
        return names, str(missing)
    return [*names, "cost.png"], ""
