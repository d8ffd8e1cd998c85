//! Time to solve the Cont & Kukanov problem on a sample, with and without its lower bound: `cargo bench --bench cont_kukanov`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sor_core::cont_kukanov::bound::lower_bound;
use sor_core::cont_kukanov::solve::{Options, solve};
use sor_core::cont_kukanov::{Parameters, Scenarios, conditions};
use sor_core::observe::Stop;

/// The paper's prices and queue, and its outflows with a common factor, as normals of the same mean and variance.
fn baseline(venues: usize, rows: usize, quantity: f64) -> (Parameters, Scenarios) {
    let p = Parameters::new(Parameters {
        half_spread: 0.02,
        fee: 0.003,
        rebates: vec![0.002; venues],
        theta: 0.0005,
        lambda_under: 0.05,
        lambda_over: 0.05,
        quantity,
        queues: vec![2000.0; venues],
    })
    .expect("valid parameters");
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut outflow = || 2200.0 + 2200.0_f64.sqrt() * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0);
    let mut outflows = Vec::with_capacity(rows * venues);
    for _ in 0..rows {
        let common = outflow();
        outflows.extend((0..venues).map(|_| 0.6 * common + 0.4 * outflow()));
    }
    let scenarios = Scenarios::from_outflows(&outflows, &p.queues).expect("valid outflows");
    (p, scenarios)
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cont_kukanov");
    group.sample_size(20);
    let lot = Some(100.0);
    for (venues, rows, quantity) in
        [(5, 1_000, 1_000.0), (5, 1_000, 5_000.0), (16, 10_000, 5_000.0), (16, 10_000, 20_000.0)]
    {
        let (p, scenarios) = baseline(venues, rows, quantity);
        let found = solve(&p, &scenarios, Options { lot }, Stop::NEVER).expect("solvable");
        let test = conditions(&p, &scenarios, &found.allocation, lot).expect("feasible");
        assert!(test.slope_residual < 1e-9, "not optimal: {test:?}");
        let name = format!("K={venues} N={rows} S={quantity} lot=100");
        group.bench_function(format!("solve {name}"), |bench| {
            bench.iter(|| solve(&p, black_box(&scenarios), Options { lot }, Stop::NEVER));
        });
        group.bench_function(format!("lower_bound {name}"), |bench| {
            bench.iter(|| lower_bound(&p, black_box(&scenarios), &found.allocation, Stop::NEVER));
        });
    }
    group.finish();
}

criterion_group!(cont_kukanov, benches);
criterion_main!(cont_kukanov);
