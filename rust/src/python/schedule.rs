//! Schedules: Python's arguments as the core's, and the trajectory by itself.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use crate::schedule::{AlmgrenChriss, Bucket, Pov, Schedule, Since, Table, Twap, Vwap};

/// One of them; a tuple has a variant's own fields, in the core's order.
#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct ScheduleArgument {
    #[pyo3(default)]
    twap: Option<i64>,
    /// `(start, length, volume per nanosecond)`.
    #[pyo3(default)]
    vwap: Option<Vec<(i64, i64, i64)>>,
    #[pyo3(default)]
    pov: Option<i64>,
    #[pyo3(default)]
    almgren_chriss: Option<AlmgrenChrissArgument>,
    /// Whether times count from the order's start, and `(time, shares released by then)`.
    #[pyo3(default)]
    table: Option<(bool, Vec<(i64, i64)>)>,
}

/// `(risk aversion, volatility, eta, gamma, bucket, day)`.
type AlmgrenChrissArgument = (f64, f64, f64, f64, i64, i64);

impl ScheduleArgument {
    pub(super) fn build(&self) -> Arc<dyn Schedule> {
        match self {
            Self { twap: Some(bucket), .. } => Arc::new(Twap { bucket: *bucket }),
            Self { vwap: Some(buckets), .. } => {
                let bucket = |&(start, length, weight): &(i64, i64, i64)| Bucket { start, length, weight };
                Arc::new(Vwap { buckets: buckets.iter().map(bucket).collect() })
            }
            Self { pov: Some(rate), .. } => Arc::new(Pov { rate: *rate }),
            Self { almgren_chriss: Some(terms), .. } => Arc::new(almgren_chriss(*terms)),
            Self { table: Some((relative, rows)), .. } => {
                let since = if *relative { Since::Start } else { Since::Epoch };
                Arc::new(Table { since, rows: rows.clone() })
            }
            // Nothing is released, and all is completed at the end.
            _ => Arc::new(Table { since: Since::Start, rows: Vec::new() }),
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
