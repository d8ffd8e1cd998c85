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
from sor.settings.routers import ROUTER, ContKukanovRouter, unsliced
from sor.settings.times import format_ns
from sor.show import pictures
from sor.tape.files import beside
from sor.universe.result import UniverseStudy
from sor.universe.searching import UniverseSearch
from sor.universe.stressed import UniverseStress

if TYPE_CHECKING:
    import polars as pl
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
    if isinstance(result, UniverseStudy):
        result.save(out)
        return sorted(path.name for path in out.iterdir()), ""
    if isinstance(result, UniverseSearch | UniverseStress):
        return _write_tables(result, out), ""
    out.mkdir(parents=True, exist_ok=True)
    frames = _frames(result)
    for name, frame in frames.items():
        with beside(out / f"{name}.parquet") as path:
            frame.write_parquet(path)
    with beside(out / "run.toml") as path:
        path.write_text(result.config(), encoding="utf-8")
    names = [*(f"{name}.parquet" for name in frames), "run.toml"]
    importlib.import_module("sor.show.plots")  # registers what can be drawn
    drawn = result.backtest if isinstance(result, Search) else result
    try:
        pictures.save(views.plot(drawn), out / "cost.png")
    except MissingExtra as missing:
        return names, str(missing)
    return [*names, "cost.png"], ""


def _write_tables(result: UniverseSearch | UniverseStress, out: Path) -> list[str]:
    """Write what a search or a stress test of a universe found; each study in a folder of its own."""
    out.mkdir(parents=True, exist_ok=True)
    result.table.write_parquet(out / "table.parquet")
    if isinstance(result, UniverseStress):
        return ["table.parquet"]
    result.comparisons.write_parquet(out / "comparisons.parquet")
    result.folds.write_parquet(out / "folds.parquet")
    result.in_sample.save(out / "in_sample")
    return ["table.parquet", "comparisons.parquet", "folds.parquet", "in_sample"]


def _frames(result: Backtest | Search | Study | Stress) -> dict[str, pl.DataFrame]:
    if isinstance(result, Stress):
        return {"stress": result.table, "summary": result.summary}
    replayed = result.backtest if isinstance(result, Search) else result
    ledger = replayed.ledger
    frames = {"fills": ledger.fills, "children": ledger.children, "orders": ledger.parents}
    frames["summary"] = replayed.summary
    if isinstance(unsliced(replayed.router), ContKukanovRouter):
        frames |= {"places": ledger.places, "epochs": ledger.epochs, "posts": replayed.posts}
        frames["markouts"] = replayed.markouts
    match result:
        case Search():
            frames["search"] = result.table
            if not result.folds.is_empty():
                frames |= {"folds": result.folds, "comparisons": result.comparisons}
        case Study():
            frames |= {"savings": result.savings, "comparisons": result.comparisons}
    return frames
