//! What a policy from outside sees of one venue: whole numbers, in the order in which they are handed over.

use crate::market::left_of;
use crate::policy::View;
use crate::quote::reaches;
use crate::units::{Nanos, Shares, Time};

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

impl View<'_> {
    /// All that can be seen of each venue, in one pass over all of them. What of `into` is left from an earlier view of the
    /// same order is written over, but for the venues' terms, which stay what they are.
    #[inline]
    pub fn see(&self, into: &mut Vec<Seen>) {
        let terms = &self.market.venues;
        let count = terms.len();
        if into.len() != count {
            into.clear();
            into.extend(terms.iter().map(|venue| Seen {
                taker_fee: venue.taker_fee,
                maker_rebate: venue.maker_rebate,
                latency: venue.latency,
                ..Seen::default()
            }));
        }
        let (own, sign) = (self.side.opposite(), self.side.sign());
        // The same for all venues: a product of floats, rounded.
        let worst_own = self.market.visibility.worst_key(own, self.mid);
        let (lasts, taken) = (&self.book.lasts()[..count], &self.taken.shares()[..count]);
        for ((seen, last), &taken) in into.iter_mut().zip(lasts).zip(taken) {
            let (quote, joined) = (last.offer(self.side), last.offer(own));
            let alive = last.ts >= self.oldest;
            let (shown, own_shown) = (alive && quote.key <= self.worst_key, alive && joined.key <= worst_own);
            seen.price = sign * if shown { quote.key } else { NO_PRICE };
            seen.displayed = if shown { Shares::from(quote.size) } else { 0 };
            seen.available = if shown { left_of(quote.size, taken) } else { 0 };
            seen.own_price = -sign * if own_shown { joined.key } else { NO_PRICE };
            seen.own_displayed = if own_shown { Shares::from(joined.size) } else { 0 };
            seen.joinable = i64::from(own_shown && !reaches(quote.key, joined.key));
            seen.age = if last.ts == Time::MIN { -1 } else { self.now - last.ts };
        }
    }
}
