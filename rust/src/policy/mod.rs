//! Policies: at each decision, which venue gets how many shares (MODEL P3, section 3).

mod baselines;
mod cont_kukanov;
pub mod probes;
mod static_router;

pub use cont_kukanov::{ContKukanov, Posting, Solved, Standing};
pub use static_router::{Plan, StaticRouter, Unit};

use crate::allocate::exact::Scratch;
use crate::allocate::{Offer, Penalties};
use crate::error::Result;
use crate::fills::{FillModel, Met};
use crate::market::{Book, Taken, Tape, Venue, Visibility};
use crate::observe::Stop;
use crate::quote::{EMPTY, Quote};
use crate::units::{Nanos, Shares, Side, Time};

/// What decides. Every policy gets the same fees, fills, depletion, latency and completion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// The static allocator of section 3 at every decision.
    Static(StaticRouter),
    /// The one venue with the best displayed price.
    BestAsk,
    /// All venues, cheapest all-in first.
    Sweep,
    /// Equal slices over time buckets, each swept.
    Twap {
        /// Length of a bucket, nanoseconds.
        bucket: Time,
    },
    /// The remainder over the venues in proportion to their available size.
    Vwap,
    /// The paper's router: market and limit orders, epoch by epoch (MODEL section 6).
    ContKukanov(ContKukanov),
}

/// One child the policy wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Venue index.
    pub venue: usize,
    /// Shares, positive.
    pub quantity: Shares,
    /// Cost per share of the last of them against the benchmark, fee included, nanos.
    pub marginal: Nanos,
}

/// All that a policy may look at when it decides.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The tape, for its queue positions only.
    pub tape: &'a Tape<'a>,
    /// The book at this snapshot.
    pub book: &'a Book,
    /// What this parent has taken from it.
    pub taken: &'a Taken,
    /// The venues' terms.
    pub venues: &'a [Venue],
    /// The fill model, for a router that plans with it.
    pub fill: &'a FillModel,
    /// The parent's side.
    pub side: Side,
    /// Shares to plan: quantity less executed less in flight, positive.
    pub remaining: Shares,
    /// The parent's lot.
    pub lot: Shares,
    /// Decision time.
    pub now: Time,
    /// The mid.
    pub mid: Nanos,
    /// No quote costs less than this all-in, as a signed price: the best quote and the lowest fee.
    pub cheapest: Nanos,
    /// Signed price beyond which a quote is a stub.
    pub worst_key: Nanos,
    /// Oldest record a quote may rest on.
    pub oldest: Time,
}

impl View<'_> {
    /// The quotes the policy can see, by venue.
    #[inline]
    pub fn visible(&self) -> impl Iterator<Item = (usize, Quote)> + '_ {
        let quotes = self.book.offers(self.side).iter().copied().enumerate();
        quotes.filter(|&(venue, quote)| quote.key <= self.worst_key && self.book.updated(venue) >= self.oldest)
    }

    /// Shares left of a quote.
    #[must_use]
    #[inline]
    pub fn available(&self, venue: usize, quote: Quote) -> Shares {
        self.taken.available(venue, quote.size)
    }

    /// What a quote costs per share, fee included, as a signed price.
    #[must_use]
    #[inline]
    pub fn all_in(&self, venue: usize, quote: Quote) -> Nanos {
        quote.key + self.venues[venue].taker_fee
    }

    /// The quote as a fill model sees it.
    #[must_use]
    pub fn met(&self, venue: usize) -> Met {
        meet(self.tape, self.book, self.taken, self.venues, self.side, venue, self.now)
    }

    /// One child, its marginal cost measured against the mid.
    #[must_use]
    #[inline]
    fn intent(&self, venue: usize, quote: Quote, quantity: Shares) -> Intent {
        Intent { venue, quantity, marginal: self.all_in(venue, quote) - self.side.sign() * self.mid }
    }
}

