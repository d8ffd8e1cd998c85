//! Columns in and out: `NumPy` arrays borrowed from Python without a copy, vectors handed over without one.

use numpy::{Element, IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{Error, Result};
use crate::tape::{Columns, Tape};
use crate::units::Money;

/// A tape's columns, by name, from a Python dict.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct TapeColumns<'py> {
    ts: PyReadonlyArray1<'py, i64>,
    venue: PyReadonlyArray1<'py, u16>,
    bid_px: PyReadonlyArray1<'py, i64>,
    bid_sz: PyReadonlyArray1<'py, u32>,
    ask_px: PyReadonlyArray1<'py, i64>,
    ask_sz: PyReadonlyArray1<'py, u32>,
    #[pyo3(default)]
    queue_position: Option<PyReadonlyArray1<'py, f64>>,
}

impl TapeColumns<'_> {
    /// The tape, borrowed.
    pub(super) fn tape(&self, venues: usize) -> PyResult<Tape<'_>> {
        let columns = Columns {
            ts: self.ts.as_slice()?,
            venue: self.venue.as_slice()?,
            bid_px: self.bid_px.as_slice()?,
            bid_sz: self.bid_sz.as_slice()?,
            ask_px: self.ask_px.as_slice()?,
            ask_sz: self.ask_sz.as_slice()?,
            queue_position: self.queue_position.as_ref().map(PyReadonlyArray1::as_slice).transpose()?,
        };
        Ok(Tape::new(columns, venues)?)
    }
}

/// A dict of `NumPy` columns under construction.
pub(super) struct Frame<'py>(Bound<'py, PyDict>);

impl<'py> Frame<'py> {
    pub(super) fn new(py: Python<'py>) -> Self {
        Self(PyDict::new(py))
    }

    /// Adds a column.
    pub(super) fn column<T: Element>(&self, name: &str, values: impl Iterator<Item = T>) -> PyResult<()> {
        self.0.set_item(name, values.collect::<Vec<T>>().into_pyarray(self.0.py()))
    }

    /// Adds a column of Python objects: names, and values that may be missing.
    pub(super) fn objects<T>(&self, name: &str, values: impl Iterator<Item = T>) -> PyResult<()>
    where
        T: IntoPyObject<'py>,
        Vec<T>: IntoPyObject<'py>,
    {
        self.0.set_item(name, values.collect::<Vec<T>>())
    }

    pub(super) fn into_dict(self) -> Bound<'py, PyDict> {
        self.0
    }
}

/// A sum of money as a 64-bit column entry.
pub(super) fn narrow(what: &'static str, parent: usize, money: Money) -> Result<i64> {
    i64::try_from(money).map_err(|_| Error::MoneyOverflow { what, parent })
}
