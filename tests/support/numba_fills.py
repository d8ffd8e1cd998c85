"""A fill model compiled by numba: a share of what is there."""

from __future__ import annotations

import sor
from numba import carray, cfunc


def _expected(fill, parameters, answer):  # type: ignore[no-untyped-def]
    met, out = carray(fill, 1)[0], carray(answer, 1)
    out[0].shares = min(met.quantity, met.available) * carray(parameters, 1)[0]
    out[0].price = met.price
    return 0


expected, again = (cfunc(sor.CompiledFill.signature())(_expected) for _ in range(2))
