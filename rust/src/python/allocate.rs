//! One snapshot's allocation.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::allocate::books::{Common, benchmark as mid_of, currency};
use crate::allocate::exact::Scratch;
use crate::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate as solve, cost};
use crate::observe::{Stop, Watch};
use crate::policy::{Planned, StaticRouter, Unit};
use crate::python::arguments::solver;
use crate::python::names::SolverName;
use crate::python::observer::PyObserver;
use crate::units::{Money, Nanos, Shares, Side, to_nanos};

/// `(cash, fees, rebates, under, over)` of a split, nanos.
type Parts = (Money, Money, Money, Money, Money);

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
    rule: Rule,
    solver: SolverName,
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
        rule,
    };
    let solver = self::solver(solver, max_candidates);
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

/// What the functions read from a `sor.StaticRouter`, whose values are checked.
#[derive(FromPyObject)]
pub(super) struct RouterSettings {
    lambda_over: f64,
    lambda_under: f64,
    theta_queue: f64,
    unit: Unit,
    rule: Rule,
    solver: SolverName,
    max_candidates: u64,
}

impl RouterSettings {
    pub(super) fn build(&self) -> StaticRouter {
        StaticRouter {
            lambda_over: self.lambda_over,
            lambda_under: self.lambda_under,
            theta_queue: self.theta_queue,
            unit: self.unit,
            rule: self.rule,
            solver: solver(self.solver, self.max_candidates),
            plan: Planned::Displayed,
        }
    }
}

/// `(split, cost, cash, fees, rebates, under, over, cost in nanos)`, the money between in currency.
type Priced<'py> = (Bound<'py, PyTuple>, f64, f64, f64, f64, f64, f64, Money);

/// What a call of one snapshot says of itself, in plain numbers within their bounds; prices in nanos.
struct Snapshot {
    quantity: Shares,
    lot: Shares,
    side: Side,
    benchmark: Option<Nanos>,
    offers: Vec<Offer>,
}

/// The fees of an offer that names none, in nanos.
const FEES: (Nanos, Nanos) = (3_000_000, 2_000_000);

impl Snapshot {
    /// None when anything is not exactly an `int`, a `float`, a `list` or a `tuple`, or out of bounds.
    fn read(
        quantity: &Bound<'_, PyAny>,
        offers: &Bound<'_, PyAny>,
        lot: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        benchmark: &Bound<'_, PyAny>,
    ) -> Option<Self> {
        let side = match side.cast_exact::<PyString>().ok()?.to_str().ok()? {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return None,
        };
        let benchmark = if benchmark.is_none() { None } else { Some(money(benchmark, 0.0..=4e9)?) };
        let offers = if let Ok(list) = offers.cast_exact::<PyList>() {
            list.iter().map(|each| offer(&each, side)).collect::<Option<_>>()?
        } else {
            let tuple = offers.cast_exact::<PyTuple>().ok()?;
            tuple.iter().map(|each| offer(&each, side)).collect::<Option<_>>()?
        };
        Some(Self { quantity: whole(quantity, 1)?, lot: whole(lot, 1)?, side, benchmark, offers })
    }
}

/// `(price, size)` or `(price, size, taker fee, maker rebate)`.
fn offer(each: &Bound<'_, PyAny>, side: Side) -> Option<Offer> {
    let each = each.cast_exact::<PyTuple>().ok()?;
    let len = each.len();
    if len != 2 && len != 4 {
        return None;
    }
    let at = |i| each.get_item(i).ok();
    let (fee, rebate) = if len == 2 { FEES } else { (money(&at(2)?, -1e6..=1e6)?, money(&at(3)?, -1e6..=1e6)?) };
    Some(Offer { key: side.sign() * money(&at(0)?, 1e-9..=4e9)?, available: whole(&at(1)?, 0)?, fee, rebate })
}

fn money(value: &Bound<'_, PyAny>, bounds: std::ops::RangeInclusive<f64>) -> Option<Nanos> {
    let value = value.cast_exact::<PyFloat>().ok()?.value();
    if bounds.contains(&value) { to_nanos("", value).ok() } else { None }
}

fn whole(value: &Bound<'_, PyAny>, least: Shares) -> Option<Shares> {
    let value: Shares = value.cast_exact::<PyInt>().ok()?.extract().ok()?;
    (least..=1_000_000_000_000_000).contains(&value).then_some(value)
}

/// The least-cost split of one snapshot; `None` where the strict rule admits none, `NotImplemented` when an argument has
/// to be checked first.
#[pyfunction]
pub(super) fn allocate_offers<'py>(
    py: Python<'py>,
    quantity: &Bound<'py, PyAny>,
    offers: &Bound<'py, PyAny>,
    router: RouterSettings,
    lot: &Bound<'py, PyAny>,
    side: &Bound<'py, PyAny>,
    benchmark: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(snapshot) = Snapshot::read(quantity, offers, lot, side, benchmark) else {
        return Ok(py.NotImplemented().into_bound(py));
    };
    let router = router.build();
    let common = Common { side: snapshot.side, lot: snapshot.lot, rule: router.rule, solver: router.solver };
    let mid = mid_of(&common, snapshot.benchmark, &snapshot.offers);
    let problem = Problem {
        quantity: snapshot.quantity,
        lot: snapshot.lot,
        offers: &snapshot.offers,
        benchmark_key: snapshot.side.sign() * mid,
        penalties: router.penalties(mid),
        rule: router.rule,
    };
    let mut split = vec![0; snapshot.offers.len()];
    if !split_one(py, &problem, router.solver, &mut split)? {
        return Ok(py.None().into_bound(py));
    }
    let parts = cost(problem.offers, &split, problem.quantity, problem.benchmark_key, &problem.penalties);
    let [cash, fees, rebates, under, over] =
        [parts.cash, parts.fees, parts.rebates, parts.under, parts.over].map(currency);
    let split = PyTuple::new(py, split)?;
    let priced: Priced<'_> = (split, currency(parts.total()), cash, fees, rebates, under, over, parts.total());
    Ok(priced.into_pyobject(py)?.into_any())
}

/// Solves one problem; an enumeration with the interpreter released.
fn split_one(py: Python<'_>, problem: &Problem<'_>, solver: Solver, split: &mut [Shares]) -> PyResult<bool> {
    if solver == Solver::Exact {
        return Ok(solve(problem, solver, &mut Scratch::default(), split, Stop::NEVER)?);
    }
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| {
        let watch = Watch::new(&mut observer, 1);
        solve(problem, solver, &mut Scratch::default(), split, Stop::new(&|| watch.poll()))
    });
    observer.outcome(outcome)
}
