"""Runs that were saved: read back, computed again, compared."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import DataError, ParameterError, SorError, SorWarning, shown
from sor.results.saved import ABOUT_INPUTS, SETTINGS, SavedRun, read_run, versions
from sor.settings.checks import instance
from sor.settings.config import Config, from_table, market_of, orders_of, policy_of
from sor.settings.routers import ROUTER
from sor.settings.run import Bootstrap, Run
from sor.studies.calls import call_again, search_options, stress_options, tapes_again
from sor.studies.pipeline import checked_run
from sor.universe.result import UniverseStudy
from sor.universe.searching import search_of, search_units
from sor.universe.stressed import UniverseStress
from sor.universe.study import Where, stress_units, study_units
from sor.universe.tables import Tables
from sor.universe.unit import Reading, digest_of
from sor.universe.work import units_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sor.results.result import Result
    from sor.results.saved import Saved
    from sor.tape.tape import Quotes
    from sor.universe.result import UniverseResult
    from sor.universe.searching import UniverseSearch

FILTERS = ("since", "until", "dates", "symbols")
"""What of the table `universe` says which units, and not how they are read."""
_KEYS = ("date", "symbol", "unit", "market", "policy", "against", "fold", "parent", "child")
"""The columns that say whose row it is."""


def load(path: str | PathLike[str]) -> UniverseStudy | UniverseSearch | UniverseStress:
    """Read a run over a universe that was saved.

    Args:
        path: What `result.save(path)` wrote.

    Raises:
        DataError: If there is none, or its tables are not those its manifest speaks of.
        ParameterError: If its settings cannot be read, or it is a run over tapes: its tables are files, and
            `sor.rerun` computes it again.

    """
    saved = read_run(path)
    made = _config(saved)
    if saved.manifest.get("of") != "universe":
        raise ParameterError(
            f"{saved.path} is a {made.command} over tapes, and sor.load reads those over a universe; its tables are "
            "Parquet, and sor.rerun computes it again"
        )
    match made.command:
        case "search":
            return search_of(saved.frames, made)
        case "stress":
            markets = stress_options(made.options)["markets"]
            return UniverseStress(rows=Tables.within(saved.frames), markets=markets, made=made)
    bootstrap = from_table(Bootstrap, made.options.get("bootstrap", {}), f"{path}: bootstrap")
    return UniverseStudy(
        rows=Tables.within(saved.frames),
        policies=made.policies,
        policy=made.policy,
        market=made.market,
        bootstrap=bootstrap,
        made=made,
    )


def rerun(path: str | PathLike[str], *, run: Run = Run()) -> list[str]:
    """Compute a saved run again from its inputs, and compare.

    Args:
        path: What `result.save(path)` wrote, or `--out` of a command.
        run: Where, and with what bar. Nothing is taken from `resume`, and a unit that cannot be used is a difference.

    Returns:
        What differs, the cause first: inputs by name, versions, rows. Empty where every value is the same.

    Raises:
        DataError: If there is no saved run.
        ParameterError: If its settings cannot be read, its tapes came from no file, or `run` asks of a run over tapes
            what only a universe can do.

    """
    instance("run", run, Run)
    saved = read_run(path)
    if saved.manifest.get("of") != "universe":
        checked_run(run)
    made = _config(saved)
    changed = [*_differing("version", saved.manifest["versions"], versions())]
    again = Run(threads=run.threads, progress=run.progress)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SorWarning)  # they are the saved run's own
        try:
            if saved.manifest.get("of") == "universe":
                changed = [*_changed_inputs(saved), *changed]
                result: Saved = _units_again(
                    saved, made, replace(again, executor=run.executor, errors="collect")
                )
            else:
                result = call_again(made, _tapes_again(saved, made), again)
                changed = [*_changed_tapes(saved, result), *changed]
        except (DataError, OSError, ParameterError) as failed:
            return [*changed, f"nothing can be computed: {failed}"]
    return [*changed, *_differing_frames(saved.frames, result._frames)]


def diff(one: str | PathLike[str], other: str | PathLike[str]) -> list[str]:
    """Say what differs between two saved runs, the cause first: inputs, settings, versions, rows.

    Args:
        one: What `result.save(path)` wrote, or `--out` of a command.
        other: The same of the other.

    Returns:
        A line each; of rows the first that differs in each table. Empty where every value is the same.

    Raises:
        DataError: If one of them is no saved run.

    """
    a, b = read_run(one), read_run(other)
    return [
        *_differing("input", a.manifest["inputs"], b.manifest["inputs"]),
        *_differing("setting", *(dict(_flat(_toml(each))) for each in (a, b))),
        *_differing("seed", a.manifest["seeds"], b.manifest["seeds"]),
        *_differing("version", a.manifest["versions"], b.manifest["versions"]),
        *_differing_frames(a.frames, b.frames),
    ]


def _units_again(saved: SavedRun, made: Config, run: Run) -> UniverseResult:
    """Do what a run over a universe did, on the units that it had."""
    inputs = next(frame for name, frame in saved.frames.items() if name.rpartition("/")[2] == "inputs")
    options = dict(made.universe or {})
    reading = Reading(
        columns=options.pop("columns", {}),
        sessions=options.pop("sessions", None),
        options={name: value for name, value in options.items() if name not in (*FILTERS, "cut")},
    )
    where = Where(units_of(inputs), reading, made.files, made.trades, made.universe or {})
    shared: dict[str, Any] = {"market": made.market, "run": run}
    match made.command:
        case "study" | "backtest":
            bootstrap = from_table(Bootstrap, made.options.get("bootstrap", {}), "bootstrap")
            return study_units(
                where,
                made.orders,
                made.policies,
                policy=made.policy,
                record=False,
                bootstrap=bootstrap,
                command=made.command,
                **shared,
            )
        case "search":
            others = {name: policy for name, policy in made.policies.items() if name != ROUTER}
            said = {"objective": "mean", **search_options(made.options)}
            router: Any = made.policies[ROUTER]
            return search_units(where, made.orders, router, against=others, **said, **shared)
        case "stress":
            markets = stress_options(made.options)["markets"]
            return stress_units(where, made.orders, made.policies, markets, **shared)
    raise ParameterError(f"command must be backtest, study, search or stress, got {shown(made.command)}")


def _tapes_again(saved: SavedRun, made: Config) -> list[Quotes]:
    if "frame" in (*made.files, *made.trades):
        raise ParameterError(
            f"{saved.path}: its tape was a frame, which came from no file: there is nothing to read again"
        )
    return tapes_again(made)


def _changed_tapes(saved: SavedRun, result: Result) -> list[str]:
    found = result._parts.inputs
    known = saved.manifest["inputs"]
    return [
        f"input {name}: its records have changed since the run"
        for name, digest in known.items()
        if found.get(name) != digest
    ]


def _config(saved: SavedRun) -> Config:
    """Make the call of its TOML."""
    place, table = fspath(saved.path / SETTINGS), _toml(saved)
    try:
        command = table["command"]
        return Config(
            command=command,
            files=tuple(table.get("files", ())),
            trades=tuple(table.get("trades", ())),
            symbol=table.get("symbol"),
            orders=orders_of(table["orders"]),
            policies={name: policy_of(each, name) for name, each in table["policies"].items()},
            policy=table.get("policy", ROUTER),
            market=market_of(table["market"]),
            universe=table.get("universe", {}),
            read=table.get("read", {}),
            options=table.get(command, {}),
        )
    except KeyError as missing:
        raise ParameterError(f"{place}: has no {missing}") from None
    except ParameterError as wrong:
        raise ParameterError(f"{place}: {wrong}") from None


def _toml(saved: SavedRun) -> dict[str, Any]:
    try:
        return tomllib.loads(saved.settings)
    except tomllib.TOMLDecodeError as failed:
        raise ParameterError(f"{saved.path / SETTINGS}: not a TOML file: {failed}") from None


def _changed_inputs(saved: SavedRun) -> Iterator[str]:
    for path, digest in sorted(saved.manifest["inputs"].items()):
        if digest is None:
            continue
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


def _differing_frames(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """Name the first row of each table that is not in the other, and the first column of it that differs."""
    for name in dict.fromkeys((*one, *other)):
        if name.rpartition("/")[2] in ABOUT_INPUTS:
            continue
        if name not in one or name not in other:
            yield f"{name}: only in the {'first' if name in one else 'second'}"
            continue
        a, b = one[name], other[name]
        if a.columns != b.columns:
            yield f"{name}: other columns"
        elif a.schema != b.schema or not a.equals(b):
            keys = [each for each in _KEYS if each in a.columns]
            yield _first(name, keys, *(_numbered(frame, keys) for frame in (a, b)))


def _numbered(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return rows whose keys, and number among those with the same keys, tell them from all others."""
    plain = frame.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))
    plain = plain.with_columns(pl.col(key).cast(pl.String) for key in keys)
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    return plain.with_columns(_number=number.over(keys) if keys else number, _there=pl.lit(value=True))


