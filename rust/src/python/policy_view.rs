//! What a policy in Python sees: the view, its limit orders and reports, and the order it works.

use numpy::{PyArray1, PyArrayMethods};
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::order::Parent;
use crate::policy::{Past, Report, Seen, View};
use crate::python::columns::read_only;
use crate::python::names::Named;
use crate::units::{Shares, Side, Time};

/// Columns that change from decision to decision.
const MOVING: usize = 7;

type Column = Py<PyArray1<i64>>;

/// The market and the order at one decision: arrays by venue, and whole numbers. Prices, fees and rebates are in nanos
/// (1e-9 of the currency), sizes in shares, times in nanoseconds since the epoch, spans in nanoseconds.
#[pyclass(module = "sor", name = "View")]
pub(super) struct PyView {
    /// The time of the decision.
    #[pyo3(get)]
    now: Time,
    /// Shares that the order's schedule has released by now: all of them where there is none.
    #[pyo3(get)]
    released: Shares,
    /// Released shares neither executed nor in flight; not positive when there are none.
    #[pyo3(get)]
    remaining: Shares,
    /// Shares of takes under way.
    #[pyo3(get)]
    in_flight: Shares,
    /// The consolidated mid.
    #[pyo3(get)]
    mid: i64,
    /// The order.
    #[pyo3(get)]
    order: Py<PyOrder>,
    parent: Parent,
    // price, displayed, available, own_price, own_displayed, age, joinable
    moving: [Column; MOVING],
    // taker_fee, maker_rebate, latency
    terms: [Column; 3],
    /// The policy's limit orders at their venues, a tuple of `RestingOrder`.
    #[pyo3(get)]
    resting: Py<PyTuple>,
    /// What became of its orders since the last decision, a tuple of `Report`.
    #[pyo3(get)]
    reports: Py<PyTuple>,
}

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident $group:ident $place:literal)+) => {
        #[pymethods]
        impl PyView {
            $($(#[$doc])*
            #[getter]
            fn $name(&self, py: Python<'_>) -> Column {
                self.$group[$place].clone_ref(py)
            })+

            /// `"buy"` or `"sell"`.
            #[getter]
            fn side(&self) -> &'static str {
                word(self.parent.side)
            }

            /// +1 for a buy, -1 for a sell.
            #[getter]
            fn sign(&self) -> i64 {
                self.parent.side.sign()
            }

            /// Shares of the whole order.
            #[getter]
            fn quantity(&self) -> Shares {
                self.parent.quantity
            }

            /// Where a limit order at the own price only adds liquidity.
            #[getter]
            fn joinable<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                self.moving[6].bind(py).rich_compare(0, CompareOp::Ne)
            }

            /// The venues' names.
            #[getter]
            fn venues(&self, py: Python<'_>) -> Py<PyTuple> {
                self.order.get().venues.clone_ref(py)
            }

            fn __repr__(&self) -> String {
                format!("View(now={}, remaining={}, mid={})", self.now, self.remaining, self.mid)
            }
        }
    };
}

columns! {
    /// Price of the side the order takes; 2**62 for a buy and -2**62 for a sell where nothing can be seen.
    price moving 0
    /// Shares displayed there; 0 where nothing can be seen.
    displayed moving 1
    /// Shares of them that own fills have left.
    available moving 2
    /// Price of the side the order joins; -2**62 for a buy and 2**62 for a sell where nothing can be seen.
    own_price moving 3
    /// Shares displayed there.
    own_displayed moving 4
    /// Time since the venue's last record; -1 before its first.
    age moving 5
    /// Fee per share taken.
    taker_fee terms 0
    /// Rebate per share made.
    maker_rebate terms 1
    /// Time from a decision to its arrival.
    latency terms 2
}

/// The parent order a policy works.
#[pyclass(frozen, module = "sor", name = "ParentOrder")]
pub(super) struct PyOrder {
    side: Side,
    /// Shares of the whole order.
    #[pyo3(get)]
    quantity: Shares,
    /// When it starts.
    #[pyo3(get)]
    start: Time,
    /// When what is left is completed.
    #[pyo3(get)]
    end: Time,
    /// Shares in a lot.
    #[pyo3(get)]
    lot: Shares,
    /// The venues' names.
    #[pyo3(get)]
    venues: Py<PyTuple>,
}

