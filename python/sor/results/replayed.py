"""What a backtest and a study have in common: policies on the same parents, and the ledger of it all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from sor.results import metrics, words
from sor.results.arrivals import parents_of
from sor.results.policy_view import PolicyView
from sor.results.result import Result
from sor.results.shown import size_unit, sized
from sor.settings.checks import one_of
from sor.settings.routers import ContKukanovRouter, unsliced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sor.replay.ledger import Ledger
    from sor.replay.parents import Job
    from sor.settings.config import Config
    from sor.settings.market import Market
    from sor.settings.routers import Policy
    from sor.tape.tape import Quotes


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Replayed(Result):
    """Policies on the same parents.

    Attributes:
        ledger: The exact record of every policy, integer nanos; `parent` numbers them through all tapes.
        policies: By name.
        policy: The name of the one that is compared with the others.
        jobs: The tapes with the parents on each, and the market as it was laid on it.
        made: The call that made it.
        warnings: What does not fit, and may make the result say little; each was raised as a `SorWarning` too.

    """

    ledger: Ledger
    policies: Mapping[str, Policy]
    policy: str
    jobs: tuple[Job, ...]
    made: Config
    warnings: tuple[str, ...] = ()

    @property
    def quotes(self) -> tuple[Quotes, ...]:
        """The tapes."""
        return tuple(job.quotes for job in self.jobs)

    @property
    def markets(self) -> tuple[Market, ...]:
        """What was the same for every policy, for each tape: `venues` holds every venue of it."""
        return tuple(job.market for job in self.jobs)

    @property
    def market(self) -> Market:
        """What was the same for every policy, on the first tape."""
        return self.jobs[0].market

    @property
    def router(self) -> Policy:
        """The settings of `policy`."""
        return self.policies[self.policy]

    @property
    def others(self) -> list[str]:
        """The policies that `policy` is compared with."""
        return [name for name in self.policies if name != self.policy]

    @cached_property
    def parents(self) -> pl.DataFrame:
        """One row per parent: `tape` (its place in `quotes`), `symbol`, `side`, `quantity`, `start`, `end`.

        And the consolidated book at its start (records with `ts <= start`): `arrival_spread_bps`, of the mid (null
        while one side is empty), and `arrival_depth`, the shares displayed on the side it takes, stubs left out.
        """
        return sized(parents_of(self.jobs), "Study.parents", size_unit(self.jobs))

    @cached_property
    def summary(self) -> pl.DataFrame:
        """One row per policy: fill ratio, cash, mean shortfall and its parts in bps (rules P6, P7)."""
        unit = size_unit(self.jobs)
        return sized(metrics.summary_table(self.ledger.parents, unit).drop("_all_in"), "Study.summary", unit)

    @cached_property
    def savings(self) -> pl.DataFrame:
        """One row per other policy (`against`) and parent: `savings_bps` and its parts, which sum to it."""
        return metrics.paired_savings(self.ledger.parents, self.parents, self.policy)

    @property
    def edges(self) -> list[str]:
        """What the edges of sessions did to the orders of `policy`, in words: none arrived, cut, late, stale."""
        counts = self.summary.filter(pl.col("policy").cast(pl.String) == self.policy)
        return [] if counts.is_empty() else words.edges(counts.row(0, named=True))

    def __getitem__(self, name: str) -> PolicyView:
        """Return what one policy did.

        Raises:
            ParameterError: If there is no policy of this name.

        """
        one_of("policy", name, self.policies)
        return PolicyView(name, self.policies[name], self.ledger, self.jobs)

    @cached_property
    def _own(self) -> PolicyView:
        return self[self.policy]

    @property
    def fills(self) -> pl.DataFrame:
        """The executions of `policy`; of another one: `result[name].fills`."""
        return self._own.fills

    @property
    def children(self) -> pl.DataFrame:
        """The child orders of `policy`."""
        return self._own.children

    @property
    def orders(self) -> pl.DataFrame:
        """The parent orders under `policy`."""
        return self._own.orders

    @property
    def posts(self) -> pl.DataFrame:
        """The limit orders of `policy`."""
        return self._own.posts

    @property
    def markouts(self) -> pl.DataFrame:
        """What the passive fills of `policy` were worth afterwards."""
        return self._own.markouts

    @property
    def epochs(self) -> pl.DataFrame:
        """The decisions of `policy`, where it is a `ContKukanovRouter`."""
        return self._own.epochs

    @property
    def releases(self) -> pl.DataFrame:
        """What the schedule of `policy` released, where it is under one."""
        return self._own.releases

    @property
    def places(self) -> pl.DataFrame:
        """Where each limit order of `policy` stood in its queue."""
        return self._own.places

    def explain(self, child: int, *, order: int = 0) -> str:
        """Say why a child of `policy` was sent; see `PolicyView.explain`."""
        return self._own.explain(child, order=order)

    @cached_property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The summary, and the rows of every policy, `policy` first; money in currency."""
        views = [self[name] for name in self.policies]
        names = pl.Enum(list(self.policies))
        found = {"summary": self.summary}
        for table in ("orders", "fills", "children", "posts", "epochs", "places", "releases"):
            rows = [
                getattr(view, table).select(pl.lit(view.name, names).alias("policy"), pl.all())
                for view in views
            ]
            found[table] = pl.concat(rows)
        return {name: frame for name, frame in found.items() if name == "summary" or frame.height}

    @property
    def _frames(self) -> dict[str, pl.DataFrame]:
        ledger = self.ledger
        frames = {"orders": ledger.parents, "children": ledger.children, "fills": ledger.fills}
        if isinstance(unsliced(self.router), ContKukanovRouter):
            frames |= {"places": ledger.places, "epochs": ledger.epochs, "posts": self.posts}
            frames["markouts"] = self.markouts
        return frames | {"summary": self.summary}

    @property
    def _origin(self) -> tuple[Config, Sequence[Quotes]]:
        return self.made, self.quotes

    @property
    def _small(self) -> Sequence[str]:
        return ("summary",)
