//! Fill models: what a child order gets when it arrives (rules F1-F3).

mod own;
mod resting;
mod table;
mod walk;

pub use own::{Expectation, Expects, FillSheet, OwnFills, VERSION};
pub use resting::{Arrival, QueueModel, Resting};
pub use table::FillTable;
pub(crate) use walk::{MOST_LEVELS, Walk, levels_error, walk_error};

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Binomial, Distribution};

use crate::error::{Result, require};
use crate::units::{Nanos, Shares, Side, Time};

/// How a child that meets a quote is filled.
#[derive(Clone, Debug, PartialEq)]
pub enum FillModel {
    /// `min(x, available)` at the quoted price (rule F1).
    Displayed,
    /// A share of it, at a slipped price (rules F2, F3).
    QueueAware(QueueAware),
    /// What a table or a function of the caller's own expects (rule Q4).
    Own(OwnFills),
}

/// The parameters of queue-aware execution; the queue position itself belongs to the venue or the tape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueueAware {
    /// Fill probability at the front of the queue, in `[0, 1]`.
    pub max_fill: f64,
    /// Slippage, as a fraction of price, of a child as large as the displayed size.
    pub impact: f64,
    /// Time constant of the quote's ageing, nanoseconds; `None`: quotes do not age.
    pub decay: Option<f64>,
    /// `None`: the expected shares, rounded half to even. `Some(seed)`: a binomial draw (rule F3).
    pub seed: Option<u64>,
}

/// The quote a child meets, or is planned on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Met {
    /// Signed price.
    pub key: Nanos,
    /// Displayed shares.
    pub displayed: Shares,
    /// Shares own fills have left there.
    pub available: Shares,
    /// Time since the venue's last record.
    pub age: Time,
    /// Queue position in `[0, 1]`.
    pub queue_position: f64,
}

/// The child that meets it, or is planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent {
    /// Its side.
    pub side: Side,
    /// Shares sent.
    pub quantity: Shares,
    /// Venue index.
    pub venue: usize,
    /// When.
    pub now: Time,
}

/// What a child got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Execution {
    /// Shares.
    pub quantity: Shares,
    /// Signed price, slippage included.
    pub key: Nanos,
    /// The probability that an available share is filled; 1 under F1.
    pub probability: f64,
}

/// The stream of random numbers of one child: a function of the seed, the parent order itself and the child's number,
/// so that a draw depends neither on threads nor on which other orders are replayed (rule F3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Identifies the parent order by its content, see [`Parent::stream`](crate::order::Parent::stream).
    pub parent: [u64; 2],
    /// The child's number within the parent.
    pub child: u64,
}

impl FillModel {
    /// The expected fill of a child: what a planning router counts on (rule F4).
    ///
    /// # Errors
    ///
    /// Those of a model of the caller's own.
    #[inline]
    pub fn expected(&self, child: &Sent, met: &Met) -> Result<Execution> {
        let most = child.quantity.min(met.available);
        Ok(match self {
            FillModel::Displayed => Execution { quantity: most, key: met.key, probability: 1.0 },
            FillModel::QueueAware(queue) => {
                let probability = queue.probability(met);
                let quantity = (most as f64 * probability).round_ties_even() as Shares;
                Execution { quantity, key: slipped(child.side, queue.slippage(most, met), met.key), probability }
            }
            FillModel::Own(own) => own.expected(child, met)?,
        })
    }

    /// The fill of a child.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when the slipped price leaves 64 bits, and those of a model of the
    /// caller's own.
    #[inline]
    pub fn execute(&self, child: &Sent, met: &Met, stream: Stream) -> Result<Execution> {
        let most = child.quantity.min(met.available);
        if matches!(self, FillModel::Displayed) {
            return Ok(Execution { quantity: most, key: met.key, probability: 1.0 });
        }
        self.fill(child, most, met, stream)
    }

    /// The original's `execute_order`, to the letter: its price slips by the shares *sent*, of which more may be sent than
    /// are there.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub fn execute_order(&self, child: &Sent, met: &Met, stream: Stream) -> Result<Execution> {
        self.fill(child, child.quantity, met, stream)
    }

    /// Whether it can only be asked on the thread that made the call.
    #[must_use]
    pub fn stays_on_caller(&self) -> bool {
        matches!(self, FillModel::Own(own) if own.model.stays_on_caller())
    }

    #[inline(never)]
    fn fill(&self, child: &Sent, slips: Shares, met: &Met, stream: Stream) -> Result<Execution> {
        let mut execution = self.expected(child, met)?;
        let seed = match self {
            FillModel::Displayed => return Ok(execution),
            FillModel::QueueAware(queue) => {
                execution.key = slipped(child.side, queue.slippage(slips, met), met.key);
                require(in_range(execution.key), "impact", RULE, || {
                    format!("{} for {slips} of {} displayed shares", queue.impact, met.displayed)
                })?;
                queue.seed
            }
            FillModel::Own(own) => own.seed,
        };
        if let Some(seed) = seed {
            execution.quantity = draw(child.quantity.min(met.available), execution.probability, seed, stream);
        }
        Ok(execution)
    }
}

const RULE: &str = "must be small enough for slipped prices to stay within 64-bit nanos (at most about 9.2e9)";

impl QueueAware {
    /// The probability that an available share is filled (rule F2).
    #[inline]
    fn probability(&self, met: &Met) -> f64 {
        let time_decay = self.decay.map_or(1.0, |decay| (-(met.age as f64) / decay).exp());
        self.max_fill * (1.0 - met.queue_position) * time_decay
    }

    #[inline]
    fn slippage(&self, shares: Shares, met: &Met) -> f64 {
        self.impact * shares as f64 / met.displayed as f64
    }
}

/// `quoted * (1 + s * slippage)`, rounded half to even, never below zero; the largest number where it would leave 64 bits.
#[inline]
fn slipped(side: Side, slippage: f64, key: Nanos) -> Nanos {
    let sign = side.sign();
    let quoted = (sign * key) as f64;
    sign * ((quoted * (1.0 + sign as f64 * slippage)).round_ties_even() as Nanos).max(0)
}

/// A signed price that the cast of [`slipped`] has not cut.
#[inline]
fn in_range(key: Nanos) -> bool {
    key.checked_abs().is_some_and(|price| price < Nanos::MAX)
}

/// A draw from Binomial(n, p) on the child's own stream.
fn draw(n: Shares, p: f64, seed: u64, stream: Stream) -> Shares {
    let mut key = [0_u8; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, stream.parent[0], stream.parent[1], stream.child]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    let mut random = ChaCha12Rng::from_seed(key);
    Binomial::new(n as u64, p).map_or(0, |binomial| binomial.sample(&mut random) as Shares)
}
