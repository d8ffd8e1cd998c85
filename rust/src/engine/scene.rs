//! What a replay is given besides the order.

use crate::market::{Market, Tape};
use crate::policy::{Past, Plan};

/// A policy in a market on a tape: everything but the order.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The quotes, and the trades where there are any.
    pub tape: &'a Tape<'a>,
    /// What is the same for every policy.
    pub market: &'a Market,
    /// What decides.
    pub plan: &'a dyn Plan,
    /// What is known of the tape when the order starts.
    pub past: Past<'a>,
}