impl PyOrder {
    pub(super) fn new(parent: &Parent, venues: Py<PyTuple>) -> Self {
        let Parent { side, quantity, start, end, lot, .. } = *parent;
        Self { side, quantity, start, end, lot, venues }
    }
}

#[pymethods]
impl PyOrder {
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
        let Self { quantity, start, end, lot, .. } = self;
        format!("ParentOrder(side={:?}, quantity={quantity}, start={start}, end={end}, lot={lot})", word(self.side))
    }
}

pub(super) fn word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// What is known of the tape when an order starts.
#[pyclass(frozen, module = "sor", name = "Past")]
pub(super) struct PyPast {
    /// When its session opened.
    #[pyo3(get)]
    since: Time,
}

impl PyPast {
    pub(super) fn new(past: &Past<'_>) -> Self {
        Self { since: past.since }
    }
}

/// One of the policy's limit orders at its venue.
#[pyclass(frozen, get_all, module = "sor", name = "RestingOrder")]
pub(super) struct PyResting {
    /// Its number.
    order: u32,
    /// Venue index.
    venue: usize,
    /// Its price.
    price: i64,
    /// Shares not filled.
    left: Shares,
    /// Shares that the queue model believes ahead of it; None where they cannot be seen.
    ahead: Option<Shares>,
    /// When it was decided.
    decided: Time,
    /// When it expires.
    until: Time,
}

/// What became of an order: shares executed, or its end.
#[pyclass(frozen, get_all, module = "sor", name = "Report")]
pub(super) struct PyReport {
    /// The order's number.
    order: u32,
    /// `"take"` or `"post"`.
    kind: &'static str,
    /// Venue index.
    venue: usize,
    /// When.
    ts: Time,
    /// Shares executed now.
    executed: Shares,
    /// Price of them; 0 without any.
    price: i64,
    /// Shares of it that still work: 0 once it has ended.
    left: Shares,
    /// How the order stands after it.
    reason: &'static str,
    /// Shares that came back when it ended.
    returned: Shares,
}

impl PyReport {
    pub(super) fn new(py: Python<'_>, report: &Report) -> PyResult<Py<Self>> {
        let Report { order, kind, venue, ts, executed, price, left, reason, returned } = *report;
        let (kind, reason) = (kind.name(), reason.name());
        Py::new(py, Self { order, kind, venue, ts, executed, price, left, reason, returned })
    }
}

#[pymethods]
impl PyReport {
    fn __repr__(&self) -> String {
        let Self { order, kind, venue, ts, executed, left, reason, returned, .. } = self;
        format!(
            "Report(order={order}, kind={kind:?}, venue={venue}, ts={ts}, executed={executed}, left={left}, \
             reason={reason:?}, returned={returned})"
        )
    }
}

/// Where the view of the next decision is laid out: its memory is used again unless the policy has kept some of it.
pub(super) struct Desk {
    view: Py<PyView>,
    seen: Vec<Seen>,
    nothing: Py<PyTuple>,
    untouched: bool,
}

impl Desk {
    pub(super) fn new(py: Python<'_>, parent: &Parent, venues: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let order = Py::new(py, PyOrder::new(parent, venues.clone().unbind()))?;
        let nothing = PyTuple::empty(py).unbind();
        let columns = || read_only(py, vec![0; venues.len()]);
        let view = PyView {
            now: parent.start,
            released: parent.quantity,
            remaining: parent.quantity,
            in_flight: 0,
            mid: 0,
            order,
            parent: *parent,
            moving: fresh(py, venues.len())?,
            terms: [columns()?, columns()?, columns()?],
            resting: nothing.clone_ref(py),
            reports: nothing.clone_ref(py),
        };
        Ok(Self { view: Py::new(py, view)?, seen: Vec::new(), nothing, untouched: true })
    }

