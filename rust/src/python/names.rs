//! The words of every enum, once: what Python passes in, what it gets back as a place in a table, and what messages list.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::allocate::Rule;
use crate::error::Error;
use crate::fills::QueueModel;
use crate::ledger::{Kind, Reason, Status};
use crate::market::{Depletion, Limit, Snapshot};
use crate::policy::{BuiltIn, Unit};

/// An enum whose values have names.
pub(super) trait Named: Copy + PartialEq + 'static {
    /// What an argument of this type is called.
    const ARGUMENT: &'static str;
    /// Every value.
    const VALUES: &'static [Self];
    /// Their names, in the same order.
    const NAMES: &'static [&'static str];

    /// The value of a name.
    fn named(name: &str) -> Result<Self, Error> {
        let place = Self::NAMES.iter().position(|&known| known == name);
        place.map(|place| Self::VALUES[place]).ok_or_else(|| Error::Unknown {
            argument: Self::ARGUMENT,
            names: Self::NAMES,
            value: name.to_owned(),
        })
    }

    /// The value's name.
    fn name(self) -> &'static str {
        Self::NAMES.get(usize::from(self.place())).copied().unwrap_or_default()
    }

    /// The value's place in the table.
    fn place(self) -> u8 {
        Self::VALUES.iter().position(|&value| value == self).unwrap_or(Self::VALUES.len()) as u8
    }
}

macro_rules! names {
    ($($table:literal $argument:literal $type:ty { $($name:literal $value:ident)+ })+) => {
        $(
            impl Named for $type {
                const ARGUMENT: &'static str = $argument;
                const VALUES: &'static [Self] = &[$(Self::$value),+];
                const NAMES: &'static [&'static str] = &[$($name),+];
            }

            impl<'py> FromPyObject<'_, 'py> for $type {
                type Error = PyErr;

                fn extract(name: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
                    Ok(Self::named(name.extract::<&str>()?)?)
                }
            }
        )+

        /// Adds every table to the module, a tuple of names each.
        pub(super) fn export(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $(module.add($table, PyTuple::new(module.py(), <$type>::NAMES)?)?;)+
            module.add("POLICIES", PyTuple::new(module.py(), BuiltIn::NAMES)?)
        }
    };
}

/// Which solver, without its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SolverName {
    Exact,
    Exhaustive,
}

/// What a router plans with, without its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlanName {
    Displayed,
    Fills,
}

names! {
    "STATUSES" "status" Status { "filled" Filled "completed" Completed "late" Late "stale" Stale "no_quotes" NoQuotes }
    "KINDS" "kind" Kind { "take" Take "post" Post "completion" Completion "unwind" Unwind }
    "REASONS" "reason" Reason {
        "filled" Filled "partial" Partial "no_quote" NoQuote "limit" Limit "depleted" Depleted "queue" Queue
        "expired" Expired "crossed" Crossed "cancelled" Cancelled
    }
    "SNAPSHOTS" "snapshot" Snapshot { "last" Last "each" Each "first" First }
    "DEPLETIONS" "depletion" Depletion { "refresh" Refresh "persistent" Persistent "none" None }
    "LIMITS" "limit" Limit { "seen" Seen "none" None }
    "QUEUES" "queue" QueueModel { "pessimistic" Pessimistic "expected" Expected "optimistic" Optimistic }
    "UNITS" "unit" Unit { "fraction" Fraction "price" Price }
    "RULES" "rule" Rule { "strict" Strict "relaxed" Relaxed }
    "SOLVERS" "solver" SolverName { "exact" Exact "exhaustive" Exhaustive }
    "PLANS" "plan" PlanName { "displayed" Displayed "fills" Fills }
}
