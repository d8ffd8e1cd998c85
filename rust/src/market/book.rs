//! The consolidated as-of book (rules B3-B6).
//!
//! Both sides are held as *signed prices* `s * p`: the ask as it is, the bid negated. So "best", "worse than" and
//! "through the mid" read the same for a buy and a sell, and an empty side, [`EMPTY`], is worse than any quote.

use std::hint::select_unpredictable;
use std::ops::Range;

use crate::market::hours::Session;
use crate::market::snapshot::Snapshot;
use crate::market::tape::{Record, Tape};
use crate::quote::{EMPTY, Quote};
use crate::units::{Nanos, Side, Time, UNDEF_PRICE};

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
        // Neither a computed place nor a branch: both would keep every record's change in memory.
        let buy = side == Side::Buy;
        let pick = |[ask, bid]: [Quote; 2]| Quote {
            key: select_unpredictable(buy, ask.key, bid.key),
            size: select_unpredictable(buy, ask.size, bid.size),
        };
        (pick(self.old), pick(self.new))
    }
}

/// What a book remembers of its last snapshots when a side goes empty (rule B6).
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    mid: Option<Nanos>,
    two_sided: bool,
}

/// A venue as its last record left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    // By the side that *takes* there: Buy -> ask, Sell -> bid.
    quotes: [Quote; 2],
    /// Time of the record.
    pub(crate) ts: Time,
    // Its row on the tape.
    row: usize,
}

impl Last {
    /// Nothing yet.
    const NONE: Self = Self { quotes: [Quote { key: EMPTY, size: 0 }; 2], ts: Time::MIN, row: 0 };

    /// What a record leaves that has a quote on both sides.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a part of the loop over records")]
    pub(crate) fn two_sided(tape: &Tape<'_>, row: usize) -> Self {
        let Record { ts, ask, bid, .. } = tape.record(row);
        let quotes = [Quote { key: ask.0, size: ask.1 }, Quote { key: bid.0.wrapping_neg(), size: bid.1 }];
        Self { quotes, ts, row }
    }

    /// The quote that `side` takes.
    #[inline]
    pub(crate) fn offer(&self, side: Side) -> Quote {
        self.quotes[index(side)]
    }
}

/// Every venue's last quote, both sides.
#[derive(Clone, Debug)]
pub struct Book {
    venues: Vec<Last>,
    // The least key of each side, kept up to date: looking for it at every snapshot would be most of a replay's time.
    best: [Nanos; 2],
    memory: Memory,
    // The quotes of venues that are halted, which show nothing (rule T5): no venues until one is.
    halted: Vec<Option<[Quote; 2]>>,
    halts: usize,
    // A halt has begun or ended in this moment, and what was before it is remembered.
    changing: bool,
}

