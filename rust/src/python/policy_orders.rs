//! What a policy in Python answers with. Every argument is checked where it is given, so that an error points at the line.

use std::fmt::Display;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::policy::{Action, Orders};
use crate::python::errors::ParameterError;
use crate::python::numbers::{whole, whole_by_value};
use crate::units::{Nanos, Shares, Time};

/// As many shares as an order may ever have.
const MOST_SHARES: Shares = 1_000_000_000_000_000;

/// More orders than this in one decision are an error.
const MOST_ORDERS: usize = 100_000;

/// More shares than this under way at once are an error: they could not be counted.
const MOST_IN_FLIGHT: Shares = 1_000_000_000_000_000_000;

/// Collects the orders of one decision.
#[pyclass(module = "sor", name = "Orders")]
pub(super) struct PyOrders {
    venues: Py<PyTuple>,
    sent: Sent,
    next: u32,
    // The time of the decision under way, and the shares of takes under way.
    now: Option<Time>,
    in_flight: Shares,
}

/// What was sent in one decision.
#[derive(Default)]
pub(super) struct Sent {
    actions: Vec<Action>,
    wakes: Vec<Time>,
    threshold: Option<Nanos>,
}

impl PyOrders {
    pub(super) fn new(venues: Py<PyTuple>) -> Self {
        Self { venues, sent: Sent::default(), next: 0, now: None, in_flight: 0 }
    }

    /// A decision begins; its first order has the number `next`.
    pub(super) fn open(&mut self, now: Time, in_flight: Shares, next: u32) {
        self.now = Some(now);
        self.in_flight = in_flight;
        self.next = next;
    }

    /// The decision is over.
    pub(super) fn close(&mut self) -> Sent {
        self.now = None;
        std::mem::take(&mut self.sent)
    }

    fn now(&self) -> PyResult<Time> {
        self.now.ok_or_else(|| ParameterError::new_err("orders can only be sent inside decide"))
    }

    fn push(&mut self, action: Action) -> PyResult<u32> {
        if self.sent.actions.len() == MOST_ORDERS {
            return Err(wrong("orders", format_args!("must be at most {MOST_ORDERS} in one decision"), "more"));
        }
        self.sent.actions.push(action);
        self.next += 1;
        Ok(self.next - 1)
    }

    /// A venue by its index, or by its name.
    fn venue(&self, venue: &Bound<'_, PyAny>) -> PyResult<usize> {
        let names = self.venues.bind(venue.py());
        let found = if let Ok(name) = venue.cast::<PyString>() {
            names.index(name).ok()
        } else {
            whole(venue).and_then(|index| usize::try_from(index).ok()).filter(|&index| index < names.len())
        };
        found.ok_or_else(|| {
            let known = names.len().saturating_sub(1);
            wrong("venue", format_args!("must be an index from 0 to {known}, or a name in {names}"), venue)
        })
    }
}

