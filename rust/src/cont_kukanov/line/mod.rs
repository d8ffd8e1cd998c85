//! The exact cost along an exchange of shares between two orders.
//!
//! Every move of the descent is one exchange: `t` shares in order `i`, `P - t` in order `j`, all other orders fixed.
//! The market order is an order that always fills whole and costs `h + f`; "nothing" is one that never fills and is
//! free, so that a single order's own line search is an exchange too. In a scenario with capacities `c_i`, `c_j` and
//! `o` shares filled elsewhere,
//!
//! ```text
//! A(t) = o + min(c_i, t) + min(c_j, P - t)
//! ```
//!
//! rises to a plateau that begins at the lesser of `c_i` and `P - c_j`, and falls from the greater. Hence the
//! scenario's cost is piecewise linear in `t`, with kinks where either fill saturates and where `A` crosses `S`.
//! The mean over scenarios is their sum: kinks are collected once, then one sweep finds the exact minimum.

mod lanes;
mod step;

use super::{Allocation, Parameters, Scenarios, block_sum, kinks};
use lanes::{Fills, Pivot, lane_sums};

/// One end of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The limit order at a venue.
    Limit(usize),
    /// The market order.
    Market,
    /// Not submitted.
    Nothing,
}

/// The market order, then the limit orders.
pub(super) fn orders(venues: usize) -> impl Iterator<Item = Order> {
    std::iter::once(Order::Market).chain((0..venues).map(Order::Limit))
}

/// A line through the present allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// `t` shares in the first order, the rest of what the two hold in the second.
    Exchange(Order, Order),
    /// `t` shares in the market order, and as many fewer in each of two limit orders as `M` gains: along
    /// `M + L_i = S = M + L_j`, where no exchange can go.
    Fan(usize, usize),
}

impl Move {
    /// Whether a single order is one of this move's.
    pub(super) fn touches(self, single: Move) -> bool {
        let Move::Exchange(order, _) = single else { return false };
        self.orders().contains(&order)
    }

    /// The order that grows with `t` and those that fall.
    fn orders(self) -> [Order; 3] {
        match self {
            Move::Exchange(i, j) => [i, j, Order::Nothing],
            Move::Fan(i, j) => [Order::Market, Order::Limit(i), Order::Limit(j)],
        }
    }
}

/// The values of `t` to compare, in shares of the first order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    /// `low + step * {0, .., cells}`.
    Lattice { low: f64, step: f64, cells: usize },
    /// All of `[low, high]`.
    Interval { low: f64, high: f64 },
}

/// Cost slopes are per scenario, not yet averaged.
trait Kinks {
    /// The slope changes by `change` at `t`.
    fn add(&mut self, t: f64, change: f64);
}

/// An allocation, what it buys in every scenario, and room for line searches.
pub(super) struct Search<'a> {
    p: &'a Parameters,
    scenarios: &'a Scenarios,
    pub(super) allocation: Allocation,
    bought: Vec<f64>,
    /// Capacities of the market order and of "nothing".
    always: Vec<f64>,
    never: Vec<f64>,
    cells: Vec<[f64; 2]>,
    kinks: Vec<(f64, f64)>,
    kept: (Allocation, Vec<f64>),
    /// What a shift would buy, and gain, in every scenario.
    shifted: Vec<f64>,
    gained: Vec<f64>,
    /// How often the allocation has moved.
    moves: usize,
    /// Moves made, and the shares missing.
    missing: (usize, f64),
    pivot: Pivot,
    fills: Vec<Fills>,
}

