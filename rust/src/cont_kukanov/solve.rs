//! The sample-average problem for several venues (rule C6).
//!
//! Coordinate descent alone stops at kinks: on `M + sum_{k in J} L_k = S` no single order can move, though shares could
//! move from one order to another. So the moves are exchanges between any two of the orders and "nothing", each
//! searched exactly along its whole line, kicks that let all orders follow one, and slides along several kinks at once
//! (modules `descent` and `kinks`). The objective is not convex, so the descent starts from several points: first in
//! coarse steps on a part of the scenarios, at last on all of them in single lots, or, without a lot, in exact line
//! searches over shares. When the ends disagree, every descent looks further by costlier moves of its own.
//! A small lattice is enumerated instead.

use super::descent::{Descent, all_moves, enumerate, exchanges};
use super::{Allocation, Cost, Parameters, Scenarios, closed_form, cost, require};
use crate::error::Result;
use crate::observe::Stop;

/// Lattice points times scenarios up to which all points are tried.
const MOST_WORK: f64 = 100_000.0;
/// Steps per order in the coarsest stage, and how much finer each next stage is.
const COARSE_STEPS: f64 = 24.0;
const REFINEMENT: f64 = 6.0;
/// Steps per order in the last lattice when there is no lot.
const SHARE_STEPS: f64 = 2000.0;
/// Step that tells whether a line falls, in units of the order, when there is no lot.
const LEAST_STEP: f64 = 1e-6;
/// Steps of the slides along kinks when there is no lot, in units of the order.
const SLIDES: [f64; 3] = [1e-3, 1e-4, 1e-5];
/// Values that differ by less, in units of what the order's penalties can cost, count as equal.
const AGREEMENT: f64 = 5e-6;
/// Scenarios of the first stage, and of the next one when the sample is large.
const SMALL_SAMPLE: usize = 128;
const MIDDLE_SAMPLE: usize = 1024;

/// More lots in an order than this are an error: a line search has a cell for each.
pub(crate) const MOST_LOTS: f64 = 1e6;

/// How to solve.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Limit orders are multiples of this many shares, and so is `S - M`; `None`: any number of shares.
    pub lot: Option<f64>,
}

/// The best allocation reached; no exchange of two orders improves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The orders.
    pub allocation: Allocation,
    /// Their cost.
    pub cost: Cost,
    /// `V` at each distinct end of a descent.
    pub starts: Vec<f64>,
}

/// Minimises `V` over the feasible set of rule C3. `stop` is asked after every 100,000 rows or so that a move was
/// priced on.
///
/// # Errors
/// Names what does not fit: the number of venues, or the lot; and [`Error::Stopped`](crate::Error::Stopped).
pub fn solve(p: &Parameters, scenarios: &Scenarios, options: Options, stop: Stop<'_>) -> Result<Solution> {
    require(scenarios.venues() == p.venues(), "scenarios", "must have one column per venue", || {
        format!("{} columns for {} venues", scenarios.venues(), p.venues())
    })?;
    if let Some(lot) = options.lot {
        require(lot.is_finite() && lot > 0.0, "lot", "must be a positive number of shares", || format!("{lot}"))?;
        require(p.quantity / lot <= MOST_LOTS, "lot", "must be so large that S has at most 1,000,000 lots", || {
            format!("{lot} with S = {}", p.quantity)
        })?;
    }
    let ends = match options.lot {
        Some(lot) if is_small(p, scenarios, lot) => vec![enumerate(p, scenarios, lot, stop)?],
        lot => descents(p, scenarios, lot, stop)?,
    };
    let mut best: Option<(Allocation, Cost)> = None;
    let mut starts = Vec::with_capacity(ends.len());
    for end in ends {
        stop.check()?;
        let end = within(p, end);
        let value = cost(p, scenarios, &end)?;
        starts.push(value.mean);
        if best.as_ref().is_none_or(|(_, least)| value.mean < least.mean) {
            best = Some((end, value));
        }
    }
    let (allocation, cost) = best.unwrap_or_else(|| unreachable!("there is always a start"));
    Ok(Solution { allocation, cost, starts })
}

