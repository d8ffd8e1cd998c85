//! The cases worked out by hand in `tests/golden`, which the Python tests and the reference read as well.

use std::fs;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sor_core::allocate::exact::Scratch;
use sor_core::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate, cost};
use sor_core::engine::{Scene, replay};
use sor_core::fills::{FillModel, QueueAware, QueueModel};
use sor_core::hindsight::hindsight;
use sor_core::ledger::{Kind, Ledger, Reason, Status};
use sor_core::market::{
    Columns, Depletion, Halt, Hours, Limit, Market, Session, Snapshot, Tape, Venue, Visibility, as_of_books,
};
use sor_core::observe::Stop;
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Past, Plan, Planned, Sliced, StaticRouter, Unit};
use sor_core::schedule::Twap;
use sor_core::units::{Money, Nanos, Shares, Side, Time, UNDEF_PRICE};

const SOLVERS: [Solver; 2] = [Solver::Exact, Solver::Exhaustive { max_candidates: 1_000_000 }];

#[derive(Deserialize)]
struct File<T> {
    case: Vec<T>,
}

fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = format!("{}/../tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: File<T> = toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    file.case
}

fn side(name: &str) -> Side {
    match name {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => panic!("unknown side {other}"),
    }
}

fn rule(name: &str) -> Rule {
    match name {
        "relaxed" => Rule::Relaxed,
        "strict" => Rule::Strict,
        other => panic!("unknown rule {other}"),
    }
}

