//! The least possible cost of an order with perfect foresight of the tape (rule P4).
//!
//! Every quote episode (a venue's side while its price and size stay the same, record by record) that a policy could
//! see at some decision offers its displayed size once, and the completion walk is open as well. Prices are what they
//! are whatever one takes, so the cheapest shares all-in are the optimum: a lower bound for every taking policy under
//! displayed fills without latency.

use crate::error::Result;
use crate::fills::{Walk, walk_error};
use crate::market::{AsOf, Book, Market, Tape};
use crate::observe::Stop;
use crate::order::Parent;
use crate::units::{Money, Nanos, Shares, Time};

/// The least all-in cost of a parent in nanos: cash out for a buy, minus cash in for a sell. `None` when its side was
/// never quoted by its end.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped), and [`Error::Invalid`](crate::Error::Invalid) when the completion walk leaves 64 bits.
pub fn hindsight(
    tape: &Tape<'_>,
    market: &Market,
    parent: &Parent,
    as_of: AsOf,
    stop: Stop<'_>,
) -> Result<Option<Money>> {
    let AsOf { mut book, mut next } = as_of;
    let mut offers = Offers { fresh: vec![true; tape.venues()], seen: Vec::new() };
    offers.see(&book, market, parent, parent.start);
    while next < tape.len() && tape.ts()[next] <= parent.end {
        let rows = tape.snapshot_at(next, market.snapshot);
        let now = tape.ts()[next];
        next = rows.end;
        book.apply(tape, rows, market.snapshot, |change| {
            let (old, new) = change.quote(parent.side);
            offers.fresh[change.venue] |= old != new;
        });
        if now < parent.end {
            offers.see(&book, market, parent, now);
        }
        if next.is_multiple_of(4096) {
            stop.check()?;
        }
    }
    let Some(top) = book.top(parent.side) else { return Ok(None) };
    let fee = market.venues[top.venue].taker_fee;
    let walk = Walk::new(top, parent.quantity, market.tick, parent.side);
    offers.seen.sort_unstable();
    cheapest(parent.quantity, &offers.seen, walk.map(|(shares, key)| (shares, key.map(|key| key + fee))))
        .map(Some)
        .ok_or_else(|| walk_error(parent))
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
        let Some(mid) = book.mid() else { return };
        for (venue, quote) in market.visibility.visible(book, parent.side, mid, now) {
            if self.fresh[venue] {
                self.fresh[venue] = false;
                self.seen.push((quote.key + market.venues[venue].taker_fee, Shares::from(quote.size)));
            }
        }
    }
}

/// The cost of the `quantity` cheapest shares of the offers (ascending) and the walk (ascending, endless enough); `None`
/// when it would need a level of the walk that has no price.
fn cheapest(
    quantity: Shares,
    offers: &[(Nanos, Shares)],
    walk: impl Iterator<Item = (Shares, Option<Nanos>)>,
) -> Option<Money> {
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
        if left == 0 {
            break;
        }
        take(shares, price?, &mut left);
    }
    Some(cost)
}
