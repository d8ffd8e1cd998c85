"""How soon a long call stops after Ctrl-C: `python -m bench.bench_interrupt`, about two minutes.

The least of a few tries counts: a busy machine may hold any process up.
"""

from __future__ import annotations

import sys

import long_calls

from bench.figures import Figure

BAR = 0.2
TRIES = 3


def measure() -> list[Figure]:
    """Every long call's delay; a try that is within the bar is enough."""
    figures = []
    for name in long_calls.CALLS:
        delays: list[float] = []
        while not delays or (min(delays) > BAR and len(delays) < TRIES):
            delays.append(long_calls.delay(name))
        figures.append(Figure(f"Ctrl-C: {name}", min(delays), "s", BAR))
    return figures


if __name__ == "__main__":
    from bench.__main__ import show

    found = measure()
    show(found)
    sys.exit(any(figure.verdict != "ok" for figure in found))
