//! The sample-average problem for several venues (MODEL C6).
//!
//! Coordinate descent alone stops at kinks: on `M + sum_{k in J} L_k = S` no single order can move, though shares could
//! move from one order to another. So the moves are exchanges between any two of the orders and "nothing", each
//! searched exactly along its whole line ([`super::line`]). The objective is not convex, so the descent starts
//! from several points, first in coarse steps on a part of the scenarios, and ends on all of them in single lots, or,
//! without a lot, in exact line searches over shares.

use super::line::{Move, Order, Range, Search};
use super::{Allocation, Cost, Parameters, Scenarios, closed_form, cost, require};
use crate::error::Result;

/// Savings below this share of the largest penalty `S` shares can cost are rounding.
const LEAST_SAVING: f64 = 1e-12;
/// Step that tells whether a line falls, in units of the order, when there is no lot.
const LEAST_STEP: f64 = 1e-6;
/// Lattice points times scenarios up to which all points are tried.
const MOST_WORK: f64 = 100_000.0;
/// Steps per order in the coarsest stage, and how much finer each next stage is.
const COARSE_STEPS: f64 = 24.0;
const REFINEMENT: f64 = 6.0;
/// Steps per order in the last lattice when there is no lot.
const SHARE_STEPS: f64 = 2000.0;
/// Scenarios that the first stages look at.
const SMALL_SAMPLE: usize = 128;
const MIDDLE_SAMPLE: usize = 1024;

/// How to solve.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Limit orders are multiples of this many shares, and so is `S - M`; `None`: any number of shares.
    pub lot: Option<f64>,
}

/// An allocation that no exchange of two orders improves, the best one reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The orders.
    pub allocation: Allocation,
    /// Their cost.
    pub cost: Cost,
    /// `V` reached from each start.
    pub starts: Vec<f64>,
}

/// Minimises `V` over the feasible set of MODEL C3.
///
/// # Errors
/// Names what does not fit: the number of venues, or the lot.
pub fn solve(p: &Parameters, scenarios: &Scenarios, options: Options) -> Result<Solution> {
    require(scenarios.venues() == p.venues(), "scenarios", "must have one column per venue", || {
        format!("{} columns for {} venues", scenarios.venues(), p.venues())
    })?;
    if let Some(lot) = options.lot {
        require(lot.is_finite() && lot > 0.0, "lot", "must be a positive number of shares", || format!("{lot}"))?;
    }
    if let Some(lot) = options.lot.filter(|lot| is_small(p, scenarios, *lot)) {
        let allocation = within(p, enumerate(p, scenarios, lot));
        let cost = cost(p, scenarios, &allocation)?;
        return Ok(Solution { starts: vec![cost.mean], cost, allocation });
    }
    let sample = scenarios.thinned(SMALL_SAMPLE);
    let mut found = distinct(starts(p, &sample, options.lot).into_iter().map(|x| coarsely(p, &sample, x, options.lot)));
    let large = scenarios.rows() >= 4 * MIDDLE_SAMPLE;
    if large {
        let middle = scenarios.thinned(MIDDLE_SAMPLE);
        let better = |x| {
            let mut search = Search::new(p, &middle, x);
            polish(p, &mut search, &all_moves(p.venues()), unit(p, options.lot), true);
            search.allocation
        };
        found = distinct(found.into_iter().map(better));
    }
    // Three orders at once cost as much as all exchanges together; on a large sample the middle one has tried them.
    let moves = if large { exchanges(p.venues()) } else { all_moves(p.venues()) };
    let ends: Vec<(Allocation, f64)> = found.into_iter().map(|x| finely(p, scenarios, x, &moves, options.lot)).collect();
    let values = ends.iter().map(|end| end.1).collect();
    let best = ends.into_iter().reduce(|a, b| if b.1 < a.1 { b } else { a });
    let allocation = best.map_or_else(|| unreachable!("there is always a start"), |(x, _)| within(p, x));
    Ok(Solution { cost: cost(p, scenarios, &allocation)?, allocation, starts: values })
}

