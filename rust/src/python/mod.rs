//! What Python sees of the core, as `sor._core`.

use pyo3::prelude::*;

mod cont_kukanov;

/// The Rust core of `sor`.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::cont_kukanov::{
        ck_bound, ck_check, ck_conditions, ck_cost, ck_market_order, ck_one_venue, ck_paper, ck_quantile_level,
        ck_solve,
    };
}