def _first(name: str, keys: list[str], one: pl.DataFrame, other: pl.DataFrame) -> str:
    both = one.join(
        other, on=[*keys, "_number"], how="full", suffix="_other", coalesce=True, nulls_equal=True
    )
    both = both.sort(*keys, "_number")
    columns = [column for column in both.columns if f"{column}_other" in both.columns]
    rows = both.filter(
        pl.any_horizontal(pl.col(column).ne_missing(pl.col(f"{column}_other")) for column in columns)
    )
    if rows.is_empty():
        return f"{name}: the same rows in another order, or of other types"
    row = rows.row(0, named=True)
    # A unit that is named after its path says all of itself.
    said = [
        f"{key} {row[key]}" if key in ("parent", "child", "fold") else str(row[key])
        for key in keys
        if row[key] not in (None, "") and (key == "unit" or row[key] != row.get("unit"))
    ]
    label = f"{name}, {', '.join(said)}" if said else f"{name}, row {row['_number']}"
    if not (row["_there"] and row["_there_other"]):
        return f"{label}: only in the {'first' if row['_there'] else 'second'}"
    column = next(column for column in columns if row[column] != row[f"{column}_other"])
    values = f"{_shown(row[column])} and {_shown(row[f'{column}_other'])}"
    return f"{label}: {column} {values} ({rows.height:,} of {both.height:,} rows differ)"


def _flat(table: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(table, Mapping):
        for name, value in table.items():
            yield from _flat(value, f"{place}.{name}" if place else name)
    elif isinstance(table, list) and table and all(isinstance(each, Mapping) for each in table):
        for i, each in enumerate(table):
            yield from _flat(each, f"{place}[{i}]")
    else:
        yield place, table
