//! Records of a table, on their way to a tape.

use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::market::{Batch, Prices, Room};

/// A column of prices, in nanos or in a unit worth so many.
#[derive(FromPyObject)]
enum PriceColumn<'py> {
    #[pyo3(transparent)]
    Whole(PyReadonlyArray1<'py, i64>),
    #[pyo3(transparent)]
    Float(PyReadonlyArray1<'py, f64>),
}

impl PriceColumn<'_> {
    fn prices(&self, scale: f64) -> PyResult<Prices<'_>> {
        Ok(match self {
            Self::Whole(nanos) => Prices::Whole(nanos.as_slice()?),
            Self::Float(values) => Prices::Float(values.as_slice()?, scale),
        })
    }
}

/// Puts a batch of records behind the `at` that are in `room`, a dict of columns of the tape and of `met` (a mark for
/// each code of a venue), and returns how many equal the record before them. `sequence` is the last record's number. `None`
/// where one is out of order, or malformed: a time outside `times`, or a price beyond 64 bits.
#[pyfunction]
pub(super) fn take_records(
    room: &Bound<'_, PyDict>,
    at: usize,
    mut sequence: u64,
    batch: &Bound<'_, PyDict>,
    times: (i64, i64),
    scale: f64,
) -> PyResult<Option<(usize, u64)>> {
    let prices = [given::<PriceColumn>(batch, "bid_px")?, given(batch, "ask_px")?];
    let sizes = [given::<PyReadonlyArray1<u32>>(batch, "bid_sz")?, given(batch, "ask_sz")?];
    let (ts, venue): (PyReadonlyArray1<i64>, PyReadonlyArray1<u16>) = (given(batch, "ts")?, given(batch, "venue")?);
    let numbers = batch.get_item("sequence")?.map(|column| column.extract::<PyReadonlyArray1<u64>>()).transpose()?;
    let batch = Batch {
        ts: ts.as_slice()?,
        venue: venue.as_slice()?,
        bid_px: prices[0].prices(scale)?,
        bid_sz: sizes[0].as_slice()?,
        ask_px: prices[1].prices(scale)?,
        ask_sz: sizes[1].as_slice()?,
        sequence: numbers.as_ref().map(PyReadonlyArray1::as_slice).transpose()?,
    };
    let (mut times_room, mut venues) = (column(room, "ts")?, column(room, "venue")?);
    let (mut bids, mut asks) = (column(room, "bid_px")?, column(room, "ask_px")?);
    let (mut bid_sizes, mut ask_sizes) = (column(room, "bid_sz")?, column(room, "ask_sz")?);
    let mut met = column(room, "met")?;
    let mut room = Room {
        ts: times_room.as_slice_mut()?,
        venue: venues.as_slice_mut()?,
        bid_px: bids.as_slice_mut()?,
        bid_sz: bid_sizes.as_slice_mut()?,
        ask_px: asks.as_slice_mut()?,
        ask_sz: ask_sizes.as_slice_mut()?,
        sequence: &mut sequence,
        met: met.as_slice_mut()?,
    };
    if !room.fits(at, &batch) {
        return Err(PyValueError::new_err("the batch does not fit the room"));
    }
    let repeated = room.take(at, &batch, &(times.0..=times.1));
    Ok(repeated.map(|repeated| (repeated, sequence)))
}

fn given<'py, T>(columns: &Bound<'py, PyDict>, name: &str) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
{
    columns.as_any().get_item(name)?.extract().map_err(Into::into)
}

fn column<'py, T: Element>(room: &Bound<'py, PyDict>, name: &str) -> PyResult<PyReadwriteArray1<'py, T>> {
    Ok(room.as_any().get_item(name)?.cast::<PyArray1<T>>()?.try_readwrite()?)
}
