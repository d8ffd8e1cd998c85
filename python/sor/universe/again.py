"""Runs that were saved: read back, computed again, compared."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError, SorError, count
from sor.results.result import versions
from sor.settings.checks import instance
from sor.settings.config import Config, from_table, market_of, orders_of, policy_of
from sor.settings.routers import ROUTER
from sor.settings.run import Bootstrap, Run
from sor.universe.result import UniverseStudy
from sor.universe.saved import SETTINGS, SavedRun, read_run
from sor.universe.study import travelling, worked
from sor.universe.tables import KEY, Tables
from sor.universe.unit import Reading, digest_of
from sor.universe.work import Settings, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FILTERS = ("since", "until", "dates", "symbols")
"""What of the table `universe` says which units, and not how they are read."""


def load(path: str | PathLike[str]) -> UniverseStudy:
    """Read a study that was saved.

    Args:
        path: What `result.save(path)` wrote.

    Raises:
        DataError: If there is none, or its rows are not those its manifest speaks of.
        ParameterError: If its settings cannot be read.

    """
    saved = read_run(path)
    made = _config(saved)
    bootstrap = from_table(Bootstrap, made.options.get("bootstrap", {}), f"{path}: bootstrap")
    return UniverseStudy(
        rows=saved.tables,
        policies=made.policies,
        policy=made.policy,
        market=travelling(made.market),
        bootstrap=bootstrap,
        made=made,
    )


def rerun(path: str | PathLike[str], *, run: Run = Run()) -> list[str]:
    """Compute a saved study again from its inputs, and compare.

    Args:
        path: What `result.save(path)` wrote.
        run: Where, and with what bar. Nothing is taken from `resume`, and a unit that cannot be used is a difference.

    Returns:
        What differs, the cause first: inputs by name, versions, rows. Empty where every value is the same.

    Raises:
        DataError: If there is no saved study.
        ParameterError: If its settings cannot be read, or are no study's.

    """
    instance("run", run, Run)
    saved = read_run(path)
    made = _config(saved)
    if made.command not in ("study", "backtest"):
        raise ParameterError(f"{path}: is a {made.command}; a study or a backtest can be computed again")
    said = [*_changed_inputs(saved), *_differing("version", saved.manifest["versions"], versions())]
    options = dict(made.universe or {})
    reading = Reading(
        columns=options.pop("columns", {}),
        sessions=options.pop("sessions", None),
        options={name: value for name, value in options.items() if name not in (*FILTERS, "cut")},
    )
    settings = Settings(
        reading=reading,
        orders=made.orders,
        policies=made.policies,
        policy=made.policy,
        market=travelling(made.market),
        record=False,
    )
    units = units_of(saved.tables.inputs)
    again = Run(threads=run.threads, progress=run.progress, executor=run.executor, errors="collect")
    try:
        tables = worked(units, settings, again, f"{count(len(units), 'symbol-day')} again")
    except ParameterError as failed:
        return [*said, f"nothing can be computed: {failed}"]
    return [*said, *_differing_rows(saved.tables, tables)]


def diff(one: str | PathLike[str], other: str | PathLike[str]) -> list[str]:
    """Say what differs between two saved runs, the cause first: inputs, settings, versions, rows.

    Args:
        one: What `result.save(path)` wrote.
        other: The same of the other.

    Returns:
        A line each; of rows the first that differs in each table. Empty where every value is the same.

    Raises:
        DataError: If one of them is no saved run.

    """
    a, b = read_run(one), read_run(other)
    return [
        *_differing("input", a.manifest["inputs"], b.manifest["inputs"]),
        *_differing(
            "setting", dict(_flat(tomllib.loads(a.settings))), dict(_flat(tomllib.loads(b.settings)))
        ),
        *_differing("seed", a.manifest.get("seeds", {}), b.manifest.get("seeds", {})),
        *_differing("version", a.manifest["versions"], b.manifest["versions"]),
        *_differing_rows(a.tables, b.tables),
    ]


def _config(saved: SavedRun) -> Config:
    """Make the call of its TOML."""
    place = fspath(saved.path / SETTINGS)
    try:
        table = tomllib.loads(saved.settings)
    except tomllib.TOMLDecodeError as failed:
        raise ParameterError(f"{place}: not a TOML file: {failed}") from None
    try:
        command = table["command"]
        return Config(
            command=command,
            files=tuple(table.get("files", ())),
            trades=tuple(table.get("trades", ())),
            orders=orders_of(table["orders"]),
            policies={name: policy_of(each, name) for name, each in table["policies"].items()},
            policy=table.get("policy", ROUTER),
            market=market_of(table["market"]),
            universe=table.get("universe", {}),
            options=table.get(command, {}),
        )
    except KeyError as missing:
        raise ParameterError(f"{place}: has no {missing}") from None
    except ParameterError as wrong:
        raise ParameterError(f"{place}: {wrong}") from None


def _changed_inputs(saved: SavedRun) -> Iterator[str]:
    known = saved.tables.inputs.filter(pl.col("digest").is_not_null()).select("path", "digest").unique()
    for path, digest in known.sort("path").iter_rows():
        try:
            found = digest_of(path)
        except (SorError, OSError) as lost:
            yield f"input {path}: cannot be read now: {lost}"
            continue
        if found != digest:
            yield f"input {path}: its bytes have changed since the run"


def _differing(what: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            yield f"{what} {name}: {_shown(one.get(name))} and {_shown(other.get(name))}"


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _differing_rows(one: Tables, other: Tables) -> Iterator[str]:
    """Name the first row of each table that is not in the other, and the first column of it that differs."""
    for name in ("units", "sums", "savings"):
        a, b = getattr(one, name), getattr(other, name)
        if a.equals(b):
            continue
        if a.columns != b.columns:
            yield f"{name}: other columns"
            continue
        keys = [*KEY, *(each for each in ("market", "policy", "against") if each in a.columns)]
        a, b = (
            frame.with_columns(pl.col(key).cast(pl.String) for key in keys).with_columns(
                _there=pl.lit(value=True)
            )
            for frame in (a, b)
        )
        yield _first(name, keys, a.join(b, on=keys, how="full", suffix="_other", coalesce=True))


def _first(name: str, keys: list[str], both: pl.DataFrame) -> str:
    both = both.sort(keys)
    columns = [column for column in both.columns if f"{column}_other" in both.columns]
    differs = [pl.col(column).ne_missing(pl.col(f"{column}_other")) for column in columns]
    rows = both.filter(pl.any_horizontal(differs))
    if rows.is_empty():
        return f"{name}: the same rows in another order"
    row = rows.row(0, named=True)
    label = ", ".join(
        str(row[key]) for key in keys if row[key] not in (None, "", row["unit"]) or key == "unit"
    )
    column = (
        "_there"
        if not (row["_there"] and row["_there_other"])
        else next(column for column in columns if row[column] != row[f"{column}_other"])
    )
    if column == "_there":
        return f"{name}, {label}: only in the {'first' if row['_there'] else 'second'}"
    values = f"{_shown(row[column])} and {_shown(row[f'{column}_other'])}"
    return f"{name}, {label}: {column} {values} ({rows.height:,} of {both.height:,} rows differ)"


def _flat(table: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(table, Mapping):
        for name, value in table.items():
            yield from _flat(value, f"{place}.{name}" if place else name)
    elif isinstance(table, list) and table and all(isinstance(each, Mapping) for each in table):
        for i, each in enumerate(table):
            yield from _flat(each, f"{place}[{i}]")
    else:
        yield place, table
