"""Simulated exchanges with probes of known truth."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import exchange
import reference as ref
from effort import some
from exchange import Rules, Wish, simulate

SIDES = ("buy", "sell")


# Simulated queues: the truth is known, and the models must bound it.

MARKETS = some(240)
GRIDS = {"unique": 1, "coarse": 25}


@dataclass(frozen=True)
class Simulated:
    """A market, and for each side the rows of a probe, as it truly filled."""

    records: list[exchange.Record]
    trades: list[exchange.Trade]
    windows: list[tuple[int, int]]
    quantity: int
    true: dict[str, list[list[int]]]


def random_rules(rng: random.Random, seed: int, grid: int) -> Rules:
    """Thin markets whose prices move, and calm ones whose queues grow, turn over and are cancelled."""
    thin = rng.random() < 0.5
    return Rules(
        seed,
        venues=rng.choice([1, 2, 3]),
        events=rng.choice([80, 160]),
        grid=grid,
        limits=rng.choice([3.0, 6.0] if thin else [8.0, 12.0]),
        crossing=rng.choice([0.5, 1.5] if thin else [0.1, 0.3]),
        market=rng.choice([0.5, 3.0] if thin else [1.0, 2.0]),
        cancels=rng.choice([0.5, 2.0] if thin else [4.0, 6.0]),
        where=rng.choice(["uniform", "uniform", "front", "back"]),
        depth=rng.choice([1, 2, 4]),
        lots=rng.choice([1, 100]),
    )


@cache
def simulated(kind: str) -> list[Simulated]:
    markets = []
    for seed in range(MARKETS // len(GRIDS)):
        rng, grid = random.Random(seed), GRIDS[kind]
        rules = random_rules(rng, seed, grid)
        length = rules.events // rng.choice([2, 4, 8]) * 2 // grid * grid + grid
        every, quantity = max(length, 40 // grid * grid + grid), rng.choice([1, 4, 10]) * rules.lots
        begins = range(0, 4 * rules.events, every)
        wishes = [Wish(side, quantity, at, at, at + length) for side in SIDES for at in begins]
        market = simulate(rules, wishes)
        windows = ref.windows_of(market.records, length, every)
        true = {
            side: [
                [0 if ghost is None else ghost.filled for ghost in market.ghosts[wish]]
                for wish in wishes
                if wish.side == side and (wish.begins, wish.ends) in windows
            ]
            for side in SIDES
        }
        markets.append(Simulated(market.records, market.trades, windows, quantity, true))
    return markets
