"""Is a policy better, and by how much: many parents, every policy on the same ones, differences in pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError
from sor.replay.replay import BASELINES, Ledger, Market
from sor.results import display, metrics
from sor.settings.params import (
    ROUTERS,
    Book,
    Duration,
    FillModel,
    Limit,
    Order,
    Orders,
    OrderSchedule,
    Router,
    StaticRouter,
)
from sor.settings.times import to_ns
from sor.studies.arrivals import binned, parents_of
from sor.studies.backtest import as_quotes, make_market, parents_on
from sor.studies.pipeline import Policy, Replays, Session
from sor.studies.progress import Progress, watching
from sor.studies.statistics import RESAMPLES, Interval, check_settings, mean_interval

if TYPE_CHECKING:
    from os import PathLike

    import altair as alt

    from sor.studies.grid import Search
    from sor.studies.search import Selection
    from sor.tape.read import Source
    from sor.tape.tape import Quotes
    from sor.tape.venues import VenueSource


# Columns that may be null in every row.
_FLOATS = {"lower": pl.Float64, "upper": pl.Float64, "p_value": pl.Float64}


@dataclass(frozen=True, repr=False)
class Study:
    """What every policy did with the same parents, and how one of them compares with the others.

    Savings are paired: for each parent, the other policy's shortfall less `policy`'s, in basis points of the
    parent's arrival value `Q * M0`, positive where `policy` is better. Parents that either could not trade
    are left out.

    Attributes:
        ledger: The exact record of every policy, integer nanos; `parent` numbers them through all tapes.
        parents: A row a parent: `tape` (its place in `quotes`), `symbol`, `side`, `quantity`, `start`, `end`,
            and the consolidated book at its start (records with `ts <= start`): `arrival_spread_bps`, of the
            mid (null while one side is empty), and `arrival_depth`, the shares displayed on the side it
            takes, stubs left out.
        policies: By name.
        policy: The one that is compared with the others.
        quotes: The tapes.
        level: Confidence of the intervals.
        resamples: Bootstrap resamples.
        seed: Of the bootstrap.
        markets: What was the same for every policy, for each tape.
        twap_bucket: Length of a TWAP slice's bucket.

    """

    ledger: Ledger
    parents: pl.DataFrame
    policies: Mapping[str, Policy]
    policy: str
    quotes: tuple[Quotes, ...] = field(compare=False)
    level: float = 0.95
    resamples: int = RESAMPLES
    seed: int = 0
    markets: tuple[Market, ...] = ()
    twap_bucket: Duration = "60s"

    @property
    def others(self) -> list[str]:
        """The policies that `policy` is compared with."""
        return [name for name in self.policies if name != self.policy]

    @cached_property
    def summary(self) -> pl.DataFrame:
        """A row per policy: fill ratio, cash, mean shortfall and its parts in bps (MODEL P6, P7)."""
        return metrics.summary_table(self.ledger.parents).drop("_all_in")

    @cached_property
    def savings(self) -> pl.DataFrame:
        """A row per other policy (`against`) and parent: `savings_bps` and its parts, which sum to it."""
        costs = ["shortfall", *metrics.PARTS]
        traded = self.ledger.parents.filter(pl.col("status") != "no_quotes")
        rows = traded.select("policy", "parent", "arrival_mid", *costs)
        mine = rows.filter(pl.col("policy") == self.policy).drop("policy")
        base = pl.col("quantity").cast(pl.Float64) * pl.col("arrival_mid") / 1e4
        # Differences are taken as integers; a rebate lowers the cost.
        gains = [
            ((pl.col(cost) - pl.col(f"{cost}_mine")) * (-1 if cost == "rebates" else 1) / base).alias(
                "savings_bps" if cost == "shortfall" else f"{cost}_bps"
            )
            for cost in costs
        ]
        return (
            rows.filter(pl.col("policy") != self.policy)
            .join(mine, on="parent", suffix="_mine", maintain_order="left")
            .join(self.parents, on="parent", maintain_order="left")
            .select(pl.col("policy").alias("against"), *self.parents.columns, *gains)
        )

    @cached_property
    def comparisons(self) -> pl.DataFrame:
        """A row per other policy: mean savings with interval and p-value, wins, parts, worst parent."""
        parts = [f"{part}_bps" for part in metrics.PARTS]
        return pl.DataFrame(
            [
                {"against": name}
                | self._compared(rows)
                | {"median_bps": rows["savings_bps"].median(), "worst_bps": rows["savings_bps"].min()}
                | {part: rows[part].mean() for part in parts}
                for name, rows in self._against(self.savings)
            ],
            infer_schema_length=None,
            schema_overrides=_FLOATS,
        )

    def interval(self, against: str) -> Interval:
        """Return the mean paired savings against a policy, with its interval.

        Raises:
            ParameterError: If `against` is not another policy, or no parent could trade under both.

        """
        rows = self._rows(against)
        if rows.is_empty():
            raise ParameterError(f"against: no parent could trade under both {self.policy!r} and {against!r}")
        return self._interval(rows)

    def by(self, what: str, *, bins: int = 3, zone: str = "UTC") -> pl.DataFrame:
        """Break the savings down.

        Args:
            what: `"time"` (hours of the day at the start), `"spread"` (bps at the start), `"depth"`
                (shares displayed at the start), `"size"`, `"side"` or `"tape"`.
            bins: Into so many quantiles, for `"spread"` and `"depth"`, and for more than ten sizes.
            zone: Time zone of `"time"`.

        Returns:
            A row per other policy and bin, with the columns of `comparisons` up to `win_ratio`.

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

    def worst(self, count: int = 10, *, against: str | None = None) -> pl.DataFrame:
        """Return the parents where `policy` saved least against another policy (the first by default).

        Raises:
            ParameterError: If `against` is not another policy.

        """
        return self._rows(self.others[0] if against is None else against).sort("savings_bps").head(count)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary and the comparisons as plain values."""
        return {
            "policy": self.policy,
            "policies": {
                name: policy if isinstance(policy, str) else asdict(policy)
                for name, policy in self.policies.items()
            },
            "level": self.level,
            "summary": self.summary.with_columns(pl.col("policy").cast(pl.String)).to_dicts(),
            "comparisons": self.comparisons.to_dicts(),
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return `to_dict()` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def report(self, path: str | PathLike[str], *, search: Search | Selection | None = None) -> None:
        """Write one self-contained page about the study: see `sor.show.report`."""
        from sor.show.report import report

        report(self, path, search=search)

    def plot(self) -> alt.LayerChart:
        """Draw the savings against every other policy with their intervals (the extra `report`)."""
        from sor.show import plots

        return plots.savings(self).properties(
            title=f"Saved by {self.policy}, {self.level:.0%} intervals", width=560
        )

    def __repr__(self) -> str:
        tapes = "1 tape" if len(self.quotes) == 1 else f"{len(self.quotes)} tapes"
        head = f"Study: {self.policy} on {self.parents.height:,} parents of {tapes}, bps of arrival value"
        return f"{head}\n{display.text(self._readable())}"

    def _repr_html_(self) -> str:
        return f"<b>Study of {self.policy}</b>{self._readable()._repr_html_()}"

    def _readable(self) -> pl.DataFrame:
        shown = ("savings_bps", "lower", "upper", "p_value", "win_ratio", "median_bps", "worst_bps")
        return self.comparisons.select("against", "parents", *(pl.col(name).round(3) for name in shown))

    def _rows(self, against: str) -> pl.DataFrame:
        if against not in self.others:
            raise ParameterError(f"against must be one of {', '.join(self.others)}, got {against!r}")
        return self.savings.filter(pl.col("against") == against)

    def _against(self, frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
        parts = ((name, frame.filter(pl.col("against") == name)) for name in self.others)
        return [(name, rows) for name, rows in parts if not rows.is_empty()]

    def _interval(self, rows: pl.DataFrame) -> Interval:
        return mean_interval(
            rows["savings_bps"].to_numpy(),
            rows["start"].to_physical().to_numpy(),
            rows["end"].to_physical().to_numpy(),
            level=self.level,
            resamples=self.resamples,
            seed=self.seed,
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


def study(
    quotes: Quotes | Source | Sequence[Quotes | Source],
    policies: Mapping[str, Policy] | Router | None = None,
    *,
    orders: Orders | Sequence[Order | OrderSchedule],
    policy: str | None = None,
    venues: VenueSource | None = None,
    book: Book | None = None,
    fill: FillModel | None = None,
    limit: Limit = "seen",
    twap_bucket: Duration = "60s",
    record: bool = True,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    threads: int | None = None,
    progress: bool | Progress | None = None,
    resume: str | PathLike[str] | None = None,
) -> Study:
    """Replay many parents under every policy, and compare one policy with the others in pairs.

    Args:
        quotes: A tape, or a sequence of them (days, instruments), each a `Quotes` or what `read_quotes`
            takes. (Files that make up *one* tape are read by `read_quotes` first.)
        policies: By name, a router or a baseline's name; or one router, named "router". By default
            the default router. The last two stand beside all baselines.
        orders: Orders and schedules, mixed as you like: see `rolling_orders`. A schedule, and an order
            without a start, goes to every tape; an order with one to the tapes that cover it.
        policy: The one to compare with the others; the first by default.
        venues: See `backtest`, as for the arguments that follow.
        book: How the book is seen and used up.
        fill: How children are filled.
        limit: A child's limit.
        twap_bucket: Length of a TWAP slice's bucket.
        record: Keep the rows of children and fills, not only every parent's sums.
        level: Confidence of the intervals.
        resamples: Bootstrap resamples.
        seed: Of the bootstrap.
        threads: Worker threads; the result does not depend on it.
        progress: True for a bar, or a callback `(done, total)`.
        resume: A file that keeps what is finished, also when the run is interrupted or killed; the same call
            with the same file goes on from there, to the same bytes.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side, or `resume` is another file.
        ParameterError: If a setting is wrong, an order does not lie on a tape, or `resume` holds results of
            other tapes, orders or settings.

    """
    check_settings(level, resamples, seed)
    named = _policies(policies)
    chosen = next(iter(named)) if policy is None else policy
    if chosen not in named:
        raise ParameterError(f"policy must be one of {', '.join(named)}, got {policy!r}")
    sessions = sessions_of(quotes, orders, venues=venues, book=book, fill=fill, limit=limit)
    count = sum(len(session.parents) for session in sessions)
    with (
        Replays(sessions, twap_bucket=twap_bucket, threads=threads, resume=resume) as replays,
        watching(progress, f"{count:,} orders x {len(named)} policies") as callback,
    ):
        ledger = replays.run(named, record=record, progress=callback)
    return Study(
        ledger=ledger,
        parents=parents_of(sessions),
        policies=named,
        policy=chosen,
        quotes=tuple(session.quotes for session in sessions),
        level=level,
        resamples=resamples,
        seed=seed,
        markets=tuple(session.market for session in sessions),
        twap_bucket=twap_bucket,
    )


def rolling_orders(
    every: Duration,
    *,
    quantities: int | Sequence[int],
    horizon: Duration,
    sides: Sequence[str] = ("buy", "sell"),
    lot: int = 100,
) -> list[OrderSchedule]:
    """Lay orders of several sizes, on both sides, every `every` over a whole tape.

    Args:
        every: From one start to the next.
        quantities: Shares, one size or several.
        horizon: Of each order.
        sides: `"buy"`, `"sell"` or both.
        lot: Shares in a lot.

    Raises:
        ParameterError: Naming the argument and what would be right.

    """
    sizes = [quantities] if isinstance(quantities, int) else list(quantities)
    both = [sides] if isinstance(sides, str) else list(sides)
    if not sizes or not both:
        raise ParameterError(f"quantities and sides must not be empty, got {quantities!r} and {sides!r}")
    return [
        OrderSchedule(every=every, side=side, quantity=size, horizon=horizon, lot=lot)  # type: ignore[arg-type]  # checked there
        for side in both
        for size in sizes
    ]


def sessions_of(
    quotes: Quotes | Source | Sequence[Quotes | Source],
    orders: Orders | Sequence[Order | OrderSchedule],
    *,
    venues: VenueSource | None,
    book: Book | None,
    fill: FillModel | None,
    limit: Limit,
) -> tuple[Session, ...]:
    """Read tapes, and lay orders onto each.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side.
        ParameterError: If there is no tape, or an order lies on none.

    """
    many = list(quotes) if isinstance(quotes, Sequence) and not isinstance(quotes, str) else [quotes]
    tapes = [as_quotes(tape) for tape in many]
    if not tapes:
        raise ParameterError("quotes must hold at least one tape")
    asked = list(orders) if isinstance(orders, Sequence) else [orders]
    if not asked:
        raise ParameterError("orders must hold at least one Order or schedule")
    if len(tapes) > 1:
        _each_lies_somewhere(asked, tapes)
    laid = [(tape, [order for order in asked if len(tapes) == 1 or _covers(tape, order)]) for tape in tapes]
    return tuple(
        Session(
            quotes=tape,
            parents=[parent for order in some for parent in parents_on(tape, order)],
            market=make_market(tape, venues=venues, book=book, fill=fill, limit=limit),
        )
        for tape, some in laid
        if some
    )


def _policies(policies: Mapping[str, Policy] | Router | None) -> dict[str, Policy]:
    if policies is None or isinstance(policies, ROUTERS):
        return {"router": policies or StaticRouter(), **{name: name for name in BASELINES}}
    if not isinstance(policies, Mapping) or len(policies) < 2:
        raise ParameterError(
            "policies must be a StaticRouter or ContKukanovRouter, or map at least two names to policies, "
            f"got {policies!r}"
        )
    for name, policy in policies.items():
        if not isinstance(policy, ROUTERS) and policy not in BASELINES:
            raise ParameterError(
                f"policies[{name!r}] must be a StaticRouter, a ContKukanovRouter or one of "
                f"{', '.join(BASELINES)}, got {policy!r}"
            )
    return dict(policies)


def _covers(tape: Quotes, order: Order | OrderSchedule) -> bool:
    if isinstance(order, OrderSchedule) or not isinstance(order, Order) or order.start is None:
        return True
    return tape.start <= to_ns(order.start, "start") < tape.end


def _each_lies_somewhere(orders: Sequence[Order | OrderSchedule], tapes: Sequence[Quotes]) -> None:
    for i, order in enumerate(orders):
        if not any(_covers(tape, order) for tape in tapes):
            raise ParameterError(f"orders[{i}]: its start lies on none of the {len(tapes)} tapes: {order!r}")
