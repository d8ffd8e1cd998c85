//! Which quotes can be seen (rules B3, B7).

use crate::market::book::Book;
use crate::quote::{EMPTY, Quote, Top, reaches};
use crate::units::{Nanos, Shares, Side, Time, fraction_of};

/// Which quotes a policy may see, besides the book itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visibility {
    /// Quotes further than this fraction of the mid through it are stubs (rule B7) ...
    pub collar: f64,
    /// ... but none that is no further than this, nanos: some ticks.
    pub collar_least: Nanos,
    /// Quotes older than this are hidden, nanoseconds (rule B3).
    pub max_quote_age: Option<Time>,
}

impl Visibility {
    /// The signed price beyond which a quote that `side` takes is a stub at this mid (rule B7).
    #[must_use]
    #[inline]
    pub fn worst_key(&self, side: Side, mid: Nanos) -> Nanos {
        // An empty side (EMPTY) is never below the limit, whatever the collar.
        (side.sign() * mid).saturating_add(self.widest(mid)).min(EMPTY - 1)
    }

    /// How far through the mid a quote may be.
    #[must_use]
    #[inline]
    pub fn widest(&self, mid: Nanos) -> Nanos {
        fraction_of(self.collar, mid).max(self.collar_least)
    }

    /// The best quote that `side` takes among the visible ones, and the shares shown there.
    #[must_use]
    pub fn top(&self, book: &Book, side: Side, now: Time) -> Option<Top> {
        let mid = book.mid()?;
        let mut best: Option<Top> = None;
        for (venue, quote) in self.visible(book, side, mid, now) {
            let depth = Shares::from(quote.size);
            match &mut best {
                Some(top) if quote.key > top.key => {}
                Some(top) if quote.key == top.key => top.depth += depth,
                _ => best = Some(Top { key: quote.key, depth, venue }),
            }
        }
        best
    }

    /// Whether both sides show a visible quote (rule T4).
    #[must_use]
    pub fn shows_both(&self, book: &Book, now: Time) -> bool {
        let Some(mid) = book.mid() else { return false };
        [Side::Buy, Side::Sell].iter().all(|&side| self.visible(book, side, mid, now).next().is_some())
    }

    /// The quotes of a book that `side` takes and sees, by venue.
    pub fn visible<'a>(
        &self,
        book: &'a Book,
        side: Side,
        mid: Nanos,
        now: Time,
    ) -> impl Iterator<Item = (usize, Quote)> + 'a {
        let (worst_key, oldest) = (self.worst_key(side, mid), self.oldest(now));
        let quotes = book.offers(side).enumerate();
        quotes.filter(move |&(venue, quote)| quote.key <= worst_key && book.updated(venue) >= oldest)
    }

    /// Time of the oldest record a quote may rest on at `now` (rule B3).
    #[must_use]
    #[inline]
    pub fn oldest(&self, now: Time) -> Time {
        self.max_quote_age.map_or(Time::MIN, |age| now.saturating_sub(age))
    }
}

/// The venues where an order of `side` can be posted, and their own-side quotes: visible ones (B3, B7, mirrored) whose own
/// other side does not reach them.
pub fn postable<'a>(
    book: &'a Book,
    side: Side,
    visibility: &Visibility,
    mid: Nanos,
    now: Time,
) -> impl Iterator<Item = (usize, Quote)> + 'a {
    let own_side = visibility.visible(book, side.opposite(), mid, now);
    own_side.filter(move |&(venue, quote)| !reaches(book.offer(side, venue).key, quote.key))
}
