//! Random tapes, markets, policies and orders for the tests of the replay.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use sor_core::allocate::{Rule, Solver};
use sor_core::engine::{Scene, replay};
use sor_core::fills::{FillModel, QueueAware, QueueModel};
use sor_core::ledger::Ledger;
use sor_core::market::{Columns, Depletion, Limit, Market, Snapshot, Tape, Venue, Visibility, as_of_books};
use sor_core::observe::Stop;
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Past, Planned, StaticRouter, Unit};
use sor_core::units::{Nanos, Side, Time, UNDEF_PRICE};

use crate::curve_books::Rng;

pub(crate) const LOT: i64 = 10;
/// A price and its mirror image add up to this.
pub(crate) const MIRROR: Nanos = 20_000;
pub(crate) const EXHAUSTIVE: Solver = Solver::Exhaustive { max_candidates: 1 << 40 };

/// A record: time, venue, bid price and size, ask price and size; price 0 without a quote.
pub(crate) type Row = (Time, u16, Nanos, u32, Nanos, u32);

/// The columns of a tape, owned.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) rows: Vec<Row>,
    pub(crate) ts: Vec<Time>,
    pub(crate) venue: Vec<u16>,
    pub(crate) bid_px: Vec<Nanos>,
    pub(crate) bid_sz: Vec<u32>,
    pub(crate) ask_px: Vec<Nanos>,
    pub(crate) ask_sz: Vec<u32>,
}

impl Owned {
    pub(crate) fn new(rows: Vec<Row>) -> Self {
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

    pub(crate) fn map(&self, change: impl Fn(Row) -> Row) -> Self {
        Self::new(self.rows.iter().map(|&row| change(row)).collect())
    }

    pub(crate) fn last(&self) -> Time {
        self.ts[self.ts.len() - 1]
    }

    pub(crate) fn columns(&self) -> Columns<'_> {
        Columns {
            ts: &self.ts,
            venue: &self.venue,
            bid_px: &self.bid_px,
            bid_sz: &self.bid_sz,
            ask_px: &self.ask_px,
            ask_sz: &self.ask_sz,
            queue_position: None,
        }
    }

    pub(crate) fn tape(&self, venues: usize) -> Tape<'_> {
        Tape::new(self.columns(), venues).expect("rows in order of time")
    }
}

/// One parent under one policy on one tape.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) tape: Owned,
    pub(crate) market: Market,
    pub(crate) policy: BuiltIn,
    pub(crate) parent: Parent,
}

impl Case {
    pub(crate) fn run(&self) -> Ledger {
        let Self { market, policy, parent, .. } = self;
        let tape = self.tape.tape(market.venues.len());
        let as_of = as_of_books(&tape, market, &[*parent], Stop::NEVER).expect("books").remove(0);
        replay(Scene { tape: &tape, market, plan: policy, past: Past::default() }, parent, as_of, true, Stop::NEVER)
            .expect("a valid case")
    }

    /// The number of the episode that a venue shows at `now` on the side that is taken (rule B5), and its size.
    pub(crate) fn episode(&self, venue: usize, now: Time) -> (usize, u32) {
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
pub(crate) fn rows(rng: &mut Rng, venues: i64) -> Owned {
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

pub(crate) fn policy(rng: &mut Rng) -> BuiltIn {
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

pub(crate) fn market(rng: &mut Rng, venues: usize) -> Market {
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

pub(crate) fn parent(rng: &mut Rng, last: Time) -> Parent {
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

pub(crate) fn case(rng: &mut Rng) -> Case {
    let venues = 1 + rng.below(3);
    let tape = rows(rng, venues);
    let last = tape.last();
    Case { tape, market: market(rng, venues as usize), policy: policy(rng), parent: parent(rng, last) }
}

/// `test` on so many seeded cases; the one that fails prints itself.
pub(crate) fn on_cases(cases: u64, test: impl Fn(&Case)) {
    for seed in 0..cases {
        let case = case(&mut Rng(seed));
        if let Err(failure) = catch_unwind(AssertUnwindSafe(|| test(&case))) {
            eprintln!("seed {seed}: {case:?}");
            resume_unwind(failure);
        }
    }
}
