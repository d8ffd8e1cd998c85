//! One parent's replay in progress: the policy's side of it, and the completion at its end.

use crate::engine::cheap::Fees;
use crate::engine::exchange::{Decision, Exchange};
use crate::engine::releasing::Releasing;
use crate::error::Result;
use crate::fills::{MOST_LEVELS, Walk, levels_error, walk_error};
use crate::ledger::{Fill, Kind, Ledger, Status};
use crate::market::{Living, Moments, When, living_quote};
use crate::observe::Stop;
use crate::policy::{Orders, Policy, Reach, View};
use crate::schedule::Releases;
use crate::units::{Money, Nanos, Time};

/// How often a long replay looks whether it should stop, in snapshots.
pub(super) const POLL_EVERY: u32 = 8192;

/// A policy at work on its order, and the exchange it works at.
pub(super) struct Run<'a, P> {
    pub(super) exchange: Exchange<'a>,
    pub(super) policy: P,
    orders: Orders,
    // What a schedule releases, and when next.
    releasing: Option<Releasing<'a>>,
    pub(super) next_release: Time,
    // When the policy decides next, whether or not a record comes then.
    pub(super) next_wake: Time,
    // The mid that `worst_key` is of.
    mid: Option<Nanos>,
    worst_key: Nanos,
    pub(super) fees: Fees,
    // Whether both sides have shown a visible quote at once.
    shown: bool,
    // When what was left could be completed.
    when: When,
    pub(super) stop: Stop<'a>,
    until_poll: u32,
}

impl<'a, P: Policy> Run<'a, P> {
    pub(super) fn new(
        policy: P,
        mut exchange: Exchange<'a>,
        releases: Option<Releases<'a>>,
        shown: bool,
        stop: Stop<'a>,
    ) -> Self {
        if releases.is_some() {
            exchange.released = 0;
            exchange.ledger.follow_releases();
        }
        let releasing = releases.map(Releasing::new);
        let fees = Fees::new(exchange.market.venues.iter().map(|venue| venue.taker_fee));
        Self {
            exchange,
            policy,
            orders: Orders::default(),
            next_release: releasing.as_ref().map_or(Time::MAX, Releasing::next),
            releasing,
            next_wake: Time::MAX,
            mid: None,
            worst_key: 0,
            fees,
            shown,
            when: When::InTime,
            stop,
            until_poll: POLL_EVERY,
        }
    }

