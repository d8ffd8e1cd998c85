//! The allocator that proves its answer without looking at every candidate.

use super::dual::{Dual, Int};
use super::search::Search;
use super::{Problem, invalid};
use crate::error::Result;
use crate::units::Money;

/// Reusable workspace of [`exact`](Solver::exact): no allocation once warm.
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

    /// The least-cost candidate, the lexicographically smallest among equals: its lots into `lots`, its cost returned.
    /// Identical to [`exhaustive`](super::exhaustive) on every input.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when the remaining quantity or a penalty is negative, or the numbers
    /// are so large that 128 bits do not hold the sums.
    pub fn exact(&mut self, problem: &Problem, lots: &mut Vec<usize>) -> Result<Money> {
        problem.validate()?;
        let tops = (0..problem.curves.venues()).fold(0, |sum: usize, i| sum.saturating_add(problem.top(i)));
        let problem = Problem { max_lots: problem.max_lots.min(tops), ..*problem };
        match magnitude(&problem) {
            Some(bound) if bound < 1 << 61 => self.narrow.solve(&problem, lots),
            Some(bound) if bound < 1 << 125 => self.wide.solve(&problem, lots),
            _ => return Err(invalid("curves", "must have sums below 2^125 nanos", "more")),
        }
        Ok(problem.cost(lots))
    }

    #[doc(hidden)]
    pub fn expanded(&self) -> (u64, u64) {
        (self.narrow.search.expanded, self.narrow.rounds)
    }
}

/// A bound of every number of a solve.
fn magnitude(problem: &Problem) -> Option<u128> {
    let rate = u128::from(problem.under.max(problem.over).unsigned_abs());
    let (mut cost, mut shares, mut all) = (0, 0, u128::from(problem.remaining.unsigned_abs()));
    for i in 0..problem.curves.venues() {
        let top = problem.top(i);
        cost = problem.curves.cost(i)[..=top].iter().fold(cost, |most, c| c.unsigned_abs().max(most));
        let most = problem.curves.shares(i)[..=top].iter().fold(0, |most, t| t.unsigned_abs().max(most));
        shares = most.max(shares);
        all += u128::from(most);
    }
    let reduced = rate.checked_mul(u128::from(shares))?.checked_add(u128::from(cost))?;
    let count = 4 * (problem.curves.venues() as u128 + 2 * problem.max_lots as u128 + 1);
    reduced.checked_mul(count)?.checked_add(rate.checked_mul(4)?.checked_mul(all)?)
}

#[derive(Clone, Debug, Default)]
struct Workspace<T> {
    dual: Dual<T>,
    search: Search<T>,
    reduced: Vec<T>,
    ends: Vec<usize>,
    rounds: u64,
}

impl<T: Int> Workspace<T> {
    fn solve(&mut self, problem: &Problem, lots: &mut Vec<usize>) {
        let multipliers = self.dual.maximise(problem);
        self.reduced.clear();
        self.ends.clear();
        lots.clear();
        let cap = problem.max_lots as i64;
        let mut left = cap;
        for i in 0..problem.curves.venues() {
            let start = self.reduced.len();
            let top = problem.top(i);
            let points = problem.curves.cost(i)[..=top].iter().zip(&problem.curves.shares(i)[..=top]);
            self.reduced.extend(points.enumerate().map(|(k, (&cost, &t))| {
                T::from(cost) - multipliers.share * T::from(t) + multipliers.lot * T::from(k as i64)
            }));
            let least = self.reduced[start..].iter().copied().min().unwrap_or_default();
            let mut few = (T::default(), 0);
            for (k, r) in self.reduced[start..].iter_mut().enumerate() {
                *r = *r - least;
                let raised = *r + T::from(k as i64);
                if k == 0 || raised < few.0 {
                    few = (raised, k);
                }
            }
            lots.push(few.1);
            left -= few.1 as i64;
            self.ends.push(self.reduced.len());
        }
        for k in &mut *lots {
            let cut = (*k as i64).min(-left.min(0));
            *k -= cut as usize;
            left += cut;
        }
        if multipliers.lot > T::default() {
            for i in (0..lots.len()).rev() {
                let start = if i == 0 { 0 } else { self.ends[i - 1] };
                let reduced = &self.reduced[start..self.ends[i]];
                let many = reduced.iter().rposition(|r| *r == T::default()).unwrap_or(0);
                let more = (many.max(lots[i]) - lots[i]).min(left as usize);
                lots[i] += more;
                left -= more as i64;
            }
        }
        // excess of the start
        let mut shares = problem.remaining;
        let mut upper = multipliers.lot * T::from(left);
        for (i, &k) in lots.iter().enumerate() {
            let start = if i == 0 { 0 } else { self.ends[i - 1] };
            upper = upper + self.reduced[start + k];
            shares -= problem.curves.shares(i)[k];
        }
        let rate = if shares > 0 { T::from(problem.under) - multipliers.share } else { T::default() - T::from(problem.over) - multipliers.share };
        upper = upper + rate * T::from(shares);
        let shift: u32 = std::env::var("SHIFT").map_or(6, |s| s.parse().unwrap());
        let factor: i64 = std::env::var("FACTOR").map_or(4, |s| s.parse().unwrap());
        let mut limit = upper / T::from(1 << shift);
        loop {
            self.rounds += 1;
            self.search.reset(multipliers, problem.under, problem.over);
            let mut start = 0;
            for (i, &end) in self.ends.iter().enumerate() {
                for (k, (r, &t)) in self.reduced[start..end].iter().zip(problem.curves.shares(i)).enumerate() {
                    if *r <= limit {
                        self.search.choice(k as i64, t, *r);
                    }
                }
                self.search.end_venue();
                start = end;
            }
            let before = self.search.expanded;
            let trace = std::env::var("TRACE").is_ok();
            let got = self.search.solve(cap, problem.remaining, limit, lots);
            if trace { let l: i128 = limit.into(); let g: i128 = got.map_or(-1, |g| g.into()); let u: i128 = upper.into(); eprintln!("upper {:.3e} limit {:.3e} got {:.3e} expanded {} choices {} mult {:?}", u as f64, l as f64, g as f64, self.search.expanded - before, self.search.count(), multipliers.share.into()); }
            if let Some(got) = got {
                if trace && got < limit { limit = got; continue; }
                return;
            }
            assert!(limit < upper, "the start is a candidate");
            limit = (limit * T::from(factor) + T::from(1)).min(upper);
        }
    }
}
