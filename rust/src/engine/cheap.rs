//! What a policy of a [reach](crate::policy::Reach) does at a snapshot, told without asking it.

#![allow(clippy::inline_always, reason = "parts of the loop over records")]

use crate::engine::exchange::Exchange;
use crate::ledger::Takes;
use crate::market::{Last, Visibility, left_of};
use crate::policy::Reach;
use crate::units::{Nanos, Shares, Side, Time};

/// What has to be done about a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing more.
    Nothing,
    /// The policy must be asked.
    Policy,
    /// Nothing ever: all is taken.
    NoMore,
}

/// The taker fees of a market's venues.
pub(super) struct Fees {
    pub(super) lowest: Nanos,
    // By venue: how much more than that its own is.
    above: Vec<Nanos>,
}

impl Fees {
    pub(super) fn new(fees: impl Iterator<Item = Nanos> + Clone) -> Self {
        let lowest = fees.clone().min().unwrap_or(0);
        Self { lowest, above: fees.map(|fee| fee.saturating_sub(lowest)).collect() }
    }
}

/// What is worth taking to a policy, and what is taken of it. Prices are signed, and costs are beside the mid; both are less the
/// lowest fee.
pub(super) struct Cheap<'a> {
    visibility: &'a Visibility,
    lowest_fee: Nanos,
    fees_above: &'a [Nanos],
    // Whether what is taken here leaves nothing behind but sums.
    plainly: bool,
    remaining: Shares,
    lot: Shares,
    // The policy's reach: what costs less it takes, and what costs this or more it leaves.
    takes_below: Nanos,
    leaves_from: Nanos,
    // The lowest mid at which it was asked how wide the collar is, and the answer.
    collar: (Nanos, Nanos),
    /// No venue has a lot left for less, as of the last snapshot.
    pub(super) known: Nanos,
    /// What has been taken.
    pub(super) takes: Takes,
}

impl<'a> Cheap<'a> {
    #[inline(always)]
    pub(super) fn new(exchange: &Exchange<'a>, fees: &'a Fees, known: Nanos) -> Self {
        let remaining = exchange.to_plan();
        Self {
            visibility: &exchange.market.visibility,
            lowest_fee: fees.lowest,
            fees_above: &fees.above,
            plainly: exchange.takes_plainly(),
            remaining,
            lot: exchange.parent.lot_of(remaining),
            takes_below: Nanos::MIN,
            leaves_from: Nanos::MIN,
            collar: (Nanos::MAX, 0),
            known,
            takes: Takes::default(),
        }
    }

    /// The policy reaches so far from now on.
    #[inline(always)]
    pub(super) fn reaches(&mut self, reach: Reach) {
        self.leaves_from = reach.leaves_from.saturating_sub(self.lowest_fee);
        // Where it must be asked in any case, or what is taken is more than sums, nothing is taken here.
        let below = reach.takes_below.filter(|_| self.plainly).unwrap_or(Nanos::MIN);
        self.takes_below = below.saturating_sub(self.lowest_fee);
    }

    /// Whether nothing is worth taking, since the best quote is not.
    #[inline(always)]
    pub(super) fn is_dear(&mut self, best: Nanos, mid_key: Nanos) -> bool {
        let dear = best >= mid_key.saturating_add(self.leaves_from);
        if dear {
            self.known = best;
        }
        dear
    }

    /// Takes what is to take at a snapshot, if that can be told here. `fresh` are the venues whose quotes may be others than
    /// at the snapshot before.
    #[inline(never)]
    pub(super) fn look<const SELL: bool>(
        &mut self,
        now: Time,
        mid: Nanos,
        venues: &[Last],
        taken: &mut [Shares],
        fresh: &[u16],
    ) -> Asks {
        if self.remaining <= 0 {
            return Asks::Nothing;
        }
        let mut look = Look::<SELL> { now, mid, venues, taken, cheap: self };
        let (known, from) = (look.cheap.known, look.key_of(look.cheap.leaves_from));
        if known < from {
            look.cheap.known = Nanos::MAX;
            look.scan(0..venues.len())
        } else if let &[venue] = fresh {
            look.look_at(usize::from(venue))
        } else {
            look.scan(fresh.iter().map(|&venue| usize::from(venue)))
        }
    }
}

/// A look at a snapshot.
struct Look<'l, 'a, const SELL: bool> {
    now: Time,
    mid: Nanos,
    venues: &'l [Last],
    taken: &'l mut [Shares],
    cheap: &'l mut Cheap<'a>,
}

