"""The command line: `sor demo | backtest | search | study | stress | report | rerun | diff | simulate`."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.console import Console

import sor
from sor.cli import waits
from sor.cli.call import READING, call
from sor.cli.many import executor_of, saved_run
from sor.cli.options import Form, Given, Json, Objective, Out, shares_options
from sor.cli.said import on_command_line
from sor.errors import DataError, SorError, SorWarning, shown
from sor.results import words
from sor.results.saved import read_run
from sor.settings.routers import unsliced
from sor.show import terminal
from sor.show.report import check_path, page_steps
from sor.show.report import report as write_report
from sor.show.summed import report as report_of_many
from sor.studies.calls import search_options, stress_options, study_options
from sor.studies.progress import STATISTICS, Step, Waiting
from sor.universe.result import UniverseStudy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sor.cli.call import Call

app = typer.Typer(
    help=sor.__doc__,
    epilog="No data yet? sor demo needs none, and sor simulate day.parquet writes a tape for the other commands.",
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
_TYPED = re.compile(r"Input should be a valid (\w+).*|'[^']*' is not a valid (\w+)\.?")
"""What Typer says of a value of the wrong kind; its older versions, the second."""
_KINDS = {"integer": "a whole number", "number": "a number", "float": "a number"}
_SHORTEST = 3
"""Letters of an option that are worth a guess, hyphens included."""
# A folder, the files in it, and why there is no chart.
Written: TypeAlias = tuple[Path, list[str], str]


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
        _complain(on_command_line(str(place)) if isinstance(error, DataError) else str(place))
        raise typer.Exit(2) from None
    except KeyboardInterrupt as stopped:
        said = " ".join(getattr(stopped, "__notes__", ["interrupted"])).replace(
            "resume=FILE", "--resume FILE"
        )
        _warn(said.replace("The same call", "The same command").replace("the same call", "the same command"))
        raise typer.Exit(130) from None


def _complain(message: str) -> None:
    line = " ".join(message.split())
    Console(stderr=True, highlight=False).print(
        f"[bold red]error:[/] {terminal.escape(line)}", soft_wrap=True
    )


def _warn(message: str) -> None:
    Console(stderr=True, highlight=False).print(message, soft_wrap=True, markup=False)


def main() -> None:
    """Run the command line. What is wrong with the options themselves is one line and exit code 2 as well."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    # An option with a value that may be left out, which Typer has not.
    sys.argv = [f"--json={Form.public}" if word == "--json" else word for word in sys.argv]
    try:
        code = app(standalone_mode=False)
    except _USAGE_ERROR as error:
        _complain(_usage(error))
        code = 2
    sys.exit(code)


def _usage(error: Any) -> str:
    """Say what is wrong with an option; one that another command has is said so, and only what is near is offered."""
    unknown = getattr(error, "option_name", None)
    if unknown is None or not hasattr(error, "possibilities"):
        # What Typer puts before the reason of a wrong choice says nothing.
        said = str(error.format_message().replace("Value error, ", ""))
        return _TYPED.sub(lambda found: f"expected {_KINDS.get(found[1] or found[2], found[0])}", said)
    commands = getattr(typer.main.get_command(app), "commands", {})
    others = [
        f"sor {name}"
        for name, command in commands.items()
        if any(unknown in each.opts for each in command.params)
    ]
    known = list(error.possibilities or ())
    near = difflib.get_close_matches(unknown, known, cutoff=0.75)
    near = near or [each for each in known if len(unknown) > _SHORTEST and each.startswith(unknown)]
    hint = f"; {words.listed(others)} {'has' if len(others) == 1 else 'have'} it" if others else ""
    return f"No such option: {unknown}{hint}" + (
        f" (did you mean {words.listed(near)}?)" if near and not others else ""
    )


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sor {sor.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    # Typer shows the help of the application itself.
    pass


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Seed of the synthetic market.")] = 7,
    out: Out = None,
    json: Json = None,
) -> None:
    """Search the default grid on a synthetic market: five venues, an order every minute."""
    with _reporting():
        # A twenty-dollar stock some four ticks wide: its spreads are of the size of the grid's penalties.
        orders = sor.orders_every("1m", side="buy", quantity=5_000, horizon="5m")
        bar = Waiting()
        bar.plan(Step(READING, 0.2), *waits.search({}, len(sor.BASELINES)), *waits.results(out))
        with bar.shown(_seen(json)):
            bar.begin(READING)
            quotes = sor.simulate_quotes(seed=seed, price=20.0, spread=4.0)
            result = sor.search(quotes, orders, run=sor.Run(progress=bar))
            written = _settled(result, bar, out)
        _show(result, [quotes], json, bar, written)


