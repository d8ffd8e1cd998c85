//! All that a policy may look at when it decides: the past and the present.

use crate::fills::{Met, Resting};
use crate::market::{Book, Market, Taken, Tape, Venue, left_of, postable};
use crate::observe::Stop;
use crate::order::Parent;
use crate::quote::Quote;
use crate::units::{Nanos, Shares, Side, Time};

/// A limit order at its venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// The order's number.
    pub number: u32,
    /// When it was decided.
    pub ts_decided: Time,
    /// When it expires.
    pub until: Time,
    /// The order in its queue.
    pub order: Resting,
}

/// How far a policy reaches that takes whole lots (rule A2) of the quotes it sees, cheapest first, up to some cost, and does
/// nothing else. Costs are nanos per share beside the mid, fee included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What costs less it takes, as long as shares remain; `None`: it must be asked whenever anything costs less than
    /// [`leaves_from`](Self::leaves_from).
    pub takes_below: Option<Nanos>,
    /// What costs this or more it leaves. Of what lies between the two it must be asked.
    pub leaves_from: Nanos,
    /// What another mid makes of it until the policy is next asked.
    pub moves: Moves,
}

/// How far a policy reaches at other mids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Just as far at every mid.
    Never,
    /// At a higher mid no less far, as long as both are positive.
    WithMid,
    /// That is not known.
    Anyhow,
}

/// The market and the order as a policy sees them at one moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Decision time.
    pub now: Time,
    /// The parent's side.
    pub side: Side,
    /// Shares that the schedule has released by now (rule W1): all of them where there is none.
    pub released: Shares,
    /// Shares to plan: released less executed less in flight. Not positive when there are none.
    pub remaining: Shares,
    /// Shares of takes under way. A limit order may never fill, so its shares are not counted.
    pub in_flight: Shares,
    /// The parent order.
    pub parent: &'a Parent,
    /// The mid.
    pub mid: Nanos,
    /// The venues' terms and the rules of the market.
    pub market: &'a Market,
    /// Asked by a policy that computes for long.
    pub stop: Stop<'a>,
    pub(crate) tape: &'a Tape<'a>,
    pub(crate) book: &'a Book,
    pub(crate) taken: &'a Taken,
    pub(crate) resting: &'a [Vec<Posted>],
    // Signed price beyond which a quote on the taking side is a stub, and the oldest record a quote may rest on.
    pub(crate) worst_key: Nanos,
    pub(crate) oldest: Time,
}

impl View<'_> {
    /// The quotes the policy can take, by venue.
    #[inline]
    pub fn visible(&self) -> impl Iterator<Item = (usize, Quote)> + '_ {
        let quotes = self.book.offers(self.side).enumerate();
        quotes.filter(|&(venue, quote)| self.sees(venue, quote))
    }

    #[inline]
    fn sees(&self, venue: usize, quote: Quote) -> bool {
        quote.key <= self.worst_key && self.book.updated(venue) >= self.oldest
    }

    /// The quote that can be taken at a venue: its signed price, and the displayed shares.
    #[must_use]
    pub fn quote(&self, venue: usize) -> Option<Quote> {
        Some(self.book.offer(self.side, venue)).filter(|&quote| self.sees(venue, quote))
    }

    /// Goes over all quotes on the side the policy takes, by venue, with what is left of each, the terms there, and whether it
    /// can be seen.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "most of what a decision takes")]
    pub(super) fn each_offer(&self, mut look: impl FnMut(usize, Quote, Shares, &Venue, bool)) {
        let venues = self.market.venues.len();
        let (lasts, taken, terms) = (&self.book.lasts()[..venues], &self.taken.shares()[..venues], &self.market.venues);
        for venue in 0..venues {
            let quote = lasts[venue].offer(self.side);
            let seen = quote.key <= self.worst_key && lasts[venue].ts >= self.oldest;
            look(venue, quote, left_of(quote.size, taken[venue]), &terms[venue], seen);
        }
    }

    /// The quotes the policy can join, by venue: visible ones that the venue's other side does not reach.
    pub fn joinable(&self) -> impl Iterator<Item = (usize, Quote)> + '_ {
        postable(self.book, self.side, &self.market.visibility, self.mid, self.now)
    }

    /// A venue's quote on the side that the policy joins, where it can be seen.
    #[must_use]
    pub fn own_quote(&self, venue: usize) -> Option<Quote> {
        let own = self.side.opposite();
        let worst = self.market.visibility.worst_key(own, self.mid);
        let quote = self.book.offer(own, venue);
        (quote.key <= worst && self.book.updated(venue) >= self.oldest).then_some(quote)
    }

    /// Shares left of a quote.
    #[must_use]
    #[inline]
    pub fn available(&self, venue: usize, quote: Quote) -> Shares {
        self.taken.available(venue, quote.size)
    }

    /// Time since a venue's last record; `None` before its first.
    #[must_use]
    pub fn age(&self, venue: usize) -> Option<Time> {
        let updated = self.book.updated(venue);
        (updated != Time::MIN).then(|| self.now - updated)
    }

    /// What a quote costs per share, fee included, as a signed price.
    #[must_use]
    #[inline]
    pub fn all_in(&self, venue: usize, quote: Quote) -> Nanos {
        quote.key.saturating_add(self.market.venues[venue].taker_fee)
    }

    /// The quote as a fill model sees it.
    #[must_use]
    pub fn met(&self, venue: usize) -> Met {
        self.market.met(self.tape, self.book, self.taken, self.side, venue, self.now)
    }

    /// The policy's own limit orders at their venues.
    pub fn resting(&self) -> impl Iterator<Item = (usize, &Posted)> + '_ {
        self.resting.iter().enumerate().flat_map(|(venue, posted)| posted.iter().map(move |order| (venue, order)))
    }
}
