//! Numbers from a user's own code. A truth value is none, though Python takes `True` for 1.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

/// A whole number of 64 bits.
pub(super) fn whole(value: &Bound<'_, PyAny>) -> Option<i64> {
    if is_truth(value) { None } else { value.extract().ok() }
}

/// A number; NaN and infinity are such.
pub(super) fn real(value: &Bound<'_, PyAny>) -> Option<f64> {
    if is_truth(value) { None } else { value.extract().ok() }
}

/// A whole number, by its value: 100.0 is one.
pub(super) fn whole_by_value(value: &Bound<'_, PyAny>) -> Option<i64> {
    whole(value)
        .or_else(|| real(value).filter(|float| float.fract() == 0.0 && float.abs() < 9e15).map(|float| float as i64))
}

/// Python's own, which is an `int`, or numpy's, which is none but becomes a float.
fn is_truth(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBool>()
        || !value.is_instance_of::<PyInt>()
            && value.get_type().name().is_ok_and(|name| name == "bool" || name == "bool_")
}
