"""The options of the commands, in panels, and how five commands come to share them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from sor.settings.routers import POLICIES

if TYPE_CHECKING:
    from collections.abc import Callable


class Side(StrEnum):
    """Sides of an order."""

    buy = "buy"
    sell = "sell"
    both = "both"


_ORDERS, _ROUTER, _MARKET, _RUN = "Orders", "Policies", "Market", "Run and output"
_MANY = "Many symbol-days"


@dataclass(frozen=True)
class Given:
    """What was said on the command line and holds for every command that replays; None: not said."""

    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Quotes, a tape each: paths or patterns (.parquet, .csv, .dbn, .gz, .zst). "
            "With date=* and symbol=*, or {date} and {symbol}: many symbol-days."
        ),
    ] = None
    orders: Annotated[
        Path | None,
        typer.Option(
            help="A table of orders, CSV or Parquet: side, quantity, start, horizon.", rich_help_panel=_ORDERS
        ),
    ] = None
    side: Annotated[Side | None, typer.Option(help="Side of the orders.", rich_help_panel=_ORDERS)] = None
    quantity: Annotated[
        str | None,
        typer.Option(help="Shares of each order; several sizes: 1000,5000.", rich_help_panel=_ORDERS),
    ] = None
    horizon: Annotated[
        str | None, typer.Option(help="Length of each order, e.g. 5m.", rich_help_panel=_ORDERS)
    ] = None
    every: Annotated[
        str | None,
        typer.Option(help="One order every so often over the whole tape, e.g. 1m.", rich_help_panel=_ORDERS),
    ] = None
    start: Annotated[
        str | None,
        typer.Option(
            help="When a single order starts (ISO 8601), or the first of each session (09:30).",
            rich_help_panel=_ORDERS,
        ),
    ] = None
    end: Annotated[
        str | None,
        typer.Option(help="Time of day by which the last of each session ends.", rich_help_panel=_ORDERS),
    ] = None
    tz: Annotated[
        str | None,
        typer.Option(
            help="Time zone of --start and --end, e.g. America/New_York; else UTC.", rich_help_panel=_ORDERS
        ),
    ] = None
    router: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(POLICIES)}, or your own: file.py:Class.",
            metavar="NAME",
            rich_help_panel=_ROUTER,
        ),
    ] = None
    schedule: Annotated[
        str | None,
        typer.Option(
            help="How much is released by when: twap:60s, pov:0.1, vwap:curve.csv, timetable:slices.csv.",
            metavar="KIND:SETTING",
            rich_help_panel=_ROUTER,
        ),
    ] = None
    venues: Annotated[
        Path | None,
        typer.Option(help="Fees, rebates, latency: a TOML file.", rich_help_panel=_MARKET),
    ] = None
    latency: Annotated[
        str | None,
        typer.Option(help="Of venues for which --venues gives none, e.g. 1ms.", rich_help_panel=_MARKET),
    ] = None
    fill: Annotated[
        str | None,
        typer.Option(
            help="How children fill: displayed (all of it), queue (a part), or your own: table.csv, file.py:name.",
            rich_help_panel=_MARKET,
        ),
    ] = None
    sessions: Annotated[
        str | None,
        typer.Option(
            help="What ends a session: gaps (30 minutes of silence), none, or a calendar, e.g. XNYS.",
            rich_help_panel=_MARKET,
        ),
    ] = None
    symbol: Annotated[
        str | None,
        typer.Option(help="Which symbol to read, where a file holds several.", rich_help_panel=_MARKET),
    ] = None
    trades: Annotated[
        list[Path] | None,
        typer.Option(
            help="Trades of the tape, for queues: one file for each file of quotes.",
            metavar="PATH",
            rich_help_panel=_MARKET,
        ),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option(help="A TOML file of settings, as --out writes it.", rich_help_panel=_RUN),
    ] = None
    set: Annotated[
        list[str] | None,
        typer.Option(
            help="Any other setting by its place in that file, e.g. router.lambda_under=0.002.",
            metavar="KEY=VALUE",
            rich_help_panel=_RUN,
        ),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(help="Worker threads; the result does not depend on it.", rich_help_panel=_RUN),
    ] = None
    resume: Annotated[
        Path | None,
        typer.Option(help="Keep finished work in this file, and go on from it.", rich_help_panel=_RUN),
    ] = None
    workers: Annotated[
        int | None, typer.Option(help="Processes, of one thread each.", rich_help_panel=_MANY)
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(help="A Dask cluster, e.g. tcp://head:8786.", metavar="ADDRESS", rich_help_panel=_MANY),
    ] = None
    rows: Annotated[
        Path | None,
        typer.Option(
            help="Write orders, children and fills here, by date and symbol.", rich_help_panel=_MANY
        ),
    ] = None
    collect: Annotated[
        bool, typer.Option("--collect", help="Report bad files and go on.", rich_help_panel=_MANY)
    ] = False


class Form(StrEnum):
    """What `--json` prints; alone it means `public`."""

    public = "public"
    full = "full"


Json = Annotated[
    Form | None,
    typer.Option(
        "--json",
        metavar="[=full]",
        help="Print JSON and nothing else: the figures, or with =full the settings and versions too.",
        show_default=False,
        rich_help_panel=_RUN,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Write rows, tables, settings and a chart here.", rich_help_panel=_RUN),
]


Objective = Annotated[
    str | None,
    typer.Option(
        help="What the search minimises: mean, mean+std:1, std, quantile:0.9, cvar:0.95, or file.py:function; "
        "several with commas, and the first decides.",
        metavar="NAME",
        rich_help_panel=_ROUTER,
    ),
]


def shares_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Given`, before its own; it gets them as its first argument."""
    own = list(inspect.signature(command).parameters.values())[1:]
    shared = [field.name for field in fields(Given)]
    hints = get_type_hints(Given, include_extras=True)

    @wraps(command)
    def with_options(**values: Any) -> None:
        command(Given(**{name: values.pop(name) for name in shared}), **values)

    own_hints = get_type_hints(command, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    defaults = {field.name: field.default for field in fields(Given)}
    parameters = [
        *(
            inspect.Parameter(name, keyword, default=defaults[name], annotation=hints[name])
            for name in shared
        ),
        *(each.replace(kind=keyword, annotation=own_hints[each.name]) for each in own),
    ]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options
