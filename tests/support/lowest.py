"""Print the lowest versions that pyproject.toml declares: `make lowest`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
TOOLS = ("pytest", "hypothesis")


def lowest(requirement: str) -> str:
    """Return `name==bound` of `name>=bound`."""
    found = re.fullmatch(r"([\w.-]+)>=([\w.]+)(,<[\w.]+)?", requirement)
    if found is None:
        raise ValueError(f"{requirement!r} is not of the form name>=version")
    return f"{found[1]}=={found[2]}"


def main() -> None:
    """Print one requirement a line, as `pip install -r` reads them."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    for requirement in (
        *project["project"]["dependencies"],
        *(each for extra in extras.values() for each in extra),
    ):
        print(lowest(requirement))
    for requirement in project["dependency-groups"]["dev"]:
        if requirement.startswith(TOOLS):
            print(requirement)


if __name__ == "__main__":
    main()
