//! The terms of a market: everything that is the same for every policy.

use crate::fills::FillModel;
use crate::market::taken::Depletion;
use crate::market::tape::Snapshot;
use crate::market::venue::Venue;
use crate::market::visibility::Visibility;
use crate::units::Nanos;

/// What a child's limit is (MODEL F6).
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
    /// Their limit.
    pub limit: Limit,
    /// Price step of the completion walk, nanos, positive.
    pub tick: Nanos,
}
