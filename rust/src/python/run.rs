//! Replays and passes over a tape: Python's arguments in, columns out.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::batch::{Shared, hindsight_all, replay_all, replay_distinct};
use crate::error::Error;
use crate::fills::{Met, QueueModel, Sent, Stream};
use crate::ledger::Ledger;
use crate::market::{Snapshot, Visibility, book_at as look_at, count_states as count};
use crate::observe::{Stop, Watch};
use crate::order::Parent;
use crate::policy::probes::{Probing, Windows, probe as probe_tape};
use crate::python::arguments::{ParentArgument, VariantArgument, build_parents, side};
use crate::python::columns::{Frame, TapeColumns};
use crate::python::fills::{FillArgument, fill_model};
use crate::python::ledger::{Row, children, epochs, fills, places, releases, summaries};
use crate::python::observer::PyObserver;
use crate::python::policy::Raised;
use crate::units::Money;

/// The least possible all-in cost of every parent in the market of `variant` (rule P4), nanos; `None` where its side
/// was never quoted.
#[pyfunction]
pub(super) fn hindsight(
    py: Python<'_>,
    tape: TapeColumns<'_>,
    parents: Vec<ParentArgument>,
    variant: VariantArgument,
    threads: usize,
) -> PyResult<Vec<Option<Money>>> {
    let (parents, variant) = (build_parents(parents), variant.build(py, &Raised::default())?);
    let hours = tape.hours()?;
    let tape = tape.tape(variant.market.venues.len(), hours.as_ref())?;
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| hindsight_all(&tape, &parents, &variant.market, threads, &mut observer));
    observer.outcome(outcome)
}

/// What a child gets from a quote (rule F2): `(executed shares, signed price)`.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the formula's own symbols, passed once from Python")]
pub(super) fn execute(
    py: Python<'_>,
    sign: i8,
    quantity: i64,
    price: i64,
    displayed: i64,
    available: i64,
    age: i64,
    queue_position: f64,
    fill: Option<FillArgument>,
    stream: (u64, u64),
) -> PyResult<(i64, i64)> {
    let side = side(sign);
    let met = Met { key: side.sign() * price, displayed, available, age, queue_position };
    let child = Sent { side, quantity, venue: 0, now: 0 };
    let stream = Stream { parent: [stream.0, 0], child: stream.1 };
    let raised = Raised::default();
    let model = fill_model(py, fill.as_ref(), &raised)?;
    let execution = model.execute_order(&child, &met, stream).map_err(|error| alone(py, error, &raised))?;
    Ok((execution.quantity, side.sign() * execution.key))
}

/// Replays every parent under every variant. Returns dicts of columns by name: `parents` (row `variant * parents +
/// parent`), and, empty unless `record`, `fills`, `children`, `places` (queue positions), `epochs` and `releases`. Without
/// `shortcuts` every variant is replayed, also where it does not differ from another, and from record to record.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "what a replay is, passed once from Python")]
#[pyo3(signature = (tape, parents, variants, *, record, threads, progress = None, shortcuts = true))]
pub(super) fn replay<'py>(
    py: Python<'py>,
    tape: TapeColumns<'py>,
    parents: Vec<ParentArgument>,
    variants: Vec<VariantArgument>,
    record: bool,
    threads: usize,
    progress: Option<Py<PyAny>>,
    shortcuts: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let parents = build_parents(parents);
    let raised = Raised::default();
    let variants = variants.iter().map(|variant| variant.build(py, &raised)).collect::<PyResult<Vec<_>>>()?;
    let venues = variants.first().map_or(0, |variant| variant.market.venues.len());
    let hours = tape.hours()?;
    let tape = tape.tape(venues, hours.as_ref())?;
    let mut observer = PyObserver::new(progress);
    let outcome = py.detach(|| {
        if shortcuts {
            return replay_distinct(&tape, &parents, &variants, record, threads, &mut observer);
        }
        replay_all(&tape.without_index(), &parents, &variants, record, threads, &mut observer).map(Shared::none)
    });
    let ledgers = match outcome {
        Err(Error::Replay { variant, parent, source }) => {
            return Err(failure(py, variant, &parents[parent], *source, &raised));
        }
        other => observer.outcome(other)?,
    };
    let rows: Vec<Row<&Ledger>> = ledgers
        .iter()
        .enumerate()
        .map(|(i, value)| Row { variant: i / parents.len(), parent: i % parents.len(), value })
        .collect();
    let tables = PyDict::new(py);
    tables.set_item("parents", summaries(py, &rows)?)?;
    tables.set_item("fills", fills(py, &rows)?)?;
    tables.set_item("children", children(py, &rows)?)?;
    tables.set_item("places", places(py, &rows)?)?;
    tables.set_item("epochs", epochs(py, &rows)?)?;
    tables.set_item("releases", releases(py, &rows)?)?;
    Ok(tables)
}

