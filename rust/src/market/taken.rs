//! What a parent order has taken from the book (rule B5).

use std::hint::select_unpredictable;
use std::ops::Range;

use crate::market::book::{Change, Last, quote_of};
use crate::market::tape::Tape;
use crate::quote::Quote;
use crate::units::{Shares, Side};

/// How own fills deplete the displayed size (rule B5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depletion {
    /// What was taken stays taken until that side's price or size changes.
    Refresh,
    /// Until that side's price changes.
    Persistent,
    /// Never: the full displayed size every time.
    None,
}

/// Shares one parent order has taken from each venue's current quote on its side.
#[derive(Clone, Debug)]
pub struct Taken {
    shares: Vec<Shares>,
    mode: Depletion,
}

impl Taken {
    /// Nothing taken yet.
    #[must_use]
    pub fn new(venues: usize, mode: Depletion) -> Self {
        Self { shares: vec![0; venues], mode }
    }

    /// A venue's quote on the side that `side` takes is replaced; forget what was taken from it if the rule says so.
    #[inline]
    pub fn see(&mut self, change: &Change, side: Side) {
        let (old, new) = change.quote(side);
        let taken = &mut self.shares[change.venue];
        *taken = kept_of(*taken, old, new, self.mode == Depletion::Refresh);
    }

    /// As [`see`](Self::see), for all records of some rows, of which each counts: `lasts` are the venues before them.
    pub(crate) fn see_all(&mut self, tape: &Tape<'_>, rows: &Range<usize>, lasts: &[Last], side: Side) {
        let by_size = self.mode == Depletion::Refresh;
        for (venue, (taken, last)) in
            self.shares.iter_mut().zip(lasts).enumerate().filter(|(_, (taken, _))| **taken > 0)
        {
            // Until one of its quotes is another all are the same as the one before them.
            let own = rows.clone().filter(|&row| usize::from(tape.venue()[row]) == venue);
            let mut quotes = own.map(|row| quote_of(&tape.record(row), side));
            if quotes.any(|quote| kept_of(*taken, last.offer(side), quote, by_size) == 0) {
                *taken = 0;
            }
        }
    }

    /// Shares were taken.
    #[inline]
    pub fn take(&mut self, venue: usize, shares: Shares) {
        if self.mode != Depletion::None {
            self.shares[venue] += shares;
        }
    }

    /// What is left of a displayed size.
    #[must_use]
    #[inline]
    pub fn available(&self, venue: usize, displayed: u32) -> Shares {
        left_of(displayed, self.shares[venue])
    }

    /// Shares taken, by venue.
    #[inline]
    pub(crate) fn shares(&self) -> &[Shares] {
        &self.shares
    }

    /// Shares taken, by venue, for a loop that takes and forgets itself.
    #[inline]
    pub(crate) fn shares_mut(&mut self) -> &mut [Shares] {
        &mut self.shares
    }
}

/// What stays taken when a quote is replaced: nothing if its price changes or, where that counts, its size. Where nothing stays
/// taken anyhow there is nothing to forget.
#[inline(always)]
#[allow(clippy::inline_always, clippy::needless_bitwise_bool, reason = "a part of the loop over records")]
pub(crate) fn kept_of(taken: Shares, old: Quote, new: Quote, by_size: bool) -> Shares {
    // Sizes change too often and too seldom to be guessed.
    select_unpredictable((old.key != new.key) | ((old.size != new.size) & by_size), 0, taken)
}

/// What is left of a displayed size.
#[inline]
pub(crate) fn left_of(displayed: u32, taken: Shares) -> Shares {
    (Shares::from(displayed) - taken).max(0)
}
