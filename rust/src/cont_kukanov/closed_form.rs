//! What has a formula: the optimum at one venue (rule C4), and the market order given the limit orders (rule C5).

use super::Parameters;
use crate::error::{Result, require};

/// `p = (2h + f + r) / (lambda_u + h + r + theta)`, the level of the outflow's quantile at one venue (rule C4).
///
/// A market share costs `h + f` for certain; a limit share gains `h + r` when the outflow reaches it, and costs
/// `lambda_u + theta` when it does not. The two balance where `P(xi < Q + L) = p`. `p >= 1` when even a certain miss
/// is cheaper than crossing the spread.
///
/// # Errors
/// When the parameters have several venues.
pub fn quantile_level(p: &Parameters) -> Result<f64> {
    require(p.venues() == 1, "r", "must be one value: the closed form is for one venue", || {
        format!("{} venues", p.venues())
    })?;
    Ok((p.limit_gain(0) + p.take_cost()) / (p.miss_cost() + p.limit_gain(0)))
}

/// `[M, L]` at one venue, when `outflow` is the outflow's quantile of [`quantile_level`] (not read when that is 1 or more).
///
/// # Errors
/// Those of [`quantile_level`], and an outflow that is NaN.
pub fn one_venue(p: &Parameters, outflow: f64) -> Result<[f64; 2]> {
    let limit = if quantile_level(p)? >= 1.0 {
        p.quantity
    } else {
        require(!outflow.is_nan(), "law", "must give a number at every level in (0, 1)", || format!("{outflow}"))?;
        (outflow - p.queues[0]).clamp(0.0, p.quantity)
    };
    Ok([p.quantity - limit, limit])
}

/// `beta = (h + f + lambda_o + theta) / (lambda_u + lambda_o + theta)`, the share of scenarios in which the best market
/// order leaves too much bought (rule C5).
#[must_use]
pub fn beta(p: &Parameters) -> f64 {
    (p.take_cost() + p.lambda_over + p.theta) / (p.lambda_under + p.lambda_over + p.theta)
}

/// The best `M` for given limit orders, from the shares they fill in each scenario (rule C5); `fills` is reordered.
#[must_use]
pub fn market_order(p: &Parameters, fills: &mut [f64]) -> f64 {
    (p.quantity - quantile(fills, beta(p))).clamp(0.0, p.quantity)
}

/// The least `x` of the sample with `P(X <= x) >= level`; the sample is reordered.
///
/// # Panics
/// When the sample is empty.
#[must_use]
pub fn quantile(sample: &mut [f64], level: f64) -> f64 {
    // The product may exceed a whole number by a rounding error, which must not skip a row.
    let rank = (level * sample.len() as f64 * (1.0 - 4.0 * f64::EPSILON)).ceil() as usize;
    let place = rank.clamp(1, sample.len()) - 1;
    *sample.select_nth_unstable_by(place, f64::total_cmp).1
}
