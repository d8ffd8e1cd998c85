//! Writes curve problems with their exact answers and solve times as JSON lines, for `bench/bench_curves_highs.py`.
//!
//! `cargo run --release --example curves_dump -- OUT.jsonl`

#[allow(dead_code, reason = "not all of its books are dumped")]
#[path = "../tests/support/curve_books.rs"]
mod curve_books;

use std::io::Write;
use std::time::Instant;

use curve_books::{Fills, Rng, case};
use sor_core::allocate::curves::Solver;
use sor_core::observe::Stop;

const RUNS: u32 = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: curves_dump OUT.jsonl")?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let (mut solver, mut lots) = (Solver::new(), vec![]);
    let fills = [
        Fills::Displayed,
        Fills::Queue(0.5),
        Fills::Queue(0.0),
        Fills::Grid(1.0),
        Fills::Spread(0.3),
        Fills::Flat(0.3),
    ];
    for venues in [5, 16] {
        for overbook in [1.0, 1.2, 1.5] {
            for (seed, fills) in (0_u64..).zip(fills) {
                let case = case(&mut Rng(seed), venues, 50, overbook, fills);
                let problem = case.problem();
                let mut cost = solver.exact(&problem, &mut lots, Stop::NEVER)?.cost;
                let start = Instant::now();
                for _ in 0..RUNS {
                    cost = solver.exact(&problem, &mut lots, Stop::NEVER)?.cost;
                }
                let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS);
                let costs: Vec<_> = (0..venues).map(|i| problem.curves.cost(i)).collect();
                let shares: Vec<_> = (0..venues).map(|i| problem.curves.shares(i)).collect();
                writeln!(
                    file,
                    "{{\"venues\": {venues}, \"overbook\": {overbook:?}, \"fills\": \"{fills:?}\", \
                     \"debug\": {}, \"remaining\": {}, \"max_lots\": {}, \"under\": {}, \"over\": {}, \
                     \"cost\": {costs:?}, \"shares\": {shares:?}, \"lots\": {lots:?}, \"value\": {cost}, \
                     \"micros\": {micros:.2}}}",
                    cfg!(debug_assertions),
                    case.remaining,
                    case.max_lots,
                    case.under,
                    case.over
                )?;
            }
        }
    }
    Ok(())
}
