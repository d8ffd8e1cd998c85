//! Replay speed in records per second on one core: the router deciding at every snapshot, everything off (no active
//! order), and the allocator alone.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sor_core::allocate::exact::Scratch;
use sor_core::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate};
use sor_core::engine::{Scene, replay};
use sor_core::fills::{FillModel, QueueModel};
use sor_core::market::{Columns, Depletion, Limit, Market, Snapshot, Tape, Venue, Visibility, as_of_books, book_at};
use sor_core::observe::Stop;
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Past, Planned, StaticRouter, Unit};
use sor_core::units::{Nanos, Side, Time};

/// A small linear congruential generator: benches need variety, not quality.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

struct Owned {
    ts: Vec<Time>,
    venue: Vec<u16>,
    bid_px: Vec<Nanos>,
    bid_sz: Vec<u32>,
    ask_px: Vec<Nanos>,
    ask_sz: Vec<u32>,
    venues: usize,
}

impl Owned {
    /// A random walk of cents, every venue within two ticks of it, a tenth of the records sharing a time.
    fn random(records: usize, venues: usize) -> Self {
        let mut random = Random(7);
        let mut price: i64 = 10_000;
        let mut now = 0;
        let mut tape = Self {
            ts: Vec::new(),
            venue: Vec::new(),
            bid_px: Vec::new(),
            bid_sz: Vec::new(),
            ask_px: Vec::new(),
            ask_sz: Vec::new(),
            venues,
        };
        for _ in 0..records {
            now += if random.below(10) == 0 { 0 } else { 1_000_000 };
            price += [-1, 0, 0, 0, 0, 0, 0, 1][random.below(8) as usize];
            tape.ts.push(now);
            tape.venue.push(random.below(venues as u64) as u16);
            tape.bid_px.push((price - 1 - random.below(2) as i64) * 10_000_000);
            tape.bid_sz.push(100 * (1 + random.below(9) as u32));
            tape.ask_px.push((price + 1 + random.below(2) as i64) * 10_000_000);
            tape.ask_sz.push(100 * (1 + random.below(9) as u32));
        }
        tape
    }

    fn tape(&self) -> Tape<'_> {
        let columns = Columns {
            ts: &self.ts,
            venue: &self.venue,
            bid_px: &self.bid_px,
            bid_sz: &self.bid_sz,
            ask_px: &self.ask_px,
            ask_sz: &self.ask_sz,
            queue_position: None,
        };
        Tape::new(columns, self.venues).expect("a valid tape")
    }
}

fn market(venues: usize) -> Market {
    let venue = Venue { taker_fee: 3_000_000, maker_rebate: 2_000_000, latency: 0, queue_position: 0.5 };
    Market {
        venues: vec![venue; venues],
        snapshot: Snapshot::Last,
        depletion: Depletion::Refresh,
        visibility: Visibility { collar: 0.01, collar_least: 0, max_quote_age: None },
        fill: FillModel::Displayed,
        queue: QueueModel::Expected,
        limit: Limit::Seen,
        tick: 10_000_000,
    }
}

fn router() -> StaticRouter {
    StaticRouter {
        lambda_over: 0.001,
        lambda_under: 0.001,
        theta_queue: 0.0001,
        unit: Unit::Fraction,
        rule: Rule::Relaxed,
        solver: Solver::Exact,
        plan: Planned::Displayed,
    }
}

fn replays(criterion: &mut Criterion) {
    // Fewer where instructions are counted, which takes fifty times as long.
    let records = std::env::var("SOR_BENCH_RECORDS").map_or(1_000_000, |text| text.parse().expect("a number"));
    let owned = Owned::random(records, 4);
    let tape = owned.tape();
    let mut group = criterion.benchmark_group("replay, 4 venues");
    group.throughput(Throughput::Elements(records as u64)).sample_size(20);
    let market = market(4);
    let end = *tape.ts().last().expect("records");
    let greedy = BuiltIn::Static(router());
    let picky = BuiltIn::Static(StaticRouter { lambda_under: 0.00001, theta_queue: 0.0, ..router() });
    for (name, policy) in [("router, taking all it sees", greedy), ("router, taking little", picky)] {
        // One lot more than the tape gives: the router decides at every snapshot, and the completion is one level.
        let endless = Parent { side: Side::Buy, quantity: 1 << 30, start: 0, end, lot: 100, twin: 0 };
        let start = as_of_books(&tape, &market, &[endless], Stop::NEVER).expect("books").remove(0);
        let run = |parent: &Parent, as_of| {
            replay(
                Scene { tape: &tape, market: &market, plan: &policy, past: Past::default() },
                parent,
                as_of,
                false,
                Stop::NEVER,
            )
            .expect("replays")
            .summary
        };
        let parent = Parent { quantity: run(&endless, start.clone()).executed + 100, ..endless };
        let summary = run(&parent, start.clone());
        assert_eq!((summary.executed, summary.completed), (parent.quantity - 100, 100), "never done before the end");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(run(&parent, start.clone()))));
    }
    group.bench_function("no active order", |bencher| {
        bencher.iter(|| {
            black_box(book_at(&tape, Snapshot::Last, &market.visibility, &[end], Stop::NEVER).expect("books")[0].mid)
        });
    });
    group.finish();
}

fn allocators(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exact allocator, S = 5,000");
    let mut random = Random(11);
    for (venues, lot) in [(5, 100), (5, 1), (16, 100), (16, 1)] {
        let books: Vec<Vec<Offer>> = (0..64)
            .map(|_| {
                (0..venues)
                    .map(|_| Offer {
                        key: 100_000_000_000 + random.below(4) as i64 * 10_000_000,
                        available: 100 * (1 + random.below(20) as i64),
                        fee: 3_000_000,
                        rebate: 2_000_000,
                    })
                    .collect()
            })
            .collect();
        let penalties = Penalties { over: 100_000_000, under: 100_000_000, theta: 10_000_000 };
        let (mut scratch, mut split, mut turn) = (Scratch::default(), vec![0; venues], 0);
        group.bench_function(format!("{venues} venues, L = {lot}"), |bencher| {
            bencher.iter(|| {
                turn = (turn + 1) % books.len();
                let problem = Problem {
                    quantity: 5_000,
                    lot,
                    offers: &books[turn],
                    benchmark_key: 100_000_000_000,
                    penalties,
                    rule: Rule::Relaxed,
                };
                let solved = allocate(&problem, Solver::Exact, &mut scratch, &mut split, Stop::NEVER).expect("solves");
                black_box((solved, &split));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, replays, allocators);
criterion_main!(benches);
