//! The exact allocator: `O(N log N)`, whatever `S / L` (rule A4).
//!
//! The cost is linear in every `x_i`, so a least-cost split takes lots in ascending unit cost `c_i`, and under the
//! relaxed rule only while `c_i < lambda_under + theta`. Among splits of equal cost the lexicographically smallest is
//! the one that takes from the *highest* venue id first where unit costs are equal, and leaves alone a lot that
//! changes nothing (`c_i = lambda_under + theta`).

use std::cmp::Reverse;

use crate::allocate::{Problem, Rule};
use crate::units::{Nanos, Shares};

/// Up to so many offers the next one is looked for among all: few are taken, and a scan does not branch.
const FEW: usize = 32;

/// Reusable memory of [`solve`].
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    // Unit cost by offer; [`NEVER`] for what is not worth taking.
    costs: Vec<Nanos>,
    // Unit cost and offer of those worth taking, in order.
    order: Vec<(Nanos, Reverse<usize>)>,
}

/// No offer costs so much.
const NEVER: Nanos = Nanos::MAX;

/// Writes the split into `split`; returns whether a candidate exists.
///
/// # Panics
///
/// If `split` is shorter than the offers.
#[inline]
pub fn solve(problem: &Problem<'_>, scratch: &mut Scratch, split: &mut [Shares]) -> bool {
    let split = &mut split[..problem.offers.len()];
    split.fill(0);
    let lot = problem.effective_lot();
    let mut left = problem.quantity / lot;
    if problem.rule == Rule::Strict && left * lot != problem.quantity {
        return false;
    }
    let limit = match problem.rule {
        Rule::Relaxed => problem.penalties.per_share_under(),
        Rule::Strict => NEVER,
    };
    let costs = problem.offers.iter().map(|offer| {
        let cost = problem.unit_cost(offer);
        if cost < limit && offer.available >= lot { cost } else { NEVER }
    });
    let mut take = |i: usize| {
        let lots = left.min(problem.offers[i].available / lot);
        split[i] = lots * lot;
        left -= lots;
        left > 0
    };
    if problem.offers.len() <= FEW {
        scratch.costs.clear();
        scratch.costs.extend(costs);
        while let Some(i) = cheapest(&scratch.costs)
            && take(i)
        {
            scratch.costs[i] = NEVER;
        }
    } else {
        scratch.order.clear();
        scratch.order.extend(costs.zip((0..).map(Reverse)).filter(|&(cost, _)| cost < NEVER));
        scratch.order.sort_unstable();
        scratch.order.iter().all(|&(_, Reverse(i))| take(i));
    }
    if problem.rule == Rule::Strict && left > 0 {
        split.fill(0);
        return false;
    }
    true
}

/// The offer that comes next: the highest index of least cost.
#[inline]
fn cheapest(costs: &[Nanos]) -> Option<usize> {
    let (mut least, mut at) = (NEVER, 0);
    for (i, &cost) in costs.iter().enumerate() {
        let better = cost <= least;
        least = if better { cost } else { least };
        at = if better { i } else { at };
    }
    (least < NEVER).then_some(at)
}
