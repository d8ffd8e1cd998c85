//! One replay for many static routers: on certain fills they differ only in the limit up to which they take, and those
//! between whose limits no offer costs take the same (rule A5).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::allocate::{Rule, Solver};
use crate::error::Result;
use crate::order::Parent;
use crate::policy::{Mind, Past, Plan, Planned, Settings, StaticRouter, Unit};
use crate::units::{NANOS_PER_UNIT, Nanos};

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
        let mut others = Others { unit: self.router.unit, limits: self.limits, alike: &self.alike };
        others.keep(self.limits.len());
        let mut mind = self.router.start(parent, past)?;
        mind.others = Some(others);
        Ok(Mind::Static(Box::new(mind)))
    }
}

/// The routers that have done the same so far, and what they do alike at a mid.
#[derive(Clone, Debug)]
pub(super) struct Others<'a> {
    unit: Unit,
    limits: &'a [f64],
    alike: &'a AtomicUsize,
}

impl Others<'_> {
    /// Where other limits are still alike, two costs: an offer is taken by all that costs less than the first, and by none
    /// that costs the second or more.
    pub(super) fn bounds(&mut self, mid: Nanos) -> Option<(Nanos, Nanos)> {
        if self.unit == Unit::Fraction && mid <= 0 {
            self.keep(1);
        }
        let [first, .., last] = *self.limits else { return None };
        Some((self.least(first, mid), self.most(last, mid)))
    }

    /// An offer of this cost is left, though it could be taken: limits that may be above it are not alike.
    pub(super) fn leave(&mut self, cost: Nanos, mid: Nanos) {
        let above = self.limits.iter().rev().take_while(|&&limit| self.most(limit, mid) > cost).count();
        self.keep((self.limits.len() - above).max(1));
    }

    /// None but the first so many are alike.
    pub(super) fn keep(&mut self, alike: usize) {
        self.limits = &self.limits[..alike];
        self.alike.store(alike, Ordering::Relaxed);
    }

    fn least(&self, limit: f64, mid: Nanos) -> Nanos {
        self.nanos(limit, mid, -1.0)
    }

    fn most(&self, limit: f64, mid: Nanos) -> Nanos {
        self.nanos(limit, mid, 1.0)
    }

    /// A limit at a mid, from below or from above: a fraction is the sum of two that are rounded each on its own.
    fn nanos(&self, limit: f64, mid: Nanos, sign: f64) -> Nanos {
        match self.unit {
            Unit::Price => limit as Nanos,
            Unit::Fraction => {
                let exact = limit * mid as f64;
                (exact + sign * (2.0 + exact * (4.0 * f64::EPSILON))) as Nanos
            }
        }
    }
}
