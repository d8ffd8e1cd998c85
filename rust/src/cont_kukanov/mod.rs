//! Optimal order placement in limit order markets (Cont & Kukanov, arXiv:1210.1625v4; MODEL C1-C8).
//!
//! A trader must buy `S` shares by time `T`. At time 0 she sends a market order of `M` shares and rests limit
//! orders of `L_1 .. L_K` shares at the best own-side quote of `K` venues, venue `k` behind a queue of `Q_k` shares.
//! Until `T`, `xi_k` shares flow out of the front of that queue, so that
//!
//! ```text
//! fill_k = min((xi_k - Q_k)+, L_k),    A = M + sum_k fill_k,
//!
//! v(X, xi) = (h + f) M - sum_k (h + r_k) fill_k + theta (M + sum_k L_k + (S - A)+)
//!          + lambda_u (S - A)+ + lambda_o (A - S)+,
//!
//! minimise    V(X) = E v(X, xi)    over    X = (M, L_1 .. L_K) >= 0,
//! ```
//!
//! in currency against the mid price. The law of `xi` is a sample of scenarios, and `V` its average: a piecewise
//! linear function, *not* convex for `K >= 2`, since a limit order that fills cannot be refused.
//!
//! - this module: parameters and their assumptions, the cost written once, its one-sided derivatives, the optimality test;
//! - [`scenarios`]: the sample;
//! - [`closed_form`]: one venue (C4) and the market order as a quantile (C5);
//! - `line`: the exact cost along an exchange of shares between two orders; `descent`: local search by such moves;
//!   `kinks`: directions in which several orders move along kinks;
//! - [`solve`]: descents from several starts (C6);
//! - [`bound`]: the convex relaxation, a lower bound on the optimum (C6);
//! - [`paper`]: the paper's own stochastic approximation (C7).
//!
//! Floats are right here: nothing in this module enters a ledger. Every sum runs in a fixed order, on one thread, so
//! that equal input gives equal bytes.

pub mod bound;
pub mod closed_form;
mod descent;
mod kinks;
mod line;
pub mod paper;
pub mod scenarios;
pub mod solve;

pub use scenarios::Scenarios;

use crate::error::{Error, Result, require};
use line::{Move, Order, Search, orders};

/// Relative distance, in units of the order, below which `A` counts as equal to `S` and a fill as equal to its order:
/// the sums that meet there are sums of the same numbers in another order.
const COINCIDENCE: f64 = 1e-9;

/// Rows per partial sum: errors grow with the block's length and the number of blocks, not with the sample.
const BLOCK: usize = 1024;

/// Prices and penalties of the problem, per share; sizes in shares. Checked by [`Parameters::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Half the spread, `h`.
    pub half_spread: f64,
    /// Taker fee, `f`.
    pub fee: f64,
    /// Rebate of each venue net of adverse selection, `r_k`.
    pub rebates: Vec<f64>,
    /// Impact per share submitted, `theta`.
    pub theta: f64,
    /// Full cost of a share not bought by `T`, `lambda_u`.
    pub lambda_under: f64,
    /// Cost of a share bought beyond the order, `lambda_o`.
    pub lambda_over: f64,
    /// Shares to buy, `S`.
    pub quantity: f64,
    /// Shares ahead of ours in each venue's queue, `Q_k`.
    pub queues: Vec<f64>,
}

impl Parameters {
    /// The parameters, once the model's assumptions hold (MODEL C2).
    ///
    /// # Errors
    /// Names the argument that is not finite or out of range, or the assumption (A1, A2, A3) that fails.
    pub fn new(parameters: Self) -> Result<Self> {
        let p = &parameters;
        finite("h", p.half_spread)?;
        finite("f", p.fee)?;
        finite("theta", p.theta)?;
        finite("lambda_under", p.lambda_under)?;
        finite("lambda_over", p.lambda_over)?;
        finite("S", p.quantity)?;
        for &rebate in &p.rebates {
            finite("r", rebate)?;
        }
        for &queue in &p.queues {
            finite("Q", queue)?;
            require(queue >= 0.0, "Q", "must be at least 0 shares", || format!("{queue}"))?;
        }
        require(!p.rebates.is_empty(), "r", "must have one value per venue, and at least one venue", || "none".into())?;
        require(p.queues.len() == p.rebates.len(), "Q", "must have one value per venue", || {
            format!("{} for {} venues", p.queues.len(), p.rebates.len())
        })?;
        require(p.quantity > 0.0, "S", "must be positive", || format!("{}", p.quantity))?;
        require(p.theta >= 0.0, "theta", "must be at least 0", || format!("{}", p.theta))?;
        p.assumptions()?;
        Ok(parameters)
    }

