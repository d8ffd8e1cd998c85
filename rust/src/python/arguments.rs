//! Python's arguments as the core's: orders, markets, policies.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::allocate::{Rule, Solver};
use crate::batch::Variant;
use crate::error::Error;
use crate::fills::QueueModel;
use crate::market::{Depletion, Limit, Market, Snapshot, Venue, Visibility};
use crate::order::Parent;
use crate::policy::{Asked, BuiltIn, Children, ContKukanov, Given, Plan, Planned, Sliced, StaticRouter, Unit};
use crate::python::compiled;
use crate::python::fills::{FillArgument, fill_model};
use crate::python::names::{PlanName, SolverName};
use crate::python::policy::{PyPlan, Raised};
use crate::python::schedule::ScheduleArgument;
use crate::units::Side;

/// `(side, quantity, start, end, lot, twin)`; side is +1 or -1.
pub(super) type ParentArgument = (i8, i64, i64, i64, i64, u64);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct VariantArgument {
    /// `(taker fee, maker rebate, latency, queue position)` by venue index.
    venues: Vec<(i64, i64, i64, f64)>,
    snapshot: Snapshot,
    depletion: Depletion,
    /// A fraction of the mid, and the least it is, nanos.
    collar: (f64, i64),
    max_quote_age: Option<i64>,
    tick: i64,
    fill: Option<FillArgument>,
    limit: Limit,
    policy: PolicyArgument,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PolicyArgument {
    /// A built-in one, or one of the caller's own.
    name: Option<String>,
    #[pyo3(default)]
    own: Option<OwnArgument>,
    #[pyo3(default)]
    compiled: Option<CompiledArgument>,
    #[pyo3(default)]
    children: Option<ChildrenArgument>,
    #[pyo3(default)]
    schedule: Option<ScheduleArgument>,
    #[pyo3(default)]
    router: Option<RouterArgument>,
    #[pyo3(default)]
    cont_kukanov: Option<ContKukanovArgument>,
}

/// A policy written in Python.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct OwnArgument {
    start: Py<PyAny>,
    venues: Py<PyTuple>,
    hears: bool,
    queue: QueueModel,
}

/// A policy that was compiled elsewhere.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct CompiledArgument {
    function: Py<PyAny>,
    parameters: Vec<f64>,
    memory: usize,
    queue: QueueModel,
}

/// Given children.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ChildrenArgument {
    rows: Vec<ChildArgument>,
    queue: QueueModel,
}

/// `(ts, venue, kind, quantity, price, until, side, start, cancelled row)`; kind is 1 (take), 2 (post) or 3 (cancel), and
/// side +1, -1 or 0, not known.
type ChildArgument = (i64, usize, i64, i64, Option<i64>, Option<i64>, i8, Option<i64>, usize);

