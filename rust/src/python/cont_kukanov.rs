//! Glue of [`crate::cont_kukanov`]: tables in, dictionaries out.

use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::cont_kukanov::{Allocation, Parameters, Scenarios, bound, closed_form, conditions, cost, paper, solve};
use crate::error::{Error, Result};
use crate::observe::{Stop, Watch};
use crate::python::observer::PyObserver;

/// What the functions read from `sor.cont_kukanov.Parameters`, once its scalars have become one value per venue.
#[derive(FromPyObject)]
pub(crate) struct Resolved {
    h: f64,
    f: f64,
    r: Vec<f64>,
    theta: f64,
    lambda_under: f64,
    lambda_over: f64,
    quantity: f64,
    queue: Vec<f64>,
}

#[derive(IntoPyObject)]
pub(crate) struct PyCost {
    mean: f64,
    market: f64,
    limit: f64,
    impact: f64,
    under: f64,
    over: f64,
    fills: Vec<f64>,
    shortfall: f64,
    excess: f64,
    probability_under: f64,
    probability_over: f64,
    derivatives: Vec<(f64, f64)>,
}

#[derive(IntoPyObject)]
pub(crate) struct PyConditions {
    beta: f64,
    probability_under: f64,
    probability_at_most: f64,
    quantile_residual: f64,
    slopes: Vec<(f64, f64)>,
    slope_residual: f64,
}

#[derive(IntoPyObject)]
pub(crate) struct PyBound {
    value: f64,
    relaxed: f64,
    market: f64,
    limits: Vec<f64>,
    cuts: usize,
}

type Orders = (f64, Vec<f64>);

fn parameters(resolved: Resolved) -> Result<Parameters> {
    Parameters::new(Parameters {
        half_spread: resolved.h,
        fee: resolved.f,
        rebates: resolved.r,
        theta: resolved.theta,
        lambda_under: resolved.lambda_under,
        lambda_over: resolved.lambda_over,
        quantity: resolved.quantity,
        queues: resolved.queue,
    })
}

fn scenarios(outflows: &PyReadonlyArray2<'_, f64>, p: &Parameters) -> Result<Scenarios> {
    let invalid = |rule, value| Err(Error::Invalid { argument: "scenarios", rule, value });
    if outflows.shape()[1] != p.venues() {
        return invalid(
            "must have one column per venue",
            format!("{} columns for {} venues", outflows.shape()[1], p.venues()),
        );
    }
    match outflows.as_slice() {
        Ok(values) => Scenarios::from_outflows(values, &p.queues),
        Err(_) => invalid("must be a contiguous row-major array", "another layout".into()),
    }
}

/// Runs `work` on checked input with the interpreter released.
fn run<T: Send>(
    py: Python<'_>,
    resolved: Resolved,
    outflows: &PyReadonlyArray2<'_, f64>,
    work: impl FnOnce(&Parameters, &Scenarios) -> Result<T> + Send,
) -> PyResult<T> {
    let p = parameters(resolved)?;
    let sample = scenarios(outflows, &p)?;
    Ok(py.detach(|| work(&p, &sample))?)
}

/// The same for work that may take long: Ctrl-C stops it.
fn watch<T: Send>(
    py: Python<'_>,
    resolved: Resolved,
    outflows: &PyReadonlyArray2<'_, f64>,
    work: impl FnOnce(&Parameters, &Scenarios, Stop<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let p = parameters(resolved)?;
    let sample = scenarios(outflows, &p)?;
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| {
        let watch = Watch::new(&mut observer, 1);
        work(&p, &sample, Stop::new(&|| watch.poll()))
    });
    observer.outcome(outcome)
}

fn allocation((market, limits): Orders) -> Allocation {
    Allocation { market, limits }
}

/// Checks the parameters alone.
#[pyfunction]
pub(crate) fn ck_check(resolved: Resolved) -> PyResult<()> {
    parameters(resolved)?;
    Ok(())
}

#[pyfunction]
pub(crate) fn ck_cost(
    py: Python<'_>,
    resolved: Resolved,
    outflows: PyReadonlyArray2<'_, f64>,
    orders: Orders,
) -> PyResult<PyCost> {
    let x = allocation(orders);
    run(py, resolved, &outflows, |p, sample| cost(p, sample, &x)).map(PyCost::from)
}

