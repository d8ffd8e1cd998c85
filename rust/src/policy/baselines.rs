//! The baselines, all in single shares (MODEL P3).

use crate::policy::{Intent, View};
use crate::units::{Nanos, Shares};

/// The venue with the best displayed price, up to its available size; among equal prices the larger available size,
/// then the lower id. Nothing while that is depleted.
pub(super) fn best_ask(view: &View<'_>, intents: &mut Vec<Intent>) {
    let best = view.visible().min_by_key(|&(venue, quote)| (quote.key, -view.available(venue, quote), venue));
    let Some((venue, quote)) = best else { return };
    let quantity = view.available(venue, quote).min(view.remaining);
    if quantity > 0 {
        intents.push(view.intent(venue, quote, quantity));
    }
}

/// `quantity` shares over all venues, cheapest all-in first, ties to the lower id.
pub(super) fn sweep(
    view: &View<'_>,
    quantity: Shares,
    ranked: &mut Vec<(Nanos, usize, Shares)>,
    intents: &mut Vec<Intent>,
) {
    if quantity <= 0 {
        return;
    }
    rank(view, ranked);
    ranked.sort_unstable();
    let mut left = quantity;
    for &(all_in, venue, available) in ranked.iter() {
        if left == 0 {
            break;
        }
        let taken = available.min(left);
        left -= taken;
        intents.push(Intent { venue, quantity: taken, marginal: all_in - view.side.sign() * view.mid });
    }
}

/// The remainder in proportion to available size by largest remainder, ties to the lower id; all there is when the
/// remainder exceeds it.
pub(super) fn vwap(view: &View<'_>, ranked: &mut Vec<(Nanos, usize, Shares)>, intents: &mut Vec<Intent>) {
    rank(view, ranked);
    let all: i128 = ranked.iter().map(|&(_, _, available)| i128::from(available)).sum();
    let wanted = i128::from(view.remaining);
    let first = intents.len();
    if wanted >= all {
        intents.extend(ranked.iter().map(|&(all_in, venue, available)| share(view, venue, all_in, available)));
        return;
    }
    let quota = |available: Shares| (wanted * i128::from(available)).div_euclid(all) as Shares;
    let remainder = |available: Shares| (wanted * i128::from(available)).rem_euclid(all);
    intents.extend(ranked.iter().map(|&(all_in, venue, available)| share(view, venue, all_in, quota(available))));
    let dealt: i128 = intents[first..].iter().map(|intent| i128::from(intent.quantity)).sum();
    let mut order: Vec<usize> = (0..ranked.len()).collect();
    order.sort_by_key(|&i| (-remainder(ranked[i].2), ranked[i].1));
    for &i in order.iter().take((wanted - dealt) as usize) {
        intents[first + i].quantity += 1;
    }
    intents.retain(|intent| intent.quantity > 0);
}

/// Visible venues with anything left: (all-in signed price, venue, available), in ascending venue.
fn rank(view: &View<'_>, ranked: &mut Vec<(Nanos, usize, Shares)>) {
    ranked.clear();
    ranked.extend(
        view.visible()
            .map(|(venue, quote)| (view.all_in(venue, quote), venue, view.available(venue, quote)))
            .filter(|&(_, _, available)| available > 0),
    );
}

fn share(view: &View<'_>, venue: usize, all_in: Nanos, quantity: Shares) -> Intent {
    Intent { venue, quantity, marginal: all_in - view.side.sign() * view.mid }
}
