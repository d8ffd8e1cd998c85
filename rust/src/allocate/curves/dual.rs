//! The multipliers: a lower bound of the objective that falls apart into venues.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Sub};

use super::Problem;

/// The integers of a solve: `i64` where its sums are proven to fit, else `i128`.
pub(super) trait Int:
    Copy
    + Ord
    + Default
    + Debug
    + From<i64>
    + Into<i128>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
}
impl Int for i64 {}
impl Int for i128 {}

/// The multipliers of one solve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multipliers<T> {
    /// `mu`: worth of an executed share, between `-over` and `under`.
    pub(super) share: T,
    /// `nu >= 0`: price of a lot sent.
    pub(super) lot: T,
}

/// A vertex of a venue's lower hull.
#[derive(Clone, Copy, Debug)]
struct Vertex<T> {
    lots: i64,
    shares: i64,
    cost: T,
}

/// Totals over the venues at one pair of multipliers.
#[derive(Clone, Copy, Debug)]
struct Totals<T> {
    lots: i64,
    shares: i64,
    cost: T,
}

/// The dual function at one `mu`, maximised over `nu`: where, its value, and a supergradient in `mu`.
#[derive(Clone, Copy, Debug)]
struct Point<T> {
    multipliers: Multipliers<T>,
    value: f64,
    slope: f64,
}

/// Workspace of the dual's maximisation.
#[derive(Clone, Debug, Default)]
pub(super) struct Dual<T> {
    hull: Vec<Vertex<T>>,
    ends: Vec<usize>,
}

/// Steps of the search for `mu`. Any multipliers give a valid bound, so a cut search costs time, never the answer.
const STEPS: usize = 12;

impl<T: Int> Dual<T> {
    /// Multipliers that make the bound high: the secant method on a concave function of `mu`, at each of which the
    /// best `nu` is exact up to rounding.
    pub(super) fn maximise(&mut self, problem: &Problem) -> Multipliers<T> {
        let mut right = self.at(problem, problem.under);
        if right.slope >= 0.0 {
            return right.multipliers;
        }
        let mut left = self.at(problem, -problem.over);
        if left.slope <= 0.0 {
            return left.multipliers;
        }
        for _ in 0..STEPS {
            let (from, to): (i128, i128) = (left.multipliers.share.into(), right.multipliers.share.into());
            let width = (to - from) as f64;
            let step = (right.value - left.value - right.slope * width) / (left.slope - right.slope);
            let bound = left.value + left.slope * step;
            let share = (from as i64).saturating_add(step.round() as i64);
            if i128::from(share) <= from || i128::from(share) >= to {
                break;
            }
            let middle = self.at(problem, share);
            if middle.slope > 0.0 {
                left = middle;
            } else {
                right = middle;
            }
            if bound - middle.value <= 1e-9 * bound.abs() {
                break;
            }
        }
        if left.value > right.value { left.multipliers } else { right.multipliers }
    }

    /// The best `nu` at a `mu`: zero when the lots fit anyway, else where the lines of a solution that sends too much
    /// and of one that does not meet, until no solution lies below that point.
    fn at(&mut self, problem: &Problem, share: i64) -> Point<T> {
        self.build_hulls(problem, T::from(share));
        let cap = problem.max_lots as i64;
        let zero = T::default();
        let mut many = self.totals(zero);
        let mut lot = zero;
        let mut few = many;
        if many.lots > cap {
            few = self.none();
            loop {
                lot = (few.cost - many.cost) / T::from(many.lots - few.lots);
                let now = self.totals(lot);
                if now.lots <= few.lots || now.lots >= many.lots {
                    break;
                }
                if now.lots > cap {
                    many = now;
                } else {
                    few = now;
                }
            }
        }
        let mix = if many.lots > few.lots { (cap - few.lots) as f64 / (many.lots - few.lots) as f64 } else { 0.0 };
        let executed = few.shares as f64 + mix * (many.shares - few.shares) as f64;
        let cost = float(few.cost) + mix * (float(many.cost) - float(few.cost));
        Point {
            multipliers: Multipliers { share: T::from(share), lot },
            value: cost + share as f64 * problem.remaining as f64,
            slope: problem.remaining as f64 - executed,
        }
    }

    /// The falling part of each venue's lower hull of `cost - mu * shares` over lots.
    fn build_hulls(&mut self, problem: &Problem, share: T) {
        self.hull.clear();
        self.ends.clear();
        for i in 0..problem.curves.venues() {
            let start = self.hull.len();
            let top = problem.top(i);
            let costs = &problem.curves.cost(i)[..=top];
            let shares = &problem.curves.shares(i)[..=top];
            for (k, (&cost, &t)) in costs.iter().zip(shares).enumerate() {
                let next = Vertex { lots: k as i64, shares: t, cost: T::from(cost) - share * T::from(t) };
                if k > 0 && next.cost >= self.hull[self.hull.len() - 1].cost {
                    continue;
                }
                while let [.., a, b] = self.hull[start..]
                    && !below(&a, &b, &next)
                {
                    self.hull.pop();
                }
                self.hull.push(next);
            }
            self.ends.push(self.hull.len());
        }
    }

    /// Each venue at its fewest lots that minimise `cost + nu * lots`.
    fn totals(&self, lot: T) -> Totals<T> {
        let mut sum = Totals { lots: 0, shares: 0, cost: T::default() };
        let mut start = 0;
        for &end in &self.ends {
            let hull = &self.hull[start..end];
            let (mut low, mut high) = (0, hull.len() - 1);
            while low < high {
                let middle = usize::midpoint(low, high);
                let (a, b) = (hull[middle], hull[middle + 1]);
                if b.cost + lot * T::from(b.lots - a.lots) < a.cost {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            let at = hull[low];
            sum.lots += at.lots;
            sum.shares += at.shares;
            sum.cost = sum.cost + at.cost;
            start = end;
        }
        sum
    }

    /// No lots anywhere: what every venue does when `nu` is large enough.
    fn none(&self) -> Totals<T> {
        let mut sum = Totals { lots: 0, shares: 0, cost: T::default() };
        let mut start = 0;
        for &end in &self.ends {
            sum.shares += self.hull[start].shares;
            sum.cost = sum.cost + self.hull[start].cost;
            start = end;
        }
        sum
    }
}

/// Whether `b` lies strictly below the line from `a` to `c`.
fn below<T: Int>(a: &Vertex<T>, b: &Vertex<T>, c: &Vertex<T>) -> bool {
    (b.cost - a.cost) * T::from(c.lots - b.lots) < (c.cost - b.cost) * T::from(b.lots - a.lots)
}

fn float<T: Int>(value: T) -> f64 {
    let wide: i128 = value.into();
    wide as f64
}
