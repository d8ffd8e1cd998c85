"""The columns of every table of a universe's results; see `sor.results.columns`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sor.results.columns import TABLES
from sor.results.declared import COUNT, NAME, REAL, TEXT, TIME, WHOLE, Column, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_BPS = "bps of Q * M0"
_KEY = (
    Column("date", "Date", "", "The day, as its path says; else that of its first record, UTC."),
    Column("symbol", TEXT, "", "The symbol, as its path says, else its records; empty where neither does."),
    Column("unit", TEXT, "", "Name of the unit: date and symbol, or its path."),
)
_MARKET = Column("market", TEXT, "", "Name of the market in a stress test; else empty.")


def _summed(table: str, *names: str) -> tuple[Column, ...]:
    """Return columns of a table of means as they are summed."""
    known = {column.name: column for column in TABLES[table].columns}
    return tuple(
        Column(name, REAL, known[name].unit, f"Sum over the orders: {known[name].meaning}") for name in names
    )


def _like(table: str, *names: str, **dtypes: str) -> tuple[Column, ...]:
    """Return columns of another table; those in `dtypes` with a dtype of their own."""
    known = {column.name: column for column in TABLES[table].columns}
    return tuple(
        Column(name, dtypes.get(name, known[name].dtype), known[name].unit, known[name].meaning)
        for name in names
    )


_PARTS = (
    "spread_bps",
    "slippage_bps",
    "schedule_bps",
    "timing_bps",
    "opportunity_bps",
    "fees_bps",
    "rebates_bps",
)
_COMPARED = (
    Column("against", TEXT, "", "The other policy."),
    Column("savings_bps", REAL, _BPS, "Mean paired savings over the orders."),
    Column("lower", REAL, _BPS, "End of the interval, by day; null where there are too few days."),
    Column("upper", REAL, _BPS, "The other end."),
    Column("p_value", REAL, "probability", "Two-sided, by day, of a mean of zero."),
    Column("detectable_bps", REAL, _BPS, "Minimum detectable effect by day, at 80% power."),
    Column("parents", WHOLE, "", "Orders that could trade under both."),
    Column("days", WHOLE, "", "Days they lie on."),
    Column("symbols", WHOLE, "", "Symbols they are of."),
    Column("wins", WHOLE, "", "Orders on which the policy was better."),
    Column("ties", WHOLE, "", "On which both cost the same."),
    Column("losses", WHOLE, "", "On which the other was better."),
    Column("win_ratio", REAL, "fraction", "Wins over orders."),
)

UNIVERSE_TABLES: Mapping[str, Table] = {
    "UniverseStudy.summary": Table(
        "One row per policy, over all orders of all units.",
        tuple(
            Column(
                column.name,
                WHOLE if column.dtype in (COUNT, "Int32") else column.dtype,
                column.unit,
                column.meaning,
            )
            for column in TABLES["Study.summary"].columns
        ),
    ),
    "UniverseStudy.comparisons": Table(
        "One row per other policy: the evidence.",
        (
            *_COMPARED,
            Column(
                "lower_both",
                REAL,
                _BPS,
                "End of the interval by day and symbol; null where there are too few.",
            ),
            Column("upper_both", REAL, _BPS, "The other end."),
            Column("p_both", REAL, "probability", "Two-sided, by day and symbol."),
            Column("p_adjusted", REAL, "probability", "By day, for all policies together (Romano and Wolf)."),
            Column("worst_bps", REAL, _BPS, "The order with the least savings."),
            *_like("Study.savings", *_PARTS),
        ),
    ),
    "UniverseStudy.by": Table(
        "One row per other policy and value. The second column is named after what was asked for.",
        (
            _COMPARED[0],
            Column("date, month, symbol, venues or yours", TEXT, "", "The value."),
            *_COMPARED[1:],
        ),
    ),
    "UniverseStudy.units": Table(
        "One row per symbol-day.",
        (
            *_KEY,
            Column("records", WHOLE, "", "Of its tape."),
            Column("venues", WHOLE, "", "Of its tape."),
            Column("orders", WHOLE, "", "Laid on it."),
            Column("start", TIME, "", "First record."),
            Column("end", TIME, "", "Last record."),
            Column("problem", TEXT, "", "Why it could not be used; null where it was."),
        ),
    ),
    "UniverseStudy.inputs": Table(
        "One row per unit and file.",
        (
            *_KEY,
            Column("kind", TEXT, "", "`quotes`, `trades`, or `cut` where the file holds other units too."),
            Column("path", TEXT, "", "As it was given."),
            Column(
                "digest", TEXT, "", "BLAKE2b of its bytes; empty in a store, null where it could not be used."
            ),
        ),
    ),
    "UniverseStudy.rows.notices": Table(
        "One row per unit and kind of setting that does not fit its tape.",
        (
            *_KEY,
            Column("kind", TEXT, "", "What does not fit, in a word or two."),
            Column("notice", TEXT, "", "The sentence that says so."),
        ),
    ),
    "UniverseStudy.rows.sums": Table(
        "One row per unit, market and policy: sums over the orders that could trade.",
        (
            *_KEY,
            _MARKET,
            Column("policy", NAME, "", "Name of the policy."),
            Column("parents", WHOLE, "", "Orders that could trade."),
            Column("no_quotes", WHOLE, "", "Orders that could not."),
            Column("cut", WHOLE, "", "Orders whose session closed before their end."),
            Column("late", WHOLE, "", "Orders completed after their end, at the first quote that lived."),
            Column("stale", WHOLE, "", "Orders completed at a quote that no longer lived."),
            Column("quantity", WHOLE, "shares", "Of the orders."),
            Column("executed", WHOLE, "shares", "Taken before the end."),
            Column("posted", WHOLE, "shares", "Filled by resting."),
            Column("completed", WHOLE, "shares", "Bought or sold at the end."),
            Column("children", WHOLE, "", "Child orders."),
            Column("fills", WHOLE, "", "Executions."),
            Column(
                "all_in",
                "Int128",
                "nanos",
                "Signed cash with fees, positive when paid by either side's parent.",
            ),
            Column("cash", "Int128", "nanos", "The same, sales negative."),
            *_summed("Study.summary", "shortfall_bps", *_PARTS, "seconds"),
            Column("shortfall_bps2", REAL, "bps^2", "Sum over the orders: the square of the shortfall."),
        ),
    ),
    "UniverseStudy.rows.savings": Table(
        "One row per unit, market and other policy: sums over the orders that could trade under both.",
        (
            *_KEY,
            _MARKET,
            Column("against", NAME, "", "The other policy."),
            Column("parents", WHOLE, "", "Orders."),
            Column("wins", WHOLE, "", "Orders on which the policy was better."),
            Column("losses", WHOLE, "", "On which the other was better."),
            Column("savings_bps", REAL, _BPS, "Sum over the orders: paired savings."),
            *_summed("Study.savings", *_PARTS),
            Column("worst_bps", REAL, _BPS, "The order with the least; null without any."),
        ),
    ),
    "UniverseSearch.folds": Table(
        "One row per fold of the walk-forward.",
        (
            Column("fold", COUNT, "", "From 0."),
            Column("boundary", "Date", "", "Train before it, test from it on."),
            Column("train", WHOLE, "", "Days before it."),
            Column("test", WHOLE, "", "Days from it on, up to the next boundary."),
            *_like("Search.folds", "lambda_over", "lambda_under", "theta_queue"),
            *_like("Search.folds", "in_sample_bps", "out_of_sample_bps", "hindsight_bps"),
        ),
    ),
    "UniverseSearch.comparisons": Table(
        "One row per other policy: savings in and out of sample, and the chance that the best is luck.",
        (
            Column("against", TEXT, "", "The other policy."),
            Column("parents", WHOLE, "", "Orders that could trade under both."),
            Column("in_sample", REAL, _BPS, "Mean savings of the best point on all units."),
            Column("out_of_sample", REAL, _BPS, "Of each fold's choice on its test; null without folds."),
            Column("lower", REAL, _BPS, "End of its interval, by day; null where there are too few days."),
            Column("upper", REAL, _BPS, "The other end."),
            Column("p_value", REAL, "probability", "Two-sided, by day."),
            Column(
                "p_adjusted",
                REAL,
                "probability",
                "Of the best point, over all points tried (Romano and Wolf).",
            ),
        ),
    ),
}
"Every table of a universe's results by `class.attribute`."