/// What a failed policy or fill model raises: Python puts it in words, with the exception that was raised inside it as its
/// cause.
fn failure(py: Python<'_>, variant: usize, parent: &Parent, error: Error, raised: &Raised) -> PyErr {
    let order = Some((parent.side.sign(), parent.quantity, parent.start));
    match error {
        Error::Order { ts, argument, why } => {
            told(py, "failure", (variant, order, ts, format!("{argument} {why}")), raised)
        }
        Error::Policy { ts, why } => told(py, "failure", (variant, order, ts, why), raised),
        Error::Fill { ts, why } => told(py, "fill_failure", (variant, order, ts, why), raised),
        other => other.into(),
    }
}

/// As [`failure`], for a fill model that was asked about one child of no order.
fn alone(py: Python<'_>, error: Error, raised: &Raised) -> PyErr {
    match error {
        Error::Fill { ts, why } => told(py, "fill_failure", (0, None, ts, why), raised),
        other => other.into(),
    }
}

/// Which variant failed, on which order (sign, quantity, start), when, and why.
type Failed = (usize, Option<(i64, i64, i64)>, i64, String);

/// The error that a function of `sor.replay.failure` makes of what failed and of what was raised.
fn told(py: Python<'_>, maker: &str, (variant, order, ts, why): Failed, raised: &Raised) -> PyErr {
    let cause = raised.lock().ok().and_then(|mut slot| slot.take());
    match py
        .import("sor.replay.failure")
        .and_then(|module| module.getattr(maker)?.call1((variant, order, ts, why, cause)))
    {
        Ok(raised) => PyErr::from_value(raised),
        Err(error) => error,
    }
}

/// `(snapshots, locked, crossed, stubs)`, counted over a tape's snapshots.
#[pyfunction]
pub(super) fn count_states(
    py: Python<'_>,
    tape: TapeColumns<'_>,
    venues: usize,
    snapshot: Snapshot,
    collar: (f64, i64),
) -> PyResult<(u64, u64, u64, u64)> {
    let hours = tape.hours()?;
    let (tape, mode) = (tape.tape(venues, hours.as_ref())?, snapshot);
    let visibility = Visibility { collar: collar.0, collar_least: collar.1, max_quote_age: None };
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| {
        let watch = Watch::new(&mut observer, 1);
        count(&tape, mode, &visibility, Stop::new(&|| watch.poll()))
    });
    let counts = observer.outcome(outcome)?;
    Ok((counts.snapshots, counts.locked, counts.crossed, counts.stubs))
}

/// The windows' ends, and the filled shares, one row per window and one column per venue.
type Probed<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray2<i64>>);

/// The filled shares of the probes of every window on the tape (rule C9).
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "what a probe is, passed once from Python")]
pub(super) fn probe<'py>(
    py: Python<'py>,
    tape: TapeColumns<'py>,
    venues: usize,
    sign: i8,
    quantity: i64,
    windows: (i64, i64),
    queue: QueueModel,
    snapshot: Snapshot,
    collar: (f64, i64),
    max_quote_age: Option<i64>,
) -> PyResult<Probed<'py>> {
    let hours = tape.hours()?;
    let tape = tape.tape(venues, hours.as_ref())?;
    let (length, every) = windows;
    let probing = Probing {
        side: side(sign),
        quantity,
        windows: Windows { length, every },
        queue,
        snapshot,
        visibility: Visibility { collar: collar.0, collar_least: collar.1, max_quote_age },
    };
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| {
        let watch = Watch::new(&mut observer, 1);
        probe_tape(&tape, &probing, Stop::new(&|| watch.poll()))
    });
    let probes = observer.outcome(outcome)?;
    let ends = probes.ends.clone();
    let shape = [ends.len(), venues];
    Ok((ends.into_pyarray(py), probes.into_rows().into_pyarray(py).reshape(shape)?))
}

/// The consolidated book as of each of `times` (any order), a dict of columns: `bid`, `ask` and `mid` in nanos (values, and
/// whether each is there), and the visible shares `bid_displayed` and `ask_displayed`.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the terms of a view on the book, passed once from Python")]
pub(super) fn book_at<'py>(
    py: Python<'py>,
    tape: TapeColumns<'py>,
    venues: usize,
    snapshot: Snapshot,
    collar: (f64, i64),
    max_quote_age: Option<i64>,
    times: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyDict>> {
    let hours = tape.hours()?;
    let (tape, times) = (tape.tape(venues, hours.as_ref())?, times.as_slice()?);
    let visibility = Visibility { collar: collar.0, collar_least: collar.1, max_quote_age };
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| {
        let watch = Watch::new(&mut observer, 1);
        look_at(&tape, snapshot, &visibility, times, Stop::new(&|| watch.poll()))
    });
    let states = observer.outcome(outcome)?;
    let frame = Frame::new(py);
    frame.optional("bid", states.iter().map(|state| state.bid))?;
    frame.optional("ask", states.iter().map(|state| state.ask))?;
    frame.optional("mid", states.iter().map(|state| state.mid))?;
    frame.column("bid_displayed", states.iter().map(|state| state.bid_displayed))?;
    frame.column("ask_displayed", states.iter().map(|state| state.ask_displayed))?;
    Ok(frame.into_dict())
}
