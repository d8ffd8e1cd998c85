//! What walks over a tape have found out and later ones need not find out again: how cheap the best quote gets, block by
//! block, and each venue's last record in a chunk of blocks.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::market::book::Book;
use crate::market::tape::{Snapshot, Tape};
use crate::quote::EMPTY;
use crate::units::{Nanos, Side, Time};

/// Records in a block, and blocks in a chunk.
const BLOCK: usize = 128;
const BLOCKS: usize = 32;

/// The index of one tape. A chunk of it is made once as many records were walked there by orders that only waited as the
/// chunk has: then it costs no more than what was done without it. What is found with it is what a walk finds.
#[derive(Debug)]
pub struct Index {
    records: usize,
    block: usize,
    chunk: usize,
    // By `Last` and `Each`. What `First` leaves out a book cannot be told without.
    places: [Vec<Place>; 2],
}

#[derive(Debug, Default)]
struct Place {
    walked: AtomicUsize,
    chunk: OnceLock<Box<Chunk>>,
}

/// The snapshots that begin in some records.
#[derive(Debug)]
struct Chunk {
    // Row of the first snapshot behind them.
    end: usize,
    // The lowest and the highest mid.
    mids: (Nanos, Nanos),
    // The least that a side's best quote costs beside the mid; in all and by block.
    least: [Nanos; 2],
    blocks: Vec<[Nanos; 2]>,
    // By venue: its last record in the chunk.
    lasts: Vec<Option<usize>>,
    // The last of all that leaves a side without a quote.
    one_sided: Option<usize>,
}

/// A stretch that is to be passed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) mode: Snapshot,
    /// Row of its first snapshot.
    pub(crate) next: usize,
    /// The session's rows end here.
    pub(crate) rows: usize,
    /// It ends before a snapshot of this time or later.
    pub(crate) until: Time,
}

