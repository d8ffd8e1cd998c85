"""The columns of every result table: what each is called, holds, and is measured in.

One declaration for all readers: the page "Tables" of the documentation is made from it, and a test compares it with
the tables of real results in both directions. A column that is added to a result is added here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sor.results.declared import (
    COUNT,
    NAME,
    REAL,
    TEXT,
    TIME,
    WHOLE,
    Table,
    columns,
    nanos,
    only,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLICY = columns(("policy", NAME, "", "Name of the policy."))
_PARENT = columns(("parent", COUNT, "", "Number of the parent order, from 0."))
_CHILD = columns(
    ("child", WHOLE, "", "Number of the child within its parent; -1 for completion and unwinding.")
)
_PARTS = columns(
    ("spread_bps", REAL, "bps of Q * M0", "Quoted price against the mid at execution."),
    ("slippage_bps", REAL, "bps of Q * M0", "Price against the quoted price."),
    ("schedule_bps", REAL, "bps of Q * M0", "Mid at release against the arrival mid: what a schedule cost."),
    ("timing_bps", REAL, "bps of Q * M0", "Mid at execution against the mid at release, before the end."),
    ("opportunity_bps", REAL, "bps of Q * M0", "Mid at completion against the arrival mid."),
    ("fees_bps", REAL, "bps of Q * M0", "Taker fees."),
    ("rebates_bps", REAL, "bps of Q * M0", "Maker rebates; they lower the shortfall."),
)
_SHORTFALL = columns(
    (
        "shortfall_bps",
        REAL,
        "bps of Q * M0",
        "The sum of the parts below, rebates subtracted.",
    ),
    _PARTS,
)
_FILLS = columns(
    _PARENT,
    _CHILD,
    ("ts_decided", TIME, "", "When the child was decided."),
    ("ts_executed", TIME, "", "When it executed."),
    ("venue", NAME, "", "Where."),
    ("kind", NAME, "", "`take`, `post`, `completion` or `unwind`."),
    ("quantity", WHOLE, "shares", "Executed, positive."),
    ("price", REAL, "currency per share", "Paid or received, slippage included, fees not."),
    ("quoted", REAL, "currency per share", "The venue's quote it executed against."),
    ("mid", REAL, "currency per share", "The consolidated mid at execution."),
    ("fee", REAL, "currency", "Taker fee of the row."),
    ("rebate", REAL, "currency", "Maker rebate of the row."),
    ("age", WHOLE, "nanoseconds", "Since the venue's last record."),
)
_SENT = columns(
    _PARENT,
    ("child", WHOLE, "", "Number of the child within its parent."),
    ("kind", NAME, "", "`take` or `post`."),
    ("ts_decided", TIME, "", "When it was decided."),
    ("ts_arrived", TIME, "", "When it arrived at the venue, or would have."),
    ("venue", NAME, "", "Where it was sent."),
    ("quantity", WHOLE, "shares", "Sent."),
    ("executed", WHOLE, "shares", "Executed."),
    ("reason", NAME, "", "How it ended; see the page on fills."),
    ("remaining", WHOLE, "shares", "Still to plan when it was decided."),
    ("mid", REAL, "currency per share", "Mid when it was decided."),
    ("seen_price", REAL, "currency per share", "Quote it was planned on."),
    ("seen_displayed", WHOLE, "shares", "Displayed there."),
    ("seen_available", WHOLE, "shares", "What own fills had left of it."),
    ("marginal", REAL, "currency per share", "Cost of its last lot against the benchmark, fee included."),
    (
        "threshold",
        REAL,
        "currency per share",
        "The router's `lambda_under + theta_queue`; null for baselines.",
    ),
    (
        "gap",
        REAL,
        "currency",
        "How much cheaper a better split of its decision might at most have been; null where there is none.",
    ),
    ("met_price", REAL, "currency per share", "Quote it met; null where there was none."),
    ("met_displayed", WHOLE, "shares", "Displayed there; of a limit order, at its price when it joined."),
    (
        "met_available",
        WHOLE,
        "shares",
        "Available there; of a limit order, the queue it joined. Null: unbounded.",
    ),
    ("fill_probability", REAL, "probability", "The fill model's; null where nothing was tried."),
    ("age", WHOLE, "nanoseconds", "Of the quote it met."),
)
_CHILD_COSTS = columns(
    ("price", REAL, "currency per share", "Of its executions; null without one."),
    ("spread", REAL, "currency", "Quoted price against the mid, over its shares."),
    ("slippage", REAL, "currency", "Price against the quoted price."),
    ("timing", REAL, "currency", "Mid at execution against the arrival mid."),
    ("fee", REAL, "currency", "Taker fees."),
    ("rebate", REAL, "currency", "Maker rebates."),
    ("cost", REAL, "currency", "The sum of the parts, rebate subtracted; positive is worse."),
)
_ORDER = columns(
    _PARENT,
    ("side", NAME, "", "`buy` or `sell`."),
    ("quantity", WHOLE, "shares", "Of the order, Q."),
    ("lot", WHOLE, "shares", "In a lot."),
    ("start", TIME, "", "When it starts."),
    ("end", TIME, "", "When what is left is completed."),
    ("cut", "Boolean", "", "Whether its session closed before its end."),
    (
        "status",
        NAME,
        "",
        "`filled`; `completed` at its end, or `late` after it, or `stale` at a quote that no longer lived; "
        "`no_quotes`: it could not trade.",
    ),
    ("arrival_mid", REAL, "currency per share", "The mid on arrival, M0; null when there never was one."),
    ("executed", WHOLE, "shares", "By takes and limit orders, before the end."),
    ("posted", WHOLE, "shares", "Of those, by limit orders."),
    ("completed", WHOLE, "shares", "By the completion at the end."),
    ("unwound", WHOLE, "shares", "Executed beyond the quantity and traded back."),
    ("avg_fill_px", REAL, "currency per share", "Average price without fees; null when it could not trade."),
    ("all_in_px", REAL, "currency per share", "Average price with fees and rebates."),
    ("children", COUNT, "", "Children sent."),
    ("fills", COUNT, "", "Executions."),
    ("ts_done", TIME, "", "Last execution; the end when there is none."),
)
_SUMS = columns(
    ("notional", WHOLE, "nanos", "Signed cash before fees: positive when paid."),
    ("fees", WHOLE, "nanos", "Taker fees."),
    ("rebates", WHOLE, "nanos", "Maker rebates."),
    ("spread", WHOLE, "nanos", "Part of the shortfall."),
    ("slippage", WHOLE, "nanos", "Part of the shortfall."),
    ("schedule", WHOLE, "nanos", "Part of the shortfall."),
    ("timing", WHOLE, "nanos", "Part of the shortfall."),
    ("opportunity", WHOLE, "nanos", "Part of the shortfall."),
    ("shortfall", WHOLE, "nanos", "Sum of the parts, rebates subtracted."),
    ("all_in", WHOLE, "nanos", "`notional + fees - rebates`."),
)
_SUMMARY = columns(
    ("parents", COUNT, "", "Parents that could trade; all figures are about these."),
    ("no_quotes", "Int32", "", "Parents that could not."),
    ("cut", "Int32", "", "Parents whose session closed before their end."),
    ("late", "Int32", "", "Parents completed after their end, at the first quote that lived."),
    ("stale", "Int32", "", "Parents completed at a quote that no longer lived."),
    ("quantity", WHOLE, "shares", "Of all of them."),
    (
        "fill_ratio",
        REAL,
        "share of quantity",
        "Executed before the end; above 1 where overfills were unwound.",
    ),
    ("posted_ratio", REAL, "share of quantity", "Filled by limit orders."),
    ("completed_ratio", REAL, "share of quantity", "Completed at the end."),
    ("total_cash", REAL, "currency", "Paid or received, fees and rebates included."),
    ("avg_fill_px", REAL, "currency per share", "`total_cash` per share: all-in."),
    _SHORTFALL,
    ("fills", COUNT, "", "Executions."),
    ("seconds", REAL, "seconds", "Mean time from a parent's start to its last execution."),
)
_SAVED = columns(
    (
        "savings_bps",
        REAL,
        "bps of Q * M0",
        "Mean of the router's paired savings; null for the router itself.",
    ),
    (
        "cash_savings_bps",
        REAL,
        "bps of its price",
        "The router's all-in price of all parents against this policy's; null for the router itself.",
    ),
)
_ARRIVAL = columns(
    ("arrival_spread_bps", REAL, "bps of the mid", "Spread at the start; null while one side is empty."),
    ("arrival_depth", WHOLE, "shares", "Displayed at the start on the side it takes, stubs left out."),
)
_STUDY_PARENTS = columns(
    _PARENT,
    ("tape", COUNT, "", "Place of its tape in `quotes`."),
    ("symbol", TEXT, "", "Instrument; null where the tape does not name it."),
    only(_ORDER, "side", "quantity", "start", "end"),
    _ARRIVAL,
)
_SAVINGS = columns(
    ("savings_bps", REAL, "bps of Q * M0", "The other policy's shortfall less ours; positive is better."),
    *((part.name, REAL, part.unit, f"Saved in this part. {part.meaning}") for part in _PARTS),
)
_COMPARED = columns(
    ("against", TEXT, "", "The other policy."),
    ("savings_bps", REAL, "bps of Q * M0", "Mean of the paired savings; positive is better."),
    (
        "lower",
        REAL,
        "bps of Q * M0",
        "Lower end of the interval; null where the sample is too small for one.",
    ),
    ("upper", REAL, "bps of Q * M0", "Upper end."),
    ("p_value", REAL, "probability", "Two-sided, of no difference; null as above."),
    ("parents", WHOLE, "", "Pairs."),
    ("times", WHOLE, "", "Distinct start times among them."),
    ("block", WHOLE, "start times", "Length of the bootstrap's blocks."),
    ("wins", WHOLE, "", "Parents with positive savings."),
    ("ties", WHOLE, "", "Parents with none."),
    ("losses", WHOLE, "", "Parents with negative savings."),
    ("win_ratio", REAL, "share of parents", "`wins / parents`."),
)
_AXES = columns(
    ("lambda_over", REAL, "as `unit` says", "Penalty for each excess share."),
    ("lambda_under", REAL, "as `unit` says", "Penalty for each missing share."),
    (
        "theta_queue",
        REAL,
        "as `unit` says",
        "Queue-risk penalty, charged on both; for a policy of one's own its axes.",
    ),
)
_POINTS = columns(
    _AXES,
    _SHORTFALL,
    only(_SUMMARY, "fill_ratio", "completed_ratio", "total_cash", "avg_fill_px"),
    (
        "best",
        "Boolean",
        "",
        "Least objective; true for every point that ties. Other objectives than the mean have columns.",
    ),
)
_BEHIND = columns(
    (
        "behind_bps",
        REAL,
        "bps of Q * M0",
        "Objective beyond the best point's; of the mean, paired by parent.",
    ),
    ("behind_lower", REAL, "bps of Q * M0", "Lower end of its interval; null where the sample is too small."),
    ("behind_upper", REAL, "bps of Q * M0", "Upper end."),
    (
        "plateau",
        "Boolean",
        "",
        "The interval does not exclude that the point is as good as the best; null without an interval.",
    ),
)
_WEIGHED = columns(
    ("mean_bps", REAL, "bps of Q * M0", "Mean shortfall over the parents that could trade."),
    ("std_bps", REAL, "bps of Q * M0", "Standard deviation of their shortfalls."),
    ("points", WHOLE, "", "Points of a search that cost the same; null for other policies."),
    ("efficient", "Boolean", "", "No other row has both less, or one less and the other the same."),
)
_EPOCHS = columns(
    _PARENT,
    ("ts", TIME, "", "When the epoch was planned."),
    ("remaining", WHOLE, "shares", "To plan."),
    ("market", WHOLE, "shares", "Market order, M."),
    ("limit", WHOLE, "shares", "Sum of the limit orders L_k."),
    ("scenarios", WHOLE, "", "Past windows used; 0: no problem could be posed and all was taken."),
    ("half_spread", REAL, "currency per share", "h. Null, as all below, where `scenarios` is 0."),
    ("lambda_under", REAL, "currency per share", "Full cost of a late share, as it was used."),
    ("lambda_over", REAL, "currency per share", "Cost of an excess share, as it was used."),
    ("cost", REAL, "currency", "Expected cost V against the mid."),
    ("shortfall", REAL, "shares", "Expected shares short, E (S - A)+."),
    ("excess", REAL, "shares", "Expected excess shares, E (A - S)+."),
)
_PLACES = columns(
    _PARENT,
    ("child", WHOLE, "", "The limit order."),
    ("ts", TIME, "", "From when on."),
    ("ahead", WHOLE, "shares", "Ahead of it in the queue; null where the pessimistic model knows no bound."),
    ("left", WHOLE, "shares", "Its own shares not yet filled."),
)
_RELEASES = columns(
    _PARENT,
    ("ts", TIME, "", "When; before the order's arrival: what is released there."),
    ("total", WHOLE, "shares", "All shares released by then."),
    ("mid", REAL, "currency per share", "The mid then."),
)
_FILL_MONEY = ("price", "quoted", "mid", "fee", "rebate")
_CHILD_MONEY = ("mid", "seen_price", "marginal", "threshold", "gap", "met_price")
TABLES: Mapping[str, Table] = {
    "Backtest.summary": table("One row per policy, the router first.", _POLICY, _SUMMARY, _SAVED),
    "Backtest.orders": table(
        "One row per parent order of the router.",
        only(_ORDER, "parent", "side", "quantity", "start", "end", "cut", "status"),
        only(_ORDER, "executed", "posted", "completed", "unwound", "arrival_mid", "avg_fill_px", "all_in_px"),
        _SHORTFALL,
        only(_ORDER, "children", "fills", "ts_done"),
    ),
    "Backtest.fills": table("One row per execution.", _FILLS),
    "Backtest.children": table("One row per child order: seen, met, got, cost.", _SENT, _CHILD_COSTS),
    "Backtest.posts": table(
        "One row per limit order.",
        only(_SENT, "parent", "child", "venue", "ts_decided", "ts_arrived"),
        ("price", REAL, "currency per share", "Where it rests."),
        ("quantity", WHOLE, "shares", "Of the order."),
        (
            "ahead",
            WHOLE,
            "shares",
            "The queue it joined; null where it never joined or the queue is unbounded.",
        ),
        ("filled", WHOLE, "shares", "Filled."),
        ("reason", NAME, "", "How it ended."),
        ("first_fill", TIME, "", "First execution; null without one."),
        ("last_fill", TIME, "", "Last execution; null without one."),
        ("seconds_to_first_fill", REAL, "seconds", "From arrival."),
        ("seconds_to_fill", REAL, "seconds", "From arrival to the last; null unless filled whole."),
        ("rebate", REAL, "currency", "Earned."),
    ),
    "Backtest.places": table("One row per change of a limit order's place in its queue.", _PLACES),
    "Backtest.epochs": table("One row per decision of the paper's router.", _EPOCHS),
    "Backtest.markouts": table(
        "One row per horizon: what passive fills were worth afterwards.",
        ("seconds", WHOLE, "seconds", "After the fill: 0, 1, 10, 60."),
        ("fills", WHOLE, "", "Passive fills whose mid then is known."),
        ("shares", WHOLE, "shares", "Of those fills."),
        ("unknown", WHOLE, "shares", "Filled, but the mid then lies past the tape."),
        ("edge", REAL, "currency per share", "Mid then better than the price paid, weighted by shares."),
        ("adverse", REAL, "currency per share", "How far the mid moved against us since the fill."),
        ("edge_bps", REAL, "bps of the price", "`edge` as a fraction of the price."),
    ),
    "Backtest.hindsight": table(
        "One row per parent order: the least possible cost with perfect foresight.",
        _PARENT,
        only(_ORDER, "all_in_px"),
        only(_SHORTFALL, "shortfall_bps"),
    ),
    "Backtest.releases": table("One row per release of a schedule.", _RELEASES),
    "Study.parents": table("One row per parent order, with the book at its start.", _STUDY_PARENTS),
    "Study.summary": table("One row per policy.", _POLICY, _SUMMARY),
    "Study.savings": table(
        "One row per other policy and parent order.",
        ("against", NAME, "", "The other policy."),
        _STUDY_PARENTS,
        _SAVINGS,
    ),
    "Study.comparisons": table(
        "One row per other policy: the evidence.",
        _COMPARED,
        ("median_bps", REAL, "bps of Q * M0", "Median of the paired savings."),
        ("worst_bps", REAL, "bps of Q * M0", "The parent with the least."),
        only(_SAVINGS, *(part.name for part in _PARTS)),
    ),
    "Study.by": table(
        "One row per other policy and bin. The second column is named after what was asked for.",
        only(_COMPARED, "against"),
        ("time, spread, depth, size, side or tape", TEXT, "", "The bin."),
        _COMPARED[1:],
    ),
    "Search.table": table("One row per point tried.", _POINTS, _BEHIND),
    "Search.frontier": table(
        "One row per point and other policy: what it costs against how evenly; of a `Study` per policy, without axes.",
        ("policy", TEXT, "", "`router` for the points."),
        _AXES,
        _WEIGHED,
    ),
    "Search.folds": table(
        "One row per fold of the walk-forward.",
        ("fold", COUNT, "", "From 0."),
        ("boundary", TIME, "", "Train before it, test after it."),
        ("train", WHOLE, "", "Parents that end by the boundary."),
        ("purged", WHOLE, "", "Parents that span it, left out of the training."),
        ("test", WHOLE, "", "Parents that start after it, up to the next boundary."),
        _AXES,
        ("in_sample_bps", REAL, "bps of Q * M0", "Mean shortfall of the chosen point on `train`."),
        ("out_of_sample_bps", REAL, "bps of Q * M0", "Its mean shortfall on `test`."),
        ("hindsight_bps", REAL, "bps of Q * M0", "The least on `test` of all points tried in the fold."),
    ),
    "Search.comparisons": table(
        "One row per other policy: savings in and out of sample, and the chance that the best is luck.",
        only(_COMPARED, "against", "parents"),
        ("in_sample", REAL, "bps of Q * M0", "Mean savings of the best point on the parents of all tests."),
        ("out_of_sample", REAL, "bps of Q * M0", "Of each fold's choice on the same; null without folds."),
        only(_COMPARED, "lower", "upper", "p_value"),
        ("p_reality_check", REAL, "probability", "Of a best as good, if no point were better (White)."),
        ("p_spa", REAL, "probability", "The same, clearly worse points not counted (Hansen)."),
    ),
    "Stress.table": table(
        "One row per market.",
        ("market", TEXT, "", "Name of the market."),
        _SUMMARY,
        ("saved_<policy>_bps", REAL, "bps of Q * M0", "The router's mean paired savings against it."),
    ),
    "probe_outflows": table(
        "One row per window.",
        ("start", TIME, "", "When the probes joined."),
        ("end", TIME, "", "When they left; the row is known from then on."),
        ("<venue>", WHOLE, "shares", "Filled there; 0 where no probe could be posted."),
    ),
    "Quotes.venues": table(
        "One row per venue of a tape.",
        ("index", "UInt16", "", "Position among the venues."),
        ("id", "UInt16", "", "Publisher id; null where the input has only names."),
        ("name", TEXT, "", "Name."),
    ),
    "Quotes.frame": table(
        "One row per record: the canonical tape.",
        ("ts", WHOLE, "nanoseconds since 1970, UTC", "Time of the record."),
        ("venue", "UInt16", "", "Index into `venues`."),
        ("bid_px", WHOLE, "nanos per share", "2^63 - 1: no quote."),
        ("bid_sz", COUNT, "shares", "0: no quote."),
        ("ask_px", WHOLE, "nanos per share", "2^63 - 1: no quote."),
        ("ask_sz", COUNT, "shares", "0: no quote."),
    ),
    "Ledger.parents": table(
        "One row per policy and parent order: exact sums over its fills.",
        _POLICY,
        nanos(
            only(_ORDER, "parent", "side", "quantity", "lot", "start", "end", "cut", "status", "arrival_mid"),
            ("arrival_mid",),
        ),
        only(_ORDER, "executed", "posted", "completed", "unwound"),
        _SUMS,
        only(_ORDER, "children", "fills", "ts_done"),
    ),
    "Ledger.children": table("One row per child order.", _POLICY, nanos(_SENT, _CHILD_MONEY)),
    "Ledger.fills": table(
        "One row per execution; every sum follows from these.", _POLICY, nanos(_FILLS, _FILL_MONEY)
    ),
    "Ledger.places": table("One row per change of a limit order's place in its queue.", _POLICY, _PLACES),
    "Ledger.releases": table("One row per release of a schedule.", _POLICY, nanos(_RELEASES, ("mid",))),
    "Ledger.epochs": table(
        "One row per decision of the paper's router.",
        _POLICY,
        nanos(_EPOCHS, ("half_spread", "lambda_under", "lambda_over", "cost"), REAL),
    ),
}
"Every result table by `class.attribute`, or by the function that returns it."
