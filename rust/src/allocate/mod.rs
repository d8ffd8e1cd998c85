//! The static allocator: how many shares to send to each venue at one snapshot (section 3 of the model).
//!
//! With remaining quantity `S`, lot `L`, venues `i` in ascending id with taking price `p_i`, available `a_i`, fee `f_i`,
//! and benchmark `b`, it minimises over `x_i in {0, L, 2L, ...}, x_i <= a_i`
//!
//! ```text
//!   sum x_i * (s*(p_i - b) + f_i)  +  (lambda_under + theta) * (S - sum x_i)
//! ```
//!
//! subject to `sum x <= S` (relaxed, `b` = mid) or `sum x == S` (strict, `b` = 0); among equals the lexicographically
//! smallest `x`. With certain fills every share sent is executed, so `over` is 0 in every candidate (rule A5).
//! Two solvers give the same answer: [`exact`] in `O(N log N)` and [`exhaustive`] by enumeration. When the router
//! plans with the fills it expects (rule F4) the problem is that of [`curves`], again with two solvers.

pub mod books;
mod cost;
pub mod curves;
pub mod exact;
pub mod exhaustive;
mod problem;

pub use cost::{Cost, Offer, Penalties, cost};
pub use problem::{Problem, Rule, Solver};

use crate::error::Result;
use crate::observe::Stop;
use crate::units::Shares;

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
