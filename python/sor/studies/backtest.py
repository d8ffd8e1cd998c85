"""One router against the baselines on the same parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sor.results.backtest import Backtest
from sor.settings.listed import as_orders
from sor.settings.market import Market
from sor.settings.routers import BASELINES, ROUTER, StaticRouter, as_policy, with_baselines
from sor.settings.run import Run
from sor.studies.many import of_many
from sor.studies.notices import said
from sor.studies.pipeline import Asked, Pipeline, checked_run, config_of, jobs_of
from sor.studies.progress import REPLAYING, Step, begin, watching

if TYPE_CHECKING:
    from sor.settings.orders import Orders
    from sor.settings.routers import Policies, Policy
    from sor.studies.pipeline import Tapes, TapesTrades


@of_many
def backtest(
    quotes: Tapes,
    orders: Orders,
    router: Policy | str = StaticRouter(),
    *,
    market: Market = Market(),
    against: Policies = BASELINES,
    trades: TapesTrades = None,
    run: Run = Run(),
) -> Backtest:
    """Replay parent orders under a router and under the baselines, on the same tapes.

    Args:
        quotes: One tape or several (days, instruments): each a `Quotes`, or what `read_quotes` takes. (Files that
            make up *one* tape are read by `read_quotes` first.)
        orders: An `Order`, `orders_every(...)`, a sequence of both, or a table of orders (a frame or a file)
            with side, quantity, and if wanted start, horizon or end, lot and tz. A schedule, and an order without a
            start, goes to every tape; an order with one to the tapes that cover it.
        router: A policy, or its name. A `ContKukanovRouter` is replayed under all three queue models, as policies
            `router`, `router (pessimistic)` and so on.
        market: What every policy meets: venues' terms, the book, the fill model.
        against: What it is compared with: policies, names, or a mapping from names to either. Beside a
            `ContKukanovRouter` the default `StaticRouter` stands too.
        trades: The tape's trades, or anything `read_trades` takes, and for several tapes one entry each; they tell
            trades from cancellations in the queues of resting orders.
        run: Threads, progress, and where finished work is kept.

    Returns:
        The rows of every policy, and the tables made from them.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side, or `resume` is another file.
        ParameterError: If a setting is wrong, or an order does not lie on a tape.

    """
    policies = with_baselines(as_policy("router", router), against)
    run = checked_run(run)
    orders = as_orders(orders)
    jobs = jobs_of(quotes, orders, trades, market)
    with (
        Pipeline(jobs, run) as pipeline,
        watching(run.progress, Step(REPLAYING, len(policies), "rows")) as callback,
    ):
        begin(callback, REPLAYING, **pipeline.counted)
        asked = [Asked(policy) for policy in policies.values()]
        ledger = pipeline.run(asked, record=True, progress=callback)
    made = config_of("backtest", (quotes, orders, trades), jobs, policies, market)
    return Backtest(
        ledger=ledger.named(list(policies)),
        policies=policies,
        policy=ROUTER,
        jobs=jobs,
        made=made,
        warnings=said(jobs, made.orders, policies.values(), ledger=ledger),
    )