@app.command()
@shares_options
def backtest(
    given: Given,
    explain: Annotated[
        str | None, typer.Option(help="Explain child N of the first order, or ORDER:N, in words.")
    ] = None,
    json: Json = None,
    out: Out = None,
) -> None:
    """Route orders over recorded quotes and compare with the baselines.

    By default one order to buy 5,000 shares, over the whole session.
    """
    with _reporting():
        asked = call(given, orders=_ONE)
        asked.bar.plan(asked.reading(), waits.replays(len(asked.policies)), *waits.results(out))
        with asked.bar.shown(_seen(json)), asked.at_work() as shared:
            quotes = asked.quotes()
            if explain is not None and isinstance(quotes, sor.Universe):
                raise sor.ParameterError("--explain is for tapes; a universe has sums of its orders only")
            result = sor.backtest(quotes, asked.orders, asked.router, against=asked.against, **shared)
            written = None if explain is not None else _settled(result, asked.bar, out)
        if explain is not None:
            order, child = _child(explain)
            _out.print(terminal.escape(result.explain(child, order=order)), soft_wrap=True)
            return
        _show(result, quotes, json, asked.bar, written)


@app.command()
@shares_options
def search(given: Given, objective: Objective = None, json: Json = None, out: Out = None) -> None:
    """Search the three risk parameters over a grid, 27 points by default.

    By default one order to buy 5,000 shares, over the whole session.

    With --set search.folds=5 the choice is judged on later orders.
    """
    with _reporting():
        asked = call(given, orders=_ONE)
        if objective is not None:
            asked.options["search"]["objective"] = objective
        options = search_options(asked.options["search"])
        asked.bar.plan(asked.reading(), *waits.search(options, len(asked.policies)), *waits.results(out))
        with asked.bar.shown(_seen(json)), asked.at_work() as shared:
            quotes = asked.quotes()
            result = sor.search(
                quotes, asked.orders, asked.searched, against=asked.against, **options, **shared
            )
            written = _settled(result, asked.bar, out)
        _show(result, quotes, json, asked.bar, written)


@app.command()
@shares_options
def study(given: Given, json: Json = None, out: Out = None) -> None:
    """Compare policies on many orders, in pairs, with intervals.

    By default an order of 5,000 shares of each side every minute, 5 minutes long.
    """
    with _reporting():
        asked = call(given, orders=_MANY)
        asked.bar.plan(asked.reading(), waits.replays(len(asked.policies)), *waits.results(out))
        with asked.bar.shown(_seen(json)), asked.at_work() as shared:
            quotes = asked.quotes()
            result = _studied(asked, quotes, shared)
            written = _settled(result, asked.bar, out)
        _show(result, quotes, json, asked.bar, written)


