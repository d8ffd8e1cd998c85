"""The orders of a call: from a file of settings, a table, and the options on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sor.errors import ParameterError, shown
from sor.settings.config import orders_of
from sor.settings.listed import as_orders
from sor.settings.times import clock_ns, is_clock, to_ns

if TYPE_CHECKING:
    from sor.cli.options import Given
    from sor.settings.orders import Order, OrderSchedule


def orders_of_call(
    asked: Any, given: Given, defaults: Mapping[str, Any]
) -> tuple[Order | OrderSchedule, ...]:
    """Put the orders of a call together.

    Args:
        asked: What the settings say: tables, one of them, or the path of a table.
        given: The options.
        defaults: What an order is where neither says.

    Raises:
        ParameterError: Naming the option, or the table, and what would be right.

    """
    if given.orders is not None:
        asked = str(given.orders)
    if isinstance(asked, str):
        return _listed(asked, given)
    if isinstance(asked, Mapping):
        asked = [{**defaults, **asked}]
    if not isinstance(asked, list) or not all(isinstance(each, Mapping) for each in asked):
        raise ParameterError(f"orders must be [[orders]] tables or the path of a table, got {shown(asked)}")
    said = {name: getattr(given, name) for name in ("side", "horizon", "every", "start", "end", "tz")}
    said = {name: str(value) for name, value in said.items() if value is not None}
    sizes: dict[str, Any] = {} if given.quantity is None else {"quantity": _sizes(given.quantity)}
    if asked and not said and not sizes:
        return orders_of(asked)
    if len(asked) > 1:
        name = next(iter(said | sizes))
        raise ParameterError(f"--{name}: the settings have {len(asked)} [[orders]]; change it there")
    clock = is_clock(said.get("start"))
    if "start" in said and "every" in said and not clock:
        raise ParameterError("--start with --every must be a time of day, such as 09:30")
    base = (
        dict(asked[0])
        if asked
        else {k: v for k, v in defaults.items() if not ("start" in said and not clock and k == "every")}
    )
    one = base | said | sizes
    if "start" in said and not clock:
        one.pop("every", None)
    if "every" in one:
        one.setdefault("horizon", one["every"])
        one.setdefault("side", "buy")
    elif "end" in said:
        _end_alone(one, said)
    return _one_each(one)


def _end_alone(one: dict[str, Any], said: Mapping[str, str]) -> None:
    """Turn the end of a single order into its horizon."""
    if "horizon" in said:
        raise ParameterError("--end and --horizon both say when the order ends; give one of them")
    start, end = one.get("start"), one.pop("end")
    if start is None or is_clock(start) != is_clock(end):
        raise ParameterError(
            "--end of a single order goes with --start, both of them moments or both times of day; or say --horizon"
        )
    read = clock_ns if is_clock(end) else to_ns
    one["horizon"] = read(end, "--end") - read(start, "--start")
    if one["horizon"] <= 0:
        raise ParameterError(f"--end is {end}; expected one after --start, {start}")


def _listed(path: str, given: Given) -> tuple[Order | OrderSchedule, ...]:
    """Take the orders of a file, which say themselves all that an order has."""
    for name in ("side", "quantity", "horizon", "every", "start", "end", "tz"):
        if getattr(given, name) is not None:
            raise ParameterError(f"--{name}: the orders are those of {path}; change it there")
    return as_orders(path)


def _one_each(table: dict[str, Any]) -> tuple[Order | OrderSchedule, ...]:
    """Make a schedule, or as many single orders as there are sides and sizes."""
    if "every" in table:
        return orders_of([table])
    sides = ["buy", "sell"] if table.get("side") == "both" else [table.get("side", "buy")]
    sizes = table["quantity"] if isinstance(table.get("quantity"), list) else [table.get("quantity")]
    return orders_of([table | {"side": side, "quantity": size} for side in sides for size in sizes])


def _sizes(text: str) -> int | list[int]:
    try:
        sizes = [int(part.replace("_", "")) for part in text.split(",")]
    except ValueError:
        raise ParameterError(
            f"--quantity must be whole numbers separated by commas, got {shown(text)}"
        ) from None
    first, *others = text.split(",")
    if any(part.strip().startswith("0") for part in others):
        raise ParameterError(
            f"--quantity {text}: a comma separates sizes; for one of {''.join((first, *others))} shares write "
            f"{''.join((first, *others))} or {'_'.join((first, *others))}"
        )
    return sizes[0] if len(sizes) == 1 else sizes
