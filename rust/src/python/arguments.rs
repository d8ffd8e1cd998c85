//! Python's arguments as the core's: orders, markets, policies.

use pyo3::prelude::*;

use crate::batch::Variant;
use crate::error::Result;
use crate::fills::{FillModel, QueueAware, QueueModel};
use crate::market::{Depletion, Limit, Market, Snapshot, Venue, Visibility};
use crate::order::Parent;
use crate::policy::{ContKukanov, Plan, Policy, StaticRouter, Unit};
use crate::python::allocate::{rule, solver, unknown};
use crate::units::Side;

/// `(side, quantity, start, end, lot, twin)`; side is +1 or -1.
pub(super) type ParentArgument = (i8, i64, i64, i64, i64, u64);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct VariantArgument {
    /// `(taker fee, maker rebate, latency, queue position)` by venue index.
    venues: Vec<(i64, i64, i64, f64)>,
    snapshot: String,
    depletion: String,
    collar: f64,
    max_quote_age: Option<i64>,
    tick: i64,
    fill: Option<QueueAwareArgument>,
    limit: String,
    policy: PolicyArgument,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct QueueAwareArgument {
    max_fill: f64,
    impact: f64,
    decay: Option<f64>,
    seed: Option<u64>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PolicyArgument {
    name: String,
    #[pyo3(default)]
    bucket: i64,
    #[pyo3(default)]
    router: Option<RouterArgument>,
    #[pyo3(default)]
    cont_kukanov: Option<ContKukanovArgument>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct RouterArgument {
    lambda_over: f64,
    lambda_under: f64,
    theta_queue: f64,
    unit: String,
    rule: String,
    solver: String,
    max_candidates: u64,
    plan: String,
    overbook: f64,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ContKukanovArgument {
    lambda_over: f64,
    lambda_under: f64,
    theta_queue: f64,
    unit: String,
    adverse_selection: i64,
    epoch: i64,
    window_every: i64,
    scenarios: usize,
    queue: String,
}

pub(super) fn snapshot(name: &str) -> Result<Snapshot> {
    match name {
        "last" => Ok(Snapshot::Last),
        "each" => Ok(Snapshot::Each),
        "first" => Ok(Snapshot::First),
        _ => Err(unknown("snapshot", "must be \"last\", \"each\" or \"first\"", name)),
    }
}

pub(super) fn fill_model(queue: Option<&QueueAwareArgument>) -> FillModel {
    queue.map_or(FillModel::Displayed, |&QueueAwareArgument { max_fill, impact, decay, seed }| {
        FillModel::QueueAware(QueueAware { max_fill, impact, decay, seed })
    })
}

impl RouterArgument {
    fn build(&self) -> Result<StaticRouter> {
        Ok(StaticRouter {
            lambda_over: self.lambda_over,
            lambda_under: self.lambda_under,
            theta_queue: self.theta_queue,
            unit: unit(&self.unit)?,
            rule: rule(&self.rule)?,
            solver: solver(&self.solver, self.max_candidates)?,
            plan: match self.plan.as_str() {
                "displayed" => Plan::Displayed,
                "fills" => Plan::Fills { overbook: self.overbook },
                other => return Err(unknown("plan", "must be \"displayed\" or \"fills\"", other)),
            },
        })
    }
}

impl ContKukanovArgument {
    fn build(&self) -> Result<ContKukanov> {
        Ok(ContKukanov {
            lambda_over: self.lambda_over,
            lambda_under: self.lambda_under,
            theta_queue: self.theta_queue,
            unit: unit(&self.unit)?,
            adverse_selection: self.adverse_selection,
            epoch: self.epoch,
            window_every: self.window_every,
            scenarios: self.scenarios,
            queue: queue_model(&self.queue)?,
        })
    }
}

pub(super) fn unit(name: &str) -> Result<Unit> {
    match name {
        "fraction" => Ok(Unit::Fraction),
        "price" => Ok(Unit::Price),
        other => Err(unknown("unit", "must be \"fraction\" or \"price\"", other)),
    }
}

pub(super) fn queue_model(name: &str) -> Result<QueueModel> {
    match name {
        "pessimistic" => Ok(QueueModel::Pessimistic),
        "expected" => Ok(QueueModel::Expected),
        "optimistic" => Ok(QueueModel::Optimistic),
        other => Err(unknown("queue", "must be \"pessimistic\", \"expected\" or \"optimistic\"", other)),
    }
}

impl PolicyArgument {
    fn build(&self) -> Result<Policy> {
        match (self.name.as_str(), &self.router, &self.cont_kukanov) {
            ("router", Some(router), _) => router.build().map(Policy::Static),
            ("cont_kukanov", _, Some(router)) => router.build().map(Policy::ContKukanov),
            ("best_ask", ..) => Ok(Policy::BestAsk),
            ("sweep", ..) => Ok(Policy::Sweep),
            ("twap", ..) => Ok(Policy::Twap { bucket: self.bucket }),
            ("vwap", ..) => Ok(Policy::Vwap),
            (other, ..) => Err(unknown(
                "policy",
                "must be \"router\", \"cont_kukanov\", \"best_ask\", \"sweep\", \"twap\" or \"vwap\"",
                other,
            )),
        }
    }
}

impl VariantArgument {
    pub(super) fn build(&self) -> Result<Variant> {
        let venues = self.venues.iter().map(|&(taker_fee, maker_rebate, latency, queue_position)| Venue {
            taker_fee,
            maker_rebate,
            latency,
            queue_position,
        });
        let market = Market {
            venues: venues.collect(),
            snapshot: snapshot(&self.snapshot)?,
            depletion: match self.depletion.as_str() {
                "refresh" => Depletion::Refresh,
                "persistent" => Depletion::Persistent,
                "none" => Depletion::None,
                other => return Err(unknown("depletion", "must be \"refresh\", \"persistent\" or \"none\"", other)),
            },
            visibility: Visibility { collar: self.collar, max_quote_age: self.max_quote_age },
            fill: fill_model(self.fill.as_ref()),
            limit: match self.limit.as_str() {
                "seen" => Limit::Seen,
                "none" => Limit::None,
                other => return Err(unknown("limit", "must be \"seen\" or \"none\"", other)),
            },
            tick: self.tick,
        };
        Ok(Variant { market, policy: self.policy.build()? })
    }
}

pub(super) fn side(sign: i8) -> Side {
    if sign < 0 { Side::Sell } else { Side::Buy }
}

pub(super) fn build_parents(parents: Vec<ParentArgument>) -> Vec<Parent> {
    let build = |(sign, quantity, start, end, lot, twin)| Parent { side: side(sign), quantity, start, end, lot, twin };
    parents.into_iter().map(build).collect()
}
