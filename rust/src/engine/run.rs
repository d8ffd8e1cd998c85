//! One parent's replay in progress: the policy's side of it, and the completion at its end.

use crate::engine::exchange::{Decision, Exchange};
use crate::error::{Error, Result};
use crate::fills::{Walk, walk_error};
use crate::ledger::{Fill, Kind, Ledger, Status};
use crate::market::{Book, Market, Tape};
use crate::observe::Stop;
use crate::order::Parent;
use crate::policy::{Mind, Orders, Past, Plan, Policy, View};
use crate::units::{Money, Nanos, Shares, Time};

/// How often a long replay looks whether it should stop, in snapshots.
const POLL_EVERY: u32 = 8192;

/// More levels than this in one walk of the flat book (rule P2) is an error.
const MOST_LEVELS: Shares = 1_000_000;

/// A policy in a market on a tape: everything but the order.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The quotes, and the trades where there are any.
    pub tape: &'a Tape<'a>,
    /// What is the same for every policy.
    pub market: &'a Market,
    /// What decides.
    pub plan: &'a dyn Plan,
    /// What is known of the tape when the order starts.
    pub past: Past<'a>,
}

/// A policy at work on its order, and the exchange it works at.
pub(super) struct Run<'a> {
    pub(super) exchange: Exchange<'a>,
    mind: Mind<'a>,
    orders: Orders,
    // When the policy decides next, whether or not a record comes then.
    next_wake: Time,
    // The mid that `worst_key` is of, and the least fee of all venues.
    mid: Option<Nanos>,
    worst_key: Nanos,
    lowest_fee: Nanos,
    stop: Stop<'a>,
    until_poll: u32,
}

impl<'a> Run<'a> {
    pub(super) fn new(scene: Scene<'a>, parent: &'a Parent, book: Book, record: bool, stop: Stop<'a>) -> Result<Self> {
        let mind = scene.plan.start(parent, &scene.past)?;
        Ok(Self {
            exchange: Exchange::new(scene.tape, scene.market, parent, book, record, mind.listens()),
            mind,
            orders: Orders::default(),
            next_wake: Time::MAX,
            mid: None,
            worst_key: 0,
            lowest_fee: scene.market.venues.iter().map(|venue| venue.taker_fee).min().unwrap_or(0),
            stop,
            until_poll: POLL_EVERY,
        })
    }