#[pyfunction]
pub(crate) fn ck_conditions(
    py: Python<'_>,
    resolved: Resolved,
    outflows: PyReadonlyArray2<'_, f64>,
    orders: Orders,
    lot: Option<f64>,
) -> PyResult<PyConditions> {
    let x = allocation(orders);
    run(py, resolved, &outflows, |p, sample| conditions(p, sample, &x, lot)).map(PyConditions::from)
}

/// Orders and the value reached from each start.
#[pyfunction]
pub(crate) fn ck_solve(
    py: Python<'_>,
    resolved: Resolved,
    outflows: PyReadonlyArray2<'_, f64>,
    lot: Option<f64>,
) -> PyResult<(f64, Vec<f64>, Vec<f64>)> {
    let solution =
        watch(py, resolved, &outflows, |p, sample, stop| solve::solve(p, sample, solve::Options { lot }, stop))?;
    Ok((solution.allocation.market, solution.allocation.limits, solution.starts))
}

#[pyfunction]
pub(crate) fn ck_paper(py: Python<'_>, resolved: Resolved, outflows: PyReadonlyArray2<'_, f64>) -> PyResult<Orders> {
    run(py, resolved, &outflows, |p, sample| Ok(paper::solve(p, sample))).map(|x| (x.market, x.limits))
}

#[pyfunction]
pub(crate) fn ck_bound(
    py: Python<'_>,
    resolved: Resolved,
    outflows: PyReadonlyArray2<'_, f64>,
    start: Orders,
) -> PyResult<PyBound> {
    let x = allocation(start);
    let bound = watch(py, resolved, &outflows, |p, sample, stop| bound::lower_bound(p, sample, &x, stop))?;
    let Allocation { market, limits } = bound.allocation;
    Ok(PyBound { value: bound.value, relaxed: bound.relaxed, market, limits, cuts: bound.cuts })
}

/// The best market order for given limit orders.
#[pyfunction]
pub(crate) fn ck_market_order(
    py: Python<'_>,
    resolved: Resolved,
    outflows: PyReadonlyArray2<'_, f64>,
    limits: Vec<f64>,
) -> PyResult<f64> {
    run(py, resolved, &outflows, |p, sample| {
        let x = Allocation { market: 0.0, limits };
        cost(p, sample, &x)?;
        Ok(closed_form::market_order(p, &mut sample.executed(&x)))
    })
}

/// The level of the outflow's quantile at one venue.
#[pyfunction]
pub(crate) fn ck_quantile_level(resolved: Resolved) -> PyResult<f64> {
    Ok(closed_form::quantile_level(&parameters(resolved)?)?)
}

/// `[M, L]` at one venue for that quantile.
#[pyfunction]
pub(crate) fn ck_one_venue(resolved: Resolved, outflow: f64) -> PyResult<[f64; 2]> {
    Ok(closed_form::one_venue(&parameters(resolved)?, outflow)?)
}

fn pairs(values: &[[f64; 2]]) -> Vec<(f64, f64)> {
    values.iter().map(|&[left, right]| (left, right)).collect()
}

impl From<crate::cont_kukanov::Cost> for PyCost {
    fn from(cost: crate::cont_kukanov::Cost) -> Self {
        Self {
            mean: cost.mean,
            market: cost.market,
            limit: cost.limit,
            impact: cost.impact,
            under: cost.under,
            over: cost.over,
            derivatives: pairs(&cost.derivatives),
            fills: cost.fills,
            shortfall: cost.shortfall,
            excess: cost.excess,
            probability_under: cost.probability_under,
            probability_over: cost.probability_over,
        }
    }
}

impl From<crate::cont_kukanov::Conditions> for PyConditions {
    fn from(conditions: crate::cont_kukanov::Conditions) -> Self {
        Self {
            beta: conditions.beta,
            probability_under: conditions.probability_under,
            probability_at_most: conditions.probability_at_most,
            quantile_residual: conditions.quantile_residual,
            slopes: pairs(&conditions.slopes),
            slope_residual: conditions.slope_residual,
        }
    }
}
