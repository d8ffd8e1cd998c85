"""The report: what it says is what the study says, and it works in a browser without a network."""

from __future__ import annotations

import html
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import recorded
import sor
from sor.settings.orders import orders_every
from sor.show import plotdata
from sor.studies.grid import DEFAULT_GRID
from sor.studies.search import search
from sor.studies.study import study

pytest.importorskip("altair")
from sor.show import grids
from sor.show.frontier import of_search
from sor.show.report import page, report, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sor.results.search import Search
    from sor.results.study import Study

STUDY = (
    "chart-savings",
    "chart-distribution",
    "chart-parts",
    "chart-spread",
    "chart-size",
    "chart-completion",
)
CHARTS = (
    *(*STUDY, "chart-time", "order-fills", "order-left", "order-costs", "chart-venues", "chart-fills"),
    *("map-0", "chart-walk-forward", "chart-frontier"),
)


@pytest.fixture(scope="module")
def tape() -> sor.Quotes:
    return sor.simulate_quotes(minutes=60, price=20.0, spread=4.0, seed=5)


@pytest.fixture(scope="module")
def orders() -> list[Any]:
    return orders_every("1m", quantity=(5_000, 20_000), horizon="2m", side="both")


@pytest.fixture(scope="module")
def result(tape: sor.Quotes, orders: list[Any]) -> Study:
    return study(tape, orders, bootstrap=sor.Bootstrap(resamples=200))


@pytest.fixture(scope="module")
def found(tape: sor.Quotes, orders: list[Any]) -> Search:
    return search(tape, orders, folds=3, bootstrap=sor.Bootstrap(resamples=200))


@pytest.fixture(scope="module")
def text(result: Study, found: Search) -> str:
    return page(result, search=found, command="sor report <x>")