/// The quote a child of `side` meets at `venue` at time `now`.
#[must_use]
#[inline]
pub fn meet(tape: &Tape<'_>, book: &Book, taken: &Taken, venues: &[Venue], side: Side, venue: usize, now: Time) -> Met {
    let quote = book.offers(side)[venue];
    if quote.key == EMPTY {
        return Met { key: EMPTY, displayed: 0, available: 0, age: 0, queue_position: 0.0 };
    }
    Met {
        key: quote.key,
        displayed: Shares::from(quote.size),
        available: taken.available(venue, quote.size),
        age: now - book.updated(venue),
        queue_position: tape.queue_position(book.row(venue)).unwrap_or(venues[venue].queue_position),
    }
}

/// A decision's reusable memory, and the mid-dependent limits, recomputed only when the mid moves.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    // Quotes under consideration: (venue, signed price or all-in cost, available shares).
    ranked: Vec<(Nanos, usize, Shares)>,
    offers: Vec<Offer>,
    venues: Vec<usize>,
    split: Vec<Shares>,
    scratch: Scratch,
    curves: static_router::CurveDesk,
    // What is not proven of the last decision.
    gap: Option<Nanos>,
    limits: Option<Limits>,
}

/// The limits that hang on the mid.
#[derive(Clone, Copy, Debug)]
struct Limits {
    mid: Nanos,
    worst_key: Nanos,
    penalties: Penalties,
}

impl Desk {
    /// The signed price beyond which a quote is a stub at this mid (B7).
    #[must_use]
    #[inline]
    pub fn worst_key(&mut self, policy: &Policy, visibility: &Visibility, side: Side, mid: Nanos) -> Nanos {
        match self.limits {
            Some(limits) if limits.mid == mid => limits.worst_key,
            _ => {
                let worst_key = visibility.worst_key(side, mid);
                let penalties = match policy {
                    Policy::Static(router) => router.penalties(mid),
                    _ => Penalties { over: 0, under: 0, theta: 0 },
                };
                self.limits = Some(Limits { mid, worst_key, penalties });
                worst_key
            }
        }
    }

    /// Appends `quantity` shares over all venues that the view sees, cheapest all-in first (P3).
    pub(crate) fn sweep(&mut self, view: &View<'_>, quantity: Shares, intents: &mut Vec<Intent>) {
        baselines::sweep(view, quantity, &mut self.ranked, intents);
    }

    fn penalties(&self) -> Penalties {
        self.limits.map_or(Penalties { over: 0, under: 0, theta: 0 }, |limits| limits.penalties)
    }

    /// By how many nanos a better split of the last decision might at most be cheaper; `None` when it is proven that no
    /// split is better.
    #[must_use]
    pub fn gap(&self) -> Option<Nanos> {
        self.gap
    }

    /// The router's `lambda_under + theta` at this mid; `None` where no such limit decides.
    #[must_use]
    pub fn threshold(&self, policy: &Policy) -> Option<Nanos> {
        match policy {
            Policy::Static(router) => router.threshold(&self.penalties()),
            _ => None,
        }
    }
}

impl Policy {
    /// Appends what to send now to `intents`. `due` is how many shares the schedule of a `Twap` has released and not
    /// yet used, or the market order of a `ContKukanov` still wants; other policies ignore it. A router that enumerates asks `stop` once a millisecond or so.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyCandidates`](crate::Error::TooManyCandidates) and [`Error::Stopped`](crate::Error::Stopped) from
    /// an exhaustive router.
    #[inline]
    pub fn decide(
        &self,
        view: &View<'_>,
        due: Shares,
        desk: &mut Desk,
        intents: &mut Vec<Intent>,
        stop: Stop<'_>,
    ) -> Result<()> {
        match self {
            Policy::Static(router) => router.decide(view, desk, intents, stop)?,
            Policy::BestAsk => baselines::best_ask(view, intents),
            Policy::Sweep => baselines::sweep(view, view.remaining, &mut desk.ranked, intents),
            Policy::Twap { .. } | Policy::ContKukanov(_) => baselines::sweep(view, due, &mut desk.ranked, intents),
            Policy::Vwap => baselines::vwap(view, &mut desk.ranked, intents),
        }
        Ok(())
    }
}
