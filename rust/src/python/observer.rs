//! Who watches a long call from Python.

use std::ops::ControlFlow;

use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::observe::Observer;

/// Watches from Python: signals, and a progress callback. Keeps the exception that stopped the call.
#[derive(Default)]
pub(super) struct PyObserver {
    progress: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl PyObserver {
    pub(super) fn new(progress: Option<Py<PyAny>>) -> Self {
        Self { progress, raised: None }
    }

    /// The outcome of the call it watched: the exception that stopped it, if one did.
    pub(super) fn outcome<T>(self, outcome: Result<T>) -> PyResult<T> {
        match (outcome, self.raised) {
            (Err(Error::Stopped), Some(raised)) => Err(raised),
            (outcome, _) => Ok(outcome?),
        }
    }
}

impl Observer for PyObserver {
    fn observe(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        let outcome = Python::attach(|py| {
            py.check_signals()?;
            self.progress.as_ref().map_or(Ok(()), |progress| progress.call1(py, (done, total)).map(drop))
        });
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(raised) => {
                self.raised = Some(raised);
                ControlFlow::Break(())
            }
        }
    }
}
