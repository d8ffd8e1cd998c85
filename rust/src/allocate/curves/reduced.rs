//! The problem in reduced costs: what is paid above the dual bound.

use std::ops::Range;

use super::Problem;
use super::dual::{Int, Multipliers};

/// A number of lots that a venue may still get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<T> {
    pub(super) lots: i64,
    pub(super) shares: i64,
    /// Reduced cost, `>= 0`.
    pub(super) excess: T,
}

/// What the venues from `venue` on still have to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) venue: usize,
    pub(super) lots_left: i64,
    pub(super) shares_left: i64,
}

/// Prices of what is left over at the end, all `>= 0`: a lot not sent, a share short of `S`, a share beyond it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates<T> {
    pub(super) lot: T,
    pub(super) short: T,
    pub(super) long: T,
}

/// The least and the most that the venues from some venue on can add.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    min_lots: i64,
    max_lots: i64,
    min_shares: i64,
    max_shares: i64,
}

/// The choices that a limit on the total excess leaves open, venue by venue.
#[derive(Clone, Debug, Default)]
pub(super) struct Reduced<T> {
    pub(super) choices: Vec<Choice<T>>,
    pub(super) rates: Rates<T>,
    ends: Vec<usize>,
    reach: Vec<Reach>,
}

impl<T: Int> Reduced<T> {
    /// Keeps the choices whose `excess` (all lots of all venues, one after the other) is at most `limit`: no other
    /// can be part of a candidate within the limit, because nothing else a candidate pays is negative. Of these, those
    /// of which `keeps(venue, lots)` says so.
    pub(super) fn fill(
        &mut self,
        problem: &Problem,
        multipliers: Multipliers<T>,
        excess: &[T],
        limit: T,
        keeps: impl Fn(usize, usize) -> bool,
    ) {
        self.choices.clear();
        self.ends.clear();
        self.rates = Rates {
            lot: multipliers.lot,
            short: T::from(problem.under) - multipliers.share,
            long: T::from(problem.over) + multipliers.share,
        };
        let mut rest = excess;
        for i in 0..problem.curves.venues() {
            let (own, others) = rest.split_at(problem.top(i) + 1);
            rest = others;
            for ((lots, &excess), &shares) in (0..).zip(own).zip(problem.curves.shares(i)) {
                if excess <= limit && keeps(i, lots as usize) {
                    self.choices.push(Choice { lots, shares, excess });
                }
            }
            self.ends.push(self.choices.len());
        }
        self.measure();
    }

    pub(super) fn venues(&self) -> usize {
        self.ends.len()
    }

    /// Where the choices of a venue are.
    pub(super) fn range(&self, venue: usize) -> Range<usize> {
        let start = if venue == 0 { 0 } else { self.ends[venue - 1] };
        start..self.ends[venue]
    }

    fn measure(&mut self) {
        let venues = self.venues();
        self.reach.clear();
        self.reach.resize(venues + 1, Reach::default());
        for i in (0..venues).rev() {
            let own = &self.choices[self.range(i)];
            let lots = || own.iter().map(|c| c.lots);
            let shares = || own.iter().map(|c| c.shares);
            let rest = self.reach[i + 1];
            self.reach[i] = Reach {
                min_lots: rest.min_lots + lots().min().unwrap_or(0),
                max_lots: rest.max_lots + lots().max().unwrap_or(0),
                min_shares: rest.min_shares + shares().min().unwrap_or(0),
                max_shares: rest.max_shares + shares().max().unwrap_or(0),
            };
        }
    }

    /// The canonical form of a state, and what is certain to be paid in it; none when it has too few lots.
    ///
    /// Beyond the reach of the venues that follow, the leftover prices are linear: states there differ by a constant
    /// only, and one stands for all.
    pub(super) fn enter(&self, venue: usize, lots_left: i64, shares_left: i64) -> Option<(T, State)> {
        let reach = self.reach[venue];
        if lots_left < reach.min_lots {
            return None;
        }
        let mut fee = T::default();
        let mut state = State { venue, lots_left, shares_left };
        if lots_left > reach.max_lots {
            fee = fee + self.rates.lot * T::from(lots_left - reach.max_lots);
            state.lots_left = reach.max_lots;
        }
        if shares_left > reach.max_shares {
            fee = fee + self.rates.short * T::from(shares_left - reach.max_shares);
            state.shares_left = reach.max_shares;
        } else if shares_left < reach.min_shares {
            fee = fee + self.rates.long * T::from(reach.min_shares - shares_left);
            state.shares_left = reach.min_shares;
        }
        Some((fee, state))
    }

    /// The state after `choice`, as [`enter`](Self::enter).
    pub(super) fn after(&self, state: State, choice: Choice<T>) -> Option<(T, State)> {
        self.enter(state.venue + 1, state.lots_left - choice.lots, state.shares_left - choice.shares)
    }

    /// Orders a venue's choices by excess, then by lots.
    pub(super) fn sort_by_excess(&mut self, venue: usize) {
        let range = self.range(venue);
        self.choices[range].sort_unstable_by_key(|c| (c.excess, c.lots));
    }
}
