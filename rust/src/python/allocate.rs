//! One snapshot's allocation.

use pyo3::prelude::*;

use crate::allocate::exact::Scratch;
use crate::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate as solve, cost};
use crate::error::Error;
use crate::observe::{Stop, Watch};
use crate::python::observer::PyObserver;
use crate::units::Money;

/// `(cash, fees, rebates, under, over)` of a split, nanos.
type Parts = (Money, Money, Money, Money, Money);

pub(super) fn rule(name: &str) -> Result<Rule, Error> {
    match name {
        "strict" => Ok(Rule::Strict),
        "relaxed" => Ok(Rule::Relaxed),
        _ => Err(unknown("rule", "must be \"strict\" or \"relaxed\"", name)),
    }
}

pub(super) fn solver(name: &str, max_candidates: u64) -> Result<Solver, Error> {
    match name {
        "exact" => Ok(Solver::Exact),
        "exhaustive" => Ok(Solver::Exhaustive { max_candidates }),
        _ => Err(unknown("solver", "must be \"exact\" or \"exhaustive\"", name)),
    }
}

pub(super) fn unknown(argument: &'static str, rule: &'static str, name: &str) -> Error {
    Error::Invalid { argument, rule, value: format!("{name:?}") }
}

/// The least-cost split and the parts of its cost, or `None` where the strict rule admits none.
///
/// `offers` are `(signed price, available, fee, rebate)`; `benchmark` is signed too; `penalties` are
/// `(over, under, theta)` in nanos per share.
#[pyfunction]
#[pyo3(signature = (quantity, lot, offers, benchmark, penalties, rule, solver, max_candidates))]
#[allow(clippy::too_many_arguments, reason = "the problem's own symbols, passed once from Python")]
pub(super) fn allocate(
    py: Python<'_>,
    quantity: i64,
    lot: i64,
    offers: Vec<(i64, i64, i64, i64)>,
    benchmark: i64,
    penalties: (i64, i64, i64),
    rule: &str,
    solver: &str,
    max_candidates: u64,
) -> PyResult<Option<(Vec<i64>, Parts)>> {
    let offers: Vec<Offer> =
        offers.into_iter().map(|(key, available, fee, rebate)| Offer { key, available, fee, rebate }).collect();
    let (over, under, theta) = penalties;
    let problem = Problem {
        quantity,
        lot,
        offers: &offers,
        benchmark_key: benchmark,
        penalties: Penalties { over, under, theta },
        rule: self::rule(rule)?,
    };
    let solver = self::solver(solver, max_candidates)?;
    let mut split = vec![0; offers.len()];
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| {
        let watch = Watch::new(&mut observer, 1);
        solve(&problem, solver, &mut Scratch::default(), &mut split, Stop::new(&|| watch.poll()))
    });
    let found = observer.outcome(outcome)?;
    let cost = cost(&offers, &split, quantity, benchmark, &problem.penalties);
    Ok(found.then_some((split, (cost.cash, cost.fees, cost.rebates, cost.under, cost.over))))
}
