//! The Python module `sor._core`: a table of contents. Names mirror the core; no logic lives here.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]

mod allocate;
mod arguments;
mod books;
mod columns;
mod compiled;
mod cont_kukanov;
mod errors;
mod fills;
mod ledger;
mod names;
mod numbers;
mod observer;
mod policy;
mod policy_orders;
mod policy_view;
mod records;
mod run;
mod schedule;

#[pyo3::pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::allocate::{allocate, allocate_offers};
    #[pymodule_export]
    use super::books::allocate_books;
    #[pymodule_export]
    use super::columns::PyIndex;
    #[pymodule_export]
    use super::cont_kukanov::{
        ck_bound, ck_check, ck_conditions, ck_cost, ck_market_order, ck_one_venue, ck_paper, ck_quantile_level,
        ck_solve,
    };
    #[pymodule_export]
    use super::fills::{PyFillChild, PyFillQuote};
    #[pymodule_export]
    use super::policy_orders::PyOrders;
    #[pymodule_export]
    use super::policy_view::{PyOrder, PyPast, PyReport, PyResting, PyView};
    #[pymodule_export]
    use super::records::take_records;
    #[pymodule_export]
    use super::run::{book_at, count_states, execute, hindsight, probe, replay};
    #[pymodule_export]
    use super::schedule::trajectory;

    /// Whether this is an optimised build; benchmarks refuse any other.
    #[pymodule_export]
    const RELEASE: bool = !cfg!(debug_assertions);

    /// A digest of the core's sources: kept results name it, so that another core's are not taken for this one's.
    #[pymodule_export]
    const BUILD: &str = env!("SOR_BUILD");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::names::export(module)
    }

    /// The version of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "Python's own name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
