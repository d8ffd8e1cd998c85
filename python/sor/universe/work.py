"""The work on one unit, wherever it is done: paths and settings go in, rows of sums come out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import polars as pl

from sor.errors import DataError, ParameterError, SorError
from sor.replay.lower import Variant
from sor.replay.parents import Job, covers, in_market, lay, market_on, parents_frame
from sor.replay.replay import replay
from sor.results import metrics
from sor.studies.notices import of_children, of_tape
from sor.studies.stress import changed_market
from sor.tape.files import beside
from sor.tape.told import gathering
from sor.universe.steady import hold_steady
from sor.universe.summing import saved_against, summed
from sor.universe.tables import KEY, Tables, schemas
from sor.universe.unit import Reading, Unit, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sor.replay.ledger import Ledger
    from sor.settings.market import Market
    from sor.settings.orders import Order, OrderSchedule
    from sor.settings.routers import Policy
    from sor.studies.stress import Markets
    from sor.tape.tape import Quotes

RETURNED = "parents_"
"""The column of sums with what comes back of parents, where it is asked for."""
ROWS = ("parents", "children", "fills")
"""The rows that are written under `out`, a folder each."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is the same for every unit.

    Attributes:
        reading: How tapes are read.
        orders: Orders and schedules; one with a start goes to the units that cover it.
        policies: By name.
        policy: The one whose savings against the others are summed.
        market: What every policy meets.
        markets: Where there are several, by name: each a market, or what changes in `market`.
        record: Whether children and fills are kept, where rows are written.
        out: The folder that rows are written to.
        returned: What comes back of the parents that could trade, in the column `parents_` of the sums: nothing,
            their costs in bps, or their rows of `orders`.
        look: The values that a search tries, by axis, none of a study: settings that do not fit a tape are looked for.
            None: they are not.

    """

    reading: Reading
    orders: tuple[Order | OrderSchedule, ...]
    policies: Mapping[str, Policy]
    policy: str
    market: Market
    markets: Markets | None = None
    record: bool = True
    out: str | None = None
    returned: Literal["sums", "costs", "orders"] = "sums"
    look: Mapping[str, Sequence[float]] | None = None


@dataclass(frozen=True)
class Task:
    """One unit to be worked on."""

    unit: Unit
    settings: Settings
    threads: int | None


def symbol_day(task: Task, watch: Callable[[int, int], object] | None = None) -> dict[str, bytes]:
    """Replay the orders of one unit and sum up; what goes wrong with it is a row as well.

    Args:
        task: Unit and settings.
        watch: Called by the core about 20 times a second; what it raises ends the replay.

    Returns:
        `Tables` as Arrow bytes, by name.

    """
    hold_steady()
    try:
        return _replayed(task, watch).packed()
    except (SorError, OSError, pl.exceptions.PolarsError) as problem:
        return _failed(task, problem).packed()


def rows_path(out: str, table: str, units: pl.DataFrame) -> Path:
    """Return where a unit's rows of a table are, from its row of `units`."""
    date, symbol, name = units.select(KEY).row(0)
    file = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return Path(out) / table / f"date={date}" / f"symbol={quote(symbol, safe='')}" / f"{file}.parquet"


def bad_unit(unit: Unit, problem: str, policies: Mapping[str, Policy]) -> Tables:
    """Return the tables of a unit that gave no rows."""
    tables = Tables.empty(list(policies))
    known = {"date": unit.date or None, "symbol": unit.symbol, "unit": unit.name, "problem": problem}
    row = pl.DataFrame({name: [value] for name, value in known.items()}).with_columns(
        pl.col("date").cast(pl.String).str.to_date()
    )
    units = pl.concat([tables.units, row.cast({"symbol": pl.String})], how="diagonal")
    inputs = _inputs(unit, units, [None] * len(unit.inputs))
    return replace(tables, units=units, inputs=inputs)


