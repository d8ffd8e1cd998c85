//! Takes of which nothing is kept but sums.

use crate::ledger::Ledger;
use crate::units::{Money, Nanos, Shares, Time};

/// Sums over takes that each execute at once and in full, at the price shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Takes {
    count: u32,
    // Of the last.
    ts: Time,
    shares: Shares,
    // Sums of shares times signed price, signed mid and fee.
    paid: Money,
    mids: Money,
    fees: Money,
}

impl Takes {
    /// One more; the price and the mid are signed.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a part of the loop over records")]
    pub(crate) fn add(&mut self, ts: Time, shares: Shares, key: Nanos, mid_key: Nanos, fee: Nanos) {
        let times = |nanos: Nanos| Money::from(shares) * Money::from(nanos);
        self.count += 1;
        self.ts = ts;
        self.shares += shares;
        self.paid += times(key);
        self.mids += times(mid_key);
        self.fees += times(fee);
    }
}

impl Ledger {
    /// Books takes of which nothing is kept but sums.
    pub(crate) fn take_all(&mut self, takes: &Takes) {
        let (sum, sign) = (&mut self.summary, Money::from(self.side.sign()));
        let Some(arrival) = sum.arrival_mid.filter(|_| takes.count > 0) else { return };
        let Takes { count, ts, shares, paid, mids, fees } = *takes;
        sum.children += count;
        sum.fills += count;
        sum.executed += shares;
        sum.notional += paid;
        sum.fees += fees;
        sum.spread += paid - mids;
        sum.timing += mids - sign * Money::from(arrival) * Money::from(shares);
        sum.ts_done = ts;
    }
}
