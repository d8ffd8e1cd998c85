//! A policy's settings, from which the policy of one order is made; and the built-in ones behind one type.

use std::fmt::Debug;

use crate::error::Result;
use crate::order::Parent;
use crate::policy::cont_kukanov::Epochs;
use crate::policy::probes::{Probes, Windows};
use crate::policy::static_router::Allocating;
use crate::policy::twap::Slices;
use crate::policy::{BestAsk, ContKukanov, Orders, Policy, ProRata, Report, StaticRouter, Sweep, Twap, View};
use crate::units::Time;

/// What is known of the tape, apart from the book, when an order starts. Nothing in it is used before it has happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    /// What probes of past windows would have filled on the parent's side, for a plan that asks for them.
    pub probes: Option<&'a Probes>,
}

/// A policy's settings: what makes the policy of one order.
pub trait Plan: Debug + Send + Sync {
    /// The policy of one order.
    ///
    /// # Errors
    ///
    /// When the order does not suit the policy.
    fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Mind<'a>>;

    /// The windows whose probes it learns from.
    fn learns_from(&self) -> Option<Windows> {
        None
    }
}

/// The policies that come with the core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BuiltIn {
    /// The one venue with the best displayed price.
    BestAsk,
    /// All venues, cheapest all-in first.
    Sweep,
    /// Equal slices over time buckets, each swept.
    Twap(Twap),
    /// The remainder over the venues in proportion to their available size.
    ProRata,
    /// The static allocator at every decision.
    Static(StaticRouter),
    /// The paper's router: market and limit orders, epoch by epoch.
    ContKukanov(ContKukanov),
}

impl Plan for BuiltIn {
    fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Mind<'a>> {
        Ok(match self {
            Self::BestAsk => Mind::BestAsk(BestAsk),
            Self::Sweep => Mind::Sweep(Sweep::default()),
            Self::Twap(twap) => Mind::Twap(twap.start(parent)),
            Self::ProRata => Mind::ProRata(ProRata::default()),
            Self::Static(router) => Mind::Static(Box::new(router.start())),
            Self::ContKukanov(router) => Mind::ContKukanov(Box::new(router.start(parent, past.probes)?)),
        })
    }

    fn learns_from(&self) -> Option<Windows> {
        match self {
            Self::ContKukanov(router) => Some(router.windows()),
            _ => None,
        }
    }
}

/// The policy of one order, whatever it is. The built-in ones are spelt out: a call by name is cheaper than a virtual one,
/// and a decision is made at every snapshot.
pub enum Mind<'a> {
    /// See [`BestAsk`].
    BestAsk(BestAsk),
    /// See [`Sweep`].
    Sweep(Sweep),
    /// See [`Twap`].
    Twap(Slices),
    /// See [`ProRata`].
    ProRata(ProRata),
    /// See [`StaticRouter`].
    Static(Box<Allocating<'a>>),
    /// See [`ContKukanov`].
    ContKukanov(Box<Epochs<'a>>),
    /// Any other.
    Foreign(Box<dyn Policy + 'a>),
}

impl Debug for Mind<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Mind")
    }
}

impl Mind<'_> {
    /// Whether it wants to know what becomes of its takes: a policy that does not is not told.
    pub(crate) fn listens(&self) -> bool {
        matches!(self, Self::ContKukanov(_) | Self::Foreign(_))
    }
}

impl Policy for Mind<'_> {
    #[inline]
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        match self {
            Self::BestAsk(policy) => policy.decide(view, out),
            Self::Sweep(policy) => policy.decide(view, out),
            Self::Twap(policy) => policy.decide(view, out),
            Self::ProRata(policy) => policy.decide(view, out),
            Self::Static(policy) => policy.decide(view, out),
            Self::ContKukanov(policy) => policy.decide(view, out),
            Self::Foreign(policy) => policy.decide(view, out),
        }
    }

    #[inline]
    fn wakes(&self, after: Time) -> Option<Time> {
        match self {
            Self::ContKukanov(policy) => policy.wakes(after),
            Self::Foreign(policy) => policy.wakes(after),
            _ => None,
        }
    }

    #[inline]
    fn told(&mut self, report: &Report) {
        match self {
            Self::ContKukanov(policy) => policy.told(report),
            Self::Foreign(policy) => policy.told(report),
            _ => {}
        }
    }
}
