//! A fraction of the volume that trades (rule W2).

use crate::error::{Error, Result};
use crate::market::Tape;
use crate::order::Parent;
use crate::schedule::{Due, Releases, Schedule, growing, in_lots};
use crate::units::{NANOS_PER_UNIT, Nanos};

/// A participation rate: whole lots of `rate` times the shares traded after the order's start, as seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pov {
    /// Shares of the order for every share that trades, times 1e9, positive.
    pub rate: Nanos,
}

impl Schedule for Pov {
    fn start<'a>(&'a self, parent: &Parent, tape: &Tape<'a>) -> Result<Releases<'a>> {
        let parent = *parent;
        let Some(trades) = tape.trades() else {
            return Err(Error::Invalid {
                argument: "Pov",
                rule: "needs the tape's trades, as its rate is a share of the volume that trades (trades=, --trades)",
                value: "a tape without".to_owned(),
            });
        };
        let rate = i128::from(self.rate);
        let mut row = trades.after(parent.start);
        let mut volume = 0_i128;
        let due = std::iter::from_fn(move || {
            let ts = *trades.ts.get(row)?;
            // All trades of one time are one release.
            while trades.ts.get(row) == Some(&ts) {
                volume += i128::from(trades.size[row]);
                row += 1;
            }
            let due = volume * rate / i128::from(NANOS_PER_UNIT);
            Some(Due { ts, total: in_lots(&parent, due) })
        });
        Ok(Box::new(growing(due)))
    }
}
