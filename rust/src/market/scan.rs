//! Passes over a whole tape: counts of its states, and its state at given times.

use crate::error::Result;
use crate::market::book::{Book, keys};
use crate::market::tape::{Snapshot, Tape};
use crate::market::visibility::Visibility;
use crate::observe::Stop;
use crate::quote::EMPTY;
use crate::units::{Nanos, Shares, Side, Time, fraction_of};

/// Counts over a tape's snapshots, for the report on the data (rules B6, B7).
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

/// What the consolidated book shows at one moment; prices in nanos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Best bid, stubs included; `None` while that side is empty.
    pub bid: Option<Nanos>,
    /// Best ask, stubs included.
    pub ask: Option<Nanos>,
    /// The mid (rule B6); `None` before the first quote.
    pub mid: Option<Nanos>,
    /// Shares displayed at visible bids, over all venues (rules B3, B7).
    pub bid_displayed: Shares,
    /// Shares displayed at visible asks.
    pub ask_displayed: Shares,
}

/// The state of the book as of each of `times` (any order): after all records up to then. `stop` is asked every few
/// thousand snapshots.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped).
pub fn book_at(
    tape: &Tape<'_>,
    mode: Snapshot,
    visibility: &Visibility,
    times: &[Time],
    stop: Stop<'_>,
) -> Result<Vec<State>> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|&i| times[i]);
    let mut book = Book::new(tape.venues());
    let mut states = vec![State::default(); times.len()];
    let mut next = 0;
    for (looked, i) in order.into_iter().enumerate() {
        let end = next + tape.ts()[next..].partition_point(|&ts| ts <= times[i]);
        while next < end {
            next = book.fast_forward(tape, next..end.min(next + 8192), mode);
            stop.check()?;
        }
        if looked.is_multiple_of(8192) {
            stop.check()?;
        }
        states[i] = state(&book, visibility, times[i]);
    }
    Ok(states)
}

fn state(book: &Book, visibility: &Visibility, now: Time) -> State {
    let (ask, bid) = book.bests();
    let Some(mid) = book.mid() else { return State::default() };
    let displayed = |side| visibility.visible(book, side, mid, now).map(|(_, quote)| Shares::from(quote.size)).sum();
    State {
        bid: (bid != EMPTY).then_some(-bid),
        ask: (ask != EMPTY).then_some(ask),
        mid: Some(mid),
        bid_displayed: displayed(Side::Sell),
        ask_displayed: displayed(Side::Buy),
    }
}
