//! Almgren and Chriss's optimal trajectory (rule W2): *Optimal execution of portfolio transactions*, J. Risk 3(2), 2001.

use crate::error::{Result, finite, require};
use crate::market::Tape;
use crate::order::Parent;
use crate::schedule::twap::{buckets, few};
use crate::schedule::{Due, Releases, Schedule, growing, in_lots};
use crate::units::Time;

/// The trade-off between impact and risk in discrete time: holdings
///
/// ```text
///   x_k = X sinh(kappa (T - t_k)) / sinh(kappa T),   cosh(kappa tau) = 1 + lambda sigma^2 tau^2 / (2 eta'),
///   eta' = eta - gamma tau / 2
/// ```
///
/// What is sold or bought in a period is released at its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlmgrenChriss {
    /// `lambda`, per unit of currency, not negative. 0 is equal slices.
    pub risk_aversion: f64,
    /// `sigma`, currency per share per square root of a day.
    pub volatility: f64,
    /// `eta`, temporary impact: currency per share, per share a day.
    pub eta: f64,
    /// `gamma`, permanent impact: currency per share per share.
    pub gamma: f64,
    /// `tau`, the length of a period, nanoseconds, positive.
    pub bucket: Time,
    /// The length of a day, nanoseconds, positive.
    pub day: Time,
}

impl AlmgrenChriss {
    /// `kappa`, per day.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when `eta'` is not positive, [`Error::NotANumber`](crate::Error::NotANumber)
    /// when `kappa` is beyond the range of a float.
    pub fn kappa(&self) -> Result<f64> {
        let tau = self.bucket as f64 / self.day as f64;
        let eta = self.eta - 0.5 * self.gamma * tau;
        let rule = "must exceed gamma * tau / 2: with so much permanent impact, one trade at once costs less than any";
        require(eta > 0.0, "eta", rule, || self.eta.to_string())?;
        let excess = self.risk_aversion * self.volatility * self.volatility * tau * tau / (2.0 * eta);
        // cosh(y) - 1 = 2 sinh(y / 2)^2 keeps what a small excess would lose.
        let kappa = 2.0 * (excess / 2.0).sqrt().asinh() / tau;
        finite("kappa", kappa)?;
        Ok(kappa)
    }

    /// The fraction of an order that is held at `t`, `horizon` after which it is done; both in nanoseconds.
    #[must_use]
    pub fn held(&self, kappa: f64, t: Time, horizon: Time) -> f64 {
        let days = |time: Time| time as f64 / self.day as f64;
        let (left, all) = (kappa * days(horizon - t), kappa * days(horizon));
        if all < 1e-6 {
            return (horizon - t) as f64 / horizon as f64;
        }
        // sinh(left) / sinh(all), which must not overflow.
        (left - all).exp() * (-2.0 * left).exp_m1() / (-2.0 * all).exp_m1()
    }
}

impl Schedule for AlmgrenChriss {
    fn start<'a>(&'a self, parent: &Parent, _: &Tape<'a>) -> Result<Releases<'a>> {
        let kappa = self.kappa()?;
        let (parent, horizon) = (*parent, parent.end - parent.start);
        let periods = few(buckets(&parent, self.bucket))?;
        let lots = (parent.quantity / parent.lot) as f64;
        let due = (0..periods).map(move |k| {
            let until = if k + 1 == periods { horizon } else { (k + 1) * self.bucket };
            let done = (lots * (1.0 - self.held(kappa, until, horizon))).round_ties_even() as i64;
            let total = if k + 1 == periods { parent.quantity } else { done * parent.lot };
            Due { ts: parent.start + k * self.bucket, total: in_lots(&parent, i128::from(total)) }
        });
        Ok(Box::new(growing(due)))
    }
}
