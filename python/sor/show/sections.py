"""The sections of the page: each title is a question, each first line the answer in words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.results import metrics, words
from sor.results.study import Study
from sor.settings.times import format_ns
from sor.show import frontier, grids, orders, plotdata, plots, released

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sor.results.search import Search
    from sor.show import spec
    from sor.show.plotdata import Compared


@dataclass(frozen=True)
class Chart:
    """A chart's place on the page."""

    id: str
    spec: dict[str, Any]
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table of words."""

    title: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A question, its answer, how to read what follows, and the charts and tables."""

    id: str
    title: str
    answer: str
    text: str = ""
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    choices: Mapping[int, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    layout: str = "single"
    wide: bool = False


def sections(study: Study, search: Search | None) -> Iterator[Section]:
    """Return what the page says about a study, and a search, without the settings."""
    yield from _savings(study)
    yield from _costs(study)
    yield from _orders(study)
    if not study.ledger.fills.is_empty():
        yield _order(study)
        yield from _fills(study)
    if search is not None:
        yield _search(search)
        yield _walk_forward(search)
    yield _frontier(study if search is None else search)
    yield _data(study)


def headline(result: Compared, row: Mapping[str, Any], meaning: str) -> dict[str, str]:
    """Say the result against the policy that is hardest to beat, whose row it is; `meaning`: what the mean is over."""
    verb = "saves" if row["savings_bps"] >= 0 else "loses"
    return {
        "lead": f"{result.policy} {verb}",
        "figure": f"{abs(row['savings_bps']):.2f} bps",
        "rest": f"against {row['against']}, the hardest to beat {words.interval(row, result.bootstrap.level)}",
        "meaning": f"{words.verdict(row)} {meaning}",
    }


def settings_section(
    result: Compared, command: str | None, text: str, inputs: Table, said: Mapping[str, Any]
) -> Section:
    """Say how the result is made again: by its file of settings, and `said`, all that it depends on."""
    return Section(
        id="settings",
        title="How is this made again?",
        answer=f"Made by: {command}"
        if command
        else "The same tapes, orders and settings give the same figures.",
        text=text,
        tables=[inputs],
        codes={"run.toml": result.config(), "json": json.dumps(said, indent=1)},
        wide=True,
    )


def _savings(study: Study) -> Iterator[Section]:
    columns = ("against", "savings_bps", "lower", "upper", "p_value", "win_ratio", "worst_bps")
    yield Section(
        id="savings",
        title=f"Does {study.policy} cost less than the others?",
        answer=saved(study),
        text=f"Mean of paired differences with {study.bootstrap.level:.0%} intervals, bps of arrival value; positive: "
        f"{study.policy} costs less.",
        charts=[chart("chart-savings", plots.savings(study))],
        tables=[table("savings", study.comparisons.select(columns))],
    )
    hardest = hardest_of(study)
    yield Section(
        id="distribution",
        title="How much do single orders differ?",
        answer=f"Against {hardest['against']}, {study.policy} is better on {hardest['win_ratio']:.0%} of "
        f"{words.count(hardest['parents'], 'order')}; the worst of them costs {-hardest['worst_bps']:.2f} bps more.",
        text=f"Box: 25 to 75%, line: 5 to 95%, tick: median. Dots: orders, at most {plotdata.MOST_DOTS} a "
        "policy, at even ranks with both extremes.",
        charts=[chart("chart-distribution", plots.distribution(study))],
    )


def saved(study: Compared) -> str:
    """Answer which policies the one in question beats, with intervals."""
    better, worse, alike = [], [], []
    for row in study.comparisons.iter_rows(named=True):
        name = f"{row['against']} by {abs(row['savings_bps']):.2f} bps {words.interval(row, study.bootstrap.level)}"
        if row["lower"] is not None and row["lower"] > 0:
            better.append(name)
        elif row["upper"] is not None and row["upper"] < 0:
            worse.append(name)
        else:
            alike.append(row["against"])
    parts = []
    if better:
        parts.append(f"{study.policy} beats {words.listed(better)}")
    if worse:
        parts.append(
            f"loses to {words.listed(worse)}" if parts else f"{study.policy} loses to {words.listed(worse)}"
        )
    if alike:
        parts.append(f"no difference is shown against {words.listed(alike)}")
    answer = "; ".join(parts)
    return answer[0].upper() + answer[1:] + "." if alike and len(parts) == 1 else answer + "."


def hardest_of(study: Compared) -> dict[str, Any]:
    """Return the comparison with the policy that is hardest to beat."""
    return study.comparisons.sort("savings_bps", maintain_order=True).row(0, named=True)


def parts_section(study: Compared) -> Section:
    """Say what the cost is made of."""
    mine = study.summary.row(by_predicate=pl.col("policy") == study.policy, named=True)
    parts = {part: mine[f"{part}_bps"] for part in metrics.PARTS if part != "rebates"}
    largest = max(parts, key=lambda part: abs(parts[part]))
    return Section(
        id="parts",
        title="What is the cost made of?",
        answer=f"{study.policy} costs {mine['shortfall_bps']:.2f} bps on average; the largest part is "
        f"{largest}, {parts[largest]:+.2f} bps.",
        text="Mean shortfall against the arrival mid: spread paid when taking, slippage beyond the quote, timing "
        "(drift from release to fill), schedule (drift until the release, where there is one), opportunity (drift of "
        "what was completed at the end), fees, less rebates; bps.",
        charts=[chart("chart-parts", plots.cost_parts(study))],
        tables=[
            table(
                "costs",
                study.summary.select(
                    "policy",
                    pl.col("fill_ratio").alias("filled"),
                    *(pl.col(f"{part}_bps").alias(part) for part in ("shortfall", *metrics.PARTS)),
                ),
            )
        ],
        wide=True,
    )


def _costs(study: Study) -> Iterator[Section]:
    yield parts_section(study)
    spread = plotdata.cost_quantiles(study)
    own = spread.row(by_predicate=pl.col("policy") == study.policy, named=True)
    yield Section(
        id="spread",
        title="How far do costs spread?",
        answer=f"Nine in ten orders of {study.policy} cost between {own['p5']:+.2f} and {own['p95']:+.2f} bps.",
        text="Shortfall of single orders. Line: 5 to 95%, box: 25 to 75%, tick: median.",
        charts=[chart("chart-spread", plots.spread_of_costs(study))],
        tables=[table("spread of costs", spread.drop("seconds"))],
    )
    what, by_size = plotdata.cost_by_size(study)
    mine_by_size = by_size.filter(pl.col("policy") == study.policy)
    answer = "All orders are alike in size."
    if mine_by_size.height > 1:
        of = what.replace("multiple of", "times")
        small, large = (mine_by_size.row(i, named=True) for i in (0, -1))
        answer = (
            f"{study.policy} costs {small['shortfall_bps']:.2f} bps at {_size(small['size'])} {of} and "
            f"{large['shortfall_bps']:.2f} bps at {_size(large['size'])}."
        )
    yield Section(
        id="size",
        title="Do large orders cost more?",
        answer=answer,
        text="Mean shortfall of every policy, by the size of the order.",
        charts=[chart("chart-size", plots.cost_by_size(study))],
    )


def _size(size: float) -> str:
    return f"{size:,.0f}" if size >= 100 else f"{size:.3g}"


def _orders(study: Study) -> Iterator[Section]:
    spread = plotdata.cost_quantiles(study)
    own = spread.row(by_predicate=pl.col("policy") == study.policy, named=True)
    statuses = (
        study.ledger.parents.filter(pl.col("policy") == study.policy)
        .group_by(pl.col("status").cast(pl.String))
        .len()
        .sort("status")
    )
    ends = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in statuses.iter_rows())
    yield Section(
        id="completion",
        title="How long does an order take?",
        answer=f"Half of the orders of {study.policy} are done within {words.seconds(own['seconds'])}.",
        text=f"How they ended: {ends}. The curve: the share of orders that had their last execution.",
        charts=[chart("chart-completion", plots.completion(study))],
        marks=words.edges(study.summary.row(by_predicate=pl.col("policy") == study.policy, named=True)),
    )
    if study.ledger.releases.filter(pl.col("policy") == study.policy).height:
        yield _released(study)
    hours = plotdata.cost_by_time(study).filter(pl.col("policy") == study.policy)
    if hours["at"].n_unique() > 1:
        cheap, dear = (hours.sort("shortfall_bps").row(i, named=True) for i in (0, -1))
        yield Section(
            id="time",
            title="Does the time of day matter?",
            answer=f"{study.policy} is cheapest from {cheap['at']} UTC ({cheap['shortfall_bps']:.2f} bps) and "
            f"dearest from {dear['at']} ({dear['shortfall_bps']:.2f} bps).",
            text="Mean shortfall by the half hour in which an order starts; few orders a point make it jump.",
            charts=[chart("chart-time", plots.cost_by_hour(study))],
        )


