//! The tape: borrowed columns of L1 records in time order, and the snapshots they make (rules B1, B4).

use std::ops::Range;

use crate::error::{Error, Result};
use crate::market::hours::{Hours, Session};
use crate::market::index::{Chunk, Index};
use crate::market::snapshot::Snapshot;
use crate::units::{Nanos, Time, UNDEF_PRICE};

/// Columns of L1 records, sorted by time, one entry a record. A side without a quote has the price
/// [`UNDEF_PRICE`](crate::units::UNDEF_PRICE) and size 0.
#[derive(Clone, Copy, Debug)]
pub struct Tape<'a> {
    ts: &'a [Time],
    venue: &'a [u16],
    bid_px: &'a [Nanos],
    bid_sz: &'a [u32],
    ask_px: &'a [Nanos],
    ask_sz: &'a [u32],
    queue_position: Option<&'a [f64]>,
    venues: usize,
    trades: Option<Trades<'a>>,
    hours: Option<&'a Hours>,
    index: Option<&'a Index>,
}

/// Executions on the venues of a tape, sorted by time. Only time relates them to the quotes: at one time the trades come
/// first, then the records (rule C10).
#[derive(Clone, Copy, Debug)]
pub struct Trades<'a> {
    /// Event time, nondecreasing.
    pub ts: &'a [Time],
    /// Dense venue index, that of the tape.
    pub venue: &'a [u16],
    /// Price in nanos.
    pub price: &'a [Nanos],
    /// Shares.
    pub size: &'a [u32],
}

impl Trades<'_> {
    /// Row of the first trade after `now`.
    #[must_use]
    pub fn after(&self, now: Time) -> usize {
        self.ts.partition_point(|&ts| ts <= now)
    }
}

/// The columns [`Tape::new`] takes, by name.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Event time, nondecreasing.
    pub ts: &'a [Time],
    /// Dense venue index, in ascending venue id.
    pub venue: &'a [u16],
    /// Bid price in nanos.
    pub bid_px: &'a [Nanos],
    /// Bid size in shares.
    pub bid_sz: &'a [u32],
    /// Ask price in nanos.
    pub ask_px: &'a [Nanos],
    /// Ask size in shares.
    pub ask_sz: &'a [u32],
    /// Queue position of a new order at the venue, in `[0, 1]` (rule F2).
    pub queue_position: Option<&'a [f64]>,
}

/// One L1 record.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Event time.
    pub ts: Time,
    /// Dense venue index.
    pub venue: usize,
    /// Bid price and size.
    pub bid: (Nanos, u32),
    /// Ask price and size.
    pub ask: (Nanos, u32),
}

impl<'a> Tape<'a> {
    /// Borrows the columns of a tape over `venues` venues.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the columns differ in length, a venue index is not below `venues`, or time runs
    /// backwards: what the loader promises, checked once because everything after relies on it.
    pub fn new(columns: Columns<'a>, venues: usize) -> Result<Self> {
        let tape = Self::unchecked(columns, venues)?;
        tape.check()?;
        Ok(tape)
    }

    /// As [`new`](Self::new) with an index of these columns, which replays use and add to; it also knows whether they have
    /// been checked before.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and for an index of another number of records.
    pub fn with_index(columns: Columns<'a>, venues: usize, index: &'a Index) -> Result<Self> {
        let tape = Self::unchecked(columns, venues)?;
        if index.records() != tape.len() {
            let value = format!("one of {} beside {}", index.records(), tape.len());
            return Err(invalid("tape.index", "must be of as many records as the tape has", value));
        }
        index.check_once((tape.ts, tape.venue), venues, || tape.check())?;
        Ok(Self { index: Some(index), ..tape })
    }

    fn check(&self) -> Result<()> {
        check_venues("tape.venue", self.venue, self.venues)?;
        check_order("tape.ts", self.ts)
    }

    fn unchecked(columns: Columns<'a>, venues: usize) -> Result<Self> {
        let Columns { ts, venue, bid_px, bid_sz, ask_px, ask_sz, queue_position } = columns;
        let lengths = [venue.len(), bid_px.len(), bid_sz.len(), ask_px.len(), ask_sz.len()];
        let queue_length = queue_position.map_or(ts.len(), <[f64]>::len);
        if lengths.iter().chain([&queue_length]).any(|&n| n != ts.len()) {
            return Err(invalid("tape", "must have columns of one length", format!("{} and {lengths:?}", ts.len())));
        }
        let columns = Self {
            ts,
            venue,
            bid_px,
            bid_sz,
            ask_px,
            ask_sz,
            queue_position,
            venues,
            trades: None,
            hours: None,
            index: None,
        };
        Ok(columns)
    }

