//! The as-of book at given times.

use crate::error::Result;
use crate::market::book::Book;
use crate::market::tape::{Snapshot, Tape};
use crate::observe::Stop;
use crate::units::Time;

/// How often a pass over the tape looks at the clock, in snapshots and books.
const LOOK_EVERY: usize = 8192;

/// Where a parent's replay begins: the as-of book at its start, and the first record after it.
#[derive(Clone, Debug)]
pub struct AsOf {
    /// The book after all records with `ts <= start`.
    pub book: Book,
    /// Row of the first record with `ts > start`.
    pub next: usize,
}

/// The as-of book at each of `times` (any order), in one pass over the tape. `stop` is asked every few thousand
/// snapshots.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped).
pub fn as_of_books(tape: &Tape<'_>, mode: Snapshot, times: &[Time], stop: Stop<'_>) -> Result<Vec<AsOf>> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|&i| times[i]);
    let mut found: Vec<Option<AsOf>> = vec![None; times.len()];
    let mut book = Book::new(tape.venues());
    let (mut next, mut looked) = (0, 0);
    for (started, i) in order.into_iter().enumerate() {
        let end = next + tape.ts()[next..].partition_point(|&ts| ts <= times[i]);
        loop {
            // A book copied counts as a record entered.
            if next + started >= looked + LOOK_EVERY {
                looked = next + started;
                stop.check()?;
            }
            if next >= end {
                break;
            }
            next = book.fast_forward(tape, next..end.min(next + LOOK_EVERY), mode);
        }
        found[i] = Some(AsOf { book: book.clone(), next });
    }
    Ok(found.into_iter().flatten().collect())
}