def specs(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="specs">(.*?)</script>', text, re.DOTALL)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def test_headline_is_the_hardest_baseline(result: Study, text: str) -> None:
    row = result.comparisons.sort("savings_bps").row(0, named=True)
    headline = re.sub(r"<[^>]+>", "", text.split('class="headline">')[1].split("</p>")[0])
    verb = "saves" if row["savings_bps"] >= 0 else "loses"
    assert headline.startswith(f"router {verb} {abs(row['savings_bps']):.2f} bps against {row['against']}")
    assert f"95% interval {row['lower']:+.2f} to {row['upper']:+.2f}" in headline.replace("&#43;", "+")


def test_page_holds_every_section_and_nothing_from_outside(text: str) -> None:
    assert tuple(specs(text)) == CHARTS
    body = text.split("<script")[0]
    bundle = text.index("<script>")  # Vega's own strings are not the page's
    outside = text[:bundle] + text[text.index("</script>", bundle) :]
    assert "http" not in body.replace("http-equiv", "")
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="(?!data:)', outside)
    assert "default-src &#39;none&#39;" in body or "default-src 'none'" in body
    assert "sor report &lt;x&gt;" in body


def test_same_study_same_bytes(result: Study, found: Search, text: str) -> None:
    assert page(result, search=found, command="sor report <x>") == text


def test_it_ends_with_its_inputs_and_settings(text: str, tape: sor.Quotes, result: Study) -> None:
    *_, last = re.findall(r"<section.*?</section>", text, re.DOTALL)
    assert tape.digest in last
    assert "How is this made again?" in last
    assert html.unescape(last).count(result.config().strip()) == 1


def test_it_says_which_orders_were_cut(tape: sor.Quotes) -> None:
    last = sor.Order("buy", 500, start=tape.end - 60 * 10**9, horizon="5m")
    assert "1 order was cut to the close of its session." in page(study(tape, last))


def test_settings_make_the_study_again(result: Study, found: Search, tape: sor.Quotes) -> None:
    said = settings(result, found)
    assert said["versions"]["sor"] == sor.__version__
    orders = [
        orders_every("1m", quantity=group["quantity"], side=group["side"], horizon=120_000_000_000)
        for group in said["orders"]
    ]
    again = study(
        tape,
        orders,
        sor.StaticRouter(**said["policies"]["router"]),
        bootstrap=sor.Bootstrap(**said["statistics"]),
    )
    assert again.comparisons.equals(result.comparisons)
    assert said["search"]["axes"] == {axis: list(values) for axis, values in DEFAULT_GRID.items()}
    assert said["markets"][0]["book"]["depletion"] == "refresh"


def test_running_costs_end_at_the_shortfall(result: Study) -> None:
    chosen = [0, 7, 20]
    last = plotdata.running_costs(result.ledger, chosen).group_by("policy", "parent").last()
    sums = result.ledger.parents.select("policy", "parent", exact=pl.col("shortfall") / 1e9)
    both = last.join(sums, on=["policy", "parent"])
    assert both.height == 3 * len(result.policies)
    assert (both["cost"] == both["exact"]).all()


def test_cost_parts_add_up(result: Study) -> None:
    for part in plotdata.cost_parts(result).partition_by("policy"):
        assert part["bps"].sum() == pytest.approx(part["shortfall_bps"][0], abs=1e-9)


def test_venue_shares_are_the_ledgers(result: Study) -> None:
    table = plotdata.venues(result)
    filled = dict(result.ledger.fills.group_by("policy").agg(pl.col("quantity").sum()).iter_rows())
    for part in table.partition_by("policy"):
        assert part["share"].sum() == pytest.approx(1)
        assert part["shares"].sum() == filled[part["policy"][0]]


def test_best_quotes_are_those_of_the_tape(tape: sor.Quotes) -> None:
    start, end = tape.start + 60 * 10**9, tape.start + 61 * 10**9
    book = plotdata.best_quotes(tape, start, end)
    standing: dict[int, tuple[int, int]] = {}
    expected = {}
    for ts, venue, bid, ask in tape.frame.select("ts", "venue", "bid_px", "ask_px").iter_rows():
        if ts > end:
            break
        standing[venue] = (bid, ask)
        bids = [b for b, _ in standing.values() if b != 2**63 - 1]
        asks = [a for _, a in standing.values() if a != 2**63 - 1]
        expected[max(ts, start)] = (max(bids), min(asks))
    times = book["time"].to_physical().to_list()
    assert times[0] == start
    assert len(times) > 20
    found = [(round(bid * 1e9), round(ask * 1e9)) for bid, ask in book.select("bid", "ask").iter_rows()]
    assert found == [expected[time] for time in times]


def test_heat_maps_mark_the_chosen_point_and_flat_axes(found: Search) -> None:
    maps = [chart.to_dict() for chart in grids.heat_maps(found).values()]
    rows = [row for spec in maps for name in spec["datasets"] for row in spec["datasets"][name]]
    assert len(rows) == 9  # the flat axis has no room of its own
    (chosen,) = [row for row in rows if row["chosen"]]
    best = [getattr(found.best, axis) * 1e4 for axis in DEFAULT_GRID]
    assert [chosen[f"{axis}_"] for axis in DEFAULT_GRID] == pytest.approx(best)
    pictures = (*maps, *(draw(found).to_dict() for draw in (grids.walk_forward, of_search)))
    for spec in (*pictures, grids.points(found, "theta_queue").to_dict()):
        told = re.findall(
            r'"field": "(\w+?)_?", "type": "\w+", "title": "([^"]+)", "format": "~g"', json.dumps(spec)
        )
        assert set(told) >= {(axis, f"{axis}, bps") for axis in DEFAULT_GRID}, "as the axes have them"
    assert "lambda_over" in found.flat_axes
    assert '"title": "lambda_over, bps", "axis"' not in json.dumps(maps)
    assert '"title": "lambda_under, bps", "axis"' in json.dumps(maps)
    assert {row["lambda_under_"] for row in rows} == {5.0, 10.0, 20.0}
    assert "lambda_over changes nothing" in json.dumps(found.plot().to_dict())


def test_names_cannot_break_the_page(tape: sor.Quotes) -> None:
    evil = "<!--<script>"
    odd = study(tape, [sor.Order("buy", 500)], {evil: sor.StaticRouter(), "</script><b>": sor.Twap()})
    text = page(odd)
    assert evil not in text
    assert "</script><b>" not in text
    assert evil in json.dumps(specs(text))
    assert "&lt;!--&lt;script&gt;" in text


def test_points_off_a_grid_are_drawn_along_each_axis(tape: sor.Quotes, result: Study) -> None:
    drawn = search(
        tape,
        orders_every("5m", quantity=5_000, side="both", horizon="2m"),
        method=sor.RandomPoints(points=5),
        folds=5,
    )
    assert [name for name in specs(page(result, search=drawn)) if name.startswith("points-")] == [
        f"points-{axis}" for axis in DEFAULT_GRID
    ]


def test_without_fills_or_a_search(tape: sor.Quotes) -> None:
    small = study(tape, [sor.Order("buy", 500)], record=False)
    text = page(small)
    assert set(specs(text)) == {*STUDY, "chart-frontier"}
    assert "too few independent orders for an interval" in text


def test_a_tape_has_one_digest_wherever_it_is_named(tape: sor.Quotes) -> None:
    """Cut into sessions for a replay, it is still the tape that was read."""
    text = page(study(tape, [sor.Order("buy", 500)]))
    assert text.count(tape.digest) == 2


def test_pictures_and_paths(result: Study, tmp_path: Path) -> None:
    result.report(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(
        sor.ParameterError, match=r"path must end in \.html, \.pdf, \.png or \.svg, got '.*a\.doc'"
    ):
        result.report(tmp_path / "a.doc")


def test_pdf_needs_a_browser(result: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sor.MissingExtra, match="printed by Chromium or Chrome, and neither is on the path"):
        result.report(tmp_path / "a.pdf")
    assert not (tmp_path / "a.pdf").exists()


@pytest.mark.browser
@pytest.mark.usefixtures("browser")
def test_pdf(result: Study, tmp_path: Path) -> None:
    result.report(tmp_path / "a.pdf")
    printed = (tmp_path / "a.pdf").read_bytes()
    assert printed[:5] == b"%PDF-"
    assert len(printed) > 30_000


def test_plot_methods(tape: sor.Quotes, result: Study, found: Search) -> None:
    assert len(result.plot().to_dict()["layer"]) == 3
    assert len(found.plot().to_dict()["layer"]) == 4
    grid = sor.search(tape, sor.Order("buy", 500))
    assert len(grid.plot().to_dict()["layer"]) == 4
    assert grid.backtest.plot().to_dict()["mark"]["type"] == "line"


def test_command(
    tape: sor.Quotes, tmp_path: Path, shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tape.write("t.parquet")
    shown("report", "t.parquet", "-o", "r.html", "--quantity", "500,5000", "--every", "5m", "--horizon", "2m")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "sor report t.parquet -o r.html" in text
    assert "map-0" in specs(text)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give FILES to report on, or --demo"),
        (["--demo", "-o", "r.doc"], "path must end in .html, .pdf, .png or .svg, got 'r.doc'"),
        (["no.parquet"], "no.parquet"),
        (["--demo", "--side", "up"], "'up' is not one of 'buy', 'sell', 'both'"),
    ],
)
def test_command_says_what_is_wrong(args: list[str], message: str, complaint: Callable[..., str]) -> None:
    assert message in complaint("report", *args)


CONTRAST = """() => {
  const ctx = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
    .getContext("2d", {willReadFrequently: true});
  const parse = (c) => {
    ctx.clearRect(0, 0, 1, 1); ctx.fillStyle = c; ctx.fillRect(0, 0, 1, 1);
    const d = ctx.getImageData(0, 0, 1, 1).data;
    return [d[0], d[1], d[2], d[3] / 255];
  };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) {
      if (e instanceof SVGElement) continue;
      layers.push(parse(getComputedStyle(e).backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const seen = [];
  for (const e of document.querySelectorAll("main *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || !box.width || !box.height || e.closest("style, option")) continue;
    const style = getComputedStyle(e), svg = e instanceof SVGElement;
    let below = ground(e);
    // A heat map's text stands on its cell, not on the page.
    const map = e.closest('[id^="map-"]');
    const figure = map && e.closest(".mark-text.role-mark");
    if (figure) {
      const stack = document.elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      const filled = (c) => c.closest(".mark-rect") && getComputedStyle(c).fillOpacity > 0;
      const cell = stack.find((c) => c.tagName === "path" && filled(c));
      below = over(parse(getComputedStyle(cell).fill), below);
    }
    let text = parse(svg ? style.fill : style.color);
    let opacity = 1;
    for (let p = e; p && p.tagName !== "MAIN"; p = p.parentElement) opacity *= Number(getComputedStyle(p).opacity);
    if (!opacity) continue;  // labels that would overlap are not shown
    text = over([text[0], text[1], text[2], text[3] * opacity], below);
    const [a, b] = [light(text), light(below)].sort((p, q) => q - p);
    seen.push([(a + 0.05) / (b + 0.05), e.textContent.trim().slice(0, 40), figure ? "map" : svg ? "svg" : "html"]);
  }
  return seen;
}"""


OVERLAPS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll(".chart svg.marks")) {
    const shown = [...svg.querySelectorAll("text")].filter(
      (e) => e.textContent.trim() && !e.closest('[opacity="0"]') && Number(getComputedStyle(e).opacity) > 0);
    const boxes = shown.map((e) => e.getBoundingClientRect()), frame = svg.getBoundingClientRect();
    const name = svg.closest(".chart").id;
    boxes.forEach((a, i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1) found.push([name, "cut", shown[i].textContent]);
      boxes.slice(0, i).forEach((b, j) => {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && tall > 3) found.push([name, shown[i].textContent, shown[j].textContent]);
      });
    });
  }
  return found;
}"""


@pytest.mark.data
@pytest.mark.slow
def test_a_days_page_is_small() -> None:
    """1,540 orders of the recorded day, search included."""
    day = sor.read_quotes(recorded.QUOTES)
    many = sor.orders_every("30s", quantity=5_000, horizon="5m", side="both")
    studied = study(day, many)
    assert studied.parents.height == 1_540
    assert len(page(studied, search=sor.search(day, many, folds=5)).encode()) < 2_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def file(result: Study, found: Search, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "out.html"
    report(result, path, search=found)
    return path


def opened(browser: Any, file: Path, theme: str, width: int) -> tuple[Any, list[str]]:
    """Open the page without a network; return it with what it complained about, or asked for."""
    # As tall as the page, so that every mark is where the browser can be asked what lies below it.
    context = browser.new_context(
        viewport={"width": width, "height": 9_000}, color_scheme=theme, offline=True, reduced_motion="reduce"
    )
    view = context.new_page()
    said: list[str] = []
    view.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    view.on("pageerror", lambda error: said.append(f"error: {error}"))
    view.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    view.goto(file.as_uri())
    view.wait_for_selector(f"html[data-drawn={theme}]", timeout=60_000)
    return view, said


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
def test_page_in_browser(browser: Any, file: Path, result: Study, theme: str, width: int) -> None:
    view, said = opened(browser, file, theme, width)
    marks = view.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".chart")].map((c) => {
            const svg = c.querySelector("svg.marks"), box = svg.getBoundingClientRect();
            const marks = svg.querySelectorAll(".role-mark > path[d], .role-mark > line, .role-mark > text");
            return [c.id, [box.width, box.height, marks.length, box.right]];
        }))"""
    )
    assert tuple(marks) == CHARTS
    for name, (wide, tall, count, right) in marks.items():
        assert wide > 200, name
        assert tall > 60, name
        assert count > 0, name
        assert right <= width, name
    assert marks["chart-savings"][2] >= 2 * len(result.others)
    assert marks["chart-distribution"][2] >= result.savings.height
    assert marks["map-0"][2] >= 18  # nine cells and their figures
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert view.evaluate(OVERLAPS) == []
    cut = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1)"
    assert view.evaluate(f"{cut}.every((e) => e.classList.contains('cut'))")
    if width == 1280:
        assert view.evaluate(f"{cut}.length") == 0
    found = view.evaluate(CONTRAST)
    kinds = [kind for _, _, kind in found]
    assert kinds.count("html") > 50
    assert kinds.count("svg") > 80
    assert kinds.count("map") >= 9
    print("least contrast", min(found))
    assert [entry for entry in found if entry[0] < 4.5] == []
    assert said == []
    view.context.close()


