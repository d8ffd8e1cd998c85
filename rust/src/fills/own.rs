//! Fill models of the caller's own: what is asked of one, and how its answer becomes a fill (rule Q4).

use std::fmt::Debug;
use std::sync::Arc;

use super::{Execution, Met, Sent, in_range};
use crate::error::{Error, Result};
use crate::units::{Nanos, Shares, Time};

/// Of [`FillSheet`].
pub const VERSION: i64 = 1;

/// What a model expects of one child.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// Expected shares, from 0 to what is there of what was sent.
    pub shares: f64,
    /// The probability that one of those is filled.
    pub probability: f64,
    /// Signed price.
    pub key: Nanos,
}

impl Expectation {
    /// Of a model that only counts shares.
    #[must_use]
    pub fn of(shares: f64, key: Nanos, most: Shares) -> Self {
        Self { shares, probability: shares / most as f64, key }
    }
}

/// A fill model: a function of the child and the quote, and of nothing else.
pub trait Expects: Debug + Send + Sync {
    /// What a child gets of the quote it meets, which has shares available.
    ///
    /// # Errors
    ///
    /// Whatever the model refuses.
    fn expected(&self, child: &Sent, met: &Met) -> Result<Expectation>;

    /// Whether it can only be asked on the thread that made the call.
    fn stays_on_caller(&self) -> bool {
        false
    }
}

/// A model of the caller's own, certain or sampled.
#[derive(Clone, Debug)]
pub struct OwnFills {
    /// What is asked.
    pub model: Arc<dyn Expects>,
    /// What tells it from others: models with the same identity expect the same.
    pub identity: String,
    /// `None`: the expected shares, rounded half to even. `Some(seed)`: a binomial draw (rule F3).
    pub seed: Option<u64>,
}

impl PartialEq for OwnFills {
    fn eq(&self, other: &Self) -> bool {
        (&self.identity, self.seed) == (&other.identity, other.seed)
    }
}

impl OwnFills {
    /// Asks, and checks the answer.
    #[cold]
    pub(super) fn expected(&self, child: &Sent, met: &Met) -> Result<Execution> {
        let (most, sign) = (child.quantity.min(met.available), child.side.sign());
        let Expectation { shares, probability, key } = self.model.expected(child, met)?;
        let wrong = |why| Err(Error::Fill { ts: child.now, why });
        if !(0.0..=most as f64).contains(&shares) {
            return wrong(format!(
                "the shares must be between 0 and {most}, what is available of what was sent, got {shares}"
            ));
        }
        if sign * key < 0 || !in_range(key) {
            return wrong(format!("the price must be from 0 to 2^63 - 2 nanos, got {}", sign * key));
        }
        Ok(Execution { quantity: shares.round_ties_even() as Shares, key, probability })
    }
}

/// What a compiled fill model is given: the child and the quote, numbers of 64 bits without padding. `repr(C)`, version
/// [`VERSION`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FillSheet {
    /// [`VERSION`].
    pub version: i64,
    /// When the child meets the quote, or is planned on it.
    pub now: Time,
    /// +1 for a buy, -1 for a sell.
    pub sign: i64,
    /// Shares sent.
    pub quantity: Shares,
    /// Venue index.
    pub venue: i64,
    /// The quoted price, nanos.
    pub price: Nanos,
    /// Shares displayed there.
    pub displayed: Shares,
    /// Shares of them that own fills have left.
    pub available: Shares,
    /// Time since the venue's last record.
    pub age: Time,
    /// How many parameters there are.
    pub parameters: i64,
    /// Queue position, 0 (front) to 1 (back).
    pub queue_position: f64,
}

impl FillSheet {
    /// Of a child and its quote.
    #[must_use]
    pub fn new(child: &Sent, met: &Met, parameters: usize) -> Self {
        Self {
            version: VERSION,
            now: child.now,
            sign: child.side.sign(),
            quantity: child.quantity,
            venue: child.venue as i64,
            price: child.side.sign() * met.key,
            displayed: met.displayed,
            available: met.available,
            age: met.age,
            parameters: parameters as i64,
            queue_position: met.queue_position,
        }
    }
}
