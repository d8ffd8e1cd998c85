"""The command line: `sor demo | backtest | search | study | stress | report | rerun | diff | simulate`."""

from __future__ import annotations

import shlex
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

import sor
from sor.cli.call import call, search_options, stress_options, study_options
from sor.cli.many import executor_of
from sor.cli.options import Form, Given, Json, Out, shares_options
from sor.errors import SorError, SorWarning, shown
from sor.results import words
from sor.show import terminal
from sor.show.report import check_path
from sor.show.report import report as write_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

app = typer.Typer(
    help=sor.__doc__,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_out = Console(highlight=False)
# Typer exports only the classes below it.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

_ONE: dict[str, Any] = {"side": "buy", "quantity": 5_000}
_MANY: dict[str, Any] = {"side": "both", "quantity": 5_000, "every": "1m", "horizon": "5m"}
_FOLDS = 5


@contextmanager
def _reporting() -> Iterator[None]:
    """Turn what a user can put right into one line and exit code 2; what does not fit is said with the result."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SorWarning)
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
    # An option with a value that may be left out, which Typer has not.
    sys.argv = [f"--json={Form.public}" if word == "--json" else word for word in sys.argv]
    try:
        code = app(standalone_mode=False)
    except _USAGE_ERROR as error:
        # What Typer puts before the reason of a wrong choice says nothing.
        _complain(error.format_message().replace("Value error, ", ""))  # type: ignore[attr-defined]
        code = 2
    sys.exit(code)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sor {sor.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which, and stop.")
    ] = False,
) -> None:
    # Typer shows the help of the application itself.
    pass


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Of the synthetic market.")] = 7,
    out: Out = None,
    json: Json = None,
) -> None:
    """Search the default grid on a synthetic market: five venues, an order every minute."""
    with _reporting():
        # A twenty-dollar stock some four ticks wide: its spreads are of the size of the grid's penalties.
        quotes = sor.simulate_quotes(seed=seed, price=20.0, spread=4.0)
        orders = sor.orders_every("1m", side="buy", quantity=5_000, horizon="5m")
        result = sor.search(quotes, orders, run=sor.Run(progress=json is None and sys.stderr.isatty()))
        _finish(result, [quotes], out, json)


@app.command()
@shares_options
def backtest(
    given: Given,
    explain: Annotated[
        str | None, typer.Option(help="Say why child N of the first order was sent; ORDER:N of another.")
    ] = None,
    json: Json = None,
    out: Out = None,
) -> None:
    """Route orders over recorded quotes and compare with the baselines."""
    with _reporting():
        asked = call(given, json=json is not None, orders=_ONE)
        quotes = asked.quotes()
        if explain is not None and isinstance(quotes, sor.Universe):
            raise sor.ParameterError("--explain is for tapes; a universe has sums of its orders only")
        with asked.at_work() as shared:
            result = sor.backtest(quotes, asked.orders, asked.router, against=asked.against, **shared)
        if explain is not None:
            order, child = _child(explain)
            _out.print(terminal.escape(result.explain(child, order=order)), soft_wrap=True)
            return
        _finish(result, quotes, out, json)


@app.command()
@shares_options
def search(given: Given, json: Json = None, out: Out = None) -> None:
    """Search the three risk parameters over a grid, 27 points by default.

    The table `search` of the settings has the grid, the method and the folds: --set search.folds=5 judges the choice
    on later orders.
    """
    with _reporting():
        asked = call(given, json=json is not None, orders=_ONE)
        quotes = asked.quotes()
        with asked.at_work() as shared:
            options = search_options(asked)
            result = sor.search(
                quotes, asked.orders, asked.searched, against=asked.against, **options, **shared
            )
        _finish(result, quotes, out, json)


@app.command()
@shares_options
def study(given: Given, json: Json = None, out: Out = None) -> None:
    """Compare policies on many orders, in pairs, with intervals.

    By default an order of each side every minute, 5 minutes long.
    """
    with _reporting():
        asked = call(given, json=json is not None, orders=_MANY)
        quotes = asked.quotes()
        with asked.at_work() as shared:
            result = sor.study(quotes, asked.orders, asked.policies, **study_options(asked), **shared)
        _finish(result, quotes, out, json)


@app.command()
@shares_options
def stress(given: Given, json: Json = None, out: Out = None) -> None:
    """Replay the same orders in several markets: depletion, latency, queues, fees."""
    with _reporting():
        asked = call(given, json=json is not None, orders=_ONE)
        quotes = asked.quotes()
        with asked.at_work() as shared:
            options = stress_options(asked)
            result = sor.stress(
                quotes, asked.orders, asked.router, against=asked.against, **options, **shared
            )
        _finish(result, quotes, out, json)


@app.command()
@shares_options
def report(
    given: Given,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Write here: .html or .pdf; .png or .svg for one picture.")
    ] = Path("report.html"),
    demo: Annotated[
        bool, typer.Option("--demo", help="On a synthetic market and orders made for it.")
    ] = False,
    search: Annotated[
        bool, typer.Option(help="Search the static router's parameters too, with a walk-forward.")
    ] = True,
) -> None:
    """Compare the router with the baselines on many orders, and write a page to read and pass on.

    By default an order of each side every minute, 5 minutes long.
    """
    with _reporting():
        check_path(out)
        orders = _MANY | {"quantity": [5_000, 20_000, 50_000], "horizon": "2m"} if demo else _MANY
        asked = call(given, json=False, orders=orders, need_files=False)
        if bool(asked.files) == demo:
            raise sor.ParameterError("give FILES to report on, or --demo")
        if asked.universe is not None:
            raise sor.ParameterError(
                "report is for tapes; sor study writes the sums of a universe with --out"
            )
        tapes = [sor.simulate_quotes(minutes=60, price=20.0, spread=4.0)] if demo else asked.quotes()
        result = sor.study(tapes, asked.orders, asked.policies, **study_options(asked), **asked.shared)
        found = None
        if search and out.suffix in (".html", ".pdf") and isinstance(asked.router, sor.StaticRouter):
            options = {"folds": _FOLDS} | search_options(asked)
            found = sor.search(
                tapes, asked.orders, asked.router, against=asked.against, **options, **asked.shared
            )
        write_report(result, out, search=found, command=shlex.join(["sor", *sys.argv[1:]]))
        _out.print(repr(result), soft_wrap=True, markup=False)
        _out.print(f"\nwrote {out}", soft_wrap=True)


@app.command()
def rerun(
    run: Annotated[
        Path, typer.Argument(help="A folder that --out, or result.save, wrote.", show_default=False)
    ],
    workers: Annotated[int | None, typer.Option(help="Processes, of one thread each.")] = None,
) -> None:
    """Compute a saved study of a universe again, and say what differs: nothing, or exit code 1."""
    with _reporting():
        with executor_of(Given(workers=workers)) as executor:
            said = sor.rerun(run, run=sor.Run(executor=executor, progress=sys.stderr.isatty()))
        _differences(said, f"{run}: the same, digest {sor.load(run).digest}")


@app.command()
def diff(
    one: Annotated[
        Path, typer.Argument(help="A folder that --out, or result.save, wrote.", show_default=False)
    ],
    other: Annotated[Path, typer.Argument(help="The other.", show_default=False)],
) -> None:
    """Say what differs between two saved runs, the cause first: nothing, or exit code 1."""
    with _reporting():
        _differences(sor.diff(one, other), f"{one} and {other} are the same")


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
        what = f"{words.count(len(quotes), 'synthetic record')} of {words.count(venues, 'venue')}"
        _out.print(f"wrote {what} to {out}", soft_wrap=True)


def _differences(said: Sequence[str], same: str) -> None:
    for line in said or [same]:
        _out.print(line, soft_wrap=True, markup=False)
    if said:
        raise typer.Exit(1)


def _child(text: str) -> tuple[int, int]:
    """Read `N` or `ORDER:N`."""
    order, _, child = text.rpartition(":")
    try:
        return int(order or 0), int(child)
    except ValueError:
        raise sor.ParameterError(f"--explain must be N or ORDER:N, got {shown(text)}") from None


def _finish(
    result: terminal.Result,
    quotes: Sequence[sor.Quotes] | sor.Universe,
    out: Path | None,
    json: Form | None,
) -> None:
    """Show a result, or print it as JSON, and write it where it is wanted."""
    if json is Form.full:
        typer.echo(result.to_json(full=True))
    elif json is Form.public:
        typer.echo((result.backtest if isinstance(result, sor.Search) else result).to_json())
        terminal.show_warnings(Console(stderr=True, highlight=False), result)
    else:
        for tape in () if isinstance(quotes, sor.Universe) else quotes:
            terminal.show_tape(_out, tape)
        terminal.show(_out, result)
    if out is not None:
        names, missing = terminal.write(result, out)
        if json is None:
            _out.print(f"\nwrote {', '.join(names)} to {out}", soft_wrap=True)
        if missing:
            Console(stderr=True, highlight=False).print(f"no chart: {missing}", soft_wrap=True, markup=False)
