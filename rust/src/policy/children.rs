//! Given children: decisions that somebody has recorded, sent again at their times (rule Q6).

use std::collections::HashMap;

use crate::error::Result;
use crate::market::Limit;
use crate::order::Parent;
use crate::policy::{Mind, Orders, Past, Plan, Policy, View};
use crate::quote::{EMPTY, reaches};
use crate::units::{Nanos, Shares, Side, Time};

/// What a recorded decision asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Take up to a limit; `None`: the price that is seen.
    Take {
        /// Shares, positive.
        quantity: Shares,
        /// Worst price.
        limit: Option<Nanos>,
    },
    /// Rest a limit order; `None`: at the own side's best price, to the order's end.
    Post {
        /// Shares, positive.
        quantity: Shares,
        /// Its price.
        price: Option<Nanos>,
        /// When it expires.
        until: Option<Time>,
    },
    /// Take back the limit order of an earlier row.
    Cancel {
        /// Which row.
        row: usize,
    },
}

/// A recorded decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// When it was decided.
    pub ts: Time,
    /// Venue index; of a cancel it is not looked at.
    pub venue: usize,
    /// What for.
    pub asked: Asked,
    /// The side of its order, where that is known.
    pub side: Option<Side>,
    /// The start of its order, where that is known.
    pub start: Option<Time>,
}

impl Given {
    /// Whether it may be of this order: in its time, and of its side and start where these are known.
    fn is_of(&self, parent: &Parent) -> bool {
        (parent.start..parent.end).contains(&self.ts)
            && self.side.is_none_or(|side| side == parent.side)
            && self.start.is_none_or(|start| start == parent.start)
    }
}

/// All of them, in order of time.
#[derive(Clone, Debug)]
pub struct Children {
    rows: Vec<Given>,
}

impl Children {
    /// Of rows in order of time.
    #[must_use]
    pub fn new(rows: Vec<Given>) -> Self {
        debug_assert!(rows.is_sorted_by_key(|row| row.ts), "rows in order of time");
        Self { rows }
    }
}

impl Plan for Children {
    fn start<'a>(&'a self, parent: &Parent, _: &Past<'a>) -> Result<Mind<'a>> {
        let first = self.rows.partition_point(|row| row.ts < parent.start);
        let own = (first..self.rows.len()).take_while(|&i| self.rows[i].ts < parent.end);
        let own: Vec<usize> = own.filter(|&i| self.rows[i].is_of(parent)).collect();
        Ok(Mind::Foreign(Box::new(Sending { rows: &self.rows, own, next: 0, numbers: HashMap::new() })))
    }
}

/// The decisions of one order.
struct Sending<'a> {
    rows: &'a [Given],
    // Which rows are this order's.
    own: Vec<usize>,
    next: usize,
    // The limit orders that were sent, by row.
    numbers: HashMap<usize, u32>,
}

impl Sending<'_> {
    /// Sends a row, unless the book that is there now leaves it no meaning.
    fn send(&mut self, row: usize, view: &View<'_>, out: &mut Orders) {
        let Given { venue, asked, .. } = self.rows[row];
        match asked {
            Asked::Take { quantity, limit: Some(limit) } => _ = out.take_limited(venue, quantity, limit),
            Asked::Take { quantity, limit: None } => {
                let shown = view.book.offer(view.side, venue).key != EMPTY;
                if shown || view.market.limit == Limit::None {
                    out.take(venue, quantity);
                }
            }
            Asked::Post { quantity, price, until } => {
                let own = view.side.opposite();
                let key = price.map_or(view.book.offer(own, venue).key, |price| own.sign() * price);
                let crosses = key == EMPTY || reaches(view.book.offer(view.side, venue).key, key);
                if !crosses && until.is_none_or(|until| until > view.now) {
                    self.numbers.insert(row, out.post(venue, quantity, price, until));
                }
            }
            Asked::Cancel { row } => {
                if let Some(&number) = self.numbers.get(&row) {
                    out.cancel(number);
                }
            }
        }
    }
}

impl Policy for Sending<'_> {
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        while let Some(&row) = self.own.get(self.next).filter(|&&row| self.rows[row].ts <= view.now) {
            self.next += 1;
            self.send(row, view, out);
        }
        Ok(())
    }

    fn wakes(&self, after: Time) -> Option<Time> {
        // What could not be sent at its time waits for the next decision, whatever brings it.
        self.own[self.next..].iter().map(|&row| self.rows[row].ts).find(|&ts| ts > after)
    }

    fn hears_of_takes(&self) -> bool {
        false
    }
}
