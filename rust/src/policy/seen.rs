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
    /// All that can be seen of the venues, by index.
    #[inline]
    pub fn each_seen(&self) -> impl Iterator<Item = Seen> + '_ {
        let (sign, own) = (self.side.sign(), self.side.opposite());
        let own_worst = self.market.visibility.worst_key(own, self.mid);
        let venues = self.book.lasts().iter().zip(self.taken.shares()).zip(&self.market.venues);
        venues.map(move |((last, &taken), terms)| {
            let fresh = last.ts >= self.oldest;
            let (there, joined) = (last.offer(self.side), last.offer(own));
            let (seen, own_seen) = (fresh && there.key <= self.worst_key, fresh && joined.key <= own_worst);
            Seen {
                price: sign * if seen { there.key } else { NO_PRICE },
                displayed: if seen { Shares::from(there.size) } else { 0 },
                available: if seen { left_of(there.size, taken) } else { 0 },
                own_price: -sign * if own_seen { joined.key } else { NO_PRICE },
                own_displayed: if own_seen { Shares::from(joined.size) } else { 0 },
                joinable: i64::from(own_seen && !reaches(there.key, joined.key)),
                age: if last.ts == Time::MIN { -1 } else { self.now - last.ts },
                taker_fee: terms.taker_fee,
                maker_rebate: terms.maker_rebate,
                latency: terms.latency,
            }
        })
    }
}
