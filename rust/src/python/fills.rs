//! Fill models from Python: the built-in ones, tables, functions written in Python and compiled ones (rules F1-F3, Q4).

use std::ffi::{CStr, c_void};
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::error::{Error, Result};
use crate::fills::{Expectation, Expects, FillModel, FillSheet, FillTable, Met, OwnFills, QueueAware, Sent};
use crate::python::errors::ParameterError;
use crate::python::numbers::{real, whole};
use crate::python::policy::Raised;
use crate::python::policy_view::word;
use crate::units::{Nanos, Shares, Side, Time};

/// What a capsule of a C function is called.
const FUNCTION: &CStr = c"sor.fill.v1";

#[derive(FromPyObject)]
pub(super) enum FillArgument {
    Queue(QueueAwareArgument),
    Own(OwnFillArgument),
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct QueueAwareArgument {
    max_fill: f64,
    impact: f64,
    decay: Option<f64>,
    seed: Option<u64>,
}

/// A model of the caller's own, one of the three.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct OwnFillArgument {
    identity: String,
    seed: Option<u64>,
    #[pyo3(default)]
    table: Option<TableArgument>,
    #[pyo3(default)]
    function: Option<FunctionArgument>,
    #[pyo3(default)]
    compiled: Option<CompiledArgument>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct TableArgument {
    displayed: Vec<f64>,
    sent: Vec<f64>,
    probability: Vec<f64>,
    slippage: Vec<f64>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct FunctionArgument {
    call: Py<PyAny>,
    venues: Py<PyTuple>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct CompiledArgument {
    function: Py<PyAny>,
    parameters: Vec<f64>,
}

/// The model of an argument; none is F1.
pub(super) fn fill_model(py: Python<'_>, argument: Option<&FillArgument>, raised: &Raised) -> PyResult<FillModel> {
    let own = match argument {
        None => return Ok(FillModel::Displayed),
        Some(&FillArgument::Queue(QueueAwareArgument { max_fill, impact, decay, seed })) => {
            return Ok(FillModel::QueueAware(QueueAware { max_fill, impact, decay, seed }));
        }
        Some(FillArgument::Own(own)) => own,
    };
    let model: Arc<dyn Expects> = match (&own.table, &own.function, &own.compiled) {
        (Some(table), ..) => {
            let TableArgument { displayed, sent, probability, slippage } = table;
            Arc::new(FillTable::new(displayed.clone(), sent.clone(), probability.clone(), slippage.clone())?)
        }
        (_, Some(FunctionArgument { call, venues }), _) => {
            Arc::new(PyFills { call: call.clone_ref(py), venues: venues.clone_ref(py), raised: Arc::clone(raised) })
        }
        (.., Some(CompiledArgument { function, parameters })) => {
            Arc::new(CompiledFills { expected: address(function.bind(py))?, parameters: parameters.clone() })
        }
        _ => return Err(PyTypeError::new_err("a fill model of one's own is a table, a function or compiled")),
    };
    Ok(FillModel::Own(OwnFills { model, identity: own.identity.clone(), seed: own.seed }))
}

/// The child that a fill model of Python's is asked about.
#[pyclass(module = "sor", name = "FillChild", frozen)]
pub(super) struct PyFillChild {
    side: Side,
    /// Shares sent.
    #[pyo3(get)]
    quantity: Shares,
    /// When it meets the quote, or is planned on it, ns.
    #[pyo3(get)]
    now: Time,
}

#[pymethods]
impl PyFillChild {
    /// `"buy"` or `"sell"`.
    #[getter]
    fn side(&self) -> &'static str {
        word(self.side)
    }

    /// +1 for a buy, -1 for a sell.
    #[getter]
    fn sign(&self) -> i64 {
        self.side.sign()
    }

    fn __repr__(&self) -> String {
        format!("FillChild(side='{}', quantity={}, now={})", self.side(), self.quantity, self.now)
    }
}

/// The quote that it meets. The price is in nanos (1e-9 of the currency).
#[pyclass(module = "sor", name = "FillQuote", frozen)]
pub(super) struct PyFillQuote {
    /// The venue's name.
    #[pyo3(get)]
    venue: Py<PyAny>,
    /// The quoted price, nanos.
    #[pyo3(get)]
    price: Nanos,
    /// Shares displayed.
    #[pyo3(get)]
    displayed: Shares,
    /// Shares of them that own fills have left; at least 1.
    #[pyo3(get)]
    available: Shares,
    /// Time since the venue's last record, ns.
    #[pyo3(get)]
    age: Time,
    /// 0 (front) to 1 (back): the tape's, the venue's, or 0.5.
    #[pyo3(get)]
    queue_position: f64,
}

#[pymethods]
impl PyFillQuote {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Self { venue, price, displayed, available, age, queue_position } = self;
        Ok(format!(
            "FillQuote(venue={}, price={price}, displayed={displayed}, available={available}, age={age}, \
             queue_position={queue_position})",
            venue.bind(py).repr()?
        ))
    }
}

/// A function written in Python.
#[derive(Debug)]
struct PyFills {
    call: Py<PyAny>,
    venues: Py<PyTuple>,
    raised: Raised,
}

impl PyFills {
    fn ask(&self, py: Python<'_>, child: &Sent, met: &Met) -> PyResult<(f64, Nanos)> {
        let sent = Bound::new(py, PyFillChild { side: child.side, quantity: child.quantity, now: child.now })?;
        let quote = PyFillQuote {
            venue: self.venues.bind(py).get_item(child.venue)?.unbind(),
            price: child.side.sign() * met.key,
            displayed: met.displayed,
            available: met.available,
            age: met.age,
            queue_position: met.queue_position,
        };
        let answer = self.call.bind(py).call1((sent, quote))?;
        read(&answer).ok_or_else(|| {
            let shown = py
                .import("sor.errors")
                .and_then(|errors| errors.getattr("shown")?.call1((&answer,))?.extract::<String>())
                .unwrap_or_default();
            PyTypeError::new_err(format!(
                "it must return (shares, price): a number, and a whole number of nanos below 2^63; it returned {shown}"
            ))
        })
    }
}

/// An answer of two numbers, the second whole.
fn read(answer: &Bound<'_, PyAny>) -> Option<(f64, Nanos)> {
    let (shares, price): (Bound<'_, PyAny>, Bound<'_, PyAny>) = answer.extract().ok()?;
    Some((real(&shares)?, whole(&price)?))
}

impl Expects for PyFills {
    fn expected(&self, child: &Sent, met: &Met) -> Result<Expectation> {
        let answer = Python::attach(|py| self.ask(py, child, met));
        let (shares, price) = answer.map_err(|raised| {
            let why = raised.to_string();
            if let Ok(mut slot) = self.raised.lock() {
                *slot = Some(raised);
            }
            Error::Fill { ts: child.now, why }
        })?;
        expectation(child, met, shares, price)
    }