    /// The same tape with its trades.
    ///
    /// # Errors
    ///
    /// As [`Tape::new`].
    pub fn with_trades(self, trades: Trades<'a>) -> Result<Self> {
        let lengths = [trades.venue.len(), trades.price.len(), trades.size.len()];
        if lengths.iter().any(|&n| n != trades.ts.len()) {
            let value = format!("{} and {lengths:?}", trades.ts.len());
            return Err(invalid("tape.trades", "must have columns of one length", value));
        }
        check_venues("tape.trades.venue", trades.venue, self.venues)?;
        check_order("tape.trades.ts", trades.ts)?;
        Ok(Self { trades: Some(trades), ..self })
    }

    /// The same tape with its sessions and halts. Without them it is one session.
    #[must_use]
    pub fn with_hours(self, hours: &'a Hours) -> Self {
        Self { hours: Some(hours), ..self }
    }

    /// The same tape without its index.
    #[must_use]
    pub fn without_index(self) -> Self {
        Self { index: None, ..self }
    }

    /// Its index, where it has one.
    #[inline]
    pub(crate) fn index(&self) -> Option<&'a Index> {
        self.index
    }

    /// Its sessions, in order.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        match (self.hours, self.ts.first(), self.ts.last()) {
            (Some(hours), ..) => hours.sessions().to_vec(),
            (None, Some(&open), Some(&close)) => vec![Session { rows: 0..self.ts.len(), open, close }],
            _ => Vec::new(),
        }
    }

    /// Whether a session opens at `now`.
    #[must_use]
    pub(crate) fn opens_at(&self, now: Time) -> bool {
        self.hours.is_some_and(|hours| hours.sessions().binary_search_by_key(&now, |session| session.open).is_ok())
    }

    /// Whether any halt is known.
    #[must_use]
    pub(crate) fn has_halts(&self) -> bool {
        self.hours.is_some_and(Hours::has_halts)
    }

    /// Whether a venue is halted at `now` (rule T5).
    #[must_use]
    pub(crate) fn is_halted(&self, venue: usize, now: Time) -> bool {
        self.hours.is_some_and(|hours| hours.is_halted(venue, now))
    }

    /// When halts begin or end in a session.
    pub(crate) fn edges(&self, session: &Session) -> &'a [Time] {
        self.hours.map_or(&[], |hours| hours.edges(session))
    }

    /// The trades, where the tape has them.
    #[must_use]
    pub fn trades(&self) -> Option<Trades<'a>> {
        self.trades
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether the tape holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// Number of venues.
    #[must_use]
    pub fn venues(&self) -> usize {
        self.venues
    }

    /// Event times.
    #[must_use]
    pub fn ts(&self) -> &'a [Time] {
        self.ts
    }

    /// The same tape with columns whose one length the compiler sees: in a loop over a copy that stays where it is, records
    /// take one check of bounds.
    #[inline]
    pub(crate) fn aligned(self) -> Self {
        let n = self.ts.len();
        Self {
            venue: &self.venue[..n],
            bid_px: &self.bid_px[..n],
            bid_sz: &self.bid_sz[..n],
            ask_px: &self.ask_px[..n],
            ask_sz: &self.ask_sz[..n],
            ..self
        }
    }

    /// The venues of all records.
    #[inline]
    pub(crate) fn venue(&self) -> &'a [u16] {
        self.venue
    }

    /// Record `i`.
    #[must_use]
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "read at every record of every pass")]
    pub fn record(&self, i: usize) -> Record {
        Record {
            ts: self.ts[i],
            venue: usize::from(self.venue[i]),
            bid: (self.bid_px[i], self.bid_sz[i]),
            ask: (self.ask_px[i], self.ask_sz[i]),
        }
    }

    /// Whether record `i` leaves a side without a quote.
    #[must_use]
    #[inline]
    pub fn is_one_sided(&self, i: usize) -> bool {
        self.bid_px[i] == UNDEF_PRICE || self.ask_px[i] == UNDEF_PRICE
    }

    /// Where the snapshot of record `i` begins.
    #[must_use]
    pub(crate) fn snapshot_around(&self, i: usize, mode: Snapshot) -> usize {
        let same = |first: usize| mode != Snapshot::Each && first > 0 && self.ts[first - 1] == self.ts[i];
        let mut first = i;
        while same(first) {
            first -= 1;
        }
        first
    }

    /// The first row from `row` on at which a snapshot begins, the tape's end being one.
    #[must_use]
    pub(crate) fn snapshot_behind(&self, row: usize, mode: Snapshot) -> usize {
        let within = |row: usize| row > 0 && row < self.ts.len() && self.ts[row - 1] == self.ts[row];
        let mut first = row;
        while mode != Snapshot::Each && within(first) {
            first += 1;
        }
        first
    }

    /// The tape's own queue position in record `i`, where it has that column.
    #[must_use]
    #[inline]
    pub fn queue_position(&self, i: usize) -> Option<f64> {
        self.queue_position.map(|column| column[i])
    }

    /// The row after the snapshot that begins at record `i`, if every record of it counts and has both sides. In a loop over a
    /// tape that is [aligned](Self::aligned) it checks bounds once.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a part of the loop over records")]
    pub(crate) fn plain_snapshot(&self, i: usize, mode: Snapshot) -> Option<usize> {
        let (now, mut plain, mut end) = (self.ts[i], !self.is_one_sided(i), i + 1);
        while mode != Snapshot::Each && end < self.ts.len() && self.ts[end] == now {
            plain = plain && mode == Snapshot::Last && !self.is_one_sided(end);
            end += 1;
        }
        plain.then_some(end)
    }

    /// Where the last chunk of the index begins that some rows have a part of; and what is known of it, if they end with it.
    fn last_chunk(&self, rows: &Range<usize>, mode: Snapshot) -> (usize, Option<&'a Chunk>) {
        let Some(index) = self.index else { return (rows.start, None) };
        let own = index.rows_of(rows.end - 1);
        let whole = own.start >= rows.start && own.end == rows.end;
        (own.start.max(rows.start), index.chunk(mode, own.start).filter(|_| whole))
    }

    /// Calls `found` with the last row in some rows of each venue that is `missing`, as far as it has one there.
    pub(super) fn each_last(
        &self,
        mut rows: Range<usize>,
        mode: Snapshot,
        mut missing: Vec<bool>,
        mut found: impl FnMut(usize),
    ) {
        let mut count = missing.iter().filter(|&&missing| missing).count();
        while !rows.is_empty() && count > 0 {
            let (begin, known) = self.last_chunk(&rows, mode);
            if let Some(chunk) = known {
                for (missing, last) in missing.iter_mut().zip(&chunk.lasts) {
                    if let Some(row) = last.filter(|_| *missing) {
                        (*missing, count) = (false, count - 1);
                        found(row);
                    }
                }
                rows.end = begin;
                continue;
            }
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
            let (begin, known) = self.last_chunk(&rows, mode);
            let walk = || (begin..rows.end).rev().find(|&row| self.is_one_sided(row));
            let last = known.map_or_else(walk, |chunk| chunk.one_sided);
            if last.is_some() {
                return last;
            }
            rows.end = begin;
        }
        None
    }

    /// The records of the snapshot that begins at record `i`.
    #[must_use]
    #[inline]
    pub fn snapshot_at(&self, i: usize, mode: Snapshot) -> Range<usize> {
        let mut end = i + 1;
        if mode != Snapshot::Each {
            while end < self.ts.len() && self.ts[end] == self.ts[i] {
                end += 1;
            }
        }
        i..end
    }
}