/// Whether trying every lattice point is quick.
fn is_small(p: &Parameters, scenarios: &Scenarios, lot: f64) -> bool {
    let points = (p.quantity / lot + 1.0).powi(p.venues() as i32);
    points * scenarios.rows() as f64 <= MOST_WORK
}

/// The best lattice point, by trying all limit orders, each with its best market order.
fn enumerate(p: &Parameters, scenarios: &Scenarios, lot: f64) -> Allocation {
    const MARKET: Move = Move::Exchange(Order::Market, Order::Nothing);
    let lots = (p.quantity / lot + 1e-9).floor();
    let start = Allocation { market: p.quantity - lots * lot, limits: vec![0.0; p.venues()] };
    let mut search = Search::new(p, scenarios, start);
    let mut best = (search.allocation.clone(), f64::INFINITY);
    loop {
        let range = range(p, &search, MARKET, Some(lot));
        let (market, saving) = search.best(MARKET, range);
        let value = search.value() - saving;
        if value < best.1 {
            best = (Allocation { market, limits: search.allocation.limits.clone() }, value);
        }
        let Some(venue) = search.allocation.limits.iter().position(|l| (l / lot).round() < lots) else { return best.0 };
        for k in 0..=venue {
            let amount = if k == venue { search.allocation.limits[k] + lot } else { 0.0 };
            search.go(Move::Exchange(Order::Limit(k), Order::Nothing), amount);
        }
        search.refresh();
    }
}

fn distinct(allocations: impl Iterator<Item = Allocation>) -> Vec<Allocation> {
    allocations.fold(Vec::new(), |mut found, x| {
        if !found.contains(&x) {
            found.push(x);
        }
        found
    })
}

/// The step of the last lattice: the lot, or a small part of the order.
fn unit(p: &Parameters, lot: Option<f64>) -> f64 {
    lot.unwrap_or(p.quantity / SHARE_STEPS)
}

/// `L_k <= S - M`: what exceeds it can only overfill (C3).
fn within(p: &Parameters, mut x: Allocation) -> Allocation {
    x.limits.iter_mut().for_each(|l| *l = l.min(p.quantity - x.market));
    x
}

/// Equal orders, each venue as if alone, and the whole order at every venue.
fn starts(p: &Parameters, sample: &Scenarios, lot: Option<f64>) -> Vec<Allocation> {
    let (s, venues) = (p.quantity, p.venues());
    let equal = |market: f64, limit: f64| Allocation { market, limits: vec![limit; venues] };
    let k = venues as f64;
    let alone: Vec<f64> = (0..venues)
        .map(|v| {
            let level = (p.limit_gain(v) + p.take_cost()) / (p.miss_cost() + p.limit_gain(v));
            closed_form::quantile(&mut sample.venue(v).to_vec(), level.min(1.0)).min(s)
        })
        .collect();
    let market = (s - alone.iter().sum::<f64>()).max(0.0);
    let points = [equal(s / (k + 1.0), s / (k + 1.0)), Allocation { market, limits: alone }, equal(0.0, s)];
    points.into_iter().map(|x| round_to(p, x, lot)).collect()
}

/// The nearest point of the lattice below.
fn round_to(p: &Parameters, x: Allocation, lot: Option<f64>) -> Allocation {
    let Some(lot) = lot else { return x };
    let lots = |amount: f64| (amount / lot + 1e-9).floor();
    let limit_side = lots(p.quantity - x.market).min(lots(p.quantity));
    Allocation { market: p.quantity - limit_side * lot, limits: x.limits.iter().map(|l| lots(*l) * lot).collect() }
}

/// Descends on part of the scenarios, in steps that shrink to the lot, or to a thousandth of the order.
fn coarsely(p: &Parameters, sample: &Scenarios, start: Allocation, lot: Option<f64>) -> Allocation {
    let mut search = Search::new(p, sample, start);
    let moves = exchanges(p.venues());
    for step in steps(p, lot) {
        descend(p, &mut search, &moves, step);
    }
    search.allocation
}

