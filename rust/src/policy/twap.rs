//! Equal slices over time buckets, each swept (rule P3).

use crate::error::Result;
use crate::order::Parent;
use crate::policy::sweep::Ranked;
use crate::policy::{Orders, Past, Policy, Settings, View};
use crate::units::{Shares, Time};

/// A time-weighted schedule: from its bucket's start on a slice is swept, and what is left of it rolls on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twap {
    /// Length of a bucket, nanoseconds, positive.
    pub bucket: Time,
}

impl Settings for Twap {
    type Mind<'a> = Slices;

    fn start(&self, parent: &Parent, _: &Past<'_>) -> Result<Slices> {
        Ok(Slices { bucket: self.bucket, parent: *parent, ranked: Ranked::default() })
    }
}

/// A [`Twap`] at work on one order.
#[derive(Clone, Debug)]
pub struct Slices {
    bucket: Time,
    parent: Parent,
    ranked: Ranked,
}

impl Slices {
    /// Shares released by `now`: whole lots dealt equally over the buckets, the earliest getting the extra ones, the odd
    /// rest in the last.
    fn released(&self, now: Time) -> Shares {
        let Self { bucket, parent: Parent { quantity, lot, start, end, .. }, .. } = *self;
        let buckets = (end - start).div_euclid(bucket) + i64::from((end - start) % bucket != 0);
        let begun = (now - start) / bucket + 1;
        if begun >= buckets {
            return quantity;
        }
        let lots = quantity / lot;
        ((lots / buckets) * begun + (lots % buckets).min(begun)) * lot
    }
}

impl Policy for Slices {
    #[inline]
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        if view.remaining > 0 {
            let used = self.parent.quantity - view.remaining;
            self.ranked.sweep(view, self.released(view.now) - used, out);
        }
        Ok(())
    }

    fn hears_of_takes(&self) -> bool {
        false
    }
}
