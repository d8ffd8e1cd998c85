//! A parent order.

use crate::units::{Shares, Side, Time};

/// A parent order (rule P2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parent {
    /// Buy or sell.
    pub side: Side,
    /// Shares, positive.
    pub quantity: Shares,
    /// It first decides here.
    pub start: Time,
    /// What is left here is completed.
    pub end: Time,
    /// Shares in a lot.
    pub lot: Shares,
    /// Tells apart parents that are otherwise equal, so that their random streams differ.
    pub twin: u64,
}

impl Parent {
    /// The lot in force for what remains (rule A2).
    #[must_use]
    #[inline]
    pub fn lot_of(&self, remaining: Shares) -> Shares {
        if remaining < self.lot { 1 } else { self.lot }
    }

    /// What names this parent to the random streams of its children: its content, not its place among others (rule F3).
    #[must_use]
    pub fn stream(&self) -> [u64; 2] {
        // A mixing step (odd multiplier, shift) per field: distinct fields give unrelated words.
        let fields = [self.end, self.quantity, self.lot, self.side.sign(), self.twin as i64];
        let mixed = fields.iter().fold(0_u64, |hash, &field| {
            let word = (hash ^ field as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            word ^ (word >> 29)
        });
        [self.start as u64, mixed]
    }
}
