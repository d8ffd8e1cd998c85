//! The convex relaxation, a lower bound on the optimum (rule C6).
//!
//! What makes `V` non-convex is that a limit order cannot refuse a fill. Let it: in each scenario any `z_k` between 0
//! and `min((xi_k - Q_k)+, L_k)` may be bought. Forced overfills then cost nothing, every allocation costs at most what it
//! did, and the problem becomes a two-stage linear program in `(M, L)`,
//!
//! ```text
//! R(M, L) = (h + f + theta) M + theta sum L_k + E min { -sum (h + r_k) z_k + (lambda_u + theta) (S - M - sum z_k) },
//! ```
//!
//! whose inner minimum fills the venues by falling rebate until `S - M` is reached. `R` is minimised by the level method
//! (Lemarechal, Nemirovskii & Nesterov 1995): its cuts model `R` from below, the next point is the projection of the best
//! one onto a level set of the model. The bound does not trust the solver of these small programs: any convex combination of
//! cuts lies below `R`, and its minimum over the box `[0, S]^(K+1)`, which holds every optimum (rule C3), is a formula.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT};

use super::{Allocation, Parameters, Scenarios, require};
use crate::error::Result;
use crate::observe::Stop;

/// Where between the bounds the next level lies.
const LEVEL: f64 = 0.3;
/// The bounds meet when they differ by this share of the largest cost per share.
const TOLERANCE: f64 = 1e-6;
const MAX_CUTS: usize = 200;
/// Rows of a cut between two questions whether to go on.
const ASK_EVERY: usize = 1 << 14;

/// The relaxed problem, solved.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// No allocation has a lower `V`, in currency.
    pub value: f64,
    /// The least relaxed cost met: at least `value`, and equal but for a small tolerance when the method converged.
    pub relaxed: f64,
    /// Where it was met.
    pub allocation: Allocation,
    /// Cuts made.
    pub cuts: usize,
}

/// A linear function below `R`: `level + slope . x`, with `x` in units of the order.
struct Cut {
    level: f64,
    slope: Vec<f64>,
}

/// A lower bound on `V` over all allocations; `start` is where the method begins, best near the optimum.
///
/// # Errors
/// When the number of venues does not fit, and [`Error::Stopped`](crate::Error::Stopped).
pub fn lower_bound(p: &Parameters, scenarios: &Scenarios, start: &Allocation, stop: Stop<'_>) -> Result<Bound> {
    let venues = p.venues();
    require(
        scenarios.venues() == venues && start.limits.len() == venues,
        "scenarios",
        "must have one column per venue",
        || format!("{} columns for {venues} venues", scenarios.venues()),
    )?;
    let scale = p.quantity * (p.take_cost().abs() + p.miss_cost().abs() + p.lambda_over.abs());
    let mut order: Vec<usize> = (0..venues).collect();
    order.sort_by(|&a, &b| p.limit_gain(b).total_cmp(&p.limit_gain(a)));

    let mut x: Vec<f64> = std::iter::once(start.market)
        .chain(start.limits.iter().copied())
        .map(|a| (a / p.quantity).clamp(0.0, 1.0))
        .collect();
    let mut cuts: Vec<Cut> = Vec::new();
    let (mut low, mut high, mut center) = (f64::NEG_INFINITY, f64::INFINITY, x.clone());
    while cuts.len() < MAX_CUTS {
        let (value, cut) = evaluate(p, scenarios, &order, &x, scale, stop)?;
        cuts.push(cut);
        if value < high {
            (high, center) = (value, x.clone());
        }
        let weights = model_minimum(&cuts);
        low = low.max(certified(&cuts, &weights));
        if high - low <= TOLERANCE {
            break;
        }
        let Some(next) = project(&cuts, &center, low + LEVEL * (high - low)) else {
            break;
        };
        x = next;
    }
    let allocation =
        Allocation { market: center[0] * p.quantity, limits: center[1..].iter().map(|l| l * p.quantity).collect() };
    Ok(Bound { value: low * scale, relaxed: high * scale, allocation, cuts: cuts.len() })
}