@app.command()
@shares_options
def stress(given: Given, json: Json = None, out: Out = None) -> None:
    """Replay the same orders in several markets: depletion, latency, queues, fees.

    By default one order to buy 5,000 shares, over the whole session.
    """
    with _reporting():
        asked = call(given, orders=_ONE)
        options = stress_options(asked.options["stress"])
        many = len(asked.policies) * len(options.get("markets", sor.DEFAULT_MARKETS))
        asked.bar.plan(asked.reading(), waits.replays(many, "sums"), *waits.results(out))
        with asked.bar.shown(_seen(json)), asked.at_work() as shared:
            quotes = asked.quotes()
            result = sor.stress(
                quotes, asked.orders, asked.router, against=asked.against, **options, **shared
            )
            written = _settled(result, asked.bar, out)
        _show(result, quotes, json, asked.bar, written)


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

    By default an order of 5,000 shares of each side every minute, 5 minutes long.

    Instead of FILES: a folder that sor study --out wrote of a universe.
    """
    command = shlex.join(["sor", *sys.argv[1:]])
    with _reporting():
        check_path(out)
        if saved := saved_run(given):
            kept = sor.load(saved)
            if not isinstance(kept, UniverseStudy):
                raise sor.ParameterError(f"{saved}: a page is made of a study, and this is no study")
            report_of_many(kept, out, command=command)
            _say_written(kept, out)
            return
        orders = _MANY | {"quantity": [5_000, 20_000, 50_000], "horizon": "2m"} if demo else _MANY
        asked = call(given, orders=orders, need_files=False)
        if bool(asked.files) == demo:
            raise sor.ParameterError("give FILES to report on, or --demo")
        search = (
            search
            and asked.universe is None
            and out.suffix in (".html", ".pdf")
            and isinstance(unsliced(asked.router), sor.StaticRouter)
        )
        options = {"folds": _FOLDS} | search_options(asked.options["search"])
        policies = len(asked.policies)
        asked.bar.plan(
            Step(READING, 0.3) if demo else asked.reading(),
            waits.replays(policies),
            Step(STATISTICS, 0.03),
            *(waits.search(options, policies) if search else ()),
            *page_steps(out),
        )
        with asked.bar.shown(_seen(None)), asked.at_work() as shared:
            if demo:
                asked.bar.begin(READING)
            tapes = [sor.simulate_quotes(minutes=60, price=20.0, spread=4.0)] if demo else asked.quotes()
            result = _studied(asked, tapes, shared)
            asked.bar.begin(STATISTICS)
            _ = result.comparisons
            found = None
            if search:
                found = sor.search(
                    tapes, asked.orders, asked.searched, against=asked.against, **options, **shared
                )
            if isinstance(result, UniverseStudy):
                report_of_many(result, out, command=command, bar=asked.bar)
            else:
                write_report(result, out, search=found, command=command, bar=asked.bar)
        _notes(asked.bar)
        _say_written(result, out)


def _studied(
    asked: Call, quotes: Sequence[sor.Quotes] | sor.Universe, shared: dict[str, Any]
) -> sor.Study | UniverseStudy:
    options = study_options(asked.options["study"])
    return sor.study(quotes, asked.orders, asked.policies, policy=asked.policy, **options, **shared)


def _say_written(study: object, out: Path) -> None:
    """Show what a page is about, and where it is."""
    _out.print(repr(study), soft_wrap=True, markup=False)
    _out.print(f"\nwrote {out}", soft_wrap=True)


@app.command()
def rerun(
    run: Annotated[
        Path,
        typer.Argument(
            help="A folder that --out or result.save wrote.",
            show_default=False,
        ),
    ],
    workers: Annotated[
        int | None, typer.Option(help="Of a universe: processes to share the work, of one thread each.")
    ] = None,
) -> None:
    """Compute a saved run again from its inputs, and list what differs; exit code 1 if anything does."""
    with _reporting():
        manifest = read_run(run).manifest
        if workers is not None and manifest.get("of") != "universe":
            raise sor.ParameterError(f"--workers is for runs over a universe; {run} is one over tapes")
        with executor_of(Given(workers=workers)) as executor:
            said = sor.rerun(run, run=sor.Run(executor=executor, progress=sys.stderr.isatty()))
        _differences(said, f"{run}: the same, digest {manifest['result']}")


@app.command()
def diff(
    one: Annotated[
        Path,
        typer.Argument(
            help="A folder that --out or result.save wrote.",
            show_default=False,
        ),
    ],
    other: Annotated[Path, typer.Argument(help="The other folder.", show_default=False)],
) -> None:
    """List what differs between two saved runs, the cause first; exit code 1 if anything does."""
    with _reporting():
        _differences(sor.diff(one, other), f"{one} and {other} are the same")


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Where to write: .parquet or .csv.", show_default=False)],
    venues: Annotated[int, typer.Option(help="Number of venues.")] = 5,
    minutes: Annotated[float, typer.Option(help="Length of the tape.")] = 30,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
) -> None:
    """Write a synthetic tape to try the other commands on."""
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


def _seen(json: Form | None) -> Console | None:
    """Return where a bar is shown: nowhere beside JSON."""
    return Console(stderr=True, highlight=False) if json is None else None


def _settled(result: terminal.Result, bar: Waiting, out: Path | None) -> Written | None:
    """Do what is left to compute, and write the files that are wanted, while the bar is there."""
    bar.begin(STATISTICS)
    repr(result)
    if out is None:
        return None
    bar.begin(waits.WRITING)
    return (out, *terminal.write(result, out))


def _show(
    result: terminal.Result,
    quotes: Sequence[sor.Quotes] | sor.Universe,
    json: Form | None,
    bar: Waiting,
    written: Written | None,
) -> None:
    """Show a result, or print it as JSON, and say what was written."""
    if json is Form.full:
        typer.echo(result.to_json(full=True))
    elif json is Form.public:
        typer.echo((result.backtest if isinstance(result, sor.Search) else result).to_json())
        terminal.show_warnings(Console(stderr=True, highlight=False), result)
    else:
        _notes(bar)
        for tape in () if isinstance(quotes, sor.Universe) else quotes:
            terminal.show_tape(_out, tape)
        terminal.show(_out, result)
    if written is not None:
        out, names, missing = written
        if json is None:
            _out.print(f"\nwrote {', '.join(names)} to {out}", soft_wrap=True)
        if missing:
            _warn(f"no chart: {missing}")


def _notes(bar: Waiting) -> None:
    for note in bar.notes:
        _out.print(note, style="dim", soft_wrap=True, markup=False)
