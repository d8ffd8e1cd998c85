//! What a parent order has taken from the book (rule B5).

use std::hint::select_unpredictable;

use crate::market::book::Change;
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
        let (key, size) = (old.key != new.key, old.size != new.size);
        let refreshed = match self.mode {
            Depletion::Refresh => key | size,
            Depletion::Persistent => key,
            Depletion::None => return,
        };
        // Sizes change too often and too seldom to be guessed.
        let taken = &mut self.shares[change.venue];
        *taken = select_unpredictable(refreshed, 0, *taken);
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
}

/// What is left of a displayed size.
#[inline]
pub(crate) fn left_of(displayed: u32, taken: Shares) -> Shares {
    (Shares::from(displayed) - taken).max(0)
}
