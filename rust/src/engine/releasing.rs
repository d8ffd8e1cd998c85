//! What a schedule has released of an order (rule W1), and the mid of that moment.

use crate::engine::exchange::Exchange;
use crate::ledger::Release;
use crate::schedule::{Due, Releases};
use crate::units::Time;

/// The releases that are still to come.
pub(super) struct Releasing<'a> {
    coming: Releases<'a>,
    next: Option<Due>,
}

impl<'a> Releasing<'a> {
    pub(super) fn new(mut coming: Releases<'a>) -> Self {
        let next = coming.next();
        Self { coming, next }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Time {
        self.next.map_or(Time::MAX, |due| due.ts)
    }

    /// Releases what is due by then, at the mid of now. Before the order arrives nothing is; what was due by then is released
    /// there.
    #[inline(never)]
    pub(super) fn release(&mut self, by: Time, exchange: &mut Exchange<'_>) {
        let (Some(_), Some(mid)) = (exchange.ledger.summary.arrival_mid, exchange.book.mid()) else { return };
        while let Some(due) = self.next.filter(|due| due.ts <= by) {
            exchange.released = due.total;
            exchange.ledger.release(Release { ts: due.ts, total: due.total, mid });
            self.next = self.coming.next();
        }
    }
}
