//! The static allocator: how many shares to send to each venue at one snapshot (MODEL section 3).
//!
//! With remaining quantity `S`, lot `L`, venues `i` in ascending id with taking price `p_i`, available `a_i`, fee `f_i`,
//! and benchmark `b`, it minimises over `x_i in {0, L, 2L, ...}, x_i <= a_i`
//!
//! ```text
//!   sum x_i * (s*(p_i - b) + f_i)  +  (lambda_under + theta) * (S - sum x_i)
//! ```
//!
//! subject to `sum x <= S` (relaxed, `b` = mid) or `sum x == S` (strict, `b` = 0); among equals the lexicographically
//! smallest `x`. With certain fills every share sent is executed, so `over` is 0 in every candidate (MODEL A5).
//! Two solvers give the same answer: [`exact`] in `O(N log N)` and [`exhaustive`] by enumeration. When the router
//! plans with the fills it expects (MODEL F4) the problem is that of [`curves`], again with two solvers.

pub mod books;
mod cost;
pub mod curves;
pub mod exact;
pub mod exhaustive;

pub use cost::{Cost, Offer, Penalties, cost};

use crate::error::Result;
use crate::observe::Stop;
use crate::units::{Nanos, Shares};

/// Which splits are candidates, and what prices are measured against (MODEL A2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// `sum x == S` and `b = 0`: the public pseudocode to the letter.
    Strict,
    /// `sum x <= S` and `b` = the mid; single shares once `S < L`.
    Relaxed,
}

/// How the answer is found; both give the same one (MODEL A4).
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
    /// The lot in force: single shares for the tail of a relaxed order (MODEL A2).
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

/// Solves `problem` into `split` (one entry per offer). Returns whether there is any candidate: under
/// [`Rule::Strict`] there may be none, and `split` is then all zero.
///
/// # Errors
///
/// From the exhaustive solver [`Error::TooManyCandidates`](crate::Error::TooManyCandidates), and
/// [`Error::Stopped`](crate::Error::Stopped) when `stop`, asked once a millisecond or so, says so.
#[inline]
pub fn allocate(
    problem: &Problem<'_>,
    solver: Solver,
    scratch: &mut exact::Scratch,
    split: &mut [Shares],
    stop: Stop<'_>,
) -> Result<bool> {
    match solver {
        Solver::Exact => Ok(exact::solve(problem, scratch, split)),
        Solver::Exhaustive { max_candidates } => exhaustive::solve(problem, max_candidates, split, stop),
    }
}
