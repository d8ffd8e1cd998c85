//! Columns in and out: `NumPy` arrays borrowed from Python without a copy, vectors handed over without one.

use numpy::{
    Element, IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{Error, Result};
use crate::market::{Columns, Halt, Hours, Index, Session, Tape, Trades};
use crate::units::Money;

/// A tape's columns, by name, from a Python dict; its trades, where it has them, are a dict in it.
pub(super) struct TapeColumns<'py> {
    ts: PyReadonlyArray1<'py, i64>,
    venue: PyReadonlyArray1<'py, u16>,
    bid_px: PyReadonlyArray1<'py, i64>,
    bid_sz: PyReadonlyArray1<'py, u32>,
    ask_px: PyReadonlyArray1<'py, i64>,
    ask_sz: PyReadonlyArray1<'py, u32>,
    queue_position: Option<PyReadonlyArray1<'py, f64>>,
    trades: Option<TradeColumns<'py>>,
    hours: Option<HourColumns<'py>>,
    index: Option<PyRef<'py, PyIndex>>,
}

/// What replays have found out of a tape of so many `records`, for the next ones; kept beside its columns. `block` records make a
/// block, of which `blocks` make a chunk.
#[pyclass(name = "Index", module = "sor._core", frozen)]
pub(super) struct PyIndex {
    index: Index,
    made_of: (usize, Option<(usize, usize)>),
}

#[pymethods]
impl PyIndex {
    #[new]
    #[pyo3(signature = (records, blocks = None))]
    fn new(records: usize, blocks: Option<(usize, usize)>) -> Self {
        let index =
            blocks.map_or_else(|| Index::new(records), |(block, blocks)| Index::with_blocks(records, block, blocks));
        Self { index, made_of: (records, blocks) }
    }

    /// How many chunks are known.
    #[getter]
    fn known(&self) -> usize {
        self.index.known()
    }

    // A copy in another process knows nothing yet.
    fn __getnewargs__(&self) -> (usize, Option<(usize, usize)>) {
        self.made_of
    }
}

/// When each session of a tape is, and its halts.
struct HourColumns<'py> {
    first: PyReadonlyArray1<'py, u64>,
    end: PyReadonlyArray1<'py, u64>,
    open: PyReadonlyArray1<'py, i64>,
    close: PyReadonlyArray1<'py, i64>,
    halt_start: PyReadonlyArray1<'py, i64>,
    halt_end: PyReadonlyArray1<'py, i64>,
    halt_venue: PyReadonlyArray1<'py, i64>,
}

impl HourColumns<'_> {
    fn read(&self, records: usize) -> PyResult<Hours> {
        let rows = self.first.as_slice()?.iter().zip(self.end.as_slice()?);
        let times = self.open.as_slice()?.iter().zip(self.close.as_slice()?);
        let sessions = rows.zip(times).map(|((&first, &end), (&open, &close))| Session {
            rows: first as usize..end as usize,
            open,
            close,
        });
        let halts = self.halt_start.as_slice()?.iter().zip(self.halt_end.as_slice()?).zip(self.halt_venue.as_slice()?);
        let halts = halts.map(|((&start, &end), &venue)| Halt { start, end, venue: usize::try_from(venue).ok() });
        Ok(Hours::new(sessions.collect(), halts.collect(), records)?)
    }
}

/// The columns of a tape's trades.
struct TradeColumns<'py> {
    ts: PyReadonlyArray1<'py, i64>,
    venue: PyReadonlyArray1<'py, u16>,
    price: PyReadonlyArray1<'py, i64>,
    size: PyReadonlyArray1<'py, u32>,
}

impl<'a, 'py> FromPyObject<'a, 'py> for TapeColumns<'py> {
    type Error = PyErr;

    fn extract(tape: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let tape = tape.cast::<PyDict>()?;
        Ok(Self {
            ts: required(&tape, "ts")?,
            venue: required(&tape, "venue")?,
            bid_px: required(&tape, "bid_px")?,
            bid_sz: required(&tape, "bid_sz")?,
            ask_px: required(&tape, "ask_px")?,
            ask_sz: required(&tape, "ask_sz")?,
            queue_position: column(&tape, "queue_position")?,
            trades: tape.get_item("trades")?.map(|trades| trades.extract()).transpose()?,
            hours: if tape.contains("session_first")? { Some(hours(&tape)?) } else { None },
            index: tape.get_item("index")?.map(|index| index.extract().map_err(PyErr::from)).transpose()?,
        })
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for TradeColumns<'py> {
    type Error = PyErr;

    fn extract(trades: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let trades = trades.cast::<PyDict>()?;
        Ok(Self {
            ts: required(&trades, "ts")?,
            venue: required(&trades, "venue")?,
            price: required(&trades, "price")?,
            size: required(&trades, "size")?,
        })
    }
}