def _released(study: Study) -> Section:
    late = released.released(study).select((pl.col("released") - pl.col("executed")).mean()).item()
    mine = study.summary.row(by_predicate=pl.col("policy") == study.policy, named=True)
    return Section(
        id="released",
        title="Does the router keep up with its schedule?",
        answer=f"At a typical moment {late:.1%} of an order of {study.policy} is released and not yet executed. The "
        f"schedule cost {mine['schedule_bps']:+.2f} bps, waiting after a release {mine['timing_bps']:+.2f} bps.",
        text="Shares released and executed over the time of an order, means over orders, without completion.",
        charts=[chart("chart-released", released.chart(study))],
    )


def _order(study: Study) -> Section:
    hardest = hardest_of(study)["against"]
    choices = plotdata.examples(study, hardest)
    chosen = list(choices)
    return Section(
        id="orders",
        title="What does one order look like?",
        answer="Choose one: typical, best and worst are by savings against "
        f"{hardest}; most expensive and longest are {study.policy}'s own.",
        text="Quotes: best bid and ask until shortly after the last fill; a larger mark is a larger fill.",
        choices=choices,
        charts=[
            chart("order-fills", orders.order_fills(study, chosen), f"Fills of {study.policy} on the quotes"),
            chart("order-left", orders.order_left(study, chosen), "Shares left under every policy"),
            chart("order-costs", orders.order_costs(study, chosen), "Cumulative cost under every policy"),
        ],
        layout="maps",
        wide=True,
    )


