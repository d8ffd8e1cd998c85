//! One snapshot's problem, and the choices in it.

use crate::allocate::cost::{Offer, Penalties};
use crate::units::{Nanos, Shares};

/// Which splits are candidates, and what prices are measured against (rule A2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// `sum x == S` and `b = 0`: the public pseudocode, unchanged.
    Strict,
    /// `sum x <= S` and `b` = the mid; single shares once `S < L`.
    Relaxed,
}

/// How the answer is found; both give the same one (rule A4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Solver {
    /// Greedy on marginal costs, `O(N log N)`.
    Exact,
    /// Every candidate, unless there are more than the bound.
    Exhaustive {
        /// More candidates than this is an error.
        max_candidates: u64,
    },
}

/// One snapshot's problem.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// `S`, shares still to execute, positive.
    pub quantity: Shares,
    /// `L`, shares in a lot, positive.
    pub lot: Shares,
    /// What each venue offers, in ascending venue id.
    pub offers: &'a [Offer],
    /// `s * b`: the mid (relaxed) or 0 (strict).
    pub benchmark_key: Nanos,
    /// The risk parameters in nanos per share.
    pub penalties: Penalties,
    /// Which splits are candidates.
    pub rule: Rule,
}

impl Problem<'_> {
    /// The lot in force: single shares for the tail of a relaxed order (rule A2).
    #[must_use]
    #[inline]
    pub fn effective_lot(&self) -> Shares {
        if self.rule == Rule::Relaxed && self.quantity < self.lot { 1 } else { self.lot }
    }

    /// Cost per share of taking an offer, against the benchmark.
    #[must_use]
    #[inline]
    pub fn unit_cost(&self, offer: &Offer) -> Nanos {
        offer.key - self.benchmark_key + offer.fee
    }
}
