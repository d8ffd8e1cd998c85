//! Splits of many books.

use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::allocate::books::{Books, Common, Sizes};
use crate::batch::allocate_all;
use crate::python::allocate::RouterSettings;
use crate::python::arguments::side;
use crate::python::observer::PyObserver;

#[derive(FromPyObject)]
pub(super) enum SizeTable<'py> {
    #[pyo3(transparent)]
    Whole(PyReadonlyArray2<'py, i64>),
    #[pyo3(transparent)]
    Float(PyReadonlyArray2<'py, f64>),
}

/// The splits, one row per book and one column per venue, and the costs in currency.
type Splits<'py> = (Bound<'py, PyArray2<i64>>, Bound<'py, PyArray1<f64>>);

/// The least-cost split of every book. Arrays are contiguous; `quantities` and `benchmarks` hold one number or one a book,
/// `fees` one a venue or one a book and venue, row by row.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the problem's own symbols, passed once from Python")]
pub(super) fn allocate_books<'py>(
    py: Python<'py>,
    quantities: PyReadonlyArray1<'py, i64>,
    prices: PyReadonlyArray2<'py, f64>,
    sizes: SizeTable<'py>,
    fees: PyReadonlyArray1<'py, f64>,
    benchmarks: Option<PyReadonlyArray1<'py, f64>>,
    router: RouterSettings,
    lot: i64,
    sign: i8,
    threads: usize,
) -> PyResult<Splits<'py>> {
    let shape = [prices.shape()[0], prices.shape()[1]];
    let books = Books {
        venues: shape[1],
        quantities: quantities.as_slice()?,
        prices: prices.as_slice()?,
        sizes: match &sizes {
            SizeTable::Whole(sizes) => Sizes::Whole(sizes.as_slice()?),
            SizeTable::Float(sizes) => Sizes::Float(sizes.as_slice()?),
        },
        fees: fees.as_slice()?,
        benchmarks: benchmarks.as_ref().map(PyReadonlyArray1::as_slice).transpose()?,
    };
    let router = router.build();
    let common = Common { side: side(sign), lot, rule: router.rule, solver: router.solver };
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| allocate_all(&books, &common, |mid| router.penalties(mid), threads, &mut observer));
    let (splits, costs) = observer.outcome(outcome)?;
    Ok((splits.into_pyarray(py).reshape(shape)?, costs.into_pyarray(py)))
}
