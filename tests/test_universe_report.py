"""The page about a study of a universe: what sums say, by month and symbol, bad units, notices and digests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import sor
from universes import HIVE, ORDERS, POLICIES, day, write_universe

pytest.importorskip("jinja2")
vl_convert: Any = pytest.importorskip("vl_convert")

from sor.show import sections, summed  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_universe(folder, days=6)
    (folder / "quotes" / f"date={day(0)}" / "symbol=AAA" / "tape.parquet").write_bytes(b"no <parquet>")
    return folder


@pytest.fixture(scope="module")
def result(root: Path) -> sor.UniverseStudy:
    run = sor.Run(errors="collect")
    return sor.study(sor.Universe(str(root / HIVE)), ORDERS, POLICIES, run=run)


@pytest.fixture(scope="module")
def text(result: sor.UniverseStudy) -> str:
    return summed.page(result, command="sor report <x>")


def specs(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="specs">(.*?)</script>', text, re.DOTALL)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def test_it_says_what_the_study_says(result: sor.UniverseStudy, text: str) -> None:
    row = sections.hardest_of(result)
    body = text.split("<script")[0].replace("&#43;", "+")
    plain = re.sub(r"<[^>]+>", "", body)
    verb = "saves" if row["savings_bps"] >= 0 else "loses"
    assert f"sweep {verb} {abs(row['savings_bps']):.2f} bps against {row['against']}" in plain
    assert f"95% interval {row['lower']:+.2f} to {row['upper']:+.2f}" in plain
    assert "1 unit could not be used" in plain
    assert result.problems["problem"][0].split(":")[-1].strip()[:20] in plain
    assert result.digest in plain
    assert "sor report &lt;x&gt;" in body
    # Each month and symbol has its mean of the policy that is hardest to beat.
    for what in ("month", "symbol"):
        section = body.split(f'<section id="{what}"')[1].split("</section>")[0]
        for value in result.by(what).filter(against=row["against"]).iter_rows(named=True):
            assert f"<td>{value[what]}</td><td>{value['savings_bps'] + 0.0:,.3f}</td>" in section
    assert tuple(specs(text)) == ("chart-savings", "chart-parts", "chart-month", "chart-symbol")


def test_every_chart_can_be_drawn(text: str) -> None:
    for name, spec in specs(text).items():
        svg = vl_convert.vegalite_to_svg({**spec, "width": 400})
        assert svg.count("<path") > 3, name


def test_the_same_study_and_one_that_was_saved_give_the_same_page(
    result: sor.UniverseStudy, text: str, tmp_path: Path
) -> None:
    result.save(tmp_path / "run")
    assert summed.page(sor.load(tmp_path / "run"), command="sor report <x>") == text


def test_many_symbols_are_shown_by_their_ends(
    result: sor.UniverseStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summed, "_MOST_ROWS", 1)
    text = summed.page(result)
    assert "of 2 are shown" in text


def test_pictures_plots_and_paths(result: sor.UniverseStudy, tmp_path: Path) -> None:
    result.report(tmp_path / "page.html")
    assert "Does it hold for every symbol?" in (tmp_path / "page.html").read_text(encoding="utf-8")
    result.report(tmp_path / "page.svg")
    assert (tmp_path / "page.svg").read_bytes().startswith(b"<svg")
    assert len(result.plot().to_dict()["layer"]) == 3
    with pytest.raises(sor.ParameterError, match=r"path must end in .html"):
        result.report(tmp_path / "page.doc")


def test_command(root: Path, result: sor.UniverseStudy, tmp_path: Path, shown: Callable[..., str]) -> None:
    result.save(tmp_path / "run")
    said = shown("report", tmp_path / "run", "-o", tmp_path / "saved.html")
    assert "UniverseStudy: sweep on" in said
    assert result.digest in (tmp_path / "saved.html").read_text(encoding="utf-8")
    options = ("--every", "1m", "--horizon", "1m", "--quantity", "500", "--collect", "--workers", 1)
    shown("report", root / HIVE, *options, "-o", tmp_path / "new.html")
    text = (tmp_path / "new.html").read_text(encoding="utf-8")
    assert "router on 11 symbol-days" in text
    assert "could not be used" in text
