"""The command line: `sor demo | backtest | search | report | simulate`."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

import sor
from sor.errors import SorError
from sor.show import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sor.settings.orders import Orders

app = typer.Typer(help=sor.__doc__, add_completion=False, pretty_exceptions_enable=False)
_out = Console(highlight=False)
# Typer exports only the classes below it.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

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


Fill = Annotated[str, typer.Option(help="displayed, or queue: a share of what is available, slipped.")]
QueuePosition = Annotated[float, typer.Option(help="With --fill queue: 0 (front) to 1 (back).")]
MaxFill = Annotated[float, typer.Option(help="Its fill probability at the front.")]
Impact = Annotated[float, typer.Option(help="Its slippage of a child as large as displayed.")]
Decay = Annotated[str | None, typer.Option(help="Its time constant of a quote's age, as 2s.")]
Seed = Annotated[int | None, typer.Option(help="Sample its fills with this seed.")]
Latency = Annotated[str, typer.Option(help="From a decision to the venues, as 1ms.")]
Limit = Annotated[str, typer.Option(help="seen (the price planned on) or none.")]
RouterName = Annotated[
    str, typer.Option("--router", help="static, or paper: Cont & Kukanov's market and limit orders.")
]
TradesFile = Annotated[
    Path | None, typer.Option("--trades", help="With --router paper: the tape's trades, for its queues.")
]
Epoch = Annotated[str, typer.Option(help="With --router paper: how long a decision stands, as 60s.")]
WindowEvery = Annotated[
    str | None, typer.Option(help="With --router paper: from one past window to the next; the epoch.")
]
Windows = Annotated[int, typer.Option("--scenarios", help="With --router paper: past windows, at most.")]
Queue = Annotated[str, typer.Option(help="With --router paper: pessimistic, expected or optimistic.")]
AdverseSelection = Annotated[
    float, typer.Option(help="With --router paper: what a passive fill loses, per share.")
]
Plan = Annotated[str, typer.Option(help="Plan on displayed sizes, or with the fills.")]
Overbook = Annotated[float, typer.Option(help="With --plan fills: send up to this multiple.")]


@contextmanager
def _reporting() -> Iterator[None]:
    """Turn what a user can put right into one line and exit code 2."""
    try:
        yield
    except (SorError, OSError, ImportError, MemoryError) as error:
        place = (
            f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else error
        )
        _complain(str(place))
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _complain(message: str) -> None:
    line = " ".join(message.split())
    Console(stderr=True, highlight=False).print(
        f"[bold red]error:[/] {terminal.escape(line)}", soft_wrap=True
    )


def main() -> None:
    """Run the command line. What is wrong with the options themselves is one line and exit code 2 as well."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        code = app(standalone_mode=False)
    except _USAGE_ERROR as error:
        _complain(error.format_message())  # type: ignore[attr-defined]
        code = 2
    sys.exit(code)


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
        result = sor.search(quotes, orders, run=sor.Run(progress=not json and sys.stderr.isatty()))
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
    router: RouterName = "static",
    lambda_over: Annotated[float | None, typer.Option(help="Penalty per share too many.")] = None,
    lambda_under: Annotated[float | None, typer.Option(help="Penalty per share too few.")] = None,
    theta_queue: Annotated[float | None, typer.Option(help="Penalty per share of either.")] = None,
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
    fill: Fill = "displayed",
    queue_position: QueuePosition = 0.5,
    max_fill: MaxFill = 0.9,
    impact: Impact = 0.0005,
    decay: Decay = None,
    seed: Seed = None,
    latency: Latency = "0ns",
    limit: Limit = "seen",
    plan: Plan = "displayed",
    overbook: Overbook = 1.0,
    trades: TradesFile = None,
    epoch: Epoch = "60s",
    window_every: WindowEvery = None,
    scenarios: Windows = 200,
    queue: Queue = "expected",
    adverse_selection: AdverseSelection = 0.0,
    symbol: Symbol = None,
    threads: Threads = None,
    explain: Annotated[int | None, typer.Option(help="Say in words why child N was sent.")] = None,
    explain_order: Annotated[int, typer.Option(help="Of which order.")] = 0,
    json: Json = False,
    out: Out = None,
) -> None:
    """Route orders over recorded quotes and compare with the baselines."""
    with _reporting():
        given = {"lambda_over": lambda_over, "lambda_under": lambda_under, "theta_queue": theta_queue}
        penalties = {name: value for name, value in given.items() if value is not None}
        chosen: sor.StaticRouter | sor.ContKukanovRouter
        if router == "paper":
            chosen = sor.ContKukanovRouter(
                **penalties,
                unit=unit,  # type: ignore[arg-type]
                adverse_selection=adverse_selection,
                epoch=epoch,
                window_every=window_every,
                scenarios=scenarios,
                queue=queue,  # type: ignore[arg-type]
            )
        elif router == "static":
            chosen = _router(unit, rule, solver, plan, overbook, **penalties)
        else:
            raise sor.ParameterError(f"--router must be static or paper, got {router!r}")
        quotes = sor.read_quotes(file, symbol=symbol)
        book = _book(snapshot, depletion, collar, max_quote_age, tick)
        fill_model = _fill(fill, queue_position, max_fill, impact, decay, seed)
        result = sor.backtest(
            quotes,
            _orders(side, quantity, start, horizon, every, lot),
            chosen,
            trades=trades,
            market=_market(venues, latency, fill_model, limit, book),
            against=_against(chosen, twap_bucket),
            run=sor.Run(threads=threads, progress=not json and sys.stderr.isatty()),
        )
        if explain is not None:
            _out.print(terminal.escape(result.explain(explain, order=explain_order)), soft_wrap=True)
            return
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
    fill: Fill = "displayed",
    queue_position: QueuePosition = 0.5,
    max_fill: MaxFill = 0.9,
    impact: Impact = 0.0005,
    decay: Decay = None,
    seed: Seed = None,
    latency: Latency = "0ns",
    limit: Limit = "seen",
    plan: Plan = "displayed",
    overbook: Overbook = 1.0,
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
        router = _router(unit, rule, solver, plan, overbook)
        book = _book(snapshot, depletion, collar, max_quote_age, tick)
        fill_model = _fill(fill, queue_position, max_fill, impact, decay, seed)
        result = sor.search(
            quotes,
            _orders(side, quantity, start, horizon, every, lot),
            router,
            grid=grid,
            market=_market(venues, latency, fill_model, limit, book),
            against=_against(router, twap_bucket),
            run=sor.Run(threads=threads, progress=not json and sys.stderr.isatty()),
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


@app.command()
def report(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Quotes, a tape each: .parquet, .csv, .csv.gz or .dbn.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Write here: .html; .png or .svg for one picture.")
    ] = Path("report.html"),
    demo: Annotated[
        bool, typer.Option("--demo", help="On a synthetic market and orders made for it.")
    ] = False,
    side: Annotated[str, typer.Option(help="buy, sell or both.")] = "both",
    quantity: Annotated[str, typer.Option(help="Shares of each order; sizes as 5000,20000.")] = "5000",
    every: Annotated[str, typer.Option(help="From one start to the next, as 10m.")] = "1m",
    horizon: Annotated[str, typer.Option(help="Length of each order, as 5m.")] = "5m",
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
    fill: Fill = "displayed",
    queue_position: QueuePosition = 0.5,
    max_fill: MaxFill = 0.9,
    impact: Impact = 0.0005,
    decay: Decay = None,
    seed: Seed = None,
    limit: Limit = "seen",
    plan: Plan = "displayed",
    overbook: Overbook = 1.0,
    search: Annotated[bool, typer.Option(help="Search the default grid too, with a walk-forward.")] = True,
    resume: Annotated[
        Path | None, typer.Option(help="Keep what is finished in this file, and go on from it.")
    ] = None,
    symbol: Symbol = None,
    threads: Threads = None,
) -> None:
    """Compare the router with the baselines on many orders, and write a page to read and pass on."""
    from sor.show.report import check_path
    from sor.show.report import report as write_report

    with _reporting():
        check_path(out)
        if bool(files) == demo:
            raise sor.ParameterError("give FILES to report on, or --demo")
        if demo:
            tapes = [sor.simulate_quotes(minutes=60, price=20.0, spread=4.0)]
            quantity, horizon = "5000,20000,50000", "2m"
        else:
            tapes = [sor.read_quotes(file, symbol=symbol) for file in files or ()]
        orders = sor.orders_every(every, quantity=_sizes(quantity), side=side, horizon=horizon, lot=lot)  # type: ignore[arg-type]  # checked there
        router = _router(
            unit,
            rule,
            solver,
            plan,
            overbook,
            lambda_over=lambda_over,
            lambda_under=lambda_under,
            theta_queue=theta_queue,
        )
        book = _book(snapshot, depletion, collar, max_quote_age, tick)
        fill_model = _fill(fill, queue_position, max_fill, impact, decay, seed)
        market = _market(venues, "0ms", fill_model, limit, book)
        run = sor.Run(threads=threads, progress=sys.stderr.isatty(), resume=resume)
        against = _against(router, twap_bucket)
        policies: dict[str, Any] = {"router": router, **against}
        result = sor.study(tapes, orders, policies, market=market, run=run)
        wanted = search and out.suffix == ".html"
        found = (
            sor.search(tapes, orders, router, folds=5, market=market, against=against, run=run)
            if wanted
            else None
        )
        write_report(result, out, search=found, command=shlex.join(["sor", *sys.argv[1:]]))
        _out.print(result.__repr__(), soft_wrap=True)
        _out.print(f"\nwrote {out}", soft_wrap=True)


