//! The cost of an allocation, written once, and its one-sided derivatives.

use super::{Allocation, Parameters, Scenarios};
use crate::error::{Result, finite, require};

/// Rows per partial sum: errors grow with the block's length and the number of blocks, not with the sample.
const BLOCK: usize = 1024;

/// `V(X)` and what it is made of. Money in currency for the whole order, sizes in shares, all of them averages.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// `V`, the sum of the five parts below.
    pub mean: f64,
    /// `(h + f) M`.
    pub market: f64,
    /// `-sum (h + r_k) E fill_k`, a gain: not positive.
    pub limit: f64,
    /// `theta (M + sum L_k + E (S - A)+)`.
    pub impact: f64,
    /// `lambda_u E (S - A)+`.
    pub under: f64,
    /// `lambda_o E (A - S)+`.
    pub over: f64,
    /// `E fill_k` of each venue.
    pub fills: Vec<f64>,
    /// `E (S - A)+`.
    pub shortfall: f64,
    /// `E (A - S)+`.
    pub excess: f64,
    /// `P(A < S)`.
    pub probability_under: f64,
    /// `P(A > S)`.
    pub probability_over: f64,
    /// Derivatives of `V` to the left and to the right, in `M`, then in each `L_k`. At 0 the left one is that of the
    /// formula, not of a feasible move.
    pub derivatives: Vec<[f64; 2]>,
}

/// Counts of scenarios that the derivatives need, for one venue.
#[derive(Clone, Copy, Default)]
struct Tally {
    rows: usize,
    under: usize,
    at_most: usize,
}

/// The objective at one allocation (rule C1), with its one-sided derivatives (rule C6).
///
/// # Errors
/// Names what does not fit: the number of venues, or an order that is negative or not finite.
pub fn cost(parameters: &Parameters, scenarios: &Scenarios, allocation: &Allocation) -> Result<Cost> {
    check(parameters, scenarios, allocation)?;
    let (quantity, venues) = (parameters.quantity, parameters.venues());
    let rows = scenarios.rows();
    let tolerance = parameters.tolerance();
    let bought = scenarios.executed(allocation);

    let shortfall = block_sum(&bought, |_, &a| (quantity - a).max(0.0)) / rows as f64;
    let excess = block_sum(&bought, |_, &a| (a - quantity).max(0.0)) / rows as f64;
    let under = bought.iter().filter(|&&a| a < quantity - tolerance).count();
    let at_most = bought.iter().filter(|&&a| a <= quantity + tolerance).count();

    let mut fills = Vec::with_capacity(venues);
    let mut derivatives = Vec::with_capacity(venues + 1);
    let all = Tally { rows, under, at_most };
    let take = parameters.take_cost() + parameters.theta;
    derivatives.push(one_sided(parameters, rows, take, 0.0, all, all));
    for (venue, &limit) in allocation.limits.iter().enumerate() {
        let column = scenarios.venue(venue);
        fills.push(block_sum(column, |_, &c| c.min(limit)) / rows as f64);
        let [mut reached, mut passed] = [Tally::default(); 2];
        for (&c, &a) in column.iter().zip(&bought) {
            let one = Tally {
                rows: 1,
                under: usize::from(a < quantity - tolerance),
                at_most: usize::from(a <= quantity + tolerance),
            };
            if c >= limit - tolerance {
                reached.add(one);
            }
            if c > limit + tolerance {
                passed.add(one);
            }
        }
        derivatives.push(one_sided(parameters, rows, parameters.theta, parameters.limit_gain(venue), reached, passed));
    }

    let submitted = allocation.market + allocation.limits.iter().sum::<f64>() + shortfall;
    let market = parameters.take_cost() * allocation.market;
    let limit = -fills.iter().enumerate().map(|(k, fill)| parameters.limit_gain(k) * fill).sum::<f64>();
    let impact = parameters.theta * submitted;
    let [missing, beyond] = [parameters.lambda_under * shortfall, parameters.lambda_over * excess];
    Ok(Cost {
        mean: market + limit + impact + missing + beyond,
        market,
        limit,
        impact,
        under: missing,
        over: beyond,
        fills,
        shortfall,
        excess,
        probability_under: under as f64 / rows as f64,
        probability_over: (rows - at_most) as f64 / rows as f64,
        derivatives,
    })
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.under += other.under;
        self.at_most += other.at_most;
    }
}

/// `[left, right]` derivative of an order whose every share costs `price` and, in the scenarios where one share more
/// (`passed`) or less (`reached`) changes the fill, gains `gain` and moves `A`.
fn one_sided(p: &Parameters, rows: usize, price: f64, gain: f64, reached: Tally, passed: Tally) -> [f64; 2] {
    let miss = p.miss_cost();
    let left = -gain * reached.rows as f64 - miss * reached.at_most as f64
        + p.lambda_over * (reached.rows - reached.at_most) as f64;
    let right =
        -gain * passed.rows as f64 - miss * passed.under as f64 + p.lambda_over * (passed.rows - passed.under) as f64;
    [price + left / rows as f64, price + right / rows as f64]
}

fn check(parameters: &Parameters, scenarios: &Scenarios, allocation: &Allocation) -> Result<()> {
    let venues = parameters.venues();
    require(scenarios.venues() == venues, "scenarios", "must have one column per venue", || {
        format!("{} columns for {venues} venues", scenarios.venues())
    })?;
    require(allocation.limits.len() == venues, "limits", "must have one value per venue", || {
        format!("{} for {venues} venues", allocation.limits.len())
    })?;
    let orders = std::iter::once(("market", allocation.market)).chain(allocation.limits.iter().map(|&l| ("limits", l)));
    for (argument, value) in orders {
        finite(argument, value)?;
        require(value >= 0.0, argument, "must be at least 0 shares", || format!("{value}"))?;
    }
    Ok(())
}

/// A sum over rows in blocks of fixed length, in order.
pub(super) fn block_sum<T>(rows: &[T], term: impl Fn(usize, &T) -> f64) -> f64 {
    let blocks = rows.chunks(BLOCK).enumerate();
    blocks.map(|(b, block)| block.iter().enumerate().map(|(n, row)| term(b * BLOCK + n, row)).sum::<f64>()).sum()
}
