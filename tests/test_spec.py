"""Charts are put together unchecked: here every one is checked against Vega-Lite's schema."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sor
from effort import EFFORT
from sor.show import plots, spec, vega
from sor.show.sections import sections
from sor.show.spec import Chart, beside, channel, layers

QUOTES = sor.simulate_quotes(venues=4, minutes=20, price=20.0, spread=4.0, seed=3)
ORDERS = sor.orders_every("1m", side="both", quantity=20_000, horizon="2m")
PICK = {"name": "pick", "select": {"type": "point", "fields": ["a"]}, "bind": "legend"}
FRAME = pl.DataFrame({"a": [1, 2], "b": [0.5, math.inf]})


@pytest.fixture(scope="module")
def study() -> sor.Study:
    return sor.study(QUOTES, ORDERS)


def checked(said: dict[str, Any]) -> None:
    altair = pytest.importorskip("altair")
    if EFFORT == "everyday":  # a table's rows are alike
        said = said | {"datasets": {name: rows[:50] for name, rows in said.get("datasets", {}).items()}}
    altair.Chart.from_dict(said, validate=True)


@pytest.mark.parametrize(
    "method",
    ["grid", pytest.param(sor.RandomPoints(points=12), marks=pytest.mark.slow)],
    ids=["a grid", "points"],
)
def test_every_chart_of_the_page_is_vega_lite(study: sor.Study, method: Any) -> None:
    found = sor.search(QUOTES, ORDERS, method=method, folds=3)
    charts = [chart for section in sections(study, found) for chart in section.charts]
    assert len(charts) >= 12
    for chart in charts:
        checked(chart.spec)
        assert chart.spec["width"] == "container"


def test_so_is_the_picture_of_a_study(study: sor.Study) -> None:
    checked(plots.overview(study).to_dict())


def test_and_what_is_not_is_found() -> None:
    checked(Chart.of(FRAME).mark("bar").encode(x="a:Q").to_dict())
    with pytest.raises(Exception, match="bars"):
        checked(Chart.of(FRAME).mark("bars").encode(x="a:Q").to_dict())


def test_rows_are_json() -> None:
    frame = pl.DataFrame({"t": [datetime(2024, 1, 2)], "x": [math.nan], "n": [None], "s": ["é"]})
    assert spec.rows(frame) == [{"t": 1_704_153_600_000, "x": None, "n": None, "s": "é"}]


def test_data_used_twice_stand_once_and_parameters_at_the_top() -> None:
    base = Chart.of(FRAME, height=20).encode(y="b:Q")
    order = {"name": "order", "value": 3}
    upper = base.mark("line").encode(x="a:Q", x2="b:Q").params(order, PICK)
    lower = base.mark("point").encode(x=channel("a:Q", title="A"), tooltip=["a:N"]).params(PICK)
    said = beside(layers(upper, lower), upper).to_dict()
    assert list(said["datasets"].values()) == [[{"a": 1, "b": 0.5}, {"a": 2, "b": None}]]
    pair, alone = said["hconcat"]
    assert pair["height"] == 20
    assert [part.get("height") for part in pair["layer"]] == [None, None]
    names = [*(part["name"] for part in pair["layer"]), alone["name"]]
    assert len(set(names)) == 3
    assert said["params"] == [order, PICK | {"views": names}]
    assert "params" not in pair["layer"][0]
    assert pair["layer"][0]["encoding"]["x2"] == {"field": "b"}
    assert pair["layer"][1]["encoding"]["tooltip"] == [{"field": "a", "type": "nominal"}]
    assert "views" not in PICK


def test_a_script_is_packed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(vega, "_PACK", "print('let vega = \"é\";\\r\\n', end='')")
    kept = vega.kept_at(vega._packer(), "linux")
    monkeypatch.setattr(vega, "kept_at", lambda _: kept)
    first = vega.Packing()
    script = first.script()
    assert script.startswith("let vega")
    assert kept.is_relative_to(tmp_path)
    monkeypatch.setattr(vega.subprocess, "Popen", None)
    assert vega.Packing().script() == script
    kept.write_bytes(kept.read_bytes()[:-1])
    assert vega._read(kept) is None, "a damaged one is not used"


def test_a_page_needs_no_place_to_keep_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    vega._keep("script", tmp_path / "file" / "sor" / "vega.js")
    assert vega._read(tmp_path / "file" / "sor" / "vega.js") is None


@pytest.mark.parametrize(
    ("system", "env", "folder"),
    [
        ("linux", {"XDG_CACHE_HOME": "/kept"}, Path("/kept")),
        ("linux", {}, Path.home() / ".cache"),
        ("darwin", {}, Path.home() / "Library" / "Caches"),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local")),
    ],
)
def test_it_is_kept_where_programs_keep_such_things(system: str, env: dict[str, str], folder: Path) -> None:
    assert vega.kept_at("1.9.0", system, env) == folder / "sor" / "vega-1.9.0.js"
