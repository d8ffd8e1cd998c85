//! A table of the caller's own (rule W2).

use crate::error::{Error, Result};
use crate::market::Tape;
use crate::order::Parent;
use crate::schedule::{Due, Releases, Schedule, growing, in_lots};
use crate::units::{Shares, Time};

/// What the times of a [`Table`] count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The epoch.
    Epoch,
    /// The order's start.
    Start,
}

/// Shares released by some times, which are in order; the last total is the order's quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the times count from.
    pub since: Since,
    /// `(time, shares released by then)`, neither falling.
    pub rows: Vec<(Time, Shares)>,
}

impl Table {
    fn check(&self, parent: &Parent) -> Result<()> {
        let total = self.rows.last().map_or(0, |row| row.1);
        if total != parent.quantity {
            return Err(Error::Invalid {
                argument: "schedule.shares",
                rule: "must sum to the order's quantity",
                value: format!("{total} for an order of {}", parent.quantity),
            });
        }
        let first = self.rows.first().map_or(parent.start, |row| self.time(parent, row.0));
        if first < parent.start || (first >= parent.end && parent.end > parent.start) {
            return Err(Error::Invalid {
                argument: "schedule.ts",
                rule: "must begin within the order's time",
                value: format!("{first} ns for an order from {} to {} ns", parent.start, parent.end),
            });
        }
        Ok(())
    }

    fn time(&self, parent: &Parent, time: Time) -> Time {
        if self.since == Since::Start { parent.start.saturating_add(time) } else { time }
    }
}

impl Schedule for Table {
    fn start<'a>(&'a self, parent: &Parent, _: &Tape<'a>) -> Result<Releases<'a>> {
        self.check(parent)?;
        let parent = *parent;
        // Rows of one time are one release.
        let last =
            self.rows.iter().enumerate().filter(|(i, row)| self.rows.get(i + 1).is_none_or(|next| next.0 > row.0));
        let due = last.map(move |(_, &(ts, total))| Due {
            ts: self.time(&parent, ts),
            total: in_lots(&parent, i128::from(total)),
        });
        Ok(Box::new(growing(due)))
    }
}
