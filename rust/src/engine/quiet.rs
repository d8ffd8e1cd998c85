//! The stretches in which nothing but records happens, where a replay is most of the time.

use crate::engine::run::{POLL_EVERY, Run};
use crate::error::Result;
use crate::market::Moments;
use crate::policy::Policy;
use crate::units::Time;

impl<P: Policy> Run<'_, P> {
    /// Rule P1 from snapshot to snapshot, up to the first before which something else is due: a wake-up, a release, the begin
    /// or end of a halt, an arrival, whatever limit orders may meet, or the order's end.
    #[inline(never)]
    pub(super) fn go_on(&mut self, moments: &mut Moments<'_>) -> Result<()> {
        let (tape, mode, rows) = (moments.tape.aligned(), moments.mode, moments.session.rows.end);
        let mut until = self.quiet_until(moments);
        let mut next = moments.next;
        loop {
            let pause = rows.min(next + POLL_EVERY as usize);
            while next < pause {
                let now = tape.ts()[next];
                if now >= until {
                    moments.next = next;
                    return Ok(());
                }
                let first = next;
                let mut fresh = None;
                if let Some(end) = self.exchange.apply_plainly(&tape, first, mode) {
                    next = end;
                    fresh = Some(tape.venue_of(first..end)).filter(|_| self.exchange.all_at_once);
                } else {
                    moments.next = first;
                    self.exchange.apply_unmet(moments);
                    next = moments.next;
                }
                if !self.needs_to_look(now, fresh) {
                    continue;
                }
                self.act(now)?;
                if self.is_done() {
                    moments.next = next;
                    return Ok(());
                }
                until = self.quiet_until(moments);
            }
            if pause == rows {
                moments.next = next;
                return Ok(());
            }
            self.stop.check()?;
        }
    }

    /// Before this time a snapshot has nothing to wait for.
    #[inline]
    fn quiet_until(&self, moments: &Moments<'_>) -> Time {
        let Self { exchange, next_wake, next_release, .. } = self;
        if exchange.ledger.summary.arrival_mid.is_none() || !exchange.is_quiet() {
            return Time::MIN;
        }
        // What arrives at the time of a record meets the book after it.
        let arrival = exchange.under_way.first().map_or(Time::MAX, |order| order.arrival.saturating_add(1));
        exchange.end.min(*next_wake).min(*next_release).min(moments.next_edge()).min(arrival)
    }
}
