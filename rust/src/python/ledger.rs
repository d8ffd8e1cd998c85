//! The ledger's rows as columns for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Result;
use crate::ledger::{Child, Fill, Ledger, Release, Solved, Summary, Values};
use crate::python::columns::{Frame, narrow};
use crate::python::names::Named;

/// A row of a result with the place it belongs to: variant and parent.
pub(super) struct Row<T> {
    pub(super) variant: usize,
    pub(super) parent: usize,
    pub(super) value: T,
}

impl<'py> Frame<'py> {
    /// The columns `variant` and `parent`, which every result starts with.
    fn placed<T>(py: Python<'py>, rows: &[Row<T>]) -> PyResult<Self> {
        let frame = Self::new(py);
        frame.column("variant", rows.iter().map(|row| row.variant as u32))?;
        frame.column("parent", rows.iter().map(|row| row.parent as u32))?;
        Ok(frame)
    }

    /// The columns of rows that are declared as such.
    fn table<T>(&self, rows: &[Row<&T>], columns: Vec<(&'static str, Values<T>)>) -> PyResult<()> {
        for (name, values) in columns {
            let each = || rows.iter().map(|row| row.value);
            match values {
                Values::Whole(value) => self.column(name, each().map(value)),
                Values::MaybeWhole(value) => self.optional(name, each().map(value)),
                Values::MaybeReal(value) => self.optional(name, each().map(value)),
                Values::Count(value) => self.column(name, each().map(value)),
                Values::Child(value) => self.column(name, each().map(|row| value(row).map_or(-1, i64::from))),
                Values::Venue(value) => self.column(name, each().map(|row| value(row) as u16)),
                Values::Kind(value) => self.column(name, each().map(|row| value(row).place())),
                Values::Reason(value) => self.column(name, each().map(|row| value(row).place())),
                Values::Status(value) => self.column(name, each().map(|row| value(row).place())),
                Values::Money(value) => {
                    let column = rows.iter().map(|row| narrow(name, row.parent, value(row.value)));
                    self.column(name, column.collect::<Result<Vec<i64>>>()?.into_iter())
                }
            }?;
        }
        Ok(())
    }
}

pub(super) fn summaries<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows: Vec<Row<&Summary>> = ledgers
        .iter()
        .map(|ledger| Row { variant: ledger.variant, parent: ledger.parent, value: &ledger.value.summary })
        .collect();
    let frame = Frame::placed(py, &rows)?;
    frame.table(&rows, Summary::table())?;
    Ok(frame.into_dict())
}

pub(super) fn fills<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows = flat(ledgers, |ledger| &ledger.fills);
    let frame = Frame::placed(py, &rows)?;
    frame.table(&rows, Fill::columns())?;
    Ok(frame.into_dict())
}

pub(super) fn children<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows = flat(ledgers, |ledger| &ledger.children);
    let numbers = ledgers.iter().flat_map(|ledger| 0..ledger.value.children.len() as i64);
    let frame = Frame::placed(py, &rows)?;
    frame.column("child", numbers)?;
    frame.table(&rows, Child::columns())?;
    Ok(frame.into_dict())
}

pub(super) fn places<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows = flat(ledgers, |ledger| &ledger.places);
    let frame = Frame::placed(py, &rows)?;
    frame.column("child", rows.iter().map(|row| i64::from(row.value.child)))?;
    frame.column("ts", rows.iter().map(|row| row.value.ts))?;
    frame.column("ahead", rows.iter().map(|row| row.value.ahead))?;
    frame.column("left", rows.iter().map(|row| row.value.left))?;
    Ok(frame.into_dict())
}

pub(super) fn epochs<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows = flat(ledgers, |ledger| &ledger.epochs);
    let each = || rows.iter().map(|row| row.value);
    let frame = Frame::placed(py, &rows)?;
    frame.column("ts", each().map(|epoch| epoch.ts))?;
    frame.column("remaining", each().map(|epoch| epoch.remaining))?;
    frame.column("market", each().map(|epoch| epoch.market))?;
    frame.column("limit", each().map(|epoch| epoch.limit))?;
    let problem = |value: fn(&Solved) -> f64| each().map(move |epoch| epoch.problem.as_ref().map(value));
    frame.column("scenarios", each().map(|epoch| epoch.problem.map_or(0, |problem| problem.scenarios as i64)))?;
    frame.optional("half_spread", problem(|problem| problem.half_spread))?;
    frame.optional("lambda_under", problem(|problem| problem.lambda_under))?;
    frame.optional("lambda_over", problem(|problem| problem.lambda_over))?;
    frame.optional("cost", problem(|problem| problem.cost))?;
    frame.optional("shortfall", problem(|problem| problem.shortfall))?;
    frame.optional("excess", problem(|problem| problem.excess))?;
    Ok(frame.into_dict())
}

pub(super) fn releases<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows = flat(ledgers, |ledger| &ledger.releases);
    let frame = Frame::placed(py, &rows)?;
    frame.table(&rows, Release::columns())?;
    Ok(frame.into_dict())
}

/// The rows of all ledgers, one after the other.
fn flat<'a, T>(ledgers: &[Row<&'a Ledger>], rows: fn(&Ledger) -> &Vec<T>) -> Vec<Row<&'a T>> {
    let of = |ledger: &Row<&'a Ledger>| {
        let &Row { variant, parent, value } = ledger;
        rows(value).iter().map(move |value| Row { variant, parent, value })
    };
    ledgers.iter().flat_map(of).collect()
}
