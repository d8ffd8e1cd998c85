//! The replay without a second engine: what must hold of every ledger, on random tapes (the model's sections 2, 4 and 5).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use sor_core::allocate::{Rule, Solver};
use sor_core::batch::{Variant, replay_all, replay_distinct};
use sor_core::engine::{Scene, replay};
use sor_core::fills::{FillModel, QueueAware, QueueModel};
use sor_core::ledger::{Child, Fill, Kind, Ledger, Reason, Status, Summary};
use sor_core::market::{Columns, Depletion, Limit, Market, Snapshot, Tape, Venue, Visibility, as_of_books};
use sor_core::observe::{Stop, Unobserved};
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Past, Planned, StaticRouter, Unit};
use sor_core::units::{Nanos, Side, Time, UNDEF_PRICE};

#[allow(dead_code, reason = "only its generator is used here")]
#[path = "support/curve_books.rs"]
mod curve_books;

use curve_books::Rng;

const LOT: i64 = 10;
/// A price and its mirror image add up to this.
const MIRROR: Nanos = 20_000;
const EXHAUSTIVE: Solver = Solver::Exhaustive { max_candidates: 1 << 40 };

/// A record: time, venue, bid price and size, ask price and size; price 0 without a quote.
type Row = (Time, u16, Nanos, u32, Nanos, u32);

/// The columns of a tape, owned.
#[derive(Clone, Debug)]
struct Owned {
    rows: Vec<Row>,
    ts: Vec<Time>,
    venue: Vec<u16>,
    bid_px: Vec<Nanos>,
    bid_sz: Vec<u32>,
    ask_px: Vec<Nanos>,
    ask_sz: Vec<u32>,
}

impl Owned {
    fn new(rows: Vec<Row>) -> Self {
        let price = |price| if price == 0 { UNDEF_PRICE } else { price };
        Self {
            ts: rows.iter().map(|row| row.0).collect(),
            venue: rows.iter().map(|row| row.1).collect(),
            bid_px: rows.iter().map(|row| price(row.2)).collect(),
            bid_sz: rows.iter().map(|row| row.3).collect(),
            ask_px: rows.iter().map(|row| price(row.4)).collect(),
            ask_sz: rows.iter().map(|row| row.5).collect(),
            rows,
        }
    }

    fn map(&self, change: impl Fn(Row) -> Row) -> Self {
        Self::new(self.rows.iter().map(|&row| change(row)).collect())
    }

    fn last(&self) -> Time {
        self.ts[self.ts.len() - 1]
    }

    fn tape(&self, venues: usize) -> Tape<'_> {
        let columns = Columns {
            ts: &self.ts,
            venue: &self.venue,
            bid_px: &self.bid_px,
            bid_sz: &self.bid_sz,
            ask_px: &self.ask_px,
            ask_sz: &self.ask_sz,
            queue_position: None,
        };
        Tape::new(columns, venues).expect("rows in order of time")
    }
}

/// One parent under one policy on one tape.
#[derive(Clone, Debug)]
struct Case {
    tape: Owned,
    market: Market,
    policy: BuiltIn,
    parent: Parent,
}

impl Case {
    fn run(&self) -> Ledger {
        let Self { market, policy, parent, .. } = self;
        let tape = self.tape.tape(market.venues.len());
        let as_of = as_of_books(&tape, market, &[*parent], Stop::NEVER).expect("books").remove(0);
        replay(Scene { tape: &tape, market, plan: policy, past: Past::default() }, parent, as_of, true, Stop::NEVER)
            .expect("a valid case")
    }

    /// The number of the episode that a venue shows at `now` on the side that is taken (rule B5), and its size.
    fn episode(&self, venue: usize, now: Time) -> (usize, u32) {
        let (mut number, mut shown, mut last) = (0, (0, 0), None);
        for &(ts, at, bid, bid_size, ask, ask_size) in &self.tape.rows {
            let dropped = self.market.snapshot == Snapshot::First && last == Some(ts);
            if ts > now || usize::from(at) != venue || dropped {
                continue;
            }
            last = Some(ts);
            let quote = if self.parent.side == Side::Buy { (ask, ask_size) } else { (bid, bid_size) };
            let price_only = self.market.depletion == Depletion::Persistent;
            number += usize::from(if price_only { quote.0 != shown.0 } else { quote != shown });
            shown = quote;
        }
        (number, shown.1)
    }
}

