//! Resting orders in the replay: epochs, trades, and what queues give (MODEL C10).

use std::ops::Range;

use crate::engine::{InFlight, POLL_EVERY, Run, Stage};
use crate::error::{Result, require};
use crate::fills::{Arrival, Resting};
use crate::ledger::{Child, Epoch, Fill, Kind, Ledger, Place, Reason};
use crate::market::{Change, Tape, Trades, Venue};
use crate::order::Parent;
use crate::policy::probes::Probes;
use crate::policy::{ContKukanov, Standing};
use crate::quote::{EMPTY, Quote};
use crate::units::{Money, Nanos, Shares, Side, Time};

/// More epochs in one order than this are an error.
const MOST_EPOCHS: Time = 1_000_000;

/// The resting side of a parent's replay: the present epoch and its orders.
pub(super) struct Maker<'a> {
    router: &'a ContKukanov,
    probes: Option<&'a Probes>,
    trades: Option<Trades<'a>>,
    side: Side,
    next_trade: usize,
    // When the present epoch ends.
    epoch_end: Time,
    planned: bool,
    // Shares of the epoch's market order still to be sent, and the first child that may be part of it.
    unsent: Shares,
    first_child: u32,
    // Limit orders decided and not yet sent, and those at their venues.
    limits: Vec<(usize, Quote, Shares)>,
    resting: Vec<Option<Posted>>,
    until_poll: u32,
}

/// A limit order at its venue.
struct Posted {
    number: u32,
    ts_decided: Time,
    rebate: Nanos,
    order: Resting,
}

/// When and where an event meets a limit order.
struct Moment {
    ts: Time,
    venue: usize,
    mid: Option<Nanos>,
    age: Time,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        router: &'a ContKukanov,
        probes: Option<&'a Probes>,
        tape: &'a Tape<'a>,
        parent: &Parent,
    ) -> Self {
        let trades = tape.trades();
        Self {
            router,
            probes,
            trades,
            side: parent.side,
            next_trade: trades.map_or(0, |trades| trades.after(parent.start)),
            epoch_end: parent.start,
            planned: false,
            unsent: 0,
            first_child: 0,
            limits: Vec::new(),
            resting: (0..tape.venues()).map(|_| None).collect(),
            until_poll: POLL_EVERY,
        }
    }

    fn next_trade_at(&self) -> Option<Time> {
        self.trades.and_then(|trades| trades.ts.get(self.next_trade).copied())
    }

    fn start(&mut self, market: Shares, first_child: u32) {
        self.planned = true;
        self.unsent = market;
        self.first_child = first_child;
    }

    /// A part of the market order is sent.
    pub(super) fn sent(&mut self, quantity: Shares) {
        self.unsent -= quantity;
    }

    /// A take has come back with shares not executed; those of a past epoch's market order are planned anew.
    pub(super) fn returned(&mut self, number: u32, quantity: Shares) {
        if number >= self.first_child {
            self.unsent += quantity;
        }
    }

    /// A record is about to take effect; `mid` is that of the last snapshot.
    #[inline]
    pub(super) fn record(&mut self, change: &Change, mid: Option<Nanos>, ledger: &mut Ledger) {
        let moment = Moment { ts: change.ts, venue: change.venue, mid, age: change.ts.saturating_sub(change.updated) };
        let (own, other) = (change.quote(self.side.opposite()), change.quote(self.side));
        self.meet(&moment, ledger, |order| order.record(change.ts, own, other));
    }

    /// An event meets the order at its venue: books what it fills and where the order stands after it.
    fn meet(&mut self, moment: &Moment, ledger: &mut Ledger, event: impl FnOnce(&mut Resting) -> Shares) {
        let Some(posted) = &mut self.resting[moment.venue] else { return };
        let before = (posted.order.ahead(), posted.order.left());
        let filled = event(&mut posted.order);
        let after = (posted.order.ahead(), posted.order.left());
        if before == after {
            return;
        }
        let child = posted.number;
        ledger.place(Place { child, ts: moment.ts, ahead: after.0, left: after.1 });
        if let (1.., Some(mid)) = (filled, moment.mid) {
            let price = self.side.opposite().sign() * posted.order.key();
            ledger.fill(Fill {
                child: Some(child),
                ts_decided: posted.ts_decided,
                ts_executed: moment.ts,
                venue: moment.venue,
                kind: Kind::Post,
                quantity: filled,
                price,
                quoted: price,
                mid,
                fee: 0,
                rebate: Money::from(filled) * Money::from(posted.rebate),
                age: moment.age,
            });
            if let Some(row) = ledger.child_mut(child) {
                row.executed += filled;
                row.reason = if after.1 == 0 { Reason::Filled } else { Reason::Partial };
            }
        }
        if after.1 == 0 {
            self.resting[moment.venue] = None;
        }
    }
}

