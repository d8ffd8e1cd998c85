//! What a compiled policy from outside is given and answers with: plain structs of whole numbers, the same in every
//! language, and the policy that lays them out and reads them. The call itself is the caller's.
//!
//! Every field is a 64-bit integer, so that there is no padding. [`VERSION`] is the first; it changes with any of them.

use crate::error::{Error, Result};
use crate::ledger::{Kind, Reason};
use crate::order::Parent;
use crate::policy::{Orders, Policy, Report, Seen, View};
use crate::units::{Shares, Time};

/// Of these structs.
pub const VERSION: i64 = 1;

/// Where an order's price or expiry stands for the default.
pub const DEFAULT: i64 = i64::MIN;

/// As many shares as an order may ever have.
const MOST_SHARES: Shares = 1_000_000_000_000_000;

/// More shares than this under way at once are an error: they could not be counted.
pub const MOST_IN_FLIGHT: Shares = 1_000_000_000_000_000_000;

/// The order and the moment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// [`VERSION`].
    pub version: i64,
    /// The time of the decision.
    pub now: Time,
    /// When the order starts.
    pub start: Time,
    /// When what is left is completed.
    pub end: Time,
    /// +1 for a buy, -1 for a sell.
    pub sign: i64,
    /// Shares of the whole order.
    pub quantity: Shares,
    /// Shares in a lot.
    pub lot: Shares,
    /// Shares neither executed nor in flight.
    pub remaining: Shares,
    /// Shares of takes under way.
    pub in_flight: Shares,
    /// The consolidated mid, nanos.
    pub mid: i64,
    /// How many venues there are.
    pub venues: i64,
    /// How many of its limit orders rest.
    pub resting: i64,
    /// How many reports have come since the last decision.
    pub reports: i64,
    /// How many parameters there are.
    pub parameters: i64,
    /// How many words of memory it has, kept from decision to decision, 0 at an order's start.
    pub memory: i64,
    /// At most so many orders can be answered.
    pub capacity: i64,
    /// The number of the first take or post that it sends now; the others count on from it.
    pub next_order: i64,
}

/// One of its limit orders at its venue.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestingRow {
    /// Its number.
    pub order: i64,
    /// Venue index.
    pub venue: i64,
    /// Its price.
    pub price: i64,
    /// Shares not filled.
    pub left: Shares,
    /// Shares ahead of it, -1 where they cannot be seen.
    pub ahead: Shares,
    /// When it was decided.
    pub decided: Time,
    /// When it expires.
    pub until: Time,
}

/// What became of an order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportRow {
    /// Its number.
    pub order: i64,
    /// 1 for a take, 2 for a post.
    pub kind: i64,
    /// Venue index.
    pub venue: i64,
    /// When.
    pub ts: Time,
    /// Shares executed now.
    pub executed: Shares,
    /// Price of them.
    pub price: i64,
    /// Shares of it that still work.
    pub left: Shares,
    /// 0 filled, 1 partial, 2 no quote, 3 limit, 4 depleted, 5 queue, 6 expired, 7 crossed, 8 cancelled.
    pub reason: i64,
    /// Shares that came back when it ended.
    pub returned: Shares,
}

/// One thing it wants done.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderRow {
    /// 1 take, 2 post, 3 cancel, 4 wake.
    pub kind: i64,
    /// Venue index, of a take or a post.
    pub venue: i64,
    /// Shares, of a take or a post.
    pub quantity: Shares,
    /// Limit of a take or price of a post, nanos, or [`DEFAULT`].
    pub price: i64,
    /// When a post expires, or [`DEFAULT`]; when to wake.
    pub until: Time,
    /// The number of the order to cancel.
    pub order: i64,
}

/// All that a compiled policy reads and writes at a decision.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The order and the moment.
    pub moment: Moment,
    /// By index.
    pub venues: Vec<Seen>,
    /// Its limit orders at their venues.
    pub resting: Vec<RestingRow>,
    /// Since the last decision.
    pub reports: Vec<ReportRow>,
    /// Its parameters.
    pub parameters: Vec<f64>,
    /// Its memory.
    pub memory: Vec<i64>,
    /// Room for its answer.
    pub orders: Vec<OrderRow>,
}

/// A policy whose decisions are another's function of a [`Sheet`]: it returns how many orders it has written.
pub struct Compiled<F> {
    sheet: Sheet,
    call: F,
    wakes: Vec<Time>,
}

impl<F: Fn(&mut Sheet) -> i64> Compiled<F> {
    /// The policy of one order.
    #[must_use]
    pub fn new(parent: &Parent, parameters: Vec<f64>, memory: usize, call: F) -> Self {
        let moment = Moment {
            version: VERSION,
            start: parent.start,
            end: parent.end,
            sign: parent.side.sign(),
            quantity: parent.quantity,
            lot: parent.lot,
            parameters: parameters.len() as i64,
            memory: memory as i64,
            ..Moment::default()
        };
        let sheet = Sheet { moment, parameters, memory: vec![0; memory], ..Sheet::default() };
        Self { sheet, call, wakes: Vec::new() }
    }