/// Even prices on a few levels either side of half the mirror, so that books lock, cross, and have whole mids.
fn rows(rng: &mut Rng, venues: i64) -> Owned {
    let mut rows: Vec<Row> = Vec::new();
    let mut ts = 0;
    for _ in 0..=rng.below(30) {
        ts += rng.pick(&[0, 0, 1, 4]);
        if rng.below(4) == 0 && !rows.is_empty() {
            let (_, venue, bid, bid_size, ask, ask_size) = rng.pick(&rows);
            rows.push((ts, venue, bid, bid_size, ask, ask_size));
            continue;
        }
        let mut quote = |low: i64| match rng.below(10) {
            0 => (0, 0),
            _ => (MIRROR / 2 + low + 2 * rng.below(5), (1 + rng.below(3 * LOT)) as u32),
        };
        let ((bid, bid_size), (ask, ask_size)) = (quote(-8), quote(-2));
        rows.push((ts, rng.below(venues) as u16, bid, bid_size, ask, ask_size));
    }
    Owned::new(rows)
}

fn policy(rng: &mut Rng) -> BuiltIn {
    match rng.below(6) {
        0 => BuiltIn::BestAsk,
        1 => BuiltIn::Sweep,
        2 => BuiltIn::ProRata,
        _ => {
            let (plan, rule) = rng.pick(&[
                (Planned::Displayed, Rule::Relaxed),
                (Planned::Displayed, Rule::Strict),
                (Planned::Fills { overbook: 1.0 }, Rule::Relaxed),
                (Planned::Fills { overbook: 1.5 }, Rule::Relaxed),
            ]);
            // Currency per share: a few price levels, or more than any.
            let mut penalty = || rng.pick(&[0.0, 2e-9, 5e-9, 1e-7]);
            let (lambda_over, lambda_under, theta_queue) = (penalty(), penalty(), penalty());
            let solver = Solver::Exact;
            BuiltIn::Static(StaticRouter {
                lambda_over,
                lambda_under,
                theta_queue,
                unit: Unit::Price,
                rule,
                solver,
                plan,
            })
        }
    }
}

fn market(rng: &mut Rng, venues: usize) -> Market {
    let latencies = rng.pick(&[[0, 0, 0], [0, 1, 6], [3, 3, 10_000]]);
    let queue = QueueAware {
        max_fill: rng.pick(&[0.5, 0.9, 1.0]),
        impact: rng.pick(&[0.0, 0.001]),
        decay: rng.pick(&[None, Some(5.0)]),
        seed: rng.pick(&[None, Some(3)]),
    };
    Market {
        venues: (0..venues)
            .map(|_| Venue {
                taker_fee: rng.pick(&[0, 2, 2, -1]),
                maker_rebate: rng.pick(&[0, 1]),
                latency: rng.pick(&latencies),
                queue_position: rng.pick(&[0.0, 0.3]),
            })
            .collect(),
        snapshot: rng.pick(&[Snapshot::Last, Snapshot::Each, Snapshot::First]),
        depletion: rng.pick(&[Depletion::Refresh, Depletion::Persistent, Depletion::None]),
        visibility: Visibility {
            collar: rng.pick(&[0.0004, 1e6]),
            collar_least: 0,
            max_quote_age: rng.pick(&[None, Some(6)]),
        },
        fill: rng.pick(&[FillModel::Displayed, FillModel::QueueAware(queue)]),
        queue: QueueModel::Expected,
        limit: rng.pick(&[Limit::Seen, Limit::None]),
        tick: rng.pick(&[1, 2]),
    }
}

fn parent(rng: &mut Rng, last: Time) -> Parent {
    let start = rng.below(last + 5) - 4;
    Parent {
        side: rng.pick(&[Side::Buy, Side::Sell]),
        quantity: 1 + rng.below(8 * LOT),
        start,
        end: start.max(4) + 1 + rng.below(last + 8),
        lot: rng.pick(&[1, LOT, 3 * LOT]),
        twin: 0,
    }
}

