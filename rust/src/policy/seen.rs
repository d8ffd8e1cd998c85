//! What a policy from outside sees of one venue: whole numbers, in the order in which they are handed over.

use crate::policy::View;
use crate::quote::{Quote, reaches};
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
    /// All that can be seen of a venue.
    #[must_use]
    #[inline]
    pub fn seen(&self, venue: usize) -> Seen {
        let sign = self.side.sign();
        let shown = |quote: Option<Quote>| quote.map_or((NO_PRICE, 0), |quote| (quote.key, Shares::from(quote.size)));
        let (quote, own) = (self.quote(venue), self.own_quote(venue));
        let reached = |key| reaches(self.book.offer(self.side, venue).key, key);
        let ((key, displayed), (own_key, own_displayed)) = (shown(quote), shown(own));
        let terms = &self.market.venues[venue];
        Seen {
            price: sign * key,
            displayed,
            available: quote.map_or(0, |quote| self.available(venue, quote)),
            own_price: -sign * own_key,
            own_displayed,
            joinable: i64::from(own.is_some_and(|own| !reached(own.key))),
            age: self.age(venue).unwrap_or(-1),
            taker_fee: terms.taker_fee,
            maker_rebate: terms.maker_rebate,
            latency: terms.latency,
        }
    }
}
