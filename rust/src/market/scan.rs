//! Passes over a whole tape: counts of its states, and mids at given times.

use crate::error::Result;
use crate::market::book::{Book, keys};
use crate::market::tape::{Snapshot, Tape};
use crate::observe::Stop;
use crate::quote::EMPTY;
use crate::units::{Nanos, Time, fraction_of};

/// Counts over a tape's snapshots, for the report on the data (MODEL B6, B7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookCounts {
    /// Snapshots.
    pub snapshots: u64,
    /// Snapshots with best bid = best ask.
    pub locked: u64,
    /// Snapshots with best bid > best ask.
    pub crossed: u64,
    /// Quotes (one side of a record) further than the collar through the mid of their snapshot.
    pub stubs: u64,
}

/// Replays the whole tape through an as-of book and counts its states. `stop` is asked every few thousand
/// snapshots.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped).
pub fn count_states(tape: &Tape<'_>, mode: Snapshot, collar: f64, stop: Stop<'_>) -> Result<BookCounts> {
    let mut book = Book::new(tape.venues());
    let mut counts = BookCounts::default();
    let mut next = 0;
    while next < tape.len() {
        let rows = tape.snapshot_at(next, mode);
        next = rows.end;
        book.apply(tape, rows.clone(), mode, |_| {});
        counts.snapshots += 1;
        if counts.snapshots.is_multiple_of(8192) {
            stop.check()?;
        }
        let (ask, bid) = book.bests();
        if ask != EMPTY && bid != EMPTY {
            counts.locked += u64::from(ask == -bid);
            counts.crossed += u64::from(ask < -bid);
        }
        let Some(mid) = book.mid() else { continue };
        let limit = fraction_of(collar, mid);
        for quotes in rows.map(|i| keys(&tape.record(i))) {
            counts.stubs += u64::from(quotes[0].key != EMPTY && quotes[0].key - mid > limit);
            counts.stubs += u64::from(quotes[1].key != EMPTY && quotes[1].key + mid > limit);
        }
    }
    Ok(counts)
}

/// The mid as of each of `times` (ascending): that of the book after all records up to then; `None` before the first
/// quote. `stop` is asked every few thousand snapshots.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped).
pub fn mids_at(tape: &Tape<'_>, mode: Snapshot, times: &[Time], stop: Stop<'_>) -> Result<Vec<Option<Nanos>>> {
    let mut book = Book::new(tape.venues());
    let mut mids = Vec::with_capacity(times.len());
    let mut next = 0;
    for &time in times {
        let end = next + tape.ts()[next..].partition_point(|&ts| ts <= time);
        while next < end {
            next = book.fast_forward(tape, next..end.min(next + 8192), mode);
            stop.check()?;
        }
        mids.push(book.mid());
    }
    Ok(mids)
}
