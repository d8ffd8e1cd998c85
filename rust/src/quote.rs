//! One quote, as everything after the tape sees it: a signed price and a size.

use crate::units::{Nanos, Shares};

/// The signed price of a side without a quote.
pub const EMPTY: Nanos = i64::MAX;

/// The best displayed price of one side and the shares shown there, over all venues: what the completion walk
/// of rule P2 starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// Signed price.
    pub key: Nanos,
    /// Shares displayed at that price over all venues.
    pub depth: Shares,
    /// The lowest venue that shows it.
    pub venue: usize,
}

/// One venue's quote on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Signed price, or [`EMPTY`].
    pub key: Nanos,
    /// Displayed shares.
    pub size: u32,
}

/// Whether an other-side quote is at or through our price: the two keys are of opposite sign.
#[inline]
pub(crate) fn reaches(other: Nanos, key: Nanos) -> bool {
    other != EMPTY && other.saturating_add(key) <= 0
}
