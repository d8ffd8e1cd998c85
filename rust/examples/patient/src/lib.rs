//! A policy in Rust, handed to Python: it takes what costs at most so much against the mid, and everything near the end.
//!
//! It sees all that a built-in policy sees, and is as fast. In exchange it must be built with the very sources of the
//! core and the very compiler that made the package: the capsule's name says which, and another is refused.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use sor_core::Result;
use sor_core::order::Parent;
use sor_core::policy::{HANDED_OVER, Mind, Orders, Past, Plan, Policy, View};
use sor_core::units::{Nanos, Time};

/// The settings, the same for every order.
#[derive(Clone, Copy, Debug)]
struct Patient {
    // Nanos per share against the mid, fee included.
    most: Nanos,
    // Nanoseconds before the end from which on everything is taken.
    last: Time,
}

impl Plan for Patient {
    fn start<'a>(&'a self, parent: &Parent, _past: &Past<'a>) -> Result<Mind<'a>> {
        Ok(Mind::Foreign(Box::new(Waiting { patient: *self, end: parent.end, offers: Vec::new() })))
    }
}

/// One order's mind.
struct Waiting {
    patient: Patient,
    end: Time,
    // Reused from decision to decision: signed cost, venue, shares.
    offers: Vec<(Nanos, usize, i64)>,
}

impl Policy for Waiting {
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        let Patient { most, last } = self.patient;
        let hurry = view.now >= self.end - last;
        let mid = view.side.sign() * view.mid;
        self.offers.clear();
        self.offers.extend(
            view.visible()
                .map(|(venue, quote)| (view.all_in(venue, quote), venue, view.available(venue, quote)))
                .filter(|&(cost, _, available)| available > 0 && (hurry || cost - mid <= most)),
        );
        self.offers.sort_unstable();
        let mut left = view.remaining;
        for &(_, venue, available) in &self.offers {
            let quantity = left.min(available);
            if quantity > 0 {
                out.take(venue, quantity);
                left -= quantity;
            }
        }
        Ok(())
    }
}

/// The policy for `sor.Compiled`: `most` in currency per share, `last` in seconds.
#[pyfunction]
fn plan(py: Python<'_>, most: f64, last: f64) -> PyResult<Bound<'_, PyCapsule>> {
    let patient = Patient { most: (most * 1e9).round_ties_even() as Nanos, last: (last * 1e9) as Time };
    let plan: Arc<dyn Plan> = Arc::new(patient);
    PyCapsule::new_with_value(py, plan, HANDED_OVER)
}

/// The Python module.
#[pymodule]
fn patient(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(plan, module)?)
}
