//! When the market is open: sessions and halts, laid on a tape (rules T1, T2, T5).

use std::ops::Range;

use crate::error::{Result, require};
use crate::units::Time;

/// What a tape holds of one session. Both ends belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its records.
    pub rows: Range<usize>,
    /// When it opens.
    pub open: Time,
    /// When it closes.
    pub close: Time,
}

/// No trading from `start` until before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// When it begins.
    pub start: Time,
    /// When trading goes on.
    pub end: Time,
    /// At which venue; `None`: everywhere.
    pub venue: Option<usize>,
}

/// The sessions of a tape, in order of time and of rows, and its halts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    sessions: Vec<Session>,
    halts: Vec<Halt>,
    // When any halt begins or ends, ascending, each once.
    edges: Vec<Time>,
}

impl Hours {
    /// Sessions and halts of a tape of `records` records.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when sessions overlap or are not in order, or their rows are not the
    /// tape's.
    pub fn new(sessions: Vec<Session>, halts: Vec<Halt>, records: usize) -> Result<Self> {
        let (mut row, mut close) = (0, Time::MIN);
        for Session { rows, open, close: closes } in &sessions {
            let fits =
                rows.start >= row && rows.start < rows.end && rows.end <= records && *open >= close && closes >= open;
            require(fits, "tape.sessions", "must follow each other, each with records of its own", || {
                format!("rows {} to {} from {open} to {closes}", rows.start, rows.end)
            })?;
            (row, close) = (rows.end, *closes);
        }
        let mut edges: Vec<Time> = halts.iter().flat_map(|halt| [halt.start, halt.end]).collect();
        edges.sort_unstable();
        edges.dedup();
        Ok(Self { sessions, halts, edges })
    }

    /// All sessions.
    #[must_use]
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// Whether there is any halt.
    #[must_use]
    pub fn has_halts(&self) -> bool {
        !self.halts.is_empty()
    }

    /// Whether a venue is halted at `now`.
    #[must_use]
    pub fn is_halted(&self, venue: usize, now: Time) -> bool {
        let holds = |halt: &Halt| halt.start <= now && now < halt.end && halt.venue.is_none_or(|at| at == venue);
        self.halts.iter().any(holds)
    }

    /// When halts begin or end, in a session.
    #[must_use]
    pub fn edges(&self, session: &Session) -> &[Time] {
        let first = self.edges.partition_point(|&edge| edge < session.open);
        &self.edges[first..self.edges.partition_point(|&edge| edge <= session.close).max(first)]
    }
}