    /// Nothing left to do, not even at the end.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.exchange.remaining() == 0 && self.exchange.is_idle()
    }

    /// The moment of a halt's begin or end, without records, is over. A policy decides in it only where it arrives.
    fn close_moment(&mut self, now: Time) -> Result<()> {
        self.exchange.book.close_moment();
        let here = self.exchange.ledger.summary.arrival_mid.is_none() && self.arrive(now).is_some();
        if here && now < self.exchange.end && self.next_wake != now { self.decide(now) } else { Ok(()) }
    }

    /// What happens before the records at `now` are seen: halts and trades up to `now`, expiries and times of waking before it, in
    /// order of time, each after the arrivals before it. A trade at the time of an expiry still meets the order.
    #[inline]
    pub(super) fn pass_time_until(&mut self, now: Time, moments: &mut Moments<'_>) -> Result<()> {
        if self.next_wake >= now && self.exchange.is_quiet() && moments.next_edge() > now {
            self.release_before(now);
            return Ok(());
        }
        self.pass_events_until(now, moments)?;
        self.release_before(now);
        Ok(())
    }

    #[inline(never)]
    fn pass_events_until(&mut self, now: Time, moments: &mut Moments<'_>) -> Result<()> {
        loop {
            let trade = self.exchange.next_trade().filter(|&ts| ts <= now).unwrap_or(Time::MAX);
            let expiry = self.exchange.next_expiry().unwrap_or(Time::MAX);
            let edge = moments.next_edge();
            let first = edge.min(trade).min(expiry).min(self.next_wake);
            if first > now || (first == now && trade != now && edge != now) {
                return Ok(());
            }
            self.poll()?;
            self.release_before(first);
            self.exchange.deliver(|arrival| arrival < first)?;
            if edge == first {
                moments.pass_edge();
                self.exchange.see_halts(first);
                if moments.next_record() != first {
                    self.close_moment(first)?;
                }
            } else if trade == first {
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
            self.arrive(now);
            return Ok(());
        }
        self.decide(now)
    }

    /// Rule P1 (3) and (4): the policy plans and sends orders; those without latency execute at once.
    #[inline]
    pub(super) fn decide(&mut self, now: Time) -> Result<()> {
        let arrived = self.arrive(now).is_some();
        self.release(now);
        if arrived && self.needs_to_look() {
            return self.act(now);
        }
        self.next_wake = self.policy.wakes(now).unwrap_or(Time::MAX);
        Ok(())
    }

    /// Whether the policy needs to look at the market now that the order has arrived: nothing is worth taking to one that only
    /// [reaches](Policy::reach) so far, once the best quote is not.
    #[inline]
    pub(super) fn needs_to_look(&mut self) -> bool {
        let Self { exchange, policy, fees, .. } = self;
        let Some(mid) = exchange.book.mid() else { return false };
        if exchange.book.all_halted() {
            return false;
        }
        if !exchange.reports.is_empty() {
            return true;
        }
        let Some(Reach { leaves_from, .. }) = policy.reach(mid) else { return true };
        let side = exchange.parent.side;
        let cheapest = exchange.book.best(side).saturating_add(fees.lowest);
        exchange.to_plan() > 0 && cheapest.saturating_sub(side.sign() * mid) < leaves_from
    }

    /// The policy decides, and its orders are sent.
    #[inline]
    pub(super) fn act(&mut self, now: Time) -> Result<()> {
        let Some(mid) = self.exchange.book.mid() else { return Ok(()) };
        self.tell()?;
        self.look(mid);
        let decision = Decision { now, mid, remaining: self.exchange.to_plan() };
        self.orders.clear(self.exchange.ledger.summary.children);
        let Self { exchange, policy, orders, worst_key, stop, .. } = self;
        policy.decide(&view(exchange, now, mid, *worst_key, *stop), orders)?;
        exchange.send(orders, decision)?;
        self.next_wake = self.policy.wakes(now).unwrap_or(Time::MAX);
        Ok(())
    }

    /// The mid now, once the order has arrived: at its start or later, as soon as both sides have shown a visible quote at
    /// once (rule T4). The first is the arrival mid.
    #[inline]
    pub(super) fn arrive(&mut self, now: Time) -> Option<Nanos> {
        if self.exchange.ledger.summary.arrival_mid.is_none() && !self.has_arrived(now) {
            return None;
        }
        let mid = self.exchange.book.mid()?;
        if self.exchange.ledger.summary.arrival_mid.is_none() {
            self.exchange.ledger.summary.arrival_mid = Some(mid);
            self.release(now);
        }
        Some(mid)
    }

    #[inline(never)]
    fn has_arrived(&mut self, now: Time) -> bool {
        self.shown = self.shown || self.exchange.market.visibility.shows_both(&self.exchange.book, now);
        self.shown
    }

    /// What became of its orders since it last decided.
    #[inline]
    fn tell(&mut self) -> Result<()> {
        let Self { exchange, policy, .. } = self;
        if exchange.reports.is_empty() {
            return Ok(());
        }
        exchange.reports.drain(..).try_for_each(|report| policy.told(&report))
    }

    /// Releases what is due before `now`, at the mid that has stood until then.
    #[inline]
    fn release_before(&mut self, now: Time) {
        if self.next_release < now {
            self.release(now - 1);
        }
    }

    /// Releases what is due by `by`, at the mid of now.
    #[inline]
    fn release(&mut self, by: Time) {
        let Self { releasing: Some(releasing), exchange, next_release, .. } = self else { return };
        if *next_release <= by {
            releasing.release(by, exchange);
            *next_release = releasing.next();
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

    /// Rule P2: what is left at the end is completed, what is too much unwound, by a walk of the flat book, at a quote that
    /// lives (rule T6).
    pub(super) fn finish(&mut self, moments: Moments<'_>) -> Result<()> {
        let Exchange { parent, market, book, ledger, end, .. } = &mut self.exchange;
        let left = parent.quantity - ledger.summary.executed;
        if left == 0 || ledger.summary.arrival_mid.is_none() {
            return Ok(());
        }
        let (kind, taking) =
            if left > 0 { (Kind::Completion, parent.side) } else { (Kind::Unwind, parent.side.opposite()) };
        let found = living_quote(moments, book, &market.visibility, taking, *end, self.stop)?;
        let Some(Living { top, ts, mid, age, kind: when }) = found else { return Ok(()) };
        self.when = when;
        let walk = Walk::new(top, left.abs(), market.tick, taking);
        if walk.levels() > MOST_LEVELS {
            return Err(levels_error(parent));
        }
        for (quantity, key) in walk {
            let key = key.ok_or_else(|| walk_error(parent))?;
            ledger.fill(Fill {
                ts_decided: *end,
                ts_executed: ts,
                venue: top.venue,
                kind,
                quantity,
                price: taking.sign() * key,
                quoted: taking.sign() * top.key,
                mid,
                fee: Money::from(quantity) * Money::from(market.venues[top.venue].taker_fee),
                age,
                ..Fill::NONE
            });
        }
        Ok(())
    }

    /// The ledger, once the replay is over. The policy has been told everything.
    pub(super) fn close(mut self) -> Result<Ledger> {
        self.tell()?;
        let Exchange { parent, mut ledger, .. } = self.exchange;
        ledger.split_timing(parent.quantity);
        let sum = &mut ledger.summary;
        sum.status = match parent.quantity - sum.executed - sum.completed + sum.unwound {
            0 if self.when == When::Late => Status::Late,
            0 if self.when == When::Stale => Status::Stale,
            0 if sum.completed > 0 => Status::Completed,
            0 => Status::Filled,
            _ => Status::NoQuotes,
        };
        Ok(ledger)
    }
}

#[inline]
fn view<'v>(exchange: &'v Exchange<'_>, now: Time, mid: Nanos, worst_key: Nanos, stop: Stop<'v>) -> View<'v> {
    let Exchange { tape, market, parent, book, taken, resting, shares_in_flight, released, .. } = exchange;
    View {
        now,
        side: parent.side,
        released: *released,
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
    }
}
