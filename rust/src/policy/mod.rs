//! Policies: how a parent order is worked, one file per policy (rule P3, sections 3 and 6 of the model).
//!
//! A [`Plan`] is a policy's settings, the same for every order; [`Plan::start`] makes the [`Policy`] of one order, which
//! may remember what it likes. It decides at the order's arrival, at every later snapshot, and when it asked to be
//! woken: it sees a [`View`] and answers with [`Orders`]. What rests and what is under way is the exchange's business.

mod best_ask;
mod children;
mod cont_kukanov;
mod limits;
mod orders;
mod others;
mod plan;
mod pro_rata;
pub mod probes;
mod seen;
pub mod sheet;
mod sliced;
mod static_router;
mod sweep;
mod unit;
mod view;

pub use best_ask::BestAsk;
pub use children::{Asked, Children, Given};
pub use cont_kukanov::ContKukanov;
pub use limits::Lowest;
pub use orders::{Action, Orders};
pub use plan::{HANDED_OVER, Plan, Settings, Work};
pub use pro_rata::ProRata;
pub use probes::Past;
pub use seen::{NO_PRICE, Seen};
pub use sliced::Sliced;
pub use static_router::{Planned, StaticRouter};
pub use sweep::Sweep;
pub use unit::Unit;
pub use view::{Moves, Posted, Reach, View};

use std::fmt::Debug;

use crate::error::Result;
use crate::ledger::{Kind, Reason};
use crate::order::Parent;
use crate::policy::plan::built_in;
use crate::policy::probes::Windows;
use crate::units::{Nanos, Shares, Time};

// The registry: a policy's name and type here is all that the engine and the glue to Python need to know it. One without
// settings is its own mind, and starts from its `Default`; the settings of the others are `Settings`.
built_in! {
    plain {
        /// The one venue with the best displayed price.
        "best_ask" BestAsk
        /// All venues, cheapest all-in first.
        "sweep" Sweep
        /// The remainder over the venues in proportion to their available size.
        "pro_rata" ProRata
    }
    with_settings {
        /// The static allocator at every decision.
        "static" Static(StaticRouter)
        /// The paper's router: market and limit orders, epoch by epoch.
        "cont_kukanov" ContKukanov(ContKukanov)
    }
}

/// One parent order's mind.
pub trait Policy {
    /// Decides what to do now. Called at the order's arrival, at every snapshot before its end, and at the times of
    /// [`wakes`](Self::wakes); where a time of waking is that of a snapshot, once, after all that happens then.
    ///
    /// # Errors
    ///
    /// What the policy's own arithmetic or solver refuses, and [`Error::Stopped`](crate::Error::Stopped).
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()>;

    /// How far it reaches at this mid, if that is all there is to know of it: it is then not asked to [`decide`](Self::decide)
    /// where that tells what it would do, and it never asks to be woken. `None`, then always: it must be asked.
    fn reach(&mut self, mid: Nanos) -> Option<Reach> {
        let _ = mid;
        None
    }

    /// Whether it does nothing where no share is [left to plan](View::remaining) and it has nothing to be told, and never asks to
    /// be woken: it is then not asked.
    fn rests(&self) -> bool {
        false
    }

    /// The next time after `after` at which it wants to decide, whether or not a record comes then.
    fn wakes(&self, after: Time) -> Option<Time> {
        let _ = after;
        None
    }

    /// What became of its orders, in order of time, before it next decides; after the order's end, what is left to tell.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide).
    fn told(&mut self, report: &Report) -> Result<()> {
        let _ = report;
        Ok(())
    }

    /// Whether it wants to be told of its takes, which are most of what there is to tell. Of its limit orders it is told all.
    fn hears_of_takes(&self) -> bool {
        true
    }
}

impl<P: Policy + ?Sized> Policy for Box<P> {
    #[inline]
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        (**self).decide(view, out)
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a part of the loop over records")]
    fn reach(&mut self, mid: Nanos) -> Option<Reach> {
        (**self).reach(mid)
    }

    #[inline]
    fn rests(&self) -> bool {
        (**self).rests()
    }

    #[inline]
    fn wakes(&self, after: Time) -> Option<Time> {
        (**self).wakes(after)
    }

    #[inline]
    fn told(&mut self, report: &Report) -> Result<()> {
        (**self).told(report)
    }

    #[inline]
    fn hears_of_takes(&self) -> bool {
        (**self).hears_of_takes()
    }
}

/// What became of an order: shares executed, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The order's number, as [`Orders`] gave it out.
    pub order: u32,
    /// [`Kind::Take`] or [`Kind::Post`].
    pub kind: Kind,
    /// Venue index.
    pub venue: usize,
    /// When.
    pub ts: Time,
    /// Shares executed now.
    pub executed: Shares,
    /// Price of them; 0 without any.
    pub price: Nanos,
    /// Shares of it that still work: 0 once it has ended.
    pub left: Shares,
    /// How the order stands after it.
    pub reason: Reason,
    /// Shares that came back when it ended.
    pub returned: Shares,
}

impl Report {
    /// Of a take that has met the book at a venue: it has ended, and the shares not executed come back.
    #[inline]
    pub(crate) fn of_take(
        order: u32,
        (venue, ts): (usize, Time),
        quantity: Shares,
        executed: Shares,
        price: Nanos,
        reason: Reason,
    ) -> Self {
        let price = if executed > 0 { price } else { 0 };
        Self { order, kind: Kind::Take, venue, ts, executed, price, left: 0, reason, returned: quantity - executed }
    }
}
