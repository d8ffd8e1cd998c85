//! The sample over which the cost is averaged.

use super::Allocation;
use crate::error::{Error, Result, require};

/// What each venue could fill in each scenario, `(xi_k - Q_k)+`: all the model ever asks of an outflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenarios {
    rows: usize,
    columns: Vec<Vec<f64>>,
}

impl Scenarios {
    /// From outflows as a row-major table of `queues.len()` columns, one row per scenario, in shares.
    ///
    /// # Errors
    /// Names a table that is empty or ragged, or the row and venue of an outflow that is negative or not finite.
    pub fn from_outflows(outflows: &[f64], queues: &[f64]) -> Result<Self> {
        let venues = queues.len();
        require(
            venues > 0 && outflows.len().is_multiple_of(venues),
            "scenarios",
            "must have one column per venue",
            || format!("{} values for {venues} venues", outflows.len()),
        )?;
        require(!outflows.is_empty(), "scenarios", "must have at least one row", || "an empty table".into())?;
        if let Some(place) = outflows.iter().position(|xi| !xi.is_finite() || *xi < 0.0) {
            let (row, venue) = (place / venues, place % venues);
            let value = format!("{} in row {row}, venue {venue}", outflows[place]);
            return Err(Error::Invalid {
                argument: "scenarios",
                rule: "must be finite outflows of at least 0 shares",
                value,
            });
        }
        let column = |k: usize| outflows.iter().skip(k).step_by(venues).map(|xi| (xi - queues[k]).max(0.0)).collect();
        Ok(Self { rows: outflows.len() / venues, columns: (0..venues).map(column).collect() })
    }

    /// Number of scenarios.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of venues.
    #[must_use]
    pub fn venues(&self) -> usize {
        self.columns.len()
    }

    /// `(xi_k - Q_k)+` of one venue in every scenario.
    #[must_use]
    pub fn venue(&self, venue: usize) -> &[f64] {
        &self.columns[venue]
    }

    /// `A`, the shares bought, in every scenario.
    #[must_use]
    pub fn executed(&self, allocation: &Allocation) -> Vec<f64> {
        let mut bought = vec![allocation.market; self.rows];
        for (column, &limit) in self.columns.iter().zip(&allocation.limits) {
            for (total, &c) in bought.iter_mut().zip(column) {
                *total += c.min(limit);
            }
        }
        bought
    }

    /// About `rows` of the scenarios, evenly spaced.
    #[must_use]
    pub fn thinned(&self, rows: usize) -> Self {
        let stride = (self.rows / rows.max(1)).max(1);
        let columns = self.columns.iter().map(|column| column.iter().copied().step_by(stride).collect::<Vec<_>>());
        let columns: Vec<_> = columns.collect();
        Self { rows: columns[0].len(), columns }
    }
}
