"""What of a tape may make a result say little: noticed here, said by the result (rule B10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sor.tape.schema import UNDEF_PRICE

if TYPE_CHECKING:
    from sor.tape.tape import Quotes

_SHARE = 0.01
"""What is a share of prices, or of a price, worth a word."""


def tick_notices(quotes: Quotes, tick: int) -> list[str]:
    """Compare a tick with the prices of a tape.

    Args:
        quotes: The tape.
        tick: In nanos, above zero.

    Returns:
        A sentence if more than 1% of the quotes do not lie on the tick, and one if the tick is more than 1% of the
        median price.

    """
    prices = pl.concat([quotes.frame["bid_px"], quotes.frame["ask_px"].rename("bid_px")])
    quoted = prices.filter(prices != UNDEF_PRICE)
    if quoted.is_empty():
        return []
    found = []
    off = int((quoted % tick != 0).sum())
    if off > _SHARE * len(quoted):
        found.append(
            f"tick is {tick / 1e9:g}, and {off:,} of {len(quoted):,} quotes do not lie on it: what is left of an order "
            "is completed a tick worse per level, which should be the market's own tick"
        )
    middle = quoted.median()
    if isinstance(middle, float) and tick > _SHARE * middle:
        found.append(
            f"tick is {tick / 1e9:g}, {tick / middle:.1%} of the median price {middle / 1e9:g}: each level of a "
            "completion costs that much; tick= sets it"
        )
    return found
