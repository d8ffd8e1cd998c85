//! Schedules: how many shares of an order are released by when, before a policy says where they go (section 9 of the
//! model).
//!
//! A [`Schedule`] is the settings, the same for every order; [`Schedule::start`] gives the releases of one. The replay
//! hands a policy `R(t) - executed - in flight` as what remains, so that any policy works under any schedule.

mod almgren_chriss;
mod pov;
mod table;
mod twap;
mod vwap;

pub use almgren_chriss::AlmgrenChriss;
pub use pov::Pov;
pub use table::{Since, Table};
pub use twap::Twap;
pub use vwap::{Bucket, Vwap};

use std::fmt::Debug;

use crate::error::Result;
use crate::market::Tape;
use crate::order::Parent;
use crate::units::{Shares, Time};

/// A moment from which on more shares are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub ts: Time,
    /// `R(ts)`: all shares released by then.
    pub total: Shares,
}

/// The releases of one order in order of time, as long as it goes on asking: totals grow, and are whole lots or the
/// quantity.
pub type Releases<'a> = Box<dyn Iterator<Item = Due> + 'a>;

/// How many shares are released by when.
pub trait Schedule: Debug + Send + Sync {
    /// The releases of one order. What none releases before the order's end is completed there.
    ///
    /// # Errors
    ///
    /// When the order or the tape does not suit the schedule.
    fn start<'a>(&'a self, parent: &Parent, tape: &Tape<'a>) -> Result<Releases<'a>>;
}

/// `shares` in whole lots of a parent, rounded down; its quantity, with the odd rest, once they reach it.
fn in_lots(parent: &Parent, shares: i128) -> Shares {
    if shares >= i128::from(parent.quantity) {
        return parent.quantity;
    }
    // Below the quantity, so it fits.
    shares.max(0) as Shares / parent.lot * parent.lot
}

/// Those of some releases that release something.
fn growing(releases: impl Iterator<Item = Due>) -> impl Iterator<Item = Due> {
    let mut before = 0;
    releases.filter(move |due| {
        let more = due.total > before;
        before = before.max(due.total);
        more
    })
}
