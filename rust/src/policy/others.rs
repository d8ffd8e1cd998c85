//! Routers of higher limits beside the one that is replayed: how long they decide alike (rule A5).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::policy::Unit;
use crate::units::Nanos;

/// The routers that have done the same so far, and what they do alike at a mid.
#[derive(Clone, Debug)]
pub(super) struct Others<'a> {
    unit: Unit,
    limits: &'a [f64],
    alike: &'a AtomicUsize,
}

impl<'a> Others<'a> {
    /// Those of some limits, ascending, all of which have; how many there are is written to `alike` at every parting.
    pub(super) fn new(unit: Unit, limits: &'a [f64], alike: &'a AtomicUsize) -> Self {
        alike.store(limits.len(), Ordering::Relaxed);
        Self { unit, limits, alike }
    }

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
