"""One router against the baselines on the same parents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from sor.errors import DataError, ParameterError
from sor.replay.parents import Parent, on_tape
from sor.replay.replay import BASELINES, Ledger, Market, Variant, hindsight, replay
from sor.results import display, metrics, passive
from sor.results.explain import explain_child
from sor.settings.params import (
    ROUTERS,
    Book,
    ContKukanovRouter,
    Displayed,
    Duration,
    FillModel,
    Limit,
    Orders,
    Queue,
    QueueAware,
    Router,
    StaticRouter,
    _choice,
    _instance,
    _whole,
)
from sor.studies.progress import Progress, watching
from sor.tape.read import Source, Table, read_quotes, read_trades
from sor.tape.schema import UNDEF_PRICE
from sor.tape.tape import Quotes, Trades
from sor.tape.venues import VenueSource, venues_on_tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

ROUTER = "router"


def queue_name(queue: str) -> str:
    """Name the policy that is the router under another queue model."""
    return f"{ROUTER} ({queue})"


_OWN = (ROUTER, *map(queue_name, get_args(Queue)))
STATIC = "static"
"""The default `StaticRouter`, a baseline of the paper's router."""
_EPOCH_MONEY = ("half_spread", "lambda_under", "lambda_over", "cost")
_FILL_MONEY = ("price", "quoted", "mid", "fee", "rebate")
_CHILD_MONEY = (
    *("mid", "seen_price", "marginal", "threshold", "met_price", "price"),
    *("spread", "slippage", "timing", "fee", "rebate", "cost"),
)