def units_of(inputs: pl.DataFrame) -> list[Unit]:
    """Return the units whose files are in a table of inputs."""
    units = []
    for part in inputs.partition_by("unit", maintain_order=True):
        date, symbol, name = part.select(KEY).row(0)
        said = name == f"{date} {symbol}"
        files = {kind: tuple(part.filter(pl.col("kind") == kind)["path"]) for kind in part["kind"].unique()}
        trades = tuple(path for path in files["trades"] if path) if "trades" in files else None
        units.append(
            Unit(
                str(date) if said else "",
                symbol if said else "",
                files.get("quotes", files.get("cut", ())),
                trades,
                "cut" in files,
            )
        )
    return units


def _inputs(unit: Unit, units: pl.DataFrame, digests: Sequence[str | None]) -> pl.DataFrame:
    kinds = ["cut" if unit.cut else "quotes"] * len(unit.paths) + ["trades"] * len(unit.trades or ())
    rows = list(zip(kinds, unit.inputs, digests, strict=True))
    # Trades that were asked for and are not there are told from none asked for.
    rows += [("trades", "", None)] if unit.trades == () else []
    own = dict.fromkeys(("kind", "path", "digest"), pl.String)
    return _keyed(pl.DataFrame(rows, schema=own, orient="row"), units)


def reason(problem: Exception, path: str) -> str:
    """Say on one line what is wrong with a file, naming it once."""
    text = str(problem) or type(problem).__name__
    if isinstance(problem, OSError) and problem.strerror:
        text = f"{problem.filename}: {problem.strerror}"
    return " ".join((text if path in text else f"{path}: {text}").split())


def _failed(task: Task, problem: Exception) -> Tables:
    where = task.unit.paths[0] if task.unit.paths else task.unit.name
    return bad_unit(task.unit, reason(problem, where), task.settings.policies)


def _replayed(task: Task, watch: Callable[[int, int], object] | None) -> Tables:
    unit, asked = task.unit, task.settings
    if not unit.paths:
        raise DataError(f"{unit.name}: no path")
    with gathering() as noticed:
        quotes = in_market(asked.reading.quotes(unit), asked.market)
    digests = [digest_of(path) for path in unit.inputs]
    mine = [order for order in asked.orders if covers(quotes, order)]
    if not mine:
        raise ParameterError(f"{unit.name}: no order starts on it")
    parents = lay(mine, quotes)
    markets = _markets(quotes, asked)
    variants = [
        Variant(policy=policy, market=market)
        for market in markets.values()
        for policy in asked.policies.values()
    ]
    record = asked.record and asked.out is not None
    ledger = replay(quotes, parents, variants, record=record, threads=task.threads, progress=watch)
    rows = _named(ledger, list(markets), list(asked.policies), ROWS if record else ROWS[:1])
    tables = _tables(unit, quotes, rows["parents"], parents_frame(parents), asked, list(markets))
    inputs = _inputs(unit, tables.units, digests)
    notices = _notices(Job(quotes, parents, tuple(markets.values())), unit, noticed, asked, ledger)
    if asked.out is not None:
        _write(asked.out, rows, tables.units)
    return replace(tables, inputs=inputs, notices=_keyed(notices, tables.units))


def _notices(job: Job, unit: Unit, noticed: Sequence[str], asked: Settings, ledger: Ledger) -> pl.DataFrame:
    """Return what was noticed of a tape when it was read, what does not fit it, and what was not sent; by kind."""
    rows: dict[str, str] = {}
    for sentence in noticed:
        # What differs from file to file is no kind of its own.
        alike = sentence
        for path in unit.inputs:
            alike = alike.replace(path, "")
        rows.setdefault("read: " + re.sub(r"[\d.,]+", "", alike), sentence)
    if asked.look is not None:
        policies = list(asked.policies.values())
        rows |= dict(of_tape(job, policies, asked.look))
        span = job.quotes.start, job.quotes.end
        for variant, sentence in of_children(job.parents, policies, ledger, span):
            rows[f"children {variant}"] = sentence
    return pl.DataFrame(list(rows.items()), schema={"kind": pl.String, "notice": pl.String}, orient="row")