/// `R / scale` at `x`, and the cut that touches it there.
fn evaluate(
    p: &Parameters,
    scenarios: &Scenarios,
    order: &[usize],
    x: &[f64],
    scale: f64,
    stop: Stop<'_>,
) -> Result<(f64, Cut)> {
    let limits: Vec<f64> = x[1..].iter().map(|l| l * p.quantity).collect();
    let room = p.quantity * (1.0 - x[0]);
    let mut second_stage = 0.0;
    let mut slope = vec![0.0; x.len()];
    for row in 0..scenarios.rows() {
        if row % ASK_EVERY == 0 {
            stop.check()?;
        }
        let (mut left, mut price) = (room, p.miss_cost());
        for &k in order.iter().filter(|&&k| p.limit_gain(k) + p.miss_cost() > 0.0) {
            let fill = scenarios.venue(k)[row].min(limits[k]);
            if fill >= left {
                // The last venue to fill sets the price of room: what one share more, or less, would earn there.
                price = -p.limit_gain(k);
                second_stage += price * left;
                left = 0.0;
                break;
            }
            second_stage -= p.limit_gain(k) * fill;
            left -= fill;
        }
        second_stage += p.miss_cost() * left;
        slope[0] -= price;
        for &k in order {
            if limits[k] < scenarios.venue(k)[row] {
                slope[k + 1] -= (p.limit_gain(k) + price).max(0.0);
            }
        }
    }
    let rows = scenarios.rows() as f64;
    let first_stage = (p.take_cost() + p.theta) * x[0] + p.theta * x[1..].iter().sum::<f64>();
    let value = (first_stage * p.quantity + second_stage / rows) / scale;
    for (order, slope) in slope.iter_mut().enumerate() {
        let submitted = p.theta + if order == 0 { p.take_cost() } else { 0.0 };
        *slope = (*slope / rows + submitted) * p.quantity / scale;
    }
    let level = value - slope.iter().zip(x).map(|(g, x)| g * x).sum::<f64>();
    Ok((value, Cut { level, slope }))
}

/// The least value on the unit box of the cuts' convex combination with these weights.
fn certified(cuts: &[Cut], weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().map(|w| w.max(0.0)).sum();
    if !(total.is_finite() && total > 0.0) {
        return f64::NEG_INFINITY;
    }
    let mut level = 0.0;
    let mut slope = vec![0.0; cuts[0].slope.len()];
    for (cut, weight) in cuts.iter().zip(weights) {
        let weight = weight.max(0.0) / total;
        level += weight * cut.level;
        slope.iter_mut().zip(&cut.slope).for_each(|(sum, g)| *sum += weight * g);
    }
    level + slope.iter().map(|g| g.min(0.0)).sum::<f64>()
}

/// Multipliers of the cuts where their maximum is least on the unit box.
fn model_minimum(cuts: &[Cut]) -> Vec<f64> {
    let n = cuts[0].slope.len();
    let quadratic = CscMatrix::zeros((n + 1, n + 1));
    let mut linear = vec![0.0; n + 1];
    linear[n] = 1.0;
    let heights = cuts.iter().map(|cut| -cut.level).collect();
    let (_, multipliers) = program(&quadratic, &linear, cuts, heights, true);
    multipliers
}

/// The point of the unit box nearest to `center` where every cut is at most `level`.
fn project(cuts: &[Cut], center: &[f64], level: f64) -> Option<Vec<f64>> {
    let n = center.len();
    let linear: Vec<f64> = center.iter().map(|x| -x).collect();
    let heights = cuts.iter().map(|cut| level - cut.level).collect();
    let (x, _) = program(&CscMatrix::identity(n), &linear, cuts, heights, false);
    let x: Vec<f64> = x.into_iter().map(|x| x.clamp(0.0, 1.0)).collect();
    x.iter().all(|x| x.is_finite()).then_some(x)
}

/// Minimises `x'Px/2 + q'x` with `slope . x <= height` (or `<= height + x_last` when `free`) on the unit box; the point
/// and the cuts' multipliers.
fn program(
    quadratic: &CscMatrix<f64>,
    linear: &[f64],
    cuts: &[Cut],
    mut heights: Vec<f64>,
    free: bool,
) -> (Vec<f64>, Vec<f64>) {
    let (n, m) = (cuts[0].slope.len(), cuts.len());
    let mut rows: Vec<Vec<f64>> =
        cuts.iter().map(|cut| cut.slope.iter().copied().chain(free.then_some(-1.0)).collect()).collect();
    for (sign, height) in [(1.0, 1.0), (-1.0, 0.0)] {
        for k in 0..n {
            let mut row = vec![0.0; linear.len()];
            row[k] = sign;
            rows.push(row);
            heights.push(height);
        }
    }
    let matrix = CscMatrix::from(&rows);
    let cones = [NonnegativeConeT(rows.len())];
    let settings = DefaultSettings { verbose: false, ..DefaultSettings::default() };
    DefaultSolver::new(quadratic, linear, &matrix, &heights, &cones, settings).map_or_else(
        |_| (vec![f64::NAN; n], vec![0.0; m]),
        |mut solver| {
            solver.solve();
            (solver.solution.x[..n].to_vec(), solver.solution.z[..m].to_vec())
        },
    )
}