#[pymethods]
impl PyOrders {
    /// Takes displayed shares: immediate or cancel. Returns the order's number.
    ///
    /// `venue` is an index or a name. `limit` is the worst price, nanos; by default the price seen.
    #[pyo3(signature = (venue, quantity, limit = None))]
    fn take(
        &mut self,
        venue: &Bound<'_, PyAny>,
        quantity: &Bound<'_, PyAny>,
        limit: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u32> {
        self.now()?;
        let (venue, quantity) = (self.venue(venue)?, shares(quantity)?);
        let limit = limit.map(|limit| nanos("limit", limit)).transpose()?;
        self.in_flight += quantity;
        if self.in_flight > MOST_IN_FLIGHT {
            return Err(wrong("quantity", "must leave less than 10**18 shares under way", self.in_flight));
        }
        self.push(Action::Take { venue, quantity, limit, marginal: None })
    }

    /// Rests a limit order. Returns its number.
    ///
    /// `price` in nanos; by default the best on the own side of the venue. `until`: when it expires, nanoseconds since the
    /// epoch; by default at the order's end.
    #[pyo3(signature = (venue, quantity, price = None, until = None))]
    fn post(
        &mut self,
        venue: &Bound<'_, PyAny>,
        quantity: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        until: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u32> {
        let now = self.now()?;
        let (venue, quantity) = (self.venue(venue)?, shares(quantity)?);
        let price = price.map(|price| nanos("price", price)).transpose()?;
        let until = until.map(|until| later("until", until, now)).transpose()?;
        self.push(Action::Post { venue, quantity, price, until })
    }

    /// Takes back a limit order, by its number; one that has ended by then stays as it is.
    fn cancel(&mut self, order: &Bound<'_, PyAny>) -> PyResult<()> {
        self.now()?;
        let number = whole(order).and_then(|number| u32::try_from(number).ok()).filter(|&number| number < self.next);
        let number = number.ok_or_else(|| wrong("order", "must be the number of an order that was sent", order))?;
        if self.sent.actions.len() == MOST_ORDERS {
            return Err(wrong("orders", format_args!("must be at most {MOST_ORDERS} in one decision"), "more"));
        }
        self.sent.actions.push(Action::Cancel { order: number });
        Ok(())
    }

    /// Asks to decide at a time, nanoseconds since the epoch, whether or not a record comes then.
    fn wake(&mut self, at: &Bound<'_, PyAny>) -> PyResult<()> {
        let now = self.now()?;
        self.sent.wakes.push(later("at", at, now)?);
        Ok(())
    }

    /// Says at which cost per share against the mid, nanos, the policy stops: `explain` quotes it.
    fn stops_at(&mut self, threshold: &Bound<'_, PyAny>) -> PyResult<()> {
        self.now()?;
        let threshold =
            whole(threshold).ok_or_else(|| wrong("threshold", "must be a whole number of nanos", threshold))?;
        self.sent.threshold = Some(threshold);
        Ok(())
    }
}

impl Sent {
    /// Gives the core the orders, and the new times of waking to the others, in order.
    pub(super) fn hand_over(self, out: &mut Orders, wakes: &mut Vec<Time>) {
        if self.threshold.is_some() {
            out.stops_at(self.threshold);
        }
        for action in self.actions {
            match action {
                Action::Take { venue, quantity, limit: None, .. } => _ = out.take(venue, quantity),
                Action::Take { venue, quantity, limit: Some(limit), .. } => {
                    _ = out.take_limited(venue, quantity, limit);
                }
                Action::Post { venue, quantity, price, until } => _ = out.post(venue, quantity, price, until),
                Action::Cancel { order } => out.cancel(order),
            }
        }
        if !self.wakes.is_empty() {
            wakes.extend(self.wakes);
            wakes.sort_unstable();
            wakes.dedup();
        }
    }
}

fn shares(value: &Bound<'_, PyAny>) -> PyResult<Shares> {
    let shares = whole_by_value(value).filter(|shares| (1..=MOST_SHARES).contains(shares));
    shares.ok_or_else(|| wrong("quantity", format_args!("must be whole, from 1 to {MOST_SHARES}"), value))
}

/// A price: a float would most likely be one in currency.
fn nanos(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Nanos> {
    let price = whole(value).filter(|&price| price > 0 && price < Nanos::MAX);
    price.ok_or_else(|| wrong(name, "must be a whole number of nanos above 0, as view.price is", value))
}

fn later(name: &str, value: &Bound<'_, PyAny>, now: Time) -> PyResult<Time> {
    let time = whole(value).filter(|&time| time > now);
    time.ok_or_else(|| {
        wrong(name, format_args!("must be later than now, {now}, in whole nanoseconds since the epoch"), value)
    })
}

#[cold]
fn wrong(name: &str, rule: impl Display, value: impl Display) -> PyErr {
    ParameterError::new_err(format!("{name} {rule}, got {value}"))
}
