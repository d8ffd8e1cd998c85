"""What is wrong with which file, told by the heads of all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError, SorError
from sor.settings.parquet import scan_parquet
from sor.tape.columns import quote_columns, trade_columns
from sor.tape.options import QUOTE_NAMES, TRADE_NAMES, read_options
from sor.tape.schema import collect, reading
from sor.tape.sources import open_source
from sor.universe.work import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sor.tape.options import Options
    from sor.tape.schema import Column, Part
    from sor.universe.unit import Reading, Unit

HEAD = 1_000
"""Records of each file that are looked at."""


def check_units(units: Sequence[Unit], reading_: Reading) -> pl.DataFrame:
    """Read the first records of every file.

    Returns:
        One row per file that cannot be used: `date, symbol, unit, path, problem`; none where all is well.

    """
    quotes = _options(reading_, QUOTE_NAMES)
    trades = _options(reading_, TRADE_NAMES)
    rows = []
    for unit in units:
        if unit.trades == ():
            rows.append((unit, "", "no file of trades"))
        for paths, options, columns in (
            (unit.paths, quotes, quote_columns),
            (unit.trades or (), trades, trade_columns),
        ):
            found = ((path, _problem(path, options, columns)) for path in paths)
            rows += [(unit, path, problem) for path, problem in found if problem is not None]
    return pl.DataFrame(
        [(unit.date or None, unit.symbol, unit.name, path, problem) for unit, path, problem in rows],
        schema=dict.fromkeys(("date", "symbol", "unit", "path", "problem"), pl.String),
        orient="row",
    ).with_columns(pl.col("date").str.to_date())


def _options(reading_: Reading, names: tuple[str, ...]) -> Options:
    columns = {theirs: ours for theirs, ours in reading_.columns.items() if ours in names}
    return read_options({"columns": columns, **reading_.options})


def _problem(path: str, options: Options, columns: Callable[[Part, Options], list[Column]]) -> str | None:
    try:
        source: Any = path
        if "://" in path:
            with reading(path):
                source = scan_parquet(path).head(HEAD).collect()
        (part,), _ = open_source([source], options)
        with reading(path):
            head = collect(_head(part), lambda each: columns(each, options))
        if head.is_empty():
            raise DataError(f"{path}: no records; expected at least one row")
    except (SorError, OSError, pl.exceptions.PolarsError) as problem:
        return reason(problem, path)
    return None


def _head(part: Part) -> Part:
    quick = None if part.quick is None else _head(part.quick)
    return replace(part, frame=part.frame.head(HEAD), quick=quick)
