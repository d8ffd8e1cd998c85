//! The consolidated as-of book (rules B3-B6).
//!
//! Both sides are held as *signed prices* `s * p`: the ask as it is, the bid negated. So "best", "worse than" and
//! "through the mid" read the same for a buy and a sell, and an empty side, [`EMPTY`], is worse than any quote.

use std::ops::Range;

use crate::market::tape::{Record, Snapshot, Tape};
use crate::quote::{EMPTY, Quote, Top};
use crate::units::{Nanos, Shares, Side, Time, UNDEF_PRICE};

/// One record about to take effect: a venue's quotes before and after it.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Venue index.
    pub venue: usize,
    /// The record's time.
    pub ts: Time,
    /// Time of the venue's record before it, [`Time::MIN`] without one.
    pub updated: Time,
    old: [Quote; 2],
    new: [Quote; 2],
}

impl Change {
    /// The quote that `side` takes there, before and after.
    #[must_use]
    #[inline]
    pub fn quote(&self, side: Side) -> (Quote, Quote) {
        // Constant places: a computed one would keep every record's change in memory.
        match side {
            Side::Buy => (self.old[0], self.new[0]),
            Side::Sell => (self.old[1], self.new[1]),
        }
    }
}

/// What a book remembers of its last snapshots when a side goes empty (rules B6, P2).
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    mid: Option<Nanos>,
    two_sided: bool,
    tops: [Option<Top>; 2],
}

/// Every venue's last quote on one side, and the best of them.
#[derive(Clone, Debug)]
struct BookSide {
    quotes: Vec<Quote>,
    // The least key, kept up to date: looking for it at every snapshot would be most of a replay's time.
    best: Nanos,
}

impl BookSide {
    #[inline]
    fn replace(&mut self, venue: usize, new: Quote) {
        let old = std::mem::replace(&mut self.quotes[venue], new);
        if new.key <= self.best {
            self.best = new.key;
        } else if old.key == self.best {
            self.find_best();
        }
    }

    fn find_best(&mut self) {
        self.best = self.quotes.iter().fold(EMPTY, |best, quote| best.min(quote.key));
    }
}

/// Every venue's last quote, both sides.
#[derive(Clone, Debug)]
pub struct Book {
    // Indexed by the side that *takes* there: Buy -> asks, Sell -> bids.
    sides: [BookSide; 2],
    // Time of the venue's last record.
    updated: Vec<Time>,
    // Row of the venue's last record on the tape.
    rows: Vec<usize>,
    memory: Memory,
}

