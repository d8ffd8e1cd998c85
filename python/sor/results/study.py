"""The result of a study: is a policy better, and by how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError, shown
from sor.results import display, metrics, words
from sor.results.arrivals import binned, session_numbers
from sor.results.frontier import efficient, of_policies
from sor.results.replayed import Replayed
from sor.results.statistics import Interval, mean_interval
from sor.results.views import Weighed
from sor.results.views import report as write_report
from sor.settings.checks import at_least, one_of
from sor.settings.routers import described_policy
from sor.settings.run import Bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from sor.results.views import Drawn

# Columns that may be null in every row.
_FLOATS = {"lower": pl.Float64, "upper": pl.Float64, "p_value": pl.Float64}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Study(Replayed, Weighed):
    """What every policy did with the same parents, and how one of them compares with the others.

    Savings are paired: for each parent, the other policy's shortfall less `policy`'s, in basis points of the
    parent's arrival value `Q * M0`, positive where `policy` is better. Parents that either could not trade
    are left out.

    Attributes:
        bootstrap: How intervals are estimated.

    """

    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    only: pl.Series | None = None

    @cached_property
    def parents(self) -> pl.DataFrame:
        """One row per parent; see `Replayed.parents`."""
        rows = super().parents
        return rows if self.only is None else rows.filter(pl.col("parent").is_in(self.only.implode()))

    @cached_property
    def comparisons(self) -> pl.DataFrame:
        """One row per other policy: mean savings with interval and p-value, wins, parts, worst parent."""
        parts = [f"{part}_bps" for part in metrics.PARTS]
        rows = [
            {"against": name}
            | self._compared(rows)
            | {"median_bps": rows["savings_bps"].median(), "worst_bps": rows["savings_bps"].min()}
            | {part: rows[part].mean() for part in parts}
            for name, rows in self._against(self.savings)
        ]
        return pl.DataFrame(
            rows, schema=None if rows else _EMPTY, infer_schema_length=None, schema_overrides=_FLOATS
        )

    def interval(self, against: str) -> Interval:
        """Return the mean paired savings against a policy, with its interval.

        Raises:
            ParameterError: If `against` is not another policy, or no parent could trade under both.

        """
        rows = self._rows(against)
        if rows.is_empty():
            raise ParameterError(
                f"against: no parent could trade under both {shown(self.policy)} and {shown(against)}"
            )
        return self._interval(rows)

    def by(self, what: str, *, bins: int = 3, zone: str = "UTC") -> pl.DataFrame:
        """Break the savings down.

        Args:
            what: `"time"` (hours of the day at the start), `"spread"` (bps at the start), `"depth"`
                (shares displayed at the start), `"size"`, `"side"` or `"tape"`.
            bins: How many quantiles, for `"spread"` and `"depth"`, and for more than ten sizes.
            zone: Time zone of `"time"`.

        Returns:
            One row per other policy and bin, with the columns of `comparisons` up to `win_ratio`.

        Raises:
            ParameterError: If `what` is none of these, or `bins` or `zone` are wrong.

        """
        keyed = self.savings.join(binned(self.parents, what, bins, zone), on="parent", maintain_order="left")
        return pl.DataFrame(
            [
                {"against": name, what: part["_bin"][0]} | self._compared(part)
                for name, rows in self._against(keyed)
                for part in rows.sort("_order", maintain_order=True).partition_by(
                    "_order", maintain_order=True
                )
            ],
            infer_schema_length=None,
            schema_overrides=_FLOATS,
        )

    def frontier(self) -> pl.DataFrame:
        """Weigh the policies: what they cost against how evenly, over the parents that could trade.

        Returns:
            `policy`, `mean_bps` and `std_bps` of the shortfalls, and `efficient`, true where no other policy has both
            less, or one less and the other the same. The least mean first.

        """
        return efficient(of_policies(self.ledger.parents, list(self.policies)))

    def worst(self, count: int = 10, *, against: str | None = None) -> pl.DataFrame:
        """Return the parents where `policy` saved least against another policy (the first by default).

        Raises:
            ParameterError: If `count` is no whole number, or `against` is not another policy.

        """
        rows = self._rows(self.others[0] if against is None else against)
        return rows.sort("savings_bps").head(at_least("count", count, 0, most=2**32 - 1))

    def to_dict(self) -> dict[str, Any]:
        """Return the summary and the comparisons as plain values."""
        return {
            "policy": self.policy,
            "policies": {name: described_policy(policy) for name, policy in self.policies.items()},
            "level": self.bootstrap.level,
            "summary": self.summary.with_columns(pl.col("policy").cast(pl.String)).to_dicts(),
            "comparisons": self.comparisons.to_dicts(),
            "warnings": list(self.warnings),
        }

    @cached_property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The comparisons, the parents, the paired savings, and the rows of every policy."""
        own = {"comparisons": self.comparisons, "savings": self.savings, "parents": self.parents}
        return {**own, **super().tables}

    @property
    def _frames(self) -> dict[str, pl.DataFrame]:
        return {**super()._frames, "savings": self.savings, "comparisons": self.comparisons}

    @property
    def _small(self) -> Sequence[str]:
        return ("comparisons", "summary")

    def report(self, path: str | PathLike[str], *, search: Drawn | None = None) -> None:
        """Write the study as one self-contained page: interactive charts, every setting, all JavaScript inside.

        Args:
            path: Where to write: `.html`, `.pdf` (by the system's Chromium), or `.png` or `.svg` for one picture.
            search: A `Search` over the router's parameters, to show next to the study.

        Raises:
            MissingExtra: Without the extra `report`.
            ParameterError: If the path ends in something else, or the study compares nothing.
            DataError: If the file cannot be written.

        """
        self._draw()
        write_report(self, path, search=search)

    def __repr__(self) -> str:
        orders, tapes = words.count(self.parents.height, "order"), words.count(len(self.jobs), "tape")
        head = f"Study: {self.policy} on {orders} of {tapes}, bps of arrival value"
        return display.titled(head, self._readable(), self.warnings, self.remarks)

    def _repr_html_(self) -> str:
        return display.as_html(f"Study of {self.policy}", self._readable(), *self.remarks, *self.warnings)

    @property
    def remarks(self) -> list[str]:
        """What is said below the table: orders that met the edge of a session, and why an interval is missing."""
        missing = self.comparisons["lower"].null_count() if self.comparisons.height else 0
        read_as = words.read_as(self.policy, self.bootstrap.level)
        return [*self.edges, *([words.NO_INTERVAL] if missing else []), read_as]

    def _readable(self) -> pl.DataFrame:
        return self.comparisons.select(
            "against",
            "parents",
            pl.col("savings_bps").round(3).alias("saved"),
            *(pl.col(name).round(3) for name in ("lower", "upper")),
            words.p_values(self.comparisons["p_value"]).alias("p"),
            pl.col("win_ratio").round(3).alias("wins"),
            pl.col("worst_bps").round(3).alias("worst"),
        )

    def _rows(self, against: str) -> pl.DataFrame:
        one_of("against", against, self.others)
        return self.savings.filter(pl.col("against") == against)

    def _against(self, frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
        parts = ((name, frame.filter(pl.col("against") == name)) for name in self.others)
        return [(name, rows) for name, rows in parts if not rows.is_empty()]

    def _interval(self, rows: pl.DataFrame) -> Interval:
        return mean_interval(
            rows["savings_bps"].to_numpy(),
            rows["start"].to_physical().to_numpy(),
            rows["end"].to_physical().to_numpy(),
            sessions=session_numbers(self.jobs, rows["start"].to_physical().to_numpy()),
            level=self.bootstrap.level,
            resamples=self.bootstrap.resamples,
            seed=self.bootstrap.seed,
        )

    def _compared(self, rows: pl.DataFrame) -> dict[str, Any]:
        found, saved = self._interval(rows), rows["savings_bps"]
        wins, losses = int((saved > 0).sum()), int((saved < 0).sum())
        return {
            "savings_bps": found.mean,
            "lower": found.lower,
            "upper": found.upper,
            "p_value": found.p_value,
            "parents": rows.height,
            "times": found.times,
            "block": found.block,
            "wins": wins,
            "ties": rows.height - wins - losses,
            "losses": losses,
            "win_ratio": wins / rows.height,
        }


_COUNTS = ("parents", "times", "block", "wins", "ties", "losses")
_MEANS = ("median_bps", "worst_bps", *(f"{part}_bps" for part in metrics.PARTS))
# Where no parent could trade under two policies there is no row to take the columns from.
_EMPTY: dict[str, Any] = {
    "against": pl.String,
    "savings_bps": pl.Float64,
    **_FLOATS,
    **dict.fromkeys(_COUNTS, pl.Int64),
    "win_ratio": pl.Float64,
    **dict.fromkeys(_MEANS, pl.Float64),
}