def _fills(study: Study) -> Iterator[Section]:
    mine = plotdata.venues(study).filter(pl.col("policy") == study.policy).drop("policy")
    first = mine.sort("share", descending=True, maintain_order=True).row(0, named=True)
    yield Section(
        id="venues",
        title="Where does it trade, and what are the fees?",
        answer=f"{study.policy} traded most at {first['venue']}: {first['share']:.0%} of its shares.",
        text=f"Share of shares by venue; the table is {study.policy}'s. Fees and rebates in currency.",
        charts=[chart("chart-venues", plots.venue_shares(study))],
        tables=[
            table(
                "venues",
                mine.select(
                    *("venue", "fills", "shares", "share"),
                    *(words.each(mine[name], _money) for name in ("fees", "rebates")),
                    "net_per_share",
                ),
            )
        ],
    )
    sizes = study.ledger.fills.filter(pl.col("policy") == study.policy)["quantity"]
    yield Section(
        id="fills",
        title="How large are the executions?",
        answer=f"Half of the executions of {study.policy} are of {words.count(int(sizes.median() or 0), 'share')} "  # type: ignore[arg-type]  # a float
        "or fewer.",
        text="The share of a policy's shares in executions up to a size.",
        charts=[chart("chart-fills", plots.fill_sizes(study))],
    )


def _money(value: float) -> str:
    """Return a sum of money to the hundredth."""
    return f"{value:z,.2f}"


def _search(search: Search) -> Section:
    maps = grids.heat_maps(search)
    charts = [chart(f"map-{i}", drawn, title) for i, (title, drawn) in enumerate(maps.items())]
    if not charts:
        charts = [chart(f"points-{axis}", grids.points(search, axis), axis) for axis in search.axes]
    unit = " bps" if grids.in_bps(search) else ""
    best = ", ".join(
        f"{axis} {grids.in_unit(search, value):g}{unit}" for axis, value in search.best_point.items()
    )
    ties = f"; {words.count(search.ties, 'point')} tie for the least" if search.ties > 1 else ""
    aims = "" if search.is_mean else f" {'. '.join(search.aims()).capitalize()}."
    return Section(
        id="search",
        title="Do the router's parameters matter?",
        answer=f"Least {'cost' if search.is_mean else 'objective'} at {best}{ties}, of "
        f"{words.count(search.table.height, 'point')}. {search.noise().capitalize()}.{aims}",
        text=f"{'Mean shortfall in bps' if search.is_mean else 'The objective'} over all orders, on one scale of "
        "colours. Orange frame: chosen; dark outline: within noise of it.",
        charts=charts,
        marks=[f"{axis} is flat, so it has no axis here: {why}." for axis, why in search.flat_axes.items()],
        layout="maps",
        wide=True,
    )


