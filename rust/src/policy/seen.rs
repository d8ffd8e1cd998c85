//! What a policy from outside sees of one venue: whole numbers, in the order in which they are handed over.

use crate::market::left_of;
use crate::policy::View;
use crate::quote::{EMPTY, Quote, reaches};
use crate::units::{Nanos, Shares, Side, Time};

/// Stands in for the price of a side that shows nothing: worse than any, and so far from the end of 64 bits that a fee
/// can be added to it.
pub const NO_PRICE: Nanos = 1 << 62;

/// One venue at one moment. `repr(C)`: it is what a compiled policy is given.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Price of the side the order takes. Where it shows nothing, [`NO_PRICE`] for a buy, its negative for a sell.
    pub price: Nanos,
    /// Shares displayed there; 0 where it shows nothing.
    pub displayed: Shares,
    /// Shares of them that own fills have left.
    pub available: Shares,
    /// Price of the side the order joins. Where it shows nothing, the negative of [`NO_PRICE`] for a buy.
    pub own_price: Nanos,
    /// Shares displayed there; 0 where it shows nothing.
    pub own_displayed: Shares,
    /// 1 where a limit order at `own_price` only adds liquidity: the venue's other side, seen or not, does not reach it.
    pub joinable: i64,
    /// Time since the venue's last record; -1 before its first.
    pub age: Time,
    /// Fee per share taken.
    pub taker_fee: Nanos,
    /// Rebate per share made.
    pub maker_rebate: Nanos,
    /// Time from a decision to its arrival.
    pub latency: Time,
}

impl Seen {
    /// A venue of which not all can be seen.
    #[inline(never)]
    fn half(&mut self, side: Side, (quote, shown, taken): (Quote, bool, Shares), (own, own_shown): (Quote, bool)) {
        let sign = side.sign();
        self.price = sign * if shown { quote.key } else { NO_PRICE };
        self.displayed = if shown { Shares::from(quote.size) } else { 0 };
        self.available = if shown { left_of(quote.size, taken) } else { 0 };
        self.own_price = -sign * if own_shown { own.key } else { NO_PRICE };
        self.own_displayed = if own_shown { Shares::from(own.size) } else { 0 };
        self.joinable = i64::from(own_shown && !reaches(quote.key, own.key));
    }
}

impl View<'_> {
    /// All that can be seen of each venue, in one pass over all of them. What of `into` is left from an earlier view of the
    /// same order is written over, but for the venues' terms, which stay what they are.
    #[inline]
    pub fn see(&self, into: &mut Vec<Seen>) {
        let terms = &self.market.venues;
        if into.len() != terms.len() {
            into.clear();
            into.extend(terms.iter().map(|venue| Seen {
                taker_fee: venue.taker_fee,
                maker_rebate: venue.maker_rebate,
                latency: venue.latency,
                ..Seen::default()
            }));
        }
        match self.side {
            Side::Buy => self.see_as::<false>(into),
            Side::Sell => self.see_as::<true>(into),
        }
    }

    /// As [`see`](Self::see), for one side.
    #[inline]
    #[allow(clippy::needless_bitwise_bool, reason = "one branch, not three")]
    fn see_as<const SELL: bool>(&self, into: &mut [Seen]) {
        let side = if SELL { Side::Sell } else { Side::Buy };
        let (own, sign, now, oldest) = (side.opposite(), side.sign(), self.now, self.oldest);
        let (worst, worst_own) = (self.worst_key, self.worst_own_key(own));
        let (lasts, taken) = (&self.book.lasts()[..into.len()], &self.taken.shares()[..into.len()]);
        for ((seen, last), &taken) in into.iter_mut().zip(lasts).zip(taken) {
            let (quote, joined, ts) = (last.offer(side), last.offer(own), last.ts);
            let (shown, own_shown) = (quote.key <= worst, joined.key <= worst_own);
            // Most often all can be seen: one branch, well guessed.
            #[allow(clippy::needless_bitwise_bool, reason = "one branch, not three")]
            if shown & own_shown & (ts >= oldest) {
                let displayed = Shares::from(quote.size);
                seen.price = sign * quote.key;
                seen.displayed = displayed;
                seen.available = (displayed - taken).max(0);
                seen.own_price = -sign * joined.key;
                seen.own_displayed = Shares::from(joined.size);
                seen.joinable = i64::from(quote.key > -joined.key);
                seen.age = now - ts;
            } else {
                let alive = ts >= oldest;
                seen.half(side, (quote, shown && alive, taken), (joined, own_shown && alive));
                seen.age = if ts == Time::MIN { -1 } else { now - ts };
            }
        }
    }

    /// The signed price beyond which a quote on the side that it joins is a stub: as far from the mid as on the other side,
    /// whose is known.
    #[inline]
    fn worst_own_key(&self, own: Side) -> Nanos {
        if self.worst_key >= EMPTY - 1 {
            return self.farthest_own(own);
        }
        let mid_key = self.side.sign() * self.mid;
        (-mid_key).saturating_add(self.worst_key - mid_key).min(EMPTY - 1)
    }

    #[cold]
    fn farthest_own(&self, own: Side) -> Nanos {
        self.market.visibility.worst_key(own, self.mid)
    }
}