/// Where what is kept by side has it.
#[inline]
pub(super) const fn index(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// The mid of a best ask and a best bid, as signed prices.
#[inline]
pub(crate) fn mid_of(ask: Nanos, bid: Nanos) -> Nanos {
    // The same as `midpoint`, which is for sums that do not fit as well.
    let (bid, sum) = (bid.wrapping_neg(), ask.wrapping_sub(bid));
    if ask | bid | sum >= 0 { sum >> 1 } else { ask.midpoint(bid) }
}

/// The least signed price of a side.
fn find_best(venues: &[Last], side: usize) -> Nanos {
    // Left to itself the compiler guesses which is the less.
    venues.iter().fold(EMPTY, |best, last| {
        let key = last.quotes[side].key;
        select_unpredictable(key < best, key, best)
    })
}

/// A venue's quotes change, and the best ones of both sides follow. Only where a best one goes is there a branch to guess.
/// Returns the quotes before.
#[inline(always)]
#[allow(clippy::inline_always, clippy::needless_bitwise_bool, reason = "a part of the loop over records")]
pub(crate) fn replace(venues: &mut [Last], bests: &mut [Nanos; 2], venue: usize, new: Last) -> Last {
    let old = std::mem::replace(&mut venues[venue], new);
    for side in [0, 1] {
        let (before, after, best) = (old.quotes[side].key, new.quotes[side].key, bests[side]);
        bests[side] = best.min(after);
        // One branch for both: half of all records come from a venue that shows the best price.
        if (before == best) & (after > best) {
            bests[side] = find_best(venues, side);
        }
    }
    old
}

#[inline]
pub(super) fn keys(record: &Record) -> [Quote; 2] {
    let bid = if record.bid.0 == UNDEF_PRICE { EMPTY } else { -record.bid.0 };
    [Quote { key: record.ask.0, size: record.ask.1 }, Quote { key: bid, size: record.bid.1 }]
}

/// The quote of a record that `side` takes.
#[inline]
pub(super) fn quote_of(record: &Record, side: Side) -> Quote {
    keys(record)[index(side)]
}

impl Book {
    /// An empty book over `venues` venues.
    #[must_use]
    pub fn new(venues: usize) -> Self {
        Self {
            venues: vec![Last::NONE; venues],
            best: [EMPTY; 2],
            memory: Memory::default(),
            halted: Vec::new(),
            halts: 0,
            changing: false,
        }
    }

    /// The book of a session as it opens: empty, with what is halted then.
    #[must_use]
    pub(crate) fn at_open(tape: &Tape<'_>, session: &Session) -> Self {
        let mut book = Self::new(tape.venues());
        if tape.has_halts() {
            book.see_halts(tape, session.open);
            book.close_moment();
        }
        book
    }

    /// The quotes that `side` takes, by venue.
    #[inline]
    pub fn offers(&self, side: Side) -> impl Iterator<Item = Quote> + '_ {
        self.venues.iter().map(move |last| last.offer(side))
    }

    /// The venues as their last records left them.
    #[inline]
    pub(crate) fn lasts(&self) -> &[Last] {
        &self.venues
    }

    /// The quote that `side` takes at a venue.
    #[must_use]
    #[inline]
    pub fn offer(&self, side: Side, venue: usize) -> Quote {
        self.venues[venue].offer(side)
    }

    /// Time of a venue's last record, repeats included.
    #[must_use]
    #[inline]
    pub fn updated(&self, venue: usize) -> Time {
        self.venues[venue].ts
    }

    /// Tape row of a venue's last record.
    #[must_use]
    #[inline]
    pub fn row(&self, venue: usize) -> usize {
        self.venues[venue].row
    }

    /// Best signed price that `side` can take, or [`EMPTY`].
    #[must_use]
    #[inline]
    pub fn best(&self, side: Side) -> Nanos {
        self.best[index(side)]
    }

    /// Best signed ask and best signed bid.
    #[inline]
    pub(super) fn bests(&self) -> (Nanos, Nanos) {
        (self.best[0], self.best[1])
    }

    /// The mid of rule B6; `None` until the first quote.
    #[must_use]
    #[inline]
    pub fn mid(&self) -> Option<Nanos> {
        let (ask, bid) = self.bests();
        if ask != EMPTY && bid != EMPTY {
            return Some(mid_of(ask, bid));
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

    /// Applies all snapshots that begin in `rows`, of which only the last one's book will be looked at; returns the row
    /// after them.
    pub fn fast_forward(&mut self, tape: &Tape<'_>, rows: Range<usize>, mode: Snapshot) -> usize {
        if rows.is_empty() {
            return rows.end;
        }
        let end = tape.snapshot_at(rows.end - 1, mode).end;
        if mode != Snapshot::First && self.halts == 0 && !self.changing && self.jump(tape, rows.start..end, mode) {
            return end;
        }
        let mut next = rows.start;
        while next < rows.end {
            let snapshot = tape.snapshot_at(next, mode);
            next = snapshot.end;
            if !std::mem::take(&mut self.changing) && snapshot.clone().any(|i| tape.is_one_sided(i)) {
                self.settle();
                self.remember();
            }
            for i in snapshot {
                let record = tape.record(i);
                let last = &mut self.venues[record.venue];
                if mode == Snapshot::First && last.ts == record.ts {
                    continue;
                }
                (last.ts, last.row) = (record.ts, i);
                let quotes = keys(&record);
                if self.halts == 0 || self.keep_back(record.venue, quotes).is_none() {
                    self.venues[record.venue].quotes = quotes;
                }
            }
        }
        self.settle();
        next
    }

    /// As [`fast_forward`](Self::fast_forward), where nothing needs to be kept back or left out, from behind: what is remembered
    /// is the book before the last snapshot that clears a side, and nothing older if that has both. Whether it is so: else
    /// nothing is done.
    fn jump(&mut self, tape: &Tape<'_>, rows: Range<usize>, mode: Snapshot) -> bool {
        if let Some(last) = tape.last_one_sided(rows.clone(), mode) {
            let first = tape.snapshot_around(last, mode);
            let mut before = self.clone();
            before.collect(tape, rows.start..first, mode, vec![true; self.venues.len()]);
            if before.bests().0 == EMPTY || before.bests().1 == EMPTY {
                return false;
            }
            before.remember();
            self.memory = before.memory;
        }
        self.collect(tape, rows, mode, vec![true; self.venues.len()]);
        true
    }

    /// The last of these records of each venue that is `missing`.
    fn collect(&mut self, tape: &Tape<'_>, rows: Range<usize>, mode: Snapshot, missing: Vec<bool>) {
        tape.each_last(rows, mode, missing, |row| {
            let record = tape.record(row);
            self.venues[record.venue] = Last { quotes: keys(&record), ts: record.ts, row };
        });
        self.settle();
    }

    /// The book as it was before the records from `rows.end` on, if nothing is halted: what it shows, not what it remembers.
    /// `rows` begin with the session.
    pub(super) fn as_before(&self, tape: &Tape<'_>, rows: Range<usize>, mode: Snapshot) -> Self {
        let mut before = self.clone();
        let later: Vec<bool> = self.venues.iter().map(|last| last.row >= rows.end).collect();
        for (last, _) in before.venues.iter_mut().zip(&later).filter(|(_, later)| **later) {
            *last = Last::NONE;
        }
        before.collect(tape, rows, mode, later);
        before
    }

    /// Finds the best quotes again after records that did not keep them.
    fn settle(&mut self) {
        self.best = [0, 1].map(|side| find_best(&self.venues, side));
    }

    /// Applies the records of the snapshot that begins at row `first`; returns the row after them. `changed` is called for
    /// each record that counts, before it takes effect: depletion and queues look at records, not at snapshots (rules B5,
    /// C10).
    #[inline]
    pub fn apply(&mut self, tape: &Tape<'_>, first: usize, mode: Snapshot, mut changed: impl FnMut(&Change)) -> usize {
        self.apply_plainly(tape, first, mode, &mut changed)
            .unwrap_or_else(|| self.apply_with_care(tape, tape.snapshot_at(first, mode), mode, &mut changed))
    }

    /// As [`apply`](Self::apply), if nothing needs to be remembered, kept back or left out at this snapshot, as at most;
    /// `None` if something does. In a loop over a tape that is [aligned](Tape::aligned) it checks bounds once.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a part of the loop over records")]
    pub(crate) fn apply_plainly(
        &mut self,
        tape: &Tape<'_>,
        first: usize,
        mode: Snapshot,
        changed: &mut impl FnMut(&Change),
    ) -> Option<usize> {
        if !self.is_plain() {
            return None;
        }
        let end = tape.plain_snapshot(first, mode)?;
        for row in first..end {
            self.replace(usize::from(tape.venue()[row]), Last::two_sided(tape, row), changed);
        }
        Some(end)
    }

    #[inline(never)]
    fn apply_with_care(
        &mut self,
        tape: &Tape<'_>,
        rows: Range<usize>,
        mode: Snapshot,
        changed: &mut impl FnMut(&Change),
    ) -> usize {
        let end = rows.end;
        // Only a snapshot that clears a side can make the last mid or the last top needed: remember them here, while the
        // book still is the snapshot before.
        if !std::mem::take(&mut self.changing) && rows.clone().any(|i| tape.is_one_sided(i)) {
            self.remember();
        }
        for row in rows {
            let record = tape.record(row);
            let (ts, venue) = (record.ts, record.venue);
            if mode == Snapshot::First && self.venues[venue].ts == ts {
                continue;
            }
            let new = keys(&record);
            if self.halts > 0
                && let Some(old) = self.keep_back(venue, new)
            {
                let last = &mut self.venues[venue];
                changed(&Change { venue, ts, updated: last.ts, old, new });
                (last.ts, last.row) = (ts, row);
            } else {
                self.replace(venue, Last { quotes: new, ts, row }, changed);
            }
        }
        end
    }

    /// A venue's quotes change.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a part of the loop over records")]
    fn replace(&mut self, venue: usize, new: Last, changed: &mut impl FnMut(&Change)) {
        let Last { quotes: old, ts: updated, .. } = self.venues[venue];
        changed(&Change { venue, ts: new.ts, updated, old, new: new.quotes });
        replace(&mut self.venues, &mut self.best, venue, new);
    }

    /// The venues, and the best quotes of both sides, for a loop that replaces quotes itself; `None` while any is kept back, or
    /// something may have to be remembered.
    #[inline]
    pub(crate) fn laid_open(&mut self) -> Option<(&mut [Last], &mut [Nanos; 2])> {
        self.is_plain().then_some((&mut self.venues, &mut self.best))
    }

    /// Whether nothing is kept back, and nothing may have to be remembered.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.halts == 0 && !self.changing
    }

    /// A record of a halted venue: its quotes are kept and not shown. The ones before, if it is halted.
    #[cold]
    fn keep_back(&mut self, venue: usize, quotes: [Quote; 2]) -> Option<[Quote; 2]> {
        self.halted[venue].as_mut().map(|kept| std::mem::replace(kept, quotes))
    }

    /// Halts begin or end at `now`: those venues hide their quotes, or show them again. Records of the same moment come
    /// after it; where there are none, [`close_moment`](Self::close_moment) does.
    pub(crate) fn see_halts(&mut self, tape: &Tape<'_>, now: Time) {
        if !self.changing {
            self.settle();
            self.remember();
        }
        self.changing = true;
        let venues = self.venues.len();
        self.halted.resize(venues, None);
        for venue in 0..venues {
            match (self.halted[venue].take(), tape.is_halted(venue, now)) {
                (None, true) => {
                    self.halted[venue] = Some(std::mem::replace(&mut self.venues[venue].quotes, Last::NONE.quotes));
                }
                (Some(kept), false) => self.venues[venue].quotes = kept,
                (kept, _) => self.halted[venue] = kept,
            }
        }
        self.settle();
        self.halts = self.halted.iter().flatten().count();
    }

    /// The moment of a halt's begin or end is over.
    pub(crate) fn close_moment(&mut self) {
        self.changing = false;
    }

    /// Whether a venue is halted.
    #[must_use]
    pub fn is_halted(&self, venue: usize) -> bool {
        self.halts > 0 && self.halted[venue].is_some()
    }

    /// Whether every venue is halted.
    #[must_use]
    #[inline]
    pub fn all_halted(&self) -> bool {
        self.halts > 0 && self.halts == self.venues.len()
    }

    #[cold]
    fn remember(&mut self) {
        let (ask, bid) = self.bests();
        let two_sided = ask != EMPTY && bid != EMPTY;
        self.memory = Memory { mid: self.mid(), two_sided: self.memory.two_sided || two_sided };
    }
}
