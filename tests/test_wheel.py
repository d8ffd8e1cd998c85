"""The wheel that is shipped: built for any CPython from 3.11 on and old Linuxes, installed alone, used elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.wheel,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="manylinux wheels are for Linux"),
]

ROOT = Path(__file__).parents[1]

SCRIPT = """
import json, pathlib, sys
import sor

quotes = sor.simulate_quotes(venues=3, minutes=5)
quotes.write("day.parquet")
result = sor.backtest("day.parquet", sor.Order("buy", 5_000, horizon="2m"))
print(json.dumps({"file": sor.__file__, "modules": sorted(sys.modules), "result": result.to_dict()}))
"""


def run(*command: object, cwd: Path) -> str:
    # Nothing of this checkout, its environment or the test run may leak into what is tried.
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it once: where tests are on several processes, two builds at once would get in each other's way."""
    import fcntl  # only where these tests run

    mine = tmp_path_factory.getbasetemp()
    ours = mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine
    done = ours / "wheel is built"
    with (ours / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            run("make", "wheel", cwd=ROOT)
            done.touch()
    (built,) = (ROOT / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=folder)
    return folder


def test_name(wheel: Path) -> None:
    name, version, python, abi, platform = wheel.stem.split("-")
    assert (name, python, abi) == ("sor", "cp311", "abi3")
    assert platform.startswith("manylinux2014_")
    assert version.count(".") == 2


def test_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert {"sor/__init__.py", "sor/py.typed", "sor/_core.pyi", "sor/_core.abi3.so"} <= set(names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    strays = [name for name in names if not name.startswith(("sor/", "sor-"))]
    assert strays == []
    assert not [
        name for name in names if "test_" in name or "tests" in name or name.endswith((".rs", ".pyc"))
    ]
    assert "Requires-Python: >=3.11" in metadata


def test_backtest_where_only_the_wheel_is(installed: Path) -> None:
    found = json.loads(run(installed / "venv" / "bin" / "python", "-I", "-c", SCRIPT, cwd=installed))
    assert Path(found["file"]).is_relative_to(installed)
    assert not {"pytest", "altair", "maturin"} & set(found["modules"])
    assert set(found["result"]["baselines"]) == {"best_ask", "sweep", "twap", "vwap"}


def test_command_where_only_the_wheel_is(installed: Path) -> None:
    sor = installed / "venv" / "bin" / "sor"
    run(sor, "simulate", "tape.csv", "--minutes", "5", cwd=installed)
    shown = run(sor, "backtest", "tape.csv", "--horizon", "2m", "--json", cwd=installed)
    assert json.loads(shown)["optimized"]["avg_fill_px"] > 0
    # The extra is not installed: the tables are written all the same, and it says what a chart needs.
    done = subprocess.run(
        [sor, "demo", "--out", "out"], cwd=installed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "charts need altair and vl-convert-python: pip install 'sor[report]'" in " ".join(
        done.stderr.split()
    )
    assert (installed / "out" / "run.toml").exists()


OF_A_UNIVERSE = """
import json, pathlib, sys
import sor

for day in ("2024-01-02", "2024-01-03"):
    folder = pathlib.Path(f"quotes/date={day}/symbol=AAA")
    folder.mkdir(parents=True)
    tape = sor.simulate_quotes(venues=3, minutes=5, start=f"{day}T14:30:00Z", symbol="AAA")
    tape.write(folder / "tape.parquet")
universe = sor.Universe("quotes/date=*/symbol=*/*.parquet")
orders = sor.orders_every("1m", quantity=2_000, side="both", horizon="1m")
market = sor.Market(fill=sor.QueueAware(), latency="1ms")
study = sor.study(universe, orders, {"a": sor.StaticRouter(), "b": sor.ContKukanovRouter()}, market=market)
study.save("study")
sor.search(universe, orders, grid={"lambda_under": [0.0, 0.001]}, folds=1, market=market).save("search")
sor.backtest("quotes/date=2024-01-02/symbol=AAA/tape.parquet", orders, market=market).save("backtest")
print(sor.__file__)
"""


def test_a_second_run_in_a_fresh_clone_gives_the_same_digests(tmp_path: Path) -> None:
    """What is committed, cloned and built elsewhere: its runs differ in nothing from those of this checkout."""
    clone, here, there = (tmp_path / name for name in ("clone", "here", "there"))
    run("git", "clone", "--quiet", "--no-hardlinks", ROOT, clone, cwd=tmp_path)
    quick = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    maturin = Path(sys.executable).parent / "maturin"
    with_these = ["env", *(f"{name}={value}" for name, value in quick.items())]
    build = [maturin, "build", "--release", "--quiet", "--out", tmp_path / "dist"]
    run(*with_these, f"CARGO_TARGET_DIR={tmp_path / 'target'}", *build, cwd=clone)
    (built,) = (tmp_path / "dist").glob("*.whl")
    packages = tmp_path / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    run(*pip, "--target", packages, built, cwd=tmp_path)
    for folder, path in ((here, ROOT / "python"), (there, packages)):
        folder.mkdir()
        place = run("env", f"PYTHONPATH={path}", sys.executable, "-c", OF_A_UNIVERSE, cwd=folder)
        assert Path(place.strip()).is_relative_to(path)
    said = run("env", f"PYTHONPATH={packages}", sys.executable, "-c", COMPARED, cwd=tmp_path)
    assert json.loads(said) == {"study": [], "search": [], "backtest": []}


COMPARED = """
import json, os
import sor

names = ("study", "search", "backtest")
found = {name: sor.diff(f"here/{name}", f"there/{name}") for name in names}
os.chdir("here")  # where the paths of its inputs lead to the same
for name in names:
    found[name] += sor.rerun(name)
print(json.dumps(found))
"""