@pytest.mark.browser
def test_page_answers(browser: Any, file: Path) -> None:
    """Tooltips, legend filters, the choice of an order, a change of theme."""
    view, said = opened(browser, file, "light", 1280)
    view.locator("#chart-savings .mark-rect.role-mark path").first.hover()
    tip = view.locator("#vg-tooltip-element.visible")
    tip.wait_for(timeout=10_000)
    assert "savings_bps" in tip.inner_text()
    assert "best_ask" in tip.inner_text()

    paths = "document.querySelectorAll('#chart-venues .mark-symbol.role-mark path')"
    dots = f"[...{paths}].map(path => path.getAttribute('opacity'))"
    before = view.evaluate(dots)
    assert set(before) <= {None, "1"}
    view.locator("#chart-venues .role-legend-symbol path").first.click()
    view.wait_for_function(f"({dots}).includes('0.08')", timeout=10_000)
    after = view.evaluate(dots)
    assert 0 < after.count("0.08") < len(after)

    line = "document.querySelector('#order-fills .mark-line path').getAttribute('d')"
    first = view.evaluate(line)
    view.select_option("#order", index=1)
    view.wait_for_function(f"(before) => {line} !== before", arg=first, timeout=10_000)

    view.emulate_media(color_scheme="dark")
    view.wait_for_selector("html[data-drawn=dark]", timeout=60_000)
    assert view.evaluate(line) != first  # the chosen order stays
    assert said == []
    view.context.close()
