"""Small universes of synthetic tapes, written once and read often."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import sor

if TYPE_CHECKING:
    from pathlib import Path

HIVE = "quotes/date=*/symbol=*/*.parquet"
ORDERS = sor.orders_every("1m", quantity=500, side="both", horizon="1m")
POLICIES = ("sweep", "best_ask", "pro_rata")


def day(number: int) -> str:
    return (dt.date(2024, 1, 2) + dt.timedelta(days=number)).isoformat()


def write_universe(
    root: Path,
    *,
    days: int = 3,
    symbols: tuple[str, ...] = ("AAA", "BBB"),
    records: int = 400,
    minutes: float = 5,
) -> sor.Universe:
    """Write a tape for each day and symbol under `root/quotes`, and return the universe of them."""
    for number in range(days):
        for i, symbol in enumerate(symbols):
            tape = sor.simulate_quotes(
                venues=2 + i % 2,
                minutes=minutes,
                records=records,
                seed=100 * number + i,
                start=f"{day(number)}T14:30:00Z",
                symbol=symbol,
            )
            folder = root / "quotes" / f"date={day(number)}" / f"symbol={symbol}"
            folder.mkdir(parents=True)
            tape.write(folder / "tape.parquet")
    return sor.Universe(str(root / HIVE))


def same_bytes(one: sor.UniverseStudy, other: sor.UniverseStudy, folder: Path) -> bool:
    """Tell whether two studies are saved as the same bytes, the manifest included."""
    one.save(folder / "one")
    other.save(folder / "other")
    names = sorted(path.name for path in (folder / "one").iterdir())
    assert names == sorted(path.name for path in (folder / "other").iterdir())
    return all(
        (folder / "one" / name).read_bytes() == (folder / "other" / name).read_bytes() for name in names
    )
