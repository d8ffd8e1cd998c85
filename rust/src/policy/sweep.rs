//! Takes from all venues, cheapest all-in first (rule P3).

use crate::error::Result;
use crate::policy::{Orders, Policy, View};
use crate::units::{Nanos, Shares};

/// At each decision all that is left, over all venues, cheapest all-in first, ties to the lower id.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    ranked: Ranked,
}

impl Policy for Sweep {
    #[inline]
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        self.ranked.sweep(view, view.remaining, out);
        Ok(())
    }

    fn rests(&self) -> bool {
        true
    }

    fn hears_of_takes(&self) -> bool {
        false
    }
}

/// Visible venues with anything left, reused from decision to decision.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranked {
    // (all-in signed price, venue, available shares)
    venues: Vec<(Nanos, usize, Shares)>,
}

impl Ranked {
    /// In ascending venue.
    #[inline]
    pub(super) fn see(&mut self, view: &View<'_>) -> &[(Nanos, usize, Shares)] {
        self.venues.clear();
        self.venues.extend(
            view.visible()
                .map(|(venue, quote)| (view.all_in(venue, quote), venue, view.available(venue, quote)))
                .filter(|&(_, _, available)| available > 0),
        );
        &self.venues
    }

    /// Sends `quantity` shares over all venues, cheapest all-in first, ties to the lower id; returns how many it sent.
    #[inline]
    pub(super) fn sweep(&mut self, view: &View<'_>, quantity: Shares, out: &mut Orders) -> Shares {
        if quantity <= 0 {
            return 0;
        }
        self.see(view);
        self.venues.sort_unstable();
        let mut left = quantity;
        for &(_, venue, available) in &self.venues {
            if left == 0 {
                break;
            }
            let taken = available.min(left);
            left -= taken;
            out.take(venue, taken);
        }
        quantity - left
    }
}
