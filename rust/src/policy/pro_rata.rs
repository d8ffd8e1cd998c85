//! Takes from all venues in proportion to their available size (rule P3).

use crate::error::Result;
use crate::policy::sweep::Ranked;
use crate::policy::{Orders, Policy, View};
use crate::units::Shares;

/// At each decision the remainder in proportion to available size by largest remainder, ties to the lower id; all there
/// is when the remainder exceeds it.
#[derive(Clone, Debug, Default)]
pub struct ProRata {
    ranked: Ranked,
    shares: Vec<Shares>,
    order: Vec<usize>,
}

impl Policy for ProRata {
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        if view.remaining <= 0 {
            return Ok(());
        }
        let Self { ranked, shares, order } = self;
        let ranked = ranked.see(view);
        let all: i128 = ranked.iter().map(|&(_, _, available)| i128::from(available)).sum();
        let wanted = i128::from(view.remaining);
        if wanted >= all {
            for &(_, venue, available) in ranked {
                out.take(venue, available);
            }
            return Ok(());
        }
        let quota = |available: Shares| wanted * i128::from(available) / all;
        let remainder = |available: Shares| wanted * i128::from(available) % all;
        shares.clear();
        shares.extend(ranked.iter().map(|&(_, _, available)| quota(available) as Shares));
        let dealt: i128 = shares.iter().copied().map(i128::from).sum();
        order.clear();
        order.extend(0..ranked.len());
        order.sort_by_key(|&i| (-remainder(ranked[i].2), ranked[i].1));
        order.iter().take((wanted - dealt) as usize).for_each(|&i| shares[i] += 1);
        for (&(_, venue, _), &quantity) in ranked.iter().zip(shares.iter()).filter(|&(_, &quantity)| quantity > 0) {
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
