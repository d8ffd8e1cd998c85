//! The least possible cost of an order with perfect foresight of the tape (rule P4).
//!
//! Every quote episode (a venue's side while its price and size stay the same, record by record) that a policy could
//! see at some decision offers its displayed size once, and the completion walk is open as well. Prices are what they
//! are whatever one takes, so the cheapest shares all-in are the optimum: a lower bound for every taking policy under
//! displayed fills without latency.

use crate::error::Result;
use crate::fills::{MOST_LEVELS, Walk, levels_error, walk_error};
use crate::market::{AsOf, Book, Living, Market, Moments, Tape, living_quote};
use crate::observe::Stop;
use crate::order::Parent;
use crate::units::{Money, Nanos, Shares, Time};

/// The least all-in cost of a parent in nanos: cash out for a buy, minus cash in for a sell. `None` when it never
/// arrived.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped), and [`Error::Invalid`](crate::Error::Invalid) when the completion walk leaves 64 bits
/// or has more levels than a replay may fill.
pub fn hindsight(
    tape: &Tape<'_>,
    market: &Market,
    parent: &Parent,
    as_of: AsOf,
    stop: Stop<'_>,
) -> Result<Option<Money>> {
    let AsOf { session, end, mut book, next, mut shown } = as_of;
    let mut moments = Moments::after(tape, market.snapshot, &session, next, parent.start);
    let mut offers = Offers { fresh: vec![true; tape.venues()], seen: Vec::new() };
    if shown && parent.start < end {
        offers.see(&book, market, parent, parent.start);
    }
    let mut looked: usize = 0;
    loop {
        let (record, edge) = (moments.next_record(), moments.next_edge());
        let now = record.min(edge);
        if now > end || now == Time::MAX {
            break;
        }
        if edge == now {
            moments.pass_edge();
            book.see_halts(tape, now);
        }
        if record == now {
            moments.apply(&mut book, |change| {
                let (old, new) = change.quote(parent.side);
                offers.fresh[change.venue] |= old != new;
            });
        } else {
            book.close_moment();
        }
        let before = shown;
        shown = shown || market.visibility.shows_both(&book, now);
        if shown && now < end && (record == now || !before) {
            offers.see(&book, market, parent, now);
        }
        looked += 1;
        if looked.is_multiple_of(4096) {
            stop.check()?;
        }
    }
    if !shown {
        return Ok(None);
    }
    let found = living_quote(moments, &book, &market.visibility, parent.side, end, stop)?;
    let Some(Living { top, .. }) = found else { return Ok(None) };
    let fee = market.venues[top.venue].taker_fee;
    let walk = Walk::new(top, parent.quantity, market.tick, parent.side);
    offers.seen.sort_unstable();
    let bounded = walk.levels() <= MOST_LEVELS;
    let levels = walk.take(MOST_LEVELS as usize).map(|(shares, key)| (shares, key.map(|key| key.saturating_add(fee))));
    match cheapest(parent.quantity, &offers.seen, levels) {
        (0, cost) => Ok(Some(cost)),
        // A level that it needs has no price.
        _ if bounded => Err(walk_error(parent)),
        _ => Err(levels_error(parent)),
    }
}

/// What the tape offered: all-in signed price and shares, once an episode.
struct Offers {
    // Whether a venue's current episode has not been seen yet.
    fresh: Vec<bool>,
    seen: Vec<(Nanos, Shares)>,
}

impl Offers {
    /// Adds the episodes that a policy deciding now sees for the first time.
    fn see(&mut self, book: &Book, market: &Market, parent: &Parent, now: Time) {
        let Some(mid) = book.mid().filter(|_| !book.all_halted()) else { return };
        for (venue, quote) in market.visibility.visible(book, parent.side, mid, now) {
            if self.fresh[venue] {
                self.fresh[venue] = false;
                self.seen.push((quote.key.saturating_add(market.venues[venue].taker_fee), Shares::from(quote.size)));
            }
        }
    }
}

/// What is left of the `quantity` cheapest shares of the offers (ascending) and the walk (ascending), and the cost of the
/// others: something is left when it would need a level that has no price, or that the walk does not have.
fn cheapest(
    quantity: Shares,
    offers: &[(Nanos, Shares)],
    walk: impl Iterator<Item = (Shares, Option<Nanos>)>,
) -> (Shares, Money) {
    let (mut left, mut cost, mut offers) = (quantity, 0, offers.iter().copied().peekable());
    let mut take = |shares: Shares, price: Nanos, left: &mut Shares| {
        let taken = shares.min(*left);
        *left -= taken;
        cost += Money::from(taken) * Money::from(price);
    };
    for (shares, price) in walk {
        while let Some((offer, size)) = offers.next_if(|&(offer, _)| price.is_none_or(|price| offer <= price)) {
            take(size, offer, &mut left);
        }
        let (1.., Some(price)) = (left, price) else { break };
        take(shares, price, &mut left);
    }
    (left, cost)
}
