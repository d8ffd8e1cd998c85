//! Replays: Python's arguments in, the ledger's columns out.

use std::ops::ControlFlow;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::book::{Depletion, count_states as count};
use crate::engine::{Limit, Market, Parent};
use crate::error::{Error, Result};
use crate::fill::{FillModel, Met, QueueAware, Stream};
use crate::ledger::{Child, Kind, Ledger, Reason, Status, Summary};
use crate::observe::{Observer, Watch};
use crate::policy::{Plan, Policy, Router, Unit, Visibility};
use crate::python::allocate::{rule, solver, unknown};
use crate::python::columns::{Frame, TapeColumns, narrow};
use crate::search::{Variant, hindsight_all, replay_all};
use crate::tape::Snapshot;
use crate::units::{Money, Side};
use crate::venue::Venue;

/// `(side, quantity, start, end, lot, twin)`; side is +1 or -1.
type ParentArgument = (i8, i64, i64, i64, i64, u64);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct VariantArgument {
    /// `(taker fee, maker rebate, latency, queue position)` by venue index.
    venues: Vec<(i64, i64, i64, f64)>,
    snapshot: String,
    depletion: String,
    collar: f64,
    max_quote_age: Option<i64>,
    tick: i64,
    fill: Option<QueueAwareArgument>,
    limit: String,
    policy: PolicyArgument,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct QueueAwareArgument {
    max_fill: f64,
    impact: f64,
    decay: Option<f64>,
    seed: Option<u64>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PolicyArgument {
    name: String,
    #[pyo3(default)]
    bucket: i64,
    #[pyo3(default)]
    router: Option<RouterArgument>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct RouterArgument {
    lambda_over: f64,
    lambda_under: f64,
    theta_queue: f64,
    unit: String,
    rule: String,
    solver: String,
    max_candidates: u64,
    plan: String,
    overbook: f64,
}

pub(super) fn snapshot(name: &str) -> Result<Snapshot> {
    match name {
        "last" => Ok(Snapshot::Last),
        "each" => Ok(Snapshot::Each),
        "first" => Ok(Snapshot::First),
        _ => Err(unknown("snapshot", "must be \"last\", \"each\" or \"first\"", name)),
    }
}

fn fill_model(queue: Option<&QueueAwareArgument>) -> FillModel {
    queue.map_or(FillModel::Displayed, |&QueueAwareArgument { max_fill, impact, decay, seed }| {
        FillModel::QueueAware(QueueAware { max_fill, impact, decay, seed })
    })
}

impl RouterArgument {
    fn build(&self) -> Result<Router> {
        Ok(Router {
            lambda_over: self.lambda_over,
            lambda_under: self.lambda_under,
            theta_queue: self.theta_queue,
            unit: match self.unit.as_str() {
                "fraction" => Unit::Fraction,
                "price" => Unit::Price,
                other => return Err(unknown("unit", "must be \"fraction\" or \"price\"", other)),
            },
            rule: rule(&self.rule)?,
            solver: solver(&self.solver, self.max_candidates)?,
            plan: match self.plan.as_str() {
                "displayed" => Plan::Displayed,
                "fills" => Plan::Fills { overbook: self.overbook },
                other => return Err(unknown("plan", "must be \"displayed\" or \"fills\"", other)),
            },
        })
    }
}

impl PolicyArgument {
    fn build(&self) -> Result<Policy> {
        match (self.name.as_str(), &self.router) {
            ("router", Some(router)) => router.build().map(Policy::Router),
            ("best_ask", _) => Ok(Policy::BestAsk),
            ("sweep", _) => Ok(Policy::Sweep),
            ("twap", _) => Ok(Policy::Twap { bucket: self.bucket }),
            ("vwap", _) => Ok(Policy::Vwap),
            (other, _) => {
                Err(unknown("policy", "must be \"router\", \"best_ask\", \"sweep\", \"twap\" or \"vwap\"", other))
            }
        }
    }
}

impl VariantArgument {
    fn build(&self) -> Result<Variant> {
        let venues = self.venues.iter().map(|&(taker_fee, maker_rebate, latency, queue_position)| Venue {
            taker_fee,
            maker_rebate,
            latency,
            queue_position,
        });
        let market = Market {
            venues: venues.collect(),
            snapshot: snapshot(&self.snapshot)?,
            depletion: match self.depletion.as_str() {
                "refresh" => Depletion::Refresh,
                "persistent" => Depletion::Persistent,
                "none" => Depletion::None,
                other => return Err(unknown("depletion", "must be \"refresh\", \"persistent\" or \"none\"", other)),
            },
            visibility: Visibility { collar: self.collar, max_quote_age: self.max_quote_age },
            fill: fill_model(self.fill.as_ref()),
            limit: match self.limit.as_str() {
                "seen" => Limit::Seen,
                "none" => Limit::None,
                other => return Err(unknown("limit", "must be \"seen\" or \"none\"", other)),
            },
            tick: self.tick,
        };
        Ok(Variant { market, policy: self.policy.build()? })
    }
}

/// Watches from Python: signals, and a progress callback. Keeps the exception that stopped the call.
#[derive(Default)]
pub(super) struct PyObserver {
    progress: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl PyObserver {
    /// The outcome of the call it watched: the exception that stopped it, if one did.
    pub(super) fn outcome<T>(self, outcome: Result<T>) -> PyResult<T> {
        match (outcome, self.raised) {
            (Err(Error::Stopped), Some(raised)) => Err(raised),
            (outcome, _) => Ok(outcome?),
        }
    }
}

impl Observer for PyObserver {
    fn observe(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        let outcome = Python::attach(|py| {
            py.check_signals()?;
            self.progress.as_ref().map_or(Ok(()), |progress| progress.call1(py, (done, total)).map(drop))
        });
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(raised) => {
                self.raised = Some(raised);
                ControlFlow::Break(())
            }
        }
    }
}

fn build_parents(parents: Vec<ParentArgument>) -> Vec<Parent> {
    let build = |(sign, quantity, start, end, lot, twin)| {
        let side = if sign < 0 { Side::Sell } else { Side::Buy };
        Parent { side, quantity, start, end, lot, twin }
    };
    parents.into_iter().map(build).collect()
}

/// The least possible all-in cost of every parent in the market of `variant` (MODEL P4), nanos; `None` where its side
/// was never quoted.
#[pyfunction]
pub(super) fn hindsight(
    py: Python<'_>,
    tape: TapeColumns<'_>,
    parents: Vec<ParentArgument>,
    variant: VariantArgument,
    threads: usize,
) -> PyResult<Vec<Option<Money>>> {
    let (parents, variant) = (build_parents(parents), variant.build()?);
    let tape = tape.tape(variant.market.venues.len())?;
    let mut observer = PyObserver { progress: None, raised: None };
    let outcome = py.detach(|| hindsight_all(&tape, &parents, &variant.market, threads, &mut observer));
    observer.outcome(outcome)
}

/// What a child gets from a quote (MODEL F2): `(executed shares, signed price)`.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the formula's own symbols, passed once from Python")]
pub(super) fn execute(
    sign: i8,
    quantity: i64,
    price: i64,
    displayed: i64,
    available: i64,
    age: i64,
    queue_position: f64,
    fill: Option<QueueAwareArgument>,
    stream: (u64, u64),
) -> (i64, i64) {
    let side = if sign < 0 { Side::Sell } else { Side::Buy };
    let met = Met { key: side.sign() * price, displayed, available, age, queue_position };
    let stream = Stream { parent: [stream.0, 0], child: stream.1 };
    let execution = fill_model(fill.as_ref()).execute(side, quantity, &met, stream);
    (execution.quantity, side.sign() * execution.key)
}

/// Replays every parent under every variant. Returns three dicts of columns: summaries (row `variant * parents +
/// parent`), fills and children (both empty unless `record`).
#[pyfunction]
#[pyo3(signature = (tape, parents, variants, *, record, threads, progress = None))]
pub(super) fn replay<'py>(
    py: Python<'py>,
    tape: TapeColumns<'py>,
    parents: Vec<ParentArgument>,
    variants: Vec<VariantArgument>,
    record: bool,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let parents = build_parents(parents);
    let variants = variants.iter().map(VariantArgument::build).collect::<Result<Vec<_>>>()?;
    let venues = variants.first().map_or(0, |variant| variant.market.venues.len());
    let tape = tape.tape(venues)?;
    let mut observer = PyObserver { progress, raised: None };
    let outcome = py.detach(|| replay_all(&tape, &parents, &variants, record, threads, &mut observer));
    let ledgers = observer.outcome(outcome)?;
    let rows: Vec<Row<&Ledger>> = ledgers
        .iter()
        .enumerate()
        .map(|(i, value)| Row { variant: i / parents.len(), parent: i % parents.len(), value })
        .collect();
    Ok((summaries(py, &rows)?, fills(py, &rows)?, children(py, &rows)?))
}

/// `(snapshots, locked, crossed, stubs)`, counted over a tape's snapshots.
#[pyfunction]
pub(super) fn count_states(
    py: Python<'_>,
    tape: TapeColumns<'_>,
    venues: usize,
    snapshot: &str,
    collar: f64,
) -> PyResult<(u64, u64, u64, u64)> {
    let (tape, mode) = (tape.tape(venues)?, self::snapshot(snapshot)?);
    let mut observer = PyObserver::default();
    let outcome = py.detach(|| {
        let mut watch = Watch::new(&mut observer, 1);
        count(&tape, mode, collar, &mut || watch.poll())
    });
    let counts = observer.outcome(outcome)?;
    Ok((counts.snapshots, counts.locked, counts.crossed, counts.stubs))
}

/// A row of a result with the place it belongs to: variant and parent.
struct Row<T> {
    variant: usize,
    parent: usize,
    value: T,
}

/// A sum of money as a named column.
type MoneyColumn<T> = (&'static str, fn(&T) -> Money);

/// A count, price or time as a named column.
type WholeColumn<T> = (&'static str, fn(&T) -> i64);

impl<'py> Frame<'py> {
    /// The columns `variant` and `parent`, which every result starts with.
    fn placed<T>(py: Python<'py>, rows: &[Row<T>]) -> PyResult<Self> {
        let frame = Self::new(py);
        frame.column("variant", rows.iter().map(|row| row.variant as u32))?;
        frame.column("parent", rows.iter().map(|row| row.parent as u32))?;
        Ok(frame)
    }

    fn money<T>(&self, rows: &[Row<&T>], columns: &[MoneyColumn<T>]) -> PyResult<()> {
        for &(name, part) in columns {
            let column = rows.iter().map(|row| narrow(name, row.parent, part(row.value)));
            self.column(name, column.collect::<Result<Vec<i64>>>()?.into_iter())?;
        }
        Ok(())
    }
}

fn summaries<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let rows: Vec<Row<&Summary>> = ledgers
        .iter()
        .map(|ledger| Row { variant: ledger.variant, parent: ledger.parent, value: &ledger.value.summary })
        .collect();
    let each = || rows.iter().map(|row| row.value);
    let frame = Frame::placed(py, &rows)?;
    frame.column("status", each().map(|row| status(row.status)))?;
    frame.optional("arrival_mid", each().map(|row| row.arrival_mid))?;
    frame.column("executed", each().map(|row| row.executed))?;
    frame.column("completed", each().map(|row| row.completed))?;
    frame.column("unwound", each().map(|row| row.unwound))?;
    let money: [MoneyColumn<Summary>; 9] = [
        ("notional", |row| row.notional),
        ("fees", |row| row.fees),
        ("rebates", |row| row.rebates),
        ("spread", |row| row.spread),
        ("slippage", |row| row.slippage),
        ("timing", |row| row.timing),
        ("opportunity", |row| row.opportunity),
        ("shortfall", Summary::shortfall),
        ("all_in", Summary::all_in),
    ];
    frame.money(&rows, &money)?;
    frame.column("children", each().map(|row| row.children))?;
    frame.column("fills", each().map(|row| row.fills))?;
    frame.column("ts_done", each().map(|row| row.ts_done))?;
    Ok(frame.into_dict())
}

fn fills<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let mut rows = Vec::new();
    for &Row { variant, parent, value } in ledgers {
        rows.extend(value.fills.iter().map(|fill| Row { variant, parent, value: fill }));
    }
    let each = || rows.iter().map(|row| row.value);
    let frame = Frame::placed(py, &rows)?;
    frame.column("child", each().map(|fill| fill.child.map_or(-1, i64::from)))?;
    frame.column("ts_decided", each().map(|fill| fill.ts_decided))?;
    frame.column("ts_executed", each().map(|fill| fill.ts_executed))?;
    frame.column("venue", each().map(|fill| fill.venue as u16))?;
    frame.column("kind", each().map(|fill| kind(fill.kind)))?;
    frame.column("quantity", each().map(|fill| fill.quantity))?;
    frame.column("price", each().map(|fill| fill.price))?;
    frame.column("quoted", each().map(|fill| fill.quoted))?;
    frame.column("mid", each().map(|fill| fill.mid))?;
    frame.money(&rows, &[("fee", |fill| fill.fee), ("rebate", |fill| fill.rebate)])?;
    frame.column("age", each().map(|fill| fill.age))?;
    Ok(frame.into_dict())
}

fn children<'py>(py: Python<'py>, ledgers: &[Row<&Ledger>]) -> PyResult<Bound<'py, PyDict>> {
    let mut rows = Vec::new();
    for &Row { variant, parent, value } in ledgers {
        rows.extend(value.children.iter().enumerate().map(|child| Row { variant, parent, value: child }));
    }
    let each = || rows.iter().map(|row| row.value.1);
    let frame = Frame::placed(py, &rows)?;
    frame.column("child", rows.iter().map(|row| row.value.0 as i64))?;
    frame.column("venue", each().map(|child| child.venue as u16))?;
    frame.column("reason", each().map(|child| reason(child.reason)))?;
    let columns: [WholeColumn<Child>; 13] = [
        ("ts_decided", |child| child.ts_decided),
        ("ts_arrived", |child| child.ts_arrived),
        ("quantity", |child| child.quantity),
        ("executed", |child| child.executed),
        ("remaining", |child| child.remaining),
        ("mid", |child| child.mid),
        ("seen_price", |child| child.seen_price),
        ("seen_displayed", |child| child.seen_displayed),
        ("seen_available", |child| child.seen_available),
        ("marginal", |child| child.marginal),
        ("met_displayed", |child| child.met_displayed),
        ("met_available", |child| child.met_available),
        ("age", |child| child.age),
    ];
    for (name, value) in columns {
        frame.column(name, each().map(value))?;
    }
    frame.optional("threshold", each().map(|child| child.threshold))?;
    frame.optional("met_price", each().map(|child| child.met_price))?;
    frame.optional("fill_probability", each().map(|child| child.fill_probability))?;
    Ok(frame.into_dict())
}

/// Places in `sor.schema.STATUSES`.
const fn status(status: Status) -> u8 {
    match status {
        Status::Filled => 0,
        Status::Completed => 1,
        Status::NoQuotes => 2,
    }
}

/// Places in `sor.schema.KINDS`.
const fn kind(kind: Kind) -> u8 {
    match kind {
        Kind::Take => 0,
        Kind::Post => 1,
        Kind::Completion => 2,
        Kind::Unwind => 3,
    }
}

/// Places in `sor.schema.REASONS`.
const fn reason(reason: Reason) -> u8 {
    match reason {
        Reason::Filled => 0,
        Reason::Partial => 1,
        Reason::NoQuote => 2,
        Reason::Limit => 3,
        Reason::Depleted => 4,
        Reason::Queue => 5,
        Reason::Expired => 6,
    }
}