def _walk_forward(search: Search) -> Section:
    title = "Is the choice worth anything on later orders?"
    if search.folds.is_empty():
        return Section(id="walk-forward", title=title, answer=f"{search.verdict().capitalize()}.", wide=True)
    return Section(
        id="walk-forward",
        title=title,
        answer=_flattered(search),
        text="Each fold searches on the orders that ended before its boundary and trades those after it. Bars: what "
        "its choice cost more on those, in pairs; no bar: nothing. 'given' is the router before the search, figures "
        f"are {'mean savings in bps' if search.is_mean else 'by how much the objective is lower'}. Reality check "
        "(White) and SPA (Hansen): the chance of a best point as good as this by luck.",
        charts=[chart("chart-walk-forward", grids.walk_forward(search))],
        tables=[table("walk-forward", search.comparisons)],
        wide=True,
    )


_TOO_LITTLE = 0.0005


def _flattered(search: Search) -> str:
    """Say by how much the choice looks better on the orders that it was made on."""
    optimism, what = search.optimism_bps, "cost" if search.is_mean else "objective"
    if optimism is None:
        return "See the folds."
    if abs(optimism) < _TOO_LITTLE:
        return f"Choosing on the same orders does not flatter the {what}: chosen on the past alone it is the same."
    by = f"by {optimism:.3f}{' bps' if search.is_mean else ''}"
    return f"Choosing on the same orders flatters the {what} {by}."


def _frontier(result: Study | Search) -> Section:
    rows = result.frontier().filter("efficient").unique(["mean_bps", "std_bps"], maintain_order=True)
    least, even = rows.row(0, named=True), rows.sort("std_bps", maintain_order=True).row(0, named=True)
    answer = f"The cheapest costs {least['mean_bps']:.2f} bps on average, with a standard deviation of "
    answer += f"{least['std_bps']:.2f} bps"
    if even != least:
        answer += f"; the most even {even['mean_bps']:.2f}, with {even['std_bps']:.2f}"
    points = [] if isinstance(result, Study) else [_point(result, rows[axis]) for axis in result.axes]
    drawn = frontier.of_study(result) if isinstance(result, Study) else frontier.of_search(result)
    return Section(
        id="frontier",
        title="What would more even costs cost?",
        answer=f"{answer}.",
        text=f"Mean against standard deviation of the shortfall of single orders. {frontier.read_as(result)}",
        charts=[chart("chart-frontier", drawn.properties(height=280))],
        tables=[table("frontier", rows.select("policy", *points, "mean_bps", "std_bps"))],
        wide=True,
    )


def _point(search: Search, axis: pl.Series) -> pl.Series:
    """Return the values of an axis in words, headed by its unit."""
    values = words.each(axis, lambda value: f"{grids.in_unit(search, value):g}")
    return values.alias(grids.axis_title(search, axis.name))


def _data(study: Study) -> Section:
    reports = [
        {"from": format_ns(tape.start)[:19], "to": format_ns(tape.end)[:19], **tape.report().counts()}
        for tape in study.quotes
    ]
    names = [tape.symbol or Path(tape.source).name for tape in study.quotes]
    rows = [[what.replace("_", " "), *(_cell(each[what], what) for each in reports)] for what in reports[0]]
    records = sum(len(tape) for tape in study.quotes)
    return Section(
        id="data",
        title="What did the data hold?",
        answer=f"{words.count(records, 'record')} on {words.count(len(reports), 'tape')}.",
        text="Times in UTC. No quote: records without that side; locked, crossed: snapshots of the consolidated "
        "book; stubs: quotes further than 1% through the mid.",
        tables=[Table("Data", ["tape", *names], rows)],
        wide=True,
    )


def chart(name: str, drawn: spec.Chart, title: str = "") -> Chart:
    """Give a chart the width of its place."""
    said = drawn.properties(width="container").to_dict()
    said.pop("config")
    said["autosize"] = {"type": "fit-x", "contains": "padding"}
    return Chart(name, said, title)


def table(title: str, frame: pl.DataFrame) -> Table:
    """Say a frame in words."""
    names = [name.replace("_", " ") for name in frame.columns]
    rows = [
        [_cell(value, name) for value, name in zip(row, frame.columns, strict=True)]
        for row in frame.iter_rows()
    ]
    return Table(title, names, rows)


def _cell(value: object, name: str) -> str:
    match value:
        case None:
            return "-"
        case float() if name in ("share", "filled", "win_ratio"):
            return f"{value:.1%}"
        case float() if name.startswith("p_"):
            return words.p_value(value)
        case float() if name == "net_per_share":
            return f"{value:z.5f}"
        case float():
            return f"{value:z,.3f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
