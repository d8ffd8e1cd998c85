//! The exact allocator: `O(N log N)`, whatever `S / L` (MODEL A4).
//!
//! The cost is linear in every `x_i`, so a least-cost split takes lots in ascending unit cost `c_i`, and under the
//! relaxed rule only while `c_i < lambda_under + theta`. Among splits of equal cost the lexicographically smallest is
//! the one that takes from the *highest* venue id first where unit costs are equal, and leaves alone a lot that
//! changes nothing (`c_i = lambda_under + theta`).

use crate::allocate::{Problem, Rule};
use crate::units::{Nanos, Shares};

/// Reusable memory of [`solve`].
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    // Unit cost and offer index of the offers worth taking.
    order: Vec<(Nanos, usize)>,
}

/// Writes the split into `split`; returns whether a candidate exists.
///
/// # Panics
///
/// If `split` is shorter than the offers.
#[inline]
pub fn solve(problem: &Problem<'_>, scratch: &mut Scratch, split: &mut [Shares]) -> bool {
    split[..problem.offers.len()].fill(0);
    let lot = problem.effective_lot();
    let mut left = problem.quantity / lot;
    if problem.rule == Rule::Strict && left * lot != problem.quantity {
        return false;
    }
    rank(problem, &mut scratch.order);
    for &(_, i) in &scratch.order {
        if left == 0 {
            break;
        }
        let lots = left.min(problem.offers[i].available / lot);
        split[i] = lots * lot;
        left -= lots;
    }
    if problem.rule == Rule::Strict && left > 0 {
        split.fill(0);
        return false;
    }
    true
}

/// The offers worth taking, cheapest first, the highest index first among equals.
fn rank(problem: &Problem<'_>, order: &mut Vec<(Nanos, usize)>) {
    let limit = problem.penalties.per_share_under();
    order.clear();
    for (i, offer) in problem.offers.iter().enumerate() {
        let cost = problem.unit_cost(offer);
        if problem.rule == Rule::Relaxed && cost >= limit {
            continue;
        }
        // Insertion keeps the list sorted: venues are few, and equal costs end up in descending index.
        let mut at = order.len();
        while at > 0 && order[at - 1].0 >= cost {
            at -= 1;
        }
        order.insert(at, (cost, i));
    }
}
