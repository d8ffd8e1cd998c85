"""The result of a study over a universe: sums that can be added, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sor.errors import ParameterError, shown
from sor.results import display, words
from sor.results.frontier import efficient
from sor.results.saved import Parts, Saved, versions
from sor.results.views import Weighed
from sor.results.views import report as write_report
from sor.settings.checks import entries, flag, one_of
from sor.settings.frames import to_frame
from sor.settings.routers import described_policy
from sor.studies.notices import first_of, of_children_nowhere, of_settings
from sor.universe.clustered import ClusteredMean, clustered_mean, romano_wolf
from sor.universe.sums import summary_of, weighed_sums
from sor.universe.tables import NAMES, SAVED, Tables, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from sor.settings.config import Config
    from sor.settings.market import Market
    from sor.settings.routers import Policy
    from sor.settings.run import Bootstrap

_KEYS = ("date", "month", "symbol", "venues")
"""What `by` knows without being told."""


class UniverseResult(Saved):
    """What a verb returns of a universe."""

    made: Config
    """The call that made it."""

    @property
    def _inputs(self) -> pl.DataFrame:
        """The files it was made of, with their digests."""
        raise NotImplementedError

    @property
    def _parts(self) -> Parts:
        inputs = dict(self._inputs.select("path", "digest").sort("path").iter_rows())
        return Parts("universe", self.made, self._frames, inputs)

    @property
    def _small(self) -> Sequence[str]:
        """The tables that have a few rows whatever the number of units."""
        raise NotImplementedError

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not fit, and may make the result say little: of each kind a sentence, about the first such unit."""
        raise NotImplementedError

    def config(self) -> str:
        """Return the TOML that makes this result again: `sor COMMAND --config run.toml`.

        A predicate that chose units is not in it; a saved run has the units themselves.
        """
        return self.made.to_toml()

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        raise NotImplementedError

    def to_json(self, *, indent: int | None = 2, full: bool = False) -> str:
        """Return `to_dict()` as JSON; durations and days are strings.

        Args:
            indent: Spaces a level is indented by; None: on one line.
            full: Everything: versions, settings, and the small tables.

        """
        values = self.to_dict()
        if flag("full", full):
            small = {name: self.tables[name].to_dicts() for name in self._small}
            settings = self.made.to_plain()
            values = {"versions": versions(), "settings": settings, "result": values, "tables": small}
        return display.as_json(values, indent, default=str)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class UniverseStudy(UniverseResult, Weighed):
    """What every policy did on all symbol-days, as sums: `a + b` is the study of the units of both.

    It holds one row per symbol-day and policy, and no order or fill (`Run.out` has those written). Savings are those
    of `sor.study`: for each parent the other policy's shortfall less `policy`'s, in basis points of its arrival value.

    Attributes:
        rows: What was summed: `units`, `sums`, `savings`, `inputs`.
        policies: By name.
        policy: The name of the one that is compared with the others.
        market: What was the same for every policy.
        bootstrap: Confidence of the intervals; draws and seed of `p_adjusted`.
        made: The call that made it.

    """

    rows: Tables
    policies: Mapping[str, Policy]
    policy: str
    market: Market
    bootstrap: Bootstrap
    made: Config

    @property
    def units(self) -> pl.DataFrame:
        """One row per symbol-day: what its tape holds, and the `problem` where it could not be used."""
        return self.rows.units

    @property
    def problems(self) -> pl.DataFrame:
        """The units that could not be used, with their reasons."""
        bad = self.units.filter(pl.col("problem").is_not_null())
        return bad.select("date", "symbol", "unit", "problem")

    @property
    def inputs(self) -> pl.DataFrame:
        """One row per unit and file, with the digest of the file's bytes."""
        return self.rows.inputs

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What does not fit, and may make the study say little; see `UniverseResult.warnings`."""
        found = of_settings([*self.made.orders, *self.policies.values(), self.market])
        for kind, sentence in self.rows.notices.select("kind", "notice").iter_rows():
            found.setdefault(kind, []).append(sentence)
        days = self.units.filter(pl.col("problem").is_null()).select(pl.col("start", "end").to_physical())
        found |= of_children_nowhere(self.policies.values(), days.rows())
        return tuple(first_of(sentences, "symbol-day") for sentences in found.values())

    @property
    def others(self) -> list[str]:
        """The policies that `policy` is compared with."""
        return [name for name in self.policies if name != self.policy]

    @cached_property
    def summary(self) -> pl.DataFrame:
        """One row per policy: the columns of `Study.summary`, over all parents of all units."""
        return summary_of(self.rows.sums, "policy")

    @cached_property
    def comparisons(self) -> pl.DataFrame:
        """One row per other policy: mean savings, with intervals clustered by day, and by day and symbol.

        `detectable_bps` is the minimum detectable effect by day, `p_adjusted` Romano and Wolf's p-value, which holds
        for all policies together.
        """
        adjusted = self._adjusted()
        rows = []
        for name in self.others:
            part = self._rows(name)
            if part["parents"].sum() == 0:
                continue
            both = self._mean(part, "date", "symbol")
            row = {"against": name} | self._compared(part)
            row |= {
                "lower_both": both.lower,
                "upper_both": both.upper,
                "p_both": both.p_value,
                "p_adjusted": adjusted[name],
            }
            count = int(part["parents"].sum())
            row |= {"worst_bps": part["worst_bps"].min()}
            row |= {column: math.fsum(part[column]) / count for column in SAVED[1:]}
            rows.append(row)
        return pl.DataFrame(rows, schema=_compared_schema(both=True))

    def frontier(self) -> pl.DataFrame:
        """Weigh the policies: what they cost against how evenly, as `Study.frontier` does."""
        return efficient(weighed_sums(self.rows.sums, list(self.policies)))

    def interval(self, against: str, *, clusters: Sequence[str] = ("date",)) -> ClusteredMean:
        """Return the mean paired savings against a policy, with its interval.

        Args:
            against: The other policy.
            clusters: `("date",)`: other days of these symbols. `("date", "symbol")`: other days of other symbols too.

        Raises:
            ParameterError: If `against` is not another policy, no parent could trade under both, or `clusters` is
                neither.

        """
        one_of("against", against, self.others)
        right = '("date",) or ("date", "symbol")'
        asked = (clusters,) if isinstance(clusters, str) else tuple(entries("clusters", clusters, right))
        known = all(isinstance(each, str) for each in asked)
        if not known or asked not in (("date",), ("symbol",), ("date", "symbol")):
            raise ParameterError(f'clusters must be ("date",) or ("date", "symbol"), got {shown(clusters)}')
        rows = self._rows(against)
        if rows["parents"].sum() == 0:
            raise ParameterError(
                f"against: no parent could trade under both {shown(self.policy)} and {shown(against)}"
            )
        return self._mean(rows, *asked)

    def by(self, what: str, frame: pl.DataFrame | None = None) -> pl.DataFrame:
        """Break the savings down.

        Args:
            what: `"date"`, `"month"`, `"symbol"`, `"venues"` (how many a tape has), or a column of `frame`.
            frame: What else is known: a row per `symbol`, per `date`, or per both, with a column `what`.

        Returns:
            One row per other policy and value, with the columns of `comparisons` up to `win_ratio`.

        Raises:
            ParameterError: If `what` is none of these, or `frame` has a key twice.

        """
        keyed = self.rows.savings.join(self._labels(what, frame), on="unit", maintain_order="left")
        rows = []
        for name in self.others:
            mine = keyed.filter(pl.col("against") == name).sort("_label", maintain_order=True)
            for part in mine.partition_by("_label", maintain_order=True):
                if part["parents"].sum() > 0:
                    rows.append({"against": name, what: part["_label"][0]} | self._compared(part))
        schema = _compared_schema(both=False)
        label = {what: keyed.schema["_label"]}
        return pl.DataFrame(rows, schema={"against": schema.pop("against")} | label | schema)

    def __add__(self, other: object) -> UniverseStudy:
        """Return the study of the units of both; in whatever order studies are added, the bytes are the same.

        Raises:
            ParameterError: If a unit is in both, or they were made with other settings.

        """
        if not isinstance(other, UniverseStudy):
            return NotImplemented
        ours, theirs = _alike(self.made), _alike(other.made)
        differing = [name for name in ours if ours[name] != theirs.get(name)]
        if differing or list(self.policies) != list(other.policies) or self.bootstrap != other.bootstrap:
            raise ParameterError(
                f"studies of different {' and '.join(differing) or 'policies'} cannot be added: "
                "expected the same settings on other units"
            )
        files = tuple(sorted({*self.made.files, *other.made.files}))
        trades = tuple(sorted({*self.made.trades, *other.made.trades}))
        made = replace(self.made, files=files, trades=trades)
        return replace(self, rows=together([self.rows, other.rows]), made=made)

    def __radd__(self, other: object) -> UniverseStudy:
        """Let `sum` begin with its zero."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def report(self, path: str | PathLike[str]) -> None:
        """Write the study as one self-contained page: savings, by month and symbol, every setting and the digests.

        Args:
            path: Where to write: `.html`, `.pdf` (by the system's Chromium), or `.png` or `.svg` for one picture.

        Raises:
            MissingExtra: Without the extra `report`.
            ParameterError: If the path ends in something else, or the study compares nothing.
            DataError: If the file cannot be written.

        """
        self._draw()
        write_report(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary and the comparisons as plain values."""
        return {
            "policy": self.policy,
            "policies": {name: described_policy(policy) for name, policy in self.policies.items()},
            "level": self.bootstrap.level,
            "units": self.units.height,
            "problems": self.problems.height,
            "digest": self.digest,
            "summary": self.summary.with_columns(pl.col("policy").cast(pl.String)).to_dicts(),
            "comparisons": self.comparisons.to_dicts(),
            "warnings": list(self.warnings),
        }

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The comparisons, the summary, the units and the sums of each, and the files they were made of."""
        rows = {name: getattr(self.rows, name) for name in NAMES}
        return {"comparisons": self.comparisons, "summary": self.summary, **rows}

    @property
    def _small(self) -> Sequence[str]:
        return ("comparisons", "summary")

    @property
    def _inputs(self) -> pl.DataFrame:
        return self.rows.inputs

    @property
    def _frames(self) -> Mapping[str, pl.DataFrame]:
        return self.rows.frames()

    @property
    def _parts(self) -> Parts:
        if self.made.command not in ("study", "backtest"):
            raise ParameterError(
                f"this is a part of a {self.made.command}, which cannot be computed again alone: save the whole"
            )
        return super()._parts

    def __repr__(self) -> str:
        return display.titled(self._headline(), self._readable(), self.warnings, self.remarks)

    def _repr_html_(self) -> str:
        return display.as_html(self._headline(), self._readable(), *self.remarks, *self.warnings)

    @property
    def remarks(self) -> list[str]:
        """What is said below the table: why an interval is missing, and how it is read."""
        missing = self.comparisons["lower"].null_count() if self.comparisons.height else 0
        saved = words.read_as(self.policy, self.bootstrap.level).partition("; worst")[0]
        said = f"{saved}; detectable: what such a sample would miss one time in five"
        return [*([words.NO_DAYS] if missing else []), said]

    def _headline(self) -> str:
        good = self.units.filter(pl.col("problem").is_null())
        days, symbols = (
            words.count(good["date"].n_unique(), "day"),
            words.count(good["symbol"].n_unique(), "symbol"),
        )
        orders, units = (
            words.count(int(good["orders"].sum()), "order"),
            words.count(good.height, "symbol-day"),
        )
        head = (
            f"UniverseStudy: {self.policy} on {orders} of {units} ({days}, {symbols}), bps of arrival value"
        )
        bad = self.problems.height
        return f"{head}; {words.count(bad, 'unit')} could not be used" if bad else head

    def _readable(self) -> pl.DataFrame:
        return self.comparisons.select(
            "against",
            "parents",
            pl.col("savings_bps").round(3).alias("saved"),
            *(pl.col(name).round(3) for name in ("lower", "upper")),
            words.p_values(self.comparisons["p_value"]).alias("p"),
            words.p_values(self.comparisons["p_adjusted"]).alias("p adj"),
            pl.col("detectable_bps").round(3).alias("detectable"),
            pl.col("win_ratio").round(3).alias("wins"),
        )

    def _rows(self, against: str) -> pl.DataFrame:
        return self.rows.savings.filter(pl.col("against") == against)

    def _mean(self, rows: pl.DataFrame, *clusters: str) -> ClusteredMean:
        labels = [
            rows[name].to_physical().to_numpy() if name == "date" else rows[name].to_numpy()
            for name in clusters
        ]
        return clustered_mean(rows["savings_bps"], rows["parents"], labels, level=self.bootstrap.level)

    def _adjusted(self) -> dict[str, float | None]:
        """Return Romano and Wolf's p-values of all other policies together."""
        days = self.rows.savings["date"].unique().sort()
        columns = [
            _by_day(self._rows(name), days) for name in self.others if self._rows(name)["parents"].sum() > 0
        ]
        names = [name for name in self.others if self._rows(name)["parents"].sum() > 0]
        if not columns:
            return {}
        found = romano_wolf(
            np.column_stack(columns), resamples=self.bootstrap.resamples, seed=self.bootstrap.seed
        )
        return {name: None if math.isnan(p) else float(p) for name, p in zip(names, found, strict=True)}

    def _compared(self, rows: pl.DataFrame) -> dict[str, Any]:
        found = self._mean(rows, "date")
        wins, losses = int(rows["wins"].sum()), int(rows["losses"].sum())
        traded = rows.filter(pl.col("parents") > 0)
        return {
            "savings_bps": found.mean,
            "lower": found.lower,
            "upper": found.upper,
            "p_value": found.p_value,
            "detectable_bps": found.detectable,
            "parents": found.parents,
            "days": traded["date"].n_unique(),
            "symbols": traded["symbol"].n_unique(),
            "wins": wins,
            "ties": found.parents - wins - losses,
            "losses": losses,
            "win_ratio": wins / found.parents,
        }

    def _labels(self, what: str, frame: pl.DataFrame | None) -> pl.DataFrame:
        """Return the units with their values of `what`, as `_label`; units without one are left out."""
        units = self.units.filter(pl.col("problem").is_null())
        if frame is None:
            one_of("what", what, _KEYS)
            column = pl.col("date").dt.strftime("%Y-%m") if what == "month" else pl.col(what)
            return units.select("unit", column.alias("_label"))
        table = to_frame(frame, "frame", "a frame with columns symbol or date, and one to break down by")
        keys = [name for name in ("date", "symbol") if name in table.columns]
        if not keys or what not in table.columns or what in keys:
            raise ParameterError(
                f"frame must have columns symbol or date, and {shown(what)}, got {shown(table)}"
            )
        if what in _compared_schema(both=False):
            raise ParameterError(f"what: {what} is a column of the result; rename that of frame")
        known = table.select(_key(table[name]) for name in keys)
        known = known.with_columns(table[what].alias("_label")).drop_nulls()
        if known.select(keys).is_duplicated().any():
            raise ParameterError(f"frame must have one row per {' and '.join(keys)}")
        return units.join(known, on=keys, how="inner").select("unit", "_label")


def _by_day(rows: pl.DataFrame, days: pl.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the sum of a day's savings for each day, the same in whatever order the units come."""
    place = {day: i for i, day in enumerate(days)}
    found: list[list[float]] = [[] for _ in place]
    for day, saved in rows.select("date", "savings_bps").iter_rows():
        found[place[day]].append(saved)
    return np.array([math.fsum(each) for each in found])


def _key(column: pl.Series) -> pl.Series:
    """Return a frame's dates or symbols as a study has them."""
    if column.name == "symbol":
        return column.cast(pl.String)
    try:
        return column.str.to_date() if column.dtype == pl.String else column.cast(pl.Date)
    except pl.exceptions.PolarsError:
        raise ParameterError(
            f"frame: its column date must hold dates, or text such as 2024-01-02, got {shown(column.to_list())}"
        ) from None


def _alike(made: Config) -> dict[str, Any]:
    """Return what studies must share to be added."""
    plain = made.to_plain()
    return {name: value for name, value in plain.items() if name not in ("files", "trades", "symbol")}


def _compared_schema(*, both: bool) -> dict[str, Any]:
    more = ("lower_both", "upper_both", "p_both", "p_adjusted", "worst_bps", *SAVED[1:])
    return {
        "against": pl.String,
        **dict.fromkeys(("savings_bps", "lower", "upper", "p_value", "detectable_bps"), pl.Float64),
        **dict.fromkeys(("parents", "days", "symbols", "wins", "ties", "losses"), pl.Int64),
        "win_ratio": pl.Float64,
        **(dict.fromkeys(more, pl.Float64) if both else {}),
    }
