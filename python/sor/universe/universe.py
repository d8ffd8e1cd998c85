"""`sor.Universe`: tapes by date and symbol, listed and not read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date as Date  # noqa: N812 (`date` is a column's name)
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import polars as pl

from sor.errors import ParameterError, count, shown
from sor.settings.checks import entries, flag, taking, text, whole
from sor.settings.market import Market
from sor.settings.routers import BASELINES, StaticRouter, as_policy, with_baselines
from sor.settings.run import Bootstrap, Run
from sor.studies.grid import DEFAULT_GRID
from sor.studies.many import ManyTapes
from sor.studies.stress import DEFAULT_MARKETS
from sor.studies.study import study_policies
from sor.tape.options import read_options
from sor.universe.heads import check_units
from sor.universe.listing import Paths, list_units
from sor.universe.searching import UniverseSearch, search_units
from sor.universe.study import Where, stress_units, study_units
from sor.universe.unit import Reading, Unit

if TYPE_CHECKING:
    from sor.settings.market import VenueSource
    from sor.settings.objective import Objectives
    from sor.settings.orders import Orders
    from sor.settings.policy import OwnPolicy as Own
    from sor.settings.routers import Policies, Policy
    from sor.studies.grid import Grid
    from sor.studies.methods import SearchMethod
    from sor.studies.stress import Markets
    from sor.tape.tape import Quotes
    from sor.universe.result import UniverseStudy
    from sor.universe.stressed import UniverseStress

Predicate: TypeAlias = "pl.Expr | Callable[[Unit], bool]"
Day: TypeAlias = "str | Date"


class Universe(ManyTapes):
    """Many symbol-days: paths that are listed when they are needed, and read where the work is done.

    Goes where quotes go: `sor.study(universe, orders, policies)`; so for `backtest`, `search` and `stress`.

    Args:
        quotes: Where the tapes are. A pattern, with hive's keys (`quotes/date=*/symbol=*/*.parquet`) or with holes
            (`quotes/{date}/{symbol}.parquet`), a folder, several of them, or a frame with a column `path` (a path,
            or a list of those that make up one tape) and if they are known `date`, `symbol` and `trades`. Objects of
            a store (`s3://...`, Parquet) too; patterns of them are listed by fsspec. Files of one date and symbol make
            up one tape; one that says neither is a tape of its own.
        trades: The same for the trades, told apart by date and symbol.
        columns: The tables' own names, each with ours; see `sor.read_quotes`. So for trades.
        sessions: `"gaps"`, or a calendar's name such as `"XNYS"`: records outside all sessions are left out.
        venues: The venues' terms, for markets that name none.
        cut: Whether the files, Parquet then, hold several days (of UTC) or symbols each, and are cut into them: their
            times and symbols are looked through once, and every unit reads its own part. In order of time, best.
        options: Other options of `sor.read_quotes`, which trades have too: `tz`, `time_unit`, `price_scale` ...

    Raises:
        ParameterError: If an argument is wrong; what matches nothing is found when the units are listed.

    """

    def __init__(
        self,
        quotes: Paths,
        *,
        trades: Paths | None = None,
        columns: Mapping[str, str] | None = None,
        sessions: str | None = None,
        venues: VenueSource | None = None,
        cut: bool = False,
        **options: Any,
    ) -> None:
        self._quotes, self._trades = quotes, trades
        for name in options:
            if name in ("symbol", "columns", "date", "venue", "max_bytes"):
                raise ParameterError(f"{name} is not an option of a universe, whose paths or records say it")
        try:
            read_options({"columns": columns, **options})
        except KeyError as unknown:
            raise ParameterError(f"a universe has no option {unknown}") from None
        if sessions is not None:
            text("sessions", sessions)
        self._reading = Reading(dict(columns or {}), options, sessions)
        self._venues, self._cut = venues, flag("cut", cut)
        self._filters: dict[str, Any] = {}
        self._units: list[Unit] | None = None

    @property
    def units(self) -> list[Unit]:
        """The symbol-days, in the order of date and symbol; listed when they are first asked for."""
        if self._units is None:
            self._units = list_units(self._quotes, self._trades, self._reading, cut_files=self._cut)
        return self._units

    @property
    def frame(self) -> pl.DataFrame:
        """One row per unit: `date, symbol, unit`, and its `path` and `trades`."""
        return pl.DataFrame(
            {
                "date": pl.Series([unit.date or None for unit in self.units], dtype=pl.String).str.to_date(),
                "symbol": pl.Series([unit.symbol or None for unit in self.units], dtype=pl.String),
                "unit": pl.Series([unit.name for unit in self.units], dtype=pl.String),
                "path": pl.Series([unit.paths for unit in self.units], dtype=pl.List(pl.String)),
                "trades": pl.Series([unit.trades for unit in self.units], dtype=pl.List(pl.String)),
            }
        )

    def only(
        self,
        *,
        since: Day | None = None,
        until: Day | None = None,
        dates: Sequence[Day] | None = None,
        symbols: str | Sequence[str] | None = None,
        where: Predicate | None = None,
    ) -> Universe:
        """Return the universe of some of the units.

        Args:
            since: The first day.
            until: The last, itself included.
            dates: These days.
            symbols: These symbols.
            where: An expression over the columns of `frame`, or a function of a `Unit`.

        Raises:
            ParameterError: If a day is no date, `where` is neither, or no unit is left.

        """
        bounds = [
            None if day is None else _iso(name, day) for name, day in (("since", since), ("until", until))
        ]
        days = None if dates is None else {_iso("dates", day) for day in entries("dates", dates, "dates")}
        names = None if symbols is None else _names(symbols)
        if (days or any(bounds)) and not all(unit.date for unit in self.units):
            raise ParameterError("dates: the paths do not say them; expected {date} or date= in the pattern")
        kept = [
            unit
            for unit, wanted in zip(self.units, self._where(where), strict=True)
            if wanted
            and (bounds[0] is None or unit.date >= bounds[0])
            and (bounds[1] is None or unit.date <= bounds[1])
            and (days is None or unit.date in days)
            and (names is None or unit.symbol in names)
        ]
        if not kept:
            raise ParameterError(
                f"the filters leave none of {count(len(self.units), 'symbol-day')}, which are {_span(self.units)}"
            )
        said = {
            "since": bounds[0],
            "until": bounds[1],
            "dates": None if days is None else sorted(days),
            "symbols": None if names is None else sorted(names),
        }
        return self._with(kept, {name: value for name, value in said.items() if value is not None})

    def check(self) -> pl.DataFrame:
        """Read the head of every file, and say what is wrong with which.

        Returns:
            One row per file that cannot be used: `date, symbol, unit, path, problem`; none where all is well.

        """
        return check_units(self.units, self._reading)

    def read(self, unit: int | Unit = 0) -> Quotes:
        """Read the tape of one unit.

        Args:
            unit: The unit, or its place.

        Raises:
            DataError: If it cannot be read.
            ParameterError: If there is no such unit.

        """
        if not isinstance(unit, Unit):
            unit = self.units[whole("unit", unit, least=0, most=len(self.units) - 1)]
        return self._reading.quotes(unit)

    def _backtest(
        self,
        orders: Orders,
        router: Policy | str = StaticRouter(),
        *,
        market: Market = Market(),
        against: Policies = BASELINES,
        run: Run = Run(),
    ) -> UniverseStudy:
        """Replay orders under a router and the baselines on every unit; see `sor.backtest`."""
        policies = with_baselines(as_policy("router", router), against)
        return study_units(
            self._place(),
            orders,
            policies,
            policy=None,
            market=self._market(market),
            run=run,
            record=True,
            bootstrap=Bootstrap(),
            command="backtest",
        )

    def _study(
        self,
        orders: Orders,
        policies: Policies | Policy | str = StaticRouter(),
        *,
        policy: str | None = None,
        market: Market = Market(),
        run: Run = Run(),
        record: bool = True,
        bootstrap: Bootstrap = Bootstrap(),
    ) -> UniverseStudy:
        """Replay many parents under every policy on every unit; see `sor.study`.

        `record` says whether children and fills are written too, where `run.out` has rows written at all.
        """
        return study_units(
            self._place(),
            orders,
            study_policies(policies),
            policy=policy,
            market=self._market(market),
            run=run,
            record=record,
            bootstrap=bootstrap,
        )

    def _search(
        self,
        orders: Orders,
        router: StaticRouter | Own | str = StaticRouter(),
        *,
        grid: Grid = DEFAULT_GRID,
        method: SearchMethod = "grid",
        folds: int = 0,
        objective: Objectives = "mean",
        market: Market = Market(),
        against: Policies = BASELINES,
        run: Run = Run(),
        bootstrap: Bootstrap = Bootstrap(),
    ) -> UniverseSearch:
        """Search the risk parameters on all units, with a walk-forward over days; see `sor.search`."""
        return search_units(
            self._place(),
            orders,
            router,
            grid=grid,
            method=method,
            folds=folds,
            objective=objective,
            market=self._market(market),
            against=against,
            run=run,
            bootstrap=bootstrap,
        )

    def _stress(
        self,
        orders: Orders,
        router: Policy | str = StaticRouter(),
        *,
        markets: Markets = DEFAULT_MARKETS,
        market: Market = Market(),
        against: Policies = BASELINES,
        run: Run = Run(),
    ) -> UniverseStress:
        """Replay the same orders in named markets on every unit; see `sor.stress`."""
        policies = with_baselines(as_policy("router", router), against)
        return stress_units(self._place(), orders, policies, markets, market=self._market(market), run=run)

    def _place(self) -> Where:
        said = {
            "columns": dict(self._reading.columns) or None,
            "sessions": self._reading.sessions,
            "cut": self._cut or None,
            **self._reading.options,
            **self._filters,
        }
        described = {name: value for name, value in said.items() if value is not None}
        return Where(self.units, self._reading, _said(self._quotes), _said(self._trades), described)

    def _market(self, market: object) -> Any:
        """Give a market the sessions of the universe, and one that names no venues the universe's."""
        if not isinstance(market, Market):
            return market
        sessions = market.sessions if self._reading.sessions is None else self._reading.sessions
        venues = self._venues if market.venues is None else market.venues
        return replace(market, sessions=sessions, venues=venues)

    def _where(self, where: Predicate | None) -> Iterable[bool]:
        if where is None:
            return [True] * len(self.units)
        right = "a polars expression or a function of a Unit"
        with taking("where", where, right):
            if isinstance(where, pl.Expr):
                return list(self.frame.select(where.fill_null(value=False).alias("kept"))["kept"])
            if callable(where):
                return [bool(where(unit)) for unit in self.units]
        raise ParameterError(f"where must be {right}, got {shown(where)}")

    def _with(self, units: list[Unit], filters: Mapping[str, Any]) -> Universe:
        made = Universe.__new__(Universe)
        made.__dict__.update(self.__dict__)
        made._units, made._filters = units, {**self._filters, **filters}
        return made

    def __len__(self) -> int:
        return len(self.units)

    @overload
    def __getitem__(self, place: int) -> Unit: ...
    @overload
    def __getitem__(self, place: slice) -> Universe: ...
    def __getitem__(self, place: int | slice) -> Unit | Universe:
        """Return the unit at a place, or the universe of a slice."""
        found = self.units[place]
        return self._with(found, {}) if isinstance(found, list) else found

    def __repr__(self) -> str:
        return f"Universe({count(len(self), 'symbol-day')}, {_span(self.units)})"


def _names(symbols: object) -> set[str]:
    if isinstance(symbols, str):
        return {symbols}
    return {text("symbols", symbol) for symbol in entries("symbols", symbols, "symbols")}


def _span(units: Sequence[Unit]) -> str:
    days = sorted({unit.date for unit in units if unit.date})
    symbols = {unit.symbol for unit in units if unit.symbol}
    span = f"{count(len(days), 'day')}, {days[0]} to {days[-1]}" if days else "days not in the paths"
    return f"{span}, {count(len(symbols), 'symbol') if symbols else 'symbols not in the paths'}"


def _iso(name: str, day: Day) -> str:
    try:
        return (day if isinstance(day, Date) else Date.fromisoformat(day)).isoformat()[:10]
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a date such as 2024-01-02, got {shown(day)}") from None


def _said(paths: Paths | None) -> tuple[str, ...]:
    if paths is None:
        return ()
    if isinstance(paths, str | PathLike):
        return (fspath(paths),)
    if isinstance(paths, Sequence):
        return tuple(fspath(path) for path in paths)
    return ("frame",)
