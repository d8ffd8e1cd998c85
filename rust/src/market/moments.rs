//! A session's book from moment to moment: what records and halts make of it, for whoever only looks (rules T2-T6).

use crate::error::Result;
use crate::market::book::{Book, Change};
use crate::market::hours::Session;
use crate::market::snapshot::Snapshot;
use crate::market::tape::Tape;
use crate::market::visibility::Visibility;
use crate::observe::Stop;
use crate::quote::Top;
use crate::units::{Nanos, Side, Time};

/// How often a walk over a session looks whether it should stop, in moments.
const LOOK_EVERY: usize = 8192;

/// A place in a session: the next record, and the next begin or end of a halt.
#[derive(Clone, Debug)]
pub(crate) struct Moments<'a> {
    pub(crate) tape: &'a Tape<'a>,
    pub(crate) mode: Snapshot,
    pub(crate) session: Session,
    pub(crate) next: usize,
    edges: &'a [Time],
}

impl<'a> Moments<'a> {
    /// The session's beginning.
    pub(crate) fn new(tape: &'a Tape<'a>, mode: Snapshot, session: &Session) -> Self {
        Self { tape, mode, next: session.rows.start, edges: tape.edges(session), session: session.clone() }
    }

    /// A place after all that happens by `now`, where `next` is the row of the next record.
    pub(crate) fn after(tape: &'a Tape<'a>, mode: Snapshot, session: &Session, next: usize, now: Time) -> Self {
        let edges = tape.edges(session);
        let edges = &edges[edges.partition_point(|&edge| edge <= now)..];
        Self { tape, mode, next, edges, session: session.clone() }
    }

    /// Time of the next record, [`Time::MAX`] after the last.
    #[inline]
    pub(crate) fn next_record(&self) -> Time {
        if self.next < self.session.rows.end { self.tape.ts()[self.next] } else { Time::MAX }
    }

    /// Applies the next snapshot to the book, which is then behind; see [`Book::apply`].
    #[inline]
    pub(crate) fn apply(&mut self, book: &mut Book, changed: impl FnMut(&Change)) {
        self.next = book.apply(self.tape, self.next, self.mode, changed);
    }

    /// When a halt next begins or ends.
    #[inline]
    pub(crate) fn next_edge(&self) -> Time {
        self.edges.first().copied().unwrap_or(Time::MAX)
    }

    /// The begin or end of a halt has been seen.
    pub(crate) fn pass_edge(&mut self) {
        self.edges = self.edges.get(1..).unwrap_or_default();
    }

    /// Takes the book through the next moment, if it comes by `until`; returns its time.
    pub(crate) fn step(&mut self, book: &mut Book, until: Time) -> Option<Time> {
        let (record, edge) = (self.next_record(), self.next_edge());
        let now = record.min(edge);
        if now > until || now == Time::MAX {
            return None;
        }
        if edge == now {
            self.pass_edge();
            book.see_halts(self.tape, now);
        }
        if record == now {
            self.apply(book, |_| {});
        } else {
            book.close_moment();
        }
        Some(now)
    }

    /// Takes the book through all moments by `until`, of which only the last one's book will be looked at.
    pub(crate) fn skip(&mut self, book: &mut Book, until: Time, stop: Stop<'_>) -> Result<()> {
        loop {
            let edge = self.next_edge();
            let rows = &self.tape.ts()[self.next..self.session.rows.end];
            let end = self.next + rows.partition_point(|&ts| ts < edge && ts <= until);
            while self.next < end {
                self.next = book.fast_forward(self.tape, self.next..end.min(self.next + LOOK_EVERY), self.mode);
                stop.check()?;
            }
            if edge > until || edge == Time::MAX || self.step(book, edge).is_none() {
                return Ok(());
            }
        }
    }

    /// Takes the book on until both sides show a visible quote at once, by `until`; returns whether they do (rule T4).
    pub(crate) fn until_shown(
        &mut self,
        book: &mut Book,
        visibility: &Visibility,
        until: Time,
        stop: Stop<'_>,
    ) -> Result<bool> {
        let mut moments = 0;
        while let Some(now) = self.step(book, until) {
            if visibility.shows_both(book, now) {
                return Ok(true);
            }
            moments += 1;
            if moments % LOOK_EVERY == 0 {
                stop.check()?;
            }
        }
        Ok(false)
    }
}

/// At which quote an order is completed, and when (rule T6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Living {
    pub(crate) top: Top,
    pub(crate) ts: Time,
    pub(crate) mid: Nanos,
    pub(crate) age: Time,
    pub(crate) kind: When,
}

/// When the quote was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    InTime,
    Late,
    Stale,
}

/// The first visible quote on the side that `side` takes at or after `end`, else the session's last; `None` where the
/// session never showed one. `moments` and `book` stand at `end`.
pub(crate) fn living_quote(
    mut moments: Moments<'_>,
    book: &Book,
    visibility: &Visibility,
    side: Side,
    end: Time,
    stop: Stop<'_>,
) -> Result<Option<Living>> {
    let at = |book: &Book, ts: Time, top: Top, kind: When| {
        let age = ts.saturating_sub(book.updated(top.venue));
        book.mid().map(|mid| Living { top, ts, mid, age, kind })
    };
    if let Some(top) = visibility.top(book, side, end) {
        return Ok(at(book, end, top, When::InTime));
    }
    let mut looked = 0;
    let mut poll = || {
        looked += 1;
        if looked % LOOK_EVERY == 0 { stop.check() } else { Ok(()) }
    };
    let mut earlier = Moments::new(moments.tape, moments.mode, &moments.session);
    let mut later = book.clone();
    while let Some(now) = moments.step(&mut later, Time::MAX) {
        if let Some(top) = visibility.top(&later, side, now) {
            return Ok(at(&later, now, top, When::Late));
        }
        poll()?;
    }
    let (mut last, mut past) = (None, Book::at_open(moments.tape, &moments.session));
    while let Some(now) = earlier.step(&mut past, end) {
        last = visibility.top(&past, side, now).or(last);
        poll()?;
    }
    Ok(last.and_then(|top| at(book, end, top, When::Stale)))
}
