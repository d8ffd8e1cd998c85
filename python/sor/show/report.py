"""One self-contained page about a study: it opens anywhere, without a network (the extra `report`)."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sor.errors import ParameterError, shown
from sor.replay.replay import VERSION
from sor.results import views, words
from sor.results.result import described
from sor.results.saved import versions
from sor.results.search import Search
from sor.results.study import Study
from sor.settings.checks import instance, path_of
from sor.settings.objective import said_objectives
from sor.settings.policy import OwnPolicy as Own
from sor.settings.routers import StaticRouter, name_of
from sor.settings.times import format_ns
from sor.show import pdf, pictures, plots, vega
from sor.show.sections import Section, hardest_of, headline, sections, settings_section, table
from sor.studies.progress import Step, advance, begin
from sor.tape.files import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike

    from sor.show.plotdata import Compared
    from sor.show.spec import Chart
    from sor.studies.progress import Waiting


_PICTURES = (".png", ".svg")
DRAWING, SECTIONS, PACKING, PRINTING = "drawing", "drawing charts", "packing the page", "printing"
_SECTIONS = 14  # about, for the bar


def report(
    study: Study,
    path: str | PathLike[str],
    *,
    search: Search | None = None,
    command: str | None = None,
    bar: Waiting | None = None,
) -> None:
    """Write a study as one HTML page: interactive charts, every setting, and all JavaScript inside.

    The same study gives the same bytes. Times of day are UTC, costs basis points of arrival value.

    Args:
        study: With `record=True`, or the sections on fills and venues stay out.
        path: Where to write: `.html`; `.pdf`, printed by the system's Chromium; `.png` or `.svg` for one picture of the
            main charts.
        search: A search over the router's parameters, to show next to the study.
        command: The command that made it, to show among the settings.
        bar: What is shown while one waits, with the steps of `page_steps`.

    Raises:
        ParameterError: If the path ends in something else, the study compares nothing, or the extra's
            packages are missing.
        DataError: If the file cannot be written.

    """
    out = check_path(path)
    if search is not None:
        instance("search", search, Search)
    require_compared(study)
    written(
        out,
        lambda: page(study, search=search, command=command, bar=bar),
        lambda: plots.overview(study),
        bar,
    )


def written(
    out: Path, text_of: Callable[[], str], picture_of: Callable[[], Chart], bar: Waiting | None
) -> None:
    """Write a page, or its picture, as the path's ending says.

    Raises:
        DataError: If it cannot be written.

    """
    begin(bar, DRAWING)
    if out.suffix in _PICTURES:
        pictures.save(picture_of(), out, scale=1.25)
    elif out.suffix == ".pdf":
        text = text_of()
        begin(bar, PRINTING)
        pdf.write(text, out)
    else:
        text = text_of()
        with beside(out) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def page_steps(out: Path) -> list[Step]:
    """Plan the wait for what `report` writes."""
    if out.suffix in _PICTURES:
        return [Step(DRAWING, 1.0)]
    printing = [Step(PRINTING, 4.0)] if out.suffix == ".pdf" else []
    packing = 0.025 if vega.is_kept() else 2.0
    return [Step(DRAWING, 0.05), Step(SECTIONS, 0.15), Step(PACKING, packing), *printing]


def require_compared(study: Compared) -> None:
    """Refuse a study that compares nothing.

    Raises:
        ParameterError: Saying so.

    """
    if study.comparisons.is_empty():
        raise ParameterError("study: no order could trade under two policies, so there is nothing to show")


def check_path(path: str | PathLike[str]) -> Path:
    """Return a path that a report can be written to, before any work is done.

    Raises:
        ParameterError: If it does not end in `.html`, `.pdf`, `.png` or `.svg`, or its folder is not there.
        MissingExtra: If it ends in `.pdf` and there is no Chromium to print it.

    """
    out = path_of("path", path)
    if out.suffix not in (".html", ".pdf", *_PICTURES):
        raise ParameterError(f"path must end in .html, .pdf, .png or .svg, got {shown(str(path))}")
    if not out.parent.is_dir():
        raise ParameterError(
            f"path is {shown(str(path))}, and there is no folder {out.parent}; make it first"
        )
    if out.suffix == ".pdf":
        pdf.browser()
    return out


def page(
    study: Study,
    *,
    search: Search | None = None,
    command: str | None = None,
    bar: Waiting | None = None,
) -> str:
    """Return the page that `report` writes."""
    symbols = sorted({tape.symbol or Path(tape.source).name for tape in study.quotes})
    return rendered(
        chain(sections(study, search), [_settings_section(study, search, command)]),
        bar,
        title=f"{study.policy} on {', '.join(symbols)}: order routing study",
        headline=_headline(study),
        facts=_facts(study),
        warnings=study.warnings,
    )


def rendered(parts: Iterable[Section], bar: Waiting | None, **said: Any) -> str:
    """Return a page of sections; `said` is its title, headline, facts and warnings."""
    jinja2 = pictures.needed("jinja2")

    folder = resources.files("sor.show") / "templates"
    css, js, html = (
        (folder / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html")
    )
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    with vega.Packing() as packing:
        found = _watched(parts, bar)
        begin(bar, PACKING)
        script = packing.script()
    specs = {chart.id: chart.spec for section in found for chart in section.charts}
    # No "<" at all: "</script" would end the script it stands in, "<!--<script" would swallow the page.
    safe = json.dumps(specs, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    text: str = environment.from_string(html).render(
        sections=found,
        css=environment.filters["safe"](css),
        js=environment.filters["safe"](js),
        vega=environment.filters["safe"](script.replace("</script", "<\\/script")),
        specs=environment.filters["safe"](safe),
        **said,
    )
    return text


def _watched(parts: Iterable[Section], bar: Waiting | None) -> list[Section]:
    """Collect the sections while the bar goes on."""
    begin(bar, SECTIONS)
    found = []
    for section in parts:
        found.append(section)
        advance(bar, len(found), _SECTIONS)
    return found


def _settings_section(study: Study, search: Search | None, command: str | None) -> Section:
    inputs = pl.DataFrame(
        [
            {
                "tape": tape.symbol,
                "source": Path(tape.source).name,
                # Of the whole tape, as among the settings below, and not of its hours alone.
                "digest": described(tape)["digest"],
            }
            for tape in study.quotes
        ],
        schema={"tape": pl.String, "source": pl.String, "digest": pl.String},
    )
    return settings_section(
        study,
        command,
        "A digest stands for the records of a tape, whatever file they came from: same digest, same tape. The first "
        "block is a file for --config; the second holds every setting, the versions and the tapes.",
        table("inputs", inputs),
        settings(study, search),
    )


def settings(study: Study, search: Search | None = None) -> dict[str, Any]:
    """Return everything a result depends on, as plain values: versions, tapes, orders, policies, market."""
    said: dict[str, Any] = {
        "versions": versions(),
        "tapes": [described(tape) for tape in study.quotes],
        "orders": _orders(study),
        "policy": study.policy,
        "policies": {name: _plain(policy) for name, policy in study.policies.items()},
        "markets": [_plain(market) for market in study.markets],
        "statistics": asdict(study.bootstrap),
    }
    if search is not None:
        said["search"] = {
            "method": search.method,
            **said_objectives(search.objectives),
            "points": search.table.height,
            "axes": {axis: list(values) for axis, values in search.axes.items()},
            "best": _plain(search.best),
        }
    plain: dict[str, Any] = json.loads(json.dumps(said, default=str))
    return plain


def _headline(study: Study) -> dict[str, str]:
    row = hardest_of(study)
    return headline(
        study,
        row,
        f"Mean over {words.count(row['parents'], 'paired order')} of {words.count(row['times'], 'start time')}; the "
        f"bootstrap resamples blocks of {words.count(row['block'], 'start')}, since orders overlap in time.",
    )


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
    if isinstance(value, Own):
        return {"type": name_of(value)} | {name: _plain(part) for name, part in value.arguments.items()}
    if is_dataclass(value) and not isinstance(value, type):
        name = {} if isinstance(value, StaticRouter) else {"type": type(value).__name__}
        return name | {key: _plain(part) for key, part in vars(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


views.report.register(Study, report)
