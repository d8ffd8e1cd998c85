//! What penalties are counted in.

use crate::units::{NANOS_PER_UNIT, Nanos, fraction_of};

/// The unit of the three risk parameters (rule N3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A fraction of the benchmark price: 0.0005 is 5 basis points.
    Fraction,
    /// Currency per share.
    Price,
}

impl Unit {
    /// A parameter in nanos per share (rule N3).
    #[must_use]
    pub fn nanos(self, value: f64, benchmark: Nanos) -> Nanos {
        match self {
            Unit::Fraction => fraction_of(value, benchmark),
            Unit::Price => fraction_of(value, NANOS_PER_UNIT),
        }
    }
}
