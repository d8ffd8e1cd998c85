//! What a policy answers with.

use crate::ledger::Epoch;
use crate::units::{Nanos, Shares, Time};

/// One thing a policy wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take a displayed quote: immediate or cancel.
    Take {
        /// Venue index.
        venue: usize,
        /// Shares, positive.
        quantity: Shares,
        /// Worst price; `None`: the market's rule, by default the price seen (rule F6).
        limit: Option<Nanos>,
        /// Cost per share of the last of them against the benchmark, fee included, nanos; `None`: the quote's own
        /// against the mid.
        marginal: Option<Nanos>,
    },
    /// Rest a limit order.
    Post {
        /// Venue index.
        venue: usize,
        /// Shares, positive.
        quantity: Shares,
        /// `None`: the venue's best price on the own side (rule C10).
        price: Option<Nanos>,
        /// When it expires; `None`: at the parent's end.
        until: Option<Time>,
    },
    /// Take back what a limit order has not filled.
    Cancel {
        /// The order's number.
        order: u32,
    },
}

/// The orders of one decision, in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    actions: Vec<Action>,
    next: u32,
    threshold: Option<Nanos>,
    gap: Option<Nanos>,
    epoch: Option<Epoch>,
}

impl Orders {
    /// Nothing yet; the next order is number `next`.
    #[inline]
    pub(crate) fn clear(&mut self, next: u32) {
        self.actions.clear();
        self.next = next;
        self.threshold = None;
        self.gap = None;
        self.epoch = None;
    }

    /// Takes `quantity` shares at a venue, at the price seen or better. Returns the order's number.
    #[inline]
    pub fn take(&mut self, venue: usize, quantity: Shares) -> u32 {
        self.push(Action::Take { venue, quantity, limit: None, marginal: None })
    }

    /// Takes, and says what the last share costs against the benchmark.
    #[inline]
    pub fn take_at(&mut self, venue: usize, quantity: Shares, marginal: Nanos) -> u32 {
        self.push(Action::Take { venue, quantity, limit: None, marginal: Some(marginal) })
    }

    /// Takes up to a limit of the policy's own.
    #[inline]
    pub fn take_limited(&mut self, venue: usize, quantity: Shares, limit: Nanos) -> u32 {
        self.push(Action::Take { venue, quantity, limit: Some(limit), marginal: None })
    }

    /// Rests a limit order, see [`Action::Post`]. Returns the order's number.
    #[inline]
    pub fn post(&mut self, venue: usize, quantity: Shares, price: Option<Nanos>, until: Option<Time>) -> u32 {
        self.push(Action::Post { venue, quantity, price, until })
    }

    /// Takes back a limit order; one that has ended by the time this arrives stays as it is.
    #[inline]
    pub fn cancel(&mut self, order: u32) {
        self.actions.push(Action::Cancel { order });
    }

    /// The marginal cost at which the policy stops, for the rows of this decision's children.
    #[inline]
    pub fn stops_at(&mut self, threshold: Option<Nanos>) {
        self.threshold = threshold;
    }

    /// By how many nanos a better decision might at most have been cheaper, for the rows of its children; `None` where it
    /// is proven that there is none.
    pub fn may_be_worse_by(&mut self, gap: Option<Nanos>) {
        self.gap = gap;
    }

    /// Writes down the plan of an epoch.
    pub fn note(&mut self, epoch: Epoch) {
        self.epoch = Some(epoch);
    }

    /// The number of the next order.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.next
    }

    /// Forgets what was asked for at this decision.
    pub(super) fn take_back(&mut self) {
        self.next -= self.actions.len() as u32;
        self.actions.clear();
    }

    /// The shares of every take, and what the last of them costs, as far as that was said.
    pub(super) fn takes(&self) -> impl Iterator<Item = (Shares, Nanos)> + '_ {
        self.actions.iter().filter_map(|action| match *action {
            Action::Take { quantity, marginal: Some(cost), .. } => Some((quantity, cost)),
            _ => None,
        })
    }

    #[inline]
    fn push(&mut self, action: Action) -> u32 {
        self.actions.push(action);
        self.next += 1;
        self.next - 1
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.actions.len()
    }

    #[inline]
    pub(crate) fn action(&self, i: usize) -> &Action {
        &self.actions[i]
    }

    #[inline]
    pub(crate) fn threshold(&self) -> Option<Nanos> {
        self.threshold
    }

    #[inline]
    pub(crate) fn gap(&self) -> Option<Nanos> {
        self.gap
    }

    pub(crate) fn take_note(&mut self) -> Option<Epoch> {
        self.epoch.take()
    }
}
