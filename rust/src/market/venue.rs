//! A venue's terms: fees, latency, and where in its queue we stand.

use crate::units::{Nanos, Time};

/// The terms of one venue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Venue {
    /// Taker fee per share, nanos; negative where the venue pays takers.
    pub taker_fee: Nanos,
    /// Maker rebate per share, nanos; negative where makers pay.
    pub maker_rebate: Nanos,
    /// Time from a decision to its arrival at the venue, nanoseconds (rule F5).
    pub latency: Time,
    /// Queue position in `[0, 1]`: 0 is the front, 1 the back (rule F2).
    pub queue_position: f64,
}
