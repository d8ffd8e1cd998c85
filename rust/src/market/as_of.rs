//! Where the replays of orders begin.

use crate::error::{Error, Result};
use crate::market::book::Book;
use crate::market::hours::Session;
use crate::market::market::Market;
use crate::market::moments::Moments;
use crate::market::tape::Tape;
use crate::observe::Stop;
use crate::order::Parent;
use crate::units::Time;

/// Where a parent's replay begins: its session, the book there as of its start, and the first record after it.
#[derive(Clone, Debug)]
pub struct AsOf {
    /// The session it belongs to (rule T3).
    pub session: Session,
    /// When it ends: at its session's close at the latest.
    pub end: Time,
    /// The book after all of the session up to the start.
    pub book: Book,
    /// Row of the first record with `ts > start`.
    pub next: usize,
    /// Whether both sides have shown a visible quote at once by then (rule T4).
    pub shown: bool,
}

/// Where each of `parents` begins in a market, in one pass over the tape. `stop` is asked every few thousand snapshots.
///
/// # Errors
///
/// [`Error::Stopped`], and [`Error::Invalid`] for a parent without a session in `[start, end)`.
pub fn as_of_books(tape: &Tape<'_>, market: &Market, parents: &[Parent], stop: Stop<'_>) -> Result<Vec<AsOf>> {
    let sessions = tape.sessions();
    let places = parents.iter().map(|parent| session_of(&sessions, parent)).collect::<Result<Vec<_>>>()?;
    let mut order: Vec<usize> = (0..parents.len()).collect();
    order.sort_by_key(|&i| (places[i], parents[i].start));
    let mut found: Vec<Option<AsOf>> = vec![None; parents.len()];
    let mut pass: Option<Pass<'_>> = None;
    for (copied, i) in order.into_iter().enumerate() {
        let (place, Parent { start, end, .. }) = (places[i], parents[i]);
        if pass.as_ref().is_none_or(|pass| pass.place != place) {
            let moments = Moments::new(tape, market.snapshot, &sessions[place]);
            pass = Some(Pass { place, moments, book: Book::at_open(tape, &sessions[place]), shown: false });
        }
        let Some(Pass { moments, book, shown, .. }) = &mut pass else { continue };
        if !*shown {
            *shown = moments.until_shown(book, &market.visibility, start, stop)?;
        }
        moments.skip(book, start, stop)?;
        let session = sessions[place].clone();
        found[i] =
            Some(AsOf { end: end.min(session.close), session, book: book.clone(), next: moments.next, shown: *shown });
        if copied.is_multiple_of(1024) {
            stop.check()?;
        }
    }
    Ok(found.into_iter().flatten().collect())
}

/// A pass over one session under way.
struct Pass<'a> {
    place: usize,
    moments: Moments<'a>,
    book: Book,
    shown: bool,
}

/// The first session that opens before a parent's end and closes at its start or later.
fn session_of(sessions: &[Session], parent: &Parent) -> Result<usize> {
    let place = sessions.partition_point(|session| session.close < parent.start);
    if sessions.get(place).is_some_and(|session| session.open < parent.end) {
        return Ok(place);
    }
    Err(Error::Invalid {
        argument: "start",
        rule: "and end must have a part of a session between them",
        value: format!("{} and {} ns since the epoch", parent.start, parent.end),
    })
}
