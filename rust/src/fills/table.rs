//! A fill model as a table of probabilities and slippages over displayed and sent shares (rule Q4).

use super::own::{Expectation, Expects};
use super::{Met, Sent, slipped};
use crate::error::{Result, require};

/// A rectangular table, interpolated in both directions and held constant beyond its edges.
///
/// Of a child that sends `x` shares to `available` of `displayed` ones, what counts as sent is `min(x, available)`, as
/// under F2. With the nodes `d0 <= displayed < d1` and `s0 <= sent < s1` around it, `u` and `v` how far it is from `d0` to
/// `d1` and from `s0` to `s1`, and `z` the probability or the slippage:
///
/// ```text
/// at(d) = z(d, s0) + v * (z(d, s1) - z(d, s0)),    z = at(d0) + u * (at(d1) - at(d0))
/// ```
///
/// In this form a table is exact at its nodes, and a constant one everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct FillTable {
    displayed: Vec<f64>,
    sent: Vec<f64>,
    probability: Vec<f64>,
    slippage: Vec<f64>,
}

impl FillTable {
    /// A table over ascending nodes; the values row by row, one row for each `displayed`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when nodes do not ascend, a value is missing or out of its range.
    pub fn new(displayed: Vec<f64>, sent: Vec<f64>, probability: Vec<f64>, slippage: Vec<f64>) -> Result<Self> {
        for (argument, nodes) in [("displayed", &displayed), ("sent", &sent)] {
            let ascends =
                nodes.is_sorted_by(|left, right| left < right) && nodes.first().is_some_and(|&node| node >= 0.0);
            require(ascends, argument, "must be one node or more, ascending from 0 or more", || format!("{nodes:?}"))?;
        }
        let size = displayed.len() * sent.len();
        for (argument, values, low) in [("probability", &probability, 0.0), ("slippage", &slippage, -1.0)] {
            let fits = values.len() == size && values.iter().all(|value| (low..=1.0).contains(value));
            require(fits, argument, "must have a value in its range for every displayed and sent", || {
                format!("{values:?}")
            })?;
        }
        Ok(Self { displayed, sent, probability, slippage })
    }

    /// The value at a place between four nodes.
    fn between(&self, values: &[f64], [row, next_row]: [usize; 2], [column, next]: [usize; 2], u: f64, v: f64) -> f64 {
        let width = self.sent.len();
        let at = |row: usize| lerp(values[row * width + column], values[row * width + next], v);
        lerp(at(row), at(next_row), u)
    }
}

impl Expects for FillTable {
    fn expected(&self, child: &Sent, met: &Met) -> Result<Expectation> {
        let most = child.quantity.min(met.available);
        let (rows, u) = place(&self.displayed, met.displayed as f64);
        let (columns, v) = place(&self.sent, most as f64);
        // Rounding can carry it past 1 by the last bit.
        let probability = self.between(&self.probability, rows, columns, u, v).min(1.0);
        let slippage = self.between(&self.slippage, rows, columns, u, v);
        Ok(Expectation { shares: most as f64 * probability, probability, key: slipped(child.side, slippage, met.key) })
    }
}

fn lerp(from: f64, to: f64, part: f64) -> f64 {
    from + part * (to - from)
}

/// The nodes around a value, and how far it is from the one to the other.
fn place(nodes: &[f64], value: f64) -> ([usize; 2], f64) {
    let last = nodes.len() - 1;
    let after = nodes.partition_point(|&node| node <= value);
    match after {
        0 => ([0, 0], 0.0),
        _ if after > last => ([last, last], 0.0),
        _ => ([after - 1, after], (value - nodes[after - 1]) / (nodes[after] - nodes[after - 1])),
    }
}
