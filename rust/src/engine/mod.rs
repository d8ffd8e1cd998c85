//! The replay of one parent order: one function that reads like MODEL P1.

mod posting;

use crate::error::{Error, Result};
use crate::fills::{Stream, Walk, walk_error};
use crate::ledger::{Child, Fill, Kind, Ledger, Reason, Status};
use crate::market::{AsOf, Book, Limit, Market, Taken, Tape};
use crate::observe::Stop;
use crate::order::Parent;
use crate::policy::probes::Probes;
use crate::policy::{Desk, Intent, Policy, View, meet};
use crate::quote::EMPTY;
use crate::units::{Money, Nanos, Shares, Time};
use posting::Maker;

/// How often a long replay looks whether it should stop, in snapshots.
const POLL_EVERY: u32 = 8192;

/// More levels than this in one walk of the flat book (MODEL P2) is an error.
const MOST_LEVELS: Shares = 1_000_000;

/// A policy in a market on a tape: everything but the order.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The quotes, and the trades where there are any.
    pub tape: &'a Tape<'a>,
    /// What is the same for every policy.
    pub market: &'a Market,
    /// What decides.
    pub policy: &'a Policy,
    /// What a [`Policy::ContKukanov`] has seen of past windows on the parent's side; without them it takes all.
    pub probes: Option<&'a Probes>,
}

/// Replays one parent. `stop` is asked every few thousand snapshots.
///
/// # Errors
///
/// [`Error::Stopped`], and what the policy's solver returns.
pub fn replay(scene: Scene<'_>, parent: &Parent, as_of: AsOf, record: bool, stop: Stop<'_>) -> Result<Ledger> {
    let Scene { tape, market, policy, .. } = scene;
    let mut run = Run::new(scene, parent, as_of.book, record, stop);
    let mut next = as_of.next;
    if matches!(policy, Policy::ContKukanov(_)) {
        run.rest_and_take(next)?;
        return Ok(run.close());
    }
    let mut until_poll = POLL_EVERY;
    run.decide(parent.start)?;
    while !run.is_finished() && next < tape.len() && tape.ts()[next] < parent.end {
        let rows = tape.snapshot_at(next, market.snapshot);
        let now = tape.ts()[next];
        next = rows.end;
        run.deliver(|arrival| arrival < now);
        run.apply(rows);
        run.decide(now)?;
        until_poll -= 1;
        if until_poll == 0 {
            until_poll = POLL_EVERY;
            stop.check()?;
        }
    }
    if !run.is_finished() {
        run.deliver(|arrival| arrival < parent.end);
        while next < tape.len() && tape.ts()[next] <= parent.end {
            let rows = tape.snapshot_at(next, market.snapshot);
            next = rows.end;
            run.apply(rows);
        }
        run.deliver(|arrival| arrival <= parent.end);
        run.finish()?;
    }
    Ok(run.close())
}

/// A child under way.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    number: u32,
    // Take or post.
    kind: Kind,
    venue: usize,
    quantity: Shares,
    // Of the side it takes, or of the side it joins.
    seen_key: Nanos,
    seen_size: Shares,
    ts_decided: Time,
    arrival: Time,
}

/// What decisions and executions look at.
struct Stage<'a> {
    tape: &'a Tape<'a>,
    market: &'a Market,
    parent: &'a Parent,
    book: Book,
    taken: Taken,
    lowest_fee: Nanos,
}

impl Stage<'_> {
    #[inline]
    fn view(&self, now: Time, mid: Nanos, worst_key: Nanos, remaining: Shares) -> View<'_> {
        View {
            tape: self.tape,
            book: &self.book,
            taken: &self.taken,
            venues: &self.market.venues,
            fill: &self.market.fill,
            side: self.parent.side,
            remaining,
            lot: self.parent.lot,
            now,
            mid,
            cheapest: self.book.best(self.parent.side).saturating_add(self.lowest_fee),
            worst_key,
            oldest: self.market.visibility.oldest(now),
        }
    }
}

/// One parent's replay in progress.
struct Run<'a> {
    stage: Stage<'a>,
    policy: &'a Policy,
    stream: [u64; 2],
    ledger: Ledger,
    desk: Desk,
    intents: Vec<Intent>,
    // In order of (arrival, number).
    in_flight: Vec<InFlight>,
    // Those of takes: a limit order may never fill, so its shares are not spoken for.
    shares_in_flight: Shares,
    // Of a policy that rests orders.
    maker: Option<Box<Maker<'a>>>,
    stop: Stop<'a>,
}