def _sizes(text: str) -> list[int]:
    try:
        return [int(value) for value in text.split(",")]
    except ValueError:
        raise sor.ParameterError(
            f"--quantity must be whole numbers separated by commas, got {text!r}"
        ) from None


def _show(
    result: sor.Backtest | sor.Search, quotes: sor.Quotes, json: bool, show: Callable[[], None]
) -> None:
    if json:
        typer.echo((result.backtest if isinstance(result, sor.Search) else result).to_json())
    else:
        terminal.show_tape(_out, quotes)
        show()


def _router(
    unit: Any, rule: Any, solver: Any, plan: Any, overbook: float, **penalties: Any
) -> sor.StaticRouter:
    return sor.StaticRouter(**penalties, unit=unit, rule=rule, solver=solver, plan=plan, overbook=overbook)


def _fill(
    name: str, queue_position: float, max_fill: float, impact: float, decay: str | None, seed: int | None
) -> sor.Displayed | sor.QueueAware:
    if name == "displayed":
        return sor.Displayed()
    if name != "queue":
        raise sor.ParameterError(f"--fill must be displayed or queue, got {name!r}")
    return sor.QueueAware(
        queue_position=queue_position,
        max_fill=max_fill,
        impact=impact,
        decay=decay,
        mode="expected" if seed is None else "sampled",
        seed=seed or 0,
    )


def _market(
    venues: Path | None, latency: str, fill: sor.Displayed | sor.QueueAware, limit: Any, book: sor.Book
) -> sor.Market:
    return sor.Market(venues=venues, latency=latency, fill=fill, limit=limit, book=book)


def _against(router: sor.StaticRouter | sor.ContKukanovRouter, twap_bucket: str) -> dict[str, Any]:
    names = ("static", *sor.BASELINES) if isinstance(router, sor.ContKukanovRouter) else sor.BASELINES
    return {name: sor.Twap(bucket=twap_bucket) if name == "twap" else sor.POLICIES[name] for name in names}


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