impl<'a> Search<'a> {
    pub(super) fn new(p: &'a Parameters, scenarios: &'a Scenarios, allocation: Allocation) -> Self {
        let bought = scenarios.executed(&allocation);
        let kept = (allocation.clone(), Vec::new());
        let [always, never] = [f64::INFINITY, 0.0].map(|capacity| vec![capacity; bought.len()]);
        Self {
            p,
            scenarios,
            allocation,
            bought,
            always,
            never,
            cells: Vec::new(),
            kinks: Vec::new(),
            kept,
            shifted: Vec::new(),
            gained: Vec::new(),
            moves: 1,
            missing: (0, 0.0),
            pivot: Pivot::default(),
            fills: vec![None; p.venues()],
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.bought.len()
    }

    fn capacity(&self, order: Order) -> &[f64] {
        match order {
            Order::Limit(k) => self.scenarios.venue(k),
            Order::Market => &self.always,
            Order::Nothing => &self.never,
        }
    }

    pub(super) fn amount(&self, order: Order) -> f64 {
        match order {
            Order::Limit(k) => self.allocation.limits[k],
            Order::Market => self.allocation.market,
            // It fills nothing, so its amount only has to exceed every other.
            Order::Nothing => 4.0 * self.p.quantity,
        }
    }

    /// `V` at the present allocation.
    pub(super) fn value(&self) -> f64 {
        let (p, x) = (self.p, &self.allocation);
        let penalty = |a: f64| p.miss_cost() * (p.quantity - a).max(0.0) + p.lambda_over * (a - p.quantity).max(0.0);
        let mut total = block_sum(&self.bought, |_, &a| penalty(a));
        for (k, &limit) in x.limits.iter().enumerate() {
            total -= p.limit_gain(k) * block_sum(self.scenarios.venue(k), |_, c| c.min(limit));
        }
        let submitted = x.market + x.limits.iter().sum::<f64>();
        total / self.bought.len() as f64 + p.take_cost() * x.market + p.theta * submitted
    }

    /// The best `t` of the range and by how much it is cheaper than the present one, in currency.
    pub(super) fn best(&mut self, along: Move, range: Range) -> (f64, f64) {
        let rows = self.bought.len() as f64;
        let here = self.position(along);
        let slope = rows * (self.far_slope(along) - self.p.miss_cost());
        let (t, saving) = match range {
            Range::Lattice { low, step, cells } => {
                self.cells.clear();
                self.cells.resize(cells + 2, [0.0; 2]);
                let mut bins = std::mem::take(&mut self.cells);
                self.collect(along, &mut Cells { low, inverse: 1.0 / step, bins: &mut bins });
                let found = lattice_minimum(&bins, slope, low, step, here);
                self.cells = bins;
                found
            }
            Range::Interval { low, high } => {
                let mut kinks = std::mem::take(&mut self.kinks);
                kinks.clear();
                let mut points = Points { low, high, below: slope, kinks: &mut kinks };
                self.collect(along, &mut points);
                let slope = points.below;
                let found = interval_minimum(&mut kinks, slope, [low, high], here);
                self.kinks = kinks;
                found
            }
        };
        (t, saving / rows)
    }

    /// The present `t` of a move.
    pub(super) fn position(&self, along: Move) -> f64 {
        match along {
            Move::Exchange(i, _) => self.amount(i),
            Move::Fan(..) => self.allocation.market,
        }
    }

    /// Goes to `t`.
    pub(super) fn go(&mut self, along: Move, t: f64) {
        let moved = t - self.position(along);
        match along {
            Move::Exchange(i, j) => {
                self.set(i, t.max(0.0));
                self.set(j, (self.amount(j) - moved).max(0.0));
            }
            Move::Fan(i, j) => {
                self.set(Order::Market, t);
                for k in [i, j] {
                    self.set(Order::Limit(k), (self.allocation.limits[k] - moved).max(0.0));
                }
            }
        }
    }

    /// Slope of all but the penalties where no order falling in `t` has begun to matter.
    fn far_slope(&self, along: Move) -> f64 {
        match along {
            Move::Exchange(i, _) => self.far_theta(along) - self.gain(i),
            Move::Fan(..) => self.far_theta(along) - self.gain(Order::Market),
        }
    }

    fn set(&mut self, order: Order, amount: f64) {
        self.moves += 1;
        match order {
            Order::Limit(k) => {
                let old = std::mem::replace(&mut self.allocation.limits[k], amount);
                for (a, c) in self.bought.iter_mut().zip(self.scenarios.venue(k)) {
                    *a += c.min(amount) - c.min(old);
                }
            }
            Order::Market => {
                let old = std::mem::replace(&mut self.allocation.market, amount);
                self.bought.iter_mut().for_each(|a| *a += amount - old);
            }
            Order::Nothing => {}
        }
    }

    /// Goes to another allocation.
    pub(super) fn jump(&mut self, x: &Allocation) {
        self.allocation.clone_from(x);
        self.refresh();
    }

    /// Remembers this point for [`Self::back`].
    pub(super) fn keep(&mut self) {
        self.kept.0.clone_from(&self.allocation);
        self.kept.1.clone_from(&self.bought);
    }

    /// Goes back to the point that was kept last.
    pub(super) fn back(&mut self) {
        self.moves += 1;
        self.allocation.clone_from(&self.kept.0);
        self.bought.clone_from(&self.kept.1);
    }

    /// Takes away the rounding that many exchanges have left in the shares bought.
    pub(super) fn refresh(&mut self) {
        self.moves += 1;
        self.bought = self.scenarios.executed(&self.allocation);
    }

    fn gain(&self, order: Order) -> f64 {
        match order {
            Order::Limit(k) => self.p.limit_gain(k),
            Order::Market => -self.p.take_cost(),
            Order::Nothing => 0.0,
        }
    }

    fn theta(&self, order: Order) -> f64 {
        if order == Order::Nothing { 0.0 } else { self.p.theta }
    }

    /// Directions along the kinks through the present point (module `kinks`).
    pub(super) fn directions(&self, tolerance: f64) -> Vec<Vec<f64>> {
        kinks::directions(self.scenarios, &self.allocation, &self.bought, [self.p.quantity, tolerance])
    }

    /// By how much `V` grows when all orders change at once, the market order first.
    pub(super) fn shift_change(&mut self, shift: impl Iterator<Item = f64>) -> f64 {
        let rows = self.bought.len() as f64;
        self.shifted.clone_from(&self.bought);
        self.gained.clear();
        self.gained.resize(self.bought.len(), 0.0);
        let mut first_stage = 0.0;
        for (order, moved) in orders(self.p.venues()).zip(shift).filter(|(_, moved)| *moved != 0.0) {
            first_stage += self.p.theta * moved;
            let Order::Limit(k) = order else {
                first_stage += self.p.take_cost() * moved;
                self.shifted.iter_mut().for_each(|a| *a += moved);
                continue;
            };
            let (gain, old) = (self.p.limit_gain(k), self.allocation.limits[k]);
            let new = old + moved;
            let sums = self.shifted.iter_mut().zip(&mut self.gained);
            for ((a, gained), &c) in sums.zip(self.scenarios.venue(k)) {
                let filled = lesser(c, new) - lesser(c, old);
                *a += filled;
                *gained += gain * filled;
            }
        }
        let penalty =
            |a: f64| greater(self.p.miss_cost() * (self.p.quantity - a), self.p.lambda_over * (a - self.p.quantity));
        let columns = [&self.bought[..], &self.shifted, &self.gained];
        let sums: [f64; 2] = lane_sums(columns, |[a, shifted, gained]| [penalty(shifted) - penalty(a), gained]);
        (sums[0] - sums[1]) / rows + first_stage
    }

    fn far_theta(&self, along: Move) -> f64 {
        let [up, down, third] = along.orders();
        self.theta(up) - self.theta(down) - self.theta(third)
    }

    fn collect(&self, along: Move, kinks: &mut impl Kinks) {
        match along {
            Move::Exchange(i, j) => self.exchange(i, j, kinks),
            Move::Fan(i, j) => self.fan(i, j, kinks),
        }
    }

    fn exchange(&self, i: Order, j: Order, kinks: &mut impl Kinks) {
        let s = self.p.quantity;
        let gains = [self.gain(i), self.gain(j)];
        let [li, lj] = [self.amount(i), self.amount(j)];
        for ((&a, &ci), &cj) in self.bought.iter().zip(self.capacity(i)).zip(self.capacity(j)) {
            let other = a - lesser(ci, li) - lesser(cj, lj);
            let crossings = [s - other - cj, other + ci + (li + lj) - s];
            self.plateau([ci, (li + lj) - cj], gains, other + lesser(li + lj, ci + cj), crossings, kinks);
        }
    }

    fn fan(&self, i: usize, j: usize, kinks: &mut impl Kinks) {
        let (s, market) = (self.p.quantity, self.allocation.market);
        let gains = [self.p.limit_gain(i), self.p.limit_gain(j)];
        let [li, lj] = [self.allocation.limits[i], self.allocation.limits[j]];
        let [pool_i, pool_j] = [market + li, market + lj];
        for ((&a, &ci), &cj) in self.bought.iter().zip(self.scenarios.venue(i)).zip(self.scenarios.venue(j)) {
            let other = a - market - lesser(ci, li) - lesser(cj, lj);
            let full = [pool_i - ci, pool_j - cj];
            let top = other + lesser(full[0], full[1]) + ci + cj;
            let crossings = [s - other - ci - cj, other + pool_i + pool_j - s];
            self.plateau(full, gains, top, crossings, kinks);
        }
    }

    /// One scenario: its two fills saturate at `full`, between which `A` is `top`; above `S`, it crosses it twice.
    #[inline]
    fn plateau(&self, full: [f64; 2], gains: [f64; 2], top: f64, crossings: [f64; 2], kinks: &mut impl Kinks) {
        // Without branches: which side a scenario falls on is close to a coin toss.
        let (miss, over) = (self.p.miss_cost(), self.p.lambda_over);
        let exceeds = top > self.p.quantity;
        let saturated = if exceeds { -over } else { miss };
        let crossed = if exceeds { miss + over } else { 0.0 };
        kinks.add(full[0], gains[0] + saturated);
        kinks.add(full[1], gains[1] + saturated);
        if exceeds {
            kinks.add(crossings[0], crossed);
            kinks.add(crossings[1], crossed);
        }
    }
}

/// `f64::min` without its care for NaN, which costs the vector instruction.
#[inline]
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[inline]
fn greater(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// Slope changes by lattice cell: `[sum of changes, cost they add by the cell's upper end]`. A kink on a lattice point
/// belongs to the cell above it. Cell 0 is all that lies below the range, the last one all above.
struct Cells<'a> {
    low: f64,
    inverse: f64,
    bins: &'a mut [[f64; 2]],
}

impl Kinks for Cells<'_> {
    #[inline]
    fn add(&mut self, t: f64, change: f64) {
        let place = (t - self.low) * self.inverse;
        let cell = (greater(place + 1.0, 0.0) as u32 as usize).min(self.bins.len() - 1);
        let bin = &mut self.bins[cell];
        bin[0] += change;
        bin[1] += change * (cell as f64 - place);
    }
}