const fn place_of(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

impl Index {
    /// The index of a tape of so many records, of which nothing is known yet.
    #[must_use]
    pub fn new(records: usize) -> Self {
        Self::with_blocks(records, BLOCK, BLOCKS)
    }

    /// One in blocks of so many records and chunks of so many blocks, at least one of each.
    #[must_use]
    pub fn with_blocks(records: usize, block: usize, blocks: usize) -> Self {
        let block = block.max(1);
        let chunk = block.saturating_mul(blocks.max(1));
        let places = || (0..records.div_ceil(chunk)).map(|_| Place::default()).collect();
        Self { records, block, chunk, places: [places(), places()] }
    }

    /// How many records its tape has.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    /// How many chunks are known.
    #[must_use]
    pub fn known(&self) -> usize {
        self.places.iter().flatten().filter(|place| place.chunk.get().is_some()).count()
    }

    fn place(&self, mode: Snapshot, row: usize) -> Option<&Place> {
        match mode {
            Snapshot::Last => self.places[0].get(row / self.chunk),
            Snapshot::Each => self.places[1].get(row / self.chunk),
            Snapshot::First => None,
        }
    }

    fn chunk(&self, mode: Snapshot, row: usize) -> Option<&Chunk> {
        self.place(mode, row)?.chunk.get().map(|chunk| &**chunk)
    }

    /// Rows that an order has walked while it only waited.
    #[inline]
    pub(crate) fn walked(&self, mode: Snapshot, rows: &Range<usize>) {
        if let Some(place) = self.place(mode, rows.start) {
            place.walked.fetch_add(rows.len(), Ordering::Relaxed);
        }
    }

    /// The row up to which it pays to walk before the index is asked again.
    pub(crate) fn pause(&self, mode: Snapshot, row: usize, waits: bool) -> usize {
        let length = if waits && self.chunk(mode, row).is_none() { self.chunk } else { self.block };
        (row / length + 1) * length
    }

    /// Makes the chunk of a row if that pays by now; `book` is that of the snapshots before the row, in a session of `rows`.
    pub(crate) fn learn(&self, tape: &Tape<'_>, mode: Snapshot, row: usize, rows: &Range<usize>, book: &Book) {
        let Some(place) = self.place(mode, row) else { return };
        if place.chunk.get().is_some() || place.walked.load(Ordering::Relaxed) < self.chunk {
            return;
        }
        let start = row / self.chunk * self.chunk;
        let own = start..self.records.min(start + self.chunk);
        if own.start < rows.start || own.end > rows.end {
            return;
        }
        // Another thread may have made the very same.
        let _ = place.chunk.set(Box::new(Chunk::new(tape, mode, own, rows, book, self.block)));
    }

    /// The row up to which no snapshot has a quote on `side` that costs less beside the mid than `reach` of the lowest and the
    /// highest mid of a chunk, as far as that is known; where that says nothing no further.
    pub(crate) fn dear_until(
        &self,
        tape: &Tape<'_>,
        stretch: Stretch,
        side: Side,
        mut reach: impl FnMut((Nanos, Nanos)) -> Option<Nanos>,
    ) -> usize {
        let Stretch { mode, next, rows, until } = stretch;
        let ends = |end: usize| end <= rows && tape.ts()[end - 1] < until;
        let (side, mut row) = (place_of(side), next);
        while row < rows
            && let Some(chunk) = self.chunk(mode, row)
        {
            let Some(far) = reach(chunk.mids) else { return row };
            if chunk.least[side] >= far && ends(chunk.end) {
                row = chunk.end;
                continue;
            }
            let start = row / self.chunk * self.chunk;
            while row - start < self.chunk {
                let block = (row - start) / self.block;
                let behind = self.records.min(start + (block + 1) * self.block);
                let end = tape.snapshot_behind(behind, mode);
                if chunk.blocks[block][side] < far || !ends(end) {
                    return row;
                }
                row = end;
            }
        }
        row
    }

    /// The chunk that begins in some rows and ends where they do, if it is known, and the row where it begins.
    fn at_end_of(&self, rows: &Range<usize>, mode: Snapshot) -> Option<(&Chunk, usize)> {
        let begin = rows.end.checked_sub(1)? / self.chunk * self.chunk;
        let whole = rows.end == self.records.min(begin + self.chunk) && begin >= rows.start;
        self.chunk(mode, begin).filter(|_| whole).map(|chunk| (chunk, begin))
    }
}

impl Chunk {
    /// The snapshots that begin in rows `own` of a session of `rows`, of which `book` is one within them or behind.
    fn new(tape: &Tape<'_>, mode: Snapshot, own: Range<usize>, rows: &Range<usize>, book: &Book, block: usize) -> Self {
        let mut next = if own.start == rows.start { own.start } else { tape.snapshot_behind(own.start, mode) };
        let mut book = book.as_before(tape, rows.start..next);
        let mut mids = (Nanos::MAX, Nanos::MIN);
        let mut blocks = vec![[Nanos::MAX; 2]; own.len().div_ceil(block)];
        while next < own.end {
            let first = next;
            next = book.apply(tape, first, mode, |_| {});
            let least = &mut blocks[(first - own.start) / block];
            let (ask, bid) = book.bests();
            match book.mid().filter(|_| ask != EMPTY && bid != EMPTY) {
                Some(mid) => {
                    let costs = [Side::Buy, Side::Sell].map(|side| book.best(side).saturating_sub(side.sign() * mid));
                    *least = [least[0].min(costs[0]), least[1].min(costs[1])];
                    mids = (mids.0.min(mid), mids.1.max(mid));
                }
                None => *least = [Nanos::MIN; 2],
            }
        }
        let (mut lasts, mut one_sided) = (vec![None; tape.venues()], None);
        for row in own {
            lasts[usize::from(tape.venue()[row])] = Some(row);
            one_sided = Some(row).filter(|&row| tape.is_one_sided(row)).or(one_sided);
        }
        let least = blocks.iter().fold([Nanos::MAX; 2], |all, one| [all[0].min(one[0]), all[1].min(one[1])]);
        Self { end: next, mids, least, blocks, lasts, one_sided }
    }
}

impl<'a> Tape<'a> {
    /// The same tape with an index of it, which replays use and add to.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an index of so many records as the tape does not have.
    pub fn with_index(self, index: &'a Index) -> Result<Self> {
        if index.records == self.len() {
            return Ok(self.indexed(index));
        }
        let (rule, value) = ("must be of this tape", format!("one of {} records", index.records));
        Err(Error::Invalid { argument: "tape.index", rule, value })
    }

    /// Where the last chunk begins that some rows have a part of.
    fn begin_of(&self, rows: &Range<usize>) -> usize {
        self.index().map_or(0, |index| (rows.end - 1) / index.chunk * index.chunk).max(rows.start)
    }

    /// Calls `found` with the last row of each venue in some rows, as far as it has one there.
    pub(super) fn each_last(&self, mut rows: Range<usize>, mode: Snapshot, mut found: impl FnMut(usize)) {
        let (mut missing, mut count) = (vec![true; self.venues()], self.venues());
        while !rows.is_empty() && count > 0 {
            if let Some((chunk, begin)) = self.index().and_then(|index| index.at_end_of(&rows, mode)) {
                for (missing, last) in missing.iter_mut().zip(&chunk.lasts) {
                    if let Some(row) = last.filter(|_| *missing) {
                        (*missing, count) = (false, count - 1);
                        found(row);
                    }
                }
                rows.end = begin;
                continue;
            }
            let begin = self.begin_of(&rows);
            for row in (begin..rows.end).rev() {
                if count == 0 {
                    break;
                }
                if std::mem::take(&mut missing[usize::from(self.venue()[row])]) {
                    count -= 1;
                    found(row);
                }
            }
            rows.end = begin;
        }
    }

    /// The last of some rows that leaves a side without a quote.
    pub(super) fn last_one_sided(&self, mut rows: Range<usize>, mode: Snapshot) -> Option<usize> {
        while !rows.is_empty() {
            if let Some((chunk, begin)) = self.index().and_then(|index| index.at_end_of(&rows, mode)) {
                if chunk.one_sided.is_some() {
                    return chunk.one_sided;
                }
                rows.end = begin;
                continue;
            }
            let begin = self.begin_of(&rows);
            let last = (begin..rows.end).rev().find(|&row| self.is_one_sided(row));
            if last.is_some() {
                return last;
            }
            rows.end = begin;
        }
        None
    }
}
