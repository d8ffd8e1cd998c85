//! Scenarios from a tape, without looking ahead (rule C9).
//!
//! In each window of length `T` a probe order is replayed at each venue's own-side best quote, as it stands when the
//! window opens; its filled shares are `(xi_k - Q_k)+`. All venues of a window make one scenario, so that their dependence is
//! kept. A window is known once it has ended.

use std::collections::VecDeque;
use std::ops::Range;

use crate::error::{Result, require};
use crate::fills::{Arrival, QueueModel, Resting};
use crate::market::{Book, Change, Snapshot, Tape, Visibility, postable};
use crate::observe::Stop;
use crate::units::{Nanos, Shares, Side, Time};

/// Which windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Length of each, nanoseconds, positive.
    pub length: Time,
    /// From one start to the next, nanoseconds, positive; the first starts with the tape.
    pub every: Time,
}

impl Windows {
    fn check(&self, tape: &Tape<'_>) -> Result<()> {
        let span = tape.ts().first().zip(tape.ts().last()).map_or(0, |(first, last)| last.saturating_sub(*first));
        let count = span.saturating_sub(self.length) / self.every;
        require(
            count < MOST_WINDOWS,
            "window_every",
            "must be so long that a tape has at most 1,000,000 windows",
            || format!("{} ns, which makes {count} windows", self.every),
        )
    }
}

/// What probes see and are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probing {
    /// The side of the order they stand for.
    pub side: Side,
    /// Shares of each probe.
    pub quantity: Shares,
    /// Their windows.
    pub windows: Windows,
    /// How their queues are simulated.
    pub queue: QueueModel,
    /// Which records count.
    pub snapshot: Snapshot,
    /// Which quotes can be joined.
    pub visibility: Visibility,
}

/// The filled shares of every window's probes, one row per window in order of time, one column per venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Probes {
    /// When each window ends.
    pub ends: Vec<Time>,
    venues: usize,
    filled: Vec<Shares>,
}

impl Probes {
    /// The rows known at `now`, the last `most` of them.
    #[must_use]
    pub fn known_at(&self, now: Time, most: usize) -> Range<usize> {
        let known = self.ends.partition_point(|&end| end <= now);
        known.saturating_sub(most)..known
    }

    /// The filled shares of one probe.
    #[must_use]
    pub fn filled(&self, row: usize, venue: usize) -> Shares {
        self.filled[row * self.venues + venue]
    }

    /// All filled shares, row by row.
    #[must_use]
    pub fn into_rows(self) -> Vec<Shares> {
        self.filled
    }
}

/// More windows on a tape than this are an error.
const MOST_WINDOWS: Time = 1_000_000;

/// How often a pass looks whether it should stop: in records, each as often as there are windows open.
const LOOK_EVERY: usize = 65_536;

/// Replays the probes of all windows that lie on the tape, in one pass. `stop` is asked every few milliseconds.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped), and [`Error::Invalid`](crate::Error::Invalid) where there are more than a million windows.
pub fn probe(tape: &Tape<'_>, probing: &Probing, stop: Stop<'_>) -> Result<Probes> {
    probing.windows.check(tape)?;
    let mut pass = Pass::new(tape, probing);
    let (mut next, mut work) = (0, 0);
    while next < tape.len() {
        let rows = tape.snapshot_at(next, probing.snapshot);
        let now = tape.ts()[next];
        next = rows.end;
        pass.trades_until(now);
        pass.turn_to(now);
        let Pass { book, open, .. } = &mut pass;
        work += rows.len() * (1 + open.len());
        book.apply(tape, rows, probing.snapshot, |change| open.iter_mut().for_each(|window| window.record(change)));
        if work >= LOOK_EVERY {
            work = 0;
            stop.check()?;
        }
    }
    // What is still open ends with the tape.
    while !pass.open.is_empty() {
        pass.close();
    }
    Ok(Probes { ends: pass.ends, venues: tape.venues(), filled: pass.filled })
}

/// A window that has begun and not ended.
struct Window {
    end: Time,
    side: Side,
    quantity: Shares,
    probes: Vec<Option<Resting>>,
}

impl Window {
    #[inline]
    fn record(&mut self, change: &Change) {
        let side = self.side;
        if let Some(probe) = self.probes[change.venue].as_mut().filter(|probe| probe.left() > 0) {
            probe.record(change.ts, change.quote(side.opposite()), change.quote(side));
        }
    }

    fn filled(&self) -> impl Iterator<Item = Shares> + '_ {
        self.probes.iter().map(|probe| probe.as_ref().map_or(0, |probe| self.quantity - probe.left()))
    }
}

/// The pass over the tape under way.
struct Pass<'a> {
    tape: &'a Tape<'a>,
    probing: &'a Probing,
    book: Book,
    open: VecDeque<Window>,
    next_start: Time,
    next_trade: usize,
    ends: Vec<Time>,
    filled: Vec<Shares>,
}

impl<'a> Pass<'a> {
    fn new(tape: &'a Tape<'a>, probing: &'a Probing) -> Self {
        Self {
            tape,
            probing,
            book: Book::new(tape.venues()),
            open: VecDeque::new(),
            next_start: tape.ts().first().copied().unwrap_or(0),
            next_trade: 0,
            ends: Vec::new(),
            filled: Vec::new(),
        }
    }

    /// Trades up to `now`: at one time they come before the records.
    fn trades_until(&mut self, now: Time) {
        let Some(trades) = self.tape.trades() else { return };
        while self.next_trade < trades.ts.len() && trades.ts[self.next_trade] <= now {
            let i = self.next_trade;
            self.next_trade += 1;
            self.turn_to(trades.ts[i]);
            let (venue, side) = (usize::from(trades.venue[i]), self.probing.side);
            let key: Nanos = side.opposite().sign() * trades.price[i];
            let other = self.book.offers(side)[venue].key;
            for window in &mut self.open {
                if let Some(probe) = &mut window.probes[venue] {
                    probe.trade(trades.ts[i], key, Shares::from(trades.size[i]), other);
                }
            }
        }
    }

    /// Closes windows that ended before `now` and opens those that began before it: an event at `now` belongs to the
    /// windows with `start < now <= end`.
    fn turn_to(&mut self, now: Time) {
        while self.open.front().is_some_and(|window| window.end < now) {
            self.close();
        }
        let last = self.tape.ts().last().copied().unwrap_or(Time::MIN);
        while self.next_start < now {
            let start = self.next_start;
            let Some(end) = start.checked_add(self.probing.windows.length).filter(|&end| end <= last) else { break };
            self.next_start = start.saturating_add(self.probing.windows.every);
            let window = self.open_window(start, end);
            self.open.push_back(window);
            // Nothing happened while it was open.
            if end < now {
                self.close();
            }
        }
    }

    fn open_window(&self, start: Time, end: Time) -> Window {
        let Probing { side, quantity, queue, visibility, .. } = self.probing;
        let mut probes = vec![None; self.tape.venues()];
        if let Some(mid) = self.book.mid() {
            for (venue, own) in postable(&self.book, *side, visibility, mid, start) {
                let other = self.book.offers(*side)[venue];
                let seen = Shares::from(own.size);
                let arrival = Arrival { key: own.key, quantity: *quantity, seen, own, other };
                probes[venue] = Resting::join(*queue, self.tape.trades().is_some(), start, &arrival);
            }
        }
        Window { end, side: *side, quantity: *quantity, probes }
    }

    fn close(&mut self) {
        if let Some(window) = self.open.pop_front() {
            self.ends.push(window.end);
            self.filled.extend(window.filled());
        }
    }
}
