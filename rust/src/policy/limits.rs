//! One replay for many static routers: on certain fills they differ only in the limit up to which they take, and those
//! between whose limits no offer costs take the same (rule A5).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::allocate::{Rule, Solver};
use crate::error::Result;
use crate::order::Parent;
use crate::policy::others::Others;
use crate::policy::{Mind, Past, Plan, Planned, Settings, StaticRouter, Unit};
use crate::units::NANOS_PER_UNIT;

/// Floats up to here are whole numbers of nanos.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl StaticRouter {
    /// The router without its limit, and the limit: a fraction of the mid, or nanos. `None` where more than a limit decides.
    #[must_use]
    pub fn limit(&self) -> Option<(Self, f64)> {
        let (under, theta) = (self.lambda_under, self.theta_queue);
        let limited = self.plan == Planned::Displayed && self.rule == Rule::Relaxed && self.solver == Solver::Exact;
        if !limited || under < 0.0 || theta < 0.0 {
            return None;
        }
        let limit = match self.unit {
            Unit::Fraction => under + theta,
            // The same at every mid.
            Unit::Price => self.penalties(NANOS_PER_UNIT).per_share_under() as f64,
        };
        let without = Self { lambda_over: 0.0, lambda_under: 0.0, theta_queue: 0.0, ..*self };
        (limit < EXACT).then_some((without, limit))
    }
}

/// The router with the lowest of many limits, which finds out how many of the others do the same on an order.
#[derive(Debug)]
pub struct Lowest<'a> {
    router: StaticRouter,
    limits: &'a [f64],
    alike: AtomicUsize,
}

impl<'a> Lowest<'a> {
    /// A router, and the [limits](StaticRouter::limit) of those that are like it but for theirs: ascending, its own first.
    #[must_use]
    pub fn new(router: StaticRouter, limits: &'a [f64]) -> Self {
        Self { router, limits, alike: AtomicUsize::new(limits.len()) }
    }

    /// After a replay, how many of the limits would have made the very same decisions: its own and those that follow it.
    #[must_use]
    pub fn alike(&self) -> usize {
        self.alike.load(Ordering::Relaxed)
    }
}

impl Plan for Lowest<'_> {
    fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Mind<'a>> {
        let mut mind = self.router.start(parent, past)?;
        mind.others = Some(Others::new(self.router.unit, self.limits, &self.alike));
        Ok(Mind::Static(Box::new(mind)))
    }
}
