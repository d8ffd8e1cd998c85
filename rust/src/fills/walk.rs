//! The walk of a flat book that completes or unwinds what is left at the end of a horizon (rule P2).

use crate::error::Error;
use crate::order::Parent;
use crate::quote::Top;
use crate::units::{Nanos, Shares, Side};

/// The most levels that a completion walks: each is a fill.
pub(crate) const MOST_LEVELS: Shares = 1_000_000;

/// A completion walk of too many levels.
pub(crate) fn levels_error(parent: &Parent) -> Error {
    Error::Invalid {
        argument: "quantity",
        rule: "must be small enough for what is left at the end to be completed in 1,000,000 price levels, \
               each of the size displayed at the best price (a larger tick also makes a sell's levels fewer)",
        value: parent.quantity.to_string(),
    }
}

/// A completion walk whose price leaves 64 bits.
pub(crate) fn walk_error(parent: &Parent) -> Error {
    Error::Invalid {
        argument: "quantity",
        rule: "must be small enough for the completion walk to stay within 64-bit nanos",
        value: parent.quantity.to_string(),
    }
}

/// The flat book of rule P2, level by level: the displayed depth at the best price, then the same one tick worse, and
/// so on. A price that leaves 64 bits is `None`.
pub(crate) struct Walk {
    left: Shares,
    depth: Shares,
    key: Option<Nanos>,
    tick: Nanos,
    side: Side,
}

impl Walk {
    pub(crate) fn new(top: Top, quantity: Shares, tick: Nanos, side: Side) -> Self {
        Self { left: quantity, depth: top.depth.max(1), key: Some(top.key), tick, side }
    }

    /// How many levels there are.
    pub(crate) fn levels(&self) -> Shares {
        let by_size = (self.left - 1) / self.depth + 1;
        match (self.side, self.key) {
            // A sell's last level is the first that is worth nothing.
            (Side::Sell, Some(key)) => by_size.min((-key / self.tick).saturating_add(2)),
            _ => by_size,
        }
    }
}

impl Iterator for Walk {
    type Item = (Shares, Option<Nanos>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        // Shares are never worth less than nothing: below zero a sell's last level takes the rest.
        let worthless = self.side == Side::Sell && self.key.is_some_and(|key| key >= 0);
        let quantity = if worthless { self.left } else { self.left.min(self.depth) };
        let key = if worthless { Some(0) } else { self.key };
        self.left -= quantity;
        self.key = self.key.and_then(|key| key.checked_add(self.tick));
        Some((quantity, key))
    }
}
