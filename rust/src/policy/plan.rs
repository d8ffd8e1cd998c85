//! A policy's settings, from which the policy of one order is made; and what makes one type of the built-in ones.

use std::fmt::Debug;

use crate::error::Result;
use crate::order::Parent;
use crate::policy::probes::{Past, Windows};
use crate::policy::{BuiltIn, Mind, Policy};
use crate::schedule::Schedule;

/// What the capsule is called in which a library built against this core hands an `Arc<dyn Plan>` over to Python: neither
/// the core's types nor the compiler's layouts are stable, so both must be the very same.
pub const HANDED_OVER: &std::ffi::CStr = {
    let name = concat!("sor.plan.", env!("SOR_BUILD"), ".", env!("SOR_RUSTC"), "\0");
    match std::ffi::CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("a name without a zero in it"),
    }
};

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

    /// What releases the order's shares; `None`: all of them at once.
    fn schedule(&self) -> Option<&dyn Schedule> {
        None
    }

    /// The plainest built-in policy that decides the same in every market: plans with equal ones need one replay. `None`:
    /// nobody knows.
    fn plainest(&self) -> Option<BuiltIn> {
        None
    }

    /// Whether its policies decide only on the thread that made the call, one order after the other.
    fn stays_on_caller(&self) -> bool {
        false
    }
}

/// The settings of a built-in policy that has any.
pub trait Settings: Copy {
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

    /// The plainest settings that decide the same, see [`Plan::plainest`].
    #[must_use]
    fn plainest(&self) -> Self;
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

            fn plainest(&self) -> Option<BuiltIn> {
                Some(match self {
                    $(Self::$plain => Self::$plain,)+
                    $(Self::$set(settings) => Self::$set(settings.plainest()),)+
                })
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
