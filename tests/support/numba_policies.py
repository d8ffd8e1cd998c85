"""A policy compiled by numba: a sweep of what is cheap enough against the mid."""

from __future__ import annotations

import sor
from numba import carray, cfunc

TAKE, DEFAULT = sor.Compiled.TAKE, sor.Compiled.DEFAULT


@cfunc(sor.Compiled.signature())
def decide(moment, venues, resting, reports, parameters, memory, orders):  # type: ignore[no-untyped-def]
    now = carray(moment, 1)[0]
    venue = carray(venues, now.venues)
    most = carray(parameters, now.parameters)[0] * 1e9
    order = carray(orders, now.capacity)
    left, sent = now.remaining, 0
    done = 0
    while left > 0 and done < now.venues:
        best, least = -1, 0
        for i in range(now.venues):
            cost = now.sign * (venue[i].price - now.mid) + venue[i].taker_fee
            taken = False
            for j in range(sent):
                taken = taken or order[j].venue == i
            if not taken and venue[i].available > 0 and cost <= most and (best < 0 or cost < least):
                best, least = i, cost
        if best < 0:
            break
        quantity = min(left, venue[best].available)
        order[sent].kind = TAKE
        order[sent].venue = best
        order[sent].quantity = quantity
        order[sent].price = DEFAULT
        order[sent].until = DEFAULT
        left -= quantity
        sent += 1
        done += 1
    return sent
