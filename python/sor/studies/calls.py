"""Calls that were written down as settings: the arguments of a verb, its tapes, and the call itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sor.errors import ParameterError, shown
from sor.settings.config import change_of, from_table
from sor.settings.objective import objectives_from
from sor.settings.routers import ROUTER
from sor.settings.run import Bootstrap
from sor.studies.backtest import backtest
from sor.studies.methods import METHODS
from sor.studies.search import search
from sor.studies.stress import stress
from sor.studies.study import study
from sor.tape.read import read_quotes, read_trades

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sor.results.result import Result
    from sor.settings.config import Config
    from sor.settings.run import Run
    from sor.tape.tape import Quotes


def search_options(table: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the table `search` into the arguments of `sor.search`."""
    said = _only(table, "search", "method", "folds", "grid", "objective", "bootstrap")
    if "objective" in said:
        said["objective"] = objectives_from(said["objective"], "search.objective")
    method = said.get("method")
    if isinstance(method, Mapping):
        settings = dict(method)
        name = settings.pop("name", "grid")
        if not isinstance(name, str) or name not in METHODS:
            raise ParameterError(
                f"search.method: name must be one of {', '.join(METHODS)}, got {shown(name)}"
            )
        said["method"] = from_table(METHODS[name], settings, "search.method") if settings else name
    return said


def study_options(table: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the table `study` into the arguments of `sor.study`."""
    return _only(table, "study", "record", "bootstrap")


def stress_options(table: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the table `stress` into the arguments of `sor.stress`."""
    said = _only(table, "stress", "markets")
    if "markets" in said:
        tables = said["markets"]
        if not isinstance(tables, Mapping):
            raise ParameterError(f"stress.markets must be a table, got {shown(tables)}")
        said["markets"] = {name: change_of(each, f"stress.markets.{name}") for name, each in tables.items()}
    return said


def read_tapes(
    files: Sequence[str], symbol: str | None, trades: Sequence[str], read: Mapping[str, Any]
) -> list[Quotes]:
    """Read tapes as settings say: `read` has the arguments of `read_quotes`, and `trades` in it those of their trades.

    Trades are read here only where something is said of how; else whoever calls the verb names them.
    """
    said = {name: value for name, value in read.items() if name != "trades"}
    tapes = [read_quotes(file, symbol=symbol, **said) for file in files]
    if "trades" not in read or len(trades) != len(tapes):
        return tapes
    return [
        tape.with_trades(read_trades(path, quotes=tape, **read["trades"]))
        for tape, path in zip(tapes, trades, strict=True)
    ]


def tapes_again(made: Config) -> list[Quotes]:
    """Read the tapes of a call over tapes again."""
    return read_tapes(made.files, made.symbol, made.trades, made.read)


def call_again(made: Config, tapes: list[Quotes], run: Run) -> Result:
    """Do what a call over tapes did, with the tapes that `tapes_again` read."""
    shared: dict[str, Any] = {
        "market": made.market,
        "trades": None if "trades" in made.read or not made.trades else list(made.trades),
        "run": run,
    }
    if made.command == "study":
        options = study_options(made.options)
        return study(tapes, made.orders, made.policies, policy=made.policy, **options, **shared)
    shared["against"] = {name: policy for name, policy in made.policies.items() if name != ROUTER}
    router: Any = made.policies[ROUTER]
    match made.command:
        case "backtest":
            return backtest(tapes, made.orders, router, **shared)
        case "search":
            return search(tapes, made.orders, router, **search_options(made.options), **shared)
        case "stress":
            return stress(tapes, made.orders, router, **stress_options(made.options), **shared)
    raise ParameterError(f"command must be backtest, study, search or stress, got {shown(made.command)}")


def _only(table: Mapping[str, Any], name: str, *keys: str) -> dict[str, Any]:
    said = dict(table)
    unknown = [key for key in said if key not in keys]
    if unknown:
        raise ParameterError(f"{name} has no {shown(unknown[0])}; it has {', '.join(keys)}")
    if "bootstrap" in said:
        said["bootstrap"] = from_table(Bootstrap, said["bootstrap"], f"{name}.bootstrap")
    return said
