"""The cases that were worked out by hand, as the reference takes them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import reference as ref
from hours import around

GOLDEN = Path(__file__).parents[1] / "golden"
ALLOCATE = tomllib.loads((GOLDEN / "allocate.toml").read_text())["case"]
REPLAY = [
    case
    for name in ("replay.toml", "sessions.toml")
    for case in tomllib.loads((GOLDEN / name).read_text())["case"]
]
PPM = 1e6


def golden_arguments(case: dict[str, Any]) -> tuple[list[Any], ref.Order, ref.Policy, ref.Settings]:
    """A replay case with the defaults its file documents."""
    p, s = dict(case["policy"]), dict(case["settings"])
    policy = ref.Policy(
        p.pop("kind"),
        lambda_over=p.pop("lambda_over_ppm", 5000) / PPM,
        lambda_under=p.pop("lambda_under_ppm", 10000) / PPM,
        theta_queue=p.pop("theta_queue_ppm", 1000) / PPM,
        overbook=p.pop("overbook_ppm", 1_000_000) / PPM,
        **p,
    )
    fees = s.pop("taker_fee")
    latencies = s.pop("latency", [0] * len(fees))
    names = [name for name in ("queue_position", "max_fill", "impact") if name + "_ppm" in s]
    model = {name: s.pop(name + "_ppm") / PPM for name in names}
    records, order = [tuple(record) for record in case["records"]], ref.Order(**case["order"])
    sessions: Any = "gaps"
    if "session_gap" not in s:
        sessions = [ref.Session(*session) for session in s.pop("sessions", around(records, order))]
    settings = ref.Settings(
        venues=[
            ref.Venue(taker_fee=fee, maker_rebate=0, latency=latency)
            for fee, latency in zip(fees, latencies, strict=True)
        ],
        collar=s.pop("collar_ppm", 10_000) / PPM,
        tick=s.pop("tick", 1),
        fill=ref.FillModel(s.pop("fill", "displayed"), **model),
        sessions=sessions,
        halts=[ref.Halt(*halt) for halt in s.pop("halts", [])],
        **s,
    )
    return records, order, policy, settings
