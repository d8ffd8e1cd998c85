//! The objective of the static allocator, written once (rule A1).

use crate::units::{Money, Nanos, Shares};

/// What one venue offers the router at a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Signed price `s * p`, nanos per share.
    pub key: Nanos,
    /// Shares still available there.
    pub available: Shares,
    /// Taker fee, nanos per share.
    pub fee: Nanos,
    /// Maker rebate, nanos per share.
    pub rebate: Nanos,
}

/// The three risk parameters, nanos per share (rule N3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Penalties {
    /// Per share executed beyond the target.
    pub over: Nanos,
    /// Per share of the target not executed.
    pub under: Nanos,
    /// Per share of either, the queue risk.
    pub theta: Nanos,
}

impl Penalties {
    /// What one more share of the target left unexecuted costs: `lambda_under + theta`.
    #[must_use]
    pub fn per_share_under(&self) -> Nanos {
        self.under.saturating_add(self.theta)
    }

    /// What one share beyond the target costs: `lambda_over + theta`.
    #[must_use]
    pub fn per_share_over(&self) -> Nanos {
        self.over.saturating_add(self.theta)
    }
}

/// The cost of a split and its parts, nanos; they sum to [`Cost::total`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// `sum t_i * s * (p_i - b)`: cash against the benchmark.
    pub cash: Money,
    /// `sum t_i * f_i`.
    pub fees: Money,
    /// `sum (x_i - t_i) * r_i`, subtracted.
    pub rebates: Money,
    /// `(lambda_under + theta) * under`.
    pub under: Money,
    /// `(lambda_over + theta) * over`.
    pub over: Money,
}

impl Cost {
    /// The whole of A1.
    #[must_use]
    pub fn total(&self) -> Money {
        self.cash + self.fees - self.rebates + self.under + self.over
    }
}

/// `cost(x)` of rule A1 with certain fills, for target `S`, benchmark key `s * b` and one `x_i` per offer.
#[must_use]
pub fn cost(offers: &[Offer], split: &[Shares], target: Shares, benchmark_key: Nanos, penalties: &Penalties) -> Cost {
    let mut cost = Cost::default();
    let mut executed = 0;
    for (offer, &x) in offers.iter().zip(split) {
        let t = x.min(offer.available);
        executed += t;
        cost.cash += Money::from(t) * Money::from(offer.key - benchmark_key);
        cost.fees += Money::from(t) * Money::from(offer.fee);
        cost.rebates += Money::from(x - t) * Money::from(offer.rebate);
    }
    cost.under = Money::from((target - executed).max(0)) * Money::from(penalties.per_share_under());
    cost.over = Money::from((executed - target).max(0)) * Money::from(penalties.per_share_over());
    cost
}
