//! The exchange of one parent's replay: the book as its own fills leave it, what is under way, and what rests, for every
//! policy.

use std::ops::Range;

use crate::engine::resting::{Books, Moment, RestingOrders};
use crate::error::{Error, Result};
use crate::fills::{Arrival, Resting, Stream};
use crate::ledger::{Child, Fill, Kind, Ledger, Place, Reason};
use crate::market::{Book, Limit, Market, Taken, Tape, Venue};
use crate::order::Parent;
use crate::policy::{Action, Orders, Posted, Report};
use crate::quote::{EMPTY, reaches};
use crate::units::{Money, Nanos, Shares, Time};

/// An order on its way to its venue.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    number: u32,
    errand: Errand,
    venue: usize,
    quantity: Shares,
    // Signed worst price on the side it takes, signed price on the side it joins.
    key: Nanos,
    ts_decided: Time,
    arrival: Time,
}

/// What it is to do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    Take,
    // With the shares displayed at its price when it was decided, and when it expires.
    Post { seen: Shares, until: Time },
    Cancel,
}

/// What is the same for all orders of one decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) now: Time,
    pub(super) mid: Nanos,
    /// Shares to plan.
    pub(super) remaining: Shares,
}

/// See the module.
pub(super) struct Exchange<'a> {
    pub(super) tape: &'a Tape<'a>,
    pub(super) market: &'a Market,
    pub(super) parent: &'a Parent,
    pub(super) book: Book,
    pub(super) taken: Taken,
    pub(super) ledger: Ledger,
    // Whether the policy listens to what becomes of its takes; and what it has not been told yet.
    tells: bool,
    pub(super) reports: Vec<Report>,
    pub(super) resting: RestingOrders,
    /// Those of takes: a limit order may never fill, so its shares are not spoken for.
    pub(super) shares_in_flight: Shares,
    // In order of (arrival, number).
    under_way: Vec<UnderWay>,
    posts_under_way: usize,
    // No later than the first time at which a limit order expires.
    next_expiry: Time,
    next_trade: usize,
    stream: [u64; 2],
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        tape: &'a Tape<'a>,
        market: &'a Market,
        parent: &'a Parent,
        book: Book,
        record: bool,
        tells: bool,
    ) -> Self {
        Self {
            tape,
            market,
            parent,
            book,
            taken: Taken::new(tape.venues(), market.depletion),
            ledger: Ledger::new(parent.side, parent.end, record),
            tells,
            reports: Vec::new(),
            resting: RestingOrders::default(),
            shares_in_flight: 0,
            under_way: Vec::new(),
            posts_under_way: 0,
            next_expiry: Time::MAX,
            next_trade: 0,
            stream: parent.stream(),
        }
    }

    /// Shares not executed.
    #[inline]
    pub(super) fn remaining(&self) -> Shares {
        self.parent.quantity - self.ledger.summary.executed
    }

    /// Shares neither executed nor in flight.
    #[inline]
    pub(super) fn to_plan(&self) -> Shares {
        self.remaining() - self.shares_in_flight
    }

    /// No limit order is at a venue or on its way: neither a trade nor an expiry means anything.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.resting.count == 0 && self.posts_under_way == 0
    }

    /// Nothing is under way and nothing rests.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.resting.count == 0
    }

    /// When the next trade prints that may meet a limit order.
    pub(super) fn next_trade(&self) -> Option<Time> {
        let trades = self.tape.trades().filter(|_| !self.is_quiet())?;
        trades.ts.get(self.next_trade).copied()
    }

    /// When to look for limit orders that expire.
    pub(super) fn next_expiry(&self) -> Option<Time> {
        Some(self.next_expiry).filter(|_| !self.is_quiet())
    }

    /// Rule P1 (1): orders whose time has come meet the book as it stands.
    #[inline]
    pub(super) fn deliver(&mut self, arrived: impl Fn(Time) -> bool) {
        if self.under_way.is_empty() {
            return;
        }
        let ready = self.under_way.iter().take_while(|order| arrived(order.arrival)).count();
        let mid = self.book.mid();
        for i in 0..ready {
            let order = self.under_way[i];
            match order.errand {
                Errand::Take => {
                    self.shares_in_flight -= order.quantity;
                    self.execute(order, mid);
                }
                Errand::Post { seen, until } => {
                    self.posts_under_way -= 1;
                    self.join(order, seen, until);
                }
                Errand::Cancel => self.withdraw(order),
            }
        }
        self.under_way.drain(..ready);
    }

    /// Rule P1 (2): the snapshot's records are applied; limit orders meet each before it takes effect.
    #[inline]
    pub(super) fn apply(&mut self, rows: Range<usize>) {
        if self.resting.count > 0 {
            return self.apply_to_queues(rows);
        }
        let Self { tape, market, parent, book, taken, .. } = self;
        book.apply(tape, rows, market.snapshot, |change| taken.see(change, parent.side));
    }

    /// Apart from the rest, which is what most replays do most of the time.
    #[inline(never)]
    fn apply_to_queues(&mut self, rows: Range<usize>) {
        let Self { tape, market, parent, book, taken, resting, ledger, reports, .. } = self;
        let (side, mid) = (parent.side, book.mid());
        let mut books = Books { market, side, ledger, reports };
        book.apply(tape, rows, market.snapshot, |change| {
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
        let Self { market, parent, book, resting, ledger, reports, .. } = self;
        let side = parent.side;
        let moment = Moment { ts, venue, mid: book.mid(), age: ts.saturating_sub(book.updated(venue)) };
        let other = book.offers(side)[venue].key;
        let mut books = Books { market, side, ledger, reports };
        resting.trade(&moment, trades.price[i], Shares::from(trades.size[i]), other, &mut books);
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

    /// Sends a decision's orders, one after the other.
    #[inline]
    pub(super) fn send(&mut self, orders: &mut Orders, decision: Decision) -> Result<()> {
        let proof = (orders.threshold(), orders.gap());
        for i in 0..orders.len() {
            match orders.action(i) {
                Action::Take { venue, quantity, limit, marginal } => {
                    self.check(decision, venue, quantity)?;
                    self.take(decision, (venue, quantity), limit, marginal, proof)?;
                }
                Action::Post { venue, quantity, price, until } => {
                    self.check(decision, venue, quantity)?;
                    self.post(decision, (venue, quantity), price, until)?;
                }
                Action::Cancel { order } => self.cancel(decision, order)?,
            }
        }
        if let Some(epoch) = orders.take_note() {
            self.ledger.epoch(epoch);
        }
        Ok(())
    }

    /// An order must name a venue and a positive number of shares.
    #[inline]
    fn check(&self, decision: Decision, venue: usize, quantity: Shares) -> Result<()> {
        let venues = self.market.venues.len();
        if venue < venues && quantity > 0 {
            return Ok(());
        }
        Err(refused(
            decision,
            if venue < venues {
                ("quantity", format!("must be positive, got {quantity}"))
            } else {
                ("venue", format!("must be below {venues}, got {venue}"))
            },
        ))
    }

    #[inline]
    fn take(
        &mut self,
        decision: Decision,
        (venue, quantity): (usize, Shares),
        limit: Option<Nanos>,
        marginal: Option<Nanos>,
        (threshold, gap): (Option<Nanos>, Option<Nanos>),
    ) -> Result<()> {
        let Decision { now, mid, remaining } = decision;
        let sign = self.parent.side.sign();
        let quote = self.book.offers(self.parent.side)[venue];
        let terms = &self.market.venues[venue];
        let arrival = now.saturating_add(terms.latency);
        let key = match (limit, self.market.limit) {
            (Some(limit), _) => sign * limit,
            (None, Limit::None) => Nanos::MAX,
            (None, Limit::Seen) if quote.key == EMPTY => {
                return Err(refused(
                    decision,
                    ("limit", format!("must be given at venue {venue}, which shows no price")),
                ));
            }
            (None, Limit::Seen) => quote.key,
        };
        let seen = if quote.key == EMPTY { key } else { quote.key };
        let number = self.ledger.child(|| Child {
            kind: Kind::Take,
            ts_decided: now,
            ts_arrived: arrival,
            venue,
            quantity,
            remaining,
            mid,
            seen_price: sign * seen,
            seen_displayed: Shares::from(quote.size),
            seen_available: self.taken.available(venue, quote.size),
            marginal: marginal.unwrap_or_else(|| seen + terms.taker_fee - sign * mid),
            threshold,
            gap,
            ..Child::UNDER_WAY
        });
        let order = UnderWay { number, errand: Errand::Take, venue, quantity, key, ts_decided: now, arrival };
        if arrival == now {
            self.execute(order, Some(mid));
        } else {
            self.shares_in_flight += quantity;
            self.set_off(order);
        }
        Ok(())
    }

    /// Puts an order under way, in order of arrival and number.
    fn set_off(&mut self, order: UnderWay) {
        let at = self.under_way.partition_point(|other| other.arrival <= order.arrival);
        self.under_way.insert(at, order);
    }

    /// A take meets the book: immediate or cancel (rule F6).
    #[inline]
    fn execute(&mut self, order: UnderWay, mid: Option<Nanos>) {
        let UnderWay { number, venue, quantity, arrival, .. } = order;
        let side = self.parent.side;
        let met = self.market.met(self.tape, &self.book, &self.taken, side, venue, arrival);
        let refused = if met.key == EMPTY {
            Some(Reason::NoQuote)
        } else if met.key > order.key {
            Some(Reason::Limit)
        } else if met.available == 0 {
            Some(Reason::Depleted)
        } else {
            None
        };
        let execution = refused.is_none().then(|| {
            let stream = Stream { parent: self.stream, child: u64::from(number) };
            self.market.fill.execute(side, quantity, &met, stream)
        });
        let executed = execution.map_or(0, |execution| execution.quantity);
        let reason = refused.unwrap_or(match executed {
            0 => Reason::Queue,
            _ if executed < quantity => Reason::Partial,
            _ => Reason::Filled,
        });
        let price = execution.map_or(0, |execution| side.sign() * execution.key);
        if self.tells {
            let (left, returned) = (0, quantity - executed);
            let report =
                Report { order: number, kind: Kind::Take, venue, ts: arrival, executed, price, left, returned, reason };
            self.reports.push(report);
        }
        if let Some(row) = self.ledger.child_mut(number) {
            row.executed = executed;
            row.reason = reason;
            row.met_price = (met.key != EMPTY).then(|| side.sign() * met.key);
            row.met_displayed = met.displayed;
            row.met_available = met.available;
            row.fill_probability = refused.is_none().then(|| self.market.fill.probability(&met));
            row.age = met.age;
        }
        let (1.., Some(mid)) = (executed, mid) else { return };
        self.taken.take(venue, executed);
        self.ledger.fill(Fill {
            child: Some(number),
            ts_decided: order.ts_decided,
            ts_executed: arrival,
            venue,
            kind: Kind::Take,
            quantity: executed,
            price,
            quoted: side.sign() * met.key,
            mid,
            fee: Money::from(executed) * Money::from(self.market.venues[venue].taker_fee),
            rebate: 0,
            age: met.age,
        });
    }

    fn post(
        &mut self,
        decision: Decision,
        (venue, quantity): (usize, Shares),
        price: Option<Nanos>,
        until: Option<Time>,
    ) -> Result<()> {
        let Decision { now, mid, remaining } = decision;
        let (taking, posting) = (self.parent.side, self.parent.side.opposite());
        let own = self.book.offers(posting)[venue];
        let key = match price {
            Some(price) => posting.sign() * price,
            None if own.key == EMPTY => {
                let why = format!("must be given at venue {venue}, which shows none on that side");
                return Err(refused(decision, ("price", why)));
            }
            None => own.key,
        };
        let price = posting.sign() * key;
        if reaches(self.book.offers(taking)[venue].key, key) {
            return Err(refused(
                decision,
                ("price", format!("must not cross the other side of venue {venue}, got {price}")),
            ));
        }
        let until = until.unwrap_or(Time::MAX).min(self.parent.end);
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
            marginal: taking.sign() * (price - mid) - maker_rebate,
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
    fn join(&mut self, order: UnderWay, seen: Shares, until: Time) {
        let UnderWay { number, venue, quantity, key, ts_decided, arrival: ts, .. } = order;
        let side = self.parent.side;
        let (own, other) = (self.book.offers(side.opposite())[venue], self.book.offers(side)[venue]);
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
    fn cancel(&mut self, decision: Decision, number: u32) -> Result<()> {
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
    fn withdraw(&mut self, cancel: UnderWay) {
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

/// A policy's order that breaks a rule.
#[cold]
fn refused(decision: Decision, (argument, why): (&'static str, String)) -> Error {
    Error::Order { ts: decision.now, argument, why }
}
