//! The limit orders of one parent at their venues, and what trades and records give them (rule C10).

use crate::fills::Resting;
use crate::ledger::{Fill, Kind, Ledger, Place, Reason};
use crate::market::{Change, Market};
use crate::policy::{Posted, Report};
use crate::units::{Money, Nanos, Shares, Side, Time};

/// Limit orders by venue, the best price first, then in order of arrival. There are no venues until one is posted.
#[derive(Debug, Default)]
pub(super) struct RestingOrders {
    pub(super) by_venue: Vec<Vec<Posted>>,
    pub(super) count: usize,
}

/// When and where an event meets limit orders.
pub(super) struct Moment {
    pub(super) ts: Time,
    pub(super) venue: usize,
    pub(super) mid: Option<Nanos>,
    pub(super) age: Time,
}

/// Where fills are written down.
pub(super) struct Books<'a> {
    pub(super) market: &'a Market,
    pub(super) side: Side,
    pub(super) ledger: &'a mut Ledger,
    pub(super) reports: &'a mut Vec<Report>,
}

impl RestingOrders {
    pub(super) fn join(&mut self, venues: usize, venue: usize, posted: Posted) {
        self.by_venue.resize_with(venues, Vec::new);
        let queue = &mut self.by_venue[venue];
        let at = queue.partition_point(|other| other.order.key() <= posted.order.key());
        queue.insert(at, posted);
        self.count += 1;
    }

    /// The venue where an order rests.
    pub(super) fn find(&self, number: u32) -> Option<usize> {
        self.by_venue.iter().position(|queue| queue.iter().any(|posted| posted.number == number))
    }

    /// Takes out the orders that `ended` says have ended.
    pub(super) fn remove(&mut self, ended: impl Fn(&Posted) -> bool, mut gone: impl FnMut(usize, &Posted)) {
        for (venue, queue) in self.by_venue.iter_mut().enumerate() {
            queue.retain(|posted| {
                let stays = !ended(posted);
                if !stays {
                    gone(venue, posted);
                    self.count -= 1;
                }
                stays
            });
        }
    }

    /// Takes out the orders at the venues that `halted` says are.
    pub(super) fn remove_at(&mut self, halted: impl Fn(usize) -> bool, mut gone: impl FnMut(usize, &Posted)) {
        for (venue, queue) in self.by_venue.iter_mut().enumerate().filter(|(venue, _)| halted(*venue)) {
            for posted in queue.iter() {
                gone(venue, posted);
            }
            self.count -= queue.len();
            queue.clear();
        }
    }

    /// A record is about to take effect; `mid` is that of the last snapshot.
    #[inline]
    pub(super) fn record(&mut self, change: &Change, mid: Option<Nanos>, books: &mut Books<'_>) {
        if self.by_venue[change.venue].is_empty() {
            return;
        }
        let moment = Moment { ts: change.ts, venue: change.venue, mid, age: change.ts.saturating_sub(change.updated) };
        let (own, other) = (change.quote(books.side.opposite()), change.quote(books.side));
        self.meet(&moment, books, |order| order.record(change.ts, own, other));
    }

    /// A trade meets the orders at its venue; what one order gets of it the next does not. `other` is the venue's quote on
    /// the taking side.
    pub(super) fn trade(&mut self, moment: &Moment, price: Nanos, size: Shares, other: Nanos, books: &mut Books<'_>) {
        let key = books.side.opposite().sign() * price;
        let mut left = size;
        self.meet(moment, books, |order| {
            let filled = order.trade(moment.ts, key, left, other);
            left -= filled;
            filled
        });
    }

    /// An event meets the orders at its venue: books what it fills and where they stand after it.
    fn meet(&mut self, moment: &Moment, books: &mut Books<'_>, mut event: impl FnMut(&mut Resting) -> Shares) {
        let queue = &mut self.by_venue[moment.venue];
        for posted in queue.iter_mut() {
            let before = (posted.order.ahead(), posted.order.left());
            let filled = event(&mut posted.order);
            if before != (posted.order.ahead(), posted.order.left()) {
                books.stands(moment, posted, filled);
            }
        }
        let before = queue.len();
        queue.retain(|posted| posted.order.left() > 0);
        self.count -= before - queue.len();
    }
}

impl Books<'_> {
    /// Writes down where an order stands after an event that filled `filled` shares of it.
    fn stands(&mut self, moment: &Moment, posted: &Posted, filled: Shares) {
        let Moment { ts, venue, mid, age } = *moment;
        let (child, left) = (posted.number, posted.order.left());
        self.ledger.place(Place { child, ts, ahead: posted.order.ahead(), left });
        let (1.., Some(mid)) = (filled, mid) else { return };
        let price = self.side.opposite().sign() * posted.order.key();
        self.ledger.fill(Fill {
            child: Some(child),
            ts_decided: posted.ts_decided,
            ts_executed: ts,
            venue,
            kind: Kind::Post,
            quantity: filled,
            price,
            quoted: price,
            mid,
            rebate: Money::from(filled) * Money::from(self.market.venues[venue].maker_rebate),
            age,
            ..Fill::NONE
        });
        let reason = if left == 0 { Reason::Filled } else { Reason::Partial };
        if let Some(row) = self.ledger.child_mut(child) {
            row.executed += filled;
            row.reason = reason;
        }
        self.reports.push(Report {
            order: child,
            kind: Kind::Post,
            venue,
            ts,
            executed: filled,
            price,
            left,
            returned: 0,
            reason,
        });
    }
}