#[inline]
const fn index(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

#[inline]
pub(super) fn keys(record: &Record) -> [Quote; 2] {
    let bid = if record.bid.0 == UNDEF_PRICE { EMPTY } else { -record.bid.0 };
    [Quote { key: record.ask.0, size: record.ask.1 }, Quote { key: bid, size: record.bid.1 }]
}

impl Book {
    /// An empty book over `venues` venues.
    #[must_use]
    pub fn new(venues: usize) -> Self {
        let empty = BookSide { quotes: vec![Quote { key: EMPTY, size: 0 }; venues], best: EMPTY };
        Self {
            sides: [empty.clone(), empty],
            updated: vec![Time::MIN; venues],
            rows: vec![0; venues],
            memory: Memory::default(),
        }
    }

    /// The quotes that `side` takes, by venue.
    #[must_use]
    #[inline]
    pub fn offers(&self, side: Side) -> &[Quote] {
        &self.sides[index(side)].quotes
    }

    /// Time of a venue's last record, repeats included.
    #[must_use]
    #[inline]
    pub fn updated(&self, venue: usize) -> Time {
        self.updated[venue]
    }

    /// Tape row of a venue's last record.
    #[must_use]
    #[inline]
    pub fn row(&self, venue: usize) -> usize {
        self.rows[venue]
    }

    /// Best signed price that `side` can take, or [`EMPTY`].
    #[must_use]
    #[inline]
    pub fn best(&self, side: Side) -> Nanos {
        self.sides[index(side)].best
    }

    /// Best signed ask and best signed bid.
    #[inline]
    pub(super) fn bests(&self) -> (Nanos, Nanos) {
        let [asks, bids] = &self.sides;
        (asks.best, bids.best)
    }

    /// The mid of rule B6; `None` until the first quote.
    #[must_use]
    #[inline]
    pub fn mid(&self) -> Option<Nanos> {
        let (ask, bid) = self.bests();
        if ask != EMPTY && bid != EMPTY {
            return Some(ask.midpoint(-bid));
        }
        if self.memory.two_sided {
            return self.memory.mid;
        }
        match (ask, bid) {
            (EMPTY, EMPTY) => self.memory.mid,
            (EMPTY, bid) => Some(-bid),
            (ask, _) => Some(ask),
        }
    }

    /// Best price and depth that `side` takes, or the last ones seen if that side is empty now (rule P2).
    #[must_use]
    pub fn top(&self, side: Side) -> Option<Top> {
        let key = self.best(side);
        if key == EMPTY {
            return self.memory.tops[index(side)];
        }
        let mut top = Top { key, depth: 0, venue: usize::MAX };
        for (venue, quote) in self.offers(side).iter().enumerate().filter(|(_, quote)| quote.key == key) {
            top.depth += Shares::from(quote.size);
            top.venue = top.venue.min(venue);
        }
        Some(top)
    }

    /// Applies all snapshots that begin in `rows`, of which only the last one's book will be looked at; returns the row
    /// after them.
    pub fn fast_forward(&mut self, tape: &Tape<'_>, rows: Range<usize>, mode: Snapshot) -> usize {
        let mut next = rows.start;
        while next < rows.end {
            let snapshot = tape.snapshot_at(next, mode);
            next = snapshot.end;
            if snapshot.clone().any(|i| tape.is_one_sided(i)) {
                self.settle();
                self.remember();
            }
            for i in snapshot {
                self.enter(tape, i, mode, |book, venue, [ask, bid]| {
                    book.sides[0].quotes[venue] = ask;
                    book.sides[1].quotes[venue] = bid;
                });
            }
        }
        self.settle();
        next
    }

    /// Finds the best quotes again after records that did not keep them.
    fn settle(&mut self) {
        self.sides.iter_mut().for_each(BookSide::find_best);
    }

    /// Enters record `i`, if it counts, by way of `write`.
    #[inline]
    fn enter(&mut self, tape: &Tape<'_>, i: usize, mode: Snapshot, write: impl FnOnce(&mut Self, usize, [Quote; 2])) {
        let record = tape.record(i);
        let venue = record.venue;
        if mode == Snapshot::First && self.updated[venue] == record.ts {
            return;
        }
        write(self, venue, keys(&record));
        self.updated[venue] = record.ts;
        self.rows[venue] = i;
    }

    /// Applies the records of one snapshot. `changed` is called for each record that counts, before it takes effect:
    /// depletion and queues look at records, not at snapshots (rules B5, C10).
    #[inline]
    pub fn apply(&mut self, tape: &Tape<'_>, rows: Range<usize>, mode: Snapshot, mut changed: impl FnMut(&Change)) {
        // Only a snapshot that clears a side can make the last mid or the last top needed: remember them here,
        // while the book still is the snapshot before.
        if rows.clone().any(|i| tape.is_one_sided(i)) {
            self.remember();
        }
        for i in rows {
            self.enter(tape, i, mode, |book, venue, [ask, bid]| {
                let old = [book.sides[0].quotes[venue], book.sides[1].quotes[venue]];
                changed(&Change { venue, ts: tape.ts()[i], updated: book.updated[venue], old, new: [ask, bid] });
                book.sides[0].replace(venue, ask);
                book.sides[1].replace(venue, bid);
            });
        }
    }

    fn remember(&mut self) {
        let (ask, bid) = self.bests();
        let two_sided = ask != EMPTY && bid != EMPTY;
        self.memory = Memory {
            mid: self.mid(),
            two_sided: self.memory.two_sided || two_sided,
            tops: [self.top(Side::Buy), self.top(Side::Sell)],
        };
    }
}