fn lattice_minimum(bins: &[[f64; 2]], slope: f64, low: f64, step: f64, here: f64) -> (f64, f64) {
    let present = ((here - low) / step).round() as usize;
    let mut slope = slope + bins[0][0];
    let (mut cost, mut cost_here) = (0.0, 0.0);
    let (mut best, mut least) = (0, 0.0);
    for (cell, bin) in bins.iter().enumerate().take(bins.len() - 1).skip(1) {
        cost += (slope + bin[1]) * step;
        slope += bin[0];
        if cost < least {
            (best, least) = (cell, cost);
        }
        if cell == present {
            cost_here = cost;
        }
    }
    (low + best as f64 * step, cost_here - least)
}

/// Slope changes inside an interval; those below it are already in the slope at its lower end.
struct Points<'a> {
    low: f64,
    high: f64,
    below: f64,
    kinks: &'a mut Vec<(f64, f64)>,
}

impl Kinks for Points<'_> {
    #[inline]
    fn add(&mut self, t: f64, change: f64) {
        if t <= self.low {
            self.below += change;
        } else if t < self.high && change != 0.0 {
            self.kinks.push((t, change));
        }
    }
}

fn interval_minimum(kinks: &mut [(f64, f64)], slope: f64, [low, high]: [f64; 2], here: f64) -> (f64, f64) {
    kinks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (mut slope, mut t, mut cost) = (slope, low, 0.0);
    let (mut best, mut least, mut cost_here) = (low, 0.0, 0.0);
    for &(next, change) in kinks.iter().chain(std::iter::once(&(high, 0.0))) {
        if (t..=next).contains(&here) {
            cost_here = cost + slope * (here - t);
        }
        cost += slope * (next - t);
        t = next;
        slope += change;
        if cost < least {
            (best, least) = (t, cost);
        }
    }
    (best, cost_here - least)
}
