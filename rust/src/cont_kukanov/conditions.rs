//! The optimality test across kinks.

use super::line::{Move, Order, Search, orders};
use super::{Allocation, Parameters, Scenarios, closed_form, cost};
use crate::error::Result;

/// First-order conditions at an allocation (rule C6): necessary across kinks, not sufficient without convexity.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// `beta` of rule C5.
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
