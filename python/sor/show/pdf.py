"""The page as PDF, printed by the system's Chromium."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from sor.errors import DataError, MissingExtra
from sor.tape.files import beside

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def browser() -> str:
    """Return where Chromium or Chrome is.

    Raises:
        MissingExtra: If neither is on the path.

    """
    for name in _NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    raise MissingExtra(
        "a PDF is printed by Chromium or Chrome, and neither is on the path: write .html and print it"
    )


def write(page: str, path: Path) -> None:
    """Print a page.

    Raises:
        MissingExtra: Without Chromium.
        DataError: If Chromium prints nothing.

    """
    with tempfile.TemporaryDirectory() as folder:
        source, printed = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(page, encoding="utf-8")
        call = [
            *(browser(), "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"),
            *(f"--user-data-dir={folder}/profile", "--virtual-time-budget=20000"),
            *(f"--print-to-pdf={printed}", source.as_uri()),
        ]
        try:
            done = subprocess.run(call, capture_output=True, text=True, timeout=180, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"{path}: Chromium printed no PDF: {error}") from None
        if not printed.exists():
            raise DataError(f"{path}: Chromium printed no PDF: {done.stderr.strip()[-200:]}")
        with beside(path) as unfinished:
            shutil.copyfile(printed, unfinished)
