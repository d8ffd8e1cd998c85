//! The last venues, enumerated once: the other half of a meeting in the middle.

use std::ops::Range;

use super::dual::Int;
use super::memo::{Known, Memo};
use super::reduced::{Reduced, State};

/// Most entries of one tail. A longer tail costs more to build than it saves; the answer does not depend on it.
const MOST_ENTRIES: usize = 1024;

/// The best of the tail's combinations that share `(lots, shares)`.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    lots: i64,
    shares: i64,
    excess: T,
    /// Lots of the first of the venues, and the entry of the venues after it; the empty entry follows itself.
    first: usize,
    next: usize,
}

/// Combinations of the venues from [`head`](Self::head) on.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail<T> {
    /// Tails of 0, 1, 2, .. venues, each in lexicographic order of its lots.
    entries: Vec<Entry<T>>,
    /// `(shares, entry)` of the longest tail, ascending.
    by_shares: Vec<(i64, usize)>,
    head: usize,
}

impl<T: Int> Tail<T> {
    /// How many venues come before the tail.
    pub(super) fn head(&self) -> usize {
        self.head
    }

    /// Enumerates the combinations within `limit` of as many of the last venues as fit, at most half of all. The
    /// choices are in ascending lots; `memo` is scratch.
    pub(super) fn build(&mut self, reduced: &Reduced<T>, limit: T, memo: &mut Memo<T>) {
        memo.clear();
        self.head = reduced.venues();
        self.entries.clear();
        self.entries.push(Entry { lots: 0, shares: 0, excess: T::default(), first: 0, next: 0 });
        let mut longest = 0..1;
        while self.head > reduced.venues().div_ceil(2) {
            let Some(longer) = self.prepend(reduced, self.head - 1, longest.clone(), limit, memo) else {
                break;
            };
            longest = longer;
            self.head -= 1;
        }
        let alive = longest.filter(|&at| self.entries[at].excess <= limit);
        self.by_shares.clear();
        self.by_shares.extend(alive.map(|at| (self.entries[at].shares, at)));
        self.by_shares.sort_unstable();
    }

    /// The tail with one more venue before it; none, and nothing changed, when it has too many entries.
    fn prepend(
        &mut self,
        reduced: &Reduced<T>,
        venue: usize,
        tail: Range<usize>,
        limit: T,
        memo: &mut Memo<T>,
    ) -> Option<Range<usize>> {
        let start = self.entries.len();
        for choice in &reduced.choices[reduced.range(venue)] {
            for next in tail.clone() {
                let rest = self.entries[next];
                let excess = choice.excess + rest.excess;
                if excess > limit {
                    continue;
                }
                let (lots, shares) = (choice.lots + rest.lots, choice.shares + rest.shares);
                let state = State { venue, lots_left: lots, shares_left: shares };
                match memo.get(&state) {
                    Some(Known::Exactly(best, _)) if best <= excess => continue,
                    // Dropped rather than overwritten, so that the order of entries stays lexicographic.
                    Some(Known::Exactly(_, at)) => self.entries[at].excess = limit + T::from(1),
                    _ => {}
                }
                if self.entries.len() - start == MOST_ENTRIES {
                    self.entries.truncate(start);
                    return None;
                }
                memo.set(state, Known::Exactly(excess, self.entries.len()));
                self.entries.push(Entry { lots, shares, excess, first: choice.lots as usize, next });
            }
        }
        Some(start..self.entries.len())
    }

    /// The least excess of the tail from a state, if below `limit`, and the lexicographically first entry that
    /// attains it; `steps` grows by the entries looked at.
    pub(super) fn finish(
        &self,
        reduced: &Reduced<T>,
        state: &State,
        limit: T,
        steps: &mut usize,
    ) -> Option<(T, usize)> {
        let rates = reduced.rates;
        let mut best = Best { limit, found: None };
        let from = self.by_shares.partition_point(|&(shares, _)| shares < state.shares_left);
        let (fewer, more) = self.by_shares.split_at(from);
        for &(shares, at) in more {
            let penalty = rates.long * T::from(shares - state.shares_left);
            if penalty > best.limit {
                break;
            }
            *steps += 1;
            self.offer(&mut best, at, penalty, rates.lot, state.lots_left);
        }
        for &(shares, at) in fewer.iter().rev() {
            let penalty = rates.short * T::from(state.shares_left - shares);
            if penalty > best.limit {
                break;
            }
            *steps += 1;
            self.offer(&mut best, at, penalty, rates.lot, state.lots_left);
        }
        best.found.map(|at| (best.limit, at))
    }

    fn offer(&self, best: &mut Best<T>, at: usize, penalty: T, lot: T, lots_left: i64) {
        let entry = &self.entries[at];
        if entry.lots > lots_left {
            return;
        }
        let cost = entry.excess + penalty + lot * T::from(lots_left - entry.lots);
        if cost < best.limit || (cost == best.limit && best.found.is_some_and(|found| at < found)) {
            *best = Best { limit: cost, found: Some(at) };
        }
    }

    /// The lots of an entry, venue by venue.
    pub(super) fn lots(&self, mut at: usize) -> impl Iterator<Item = usize> {
        std::iter::from_fn(move || {
            let entry = self.entries[at];
            let more = entry.next != at;
            at = entry.next;
            more.then_some(entry.first)
        })
    }
}

/// Only what is below the limit counts; once found, the limit is the best.
struct Best<T> {
    limit: T,
    found: Option<usize>,
}