fn case(rng: &mut Rng) -> Case {
    let venues = 1 + rng.below(3);
    let tape = rows(rng, venues);
    let last = tape.last();
    Case { tape, market: market(rng, venues as usize), policy: policy(rng), parent: parent(rng, last) }
}

/// `test` on so many seeded cases; the one that fails prints itself.
fn on_cases(cases: u64, test: impl Fn(&Case)) {
    for seed in 0..cases {
        let case = case(&mut Rng(seed));
        if let Err(failure) = catch_unwind(AssertUnwindSafe(|| test(&case))) {
            eprintln!("seed {seed}: {case:?}");
            resume_unwind(failure);
        }
    }
}

fn assert_same(left: &Ledger, right: &Ledger) {
    assert_eq!(left.fills, right.fills);
    assert_eq!(left.children, right.children);
    assert_eq!(left.summary, right.summary);
}

/// rules P2, P6: shares add up, and so does the shortfall, from the rows and in integers.
#[test]
fn shares_and_money_are_conserved() {
    on_cases(20_000, |case| {
        let Ledger { summary, fills, children, .. } = case.run();
        let net = summary.executed + summary.completed - summary.unwound;
        match summary.status {
            Status::NoQuotes => assert_eq!((net, summary.arrival_mid), (0, None)),
            status => {
                assert_eq!(net, case.parent.quantity);
                let walked = summary.completed + summary.unwound > 0;
                assert_eq!(walked, status != Status::Filled || summary.unwound > 0);
            }
        }
        let of = |kind| fills.iter().filter(move |fill| fill.kind == kind).map(|fill| fill.quantity).sum::<i64>();
        assert_eq!(summary.executed, of(Kind::Take));
        assert_eq!(summary.executed, children.iter().map(|child| child.executed).sum::<i64>());
        assert_eq!((summary.completed, summary.unwound), (of(Kind::Completion), of(Kind::Unwind)));

        let signed = |fill: &Fill| i128::from(if fill.kind == Kind::Unwind { -fill.quantity } else { fill.quantity });
        let cash: i128 = fills.iter().map(|fill| signed(fill) * i128::from(fill.price)).sum();
        let costs: i128 = fills.iter().map(|fill| fill.fee - fill.rebate).sum();
        let (sign, arrival) = (case.parent.side.sign(), summary.arrival_mid.unwrap_or(0));
        let paper = i128::from(net) * i128::from(arrival);
        assert_eq!(summary.shortfall(), i128::from(sign) * (cash - paper) + costs);
        assert_eq!(summary.all_in(), i128::from(sign) * cash + costs);
        assert_eq!((summary.fills as usize, summary.children as usize), (fills.len(), children.len()));
        assert!(fills.windows(2).all(|pair| pair[0].ts_executed <= pair[1].ts_executed));
    });
}

/// rules F5, F6: a child keeps to its quote, and shares in flight are not planned twice.
#[test]
fn children_keep_to_their_quote_and_to_what_is_left() {
    on_cases(20_000, |case| {
        let Case { market, parent, .. } = case;
        let Ledger { children, fills, .. } = case.run();
        for child in &children {
            assert_eq!(child.ts_arrived, child.ts_decided + market.venues[child.venue].latency);
            assert!((parent.start..parent.end).contains(&child.ts_decided));
            assert!((1..=child.seen_available).contains(&child.quantity));
            assert!(child.executed <= child.quantity.min(child.met_available));
            assert_eq!(child.reason == Reason::Expired, child.ts_arrived > parent.end.min(case.tape.last()));
            assert_eq!(child.executed > 0, matches!(child.reason, Reason::Filled | Reason::Partial));
            if let (Limit::Seen, Some(met), true) = (market.limit, child.met_price, child.executed > 0) {
                assert!(parent.side.sign() * (met - child.seen_price) <= 0);
            }
        }
        for fill in fills.iter().filter(|fill| fill.kind == Kind::Take) {
            let child = &children[fill.child.expect("a taking fill has a child") as usize];
            assert_eq!((fill.quantity, fill.ts_executed, fill.venue), (child.executed, child.ts_arrived, child.venue));
        }
        // Rule P1 (1): what was in flight executes by (arrival, child).
        let flown: Vec<_> =
            fills.iter().filter(|fill| fill.ts_executed > fill.ts_decided && fill.child.is_some()).collect();
        assert!(flown.is_sorted_by_key(|fill| (fill.ts_executed, fill.child)));
        if market.snapshot != Snapshot::Each {
            for child in &children {
                assert_remaining(case, &children, child);
            }
        }
    });
}

