//! Schedules: Python's arguments as the core's, and the trajectory by itself.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use crate::schedule::{AlmgrenChriss, Bucket, Pov, Schedule, Since, Table, Twap, Vwap};

/// One of them, told apart by its keys.
#[derive(Debug, FromPyObject)]
pub(super) enum ScheduleArgument {
    #[pyo3(transparent)]
    Twap(TwapArgument),
    #[pyo3(transparent)]
    Pov(PovArgument),
    #[pyo3(transparent)]
    Vwap(VwapArgument),
    #[pyo3(transparent)]
    AlmgrenChriss(TermsArgument),
    #[pyo3(transparent)]
    Table(TableArgument),
}

#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct TwapArgument {
    bucket: i64,
}

#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct PovArgument {
    rate: i64,
}

#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct VwapArgument {
    /// `(start, length, volume per nanosecond)`.
    buckets: Vec<(i64, i64, i64)>,
}

#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct TermsArgument {
    terms: AlmgrenChrissArgument,
}

#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct TableArgument {
    /// Whether times count from the order's start.
    relative: bool,
    /// `(time, shares released by then)`.
    rows: Vec<(i64, i64)>,
}

/// `(risk aversion, volatility, eta, gamma, bucket, day)`.
type AlmgrenChrissArgument = (f64, f64, f64, f64, i64, i64);

impl ScheduleArgument {
    pub(super) fn build(&self) -> Arc<dyn Schedule> {
        match self {
            Self::Twap(TwapArgument { bucket }) => Arc::new(Twap { bucket: *bucket }),
            Self::Pov(PovArgument { rate }) => Arc::new(Pov { rate: *rate }),
            Self::Vwap(VwapArgument { buckets }) => {
                let bucket = |&(start, length, weight): &(i64, i64, i64)| Bucket { start, length, weight };
                Arc::new(Vwap { buckets: buckets.iter().map(bucket).collect() })
            }
            Self::AlmgrenChriss(TermsArgument { terms }) => Arc::new(almgren_chriss(*terms)),
            Self::Table(TableArgument { relative, rows }) => {
                let since = if *relative { Since::Start } else { Since::Epoch };
                Arc::new(Table { since, rows: rows.clone() })
            }
        }
    }
}

fn almgren_chriss(terms: AlmgrenChrissArgument) -> AlmgrenChriss {
    let (risk_aversion, volatility, eta, gamma, bucket, day) = terms;
    AlmgrenChriss { risk_aversion, volatility, eta, gamma, bucket, day }
}

/// `kappa` per day, and the fraction held at each of `times` of an order that lasts `horizon` (nanoseconds).
#[pyfunction]
pub(super) fn trajectory<'py>(
    py: Python<'py>,
    terms: AlmgrenChrissArgument,
    times: Vec<i64>,
    horizon: i64,
) -> PyResult<(f64, Bound<'py, PyArray1<f64>>)> {
    let terms = almgren_chriss(terms);
    let kappa = terms.kappa()?;
    let held: Vec<f64> = times.into_iter().map(|t| terms.held(kappa, t, horizon)).collect();
    Ok((kappa, held.into_pyarray(py)))
}
