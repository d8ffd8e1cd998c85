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
_MANY = "Universe: many symbol-days"


@dataclass(frozen=True)
class Given:
    """What was said on the command line and holds for every command that replays; None: not said."""

    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            help="Quotes, one tape a file: paths or patterns (.parquet, .csv, .dbn, .csv.gz ...). "
            "With date=* and symbol=*, or {date} and {symbol}, a universe: many symbol-days, read one by one.",
        ),
    ] = None
    orders: Annotated[
        Path | None,
        typer.Option(
            help="Your own orders, CSV or Parquet: columns side, quantity, start, horizon.",
            rich_help_panel=_ORDERS,
        ),
    ] = None
    side: Annotated[Side | None, typer.Option(help="Side of the orders.", rich_help_panel=_ORDERS)] = None
    quantity: Annotated[
        str | None,
        typer.Option(help="Shares of each order; several sizes: 1000,5000.", rich_help_panel=_ORDERS),
    ] = None
    horizon: Annotated[
        str | None, typer.Option(help="Length of each order, e.g. 30s, 5m, 1h30m.", rich_help_panel=_ORDERS)
    ] = None
    every: Annotated[
        str | None,
        typer.Option(help="An order this often over the whole tape, e.g. 1m.", rich_help_panel=_ORDERS),
    ] = None
    start: Annotated[
        str | None,
        typer.Option(
            help="Start of a single order (2024-01-02T14:30), or with --every of the first of each session (09:30).",
            rich_help_panel=_ORDERS,
        ),
    ] = None
    end: Annotated[
        str | None,
        typer.Option(
            help="End of a single order, or with --every time of day by which the last of each session ends.",
            rich_help_panel=_ORDERS,
        ),
    ] = None
    tz: Annotated[
        str | None,
        typer.Option(
            help="Time zone of times of day, e.g. America/New_York; by default UTC.", rich_help_panel=_ORDERS
        ),
    ] = None
    router: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(POLICIES)}, or your own: file.py:Class. By default static.",
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
        typer.Option(
            help="From decision to venue, e.g. 1ms, where --venues says none; by default 0.",
            rich_help_panel=_MARKET,
        ),
    ] = None
    fill: Annotated[
        str | None,
        typer.Option(
            help="How children fill: displayed (all that is shown; the default), queue (a part of it), or your own: "
            "table.csv, file.py:name.",
            rich_help_panel=_MARKET,
        ),
    ] = None
    sessions: Annotated[
        str | None,
        typer.Option(
            help="What ends a session: gaps (30 minutes of silence; the default), none, or a calendar, e.g. XNYS.",
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
        typer.Option(
            help="A TOML file of settings, such as the run.toml that --out writes.", rich_help_panel=_RUN
        ),
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
        typer.Option(help="Worker threads; results do not depend on them.", rich_help_panel=_RUN),
    ] = None
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Keep finished work in this file; the same command goes on from there.", rich_help_panel=_RUN
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(help="Processes to share the work, of one thread each.", rich_help_panel=_MANY),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(help="A Dask cluster, e.g. tcp://head:8786.", metavar="ADDRESS", rich_help_panel=_MANY),
    ] = None
    rows: Annotated[
        Path | None,
        typer.Option(
            help="Write orders, children and fills into this folder, by date and symbol.",
            rich_help_panel=_MANY,
        ),
    ] = None
    collect: Annotated[
        bool,
        typer.Option("--collect", help="Report bad files and go on without them.", rich_help_panel=_MANY),
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
    typer.Option(
        "--out", "-o", help="Write rows, tables, settings and a chart into this folder.", rich_help_panel=_RUN
    ),
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
