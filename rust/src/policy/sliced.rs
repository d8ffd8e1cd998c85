//! A policy under a schedule (rule W3).

use std::sync::Arc;

use crate::error::Result;
use crate::order::Parent;
use crate::policy::probes::{Past, Windows};
use crate::policy::{Mind, Plan};
use crate::schedule::Schedule;

/// A policy that is given an order's shares as a schedule releases them.
#[derive(Clone, Debug)]
pub struct Sliced {
    /// Where the released shares go.
    pub plan: Arc<dyn Plan>,
    /// How many are released by when.
    pub schedule: Arc<dyn Schedule>,
}

impl Plan for Sliced {
    fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Mind<'a>> {
        self.plan.start(parent, past)
    }

    fn learns_from(&self) -> Option<Windows> {
        self.plan.learns_from()
    }

    fn stays_on_caller(&self) -> bool {
        self.plan.stays_on_caller()
    }

    fn schedule(&self) -> Option<&dyn Schedule> {
        Some(&*self.schedule)
    }
}