fn check_venues(argument: &'static str, venue: &[u16], venues: usize) -> Result<()> {
    // A whole pass without a way out is several times as fast as a search.
    if usize::from(venue.iter().fold(0, |most, &v| v.max(most))) < venues {
        return Ok(());
    }
    let wrong = venue.iter().position(|&v| usize::from(v) >= venues);
    wrong.map_or(Ok(()), |row| {
        Err(invalid(argument, "must be below the number of venues", format!("{} in row {row}", venue[row])))
    })
}

fn check_order(argument: &'static str, ts: &[Time]) -> Result<()> {
    // A whole pass in arithmetic of which a processor does several at once, which it does not do with comparisons: where no time
    // is so far out that a difference overflows, its sign tells.
    let signs = ts.iter().zip(ts.iter().skip(1)).fold(0, |signs, (&a, &b)| signs | b.wrapping_sub(a) | far(a));
    if ts.last().is_none_or(|&last| signs | far(last) >= 0) {
        return Ok(());
    }
    let wrong = ts.windows(2).position(|pair| pair[0] > pair[1]);
    wrong.map_or(Ok(()), |row| {
        Err(invalid(argument, "must not decrease", format!("{} in row {}", ts[row + 1], row + 1)))
    })
}

/// A number that is negative where a time is so far out that the difference from another may overflow.
pub(super) fn far(ts: Time) -> i64 {
    ts ^ (ts << 1)
}

fn invalid(argument: &'static str, rule: &'static str, value: String) -> Error {
    Error::Invalid { argument, rule, value }
}