impl ChildrenArgument {
    fn build(&self) -> Children {
        let given = |&(ts, venue, kind, quantity, price, until, sign, start, row): &ChildArgument| Given {
            ts,
            venue,
            asked: match kind {
                1 => Asked::Take { quantity, limit: price },
                2 => Asked::Post { quantity, price, until },
                _ => Asked::Cancel { row },
            },
            side: (sign != 0).then(|| side(sign)),
            start,
        };
        Children::new(self.rows.iter().map(given).collect())
    }
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct RouterArgument {
    lambda_over: f64,
    lambda_under: f64,
    theta_queue: f64,
    unit: Unit,
    rule: Rule,
    solver: SolverName,
    max_candidates: u64,
    plan: PlanName,
    overbook: f64,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ContKukanovArgument {
    lambda_over: f64,
    lambda_under: f64,
    theta_queue: f64,
    unit: Unit,
    adverse_selection: i64,
    epoch: i64,
    window_every: i64,
    scenarios: usize,
    queue: QueueModel,
}

impl RouterArgument {
    fn build(&self) -> StaticRouter {
        StaticRouter {
            lambda_over: self.lambda_over,
            lambda_under: self.lambda_under,
            theta_queue: self.theta_queue,
            unit: self.unit,
            rule: self.rule,
            solver: solver(self.solver, self.max_candidates),
            plan: match self.plan {
                PlanName::Displayed => Planned::Displayed,
                PlanName::Fills => Planned::Fills { overbook: self.overbook },
            },
        }
    }
}

pub(super) fn solver(name: SolverName, max_candidates: u64) -> Solver {
    match name {
        SolverName::Exact => Solver::Exact,
        SolverName::Exhaustive => Solver::Exhaustive { max_candidates },
    }
}

impl ContKukanovArgument {
    fn build(&self) -> ContKukanov {
        ContKukanov {
            lambda_over: self.lambda_over,
            lambda_under: self.lambda_under,
            theta_queue: self.theta_queue,
            unit: self.unit,
            adverse_selection: self.adverse_selection,
            epoch: self.epoch,
            window_every: self.window_every,
            scenarios: self.scenarios,
        }
    }
}

impl PolicyArgument {
    fn build(&self, py: Python<'_>, raised: &Raised) -> PyResult<Arc<dyn Plan>> {
        let plan = self.unscheduled(py, raised)?;
        Ok(match &self.schedule {
            Some(schedule) => Arc::new(Sliced { plan, schedule: schedule.build() }),
            None => plan,
        })
    }

    fn unscheduled(&self, py: Python<'_>, raised: &Raised) -> PyResult<Arc<dyn Plan>> {
        if let Some(OwnArgument { start, venues, hears, .. }) = &self.own {
            let (start, venues) = (start.clone_ref(py), venues.clone_ref(py));
            return Ok(Arc::new(PyPlan::new(start, venues, *hears, Arc::clone(raised))));
        }
        if let Some(CompiledArgument { function, parameters, memory, .. }) = &self.compiled {
            return compiled::plan(function.bind(py), parameters, *memory);
        }
        if let Some(children) = &self.children {
            return Ok(Arc::new(children.build()));
        }
        let missing = || PyTypeError::new_err("a policy has a name, or is one of the caller's own");
        let name = self.name.as_deref().ok_or_else(missing)?;
        Ok(Arc::new(self.built_in(name)?))
    }

    /// How the queues of its limit orders are simulated.
    fn queue(&self) -> QueueModel {
        let compiled = self.compiled.as_ref().map(|compiled| compiled.queue);
        let children = self.children.as_ref().map(|children| children.queue);
        let own = self.own.as_ref().map(|own| own.queue).or(compiled).or(children);
        own.or(self.cont_kukanov.as_ref().map(|router| router.queue)).unwrap_or(QueueModel::Expected)
    }

    fn built_in(&self, name: &str) -> PyResult<BuiltIn> {
        let missing = || PyTypeError::new_err(format!("policy {name:?} has no settings"));
        Ok(match name {
            "static" => BuiltIn::Static(self.router.as_ref().ok_or_else(missing)?.build()),
            "cont_kukanov" => BuiltIn::ContKukanov(self.cont_kukanov.as_ref().ok_or_else(missing)?.build()),
            _ => BuiltIn::plain(name).ok_or_else(|| Error::Unknown {
                argument: "policy",
                names: BuiltIn::NAMES,
                value: name.to_owned(),
            })?,
        })
    }
}

impl VariantArgument {
    pub(super) fn build(&self, py: Python<'_>, raised: &Raised) -> PyResult<Variant> {
        let venues = self.venues.iter().map(|&(taker_fee, maker_rebate, latency, queue_position)| Venue {
            taker_fee,
            maker_rebate,
            latency,
            queue_position,
        });
        let market = Market {
            venues: venues.collect(),
            snapshot: self.snapshot,
            depletion: self.depletion,
            visibility: Visibility {
                collar: self.collar.0,
                collar_least: self.collar.1,
                max_quote_age: self.max_quote_age,
            },
            fill: fill_model(py, self.fill.as_ref(), raised)?,
            queue: self.policy.queue(),
            limit: self.limit,
            tick: self.tick,
        };
        Ok(Variant { market, plan: self.policy.build(py, raised)? })
    }
}

pub(super) fn side(sign: i8) -> Side {
    if sign < 0 { Side::Sell } else { Side::Buy }
}

pub(super) fn build_parents(parents: Vec<ParentArgument>) -> Vec<Parent> {
    let build = |(sign, quantity, start, end, lot, twin)| Parent { side: side(sign), quantity, start, end, lot, twin };
    parents.into_iter().map(build).collect()
}