impl<'a> Run<'a> {
    fn new(scene: Scene<'a>, parent: &'a Parent, book: Book, record: bool, stop: Stop<'a>) -> Self {
        let Scene { tape, market, policy, probes } = scene;
        let maker = match policy {
            Policy::ContKukanov(router) => Some(Box::new(Maker::new(router, probes, tape, parent))),
            _ => None,
        };
        let stage = Stage {
            tape,
            market,
            parent,
            book,
            taken: Taken::new(tape.venues(), market.depletion),
            lowest_fee: market.venues.iter().map(|venue| venue.taker_fee).min().unwrap_or(0),
        };
        Self {
            stage,
            policy,
            stream: parent.stream(),
            ledger: Ledger::new(parent.side, parent.end, record),
            desk: Desk::default(),
            intents: Vec::new(),
            in_flight: Vec::new(),
            shares_in_flight: 0,
            maker,
            stop,
        }
    }

    fn remaining(&self) -> Shares {
        self.stage.parent.quantity - self.ledger.summary.executed
    }

    /// Nothing left to do, not even at the end.
    fn is_finished(&self) -> bool {
        self.remaining() == 0 && self.in_flight.is_empty()
    }

    /// P1 (1): children whose arrival time has passed execute against the book as it stands.
    #[inline]
    fn deliver(&mut self, arrived: impl Fn(Time) -> bool) {
        if self.in_flight.is_empty() {
            return;
        }
        let ready = self.in_flight.iter().take_while(|child| arrived(child.arrival)).count();
        let mid = self.stage.book.mid();
        for i in 0..ready {
            let child = self.in_flight[i];
            if child.kind == Kind::Post {
                self.join(child);
                continue;
            }
            self.shares_in_flight -= child.quantity;
            self.execute(child, mid);
        }
        self.in_flight.drain(..ready);
    }

    /// P1 (2): the snapshot's records are applied.
    #[inline]
    fn apply(&mut self, rows: std::ops::Range<usize>) {
        let Stage { tape, market, parent, book, taken, .. } = &mut self.stage;
        book.apply(tape, rows, market.snapshot, |change| taken.see(change, parent.side));
    }

    /// P1 (3) and (4): the parent plans and sends children; those without latency execute at once.
    #[inline]
    fn decide(&mut self, now: Time) -> Result<()> {
        let Some(mid) = self.stage.book.mid() else { return Ok(()) };
        self.ledger.summary.arrival_mid.get_or_insert(mid);
        let remaining = self.remaining() - self.shares_in_flight;
        if remaining <= 0 {
            return Ok(());
        }
        let due = match self.policy {
            Policy::Twap { bucket } => {
                self.stage.parent.released(*bucket, now) - (self.stage.parent.quantity - remaining)
            }
            _ => remaining,
        };
        let worst_key = self.desk.worst_key(self.policy, &self.stage.market.visibility, self.stage.parent.side, mid);
        let view = self.stage.view(now, mid, worst_key, remaining);
        self.intents.clear();
        self.policy.decide(&view, due, &mut self.desk, &mut self.intents, self.stop)?;
        for i in 0..self.intents.len() {
            self.send(self.intents[i], now, mid, remaining);
        }
        Ok(())
    }

    #[inline]
    fn send(&mut self, intent: Intent, now: Time, mid: Nanos, remaining: Shares) {
        let Intent { venue, quantity, marginal } = intent;
        let quote = self.stage.book.offers(self.stage.parent.side)[venue];
        let arrival = now.saturating_add(self.stage.market.venues[venue].latency);
        let number = self.ledger.child(|| Child {
            kind: Kind::Take,
            ts_decided: now,
            ts_arrived: arrival,
            venue,
            quantity,
            remaining,
            mid,
            seen_price: self.stage.parent.side.sign() * quote.key,
            seen_displayed: Shares::from(quote.size),
            seen_available: self.stage.taken.available(venue, quote.size),
            marginal,
            threshold: self.desk.threshold(self.policy),
            gap: self.desk.gap(),
            ..Child::UNDER_WAY
        });
        if let Some(maker) = &mut self.maker {
            maker.sent(quantity);
        }
        let (seen_key, seen_size) = (quote.key, Shares::from(quote.size));
        let child =
            InFlight { number, kind: Kind::Take, venue, quantity, seen_key, seen_size, ts_decided: now, arrival };
        if arrival == now {
            return self.execute(child, Some(mid));
        }
        self.shares_in_flight += quantity;
        self.set_off(child);
    }

    /// Puts a child under way, in order of arrival and number.
    fn set_off(&mut self, child: InFlight) {
        let at = self.in_flight.partition_point(|other| other.arrival <= child.arrival);
        self.in_flight.insert(at, child);
    }

