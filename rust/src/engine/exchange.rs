//! The exchange of one parent's replay: the book as its own fills leave it, what is under way, and what rests, for every
//! policy.

use crate::engine::resting::RestingOrders;
use crate::engine::scene::Scene;
use crate::error::{Error, Result};
use crate::fills::{FillModel, Sent, Stream};
use crate::ledger::{Child, Fill, Kind, Ledger, Reason};
use crate::market::{Book, Depletion, Limit, Market, Moments, Taken, Tape, Venue};
use crate::order::Parent;
use crate::policy::{Action, Orders, Report};
use crate::quote::EMPTY;
use crate::units::{Money, Nanos, Shares, Time};

/// An order on its way to its venue.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    pub(super) number: u32,
    pub(super) errand: Errand,
    pub(super) venue: usize,
    pub(super) quantity: Shares,
    // Signed worst price on the side it takes, signed price on the side it joins.
    pub(super) key: Nanos,
    pub(super) ts_decided: Time,
    pub(super) arrival: Time,
}

/// What it is to do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
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
    /// When the parent ends: at its session's close at the latest.
    pub(super) end: Time,
    /// Shares that the schedule has released.
    pub(super) released: Shares,
    pub(super) book: Book,
    pub(super) taken: Taken,
    pub(super) ledger: Ledger,
    // Whether the policy is told of its takes.
    hears_of_takes: bool,
    // Whether a take leaves nothing behind but sums, and is certain.
    sums_only: bool,
    /// What the policy has not been told yet.
    pub(super) reports: Vec<Report>,
    pub(super) resting: RestingOrders,
    /// Those of takes: a limit order may never fill, so its shares are not spoken for.
    pub(super) shares_in_flight: Shares,
    // In order of (arrival, number).
    pub(super) under_way: Vec<UnderWay>,
    pub(super) posts_under_way: usize,
    // No later than the first time at which a limit order expires.
    pub(super) next_expiry: Time,
    pub(super) next_trade: usize,
    // Trades of a moment in which the next session opens are that one's.
    last_trade: Time,
    // When a halt last began or ended, if no snapshot has come since, and the mid before.
    pub(super) edge: Option<(Time, Option<Nanos>)>,
    stream: [u64; 2],
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        scene: Scene<'a>,
        parent: &'a Parent,
        end: Time,
        book: Book,
        record: bool,
        hears_of_takes: bool,
    ) -> Self {
        let Scene { tape, market, .. } = scene;
        Self {
            tape,
            market,
            parent,
            released: parent.quantity,
            book,
            taken: Taken::new(tape.venues(), market.depletion),
            end,
            edge: None,
            ledger: Ledger::new(parent.side, end, record),
            hears_of_takes,
            sums_only: !record && matches!(market.fill, FillModel::Displayed),
            reports: Vec::new(),
            resting: RestingOrders::default(),
            shares_in_flight: 0,
            under_way: Vec::new(),
            posts_under_way: 0,
            next_expiry: Time::MAX,
            next_trade: 0,
            last_trade: if tape.opens_at(end) { end.saturating_sub(1) } else { end },
            stream: parent.stream(),
        }
    }

    /// Shares not executed.
    #[inline]
    pub(super) fn remaining(&self) -> Shares {
        self.parent.quantity - self.ledger.summary.executed
    }

    /// Released shares neither executed nor in flight.
    #[inline]
    pub(super) fn to_plan(&self) -> Shares {
        self.released - self.ledger.summary.executed - self.shares_in_flight
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
        trades.ts.get(self.next_trade).copied().filter(|&ts| ts <= self.last_trade)
    }

    /// When to look for limit orders that expire.
    pub(super) fn next_expiry(&self) -> Option<Time> {
        Some(self.next_expiry).filter(|_| !self.is_quiet())
    }

    /// Rule P1 (1): orders whose time has come meet the book as it stands.
    #[inline]
    pub(super) fn deliver(&mut self, arrived: impl Fn(Time) -> bool) -> Result<()> {
        if self.under_way.is_empty() {
            return Ok(());
        }
        let ready = self.under_way.iter().take_while(|order| arrived(order.arrival)).count();
        let mid = self.book.mid();
        for i in 0..ready {
            let order = self.under_way[i];
            match order.errand {
                Errand::Take => {
                    self.shares_in_flight -= order.quantity;
                    self.execute(order, mid)?;
                }
                Errand::Post { seen, until } => {
                    self.posts_under_way -= 1;
                    self.join(order, seen, until);
                }
                Errand::Cancel => self.withdraw(order),
            }
        }
        self.under_way.drain(..ready);
        Ok(())
    }

    /// Rule P1 (2): the snapshot's records are applied; limit orders meet each before it takes effect.
    #[inline]
    pub(super) fn apply(&mut self, moments: &mut Moments<'_>) {
        if self.resting.count > 0 {
            self.apply_to_queues(moments);
        } else {
            self.apply_unmet(moments);
        }
        self.edge = None;
    }

    /// As [`apply`](Self::apply), where nothing rests.
    #[inline(never)]
    pub(super) fn apply_unmet(&mut self, moments: &mut Moments<'_>) {
        let Self { parent, book, taken, .. } = self;
        moments.apply(book, |change| taken.see(change, parent.side));
    }

    /// Sends a decision's orders, one after the other.
    #[inline]
    pub(super) fn send(&mut self, orders: &mut Orders, decision: Decision) -> Result<()> {
        for i in 0..orders.len() {
            // Field by field: a copy of what was written just now would have to wait for it.
            match orders.action(i) {
                &Action::Take { venue, quantity, limit: None, .. } if self.takes_shown(decision, venue, quantity) => {}
                action => self.send_one(action, orders, decision)?,
            }
        }
        if let Some(epoch) = orders.take_note() {
            self.ledger.epoch(epoch);
        }
        Ok(())
    }

    #[inline(never)]
    fn send_one(&mut self, action: &Action, orders: &Orders, decision: Decision) -> Result<()> {
        match *action {
            Action::Take { venue, quantity, limit, marginal } => {
                self.check(decision, venue, quantity)?;
                self.take(decision, (venue, quantity), limit, marginal, (orders.threshold(), orders.gap()))
            }
            Action::Post { venue, quantity, price, until } => {
                self.check(decision, venue, quantity)?;
                self.post(decision, (venue, quantity), price, until)
            }
            Action::Cancel { order } => self.cancel(decision, order),
        }
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
        let quote = self.book.offer(self.parent.side, venue);
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
            marginal: marginal.unwrap_or_else(|| seen.saturating_add(terms.taker_fee).saturating_sub(sign * mid)),
            threshold,
            gap,
            ..Child::UNDER_WAY
        });
        let order = UnderWay { number, errand: Errand::Take, venue, quantity, key, ts_decided: now, arrival };
        if arrival == now {
            self.execute(order, Some(mid))?;
        } else {
            self.shares_in_flight += quantity;
            self.set_off(order);
        }
        Ok(())
    }

    /// A take that meets the very quote it was decided on, where fills are certain and only sums are kept: the same as
    /// sending it and [executing](Self::execute) it, less what would then be thrown away. Whether it is one.
    #[inline]
    fn takes_shown(&mut self, decision: Decision, venue: usize, quantity: Shares) -> bool {
        let Self { sums_only: true, market, parent, book, taken, ledger, .. } = self else { return false };
        let now = decision.now;
        let Some(&Venue { latency: 0, taker_fee, .. }) = market.venues.get(venue) else { return false };
        let quote = book.offer(parent.side, venue);
        if quote.key == EMPTY || quantity <= 0 {
            return false;
        }
        let order = ledger.summary.children;
        ledger.summary.children += 1;
        let executed = quantity.min(taken.available(venue, quote.size));
        let price = parent.side.sign() * quote.key;
        if self.hears_of_takes {
            let reason = if executed == 0 { Reason::Depleted } else { in_part(executed, quantity) };
            self.reports.push(Report::of_take(order, (venue, now), quantity, executed, price, reason));
        }
        if executed > 0 {
            taken.take(venue, executed);
            ledger.fill(Fill {
                ts_decided: now,
                ts_executed: now,
                venue,
                kind: Kind::Take,
                quantity: executed,
                price,
                quoted: price,
                mid: decision.mid,
                fee: Money::from(executed) * Money::from(taker_fee),
                ..Fill::NONE
            });
        }
        true
    }

    /// Whether every take executes at once and in full, stays taken, and leaves nothing behind but sums.
    #[inline]
    pub(super) fn takes_plainly(&self) -> bool {
        let at_once = || self.market.venues.iter().all(|venue| venue.latency == 0);
        let stay = self.market.depletion != Depletion::None;
        self.sums_only && stay && !self.hears_of_takes && !self.ledger.follows_releases() && at_once()
    }

    /// Puts an order under way, in order of arrival and number.
    pub(super) fn set_off(&mut self, order: UnderWay) {
        let at = self.under_way.partition_point(|other| other.arrival <= order.arrival);
        self.under_way.insert(at, order);
    }

    /// A take meets the book: immediate or cancel (rule F6).
    #[inline]
    fn execute(&mut self, order: UnderWay, mid: Option<Nanos>) -> Result<()> {
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
        let stream = Stream { parent: self.stream, child: u64::from(number) };
        let execution = match refused {
            None => Some(self.market.fill.execute(&Sent { side, quantity, venue, now: arrival }, &met, stream)?),
            Some(_) => None,
        };
        let executed = execution.map_or(0, |execution| execution.quantity);
        let reason = refused.unwrap_or(match executed {
            0 => Reason::Queue,
            _ => in_part(executed, quantity),
        });
        let price = execution.map_or(0, |execution| side.sign() * execution.key);
        if self.hears_of_takes {
            self.reports.push(Report::of_take(number, (venue, arrival), quantity, executed, price, reason));
        }
        if let Some(row) = self.ledger.child_mut(number) {
            row.executed = executed;
            row.reason = reason;
            row.met_price = (met.key != EMPTY).then(|| side.sign() * met.key);
            row.met_displayed = met.displayed;
            row.met_available = met.available;
            row.fill_probability = execution.map(|execution| execution.probability);
            row.age = met.age;
        }
        let (1.., Some(mid)) = (executed, mid) else { return Ok(()) };
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
            age: met.age,
            ..Fill::NONE
        });
        Ok(())
    }
}

/// How an order of which shares were executed has ended.
#[inline]
fn in_part(executed: Shares, quantity: Shares) -> Reason {
    if executed < quantity { Reason::Partial } else { Reason::Filled }
}

/// A policy's order that breaks a rule.
#[cold]
pub(super) fn refused(decision: Decision, (argument, why): (&'static str, String)) -> Error {
    Error::Order { ts: decision.now, argument, why }
}
