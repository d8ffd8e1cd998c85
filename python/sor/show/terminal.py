"""What the command line shows, and the files it writes."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from rich.markup import escape
from rich.table import Table

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
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from sor.tape.tape import Quotes

# The router under another queue model stands, indented, below the router.
_INDENTED = re.compile(rf"^{ROUTER} \((\w+)\)$")

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


def show_backtest(console: Console, result: Backtest) -> None:
    """Show the router's line and the baselines'."""
    console.print(f"\n{_orders_line(result)}")
    console.print(_policies(result))
    for line in words.edges(result.summary.row(0, named=True)):
        console.print(line)
    if isinstance(unsliced(result.router), ContKukanovRouter):
        console.print(_posting(result))
    console.print(
        "[dim]costs: bps of quantity x arrival mid, mean over orders; drift: of the mid\n"
        "saved: the router's savings, mean over orders, bps of arrival value[/]"
    )


def show_search(console: Console, search: Search) -> None:
    """Show every point, the best, the flat axes and the comparison."""
    rows = search.table
    table = Table(
        title=f"{words.count(rows.height, 'point')}, objective: {search.objective.title}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for axis in search.axes:
        table.add_column(axis, justify="right", no_wrap=True)
    # In 80 columns there is room for the parts of the mean, or for another objective.
    figures: dict[str, Callable[[dict[str, Any]], str]] = {
        "objective": lambda row: _bps(row[search.objective_column]),
        "shortfall": lambda row: _bps(row["shortfall_bps"]),
        "spread": lambda row: _bps(row["spread_bps"]),
        "drift": lambda row: _bps(_drift(row)),
        "filled": lambda row: _percent(row["fill_ratio"]),
    }
    for name in ("objective",) if search.is_mean else ("spread", "drift"):
        del figures[name]
    for name in figures:
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows.iter_rows(named=True):
        best = all(row[axis] == value for axis, value in search.best_point.items())
        mark = "best" if best else "ties" if row["best"] else ""
        table.add_row(
            *(f"{row[axis]:g}" for axis in search.axes),
            *(figure(row) for figure in figures.values()),
            mark,
            style="bold green" if best else None,
        )
    console.print()
    console.print(table)
    point = "  ".join(f"{axis} {value:g}" for axis, value in search.best_point.items())
    console.print(f"\n[bold]best[/]  {point}")
    for line in search.aims():
        console.print(f"      {escape(line)}")
    for axis, why in search.flat_axes.items():
        console.print(f"[yellow]flat[/]  {axis}: {why}")
    console.print(f"[yellow]note[/]  {search.verdict()}")
    show_backtest(console, search.backtest)


def show(console: Console, result: Result) -> None:
    """Show a result of any verb."""
    match result:
        case Backtest():
            show_backtest(console, result)
        case Search():
            show_search(console, result)
        case _:
            console.print(f"\n{result!r}", soft_wrap=True, markup=False)
            return  # it says itself what does not fit
    show_warnings(console, result)


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


def _posting(result: Backtest) -> str:
    """Say what the limit orders did, and under which model of their queues."""
    router, posts = result.router, result.posts
    assert isinstance(router, ContKukanovRouter)
    trades = (
        "with trades"
        if result.quotes[0].trades is not None
        else "without trades: --trades narrows the bounds"
    )
    lines = [f"[dim]router: {router.queue} queues, indented: the other models of them, {trades}[/]"]
    blind = result.epochs.filter(pl.col("scenarios") == 0).height
    if blind:
        lines.append(
            f"{blind:,} of {words.count(result.epochs.height, 'epoch')} had no past window to learn from: all taken"
        )
    filled = posts.filter(pl.col("filled") > 0)
    lines.append(f"{words.count(posts.height, 'limit order')}, {filled.height:,} filled in part or whole")
    if filled.height:
        wait = filled.select(pl.col("seconds_to_first_fill").median()).item()
        edges = [
            f"{100 * edge:+.2f}c " + (f"{later} s later" if later else "at the fill")
            for later, edge in result.markouts.select("seconds", "edge").drop_nulls().iter_rows()
        ]
        lines[-1] += f", the first share after {wait:.1f} s (median)"
        lines.append(f"a passive share against the mid: {', '.join(edges)}")
    return "\n".join(lines)


def _orders_line(result: Backtest) -> str:
    orders = result.orders
    shares: Sequence[int] = orders["quantity"].unique().sort().to_list()
    size = f"{shares[0]:,}" if len(shares) == 1 else f"{shares[0]:,} to {shares[-1]:,}"
    side = "/".join(orders["side"].unique().to_list())
    seconds = (orders["end"] - orders["start"]).dt.total_seconds().unique().to_list()
    length = f", {seconds[0]:,} s each" if len(seconds) == 1 else ""
    return f"[bold]{words.count(orders.height, 'order')}[/]: {side} {size} shares{length}"


def _policies(result: Backtest) -> Table:
    rows = result.summary.with_columns(pl.col("policy").cast(pl.String))
    posts = isinstance(unsliced(result.router), ContKukanovRouter)
    names = ["shortfall", "spread", "drift", "end", *(["rebate", "posted"] if posts else ["fees"])]
    table = Table(box=None, pad_edge=False)
    table.add_column("policy", no_wrap=True)
    # Eighty columns hold one of the two: the price, or what posting earns.
    for name in ([] if posts else ["all-in px"]) + [*names, "filled", "saved"]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows.iter_rows(named=True):
        price = "-" if row["avg_fill_px"] is None else f"{row['avg_fill_px']:,.4f}"
        end = None if row["slippage_bps"] is None else row["slippage_bps"] + row["opportunity_bps"]
        own = row["policy"] == ROUTER
        table.add_row(
            _INDENTED.sub(r"  \1", str(row["policy"])),
            *([] if posts else [price]),
            *(_bps(row[f"{part}_bps"]) for part in ("shortfall", "spread")),
            _bps(_drift(row)),
            _bps(end),
            *(
                [_bps(row["rebates_bps"]), _percent(row["posted_ratio"])]
                if posts
                else [_bps(row["fees_bps"])]
            ),
            _percent(row["fill_ratio"]),
            "" if own or _INDENTED.match(row["policy"]) else _signed(row["savings_bps"]),
            style="bold" if own else None,
        )
    return table


def _drift(row: dict[str, Any]) -> float | None:
    """Return what the schedule and timing cost together."""
    return None if row["timing_bps"] is None else row["schedule_bps"] + row["timing_bps"]


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value + 0.0:,.3f}"


def _signed(value: float | None) -> str:
    if value is None:
        return "-"
    return f"[{'green' if value > 0 else 'red' if value < 0 else 'dim'}]{value:+,.3f}[/]"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
