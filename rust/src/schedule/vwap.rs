//! Slices in proportion to a volume curve (rule W2).

use crate::error::{Error, Result};
use crate::market::Tape;
use crate::order::Parent;
use crate::schedule::{Due, Releases, Schedule, growing, in_lots};
use crate::units::Time;

/// A stretch of time and the volume expected in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its start.
    pub start: Time,
    /// Its length, positive.
    pub length: Time,
    /// Volume per nanosecond of it, in any unit, not negative.
    pub weight: i64,
}

/// A volume curve: each bucket's slice, its share of the volume expected in the order's time, is released at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vwap {
    /// In order of time, without overlaps.
    pub buckets: Vec<Bucket>,
}

impl Schedule for Vwap {
    fn start<'a>(&'a self, parent: &Parent, _: &Tape<'a>) -> Result<Releases<'a>> {
        let parent = *parent;
        let volume = move |bucket: &Bucket| {
            let (from, until) =
                (bucket.start.max(parent.start), bucket.start.saturating_add(bucket.length).min(parent.end));
            i128::from(bucket.weight) * i128::from((until - from).max(0))
        };
        let within = self.buckets.iter().filter(move |bucket| volume(bucket) > 0);
        let all: i128 = within.clone().map(volume).sum();
        if all == 0 && parent.end > parent.start {
            return Err(Error::Invalid {
                argument: "schedule.curve",
                rule: "must expect volume in the order's time",
                value: format!("none from {} to {} ns", parent.start, parent.end),
            });
        }
        let mut before = 0_i128;
        let due = within.map(move |bucket| {
            before += volume(bucket);
            // A quantity has at most 50 bits, so that the product fits.
            let excess = (128 - all.leading_zeros()).saturating_sub(76);
            let share = i128::from(parent.quantity) * (before >> excess) / (all >> excess).max(1);
            Due { ts: bucket.start.max(parent.start), total: in_lots(&parent, share) }
        });
        Ok(Box::new(growing(due)))
    }
}
