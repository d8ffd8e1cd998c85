"""Why a child order was sent and what became of it, as a person would tell it (rule P5)."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from sor.results.display import WIDTH
from sor.results.words import count, listed
from sor.settings.routers import ContKukanovRouter, StaticRouter, unsliced

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sor.settings.routers import Policy

_ENDINGS = {
    "no_quote": "the venue showed no quote any more",
    "limit": "the quote had moved beyond the child's limit",
    "depleted": "own fills had left nothing of the quote",
    "queue": "the fill model executed no share",
    "expired": "the order ended before the child arrived",
}
_RESTED = {
    "queue": "the queue ahead of it was not exhausted",
    "expired": "its epoch ended before it arrived",
    "crossed": "on arrival it would have taken, and it may only add liquidity",
}
_PARTS = {"spread": "spread", "slippage": "slippage", "timing": "timing", "fee": "fees"}


def explain_child(child: Mapping[str, Any], order: Mapping[str, Any], policy: Policy) -> str:
    """Tell the story of a child in four sentences or so: what and when, why, what it met, what came of it.

    Args:
        child: A row of `PolicyView.children`.
        order: The row of `PolicyView.orders` of its parent.
        policy: The policy that sent it.

    """
    told = (_sent(child, order), _why(child, policy), _met(child), _got(child))
    return "\n".join(
        line
        for words in told
        for line in textwrap.wrap(words, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    )


def _sent(child: Mapping[str, Any], order: Mapping[str, Any]) -> str:
    what = count(child["quantity"], "share")
    if child["kind"] == "post":
        what = f"a limit order for {what}"
    own = child["seen_displayed"] - child["seen_available"]
    taken = f", of which own fills had taken {own:,}" if own else ""
    return (
        f"Order {child['parent']} is to {order['side']} {count(order['quantity'], 'share')}. At "
        f"{_clock(child['ts_decided'])}, with {child['remaining']:,} to go, it sent child {child['child']}: {what} to "
        f"{child['venue']}, which showed {child['seen_displayed']:,} at {_price(child['seen_price'])}{taken}. "
        f"The mid was {_price(child['mid'])}."
    )


def _why(child: Mapping[str, Any], given: Policy) -> str:
    policy = unsliced(given)
    if isinstance(policy, ContKukanovRouter):
        if child["kind"] == "post":
            gain = -child["marginal"]
            return (
                "Why: it is part of the epoch's cheapest mix of market and limit orders. A share that fills "
                f"{'gains' if gain >= 0 else 'costs'} {abs(gain):.4f} against the mid, rebate included."
            )
        return "Why: it is part of the epoch's market order, swept over all venues, cheapest all-in first."
    if not isinstance(policy, StaticRouter):
        return f"Why: {given.rule}."  # type: ignore[union-attr]  # routers are told above
    costs = f"Why: a share of its last lot {_costs(child['marginal'])}, fee included"
    if child["threshold"] is None:
        return f"{costs}. The strict rule takes the cheapest split of exactly what is left."
    unproven = (
        ""
        if child["gap"] is None
        else f" That no split is cheaper is proven but for {child['gap']:.4f} in currency."
    )
    return (
        f"{costs}; leaving it would cost {child['threshold']:.4f} (lambda_under + theta_queue), so taking is "
        f"cheaper.{unproven}"
    )


def _costs(marginal: float) -> str:
    if marginal < 0:
        return f"is {-marginal:.4f} better than the mid"
    return f"is {marginal:.4f} worse than the mid"


def _met(child: Mapping[str, Any]) -> str:
    latency = (child["ts_arrived"] - child["ts_decided"]).total_seconds()
    when = "at once" if latency == 0 else f"{_span(latency)} later"
    if child["kind"] == "post" and child["reason"] not in ("expired", "crossed"):
        ahead = child["met_available"]
        queue = "an unseen number of shares" if ahead is None else count(ahead, "share")
        return f"It arrived {when} and joined the queue behind {queue}."
    if child["reason"] == "expired":
        return f"It would have arrived {when}."
    if child["met_price"] is None:
        return f"It arrived {when} and met no quote."
    age = child["age"] / 1e9
    old = "just published" if age == 0 else f"{_span(age)} old"
    same = all(child[f"met_{each}"] == child[f"seen_{each}"] for each in ("price", "displayed", "available"))
    if same:
        return f"It arrived {when} and met that quote, {old}."
    # Of a limit order that would have taken, nothing is said of what own fills left.
    own = 0 if child["reason"] == "crossed" else child["met_displayed"] - child["met_available"]
    taken = f", of which own fills had taken {own:,}," if own else ""
    return (
        f"It arrived {when} and met {count(child['met_displayed'], 'share')}{taken} at "
        f"{_price(child['met_price'])}, a quote {old}."
    )


def _got(child: Mapping[str, Any]) -> str:
    posted = child["kind"] == "post"
    executed, quantity = child["executed"], child["quantity"]
    if executed == 0:
        return f"Nothing executed: {(_RESTED if posted else _ENDINGS)[child['reason']]}."
    whole = executed == quantity
    got = (
        ("Its share was" if quantity == 1 else f"All {quantity:,} shares were")
        if whole
        else f"{executed:,} of {count(quantity, 'share')} {'was' if executed == 1 else 'were'}"
    )
    odds = (
        ""
        if posted or child["fill_probability"] == 1
        else f" (fill probability {child['fill_probability']:.3f})"
    )
    return f"{got} executed at {_price(child['price'])}{odds}. {_cost(child)}"


def _cost(child: Mapping[str, Any]) -> str:
    cost = child["cost"]
    said = [f"{words} {child[part]:+.2f}" for part, words in _PARTS.items() if round(child[part], 2) != 0]
    if round(child["rebate"], 2) != 0:
        said.append(f"rebates {-child['rebate']:+.2f}")
    verb = "cost" if cost >= 0 else "saved"
    parts = f": {listed(said)}" if said else ""
    return f"Against the mid on arrival of the order that {verb} {abs(cost):.2f} in currency{parts}."


def _price(value: float) -> str:
    """Return a price with as many digits as it has, from two to six."""
    whole, _, digits = f"{value:,.6f}".partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S.%f}"


def _span(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"