/// Where the descents from all starts end.
fn descents(p: &Parameters, scenarios: &Scenarios, lot: Option<f64>, stop: Stop<'_>) -> Result<Vec<Allocation>> {
    let (every, pairs) = (all_moves(p.venues()), exchanges(p.venues()));
    let (unit, steps) = (unit(p, lot), steps(p, lot));
    let small = scenarios.thinned(SMALL_SAMPLE);
    let mut found = refine(p, &small, starts(p, &small, lot), stop, |descent| {
        let [coarse @ .., _] = &steps[..] else { return Ok(()) };
        for &step in coarse {
            descent.sweep(&pairs, step)?;
        }
        descent.polish(&pairs, unit)
    })?;
    // Whatever looks at more than two orders is done on a middle sample when the whole one is large.
    let large = scenarios.rows() >= 4 * MIDDLE_SAMPLE;
    let middle = large.then(|| scenarios.thinned(MIDDLE_SAMPLE));
    let sample = middle.as_ref().unwrap_or(scenarios);
    found = refine(p, sample, found, stop, |descent| descent.polish(&every, unit))?;
    found = refine(p, sample, found, stop, |descent| descent.kick(&every, unit))?;

    let slides = SLIDES.map(|part| part * p.quantity);
    let finish = |mut found: Vec<Allocation>| -> Result<Vec<Allocation>> {
        if large {
            found = refine(p, scenarios, found, stop, |descent| descent.polish(&pairs, unit))?;
        }
        if lot.is_none() {
            let moves = if large { &pairs } else { &every };
            found = refine(p, scenarios, found, stop, |descent| {
                descent.polish_and_slide(moves, &slides, p.quantity * LEAST_STEP)
            })?;
        }
        Ok(found)
    };
    found = finish(found)?;
    if agree(p, scenarios, &found)? {
        return Ok(found);
    }
    if large {
        // What the middle sample could not tell apart, a larger one may.
        for rows in [2 * MIDDLE_SAMPLE, 4 * MIDDLE_SAMPLE, scenarios.rows()] {
            let larger = scenarios.thinned(rows);
            found = refine(p, &larger, found, stop, |descent| descent.kick(&pairs, unit))?;
            found = finish(found)?;
            if agree(p, scenarios, &found)? {
                return Ok(found);
            }
        }
    }
    // Somewhere there is better to be had: every descent looks further, each on its own.
    let mut further = Vec::with_capacity(found.len());
    for before in found {
        let escaped = refine(p, sample, vec![before.clone()], stop, |descent| descent.escape(&pairs, &every, &steps))?;
        let after = finish(escaped)?.swap_remove(0);
        // What saves on the middle sample may not save on the whole one.
        let saves = cost(p, scenarios, &after)?.mean < cost(p, scenarios, &before)?.mean;
        let end = if saves { after } else { before };
        if !further.contains(&end) {
            further.push(end);
        }
    }
    Ok(further)
}

/// Whether points cost the same but for a little.
fn agree(p: &Parameters, scenarios: &Scenarios, found: &[Allocation]) -> Result<bool> {
    let mut range = [f64::INFINITY, f64::NEG_INFINITY];
    for x in found.iter().filter(|_| found.len() > 1) {
        let value = cost(p, scenarios, x)?.mean;
        range = [range[0].min(value), range[1].max(value)];
    }
    Ok(range[1] - range[0] <= AGREEMENT * p.quantity * (p.miss_cost() + p.lambda_over))
}

/// Takes every point further on a sample; what ends at the same point is kept once.
fn refine(
    p: &Parameters,
    sample: &Scenarios,
    from: Vec<Allocation>,
    stop: Stop<'_>,
    step: impl Fn(&mut Descent<'_>) -> Result<()>,
) -> Result<Vec<Allocation>> {
    let mut found: Vec<Allocation> = Vec::with_capacity(from.len());
    for x in from {
        let mut descent = Descent::new(p, sample, x, stop);
        step(&mut descent)?;
        let end = descent.allocation();
        if !found.contains(&end) {
            found.push(end);
        }
    }
    Ok(found)
}

/// Whether trying every lattice point is quick.
fn is_small(p: &Parameters, scenarios: &Scenarios, lot: f64) -> bool {
    let points = (p.quantity / lot + 1.0).powi(p.venues() as i32);
    points * scenarios.rows() as f64 <= MOST_WORK
}

/// The step of the last lattice: the lot, or a small part of the order.
fn unit(p: &Parameters, lot: Option<f64>) -> f64 {
    lot.unwrap_or(p.quantity / SHARE_STEPS)
}

/// Steps of the first stage, coarse to fine; multiples of the last one.
fn steps(p: &Parameters, lot: Option<f64>) -> Vec<f64> {
    let unit = unit(p, lot);
    let mut multiple = (p.quantity / unit / COARSE_STEPS).floor().max(1.0);
    let mut steps = vec![multiple * unit];
    while multiple > 1.0 {
        multiple = (multiple / REFINEMENT).floor().max(1.0);
        steps.push(multiple * unit);
    }
    steps
}

/// `L_k <= S - M`: what exceeds it can only overfill (rule C3).
fn within(p: &Parameters, mut x: Allocation) -> Allocation {
    x.limits.iter_mut().for_each(|l| *l = l.min(p.quantity - x.market));
    x
}

/// Equal orders, each venue as if alone, and the whole order at every venue.
fn starts(p: &Parameters, sample: &Scenarios, lot: Option<f64>) -> Vec<Allocation> {
    let (s, venues) = (p.quantity, p.venues());
    let share = s / (venues as f64 + 1.0);
    let alone: Vec<f64> = (0..venues)
        .map(|v| {
            let level = (p.limit_gain(v) + p.take_cost()) / (p.miss_cost() + p.limit_gain(v));
            closed_form::quantile(&mut sample.venue(v).to_vec(), level.min(1.0)).min(s)
        })
        .collect();
    let points = [
        Allocation { market: share, limits: vec![share; venues] },
        Allocation { market: (s - alone.iter().sum::<f64>()).max(0.0), limits: alone },
        Allocation { market: 0.0, limits: vec![s; venues] },
    ];
    points.into_iter().map(|x| round_to(p, x, lot)).collect()
}

/// The lattice point next to `x`.
fn round_to(p: &Parameters, x: Allocation, lot: Option<f64>) -> Allocation {
    let Some(lot) = lot else { return x };
    let lots = |amount: f64| (amount / lot + 1e-9).floor();
    Allocation {
        market: p.quantity - lots(p.quantity - x.market) * lot,
        limits: x.limits.iter().map(|l| lots(*l) * lot).collect(),
    }
}
