//! Limit orders at the exchange: sent, joined, met by records and trades, expired, cancelled (rule C10).

use crate::engine::exchange::{Decision, Errand, Exchange, UnderWay, refused};
use crate::engine::resting::{Books, Moment};
use crate::error::Result;
use crate::fills::{Arrival, Resting};
use crate::ledger::{Child, Kind, Place, Reason};
use crate::market::{Moments, Venue};
use crate::policy::{Posted, Report};
use crate::quote::{EMPTY, reaches};
use crate::units::{Nanos, Shares, Time};

impl Exchange<'_> {
    /// Apart from the rest, which is what most replays do most of the time.
    #[inline(never)]
    pub(super) fn apply_to_queues(&mut self, moments: &mut Moments<'_>) {
        let mid = self.mid_before(moments.next_record());
        let Self { market, parent, book, taken, resting, ledger, reports, .. } = self;
        let side = parent.side;
        let mut books = Books { market, side, ledger, reports };
        moments.apply(book, |change| {
            taken.see(change, side);
            resting.record(change, mid, &mut books);
        });
    }

    /// The next trade meets the limit orders at its venue.
    pub(super) fn print(&mut self) {
        let Some(trades) = self.tape.trades() else { return };
        let i = self.next_trade;
        self.next_trade += 1;
        let (ts, venue) = (trades.ts[i], usize::from(trades.venue[i]));
        if self.resting.count == 0 {
            return;
        }
        let mid = self.mid_before(ts);
        let Self { market, parent, book, resting, ledger, reports, .. } = self;
        let side = parent.side;
        let moment = Moment { ts, venue, mid, age: ts.saturating_sub(book.updated(venue)) };
        let other = book.offer(side, venue).key;
        let mut books = Books { market, side, ledger, reports };
        resting.trade(&moment, trades.price[i], Shares::from(trades.size[i]), other, &mut books);
    }

    /// The mid of the last snapshot before what happens at `now`.
    fn mid_before(&self, now: Time) -> Option<Nanos> {
        match self.edge {
            Some((ts, mid)) if ts == now => mid,
            _ => self.book.mid(),
        }
    }

    /// Halts begin or end at `now`: what rests at a halted venue is cancelled (rule T5).
    pub(super) fn see_halts(&mut self, now: Time) {
        self.edge = Some((now, self.book.mid()));
        self.book.see_halts(self.tape, now);
        let Self { resting, reports, book, .. } = self;
        resting.remove_at(
            |venue| book.is_halted(venue),
            |venue, posted| reports.push(ended(posted.number, venue, now, posted.order.left(), Reason::Cancelled)),
        );
    }

    /// Limit orders whose time is up by `now` expire, at their venues and on the way.
    pub(super) fn expire(&mut self, now: Time) {
        let Self { resting, reports, under_way, posts_under_way, .. } = self;
        let mut next = Time::MAX;
        resting.remove(
            |posted| posted.until <= now,
            |venue, posted| reports.push(ended(posted.number, venue, now, posted.order.left(), Reason::Expired)),
        );
        for posted in resting.by_venue.iter().flatten() {
            next = next.min(posted.until);
        }
        under_way.retain(|order| {
            let Errand::Post { until, .. } = order.errand else { return true };
            if until > now {
                next = next.min(until);
                return true;
            }
            *posts_under_way -= 1;
            reports.push(ended(order.number, order.venue, now, order.quantity, Reason::Expired));
            false
        });
        self.next_expiry = next;
    }

    pub(super) fn post(
        &mut self,
        decision: Decision,
        (venue, quantity): (usize, Shares),
        price: Option<Nanos>,
        until: Option<Time>,
    ) -> Result<()> {
        let Decision { now, mid, remaining } = decision;
        let (taking, posting) = (self.parent.side, self.parent.side.opposite());
        let own = self.book.offer(posting, venue);
        let key = match price {
            Some(price) => posting.sign() * price,
            None if own.key == EMPTY => {
                let why = format!("must be given at venue {venue}, which shows none on that side");
                return Err(refused(decision, ("price", why)));
            }
            None => own.key,
        };
        let price = posting.sign() * key;
        if reaches(self.book.offer(taking, venue).key, key) {
            let why = format!("must not cross the other side of venue {venue}, got {price}");
            return Err(refused(decision, ("price", why)));
        }
        let until = until.unwrap_or(Time::MAX).min(self.end);
        if until <= now {
            return Err(refused(decision, ("until", format!("must be later than now, got {until}"))));
        }
        let Venue { maker_rebate, latency, .. } = self.market.venues[venue];
        let arrival = now.saturating_add(latency);
        // Of a price that is not the best nobody sees how much stands there.
        let seen = if own.key == key { Shares::from(own.size) } else { 0 };
        let number = self.ledger.child(|| Child {
            kind: Kind::Post,
            ts_decided: now,
            ts_arrived: arrival,
            venue,
            quantity,
            remaining,
            mid,
            seen_price: price,
            seen_displayed: seen,
            seen_available: seen,
            marginal: taking.sign().saturating_mul(price.saturating_sub(mid)).saturating_sub(maker_rebate),
            ..Child::UNDER_WAY
        });
        if self.is_quiet() {
            self.next_trade = self.tape.trades().map_or(0, |trades| trades.after(now));
            self.next_expiry = until;
        }
        self.next_expiry = self.next_expiry.min(until);
        let errand = Errand::Post { seen, until };
        let order = UnderWay { number, errand, venue, quantity, key, ts_decided: now, arrival };
        if arrival == now {
            self.join(order, seen, until);
        } else {
            self.posts_under_way += 1;
            self.set_off(order);
        }
        Ok(())
    }

    /// A limit order arrives at its venue and joins the queue, unless it would take.
    pub(super) fn join(&mut self, order: UnderWay, seen: Shares, until: Time) {
        let UnderWay { number, venue, quantity, key, ts_decided, arrival: ts, .. } = order;
        let side = self.parent.side;
        let (own, other) = (self.book.offer(side.opposite(), venue), self.book.offer(side, venue));
        if self.book.is_halted(venue) {
            if let Some(row) = self.ledger.child_mut(number) {
                row.reason = Reason::NoQuote;
            }
            return self.reports.push(ended(number, venue, ts, quantity, Reason::NoQuote));
        }
        let traded = self.tape.trades().is_some();
        let arrival = Arrival { key, quantity, seen, own, other };
        let resting = Resting::join(self.market.queue, traded, ts, &arrival);
        let ahead = resting.as_ref().map_or(0, Resting::ahead);
        if let Some(row) = self.ledger.child_mut(number) {
            row.reason = if resting.is_some() { Reason::Queue } else { Reason::Crossed };
            row.met_price = (own.key != EMPTY).then(|| side.opposite().sign() * own.key);
            row.met_displayed = Shares::from(own.size);
            row.met_available = ahead;
            row.age = ts.saturating_sub(self.book.updated(venue));
        }
        let Some(order) = resting else {
            return self.reports.push(ended(number, venue, ts, quantity, Reason::Crossed));
        };
        self.ledger.place(Place { child: number, ts, ahead, left: quantity });
        self.resting.join(self.tape.venues(), venue, Posted { number, ts_decided, until, order });
    }

    /// Sends the wish to take back a limit order to its venue.
    pub(super) fn cancel(&mut self, decision: Decision, number: u32) -> Result<()> {
        if number >= self.ledger.summary.children {
            return Err(refused(decision, ("cancel", format!("must name an order that was sent, got {number}"))));
        }
        let at_venue = self.resting.find(number);
        let on_way = || self.under_way.iter().find(|order| order.number == number && order.is_post());
        let Some(venue) = at_venue.or_else(|| on_way().map(|order| order.venue)) else { return Ok(()) };
        let Decision { now, .. } = decision;
        let arrival = now.saturating_add(self.market.venues[venue].latency);
        let order = UnderWay { number, errand: Errand::Cancel, venue, quantity: 0, key: 0, ts_decided: now, arrival };
        if arrival == now {
            self.withdraw(order);
        } else {
            self.set_off(order);
        }
        Ok(())
    }

    /// A cancel arrives: what has not filled of the limit order is gone.
    pub(super) fn withdraw(&mut self, cancel: UnderWay) {
        let Self { resting, reports, ledger, .. } = self;
        resting.remove(
            |posted| posted.number == cancel.number,
            |venue, posted| {
                if let Some(row) = ledger.child_mut(posted.number).filter(|row| row.executed == 0) {
                    row.reason = Reason::Cancelled;
                }
                reports.push(ended(posted.number, venue, cancel.arrival, posted.order.left(), Reason::Cancelled));
            },
        );
    }
}

impl UnderWay {
    fn is_post(&self) -> bool {
        matches!(self.errand, Errand::Post { .. })
    }
}

/// The report of a limit order that has ended with `returned` shares not executed.
fn ended(order: u32, venue: usize, ts: Time, returned: Shares, reason: Reason) -> Report {
    Report { order, kind: Kind::Post, venue, ts, executed: 0, price: 0, left: 0, returned, reason }
}