    /// Nothing left to do, not even at the end.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.exchange.remaining() == 0 && self.exchange.is_idle()
    }

    /// What happens before the records at `now` are seen: trades up to `now`, expiries and times of waking before it, in
    /// order of time, each after the arrivals before it. A trade at the time of an expiry still meets the order.
    #[inline]
    pub(super) fn pass_time_until(&mut self, now: Time) -> Result<()> {
        if self.next_wake >= now && self.exchange.is_quiet() {
            return Ok(());
        }
        self.pass_events_until(now)
    }

    #[inline(never)]
    fn pass_events_until(&mut self, now: Time) -> Result<()> {
        loop {
            let trade = self.exchange.next_trade().filter(|&ts| ts <= now).unwrap_or(Time::MAX);
            let expiry = self.exchange.next_expiry().unwrap_or(Time::MAX);
            let first = trade.min(expiry).min(self.next_wake);
            if first > now || (first == now && trade != now) {
                return Ok(());
            }
            self.poll()?;
            self.exchange.deliver(|arrival| arrival < first);
            if trade == first {
                self.exchange.print();
            } else if expiry == first {
                self.exchange.expire(first);
            } else {
                self.next_wake = Time::MAX;
                self.decide(first)?;
            }
        }
    }

    /// Rule P1 (3) and (4) at a snapshot, unless the policy is to be woken at its very time: then it decides once all that
    /// happens now has been seen.
    #[inline]
    pub(super) fn decide_at_snapshot(&mut self, now: Time) -> Result<()> {
        self.poll()?;
        if self.next_wake == now {
            self.arrive();
            return Ok(());
        }
        self.decide(now)
    }

    /// Rule P1 (3) and (4): the policy plans and sends orders; those without latency execute at once.
    #[inline]
    pub(super) fn decide(&mut self, now: Time) -> Result<()> {
        if let Some(mid) = self.arrive() {
            self.tell();
            self.look(mid);
            let decision = Decision { now, mid, remaining: self.exchange.to_plan() };
            self.orders.clear(self.exchange.ledger.summary.children);
            let Self { exchange, mind, orders, worst_key, lowest_fee, stop, .. } = self;
            mind.decide(&view(exchange, now, mid, *worst_key, *lowest_fee, *stop), orders)?;
            exchange.send(orders, decision)?;
        }
        self.next_wake = self.mind.wakes(now).unwrap_or(Time::MAX);
        Ok(())
    }

    /// The mid now, which is the arrival mid if it is the first.
    #[inline]
    fn arrive(&mut self) -> Option<Nanos> {
        let mid = self.exchange.book.mid()?;
        self.exchange.ledger.summary.arrival_mid.get_or_insert(mid);
        Some(mid)
    }

    /// What became of its orders since it last decided.
    #[inline]
    fn tell(&mut self) {
        if !self.exchange.reports.is_empty() {
            self.exchange.reports.drain(..).for_each(|report| self.mind.told(&report));
        }
    }

    /// How far its eye reaches at this mid: computed only when the mid moves.
    #[inline]
    fn look(&mut self, mid: Nanos) {
        if self.mid != Some(mid) {
            self.mid = Some(mid);
            self.worst_key = self.exchange.market.visibility.worst_key(self.exchange.parent.side, mid);
        }
    }

    /// Asks now and then whether to go on.
    #[inline]
    fn poll(&mut self) -> Result<()> {
        self.until_poll -= 1;
        if self.until_poll == 0 {
            self.until_poll = POLL_EVERY;
            self.stop.check()?;
        }
        Ok(())
    }

    /// Rule P2: what is left at the end is completed, what is too much unwound, by a walk of the flat book.
    pub(super) fn finish(&mut self) -> Result<()> {
        // A book whose first quote came with the last records: the order never decided, but has an arrival mid.
        self.arrive();
        let Exchange { parent, market, book, ledger, .. } = &mut self.exchange;
        let left = parent.quantity - ledger.summary.executed;
        let (kind, taking) =
            if left > 0 { (Kind::Completion, parent.side) } else { (Kind::Unwind, parent.side.opposite()) };
        let (Some(top), Some(mid)) = (book.top(taking), book.mid()) else { return Ok(()) };
        let walk = Walk::new(top, left.abs(), market.tick, taking);
        if walk.levels() > MOST_LEVELS {
            return Err(Error::Invalid {
                argument: "quantity",
                rule: "must be small enough for what is left at the end to be completed in 1,000,000 price levels, \
                       each of the size displayed at the best price (a larger tick also makes a sell's levels fewer)",
                value: parent.quantity.to_string(),
            });
        }
        for (quantity, key) in walk {
            let key = key.ok_or_else(|| walk_error(parent))?;
            ledger.fill(Fill {
                child: None,
                ts_decided: parent.end,
                ts_executed: parent.end,
                venue: top.venue,
                kind,
                quantity,
                price: taking.sign() * key,
                quoted: taking.sign() * top.key,
                mid,
                fee: Money::from(quantity) * Money::from(market.venues[top.venue].taker_fee),
                rebate: 0,
                age: parent.end - book.updated(top.venue),
            });
        }
        Ok(())
    }

    /// The ledger, once the replay is over. The policy has been told everything.
    pub(super) fn close(mut self) -> Ledger {
        self.tell();
        let Exchange { parent, mut ledger, .. } = self.exchange;
        let sum = &mut ledger.summary;
        sum.status = match parent.quantity - sum.executed - sum.completed + sum.unwound {
            0 if sum.completed > 0 => Status::Completed,
            0 => Status::Filled,
            _ => Status::NoQuotes,
        };
        ledger
    }
}

#[inline]
fn view<'v>(
    exchange: &'v Exchange<'_>,
    now: Time,
    mid: Nanos,
    worst_key: Nanos,
    lowest_fee: Nanos,
    stop: Stop<'v>,
) -> View<'v> {
    let Exchange { tape, market, parent, book, taken, resting, shares_in_flight, .. } = exchange;
    View {
        now,
        side: parent.side,
        remaining: exchange.to_plan(),
        in_flight: *shares_in_flight,
        parent,
        mid,
        market,
        stop,
        tape,
        book,
        taken,
        resting: &resting.by_venue,
        worst_key,
        oldest: market.visibility.oldest(now),
        lowest_fee,
    }
}
