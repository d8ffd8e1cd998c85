//! The allocator that proves its answer without looking at every candidate.

use super::dual::{Dual, Int, Multipliers};
use super::search::{self, Search};
use super::table::{self, Table};
use super::{Problem, invalid};
use crate::error::Result;
use crate::observe::Stop;
use crate::units::Money;

/// What an answer costs, and how good it is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The objective, in nanos.
    pub cost: Money,
    /// `None`: no candidate costs less, and among equals this is the lexicographically smallest. Else to prove so much
    /// takes more than the effort allows: no candidate costs less than `cost - gap`. With a gap of 0 no candidate
    /// costs less, but another may cost as much and come first.
    pub gap: Option<Money>,
}

/// How much work a decision may take. Steps, not seconds: the answer is the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Choices that the search may try before there is a table, of some 15 ns.
    pub search: usize,
    /// Steps that one table may take, of some 0.2 ns.
    pub table: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { search: 1 << 14, table: 1 << 27 }
    }
}

/// The exact allocator with its reusable workspace: it allocates nothing once warm.
#[derive(Clone, Debug, Default)]
pub struct Solver {
    effort: Effort,
    narrow: Workspace<i64>,
    wide: Workspace<i128>,
}

impl Solver {
    /// An empty workspace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty workspace with another effort.
    #[must_use]
    pub fn with_effort(effort: Effort) -> Self {
        Self { effort, ..Self::default() }
    }

    /// The least-cost candidate, the lexicographically smallest among equals: its lots into `lots`, one number per
    /// venue. The same as [`exhaustive`](super::exhaustive)'s, unless the answer states a gap. `stop` is asked
    /// every few milliseconds at least.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when the remaining quantity or a penalty is negative, or the numbers are
    /// so large (about `2^125` nanos) that 128 bits do not hold the sums. [`Error::Stopped`](crate::Error::Stopped).
    pub fn exact(&mut self, problem: &Problem, lots: &mut Vec<usize>, stop: Stop<'_>) -> Result<Answer> {
        problem.validate()?;
        let tops = (0..problem.curves.venues()).map(|i| problem.top(i));
        let problem = &Problem { max_lots: problem.max_lots.min(tops.sum()), ..*problem };
        let gap = match magnitude(problem) {
            Some(most) if most < 1 << 61 => self.narrow.solve(problem, self.effort, stop, lots)?.map(Money::from),
            Some(most) if most < 1 << 125 => self.wide.solve(problem, self.effort, stop, lots)?,
            _ => {
                return Err(invalid("curves", "must have costs that sum to less than 2^125 nanos", &"more"));
            }
        };
        Ok(Answer { cost: problem.cost(lots), gap })
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
    table: Table,
    /// The best candidate known.
    best: Vec<usize>,
}

/// The first round looks within this fraction of the start's excess, each further one this many times as far.
const FIRST_ROUND: i64 = 64;
const WIDER: i64 = 4;
/// The same for tables, from where the search has given up: the nearer, the smaller.
const FIRST_TABLE: i64 = 4096;
const WIDER_TABLE: i64 = 16;
/// Where there can be no table, the search may take this many times as long.
const LONGER: usize = 64;
/// How many steps from the best known candidate a better one is looked for at first, and how often in all.
const NEAR: usize = 8;
const MOST_IMPROVEMENTS: usize = 64;
/// A table of what is near may take this part of the steps of a whole one.
const NEARBY: usize = 16;

/// What is near the best known candidate: at every venue up to `lots * step` lots more or fewer, in steps.
#[derive(Clone, Copy, Debug)]
struct Near {
    lots: usize,
    step: usize,
}

impl Near {
    fn holds(self, distance: usize) -> bool {
        distance.is_multiple_of(self.step) && distance <= self.lots * self.step
    }
}

/// One problem with its multipliers, and what it may take.
struct Job<'a, T> {
    problem: &'a Problem<'a>,
    multipliers: Multipliers<T>,
    effort: Effort,
    stop: Stop<'a>,
}

impl<T> Job<'_, T> {
    /// Lots and shares that are left at first.
    fn left(&self) -> [i64; 2] {
        [self.problem.max_lots as i64, self.problem.remaining]
    }
}