def _markets(quotes: Quotes, asked: Settings) -> dict[str, Market]:
    """Lay the markets on a tape; the only one of a study has no name."""
    if asked.markets is None:
        return {"": market_on(asked.market, quotes)}
    return {
        name: changed_market(quotes, name, asked.market, change) for name, change in asked.markets.items()
    }


def _named(
    ledger: Ledger, markets: list[str], policies: list[str], names: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Return tables of the ledger with names in the place of the variants' numbers: `market` and `policy`."""
    market = pl.Series("market", [name for name in markets for _ in policies], dtype=pl.String)
    policy = pl.Series("policy", policies * len(markets), dtype=pl.Enum(policies))
    frames = {name: getattr(ledger, name) for name in names}
    return {
        name: frame.drop("variant")
        .insert_column(0, policy[frame["variant"]])
        .insert_column(0, market[frame["variant"]])
        for name, frame in frames.items()
    }


def _tables(
    unit: Unit,
    quotes: Quotes,
    ledger: pl.DataFrame,
    parents: pl.DataFrame,
    asked: Settings,
    markets: list[str],
) -> Tables:
    schema = schemas(list(asked.policies))
    known = {
        "date": unit.date or None,
        "symbol": unit.symbol or quotes.symbol or "",
        "unit": unit.name,
        "records": len(quotes),
        "venues": quotes.venues.height,
        "orders": parents.height,
        "start": quotes.start,
        "end": quotes.end,
        "problem": None,
    }
    row = pl.DataFrame({name: [value] for name, value in known.items()}, schema_overrides={"date": pl.String})
    start = pl.col("start").cast(schema["units"]["start"])
    date = pl.coalesce(pl.col("date").str.to_date(), start.dt.date())
    units = row.with_columns(date=date).cast(pl.Schema(schema["units"]))
    sums, savings, returned = [], [], []
    for market in markets:
        rows = ledger if len(markets) == 1 else ledger.filter(pl.col("market") == market)
        sums += [{"market": market} | row for row in summed(rows, list(asked.policies))]
        others = [policy for policy in asked.policies if policy != asked.policy]
        saved = metrics.paired_savings(rows, parents.select("parent", "quantity"), asked.policy)
        savings += [{"market": market} | row for row in saved_against(saved, others)]
        if asked.returned != "sums":
            returned += [
                _returned(rows.filter(pl.col("policy") == policy), asked.returned)
                for policy in asked.policies
            ]
    framed = _framed(sums, schema["sums"], units)
    return Tables(
        units=units,
        sums=framed.with_columns(pl.concat(returned).alias(RETURNED)) if returned else framed,
        savings=_framed(savings, schema["savings"], units),
        inputs=pl.DataFrame(schema=schema["inputs"]),
        notices=pl.DataFrame(schema=schema["notices"]),
    )


def _returned(parents: pl.DataFrame, what: str) -> pl.Series:
    """Return what comes back of one policy's parents: a list in one row."""
    traded = parents.filter(metrics.TRADED)
    if what == "orders":
        return metrics.orders_table(traded).to_struct().implode()
    return metrics.bps(traded, "shortfall").implode()


def _framed(rows: list[dict[str, Any]], schema: Mapping[str, Any], units: pl.DataFrame) -> pl.DataFrame:
    own = {name: dtype for name, dtype in schema.items() if name not in KEY}
    return _keyed(pl.DataFrame(rows, schema=own, orient="row"), units)


def _keyed(frame: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    return units.select(KEY).join(frame, how="cross")


def _write(out: str, rows: Mapping[str, pl.DataFrame], units: pl.DataFrame) -> None:
    """Write a unit's rows; a file is there whole or not at all, and again the same when work is done twice."""
    for table, frame in rows.items():
        path = rows_path(out, table, units)
        path.parent.mkdir(parents=True, exist_ok=True)
        names = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Enum)]
        keyed = units.select("unit").join(frame.with_columns(pl.col(names).cast(pl.String)), how="cross")
        with beside(path) as unfinished:
            keyed.write_parquet(unfinished)
