"""A taker at one venue in hftbacktest: its HashMap market depth, fed with best quotes, and partial fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    event_dtype,
)
from hftbacktest.order import IOC, LIMIT
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TICK = 0.01
Record = tuple[int, int, int, int, int]
"""Time, bid in ticks, its size, ask in ticks, its size."""


def events(records: Sequence[Record]) -> NDArray[np.void]:
    """Return best quotes as changes of depth; what stood before goes first, so that none is crossed on the way."""
    rows = []
    before: dict[int, int] = {}
    common = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT
    for ts, bid, bid_size, ask, ask_size in records:
        sides = ((BUY_EVENT, bid, bid_size), (SELL_EVENT, ask, ask_size))
        for side, price, _ in sides:
            if side in before and before[side] != price:
                rows.append((common | side, ts, ts, before[side] * TICK, 0.0, 0, 0, 0.0))
        for side, price, size in sides:
            rows.append((common | side, ts, ts, price * TICK, float(size), 0, 0, 0.0))
            before[side] = price
    return np.array(rows, dtype=event_dtype)


def taken(
    records: Sequence[Record], times: Sequence[int], *, buys: bool, latency: int, share: float, widest: int
) -> list[tuple[int, int]]:
    """Return, for every order of the policy, the executed shares and their price in ticks (0 without any).

    At each of the times, where the spread is at most `widest` ticks, it sends an order for `share` of what is displayed
    at the best price, immediate or cancel, limited there.
    """
    depth = events(records)  # it takes the address only
    asset = (
        BacktestAsset()
        .data(depth)
        .linear_asset(1.0)
        .constant_order_latency(latency, latency)
        .risk_adverse_queue_model()
        .partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(TICK)
        .lot_size(1.0)
        .last_trades_capacity(0)
    )
    backtest = HashMapMarketDepthBacktest([asset])
    executed, price = np.zeros(len(times), np.int64), np.zeros(len(times), np.int64)
    sent = _run(backtest, np.array(times), buys, share, widest, executed, price)
    backtest.close()
    return [(int(executed[i]), int(price[i])) for i in range(sent)]


@njit  # type: ignore[untyped-decorator]
def _run(hbt, times, buys, share, widest, executed, price):  # type: ignore[no-untyped-def]
    sent = 0
    depth = hbt.depth(0)
    hbt.elapse(1)  # its clock begins with its first event, once it is asked to move
    for i in range(len(times)):
        hbt.elapse(times[i] - hbt.current_timestamp)
        if depth.best_ask_tick - depth.best_bid_tick > widest:
            continue
        tick = depth.best_ask_tick if buys else depth.best_bid_tick
        there = depth.ask_qty_at_tick(tick) if buys else depth.bid_qty_at_tick(tick)
        quantity = max(np.floor(there * share), 1.0)
        if buys:
            hbt.submit_buy_order(0, sent, tick * 0.01, quantity, IOC, LIMIT, False)
        else:
            hbt.submit_sell_order(0, sent, tick * 0.01, quantity, IOC, LIMIT, False)
        sent += 1
    hbt.elapse(1_000_000_000)  # whatever is under way
    orders = hbt.orders(0)
    for number in range(sent):
        order = orders.get(number)
        executed[number] = round(order.exec_qty)
        price[number] = order.exec_price_tick if executed[number] > 0 else 0
    return sent