    #[inline]
    fn lay(&mut self, view: &View<'_>, next_order: u32) {
        let Sheet { moment, venues, resting, reports, orders, .. } = &mut self.sheet;
        let count = view.market.venues.len();
        view.see(venues);
        let own = view.side.opposite().sign();
        resting.clear();
        for (venue, posted) in view.resting.iter().enumerate() {
            // Most often none.
            for posted in posted {
                resting.push(RestingRow {
                    order: i64::from(posted.number),
                    venue: venue as i64,
                    price: own * posted.order.key(),
                    left: posted.order.left(),
                    ahead: if posted.order.ahead() == Shares::MAX { -1 } else { posted.order.ahead() },
                    decided: posted.ts_decided,
                    until: posted.until,
                });
            }
        }
        if orders.is_empty() {
            orders.resize(4 * count + 16, OrderRow::default());
        }
        moment.now = view.now;
        moment.remaining = view.remaining;
        moment.in_flight = view.in_flight;
        moment.mid = view.mid;
        moment.venues = count as i64;
        moment.resting = resting.len() as i64;
        moment.reports = reports.len() as i64;
        moment.capacity = orders.len() as i64;
        moment.next_order = i64::from(next_order);
    }

    /// Sends what was answered, each checked.
    #[inline]
    fn send(&mut self, answered: i64, out: &mut Orders) -> Result<()> {
        let Moment { now, capacity, mut in_flight, .. } = self.sheet.moment;
        if !(0..=capacity).contains(&answered) {
            return Err(miscounted(now, capacity, answered));
        }
        for i in 0..answered as usize {
            // Field by field: a copy of what was written just now would have to wait for it.
            let OrderRow { kind, venue, quantity, price, .. } = &self.sheet.orders[i];
            let plain = *kind == 1 && *price == DEFAULT && *venue >= 0 && (1..=MOST_SHARES).contains(quantity);
            // Most often all there is to it.
            if plain && in_flight <= MOST_IN_FLIGHT - quantity {
                in_flight += quantity;
                out.take(*venue as usize, *quantity);
            } else {
                self.send_one(i, &mut in_flight, out)?;
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn send_one(&mut self, i: usize, in_flight: &mut Shares, out: &mut Orders) -> Result<()> {
        let now = self.sheet.moment.now;
        let OrderRow { kind, venue, quantity, price, until, order } = self.sheet.orders[i];
        if kind <= 2 {
            if !(1..=MOST_SHARES).contains(&quantity) {
                return Err(wrong(now, "quantity", format!("must be from 1 to {MOST_SHARES}, got {quantity}")));
            }
            if price != DEFAULT && !(1..i64::MAX).contains(&price) {
                return Err(wrong(now, "price", format!("must be above 0 nanos, got {price}")));
            }
        }
        // What is below 0 is no venue either.
        let venue = usize::try_from(venue).unwrap_or(usize::MAX);
        let price = Some(price).filter(|&price| price != DEFAULT);
        match kind {
            1 => {
                *in_flight += quantity;
                if *in_flight > MOST_IN_FLIGHT {
                    let why = format!("must leave less than 10**18 shares under way, got {in_flight}");
                    return Err(wrong(now, "quantity", why));
                }
                match price {
                    Some(limit) => out.take_limited(venue, quantity, limit),
                    None => out.take(venue, quantity),
                };
            }
            2 => _ = out.post(venue, quantity, price, Some(until).filter(|&until| until != DEFAULT)),
            3 => out.cancel(u32::try_from(order).unwrap_or(u32::MAX)),
            4 if until > now => self.wakes.insert(self.wakes.partition_point(|&time| time <= until), until),
            4 => return Err(wrong(now, "until", format!("must be later than now to wake at, got {until}"))),
            _ => {
                let why = format!("must be 1 (take), 2 (post), 3 (cancel) or 4 (wake), got {kind}");
                return Err(wrong(now, "kind", why));
            }
        }
        Ok(())
    }
}

impl<F: Fn(&mut Sheet) -> i64> Policy for Compiled<F> {
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        if self.wakes.first().is_some_and(|&time| time <= view.now) {
            let passed = self.wakes.partition_point(|&time| time <= view.now);
            self.wakes.drain(..passed);
        }
        self.lay(view, out.next_number());
        let answered = (self.call)(&mut self.sheet);
        self.sheet.reports.clear();
        self.send(answered, out)
    }

    fn wakes(&self, after: Time) -> Option<Time> {
        self.wakes.get(self.wakes.partition_point(|&time| time <= after)).copied()
    }

    fn told(&mut self, report: &Report) -> Result<()> {
        let Report { order, kind, venue, ts, executed, price, left, reason, returned } = *report;
        self.sheet.reports.push(ReportRow {
            order: i64::from(order),
            kind: if kind == Kind::Take { 1 } else { 2 },
            venue: venue as i64,
            ts,
            executed,
            price,
            left,
            reason: place(reason),
            returned,
        });
        Ok(())
    }
}

fn place(reason: Reason) -> i64 {
    match reason {
        Reason::Filled => 0,
        Reason::Partial => 1,
        Reason::NoQuote => 2,
        Reason::Limit => 3,
        Reason::Depleted => 4,
        Reason::Queue => 5,
        Reason::Expired => 6,
        Reason::Crossed => 7,
        Reason::Cancelled => 8,
    }
}

#[cold]
fn miscounted(ts: Time, capacity: i64, answered: i64) -> Error {
    wrong(ts, "decide", format!("must return how many orders it wrote, from 0 to {capacity}, got {answered}"))
}

#[cold]
fn wrong(ts: Time, argument: &'static str, why: String) -> Error {
    Error::Order { ts, argument, why }
}