    /// Lays out what the policy sees now; `reports` are handed over.
    pub(super) fn lay<'py>(
        &mut self,
        py: Python<'py>,
        view: &View<'_>,
        reports: &mut Vec<Report>,
    ) -> PyResult<Bound<'py, PyView>> {
        let first = std::mem::replace(&mut self.untouched, false);
        self.renew(py)?;
        let laid = self.view.bind(py).clone();
        {
            let mut page = laid.borrow_mut();
            if first {
                page.terms = terms(py, view)?;
            }
            page.now = view.now;
            page.released = view.released;
            page.remaining = view.remaining;
            page.in_flight = view.in_flight;
            page.mid = view.mid;
            page.resting = self.resting(py, view)?;
            page.reports = self.told(py, reports)?;
            view.see(&mut self.seen);
            for (venue, seen) in self.seen.iter().enumerate() {
                let values = [
                    seen.price,
                    seen.displayed,
                    seen.available,
                    seen.own_price,
                    seen.own_displayed,
                    seen.age,
                    seen.joinable,
                ];
                for (column, value) in page.moving.iter().zip(values) {
                    // SAFETY: the array is one-dimensional with an entry for every venue, and nobody else writes to it or
                    // reads it now: Python has no other reference, see `renew`.
                    unsafe { *column.bind(py).uget_mut(venue) = value };
                }
            }
        }
        Ok(laid)
    }

    /// Leaves to the policy what it has kept of the last view, and takes new memory instead.
    fn renew(&mut self, py: Python<'_>) -> PyResult<()> {
        // Before it is borrowed, which is a reference too.
        let view_kept = is_shared(&self.view);
        let column_kept = self.view.borrow(py).moving.iter().any(is_shared);
        if view_kept {
            let page = self.view.borrow(py);
            let copy = PyView {
                order: page.order.clone_ref(py),
                moving: fresh(py, page.order.get().venues.bind(py).len())?,
                terms: [0, 1, 2].map(|place: usize| page.terms[place].clone_ref(py)),
                resting: self.nothing.clone_ref(py),
                reports: self.nothing.clone_ref(py),
                ..*page
            };
            drop(page);
            self.view = Py::new(py, copy)?;
        } else if column_kept {
            let mut page = self.view.borrow_mut(py);
            page.moving = fresh(py, page.order.get().venues.bind(py).len())?;
        }
        Ok(())
    }

    fn resting(&self, py: Python<'_>, view: &View<'_>) -> PyResult<Py<PyTuple>> {
        let own = view.side.opposite().sign();
        let orders = view.resting().map(|(venue, posted)| {
            let ahead = posted.order.ahead();
            PyResting {
                order: posted.number,
                venue,
                price: own * posted.order.key(),
                left: posted.order.left(),
                ahead: (ahead != Shares::MAX).then_some(ahead),
                decided: posted.ts_decided,
                until: posted.until,
            }
        });
        let orders = orders.map(|order| Py::new(py, order)).collect::<PyResult<Vec<_>>>()?;
        if orders.is_empty() { Ok(self.nothing.clone_ref(py)) } else { Ok(PyTuple::new(py, orders)?.unbind()) }
    }

    fn told(&self, py: Python<'_>, reports: &mut Vec<Report>) -> PyResult<Py<PyTuple>> {
        if reports.is_empty() {
            return Ok(self.nothing.clone_ref(py));
        }
        let reports = reports.drain(..).map(|report| PyReport::new(py, &report)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, reports)?.unbind())
    }
}

/// Whether anybody else refers to an object.
fn is_shared<T>(object: &Py<T>) -> bool {
    // SAFETY: the object is alive, and only its count is read, attached to the interpreter.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) > 1 }
}

fn fresh(py: Python<'_>, venues: usize) -> PyResult<[Column; MOVING]> {
    let columns = (0..MOVING).map(|_| read_only(py, vec![0; venues])).collect::<PyResult<Vec<_>>>()?;
    columns.try_into().map_err(|_| unreachable!("as many as were asked for"))
}

fn terms(py: Python<'_>, view: &View<'_>) -> PyResult<[Column; 3]> {
    let venues = &view.market.venues;
    Ok([
        read_only(py, venues.iter().map(|venue| venue.taker_fee).collect())?,
        read_only(py, venues.iter().map(|venue| venue.maker_rebate).collect())?,
        read_only(py, venues.iter().map(|venue| venue.latency).collect())?,
    ])
}