    /// A child meets the book: immediate or cancel (F6).
    #[inline]
    fn execute(&mut self, child: InFlight, mid: Option<Nanos>) {
        let InFlight { venue, quantity, arrival, .. } = child;
        let side = self.stage.parent.side;
        let met =
            meet(self.stage.tape, &self.stage.book, &self.stage.taken, &self.stage.market.venues, side, venue, arrival);
        let refused = if met.key == EMPTY {
            Some(Reason::NoQuote)
        } else if self.stage.market.limit == Limit::Seen && met.key > child.seen_key {
            Some(Reason::Limit)
        } else if met.available == 0 {
            Some(Reason::Depleted)
        } else {
            None
        };
        let execution = refused.is_none().then(|| {
            let stream = Stream { parent: self.stream, child: u64::from(child.number) };
            self.stage.market.fill.execute(side, quantity, &met, stream)
        });
        let executed = execution.map_or(0, |execution| execution.quantity);
        if let Some(maker) = &mut self.maker {
            maker.returned(child.number, quantity - executed);
        }
        if let Some(row) = self.ledger.child_mut(child.number) {
            row.executed = executed;
            row.reason = refused.unwrap_or(match executed {
                0 => Reason::Queue,
                _ if executed < quantity => Reason::Partial,
                _ => Reason::Filled,
            });
            row.met_price = (met.key != EMPTY).then(|| side.sign() * met.key);
            row.met_displayed = met.displayed;
            row.met_available = met.available;
            row.fill_probability = refused.is_none().then(|| self.stage.market.fill.probability(&met));
            row.age = met.age;
        }
        let (Some(execution), Some(mid)) = (execution.filter(|execution| execution.quantity > 0), mid) else { return };
        self.stage.taken.take(venue, execution.quantity);
        self.ledger.fill(Fill {
            child: Some(child.number),
            ts_decided: child.ts_decided,
            ts_executed: arrival,
            venue,
            kind: Kind::Take,
            quantity: execution.quantity,
            price: side.sign() * execution.key,
            quoted: side.sign() * met.key,
            mid,
            fee: Money::from(execution.quantity) * Money::from(self.stage.market.venues[venue].taker_fee),
            rebate: 0,
            age: met.age,
        });
    }

    /// P2: what is left at the end is completed, what is too much unwound, by a walk of the flat book.
    fn finish(&mut self) -> Result<()> {
        // A book whose first quote came with the last records: the order never decided, but has an arrival mid.
        if let Some(mid) = self.stage.book.mid() {
            self.ledger.summary.arrival_mid.get_or_insert(mid);
        }
        let left = self.remaining();
        let (kind, taking) = if left > 0 {
            (Kind::Completion, self.stage.parent.side)
        } else {
            (Kind::Unwind, self.stage.parent.side.opposite())
        };
        let (Some(top), Some(mid)) = (self.stage.book.top(taking), self.stage.book.mid()) else { return Ok(()) };
        let too_large =
            |rule| Error::Invalid { argument: "quantity", rule, value: self.stage.parent.quantity.to_string() };
        let walk = Walk::new(top, left.abs(), self.stage.market.tick, taking);
        if walk.levels() > MOST_LEVELS {
            return Err(too_large(
                "must be small enough for what is left at the end to be completed in 1,000,000 price levels, each of \
                 the size displayed at the best price (a larger tick also makes a sell's levels fewer)",
            ));
        }
        for (quantity, key) in walk {
            let key = key.ok_or_else(|| walk_error(self.stage.parent))?;
            self.ledger.fill(Fill {
                child: None,
                ts_decided: self.stage.parent.end,
                ts_executed: self.stage.parent.end,
                venue: top.venue,
                kind,
                quantity,
                price: taking.sign() * key,
                quoted: taking.sign() * top.key,
                mid,
                fee: Money::from(quantity) * Money::from(self.stage.market.venues[top.venue].taker_fee),
                rebate: 0,
                age: self.stage.parent.end - self.stage.book.updated(top.venue),
            });
        }
        Ok(())
    }

    fn close(mut self) -> Ledger {
        let left = self.remaining() - self.ledger.summary.completed + self.ledger.summary.unwound;
        self.ledger.summary.status = match left {
            0 if self.ledger.summary.completed > 0 => Status::Completed,
            0 => Status::Filled,
            _ => Status::NoQuotes,
        };
        self.ledger
    }
}

impl Parent {
    /// Shares a time-weighted schedule has released by `now`: whole lots dealt equally over the buckets, the earliest
    /// getting the extra ones, the odd rest in the last (MODEL P3).
    fn released(&self, bucket: Time, now: Time) -> Shares {
        let buckets = (self.end - self.start).div_euclid(bucket) + i64::from((self.end - self.start) % bucket != 0);
        let begun = (now - self.start) / bucket + 1;
        if begun >= buckets {
            return self.quantity;
        }
        let lots = self.quantity / self.lot;
        ((lots / buckets) * begun + (lots % buckets).min(begun)) * self.lot
    }
}
