//! Takes at the one venue with the best displayed price (rule P3).

use crate::error::Result;
use crate::policy::{Orders, Policy, View};

/// At each decision the venue with the best displayed price, up to its available size; among equal prices the larger
/// available size, then the lower id. Nothing while that is depleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BestAsk;

impl Policy for BestAsk {
    #[inline]
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        let best = view.visible().min_by_key(|&(venue, quote)| (quote.key, -view.available(venue, quote), venue));
        let Some((venue, quote)) = best else { return Ok(()) };
        let quantity = view.available(venue, quote).min(view.remaining);
        if quantity > 0 {
            out.take(venue, quantity);
        }
        Ok(())
    }

    fn rests(&self) -> bool {
        true
    }

    fn hears_of_takes(&self) -> bool {
        false
    }
}