impl<T: Int> Workspace<T> {
    /// The gap; `None` when the answer is exact.
    fn solve(&mut self, problem: &Problem, effort: Effort, stop: Stop<'_>, lots: &mut Vec<usize>) -> Result<Option<T>> {
        let multipliers = self.dual.maximise(problem);
        let job = Job { problem, multipliers, effort, stop };
        self.reduce(problem, multipliers);
        let most = self.start(problem, multipliers, lots);
        self.best.clone_from(lots);
        self.search.steps = 0;
        // Every candidate's excess is at least `least`, and some candidate's at most `most`.
        let (mut least, mut limit) = (T::default(), most / T::from(FIRST_ROUND));
        loop {
            match self.search(&job, limit, effort.search, lots) {
                search::Outcome::Found => return Ok(None),
                search::Outcome::TooLong => break,
                search::Outcome::Nothing => {}
            }
            assert!(limit < most, "a candidate within {limit:?} exists");
            least = limit + T::from(1);
            limit = (limit * T::from(WIDER) + T::from(1)).min(most);
        }
        limit = (limit / T::from(FIRST_TABLE)).max(least);
        loop {
            match self.table(&job, limit, None, lots)? {
                table::Outcome::Found(_) => return Ok(None),
                table::Outcome::TooLarge => break,
                table::Outcome::Nothing => {}
            }
            assert!(limit < most, "a candidate within {limit:?} exists");
            least = limit + T::from(1);
            limit = (limit * T::from(WIDER_TABLE) + T::from(1)).min(most);
        }
        self.without_table(&job, [least, limit, most], lots)
    }

    /// When the table within `limit` is too large: a longer search, then the best candidate near the best known, again
    /// and again, and the table within what that has found.
    fn without_table(
        &mut self,
        job: &Job<'_, T>,
        [mut least, limit, most]: [T; 3],
        lots: &mut Vec<usize>,
    ) -> Result<Option<T>> {
        match self.search(job, limit, job.effort.search.saturating_mul(LONGER), lots) {
            search::Outcome::Found => return Ok(None),
            search::Outcome::Nothing => least = limit + T::from(1),
            search::Outcome::TooLong => {}
        }
        let excess = self.improve(job, [least, most], lots)?;
        if excess < most && matches!(self.table(job, excess, None, lots)?, table::Outcome::Found(_)) {
            return Ok(None);
        }
        lots.clone_from(&self.best);
        Ok(Some(excess - least))
    }

    /// Makes the best candidate known better by tables of what is near it, in coarse steps of many lots, then in finer
    /// ones; returns its excess, `most` before.
    fn improve(&mut self, job: &Job<'_, T>, [least, mut most]: [T; 2], lots: &mut Vec<usize>) -> Result<T> {
        let top = (0..self.best.len()).map(|i| job.problem.top(i)).max().unwrap_or(0);
        let coarse = (top / NEAR).max(1);
        let mut near = Near { lots: NEAR, step: 1 << coarse.ilog2() };
        for _ in 0..MOST_IMPROVEMENTS {
            if most <= least {
                break;
            }
            match self.table(job, most, Some(near), lots)? {
                table::Outcome::Found(excess) if excess < most => {
                    most = excess;
                    self.best.clone_from(lots);
                }
                table::Outcome::TooLarge if near.lots > 1 => near.lots /= 2,
                _ if near.step > 1 => near = Near { lots: NEAR, step: near.step / 2 },
                _ => break,
            }
        }
        Ok(most)
    }

    fn search(&mut self, job: &Job<'_, T>, limit: T, most_steps: usize, lots: &mut Vec<usize>) -> search::Outcome {
        self.search.reduced.fill(job.problem, job.multipliers, &self.excess, limit, |_, _| true);
        self.search.solve(job.left(), limit, most_steps, lots)
    }

    /// The table of all choices within `limit`, or of those `near` lots from the best known.
    fn table(
        &mut self,
        job: &Job<'_, T>,
        limit: T,
        near: Option<Near>,
        lots: &mut Vec<usize>,
    ) -> Result<table::Outcome<T>> {
        let reduced = &mut self.search.reduced;
        let best = &self.best;
        reduced.fill(job.problem, job.multipliers, &self.excess, limit, |venue, lots| {
            near.is_none_or(|near| near.holds(best[venue].abs_diff(lots)))
        });
        let step = near.map_or(1, |near| near.step);
        let most_steps = if near.is_some() { job.effort.table / NEARBY } else { job.effort.table };
        self.table.solve(reduced, job.left(), limit, [step, most_steps], job.stop, lots)
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
