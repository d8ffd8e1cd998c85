//! The ledger's rows as columns for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Result;
use crate::ledger::{Child, Ledger, Solved, Summary};
use crate::python::columns::{Frame, narrow};
use crate::python::names::Named;
use crate::units::Money;

/// A row of a result with the place it belongs to: variant and parent.
pub(super) struct Row<T> {
    pub(super) variant: usize,
    pub(super) parent: usize,
    pub(super) value: T,
}

/// A sum of money as a named column.
type MoneyColumn<T> = (&'static str, fn(&T) -> Money);

/// A count, price or time as a named column.
type WholeColumn<T> = (&'static str, fn(&T) -> i64);

impl<'py> Frame<'py> {
    /// The columns `variant` and `parent`, which every result starts with.
    fn placed<T>(py: Python<'py>, rows: &[Row<T>]) -> PyResult<Self> {
        let frame = Self::new(py);
        frame.column("variant", rows.iter().map(|row| row.variant as u32))?;
        frame.column("parent", rows.iter().map(|row| row.parent as u32))?;
        Ok(frame)
    }

    fn money<T>(&self, rows: &[Row<&T>], columns: &[MoneyColumn<T>]) -> PyResult<()> {
        for &(name, part) in columns {
            let column = rows.iter().map(|row| narrow(name, row.parent, part(row.value)));
            self.column(name, column.collect::<Result<Vec<i64>>>()?.into_iter())?;
        }
        Ok(())
    }
}

pub(super) fn summaries<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows: Vec<Row<&Summary>> = ledgers
        .iter()
        .map(|ledger| Row { variant: ledger.variant, parent: ledger.parent, value: &ledger.value.summary })
        .collect();
    let each = || rows.iter().map(|row| row.value);
    let frame = Frame::placed(py, &rows)?;
    frame.column("status", each().map(|row| row.status.place()))?;
    frame.optional("arrival_mid", each().map(|row| row.arrival_mid))?;
    frame.column("executed", each().map(|row| row.executed))?;
    frame.column("posted", each().map(|row| row.posted))?;
    frame.column("completed", each().map(|row| row.completed))?;
    frame.column("unwound", each().map(|row| row.unwound))?;
    let money: [MoneyColumn<Summary>; 10] = [
        ("notional", |row| row.notional),
        ("fees", |row| row.fees),
        ("rebates", |row| row.rebates),
        ("spread", |row| row.spread),
        ("slippage", |row| row.slippage),
        ("schedule", |row| row.schedule),
        ("timing", |row| row.timing),
        ("opportunity", |row| row.opportunity),
        ("shortfall", Summary::shortfall),
        ("all_in", Summary::all_in),
    ];
    frame.money(&rows, &money)?;
    frame.column("children", each().map(|row| row.children))?;
    frame.column("fills", each().map(|row| row.fills))?;
    frame.column("ts_done", each().map(|row| row.ts_done))?;
    Ok(frame.into_dict())
}

pub(super) fn fills<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows = flat(ledgers, |ledger| &ledger.fills);
    let each = || rows.iter().map(|row| row.value);
    let frame = Frame::placed(py, &rows)?;
    frame.column("child", each().map(|fill| fill.child.map_or(-1, i64::from)))?;
    frame.column("ts_decided", each().map(|fill| fill.ts_decided))?;
    frame.column("ts_executed", each().map(|fill| fill.ts_executed))?;
    frame.column("venue", each().map(|fill| fill.venue as u16))?;
    frame.column("kind", each().map(|fill| fill.kind.place()))?;
    frame.column("quantity", each().map(|fill| fill.quantity))?;
    frame.column("price", each().map(|fill| fill.price))?;
    frame.column("quoted", each().map(|fill| fill.quoted))?;
    frame.column("mid", each().map(|fill| fill.mid))?;
    frame.money(&rows, &[("fee", |fill| fill.fee), ("rebate", |fill| fill.rebate)])?;
    frame.column("age", each().map(|fill| fill.age))?;
    Ok(frame.into_dict())
}

pub(super) fn children<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let mut rows = Vec::new();
    for &Row { variant, parent, value } in ledgers {
        rows.extend(value.children.iter().enumerate().map(|child| Row { variant, parent, value: child }));
    }
    let each = || rows.iter().map(|row| row.value.1);
    let frame = Frame::placed(py, &rows)?;
    frame.column("child", rows.iter().map(|row| row.value.0 as i64))?;
    frame.column("kind", each().map(|child| child.kind.place()))?;
    frame.column("venue", each().map(|child| child.venue as u16))?;
    frame.column("reason", each().map(|child| child.reason.place()))?;
    let columns: [WholeColumn<Child>; 13] = [
        ("ts_decided", |child| child.ts_decided),
        ("ts_arrived", |child| child.ts_arrived),
        ("quantity", |child| child.quantity),
        ("executed", |child| child.executed),
        ("remaining", |child| child.remaining),
        ("mid", |child| child.mid),
        ("seen_price", |child| child.seen_price),
        ("seen_displayed", |child| child.seen_displayed),
        ("seen_available", |child| child.seen_available),
        ("marginal", |child| child.marginal),
        ("met_displayed", |child| child.met_displayed),
        ("met_available", |child| child.met_available),
        ("age", |child| child.age),
    ];
    for (name, value) in columns {
        frame.column(name, each().map(value))?;
    }
    frame.optional("threshold", each().map(|child| child.threshold))?;
    frame.optional("gap", each().map(|child| child.gap))?;
    frame.optional("met_price", each().map(|child| child.met_price))?;
    frame.optional("fill_probability", each().map(|child| child.fill_probability))?;
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
    frame.column("ts", rows.iter().map(|row| row.value.ts))?;
    frame.column("total", rows.iter().map(|row| row.value.total))?;
    frame.column("mid", rows.iter().map(|row| row.value.mid))?;
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