impl Run<'_> {
    /// The whole replay, from record `next` on: P1 with trades among the records, and a plan at the start of each epoch.
    pub(super) fn rest_and_take(&mut self, mut next: usize) -> Result<()> {
        let (tape, mode, end) = (self.stage.tape, self.stage.market.snapshot, self.stage.parent.end);
        self.check_epochs()?;
        while !self.is_done() && next < tape.len() && tape.ts()[next] < end {
            let rows = tape.snapshot_at(next, mode);
            let now = tape.ts()[next];
            next = rows.end;
            self.trades_and_epochs_until(now)?;
            self.deliver(|arrival| arrival < now);
            self.apply_to_queues(rows);
            self.take(now)?;
        }
        if !self.is_done() {
            self.trades_and_epochs_until(end)?;
            self.deliver(|arrival| arrival < end);
            while next < tape.len() && tape.ts()[next] <= end {
                let rows = tape.snapshot_at(next, mode);
                next = rows.end;
                self.apply_to_queues(rows);
            }
            self.expire();
            self.deliver(|arrival| arrival <= end);
            self.finish()?;
        }
        Ok(())
    }

    fn check_epochs(&self) -> Result<()> {
        let Some(maker) = &self.maker else { return Ok(()) };
        let (span, epoch) = (self.stage.parent.end - self.stage.parent.start, maker.router.epoch);
        require(span / epoch < MOST_EPOCHS, "epoch", "must be so long that an order has at most 1,000,000", || {
            format!("{epoch} ns in an order of {span} ns")
        })
    }

    /// Nothing left to do, not even at the end.
    fn is_done(&self) -> bool {
        self.is_finished() && self.is_idle()
    }

    /// P1 (3) and (4): sweeps what the epoch's market order still wants. An epoch that has not been planned yet, for want of
    /// a mid, is planned now; one that ends now is over when all that happens now has been seen.
    fn take(&mut self, now: Time) -> Result<()> {
        self.poll()?;
        let Some(mid) = self.stage.book.mid() else { return Ok(()) };
        self.ledger.summary.arrival_mid.get_or_insert(mid);
        if self.epoch_is_over(now) {
            return Ok(());
        }
        let remaining = self.remaining() - self.shares_in_flight;
        if remaining <= 0 {
            self.plan_nothing();
            return Ok(());
        }
        let due = self.plan(now, mid, remaining)?;
        let worst_key = self.stage.market.visibility.worst_key(self.stage.parent.side, mid);
        let view = self.stage.view(now, mid, worst_key, remaining);
        self.intents.clear();
        self.desk.sweep(&view, due, &mut self.intents);
        for i in 0..self.intents.len() {
            self.send(self.intents[i], now, mid, remaining);
        }
        self.post(now, mid, remaining);
        Ok(())
    }

    /// Nothing rests.
    fn is_idle(&self) -> bool {
        self.maker.as_ref().is_none_or(|maker| maker.resting.iter().all(Option::is_none))
    }

    /// Whether a new epoch is due once all trades and records up to `now` have been seen.
    fn epoch_is_over(&self, now: Time) -> bool {
        self.maker.as_ref().is_some_and(|maker| maker.epoch_end <= now)
    }

    /// P1 (2) where orders rest: each record meets the order at its venue before it takes effect.
    fn apply_to_queues(&mut self, rows: Range<usize>) {
        let Self { stage: Stage { tape, market, parent, book, taken, .. }, maker, ledger, .. } = self;
        let mid = book.mid();
        book.apply(tape, rows, market.snapshot, |change| {
            taken.see(change, parent.side);
            if let Some(maker) = maker {
                maker.record(change, mid, ledger);
            }
        });
    }

    /// Trades up to `now` and ends of epochs before it, in order of time, each after the arrivals before it. A trade at the
    /// end of an epoch still meets the epoch's orders.
    fn trades_and_epochs_until(&mut self, now: Time) -> Result<()> {
        loop {
            let Some(maker) = &self.maker else { return Ok(()) };
            let trade = maker.next_trade_at().filter(|&ts| ts <= now);
            let epoch = Some(maker.epoch_end).filter(|&end| end < now);
            match (trade, epoch) {
                (Some(ts), end) if end.is_none_or(|end| ts <= end) => {
                    self.deliver(|arrival| arrival < ts);
                    self.print();
                }
                (_, Some(end)) => {
                    self.deliver(|arrival| arrival < end);
                    self.end_epoch();
                    self.take(end)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Asks now and then whether to go on.
    fn poll(&mut self) -> Result<()> {
        let Some(maker) = &mut self.maker else { return Ok(()) };
        maker.until_poll = maker.until_poll.checked_sub(1).unwrap_or(POLL_EVERY);
        if maker.until_poll == 0 { self.stop.check() } else { Ok(()) }
    }

    /// The next trade meets the order that rests at its venue.
    fn print(&mut self) {
        let Some(maker) = &mut self.maker else { return };
        let Some(trades) = maker.trades else { return };
        let i = maker.next_trade;
        maker.next_trade += 1;
        let (ts, venue) = (trades.ts[i], usize::from(trades.venue[i]));
        if maker.resting[venue].is_none() {
            return;
        }
        let key = maker.side.opposite().sign() * trades.price[i];
        let other = self.stage.book.offers(maker.side)[venue].key;
        let age = ts.saturating_sub(self.stage.book.updated(venue));
        let moment = Moment { ts, venue, mid: self.stage.book.mid(), age };
        maker.meet(&moment, &mut self.ledger, |order| order.trade(ts, key, Shares::from(trades.size[i]), other));
    }

    /// Plans the epoch if that is still to be done; returns how many shares its market order wants now.
    fn plan(&mut self, now: Time, mid: Nanos, remaining: Shares) -> Result<Shares> {
        let Some(maker) = &mut self.maker else { return Ok(remaining) };
        if !maker.planned {
            let standing = Standing {
                book: &self.stage.book,
                venues: &self.stage.market.venues,
                visibility: &self.stage.market.visibility,
                side: self.stage.parent.side,
                remaining,
                lot: self.stage.parent.lot,
                now,
                mid,
            };
            let posting = maker.router.plan(&standing, maker.probes, self.stop)?;
            maker.start(posting.market, self.ledger.summary.children);
            maker.limits.clone_from(&posting.limits);
            self.ledger.epoch(|| Epoch { ts: now, remaining, posting });
        }
        Ok(maker.unsent.min(remaining))
    }

    /// An epoch that begins with nothing left to plan has no orders.
    fn plan_nothing(&mut self) {
        if let Some(maker) = self.maker.as_mut().filter(|maker| !maker.planned) {
            maker.start(0, self.ledger.summary.children);
        }
    }

    /// The epoch's orders expire, and the next one is to be planned.
    fn end_epoch(&mut self) {
        if let Some(maker) = &mut self.maker {
            maker.epoch_end = maker.epoch_end.saturating_add(maker.router.epoch);
            maker.planned = false;
            self.expire();
        }
    }

    /// Limit orders expire, at their venues and on the way.
    fn expire(&mut self) {
        if let Some(maker) = &mut self.maker {
            maker.resting.fill_with(|| None);
            self.in_flight.retain(|child| child.kind != Kind::Post);
        }
    }

    /// Sends the limit orders just planned, in ascending venue id.
    fn post(&mut self, now: Time, mid: Nanos, remaining: Shares) {
        let Some(maker) = &mut self.maker else { return };
        for (venue, quote, quantity) in std::mem::take(&mut maker.limits) {
            let Venue { maker_rebate, latency, .. } = self.stage.market.venues[venue];
            let (arrival, posting) = (now.saturating_add(latency), self.stage.parent.side.opposite());
            let seen_size = Shares::from(quote.size);
            let price = posting.sign() * quote.key;
            let number = self.ledger.child(|| Child {
                kind: Kind::Post,
                ts_decided: now,
                ts_arrived: arrival,
                venue,
                quantity,
                remaining,
                mid,
                seen_price: price,
                seen_displayed: seen_size,
                seen_available: seen_size,
                marginal: self.stage.parent.side.sign() * (price - mid) - maker_rebate,
                ..Child::UNDER_WAY
            });
            let seen_key = quote.key;
            let child =
                InFlight { number, kind: Kind::Post, venue, quantity, seen_key, seen_size, ts_decided: now, arrival };
            if arrival == now { self.join(child) } else { self.set_off(child) }
        }
    }

    /// A limit order arrives at its venue and joins the queue, unless it would take.
    pub(super) fn join(&mut self, child: InFlight) {
        let Some(maker) = &mut self.maker else { return };
        let InFlight { number, venue, quantity, arrival: ts, .. } = child;
        let (own, other) =
            (self.stage.book.offers(maker.side.opposite())[venue], self.stage.book.offers(maker.side)[venue]);
        let arrival = Arrival { key: child.seen_key, quantity, seen: child.seen_size, own, other };
        let order = Resting::join(maker.router.queue, maker.trades.is_some(), ts, &arrival);
        let ahead = order.as_ref().map_or(0, Resting::ahead);
        if let Some(row) = self.ledger.child_mut(number) {
            row.reason = if order.is_some() { Reason::Queue } else { Reason::Crossed };
            row.met_price = (own.key != EMPTY).then(|| maker.side.opposite().sign() * own.key);
            row.met_displayed = Shares::from(own.size);
            row.met_available = ahead;
            row.age = ts.saturating_sub(self.stage.book.updated(venue));
        }
        if order.is_some() {
            self.ledger.place(Place { child: number, ts, ahead, left: quantity });
        }
        let rebate = self.stage.market.venues[venue].maker_rebate;
        maker.resting[venue] = order.map(|order| Posted { number, ts_decided: child.ts_decided, rebate, order });
    }
}
