"""What a policy is made of tells its kept results from another's: its file, its imports, the values around it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import sor
from sor.settings.origin import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

POLICY = """
import json
import sor
from helping_policy import FACTOR
from folder_of_policy import deeper


class Mine(sor.Policy):
    def decide(self, view, orders):
        import late_for_policy
        quantity = min(view.remaining, 100 * FACTOR, int(view.available[0]))
        if quantity > 0:
            orders.take(0, quantity)
"""


def write(folder: Path) -> None:
    (folder / "folder_of_policy").mkdir(parents=True)
    (folder / "mine_policy.py").write_text(POLICY, encoding="utf-8")
    (folder / "helping_policy.py").write_text("FACTOR = 1\n", encoding="utf-8")
    (folder / "late_for_policy.py").write_text("", encoding="utf-8")
    (folder / "folder_of_policy" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "folder_of_policy" / "deeper.py").write_text("from . import deepest\n", encoding="utf-8")
    (folder / "folder_of_policy" / "deepest.py").write_text("", encoding="utf-8")
    (folder / "unrelated.py").write_text("", encoding="utf-8")


def digests(folder: Path, changed: Sequence[str] = ()) -> list[str]:
    """Return the digest, and that after each change of a file, in an interpreter of its own, as the next run is."""
    code = """
import sys, mine_policy
from pathlib import Path
from sor.settings.origin import digest_of
print(mine_policy.Mine().digest)
for name in sys.argv[1:]:
    file = Path(name)
    file.write_text(file.read_text(encoding="utf-8") + "Y = 2\\n", encoding="utf-8")
    print(digest_of(mine_policy.Mine))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *changed],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.split()


def test_a_changed_helper_is_another_policy(tmp_path: Path) -> None:
    write(tmp_path)
    helpers = (
        "helping_policy.py",
        "late_for_policy.py",
        "folder_of_policy/deeper.py",
        "folder_of_policy/deepest.py",
    )
    first, same, *others = digests(tmp_path, ["unrelated.py", *helpers])
    assert first == same
    assert len({first, *others}) == 1 + len(helpers)
    assert digests(tmp_path) == others[-1:]


def test_a_file_finds_the_modules_beside_it(tmp_path: Path, shown: Callable[..., str]) -> None:
    """From any folder, as a script does."""
    write(tmp_path / "w")
    sor.simulate_quotes(venues=2, minutes=3, seed=1).write(tmp_path / "tape.parquet")
    order = ("--side", "buy", "--quantity", "500", "--horizon", "1m")
    said = shown(
        "backtest", tmp_path / "tape.parquet", *order, "--router", f"{tmp_path / 'w' / 'mine_policy.py'}:Mine"
    )
    assert "shortfall" in said


def around(value: object) -> type[sor.Policy]:
    class Around(sor.Policy):
        def decide(self, view: sor.View, orders: sor.Orders) -> None:
            super().__init__()
            self.seen = value

    return Around


def test_the_values_around_a_class_are_part_of_it() -> None:
    assert digest_of(around(1)) == digest_of(around(1))
    assert digest_of(around(1)) != digest_of(around(2))
    assert digest_of(around("1")) != digest_of(around(1))
    # Nobody can say what a list will hold.
    assert digest_of(around([])) != digest_of(around([]))
