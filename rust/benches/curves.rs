//! The exact curve allocator (rule F4), curves already built: mean time over 64 books per row.
//!
//! Bars: 5 venues x 50 lots 50 microseconds, 16 venues x 50 lots 500 microseconds, at overbook 1, 1.2 and 1.5.
//! Overbooked books without impact at equal or nearly equal prices, a subset-sum problem (`hard`): the worst of a
//! thousand at 16 venues 50 milliseconds.
//! Before timing, answers are compared with the enumeration where that is feasible, then the slowest book of each
//! kind is printed.

#[path = "../tests/support/curve_books.rs"]
mod curve_books;

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use curve_books::{Case, Fills, Prices, Rng, case, hard};
use sor_core::allocate::curves::{Solver, exhaustive};
use sor_core::observe::Stop;

const KINDS: [(&str, Fills); 6] = [
    ("displayed", Fills::Displayed),
    ("queue-0.5", Fills::Queue(0.5)),
    ("queue-0", Fills::Queue(0.0)),
    ("queue-grid", Fills::Grid(1.0)),
    ("queue-any", Fills::Spread(0.3)),
    ("flat", Fills::Flat(0.3)),
];

fn books(venues: usize, lots: i64, overbook: f64, fills: Fills) -> Vec<Case> {
    (0..64).map(|seed| case(&mut Rng(seed), venues, lots, overbook, fills)).collect()
}

fn agree() {
    let (mut solver, mut exact, mut all) = (Solver::new(), vec![], vec![]);
    for (name, fills) in KINDS {
        for overbook in [1.0, 1.2, 1.5] {
            for case in books(3, 50, overbook, fills) {
                let cost = solver.exact(&case.problem(), &mut exact, Stop::NEVER).map(|answer| answer.cost);
                assert_eq!(cost, exhaustive(&case.problem(), 1 << 20, &mut all, Stop::NEVER), "{name} {overbook}");
                assert_eq!(exact, all, "{name} {overbook}");
            }
        }
    }
}

fn slowest(solver: &mut Solver, books: &[Case]) -> f64 {
    let mut lots = vec![];
    let mut time = |case: &Case| {
        // The least of five: the machine's noise is not the solver's.
        let runs = (0..5).map(|_| {
            let start = Instant::now();
            black_box(solver.exact(&case.problem(), &mut lots, Stop::NEVER)).expect("a valid book");
            start.elapsed().as_secs_f64() * 1e6
        });
        runs.fold(f64::INFINITY, f64::min)
    };
    books.iter().map(&mut time).fold(0.0, f64::max)
}

/// A thousand hard books of every kind, each once: percentiles in milliseconds.
fn hardest() {
    let (mut solver, mut lots) = (Solver::new(), vec![]);
    for venues in [5, 16] {
        for prices in [Prices::Equal, Prices::Nanos, Prices::Fees, Prices::Ticks] {
            for overbook in [1.2, 1.5, 2.0] {
                let mut times: Vec<f64> = (0..1_000)
                    .map(|seed| {
                        let case = hard(&mut Rng(seed), venues, 50, overbook, prices);
                        let start = Instant::now();
                        let answer = solver.exact(&case.problem(), &mut lots, Stop::NEVER).expect("a valid book");
                        assert_eq!(answer.gap, None);
                        start.elapsed().as_secs_f64() * 1e3
                    })
                    .collect();
                times.sort_by(f64::total_cmp);
                let [median, most, worst] = [500, 990, 999].map(|rank| times[rank]);
                println!(
                    "{venues} venues, {prices:?} {overbook}: median {median:.3}, 99% {most:.3}, worst {worst:.3} ms"
                );
            }
        }
    }
}

fn bench(criterion: &mut Criterion) {
    if cfg!(debug_assertions) {
        println!("refused: a debug build is not worth measuring; cargo bench --bench curves");
        return;
    }
    agree();
    hardest();
    for venues in [5, 16] {
        let mut group = criterion.benchmark_group(format!("curves/{venues}x50"));
        group.sample_size(10).measurement_time(std::time::Duration::from_secs(1));
        group.warm_up_time(std::time::Duration::from_millis(200));
        for (name, fills) in KINDS {
            for overbook in [1.0, 1.2, 1.5] {
                let books = books(venues, 50, overbook, fills);
                let (mut solver, mut lots) = (Solver::new(), vec![]);
                println!("{name} {overbook}: slowest book {:.1} us", slowest(&mut solver, &books));
                let mut next = books.iter().cycle();
                group.bench_function(BenchmarkId::new(name, overbook), |b| {
                    b.iter_batched_ref(
                        || next.next().expect("a cycle does not end"),
                        |case| solver.exact(&case.problem(), &mut lots, Stop::NEVER),
                        criterion::BatchSize::NumIterations(64),
                    );
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
