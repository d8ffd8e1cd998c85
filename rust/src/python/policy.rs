//! Policies written in Python: what they see, what they answer with, and the mind of one order that calls them.
//!
//! A policy stays on the thread that made the call, where signals and debuggers reach it. What it sees are copies: the
//! arrays are filled anew at every decision, and made anew where the policy has kept one of the last.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{Error, Result};
use crate::order::Parent;
use crate::policy::{Mind, Orders, Past, Plan, Policy, Report, View};
use crate::python::policy_orders::PyOrders;
use crate::python::policy_view::{Desk, PyOrder, PyPast, PyReport};
use crate::units::Time;

/// The exception of a policy of the caller's own that ended a call.
pub(super) type Raised = Arc<Mutex<Option<PyErr>>>;

/// A policy of Python's as the core's plan.
#[derive(Debug)]
pub(super) struct PyPlan {
    // Called with the order and the past: the policy of the order, and times at which it wants to decide.
    start: Py<PyAny>,
    venues: Py<PyTuple>,
    hears: bool,
    raised: Raised,
}

impl PyPlan {
    pub(super) fn new(start: Py<PyAny>, venues: Py<PyTuple>, hears: bool, raised: Raised) -> Self {
        Self { start, venues, hears, raised }
    }

    /// Keeps what was raised, for the glue to raise again.
    fn failed(&self, ts: Time, raised: PyErr) -> Error {
        let why = raised.to_string();
        if let Ok(mut slot) = self.raised.lock() {
            *slot = Some(raised);
        }
        Error::Policy { ts, why }
    }

    fn begin<'a>(&'a self, py: Python<'_>, parent: &Parent, past: &Past<'a>) -> PyResult<Working<'a>> {
        let order = Bound::new(py, PyOrder::new(parent, self.venues.clone_ref(py)))?;
        let begun = self.start.bind(py).call1((order, PyPast::new(past)))?;
        let (mind, mut wakes): (Bound<'_, PyAny>, Vec<Time>) = begun.extract()?;
        wakes.sort_unstable();
        Ok(Working {
            plan: self,
            decide: mind.getattr("decide")?.unbind(),
            told: if self.hears { Some(mind.getattr("told")?.unbind()) } else { None },
            desk: Desk::new(py, parent, self.venues.bind(py))?,
            orders: Py::new(py, PyOrders::new(self.venues.clone_ref(py)))?,
            reports: Vec::new(),
            wakes,
        })
    }
}

impl Plan for PyPlan {
    fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Mind<'a>> {
        let begun = Python::attach(|py| self.begin(py, parent, past));
        Ok(Mind::Foreign(Box::new(begun.map_err(|raised| self.failed(parent.start, raised))?)))
    }

    fn stays_on_caller(&self) -> bool {
        true
    }
}

/// A policy of Python's at work on one order.
struct Working<'a> {
    plan: &'a PyPlan,
    decide: Py<PyAny>,
    told: Option<Py<PyAny>>,
    desk: Desk,
    orders: Py<PyOrders>,
    // Since the last decision.
    reports: Vec<Report>,
    // Times at which it asked to be woken, in order.
    wakes: Vec<Time>,
}

impl Working<'_> {
    fn ask(&mut self, py: Python<'_>, view: &View<'_>, out: &mut Orders) -> PyResult<()> {
        let seen = self.desk.lay(py, view, &mut self.reports)?;
        self.orders.bind(py).borrow_mut().open(view.now, view.in_flight, out.next_number());
        let answer = self.decide.bind(py).call1((seen, &self.orders));
        let mut orders = self.orders.bind(py).borrow_mut();
        let sent = orders.close();
        let answer = answer?;
        if !answer.is_none() {
            let why = format!(
                "decide must return None, and send with orders.take, .post and .cancel; it returned {}",
                answer.repr()?
            );
            return Err(PyTypeError::new_err(why));
        }
        sent.hand_over(out, &mut self.wakes);
        Ok(())
    }
}

impl Policy for Working<'_> {
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        let passed = self.wakes.partition_point(|&time| time <= view.now);
        self.wakes.drain(..passed);
        Python::attach(|py| self.ask(py, view, out)).map_err(|raised| self.plan.failed(view.now, raised))
    }

    fn wakes(&self, after: Time) -> Option<Time> {
        self.wakes.get(self.wakes.partition_point(|&time| time <= after)).copied()
    }

    fn told(&mut self, report: &Report) -> Result<()> {
        self.reports.push(*report);
        let Some(told) = &self.told else { return Ok(()) };
        let outcome = Python::attach(|py| {
            let report = PyReport::new(py, report)?;
            told.bind(py).call1((report,)).map(drop)
        });
        outcome.map_err(|raised| self.plan.failed(report.ts, raised))
    }
}