/// What is left when a child is decided is the quantity less what the children before it have executed or still may.
fn assert_remaining(case: &Case, children: &[Child], child: &Child) {
    let earlier = children.iter().filter(|other| other.ts_decided < child.ts_decided);
    // An arrival at the very time of a decision executes on the next occasion: it is still in flight.
    let in_flight = |other: &Child| other.ts_arrived >= child.ts_decided && other.ts_arrived > other.ts_decided;
    let gone: i64 = earlier.map(|other| if in_flight(other) { other.quantity } else { other.executed }).sum();
    assert_eq!(child.remaining, case.parent.quantity - gone);
    if !matches!(case.policy, BuiltIn::Static(StaticRouter { plan: Planned::Fills { .. }, .. })) {
        let together = children.iter().filter(|other| other.ts_decided == child.ts_decided);
        assert!(together.map(|other| other.quantity).sum::<i64>() <= child.remaining);
    }
}

/// rule B5: one run of an unchanged quote (of an unchanged price, under `persistent`) never gives more than it shows.
#[test]
fn no_episode_gives_more_than_it_displays() {
    on_cases(20_000, |case| {
        if case.market.snapshot == Snapshot::Each || case.market.depletion == Depletion::None {
            return; // a time does not name a book; nothing depletes
        }
        let mut taken = HashMap::new();
        for fill in case.run().fills.iter().filter(|fill| fill.kind == Kind::Take) {
            let (episode, size) = case.episode(fill.venue, fill.ts_executed);
            let sum = taken.entry((fill.venue, episode)).or_insert(0);
            *sum += fill.quantity;
            assert!(*sum <= i64::from(size), "{sum} of {size} at venue {}", fill.venue);
        }
    });
}

/// rule A4 in the replay: under both plans either solver gives the same children and fills.
#[test]
fn either_solver_gives_the_same_ledger() {
    on_cases(10_000, |exact| {
        let BuiltIn::Static(router) = exact.policy else { return };
        let policy = BuiltIn::Static(StaticRouter { solver: EXHAUSTIVE, ..router });
        assert_same(&exact.run(), &Case { policy, ..exact.clone() }.run());
    });
}

/// rule P2: a parent's ledger is its own, whatever else is replayed, on however many threads, with or without rows.
#[test]
fn threads_company_and_rows_do_not_matter() {
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let Case { tape: owned, market: first, .. } = case(&mut rng);
        let venues = first.venues.len();
        let parents: Vec<Parent> = (0..5).map(|_| parent(&mut rng, owned.last())).collect();
        let chosen: Vec<(Market, BuiltIn)> = (0..4).map(|_| (market(&mut rng, venues), policy(&mut rng))).collect();
        let variants: Vec<Variant> =
            chosen.iter().map(|(market, policy)| Variant { market: market.clone(), plan: Arc::new(*policy) }).collect();
        let tape = owned.tape(venues);
        let all = |threads, record| {
            replay_all(&tape, &parents, &variants, record, threads, &mut Unobserved).expect("valid cases")
        };
        let one = all(1, true);
        for threads in [2, 5] {
            for (ledger, other) in one.iter().zip(all(threads, true)) {
                assert_same(ledger, &other);
            }
        }
        for (i, (ledger, without)) in one.iter().zip(all(2, false)).enumerate() {
            let (market, policy) = chosen[i / parents.len()].clone();
            let alone = Case { tape: owned.clone(), market, policy, parent: parents[i % parents.len()] };
            assert_same(ledger, &alone.run());
            assert_eq!(ledger.summary, without.summary);
            assert!(without.fills.is_empty() && without.children.is_empty());
        }
    }
}

