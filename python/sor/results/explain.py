"""Why a child order was sent and what became of it, in words (rule P5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sor.settings.routers import ContKukanovRouter, StaticRouter

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
    "queue": "the queue ahead was not exhausted",
    "expired": "its epoch ended before it arrived",
    "crossed": "it would have taken, and only adds liquidity",
}


def explain_child(child: Mapping[str, Any], order: Mapping[str, Any], policy: Policy) -> str:
    """Describe a child.

    Args:
        child: A row of `PolicyView.children`.
        order: The row of `PolicyView.orders` of its parent.
        policy: The policy that sent it.

    """
    return "\n".join(
        [
            f"Child {child['child']} of order {child['parent']} ({order['side']} {order['quantity']:,}): "
            f"{child['quantity']:,} shares to {child['venue']}, decided {_clock(child['ts_decided'])}",
            f"  why   {_why(child, policy)}",
            f"  saw   {child['seen_price']:.4f}, {child['seen_displayed']:,} displayed, "
            f"{child['seen_available']:,} available; mid {child['mid']:.4f}; {child['remaining']:,} shares to go",
            f"  met   {_met(child)}",
            f"  got   {_got(child)}",
        ]
    )


def _why(child: Mapping[str, Any], policy: Policy) -> str:
    if isinstance(policy, ContKukanovRouter):
        if child["kind"] == "post":
            return (
                "part of its epoch's cheapest mix of market and limit orders; a fill gains "
                f"{-child['marginal']:+.4f} a share against the mid (rebate included)"
            )
        return "its epoch's market order, swept over all venues, cheapest all-in first"
    if not isinstance(policy, StaticRouter):
        return policy.rule
    marginal = f"its last lot costs {child['marginal']:+.4f} a share"
    if child["threshold"] is None:
        return f"{marginal} (fee included); the strict rule takes the cheapest split of exactly what is left"
    unproven = (
        "" if child["gap"] is None else f"; that no split is cheaper is proven but for {child['gap']:.4f}"
    )
    return (
        f"{marginal} against the mid (fee included), less than the {child['threshold']:.4f} that leaving it "
        f"costs (lambda_under + theta_queue){unproven}"
    )


def _met(child: Mapping[str, Any]) -> str:
    latency = (child["ts_arrived"] - child["ts_decided"]).total_seconds()
    if child["kind"] == "post" and child["reason"] not in ("expired", "crossed"):
        when = "" if latency == 0 else f" {_span(latency)} later"
        ahead = child["met_available"]
        return (
            f"joined the queue{when} behind {'an unseen number of' if ahead is None else f'{ahead:,}'} shares"
        )
    when = "at once" if latency == 0 else f"{_span(latency)} later"
    if child["reason"] == "expired":
        return f"nothing: it would have arrived {when}"
    if child["met_price"] is None:
        return f"no quote, {when}"
    return (
        f"{child['met_price']:.4f}, {child['met_displayed']:,} displayed, {child['met_available']:,} available, "
        f"{when}; quote {_span(child['age'] / 1e9)} old"
    )


def _got(child: Mapping[str, Any]) -> str:
    posted = child["kind"] == "post"
    if child["executed"] == 0:
        return f"0 shares: {(_RESTED if posted else _ENDINGS)[child['reason']]}"
    odds = (
        ""
        if posted or child["fill_probability"] == 1
        else f" (fill probability {child['fill_probability']:.3f})"
    )
    names = ("spread", "timing", "rebate") if posted else ("spread", "slippage", "timing", "fee")
    parts = ", ".join(f"{part} {-child[part] if part == 'rebate' else child[part]:+.2f}" for part in names)
    return (
        f"{child['executed']:,} of {child['quantity']:,}{odds} at {child['price']:.4f}; "
        f"cost {child['cost']:+.2f} = {parts}"
    )


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S.%f}"


def _span(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"
