//! The exhaustive allocator: every candidate in ascending order, the first of least cost wins (rules A2-A4).

use crate::allocate::{Problem, Rule, cost};
use crate::error::{Error, Result};
use crate::observe::Stop;
use crate::units::{Money, Shares};

/// Beyond this many lots the count of candidates is bounded from above instead of computed.
const MAX_LOTS_COUNTED: usize = 10_000_000;

/// How often a long enumeration asks whether to go on, in candidates: about a millisecond.
const ASK_EVERY: u32 = 1 << 15;

/// Writes the split into `split`; returns whether a candidate exists. No split that is not a candidate is visited.
///
/// # Errors
///
/// [`Error::TooManyCandidates`] when there are more than `max_candidates`; [`Error::Stopped`] when `stop`, asked once a
/// millisecond or so, says so.
pub fn solve(problem: &Problem<'_>, max_candidates: u64, split: &mut [Shares], stop: Stop<'_>) -> Result<bool> {
    // Asked here too: a replay is many enumerations, most of them short.
    stop.check()?;
    let candidates = count_candidates(problem, stop)?;
    if candidates > u128::from(max_candidates) {
        return Err(Error::TooManyCandidates { candidates, limit: max_candidates });
    }
    split.fill(0);
    if candidates == 0 {
        return Ok(false);
    }
    let Problem { quantity, offers, benchmark_key, penalties, .. } = problem;
    let mut walk = Walk::new(problem);
    let mut least = Money::MAX;
    for visited in 1.. {
        if visited % ASK_EVERY == 0 {
            stop.check()?;
        }
        let cost = cost(offers, &walk.split, *quantity, *benchmark_key, penalties).total();
        if cost < least {
            least = cost;
            split[..offers.len()].copy_from_slice(&walk.split);
        }
        if !walk.advance() {
            break;
        }
    }
    Ok(true)
}

/// An odometer over the candidates in lexicographic order.
struct Walk {
    lot: Shares,
    /// Whether all shares have to be placed.
    whole: bool,
    /// Whole lots at every venue, and at all venues after it.
    most: Vec<Shares>,
    after: Vec<Shares>,
    split: Vec<Shares>,
    /// Shares not placed.
    left: Shares,
}

impl Walk {
    /// At the first candidate, of which there must be one.
    fn new(problem: &Problem<'_>) -> Self {
        let lot = problem.effective_lot();
        let most: Vec<Shares> = problem.offers.iter().map(|offer| offer.available / lot * lot).collect();
        let mut after = vec![0; most.len()];
        for i in (1..most.len()).rev() {
            after[i - 1] = most[i].saturating_add(after[i]);
        }
        let (whole, left) = (problem.rule == Rule::Strict, problem.quantity / lot * lot);
        let mut walk = Self { lot, whole, split: vec![0; most.len()], most, after, left };
        walk.place_from(0);
        walk
    }

    /// The least that the venues from `first` on can get: nothing, or what those after them do not hold.
    fn place_from(&mut self, first: usize) {
        for i in first..self.split.len() {
            self.split[i] = if self.whole { (self.left - self.after[i]).max(0) } else { 0 };
            self.left -= self.split[i];
        }
    }

    /// To the next candidate; false after the last.
    fn advance(&mut self) -> bool {
        for i in (0..self.split.len()).rev() {
            if self.left >= self.lot && self.split[i] < self.most[i] {
                self.split[i] += self.lot;
                self.left -= self.lot;
                self.place_from(i + 1);
                return true;
            }
            self.left += std::mem::take(&mut self.split[i]);
        }
        false
    }
}

/// How many splits rule A2 admits (saturating; an upper bound past ten million lots).
///
/// # Errors
///
/// [`Error::Stopped`] when `stop`, asked at every venue, says so.
pub fn count_candidates(problem: &Problem<'_>, stop: Stop<'_>) -> Result<u128> {
    let lot = problem.effective_lot();
    if problem.rule == Rule::Strict && problem.quantity % lot != 0 {
        return Ok(0);
    }
    let target = problem.quantity / lot;
    let most: Vec<Shares> = problem.offers.iter().map(|offer| target.min(offer.available / lot)).collect();
    let all: Shares = most.iter().fold(0, |sum: Shares, &k| sum.saturating_add(k));
    if problem.rule == Rule::Strict && all < target {
        return Ok(0);
    }
    let product = most.iter().fold(1_u128, |n, &k| n.saturating_mul(k as u128 + 1));
    if problem.rule == Rule::Relaxed && all <= target {
        return Ok(product);
    }
    // As many splits leave out so many lots as place them; the fewer are counted faster.
    let target = if problem.rule == Rule::Strict { target.min(all - target) } else { target };
    if target as usize > MAX_LOTS_COUNTED {
        return Ok(product);
    }
    // A count that leaves 128 bits on the way is bounded from above by the product, which then does too.
    Ok(count_sums(&most, target as usize, problem.rule, stop)?.unwrap_or(product))
}

/// Splits of exactly (strict) or at most (relaxed) `target` lots; `None` when a count on the way leaves 128 bits.
fn count_sums(most: &[Shares], target: usize, rule: Rule, stop: Stop<'_>) -> Result<Option<u128>> {
    // ways[n]: splits of exactly n lots over the venues so far.
    let mut ways = vec![0_u128; target + 1];
    let mut previous = Vec::new();
    ways[0] = 1;
    for &k in most {
        stop.check()?;
        let mut window = 0_u128;
        previous.clone_from(&ways);
        for n in 0..ways.len() {
            let Some(wider) = window.checked_add(previous[n]) else { return Ok(None) };
            window = wider - n.checked_sub(k as usize + 1).map_or(0, |gone| previous[gone]);
            ways[n] = window;
        }
    }
    Ok(match rule {
        Rule::Strict => Some(ways[target]),
        Rule::Relaxed => ways.iter().try_fold(0_u128, |sum, &n| sum.checked_add(n)),
    })
}
