"""The result of a backtest: one router beside the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from sor.replay.replay import hindsight
from sor.results import display, metrics, policies
from sor.results.replayed import Replayed
from sor.settings.routers import OWN, ROUTER, axes_of, settings_of
from sor.tape.exact import NANOS, ratio

# The public task calls this baseline something else in its JSON.
_PUBLIC_NAMES = {"pro_rata": "vwap"}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Backtest(Replayed):
    """What a router and the baselines did with the same parents.

    `result["sweep"]` has the rows of another policy: `fills`, `children`, `orders`, `posts`, `markouts`, `explain`.
    """

    @cached_property
    def summary(self) -> pl.DataFrame:
        """One row per policy, the router first: fill ratio, cash, shortfall and its parts, savings.

        `savings_bps` is the mean over parents of what the router saves, in basis points of the parent's arrival value,
        as in a study. `cash_savings_bps` compares the cash of all parents together, as a fraction of the policy's.
        Both are null for the router itself.
        """
        table = super().summary
        columns = {"savings_bps": self.savings_bps, "cash_savings_bps": self.cash_savings_bps}
        return table.with_columns(
            pl.Series(name, [saved.get(policy) for policy in table["policy"]], dtype=pl.Float64)
            for name, saved in columns.items()
        )

    @cached_property
    def baselines(self) -> pl.DataFrame:
        """The rows of `summary` for the baselines."""
        return self.summary.filter(~pl.col("policy").cast(pl.String).is_in(OWN))

    @cached_property
    def savings_bps(self) -> dict[str, float | None]:
        """The router's mean paired savings against each baseline, bps of arrival value, positive when better."""
        rows = metrics.paired_savings(
            self.ledger.parents, self.ledger.parents.select("parent", "quantity").unique("parent"), ROUTER
        )
        return {
            name: rows.filter(pl.col("against") == name)["savings_bps"].mean()  # type: ignore[misc]  # a float or null
            for name in self._baselines
        }

    @cached_property
    def cash_savings_bps(self) -> dict[str, float | None]:
        """The router's savings against each baseline in cash over all parents, bps of its all-in price (rule P6)."""
        cost = self._all_in
        return {name: metrics.cash_savings_bps(cost[ROUTER], cost[name]) for name in self._baselines}

    @cached_property
    def hindsight(self) -> pl.DataFrame:
        """The least possible cost of every parent with perfect foresight of the tape (rule P4).

        Columns `parent, all_in_px, shortfall_bps`. A lower bound for every taking policy under displayed fills
        and zero latency.
        """
        parents = self.ledger.parents.filter(pl.col("policy") == ROUTER)
        sign = metrics.SIGN
        least = pl.lit(pl.Series("least", self._least, dtype=pl.Int128))
        return parents.select(
            "parent",
            ratio(parents, sign * least, NANOS * pl.col("quantity").cast(pl.Int128)).alias("all_in_px"),
            metrics.bps(parents, least - sign * metrics.VALUE).alias("shortfall_bps"),
        )

    @cached_property
    def attainable_share(self) -> dict[str, float | None]:
        """The share of the attainable saving against each baseline that the router gets (rule P4).

        `(baseline - router) / (baseline - hindsight)` of all-in cost; null where nothing was attainable. Hindsight
        only takes: a router that posts may get more than all of it.
        """
        least = sum(cost for cost in self._least if cost is not None)
        cost = self._all_in
        router = cost[ROUTER]

        def share(own: int | None) -> float | None:
            return None if own is None or own <= least else (own - router) / (own - least)

        return {name: share(cost[name]) for name in self._baselines}

    def to_dict(self) -> dict[str, Any]:
        """Return the summary in the schema that public versions of this task print."""
        rows = {row["policy"]: row for row in self.summary.iter_rows(named=True)}
        cash = {name: {key: row[key] for key in ("total_cash", "avg_fill_px")} for name, row in rows.items()}
        return {
            "best_parameters": {
                name: value
                for name, value in settings_of(self.router).items()
                if name in axes_of(self.router)
            },
            "optimized": cash[ROUTER],
            "baselines": {_PUBLIC_NAMES.get(name, name): cash[name] for name in self._baselines},
            "savings_vs_baselines_bps": {
                _PUBLIC_NAMES.get(name, name): saved for name, saved in self.cash_savings_bps.items()
            },
        }

    @cached_property
    def _baselines(self) -> list[str]:
        return [name for name in self.policies if name not in OWN]

    @cached_property
    def _all_in(self) -> dict[str, Any]:
        """Signed all-in cash of each policy, nanos."""
        return dict(metrics.summary_table(self.ledger.parents).select("policy", "_all_in").iter_rows())

    @cached_property
    def _least(self) -> list[int | None]:
        return [cost for job in self.jobs for cost in hindsight(job)]

    def __repr__(self) -> str:
        head = f"Backtest: {policies.orders_line(self)}"
        return display.titled(head, policies.table(self.summary), self.warnings, self.remarks)

    def _repr_html_(self) -> str:
        head = f"Backtest: {policies.orders_line(self)}"
        return display.as_html(head, policies.table(self.summary), *self.remarks, *self.warnings)

    @property
    def remarks(self) -> list[str]:
        """What is said below the table: edges of sessions, limit orders, and how it is read."""
        return [*self.edges, *policies.posting(self), policies.times(self.summary), policies.READ_AS]