fn hours<'py>(tape: &Bound<'py, PyDict>) -> PyResult<HourColumns<'py>> {
    Ok(HourColumns {
        first: required(tape, "session_first")?,
        end: required(tape, "session_end")?,
        open: required(tape, "session_open")?,
        close: required(tape, "session_close")?,
        halt_start: required(tape, "halt_start")?,
        halt_end: required(tape, "halt_end")?,
        halt_venue: required(tape, "halt_venue")?,
    })
}

fn required<'py, T: Element>(tape: &Bound<'py, PyDict>, name: &str) -> PyResult<PyReadonlyArray1<'py, T>> {
    column(tape, name)?.ok_or_else(|| PyTypeError::new_err(format!("tape has no column {name}")))
}

/// A column of a tape, if it is there: borrowed, never copied, so it has to be what the core reads.
fn column<'py, T: Element>(tape: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<PyReadonlyArray1<'py, T>>> {
    let Some(value) = tape.get_item(name)? else { return Ok(None) };
    let found = value.cast::<PyArray1<T>>().ok().and_then(|array| array.try_readonly().ok());
    match found.filter(|array| array.as_slice().is_ok()) {
        Some(array) => Ok(Some(array)),
        None => Err(not_a_column::<T>(name, &value)),
    }
}

fn not_a_column<T: Element>(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let wanted = dtype::<T>(value.py());
    let found = value.cast::<PyUntypedArray>().map_or_else(
        |_| value.get_type().to_string(),
        |array| {
            let layout = if array.is_contiguous() { "contiguous" } else { "strided" };
            format!("a {layout} {}-dimensional array of {}", array.ndim(), array.dtype())
        },
    );
    PyTypeError::new_err(format!("tape.{name} must be a contiguous 1-dimensional array of {wanted}, got {found}"))
}

impl TapeColumns<'_> {
    /// Its sessions and halts, where it has them.
    pub(super) fn hours(&self) -> PyResult<Option<Hours>> {
        let records = self.ts.as_slice()?.len();
        self.hours.as_ref().map(|hours| hours.read(records)).transpose()
    }

    /// The tape, borrowed.
    pub(super) fn tape<'a>(&'a self, venues: usize, hours: Option<&'a Hours>) -> PyResult<Tape<'a>> {
        let columns = Columns {
            ts: self.ts.as_slice()?,
            venue: self.venue.as_slice()?,
            bid_px: self.bid_px.as_slice()?,
            bid_sz: self.bid_sz.as_slice()?,
            ask_px: self.ask_px.as_slice()?,
            ask_sz: self.ask_sz.as_slice()?,
            queue_position: self.queue_position.as_ref().map(PyReadonlyArray1::as_slice).transpose()?,
        };
        let mut tape = match &self.index {
            Some(known) => Tape::with_index(columns, venues, &known.index)?,
            None => Tape::new(columns, venues)?,
        };
        if let Some(hours) = hours {
            tape = tape.with_hours(hours);
        }
        let Some(trades) = &self.trades else { return Ok(tape) };
        Ok(tape.with_trades(Trades {
            ts: trades.ts.as_slice()?,
            venue: trades.venue.as_slice()?,
            price: trades.price.as_slice()?,
            size: trades.size.as_slice()?,
        })?)
    }
}

/// A dict of `NumPy` columns under construction.
pub(super) struct Frame<'py>(Bound<'py, PyDict>);

impl<'py> Frame<'py> {
    pub(super) fn new(py: Python<'py>) -> Self {
        Self(PyDict::new(py))
    }

    /// Adds a column. Signals are looked at before each, as tables can be long.
    pub(super) fn column<T: Element>(&self, name: &str, values: impl Iterator<Item = T>) -> PyResult<()> {
        self.0.py().check_signals()?;
        self.0.set_item(name, values.collect::<Vec<T>>().into_pyarray(self.0.py()))
    }

    /// Adds a column of values that may be missing, as two arrays: the values, and whether each is there.
    pub(super) fn optional<T: Element + Copy + Default>(
        &self,
        name: &str,
        values: impl Iterator<Item = Option<T>>,
    ) -> PyResult<()> {
        self.0.py().check_signals()?;
        let (values, present): (Vec<T>, Vec<bool>) =
            values.map(|value| (value.unwrap_or_default(), value.is_some())).unzip();
        let py = self.0.py();
        self.0.set_item(name, (values.into_pyarray(py), present.into_pyarray(py)))
    }

    pub(super) fn into_dict(self) -> Bound<'py, PyDict> {
        self.0
    }
}

/// A sum of money as a 64-bit column entry.
pub(super) fn narrow(what: &'static str, parent: usize, money: Money) -> Result<i64> {
    i64::try_from(money).map_err(|_| Error::MoneyOverflow { what, parent })
}

/// A one-dimensional array of whole numbers that Python may only read.
pub(super) fn read_only(py: Python<'_>, values: Vec<i64>) -> PyResult<Py<PyArray1<i64>>> {
    let array = PyArray1::from_vec(py, values);
    array.getattr("flags")?.setattr("writeable", false)?;
    Ok(array.unbind())
}
