//! The terms of a market: everything that is the same for every policy.

use crate::fills::{FillModel, Met, QueueModel};
use crate::market::book::Book;
use crate::market::snapshot::Snapshot;
use crate::market::taken::{Depletion, Taken};
use crate::market::tape::Tape;
use crate::market::venue::Venue;
use crate::market::visibility::Visibility;
use crate::quote::EMPTY;
use crate::units::{Nanos, Shares, Side, Time};

/// What a child's limit is (rule F6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// The quoted price it was planned on.
    Seen,
    /// None: a market order.
    None,
}

/// Everything that is the same for every policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Market {
    /// Terms by venue index.
    pub venues: Vec<Venue>,
    /// When the policy sees the book.
    pub snapshot: Snapshot,
    /// What own fills do to it.
    pub depletion: Depletion,
    /// Which quotes policies see.
    pub visibility: Visibility,
    /// How children are filled.
    pub fill: FillModel,
    /// How the queues of limit orders are simulated.
    pub queue: QueueModel,
    /// Their limit.
    pub limit: Limit,
    /// Price step of the completion walk, nanos, positive.
    pub tick: Nanos,
}

impl Market {
    /// The quote a child of `side` meets at `venue` at time `now`.
    #[must_use]
    #[inline]
    pub fn met(&self, tape: &Tape<'_>, book: &Book, taken: &Taken, side: Side, venue: usize, now: Time) -> Met {
        let quote = book.offer(side, venue);
        if quote.key == EMPTY {
            return Met { key: EMPTY, displayed: 0, available: 0, age: 0, queue_position: 0.0 };
        }
        Met {
            key: quote.key,
            displayed: Shares::from(quote.size),
            available: taken.available(venue, quote.size),
            age: now - book.updated(venue),
            queue_position: tape.queue_position(book.row(venue)).unwrap_or(self.venues[venue].queue_position),
        }
    }
}
