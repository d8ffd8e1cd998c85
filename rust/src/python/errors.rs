//! Core errors as Python exceptions.

use pyo3::PyErr;

use crate::error::Error;

pyo3::import_exception!(sor.errors, DataError);
pyo3::import_exception!(sor.errors, ParameterError);

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match &error {
            Error::Invalid { argument, .. } if argument.starts_with("tape") => DataError::new_err(error.to_string()),
            _ => ParameterError::new_err(error.to_string()),
        }
    }
}
