"""The orders that an argument asks for: one by one, on a schedule, or in a table."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import polars as pl

from sor.errors import ParameterError, shown
from sor.settings.frames import is_table, nanos_of, read_table, to_frame, values_of
from sor.settings.orders import Order, OrderSchedule
from sor.settings.times import is_clock, to_ns

_COLUMNS = ("side", "quantity", "start", "horizon", "end", "lot", "tz")


def as_orders(orders: object) -> tuple[Order | OrderSchedule, ...]:
    """Return orders as a tuple.

    Raises:
        DataError: If a file of orders cannot be read.
        FileNotFoundError, IsADirectoryError, PermissionError: If its path leads to no file that may be read.
        ParameterError: If it is none of `Orders`, or empty.

    """
    if isinstance(orders, Order | OrderSchedule):
        return (orders,)
    if isinstance(orders, str | PathLike):
        return orders_in(read_table(orders, "orders"), str(orders))
    if is_table(orders):
        return orders_in(to_frame(orders, "orders", "a table of orders"), "orders")
    if not isinstance(orders, Sequence) or not all(
        isinstance(each, Order | OrderSchedule) for each in orders
    ):
        raise ParameterError(
            "orders must be an Order, orders_every(...), a sequence of them, or a table with side and quantity, "
            f"got {shown(orders)}"
        )
    if not orders:
        raise ParameterError("orders must hold at least one Order or schedule")
    return tuple(orders)


def orders_in(table: pl.DataFrame, label: str) -> tuple[Order, ...]:
    """Make an order of each row (rule P2).

    Args:
        table: Columns side and quantity, and if wanted start, horizon (or end, which needs a start that is a moment),
            lot and tz, each as in `Order`; an empty cell is what `Order` has by default.
        label: What the table is called in messages.

    Raises:
        ParameterError: Naming the table, the row and the column.

    """
    unknown = [name for name in table.columns if name not in _COLUMNS]
    missing = [name for name in _COLUMNS[:2] if name not in table.columns]
    if unknown or missing:
        what = f"no column {missing[0]}" if missing else f"an order has no {shown(unknown[0])}"
        raise ParameterError(
            f"{label}: {what}; expected columns side and quantity, and if wanted {', '.join(_COLUMNS[2:])}, separated "
            f"by commas in a CSV; its columns are {', '.join(map(str, table.columns)) or 'none'}"
        )
    if table.is_empty():
        raise ParameterError(f"{label}: no rows; expected an order in each")
    values = {name: _values(table[name]) for name in table.columns}
    return tuple(
        _order({name: column[row] for name, column in values.items()}, f"{label}, row {row + 1}")
        for row in range(table.height)
    )


def _order(row: dict[str, Any], label: str) -> Order:
    given = {name: value for name, value in row.items() if value is not None}
    absent = [name for name in _COLUMNS[:2] if name not in given]
    if absent:
        raise ParameterError(f"{label}: {absent[0]} is empty")
    end = given.pop("end", None)
    if end is not None:
        if "horizon" in given:
            raise ParameterError(f"{label}: both horizon and end; expected one of them")
        given["horizon"] = _until(given.get("start"), end, label)
    try:
        return Order(given.pop("side"), given.pop("quantity"), **given)
    except ParameterError as wrong:
        raise ParameterError(f"{label}: {wrong}") from None


def _until(start: Any, end: Any, label: str) -> int:
    """Return the nanoseconds from a start to an end."""
    if start is None or is_clock(start) or is_clock(end):
        raise ParameterError(
            f"{label}: an end needs a start, both of them moments and not times of day; else say horizon"
        )
    try:
        span = to_ns(end, "end") - to_ns(start, "start")
    except ParameterError as wrong:
        raise ParameterError(f"{label}: {wrong}") from None
    if span <= 0:
        raise ParameterError(f"{label}: end is {shown(end)}; expected one after start, {shown(start)}")
    return span


def _values(column: pl.Series) -> list[Any]:
    """Return what `Order` takes; spans and times of day to the nanosecond as well."""
    if column.dtype == pl.Time:
        return [None if nanos is None else _clock(nanos) for nanos in column.to_physical().to_list()]
    return nanos_of(column) if isinstance(column.dtype, pl.Duration) else values_of(column)


def _clock(nanos: int) -> str:
    seconds, rest = divmod(nanos, 10**9)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:09}"
