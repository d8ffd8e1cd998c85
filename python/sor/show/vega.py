"""The JavaScript that draws the page's charts: packed once by vl-convert, which takes seconds, and kept."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from sor.errors import DataError
from sor.show.pictures import missing
from sor.tape.files import beside

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACK = """
import sys, vl_convert
newest = vl_convert.get_vegalite_versions()[-1]
sys.stdout.buffer.write(vl_convert.javascript_bundle(vl_version=newest).encode())
"""


class Packing:
    """Vega and what goes with it as one script: the one that is kept, or one begun here in a process of its own."""

    def __init__(self) -> None:
        self._kept = kept_at(_packer())
        self._script = _read(self._kept)
        self._process: subprocess.Popen[bytes] | None = None
        # A frozen application would start itself once more.
        if self._script is None and sys.executable and not hasattr(sys, "frozen"):
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PACK],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def __enter__(self) -> Packing:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def script(self) -> str:
        """Return the script, once it is there."""
        if self._script is None:
            self._script = self._packed()
            _keep(self._script, self._kept)
        return self._script

    def _packed(self) -> str:
        if self._process is not None:
            packed, _ = self._process.communicate()
            if self._process.returncode == 0:
                return packed.decode("utf-8")
        import vl_convert

        bundle: str = vl_convert.javascript_bundle(  # type: ignore[call-arg]  # its stub misses that the snippet is optional
            vl_version=vl_convert.get_vegalite_versions()[-1]
        )
        return bundle


def is_kept() -> bool:
    """Tell whether the script need not be packed."""
    return kept_at(_packer()).exists()


def kept_at(packer: str, system: str = sys.platform, env: Mapping[str, str] = os.environ) -> Path:
    """Return where the script of a version of the packer is kept: with what else this user's programs keep."""
    home = Path.home()
    if system == "win32":
        folder = Path(env.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif system == "darwin":
        folder = home / "Library" / "Caches"
    else:
        folder = Path(env.get("XDG_CACHE_HOME") or home / ".cache")
    return folder / "sor" / f"vega-{packer}.js"


def _packer() -> str:
    try:
        return version("vl-convert-python")
    except PackageNotFoundError:
        raise missing() from None


def _read(path: Path) -> str | None:
    """Return a script that was kept, unless it is damaged: its first line is the digest of the rest."""
    with suppress(OSError, UnicodeDecodeError):
        digest, _, script = path.read_bytes().decode("utf-8").partition("\n")
        if digest == _digest(script):
            return script
    return None


def _keep(script: str, path: Path) -> None:
    """Keep a script for the next page; where nothing can be kept, that one packs it again."""
    with suppress(OSError, DataError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside(path) as unfinished:
            unfinished.write_text(f"{_digest(script)}\n{script}", encoding="utf-8", newline="")


def _digest(script: str) -> str:
    return f"// sha256 {hashlib.sha256(script.encode()).hexdigest()}"
