//! The allocator that proves its answer without looking at every candidate.

use super::dual::{Dual, Int, Multipliers};
use super::search::Search;
use super::{Problem, invalid};
use crate::error::Result;
use crate::units::Money;

/// The exact allocator with its reusable workspace: it allocates nothing once warm.
#[derive(Clone, Debug, Default)]
pub struct Solver {
    narrow: Workspace<i64>,
    wide: Workspace<i128>,
}

impl Solver {
    /// An empty workspace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The least-cost candidate, the lexicographically smallest among equals: its lots into `lots`, one number per
    /// venue, its cost in nanos returned. The same as [`exhaustive`](super::exhaustive)'s on every input.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when the remaining quantity or a penalty is negative, or the numbers
    /// are so large (about `2^125` nanos) that 128 bits do not hold the sums.
    pub fn exact(&mut self, problem: &Problem, lots: &mut Vec<usize>) -> Result<Money> {
        problem.validate()?;
        let tops = (0..problem.curves.venues()).map(|i| problem.top(i));
        let problem = &Problem { max_lots: problem.max_lots.min(tops.sum()), ..*problem };
        match magnitude(problem) {
            Some(most) if most < 1 << 61 => self.narrow.solve(problem, lots),
            Some(most) if most < 1 << 125 => self.wide.solve(problem, lots),
            _ => {
                return Err(invalid("curves", "must have costs that sum to less than 2^125 nanos", &"more"));
            }
        }
        Ok(problem.cost(lots))
    }
}

/// A bound of every number in a solve: `4 (N + 2M + 1) R + 4 g T`, where `M` is the most lots, `g` the larger
/// penalty, `T = S + sum max t_i` and `R = max |cost| + g max t`.
///
/// Why: at any `mu` a curve stays within `R`, so `nu <= 2R`, the dual bound is at least `-(N + 2M) R - g T` and a
/// candidate at most `N R + g T`: no excess, which is their difference, and no part of it, as all are `>= 0`, is above
/// `2 (N + M) R + 2 g T`. What is added to one before it is compared is one fee, at most `2 M R + 2 g T`.
/// None when the bound itself does not fit.
fn magnitude(problem: &Problem) -> Option<u128> {
    let penalty = u128::from(problem.under.max(problem.over).unsigned_abs());
    let mut all = u128::from(problem.remaining.unsigned_abs());
    let (mut cost, mut shares) = (0, 0);
    for i in 0..problem.curves.venues() {
        let top = problem.top(i);
        let costs = problem.curves.cost(i)[..=top].iter().map(|c| u128::from(c.unsigned_abs()));
        let most = problem.curves.shares(i)[..=top].iter().map(|t| u128::from(t.unsigned_abs())).max()?;
        cost = costs.max()?.max(cost);
        shares = most.max(shares);
        all += most;
    }
    let curve = penalty.checked_mul(shares)?.checked_add(cost)?;
    let terms = 4 * (problem.curves.venues() as u128 + 2 * problem.max_lots as u128 + 1);
    terms.checked_mul(curve)?.checked_add(all.checked_mul(4)?.checked_mul(penalty)?)
}

#[derive(Clone, Debug, Default)]
struct Workspace<T> {
    dual: Dual<T>,
    /// Reduced cost of every lot count of every venue, one venue after the other.
    excess: Vec<T>,
    search: Search<T>,
}

/// The first round looks within this fraction of the start's excess, each further one this many times as far.
const FIRST_ROUND: i64 = 64;
const WIDER: i64 = 4;

impl<T: Int> Workspace<T> {
    fn solve(&mut self, problem: &Problem, lots: &mut Vec<usize>) {
        let multipliers = self.dual.maximise(problem);
        self.reduce(problem, multipliers);
        let most = self.start(problem, multipliers, lots);
        let mut limit = most / T::from(FIRST_ROUND);
        loop {
            self.search.reduced.fill(problem, multipliers, &self.excess, limit);
            if self.search.solve(problem.max_lots as i64, problem.remaining, limit, lots) {
                return;
            }
            // The start itself is within the last limit.
            assert!(limit < most, "a candidate within {limit:?} exists");
            limit = (limit * T::from(WIDER) + T::from(1)).min(most);
        }
    }

    fn reduce(&mut self, problem: &Problem, multipliers: Multipliers<T>) {
        self.excess.clear();
        for i in 0..problem.curves.venues() {
            let start = self.excess.len();
            let points = problem.curves.cost(i)[..=problem.top(i)].iter().zip(problem.curves.shares(i));
            self.excess.extend((0_i64..).zip(points).map(|(k, (&cost, &shares))| {
                T::from(cost) - multipliers.share * T::from(shares) + multipliers.lot * T::from(k)
            }));
            let own = &mut self.excess[start..];
            let least = own.iter().copied().min().unwrap_or_default();
            for excess in own {
                *excess = *excess - least;
            }
        }
    }

    /// A good candidate's excess: every venue at its fewest lots of (almost) no excess, then, from the last venue,
    /// what is left of the lots where that costs nothing either. `lots` is scratch.
    fn start(&self, problem: &Problem, multipliers: Multipliers<T>, lots: &mut Vec<usize>) -> T {
        let zero = T::default();
        let mut left = problem.max_lots;
        let mut total = zero;
        let mut executed = 0;
        lots.clear();
        let mut rest = &self.excess[..];
        for i in 0..problem.curves.venues() {
            let (own, others) = rest.split_at(problem.top(i) + 1);
            rest = others;
            // `nu` is rounded down: a nano per lot more makes the fewest lots fit in all but odd cases.
            let few = (0_i64..).zip(own).min_by_key(|&(k, &excess)| excess + T::from(k));
            let few = few.map_or(0, |(k, _)| k as usize).min(left);
            left -= few;
            lots.push(few);
        }
        let mut end = self.excess.len();
        for i in (0..lots.len()).rev() {
            let start = end - (problem.top(i) + 1);
            let own = &self.excess[start..end];
            end = start;
            if multipliers.lot > zero {
                let many = own.iter().rposition(|&excess| excess == zero).unwrap_or(0);
                let more = many.saturating_sub(lots[i]).min(left);
                lots[i] += more;
                left -= more;
            }
            total = total + own[lots[i]];
            executed += problem.curves.shares(i)[lots[i]];
        }
        let short = problem.remaining - executed;
        let rate = if short > 0 { T::from(problem.under) } else { zero - T::from(problem.over) };
        total + multipliers.lot * T::from(left as i64) + (rate - multipliers.share) * T::from(short)
    }
}
