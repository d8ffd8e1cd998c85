//! The allocator that looks at every candidate.

use super::Problem;
use crate::error::{Error, Result};
use crate::observe::Stop;
use crate::units::{Money, Shares};

/// How often a long enumeration asks whether to go on, in candidates: about a millisecond.
const ASK_EVERY: u32 = 1 << 15;

/// How many candidates there are: vectors with `0 <= k_i <= K_i` and `sum k_i <= max_lots` (saturating).
#[must_use]
pub fn candidates(problem: &Problem) -> u128 {
    let tops = || (0..problem.curves.venues()).map(|i| problem.top(i));
    let most = tops().fold(0, usize::saturating_add).min(problem.max_lots);
    // at_most[m]: candidates of the venues so far that send at most m lots. Each can be completed with zeros, so
    // once an entry saturates the whole count does.
    let mut at_most = vec![1_u128; most + 1];
    for top in tops() {
        let before = at_most.clone();
        let mut sum = 0_u128;
        for m in 0..=most {
            let exactly = match before[m] {
                u128::MAX => u128::MAX,
                all if m > top => all - before[m - top - 1],
                all => all,
            };
            sum = sum.saturating_add(exactly);
            at_most[m] = sum;
        }
    }
    at_most[most]
}

/// The least-cost candidate by enumeration in ascending lexicographic order, the first among equals: its lots into
/// `lots`, its cost returned.
///
/// # Errors
///
/// [`Error::TooManyCandidates`] when there are more than `max_candidates`; [`Error::Invalid`] when the remaining
/// quantity or a penalty is negative, or the shares sum to 2^63 or more; [`Error::Stopped`] when `stop`, asked every
/// millisecond or so, says so.
pub fn exhaustive(problem: &Problem, max_candidates: u64, lots: &mut Vec<usize>, stop: Stop<'_>) -> Result<Money> {
    problem.validate()?;
    let candidates = candidates(problem);
    if candidates > u128::from(max_candidates) {
        return Err(Error::TooManyCandidates { candidates, limit: max_candidates });
    }
    let mut walk = Walk::new(problem);
    let mut best = walk.cost();
    lots.clone_from(&walk.lots);
    let mut until_ask = ASK_EVERY;
    while walk.advance() {
        until_ask -= 1;
        if until_ask == 0 {
            until_ask = ASK_EVERY;
            stop.check()?;
        }
        let cost = walk.cost();
        if cost < best {
            best = cost;
            lots.clone_from(&walk.lots);
        }
    }
    Ok(best)
}

/// An odometer over the candidates, with the cash and the executed shares of every prefix.
struct Walk<'a> {
    problem: &'a Problem<'a>,
    lots: Vec<usize>,
    lots_left: usize,
    cash: Vec<Money>,
    executed: Vec<Shares>,
}

impl<'a> Walk<'a> {
    fn new(problem: &'a Problem<'a>) -> Self {
        let venues = problem.curves.venues();
        Self {
            problem,
            lots: vec![0; venues],
            lots_left: problem.max_lots,
            cash: vec![0; venues + 1],
            executed: vec![0; venues + 1],
        }
    }

    fn cost(&self) -> Money {
        let all = self.lots.len();
        self.cash[all] + self.problem.penalty(self.executed[all])
    }

    /// To the next candidate in lexicographic order; false after the last.
    fn advance(&mut self) -> bool {
        let mut venue = self.lots.len();
        while venue > 0 {
            venue -= 1;
            if self.lots_left > 0 && self.lots[venue] < self.problem.top(venue) {
                self.lots[venue] += 1;
                self.lots_left -= 1;
                self.sum_from(venue);
                return true;
            }
            self.lots_left += std::mem::take(&mut self.lots[venue]);
        }
        false
    }

    fn sum_from(&mut self, venue: usize) {
        for i in venue..self.lots.len() {
            let k = self.lots[i];
            self.cash[i + 1] = self.cash[i] + Money::from(self.problem.curves.cost(i)[k]);
            self.executed[i + 1] = self.executed[i] + self.problem.curves.shares(i)[k];
        }
    }
}
