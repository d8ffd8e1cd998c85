//! Scenarios from a tape, without looking ahead (rule C9).
//!
//! In each window of length `T` a probe order is replayed at each venue's own-side best quote, as it stands when the
//! window opens; its filled shares are `(xi_k - Q_k)+`. All venues of a window make one scenario, so that their dependence is
//! kept. A window is known once it has ended.

use std::collections::VecDeque;
use std::ops::Range;

use crate::error::{Result, require};
use crate::fills::{Arrival, QueueModel, Resting};
use crate::market::{Book, Change, Moments, Session, Snapshot, Tape, Visibility, postable};
use crate::observe::Stop;
use crate::units::{Nanos, Shares, Side, Time};

/// Which windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Length of each, nanoseconds, positive.
    pub length: Time,
    /// From one start to the next, nanoseconds, positive; the first starts with a session's first record.
    pub every: Time,
}

impl Windows {
    fn check(&self, tape: &Tape<'_>) -> Result<()> {
        let span = |session: &Session| tape.ts()[session.rows.end - 1].saturating_sub(tape.ts()[session.rows.start]);
        let windows = |session: &Session| span(session).saturating_sub(self.length) / self.every + 1;
        let count = tape.sessions().iter().map(windows).fold(0, Time::saturating_add);
        require(
            count <= MOST_WINDOWS,
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
    /// The rows known at `now` of a session that opened at `since`, the last `most` of them.
    #[must_use]
    pub fn known_at(&self, since: Time, now: Time, most: usize) -> Range<usize> {
        let [first, known] = [since, now].map(|time| self.ends.partition_point(|&end| end <= time));
        known.saturating_sub(most).max(first)..known.max(first)
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

/// What is known of the tape, apart from the book, when an order starts. Nothing in it is used before it has happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    /// What probes of past windows would have filled on the parent's side, for a plan that asks for them.
    pub probes: Option<&'a Probes>,
    /// When the order's session opened: nothing from before it is known.
    pub since: Time,
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
    let mut probes = Probes { ends: Vec::new(), venues: tape.venues(), filled: Vec::new() };
    for session in tape.sessions() {
        let mut pass = Pass::new(tape, probing, &session, &mut probes);
        pass.run(Moments::new(tape, probing.snapshot, &session), stop)?;
    }
    Ok(probes)
}

/// A window that has begun and not ended.
struct Window {
    end: Time,
    side: Side,
    quantity: Shares,
    probes: Vec<Option<Resting>>,
    // Shares that probes had got when a halt ended them.
    kept: Vec<Shares>,
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
        let filled = |probe: &Option<Resting>| probe.as_ref().map_or(0, |probe| self.quantity - probe.left());
        self.probes.iter().zip(&self.kept).map(move |(probe, kept)| kept + filled(probe))
    }

    /// A halt cancels what rests at a venue.
    fn halt(&mut self, venue: usize) {
        if let Some(probe) = self.probes[venue].take() {
            self.kept[venue] = self.quantity - probe.left();
        }
    }
}

/// The pass over a session under way.
struct Pass<'a> {
    tape: &'a Tape<'a>,
    probing: &'a Probing,
    book: Book,
    open: VecDeque<Window>,
    next_start: Time,
    // Of the session's last record.
    last: Time,
    next_trade: usize,
    probes: &'a mut Probes,
}

impl<'a> Pass<'a> {
    fn new(tape: &'a Tape<'a>, probing: &'a Probing, session: &Session, probes: &'a mut Probes) -> Self {
        Self {
            tape,
            probing,
            book: Book::at_open(tape, session),
            open: VecDeque::new(),
            next_start: tape.ts()[session.rows.start],
            last: tape.ts()[session.rows.end - 1],
            next_trade: tape.trades().map_or(0, |trades| trades.after(session.open.saturating_sub(1))),
            probes,
        }
    }

    fn run(&mut self, mut moments: Moments<'_>, stop: Stop<'_>) -> Result<()> {
        let mut work = 0;
        loop {
            let (now, edge) = (moments.next_record(), moments.next_edge());
            if now == Time::MAX {
                break;
            }
            if edge <= now {
                moments.pass_edge();
                self.see_halts(edge);
                if edge < now {
                    self.book.close_moment();
                    continue;
                }
            }
            self.trades_until(now);
            self.turn_to(now);
            let Self { book, open, .. } = self;
            let first = moments.next;
            moments.apply(book, |change| open.iter_mut().for_each(|window| window.record(change)));
            work += (moments.next - first) * (1 + open.len());
            if work >= LOOK_EVERY {
                work = 0;
                stop.check()?;
            }
        }
        // What is still open ends with the session.
        while !self.open.is_empty() {
            self.close();
        }
        Ok(())
    }

    /// Halts begin or end at `now`, before the trades of that moment.
    fn see_halts(&mut self, now: Time) {
        self.trades_until(now.saturating_sub(1));
        self.turn_to(now);
        self.book.see_halts(self.tape, now);
        for venue in (0..self.tape.venues()).filter(|&venue| self.book.is_halted(venue)) {
            self.open.iter_mut().for_each(|window| window.halt(venue));
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
            let other = self.book.offer(side, venue).key;
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
        while self.next_start < now {
            let start = self.next_start;
            let Some(end) = start.checked_add(self.probing.windows.length).filter(|&end| end <= self.last) else {
                break;
            };
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
                let other = self.book.offer(*side, venue);
                let seen = Shares::from(own.size);
                let arrival = Arrival { key: own.key, quantity: *quantity, seen, own, other };
                probes[venue] = Resting::join(*queue, self.tape.trades().is_some(), start, &arrival);
            }
        }
        Window { end, side: *side, quantity: *quantity, kept: vec![0; probes.len()], probes }
    }

    fn close(&mut self) {
        if let Some(window) = self.open.pop_front() {
            self.probes.ends.push(window.end);
            self.probes.filled.extend(window.filled());
        }
    }
}
