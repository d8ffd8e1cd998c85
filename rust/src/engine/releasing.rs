//! What a schedule has released of an order (rule W1), and the mid of that moment.

use crate::engine::run::Run;
use crate::ledger::Release;
use crate::policy::Policy;
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
}

impl<P: Policy> Run<'_, P> {
    /// Releases what is due before `now`, at the mid that has stood until then.
    #[inline]
    pub(super) fn release_before(&mut self, now: Time) {
        if self.next_release < now {
            self.release(now - 1);
        }
    }

    /// Releases what is due by `now`, at the mid of now. Before the order arrives nothing is; what was due by then is
    /// released there.
    #[inline]
    pub(super) fn release_by(&mut self, now: Time) {
        if self.next_release <= now {
            self.release(now);
        }
    }

    #[inline(never)]
    fn release(&mut self, by: Time) {
        let Self { releasing: Some(releasing), exchange, next_release, .. } = self else { return };
        let (Some(_), Some(mid)) = (exchange.ledger.summary.arrival_mid, exchange.book.mid()) else { return };
        while let Some(due) = releasing.next.filter(|due| due.ts <= by) {
            exchange.released = due.total;
            exchange.ledger.release(Release { ts: due.ts, total: due.total, mid });
            releasing.next = releasing.coming.next();
        }
        *next_release = releasing.next();
    }
}
