//! The stretches in which nothing but records happens, where a replay is most of the time.

use crate::engine::cheap::{Asks, Cheap};
use crate::engine::leap::Leg;
use crate::engine::run::Run;
use crate::error::Result;
use crate::market::{Depletion, Last, Moments, Snapshot, Tape, kept_of, mid_of, replace};
use crate::policy::{Moves, Policy};
use crate::units::{Nanos, Side, Time};

/// Why a stretch ends.
enum Pause {
    /// The policy must be asked at this snapshot, whose records have been applied.
    Ask(Time),
    /// The next snapshot takes more care.
    Care(Time),
    /// Before the next snapshot something else is due.
    Due,
    /// Its rows are over.
    Over,
}

impl<P: Policy> Run<'_, P> {
    /// Rule P1 from snapshot to snapshot, up to the first before which something else is due: a wake-up, a release, the begin
    /// or end of a halt, an arrival, whatever limit orders may meet, or the order's end.
    pub(super) fn go_on(&mut self, moments: &mut Moments<'_>) -> Result<()> {
        let until = self.quiet_until(moments);
        if moments.next_record() >= until || self.is_done() {
            return Ok(());
        }
        match self.exchange.parent.side {
            Side::Buy => self.go_on_as::<false>(moments, until),
            Side::Sell => self.go_on_as::<true>(moments, until),
        }
    }

    fn go_on_as<const SELL: bool>(&mut self, moments: &mut Moments<'_>, until: Time) -> Result<()> {
        let mut leg = self.leap(moments, until);
        let ended = self.go_on_from::<SELL>(&mut leg, moments, until);
        leg.end(moments.next);
        ended
    }

    #[inline(never)]
    fn go_on_from<'t, const SELL: bool>(
        &mut self,
        leg: &mut Leg<'t>,
        moments: &mut Moments<'t>,
        mut until: Time,
    ) -> Result<()> {
        let (tape, rows, mut known) = (moments.tape.aligned(), moments.session.rows.end, Nanos::MIN);
        loop {
            if moments.next >= leg.pause {
                self.stop.check()?;
                leg.end(moments.next);
                (*leg, known) = (self.leap(moments, until), Nanos::MIN);
            }
            let pause = self.pass::<SELL>(&tape, (&mut moments.next, leg.pause), (until, moments.mode), &mut known);
            let asks = match pause {
                Pause::Over if moments.next < rows => continue,
                Pause::Due | Pause::Over => return Ok(()),
                Pause::Ask(now) => Some(now),
                Pause::Care(now) => {
                    self.exchange.apply_unmet(moments);
                    Some(now).filter(|_| self.needs_to_look())
                }
            };
            known = Nanos::MIN;
            if let Some(now) = asks {
                self.act(now)?;
                if self.is_done() {
                    return Ok(());
                }
                until = self.quiet_until(moments);
            }
        }
    }

    /// Passes over plain snapshots from `next` on, before `pause` and `until`, as long as the policy need not be asked. What it
    /// takes then is taken here. `known`: no venue has a lot left for less, as far as that is known, see [`Cheap`].
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "once for each side")]
    fn pass<const SELL: bool>(
        &mut self,
        tape: &Tape<'_>,
        (next, pause): (&mut usize, usize),
        (until, mode): (Time, Snapshot),
        known: &mut Nanos,
    ) -> Pause {
        let side = if SELL { Side::Sell } else { Side::Buy };
        let Self { exchange, policy, fees, .. } = self;
        let mut cheap = Cheap::new(exchange, fees, *known);
        let by_size = exchange.market.depletion == Depletion::Refresh;
        let first = exchange.book.mid().filter(|_| exchange.reports.is_empty());
        let reach = first.and_then(|mid| policy.reach(mid));
        let fixed = reach.map(|reach| (cheap.reaches(reach), reach.moves == Moves::Never).1);
        let Some((venues, kept)) = exchange.book.laid_open() else {
            let now = tape.ts()[*next..pause].first();
            return now.map_or(Pause::Over, |&now| if now < until { Pause::Care(now) } else { Pause::Due });
        };
        let (mut bests, mut row) = (*kept, *next);
        let taken = &mut exchange.taken.shares_mut()[..venues.len()];
        let ended = loop {
            if row >= pause {
                break Pause::Over;
            }
            let (now, first) = (tape.ts()[row], row);
            if now >= until {
                break Pause::Due;
            }
            let Some(end) = tape.plain_snapshot(first, mode) else { break Pause::Care(now) };
            while row < end {
                let (venue, new) = (usize::from(tape.venue()[row]), Last::two_sided(tape, row));
                let (old, new) = (replace(venues, &mut bests, venue, new).offer(side), new.offer(side));
                taken[venue] = kept_of(taken[venue], old, new, by_size);
                row += 1;
            }
            let ([ask, bid], Some(fixed)) = (bests, fixed) else { break Pause::Ask(now) };
            let mid = mid_of(ask, bid);
            if !fixed && let Some(reach) = policy.reach(mid) {
                cheap.reaches(reach);
            }
            let (best, mid_key) = if SELL { (bid, -mid) } else { (ask, mid) };
            if cheap.is_dear(best, mid_key) {
                continue;
            }
            match cheap.look::<SELL>(now, mid, venues, taken, &tape.venue()[first..end]) {
                Asks::Nothing => {}
                Asks::Policy => break Pause::Ask(now),
                Asks::NoMore => break Pause::Due,
            }
        };
        (*next, *kept, *known) = (row, bests, cheap.known);
        exchange.ledger.take_all(&cheap.takes);
        ended
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
