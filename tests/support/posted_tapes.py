"""Markets in which limit orders rest and fill: raw records, trades, and orders that suit them."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import reference as ref
import sor
from effort import some
from exchange import Rules, simulate
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tapes import (
    QUEUES,
    SIDES,
    Case,
    Raw,
    random_busy_policy,
    random_order,
    random_paper_policy,
    random_settings,
    random_tape,
    random_trades,
    read_tape,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


SECOND = 1_000_000_000
MINUTE = 60 * SECOND
any_market = settings(
    max_examples=some(100), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
randoms = st.integers(0, 2**32 - 1).map(random.Random)


@dataclass(frozen=True)
class Tape:
    """Raw records, trades by venue index or none, and orders and settings that suit them."""

    raw: list[Raw]
    trades: list[ref.Trade] | None
    cases: list[Case]

    def read(self) -> sor.Quotes:
        return read_tape(self.raw, self.trades)


def exchange_raw(seed: int, grid: int = 1, *, scale: int = 1) -> tuple[list[Raw], list[ref.Trade]]:
    """A busy market with real queues, `scale` nanoseconds a tick of its clock."""
    rules = Rules(seed, 3, 240, grid, limits=4, crossing=2, market=4, cancels=2, lots=100)
    market = simulate(rules, [])
    records = [(ts * scale, i, venue, *quotes) for i, (ts, venue, *quotes) in enumerate(market.records)]
    return records, [(ts * scale, *trade) for ts, *trade in market.trades]


def exchange_tape(rng: random.Random, *, sides: Sequence[str] = SIDES, **market: Any) -> Tape:
    """A market with real queues; an order of each side under each queue model, alike but for that."""
    raw, trades = exchange_raw(rng.randrange(10**6), rng.choice([1, 1, 25]))
    last, venues = raw[-1][0], len({record[2] for record in raw})
    base = dataclasses.replace(random_settings(rng, venues), collar=None, max_quote_age=None, **market)
    terms = [dataclasses.replace(venue, latency=rng.choice([0, 0, 8, 25])) for venue in base.venues]
    policy = random_busy_policy(rng, "expected", last)
    start, horizon = rng.randint(last // 3, last // 2), rng.randint(last // 8, last // 2)
    shares = 100 * rng.choice([3, 10, 20])
    cases = [
        Case(
            ref.Order(side, shares, start, horizon, 100),
            dataclasses.replace(policy, queue=queue),
            dataclasses.replace(base, venues=terms),
        )
        for side in sides
        for queue in QUEUES
    ]
    return Tape(raw, trades if rng.random() < 0.7 else None, cases)


def senseless_tape(rng: random.Random) -> Tape:
    """Quotes and trades anywhere, one-sided and crossed books, stubs, venues that come late."""
    raw = random_tape(rng)
    trades = random_trades(rng, raw) if rng.random() < 0.7 else None
    first, last = min(raw)[0], max(raw)[0]
    market = random_settings(rng, len({record[2] for record in raw}))
    side, policy = rng.choice(SIDES), random_paper_policy(rng, "expected")
    order = dataclasses.replace(random_order(rng, raw, side), horizon=rng.randint(1, last - first + 20))
    cases = [Case(order, dataclasses.replace(policy, queue=queue), market) for queue in QUEUES]
    return Tape(raw, trades, cases)


def any_tape(rng: random.Random) -> Tape:
    return senseless_tape(rng) if rng.random() < 0.4 else exchange_tape(rng, sides=[rng.choice(SIDES)])


def same(frame: pl.DataFrame, other: pl.DataFrame, where: object) -> None:
    """Equal to the last bit, floats too."""
    if not frame.equals(other):
        with pl.Config(tbl_rows=50, tbl_cols=-1, tbl_width_chars=400):
            raise AssertionError(f"{where}\n{frame}\n{other}")


# One order like another


def exchange_quotes(seed: int, *, trades: bool = True) -> sor.Quotes:
    """Four minutes of a market with real queues."""
    raw, prints = exchange_raw(seed, scale=SECOND // 2)
    return read_tape(raw, prints if trades else None)


PATIENT = sor.ContKukanovRouter(lambda_under=0.0, lambda_over=0.0, epoch="20s", window_every="4s")


def mixed_orders(quotes: sor.Quotes) -> list[sor.Order]:
    return [
        sor.Order(side, quantity, start=quotes.start + begin * SECOND, horizon=horizon)  # type: ignore[arg-type]
        for side, quantity, begin, horizon in [
            *[("buy", 900, 60, "60s"), ("sell", 1_500, 70, "90s"), ("buy", 30, 80, "50s")],
            *[("sell", 400, 100, "21s"), ("buy", 900, 60, "60s"), ("buy", 5_000, 110, "100s")],
        ]
    ]
