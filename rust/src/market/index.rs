//! What walks over a tape have found out and later ones need not find out again: how cheap the best quote gets, block by
//! block, and each venue's last record in a chunk of blocks.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Result;
use crate::market::snapshot::Snapshot;
use crate::units::{Nanos, Time};

/// Records in a block, and blocks in a chunk.
const BLOCK: usize = 128;
const BLOCKS: usize = 32;

/// The index of one tape. A chunk of it is made once orders that only waited have walked as many records there as it has: then
/// it costs no more than what was done without it. What is found with it is what a walk finds.
#[derive(Debug)]
pub struct Index {
    records: usize,
    block: usize,
    chunk: usize,
    // By `Last` and `Each`. Of `First` none is made: what it leaves out is not known from the records of a chunk.
    places: [Vec<Place>; 2],
    // The columns that have been found in order, by where they are, and below which number all their venues are.
    checked: OnceLock<([usize; 2], usize)>,
}

#[derive(Debug, Default)]
struct Place {
    walked: AtomicUsize,
    chunk: OnceLock<Box<Chunk>>,
}

/// The snapshots that begin in some records.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Row of the first snapshot behind them.
    pub(super) end: usize,
    /// The lowest and the highest mid.
    pub(super) mids: (Nanos, Nanos),
    /// The least that the best quote costs beside the mid, to a buy and to a sell.
    pub(super) least: [Nanos; 2],
    /// The same by block.
    pub(super) blocks: Vec<[Nanos; 2]>,
    /// By venue: its last record.
    pub(super) lasts: Vec<Option<usize>>,
    /// The last of all that leaves a side without a quote.
    pub(super) one_sided: Option<usize>,
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
        Self { records, block, chunk, places: [places(), places()], checked: OnceLock::new() }
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

    /// Whether these columns have been found in order before, with venues below `venues`; else it asks `check` to do it.
    ///
    /// # Errors
    ///
    /// That of `check`.
    pub(super) fn check_once(
        &self,
        (ts, venue): (&[Time], &[u16]),
        venues: usize,
        check: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let these = ([ts.as_ptr() as usize, venue.as_ptr() as usize], venues);
        if self.checked.get() != Some(&these) {
            check()?;
            self.checked.set(these).unwrap_or_default();
        }
        Ok(())
    }

    /// Records in a block.
    pub(super) fn block(&self) -> usize {
        self.block
    }

    /// The rows of a row's chunk.
    pub(super) fn rows_of(&self, row: usize) -> Range<usize> {
        let start = row / self.chunk * self.chunk;
        start..self.records.min(start.saturating_add(self.chunk))
    }

    fn place(&self, mode: Snapshot, row: usize) -> Option<&Place> {
        match mode {
            Snapshot::Last => self.places[0].get(row / self.chunk),
            Snapshot::Each => self.places[1].get(row / self.chunk),
            Snapshot::First => None,
        }
    }

    /// A row's chunk, if it is known.
    pub(crate) fn chunk(&self, mode: Snapshot, row: usize) -> Option<&Chunk> {
        self.place(mode, row)?.chunk.get().map(|chunk| &**chunk)
    }

    /// Whether a row's chunk is not known and it pays to make it.
    pub(super) fn wants(&self, mode: Snapshot, row: usize) -> bool {
        let wants = |place: &Place| place.chunk.get().is_none() && place.walked.load(Ordering::Relaxed) >= self.chunk;
        self.place(mode, row).is_some_and(wants)
    }

    /// Keeps a row's chunk, unless another thread has made the very same.
    pub(super) fn keep(&self, mode: Snapshot, row: usize, chunk: Chunk) {
        if let Some(place) = self.place(mode, row) {
            place.chunk.set(Box::new(chunk)).unwrap_or_default();
        }
    }

    /// Rows that an order has walked while it only waited.
    #[inline(never)]
    pub(crate) fn walked(&self, mode: Snapshot, rows: Range<usize>) {
        if let Some(place) = self.place(mode, rows.start) {
            place.walked.fetch_add(rows.len(), Ordering::Relaxed);
        }
    }

    /// The row up to which it pays to walk before the index is asked again: a block, or where nothing is known a chunk.
    pub(crate) fn pause(&self, row: usize, unknown: bool) -> usize {
        let length = if unknown { self.chunk } else { self.block };
        (row / length + 1).saturating_mul(length)
    }
}