    fn assumptions(&self) -> Result<()> {
        let least = self.rebates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.rebates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (h, take) = (self.half_spread, self.half_spread + self.fee);
        require(least + h > 0.0, "r", "must exceed -h at every venue (assumption A1)", || {
            format!("{least} with h = {h}")
        })?;
        require(self.lambda_over > h + most, "lambda_over", "must exceed h + max r (assumption A2)", || {
            format!("{} with h + max r = {}", self.lambda_over, h + most)
        })?;
        require(self.lambda_over > -take, "lambda_over", "must exceed -(h + f) (assumption A2)", || {
            format!("{} with -(h + f) = {}", self.lambda_over, -take)
        })?;
        require(self.lambda_under > take, "lambda_under", "must exceed h + f (assumption A3)", || {
            format!("{} with h + f = {take}", self.lambda_under)
        })
    }

    /// `K`.
    #[must_use]
    pub fn venues(&self) -> usize {
        self.rebates.len()
    }

    /// What a filled limit share at venue `k` saves against the mid, `h + r_k`.
    pub(crate) fn limit_gain(&self, venue: usize) -> f64 {
        self.half_spread + self.rebates[venue]
    }

    /// What a market share costs against the mid, `h + f`.
    pub(crate) fn take_cost(&self) -> f64 {
        self.half_spread + self.fee
    }

    /// What a missing share costs, `lambda_u + theta`: it is submitted once more.
    pub(crate) fn miss_cost(&self) -> f64 {
        self.lambda_under + self.theta
    }

    fn tolerance(&self) -> f64 {
        COINCIDENCE * self.quantity
    }
}

fn finite(argument: &'static str, value: f64) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::NotANumber { argument, value }) }
}

/// What is sent at time 0, in shares: `X = (M, L_1 .. L_K)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// The market order, `M`.
    pub market: f64,
    /// The limit orders, `L_k`.
    pub limits: Vec<f64>,
}

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

/// The objective at one allocation (MODEL C1), with its one-sided derivatives (C6).
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
fn block_sum<T>(rows: &[T], term: impl Fn(usize, &T) -> f64) -> f64 {
    let blocks = rows.chunks(BLOCK).enumerate();
    blocks.map(|(b, block)| block.iter().enumerate().map(|(n, row)| term(b * BLOCK + n, row)).sum::<f64>()).sum()
}

/// First-order conditions at an allocation (MODEL C6): necessary across kinks, not sufficient without convexity.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// `beta` of MODEL C5.
    pub beta: f64,
    /// `P(A < S)`.
    pub probability_under: f64,
    /// `P(A <= S)`.
    pub probability_at_most: f64,
    /// By how much `P(A < S) <= beta <= P(A <= S)` fails; the side that leads out of `0 <= M <= S` does not count.
    pub quantile_residual: f64,
    /// Change of `V` per share moved, `[less, more]`, of `M` and each `L_k`; by one lot, or by a vanishing amount when
    /// the allocation is in shares. Infinite when the move is infeasible.
    pub slopes: Vec<[f64; 2]>,
    /// The steepest descent among `slopes`, per share: 0 at a point that no single move improves.
    pub slope_residual: f64,
}

/// The optimality test at `allocation`: `lot` is the step of the moves, `None` for vanishing ones.
///
/// # Errors
/// Those of [`cost`].
pub fn conditions(
    parameters: &Parameters,
    scenarios: &Scenarios,
    allocation: &Allocation,
    lot: Option<f64>,
) -> Result<Conditions> {
    let here = cost(parameters, scenarios, allocation)?;
    let beta = closed_form::beta(parameters);
    let probability_at_most = 1.0 - here.probability_over;
    let tolerance = parameters.tolerance();
    let [may_fall, may_rise] = room(parameters, allocation.market, tolerance);
    let low = if may_rise { here.probability_under - beta } else { 0.0 };
    let high = if may_fall { beta - probability_at_most } else { 0.0 };

    let mut search = Search::new(parameters, scenarios, allocation.clone());
    let mut slopes = Vec::with_capacity(here.derivatives.len());
    for (order, &[left, right]) in orders(parameters.venues()).zip(&here.derivatives) {
        let [less, more] = match lot {
            Some(lot) => search.change(Move::Exchange(order, Order::Nothing), lot).map(|change| change / lot),
            None => [-left, right],
        };
        let [falls, rises] = room(parameters, search.amount(order), lot.unwrap_or(0.0).max(tolerance) - tolerance);
        slopes.push([if falls { less } else { f64::INFINITY }, if rises { more } else { f64::INFINITY }]);
    }
    let steepest = slopes.iter().flatten().copied().fold(0.0_f64, f64::min);
    Ok(Conditions {
        beta,
        probability_under: here.probability_under,
        probability_at_most,
        quantile_residual: low.max(high).max(0.0),
        slopes,
        slope_residual: steepest.abs(),
    })
}

/// Whether an order of `amount` may fall, or rise, by more than `step` within `[0, S]`.
fn room(parameters: &Parameters, amount: f64, step: f64) -> [bool; 2] {
    [amount > step, parameters.quantity - amount > step]
}
