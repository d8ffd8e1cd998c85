//! Directions along the kinks through a point.
//!
//! At the end of a descent by exchanges much of the sample often sits exactly on kinks: in many scenarios the orders that
//! fill whole, `J`, and what the others fill add up to `S`. A direction `d` that pays must then keep to the kinks,
//! `sum_{J} d = 0` for several sets `J` at once: with three equal orders `L` and `M + 2 L = S`, two shares of the market
//! order go against one of *each* limit order. No exchange of two orders does that.

use super::{Allocation, Scenarios};

/// Sets are kept as bits, the market order first. With more venues there are no directions.
const MOST_VENUES: usize = u128::BITS as usize - 1;
/// What counts as zero in a direction, whose entries are small fractions.
const ZERO: f64 = 1e-9;
/// Largest whole numbers in a direction on a lattice.
const MOST_STEPS: usize = 16;

/// Directions that keep to the kinks on which most scenarios sit, then to more and more of them; whole numbers of steps in
/// `(M, L_1 .. L_K)`. Exchanges of two orders are left out.
pub(super) fn directions(
    scenarios: &Scenarios,
    x: &Allocation,
    bought: &[f64],
    [quantity, tolerance]: [f64; 2],
) -> Vec<Vec<f64>> {
    let orders = scenarios.venues() + 1;
    if orders > MOST_VENUES {
        return Vec::new();
    }
    let mut basis: Vec<Vec<f64>> =
        (0..orders).map(|i| (0..orders).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let mut found: Vec<Vec<f64>> = Vec::new();
    for full in active_sets(scenarios, x, bought, [quantity, tolerance]) {
        if !restrict(&mut basis, full) {
            continue;
        }
        for direction in basis.iter().filter_map(|direction| in_whole_steps(direction)) {
            if !is_exchange(&direction) && !found.contains(&direction) {
                found.push(direction);
            }
        }
    }
    found
}

/// The sets of orders that fill whole where `A = S`, those of most scenarios first.
fn active_sets(scenarios: &Scenarios, x: &Allocation, bought: &[f64], [quantity, tolerance]: [f64; 2]) -> Vec<u128> {
    let on_kink = bought.iter().enumerate().filter(|(_, a)| (**a - quantity).abs() <= tolerance);
    let mut sets: Vec<u128> = on_kink
        .map(|(row, _)| {
            let whole = |k: &usize| scenarios.venue(*k)[row] >= x.limits[*k] - tolerance;
            (0..x.limits.len()).filter(whole).fold(1, |set, k| set | 2 << k)
        })
        .collect();
    sets.sort_unstable();
    let mut counted: Vec<(usize, u128)> = sets.chunk_by(u128::eq).map(|run| (run.len(), run[0])).collect();
    counted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    counted.into_iter().map(|(_, set)| set).collect()
}

/// Leaves the directions along which the orders in `full` change by nothing in sum; whether that took one away.
fn restrict(basis: &mut Vec<Vec<f64>>, full: u128) -> bool {
    let along =
        |direction: &[f64]| (0..direction.len()).filter(|k| full >> k & 1 == 1).map(|k| direction[k]).sum::<f64>();
    let sums: Vec<f64> = basis.iter().map(|direction| along(direction)).collect();
    let Some(pivot) = (0..basis.len()).rev().find(|&i| sums[i].abs() > ZERO) else {
        return false;
    };
    let gone = basis.remove(pivot);
    let others = sums.iter().enumerate().filter(|(i, _)| *i != pivot).map(|(_, sum)| sum / sums[pivot]);
    for (direction, ratio) in basis.iter_mut().zip(others) {
        direction.iter_mut().zip(&gone).for_each(|(d, g)| *d -= ratio * g);
    }
    true
}

/// The least multiple of a direction that is all whole numbers, if they are small.
fn in_whole_steps(direction: &[f64]) -> Option<Vec<f64>> {
    let least = direction.iter().map(|d| d.abs()).filter(|d| *d > ZERO).fold(f64::INFINITY, f64::min);
    (1..=MOST_STEPS).find_map(|multiple| {
        let whole: Vec<f64> = direction.iter().map(|d| d / least * multiple as f64).collect();
        let fits = |d: &f64| (d - d.round()).abs() < ZERO * MOST_STEPS as f64 && d.abs() < MOST_STEPS as f64 + 0.5;
        whole.iter().all(fits).then(|| whole.iter().map(|d| d.round()).collect())
    })
}

/// Whether a direction is one of the exchanges, which the descent has tried.
fn is_exchange(direction: &[f64]) -> bool {
    let moved: Vec<f64> = direction.iter().copied().filter(|d| *d != 0.0).collect();
    moved.len() < 2 || (moved.len() == 2 && (moved[0] + moved[1]).abs() < ZERO)
}
