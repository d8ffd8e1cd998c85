//! A policy's settings, from which the policy of one order is made; and the built-in ones behind one type.

use std::fmt::Debug;

use crate::error::Result;
use crate::order::Parent;
use crate::policy::cont_kukanov::Epochs;
use crate::policy::probes::{Past, Windows};
use crate::policy::static_router::Allocating;
use crate::policy::twap::Slices;
use crate::policy::{BestAsk, ContKukanov, Policy, ProRata, StaticRouter, Sweep, Twap};

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

    /// Whether its policies decide only on the thread that made the call, one order after the other.
    fn stays_on_caller(&self) -> bool {
        false
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
            Self::ContKukanov(router) => Mind::ContKukanov(Box::new(router.start(parent, past)?)),
        })
    }

    fn learns_from(&self) -> Option<Windows> {
        match self {
            Self::ContKukanov(router) => Some(router.windows()),
            _ => None,
        }
    }
}

/// The policy of one order, whatever it is. The built-in ones are spelt out: each gets a replay of its own, compiled for
/// it, since a decision is made at every snapshot.
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