@dataclass(frozen=True, repr=False)
class Backtest:
    """What a router and the baselines did with the same parents.

    Attributes:
        ledger: The exact record of every policy, integer nanos.
        router: The router's parameters.
        market: What was the same for every policy.

    """

    ledger: Ledger
    router: Router
    market: Market
    quotes: Quotes = field(compare=False)

    @cached_property
    def fills(self) -> pl.DataFrame:
        """The router's executions, a row each, prices and money in currency (MODEL P5)."""
        return self.fills_of(ROUTER)

    @cached_property
    def children(self) -> pl.DataFrame:
        """The router's child orders, a row each: what each saw, what it met, how it ended."""
        return self.children_of(ROUTER)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """The router's parent orders, a row each, costs in basis points of arrival value."""
        return self.orders_of(ROUTER)

    @cached_property
    def summary(self) -> pl.DataFrame:
        """A row per policy, the router first: fill ratio, cash, shortfall and its parts, savings."""
        table = metrics.summary_table(self.ledger.parents)
        cost = dict(table.select("policy", "_all_in").iter_rows())
        savings = [
            None if policy in _OWN else metrics.savings_bps(cost[ROUTER], cost[policy])
            for policy in table["policy"]
        ]
        return table.drop("_all_in").with_columns(pl.Series("savings_bps", savings, dtype=pl.Float64))

    @cached_property
    def baselines(self) -> pl.DataFrame:
        """The rows of `summary` for the baselines."""
        return self.summary.filter(~pl.col("policy").cast(pl.String).is_in(_OWN))

    @cached_property
    def epochs(self) -> pl.DataFrame:
        """A row per decision of a `ContKukanovRouter`.

        Columns `parent, ts, remaining, market, limit`: the shares it planned, `M` and `sum L_k`; `scenarios`,
        0 where no problem could be posed and all was taken; `half_spread, lambda_under, lambda_over` per
        share as they were used, `cost` (`V`) in currency, `shortfall` and `excess` (`E (S - A)+`,
        `E (A - S)+`) in shares.
        """
        return metrics.to_currency(self._rows(self.ledger.epochs, ROUTER), _EPOCH_MONEY)

    @cached_property
    def places(self) -> pl.DataFrame:
        """Where each limit order stood in its queue: shares `ahead` and own shares `left` from `ts` on."""
        return self._rows(self.ledger.places, ROUTER)

    @cached_property
    def posts(self) -> pl.DataFrame:
        """The router's limit orders, a row each: queue, fills, time to fill, rebate; see `posts_of`."""
        return self.posts_of(ROUTER)

    @cached_property
    def markouts(self) -> pl.DataFrame:
        """What the router's passive fills were worth afterwards: adverse selection; see `markouts_of`."""
        return self.markouts_of(ROUTER)

    @cached_property
    def savings_bps(self) -> dict[str, float | None]:
        """The router's savings against each baseline, bps of its all-in price, positive when better (P6)."""
        return dict(self.baselines.select("policy", "savings_bps").iter_rows())

    def fills_of(self, policy: str) -> pl.DataFrame:
        """Return the executions of a policy, prices and money in currency."""
        return metrics.to_currency(self._rows(self.ledger.fills, policy), _FILL_MONEY)

    def children_of(self, policy: str) -> pl.DataFrame:
        """Return the child orders of a policy: what each saw, met, got and cost, money in currency."""
        children, fills, parents = (
            self._rows(frame, policy)
            for frame in (self.ledger.children, self.ledger.fills, self.ledger.parents)
        )
        return metrics.to_currency(metrics.child_costs(children, fills, parents), _CHILD_MONEY)

    def orders_of(self, policy: str) -> pl.DataFrame:
        """Return the parent orders of a policy, prices in currency and costs in basis points."""
        return metrics.orders_table(self._rows(self.ledger.parents, policy))

    def posts_of(self, policy: str) -> pl.DataFrame:
        """Return a policy's limit orders, a row each.

        Columns `parent, child, venue, ts_decided, ts_arrived, price, quantity, ahead` (the queue it joined),
        `filled, reason, first_fill, last_fill, seconds_to_first_fill, seconds_to_fill` (null unless filled
        whole), `rebate` in currency.
        """
        children, fills = self._rows(self.ledger.children, policy), self._rows(self.ledger.fills, policy)
        return passive.posts(children, fills)

    def markouts_of(self, policy: str) -> pl.DataFrame:
        """Return the markouts of a policy's passive fills, a row per horizon (0, 1, 10 and 60 s).

        Columns `seconds, fills, shares, unknown` (shares whose mid lies past the tape), and per share in
        currency, share-weighted: `edge`, what the mid of the horizon is better than the price paid, and
        `adverse`, how far the mid has moved against us since the fill. `edge_bps` is of the price.
        """
        fills = self.passive_fills_of(policy)
        return passive.markouts(fills)

    def passive_fills_of(self, policy: str) -> pl.DataFrame:
        """Return a policy's passive fills with the mids 1, 10 and 60 s later, integer nanos."""
        fills, parents = self._rows(self.ledger.fills, policy), self._rows(self.ledger.parents, policy)
        return passive.with_later_mids(self.quotes, fills, parents, self.market.book)

    @cached_property
    def hindsight(self) -> pl.DataFrame:
        """The least possible cost of every parent with perfect foresight of the tape (MODEL P4).

        Columns `parent, all_in_px, shortfall_bps`. A lower bound for every taking policy under displayed fills
        and zero latency.
        """
        parents = self._rows(self.ledger.parents, ROUTER)
        base = pl.col("quantity").cast(pl.Float64) * pl.col("arrival_mid")
        sign = pl.when(pl.col("side") == "buy").then(1).otherwise(-1)
        least = pl.Series("least", self._least, dtype=pl.Int64)
        return parents.select(
            "parent",
            (sign * least / (1e9 * pl.col("quantity"))).alias("all_in_px"),
            ((least - sign * pl.col("quantity") * pl.col("arrival_mid")) / base * 1e4).alias("shortfall_bps"),
        )

    @cached_property
    def attainable_share(self) -> dict[str, float | None]:
        """The share of the attainable saving against each baseline that the router gets (MODEL P4).

        `(baseline - router) / (baseline - hindsight)` of all-in cost; null where nothing was attainable. Hindsight
        only takes: a router that posts may get more than all of it.
        """
        least = sum(cost for cost in self._least if cost is not None)
        table = metrics.summary_table(self.ledger.parents)
        cost = dict(table.select("policy", "_all_in").iter_rows())
        router = cost[ROUTER]

        def share(own: int | None) -> float | None:
            return None if own is None or own <= least else (own - router) / (own - least)

        return {name: share(cost[name]) for name in self.baselines["policy"]}

    @cached_property
    def _least(self) -> list[int | None]:
        return hindsight(self.quotes, self._parents, self.market)

    @cached_property
    def _parents(self) -> list[Parent]:
        rows = self._rows(self.ledger.parents, ROUTER).with_columns(pl.col("start", "end").to_physical())
        return [Parent(*row) for row in rows.select("side", "quantity", "start", "end", "lot").iter_rows()]

    def explain(self, child: int, *, order: int = 0, policy: str = ROUTER) -> str:
        """Say in words why a child was sent, what it saw and met, and what it cost.

        Args:
            child: Its number within its order.
            order: The parent's number.
            policy: Whose child.

        Raises:
            ParameterError: If there is no such child.

        """
        child, order = _whole("child", child, least=0), _whole("order", order, least=0)
        children = self.children_of(policy)
        row = children.filter(pl.col("parent") == order, pl.col("child") == child)
        if row.is_empty():
            count = children.filter(pl.col("parent") == order).height
            raise ParameterError(
                f"order {order} of {policy} has {count:,} children, there is no child {child!r}"
            )
        parent = self.orders_of(policy).row(order, named=True)
        router = _variant_router(policy, self.router)
        return explain_child(row.row(0, named=True), parent, router)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary in the schema that public versions of this task print."""
        rows = {row["policy"]: row for row in self.summary.iter_rows(named=True)}
        cash = {name: {key: row[key] for key in ("total_cash", "avg_fill_px")} for name, row in rows.items()}
        return {
            "best_parameters": {
                name: getattr(self.router, name) for name in ("lambda_over", "lambda_under", "theta_queue")
            },
            "optimized": cash[ROUTER],
            "baselines": {name: cash[name] for name in self.baselines["policy"]},
            "savings_vs_baselines_bps": self.savings_bps,
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return `to_dict()` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def plot(self) -> alt.Chart:
        """Draw the cumulative cost of every policy (the extra `report`)."""
        from sor.show import plots

        return plots.cumulative_cost(self)

    def __repr__(self) -> str:
        orders = self.ledger.parents.filter(pl.col("policy") == ROUTER)
        head = f"Backtest: {_orders_line(orders)} on {self.quotes.symbol or self.quotes.source}"
        return f"{head}\n{display.text(_readable(self.summary))}"

    def _repr_html_(self) -> str:
        return f"<b>Backtest</b>{_readable(self.summary)._repr_html_()}"

    @staticmethod
    def _rows(frame: pl.DataFrame, policy: str) -> pl.DataFrame:
        known = frame["policy"].dtype.categories.to_list()  # type: ignore[attr-defined]
        if policy not in known:
            raise ParameterError(f"policy must be one of {', '.join(known)}, got {policy!r}")
        return frame.filter(pl.col("policy") == policy).drop("policy")


def backtest(
    quotes: Quotes | Source,
    orders: Orders,
    router: Router | None = None,
    *,
    trades: Trades | Table | None = None,
    venues: VenueSource | None = None,
    book: Book | None = None,
    fill: FillModel | None = None,
    limit: Limit = "seen",
    baselines: Sequence[str] = BASELINES,
    twap_bucket: Duration = "60s",
    threads: int | None = None,
    progress: bool | Progress | None = None,
) -> Backtest:
    """Replay parent orders under a router and under the baselines, on the same tape.

    Args:
        quotes: A tape, or anything `read_quotes` takes.
        orders: One `Order`, several, or `orders_every(...)`.
        router: A `StaticRouter` (the default) or a `ContKukanovRouter`; the latter is replayed under all three
            queue models, as policies `router`, `router (pessimistic)` and so on.
        trades: The tape's trades, or anything `read_trades` takes; they tell trades from cancellations in the
            queues of resting orders.
        venues: Fees, rebates and latency; 0.0030 taker and 0.0020 rebate per share at every venue by default.
        book: How the book is seen and used up.
        fill: How children are filled: `Displayed()` (default) or `QueueAware(...)`.
        limit: A child's limit: the price it was planned on (`"seen"`) or none (MODEL F6).
        baselines: Which of `best_ask`, `sweep`, `twap`, `vwap` (all by default) and `static`, the default
            `StaticRouter` (beside a `ContKukanovRouter` by default).
        twap_bucket: Length of a TWAP slice's bucket.
        threads: Worker threads; the result does not depend on it.
        progress: True for a bar, or a callback `(done, total)`.

    Returns:
        The rows of every policy, and the tables made from them.

    Raises:
        DataError: If the tape cannot be read or never quotes the orders' side.
        ParameterError: If a setting is wrong, or an order does not lie on the tape.

    """
    tape = as_quotes(quotes, trades)
    router = StaticRouter() if router is None else router
    _instance("router", router, *ROUTERS)
    if isinstance(router, ContKukanovRouter) and baselines is BASELINES:
        baselines = (STATIC, *BASELINES)
    market = make_market(tape, venues=venues, book=book, fill=fill, limit=limit)
    parents = parents_on(tape, orders)
    with watching(progress, f"{len(parents)} orders") as callback:
        return compare_with_baselines(
            tape,
            parents,
            router,
            market,
            baselines=baselines,
            twap_bucket=twap_bucket,
            threads=threads,
            progress=callback,
        )


def compare_with_baselines(
    quotes: Quotes,
    parents: Sequence[Parent],
    router: Router,
    market: Market,
    *,
    baselines: Sequence[str],
    twap_bucket: Duration,
    threads: int | None,
    progress: Progress | None = None,
) -> Backtest:
    """Replay parents that lie on a tape under a router and the baselines.

    Raises:
        ParameterError: If a baseline is unknown or named twice.

    """
    variants = [Variant(name=ROUTER, policy=router, market=market)]
    if isinstance(router, ContKukanovRouter):
        others = [queue for queue in get_args(Queue) if queue != router.queue]
        variants += [
            Variant(name=queue_name(queue), policy=replace(router, queue=queue), market=market)
            for queue in others
        ]
    variants += baseline_variants(market, baselines, twap_bucket)
    ledger = replay(quotes, parents, variants, record=True, threads=threads, progress=progress)
    return Backtest(ledger, router, market, quotes)


def as_quotes(quotes: Quotes | Source, trades: Trades | Table | None = None) -> Quotes:
    """Return a tape as it is, or read it; with its trades where they are given."""
    tape = quotes if isinstance(quotes, Quotes) else read_quotes(quotes)
    if trades is None:
        return tape
    if not isinstance(trades, Trades):
        if not isinstance(trades, str | PathLike | pl.DataFrame | pl.LazyFrame):
            raise ParameterError(f"trades must be sor.Trades, a path or a frame, got {trades!r}")
        trades = read_trades(trades, quotes=tape)
    return tape.with_trades(trades)


def make_market(
    quotes: Quotes,
    *,
    venues: VenueSource | None,
    book: Book | None,
    fill: FillModel | None,
    limit: Limit,
) -> Market:
    """Gather what is the same for every policy, with the defaults filled in.

    Raises:
        ParameterError: If a setting is wrong.

    """
    book = Book() if book is None else book
    fill = Displayed() if fill is None else fill
    _instance("book", book, Book)
    _instance("fill", fill, Displayed, QueueAware)
    _choice("limit", limit, Limit)
    return Market(venues=venues_on_tape(venues, quotes), book=book, fill=fill, limit=limit)


def baseline_variants(market: Market, baselines: Iterable[str], twap_bucket: Duration) -> list[Variant]:
    """Return the baselines as variants of a market.

    Raises:
        ParameterError: If one is unknown or named twice.

    """
    names = [""] if isinstance(baselines, str) or not isinstance(baselines, Iterable) else list(baselines)
    known = (*BASELINES, STATIC)
    if sum(name in names for name in known) != len(names):
        raise ParameterError(f"baselines must be different names among {', '.join(known)}, got {baselines!r}")
    policies: dict[str, Router] = {STATIC: StaticRouter()}
    return [
        Variant(name=name, policy=policies.get(name, name), market=market, twap_bucket=twap_bucket)
        for name in names
    ]


def parents_on(quotes: Quotes, orders: Orders) -> list[Parent]:
    """Lay orders onto a tape that can execute them.

    Raises:
        DataError: If the tape never quotes the side an order takes.
        ParameterError: If an order does not lie on the tape.

    """
    parents = on_tape(orders, quotes)
    for side, column, word in (("buy", "ask_px", "ask"), ("sell", "bid_px", "bid")):
        wanted = any(parent.side == side for parent in parents)
        if wanted and bool((quotes.frame[column] == UNDEF_PRICE).all()):
            raise DataError(
                f"{quotes.source}: no {word} quote in {len(quotes):,} records, so a {side} cannot trade"
            )
    return parents


def _variant_router(policy: str, router: Router) -> Router | str:
    """Return what stands behind the name of a policy."""
    if policy == STATIC:
        return StaticRouter()
    return router if policy in _OWN else policy


def _orders_line(parents: pl.DataFrame) -> str:
    sides = "/".join(parents["side"].unique(maintain_order=True).to_list())
    shares = parents["quantity"].unique(maintain_order=True).to_list()
    size = f"{shares[0]:,}" if len(shares) == 1 else f"{min(shares):,} to {max(shares):,}"
    return f"{parents.height:,} x {sides} {size}"


def _readable(summary: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a summary a person looks at first."""
    return summary.select(
        pl.col("policy").cast(pl.String),
        "parents",
        pl.col("fill_ratio").round(4),
        *([pl.col("posted_ratio").round(4)] if (summary["posted_ratio"] > 0).any() else []),
        pl.col("avg_fill_px").round(5),
        *(pl.col(name).round(3) for name in ("shortfall_bps", "spread_bps", "timing_bps", "opportunity_bps")),
        pl.col("savings_bps").round(3),
    )
