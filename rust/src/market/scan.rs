//! Passes over a whole tape: counts of its states, and its state at given times.

use std::ops::Range;

use crate::error::Result;
use crate::market::book::{Book, keys};
use crate::market::moments::Moments;
use crate::market::snapshot::Snapshot;
use crate::market::tape::Tape;
use crate::market::visibility::Visibility;
use crate::observe::Stop;
use crate::quote::EMPTY;
use crate::units::{Nanos, Shares, Side, Time};

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
pub fn count_states(tape: &Tape<'_>, mode: Snapshot, visibility: &Visibility, stop: Stop<'_>) -> Result<BookCounts> {
    let mut counts = BookCounts::default();
    for session in tape.sessions() {
        count_session(tape, mode, visibility, session.rows, &mut counts, stop)?;
    }
    Ok(counts)
}

fn count_session(
    tape: &Tape<'_>,
    mode: Snapshot,
    visibility: &Visibility,
    rows: Range<usize>,
    counts: &mut BookCounts,
    stop: Stop<'_>,
) -> Result<()> {
    let mut book = Book::new(tape.venues());
    let mut next = rows.start;
    while next < rows.end {
        let first = next;
        next = book.apply(tape, first, mode, |_| {});
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
        let limit = visibility.widest(mid);
        for quotes in (first..next).map(|i| keys(&tape.record(i))) {
            counts.stubs += u64::from(quotes[0].key != EMPTY && quotes[0].key - mid > limit);
            counts.stubs += u64::from(quotes[1].key != EMPTY && quotes[1].key + mid > limit);
        }
    }
    Ok(())
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
    let sessions = tape.sessions();
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|&i| times[i]);
    let mut states = vec![State::default(); times.len()];
    let mut place: Option<(usize, Book, Moments<'_>)> = None;
    for (looked, i) in order.into_iter().enumerate() {
        // The last session that has opened by then: a book outlives its session's close, never the next one's open.
        let Some(at) = sessions.partition_point(|session| session.open <= times[i]).checked_sub(1) else { continue };
        if place.as_ref().is_none_or(|(known, ..)| *known != at) {
            place = Some((at, Book::at_open(tape, &sessions[at]), Moments::new(tape, mode, &sessions[at])));
        }
        if let Some((_, book, moments)) = &mut place {
            moments.skip(book, times[i], stop)?;
            states[i] = state(book, visibility, times[i]);
        }
        if looked.is_multiple_of(8192) {
            stop.check()?;
        }
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