/// Steps of the stages, coarse to fine; multiples of the lot.
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

/// Descends on all scenarios, in single lots or in shares.
fn finely(p: &Parameters, scenarios: &Scenarios, start: Allocation, moves: &[Move], lot: Option<f64>) -> (Allocation, f64) {
    let mut search = Search::new(p, scenarios, start);
    polish(p, &mut search, moves, unit(p, lot), true);
    if lot.is_none() {
        polish(p, &mut search, moves, p.quantity * LEAST_STEP, false);
    }
    let value = search.value();
    (search.allocation, value)
}

/// Line searches along every move until none saves anything.
fn descend(p: &Parameters, search: &mut Search<'_>, moves: &[Move], step: f64) {
    let least = least_saving(p);
    let mut idle = 0;
    for &along in moves.iter().cycle() {
        if idle == moves.len() {
            break;
        }
        let (t, saving) = search.best(along, range(p, search, along, Some(step)));
        if saving > least {
            search.go(along, t);
            idle = 0;
        } else {
            idle += 1;
        }
    }
    search.refresh();
}

/// The same, but only along moves of which a single step saves: one step is far cheaper to price than a line.
fn polish(p: &Parameters, search: &mut Search<'_>, moves: &[Move], step: f64, lattice: bool) {
    let least = least_saving(p);
    let mut idle = 0;
    for &along in moves.iter().cycle() {
        if idle == moves.len() {
            break;
        }
        idle += 1;
        let [low, high] = bounds(p, search, along);
        let here = search.position(along);
        let tolerance = 1e-9 * step;
        let [less, more] = search.change(along, step);
        let falls = less < -least && here - step >= low - tolerance;
        let rises = more < -least && here + step <= high + tolerance;
        if !falls && !rises {
            continue;
        }
        let (t, saving) = search.best(along, range(p, search, along, lattice.then_some(step)));
        if saving > least {
            search.go(along, t);
            idle = 0;
        }
    }
    search.refresh();
}

fn least_saving(p: &Parameters) -> f64 {
    LEAST_SAVING * p.quantity * (p.miss_cost() + p.lambda_over)
}

fn exchanges(venues: usize) -> Vec<Move> {
    let mut moves = vec![Move::Exchange(Order::Market, Order::Nothing)];
    for k in 0..venues {
        moves.push(Move::Exchange(Order::Limit(k), Order::Nothing));
        moves.push(Move::Exchange(Order::Limit(k), Order::Market));
        moves.extend((0..k).map(|l| Move::Exchange(Order::Limit(l), Order::Limit(k))));
    }
    moves
}

fn all_moves(venues: usize) -> Vec<Move> {
    let fans = (0..venues).flat_map(|j| (0..j).map(move |i| Move::Fan(i, j)));
    exchanges(venues).into_iter().chain(fans).collect()
}

/// The amounts of the first order that keep every order of a move within `[0, S]`.
fn bounds(p: &Parameters, search: &Search<'_>, along: Move) -> [f64; 2] {
    let s = p.quantity;
    let here = search.position(along);
    let mut bounds = [0.0, s];
    let mut falls = |amount: f64| bounds = [bounds[0].max(here + amount - s), bounds[1].min(here + amount)];
    match along {
        Move::Exchange(_, Order::Nothing) => {}
        Move::Exchange(_, j) => falls(search.amount(j)),
        Move::Fan(i, j) => [i, j].into_iter().for_each(|k| falls(search.amount(Order::Limit(k)))),
    }
    bounds
}

fn range(p: &Parameters, search: &Search<'_>, along: Move, step: Option<f64>) -> Range {
    let here = search.position(along);
    let [low, high] = bounds(p, search, along);
    let Some(step) = step else { return Range::Interval { low, high } };
    let [down, up] = [here - low, high - here].map(|room| (room / step + 1e-9).floor().max(0.0));
    Range::Lattice { low: here - down * step, step, cells: (down + up) as usize }
}
