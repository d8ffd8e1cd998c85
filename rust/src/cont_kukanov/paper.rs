//! The paper's own algorithm (rule C7): a constant-step averaged stochastic subgradient.
//!
//! Kept as the reference it is. Its average includes the way from the start, so it is biased towards equal orders: with
//! the paper's 1,000 steps its "optimal" allocations are visibly not optimal (rule C8).

use super::{Allocation, Parameters, Scenarios};

/// The average of one iterate per scenario, in the scenarios' order.
#[must_use]
pub fn solve(p: &Parameters, scenarios: &Scenarios) -> Allocation {
    let (rows, venues) = (scenarios.rows(), p.venues());
    let step = step_size(p, rows);
    let start = p.quantity / (venues as f64 + 1.0);
    let mut market = start;
    let mut limits = vec![start; venues];
    let mut total = Allocation { market: 0.0, limits: vec![0.0; venues] };

    for n in 0..rows {
        let filled: f64 = limits.iter().enumerate().map(|(k, l)| l.min(scenarios.venue(k)[n])).sum();
        let bought = market + filled;
        let [under, over] = [bought < p.quantity, bought > p.quantity].map(f64::from);
        let marginal = p.lambda_over * over - p.miss_cost() * under;
        market = (market - step * (p.take_cost() + p.theta + marginal)).clamp(0.0, p.quantity);
        for (k, limit) in limits.iter_mut().enumerate() {
            let filled_whole = f64::from(scenarios.venue(k)[n] > *limit);
            let gradient = p.theta + filled_whole * (marginal - p.limit_gain(k));
            *limit = (*limit - step * gradient).clamp(0.0, p.quantity - market);
        }
        total.market += market;
        total.limits.iter_mut().zip(&limits).for_each(|(sum, l)| *sum += l);
    }
    let mean = |sum: f64| sum / rows as f64;
    Allocation { market: mean(total.market), limits: total.limits.into_iter().map(mean).collect() }
}

/// `gamma = sqrt(K) S [N (h+f+theta+lambda_u+lambda_o)^2 + N sum (h+r_k+theta+lambda_u+lambda_o)^2]^(-1/2)`.
fn step_size(p: &Parameters, rows: usize) -> f64 {
    let penalties = p.miss_cost() + p.lambda_over;
    let market = (p.take_cost() + penalties).powi(2);
    let limits: f64 = (0..p.venues()).map(|k| (p.limit_gain(k) + penalties).powi(2)).sum();
    (p.venues() as f64).sqrt() * p.quantity / (rows as f64 * (market + limits)).sqrt()
}
