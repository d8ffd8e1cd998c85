"""The JavaScript that draws the page's charts, packed beside other work: it takes seconds."""

from __future__ import annotations

import subprocess
import sys

from sor.show.style import alt

_PACK = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle(vl_version=sys.argv[1]).encode())"


class Packing:
    """Vega and what goes with it as one script; begun when made, in a process of its own."""

    def __init__(self) -> None:
        self._version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
        self._process: subprocess.Popen[bytes] | None = None
        # A frozen application would start itself once more.
        if sys.executable and not hasattr(sys, "frozen"):
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PACK, self._version],
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
        if self._process is not None:
            packed, _ = self._process.communicate()
            if self._process.returncode == 0:
                return packed.decode("utf-8")
        import vl_convert

        bundle: str = vl_convert.javascript_bundle(  # type: ignore[call-arg]  # its stub misses that the snippet is optional
            vl_version=self._version
        )
        return bundle