#[derive(Deserialize)]
struct GoldenOffer {
    price: Nanos,
    available: Shares,
    fee: Nanos,
    rebate: Nanos,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllocateCase {
    name: String,
    #[serde(rename = "why")]
    _why: String,
    rule: String,
    side: String,
    quantity: Shares,
    lot: Shares,
    benchmark: Nanos,
    lambda_over: Nanos,
    lambda_under: Nanos,
    theta: Nanos,
    offers: Vec<GoldenOffer>,
    #[serde(default = "yes")]
    feasible: bool,
    split: Option<Vec<Shares>>,
    cost: Option<Money>,
}

fn yes() -> bool {
    true
}

#[test]
fn allocators_give_the_golden_splits() {
    let cases: Vec<AllocateCase> = cases("allocate.toml");
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    for case in cases {
        let sign = side(&case.side).sign();
        let offers: Vec<Offer> = case
            .offers
            .iter()
            .map(|o| Offer { key: sign * o.price, available: o.available, fee: o.fee, rebate: o.rebate })
            .collect();
        let problem = Problem {
            quantity: case.quantity,
            lot: case.lot,
            offers: &offers,
            benchmark_key: sign * case.benchmark,
            penalties: Penalties { over: case.lambda_over, under: case.lambda_under, theta: case.theta },
            rule: rule(&case.rule),
        };
        for solver in SOLVERS {
            // What an earlier call left behind must not matter.
            let mut split = vec![-1; offers.len()];
            let found =
                allocate(&problem, solver, &mut Scratch::default(), &mut split, Stop::NEVER).expect("few candidates");
            assert_eq!(found, case.feasible, "{}, {solver:?}", case.name);
            if found {
                let total = cost(&offers, &split, case.quantity, problem.benchmark_key, &problem.penalties).total();
                assert_eq!((Some(split), Some(total)), (case.split.clone(), case.cost), "{}, {solver:?}", case.name);
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayCase {
    name: String,
    #[serde(rename = "why")]
    _why: String,
    records: Vec<[i64; 6]>,
    order: GoldenOrder,
    policy: GoldenPolicy,
    settings: GoldenSettings,
    fills: Vec<GoldenFill>,
    children: Option<Vec<GoldenChild>>,
    status: String,
    m0: Option<Nanos>,
    summary: Option<GoldenSummary>,
    hindsight: Option<Money>,
    #[serde(default)]
    cut: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoldenOrder {
    side: String,
    quantity: Shares,
    start: Time,
    horizon: Time,
    lot: Shares,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GoldenPolicy {
    kind: String,
    lambda_over_ppm: f64,
    lambda_under_ppm: f64,
    theta_queue_ppm: f64,
    overbook_ppm: f64,
    rule: String,
    plan: String,
    bucket: Time,
}

impl Default for GoldenPolicy {
    fn default() -> Self {
        Self {
            kind: String::new(),
            lambda_over_ppm: 5_000.0,
            lambda_under_ppm: 10_000.0,
            theta_queue_ppm: 1_000.0,
            overbook_ppm: 1e6,
            rule: "relaxed".into(),
            plan: "displayed".into(),
            bucket: 0,
        }
    }
}

impl GoldenPolicy {
    fn plan(&self, solver: Solver) -> Arc<dyn Plan> {
        let plan = Arc::new(self.build(solver));
        match self.kind.as_str() {
            "twap" => Arc::new(Sliced { plan, schedule: Arc::new(Twap { bucket: self.bucket }) }),
            _ => plan,
        }
    }

    fn build(&self, solver: Solver) -> BuiltIn {
        match self.kind.as_str() {
            "router" => BuiltIn::Static(StaticRouter {
                lambda_over: self.lambda_over_ppm / 1e6,
                lambda_under: self.lambda_under_ppm / 1e6,
                theta_queue: self.theta_queue_ppm / 1e6,
                unit: Unit::Fraction,
                rule: rule(&self.rule),
                solver,
                plan: match self.plan.as_str() {
                    "displayed" => Planned::Displayed,
                    "fills" => Planned::Fills { overbook: self.overbook_ppm / 1e6 },
                    other => panic!("unknown plan {other}"),
                },
            }),
            "best_ask" => BuiltIn::BestAsk,
            "sweep" | "twap" => BuiltIn::Sweep,
            "vwap" => BuiltIn::ProRata,
            other => panic!("unknown policy {other}"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoldenSettings {
    taker_fee: Vec<Nanos>,
    latency: Option<Vec<Time>>,
    snapshot: Option<String>,
    depletion: Option<String>,
    collar_ppm: Option<f64>,
    collar_ticks: Option<i64>,
    sessions: Option<Vec<[Time; 2]>>,
    session_gap: Option<Time>,
    #[serde(default)]
    halts: Vec<Vec<i64>>,
    max_quote_age: Option<Time>,
    tick: Option<Nanos>,
    limit: Option<String>,
    fill: Option<String>,
    queue_position_ppm: Option<f64>,
    max_fill_ppm: Option<f64>,
    impact_ppm: Option<f64>,
}

impl GoldenSettings {
    fn market(&self) -> Market {
        let venue = |(i, &taker_fee): (usize, &Nanos)| Venue {
            taker_fee,
            maker_rebate: 0,
            latency: self.latency.as_ref().map_or(0, |latency| latency[i]),
            queue_position: self.queue_position_ppm.unwrap_or(0.0) / 1e6,
        };
        Market {
            venues: self.taker_fee.iter().enumerate().map(venue).collect(),
            snapshot: match self.snapshot.as_deref() {
                None | Some("last") => Snapshot::Last,
                Some("each") => Snapshot::Each,
                Some("first") => Snapshot::First,
                Some(other) => panic!("unknown snapshot {other}"),
            },
            depletion: match self.depletion.as_deref() {
                None | Some("refresh") => Depletion::Refresh,
                Some("persistent") => Depletion::Persistent,
                Some("none") => Depletion::None,
                Some(other) => panic!("unknown depletion {other}"),
            },
            visibility: Visibility {
                collar: self.collar_ppm.unwrap_or(10_000.0) / 1e6,
                collar_least: self.collar_ticks.unwrap_or(5) * self.tick.unwrap_or(1),
                max_quote_age: self.max_quote_age,
            },
            fill: self.fill(),
            queue: QueueModel::Expected,
            limit: match self.limit.as_deref() {
                None | Some("seen") => Limit::Seen,
                Some("none") => Limit::None,
                Some(other) => panic!("unknown limit {other}"),
            },
            tick: self.tick.unwrap_or(1),
        }
    }

    /// By default one session, from the first record or the order's start to the last record or the order's end.
    fn hours(&self, ts: &[Time], order: &Parent) -> Hours {
        let (first, last) = (ts.first().copied().expect("records"), ts.last().copied().expect("records"));
        let whole = vec![[first.min(order.start), last.max(order.end)]];
        let silent = |pair: &[Time], gap| pair[1] - pair[0] >= gap;
        let gaps = self.session_gap.map(|gap| {
            let rows = ts.chunk_by(|&one, &next| !silent(&[one, next], gap));
            rows.map(|rows| [rows[0], rows[rows.len() - 1]]).collect::<Vec<_>>()
        });
        let given = gaps.as_ref().or(self.sessions.as_ref()).unwrap_or(&whole);
        let session = |(i, &[open, close]): (usize, &[Time; 2])| {
            // A moment that two sessions share belongs to the later one.
            let shared = given.get(i + 1).is_some_and(|&[next, _]| next == close);
            let end = ts.partition_point(|&time| if shared { time < close } else { time <= close });
            Session { rows: ts.partition_point(|&time| time < open)..end, open, close }
        };
        let sessions = given.iter().enumerate().map(session).filter(|session| !session.rows.is_empty());
        let halt = |halt: &Vec<i64>| Halt { start: halt[0], end: halt[1], venue: halt.get(2).map(|&at| at as usize) };
        Hours::new(sessions.collect(), self.halts.iter().map(halt).collect(), ts.len()).expect("valid hours")
    }

    fn fill(&self) -> FillModel {
        match self.fill.as_deref() {
            None | Some("displayed") => FillModel::Displayed,
            Some("expected") => FillModel::QueueAware(QueueAware {
                max_fill: self.max_fill_ppm.expect("max_fill_ppm") / 1e6,
                impact: self.impact_ppm.expect("impact_ppm") / 1e6,
                decay: None,
                seed: None,
            }),
            Some(other) => panic!("unknown fill {other}"),
        }
    }
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct GoldenFill {
    child: i64,
    ts_decided: Time,
    ts_executed: Time,
    venue: usize,
    kind: String,
    quantity: Shares,
    price: Nanos,
    quoted: Nanos,
    mid: Nanos,
    fee: Money,
    age: Time,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct GoldenChild {
    child: usize,
    venue: usize,
    quantity: Shares,
    executed: Shares,
    reason: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct GoldenSummary {
    executed: Shares,
    completed: Shares,
    unwound: Shares,
    spread: Money,
    slippage: Money,
    #[serde(default)]
    schedule: Money,
    timing: Money,
    opportunity: Money,
    fees: Money,
    rebates: Money,
    shortfall: Money,
}

/// The columns of a tape. A side written as 0, 0 has no quote.
struct Owned {
    ts: Vec<Time>,
    venue: Vec<u16>,
    px: [Vec<Nanos>; 2],
    sz: [Vec<u32>; 2],
}

impl Owned {
    fn new(records: &[[i64; 6]]) -> Self {
        let nanos = |price| if price == 0 { UNDEF_PRICE } else { price };
        let price = |column: usize| records.iter().map(|r| nanos(r[column])).collect();
        let size = |column: usize| records.iter().map(|r| u32::try_from(r[column]).expect("a size")).collect();
        Self {
            ts: records.iter().map(|r| r[0]).collect(),
            venue: records.iter().map(|r| u16::try_from(r[1]).expect("a venue")).collect(),
            px: [price(2), price(4)],
            sz: [size(3), size(5)],
        }
    }

    fn tape(&self, venues: usize) -> Tape<'_> {
        let ([bid_px, ask_px], [bid_sz, ask_sz]) = (&self.px, &self.sz);
        let columns =
            Columns { ts: &self.ts, venue: &self.venue, bid_px, bid_sz, ask_px, ask_sz, queue_position: None };
        Tape::new(columns, venues).expect("a sorted tape")
    }
}

fn fills(ledger: &Ledger) -> Vec<GoldenFill> {
    let kind = |kind| match kind {
        Kind::Take => "take",
        Kind::Post => "post",
        Kind::Completion => "completion",
        Kind::Unwind => "unwind",
    };
    ledger
        .fills
        .iter()
        .map(|fill| GoldenFill {
            child: fill.child.map_or(-1, i64::from),
            ts_decided: fill.ts_decided,
            ts_executed: fill.ts_executed,
            venue: fill.venue,
            kind: kind(fill.kind).into(),
            quantity: fill.quantity,
            price: fill.price,
            quoted: fill.quoted,
            mid: fill.mid,
            fee: fill.fee,
            age: fill.age,
        })
        .collect()
}

fn children(ledger: &Ledger) -> Vec<GoldenChild> {
    let reason = |reason| match reason {
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
    let row = |(child, row): (usize, &sor_core::ledger::Child)| GoldenChild {
        child,
        venue: row.venue,
        quantity: row.quantity,
        executed: row.executed,
        reason: reason(row.reason).into(),
    };
    ledger.children.iter().enumerate().map(row).collect()
}

fn check(case: &ReplayCase, ledger: &Ledger, name: &str) {
    let total = &ledger.summary;
    assert_eq!(fills(ledger), case.fills, "{name}");
    assert!(ledger.fills.iter().all(|fill| fill.rebate == 0), "{name}");
    if let Some(expected) = &case.children {
        assert_eq!(&children(ledger), expected, "{name}");
    }
    let status = match total.status {
        Status::Filled => "filled",
        Status::Completed => "completed",
        Status::Late => "late",
        Status::Stale => "stale",
        Status::NoQuotes => "no_quotes",
    };
    assert_eq!((status, total.arrival_mid), (case.status.as_str(), case.m0), "{name}");
    if let Some(expected) = &case.summary {
        let summary = GoldenSummary {
            executed: total.executed,
            completed: total.completed,
            unwound: total.unwound,
            spread: total.spread,
            slippage: total.slippage,
            schedule: total.schedule,
            timing: total.timing,
            opportunity: total.opportunity,
            fees: total.fees,
            rebates: total.rebates,
            shortfall: total.shortfall(),
        };
        assert_eq!(&summary, expected, "{name}");
    }
}

#[test]
fn the_replay_gives_the_golden_ledgers() {
    let (plain, sessions): (Vec<ReplayCase>, Vec<ReplayCase>) = (cases("replay.toml"), cases("sessions.toml"));
    assert!(plain.len() >= 40 && sessions.len() >= 20, "only {} and {} cases", plain.len(), sessions.len());
    for case in plain.into_iter().chain(sessions) {
        let (records, market) = (Owned::new(&case.records), case.settings.market());
        let order = &case.order;
        let parent = Parent {
            side: side(&order.side),
            quantity: order.quantity,
            start: order.start,
            end: order.start + order.horizon,
            lot: order.lot,
            twin: 0,
        };
        let hours = case.settings.hours(&records.ts, &parent);
        let tape = records.tape(market.venues.len()).with_hours(&hours);
        let as_of = || as_of_books(&tape, &market, &[parent], Stop::NEVER).expect("books").remove(0);
        assert_eq!(as_of().end < parent.end, case.cut, "{}", case.name);
        for solver in SOLVERS {
            let name = format!("{}, {solver:?}", case.name);
            let policy = case.policy.plan(solver);
            let scene = Scene { tape: &tape, market: &market, plan: &*policy, past: Past::default() };
            let ledger = replay(scene, &parent, as_of(), true, Stop::NEVER).expect(&name);
            check(&case, &ledger, &name);
            let sums = replay(scene, &parent, as_of(), false, Stop::NEVER).expect(&name);
            assert_eq!(sums.summary, ledger.summary, "{name}: rows kept or not");
        }
        if let Some(expected) = case.hindsight {
            let least = hindsight(&tape, &market, &parent, as_of(), Stop::NEVER).expect(&case.name);
            assert_eq!(least, Some(expected), "{}", case.name);
        }
    }
}
