"""Fill models of the user's own (rule Q4): a table, and a function."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .book import Met

Row = tuple[int, int, float, float]  # displayed, sent, probability, slippage


@dataclass(frozen=True)
class TableModel:
    """A table over displayed and sent shares, interpolated in both directions."""

    rows: tuple[Row, ...]
    kind: str = "expected"
    queue_position: float = 0.5  # where neither record nor venue says one

    def expected(self, x: int, met: Met, s: int) -> tuple[int, float, int]:
        """F2 with the table's probability and slippage."""
        sent = min(x, met.available)
        p = min(1.0, self.at(2, met.displayed, sent))
        slippage = self.at(3, met.displayed, sent)
        return round(sent * p), p, max(0, round(met.price * (1 + s * slippage)))

    def at(self, column: int, displayed: int, sent: int) -> float:
        """Interpolate one column: first over what is sent, then over what is displayed."""
        values = {row[:2]: row[column] for row in self.rows}
        d0, d1, u = _around(sorted({row[0] for row in self.rows}), displayed)
        s0, s1, v = _around(sorted({row[1] for row in self.rows}), sent)
        low = values[d0, s0] + v * (values[d0, s1] - values[d0, s0])
        high = values[d1, s0] + v * (values[d1, s1] - values[d1, s0])
        return float(low + u * (high - low))


def _around(nodes: list[int], value: int) -> tuple[int, int, float]:
    """Return the nodes on both sides of a value, and how far it is from the one to the other."""
    if value <= nodes[0]:
        return nodes[0], nodes[0], 0.0
    if value >= nodes[-1]:
        return nodes[-1], nodes[-1], 0.0
    low = max(node for node in nodes if node <= value)
    high = min(node for node in nodes if node > value)
    return low, high, (value - low) / (high - low)


@dataclass(frozen=True)
class FunctionModel:
    """A function of the child and the quote, which returns shares and a price."""

    function: Callable[[Any, Any], tuple[float, int]]
    kind: str = "expected"
    queue_position: float = 0.5  # where neither record nor venue says one

    def expected(self, x: int, met: Met, s: int) -> tuple[int, float, int]:
        """What it says, its shares half-even."""
        child = SimpleNamespace(quantity=x, sign=s, side={1: "buy", -1: "sell"}[s], now=met.now)
        shares, price = self.function(child, met)
        most = min(x, met.available)
        assert 0 <= shares <= most
        assert price >= 0
        return round(shares), shares / most, price
