//! Leaps over the snapshots at which an order can only wait: for a price that none of them shows, or for its next shares.

use crate::engine::exchange::Exchange;
use crate::engine::run::{POLL_EVERY, Run};
use crate::market::{Index, Moments, Snapshot, Stretch};
use crate::policy::{Moves, Policy, Reach};
use crate::units::{Nanos, Time};

/// The records up to the next place where a leap may begin.
pub(super) struct Leg<'a> {
    pub(super) begin: usize,
    pub(super) pause: usize,
    // Where they are walked for want of knowing better.
    unknown: Option<(&'a Index, Snapshot)>,
}

impl Leg<'_> {
    /// It has been walked up to this row.
    pub(super) fn end(&self, row: usize) {
        if let Some((index, mode)) = self.unknown {
            index.walked(mode, self.begin..row);
        }
    }
}

/// What an order waits for.
enum Wait {
    /// A lower price than the one now.
    Price(Reach),
    /// Shares to plan.
    Shares,
    /// Nothing: it may act at the next snapshot.
    Nothing,
    /// Whoever decides must be asked in any case.
    Never,
}

impl<P: Policy> Run<'_, P> {
    /// Leaps as far as it is known that nothing would be done, before `until`, and says how far to walk then. The book and what is
    /// taken are left as a walk leaves them.
    #[inline(never)]
    pub(super) fn leap<'t>(&mut self, moments: &mut Moments<'t>, until: Time) -> Leg<'t> {
        loop {
            let begun = moments.next;
            let leg = self.leap_once(moments, until);
            if moments.next == begun {
                return leg;
            }
        }
    }

    fn leap_once<'t>(&mut self, moments: &mut Moments<'t>, until: Time) -> Leg<'t> {
        let Moments { tape, mode, ref session, next, .. } = *moments;
        let rows = session.rows.clone();
        let far = Leg { begin: next, pause: rows.end.min(next + POLL_EVERY as usize), unknown: None };
        let possible = mode != Snapshot::First && self.exchange.book.is_plain();
        let Some(index) = tape.index().filter(|_| possible && next < rows.end) else { return far };
        let stretch = Stretch { mode, next, rows: rows.end, until };
        let (end, waits) = match self.waits_for() {
            Wait::Never => return far,
            Wait::Nothing => (next, false),
            Wait::Shares => (next + tape.ts()[next..rows.end].partition_point(|&ts| ts < until), false),
            Wait::Price(reach) => {
                index.learn(tape, mode, next, &rows, &self.exchange.book);
                let (side, lowest_fee) = (self.exchange.parent.side, self.fees.lowest);
                let policy = &mut self.policy;
                let reach = |mids| farthest(policy, reach, mids).map(|far| far.saturating_sub(lowest_fee));
                (index.dear_until(tape, stretch, side, reach), true)
            }
        };
        if end > next {
            let Exchange { book, taken, parent, .. } = &mut self.exchange;
            taken.see_all(tape, &(next..end), book.lasts(), parent.side);
            moments.next = book.fast_forward(tape, next..end, mode);
        }
        let unknown = waits && index.chunk(mode, end).is_none();
        let pause = rows.end.min(index.pause(end, unknown));
        Leg { begin: end, pause, unknown: unknown.then_some((index, mode)) }
    }

    fn waits_for(&mut self) -> Wait {
        let Self { exchange, policy, fees, .. } = self;
        let Some(mid) = exchange.book.mid().filter(|_| exchange.reports.is_empty()) else { return Wait::Nothing };
        if policy.rests() && exchange.to_plan() <= 0 {
            return Wait::Shares;
        }
        let Some(reach) = policy.reach(mid) else {
            return if policy.rests() { Wait::Nothing } else { Wait::Never };
        };
        let side = exchange.parent.side;
        let cheapest = exchange.book.best(side).saturating_add(fees.lowest);
        if cheapest.saturating_sub(side.sign() * mid) < reach.leaves_from { Wait::Nothing } else { Wait::Price(reach) }
    }
}

/// How far a policy reaches at most at the mids between two, where it reaches so far now.
fn farthest(policy: &mut impl Policy, now: Reach, (lowest, highest): (Nanos, Nanos)) -> Option<Nanos> {
    match now.moves {
        Moves::Never => Some(now.leaves_from),
        Moves::WithMid if lowest > 0 => policy.reach(highest).map(|reach| reach.leaves_from),
        Moves::WithMid | Moves::Anyhow => None,
    }
}