/// rule A5: variants whose penalties cannot matter share a replay, and every ledger is what its own would have been.
#[test]
fn variants_that_cannot_differ_share_their_replays() {
    let (mut asked, mut done) = (0, 0);
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let Case { tape: owned, market: first, .. } = case(&mut rng);
        let parents: Vec<Parent> = (0..3).map(|_| parent(&mut rng, owned.last())).collect();
        let markets = [market(&mut rng, first.venues.len()), first];
        let variants: Vec<Variant> = (0..16)
            .map(|_| Variant {
                market: rng.pick(&[&markets[0], &markets[1]]).clone(),
                plan: Arc::new(policy(&mut rng)),
            })
            .collect();
        let tape = owned.tape(markets[0].venues.len());
        let each = replay_all(&tape, &parents, &variants, true, 1, &mut Unobserved).expect("valid cases");
        let shared = replay_distinct(&tape, &parents, &variants, true, 2, &mut Unobserved).expect("valid cases");
        assert_eq!(shared.iter().count(), each.len());
        for (ledger, own) in shared.iter().zip(&each) {
            assert_same(ledger, own);
        }
        (asked, done) = (asked + each.len(), done + shared.replays());
    }
    assert!(done * 10 < asked * 9, "{done} replays for {asked}");
}

/// A sell is the mirror image of a buy: on the tape with every price p at `MIRROR - p` and the sides exchanged it does
/// the same. (Penalties are per share, there is no impact, and the collar hides nothing: else they are fractions of a
/// price. A random stream is named by the side among others, F3.)
#[test]
fn a_sell_is_a_buy_in_the_mirror() {
    on_cases(20_000, |case| {
        let mut case = case.clone();
        case.market.visibility.collar = 1e6;
        if let FillModel::QueueAware(queue) = &mut case.market.fill {
            (queue.impact, queue.seed) = (0.0, None);
        }
        let price = |price| if price == 0 { 0 } else { MIRROR - price };
        let mut image = case.clone();
        image.parent.side = case.parent.side.opposite();
        image.tape = case
            .tape
            .map(|(ts, venue, bid, bid_size, ask, ask_size)| (ts, venue, price(ask), ask_size, price(bid), bid_size));
        let (ledger, mut reflected) = (case.run(), image.run());
        for fill in &mut reflected.fills {
            (fill.price, fill.quoted, fill.mid) = (MIRROR - fill.price, MIRROR - fill.quoted, MIRROR - fill.mid);
        }
        assert_eq!(ledger.fills, reflected.fills);
        // All parts of the shortfall are equal; only the cash itself is of another sign and price.
        let Summary { notional, arrival_mid, .. } = ledger.summary;
        assert_eq!(arrival_mid.map(|mid| MIRROR - mid), reflected.summary.arrival_mid);
        assert_eq!(ledger.summary, Summary { notional, arrival_mid, ..reflected.summary });
    });
}

/// Nothing depends on when the epoch was (but random streams, which start and end name among others, F3).
#[test]
fn a_shift_in_time_shifts_the_ledger() {
    const SHIFT: Time = 1_500_000_000_000_000_000;
    on_cases(5_000, |case| {
        let mut case = case.clone();
        if let FillModel::QueueAware(queue) = &mut case.market.fill {
            queue.seed = None;
        }
        let mut later = case.clone();
        later.tape = case
            .tape
            .map(|(ts, venue, bid, bid_size, ask, ask_size)| (ts + SHIFT, venue, bid, bid_size, ask, ask_size));
        later.parent = Parent { start: case.parent.start + SHIFT, end: case.parent.end + SHIFT, ..case.parent };
        let mut shifted = later.run();
        shifted.summary.ts_done -= SHIFT;
        for fill in &mut shifted.fills {
            (fill.ts_decided, fill.ts_executed) = (fill.ts_decided - SHIFT, fill.ts_executed - SHIFT);
        }
        for child in &mut shifted.children {
            (child.ts_decided, child.ts_arrived) = (child.ts_decided - SHIFT, child.ts_arrived - SHIFT);
        }
        assert_same(&case.run(), &shifted);
    });
}
