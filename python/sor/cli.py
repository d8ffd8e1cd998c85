"""The command line: `sor demo | backtest | search | simulate`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

import sor
from sor import terminal
from sor.errors import SorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sor.params import Orders

app = typer.Typer(
    help=sor.__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
_out = Console(highlight=False)

File = Annotated[Path, typer.Argument(help="Quotes: .parquet, .csv, .csv.gz or .dbn.", show_default=False)]
Side = Annotated[str, typer.Option(help="buy or sell.")]
Quantity = Annotated[int, typer.Option(help="Shares of each order.")]
Start = Annotated[str | None, typer.Option(help="When one order starts (ISO 8601, UTC); the tape's start.")]
Horizon = Annotated[str | None, typer.Option(help="Its length, as 5m; the rest of the tape.")]
Every = Annotated[str | None, typer.Option(help="One order every so often, as 10m, over the whole tape.")]
Lot = Annotated[int, typer.Option(help="Shares in a lot.")]
Unit = Annotated[
    str, typer.Option(help="Of the three penalties: fraction (of the mid) or price (per share).")
]
Rule = Annotated[str, typer.Option(help="relaxed or strict (exactly what is left, or nothing).")]
Solver = Annotated[str, typer.Option(help="exact or exhaustive; they give the same split.")]
Snapshot = Annotated[str, typer.Option(help="last, each or first.")]
Depletion = Annotated[str, typer.Option(help="refresh, persistent or none.")]
Collar = Annotated[float, typer.Option(help="Hide quotes further than this fraction through the mid.")]
MaxAge = Annotated[str | None, typer.Option("--max-quote-age", help="Hide older quotes, as 10s.")]
Tick = Annotated[float, typer.Option(help="Price step of the completion walk.")]
Venues = Annotated[Path | None, typer.Option(help="Fees, rebates and latency: a TOML file.")]
Bucket = Annotated[str, typer.Option("--twap-bucket", help="Length of a TWAP bucket.")]
Symbol = Annotated[str | None, typer.Option(help="Which, where the file holds several.")]
Threads = Annotated[int | None, typer.Option(help="Worker threads; the result does not depend on it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")]
Out = Annotated[Path | None, typer.Option(help="Write fills, orders, tables and a chart here.")]


@contextmanager
def _reporting() -> Iterator[None]:
    """Turn what a user can put right into one line and exit code 2."""
    try:
        yield
    except (SorError, OSError, ImportError, MemoryError) as error:
        place = (
            f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else error
        )
        Console(stderr=True, highlight=False).print(
            f"[bold red]error:[/] {terminal.escape(str(place))}", soft_wrap=True
        )
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _orders(
    side: str, quantity: int, start: str | None, horizon: str | None, every: str | None, lot: int
) -> Orders:
    if every is None:
        return sor.Order(side, quantity, start=start, horizon=horizon, lot=lot)  # type: ignore[arg-type]
    if start is not None:
        raise sor.ParameterError("--start is for one order; --every starts with the tape")
    return sor.orders_every(every, side=side, quantity=quantity, horizon=horizon or every, lot=lot)  # type: ignore[arg-type]


def _write(result: sor.Backtest | sor.Search, out: Path | None, quiet: bool) -> None:
    if out is not None:
        names = terminal.write(result, out)
        if not quiet:
            _out.print(f"\nwrote {', '.join(names)} to {out}", soft_wrap=True)


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Of the synthetic market.")] = 7,
    out: Out = None,
    json: Json = False,
) -> None:
    """Search the default grid on a synthetic market: five venues, an order every minute."""
    with _reporting():
        # A twenty-dollar stock some four ticks wide: its spreads are of the size of the grid's penalties.
        quotes = sor.simulate_quotes(seed=seed, price=20.0, spread=4.0)
        orders = sor.orders_every("1m", side="buy", quantity=5_000, horizon="5m")
        result = sor.grid_search(quotes, orders, progress=not json and sys.stderr.isatty())
        _show(result, quotes, json, lambda: terminal.show_search(_out, result))
        _write(result, out, quiet=json)


@app.command()
def backtest(
    file: File,
    side: Side = "buy",
    quantity: Quantity = 5_000,
    start: Start = None,
    horizon: Horizon = None,
    every: Every = None,
    lot: Lot = 100,
    lambda_over: Annotated[float, typer.Option(help="Penalty per share too many.")] = 0.001,
    lambda_under: Annotated[float, typer.Option(help="Penalty per share too few.")] = 0.001,
    theta_queue: Annotated[float, typer.Option(help="Queue-risk penalty per share of either.")] = 0.0001,
    unit: Unit = "fraction",
    rule: Rule = "relaxed",
    solver: Solver = "exact",
    snapshot: Snapshot = "last",
    depletion: Depletion = "refresh",
    collar: Collar = 0.01,
    max_quote_age: MaxAge = None,
    tick: Tick = 0.01,
    venues: Venues = None,
    twap_bucket: Bucket = "60s",
    symbol: Symbol = None,
    threads: Threads = None,
    json: Json = False,
    out: Out = None,
) -> None:
    """Route orders over recorded quotes and compare with the baselines."""
    with _reporting():
        router = _router(lambda_over, lambda_under, theta_queue, unit, rule, solver)
        quotes = sor.read_quotes(file, symbol=symbol)
        result = sor.backtest(
            quotes,
            _orders(side, quantity, start, horizon, every, lot),
            router,
            venues=venues,
            book=_book(snapshot, depletion, collar, max_quote_age, tick),
            twap_bucket=twap_bucket,
            threads=threads,
            progress=not json and sys.stderr.isatty(),
        )
        _show(result, quotes, json, lambda: terminal.show_backtest(_out, result))
        _write(result, out, quiet=json)


@app.command()
def search(
    file: File,
    side: Side = "buy",
    quantity: Quantity = 5_000,
    start: Start = None,
    horizon: Horizon = None,
    every: Every = None,
    lot: Lot = 100,
    lambda_over: Annotated[str | None, typer.Option(help="Values to search, as 0.0005,0.001.")] = None,
    lambda_under: Annotated[str | None, typer.Option(help="Values to search.")] = None,
    theta_queue: Annotated[str | None, typer.Option(help="Values to search.")] = None,
    unit: Unit = "fraction",
    rule: Rule = "relaxed",
    solver: Solver = "exact",
    snapshot: Snapshot = "last",
    depletion: Depletion = "refresh",
    collar: Collar = 0.01,
    max_quote_age: MaxAge = None,
    tick: Tick = 0.01,
    venues: Venues = None,
    twap_bucket: Bucket = "60s",
    symbol: Symbol = None,
    threads: Threads = None,
    json: Json = False,
    out: Out = None,
) -> None:
    """Search the three risk parameters over a grid (27 points by default)."""
    with _reporting():
        given = {"lambda_over": lambda_over, "lambda_under": lambda_under, "theta_queue": theta_queue}
        grid = dict(sor.DEFAULT_GRID) | {axis: _values(axis, text) for axis, text in given.items() if text}
        quotes = sor.read_quotes(file, symbol=symbol)
        result = sor.grid_search(
            quotes,
            _orders(side, quantity, start, horizon, every, lot),
            _router(0.001, 0.001, 0.0001, unit, rule, solver),
            grid=grid,
            venues=venues,
            book=_book(snapshot, depletion, collar, max_quote_age, tick),
            twap_bucket=twap_bucket,
            threads=threads,
            progress=not json and sys.stderr.isatty(),
        )
        _show(result, quotes, json, lambda: terminal.show_search(_out, result))
        _write(result, out, quiet=json)


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Where to write: .parquet or .csv.", show_default=False)],
    venues: Annotated[int, typer.Option(help="Number of venues.")] = 5,
    minutes: Annotated[float, typer.Option(help="Length of the tape.")] = 30,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
) -> None:
    """Write a synthetic tape."""
    with _reporting():
        quotes = sor.simulate_quotes(venues=venues, minutes=minutes, seed=seed)
        quotes.write(out)
        _out.print(f"wrote {len(quotes):,} synthetic records of {venues} venues to {out}", soft_wrap=True)


def _show(
    result: sor.Backtest | sor.Search, quotes: sor.Quotes, json: bool, show: Callable[[], None]
) -> None:
    if json:
        typer.echo(result.to_json())
    else:
        terminal.show_tape(_out, quotes)
        show()


def _router(over: float, under: float, theta: float, unit: Any, rule: Any, solver: Any) -> sor.StaticRouter:
    return sor.StaticRouter(
        lambda_over=over, lambda_under=under, theta_queue=theta, unit=unit, rule=rule, solver=solver
    )


def _book(snapshot: Any, depletion: Any, collar: float, max_quote_age: str | None, tick: float) -> sor.Book:
    return sor.Book(
        snapshot=snapshot, depletion=depletion, collar=collar, max_quote_age=max_quote_age, tick=tick
    )


def _values(axis: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in text.split(","))
    except ValueError:
        option = "--" + axis.replace("_", "-")
        raise sor.ParameterError(f"{option} must be numbers separated by commas, got {text!r}") from None
