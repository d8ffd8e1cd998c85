"""Small DBN files, made by Databento's own encoder; a test that asks for one is skipped where it is not installed."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from raw_frames import T0


def _head(schema: str, **about: Any) -> bytes:
    dbn = pytest.importorskip("databento_dbn")
    pytest.importorskip("databento")
    told = {
        "dataset": "XNAS.ITCH",
        "mappings": [],
        "symbols": ["ESU4"],
        "partial": [],
        "not_found": [],
        **about,
    }
    metadata = dbn.Metadata(
        start=T0, stype_out=dbn.SType.INSTRUMENT_ID, stype_in=dbn.SType.RAW_SYMBOL,
        schema=getattr(dbn.Schema, schema), **told,
    )  # fmt: skip
    return bytes(metadata.encode())


def dbn_file(records: int = 3, **about: Any) -> bytes:
    """MBP-1 records of publisher 2 and instrument 5, a nanosecond apart."""
    head = _head("MBP_1", **about)
    import databento_dbn as dbn

    made = (
        dbn.MBP1Msg(
            publisher_id=2, instrument_id=5, ts_event=T0 + k, price=1, size=1, action=dbn.Action.ADD,
            side=dbn.Side.BID, depth=0, ts_recv=T0 + k, flags=0, ts_in_delta=0, sequence=4 + k,
            levels=dbn.BidAskPair(bid_px=99_990_000_000, ask_px=100_010_000_000, bid_sz=100, ask_sz=300 + k),
        )
        for k in range(records)
    )  # fmt: skip
    return head + b"".join(bytes(each) for each in made)


SAID = ((0, "TRADING"), (60, "HALT"), (70, "QUOTING"), (90, "TRADING"), (95, "PAUSE"))
"""What publisher 2 said of instrument 5, and how many nanoseconds after `T0`."""


def status_file() -> bytes:
    """`SAID`, as status records."""
    head = _head("STATUS")
    import databento_dbn as dbn

    made = (
        dbn.StatusMsg(
            publisher_id=2, instrument_id=5, ts_event=T0 + k, ts_recv=T0 + k,
            action=getattr(dbn.StatusAction, action),
        )
        for k, action in SAID
    )  # fmt: skip
    return head + b"".join(bytes(each) for each in made)


def mapping() -> list[Any]:
    """ESU4 is instrument 5 on the day of `T0`."""
    day = date(2024, 1, 2)
    span = SimpleNamespace(start_date=day, end_date=day + timedelta(1), symbol="5")
    return [SimpleNamespace(raw_symbol="ESU4", intervals=[span])]
