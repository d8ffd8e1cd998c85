"""The page about a study of a universe: what sums can answer, by month and symbol, and what became of every unit."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import polars as pl

from sor.replay.replay import VERSION
from sor.results import views, words
from sor.results.saved import versions
from sor.show import plots, style
from sor.show.report import check_path, rendered, require_compared, written
from sor.show.sections import (
    Section,
    chart,
    hardest_of,
    headline,
    parts_section,
    saved,
    settings_section,
    table,
)
from sor.show.spec import Chart, channel, layers
from sor.universe.result import UniverseStudy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from sor.studies.progress import Waiting

_MOST_ROWS = 40
"""Of a table on the page; beyond that the first and the last."""
_COLUMNS = ("savings_bps", "lower", "upper", "p_value", "detectable_bps", "parents", "days", "win_ratio")


def report(
    study: UniverseStudy,
    path: str | PathLike[str],
    *,
    command: str | None = None,
    bar: Waiting | None = None,
) -> None:
    """Write a study of a universe as one HTML page; see `sor.show.report.report`.

    Args:
        study: What `sor.study(universe, ...)` or `sor.load(...)` returned.
        path: Where to write: `.html`, `.pdf`, or `.png` or `.svg` for one picture of the savings.
        command: The command that made it, to show among the settings.
        bar: What is shown while one waits.

    Raises:
        ParameterError: If the path ends in something else, or the study compares nothing.
        DataError: If the file cannot be written.

    """
    out = check_path(path)
    require_compared(study)
    written(out, lambda: page(study, command=command, bar=bar), lambda: titled(study), bar)


def page(study: UniverseStudy, *, command: str | None = None, bar: Waiting | None = None) -> str:
    """Return the page that `report` writes."""
    return rendered(
        _sections(study, command),
        bar,
        title=f"{study.policy} on {words.count(_good(study).height, 'symbol-day')}: order routing study",
        headline=_headline(study),
        facts=_facts(study),
        warnings=study.warnings,
    )


def titled(study: UniverseStudy) -> Chart:
    """Draw the savings, with a title and a size of their own."""
    title = f"Saved by {study.policy}, with {study.bootstrap.level:.0%} intervals by day"
    return plots.savings(study).properties(title=title, width=480)


def _good(study: UniverseStudy) -> pl.DataFrame:
    return study.units.filter(pl.col("problem").is_null())


def _headline(study: UniverseStudy) -> dict[str, str]:
    row = hardest_of(study)
    return headline(
        study,
        row,
        f"Mean over {words.count(row['parents'], 'paired order')} of {words.count(row['days'], 'day')}; a day is one "
        "piece of evidence, across symbols too.",
    )


def _facts(study: UniverseStudy) -> list[tuple[str, str]]:
    good = _good(study)
    return [
        ("symbol-days", f"{good.height:,}"),
        ("not usable", f"{study.problems.height:,}"),
        ("symbols", f"{good['symbol'].n_unique():,}"),
        ("orders", f"{good['orders'].sum():,}"),
        ("records", f"{good['records'].sum():,}"),
        ("from", str(good["date"].min())),
        ("to", str(good["date"].max())),
        ("sor", VERSION),
    ]


def _sections(study: UniverseStudy, command: str | None) -> Iterator[Section]:
    yield _savings(study)
    yield parts_section(study)
    hardest = hardest_of(study)["against"]
    for what, title in (
        ("month", "Does it hold in every month?"),
        ("symbol", "Does it hold for every symbol?"),
    ):
        yield _broken_down(study, what, title, hardest)
    yield _data(study)
    yield _settings(study, command)


def _savings(study: UniverseStudy) -> Section:
    compared = study.comparisons
    both = ("lower_both", "upper_both", "p_both", "p_adjusted")
    return Section(
        id="savings",
        title=f"Does {study.policy} cost less than the others?",
        answer=saved(study),
        text=f"Mean of paired differences, bps of arrival value; positive: {study.policy} costs less. Intervals are of "
        f"{study.bootstrap.level:.0%}, by day: for other days of these symbols. Both: by day and symbol, for other "
        "symbols too. Detectable: a true saving smaller than that would be missed more than one time in five. "
        "p adjusted holds for all policies together.",
        charts=[chart("chart-savings", plots.savings(study))],
        tables=[
            table("savings", compared.select("against", *_COLUMNS)),
            table("savings by day and symbol", compared.select("against", *both)),
        ],
        wide=True,
    )


def _broken_down(study: UniverseStudy, what: str, title: str, against: str) -> Section:
    rows = study.by(what).filter(pl.col("against") == against)
    better = rows.filter(pl.col("savings_bps") > 0).height
    shown = rows if what == "month" else rows.sort("savings_bps", maintain_order=True)
    note = ""
    if shown.height > _MOST_ROWS:
        half = _MOST_ROWS // 2
        note = f" The {half} least and the {half} largest of {rows.height:,} are shown; result.by({what!r}) has all."
        shown = pl.concat([shown.head(half), shown.tail(half)])
    return Section(
        id=what,
        title=title,
        answer=f"Against {against} {study.policy} costs less in {better:,} of {words.count(rows.height, what)}.",
        text=f"Savings against {against}, with intervals by day where there are five or more.{note}",
        charts=[chart(f"chart-{what}", _dots(shown, what))],
        tables=[table(what, shown.select(what, *_COLUMNS))],
        wide=True,
    )


def _dots(rows: pl.DataFrame, what: str) -> Chart:
    """Draw a mean with its interval for every value, in the order of the rows."""
    data = rows.select(pl.col(what).cast(pl.String), "savings_bps", "lower", "upper", "parents")
    base = Chart.of(data, height=20 * data.height).encode(
        y=channel(f"{what}:N", title=None, sort=data[what].to_list()),
        tooltip=[
            channel(f"{what}:N"),
            *(channel(f"{name}:Q", format="+.3f") for name in ("savings_bps", "lower", "upper")),
            channel("parents:Q", title="orders"),
        ],
    )
    means = base.mark("point", filled=True, size=60).encode(
        x=style.number("saved, bps of arrival value (positive: better)", "savings_bps")
    )
    return layers(base.mark("rule", strokeWidth=2).encode(x="lower:Q", x2="upper:Q"), means, style.zero())


def _data(study: UniverseStudy) -> Section:
    good, bad = _good(study), study.problems
    noticed = study.rows.notices.select("unit", "notice").unique(maintain_order=True)
    answer = (
        f"{words.count(int(good['records'].sum()), 'record')} of {words.count(good.height, 'symbol-day')}"
    )
    answer += (
        f"; {words.count(bad.height, 'unit')} could not be used." if bad.height else "; all could be used."
    )
    tables = []
    if bad.height:
        tables.append(table("units that could not be used", bad.select("unit", "problem").head(_MOST_ROWS)))
    if noticed.height:
        tables.append(table("noticed", noticed.head(_MOST_ROWS)))
    more = max(bad.height, noticed.height) > _MOST_ROWS
    return Section(
        id="data",
        title="What did the data hold?",
        answer=answer,
        text=f"The first {_MOST_ROWS} of each; result.problems has all." if more else "",
        tables=tables,
        wide=True,
    )


def _settings(study: UniverseStudy, command: str | None) -> Section:
    return settings_section(
        study,
        command,
        "The digest stands for every value of the result, wherever and in whatever order it was computed. A run that "
        "was saved has the digest of every input: sor rerun computes it again and compares.",
        table("digest", pl.DataFrame({"result": [study.digest]})),
        {
            "versions": versions(),
            "result": study.digest,
            "units": study.units.height,
            "statistics": asdict(study.bootstrap),
        },
    )


views.report.register(UniverseStudy, report)
views.plot.register(UniverseStudy, titled)
