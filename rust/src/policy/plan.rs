//! A policy's settings, from which the policy of one order is made; and what makes one type of the built-in ones.

use std::fmt::Debug;

use crate::error::Result;
use crate::order::Parent;
use crate::policy::probes::{Past, Windows};
use crate::policy::{Mind, Policy};

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

/// The settings of a built-in policy that has any.
pub trait Settings {
    /// The policy of one order.
    type Mind<'a>: Policy
    where
        Self: 'a;

    /// See [`Plan::start`].
    ///
    /// # Errors
    ///
    /// As [`Plan::start`].
    fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Self::Mind<'a>>;

    /// See [`Plan::learns_from`].
    fn learns_from(&self) -> Option<Windows> {
        None
    }
}

/// What is done with the policy of one order, whichever it is: compiled anew for each that is built in, since a decision
/// is made at every snapshot.
pub trait Work {
    /// What comes of it.
    type Done;

    /// Does it.
    fn with(self, policy: impl Policy) -> Self::Done;
}

/// Makes of the registry the types that know every built-in policy, and the table of their names.
macro_rules! built_in {
    (
        plain { $($(#[$about:meta])* $plain_name:literal $plain:ident)+ }
        with_settings { $($(#[$set_about:meta])* $set_name:literal $set:ident($settings:ident))+ }
    ) => {
        /// The policies that come with the core.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum BuiltIn {
            $($(#[$about])* $plain,)+
            $($(#[$set_about])* $set($settings),)+
        }

        impl BuiltIn {
            /// What each is called.
            pub const NAMES: &'static [&'static str] = &[$($set_name,)+ $($plain_name,)+];

            /// The policy of this name, if it is one without settings.
            #[must_use]
            pub fn plain(name: &str) -> Option<Self> {
                match name {
                    $($plain_name => Some(Self::$plain),)+
                    _ => None,
                }
            }
        }

        impl Plan for BuiltIn {
            fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Mind<'a>> {
                Ok(match self {
                    $(Self::$plain => Mind::$plain($plain::default()),)+
                    $(Self::$set(settings) => Mind::$set(Box::new(settings.start(parent, past)?)),)+
                })
            }

            fn learns_from(&self) -> Option<Windows> {
                match self {
                    $(Self::$plain => None,)+
                    $(Self::$set(settings) => settings.learns_from(),)+
                }
            }
        }

        /// The policy of one order, whatever it is.
        pub enum Mind<'a> {
            $($(#[$about])* $plain($plain),)+
            $($(#[$set_about])* $set(Box<<$settings as Settings>::Mind<'a>>),)+
            /// Any other.
            Foreign(Box<dyn Policy + 'a>),
        }

        impl Mind<'_> {
            /// Does something with the policy.
            pub fn work<W: Work>(self, work: W) -> W::Done {
                match self {
                    $(Self::$plain(policy) => work.with(policy),)+
                    $(Self::$set(policy) => work.with(policy),)+
                    Self::Foreign(policy) => work.with(policy),
                }
            }
        }

        impl Debug for Mind<'_> {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("Mind")
            }
        }
    };
}

pub(super) use built_in;
