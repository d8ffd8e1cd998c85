"""Is a policy better, and by how much: many parents, every policy on the same ones, differences in pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from sor.errors import ParameterError, shown
from sor.results.study import Study
from sor.settings.checks import flag, instance, one_of
from sor.settings.listed import as_orders
from sor.settings.market import Market
from sor.settings.routers import BASELINES, StaticRouter, as_policies, as_policy, with_baselines
from sor.settings.run import Bootstrap, Run
from sor.studies.many import of_many
from sor.studies.notices import said
from sor.studies.pipeline import Asked, Pipeline, checked_run, config_of, jobs_of
from sor.studies.progress import REPLAYING, Step, begin, watching

if TYPE_CHECKING:
    from sor.settings.orders import Orders
    from sor.settings.routers import Policies, Policy
    from sor.studies.pipeline import Tapes, TapesTrades


@of_many
def study(
    quotes: Tapes,
    orders: Orders,
    policies: Policies | Policy | str = StaticRouter(),
    *,
    policy: str | None = None,
    market: Market = Market(),
    trades: TapesTrades = None,
    run: Run = Run(),
    record: bool = True,
    bootstrap: Bootstrap = Bootstrap(),
) -> Study:
    """Replay many parents under every policy, and compare one policy with the others in pairs.

    Args:
        quotes: One tape or several, as in `backtest`.
        orders: An `Order`, `orders_every(...)`, a sequence of both, or a table of orders (a frame or a file)
            with side, quantity, and if wanted start, horizon or end, lot and tz.
        policies: Policies, names, or a mapping from names to either: at least two. Or one: it is called `router` and
            stands beside what it stands beside in `backtest`.
        policy: The name of the one to compare with the others; the first by default.
        market: What every policy meets.
        trades: The tapes' trades, as in `backtest`.
        run: Threads, progress, and where finished work is kept.
        record: Keep the rows of children and fills, not only every parent's sums.
        bootstrap: Confidence, resamples and seed of the intervals.

    Raises:
        DataError: If a tape cannot be read or never quotes the orders' side, or `resume` is another file.
        ParameterError: If a setting is wrong, an order does not lie on a tape, or `resume` holds results of
            other tapes, orders or settings.

    """
    instance("bootstrap", bootstrap, Bootstrap)
    named = study_policies(policies)
    chosen = next(iter(named)) if policy is None else policy
    one_of("policy", chosen, named)
    run, record = checked_run(run), flag("record", record)
    orders = as_orders(orders)
    jobs = jobs_of(quotes, orders, trades, market)
    with (
        Pipeline(jobs, run) as pipeline,
        watching(run.progress, Step(REPLAYING, len(named), "rows")) as callback,
    ):
        begin(callback, REPLAYING, **pipeline.counted)
        asked = [Asked(each) for each in named.values()]
        ledger = pipeline.run(asked, record=record, progress=callback)
    made = config_of(
        "study",
        (quotes, orders, trades),
        jobs,
        named,
        market,
        record=record,
        bootstrap=asdict(bootstrap),
    )
    return Study(
        ledger=ledger.named(list(named)),
        policies=named,
        policy=chosen,
        jobs=jobs,
        made=replace(made, policy=chosen),
        bootstrap=bootstrap,
        warnings=said(jobs, made.orders, named.values(), ledger=ledger),
    )


def study_policies(policies: object) -> dict[str, Policy]:
    """Return at least two policies by name; one alone stands beside the baselines."""
    if isinstance(policies, str) or not isinstance(policies, Iterable):
        return with_baselines(as_policy("policies", policies), BASELINES)
    named = as_policies("policies", policies)
    if len(named) < 2:
        raise ParameterError(
            f"policies must be one policy, which is compared with the baselines, or at least two, got {shown(policies)}"
        )
    return named
