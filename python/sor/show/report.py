"""One self-contained page about a study: it opens anywhere, without a network (the extra `report`)."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field, is_dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError
from sor.replay.replay import VERSION
from sor.results import metrics, views
from sor.results.search import Search
from sor.results.study import Study
from sor.settings.checks import instance
from sor.settings.routers import AXES, StaticRouter
from sor.settings.times import format_ns
from sor.show import plotdata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from os import PathLike

    import altair as alt


_PICTURES = (".png", ".svg")
_MOST_MAPS = 9


def report(
    study: Study,
    path: str | PathLike[str],
    *,
    search: Search | None = None,
    command: str | None = None,
) -> None:
    """Write a study as one HTML page: interactive charts, every setting, and all JavaScript inside.

    The same study gives the same bytes. Times of day are UTC, costs basis points of arrival value.

    Args:
        study: With `record=True`, or the sections on fills and venues stay out.
        path: Where to write: `.html`, or `.png` or `.svg` for one picture of the main charts.
        search: A search over the router's parameters, to show next to the study.
        command: The command that made it, to show among the settings.

    Raises:
        ParameterError: If the path ends in something else, the study compares nothing, or the extra's
            packages are missing.
        OSError: If the file cannot be written.

    """
    out = check_path(path)
    if search is not None:
        instance("search", search, Search)
    if study.comparisons.is_empty():
        raise ParameterError("study: no order could trade under two policies, so there is nothing to show")
    if out.suffix in _PICTURES:
        from sor.show import plots

        plots.save(plots.overview(study), out, scale=1.25)
    else:
        out.write_text(page(study, search=search, command=command), encoding="utf-8")


def check_path(path: str | PathLike[str]) -> Path:
    """Return a path that a report can be written to, before any work is done.

    Raises:
        ParameterError: If it does not end in `.html`, `.png` or `.svg`.

    """
    out = Path(path)
    if out.suffix not in (".html", *_PICTURES):
        raise ParameterError(f"path must end in .html, .png or .svg, got {str(path)!r}")
    return out


def page(study: Study, *, search: Search | None = None, command: str | None = None) -> str:
    """Return the page that `report` writes."""
    # Before anything else, for its message about missing packages.
    from sor.show import plots  # noqa: F401, I001
    import jinja2
    import vl_convert
    from altair import SCHEMA_VERSION

    folder = resources.files("sor.show") / "templates"
    css, js, html = (
        (folder / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html")
    )
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    sections = list(_sections(study, search, command))
    specs = {chart.id: chart.spec for section in sections for chart in section.charts}
    symbols = sorted({tape.symbol or Path(tape.source).name for tape in study.quotes})
    # "</" would end the script it stands in.
    safe = json.dumps(specs, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    vega = vl_convert.javascript_bundle(  # type: ignore[call-arg]  # its stub misses that the snippet is optional
        vl_version=".".join(SCHEMA_VERSION.split(".")[:2])
    )
    return environment.from_string(html).render(
        title=f"{study.policy} on {', '.join(symbols)}: order routing study",
        headline=_headline(study),
        facts=_facts(study),
        sections=sections,
        css=environment.filters["safe"](css),
        js=environment.filters["safe"](js),
        vega=environment.filters["safe"](vega.replace("</script", "<\\/script")),
        specs=environment.filters["safe"](safe),
    )


def settings(study: Study, search: Search | None = None) -> dict[str, Any]:
    """Return everything a result depends on, as plain values: versions, tapes, orders, policies, market."""
    said = {
        "versions": {"sor": VERSION, "polars": pl.__version__, "python": platform.python_version()},
        "tapes": [
            {
                "source": tape.source,
                "symbol": tape.symbol,
                "records": len(tape),
                "start": format_ns(tape.start),
                "end": format_ns(tape.end),
            }
            for tape in study.quotes
        ],
        "orders": _orders(study),
        "policy": study.policy,
        "policies": {name: _plain(policy) for name, policy in study.policies.items()},
        "markets": [_plain(market) for market in study.markets],
        "statistics": {
            "level": study.bootstrap.level,
            "resamples": study.bootstrap.resamples,
            "seed": study.bootstrap.seed,
        },
    }
    if search is not None:
        said["search"] = {
            "method": search.method,
            "points": search.table.height,
            "axes": {axis: list(values) for axis, values in search.axes.items()},
            "best": _plain(search.best),
        }
    plain: dict[str, Any] = json.loads(json.dumps(said, default=str))
    return plain


@dataclass(frozen=True)
class _Chart:
    id: str
    spec: dict[str, Any]
    title: str = ""


@dataclass(frozen=True)
class _Table:
    title: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, kw_only=True)
class _Section:
    id: str
    title: str
    text: str
    charts: list[_Chart] = field(default_factory=list)
    tables: list[_Table] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    choices: Mapping[int, str] = field(default_factory=dict)
    code: str = ""
    layout: str = "single"
    wide: bool = False


def _headline(study: Study) -> dict[str, str]:
    """Say the result against the policy that is hardest to beat."""
    row = study.comparisons.sort("savings_bps", maintain_order=True).row(0, named=True)
    saved, lower, upper = row["savings_bps"], row["lower"], row["upper"]
    verb = "saves" if saved >= 0 else "loses"
    if lower is None:
        rest, meaning = "(too few independent orders for an interval)", "One sample, not evidence."
    else:
        rest = f"({study.bootstrap.level:.0%} interval {lower:+.2f} to {upper:+.2f})"
        if lower > 0 or upper < 0:
            meaning = f"The interval excludes zero; p = {row['p_value']:.4f}."
        else:
            meaning = f"The interval includes zero: no difference is shown. p = {row['p_value']:.4f}."
    return {
        "lead": f"{study.policy} {verb}",
        "figure": f"{abs(saved):.2f} bps",
        "rest": f"against {row['against']}, the hardest to beat {rest}",
        "meaning": f"{meaning} Mean over {row['parents']:,} paired orders, of {row['times']:,} start times; "
        f"the bootstrap resamples blocks of {row['block']:,} starts, since orders overlap in time.",
    }


def _facts(study: Study) -> list[tuple[str, str]]:
    parents = study.parents
    sizes = [f"{size:,}" for size in parents["quantity"].unique().sort()]
    return [
        ("orders", f"{parents.height:,}"),
        ("sides", " and ".join(parents["side"].unique().sort())),
        ("shares", ", ".join(sizes) if len(sizes) <= 4 else f"{sizes[0]} to {sizes[-1]}"),
        ("tapes", f"{len(study.quotes):,}"),
        ("records", f"{sum(len(tape) for tape in study.quotes):,}"),
        ("from", format_ns(parents["start"].to_physical().min())[:16].replace("T", " ")),  # type: ignore[arg-type]
        ("to", format_ns(parents["end"].to_physical().max())[:16].replace("T", " ") + " UTC"),  # type: ignore[arg-type]
        ("sor", VERSION),
    ]


def _sections(study: Study, search: Search | None, command: str | None) -> Iterator[_Section]:
    yield from _savings(study)
    yield from _costs(study)
    if not study.ledger.fills.is_empty():
        yield _order(study)
        yield _venues(study)
    if search is not None:
        yield _search(search)
        yield _walk_forward(search)
    yield _data(study)
    said = json.dumps(settings(study, search), indent=1)
    made = f"Made by: {command}" if command else "The same tapes, orders and settings give the same figures."
    yield _Section(id="settings", title="Settings", text=made, code=said, wide=True)


def _savings(study: Study) -> Iterator[_Section]:
    from sor.show import plots

    columns = ("against", "savings_bps", "lower", "upper", "p_value", "win_ratio", "worst_bps")
    yield _Section(
        id="savings",
        title="Savings against every baseline",
        text=f"Mean of paired differences with {study.bootstrap.level:.0%} intervals, bps of arrival value; positive: "
        f"{study.policy} costs less.",
        charts=[_chart("chart-savings", plots.savings(study))],
        tables=[_table("savings", study.comparisons.select(columns))],
    )
    yield _Section(
        id="distribution",
        title="How single orders differ",
        text=f"Box: 25 to 75%, line: 5 to 95%, tick: median. Dots: orders, at most {plotdata.MOST_DOTS} a "
        "policy, at even ranks with both extremes.",
        charts=[_chart("chart-distribution", plots.distribution(study))],
    )


def _costs(study: Study) -> Iterator[_Section]:
    from sor.show import plots

    yield _Section(
        id="parts",
        title="What the cost is made of",
        text="Mean shortfall against the arrival mid: spread paid when taking, slippage beyond the quote, "
        "timing (drift until the fill), opportunity (drift of what was completed at the end), fees, less "
        "rebates; bps.",
        charts=[_chart("chart-parts", plots.cost_parts(study))],
        tables=[
            _table(
                "costs",
                study.summary.select(
                    "policy",
                    pl.col("fill_ratio").alias("filled"),
                    *(pl.col(f"{part}_bps").alias(part) for part in ("shortfall", *metrics.PARTS)),
                ),
            )
        ],
    )
    yield _Section(
        id="size",
        title="Cost against size",
        text="Mean shortfall of every policy, by the size of the order.",
        charts=[_chart("chart-size", plots.cost_by_size(study))],
    )


def _order(study: Study) -> _Section:
    from sor.show import plots

    hardest = study.comparisons.sort("savings_bps", maintain_order=True)["against"][0]
    choices = plotdata.examples(study, hardest)
    orders = list(choices)
    return _Section(
        id="orders",
        title="One order, closely",
        text=f"Typical, least and most by savings against {hardest}. Quotes: best bid and ask, thinned to "
        f"{plotdata.MOST_QUOTES} points; a larger mark is a larger fill.",
        choices=choices,
        charts=[
            _chart("order-fills", plots.order_fills(study, orders), f"Fills of {study.policy} on the quotes"),
            _chart("order-costs", plots.order_costs(study, orders), "Cumulative cost under every policy"),
        ],
        layout="pair",
        wide=True,
    )


def _venues(study: Study) -> _Section:
    from sor.show import plots

    mine = plotdata.venues(study).filter(pl.col("policy") == study.policy).drop("policy")
    return _Section(
        id="venues",
        title="Venues and fees",
        text=f"Where every policy traded; the table is {study.policy}'s. Fees and rebates in currency.",
        charts=[_chart("chart-venues", plots.venue_shares(study))],
        tables=[
            _table(
                "venues",
                mine.select("venue", "fills", "shares", "share", "fees", "rebates", "net_per_share"),
            )
        ],
        wide=True,
    )


def _search(search: Search) -> _Section:
    from sor.show import plots

    maps = plots.heat_maps(search)
    charts = [_chart(f"map-{i}", chart, title) for i, (title, chart) in enumerate(maps.items())]
    if not 1 <= len(charts) <= _MOST_MAPS:
        charts = [_chart(f"points-{axis}", plots.points(search, axis), axis) for axis in AXES]
    best = ", ".join(f"{axis} {getattr(search.best, axis):g}" for axis in AXES)
    text = (
        f"Mean shortfall in bps at {search.table.height} points over all orders; chosen: {best} (marked), "
        f"{search.ties} tie for the least. Darker cells cost more (by rank)."
    )
    text += f" {search.plateau.height} points are within noise of it."
    marks = [f"{axis} is flat: {why}." for axis, why in search.flat_axes.items()]
    return _Section(
        id="search",
        title="The router's parameters",
        text=text,
        charts=charts,
        marks=marks,
        layout="maps",
        wide=True,
    )


def _walk_forward(search: Search) -> _Section:
    from sor.show import plots

    if search.folds.is_empty():
        text = f"{search.verdict().capitalize()}."
        return _Section(id="walk-forward", title="Walk-forward", text=text, wide=True)
    optimism = search.optimism_bps
    return _Section(
        id="walk-forward",
        title="Walk-forward: chosen on the past, judged on what came after",
        text="Each fold searches on the orders that ended before its boundary and trades those after it. "
        + (
            ""
            if optimism is None
            else f"Choosing on the same orders flatters the cost by {optimism + 0.0:.3f} bps. "
        )
        + "'given' is the router before the search, figures are mean savings in bps. "
        "Reality check (White) and SPA (Hansen): the chance of a best point as good as this by luck.",
        charts=[_chart("chart-walk-forward", plots.walk_forward(search))],
        tables=[_table("walk-forward", search.comparisons)],
        wide=True,
    )


def _data(study: Study) -> _Section:
    reports = [
        {"from": format_ns(tape.start)[:19], "to": format_ns(tape.end)[:19], **tape.report().counts()}
        for tape in study.quotes
    ]
    names = [tape.symbol or Path(tape.source).name for tape in study.quotes]
    rows = [[what.replace("_", " "), *(_cell(each[what], what) for each in reports)] for what in reports[0]]
    return _Section(
        id="data",
        title="What the data held",
        text="Times in UTC. No quote: records without that side; locked, crossed: snapshots of the consolidated "
        "book; stubs: quotes further than 1% through the mid.",
        tables=[_Table("data", ["tape", *names], rows)],
        wide=True,
    )


def _chart(name: str, chart: alt.Chart | alt.LayerChart, title: str = "") -> _Chart:
    spec = chart.properties(width="container").to_dict()
    spec.pop("config", None)
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return _Chart(name, spec, title)


def _table(title: str, frame: pl.DataFrame) -> _Table:
    names = [name.replace("_", " ") for name in frame.columns]
    return _Table(
        title,
        names,
        [
            [_cell(value, name) for value, name in zip(row, frame.columns, strict=True)]
            for row in frame.iter_rows()
        ],
    )


def _cell(value: object, name: str) -> str:
    match value:
        case None:
            return "-"
        case float() if name in ("share", "filled", "win_ratio"):
            return f"{value:.1%}"
        case float() if name.startswith("p_"):
            return f"{value:.4f}"
        case float() if name == "net_per_share":
            return f"{value + 0.0:.5f}"
        case float():
            return f"{value + 0.0:,.3f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def _orders(study: Study) -> list[dict[str, Any]]:
    """Describe the parents by what is alike: tape, side, size, lot, length."""
    lots = study.ledger.parents.filter(pl.col("policy") == study.policy).select("parent", "lot")
    rows = study.parents.join(lots, on="parent", maintain_order="left")
    groups: Iterable[dict[str, Any]] = (
        rows.group_by(
            "tape",
            "side",
            "quantity",
            "lot",
            (pl.col("end") - pl.col("start")).dt.total_microseconds().alias("microseconds"),
            maintain_order=True,
        )
        .agg(orders=pl.len(), first=pl.col("start").min(), last=pl.col("start").max())
        .iter_rows(named=True)
    )
    return [
        {
            **{name: row[name] for name in ("tape", "side", "quantity", "lot", "orders")},
            "horizon_seconds": row["microseconds"] / 1e6,
            "first": f"{row['first']:%Y-%m-%dT%H:%M:%S.%fZ}",
            "last": f"{row['last']:%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        for row in groups
    ]


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        name = {} if isinstance(value, StaticRouter) else {"type": type(value).__name__}
        return name | {key: _plain(part) for key, part in vars(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


views.report.register(Study, report)
