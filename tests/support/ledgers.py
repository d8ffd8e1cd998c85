"""A replay as plain values, what must hold of its sums, and a ledger as bytes."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sor.replay.ledger import TABLES
from tapes import (
    Case,
    Raw,
    read_tape,
    reference_records,
    replay_all,
    rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    import reference as ref
    from sor.replay.ledger import Ledger


@dataclass(frozen=True)
class Replayed:
    """A case, the one row of its parent, its children and its fills, as plain values."""

    case: Case
    records: list[Any]
    parent: dict[str, Any]
    children: list[dict[str, Any]]
    fills: list[dict[str, Any]]
    releases: list[dict[str, Any]]


def replayed(raw: list[Raw], cases: list[Case], trades: list[ref.Trade] | None = None) -> Iterator[Replayed]:
    quotes, records = read_tape(raw, trades), reference_records(raw)
    for case, ledger in zip(cases, replay_all(quotes, cases), strict=True):
        (parent,) = rows(ledger.parents, quotes)
        yield Replayed(
            case,
            records,
            parent,
            rows(ledger.children, quotes),
            rows(ledger.fills, quotes),
            rows(ledger.releases, quotes),
        )


def assert_derivable(run: Replayed) -> None:
    """Rules P5, P6: the parent's row again from the rows of its fills, in Python's integers."""
    parent, m0, s = run.parent, run.parent["arrival_mid"], run.case.order.sign
    sums: Counter[str] = Counter()
    for fill in run.fills:
        signed = s * (-fill["quantity"] if fill["kind"] == "unwind" else fill["quantity"])
        kind, terms = fill["kind"], run.case.settings.venues[fill["venue"]]
        column = {"completion": "completed", "unwind": "unwound"}.get(kind, "executed")
        drift = "opportunity" if kind == "completion" else "timing"
        sums[column] += fill["quantity"]
        sums["posted"] += fill["quantity"] * (kind == "post")
        sums["notional"] += signed * fill["price"]
        sums["net"] += signed
        sums["spread"] += signed * (fill["quoted"] - fill["mid"])
        sums["slippage"] += signed * (fill["price"] - fill["quoted"])
        sums[drift] += signed * (fill["mid"] - m0)
        sums["fees"] += fill["fee"]
        sums["rebates"] += fill["rebate"]
        assert fill["fee"] == fill["quantity"] * terms.taker_fee * (kind != "post")
        assert fill["rebate"] == fill["quantity"] * terms.maker_rebate * (kind == "post")
    for column in ("executed", "posted", "completed", "unwound", "notional", "fees", "rebates"):
        assert parent[column] == sums[column], column
    sums["schedule"] = schedule_part(run)
    sums["timing"] -= sums["schedule"]
    names = ("spread", "slippage", "schedule", "timing", "opportunity")
    parts = [sums[part] for part in names]
    assert parts == [parent[part] for part in names]
    costs = sums["fees"] - sums["rebates"]
    assert parent["all_in"] == sums["notional"] + costs
    assert parent["shortfall"] == sum(parts) + costs
    if run.fills:
        assert parent["shortfall"] == sums["notional"] - sums["net"] * m0 + costs
        assert parent["ts_done"] == run.fills[-1]["ts_executed"]
    assert (parent["children"], parent["fills"]) == (len(run.children), len(run.fills))


def schedule_part(run: Replayed) -> int:
    """Rule W3, share by share, from the rows of fills and releases."""
    order = run.case.order
    taken = [fill for fill in run.fills if fill["kind"] in ("take", "post")]
    if run.case.policy.releases is None or not taken:
        return 0
    shares = [(fill["ts_executed"], fill["mid"]) for fill in taken for _ in range(fill["quantity"])]
    due = [(row["total"], row["ts"], row["mid"]) for row in run.releases]
    part, place = 0, 0
    for n, (ts, mid) in enumerate(shares[: order.quantity], start=1):
        while place < len(due) and due[place][0] < n:
            place += 1
        at = due[place][2] if place < len(due) and due[place][1] <= ts else mid
        part += order.sign * (at - run.parent["arrival_mid"])
    return part


def serialized(frame: pl.DataFrame) -> bytes:
    """Return a frame as bytes: of Parquet, since Arrow's depend on how its rows came together."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="uncompressed")
    return buffer.getvalue()


def ledger_bytes(ledger: Ledger) -> list[bytes]:
    return [serialized(getattr(ledger, name)) for name in TABLES]
