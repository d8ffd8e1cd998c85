//! What the Python reference says of random and adversarial inputs, written to `tests/golden/*.json` by `make golden`.

#[path = "support/golden_input.rs"]
mod golden_input;

use std::ops::Range;

use golden_input::{OrderRow, Owned, PolicyRow, RecordRow, SettingsRow, entries, queue, rule, side, snapshot};
use serde::Deserialize;
use sor_core::allocate::exact::Scratch;
use sor_core::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate, cost};
use sor_core::batch::{Variant, hindsight_all, replay_all};
use sor_core::error::Error;
use sor_core::ledger::{Fill, Kind, Ledger, Reason, Status};
use sor_core::market::{Hours, Session, Snapshot, Tape, Visibility, count_states};
use sor_core::observe::{Stop, Unobserved};
use sor_core::order::Parent;
use sor_core::policy::probes::{Probing, Windows, probe};
use sor_core::units::{Money, Nanos, Shares, Time};

const SOLVERS: [Solver; 2] = [Solver::Exact, Solver::Exhaustive { max_candidates: 200_000 }];

type TradeRow = (Time, u16, Nanos, u32);

#[derive(Deserialize)]
struct TapeRow {
    records: Vec<RecordRow>,
    trades: Option<Vec<TradeRow>>,
    cases: Vec<CaseRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRow {
    order: OrderRow,
    policy: PolicyRow,
    settings: SettingsRow,
    status: String,
    m0: Option<Nanos>,
    sums: [Money; 10],
    children: Vec<ChildRow>,
    fills: Vec<FilledRow>,
    hindsight: Option<Money>,
}

/// Number, time decided, time of arrival, venue, shares, quote seen, quote met, shares available there, shares executed,
/// price, how it ended, kind.
type ChildRow = (u32, Time, Time, usize, Shares, Nanos, Option<Nanos>, Shares, Shares, Option<Nanos>, String, String);

/// Child, time decided, time executed, venue, kind, shares, price, quote, mid, fee, rebate, age.
type FilledRow = (i64, Time, Time, usize, String, Shares, Nanos, Nanos, Nanos, Money, Money, Time);

fn kind(kind: Kind) -> String {
    let word = match kind {
        Kind::Take => "take",
        Kind::Post => "post",
        Kind::Completion => "completion",
        Kind::Unwind => "unwind",
    };
    word.into()
}

fn reason(reason: Reason) -> String {
    let word = match reason {
        Reason::Filled => "filled",
        Reason::Partial => "partial",
        Reason::NoQuote => "no_quote",
        Reason::Limit => "limit",
        Reason::Depleted => "depleted",
        Reason::Queue => "queue",
        Reason::Expired => "expired",
        Reason::Crossed => "crossed",
        Reason::Cancelled => "cancelled",
    };
    word.into()
}

fn filled(fill: &Fill) -> FilledRow {
    let child = fill.child.map_or(-1, i64::from);
    let (price, quoted, mid) = (fill.price, fill.quoted, fill.mid);
    (
        child,
        fill.ts_decided,
        fill.ts_executed,
        fill.venue,
        kind(fill.kind),
        fill.quantity,
        price,
        quoted,
        mid,
        fill.fee,
        fill.rebate,
        fill.age,
    )
}

fn check_rows(case: &CaseRow, ledger: &Ledger, name: &str) {
    assert_eq!(ledger.fills.iter().map(filled).collect::<Vec<_>>(), case.fills, "{name}");
    assert_eq!(ledger.children.len(), case.children.len(), "{name}");
    for (number, (child, row)) in ledger.children.iter().zip(&case.children).enumerate() {
        let (_, _, _, _, _, _, met, available, _, price, ..) = *row;
        // What a limit order met is the queue it joined, of which the reference's row says nothing.
        let (met, available) =
            if child.kind == Kind::Post { (met, available) } else { (child.met_price, child.met_available) };
        let found = (
            u32::try_from(number).expect("few children"),
            child.ts_decided,
            child.ts_arrived,
            child.venue,
            child.quantity,
            child.seen_price,
            met,
            available,
            child.executed,
            price,
            reason(child.reason),
            kind(child.kind),
        );
        assert_eq!(&found, row, "{name}");
    }
}

/// Every sum again from the rows of the fills (rules P5, P6).
fn check_sums(case: &CaseRow, ledger: &Ledger, name: &str) {
    let total = &ledger.summary;
    let status = match total.status {
        Status::Filled => "filled",
        Status::Completed => "completed",
        Status::Late => "late",
        Status::Stale => "stale",
        Status::NoQuotes => "no_quotes",
    };
    assert_eq!((status, total.arrival_mid), (case.status.as_str(), case.m0), "{name}");
    let shares = [total.executed, total.completed, total.unwound].map(Money::from);
    let costs =
        [total.spread, total.slippage, total.schedule + total.timing, total.opportunity, total.fees, total.rebates];
    let sums: Vec<Money> = shares.into_iter().chain(costs).chain([total.shortfall()]).collect();
    assert_eq!(sums, case.sums, "{name}");
    let of = |wanted: Kind| ledger.fills.iter().filter(move |fill| fill.kind == wanted);
    assert_eq!(total.posted, of(Kind::Post).map(|fill| fill.quantity).sum::<Shares>(), "{name}");
    assert_eq!(total.completed, of(Kind::Completion).map(|fill| fill.quantity).sum::<Shares>(), "{name}");
    let parent = case.order.parent();
    let signed = |fill: &Fill| if fill.kind == Kind::Unwind { -fill.quantity } else { fill.quantity };
    let cash = |fill: &Fill| Money::from(parent.side.sign() * signed(fill)) * Money::from(fill.price);
    assert_eq!(total.notional, ledger.fills.iter().map(cash).sum::<Money>(), "{name}");
    assert_eq!(total.ts_done, ledger.fills.last().map_or(parent.end, |fill| fill.ts_executed), "{name}");
    assert_eq!((total.children as usize, total.fills as usize), (ledger.children.len(), ledger.fills.len()), "{name}");
}

fn check_case(tape: &Tape<'_>, case: &CaseRow, name: &str) {
    let (parent, market) = (case.order.parent(), case.settings.market(&case.policy));
    let least = hindsight_all(tape, &[parent], &market, 1, &mut Unobserved).expect(name);
    assert_eq!(least, [case.hindsight], "{name}");
    let solvers = if case.policy.kind == "router" { &SOLVERS[..] } else { &SOLVERS[..1] };
    for &solver in solvers {
        let name = format!("{name}, {solver:?}");
        let variants = [Variant { market: market.clone(), plan: case.policy.plan(solver) }];
        let run = |record| replay_all(tape, &[parent], &variants, record, 1, &mut Unobserved);
        let ledger = match run(true) {
            // The reference has a table for those.
            Err(Error::TooManyCandidates { .. }) if solver != Solver::Exact => continue,
            ledgers => ledgers.expect(&name).remove(0),
        };
        check_rows(case, &ledger, &name);
        check_sums(case, &ledger, &name);
        assert_eq!(run(false).expect(&name)[0].summary, ledger.summary, "{name}: rows kept or not");
    }
}

#[test]
fn replays_are_those_of_the_reference() {
    let tapes: Vec<TapeRow> = entries("replays.json");
    assert!(tapes.len() > 60, "only {} tapes", tapes.len());
    for (number, row) in tapes.iter().enumerate() {
        let owned = Owned::new(&row.records, row.trades.as_deref());
        for (i, case) in row.cases.iter().enumerate() {
            let venues = case.settings.market(&case.policy).venues.len();
            let hours = case.settings.hours(owned.ts());
            check_case(
                &owned.tape(venues).with_hours(&hours),
                case,
                &format!("tape {number}, case {i}: {:?}", case.policy),
            );
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllocationRow {
    quantity: Shares,
    offers: Vec<(Nanos, Shares, Nanos, Nanos)>,
    side: String,
    lot: Shares,
    benchmark: Nanos,
    lambda_over: Nanos,
    lambda_under: Nanos,
    theta: Nanos,
    rule: String,
    split: Option<Vec<Shares>>,
    cost: Option<Money>,
}

#[test]
fn splits_are_those_of_the_reference() {
    let rows: Vec<AllocationRow> = entries("allocations.json");
    assert!(rows.len() >= 300);
    for (number, row) in rows.iter().enumerate() {
        let sign = side(&row.side).sign();
        let offer = |&(price, available, fee, rebate): &_| Offer { key: sign * price, available, fee, rebate };
        let offers: Vec<Offer> = row.offers.iter().map(offer).collect();
        let problem = Problem {
            quantity: row.quantity,
            lot: row.lot,
            offers: &offers,
            benchmark_key: sign * row.benchmark,
            penalties: Penalties { over: row.lambda_over, under: row.lambda_under, theta: row.theta },
            rule: rule(&row.rule),
        };
        for solver in SOLVERS {
            let mut split = vec![-1; offers.len()];
            let feasible = allocate(&problem, solver, &mut Scratch::default(), &mut split, Stop::NEVER).expect("few");
            // Strict knows no benchmark (rule A2).
            let benchmark = if problem.rule == Rule::Strict { 0 } else { problem.benchmark_key };
            let total = cost(&offers, &split, row.quantity, benchmark, &problem.penalties).total();
            let found = feasible.then_some((split, total));
            assert_eq!(found, row.split.clone().zip(row.cost), "{number}, {solver:?}");
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeRow {
    records: Vec<RecordRow>,
    trades: Option<Vec<TradeRow>>,
    side: String,
    quantity: Shares,
    length: Time,
    every: Time,
    filled: std::collections::BTreeMap<String, Vec<Vec<Shares>>>,
}

impl ProbeRow {
    fn probing(&self, word: &str) -> Probing {
        Probing {
            side: side(&self.side),
            quantity: self.quantity,
            windows: Windows { length: self.length, every: self.every },
            queue: queue(word),
            snapshot: Snapshot::Last,
            visibility: Visibility { collar: 1e6, collar_least: 0, max_quote_age: None },
        }
    }
}

#[test]
fn probes_fill_as_in_the_reference() {
    let rows: Vec<ProbeRow> = entries("probes.json");
    assert!(rows.len() > 70);
    for (number, row) in rows.iter().enumerate() {
        let owned = Owned::new(&row.records, row.trades.as_deref());
        for (word, filled) in &row.filled {
            let probes = probe(&owned.tape(owned.venues()), &row.probing(word), Stop::NEVER).expect("few windows");
            assert_eq!(probes.into_rows(), filled.concat(), "{number}, {word}");
        }
    }
}

#[test]
fn a_window_is_known_once_it_has_ended_and_in_its_own_session_alone() {
    let mut known_rows = 0;
    for row in entries::<ProbeRow>("probes.json") {
        let owned = Owned::new(&row.records, None);
        let ts = owned.ts();
        let Some(split) = (ts.len() / 2..ts.len()).find(|&i| ts[i] > ts[i - 1]) else { continue };
        let session = |rows: Range<usize>| Session { open: ts[rows.start], close: ts[rows.end - 1], rows };
        let hours = Hours::new(vec![session(0..split), session(split..ts.len())], vec![], ts.len()).expect("in order");
        let probes = probe(&owned.tape(owned.venues()).with_hours(&hours), &row.probing("expected"), Stop::NEVER);
        let probes = probes.expect("few windows");
        let open = ts[split];
        for now in ts[split..].iter().flat_map(|&ts| [ts, ts + 1]) {
            let known = |&i: &usize| open < probes.ends[i] && probes.ends[i] <= now;
            let rows: Vec<usize> = (0..probes.ends.len()).filter(known).collect();
            for most in [1, 2, usize::MAX] {
                let latest = &rows[rows.len().saturating_sub(most)..];
                assert_eq!(probes.known_at(open, now, most).collect::<Vec<_>>(), latest);
            }
            known_rows += rows.len();
        }
    }
    assert!(known_rows > 300, "{known_rows}");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatesRow {
    records: Vec<RecordRow>,
    collar: f64,
    counts: std::collections::BTreeMap<String, [u64; 4]>,
}

#[test]
fn states_are_counted_as_in_the_reference() {
    let rows: Vec<StatesRow> = entries("states.json");
    let mut met = [0; 4];
    for (number, row) in rows.iter().enumerate() {
        let owned = Owned::new(&row.records, None);
        for (mode, expected) in &row.counts {
            let tape = owned.tape(owned.venues());
            let visibility = Visibility { collar: row.collar, collar_least: 0, max_quote_age: None };
            let counts = count_states(&tape, snapshot(mode), &visibility, Stop::NEVER).expect("nobody stops it");
            let found = [counts.snapshots, counts.locked, counts.crossed, counts.stubs];
            assert_eq!(&found, expected, "{number}, {mode}");
            met.iter_mut().zip(found).for_each(|(sum, count)| *sum += count);
        }
    }
    assert!(met.iter().all(|&count| count > 20), "{met:?}");
}

/// The reference walks as far as it is asked to; the core's walk has an end.
#[test]
fn a_walk_of_a_million_levels_is_the_longest() {
    let tapes: Vec<TapeRow> = entries("replays.json");
    // Two venues of this tape show a buyer a share each, and its router never trades.
    let thin = |row: &&TapeRow| row.cases[0].order.lot == 1_000_000 && row.cases[0].order.quantity == 1;
    let row = tapes.iter().find(thin).expect("a thin book");
    let owned = Owned::new(&row.records, None);
    let case = &row.cases[0];
    let market = case.settings.market(&case.policy);
    let hours = case.settings.hours(owned.ts());
    let tape = owned.tape(market.venues.len()).with_hours(&hours);
    let variants = [Variant { market, plan: case.policy.plan(Solver::Exact) }];
    let walk = |quantity| {
        let parent = Parent { quantity, ..case.order.parent() };
        replay_all(&tape, &[parent], &variants, false, 1, &mut Unobserved).map(|ledgers| ledgers[0].summary)
    };
    let longest = walk(2_000_000).expect("two shares a level");
    assert_eq!((longest.completed, longest.fills), (2_000_000, 1_000_000));
    let refused = walk(2_000_001);
    assert!(matches!(refused, Err(Error::Invalid { argument: "quantity", .. })), "{refused:?}");
}
