//! The exhaustive allocator: every candidate in ascending order, the first of least cost wins (MODEL A2-A4).

use crate::allocate::{Problem, Rule, cost};
use crate::error::{Error, Result};
use crate::observe::Stop;
use crate::units::{Money, Shares};

/// Beyond this many lots the count of candidates is bounded from above instead of computed.
const MAX_LOTS_COUNTED: usize = 10_000_000;

/// How often a long enumeration asks whether to go on, in candidates: about a millisecond.
const ASK_EVERY: u32 = 1 << 15;

/// Writes the split into `split`; returns whether a candidate exists. `stop` is asked once a millisecond or so.
///
/// # Errors
///
/// [`Error::TooManyCandidates`] when there are more than `max_candidates`; [`Error::Stopped`].
pub fn solve(problem: &Problem<'_>, max_candidates: u64, split: &mut [Shares], stop: Stop<'_>) -> Result<bool> {
    let candidates = count_candidates(problem);
    if candidates > u128::from(max_candidates) {
        return Err(Error::TooManyCandidates { candidates, limit: max_candidates });
    }
    split.fill(0);
    let mut search = Search {
        problem,
        lot: problem.effective_lot(),
        current: vec![0; problem.offers.len()],
        best: None,
        // Asked at the first candidate too: a replay is many enumerations, most of them short.
        until_ask: 1,
        stop,
    };
    search.visit(0, problem.quantity)?;
    let Some((_, best)) = search.best else { return Ok(false) };
    split[..best.len()].copy_from_slice(&best);
    Ok(true)
}

struct Search<'a> {
    problem: &'a Problem<'a>,
    lot: Shares,
    current: Vec<Shares>,
    best: Option<(Money, Vec<Shares>)>,
    until_ask: u32,
    stop: Stop<'a>,
}

impl Search<'_> {
    /// Tries every amount at venue `i` and after, with `left` shares not yet placed.
    fn visit(&mut self, i: usize, left: Shares) -> Result<()> {
        if i == self.problem.offers.len() {
            return self.candidate(left);
        }
        let most = left.min(self.problem.offers[i].available);
        let mut x = 0;
        while x <= most {
            self.current[i] = x;
            self.visit(i + 1, left - x)?;
            x += self.lot;
        }
        self.current[i] = 0;
        Ok(())
    }

    fn candidate(&mut self, left: Shares) -> Result<()> {
        self.until_ask -= 1;
        if self.until_ask == 0 {
            self.until_ask = ASK_EVERY;
            self.stop.check()?;
        }
        let Problem { quantity, offers, benchmark_key, penalties, rule, .. } = self.problem;
        if *rule == Rule::Strict && left != 0 {
            return Ok(());
        }
        let cost = cost(offers, &self.current, *quantity, *benchmark_key, penalties).total();
        if self.best.as_ref().is_none_or(|(least, _)| cost < *least) {
            self.best = Some((cost, self.current.clone()));
        }
        Ok(())
    }
}

/// How many splits MODEL A2 admits (saturating; an upper bound past ten million lots).
#[must_use]
pub fn count_candidates(problem: &Problem<'_>) -> u128 {
    let lot = problem.effective_lot();
    if problem.rule == Rule::Strict && problem.quantity % lot != 0 {
        return 0;
    }
    let target = problem.quantity / lot;
    let most: Vec<Shares> = problem.offers.iter().map(|offer| target.min(offer.available / lot)).collect();
    let all: Shares = most.iter().fold(0, |sum: Shares, &k| sum.saturating_add(k));
    if problem.rule == Rule::Strict && all < target {
        return 0;
    }
    let product = most.iter().fold(1_u128, |n, &k| n.saturating_mul(k as u128 + 1));
    if problem.rule == Rule::Relaxed && all <= target {
        return product;
    }
    if target as usize > MAX_LOTS_COUNTED {
        return product;
    }
    // A count that leaves 128 bits on the way is bounded from above by the product, which then does too.
    count_sums(&most, target as usize, problem.rule).unwrap_or(product)
}

/// Splits of exactly (strict) or at most (relaxed) `target` lots; `None` when a count on the way leaves 128 bits.
fn count_sums(most: &[Shares], target: usize, rule: Rule) -> Option<u128> {
    // ways[n]: splits of exactly n lots over the venues so far.
    let mut ways = vec![0_u128; target + 1];
    ways[0] = 1;
    for &k in most {
        let mut window = 0_u128;
        let previous = ways.clone();
        for n in 0..ways.len() {
            window = window.checked_add(previous[n])?;
            if let Some(gone) = n.checked_sub(k as usize + 1) {
                window -= previous[gone];
            }
            ways[n] = window;
        }
    }
    match rule {
        Rule::Strict => Some(ways[target]),
        Rule::Relaxed => ways.iter().try_fold(0_u128, |sum, &n| sum.checked_add(n)),
    }
}
