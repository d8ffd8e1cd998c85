//! Equal slices over time buckets (rule P3).

use crate::error::{Result, require};
use crate::market::Tape;
use crate::order::Parent;
use crate::schedule::{Due, Releases, Schedule, growing};
use crate::units::Time;

/// Whole lots dealt equally over the buckets, the earliest getting the extra ones, the odd rest in the last. A slice is
/// released at the start of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twap {
    /// Length of a bucket, nanoseconds, positive.
    pub bucket: Time,
}

impl Schedule for Twap {
    fn start<'a>(&'a self, parent: &Parent, _: &Tape<'a>) -> Result<Releases<'a>> {
        let &Parent { quantity, lot, start, end, .. } = parent;
        let buckets = buckets(parent, self.bucket);
        let lots = quantity / lot;
        let bucket = self.bucket;
        // Where there are fewer lots than buckets, all of those behind the last lot but the last one are empty.
        let dealt = few(lots.min(buckets))?;
        let due = (1..=dealt).chain([buckets]).filter(|&begun| begun > 0).map(move |begun| Due {
            ts: if begun == 1 { start } else { (start + (begun - 1) * bucket).min(end) },
            total: if begun == buckets {
                quantity
            } else {
                ((lots / buckets) * begun + (lots % buckets).min(begun)) * lot
            },
        });
        Ok(Box::new(growing(due)))
    }
}

/// More releases of one order than this are an error: each is a row.
const MOST: i64 = 100_000;

/// A number of releases that are worth the while.
pub(super) fn few(releases: i64) -> Result<i64> {
    let rule = "must be so long that it makes at most 100,000 slices of an order";
    require(releases <= MOST, "bucket", rule, || format!("one that makes {releases}"))?;
    Ok(releases)
}

/// How many buckets a parent's time is cut into; the last may be shorter.
pub(super) fn buckets(parent: &Parent, bucket: Time) -> i64 {
    let span = parent.end - parent.start;
    span.div_euclid(bucket) + i64::from(span % bucket != 0)
}
