//! Policies that were compiled elsewhere: a C function by its address, or a plan of this very core's in a capsule.

use std::ffi::{CStr, c_void};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::Result;
use crate::order::Parent;
use crate::policy::sheet::{Compiled, Moment, OrderRow, ReportRow, RestingRow, Sheet};
use crate::policy::{HANDED_OVER, Mind, Past, Plan, Seen};
use crate::python::errors::ParameterError;

/// What a capsule of a C function is called.
pub(super) const FUNCTION: &CStr = c"sor.decide.v1";

/// A compiled decision; see [`crate::policy::sheet`].
type Decide = unsafe extern "C" fn(
    *const Moment,
    *const Seen,
    *const RestingRow,
    *const ReportRow,
    *const f64,
    *mut i64,
    *mut OrderRow,
) -> i64;

/// A C function as the core's plan. It runs without the interpreter's lock, on every thread.
#[derive(Clone, Debug)]
struct CompiledPlan {
    decide: Decide,
    parameters: Vec<f64>,
    memory: usize,
}

impl Plan for CompiledPlan {
    fn start<'a>(&'a self, parent: &Parent, _: &Past<'a>) -> Result<Mind<'a>> {
        let decide = self.decide;
        let call = move |sheet: &mut Sheet| {
            // SAFETY: whoever gave the address vouches for the function; the pointers are of arrays as long as the moment
            // says, alive and unshared during the call.
            unsafe {
                decide(
                    &raw const sheet.moment,
                    sheet.venues.as_ptr(),
                    sheet.resting.as_ptr(),
                    sheet.reports.as_ptr(),
                    sheet.parameters.as_ptr(),
                    sheet.memory.as_mut_ptr(),
                    sheet.orders.as_mut_ptr(),
                )
            }
        };
        Ok(Mind::Foreign(Box::new(Compiled::new(parent, self.parameters.clone(), self.memory, call))))
    }
}

/// The plan of a C function, by its address or in a capsule called [`FUNCTION`]; or the plan in a capsule of another
/// library that was built with this very core.
pub(super) fn plan(function: &Bound<'_, PyAny>, parameters: &[f64], memory: usize) -> PyResult<Arc<dyn Plan>> {
    let address = match function.cast::<PyCapsule>() {
        Ok(capsule) if capsule.is_valid_checked(Some(HANDED_OVER)) => {
            // SAFETY: a capsule of this name, which holds the digest of the core's sources and the compiler's version,
            // holds an `Arc<dyn Plan>` as `hand_over` documents; it is cloned while the capsule is alive.
            let plan = unsafe { capsule.pointer_checked(Some(HANDED_OVER))?.cast::<Arc<dyn Plan>>().as_ref() };
            return Ok(Arc::clone(plan));
        }
        Ok(capsule) if capsule.is_valid_checked(Some(FUNCTION)) => {
            capsule.pointer_checked(Some(FUNCTION))?.as_ptr() as usize
        }
        Ok(capsule) => {
            // SAFETY: the name is read at once, and the capsule is alive.
            let name = capsule.name()?.map_or(c"", |name| unsafe { name.as_cstr() });
            let why = format!(
                "function must be a capsule named {FUNCTION:?}, or one of a library built with this very core ({HANDED_OVER:?}), got {name:?}",
            );
            return Err(ParameterError::new_err(why));
        }
        Err(_) => function.extract::<usize>()?,
    };
    if address == 0 {
        return Err(ParameterError::new_err("function must be the address of a C function, got 0"));
    }
    // SAFETY: a function pointer has the size of an address, and this one is not null; that it is of this signature,
    // whoever gave it vouches for.
    let decide = unsafe { std::mem::transmute::<*const c_void, Decide>(address as *const c_void) };
    Ok(Arc::new(CompiledPlan { decide, parameters: parameters.to_vec(), memory }))
}