impl<const SELL: bool> Look<'_, '_, SELL> {
    const SIDE: Side = if SELL { Side::Sell } else { Side::Buy };

    /// The signed price of a cost.
    #[inline(always)]
    fn key_of(&self, cost: Nanos) -> Nanos {
        (Self::SIDE.sign() * self.mid).saturating_add(cost)
    }

    /// The only venue whose quote may be another.
    #[inline(always)]
    fn look_at(&mut self, venue: usize) -> Asks {
        match self.left_at(venue) {
            Some(0) => Asks::Nothing,
            Some(lots) if lots <= self.cheap.remaining => {
                self.take(venue, lots);
                self.done()
            }
            _ => self.ask(),
        }
    }

    /// Several venues, of which some may be there more than once.
    #[inline(always)]
    fn scan(&mut self, among: impl Iterator<Item = usize> + Clone) -> Asks {
        let shown: Shares = among.clone().map(|venue| Shares::from(self.venues[venue].offer(Self::SIDE).size)).sum();
        if shown > self.cheap.remaining - self.cheap.lot {
            return self.scan_twice(among);
        }
        // A lot and more is left whatever is taken, so that what is taken of one venue changes nothing for the others: if the
        // policy must be asked about one, it does the rest.
        for venue in among {
            match self.left_at(venue) {
                Some(0) => {}
                Some(lots) => self.take(venue, lots),
                None => return self.ask(),
            }
        }
        Asks::Nothing
    }

    #[inline(never)]
    fn scan_twice(&mut self, among: impl Iterator<Item = usize> + Clone) -> Asks {
        let mut shares = 0;
        for venue in among.clone() {
            let Some(lots) = self.left_at(venue) else { return self.ask() };
            shares += lots;
        }
        if shares > self.cheap.remaining {
            return self.ask();
        }
        if shares == 0 {
            return Asks::Nothing;
        }
        for venue in among {
            if let Some(lots @ 1..) = self.left_at(venue) {
                self.take(venue, lots);
            }
        }
        self.done()
    }

    #[inline(always)]
    fn ask(&mut self) -> Asks {
        self.cheap.known = Nanos::MIN;
        Asks::Policy
    }

    #[inline(always)]
    fn take(&mut self, venue: usize, lots: Shares) {
        let Self { now, mid, venues, taken, cheap } = self;
        let (key, fee) = (venues[venue].offer(Self::SIDE).key, cheap.lowest_fee + cheap.fees_above[venue]);
        cheap.takes.add(*now, lots, key, Self::SIDE.sign() * *mid, fee);
        taken[venue] += lots;
        cheap.remaining -= lots;
    }

    /// Shares have been taken.
    #[inline(always)]
    fn done(&mut self) -> Asks {
        let cheap = &mut *self.cheap;
        if cheap.remaining < cheap.lot {
            // Single shares are lots from now on.
            (cheap.lot, cheap.known) = (1, Nanos::MIN);
        }
        if cheap.remaining == 0 { Asks::NoMore } else { Asks::Nothing }
    }

    /// The shares in whole lots that are to take at a venue, 0 where what is left is too dear or less than a lot; `None` where the
    /// policy must be asked.
    #[inline(always)]
    fn left_at(&mut self, venue: usize) -> Option<Shares> {
        let last = &self.venues[venue];
        let quote = last.offer(Self::SIDE);
        let available = left_of(quote.size, self.taken[venue]);
        let Cheap { lot, fees_above, visibility, takes_below, leaves_from, .. } = *self.cheap;
        if available < lot {
            return Some(0);
        }
        let key = quote.key.saturating_add(fees_above[venue]);
        if key >= self.key_of(leaves_from) {
            self.cheap.known = self.cheap.known.min(key);
            return Some(0);
        }
        if key >= self.key_of(takes_below) || self.is_stub(quote.key) {
            return None;
        }
        if visibility.max_quote_age.is_some() && last.ts < visibility.oldest(self.now) {
            return None;
        }
        Some(available - available % lot)
    }

    /// Whether a quote is beyond the collar, which is no narrower than at a lower mid.
    #[inline(always)]
    fn is_stub(&mut self, key: Nanos) -> bool {
        let Cheap { visibility, collar, .. } = &mut *self.cheap;
        if self.mid < collar.0 {
            *collar = (self.mid, visibility.widest(self.mid));
        }
        let near = self.key_of(self.cheap.collar.1);
        key > near && key > self.cheap.visibility.worst_key(Self::SIDE, self.mid)
    }
}