    fn stays_on_caller(&self) -> bool {
        true
    }
}

/// What a function says, with the price signed.
fn expectation(child: &Sent, met: &Met, shares: f64, price: Nanos) -> Result<Expectation> {
    if price < 0 {
        return Err(Error::Fill { ts: child.now, why: format!("the price must be 0 nanos or more, got {price}") });
    }
    Ok(Expectation::of(shares, child.side.sign() * price, child.quantity.min(met.available)))
}

/// What a compiled model answers.
#[repr(C)]
struct Answer {
    shares: f64,
    price: Nanos,
}

type Expected = unsafe extern "C" fn(*const FillSheet, *const f64, *mut Answer) -> i64;

/// A C function. It runs without the interpreter's lock, on every thread.
#[derive(Debug)]
struct CompiledFills {
    expected: Expected,
    parameters: Vec<f64>,
}

impl Expects for CompiledFills {
    fn expected(&self, child: &Sent, met: &Met) -> Result<Expectation> {
        let sheet = FillSheet::new(child, met, self.parameters.len());
        // What it does not write is no number of shares.
        let mut answer = Answer { shares: f64::NAN, price: 0 };
        // SAFETY: whoever gave the address vouches for the function; the pointers are of structs and of as many numbers
        // as the sheet says, alive and unshared during the call.
        let code = unsafe { (self.expected)(&raw const sheet, self.parameters.as_ptr(), &raw mut answer) };
        if code != 0 {
            return Err(Error::Fill { ts: child.now, why: format!("it must return 0, and returned {code}") });
        }
        expectation(child, met, answer.shares, answer.price)
    }
}

/// A C function by its address, or in a capsule called [`FUNCTION`].
fn address(function: &Bound<'_, PyAny>) -> PyResult<Expected> {
    let address = match function.cast::<PyCapsule>() {
        Ok(capsule) if capsule.is_valid_checked(Some(FUNCTION)) => {
            capsule.pointer_checked(Some(FUNCTION))?.as_ptr() as usize
        }
        Ok(_) => return Err(ParameterError::new_err(format!("function must be a capsule named {FUNCTION:?}"))),
        Err(_) => function.extract::<usize>()?,
    };
    if address == 0 {
        return Err(ParameterError::new_err("function must be the address of a C function, got 0"));
    }
    // SAFETY: a function pointer has the size of an address, and this one is not null; that it is of this signature,
    // whoever gave it vouches for.
    Ok(unsafe { std::mem::transmute::<*const c_void, Expected>(address as *const c_void) })
}
